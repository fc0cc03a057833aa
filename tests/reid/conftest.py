"""One local AWS for the session; tables and a key of its own for each test."""

import uuid
from collections.abc import Iterator

import pytest

from local.cli import programs
from local.processes import ensure, stop_all
from local.state import Paths
from tests.reid.kit import Bench, client, tables


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    paths = Paths(tmp_path_factory.mktemp("aws")).make()
    process, _ = ensure(paths, programs.aws(paths))
    yield f"http://127.0.0.1:{process.port}"
    stop_all(paths, programs.ALL)


@pytest.fixture
def bench(endpoint: str) -> Bench:
    mark = uuid.uuid4().hex[:8]
    names = (f"requests-{mark}", f"journal-{mark}", f"subjects-{mark}")
    tables(client("dynamodb", endpoint), names)
    kms = client("kms", endpoint)
    return Bench(endpoint=endpoint, names=names, kms=kms, key=kms.create_key()["KeyMetadata"]["Arn"])
