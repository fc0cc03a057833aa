"""Each policy passes its good resource, and says what is wrong with each way of breaking it."""

import copy
import inspect
import re
from typing import Any

import pulumi_aws as aws
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_policy import (
    PolicyProviderResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from policies.pack import POLICIES
from policies.tags import REQUIRED, TAGGED

KEY = "arn:aws:kms:eu-central-1:123456789012:key/0b2f5f9e-0000-4000-8000-000000000000"
TAGS = {"tags": dict.fromkeys(REQUIRED, "x")}
S3 = {"bucketArn": "arn:aws:s3:::b", "errorOutputPrefix": "errors/", "s3BackupMode": "Disabled"}
GOOD: dict[str, dict[str, Any]] = {
    "aws:kinesis/stream:Stream": {"encryptionType": "KMS", "kmsKeyId": KEY, "retentionPeriod": 168, **TAGS},
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": {
        "extendedS3Configuration": S3,
        "kinesisSourceConfiguration": {"kinesisStreamArn": "arn"},
        **TAGS,
    },
    "aws:kms/key:Key": {"enableKeyRotation": True, **TAGS},
    "aws:sqs/queue:Queue": {"kmsMasterKeyId": KEY, **TAGS},
    "aws:sns/topic:Topic": {"kmsMasterKeyId": KEY, **TAGS},
    "aws:cloudwatch/logGroup:LogGroup": {"retentionInDays": 30, "kmsKeyId": KEY, **TAGS},
}
FIREHOSE = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
# type, path of the property, its bad value (None: removed), the policy that must object
BROKEN: list[tuple[str, str, Any, str]] = [
    ("aws:kinesis/stream:Stream", "encryptionType", "NONE", "aws-kinesis-stream-enable-encryption"),
    ("aws:kinesis/stream:Stream", "encryptionType", None, "aws-kinesis-stream-enable-encryption"),
    ("aws:kinesis/stream:Stream", "kmsKeyId", None, "aws-kinesis-stream-enable-encryption"),
    ("aws:kinesis/stream:Stream", "retentionPeriod", 24, "aws-kinesis-stream-configure-retention"),
    ("aws:kinesis/stream:Stream", "retentionPeriod", None, "aws-kinesis-stream-configure-retention"),
    (FIREHOSE, "extendedS3Configuration.s3BackupMode", "Enabled", "aws-firehose-disallow-backup"),
    (
        FIREHOSE,
        "extendedS3Configuration.processingConfiguration",
        {"enabled": True},
        "aws-firehose-disallow-processor",
    ),
    (FIREHOSE, "extendedS3Configuration.errorOutputPrefix", None, "aws-firehose-configure-error-output"),
    (FIREHOSE, "kinesisSourceConfiguration", None, "aws-firehose-enable-encryption"),
    ("aws:kms/key:Key", "enableKeyRotation", False, "aws-kms-key-enable-rotation"),
    ("aws:kms/key:Key", "enableKeyRotation", None, "aws-kms-key-enable-rotation"),
    ("aws:sqs/queue:Queue", "kmsMasterKeyId", None, "aws-sqs-queue-enable-encryption"),
    ("aws:sns/topic:Topic", "kmsMasterKeyId", None, "aws-sns-topic-configure-kms"),
    ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", None, "aws-loggroup-configure-retention"),
    ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", 0, "aws-loggroup-configure-retention"),
    ("aws:sqs/queue:Queue", "tags.owner", None, "resource-missing-tags"),
    ("aws:sqs/queue:Queue", "tags", None, "resource-missing-tags"),
]


def arguments(
    kind: str, props: dict[str, Any], config: dict[str, Any] | None = None
) -> ResourceValidationArgs:
    options = PolicyResourceOptions(False, [], None, [], None, [], "")  # type: ignore[arg-type]
    provider = PolicyProviderResource("pulumi:providers:aws", {}, "urn:p", "default")
    return ResourceValidationArgs(
        kind, props, f"urn:pulumi:t::t::{kind}::x", "x", options, provider, config, {}
    )


def resource_policies() -> list[ResourceValidationPolicy]:
    return [policy for policy in POLICIES if isinstance(policy, ResourceValidationPolicy)]


def findings(kind: str, props: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for policy in resource_policies():
        policy.validate(
            arguments(kind, props), lambda message, urn=None, name=policy.name: found.update({name: message})
        )
    return found


def broken(kind: str, path: str, value: Any) -> dict[str, Any]:
    props = copy.deepcopy(GOOD[kind])
    *parents, last = path.split(".")
    target = props
    for key in parents:
        target = target[key]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return props


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_resource_passes(kind: str) -> None:
    assert findings(kind, GOOD[kind]) == {}


@pytest.mark.parametrize(("kind", "path", "value", "policy"), BROKEN)
def test_each_weakness_is_found_by_its_policy_alone(kind: str, path: str, value: Any, policy: str) -> None:
    assert set(findings(kind, broken(kind, path, value))) == {policy}


def test_every_policy_is_broken_somewhere_above() -> None:
    # Snowflake's and Azure's are broken in files of their own.
    here = {policy.name for policy in POLICIES if not policy.name.startswith(("snowflake-", "azure-"))}
    assert here == {policy for *_, policy in BROKEN}


def test_remediation_mends_once_and_keeps_the_rest() -> None:
    mended = 0
    for kind, path, value, name in BROKEN:
        policy = next(p for p in resource_policies() if p.name == name)
        props = broken(kind, path, value)
        if not policy.has_remediation():
            continue
        result: Any = policy.remediate(arguments(kind, props))
        assert findings(kind, result) == {}
        assert {key: result[key] for key in props if key != path} == {
            k: v for k, v in props.items() if k != path
        }
        assert policy.remediate(arguments(kind, result)) is None
        mended += 1
    assert mended >= 4


def test_every_policy_tells_people_what_and_how() -> None:
    names = [policy.name for policy in POLICIES]
    assert len(names) == len(set(names))
    for policy in POLICIES:
        assert policy.description.endswith(".")
        assert policy.remediation_steps
        assert policy.severity


def test_taggable_types_take_tags_in_the_sdk() -> None:
    for kind in TAGGED:
        module, name = re.fullmatch(r"aws:(\w+)/\w+:(\w+)", kind).groups()  # type: ignore[union-attr]
        resource = getattr(getattr(aws, "lambda_" if module == "lambda" else module), name)
        assert resource.pulumi_type == kind
        assert "tags" in inspect.signature(resource._internal_init).parameters, kind


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(GOOD)), data=st.data())
def test_policies_are_total(kind: str, data: st.DataObject) -> None:
    props = {key: data.draw(ANYTHING, label=key) for key in GOOD[kind]}
    for name, message in findings(kind, props).items():
        assert message, name
