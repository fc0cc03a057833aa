"""Each shipped stack on each registered cloud, run once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import settings
from tests.conformance.kit import FAKE, Lake, deploy, stacks

REGISTERED = sorted(name for name, place in settings.CLOUDS.items() if place)


@pytest.fixture(scope="session")
def empty_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    package = tmp_path_factory.mktemp("package") / "functions.zip"
    package.write_bytes(b"PK\x05\x06" + bytes(18))
    return package


@pytest.fixture(scope="session")
def lake_of(empty_package: Path) -> Callable[[str, str], Lake]:
    """Runs a stack on a cloud."""

    @cache
    def run(cloud: str, stack: str) -> Lake:
        return deploy(cloud, stack, empty_package)

    return run


def _each(clouds: list[str]) -> list[tuple[str, str]]:
    return [(cloud, stack) for cloud in clouds for stack in stacks(cloud)]


@pytest.fixture(params=_each([*REGISTERED, FAKE]), ids="-".join)
def lake(request: pytest.FixtureRequest, lake_of: Callable[[str, str], Lake]) -> Lake:
    """A stack on each cloud, the minimal one too."""
    return lake_of(*request.param)


@pytest.fixture(params=_each(REGISTERED), ids="-".join)
def kept(request: pytest.FixtureRequest, lake_of: Callable[[str, str], Lake]) -> Lake:
    """A stack on each cloud that is meant to hold data."""
    return lake_of(*request.param)
