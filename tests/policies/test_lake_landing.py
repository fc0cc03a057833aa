"""A landing zone that can be changed, emptied or written by others is found."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import contracts
from tests.policies.stack_kit import Stack
from tests.policies.test_lake_flow import P, only

IMMUTABLE, WRITERS = "lake-landing-enforce-immutability", "lake-landing-enforce-writers"
ZONE = f"Bucket::{P}-landing"
UNLOCKED = (f"The landing zone {P}-landing in prod must lock what lands, for a time.", ZONE)
DELETABLE = (f"The landing zone {P}-landing in prod must deny everybody to delete objects.", ZONE)
OPEN = {
    (
        f"The policy of {P}-landing must deny everybody but {P}-{source}-delivery to put objects below "
        f"landing/source={source}/.",
        ZONE,
    )
    for source in contracts.load().sources
}


def edit(stack: Stack, sid: str, **changes: Any) -> None:
    """Change a statement of the zone's policy, or remove it."""
    policy = stack.one("BucketPolicy", "-landing")
    document = json.loads(policy.props["policy"])
    found = [one for one in document["Statement"] if one["Sid"] == sid]
    assert len(found) == 1
    if changes:
        found[0].update(changes)
    else:
        document["Statement"].remove(found[0])
    policy.props["policy"] = json.dumps(document)


@pytest.mark.parametrize("preview", [False, True])
def test_no_lock(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    stack.drop(stack.one("BucketObjectLockConfiguration", "-landing"))
    assert only(stack.findings(), IMMUTABLE) == {UNLOCKED}


@pytest.mark.parametrize(
    "retention", [None, {}, {"mode": "GOVERNANCE"}, {"mode": "GOVERNANCE", "days": 0}, "?"]
)
def test_a_lock_of_no_time(prod: Stack, retention: Any) -> None:
    prod.one("BucketObjectLockConfiguration", "-landing").section("rule")["defaultRetention"] = retention
    assert only(prod.findings(), IMMUTABLE) == {UNLOCKED}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Action": ["s3:DeleteObject"]},
        {"Effect": "Allow"},
        {"Principal": {"AWS": "arn:aws:iam::1:root"}},
        {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}},
    ],
)
def test_objects_that_can_be_deleted(prod: Stack, changes: dict[str, Any]) -> None:
    edit(prod, "NobodyDeletes", **changes)
    assert only(prod.findings(), IMMUTABLE) == {DELETABLE}


def test_other_environments_are_for_the_configuration_to_name(stack_of: Callable[..., Stack]) -> None:
    found = stack_of("dev").findings({IMMUTABLE: {"environments": ["dev"]}})
    assert only(found, IMMUTABLE) == {
        (
            "The landing zone retaillake-dev-landing in dev must deny everybody to delete objects.",
            "Bucket::retaillake-dev-landing",
        )
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Action": ["s3:DeleteObject"]},
        {"Effect": "Allow"},
        {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Resource": "arn:aws:s3:::other/*"},
    ],
)
def test_a_zone_that_lets_others_put(prod: Stack, changes: dict[str, Any]) -> None:
    edit(prod, "OnlyDelivery", **changes)
    assert only(prod.findings(), WRITERS) == OPEN


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"maximumRetryAttempts": 3}, "after 3 attempts"),
        ({"maximumRetryAttempts": 0}, "after 0 attempts"),
        ({"maximumRecordAgeInSeconds": 60}, "after 60 seconds"),
    ],
)
def test_a_transform_that_gives_up(prod: Stack, change: dict[str, int], why: str) -> None:
    prod.one("EventSourceMapping", "pos-transform").props.update(change)
    assert only(prod.findings(), "lake-transform-configure-retries") == {
        (
            f"{P}-pos-transform must try until records expire: it gives up {why}.",
            f"EventSourceMapping::{P}-pos-transform",
        )
    }


@pytest.mark.parametrize(
    "change", [{"maximumRetryAttempts": None, "maximumRecordAgeInSeconds": -1}, {"x": 1}]
)
def test_a_transform_that_never_gives_up(prod: Stack, change: dict[str, Any]) -> None:
    prod.one("EventSourceMapping", "pos-transform").props.update(change)
    assert prod.findings() == set()
