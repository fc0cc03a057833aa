"""What the adapters claim, held against the SDKs' types and botocore's models."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.standin import adapter, run_in_process, schema
from local.standin.adapter import Place
from local.standin.aws.client import AwsAdapter, invalid
from local.standin.props import Props
from local.standin.snowflake import names
from local.standin.snowflake.tables import same_type
from local.standin.wire import UNKNOWN

PROGRAMS = Path(__file__).resolve().parent / "programs"
adapter.load()
TYPES = sorted(adapter.REGISTRY)
SAMPLES = ("aws_sample", "snowflake_sample")
# The laptop's warehouse is one account: see test_standin_live_snowflake.
RECORDED_ONLY = {
    "snowflake:index/share:Share",
    "snowflake:index/grantPrivilegesToShare:GrantPrivilegesToShare",
}


@pytest.mark.parametrize("token", TYPES)
def test_every_property_that_an_adapter_names_is_the_types(token: str):
    what, known = adapter.adapter(token), schema.resource_type(token)
    inputs = set(known.inputs.properties)
    assert what.replace_on <= inputs
    assert what.autoname is None or what.autoname in inputs
    assert set(what.computed) <= known.outputs
    for path in (*what.no_effect, *what.unread):
        assert path.split(".")[0] in inputs, path


@pytest.mark.parametrize("token", TYPES)
def test_every_reason_is_given(token: str):
    what = adapter.adapter(token)
    assert all(reason.strip() for reason in (*what.no_effect.values(), *what.unread.values()))
    assert not set(what.no_effect) & set(what.unread)


def test_the_samples_have_one_of_each_type_at_least():
    made = {
        one.type
        for name in SAMPLES
        for one in run_in_process(PROGRAMS / name, "test").resources
        if one.managed
    }
    # What is recorded only is held against the stack that makes it.
    assert made == {token for token in TYPES if not adapter.adapter(token).recorded} - RECORDED_ONLY


@pytest.mark.parametrize("name", SAMPLES)
def test_every_property_of_the_samples_is_mapped(name: str):
    for one in run_in_process(PROGRAMS / name, "test").resources:
        if one.managed:
            assert adapter.adapter(one.type).unmapped(one.inputs) == [], one.urn


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_unknown_in_a_preview_is_mapped_too(name: str):
    for one in run_in_process(PROGRAMS / name, "test", preview=True).resources:
        if one.managed:
            assert adapter.adapter(one.type).unmapped(one.inputs) == [], one.urn


def test_a_property_without_mapping_is_named():
    what = adapter.adapter("aws:kinesis/stream:Stream")
    (failure,) = what.unmapped({"name": "s", "shardLevelMetrics": ["IncomingBytes"]})
    assert str(failure) == "shardLevelMetrics: is not mapped by the laptop's stand-in"
    firehose = adapter.adapter("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream")
    destination = {"bucketArn": "arn:aws:s3:::bucket", "roleArn": "arn:aws:iam::000000000000:role/role"}
    nested = {**destination, "dynamicPartitioningConfiguration": {"enabled": True}}
    (failure,) = firehose.unmapped(
        {"name": "d", "destination": "extended_s3", "extendedS3Configuration": nested}
    )
    assert failure.property == "extendedS3Configuration.dynamicPartitioningConfiguration"


def test_what_botocore_refuses_is_told_before_anything_is_made():
    what = adapter.adapter("aws:sqs/queue:Queue")
    assert isinstance(what, AwsAdapter)
    (planned,), _ = what.planned({"name": "q", "tags": {"k": 1}})
    assert "valid types: <class 'str'>" in invalid("sqs", planned)[0]
    assert what.unmapped({"name": "q", "tags": {"k": UNKNOWN}}) == []


def test_two_adapters_of_one_type_are_refused():
    class Again(adapter.Adapter):
        type = TYPES[0]

    with pytest.raises(adapter.StandInError, match="two adapters"):
        adapter.register(Again)


def test_a_type_without_adapter_is_an_error():
    with pytest.raises(adapter.StandInError, match="aws:ec2/vpc:Vpc has no stand-in"):
        adapter.adapter("aws:ec2/vpc:Vpc")


@pytest.mark.parametrize(
    ("identifier", "parts"),
    [
        ("DB", ("DB",)),
        ("DB.S.T", ("DB", "S", "T")),
        ('"DB"."S"."T"', ("DB", "S", "T")),
        ('DB."odd.name"', ("DB", "odd.name")),
        ('"say ""hi"""', ('say "hi"',)),
    ],
)
def test_identifiers(identifier: str, parts: tuple[str, ...]):
    assert names.parts(identifier) == parts
    assert names.parts(names.requalified(identifier)) == parts


@pytest.mark.parametrize("identifier", ["", 'A"B', "A..B", "A.", '"open'])
def test_what_is_no_identifier(identifier: str):
    with pytest.raises(adapter.StandInError, match="not an identifier"):
        names.requalified(identifier) if identifier else names.requalified(".")


def test_texts_cannot_leave_their_quotes():
    assert names.literal("it's \\ over") == "'it''s \\\\ over'"
    assert names.literal(["a", "b'"]) == "('a', 'b''')"
    assert names.quoted('a"b') == '"a""b"'


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("VARCHAR", "varchar(16777216)", True),
        ("NUMBER(12, 2)", "NUMBER(12,2)", True),
        ("NUMBER", "NUMBER(38,0)", True),
        ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ(9)", True),
        ("VARCHAR(10)", "VARCHAR", False),
        ("NUMBER(12,2)", "NUMBER(12,3)", False),
    ],
)
def test_types_are_the_same_however_spelled(one: str, other: str, same: bool):
    assert same_type(one, other) is same


def test_statements_of_a_task():
    (create, resume) = _statements(
        "snowflake:index/task:Task",
        database="DB",
        schema="S",
        name="T",
        warehouse="W",
        schedule={"usingCron": "0 * * * * UTC"},
        afters=['"DB"."S"."BEFORE"'],
        when="1 = 1",
        sqlStatement="SELECT 'it''s'",
        started=True,
        comment="it's",
    )
    assert create == (
        'CREATE TASK "DB"."S"."T" WAREHOUSE = "W"'
        " SCHEDULE = 'USING CRON 0 * * * * UTC' COMMENT = 'it''s'"
        ' AFTER "DB"."S"."BEFORE" WHEN 1 = 1 AS SELECT \'it\'\'s\''
    )
    assert resume == 'ALTER TASK "DB"."S"."T" RESUME'


def test_statements_of_grants():
    def grant(**on: object) -> str:
        (one,) = _statements(
            "snowflake:index/grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole",
            accountRoleName="R",
            privileges=["USAGE", "MONITOR"],
            **on,
        )
        return one

    assert grant(onAccount=True) == 'GRANT MONITOR, USAGE ON ACCOUNT TO ROLE "R"'
    assert grant(onSchema={"schemaName": '"D"."S"'}) == 'GRANT MONITOR, USAGE ON SCHEMA "D"."S" TO ROLE "R"'
    assert (
        grant(onSchemaObject={"all": {"objectTypePlural": "TABLES", "inDatabase": "D"}}, withGrantOption=True)
        == 'GRANT MONITOR, USAGE ON ALL TABLES IN DATABASE "D" TO ROLE "R" WITH GRANT OPTION'
    )


def _statements(token: str, **inputs: object) -> list[str]:
    what = adapter.adapter(token)
    assert schema.failures(token, inputs) == []
    assert what.unmapped(inputs) == []
    return what.statements(Props(inputs))  # type: ignore[attr-defined] # only Snowflake's have statements


def test_arns_say_where():
    place = Place(account="000000000000", region="eu-west-1")
    assert place.arn("kinesis", "stream/s") == "arn:aws:kinesis:eu-west-1:000000000000:stream/s"
    assert place.arn("iam", "role/r", region="") == "arn:aws:iam::000000000000:role/r"
