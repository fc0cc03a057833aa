"""A trail that records less, or whose files can be taken away, is found: alone and in a lake."""

from collections.abc import Callable
from typing import Any

import pytest

from policies import cloudtrail
from tests.policies.aws import GOOD, TRAIL
from tests.policies.kit import GONE, Analyzer, changed
from tests.policies.stack_kit import UNKNOWN, Finding, Stack
from tests.policies.test_lake_flow import P

LOCK, MISSING = "aws-cloudtrail-bucket-configure-lock", "lake-landing-missing-trail"
PACK = Analyzer(cloudtrail.POLICIES)
ZONE, BUCKET = f"Bucket::{P}-landing", f"Bucket::{P}-audit"
OBJECTS = (f"No trail records who reads and writes the objects of {P}-landing in prod.", ZONE)
KEYS = (f"No trail records who uses the keys of {P}-landing in prod.", ZONE)
BASIC = {"readWriteType": "All", "includeManagementEvents": True}


def only(findings: set[Finding], policy: str) -> set[tuple[str, str]]:
    """What a policy says; others may say more of the same fault."""
    return {(message, where) for name, message, where in findings if name == policy}


@pytest.mark.parametrize(
    ("selectors", "whole"),
    [
        (GONE, True),
        ([], True),
        ([BASIC], True),
        ([{}], True),
        ([{**BASIC, "excludeManagementEventSources": ["rdsdata.amazonaws.com"]}], True),
        ([{**BASIC, "excludeManagementEventSources": ["kms.amazonaws.com"]}], False),
        ([{**BASIC, "includeManagementEvents": False}], False),
        ([{**BASIC, "readWriteType": "WriteOnly"}], False),
        ([{**BASIC, "readWriteType": "WriteOnly"}, BASIC], True),
    ],
)
def test_the_older_selectors_count_as_well(selectors: Any, whole: bool) -> None:
    bare = changed(GOOD[TRAIL], "advancedEventSelectors", GONE)
    props = bare if selectors is GONE else {**bare, "eventSelectors": selectors}
    found = [one.policy for one in PACK.findings(TRAIL, props)]
    assert found == ([] if whole else ["aws-cloudtrail-trail-disallow-exclusions"])


def test_what_is_not_known_yet_is_asked_again() -> None:
    props = {**GOOD[TRAIL], "advancedEventSelectors": UNKNOWN, "kmsKeyId": UNKNOWN}
    assert PACK.findings(TRAIL, props) == []
    assert set(PACK.not_applicable(TRAIL, props)) == {"aws-cloudtrail-trail-disallow-exclusions"}


# --- its bucket -----------------------------------------------------------------------------------------


def locked(stack: Stack, **config: Any) -> set[tuple[str, str]]:
    return only(stack.findings({LOCK: config}, cloudtrail.POLICIES), LOCK)


def weak(days: int, least: int = 90) -> tuple[str, str]:
    message = f"The files of a trail in prod must be locked for {least} days or more, and are for {days}."
    return message, BUCKET


@pytest.mark.parametrize("preview", [False, True])
def test_a_trail_s_bucket_without_a_lock(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    assert locked(stack) == set()
    stack.drop(stack.one("BucketObjectLockConfiguration", "-audit"))
    assert locked(stack) == {weak(0)}


def test_a_lock_that_is_short_or_none(prod: Stack) -> None:
    retention = prod.one("BucketObjectLockConfiguration", "-audit").section("rule.defaultRetention")
    retention["days"] = 89
    assert locked(prod) == {weak(89)}
    assert locked(prod, days=30) == set()
    assert locked(prod, days=400, environments=["dev"]) == set()
    del retention["days"]
    assert locked(prod) == {weak(0)}
    retention["years"] = 1
    assert locked(prod) == set()
    assert locked(prod, days=400) == {weak(365, 400)}
    retention["years"] = UNKNOWN
    assert locked(prod) == set()


# --- a lake ---------------------------------------------------------------------------------------------


def trail(stack: Stack) -> dict[str, Any]:
    return stack.one("Trail").props


@pytest.mark.parametrize("preview", [False, True])
def test_a_lake_without_a_trail(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    assert only(stack.findings(), MISSING) == set()
    stack.drop(stack.one("Trail"))
    assert only(stack.findings(), MISSING) == {OBJECTS, KEYS}


def test_a_lake_elsewhere_may_do_without(stack_of: Callable[..., Stack]) -> None:
    stack = stack_of("dev")
    stack.drop(stack.one("Trail"))
    assert only(stack.findings(), MISSING) == set()
    assert {
        message for message, _ in only(stack.findings({MISSING: {"environments": ["dev"]}}), MISSING)
    } == {
        "No trail records who reads and writes the objects of retaillake-dev-landing in dev.",
        "No trail records who uses the keys of retaillake-dev-landing in dev.",
    }


def test_a_trail_that_is_there_looks_at_what_matters(stack_of: Callable[..., Stack]) -> None:
    stack = stack_of("dev")
    assert only(stack.findings(), MISSING) == set()
    del trail(stack)["advancedEventSelectors"][1]
    message = (
        "No trail records who reads and writes the objects of retaillake-dev-landing although there is one."
    )
    assert only(stack.findings(), MISSING) == {(message, "Bucket::retaillake-dev-landing")}


def test_a_trail_that_is_stopped_records_nothing(prod: Stack) -> None:
    trail(prod)["enableLogging"] = False
    assert only(prod.findings(), MISSING) == {OBJECTS, KEYS}


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("1.fieldSelectors.0.equals", ["Management"], {OBJECTS}),
        ("1.fieldSelectors.1.equals", ["AWS::Lambda::Function"], {OBJECTS}),
        ("1.fieldSelectors.2.startsWiths", ["arn:aws:s3:::another/"], {OBJECTS}),
        ("1.fieldSelectors.2.notEndsWiths", [".gz"], {OBJECTS}),
        ("1.fieldSelectors.3", {"field": "readOnly", "equals": ["true"]}, {OBJECTS}),
        ("1.fieldSelectors.3", {"field": "eventName", "equals": ["PutObject"]}, {OBJECTS}),
        ("1.fieldSelectors.2.startsWiths", ["arn:aws:s3:::"], set()),
        ("0.fieldSelectors.1", {"field": "eventSource", "notEquals": ["kms.amazonaws.com"]}, {KEYS}),
        ("0.fieldSelectors.0.equals", ["Data"], {KEYS}),
        ("0.fieldSelectors", None, {KEYS}),
    ],
)
def test_a_trail_that_records_less(prod: Stack, path: str, value: Any, found: set[tuple[str, str]]) -> None:
    *above, last = path.split(".")
    target = prod.one("Trail").section(".".join(["advancedEventSelectors", *above]))
    if isinstance(target, list):
        target[int(last) :] = [value]
    else:
        target[last] = value
    assert only(prod.findings(), MISSING) == found


def test_all_objects_need_no_address(prod: Stack) -> None:
    del prod.one("Trail").section("advancedEventSelectors.1.fieldSelectors")[2]
    assert only(prod.findings(), MISSING) == set()


@pytest.mark.parametrize(
    ("resource", "kind", "reads", "found"),
    [
        ("arn:aws:s3", "AWS::S3::Object", "All", set()),
        ("zone", "AWS::S3::Object", None, set()),
        ("zone", "AWS::S3::Object", "WriteOnly", {OBJECTS, KEYS}),
        ("arn:aws:s3:::another/", "AWS::S3::Object", "All", {OBJECTS}),
        ("zone", "AWS::Lambda::Function", "All", {OBJECTS}),
        (7, "AWS::S3::Object", "All", {OBJECTS}),
    ],
)
def test_the_older_selectors_record_objects_too(
    prod: Stack, resource: Any, kind: str, reads: str | None, found: set[tuple[str, str]]
) -> None:
    values = [f"{prod.one('Bucket', '-landing').props['arn']}/" if resource == "zone" else resource]
    trail(prod).pop("advancedEventSelectors")
    trail(prod)["eventSelectors"] = [
        {"readWriteType": reads, "dataResources": [{"type": kind, "values": values}]}
    ]
    assert only(prod.findings(), MISSING) == found


# --- what is heard of -----------------------------------------------------------------------------------


@pytest.mark.parametrize("preview", [False, True])
def test_a_filter_that_nobody_hears_of(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    assert only(stack.findings(), "lake-filter-missing-alarm") == set()
    stack.drop(stack.one("MetricAlarm", "audit-root"))
    message = f"Nobody hears of what {P}-audit-root finds in its log: no alarm is on its metric."
    found = only(stack.findings(), "lake-filter-missing-alarm")
    assert found == {(message, f"LogMetricFilter::{P}-audit-root")}
