"""Reports: the same findings in every form, from an exported stack or a preview, and nothing secret in any."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy, Severity
from typer.testing import CliRunner, Result

from policies import cli, deployment, formats, pack, sarif
from policies.driver import SECRET, SIGNATURE

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "urn:pulumi:prod::retaillake::"
ROTATION, QUEUE = "key-enable-rotation", "queue-enable-encryption"


def resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"urn": f"{PREFIX}{kind}::{name}", "type": kind, "custom": True, **more}


STACK = {
    "urn": f"{PREFIX}pulumi:pulumi:Stack::retaillake-prod",
    "type": "pulumi:pulumi:Stack",
    "custom": False,
}
GOOD = resource("aws:kms/key:Key", "good", inputs={"enableKeyRotation": True})
OLD = resource("aws:kms/key:Key", "old|key", inputs={}, outputs={"enableKeyRotation": False})
BARE = resource("aws:sqs/queue:Queue", "bare", inputs={})
GONE = resource("aws:sqs/queue:Queue", "gone", inputs={}, delete=True)


def exported(*resources: dict[str, Any]) -> str:
    return json.dumps({"version": 3, "deployment": {"resources": [STACK, *resources]}})


def policy(name: str, kind: str, wanted: str, severity: Severity) -> ResourceValidationPolicy:
    def validate(args: Any, report: Any) -> None:
        if args.resource_type == kind and not args.props.get(wanted):
            report(f"{wanted} must be true.", None)

    return ResourceValidationPolicy(
        name=name,
        description=f"Every {kind} has {wanted}.",
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
        severity=severity,
        remediation_steps=f"Set {wanted}.",
    )


@pytest.fixture(autouse=True)
def _two_policies(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Reports on two policies that stay as they are, whatever becomes of the pack's."""
    monkeypatch.chdir(ROOT)
    configs = tmp_path_factory.mktemp("pack")
    (configs / "config.dev.json").write_text('{"all": "advisory"}')
    monkeypatch.setattr(cli, "PACK", configs)
    # What the shipped file accepts are findings of the shipped pack.
    (configs / "none.yml").write_text("[]")
    monkeypatch.setitem(globals(), "NOTHING_ACCEPTED", ["--suppressions", str(configs / "none.yml")])
    rotation = policy(ROTATION, "aws:kms/key:Key", "enableKeyRotation", Severity.CRITICAL)
    queue = policy(QUEUE, "aws:sqs/queue:Queue", "sqsManagedSseEnabled", Severity.HIGH)
    monkeypatch.setattr(pack, "POLICIES", (queue, rotation))


@pytest.fixture
def accepted(tmp_path: Path) -> Path:
    """A file with one suppression that hides something, and one that hides nothing."""
    entry = {
        "policy": ROTATION,
        "resource": "*::old|key",
        "stacks": ["prod"],
        "reason": "It is replaced next week, and then rotated.",
        "owner": "data-platform",
        "expires": datetime.now(UTC).date(),
    }
    file = tmp_path / "accepted.yml"
    file.write_text(
        yaml.safe_dump([entry, {**entry, "policy": QUEUE}, {**entry, "policy": QUEUE, "stacks": ["dev"]}])
    )
    return file


NOTHING_ACCEPTED: list[str] = []


def run(text: str, *options: str, stack: str = "prod") -> Result:
    words = ["report", "--stack", stack, "--state", "-", *NOTHING_ACCEPTED, *options]
    return CliRunner().invoke(cli.app, words, input=text)


def as_json(text: str, *options: str) -> dict[str, Any]:
    return json.loads(run(text, "--format", "json", *options).stdout)


def test_findings_are_told_with_all_that_is_known_of_them() -> None:
    found = as_json(exported(GOOD, OLD, BARE, GONE))
    assert found["stack"] == "prod"
    assert found["resources"] == 4
    assert found["mandatory"] == 2
    assert found["suppressed"] == []
    assert [(one["policy"], one["urn"]) for one in found["findings"]] == [
        (ROTATION, OLD["urn"]),
        (QUEUE, BARE["urn"]),
    ]
    assert found["findings"][0] == {
        "policy": ROTATION,
        "level": "mandatory",
        "severity": "critical",
        "urn": OLD["urn"],
        "message": "enableKeyRotation must be true.",
        "description": "Every aws:kms/key:Key has enableKeyRotation.",
        "steps": "Set enableKeyRotation.",
    }


def test_the_suppressed_are_shown_with_their_reason_and_the_idle_ones_named(accepted: Path) -> None:
    found = as_json(exported(OLD), "--suppressions", str(accepted))
    assert [(one["policy"], one["reason"], one["owner"]) for one in found["suppressed"]] == [
        (ROTATION, "It is replaced next week, and then rotated.", "data-platform")
    ]
    # The second is for prod and hides nothing there; the third is not for prod at all.
    assert [(one["policy"], one["level"], one["message"]) for one in found["findings"]] == [
        (
            "suppression-disallow-unused",
            "advisory",
            f"accepted.yml, entry 2: {QUEUE} finds nothing on *::old|key.",
        )
    ]
    assert found["mandatory"] == 0


def test_the_exit_code_says_whether_something_mandatory_is_left(accepted: Path, tmp_path: Path) -> None:
    assert run(exported(GOOD)).exit_code == 0
    assert run(exported(OLD)).exit_code == 1
    assert run(exported(OLD), "--suppressions", str(accepted)).exit_code == 0
    lenient = tmp_path / "config.json"
    lenient.write_text('{"all": "advisory"}')
    done = run(exported(OLD, BARE), "--config", str(lenient))
    assert done.exit_code == 0
    assert "0 mandatory and 2 advisory findings" in " ".join(done.stdout.split())


def test_the_environment_chooses_the_configuration() -> None:
    text = exported(OLD).replace("urn:pulumi:prod", "urn:pulumi:dev")
    done = run(text, stack="dev")
    assert done.exit_code == 0
    assert "0 mandatory and 1 advisory findings" in " ".join(done.stdout.split())


def test_a_preview_as_json_is_read_as_well() -> None:
    steps = [
        {"op": "create", "newState": STACK},
        {"op": "create", "newState": OLD},
        {"op": "delete", "newState": BARE},
    ]
    found = as_json(json.dumps({"config": {}, "steps": [*steps, {"op": "delete"}]}))
    assert [one["policy"] for one in found["findings"]] == [ROTATION]
    assert as_json(json.dumps({"changeSummary": {}}))["resources"] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON: "),
        ("[]", "expected an exported stack, or a preview as JSON"),
        ('{"version": 4, "deployment": {}}', "expected an exported stack of version 3, or a preview as JSON"),
        ('{"version": 3}', "expected an exported stack of version 3, or a preview as JSON"),
        (exported({"urn": "urn:pulumi:prod::x"}), "the resource 'urn:pulumi:prod::x' is not whole: "),
        (exported(OLD).replace("urn:pulumi:prod", "urn:pulumi:dev"), "expected the stack prod, not dev"),
    ],
)
def test_what_is_no_deployment_of_the_stack_is_refused(text: str, message: str) -> None:
    with pytest.raises(deployment.DeploymentError, match=re.escape(message)):
        deployment.read(text, "prod")


def test_a_fault_of_what_was_given_ends_with_2(tmp_path: Path) -> None:
    def ends(*options: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "policies", "report", "--stack", "prod", *options]
        done = subprocess.run(
            command,
            cwd=ROOT,
            input="{}",
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": str(tmp_path)},
        )
        return done.returncode, done.stderr

    code, said = ends("--state", "-")
    assert (code, said) == (2, "error: expected an exported stack of version 3, or a preview as JSON\n")
    code, said = ends()
    assert code == 2
    assert said.startswith("error: no pulumi on the PATH: give --state FILE")
    (tmp_path / "bad.json").write_text('{"no-such-policy": "advisory"}')
    state = tmp_path / "state.json"
    state.write_text(exported())
    code, said = ends("--state", str(state), "--config", str(tmp_path / "bad.json"))
    assert (code, said) == (2, "error: the pack has no policy no-such-policy\n")


@pytest.mark.parametrize("format", list(cli.Format))
def test_no_secret_is_in_any_form(format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaky(args: Any, report: Any) -> None:
        if "password" in args.props:
            report(f"the password {args.props['password']} is short", None)

    tactless = ResourceValidationPolicy(name="tactless", description="Passwords are long.", validate=leaky)
    monkeypatch.setattr(pack, "POLICIES", (*pack.POLICIES, tactless))
    opened = {SIGNATURE: SECRET, "plaintext": json.dumps("hush-hush")}
    closed = {SIGNATURE: SECRET, "ciphertext": "djE6bm90aGluZw=="}
    held = [
        resource("t:t:T", name, inputs={"password": value})
        for name, value in {"o": opened, "c": closed}.items()
    ]
    file = tmp_path / "suppressions.yml"
    entry = {"policy": "tactless", "resource": "*::o", "stacks": ["*"], "reason": "Nobody can read it anyway.",
             "owner": "me", "expires": datetime.now(UTC).date()}  # fmt: skip
    for entries in ([], [entry]):
        file.write_text(yaml.safe_dump(entries))
        said = run(exported(*held), "--format", format, "--annotate", "--suppressions", str(file)).output
        assert "hush-hush" not in said
        assert "bm90aGluZw" not in said
        assert "[secret]" in said


def test_sarif_has_what_the_standard_requires(accepted: Path, tmp_path: Path) -> None:
    """The required properties of SARIF 2.1.0, by hand: the schema is in no package.

    The same document was held once to the schema of the standard's errata 01, and had no fault.
    """
    output = tmp_path / "policies.sarif"
    done = run(
        exported(OLD, BARE), "--format", "sarif", "--output", str(output), "--suppressions", str(accepted)
    )
    assert (done.exit_code, done.stdout) == (1, "")
    document = json.loads(output.read_text())
    assert document["version"] == "2.1.0"
    assert document["$schema"] == sarif.SCHEMA
    assert re.fullmatch(r"https://docs\.oasis-open\.org/.*/sarif-schema-2\.1\.0\.json", sarif.SCHEMA)
    (one,) = document["runs"]
    driver = one["tool"]["driver"]
    assert driver["name"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}
        assert 0 < float(rule["properties"]["security-severity"]) <= 10
    assert len(one["results"]) == 3
    for result in one["results"]:
        assert result["message"]["text"]
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        (place,) = result["locations"]
        uri = place["physicalLocation"]["artifactLocation"]["uri"]
        assert (ROOT / uri).is_file()  # relative to the repository: GitHub shows nothing else
        assert place["physicalLocation"]["region"]["startLine"] >= 1
        assert place["logicalLocations"][0]["fullyQualifiedName"].startswith("urn:pulumi:prod::")
        for hidden in result.get("suppressions", []):
            assert hidden["kind"] in {"inSource", "external"}
            assert hidden["status"] in {"accepted", "underReview", "rejected"}
    told = {result["ruleId"]: result.get("suppressions") for result in one["results"]}
    assert set(told) == {ROTATION, QUEUE, "suppression-disallow-unused"}
    assert told[QUEUE] is None
    assert "It is replaced next week" in told[ROTATION][0]["justification"]
    prints = [json.dumps(result["partialFingerprints"]) for result in one["results"]]
    assert len(set(prints)) == len(prints)


def test_annotations_are_one_escaped_command_each(tmp_path: Path) -> None:
    lenient = tmp_path / "config.json"
    lenient.write_text(json.dumps({QUEUE: "advisory"}))
    odd = {**OLD, "urn": f"{PREFIX}aws:kms/key:Key::100%,\n:"}
    lines = run(exported(odd, BARE), "--format", "annotations", "--config", str(lenient)).stdout.splitlines()
    assert lines == [
        f"::error file=Pulumi.prod.yaml,title={ROTATION}::aws:kms/key:Key::100%25,%0A:: "
        "enableKeyRotation must be true. Set enableKeyRotation.",
        f"::warning file=Pulumi.prod.yaml,title={QUEUE}::aws:sqs/queue:Queue::bare: "
        "sqsManagedSseEnabled must be true. Set sqsManagedSseEnabled.",
    ]


def test_a_summary_is_added_and_its_cells_stay_cells(accepted: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    done = run(
        exported(OLD, BARE),
        "--format",
        "sarif",
        "--suppressions",
        str(accepted),
        "--summary",
        str(summary),
        "--annotate",
    )
    text = summary.read_text()
    assert text.startswith("before\n### Policies: prod\n")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for line in rows:
        cells = re.split(r"(?<!\\)\|", line)
        assert len(cells) - 2 in {5, 6}, line
    assert any(QUEUE in line and "Set sqsManagedSseEnabled." in line for line in rows)
    assert any("old\\|key" in line and "It is replaced next week" in line for line in rows)
    assert f"::error file=Pulumi.prod.yaml,title={QUEUE}::" in done.stdout


def test_the_table_has_every_finding_and_every_reason(
    accepted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    said = run(exported(OLD, BARE), "--suppressions", str(accepted)).stdout
    for word in (
        QUEUE,
        "aws:sqs/queue:Queue::bare",
        "mandatory",
        "high",
        ROTATION,
        "It is replaced next week",
    ):
        assert word in said
    assert "1 mandatory and 1 advisory findings, 1 suppressed" in said


def test_a_resource_is_named_by_its_own_type_and_name() -> None:
    assert formats.short("urn:pulumi:s::p::a:b:C$aws:kms/key:Key::k::2") == "aws:kms/key:Key::k::2"
    assert formats.short("") == "the stack"
