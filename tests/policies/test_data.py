"""What holds data is protected, and recoverable, where the configuration says that it must be."""

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from policies.data import HOLDS_DATA, RETAINED
from tests.policies.stack_kit import Part, Stack

BUCKET, TABLE = "aws:s3/bucket:Bucket", "snowflake:index/table:Table"
PROTECT, RETAIN = "data-enforce-protect", "data-configure-retention"
POLICIES = [PROTECT, RETAIN]


def found(stack: Stack, **more: Any) -> set[tuple[str, str, str]]:
    return {one for one in stack.findings(**more) if one[0] in POLICIES}


@pytest.mark.parametrize(
    ("kind", "end", "what"),
    [
        ("Bucket", "-landing", "objects"),
        ("Stream", "pos-ingress", "a stream"),
        ("Key", "-pii", "a key"),
        ("Secret", "token-key", "a secret"),
        ("Database", "", "a database"),
        ("Schema", "-raw", "a schema"),
        ("Table", "pos-warehouse-sale", "a table"),
    ],
)
@pytest.mark.parametrize("preview", [False, True])
def test_what_holds_data_must_be_protected(
    stack_of: Callable[..., Stack], kind: str, end: str, what: str, preview: bool
) -> None:
    stack = stack_of("prod", preview=preview)
    part = stack.one(kind, end)
    part.protect = False
    message = f"What holds {what} in prod must have the option protect."
    assert stack.findings() == {(PROTECT, message, f"{kind}::{part.name}")}


def test_environments_are_named(stack_of: Callable[..., Stack]) -> None:
    dev = stack_of("dev")
    assert found(dev) == set()
    urns = {urn for *_, urn in found(dev, config={PROTECT: {"environments": ["dev"]}})}
    assert "Bucket::retaillake-dev-landing" in urns
    assert "Table::retaillake-dev-warehouse-quarantine" in urns


def test_the_stack_tells_of_what_takes_no_tags() -> None:
    table = Part(type=TABLE, name="t")
    bucket = Part(type=BUCKET, name="b", props={"tags": {"environment": "prod"}}, protect=True)
    fault = (PROTECT, "What holds a table in prod must have the option protect.", "Table::t")
    assert found(Stack([table])) == set()
    assert found(Stack([table, bucket])) == {fault}
    assert found(Stack([table]), tags={"environment": "prod"}) == {fault}


def test_a_resource_speaks_for_itself() -> None:
    scratch = Part(type=BUCKET, name="b", props={"tags": {"environment": "dev"}})
    kept = Part(type=BUCKET, name="c", props={"tags": {"environment": "prod"}}, protect=True)
    assert found(Stack([scratch, kept])) == set()


@pytest.mark.parametrize(
    ("kind", "end", "path", "days"),
    [
        ("Key", "-pii", "deletionWindowInDays", 5),
        ("Secret", "token-key", "recoveryWindowInDays", 0),
        ("Database", "", "dataRetentionTimeInDays", 0),
        ("Database", "", "dataRetentionTimeInDays", None),
        ("Schema", "-raw", "dataRetentionTimeInDays", 0),
        ("Table", "pos-warehouse-sale", "dataRetentionTimeInDays", 1),
    ],
)
def test_what_is_deleted_must_be_recoverable(
    prod: Stack, kind: str, end: str, path: str, days: int | None
) -> None:
    part = prod.one(kind, end)
    part.props[path] = days
    what = HOLDS_DATA[part.type]
    message = f"What holds {what} in prod must be recoverable for 7 days or more: {path} is {days or 0:g}."
    if days is None:
        message = message.replace(" is 0.", " is 1.")  # Snowflake's own
    assert prod.findings() == {(RETAIN, message, f"{kind}::{part.name}")}


def test_how_long_is_for_the_configuration_to_say(prod: Stack) -> None:
    assert found(prod, config={RETAIN: {"days": 30}}) == set()
    assert len(found(prod, config={RETAIN: {"days": 31}})) == 7  # keys, secrets, database


@pytest.mark.parametrize("value", [-1, "30", [], {}, True])
def test_odd_values_stop_nothing(prod: Stack, value: Any) -> None:
    prod.one("Table", "quarantine").props["dataRetentionTimeInDays"] = value
    assert prod.findings() == set()


@pytest.mark.parametrize("token", [one for one in HOLDS_DATA if not one.startswith("azure")])
def test_types_and_properties_exist(token: str) -> None:
    package, place, name = token.split(":")
    # Its package and not its module: a package whose modules were imported first has lost what it exports.
    where = f"pulumi_aws.{place.partition('/')[0]}" if package == "aws" else "pulumi_snowflake"
    resource = getattr(import_module(where), name)
    assert resource.pulumi_type == token
    if token in RETAINED:
        assert hasattr(resource, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", RETAINED[token][0]).lower())
