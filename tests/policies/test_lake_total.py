"""Lake policies find nothing in what is no lake, stop at no odd value, and only name what exists."""

import copy
import inspect
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi_policy import EnforcementLevel, StackValidationPolicy

from policies.lake import aws_access, aws_watch, grants
from policies.lake import pack as lake
from policies.sqs import FAILED, REDRIVING
from tests.policies.stack_kit import ANYTHING, JUDGED, UNKNOWN, Part, Stack
from tests.policies.test_lake_flow import role

ARN = "arn:aws:kinesis:eu-central-1:1:stream/clicks"


def no_lake() -> Stack:
    """Clicks by Kinesis, Lambda and Firehose into a bucket, with little care."""
    stack = Stack([])
    stream = {"name": "clicks", "arn": ARN, "streamModeDetails": {"streamMode": "ON_DEMAND"}}
    stack.add(Part(type="aws:kinesis/stream:Stream", name="clicks", props=stream))
    stack.add(
        Part(type="aws:s3/bucket:Bucket", name="out", props={"bucket": "out", "arn": "arn:aws:s3:::out"})
    )
    target = {"bucketArn": "arn:aws:s3:::out"}
    firehose = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
    stack.add(Part(type=firehose, name="out", props={"extendedS3Configuration": target}))
    role(stack, "worker", ["kinesis:*", "kms:*", "s3:*"], "*")
    stack.add(
        Part(type="aws:lambda/function:Function", name="worker", props={"name": "worker", "role": "worker"})
    )
    mapping = {"functionName": "worker", "eventSourceArn": ARN}
    stack.add(Part(type="aws:lambda/eventSourceMapping:EventSourceMapping", name="worker", props=mapping))
    stack.add(Part(type="aws:sqs/queue:Queue", name="jobs", props={"name": "jobs", "region": "us-east-1"}))
    return stack


def lake_findings(stack: Stack) -> set[tuple[str, str, str]]:
    return stack.findings(policies=lake.POLICIES)


def test_what_is_no_lake_is_not_judged() -> None:
    stack = no_lake()
    assert lake_findings(stack) == set()
    stack.add(Part(type="snowflake:index/database:Database", name="db", props={"name": "DB"}))
    assert lake_findings(stack) == set()
    stack.one("Stream").props["tags"] = {"data-classification": "internal"}
    assert lake_findings(stack) == set()


def test_and_it_is_judged_once_it_is_one() -> None:
    stack = no_lake()
    stack.add(Part(type="snowflake:index/database:Database", name="db", props={"name": "DB"}))
    stack.one("Stream").props["tags"] = {"data-classification": "restricted"}
    assert ("lake-ingress-disallow-readers", "EventSourceMapping::worker") in {
        (policy, urn) for policy, _, urn in lake_findings(stack)
    }


def test_an_empty_stack() -> None:
    assert Stack([]).findings() == set()


def test_the_metadata_of_stack_policies() -> None:
    verbs = "missing|disallow|enable|disable|configure|enforce|block"
    found = [policy for policy in JUDGED if isinstance(policy, StackValidationPolicy)]
    assert len(found) >= 25
    for policy in found:
        assert re.fullmatch(rf"(lake|data|aws)(-[a-z0-9]+)*-({verbs})(-[a-z]+)+", policy.name) or (
            policy.name.startswith("data-")
        ), policy.name
        advisory = policy.name.startswith("aws-") and re.search("versioning|missing", policy.name)
        level = EnforcementLevel.ADVISORY if advisory else EnforcementLevel.MANDATORY
        assert policy.enforcement_level == level, policy.name
        assert policy.description.endswith(".") and (policy.remediation_steps or "").endswith(".")
        assert policy.severity


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["prod", "azure-prod"]))
def test_stack_policies_are_total(stack_of: Callable[..., Stack], data: st.DataObject, name: str) -> None:
    stack = stack_of(name)
    parts = data.draw(st.lists(st.sampled_from(range(len(stack.parts))), min_size=5, max_size=40))
    for number in parts:
        part = stack.parts[number]
        if part.props:
            path = data.draw(st.sampled_from(sorted(part.props)))
            part.props[path] = data.draw(ANYTHING | st.just(UNKNOWN))
    for _, message, _ in stack.findings(policies=(*JUDGED, *lake.STRICT)):
        assert message


@pytest.mark.parametrize("name", ["prod", "azure-prod"])
@pytest.mark.parametrize("depends", [True, False])
def test_everything_unknown(stack_of: Callable[..., Stack], depends: bool, name: str) -> None:
    stack = stack_of(name)
    for part in stack.parts:
        part.props = {key: UNKNOWN for key in part.props if key != "tags"} | (
            {"tags": copy.deepcopy(part.props["tags"])} if "tags" in part.props else {}
        )
        if not depends:
            part.depends = {}
    stack.findings()


TYPES: dict[str, str] = {
    **aws_access.READERS,
    **aws_access.WRITERS,
    **FAILED,
    **dict.fromkeys(REDRIVING, "redrivePolicy"),
    **dict.fromkeys(aws_access.OBJECTS, "bucket"),
    **{kind: key for kind, (key, _) in grants.INLINE.items()},
    **{kind: keys[0][0] for kind, keys in grants.ATTACHMENTS.items()},
    grants.MANAGED: "policy",
    grants.ROLE: "inlinePolicies",
    aws_access.STREAM_POLICY: "resourceArn",
    aws_watch.ALARM: "dimensions",
    aws_watch.NOTIFICATION: "topics",
    "aws:kms/grant:Grant": "granteePrincipal",
    "aws:kms/keyPolicy:KeyPolicy": "policy",
    **{kind: "name" for _, kind in aws_watch.DIMENSIONS.values()},
}


OF_AZURE = ["EventHub", "WebApp", "StorageAccount", "RoleAssignment", "RoleDefinition", "SystemTopic"]
OF_AZURE += ["SystemTopicEventSubscription", "Key", "Vault", "MetricAlert", "ScheduledQueryRule"]
OF_AZURE += ["ManagementPolicy", "DiagnosticSetting", "ActionGroup", "ConsumerGroup", "BlobServiceProperties"]


@pytest.mark.parametrize("kind", OF_AZURE)
@pytest.mark.parametrize("value", [UNKNOWN, None, 7, "x", [7, None, "x"], {"x": [{}]}])
def test_odd_values_stop_nothing_on_azure(stack_of: Callable[..., Stack], kind: str, value: Any) -> None:
    """Every property, and everything in it, of one resource of a kind is something else."""
    stack = stack_of("azure-prod")
    part = next(one for one in stack.all(kind) if one.type.startswith("azure-native:"))
    whole = copy.deepcopy(part.props)
    part.props = {key: value if key != "tags" else whole[key] for key in whole}
    stack.findings(policies=(*JUDGED, *lake.STRICT))
    part.props = {key: inner(one, value) if key != "tags" else one for key, one in whole.items()}
    stack.findings(policies=(*JUDGED, *lake.STRICT))


def inner(value: Any, odd: Any) -> Any:
    """Put an odd value in place of each leaf."""
    if isinstance(value, dict):
        return {key: inner(one, odd) for key, one in value.items()}
    if isinstance(value, list):
        return [inner(one, odd) for one in value]
    return odd


@pytest.mark.parametrize("kind", OF_AZURE)
def test_what_is_not_known_yet_is_no_finding_on_azure(stack_of: Callable[..., Stack], kind: str) -> None:
    stack = stack_of("azure-prod", preview=True)
    part = next(one for one in stack.all(kind) if one.type.startswith("azure-native:"))
    keys = [key for key in part.props if key != "tags"]
    for key in keys:
        kept, part.props[key] = part.props[key], UNKNOWN
        assert stack.findings(policies=(*JUDGED, *lake.STRICT)) == set(), key
        part.props[key] = kept


@pytest.mark.parametrize(("token", "path"), TYPES.items())
def test_types_and_properties_exist(token: str, path: str) -> None:
    service, place, name = token.split(":")
    assert service == "aws"
    package = place.partition("/")[0]
    # Its package and not its module: a package whose modules were imported first has lost what it exports.
    where = f"pulumi_aws.{'lambda_' if package == 'lambda' else package}"
    resource: Any = getattr(import_module(where), name)
    assert resource.pulumi_type == token
    key = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", path.partition(".")[0]).lower()
    assert key in inspect.signature(resource._internal_init).parameters, key
