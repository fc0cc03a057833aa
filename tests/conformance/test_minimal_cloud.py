"""A minimal cloud is small, is lazily found, and is told of nowhere but in the registry."""

import subprocess
import sys
from pathlib import Path

import settings
from tests.conformance.kit import FAKE, ROOT

HERE = Path(__file__).parent
MOST = 150


def test_a_minimal_cloud_is_short() -> None:
    assert 0 < len((HERE / "fake_cloud.py").read_text().splitlines()) < MOST


def test_it_uses_the_pattern_and_nothing_of_another_cloud() -> None:
    code = (
        "import sys, tests.conformance.fake_cloud; "
        "print([name for name in sys.modules if name.startswith(('components.', 'pulumi_'))])"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "['components.pattern']"


def test_the_program_does_not_know_it() -> None:
    assert FAKE not in settings.CLOUDS
    files = [*(ROOT / "components").rglob("*.py"), ROOT / "__main__.py", ROOT / "settings.py"]
    assert not [file for file in files if FAKE in file.read_text()]


def test_no_registered_cloud_is_imported_before_it_is_asked_for() -> None:
    modules = [place[0] for place in settings.CLOUDS.values() if place]
    assert modules
    code = f"import components.pattern, sys; sys.exit(any(name in sys.modules for name in {modules}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
