"""A lake in which data may flow otherwise than stream → transform → stream → delivery → zone is found out."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import contracts
from tests.policies.stack_kit import UNKNOWN, Part, Stack

ACCOUNT = "123456789012"
KINESIS = f"arn:aws:kinesis:eu-central-1:{ACCOUNT}:stream/"
P = "retaillake-prod"


def allow(actions: str | list[str], resources: str | list[str]) -> str:
    return json.dumps({"Statement": {"Effect": "Allow", "Action": actions, "Resource": resources}})


def role(stack: Stack, name: str, actions: str | list[str], resources: str | list[str]) -> Part:
    """Add a role with a policy."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    made = stack.add(Part(type="aws:iam/role:Role", name=name, props={"name": name, "arn": arn}))
    props = {"role": name, "policy": allow(actions, resources)}
    stack.add(Part(type="aws:iam/rolePolicy:RolePolicy", name=name, props=props, depends={"role": [made]}))
    return made


def firehose(stack: Stack, source: Part | None, bucket: Part, name: str = "rogue") -> Part:
    props: dict[str, Any] = {
        "name": name,
        "extendedS3Configuration": {"bucketArn": bucket.props["arn"], "prefix": f"landing/source={name}/"},
    }
    if source:
        props["kinesisSourceConfiguration"] = {"kinesisStreamArn": source.props["arn"]}
    type_ = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
    return stack.add(Part(type=type_, name=name, props=props))


def only(found: set[tuple[str, str, str]], policy: str) -> set[tuple[str, str]]:
    """Return the findings, all of which must be of one policy."""
    assert {name for name, *_ in found} == {policy}, found
    return {(message, urn) for _, message, urn in found}


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("name", ["dev", "prod", "local"])
def test_the_shipped_stacks_pass(stack_of: Callable[..., Stack], name: str, preview: bool) -> None:
    assert stack_of(name, preview=preview).findings() == set()


@pytest.mark.parametrize("preview", [False, True])
def test_a_second_consumer_of_an_ingress_stream(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    ingress = stack.one("Stream", "pos-ingress")
    function = stack.add(Part(type="aws:lambda/function:Function", name="spy", props={"name": "spy"}))
    stack.add(
        Part(
            type="aws:lambda/eventSourceMapping:EventSourceMapping",
            name="spy",
            props={"functionName": "spy", "eventSourceArn": ingress.props["arn"]},
            depends={"functionName": [function], "eventSourceArn": [ingress]},
        )
    )
    assert only(stack.findings(), "lake-ingress-disallow-readers") == {
        (
            f"Only its transform may read the ingress stream {P}-pos-ingress: the EventSourceMapping spy may too.",
            "EventSourceMapping::spy",
        )
    }


@pytest.mark.parametrize(
    "actions", ["kinesis:GetRecords", "kinesis:Get*", "kinesis:*", "*", "kinesis:subscribetoshard"]
)
@pytest.mark.parametrize("resource", [f"{KINESIS}{P}-pos-ingress", f"{KINESIS}*pos-in?ress"])
def test_a_role_that_may_read_an_ingress_stream(prod: Stack, actions: str, resource: str) -> None:
    role(prod, "spy", actions, resource)
    assert only(prod.findings(), "lake-ingress-disallow-readers") == {
        (
            f"Only its transform may read the ingress stream {P}-pos-ingress: the role spy may too.",
            "RolePolicy::spy",
        )
    }


@pytest.mark.parametrize("action", ["kinesis:PutRecords", "kinesis:DescribeStream"])
def test_producers_may_put_to_an_ingress_stream(prod: Stack, action: str) -> None:
    role(prod, "till", action, f"{KINESIS}{P}-pos-ingress")
    assert prod.findings() == set()


def test_a_managed_policy_that_reads_all_streams(prod: Stack) -> None:
    made = prod.add(Part(type="aws:iam/role:Role", name="support", props={"name": "support"}))
    prod.add(
        Part(
            type="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            name="support",
            props={"role": "support", "policyArn": "arn:aws:iam::aws:policy/AmazonKinesisReadOnlyAccess"},
            depends={"role": [made]},
        )
    )
    assert only(prod.findings(), "lake-ingress-disallow-readers") == {
        (
            f"Only its transform may read the ingress stream {P}-{source}-ingress: the role support may too.",
            "RolePolicyAttachment::support",
        )
        for source in contracts.load().sources
    }


def test_a_policy_of_its_own_counts_once_it_is_attached(prod: Stack) -> None:
    policy = prod.add(
        Part(
            type="aws:iam/policy:Policy",
            name="reading",
            props={"arn": "arn:aws:iam::1:policy/reading", "policy": allow("kinesis:GetRecords", "*")},
        )
    )
    assert prod.findings() == set()
    user = prod.add(Part(type="aws:iam/user:User", name="ann", props={"name": "ann"}))
    prod.add(
        Part(
            type="aws:iam/userPolicyAttachment:UserPolicyAttachment",
            name="ann",
            depends={"policyArn": [policy], "user": [user]},
            props={"policyArn": UNKNOWN, "user": "ann"},
        )
    )
    assert {urn for _, _, urn in prod.findings()} == {"Policy::reading"}


def test_a_stream_policy_that_lets_others_read(prod: Stack) -> None:
    ingress = prod.one("Stream", "pos-ingress")
    document = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
        "Action": "kinesis:*",
    }
    prod.add(
        Part(
            type="aws:kinesis/resourcePolicy:ResourcePolicy",
            name="partner",
            props={"resourceArn": ingress.props["arn"], "policy": json.dumps({"Statement": [document]})},
        )
    )
    assert only(prod.findings(), "lake-ingress-disallow-readers") == {
        (
            f"Only its transform may read the ingress stream {P}-pos-ingress: "
            "arn:aws:iam::999999999999:root may too.",
            "ResourcePolicy::partner",
        )
    }


def test_an_ingress_stream_without_a_transform(prod: Stack) -> None:
    prod.drop(prod.one("EventSourceMapping", "pos-transform"))
    found = {(policy, message) for policy, message, _ in prod.findings()}
    assert (
        "lake-ingress-disallow-readers",
        f"The ingress stream {P}-pos-ingress must be read by one transform: none is.",
    ) in found


@pytest.mark.parametrize("preview", [False, True])
def test_a_delivery_fed_by_an_ingress_stream(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    delivery, ingress = (
        stack.one("FirehoseDeliveryStream", "pos-delivery"),
        stack.one("Stream", "pos-ingress"),
    )
    delivery.section("kinesisSourceConfiguration")["kinesisStreamArn"] = ingress.props["arn"]
    delivery.depends["kinesisSourceConfiguration"] = [ingress]
    assert only(stack.findings(), "lake-landing-disallow-unprotected") == {
        (
            f"The landing zone {P}-landing must be fed from a protected stream: {P}-pos-ingress is none.",
            f"FirehoseDeliveryStream::{P}-pos-delivery",
        )
    }


def test_a_delivery_that_is_put_to_directly(prod: Stack) -> None:
    del prod.one("FirehoseDeliveryStream", "pos-delivery").props["kinesisSourceConfiguration"]
    prod.one("FirehoseDeliveryStream", "pos-delivery").depends.pop("kinesisSourceConfiguration")
    assert only(prod.findings(), "lake-landing-disallow-unprotected") == {
        (
            f"The landing zone {P}-landing must be fed from a protected stream, not directly.",
            f"FirehoseDeliveryStream::{P}-pos-delivery",
        )
    }


def test_a_delivery_of_plaintext_to_anywhere(prod: Stack) -> None:
    other = prod.add(Part(type="aws:s3/bucket:Bucket", name="other", props={"arn": "arn:aws:s3:::other"}))
    firehose(prod, prod.one("Stream", "pos-ingress"), other)
    found = {one for one in prod.findings() if one[0].startswith("lake-")}
    assert only(found, "lake-ingress-disallow-readers") == {
        (
            f"Only its transform may read the ingress stream {P}-pos-ingress: "
            "the FirehoseDeliveryStream rogue may too.",
            "FirehoseDeliveryStream::rogue",
        )
    }


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:Put*", "s3:*"])
@pytest.mark.parametrize("below", ["*", "landing/*", "landing/source=pos/dt=2026-*"])
def test_a_role_that_may_put_below_a_landing_prefix(prod: Stack, action: str, below: str) -> None:
    arn = prod.one("Bucket", "-landing").props["arn"]
    role(prod, "fixer", action, f"{arn}/{below}")
    sources = ["pos"] if "pos" in below else contracts.load().sources
    assert only(prod.findings(), "lake-landing-disallow-unprotected") == {
        (
            f"Only {P}-{source}-delivery may put objects below {P}-landing/landing/source={source}/: "
            "the role fixer may too.",
            "RolePolicy::fixer",
        )
        for source in sources
    }


def test_a_role_that_may_put_elsewhere(prod: Stack) -> None:
    role(prod, "compactor", "s3:PutObject", f"{prod.one('Bucket', '-landing').props['arn']}/compacted/*")
    assert prod.findings() == set()


def test_an_object_that_the_program_puts_below_a_landing_prefix(prod: Stack) -> None:
    props = {"bucket": prod.one("Bucket", "-landing").props["bucket"], "key": "landing/source=pos/seed.json"}
    prod.add(Part(type="aws:s3/bucketObjectv2:BucketObjectv2", name="seed", props=props))
    assert only(prod.findings(), "lake-landing-disallow-unprotected") == {
        (
            f"Only {P}-pos-delivery may put objects below {P}-landing/landing/source=pos/: "
            "the BucketObjectv2 seed may too.",
            "BucketObjectv2::seed",
        )
    }


@pytest.mark.parametrize("action", ["kinesis:PutRecord", "kinesis:Put*", "*"])
def test_a_role_that_may_write_a_protected_stream(prod: Stack, action: str) -> None:
    role(prod, "shortcut", action, f"{KINESIS}{P}-pos-protected")
    found = {one for one in prod.findings() if one[0] != "lake-ingress-disallow-readers"}
    assert only(found, "lake-protected-disallow-writers") == {
        (
            f"Only its transform may write the protected stream {P}-pos-protected: the role shortcut may too.",
            "RolePolicy::shortcut",
        )
    }


def test_a_service_that_writes_a_protected_stream(prod: Stack) -> None:
    protected = prod.one("Stream", "pos-protected")
    filter_ = "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter"
    prod.add(Part(type=filter_, name="logs", props={"destinationArn": protected.props["arn"]}))
    assert only(prod.findings(), "lake-protected-disallow-writers") == {
        (
            f"Only its transform may write the protected stream {P}-pos-protected: "
            "the LogSubscriptionFilter logs may too.",
            "LogSubscriptionFilter::logs",
        )
    }


def test_a_second_transform_of_the_same_streams(prod: Stack) -> None:
    ingress, protected = prod.one("Stream", "pos-ingress"), prod.one("Stream", "pos-protected")
    role(prod, "twin", ["kinesis:GetRecords"], ingress.props["arn"])
    props = {"role": "twin", "policy": allow("kinesis:PutRecords", protected.props["arn"])}
    prod.add(Part(type="aws:iam/rolePolicy:RolePolicy", name="twin-put", props=props))
    arn = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:twin"
    prod.add(
        Part(
            type="aws:lambda/function:Function",
            name="twin",
            props={"name": "twin", "arn": arn, "role": f"arn:aws:iam::{ACCOUNT}:role/twin"},
        )
    )
    prod.add(
        Part(
            type="aws:lambda/eventSourceMapping:EventSourceMapping",
            name="twin",
            props={
                "functionName": arn,
                "eventSourceArn": ingress.props["arn"],
                "destinationConfig": {
                    "onFailure": {"destinationArn": f"arn:aws:sqs:eu-central-1:{ACCOUNT}:q"}
                },
            },
        )
    )
    names = f"{P}-pos-transform, twin"
    found = {(policy, message) for policy, message, _ in prod.findings() if "alarm" not in policy}
    assert found == {
        (
            "lake-ingress-disallow-readers",
            f"The ingress stream {P}-pos-ingress must be read by one transform: {names}.",
        ),
        (
            "lake-protected-disallow-writers",
            f"The protected stream {P}-pos-protected must be written by one transform: {names}.",
        ),
    }


@pytest.mark.parametrize(
    ("kind", "end", "wanted"),
    [
        ("Stream", "pos-ingress", "restricted"),
        ("Stream", "pos-protected", "confidential"),
        ("Bucket", "landing", "confidential"),
    ],
)
@pytest.mark.parametrize("said", ["internal", None])
def test_a_wrong_classification(prod: Stack, kind: str, end: str, wanted: str, said: str | None) -> None:
    part = prod.one(kind, end)
    part.props["tags"] = {**part.props["tags"], "data-classification": said}
    assert only(prod.findings(), "lake-stream-configure-classification") == {
        (
            f"The tag data-classification of {part.name} must be {wanted}, not {said or 'missing'}.",
            f"{kind}::{part.name}",
        )
    }


def test_a_failure_destination_that_keeps_records(prod: Stack) -> None:
    mapping = prod.one("EventSourceMapping", "pos-transform")
    mapping.section("destinationConfig.onFailure")["destinationArn"] = "arn:aws:s3:::failed-batches"
    del mapping.depends["destinationConfig"]
    found = {one for one in prod.findings() if one[0].startswith("lake-transform")}
    assert only(found, "lake-transform-disallow-payloads") == {
        (
            f"What {P}-pos-transform cannot protect must not be kept: name a queue on failure.",
            f"EventSourceMapping::{P}-pos-transform",
        )
    }


def test_no_failure_destination(prod: Stack) -> None:
    mapping = prod.one("EventSourceMapping", "pos-transform")
    del mapping.props["destinationConfig"], mapping.depends["destinationConfig"]
    found = {one for one in prod.findings() if one[0].startswith("lake-transform")}
    assert only(found, "lake-transform-disallow-payloads") == {
        (
            f"What {P}-pos-transform gives up must leave a trace: name a queue on failure.",
            f"EventSourceMapping::{P}-pos-transform",
        )
    }
