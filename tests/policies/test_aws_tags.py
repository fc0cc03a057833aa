"""Which types take tags is read from the SDK; which tags are there, from the resource and its provider."""

import inspect
import json
from importlib import import_module
from typing import Any

import pytest

from policies import tags
from policies.tags import REQUIRED, TAGGED
from tests.policies.kit import UNKNOWN, Analyzer, secret
from tests.policies.taggable import taggable
from tests.program.sdk import arguments as sdk_arguments

QUEUE = "aws:sqs/queue:Queue"
ALL = dict.fromkeys(REQUIRED, "x")
CONFIG = {"resource-missing-tags": {"defaults": {"owner": "lake", "project": "retail"}}}
PACK = Analyzer(tags.POLICIES)
MENDING = Analyzer(tags.POLICIES, CONFIG, remediating=True)


def test_the_list_is_what_the_sdk_says() -> None:
    # `.venv/bin/python -m tests.policies.taggable` writes it anew.
    assert sorted(TAGGED) == taggable()
    assert len(TAGGED) > 800


@pytest.mark.parametrize(
    "kind",
    [
        "aws:sqs/queue:Queue",
        "aws:lambda/function:Function",
        "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
        "aws:apigatewayv2/api:Api",
        "aws:autoscaling/group:Group",
        "aws:sqs/queuePolicy:QueuePolicy",
        "aws:s3/bucketPolicy:BucketPolicy",
    ],
)
def test_the_sdk_is_read_right(kind: str) -> None:
    resource = getattr(import_module(sdk_arguments(kind).__module__), kind.rpartition(":")[2])
    arguments = inspect.signature(resource._internal_init).parameters
    # A scaling group's tags are a list of another form.
    takes = "tags" in arguments and "Mapping[str" in str(arguments["tags"].annotation)
    assert (kind in TAGGED) is takes


@pytest.mark.parametrize(
    "given",
    [
        {"tags": ALL},
        {"tags": {**ALL, "owner": UNKNOWN}},
        {"tags": UNKNOWN},
        {"tags": secret(ALL)},
    ],
)
def test_tags_that_are_there_or_may_be_are_no_finding(given: dict[str, Any]) -> None:
    assert PACK.findings(QUEUE, given) == []


@pytest.mark.parametrize("given", [{}, {"tags": None}, {"tags": "x"}, {"tags": {"owner": None}}])
def test_tags_that_are_not_there_are_all_told(given: dict[str, Any]) -> None:
    assert [one.message for one in PACK.findings(QUEUE, given)] == [
        f"Tags are missing: {', '.join(REQUIRED)}."
    ]


@pytest.mark.parametrize("defaults", [{"tags": ALL}, json.dumps({"tags": ALL})])
def test_the_tags_of_the_provider_count(defaults: Any) -> None:
    assert PACK.findings(QUEUE, {}, provider={"defaultTags": defaults}) == []


@pytest.mark.parametrize("defaults", [None, "{", "[]", "7", {"tags": "x"}, {"other": ALL}])
def test_a_provider_without_tags_gives_none(defaults: Any) -> None:
    assert len(PACK.findings(QUEUE, {}, provider={"defaultTags": defaults})) == 1


def test_other_types_need_no_tags() -> None:
    assert PACK.findings("aws:sqs/queuePolicy:QueuePolicy", {}) == []
    assert PACK.findings("snowflake:index/database:Database", {}) == []


def test_remediation_puts_in_the_tags_that_have_a_value_and_changes_none() -> None:
    mended = MENDING.remediated(QUEUE, {"tags": {"owner": secret("me"), "x": UNKNOWN}, "name": "q"})
    assert mended == {"tags": {"owner": secret("me"), "x": UNKNOWN, "project": "retail"}, "name": "q"}
    assert MENDING.remediated(QUEUE, mended) is None
    assert MENDING.remediated(QUEUE, {}) == {"tags": {"owner": "lake", "project": "retail"}}
    assert MENDING.remediated(QUEUE, {"tags": UNKNOWN}) is None
    assert Analyzer(tags.POLICIES, remediating=True).remediated(QUEUE, {}) is None
