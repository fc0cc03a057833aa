"""The program goes on from a state of each earlier version without losing anything that holds data.

A type is taken to hold data unless it is named below: a new one is safe before anybody has thought of it.
"""

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.standin.cli import Cli
from local.standin.core import Recorder
from local.standin.state import Resource, State
from local.standin.steps import Step
from tests.upgrade import states
from tests.upgrade.states import ENGINE, INPROCESS, ROOT

needs_engine = pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="no pulumi on the PATH: NO upgrade is tried with the real engine here, only those in process",
)

# What can be made anew without a loss, and why.
HARMLESS = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": "sounds again at the next datapoint",
    "aws:iam/role:Role": "named by its ARN, which stays",
    "aws:iam/rolePolicy:RolePolicy": "a text",
    "aws:kms/alias:Alias": "a name of a key, not the key",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "begins at the oldest record; a repeat is merged away",
    "aws:lambda/function:Function": "keeps nothing",
    "aws:lambda/permission:Permission": "a text",
    "aws:s3/bucketPolicy:BucketPolicy": "a text",
    "aws:sns/topicPolicy:TopicPolicy": "a text",
    "aws:sqs/queuePolicy:QueuePolicy": "a text",
    "snowflake:index/grantAccountRole:GrantAccountRole": "a text",
    "snowflake:index/grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole": "a text",
    "snowflake:index/resourceMonitor:ResourceMonitor": "counts this month's credits, no data",
    "snowflake:index/task:Task": "what it has not merged yet waits in its stream",
    "snowflake:index/warehouse:Warehouse": "computes, and keeps nothing",
}

TABLE = "snowflake:index/table:Table"


def losses(steps: list[Step], kinds: dict[str, str]) -> list[str]:
    """What would be deleted or replaced although it holds data."""
    return sorted(
        f"{step.op} {step.urn.rpartition('$')[2]}"
        for step in steps
        if step.op in {"delete", "replace"}
        and (kind := kinds.get(step.urn) or step.urn.split("::")[2].rpartition("$")[2]) not in HARMLESS
        and not kind.startswith(("retaillake:", "pulumi:"))
    )


def lost_columns(old: dict[str, Resource], new: list[Resource]) -> Iterator[str]:
    """What a table would lose although it stays: a column, or one whose type is another."""
    for one in new:
        before = next((old[urn] for urn in (one.urn, *one.aliases) if urn in old), None)
        if before is None or one.type != TABLE:
            continue
        now = {column["name"]: column["type"] for column in one.inputs["columns"]}
        for column in before.inputs["columns"]:
            if now.get(column["name"]) != column["type"]:
                yield f"{one.name}: column {column['name']} {column['type']}"


def begun(file: Path, tmp_path: Path) -> State:
    """A kept state; nothing in it is protected, so that every loss is told and not only the first."""
    copy = tmp_path / "state.json"
    copy.write_bytes(gzip.decompress(file.read_bytes()))
    state = State(copy)
    for one in state.resources.values():
        one.protect = False
    return state


def upgraded(file: Path, tmp_path: Path, root: Path = ROOT) -> list[str]:
    """Every loss of an upgrade, as the engine in this process would do it."""
    state, (_, stack) = begun(file, tmp_path), states.parts(file)
    before = dict(state.resources)
    run = states.run(root, stack, state, preview=True)
    kinds = {one.urn: one.type for one in before.values()}
    return [*losses(run.steps, kinds), *lost_columns(before, run.resources)]


def upgraded_by_the_engine(file: Path, tmp_path: Path, root: Path = ROOT) -> list[str]:
    """Every loss of an upgrade, as the real engine would do it."""
    stack, document = states.parts(file)[1], states.read(file)
    kinds = {one["urn"]: one["type"] for one in document["deployment"]["resources"]}
    engine = Cli(project_dir=root, stack=stack, home=tmp_path / "engine", backend=Recorder())
    engine.home.mkdir()
    engine.adopt(document)
    assert {one.urn for one in engine.export()} == {*kinds}
    seen = engine.previewed()
    if seen.failure:
        raise seen.failure
    return losses(seen.steps, kinds)


# --- the upgrade itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize("file", states.kept(INPROCESS), ids=lambda file: file.name)
def test_nothing_that_holds_data_is_lost(file: Path, tmp_path: Path) -> None:
    assert upgraded(file, tmp_path) == []


@needs_engine
@pytest.mark.engine
@pytest.mark.parametrize("file", states.kept(ENGINE), ids=lambda file: file.name)
def test_nothing_that_holds_data_is_lost_by_the_real_engine(file: Path, tmp_path: Path) -> None:
    assert upgraded_by_the_engine(file, tmp_path) == []


@pytest.mark.parametrize("file", states.kept(INPROCESS), ids=lambda file: file.name)
def test_the_upgrade_goes_through_and_a_second_one_changes_nothing(file: Path, tmp_path: Path) -> None:
    state, (_, stack) = begun(file, tmp_path), states.parts(file)
    states.run(ROOT, stack, state)
    assert state.doomed == []
    assert set(states.run(ROOT, stack, state).changes) == {"same"}


# --- what is kept ---------------------------------------------------------------------------------------


def test_there_is_a_state_of_every_stack_by_both_engines() -> None:
    for engine, stacks in states.STACKS.items():
        found = [states.parts(file) for file in states.kept(engine)]
        of_versions = {of_version for of_version, _ in found}
        assert of_versions
        assert {*found} == {(of_version, stack) for of_version in of_versions for stack in stacks}


@pytest.mark.parametrize("file", [*states.kept(INPROCESS), *states.kept(ENGINE)], ids=lambda file: file.name)
def test_a_state_is_whole_compact_and_says_nothing_of_its_maker(file: Path) -> None:
    of_version, _ = states.parts(file)
    number = [tuple(map(int, each.split("."))) for each in (of_version, states.version())]
    assert number[0] <= number[1]
    assert file.stat().st_size < 100_000
    text = json.dumps(states.read(file))
    assert str(Path.home()) + "/" not in text
    assert not re.search(
        r'"(/home|/root|/tmp|/work|file://)|https?://(?!sqs\.)|encryptionsalt|v1:|PRIVATE KEY|sourcePosition',
        text,
    )
    resources = states.read(file).get("deployment", states.read(file))["resources"]
    assert len(resources) > 150
    assert {"aws:kinesis/stream:Stream", TABLE} <= {one["type"] for one in resources}


def test_a_secret_is_never_kept() -> None:
    hidden = {"resources": [{"outputs": {"password": {states.SIGNATURE: states.SECRET, "ciphertext": "x"}}}]}
    with pytest.raises(ValueError, match="holds a secret"):
        states.keep(hidden, "dev", INPROCESS)


# --- the test can fail ----------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A copy of the program, to change."""
    root = tmp_path / "program"
    root.mkdir()
    for name in ("components", "contracts", "functions", "requirements", "warehouse/sql"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*ROOT.glob("*.py"), *ROOT.glob("Pulumi*")]:
        shutil.copy(file, root / file.name)
    (root / ".venv-uv").symlink_to(ROOT / ".venv-uv")
    shutil.copytree(ROOT / ".build", root / ".build", symlinks=True) if (ROOT / ".build").exists() else None
    return root


def edit(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text()
    assert text.count(old) == 1, (name, old)
    (root / name).write_text(text.replace(old, new))


def first(engine: str) -> Path:
    return next(file for file in states.kept(engine) if states.parts(file)[1] == "dev")


RENAMED = 'f"{name}-warehouse",\n            WarehouseArgs('
RENAMED_NOW = 'f"{name}-snowflake",\n            WarehouseArgs('
PLAIN = "pii_kinds=catalogue.pii_kinds),\n            options,"
ALIASED = (
    "pii_kinds=catalogue.pii_kinds),\n            pulumi.ResourceOptions("
    'parent=self, aliases=[pulumi.Alias(name=f"{name}-warehouse")]),'
)
LOST = ("Database::", "Schema::", "Table::", "AccountRole::", "Tag::", "MaskingPolicy::")


def test_a_component_renamed_without_an_alias_is_caught(program: Path, tmp_path: Path) -> None:
    edit(program, "components/lake.py", RENAMED, RENAMED_NOW)
    found = upgraded(first(INPROCESS), tmp_path, program)
    for kind in LOST:
        assert any(kind in one and one.startswith("delete ") for one in found), kind
    assert not [one for one in found if "-ecommerce-ingress" in one]


def test_a_component_renamed_with_an_alias_keeps_everything(program: Path, tmp_path: Path) -> None:
    edit(program, "components/lake.py", RENAMED, RENAMED_NOW)
    edit(program, "components/lake.py", PLAIN, ALIASED)
    assert upgraded(first(INPROCESS), tmp_path, program) == []


def test_another_name_of_a_stream_is_caught(program: Path, tmp_path: Path) -> None:
    edit(program, "components/aws/streams.py", "name=naming.fit(name,", "name=naming.fit(name + '-2',")
    found = upgraded(first(INPROCESS), tmp_path, program)
    assert len([one for one in found if one.startswith("replace aws:kinesis/stream:Stream::")]) == 4


def test_a_property_that_is_no_more_in_a_contract_is_caught(program: Path, tmp_path: Path) -> None:
    file = program / "contracts/pos/sale.v1.json"
    contract = json.loads(file.read_text())
    contract["properties"].pop("store_id")
    contract["required"] = [name for name in contract["required"] if name != "store_id"]
    file.write_text(json.dumps(contract))
    assert upgraded(first(INPROCESS), tmp_path, program) == [
        "retaillake-dev-pos-warehouse-sale: column STORE_ID VARCHAR"
    ]


@needs_engine
@pytest.mark.engine
def test_the_real_engine_catches_a_renamed_component(program: Path, tmp_path: Path) -> None:
    edit(program, "components/lake.py", RENAMED, RENAMED_NOW)
    found = upgraded_by_the_engine(first(ENGINE), tmp_path, program)
    for kind in LOST:
        assert any(kind in one and one.startswith("delete ") for one in found), kind


@needs_engine
@pytest.mark.engine
def test_the_real_engine_knows_an_alias(program: Path, tmp_path: Path) -> None:
    edit(program, "components/lake.py", RENAMED, RENAMED_NOW)
    edit(program, "components/lake.py", PLAIN, ALIASED)
    assert upgraded_by_the_engine(first(ENGINE), tmp_path, program) == []
