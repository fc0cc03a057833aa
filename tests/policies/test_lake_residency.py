"""What lies in another region than it may, or names something that does, is found."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.policies.stack_kit import Stack
from tests.policies.test_lake_flow import P, only

POLICY = "lake-resource-enforce-residency"
HOME = "eu-central-1"


def lies(name: str, region: str = "us-east-1", allowed: str = HOME) -> str:
    return f"{name} lies in {region}, or names what does: allowed is {allowed}."


@pytest.mark.parametrize(
    ("kind", "end"),
    [("Stream", "pos-ingress"), ("Bucket", "-landing"), ("Key", "-pii"), ("LogGroup", "pos-delivery")],
)
def test_a_resource_in_another_region(prod: Stack, kind: str, end: str) -> None:
    part = prod.one(kind, end)
    part.props["region"] = "us-east-1"
    assert only(prod.findings(), POLICY) == {(lies(part.name), f"{kind}::{part.name}")}


@pytest.mark.parametrize(
    ("kind", "end", "change"),
    [
        ("Pipe", "pos-warehouse", {"errorIntegration": "arn:aws:sns:us-east-1:1:elsewhere"}),
        ("Bucket", "-landing", {"bucketRegionalDomainName": "x.s3.us-east-1.amazonaws.com"}),
        ("StorageIntegrationAws", "", {"comment": "arn:aws:s3:us-east-1:1:accesspoint/x"}),
        ("RolePolicy", "pos-transform", {"name": "arn:aws:kms:us-east-1:1:key/x"}),
    ],
)
def test_what_names_another_region(prod: Stack, kind: str, end: str, change: dict[str, Any]) -> None:
    part = prod.one(kind, end)
    part.props.update(change)
    assert only(prod.findings(), POLICY) == {(lies(part.name), f"{kind}::{part.name}")}


def test_regions_are_allowed_by_name(prod: Stack) -> None:
    prod.one("Bucket", "-landing").props["region"] = "us-east-1"
    assert prod.findings({POLICY: {"regions": [HOME, "us-east-1"]}}) == set()
    named = {message for message, _ in only(prod.findings({POLICY: {"regions": ["us-east-1"]}}), POLICY)}
    assert lies(f"{P}-pos-ingress", HOME, "us-east-1") in named
    assert lies(f"{P}-landing", HOME, "us-east-1") in named  # by its host


def test_the_provider_says_where_home_is(prod: Stack) -> None:
    for part in prod.parts:
        if part.type.startswith("aws:"):
            part.provider = {"region": "eu-west-3"}
    named = {message for message, _ in only(prod.findings(), POLICY)}
    assert lies(f"{P}-pos-ingress", HOME, "eu-west-3") in named


def test_nothing_is_known_in_a_preview_but_that_is_no_fault(stack_of: Callable[..., Stack]) -> None:
    stack = stack_of("prod", preview=True)
    assert stack.findings({POLICY: {"regions": ["eu-north-1"]}}) != set()  # what the settings name is known
    assert stack.findings() == set()
