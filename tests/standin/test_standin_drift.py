"""The nightly look for drift: the workflow's own commands, run against stand-ins that somebody meddled with."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from local.standin import deploy, destroy, refresh
from local.standin.cli import Cli
from local.standin.live import Live

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/drift.yml").read_text())
CI = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
needs_engine = pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="no pulumi on the PATH: the drift workflow's commands are NOT run here",
)


def step(job: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in WORKFLOW["jobs"][job]["steps"] if one.get("id") == name]
    return found


def run(script: str, where: Path, environment: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """Run a step as a runner does; return its code, its outputs, and what it said in the summary."""
    files = {name: where / f".{name.lower()}" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    environment = {**environment, **{name: str(file) for name, file in files.items()}}
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    done = subprocess.run(shell, cwd=where, env=environment, check=False, capture_output=True, text=True)
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return done.returncode, outputs, files["GITHUB_STEP_SUMMARY"].read_text() + done.stdout


def test_every_stack_but_the_laptops_is_looked_at(tmp_path: Path):
    for file in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(file, tmp_path)
    code, outputs, _ = run(step("stacks", "find")["run"], tmp_path, {"PATH": os.environ["PATH"]})
    assert code == 0
    stacks = {path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml")} - {"local"}
    assert set(yaml.safe_load(outputs["names"])) == stacks >= {"dev", "prod"}
    matrix = WORKFLOW["jobs"]["refresh"]["strategy"]["matrix"]
    assert matrix == {"stack": "${{ fromJSON(needs.stacks.outputs.names) }}"}


def test_it_looks_with_the_credentials_of_the_preview_and_changes_nothing():
    job, preview = WORKFLOW["jobs"]["refresh"], CI["jobs"]["preview-account"]
    assert job["permissions"] == {"contents": "read", "id-token": "write", "issues": "write"}
    assert job["environment"] == preview["environment"]

    def credentials(steps: list[dict[str, Any]]) -> Any:
        return next(one for one in steps if "configure-aws-credentials" in one.get("uses", ""))

    assert credentials(job["steps"]) == credentials(preview["steps"])
    account = preview["steps"][-1]["env"]
    assert step("refresh", "refresh")["env"] == account
    commands = [line for one in job["steps"] for line in one.get("run", "").splitlines() if "pulumi " in line]
    assert [line.split()[1:3] for line in commands] == [["stack", "ls"], ["refresh", "--stack"]]
    assert "--preview-only" in commands[1] and "--expect-no-changes" in commands[1]
    # Nothing of the run's making is in a script's text: a name in it would be run.
    assert not [one for one in job["steps"] if "${{" in one.get("run", "")]


@needs_engine
@pytest.mark.engine
def test_drift_is_found_and_only_drift(
    project: Callable[[str], Path], aws: str, client: Callable[[str], Any], tmp_path: Path
):
    root, home = project("aws_sample"), tmp_path / "state"
    where: dict[str, Any] = {"state_dir": home, "engine": "cli", "aws_endpoint": aws}
    made = deploy(root, "test", **where)
    live = Live(root=root, aws_endpoint=aws, warehouse=None)
    script = step("refresh", "refresh")["run"]

    def look(stack: str = "test") -> tuple[int, dict[str, str], str]:
        engine = Cli(project_dir=root, stack="test", home=(home / "cli").resolve(), backend=live)
        with engine.opened() as (directory, environment):
            return run(script, directory, {**environment, "STACK": stack})

    before = next(home.rglob("stacks/**/test.json")).read_bytes()
    code, outputs, said = look()
    assert (code, outputs) == (0, {"found": "no"}), said

    client("sqs").set_queue_attributes(QueueUrl=made.outputs["queue"], Attributes={"VisibilityTimeout": "5"})
    client("kinesis").delete_stream(StreamName=made.outputs["stream"])
    code, outputs, said = look()
    assert (code, outputs) == (0, {"found": "yes"})
    found = (home / "cli/project/drift.txt").read_text().splitlines()
    assert sorted(line.split(maxsplit=1)[1] for line in found) == [
        "aws:kinesis:Stream ingress delete",
        "aws:sqs:Queue audit update [diff: ~visibilityTimeoutSeconds]",
    ]
    assert "audit update" in said
    assert made.outputs["queue"] not in said
    # It has looked and not touched: the state still is what was deployed.
    assert next(home.rglob("stacks/**/test.json")).read_bytes() == before

    code, outputs, said = look("production")
    assert (code, outputs) == (0, {})
    assert "The stack production is not deployed." in said

    refresh(root, "test", **where)
    deploy(root, "test", **where)
    assert look()[1] == {"found": "no"}
    live.close()


@needs_engine
@pytest.mark.engine
def test_the_lake_itself_has_no_drift_until_somebody_meddles(
    aws: str, warehouse: tuple[str, int], tmp_path: Path
):
    """The whole program, both clouds: nothing of it looks changed by being read."""
    where: dict[str, Any] = {"engine": "cli", "aws_endpoint": aws, "warehouse": warehouse}
    live = Live(root=ROOT, aws_endpoint=aws, warehouse=warehouse)
    try:
        made = deploy(ROOT, "local", state_dir=tmp_path, **where)

        def look() -> tuple[dict[str, str], str]:
            engine = Cli(project_dir=ROOT, stack="local", home=(tmp_path / "cli").resolve(), backend=live)
            with engine.opened() as (directory, environment):
                script = step("refresh", "refresh")["run"]
                return run(script, directory, {**environment, "STACK": "local"})[1:]

        outputs, said = look()
        assert outputs == {"found": "no"}, said
        kinesis = boto3.client(
            "kinesis",
            endpoint_url=aws,
            region_name=made.outputs["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        stream = made.outputs["streams"]["pos"]["ingress"]
        kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=200)
        outputs, said = look()
        assert outputs == {"found": "yes"}
        assert f"aws:kinesis:Stream {stream} update [diff: ~retentionPeriod]" in said
    finally:
        live.close()
        # The warehouse is the other tests' too.
        destroy(ROOT, "local", state_dir=tmp_path, **where)


@needs_engine
@pytest.mark.engine
def test_what_cannot_be_looked_at_is_a_failure_and_no_drift(
    project: Callable[[str], Path], aws: str, tmp_path: Path
):
    root = project("aws_sample")
    deploy(root, "test", state_dir=tmp_path, engine="cli", aws_endpoint=aws)
    live = Live(root=root, aws_endpoint=aws, warehouse=None)
    engine = Cli(project_dir=root, stack="test", home=(tmp_path / "cli").resolve(), backend=live)
    with engine.opened() as (directory, environment):
        # The plugins that the engine attaches to are not there.
        gone = {**environment, "STACK": "test", "PULUMI_DEBUG_PROVIDERS": "aws:1"}
        code, outputs, _ = run(step("refresh", "refresh")["run"], directory, gone)
    live.close()
    assert code not in (0, 7)
    assert outputs == {}


GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$SAID"
if [ "$1 $2" = "issue list" ]; then printf '%s' "$NUMBER"; fi
"""


@pytest.mark.parametrize(
    ("found", "open_issue", "code", "done"),
    [
        ("no", "", 0, None),
        ("no", "7", 0, "issue close 7"),
        ("yes", "", 1, "issue create --title Drift in the stack prod"),
        ("yes", "7", 1, "issue edit 7"),
    ],
)
def test_one_issue_per_stack_says_it(
    found: str, open_issue: str, code: int, done: str | None, tmp_path: Path
):
    tool = tmp_path / "bin/gh"
    tool.parent.mkdir()
    tool.write_text(GH)
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    said = tmp_path / "said"
    (tmp_path / "drift.txt").write_text(" ~  aws:sqs:Queue audit update [diff: ~tags]\n")
    environment = {
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "STACK": "prod",
        "FOUND": found,
        "RUN": "https://example.com/run",
        "NUMBER": open_issue,
        "SAID": str(said),
    }
    assert run(step("refresh", "tell")["run"], tmp_path, environment)[0] == code
    asked, *acted = said.read_text().splitlines()
    assert asked.startswith("issue list --state open")
    assert len(acted) == bool(done)
    if done:
        assert acted[0].startswith(done)
    if found == "yes":
        assert "aws:sqs:Queue audit update" in (tmp_path / "body.md").read_text()
