"""The real engine over a program that is not ours: what it is told, what is mended, what stays secret."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from local.standin import preview

ROOT = Path(__file__).resolve().parents[2]
needs_engine = pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="no pulumi on the PATH: NONE of the policies is tried with the real engine here",
)
PROGRAM = """
import json

import pulumi
import pulumi_aws as aws

key = aws.kms.Key("key")
aws.cloudwatch.LogGroup("group", kms_key_id=key.arn, name=pulumi.Output.secret("hush-hush"))
aws.sqs.Queue("queue", tags={"team": pulumi.Output.secret("hush-hush")})
dead = aws.sqs.Queue("dead", kms_master_key_id=key.arn)
work = aws.sqs.Queue(
    "work",
    kms_master_key_id=key.arn,
    redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3}),
)
# Not known before the queue is made: nothing can be said of it yet.
aws.sqs.QueuePolicy(
    "policy",
    queue_url=work.url,
    policy=pulumi.Output.json_dumps(
        {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": work.arn}]}
    ),
)
"""
PACK = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

from pulumi_policy import EnforcementLevel, PolicyPack

from policies.pack import POLICIES

own = [one for one in POLICIES if one.name.startswith(("aws-", "resource-"))]
PolicyPack("pack", own, EnforcementLevel.MANDATORY, CONFIG)
"""
MENDED = [
    "aws-kms-key-enable-rotation",
    "aws-sqs-queue-enable-encryption",
    "aws-loggroup-configure-retention",
]


def made(tmp_path: Path, config: str) -> tuple[Path, Path]:
    project, pack = tmp_path / "project", tmp_path / "pack"
    options = json.dumps({"toolchain": "pip", "virtualenv": sys.prefix})
    for where, name, program in ((project, "Pulumi.yaml", PROGRAM), (pack, "PulumiPolicy.yaml", PACK)):
        where.mkdir()
        (where / "__main__.py").write_text(program.replace("CONFIG", config))
        (where / name).write_text(
            f"name: foreign\ndescription: x\nruntime: {{name: python, options: {options}}}\n"
        )
    (project / "Pulumi.test.yaml").write_text("config:\n  aws:region: eu-central-1\n")
    return project, pack


def events(state: Path) -> list[dict[str, Any]]:
    (log,) = state.rglob("preview-events.json")
    return [json.loads(line) for line in log.read_text().splitlines()]


@needs_engine
@pytest.mark.engine
def test_the_engine_mends_what_it_is_told_to_and_keeps_secrets(tmp_path: Path) -> None:
    levels = ", ".join(f"{name!r}: EnforcementLevel.REMEDIATE" for name in MENDED)
    project, pack = made(tmp_path, f"{{{levels}}}")
    preview(project, "test", state_dir=tmp_path / "state", engine="cli", policy_pack=pack)
    told = events(tmp_path / "state")
    inputs = {
        step["metadata"]["urn"].rpartition("::")[2]: step["metadata"]["new"]["inputs"]
        for event in told
        if (step := event.get("resourcePreEvent")) and step["metadata"].get("new")
    }
    assert inputs["key"]["enableKeyRotation"] is True
    assert inputs["queue"]["sqsManagedSseEnabled"] is True
    assert "[secret]" in inputs["queue"]["tags"]["team"].values()
    assert inputs["group"]["retentionInDays"] == 90
    assert "[secret]" in inputs["group"]["name"].values()
    assert "hush-hush" not in json.dumps(told)
    mended = {
        event["policyRemediationEvent"]["policyName"] for event in told if "policyRemediationEvent" in event
    }
    assert mended == set(MENDED)


@needs_engine
@pytest.mark.engine
def test_what_is_not_known_yet_is_no_noise_and_the_rest_stops_the_preview(tmp_path: Path) -> None:
    project, pack = made(tmp_path, "{}")
    with pytest.raises(Exception, match="aws-kms-key-enable-rotation"):
        preview(project, "test", state_dir=tmp_path / "state", engine="cli", policy_pack=pack)
    found = [event["policyEvent"] for event in events(tmp_path / "state") if "policyEvent" in event]
    assert not [one for one in found if "can't run" in one["message"]]
    assert {(one["policyName"], one["resourceUrn"].rpartition("::")[2]) for one in found} == {
        ("aws-kms-key-enable-rotation", "key"),
        ("aws-loggroup-configure-retention", "group"),
        ("aws-sqs-queue-enable-encryption", "queue"),
        ("aws-sqs-queue-missing-dlq", "queue"),
        *(("resource-missing-tags", name) for name in ("key", "group", "queue", "dead", "work")),
    }
