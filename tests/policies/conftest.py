"""The shipped stacks as the stack policies see them, to be broken."""

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import components.lake  # noqa: F401 (imported before a run, so that a run uses these very modules)
from components.aws.package import Package
from local.standin import run_in_process
from tests.conformance.described import azure
from tests.policies.stack_kit import Stack

ROOT = Path(__file__).resolve().parents[2]
# What is run on Azure: the shipped stack, the same in its second phase with a lock and keys of its own, and
# production.
AZURE: dict[str, tuple[str, dict[str, str]]] = {
    "azure": ("azure", {}),
    "azure-dev": ("azure", dict(azure.DESCRIPTION.stacks["azure"])),
    "azure-prod": (
        "prod",
        {
            "retaillake:cloud": "azure",
            **azure.DESCRIPTION.stacks["prod"],
        },
    ),
}


@pytest.fixture(scope="session")
def _run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bool], Stack]:
    """Runs a shipped stack, once; the functions' package is a stand-in, which needs no package index."""
    package = tmp_path_factory.mktemp("package") / "functions.zip"
    package.write_bytes(b"PK\x05\x06" + bytes(18))

    @cache
    def run(stack: str, preview: bool) -> Stack:
        shipped, config = AZURE.get(stack, (stack, {}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Package, "path", package)
            return Stack.of(run_in_process(ROOT, shipped, config=config, preview=preview).resources)

    return run


@pytest.fixture
def stack_of(_run: Callable[[str, bool], Stack]) -> Callable[..., Stack]:
    """A copy of a shipped stack, as deployed or as previewed."""

    def stack(name: str, *, preview: bool = False) -> Stack:
        return copy.deepcopy(_run(name, preview))

    return stack


@pytest.fixture
def prod(stack_of: Callable[..., Stack]) -> Stack:
    return stack_of("prod")


@pytest.fixture
def azure_lake(stack_of: Callable[..., Stack]) -> Stack:
    return stack_of("azure-prod")
