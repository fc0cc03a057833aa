"""One local AWS for the session, and a line through it for a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cli import programs
from local.processes import ensure, stop_all
from local.state import Paths
from tests.dataplane.pipeline import Aws, Pipeline


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    paths = Paths(tmp_path_factory.mktemp("aws")).make()
    process, _ = ensure(paths, programs.aws(paths))
    yield Aws(paths, f"http://127.0.0.1:{process.port}")
    stop_all(paths, programs.ALL)


@pytest.fixture
def line(aws: Aws, tmp_path: Path) -> Iterator[Pipeline]:
    line = Pipeline(aws, tmp_path)
    yield line
    line.close()
