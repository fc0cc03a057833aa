"""The shipped stacks' graphs, each made once, and packs of chosen policies."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from local.mutation.graph import Graph
from local.mutation.score import graph_of
from local.standin.policy import Pack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def stack_graph() -> Callable[[str], Graph]:
    return cache(lambda stack: graph_of(ROOT, stack))


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Pack]:
    """A pack of the real policies that an expression keeps, with more Python before it."""

    def make(keep: str = "True", more: str = "") -> Pack:
        number = len(list(tmp_path.iterdir()))
        folder = tmp_path / f"pack{number}"
        folder.mkdir()
        (folder / "__main__.py").write_text(
            "import sys\n"
            f"sys.path.insert(0, {str(ROOT)!r})\n"
            "from pulumi_policy import EnforcementLevel, PolicyPack, StackValidationPolicy\n"
            "from policies.pack import POLICIES\n"
            "more = []\n"
            f"{more}\n"
            f"kept = [policy for policy in POLICIES if {keep}]\n"
            "PolicyPack('chosen', [*kept, *more], EnforcementLevel.MANDATORY)\n"
        )
        return Pack(folder)

    return make
