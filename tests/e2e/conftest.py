"""One laptop lake for all end-to-end tests: two days of real sales, deployed in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.state import Lake
from tests.e2e.running import Command

DAYS = 2


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="session")
def up(root: Path) -> Iterator[tuple[Command, str]]:
    """The running lake and what `up` printed; afterwards nothing of it is left."""
    command = Command(root)
    try:
        printed = command.run("up", "--days", str(DAYS), "--engine", "inprocess").stdout
        yield command, printed
    finally:
        command.run("down")
        assert command.processes() == []


@pytest.fixture(scope="session")
def command(up: tuple[Command, str]) -> Command:
    return up[0]


@pytest.fixture(scope="session")
def lake(command: Command) -> Lake:
    return Lake.load(command.root)


# The sales are compared with the data set before other tests add sales of their own. What takes longest comes
# first: with two workers, one drives the lake while the other does the rest.
ORDER = (
    "test_sales.py",
    "test_hostile.py",
    "test_send.py",
    "test_faults.py",
    "test_third_source.py",
    "test_down.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(ORDER)}
    items.sort(key=lambda item: places.get(item.path.name, len(ORDER)))
