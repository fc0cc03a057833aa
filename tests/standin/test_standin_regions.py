"""A rollout by the real engine, as docs/regions.md tells it: clones, pre-flight, side by side, one taken away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.standin.core import Recorder
from local.standin.plugin import attached
from tests.program.test_regions import NAMELESS, NAMES, WITHIN

ROOT = Path(__file__).resolve().parents[2]
needs_engine = pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="no pulumi on the PATH: NO stack is cloned, and no clone deployed or destroyed, by the real engine here",
)
pytestmark = [needs_engine, pytest.mark.engine, pytest.mark.timeout(1200)]
PLACES = {"prod-eu": "eu-west-1", "prod-ap": "ap-southeast-2"}


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A copy of the project, and an engine that keeps all it writes beside it."""

    root: Path
    environment: dict[str, str]

    def pulumi(self, *arguments: str, fails: bool = False) -> str:
        return self._run(["pulumi", *arguments, "--non-interactive", "--color", "never"], fails=fails)

    def check(self, stack: str, *, fails: bool = False) -> list[tuple[str, str]]:
        command = [sys.executable, "-m", "settings", "check", "--stack", stack, "--format", "json"]
        found = json.loads(self._run(command, fails=fails))
        return [(fault["key"], fault["expected"]) for fault in found["faults"]]

    def resources(self, stack: str) -> list[dict[str, Any]]:
        return json.loads(self.pulumi("stack", "export", "-s", stack))["deployment"].get("resources", [])

    def _run(self, command: list[str], *, fails: bool) -> str:
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )
        said = f"{done.stdout}\n{done.stderr}"
        assert (done.returncode != 0) is fails, said
        return said if fails and command[0] == "pulumi" else done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """`stack init` writes into the stacks' files, so the project is a copy; its packages are linked."""
    where = tmp_path_factory.mktemp("rollout")
    root = where / "project"
    root.mkdir()
    for name in ("components", "contracts", "functions", "requirements", "warehouse", ".venv-uv"):
        (root / name).symlink_to(ROOT / name)
    for file in [*ROOT.glob("*.py"), ROOT / "Pulumi.prod.yaml", ROOT / "Pulumi.README.md"]:
        shutil.copy(file, root / file.name)
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    project["runtime"]["options"] = {"toolchain": "pip", "virtualenv": sys.prefix}
    (root / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (where / "backend").mkdir()
    dropped = ("PULUMI_", "AWS_", "SNOWFLAKE_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    with attached(Recorder()) as providers:
        yield Checkout(
            root=root,
            environment={
                **kept,
                "PULUMI_HOME": str(where / "home"),
                "PULUMI_BACKEND_URL": f"file://{where / 'backend'}",
                "PULUMI_CONFIG_PASSPHRASE": "side by side",
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "PULUMI_DEBUG_PROVIDERS": providers,
            },
        )


def names(resources: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for one in resources:
        if (
            not one["custom"]
            or one["type"].startswith("pulumi:")
            or one["type"].rpartition(":")[2] in NAMELESS
        ):
            continue
        given = one["inputs"]
        place = [str(given[key]) for key in sorted(WITHIN) if key in given]
        found.add((one["type"], *place, *[str(given[key]) for key in NAMES if key in given][:1]))
    return found


def test_prod_is_rolled_out_to_two_regions_and_one_is_taken_back(checkout: Checkout) -> None:
    checkout.pulumi("stack", "init", "prod")
    checkout.pulumi("config", "set", "--secret", "snowflake:token", "prod's own", "-s", "prod")
    for stack in PLACES:
        checkout.pulumi("stack", "init", stack, "--copy-config-from", "prod")

    # A clone with missed settings is stopped, with every fault: by the pre-flight, and by the program itself.
    assert checkout.check("prod") == []
    missed = checkout.check("prod-ap", fails=True)
    hint = "set it with `pulumi config set --secret`"
    assert missed == [
        ("aws:region", "expected a region of its own, got that of prod: eu-central-1"),
        ("aws:region", "expected one in ap: the stack's name says so, got eu-central-1"),
        ("snowflake:token", f"expected a secret of its own, got that of prod-eu; {hint}"),
        ("snowflake:token", f"expected a secret of its own, got that of prod; {hint}"),
    ]
    assert "one in ap: the stack's name says so" in checkout.pulumi("preview", "-s", "prod-ap", fails=True)

    for stack, place in PLACES.items():
        checkout.pulumi("config", "set", "aws:region", place, "-s", stack)
        checkout.pulumi("config", "set", "--secret", "snowflake:token", f"{stack}'s own", "-s", stack)
        assert checkout.check(stack, fails=True) == [
            ("aws:region", f"expected one of eu-central-1: residency.regions allows no other, got {place}")
        ]
        checkout.pulumi("config", "set", "--path", "retaillake:residency.regions[0]", place, "-s", stack)
        assert checkout.check(stack) == []

    # Side by side: the stand-ins refuse a name that another has, and so does the comparison.
    states = {}
    policies = ROOT / "policies"
    pack = ("--policy-pack", str(policies), "--policy-pack-config", str(policies / "config.prod.json"))
    for stack in ("prod-ap", "prod", "prod-eu"):
        checkout.pulumi("up", "--yes", "--skip-preview", "-s", stack, *(pack if stack == "prod-ap" else ()))
        states[stack] = checkout.resources(stack)
    given = {stack: names(resources) for stack, resources in states.items()}
    assert {len(found) for found in given.values()} == {len(given["prod"])}
    assert len(given["prod"]) > 60
    assert len(set.union(*given.values())) == 3 * len(given["prod"])
    for stack, place in PLACES.items():
        streams = [one for one in states[stack] if one["type"] == "aws:kinesis/stream:Stream"]
        assert all(one["outputs"]["arn"].startswith(f"arn:aws:kinesis:{place}:") for one in streams)

    # One is taken back; what holds data refuses until it is told, and the others do not notice.
    assert "protect" in checkout.pulumi("destroy", "--yes", "--skip-preview", "-s", "prod-ap", fails=True)
    checkout.pulumi("state", "unprotect", "--all", "--yes", "-s", "prod-ap")
    checkout.pulumi("destroy", "--yes", "--skip-preview", "-s", "prod-ap")
    assert checkout.resources("prod-ap") == []
    checkout.pulumi("stack", "rm", "--yes", "-s", "prod-ap")
    assert not (checkout.root / "Pulumi.prod-ap.yaml").exists()
    for stack in ("prod", "prod-eu"):
        assert checkout.resources(stack) == states[stack]
        checkout.pulumi("preview", "--expect-no-changes", "-s", stack)
    checkout.pulumi("refresh", "--preview-only", "--expect-no-changes", "-s", "prod-eu")
