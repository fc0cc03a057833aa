"""Running a pack: the real engine and the one in process agree on findings, levels, remedies, suppressions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from local.standin import preview
from local.standin.cli import Cli, EngineError
from local.standin.core import Recorder
from local.standin.engines import DeployError
from local.standin.plugin import attached
from local.standin.policy import Finding, PolicyError
from policies import cli, suppressions

ROOT = Path(__file__).resolve().parents[2]
needs_engine = pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="no pulumi on the PATH: that the REAL engine advises, stops, remediates and suppresses as the one in"
    " process does, and that a report agrees with it, is NOT tested here",
)
ENGINES = [pytest.param("cli", marks=[needs_engine, pytest.mark.engine]), "inprocess"]

PROGRAM = """
import pulumi
import pulumi_aws as aws

aws.kms.Key("k")
aws.sqs.Queue("q", tags={"word": pulumi.Output.secret("hush-hush")})
"""
PACK = """
import sys
from pathlib import Path

sys.path.insert(0, ROOT)

from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy, StackValidationPolicy

from policies import suppressions

QUEUE, KEY = "aws:sqs/queue:Queue", "aws:kms/key:Key"


def open_queue(args, report):
    if args.resource_type == QUEUE and not args.props.get("sqsManagedSseEnabled"):
        report("a queue is open", None)


def close_queue(args):
    return {**args.props, "sqsManagedSseEnabled": True} if args.resource_type == QUEUE else None


def old_key(args, report):
    if args.resource_type == KEY and not args.props.get("enableKeyRotation"):
        report("a key gets old", None)


def few(args, report):
    report("the stack is small", None)


POLICIES = [
    ResourceValidationPolicy("queue", "Queues are closed.", open_queue, remediate=close_queue),
    ResourceValidationPolicy("key", "Keys are new.", old_key),
    StackValidationPolicy("few", "Stacks are large.", few, EnforcementLevel.ADVISORY),
]
held = suppressions.load([one.name for one in POLICIES], Path(__file__).with_name("suppressions.yml"))
PolicyPack("sample", suppressions.applied(POLICIES, held), EnforcementLevel.MANDATORY)
"""
OPEN = ("queue", "q", "a queue is open")
OLD = ("key", "k", "a key gets old")
SMALL = ("few", "small-test", "the stack is small")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack with a configuration for dev; prod has none, so that every policy has its own level."""
    where = tmp_path / "pack"
    where.mkdir()
    (where / "__main__.py").write_text(PACK.replace("ROOT", repr(str(ROOT))))
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    (where / "PulumiPolicy.yaml").write_text(yaml.safe_dump({"description": "x", "runtime": runtime}))
    (where / "config.dev.json").write_text('{"all": "advisory"}')
    return where


def project(where: Path, environment: str) -> Path:
    """A project called `small` with a stack called `test`."""
    small = where / "small"
    small.mkdir(exist_ok=True)
    (small / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
    config = {"aws:region": "eu-west-1", "small:environment": environment}
    (small / "Pulumi.test.yaml").write_text(yaml.safe_dump({"config": config}))
    (small / "__main__.py").write_text(PROGRAM)
    return small


def suppress(pack: Path, *names: str) -> None:
    entry = {
        "resource": "*:q",
        "stacks": ["test"],
        "reason": "There is nothing in it, and nobody asks.",
        "owner": "me",
        "expires": datetime.now(UTC).date(),
    }
    pattern = {"queue": "*::q", "key": "*Key::k", "few": "*Stack::small-test"}
    entries = [{**entry, "policy": name, "resource": pattern[name]} for name in names]
    (pack / "suppressions.yml").write_text(yaml.safe_dump(entries))


class Previewed:
    """What a preview said, and what it saved."""

    def __init__(self, where: Path, engine: str, environment: str, pack: Path, config: Any = None) -> None:
        self.file = where / f"{engine}.json"
        self.advice: list[Finding] = []
        self.error = ""
        file = None
        if config is not None:
            file = where / "config.json"
            file.write_text(json.dumps(config))
        try:
            preview(
                project(where, environment),
                "test",
                state_dir=where / engine,
                engine=engine,
                policy_pack=pack,
                policy_config=file,
                save=self.file,
                on_finding=self.advice.append,
            )
        except (PolicyError, EngineError) as error:
            self.error = str(error)

    @property
    def advised(self) -> set[tuple[str, str, str]]:
        """What it advised, the stack by its name however an engine tells it."""
        return {(one.policy, one.urn.rpartition("::")[2] or "small-test", one.message) for one in self.advice}

    def saved(self, name: str) -> dict[str, Any]:
        resources = json.loads(self.file.read_text())["deployment"]["resources"]
        return next(one for one in resources if one["urn"].endswith(f"::{name}"))


@pytest.mark.parametrize("engine", ENGINES)
def test_in_dev_findings_are_told_and_nothing_is_stopped(engine: str, pack: Path, tmp_path: Path) -> None:
    done = Previewed(tmp_path, engine, "dev", pack)
    assert done.error == ""
    assert done.advised == {OPEN, OLD, SMALL}
    assert {one.level for one in done.advice} == {"advisory"}


@pytest.mark.parametrize("engine", ENGINES)
def test_in_prod_every_mandatory_finding_is_in_the_error_and_the_plan_is_saved(
    engine: str, pack: Path, tmp_path: Path
) -> None:
    done = Previewed(tmp_path, engine, "prod", pack)
    assert done.advised == {SMALL}
    for policy, name, message in (OPEN, OLD):
        assert any(f"::{name}: {policy}: " in line for line in done.error.splitlines()), done.error
        assert message in done.error
    assert done.saved("k")["type"] == "aws:kms/key:Key"
    assert "hush-hush" not in done.file.read_text()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_remedy_is_applied_at_level_remediate(engine: str, pack: Path, tmp_path: Path) -> None:
    before = Previewed(tmp_path, engine, "prod", pack, {"all": "advisory"})
    assert "sqsManagedSseEnabled" not in before.saved("q")["inputs"]
    mended = Previewed(tmp_path, engine, "prod", pack, {"all": "advisory", "queue": "remediate"})
    assert mended.error == ""
    assert mended.advised == {OLD, SMALL}
    assert mended.saved("q")["inputs"]["sqsManagedSseEnabled"] is True


@pytest.mark.parametrize("engine", ENGINES)
def test_a_suppression_holds_in_either_engine(engine: str, pack: Path, tmp_path: Path) -> None:
    suppress(pack, "queue", "key", "few")
    done = Previewed(tmp_path, engine, "prod", pack, {"queue": "remediate"})
    assert (done.error, done.advised) == ("", set())
    assert "sqsManagedSseEnabled" not in done.saved("q")["inputs"]
    (pack / "suppressions.yml").write_text("- once")
    told = Previewed(tmp_path, engine, "prod", pack, {"all": "disabled", suppressions.EXPIRY: "mandatory"})
    assert f"{suppressions.EXPIRY}: Every suppression is whole" in told.error
    assert "suppressions.yml, entry 1: expected the fields policy" in told.error


def test_a_configuration_without_a_pack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="needs the pack"):
        preview(project(tmp_path, "dev"), "test", state_dir=tmp_path, policy_config=tmp_path / "config.json")


LEVELS = [("dev", "advisory", 0), ("prod", "mandatory", 1)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("stack", "level", "code"), LEVELS)
def test_exit_codes_and_the_report_agree(
    engine: str, stack: str, level: str, code: int, tmp_path: Path
) -> None:
    """Our own stack with a tag too few, by the commands that people and CI use."""
    wanted = {"enforcementLevel": level, "required": ["no-such-tag"]}
    config, saved = tmp_path / "config.json", tmp_path / "saved.json"
    config.write_text(json.dumps({"all": "advisory", "resource-missing-tags": wanted}))

    def ends(*command: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    ended, said = ends(
        *("local", "preview", "--stack", stack, "--engine", engine, "--save", str(saved)),
        *("--policy-pack", "policies", "--policy-pack-config", str(config)),
    )
    assert ended == code, said
    assert "no-such-tag" in said
    assert "resource-missing-tags" in said
    ended, text = ends(
        *("policies", "report", "--stack", stack, "--state", str(saved), "--config", str(config)),
        *("--format", "json"),
    )
    assert ended == code, text
    report = json.loads(text)
    missing = [one for one in report["findings"] if one["policy"] == "resource-missing-tags"]
    assert {one["level"] for one in missing} == {level}
    assert len(missing) > 20
    assert all(one["urn"] in said for one in missing)
    if engine == "cli":
        agrees_with_the_engine(saved, config, report["findings"], tmp_path)


# A secret in a state file.
SEALED = re.compile(
    r'\{\s*"4dabf18193072939515e22adb298388d":\s*"1b47061264138c4ac30d75fd1eb44270",\s*"ciphertext":\s*"[^"]*"\s*\}'
)


def agrees_with_the_engine(saved: Path, config: Path, findings: list[Any], home: Path) -> None:
    """`pulumi policy analyze` judges the same file by itself."""
    # It refuses a file with sealed values and no key to them; a login's name is one, and judged by nobody.
    unsealed = home / "unsealed.json"
    unsealed.write_text(re.sub(SEALED, '"[secret]"', saved.read_text()))
    command = ["pulumi", "policy", "analyze", "--json", "--file", str(unsealed)]
    done = subprocess.run(
        [*command, "--policy-pack", str(ROOT / "policies"), "--policy-pack-config", str(config)],
        env={**os.environ, "PULUMI_HOME": str(home / "home"), "PULUMI_SKIP_UPDATE_CHECK": "true"},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    events = [
        json.loads(line).get("policyEvent") for line in done.stdout.splitlines() if line.startswith("{")
    ]
    judged = {
        (one["policyName"], one.get("resourceUrn", ""), one["enforcementLevel"], one["message"].strip())
        for one in events
        if one
    }
    ours = {
        (one["policy"], one["urn"], one["level"], f"{one['description']}\n{one['message']}")
        for one in findings
        if one["policy"] != "suppression-disallow-unused"
    }
    assert judged == ours


@needs_engine
@pytest.mark.engine
def test_a_report_asks_the_engine_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Cli(
        project_dir=project(tmp_path, "prod"), stack="test", home=tmp_path / "home", backend=Recorder()
    )

    def report(*options: str) -> dict[str, Any]:
        command = ["report", "--stack", "test", "--format", "json", *options]
        said = CliRunner().invoke(cli.app, command)
        assert said.exit_code == 1, said.output
        assert "hush-hush" not in said.output
        return json.loads(said.stdout)

    engine.previewed()
    for name, value in engine._environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path / "home" / "project")
    with attached(engine.backend) as providers:
        monkeypatch.setenv("PULUMI_DEBUG_PROVIDERS", providers)
        planned = report("--preview")
    engine.up()
    made = report()
    for found in (planned, made):
        told = {(one["policy"], one["urn"].rpartition("::")[2]) for one in found["findings"]}
        assert ("aws-kms-key-enable-rotation", "k") in told
