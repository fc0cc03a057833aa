"""The lake itself, by both engines: every stack previewed, the laptop's deployed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.standin import deploy, destroy, preview, refresh, run_in_process

ROOT = Path(__file__).resolve().parents[2]
STACKS = ("local", "dev", "prod", "azure")
needs_engine = pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="no pulumi on the PATH: NO stack of the lake is previewed or deployed by the real engine here",
)
engines = pytest.mark.parametrize(
    "engine", ["inprocess", pytest.param("cli", marks=[needs_engine, pytest.mark.engine])]
)


@pytest.fixture(autouse=True)
def untouched() -> Any:
    """Whatever an engine does, the project's own files stay as they are."""
    before = {file: file.read_bytes() for file in ROOT.glob("Pulumi*.yaml")}
    yield
    assert {file: file.read_bytes() for file in ROOT.glob("Pulumi*.yaml")} == before


@engines
@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_can_be_previewed(engine: str, stack: str, tmp_path: Path):
    found = preview(ROOT, stack, state_dir=tmp_path, engine=engine)
    assert found.changes.keys() == {"create"}
    assert found.changes["create"] > 150


def test_a_run_takes_no_three_seconds():
    run_in_process(ROOT, "local")
    best = min(_timed(lambda: run_in_process(ROOT, "local")) for _ in range(3))
    assert best < 3


def _timed(action: Callable[[], Any]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


@engines
def test_the_laptops_lake_is_deployed(
    engine: str, aws: str, client: Callable[[str], Any], warehouse: tuple[str, int], tmp_path: Path
):
    where = {"state_dir": tmp_path, "engine": engine, "aws_endpoint": aws, "warehouse": warehouse}
    try:
        lake = deploy(ROOT, "local", **where)
        assert lake.engine == engine
        assert set(lake.outputs["streams"]) == {"crm", "ecommerce", "pos"}
        second = deploy(ROOT, "local", **where)
        assert set(second.changes) == {"same"}
        assert second.outputs == lake.outputs
        assert set(refresh(ROOT, "local", **where).changes) == {"same"}
    finally:
        left = destroy(ROOT, "local", **where)
    assert left.resources == []
    assert client("s3").list_buckets()["Buckets"] == []
