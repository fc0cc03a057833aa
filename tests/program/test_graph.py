"""The graph of a stack: what feeds what, how it is kept, and that a source follows from a contract alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulumi import _types

import contracts
from components.snowflake.roles import masking_body
from local.standin import run_in_process
from local.standin.state import Resource
from tests.program.graph import Graph, listed, statements
from tests.program.sdk import arguments

PUTS = {"kinesis:PutRecord", "kinesis:PutRecords"}


def arns(graph: Graph, kind: str, end: str) -> set[str]:
    return {one.outputs["arn"] for one in graph.of(kind) if one.name.endswith(end)}


# --- no plaintext at rest is a property of the graph ----------------------------------------------------


def test_the_landing_zone_is_fed_from_protected_streams_only(graph: Graph) -> None:
    ingress, protected = arns(graph, "Stream", "-ingress"), arns(graph, "Stream", "-protected")
    assert ingress and protected and not ingress & protected
    fed = [one.inputs["kinesisSourceConfiguration"] for one in graph.of("FirehoseDeliveryStream")]
    assert {one["kinesisStreamArn"] for one in fed} == protected
    assert len(fed) == len(protected)


def test_a_protected_stream_is_fed_by_its_transform_only(graph: Graph) -> None:
    for source in graph.sources:
        stream = graph.named("Stream", f"-{source}-protected").outputs["arn"]
        writers = {
            name
            for name, statement in graph.role_policies()
            if PUTS & set(statement["Action"]) and stream in listed(statement["Resource"])
        }
        assert writers == {f"{graph.base}-{source}-transform"}


def test_the_transform_reads_ingress_and_nobody_else_does(graph: Graph) -> None:
    for source in graph.sources:
        stream = graph.named("Stream", f"-{source}-ingress").outputs["arn"]
        mappings = [one.inputs for one in graph.of("EventSourceMapping")]
        function = graph.named("Function", f"-{source}-transform").outputs["arn"]
        assert [one["functionName"] for one in mappings if one["eventSourceArn"] == stream] == [function]
        readers = {
            name for name, statement in graph.role_policies() if stream in listed(statement["Resource"])
        }
        assert readers == {f"{graph.base}-{source}-transform"}
    assert {one["eventSourceArn"] for one in mappings} == arns(graph, "Stream", "-ingress")


def test_delivery_neither_transforms_nor_keeps_a_second_copy(graph: Graph) -> None:
    for one in graph.of("FirehoseDeliveryStream"):
        target = one.inputs["extendedS3Configuration"]
        assert target["s3BackupMode"] == "Disabled"
        assert not {
            "processingConfiguration",
            "dynamicPartitioningConfiguration",
            "s3BackupConfiguration",
        } & set(target)
        assert "serverSideEncryption" not in one.inputs
        source = one.name.removesuffix("-delivery").rpartition("-")[2]
        hour = "dt=!{timestamp:yyyy-MM-dd}/hr=!{timestamp:HH}/"
        assert target["prefix"] == f"landing/source={source}/{hour}"
        assert target["errorOutputPrefix"] == f"errors/source={source}/!{{firehose:error-output-type}}/{hour}"
        assert target["compressionFormat"] == "GZIP"
        assert target["kmsKeyArn"] == graph.named("Key", "-landing").outputs["arn"]


def test_the_transform_fails_closed(graph: Graph) -> None:
    for one in graph.of("EventSourceMapping"):
        given = one.inputs
        assert given["functionResponseTypes"] == ["ReportBatchItemFailures"]
        assert given["bisectBatchOnFunctionError"] is True
        assert given["maximumRetryAttempts"] == -1
        queue = given["destinationConfig"]["onFailure"]["destinationArn"]
        assert queue.split(":")[2] == "sqs"  # positions, never payloads
        stream = graph.named("Stream", one.name.removesuffix("-transform") + "-ingress")
        kept = stream.inputs["retentionPeriod"] * 3600
        # Lambda takes -1, or 60 seconds to 7 days.
        assert 60 <= given["maximumRecordAgeInSeconds"] <= 604800
        assert 0 < kept - given["maximumRecordAgeInSeconds"] <= 3600


# --- how it is kept -------------------------------------------------------------------------------------


def test_everything_that_can_be_is_encrypted_with_a_key_of_ours(graph: Graph) -> None:
    operations = graph.named("Key", "-operations").outputs["arn"]
    wanted = {
        "Stream": "kmsKeyId",
        "Topic": "kmsMasterKeyId",
        "Queue": "kmsMasterKeyId",
        "LogGroup": "kmsKeyId",
        "Secret": "kmsKeyId",
    }
    for kind, key in wanted.items():
        assert {one.inputs[key] for one in graph.of(kind)} == {operations}, kind
    rule = graph.named("BucketServerSideEncryptionConfiguration", "-landing").inputs["rules"][0]
    assert rule["bucketKeyEnabled"] is True
    assert rule["applyServerSideEncryptionByDefault"] == {
        "sseAlgorithm": "aws:kms",
        "kmsMasterKeyId": graph.named("Key", "-landing").outputs["arn"],
    }


def test_production_locks_and_protects_what_cannot_be_made_again(graph_of: Callable[[str], Graph]) -> None:
    def protected(stack: str) -> set[str]:
        return {one.type.rpartition(":")[2] for one in graph_of(stack).custom if one.protect}

    kinds = {"Bucket", "Database", "Key", "Pipe", "Schema", "Secret", "Stream", "Table", "Topic"}
    assert protected("prod") == kinds
    assert protected("dev") == protected("local") == set()
    prod = graph_of("prod")
    assert prod.named("Bucket", "-landing").inputs["objectLockEnabled"] is True
    retention = prod.named("BucketObjectLockConfiguration", "-landing").inputs["rule"]["defaultRetention"]
    assert retention == {"mode": "GOVERNANCE", "days": 30}
    assert not [one for one in graph_of("local").custom if one.type.endswith("ObjectLockConfiguration")]


def test_a_bucket_has_one_notification_and_the_policy_is_there_before_it(graph: Graph) -> None:
    notification = graph.of("BucketNotification")
    assert len(notification) == 1
    topic = graph.named("Topic", "-landed")
    assert notification[0].inputs["topics"] == [
        {"topicArn": topic.outputs["arn"], "events": ["s3:ObjectCreated:*"], "filterPrefix": "landing/"}
    ]
    policy = graph.named("TopicPolicy", "-landed")
    assert policy.urn in notification[0].dependencies
    for pipe in graph.of("Pipe"):
        assert {policy.urn, graph.of("StageExternalS3")[0].urn} <= set(pipe.dependencies)
        assert pipe.inputs["awsSnsTopicArn"] == topic.outputs["arn"]
        assert pipe.inputs["autoIngest"] is True


def test_the_topic_lets_the_bucket_publish_and_snowflake_subscribe(graph: Graph) -> None:
    found = statements(graph.named("TopicPolicy", "-landed").inputs["policy"])
    allowed = {tuple(listed(one["Action"])): one for one in found if one["Effect"] == "Allow"}
    assert set(allowed) == {("sns:Publish",), ("sns:Subscribe",)}
    publish = allowed[("sns:Publish",)]
    assert publish["Principal"] == {"Service": "s3.amazonaws.com"}
    assert publish["Condition"]["ArnEquals"] == {
        "aws:SourceArn": graph.named("Bucket", "-landing").outputs["arn"]
    }
    assert set(publish["Condition"]["StringEquals"]) == {"aws:SourceAccount"}
    assert "AWS" in allowed[("sns:Subscribe",)]["Principal"]


def test_the_warehouse_takes_on_the_role_that_it_was_told_of(graph: Graph) -> None:
    integration = graph.of("StorageIntegrationAws")[0]
    role = graph.named("Role", "-warehouse-reader")
    assert integration.inputs["storageAwsRoleArn"] == role.outputs["arn"]
    assert integration.inputs["storageAllowedLocations"] == [graph.run.outputs["landing"]["url"]]
    (trust,) = statements(role.inputs["assumeRolePolicy"])
    assert trust["Principal"] == {"AWS": integration.outputs["describeOutputs"][0]["iamUserArn"]}
    assert trust["Condition"] == {
        "StringEquals": {"sts:ExternalId": integration.inputs["storageAwsExternalId"]}
    }
    stage = graph.of("StageExternalS3")[0]
    assert stage.inputs["url"].endswith("/")
    assert role.urn in stage.dependencies


def test_alarms_watch_every_source_and_reach_the_topic(graph: Graph) -> None:
    topic = graph.named("Topic", "-alarms").outputs["arn"]
    alarms = graph.of("MetricAlarm")
    assert all(one.inputs["alarmActions"] == [topic] for one in alarms)
    for source in graph.sources:
        watched = {one.inputs["metricName"] for one in alarms if f"-{source}-" in one.name}
        assert watched == {
            "ApproximateNumberOfMessagesVisible",
            "DeliveryToS3.DataFreshness",
            "Errors",
            "IteratorAge",
            "Quarantined",
            "WriteProvisionedThroughputExceeded",
        }


# --- what holds for everything --------------------------------------------------------------------------


def test_all_that_takes_tags_has_the_stack_s_tags(graph: Graph) -> None:
    wanted = {"project", "stack", "environment", "owner", "cost-centre", "data-classification"}
    taggable = [
        one
        for one in graph.custom
        if one.type.startswith("aws:") and "tags" in _types.input_type_types(arguments(one.type))
    ]
    assert len({one.type for one in taggable}) >= 11
    for one in taggable:
        assert wanted <= set(one.inputs.get("tags", {})), one.urn
    classes = {one.name: one.inputs["tags"]["data-classification"] for one in graph.of("Stream")}
    assert {value for name, value in classes.items() if name.endswith("-ingress")} == {"restricted"}


def test_every_property_exists_in_the_sdk(graph: Graph) -> None:
    for one in graph.custom:
        assert unknown(one.inputs, arguments(one.type)) == [], one.urn


def unknown(given: Any, kind: Any, at: str = "") -> list[str]:
    """The properties that an SDK's input type does not have."""
    if isinstance(given, list):
        return [fault for item in given for fault in unknown(item, kind, f"{at}[]")]
    if not isinstance(given, dict) or not _types.is_input_type(kind):
        return []
    known = _types.input_type_types(kind)
    faults = [f"{at}.{name}" for name in given.keys() - known.keys()]
    for name, value in given.items():
        faults += unknown(value, inner(known.get(name)), f"{at}.{name}")
    return faults


def inner(kind: Any) -> Any:
    args = getattr(kind, "__args__", None)
    return args[0] if args else kind


def test_names_come_from_the_parents(graph: Graph) -> None:
    urns = {one.urn: one for one in graph.run.resources}
    for one in graph.custom:
        parent = urns[one.parent]
        assert parent.type.startswith("retaillake:"), one.urn
        assert one.name.startswith(graph.base), one.urn


def test_outputs_are_what_local_tools_read(graph: Graph) -> None:
    outputs = graph.run.outputs
    assert set(outputs) == {
        "cloud", "region", "endpoints", "streams", "landing", "audit", "warehouse", "roles", "services",
        "readme", "reid", "erasure",
    }  # fmt: skip
    assert outputs["endpoints"] == {"kinesis": f"kinesis.{outputs['region']}.amazonaws.com"}
    assert set(outputs["streams"]) == set(contracts.load().sources)
    assert set(outputs["warehouse"]) == {"database", "schemas", "warehouses", "stage"}
    assert set(outputs["warehouse"]["schemas"]) == {"raw", "staging", "production", "governance"}
    assert set(outputs["warehouse"]["warehouses"]) == {"load", "transform", "query"}
    assert not graph.run.secret_outputs
    assert graph.run.messages == []


# --- settings arrive where they belong ------------------------------------------------------------------


def test_settings_reach_the_resources(graph_of: Callable[[str], Graph], project: Path) -> None:
    administrator = "arn:aws:iam::123456789012:role/key-admin"
    graph = Graph(
        run_in_process(
            project,
            "local",
            config={
                "retaillake:keys": json.dumps({"administrators": [administrator]}),
                "retaillake:alarms": json.dumps({"email": "oncall@example.com", "lateMinutes": 7}),
                "retaillake:sources": json.dumps(
                    {"pos": {"streams": {"mode": "on-demand"}, "delivery": {"bufferMb": 99}}}
                ),
                "retaillake:snowflake": json.dumps(
                    {
                        "stagingSeconds": 120,
                        "dedupeWindowDays": 5,
                        "creditQuota": 30,
                        "warehouses": {"query": {"creditQuota": 40}},
                    }
                ),
            },
        )
    )
    for key in graph.of("Key"):
        administration = statements(key.inputs["policy"])[0]
        assert administration["Principal"] == {"AWS": [administrator]}
    assert "oncall@example.com" in {one.inputs["endpoint"] for one in graph.of("TopicSubscription")}
    late = graph.named("MetricAlarm", "-pos-transform-late").inputs
    assert late["threshold"] == 7 * 60 * 1000
    pos = graph.named("Stream", "-pos-ingress").inputs
    assert pos["streamModeDetails"] == {"streamMode": "ON_DEMAND"}
    assert "shardCount" not in pos
    assert graph.named("Stream", "-ecommerce-ingress").inputs["shardCount"] == 1
    target = graph.named("FirehoseDeliveryStream", "-pos-delivery").inputs["extendedS3Configuration"]
    assert target["bufferingSize"] == 99
    quotas = {one.name.rpartition("-")[2]: one.inputs["creditQuota"] for one in graph.of("ResourceMonitor")}
    assert quotas == {"load": 30, "transform": 30, "query": 40}
    task = graph.named("Task", "-pos-warehouse").inputs
    assert task["schedule"] == {"minutes": 2}
    assert graph_of("local").named("Task", "-pos-warehouse").inputs["schedule"] == {"seconds": 10}
    assert task["sqlStatement"] != graph_of("local").named("Task", "-pos-warehouse").inputs["sqlStatement"]


# --- a source is a contract -----------------------------------------------------------------------------

SIGNUP: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "A household joins the loyalty programme",
    "x-lake": {
        "source": "loyalty",
        "event": "signup",
        "version": 1,
        "delivery": "stream",
        "key": ["loyalty_id"],
        "freshness": "PT15M",
    },
    "type": "object",
    "additionalProperties": False,
    "required": ["loyalty_id", "ip"],
    "properties": {
        "loyalty_id": {"type": "string", "maxLength": 64},
        "ip": {"type": "string", "maxLength": 64, "x-pii": {"kind": "ip"}},
        "emails": {
            "type": "array",
            "maxItems": 9,
            "items": {"type": "string", "maxLength": 320, "x-pii": {"kind": "email"}},
        },
    },
}


@pytest.fixture
def third(project: Path) -> Path:
    """A copy of the project with one contract more."""
    (project / "contracts/loyalty").mkdir()
    (project / "contracts/loyalty/signup.v1.json").write_text(json.dumps(SIGNUP))
    return project


def shape(resources: list[Resource], source: str) -> set[tuple[str, str]]:
    return {
        (one.type, one.name.replace(source, "SOURCE"))
        for one in resources
        if f"-{source}" in one.name and one.type != "aws:cloudwatch/metricAlarm:MetricAlarm"
    }


def test_a_third_source_is_one_file_and_yields_the_whole_chain(
    third: Path, graph_of: Callable[[str], Graph]
) -> None:
    run = run_in_process(third, "local")
    assert sorted(run.outputs["streams"]) == ["crm", "ecommerce", "loyalty", "pos"]
    tagged = {"snowflake:index/tagAssociation:TagAssociation", "snowflake:index/table:Table"}

    def chain(source: str) -> set[tuple[str, str]]:
        return {(kind, name) for kind, name in shape(run.resources, source) if kind not in tagged}

    assert chain("loyalty") == chain("pos")
    graph = Graph(run)
    assert graph.named("Table", "-loyalty-warehouse-signup").inputs["name"] == "LOYALTY_SIGNUP"
    signup = '"RETAIL_LOCAL"."STAGING"."LOYALTY_SIGNUP"'
    assert {
        one.name.rpartition("-")[2]: one.inputs["objectIdentifiers"]
        for one in graph.of("TagAssociation")
        if "loyalty" in one.name
    } == {"ip": [f'{signup}."IP"'], "nested": [f'{signup}."EMAILS"']}
    assert graph.named("MaskingPolicy", "-ip").inputs["name"] == "MASK_IP"
    assert graph.named("MaskingPolicy", "-nested").inputs["body"] == masking_body("", kind=contracts.NESTED)
    # What was there stays as it was, but for the keys' and the bucket's lists of roles, and of what may be
    # revealed: that is of every source.
    before = {one.urn: one.inputs for one in graph_of("local").run.resources}
    changed = {
        one.type.rpartition(":")[2]
        for one in run.resources
        if one.urn in before and one.inputs != before[one.urn] and one.custom
    }
    assert changed <= {
        "Key",
        "BucketPolicy",
        "Function",
        "RolePolicy",
    }  # a function's package has one contract more
    policies = [
        one.name
        for one in run.resources
        if one.type.endswith(":RolePolicy") and one.inputs != before.get(one.urn, one.inputs)
    ]
    assert policies == ["retaillake-local-reid"]


def test_a_long_stack_name_still_fits_every_service(project: Path) -> None:
    stack = "Pre-production_of.the-european-region-" + "x" * 40
    (project / f"Pulumi.{stack}.yaml").write_bytes((project / "Pulumi.local.yaml").read_bytes())
    graph = Graph(run_in_process(project, stack))
    limits = {  # from the services' own documentation
        "Bucket": ("bucket", 63),
        "FirehoseDeliveryStream": ("name", 64),
        "Function": ("name", 64),
        "Role": ("name", 64),
        "Stream": ("name", 128),
        "Queue": ("name", 80),
        "Topic": ("name", 256),
        "MetricAlarm": ("name", 255),
        "LogGroup": ("name", 512),
        "Secret": ("name", 512),
        "Alias": ("name", 256),
    }
    for kind, (key, longest) in limits.items():
        names = [one.inputs[key] for one in graph.of(kind)]
        assert max(map(len, names)) <= longest, kind
        assert len(names) == len(set(names)), kind
    assert (
        graph.named("Bucket", "-landing").inputs["bucket"]
        == graph.named("Bucket", "-landing").inputs["bucket"].lower()
    )


def test_the_package_is_one_for_all_functions(graph: Graph) -> None:
    assert len({json.dumps(one.inputs["code"]) for one in graph.of("Function")}) == 1
