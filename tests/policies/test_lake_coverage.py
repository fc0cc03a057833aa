"""A landing prefix without a pipe, a pipe without a channel, a part without an alarm: each is found."""

from collections.abc import Callable

import pytest

import contracts
from tests.policies.stack_kit import Part, Stack
from tests.policies.test_lake_flow import P, only

ALARMS = [
    ("pos-transform-late", "transform", "Function", "pos-transform", "it falls behind"),
    ("pos-transform-failing", "transform", "Function", "pos-transform", "it fails"),
    ("pos-transform-throttled", "ingress", "Stream", "pos-ingress", "it refuses what is sent to it"),
    ("pos-delivery-late", "delivery", "FirehoseDeliveryStream", "pos-delivery", "it falls behind"),
    ("landed-audit-dead", "queue", "Queue", "landed-audit-dead", "something lies in it"),
    ("pos-transform-expired", "queue", "Queue", "pos-transform-expired", "something lies in it"),
]


def without_alarm(kind: str, name: str, sign: str) -> set[tuple[str, str]]:
    return {(f"No alarm tells of {P}-{name} that {sign}.", f"{kind}::{P}-{name}")}


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize(("alarm", "policy", "kind", "name", "sign"), ALARMS)
def test_an_alarm_that_is_gone(
    stack_of: Callable[..., Stack], alarm: str, policy: str, kind: str, name: str, sign: str, preview: bool
) -> None:
    stack = stack_of("prod", preview=preview)
    stack.drop(stack.one("MetricAlarm", alarm))
    assert only(stack.findings(), f"lake-{policy}-missing-alarm") == without_alarm(kind, name, sign)


@pytest.mark.parametrize(
    "change",
    [{"alarmActions": []}, {"alarmActions": None}, {"actionsEnabled": False}, {"metricName": "Invocations"}],
)
def test_an_alarm_that_nobody_hears(prod: Stack, change: dict[str, object]) -> None:
    prod.one("MetricAlarm", "pos-transform-late").props.update(change)
    assert only(prod.findings(), "lake-transform-missing-alarm") == without_alarm(
        "Function", "pos-transform", "it falls behind"
    )


@pytest.mark.parametrize("preview", [False, True])
def test_pipes_without_an_alarm(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    stack.drop(stack.one("MetricAlarm", "landed-silent"))
    assert only(stack.findings(), "lake-pipe-missing-alarm") == {
        (
            f"No alarm tells of {P}-{source}-warehouse that its channel is silent, or that it fails.",
            f"Pipe::{P}-{source}-warehouse",
        )
        for source in contracts.load().sources
    }
    for pipe in stack.all("Pipe"):
        pipe.props["errorIntegration"] = "TELLS_OPERATIONS"
    assert stack.findings() == set()


@pytest.mark.parametrize("preview", [False, True])
def test_a_pipe_that_is_gone(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    stack.drop(stack.one("Pipe", "pos-warehouse"))
    assert only(stack.findings(), "lake-landing-missing-pipe") == {
        (
            f"No pipe loads what lands below {P}-landing/landing/source=pos/.",
            f"FirehoseDeliveryStream::{P}-pos-delivery",
        )
    }


def test_a_pipe_that_loads_something_else(prod: Stack) -> None:
    pipe = prod.one("Pipe", "pos-warehouse")
    pipe.props["copyStatement"] = pipe.props["copyStatement"].replace("source=pos/", "source=shop/")
    assert {urn for _, urn in only(prod.findings(), "lake-landing-missing-pipe")} == {
        f"FirehoseDeliveryStream::{P}-pos-delivery"
    }


@pytest.mark.parametrize("named", ["@LANDING/", '@"RAW"."LANDING"/source=pos/', "@raw.landing"])
def test_a_pipe_may_name_its_stage_shortly(prod: Stack, named: str) -> None:
    prod.one("Pipe", "pos-warehouse").props["copyStatement"] = f"COPY INTO T FROM (SELECT $1 FROM {named})"
    assert prod.findings() == set()


def test_a_prefix_without_a_pipe(prod: Stack) -> None:
    target = prod.one("FirehoseDeliveryStream", "pos-delivery").section("extendedS3Configuration")
    target["prefix"] = target["prefix"].replace("source=pos", "source=tills")
    found = {one for one in prod.findings() if one[0] != "lake-landing-disallow-unprotected"}
    assert {message for message, _ in only(found, "lake-landing-missing-pipe")} == {
        f"No pipe loads what lands below {P}-landing/landing/source=tills/."
    }


PIPES = {
    (
        f"The pipe {P}-{source}-warehouse is not told of what lands below {P}-landing/landing/source={source}/.",
        f"Pipe::{P}-{source}-warehouse",
    )
    for source in contracts.load().sources
}


@pytest.mark.parametrize("preview", [False, True])
def test_a_zone_that_tells_nobody(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    stack.drop(stack.one("BucketNotification"))
    assert only(stack.findings(), "lake-pipe-missing-notification") == PIPES


@pytest.mark.parametrize(
    "change", [{"filterPrefix": "elsewhere/"}, {"events": ["s3:ObjectRemoved:*"]}, {"events": []}]
)
def test_a_zone_that_tells_of_something_else(prod: Stack, change: dict[str, object]) -> None:
    prod.one("BucketNotification").section("topics.0").update(change)
    assert only(prod.findings(), "lake-pipe-missing-notification") == PIPES


def test_a_pipe_that_does_not_listen(prod: Stack) -> None:
    prod.one("Pipe", "pos-warehouse").props["autoIngest"] = False
    found = {one for one in prod.findings() if one[0] != "lake-pipe-missing-alarm"}
    assert only(found, "lake-pipe-missing-notification") == {one for one in PIPES if "-pos-" in one[1]}


def test_a_queue_without_dead_letters(prod: Stack) -> None:
    queue = prod.one("Queue", "landed-audit")
    del queue.props["redrivePolicy"], queue.depends["redrivePolicy"]
    # What was the dead letter queue is an ordinary one then.
    name = queue.name
    assert only(prod.findings(), "lake-queue-missing-dlq") == {
        (f"The queue {one} has no dead letter queue.", f"Queue::{one}") for one in (name, f"{name}-dead")
    }


def test_dead_letters_by_a_companion(prod: Stack) -> None:
    queue = prod.one("Queue", "landed-audit")
    policy, depends = queue.props.pop("redrivePolicy"), queue.depends.pop("redrivePolicy")
    prod.add(
        Part(
            type="aws:sqs/redrivePolicy:RedrivePolicy",
            name="audit",
            props={"queueUrl": queue.props["url"], "redrivePolicy": policy},
            depends={"queueUrl": [queue], "redrivePolicy": depends},
        )
    )
    assert prod.findings() == set()


UNTOLD = "lake-queue-missing-subscription"


@pytest.mark.parametrize("preview", [False, True])
def test_the_shipped_queues_are_told(stack_of: Callable[..., Stack], preview: bool) -> None:
    for name in ("dev", "prod", "local"):
        assert stack_of(name, preview=preview).findings() == set()


def test_a_queue_that_no_topic_tells(prod: Stack) -> None:
    expected = {
        (
            f"The queue {P}-landed-audit lets {P}-landed in, which does not tell it.",
            f"Queue::{P}-landed-audit",
        )
    }
    told = prod.one("TopicSubscription", "landed-audit")
    told.props["endpoint"] = prod.one("Queue", "landed-audit-dead").props["arn"]
    told.depends.pop("endpoint", None)
    assert only(prod.findings(), UNTOLD) == expected
    prod.drop(told)
    assert only(prod.findings(), UNTOLD) == expected
    prod.drop(prod.one("QueuePolicy", "landed-audit"))
    assert prod.findings() == set()
