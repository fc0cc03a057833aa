"""A stack that may need more than its region gives is found, quota by quota."""

from typing import Any

import pytest

from tests.policies.stack_kit import Part, Stack
from tests.policies.test_lake_flow import only

POLICY = "lake-sizing-enforce-quotas"


def moved(stack: Stack, region: str) -> None:
    """Let a stack lie in another region, for its sizing alone."""
    for part in stack.parts:
        if "region" in part.props:
            part.props["region"] = region


def faults(stack: Stack, **config: Any) -> set[str]:
    found = {one for one in stack.findings({POLICY: config}) if one[0] == POLICY}
    return {message for message, _ in only(found, POLICY)} if found else set()


@pytest.mark.parametrize(
    ("region", "megabytes", "found"),
    [
        ("eu-central-1", 23, set[str]()),
        (
            "eu-central-1",
            400,
            {
                "The stack may need 400 MB a second in a stream on demand: eu-central-1 gives 200.",
                "The stack may need 8010 transforms running at once: eu-central-1 gives 1000.",
            },
        ),
        ("eu-west-1", 400, {"The stack may need 8010 transforms running at once: eu-west-1 gives 1000."}),
    ],
)
def test_a_clone_may_fall_off_a_cliff(prod: Stack, region: str, megabytes: float, found: set[str]) -> None:
    moved(prod, region)
    assert faults(prod, megabytesPerSecond=megabytes) == found


def test_what_was_agreed_counts(prod: Stack) -> None:
    raised = {"eu-central-1": {"functions": 10_000, "megabytes": 500, "nonsense": 1}, "eu-west-1": "?"}
    assert faults(prod, megabytesPerSecond=400, quotas=raised) == set()


def test_shards(prod: Stack) -> None:
    for stream in prod.all("Stream"):
        stream.props["streamModeDetails"] = {"streamMode": "PROVISIONED"}
        stream.props["shardCount"] = 60
    assert faults(prod) == {
        "The stack may need 360 provisioned shards: eu-central-1 gives 200.",
        "The stack may need 1800 transforms running at once: eu-central-1 gives 1000.",
    }


@pytest.mark.parametrize("life", [None, "0", "soon"])
def test_a_call_to_kms_for_every_record(prod: Stack, life: str | None) -> None:
    for function in prod.all("Function"):
        variables = function.props.get("environment", {}).get("variables", {})
        if "DATA_KEY_SECONDS" in variables:
            variables["DATA_KEY_SECONDS"] = life
    expected = "The stack may need 21000 calls to KMS a second: eu-central-1 gives 10000."
    assert faults(prod, megabytesPerSecond=10) == {expected}
    moved(prod, "us-east-1")
    assert faults(prod, megabytesPerSecond=10) == set()


@pytest.mark.parametrize(
    ("kind", "props", "what"),
    [
        ("stream:Stream", {"streamModeDetails": {"streamMode": "ON_DEMAND"}}, "54 streams on demand"),
        ("firehoseDeliveryStream:FirehoseDeliveryStream", {}, "53 delivery streams"),
    ],
)
def test_too_many(prod: Stack, kind: str, props: dict[str, Any], what: str) -> None:
    for number in range(50):
        prod.add(Part(type=f"aws:kinesis/{kind}", name=f"more-{number}", props=props))
    assert faults(prod) == {f"The stack may need {what}: eu-central-1 gives 50."}
