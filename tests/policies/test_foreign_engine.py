"""The real engine, a foreign program and the pack: what stops a deployment, what does not, what is mended."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.standin import wire
from local.standin.cli import Cli
from local.standin.core import Recorder
from local.standin.plugin import attached
from tests.policies.foreign_kit import PROGRAMS, anything, expected

ROOT = PROGRAMS.parents[2]
NAME = "team-warehouse"
pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        shutil.which("pulumi") is None,
        reason="no pulumi on the PATH: that the pack stops a foreign program's deployment is NOT tested",
    ),
]


class Engine:
    """Runs the program with the pack in one configuration, and keeps what the engine said."""

    def __init__(self, home: Path) -> None:
        self.cli = Cli(project_dir=PROGRAMS / NAME, stack="dev", home=home, backend=Recorder())
        self._events = home / "events.json"

    def run(self, verb: str, config: dict[str, Any]) -> int:
        """Return the exit code."""
        self.cli._prepare(None)
        self._events.unlink(missing_ok=True)
        file = self.cli.home / "policies.json"
        file.write_text(json.dumps({**config, **expected(NAME).get("config", {})}))
        more = ["--yes", "--skip-preview"] if verb == "up" else []
        flags = ["--non-interactive", "--stack", "dev", "--event-log", str(self._events), *more]
        pack = ["--policy-pack", str(ROOT / "policies"), "--policy-pack-config", str(file)]
        with anything(), attached(self.cli.backend) as providers:
            done = subprocess.run(
                self.cli._command([verb, *flags, *pack]),
                env={**self.cli._environment(), "PULUMI_DEBUG_PROVIDERS": providers},
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
        self.output = done.stdout + done.stderr
        return done.returncode

    def events(self, kind: str) -> Iterator[dict[str, Any]]:
        for line in self._events.read_text().splitlines():
            if found := json.loads(line).get(kind):
                yield found

    def found(self, level: str) -> Counter[tuple[str, str]]:
        return Counter(
            (one["policyName"], one["resourceUrn"].rsplit("::", 1)[-1])
            for one in self.events("policyEvent")
            if one["enforcementLevel"] == level and "can't run policy" not in one["message"]
        )


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


LABELS = Counter((one["policy"], one["resource"]) for one in expected(NAME)["findings"])
ADVISORY = {
    "snowflake-serviceuser-disable-secondary-roles",
    "snowflake-serviceuser-missing-network-policy",
    "snowflake-warehouse-configure-autosuspend",
    "snowflake-warehouse-missing-monitor",
    "snowflake-pipe-missing-error-integration",
}


def test_mandatory_violations_stop_a_deployment_and_advisory_ones_are_told(engine: Engine) -> None:
    assert engine.run("preview", {}) == 1, engine.output
    mandatory, advisory = engine.found("mandatory"), engine.found("advisory")
    assert {name for name, _ in advisory} == ADVISORY
    assert mandatory + advisory == LABELS


def test_where_all_is_advisory_nothing_is_stopped(engine: Engine) -> None:
    assert engine.run("preview", {"all": "advisory"}) == 0, engine.output
    assert engine.found("advisory") == LABELS
    assert engine.found("mandatory") == Counter()


def test_remediation_mends_what_is_deployed_and_keeps_secrets(engine: Engine) -> None:
    mending = {
        "snowflake-warehouse-configure-autosuspend": {"enforcementLevel": "remediate", "maximumSeconds": 120},
        "snowflake-user-disallow-mfa-bypass": "remediate",
    }
    assert engine.run("up", {"all": "advisory", **mending}) == 0, engine.output
    assert {one["policyName"] for one in engine.events("policyRemediationEvent")} == set(mending)
    made = {(one.type.rsplit(":", 1)[-1], one.name): one for one in engine.cli.export()}
    for name, seconds in {"reports": 60, "backfill": 120, "adhoc": 120}.items():
        assert made["Warehouse", name].inputs["autoSuspend"] == seconds
    bob = made["User", "bob"]
    assert (bob.inputs["minsToBypassMfa"], bob.inputs["disableMfa"]) == (0, "false")
    assert wire.has_secret(bob.raw_inputs["password"])
    mended = Counter({label: 1 for label in LABELS if label[0] in mending})
    assert engine.found("advisory") == LABELS - mended
    checkpoint = next((engine.cli.home / "backend").rglob("dev.json")).read_text()
    assert "Changeme-1" not in checkpoint + engine.output
    assert "not-a-real-one" not in checkpoint + engine.output
