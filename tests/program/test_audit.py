"""The trail records what it must, nobody can quietly change it, and each alarm hears what it is for."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.aws.watched import WATCHED
from local.standin import run_in_process
from local.standin.state import Resource
from tests.program import trail_events as events
from tests.program.filter_pattern import PatternError, matches
from tests.program.graph import Graph, by_sid, statements

AUDIT = "-audit"


def trail(graph: Graph) -> Resource:
    return graph.named("Trail", AUDIT)


# --- what is recorded, and how it is kept ---------------------------------------------------------------


def test_the_trail_records_the_account_with_its_keys_and_the_landing_zone_s_objects(graph: Graph) -> None:
    given = trail(graph).inputs
    management, objects = given["advancedEventSelectors"]
    assert management["fieldSelectors"] == [{"field": "eventCategory", "equals": ["Management"]}]
    zone = graph.named("Bucket", "-landing").outputs["arn"]
    assert objects["fieldSelectors"] == [
        {"field": "eventCategory", "equals": ["Data"]},
        {"field": "resources.type", "equals": ["AWS::S3::Object"]},
        {"field": "resources.ARN", "startsWiths": [f"{zone}/"]},
    ]
    for switch in (
        "enableLogging",
        "enableLogFileValidation",
        "isMultiRegionTrail",
        "includeGlobalServiceEvents",
    ):
        assert given[switch] is True, switch
    assert given["kmsKeyId"] == graph.named("Key", AUDIT).outputs["arn"]
    assert given["s3BucketName"] == graph.named("Bucket", AUDIT).outputs["bucket"]
    group = graph.named("LogGroup", AUDIT).outputs["arn"]
    assert given["cloudWatchLogsGroupArn"] == f"{group}:*"
    assert given["cloudWatchLogsRoleArn"] == graph.named("Role", AUDIT).outputs["arn"]


def test_it_waits_for_what_it_may_write_to(graph: Graph) -> None:
    awaited = set(trail(graph).dependencies)
    for kind in ("BucketPolicy", "BucketVersioning", "BucketServerSideEncryptionConfiguration", "RolePolicy"):
        assert graph.named(kind, AUDIT).urn in awaited, kind


def test_only_the_trail_may_use_what_is_the_trail_s(graph: Graph) -> None:
    """The ARN that the policies say in advance is the one that the trail gets."""
    own = {"aws:SourceArn": trail(graph).outputs["arn"]}
    key = by_sid(statements(graph.named("Key", AUDIT).inputs["policy"]))
    assert set(key) == {"Administration", "Trail"}
    assert key["Trail"]["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
    assert key["Trail"]["Action"] == ["kms:DescribeKey", "kms:GenerateDataKey*"]
    assert key["Trail"]["Condition"] == {"StringEquals": own}
    bucket = by_sid(statements(graph.named("BucketPolicy", AUDIT).inputs["policy"]))
    assert {sid for sid, one in bucket.items() if one["Effect"] == "Allow"} == {"Look", "Write"}
    assert bucket["Look"]["Condition"] == {"StringEquals": own}
    assert bucket["Write"]["Condition"] == {
        "StringEquals": {**own, "s3:x-amz-acl": "bucket-owner-full-control"}
    }
    files = graph.run.outputs["audit"]["url"].replace("s3://", "arn:aws:s3:::")
    assert bucket["Write"]["Resource"] == f"{files}*"
    assert bucket["OnlyTls"]["Effect"] == "Deny"
    (taken,) = statements(graph.named("Role", AUDIT).inputs["assumeRolePolicy"])
    assert taken["Condition"] == {"StringEquals": own}
    group = graph.named("LogGroup", AUDIT).outputs["arn"]
    (log,) = graph.role_policy(AUDIT)
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    account = graph.run.outputs["audit"]["url"].rstrip("/").rpartition("/")[2]
    assert log["Resource"] == f"{group}:log-stream:{account}_CloudTrail_*"


def test_what_is_kept_is_locked_as_long_as_it_is_kept(graph_of: Callable[[str], Graph]) -> None:
    for stack, days in (("dev", 14), ("prod", 2557)):
        graph = graph_of(stack)
        lock = graph.named("BucketObjectLockConfiguration", AUDIT).inputs["rule"]["defaultRetention"]
        assert lock == {"mode": "GOVERNANCE", "days": days}
        assert graph.named("Bucket", AUDIT).inputs["objectLockEnabled"] is True
        (rule,) = graph.named("BucketLifecycleConfiguration", AUDIT).inputs["rules"]
        assert rule["expiration"] == {"days": days + 1}
        assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 1}
        block = graph.named("BucketPublicAccessBlock", AUDIT).inputs
        assert [value for value in block.values() if isinstance(value, bool)] == [True] * 4
        policy = by_sid(statements(graph.named("BucketPolicy", AUDIT).inputs["policy"]))
        assert ("NobodyDeletes" in policy) is (stack == "prod")
    assert graph_of("prod").named("Bucket", AUDIT).protect


def test_who_is_named_may_decrypt_the_trail_s_files_and_nobody_else(project: Path) -> None:
    auditor = "arn:aws:iam::123456789012:role/auditor"
    given = {"lockMode": "none", "forceDestroy": True, "readers": [auditor]}
    graph = Graph(run_in_process(project, "local", config={"retaillake:audit": json.dumps(given)}))
    readers = by_sid(statements(graph.named("Key", AUDIT).inputs["policy"]))["Readers"]
    assert readers["Action"] == ["kms:Decrypt"]
    assert readers["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": [auditor]},
        "StringEquals": {"kms:ViaService": ["s3.eu-central-1.amazonaws.com"]},
    }


def test_a_stack_whose_trail_another_one_owns_makes_nothing_of_it(project: Path) -> None:
    run = run_in_process(project, "local", config={"retaillake:audit": json.dumps({"trail": False})})
    assert "audit" not in run.outputs
    own = [one.urn for one in run.resources if one.type.startswith("aws:") and one.name.endswith(AUDIT)]
    # The audit of what landed is another thing: a queue.
    assert {urn.rpartition("::")[2] for urn in own} == {"retaillake-local-landed-audit"}
    assert not [one for one in run.resources if one.type.endswith((":Trail", ":LogMetricFilter"))]


# --- what is heard of -----------------------------------------------------------------------------------


@pytest.fixture
def patterns(prod: Graph) -> dict[str, str]:
    return {one.inputs["metricTransformation"]["name"]: one.inputs["pattern"] for one in filters(prod)}


def filters(graph: Graph) -> list[Resource]:
    return graph.of("LogMetricFilter")


def test_each_row_is_a_filter_of_the_trail_s_log_and_an_alarm_that_somebody_hears(graph: Graph) -> None:
    assert {one.inputs["metricTransformation"]["name"] for one in filters(graph)} == set(WATCHED)
    topic = graph.named("Topic", "-alarms").outputs["arn"]
    for one in filters(graph):
        assert one.inputs["logGroupName"] == graph.run.outputs["audit"]["log"]
        metric = one.inputs["metricTransformation"]
        alarm = next(each for each in graph.of("MetricAlarm") if each.name == one.name).inputs
        assert (alarm["namespace"], alarm["metricName"]) == (metric["namespace"], metric["name"])
        assert (metric["value"], alarm["statistic"], alarm["threshold"]) == ("1", "Sum", 0)
        assert alarm["alarmActions"] == [topic]
        assert alarm["alarmDescription"] == WATCHED[metric["name"]][0]
        # No two stacks of an account hear of each other.
        assert metric["namespace"] == f"{graph.base}-audit"


def heard(graph: Graph) -> Iterator[tuple[str, dict[str, Any]]]:
    """Events, each with the one row that must hear of it."""
    keys = [one.outputs["keyId"] for one in graph.of("Key")]
    pii = graph.named("Key", "-pii").outputs["keyId"]
    landing = graph.named("Bucket", "-landing").outputs["bucket"]
    bucket = graph.named("Bucket", AUDIT).outputs["bucket"]
    own = trail(graph).outputs
    log = graph.run.outputs["audit"]["log"]
    yield "decrypt-denied", events.refused(pii)
    denied = {"errorCode": "AccessDeniedException", "errorMessage": "no"}
    yield "decrypt-denied", {**events.decrypted(pii), **denied}
    for key in keys:
        yield "key-disabled", events.on_key("DisableKey", key)
        yield "key-disabled", events.on_key("ScheduleKeyDeletion", key, as_arn=True, pendingWindowInDays=7)
        yield "key-policy", events.on_key("PutKeyPolicy", key, policyName="default", policy="{}")
        yield "key-policy", events.on_key("CreateGrant", key, as_arn=True, operations=["Decrypt"])
    for name in ("StopLogging", "DeleteTrail", "UpdateTrail"):
        yield "trail", events.event("cloudtrail", name, {"name": own["name"]})
        yield "trail", events.event("cloudtrail", name, {"name": own["arn"]})
    yield "trail", events.event("cloudtrail", "PutEventSelectors", {"trailName": own["name"]})
    changes = (
        "PutBucketPolicy",
        "DeleteBucketPolicy",
        "PutBucketLifecycle",
        "PutBucketVersioning",
        "PutBucketObjectLockConfiguration",
        "PutBucketPublicAccessBlock",
        "DeleteBucket",
    )
    for name in changes:
        yield "trail-bucket", events.on_bucket(name, bucket)
        yield "landing-bucket", events.on_bucket(name, landing)
    for name in ("DeleteLogGroup", "DeleteMetricFilter", "PutMetricFilter", "PutRetentionPolicy"):
        yield "trail-log", events.event("logs", name, {"logGroupName": log})
    for role in graph.of("Role"):
        for name in ("PutRolePolicy", "AttachRolePolicy", "UpdateAssumeRolePolicy", "DeleteRolePolicy"):
            yield "role", events.on_role(name, role.outputs["name"], policyName="more")
    for name in ("DeleteObject", "DeleteObjects", "PutObjectRetention"):
        yield "landing-objects", events.on_bucket(name, landing, key="landing/source=pos/a.gz")
    refused = {"errorCode": "AccessDenied", "errorMessage": "Access Denied"}
    yield "landing-objects", events.on_bucket("DeleteObject", landing, key="landing/a.gz", **refused)
    yield "root", events.signed_in_as_root()
    yield "root", {**events.event("ec2", "DescribeInstances"), "userIdentity": events.ROOT}


def unheard(graph: Graph) -> Iterator[dict[str, Any]]:
    """What happens every day, or elsewhere."""
    pii = graph.named("Key", "-pii").outputs["keyId"]
    operations = graph.named("Key", "-operations").outputs["keyId"]
    landing = graph.named("Bucket", "-landing").outputs["bucket"]
    other = "99999999-8888-7777-6666-555555555555"
    yield events.decrypted(pii)
    yield events.refused(operations)
    yield events.refused(other)
    invalid = {"errorCode": "InvalidCiphertextException", "errorMessage": None}
    yield {**events.decrypted(pii), **invalid}
    yield {**events.refused(pii), "eventName": "Encrypt"}
    yield events.on_key("DescribeKey", pii)
    yield events.on_key("EnableKeyRotation", pii)
    yield events.on_key("DisableKey", other)
    yield events.on_key("PutKeyPolicy", other)
    yield events.event("cloudtrail", "StopLogging", {"name": "management-events"})
    yield events.event("cloudtrail", "StopLogging", {"name": f"other-{trail(graph).outputs['name']}"})
    yield events.event("cloudtrail", "GetTrailStatus", {"name": trail(graph).outputs["name"]})
    yield events.on_bucket("GetBucketPolicy", landing)
    yield events.on_bucket("PutBucketPolicy", "somebody-else-s")
    yield events.on_bucket("PutObject", landing, key="landing/a.gz")
    yield events.on_bucket("GetObject", landing, key="landing/a.gz")
    yield events.event("logs", "PutRetentionPolicy", {"logGroupName": "/aws/lambda/other"})
    yield events.on_role("PutRolePolicy", f"{graph.base}2-pos-transform")
    yield events.on_role("GetRolePolicy", f"{graph.base}-pos-transform")
    of_aws = {"userIdentity": {**events.ROOT, "invokedBy": "autoscaling.amazonaws.com"}}
    yield events.event("ec2", "RunInstances", **of_aws)
    yield events.event("kms", "RotateKey", eventType="AwsServiceEvent", userIdentity=events.ROOT)


def test_every_row_hears_what_it_is_for_and_nothing_else(prod: Graph, patterns: dict[str, str]) -> None:
    told = list(heard(prod))
    assert {name for name, _ in told} == set(WATCHED)
    for name, event in told:
        found = {row for row, pattern in patterns.items() if matches(pattern, event)}
        assert found == {name}, json.dumps(event)


def test_nothing_sounds_on_an_ordinary_day(prod: Graph, patterns: dict[str, str]) -> None:
    for event in unheard(prod):
        assert [row for row, pattern in patterns.items() if matches(pattern, event)] == [], json.dumps(event)


def test_the_roles_of_a_stack_with_a_long_name_are_heard_of_too(project: Path) -> None:
    """Their names are shortened in the middle, and still begin alike."""
    (project / "Pulumi.a-stack-with-quite-a-long-name-of-its-own.yaml").write_text(
        (project / "Pulumi.dev.yaml").read_text()
    )
    graph = Graph(run_in_process(project, "a-stack-with-quite-a-long-name-of-its-own"))
    pattern = next(one.inputs["pattern"] for one in filters(graph) if one.name.endswith("-role"))
    for role in graph.of("Role"):
        assert matches(pattern, events.on_role("PutRolePolicy", role.outputs["name"])), role.name


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.a = "b*c" }',
        '{ $.a = "*" }',
        "{ $.a = b }",
        '{ $.a = "b" || $.a = "c" && $.a = "d" }',
        '{ $.a = "b" ',
        '{ $.a > "b" }',
        '{ $.a = "' + 1024 * "b" + '" }',
    ],
)
def test_a_pattern_that_the_service_would_not_take_is_no_pattern(pattern: str) -> None:
    with pytest.raises(PatternError):
        matches(pattern, {"a": "b"})
