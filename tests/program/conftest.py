"""The shipped stacks, run in this process against recording stand-ins."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import components.lake  # noqa: F401 (imported before a run, so that a run uses these very modules)
from components.aws.package import Package
from local.standin import run_in_process
from tests.program.graph import Graph

ROOT = Path(__file__).resolve().parents[2]
STACKS = ("local", "dev", "prod")  # on AWS
AZURE = ("azure",)
PROGRAM = ("components", "contracts", "functions", "requirements", "warehouse/sql")


@pytest.fixture(scope="session")
def graph_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Graph]:
    """Runs a shipped stack, once; the functions' package is a stand-in, which needs no package index."""
    package = tmp_path_factory.mktemp("package") / "functions.zip"
    package.write_bytes(b"PK\x05\x06" + bytes(18))

    @cache
    def run(stack: str) -> Graph:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Package, "path", package)
            return Graph(run_in_process(ROOT, stack))

    return run


@pytest.fixture(params=STACKS)
def graph(request: pytest.FixtureRequest, graph_of: Callable[[str], Graph]) -> Graph:
    return graph_of(request.param)


@pytest.fixture
def prod(graph_of: Callable[[str], Graph]) -> Graph:
    return graph_of("prod")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the program, to change; it shares the wheels that were fetched already."""
    for name in PROGRAM:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*ROOT.glob("*.py"), *ROOT.glob("Pulumi*")]:
        shutil.copy(file, tmp_path / file.name)
    (tmp_path / ".venv-uv").symlink_to(ROOT / ".venv-uv")
    (tmp_path / ".build").mkdir()
    for wheels in (ROOT / ".build").glob("wheels-*"):
        (tmp_path / ".build" / wheels.name).symlink_to(wheels)
    return tmp_path
