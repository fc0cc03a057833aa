"""Values on the wire, what two of them have in common, and what the SDKs' types accept."""

from __future__ import annotations

import pytest

from local.standin import compare, schema, wire

SECRET = wire.secret("hush")


def test_values_survive_the_wire():
    value = {"a": [1, 2.5, True, None, "x", {"b": []}], "c": {}, "big": 2**53}
    assert wire.plain(wire.struct(value)) == value


def test_a_value_that_cannot_travel_is_refused():
    with pytest.raises(TypeError, match="set cannot travel"):
        wire.struct({"a": {1}})


def test_secrets_are_opened_at_every_depth_and_marked_again_where_they_were():
    wrapped = {"plain": 1, "list": [SECRET], "block": {"in": SECRET, "out": "open"}}
    opened = wire.open_secrets(wrapped)
    assert opened == {"plain": 1, "list": ["hush"], "block": {"in": "hush", "out": "open"}}
    marked = wire.mark_secrets({**opened, "new": 2}, wrapped)
    assert not wire.has_secret(marked["plain"])
    assert not wire.has_secret(marked["new"])
    assert wire.is_secret(marked["block"]["in"])
    assert not wire.has_secret(marked["block"]["out"])
    assert wire.has_secret(marked["list"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1, "b": [2]}', '{"b":[2],"a":1}'),
        (["x", "y"], ["y", "x"]),
        (True, "true"),
        (60, "60"),
        (None, {}),
        ([], None),
        ({wire.SIGNATURE: wire.ASSET, "path": "a", "hash": "1"}, {wire.SIGNATURE: wire.ASSET, "hash": "1"}),
    ],
)
def test_values_that_mean_the_same(one: object, other: object):
    assert compare.same(one, other)
    assert compare.same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1}', '{"a": 2}'),
        (["x"], ["x", "x"]),
        ("a", "A"),
        (False, None),
        ([{"a": 1}], [{"a": 2}]),
        ({wire.SIGNATURE: wire.ASSET, "hash": "1"}, {wire.SIGNATURE: wire.ASSET, "hash": "2"}),
    ],
)
def test_values_that_do_not(one: object, other: object):
    assert not compare.same(one, other)


def test_what_was_sent_and_is_not_seen_is_named_by_its_path():
    sent = {"a": 1, "rules": [{"id": "x", "days": 3}], "tags": {"k": "v"}, "write": "only"}
    seen = {
        "a": 1,
        "rules": [{"id": "x", "days": 4, "more": 5}],
        "tags": {"k": "v", "other": "w"},
        "extra": 6,
    }
    assert [*compare.differences(sent, seen)] == ["rules[0].days", "write"]
    assert [*compare.differences(sent, seen, skip={"write", "rules.days"})] == []


@pytest.mark.parametrize(
    ("token", "inputs", "complaints"),
    [
        ("aws:kinesis/stream:Stream", {"name": "x", "shardCount": 1, "tags": {"a": "b"}}, []),
        ("aws:kinesis/stream:Stream", {"shardCount": "1"}, ["shardCount: expected integer, found string"]),
        (
            "aws:kinesis/stream:Stream",
            {"shardCnt": 1},
            ["shardCnt: is not a property of this type; did you mean shardCount?"],
        ),
        ("aws:kinesis/stream:Stream", {"tags": {"a": 1}}, ["tags['a']: expected string, found integer"]),
        (
            "aws:kinesis/stream:Stream",
            {"streamModeDetails": {}},
            ["streamModeDetails.streamMode: is required and missing"],
        ),
        ("aws:lambda/function:Function", {}, ["role: is required and missing"]),
        (
            "aws:lambda/function:Function",
            {"role": "r", "code": "x"},
            ["code: expected archive, found string"],
        ),
        ("aws:iam/rolePolicy:RolePolicy", {"role": "r", "policy": {"Statement": []}}, []),
        (
            "snowflake:index/table:Table",
            {"database": "D", "schema": "S", "columns": [{"name": "C"}]},
            ["columns[0].type: is required and missing"],
        ),
        # A provider's boolean that may be unset is a text.
        (
            "snowflake:index/warehouse:Warehouse",
            {"autoResume": True},
            ["autoResume: expected string, found boolean"],
        ),
        ("aws:kinesis/stream:Stream", {"shardCount": wire.UNKNOWN}, []),
    ],
)
def test_inputs_are_checked_against_the_sdk(token: str, inputs: dict, complaints: list[str]):
    assert [str(failure) for failure in schema.failures(token, inputs)] == complaints


@pytest.mark.parametrize(
    "token", ["aws:kms/key:Kay", "azure-native:storage:StorageAcount", "gcp:storage/bucket:Bucket"]
)
def test_a_type_that_no_sdk_has(token: str):
    with pytest.raises(schema.UnknownTypeError, match=token.split(":", maxsplit=1)[0]):
        schema.resource_type(token)


def test_policies_are_texts_or_documents():
    shape = schema.resource_type("aws:s3/bucketPolicy:BucketPolicy").inputs.properties["policy"]
    assert {choice.kind for choice in shape.choices} == {"string", "block"}
