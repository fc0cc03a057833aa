"""The real engine with the stand-ins attached: the same lake as the engine in this process makes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.standin import DeployError, Deployment, deploy, destroy, preview, refresh
from local.standin.cli import EngineError
from local.standin.state import Resource

needs_engine = pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="no pulumi on the PATH: NONE of the deployments by the real engine (preview, up, update, refresh,"
    " destroy, secrets, policy pack) is tested here, only those in process",
)
SAMPLES = ("aws_sample", "snowflake_sample")


@pytest.fixture
def sample(project: Callable[[str], Path]) -> Callable[[str], Path]:
    return project


def _neutral(value: Any) -> Any:
    """Return a value without what a service or an engine makes up: suffixes of names, ids, times."""
    if isinstance(value, dict):
        return {name: _neutral(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_neutral(item) for item in value]
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>", str(value))
    text = re.sub(r"(?<![0-9a-f-])[0-9a-f]{8}(?![0-9a-f-])", "<id>", text)
    return re.sub(r"-[0-9a-f]{7}(-[0-9a-f]{6})?(?![0-9a-f])", "-<name>", text)


MADE_UP = {
    "code",
    "destinationId",
    "lastModified",
    "uniqueId",
    "showOutputs",
    "describeOutputs",
    "codeSha256",
    "hash",
}


def _shape(resources: list[Resource]) -> dict[str, Any]:
    found = {}
    for one in resources:
        if one.type.startswith("pulumi:providers:"):
            continue
        inputs = {name: _neutral(value) for name, value in one.inputs.items() if name != "code"}
        outputs = {name: _neutral(value) for name, value in one.outputs.items() if name not in MADE_UP}
        found[one.urn] = {
            "inputs": inputs if one.custom else {},
            "outputs": outputs if one.managed else {},
            "parent": one.parent,
            "dependencies": sorted(one.dependencies),
            "property dependencies": {name: sorted(urns) for name, urns in one.property_dependencies.items()},
        }
    return found


@needs_engine
@pytest.mark.engine
@pytest.mark.parametrize("name", SAMPLES)
def test_both_engines_make_the_same(
    name: str,
    project: Callable[[str], Path],
    aws: str,
    client: Callable[[str], Any],
    warehouse: tuple[str, int],
    tmp_path: Path,
):
    root = project(name)
    files = {one: one.read_bytes() for one in root.rglob("*.yaml")}
    client("sns").create_topic(Name="arrivals")
    made: dict[str, Deployment] = {}
    for engine in ("inprocess", "cli"):
        where = {
            "state_dir": tmp_path / engine,
            "engine": engine,
            "aws_endpoint": aws,
            "warehouse": warehouse,
        }
        made[engine] = deploy(root, "test", **where)
        destroy(root, "test", **where)
    one, other = made["inprocess"], made["cli"]
    assert _shape(one.resources) == _shape(other.resources)
    assert _neutral(one.outputs) == _neutral(other.outputs)
    assert one.secret_outputs == other.secret_outputs
    assert one.changes == other.changes
    # The project's own files are as they were: no salt, no state, no settings.
    assert {one: one.read_bytes() for one in root.rglob("*.yaml")} == files
    assert {one.name for one in root.iterdir()} <= {
        "__main__.py",
        "__pycache__",
        "package",
        *(f.name for f in files),
    }


@needs_engine
@pytest.mark.engine
def test_the_life_of_a_stack(
    project: Callable[[str], Path], aws: str, client: Callable[[str], Any], tmp_path: Path
):
    root, seen = project("aws_sample"), []
    where = {"state_dir": tmp_path / "state", "engine": "cli", "aws_endpoint": aws}
    first = deploy(root, "test", on_progress=seen.append, **where)
    assert first.secret_outputs == {"hidden"}
    assert first.outputs["hidden"] == "hush-hush"
    assert [step.urn for step in seen] == [step.urn for step in first.steps]
    assert set(deploy(root, "test", **where).changes) == {"same"}

    file = root / "__main__.py"
    source = file.read_text().replace("visibility_timeout_seconds=60", "visibility_timeout_seconds=90")
    file.write_text(source.replace("alias/sample-key", "alias/other-key"))
    changed = deploy(root, "test", **where)
    assert changed.changes["update"] == 1
    assert changed.changes["replace"] == 1
    assert [one["AliasName"] for one in client("kms").list_aliases()["Aliases"]] == ["alias/other-key"]

    client("sqs").set_queue_attributes(QueueUrl=first.outputs["queue"], Attributes={"VisibilityTimeout": "5"})
    client("kinesis").delete_stream(StreamName=first.outputs["stream"])
    refresh(root, "test", **where)
    healed = {(step.op, step.urn.rsplit("::", 1)[-1]) for step in deploy(root, "test", **where).steps}
    assert healed >= {("create", "ingress"), ("update", "audit"), ("same", "key")}

    for one in (tmp_path / "state").rglob("*"):
        assert not one.is_file() or b"hush-hush" not in one.read_bytes(), one
    assert destroy(root, "test", **where).resources == []
    assert client("s3").list_buckets()["Buckets"] == []
    assert client("kinesis").list_streams()["StreamNames"] == []


@needs_engine
@pytest.mark.engine
def test_a_failure_is_said_in_the_engines_words_and_can_be_mended(
    program: Callable[[str], Path], aws: str, tmp_path: Path
):
    where = {"state_dir": tmp_path / "state", "engine": "cli", "aws_endpoint": aws}
    bad = 'aws.kms.Key("k")\naws.kinesis.Stream("s", shard_count=1, shard_level_metrics=["IncomingBytes"])'
    with pytest.raises(
        EngineError, match=r"shardLevelMetrics: ?is not mapped|shardLevelMetrics.* is not mapped"
    ):
        deploy(program(bad), "test", **where)
    mended = deploy(program('aws.kms.Key("k")'), "test", **where)
    assert [one.name for one in mended.resources if one.managed] == ["k"]


@needs_engine
@pytest.mark.engine
def test_an_explicit_provider_says_where(program: Callable[[str], Path], aws: str, tmp_path: Path):
    root = program(
        'there = aws.Provider("there", region="us-east-1")\n'
        'one = aws.kinesis.Stream("one", shard_count=1)\n'
        'two = aws.kinesis.Stream("two", shard_count=1, opts=pulumi.ResourceOptions(provider=there))\n'
        'pulumi.export("one", one.arn)\npulumi.export("two", two.arn)\n'
    )
    outputs = deploy(root, "test", state_dir=tmp_path / "state", engine="cli", aws_endpoint=aws).outputs
    assert outputs["one"].startswith("arn:aws:kinesis:eu-west-1:")
    assert outputs["two"].startswith("arn:aws:kinesis:us-east-1:")


@needs_engine
@pytest.mark.engine
def test_previews_agree_and_leave_nothing(project: Callable[[str], Path], tmp_path: Path):
    root = project("aws_sample")
    found = {
        engine: preview(root, "test", state_dir=tmp_path / engine, engine=engine)
        for engine in ("cli", "inprocess")
    }
    assert found["cli"].changes == found["inprocess"].changes
    assert {step.urn for step in found["cli"].steps} == {step.urn for step in found["inprocess"].steps}
    assert preview(root, "test", state_dir=tmp_path / "cli", engine="cli").changes == found["cli"].changes


def test_without_an_engine_it_is_done_in_process(
    program: Callable[[str], Path], aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    root = program('aws.kms.Key("k")')
    assert deploy(root, "test", state_dir=tmp_path / "s", aws_endpoint=aws).engine == "inprocess"
    with pytest.raises(DeployError, match="needs pulumi on the PATH"):
        deploy(root, "test", state_dir=tmp_path / "other", aws_endpoint=aws, engine="cli")


@needs_engine
@pytest.mark.engine
def test_a_stack_stays_with_the_engine_that_made_it(program: Callable[[str], Path], aws: str, tmp_path: Path):
    root, where = program('aws.kms.Key("k")'), {"state_dir": tmp_path / "s", "aws_endpoint": aws}
    assert deploy(root, "test", engine="inprocess", **where).engine == "inprocess"
    assert deploy(root, "test", **where).engine == "inprocess"
    with pytest.raises(DeployError, match="was deployed by the engine 'inprocess'"):
        deploy(root, "test", engine="cli", **where)
    destroy(root, "test", **where)
    assert deploy(root, "test", **where).engine == "cli"


def test_an_unknown_engine_is_refused(program: Callable[[str], Path], tmp_path: Path):
    with pytest.raises(DeployError, match="there is no engine 'terraform': auto, cli, inprocess"):
        deploy(program(""), "test", state_dir=tmp_path, engine="terraform")


PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy, StackValidationPolicy


def described(args, report):
    if args.resource_type == "aws:kms/key:Key" and not args.props.get("description"):
        report("a key says what it is for")


def few(args, report):
    keys = [one for one in args.resources if one.resource_type == "aws:kms/key:Key"]
    if len(keys) > 1:
        report(f"{len(keys)} keys")


PolicyPack(
    "sample",
    [
        ResourceValidationPolicy("described", "Keys are described.", described, EnforcementLevel.MANDATORY),
        StackValidationPolicy("few", "One key.", few, EnforcementLevel.ADVISORY),
    ],
)
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    where = tmp_path / "pack"
    where.mkdir()
    (where / "__main__.py").write_text(PACK)
    options = json.dumps({"toolchain": "pip", "virtualenv": __import__("sys").prefix})
    (where / "PulumiPolicy.yaml").write_text(
        f"description: x\\nruntime: {{name: python, options: {options}}}\\n".replace("\\n", "\n")
    )
    return where


@pytest.mark.engine
@pytest.mark.parametrize("engine", [pytest.param("cli", marks=needs_engine), "inprocess"])
def test_a_mandatory_policy_stops_a_deployment(
    engine: str,
    pack: Path,
    program: Callable[[str], Path],
    aws: str,
    client: Callable[[str], Any],
    tmp_path: Path,
):
    where = {"state_dir": tmp_path / "s", "engine": engine, "aws_endpoint": aws, "policy_pack": pack}
    with pytest.raises(Exception, match=r"(?s)Key::k: described: .*a key says what it is for"):
        deploy(program('aws.kms.Key("k")'), "test", **where)
    assert client("kms").list_keys()["Keys"] == []
    deploy(program('aws.kms.Key("k", description="it")'), "test", **where)
    assert len(client("kms").list_keys()["Keys"]) == 1


def test_a_pack_is_configured_as_the_cli_does(pack: Path, program: Callable[[str], Path]):
    from local.standin import run_in_process
    from local.standin.policy import Pack, PackError

    root = program('aws.kms.Key("k")\naws.kms.Key("l", description="it")')
    found = Pack(pack)
    run_in_process(root, "test", policy=found)
    assert [(one.policyName, one.urn.split("::")[-1]) for one in found.diagnostics] == [
        ("described", "k"),
        ("few", ""),
    ]
    assert [one.policyName for one in found.mandatory] == ["described"]
    found = Pack(pack, {"described": "advisory", "few": {"enforcementLevel": "mandatory"}})
    run_in_process(root, "test", policy=found)
    assert [one.policyName for one in found.mandatory] == ["few"]
    found = Pack(pack, {"all": "disabled"})
    run_in_process(root, "test", policy=found)
    assert found.diagnostics == []
    with pytest.raises(PackError, match="no policy fewer"):
        Pack(pack, {"fewer": "advisory"})
