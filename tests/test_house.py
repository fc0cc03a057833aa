"""The rules of the house: who may import whom, what may not be named, how long things may get."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {
    "contracts",
    "functions",
    "components",
    "settings",
    "settings_check",
    "settings_audit",
    "settings_azure",
    "settings_places",
    "settings_quotas",
    "settings_reader",
    "settings_reid",
    "settings_sharing",
    "settings_stacks",
    "policies",
    "local",
    "warehouse",
    "benchmarks",
    "capacity",
}
MAY_IMPORT = {
    "contracts": set[str](),
    "functions": {"contracts"},
    "components": {"contracts", "settings", "capacity"},
    "policies": {"contracts"},
    "warehouse": {"contracts"},
}


def tracked(pattern: str = "") -> list[Path]:
    out = subprocess.run(
        ["git", "ls-files", *([pattern] if pattern else [])], cwd=ROOT, check=True, capture_output=True
    )
    return [ROOT / line for line in out.stdout.decode().splitlines() if (ROOT / line).is_file()]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_point_one_way(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / package).rglob("*.py")
        for name in imported(path)
        if name in OURS and name not in allowed
    ]
    assert not wrong


def test_functions_never_import_the_deployment_tool() -> None:
    files = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "contracts").rglob("*.py")]
    assert files
    assert not [path for path in files if any(name.startswith("pulumi") for name in imported(path))]


def test_nobody_imports_the_laptop_lake() -> None:
    outside = [
        p for p in tracked("*.py") if p.relative_to(ROOT).parts[0] not in {"local", "tests", "benchmarks"}
    ]
    assert outside
    assert not [p for p in outside if "local" in imported(p)]


def test_the_program_stays_short() -> None:
    assert len((ROOT / "__main__.py").read_text().splitlines()) < 80


def test_requirements_are_hashed_and_name_no_host() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text, path.name
        assert not re.search(r"^\s*--?(i|index|extra|find)", text, re.MULTILINE), path.name
        lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        pinned = [line for line in lines if re.match(r"[\w.-]+(\[.*])?==[^ ]+ .*\\$", line)]
        assert pinned == lines, path.name
        assert len(re.findall(r"\\\n +--hash=sha256:[0-9a-f]{64}", text)) >= len(pinned), path.name


def test_no_lock_file_with_addresses() -> None:
    names = {path.name for path in tracked()}
    assert not names & {"uv.lock", "poetry.lock", "Pipfile.lock", "package-lock.json"}


def test_every_chosen_dependency_says_why() -> None:
    told = (ROOT / "docs/dependencies.md").read_text().lower()
    chosen: set[str] = set()
    for path in (ROOT / "requirements").glob("*.in"):
        for line in path.read_text().splitlines():
            if match := re.match(r"[a-zA-Z0-9][\w.-]*", line):
                chosen.add(match[0].lower())
    assert sorted(name for name in chosen if f"`{name}`" not in told) == []
