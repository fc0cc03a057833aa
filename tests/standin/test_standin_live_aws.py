"""The AWS adapters against an emulator; what they made is read by a client of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.standin import Deployment, deploy, destroy, refresh
from local.standin.adapter import adapter
from local.standin.steps import StepError

ROOT = Path(__file__).resolve().parents[2]
Client = Callable[[str], Any]
Lake = Callable[..., Deployment]


@pytest.fixture
def sample(project: Callable[[str], Path]) -> Path:
    return project("aws_sample")


@pytest.fixture
def up(sample: Path, aws: str, tmp_path: Path) -> Lake:
    """Deploy the sample in this process; keywords are those of the verb."""

    def run(verb: Callable[..., Deployment] = deploy, *, rotate: bool = False, hours: int = 48) -> Deployment:
        return verb(
            sample,
            "test",
            state_dir=tmp_path / "state",
            aws_endpoint=aws,
            engine="inprocess",
            config={"sample:rotate": str(rotate).lower(), "sample:hours": str(hours)},
        )

    return run


def test_what_the_program_says_is_what_the_service_has(up: Lake, client: Client):
    out = up().outputs
    bucket, key = out["bucket"], out["key"]
    s3 = client("s3")
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert rule["BucketKeyEnabled"] is True
    lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 1}
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    (lifecycle,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert lifecycle["Filter"] == {"Prefix": "landing/"}
    assert lifecycle["Expiration"] == {"Days": 30}
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (told,) = s3.get_bucket_notification_configuration(Bucket=bucket)["TopicConfigurations"]
    assert told["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "landing/"}]
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerEnforced"}
    ]

    kms = client("kms")
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    assert policy["Statement"][0]["Principal"]["AWS"].endswith(":root")
    aliases = {one["AliasName"]: one["TargetKeyId"] for one in kms.list_aliases()["Aliases"]}
    assert key.endswith(aliases["alias/sample-key"])

    stream = client("kinesis").describe_stream_summary(StreamName=out["stream"])["StreamDescriptionSummary"]
    assert (stream["RetentionPeriodHours"], stream["EncryptionType"], stream["KeyId"]) == (48, "KMS", key)
    (name,) = client("firehose").list_delivery_streams()["DeliveryStreamNames"]
    delivery = client("firehose").describe_delivery_stream(DeliveryStreamName=name)[
        "DeliveryStreamDescription"
    ]
    destination = delivery["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert destination["BufferingHints"] == {"SizeInMBs": 64, "IntervalInSeconds": 60}
    assert destination["CompressionFormat"] == "GZIP"
    assert destination["Prefix"].startswith("landing/source=pos/dt=!{timestamp:yyyy-MM-dd}")
    assert delivery["Source"]["KinesisStreamSourceDescription"]["KinesisStreamARN"] == stream["StreamARN"]

    function = client("lambda").get_function_configuration(FunctionName=out["function"])
    assert (function["MemorySize"], function["Timeout"]) == (256, 30)
    assert function["Environment"]["Variables"]["SOURCE"] == "pos"
    (mapping,) = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (mapping["BatchSize"], mapping["ParallelizationFactor"]) == (100, 2)
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"].split(":")[-1].startswith("dead-")

    queue = client("sqs").get_queue_attributes(QueueUrl=out["queue"], AttributeNames=["All"])["Attributes"]
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"] == 5
    assert json.loads(queue["Policy"])["Statement"][0]["Principal"] == {"Service": "sns.amazonaws.com"}
    (subscription,) = client("sns").list_subscriptions()["Subscriptions"]
    assert subscription["Endpoint"] == queue["QueueArn"]
    (alarm,) = client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert alarm["Dimensions"] == [{"Name": "StreamName", "Value": out["stream"]}]
    assert alarm["Threshold"] == 60000

    dynamodb = client("dynamodb")
    table = dynamodb.describe_table(TableName=out["table"])["Table"]
    assert [(one["AttributeName"], one["KeyType"]) for one in table["KeySchema"]] == [
        ("shop", "HASH"),
        ("number", "RANGE"),
    ]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == key
    ends = dynamodb.describe_time_to_live(TableName=out["table"])["TimeToLiveDescription"]
    assert ends == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ends"}
    policy = json.loads(dynamodb.get_resource_policy(ResourceArn=table["TableArn"])["Policy"])
    assert policy["Statement"][0]["Action"] == "dynamodb:DeleteItem"

    gateway = client("apigateway")
    paths = {one["path"]: one["id"] for one in gateway.get_resources(restApiId=out["api"])["items"]}
    method = gateway.get_method(restApiId=out["api"], resourceId=paths["/{proxy+}"], httpMethod="ANY")
    assert method["authorizationType"] == "AWS_IAM"
    assert method["methodIntegration"]["timeoutInMillis"] == 5000
    stage = gateway.get_stage(restApiId=out["api"], stageName="v1")
    assert stage["accessLogSettings"]["format"] == '{"at": "$context.requestTime"}'
    assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 10
    assert out["url"].startswith("http://127.0.0.1:")

    (trail,) = client("cloudtrail").describe_trails()["trailList"]
    assert (trail["S3BucketName"], trail["KmsKeyId"], trail["IsMultiRegionTrail"]) == (bucket, key, True)
    assert trail["LogFileValidationEnabled"] is True
    assert client("cloudtrail").get_trail_status(Name="sample-trail")["IsLogging"] is True
    selectors = client("cloudtrail").get_event_selectors(TrailName="sample-trail")["AdvancedEventSelectors"]
    assert selectors[1]["FieldSelectors"][2] == {
        "Field": "resources.ARN",
        "StartsWith": [f"arn:aws:s3:::{bucket}/"],
    }
    (counted,) = client("logs").describe_metric_filters()["metricFilters"]
    assert counted["filterPattern"] == '{ $.userIdentity.type = "Root" }'
    (metric,) = counted["metricTransformations"]
    assert (metric["metricNamespace"], metric["metricValue"], metric["defaultValue"]) == ("sample", "1", 0)


def test_a_trail_that_is_stopped_or_told_less_is_set_right(sample: Path, up: Lake, client: Client):
    up()
    trails = client("cloudtrail")
    trails.stop_logging(Name="sample-trail")
    trails.put_event_selectors(TrailName="sample-trail", EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    (found,) = (step for step in up(refresh).steps if step.urn.endswith("::trail"))
    assert set(found.properties) == {"advancedEventSelectors", "enableLogging"}
    up()
    assert trails.get_trail_status(Name="sample-trail")["IsLogging"] is True
    assert len(trails.get_event_selectors(TrailName="sample-trail")["AdvancedEventSelectors"]) == 2
    # And what the program itself takes back is taken back.
    file = sample / "__main__.py"
    source = file.read_text().replace("enable_logging=True", "enable_logging=False")
    start, end = (
        source.index("    advanced_event_selectors=["),
        source.index("    tags=tags,\n)\naws.cloudwatch.LogM"),
    )
    file.write_text(source[:start] + source[end:])
    up()
    assert trails.get_trail_status(Name="sample-trail")["IsLogging"] is False
    assert "EventSelectors" in trails.get_event_selectors(TrailName="sample-trail")


def test_the_rotation_function_makes_the_secret(up: Lake, client: Client):
    secret = up(rotate=True).outputs["secret"]
    secrets = client("secretsmanager")
    value = secrets.get_secret_value(SecretId=secret)["SecretBinary"]
    assert len(value) == 32
    assert secrets.describe_secret(SecretId=secret)["RotationEnabled"] is True
    # The value stays as it is when the lake is deployed again: tokens depend on it.
    up(rotate=True)
    assert secrets.get_secret_value(SecretId=secret)["SecretBinary"] == value


def test_a_failing_rotation_says_which_step(sample: Path, up: Lake):
    source = sample / "package" / "rotate.py"
    source.write_text(source.read_text().replace("if len(value", "if 1 or len(value"))
    with pytest.raises(
        StepError, match=r"step testSecret of its rotation failed.*the pending value has the wrong length"
    ):
        up(rotate=True)


def test_a_second_deployment_changes_nothing(up: Lake):
    first, second = up(), up()
    assert set(second.changes) == {"same"}
    assert second.outputs == first.outputs
    assert set(up(refresh).changes) == {"same"}


def test_an_update_changes_what_differs(up: Lake, client: Client):
    stream = up().outputs["stream"]
    changed = up(hours=72)
    assert [step.urn.split("::")[-1] for step in changed.steps if step.op == "update"] == ["ingress"]
    summary = client("kinesis").describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 72
    up(hours=24)
    summary = client("kinesis").describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 24


EDITS = {
    "aws:iam/role:Role::worker": ('description="works"', 'description="rests"'),
    "aws:lambda/function:Function::worker": (
        'FileAsset("package/rotate.py")',
        'StringAsset("def handler(e, c): return 1")',
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping::worker": ("batch_size=100", "batch_size=50"),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream::delivery": (
        '"buffering_size": 64',
        '"buffering_size": 32',
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm::age": ("threshold=60000", "threshold=1000"),
    "aws:sqs/queue:Queue::audit": ("visibility_timeout_seconds=60", "visibility_timeout_seconds=90"),
    "aws:sns/topicSubscription:TopicSubscription::audit": (
        "raw_message_delivery=True",
        "raw_message_delivery=False",
    ),
    "aws:cloudwatch/logGroup:LogGroup::worker": ("retention_in_days=14", "retention_in_days=7"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration::lifecycle": (
        '"expiration": {"days": 30}',
        '"expiration": {"days": 60}',
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration::lock": (
        '"mode": "GOVERNANCE", "days": 1',
        '"mode": "GOVERNANCE", "days": 2',
    ),
    "aws:cloudtrail/trail:Trail::trail": ("is_multi_region_trail=True", "is_multi_region_trail=False"),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter::root": ('"namespace": "sample"', '"namespace": "other"'),
    "aws:kms/key:Key::key": ("enable_key_rotation=True", "enable_key_rotation=False"),
    "aws:dynamodb/table:Table::orders": ('ttl={"enabled": True', 'ttl={"enabled": False'),
    "aws:dynamodb/resourcePolicy:ResourcePolicy::orders": ("dynamodb:DeleteItem", "dynamodb:UpdateItem"),
    "aws:apigateway/restApi:RestApi::orders": ('description="Orders"', 'description="All orders"'),
    "aws:apigateway/restApiPolicy:RestApiPolicy::orders": ("/any/*", "/v1/*"),
    "aws:apigateway/integration:Integration::orders": (
        "timeout_milliseconds=5000",
        "timeout_milliseconds=6000",
    ),
    "aws:apigateway/response:Response::orders": ('{"title": "no"}', '{"title": "No"}'),
    "aws:apigateway/stage:Stage::orders": ("xray_tracing_enabled=True", "xray_tracing_enabled=False"),
    "aws:apigateway/methodSettings:MethodSettings::orders": ('rate_limit": 10', 'rate_limit": 20'),
}
TAGGED = {
    "aws:kms/key:Key::key",
    "aws:s3/bucket:Bucket::landing",
    "aws:sns/topic:Topic::arrivals",
    "aws:sqs/queue:Queue::audit",
    "aws:sqs/queue:Queue::dead",
    "aws:kinesis/stream:Stream::ingress",
    "aws:iam/role:Role::worker",
    "aws:lambda/function:Function::worker",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream::delivery",
    "aws:cloudwatch/logGroup:LogGroup::worker",
    "aws:cloudwatch/metricAlarm:MetricAlarm::age",
    "aws:cloudtrail/trail:Trail::trail",
    "aws:secretsmanager/secret:Secret::token",
    "aws:dynamodb/table:Table::orders",
    "aws:apigateway/restApi:RestApi::orders",
    "aws:apigateway/stage:Stage::orders",
}


def test_every_change_reaches_the_service(sample: Path, up: Lake):
    """Each edit is an update, is verified by reading back, and leaves nothing to do."""
    up()
    retagged = ('tags = {"project": "sample", ', 'tags = {"owner": "us", ')
    for edits, expected in (([*EDITS.values()], EDITS.keys()), ([retagged], TAGGED)):
        file = sample / "__main__.py"
        for before, after in edits:
            source = file.read_text()
            assert before in source
            file.write_text(source.replace(before, after))
        changed = up()
        assert {step.urn.split("::", 2)[2] for step in changed.steps if step.op == "update"} == expected
        assert changed.changes.keys() == {"same", "update"}
        assert set(up(refresh).changes) == {"same"}
    assert set(up().changes) == {"same"}


def test_a_new_name_is_a_new_resource(sample: Path, up: Lake, client: Client):
    up()
    file = sample / "__main__.py"
    file.write_text(file.read_text().replace("alias/sample-key", "alias/other-key"))
    assert up().changes["replace"] == 1
    assert [one["AliasName"] for one in client("kms").list_aliases()["Aliases"]] == ["alias/other-key"]


def test_drift_is_found_and_set_right(up: Lake, client: Client):
    out = up().outputs
    client("sqs").set_queue_attributes(QueueUrl=out["queue"], Attributes={"VisibilityTimeout": "5"})
    client("kinesis").delete_stream(StreamName=out["stream"])
    client("s3").put_public_access_block(
        Bucket=out["bucket"],
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": False,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    found = {step.urn.split("::")[-1]: step for step in up(refresh).steps if step.op != "same"}
    assert found["audit"].properties == ("visibilityTimeoutSeconds",)
    assert found["public"].properties == ("blockPublicAcls",)
    assert found["ingress"].op == "delete"
    again = up()
    assert again.changes["create"] == 1
    attributes = client("sqs").get_queue_attributes(QueueUrl=out["queue"], AttributeNames=["All"])[
        "Attributes"
    ]
    assert attributes["VisibilityTimeout"] == "60"
    block = client("s3").get_public_access_block(Bucket=out["bucket"])["PublicAccessBlockConfiguration"]
    assert block["BlockPublicAcls"] is True
    client("kinesis").describe_stream_summary(StreamName=out["stream"])


LISTS = {
    "s3": ("list_buckets", "Buckets"),
    "kinesis": ("list_streams", "StreamNames"),
    "firehose": ("list_delivery_streams", "DeliveryStreamNames"),
    "lambda": ("list_functions", "Functions"),
    "sqs": ("list_queues", "QueueUrls"),
    "sns": ("list_topics", "Topics"),
    "iam": ("list_roles", "Roles"),
    "cloudwatch": ("describe_alarms", "MetricAlarms"),
    "secretsmanager": ("list_secrets", "SecretList"),
    "kms": ("list_aliases", "Aliases"),
    "cloudtrail": ("list_trails", "Trails"),
}


def test_nothing_is_left_after_destroy(up: Lake, client: Client):
    out = up().outputs
    client("s3").put_object(Bucket=out["bucket"], Key="landing/one", Body=b"x")
    left = up(destroy)
    assert left.resources == []
    assert left.outputs == {}
    for service, (operation, list_) in LISTS.items():
        assert getattr(client(service), operation)().get(list_, []) == [], service
    assert client("sns").list_subscriptions()["Subscriptions"] == []
    assert client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    # The function's own group was made by the service, when it first ran.
    groups = client("logs").describe_log_groups()["logGroups"]
    assert [one["logGroupName"] for one in groups if not one["logGroupName"].startswith("/aws/lambda/")] == []
    assert client("kms").describe_key(KeyId=out["key"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    up(destroy)


def test_destroy_is_content_with_what_is_gone(up: Lake, client: Client):
    out = up().outputs
    client("kinesis").delete_stream(StreamName=out["stream"])
    client("sqs").delete_queue(QueueUrl=out["queue"])
    assert up(destroy).resources == []


def test_a_bucket_with_objects_is_kept_unless_the_program_says_otherwise(
    program: Callable[[str], Path], aws: str, client: Client, tmp_path: Path
):
    where = {"state_dir": tmp_path / "state", "aws_endpoint": aws, "engine": "inprocess"}
    root = program('aws.s3.Bucket("b", bucket="kept")')
    deploy(root, "test", **where)
    client("s3").put_object(Bucket="kept", Key="k", Body=b"x")
    with pytest.raises(StepError, match=r"Bucket::b: it could not be deleted: .*BucketNotEmpty"):
        destroy(root, "test", **where)


def test_a_deployment_that_was_cut_off_goes_on(sample: Path, up: Lake, client: Client, tmp_path: Path):
    """What a lost state made is taken over by name; nothing is made twice."""
    first = up().outputs
    state = tmp_path / "state" / "inprocess" / "test.json"
    document = json.loads(state.read_text())
    lost = ("Stream::ingress", "Queue::audit", "Role::worker", "Topic::arrivals", "Secret::token")
    document["resources"] = [one for one in document["resources"] if not one["urn"].endswith(lost)]
    state.write_text(json.dumps(document))
    second = up()
    assert second.outputs == first
    assert second.changes["create"] == len(lost)
    assert len(client("sqs").list_queues()["QueueUrls"]) == 2


def test_an_unmapped_property_fails_before_anything_is_made(
    program: Callable[[str], Path], aws: str, client: Client, tmp_path: Path
):
    root = program('aws.kinesis.Stream("s", name="s", shard_count=1, shard_level_metrics=["IncomingBytes"])')
    with pytest.raises(
        StepError, match=r"Stream::s: shardLevelMetrics: is not mapped by the laptop's stand-in"
    ):
        deploy(root, "test", state_dir=tmp_path / "s", aws_endpoint=aws, engine="inprocess")
    assert client("kinesis").list_streams()["StreamNames"] == []


def test_what_the_emulator_does_not_keep_is_an_error(
    program: Callable[[str], Path], aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    queue = adapter("aws:sqs/queue:Queue")
    real = type(queue).read

    def forgetful(self: Any, cloud: Any, rid: str, inputs: Any) -> Any:
        return {**(real(self, cloud, rid, inputs) or {}), "kmsMasterKeyId": None}

    monkeypatch.setattr(type(queue), "read", forgetful)
    root = program('aws.sqs.Queue("q", kms_master_key_id="alias/aws/sqs", delay_seconds=3)')
    with pytest.raises(StepError, match=r"Queue::q: .*sent and not kept by the emulator: kmsMasterKeyId$"):
        deploy(root, "test", state_dir=tmp_path / "s", aws_endpoint=aws, engine="inprocess")


def test_shards_do_not_change_on_a_laptop(program: Callable[[str], Path], aws: str, tmp_path: Path):
    where = {"state_dir": tmp_path / "state", "aws_endpoint": aws, "engine": "inprocess"}
    deploy(program('aws.kinesis.Stream("s", shard_count=1)'), "test", **where)
    with pytest.raises(StepError, match="would lose its records"):
        deploy(program('aws.kinesis.Stream("s", shard_count=2)'), "test", **where)


def test_the_state_holds_no_secret(up: Lake, tmp_path: Path):
    up()
    for file in (tmp_path / "state").rglob("*"):
        assert not file.is_file() or b"hush-hush" not in file.read_bytes()


def test_calls_go_to_the_emulator_only(tmp_path: Path):
    environment = {
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "PATH": os.environ["PATH"],
    }
    source = (
        "from pathlib import Path\n"
        "from local.standin.live import Live\n"
        "Live(root=Path(), aws_endpoint='http://127.0.0.1:9').place('aws', {})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9/"' in done.stderr
