"""One of each AWS resource that the lake uses, with the properties that it uses."""

import json

import pulumi
import pulumi_aws as aws

config = pulumi.Config()
hours = config.require_int("hours")
tags = {"project": "sample", "stack": pulumi.get_stack()}
account = aws.get_caller_identity().account_id
region = aws.get_region().region
partition = aws.get_partition().partition


def policy(principal: str, action: str, resource: str) -> str:
    """Return a policy of one statement."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": action,
        "Resource": resource,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


key = aws.kms.Key(
    "key",
    description="sample",
    policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                }
            ],
        }
    ),
    enable_key_rotation=True,
    deletion_window_in_days=7,
    tags=tags,
)
aws.kms.Alias("alias", name="alias/sample-key", target_key_id=key.key_id)

# The bucket and its settings.
bucket = aws.s3.Bucket("landing", object_lock_enabled=True, force_destroy=True, tags=tags)
versions = aws.s3.BucketVersioning(
    "versions", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"}
)
aws.s3.BucketServerSideEncryptionConfiguration(
    "encryption",
    bucket=bucket.bucket,
    rules=[
        {
            "apply_server_side_encryption_by_default": {
                "sse_algorithm": "aws:kms",
                "kms_master_key_id": key.arn,
            },
            "bucket_key_enabled": True,
        }
    ],
)
aws.s3.BucketPublicAccessBlock(
    "public",
    bucket=bucket.bucket,
    block_public_acls=True,
    block_public_policy=True,
    ignore_public_acls=True,
    restrict_public_buckets=True,
)
aws.s3.BucketOwnershipControls(
    "ownership", bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"}
)
aws.s3.BucketObjectLockConfiguration(
    "lock",
    bucket=bucket.bucket,
    rule={"default_retention": {"mode": "GOVERNANCE", "days": 1}},
    opts=pulumi.ResourceOptions(depends_on=[versions]),
)
aws.s3.BucketLifecycleConfiguration(
    "lifecycle",
    bucket=bucket.bucket,
    rules=[
        {
            "id": "expire",
            "status": "Enabled",
            "filter": {"prefix": "landing/"},
            "expiration": {"days": 30},
            "noncurrent_version_expiration": {"noncurrent_days": 7},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 1},
        }
    ],
)
aws.s3.BucketPolicy(
    "bucket-policy",
    bucket=bucket.bucket,
    policy=bucket.arn.apply(
        lambda arn: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [arn, f"{arn}/*"],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        )
    ),
)

# Whom the bucket tells.
topic = aws.sns.Topic("arrivals", kms_master_key_id=key.arn, tags=tags)
topic_policy = aws.sns.TopicPolicy(
    "arrivals",
    arn=topic.arn,
    policy=topic.arn.apply(lambda arn: policy("s3.amazonaws.com", "sns:Publish", arn)),
)
dead = aws.sqs.Queue("dead", message_retention_seconds=1209600, kms_master_key_id=key.arn, tags=tags)
queue = aws.sqs.Queue(
    "audit",
    kms_master_key_id=key.arn,
    visibility_timeout_seconds=60,
    redrive_policy=dead.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})),
    tags=tags,
)
aws.sqs.QueuePolicy(
    "audit",
    queue_url=queue.url,
    policy=queue.arn.apply(lambda arn: policy("sns.amazonaws.com", "sqs:SendMessage", arn)),
)
aws.sns.TopicSubscription(
    "audit", topic=topic.arn, protocol="sqs", endpoint=queue.arn, raw_message_delivery=True
)
aws.s3.BucketNotification(
    "notify",
    bucket=bucket.bucket,
    topics=[{"topic_arn": topic.arn, "events": ["s3:ObjectCreated:*"], "filter_prefix": "landing/"}],
    opts=pulumi.ResourceOptions(depends_on=[topic_policy]),
)

# Streams, the function between them, and delivery.
ingress = aws.kinesis.Stream(
    "ingress",
    shard_count=1,
    stream_mode_details={"stream_mode": "PROVISIONED"},
    retention_period=hours,
    encryption_type="KMS",
    kms_key_id=key.arn,
    tags=tags,
)
role = aws.iam.Role(
    "worker",
    assume_role_policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    ),
    description="works",
    max_session_duration=3600,
    tags=tags,
)
aws.iam.RolePolicy(
    "worker",
    role=role.name,
    policy=ingress.arn.apply(
        lambda arn: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "kinesis:*", "Resource": arn}],
            }
        )
    ),
)
logs = aws.cloudwatch.LogGroup("worker", retention_in_days=14, tags=tags)
aws.cloudwatch.LogStream("delivery", name="delivery", log_group_name=logs.name)
function = aws.lambda_.Function(
    "worker",
    role=role.arn,
    runtime="python3.11",
    handler="rotate.handler",
    code=pulumi.AssetArchive({"rotate.py": pulumi.FileAsset("package/rotate.py")}),
    architectures=["arm64"],
    memory_size=256,
    timeout=30,
    environment={"variables": {"SOURCE": "pos"}},
    tracing_config={"mode": "Active"},
    dead_letter_config={"target_arn": dead.arn},
    tags=tags,
)
aws.lambda_.EventSourceMapping(
    "worker",
    function_name=function.arn,
    event_source_arn=ingress.arn,
    starting_position="TRIM_HORIZON",
    batch_size=100,
    maximum_batching_window_in_seconds=1,
    parallelization_factor=2,
    bisect_batch_on_function_error=True,
    maximum_retry_attempts=-1,
    maximum_record_age_in_seconds=-1,
    function_response_types=["ReportBatchItemFailures"],
    destination_config={"on_failure": {"destination_arn": dead.arn}},
)
delivery = aws.kinesis.FirehoseDeliveryStream(
    "delivery",
    destination="extended_s3",
    kinesis_source_configuration={"kinesis_stream_arn": ingress.arn, "role_arn": role.arn},
    extended_s3_configuration={
        "bucket_arn": bucket.arn,
        "role_arn": role.arn,
        "prefix": "landing/source=pos/dt=!{timestamp:yyyy-MM-dd}/hr=!{timestamp:HH}/",
        "error_output_prefix": "errors/!{firehose:error-output-type}/",
        "buffering_size": 64,
        "buffering_interval": 60,
        "compression_format": "GZIP",
        "kms_key_arn": key.arn,
        "s3_backup_mode": "Disabled",
        "cloudwatch_logging_options": {"enabled": True, "log_group_name": logs.name, "log_stream_name": "s3"},
    },
    tags=tags,
)
aws.cloudwatch.MetricAlarm(
    "age",
    namespace="AWS/Kinesis",
    metric_name="GetRecords.IteratorAgeMilliseconds",
    dimensions={"StreamName": ingress.name},
    comparison_operator="GreaterThanThreshold",
    threshold=60000,
    statistic="Maximum",
    period=60,
    evaluation_periods=5,
    treat_missing_data="notBreaching",
    alarm_actions=[topic.arn],
    tags=tags,
)

# Who did what, and what is heard of it.
aws.cloudtrail.Trail(
    "trail",
    name="sample-trail",
    s3_bucket_name=bucket.bucket,
    kms_key_id=key.arn,
    enable_logging=True,
    enable_log_file_validation=True,
    is_multi_region_trail=True,
    include_global_service_events=True,
    cloud_watch_logs_group_arn=pulumi.Output.concat(logs.arn, ":*"),
    cloud_watch_logs_role_arn=role.arn,
    advanced_event_selectors=[
        {"name": "account", "field_selectors": [{"field": "eventCategory", "equals": ["Management"]}]},
        {
            "name": "objects",
            "field_selectors": [
                {"field": "eventCategory", "equals": ["Data"]},
                {"field": "resources.type", "equals": ["AWS::S3::Object"]},
                {"field": "resources.ARN", "starts_withs": [pulumi.Output.concat(bucket.arn, "/")]},
            ],
        },
    ],
    tags=tags,
)
aws.cloudwatch.LogMetricFilter(
    "root",
    name="root",
    log_group_name=logs.name,
    pattern='{ $.userIdentity.type = "Root" }',
    metric_transformation={"name": "root", "namespace": "sample", "value": "1", "default_value": "0"},
)

# A secret whose value nobody but its function knows.
secret = aws.secretsmanager.Secret("token", kms_key_id=key.arn, recovery_window_in_days=7, tags=tags)
permission = aws.lambda_.Permission(
    "token",
    action="lambda:InvokeFunction",
    function=function.name,
    principal="secretsmanager.amazonaws.com",
    source_arn=secret.arn,
)
if config.require_bool("rotate"):  # the one thing here that takes seconds: a function has to start
    aws.secretsmanager.SecretRotation(
        "token",
        secret_id=secret.id,
        rotation_lambda_arn=function.arn,
        rotation_rules={"automatically_after_days": 30},
        opts=pulumi.ResourceOptions(depends_on=[permission]),
    )

# A table that keeps no item for ever, and an interface that asks who calls.
table = aws.dynamodb.Table(
    "orders",
    billing_mode="PAY_PER_REQUEST",
    attributes=[{"name": "shop", "type": "S"}, {"name": "number", "type": "N"}],
    hash_key="shop",
    range_key="number",
    server_side_encryption={"enabled": True, "kms_key_arn": key.arn},
    point_in_time_recovery={"enabled": True},
    deletion_protection_enabled=False,
    ttl={"enabled": True, "attribute_name": "ends"},
    tags=tags,
)
aws.dynamodb.ResourcePolicy(
    "orders",
    resource_arn=table.arn,
    policy=table.arn.apply(
        lambda arn: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:DeleteItem", "Resource": arn}
                ],
            }
        )
    ),
)
api = aws.apigateway.RestApi(
    "orders", description="Orders", endpoint_configuration={"types": "REGIONAL"}, tags=tags
)
callers = aws.apigateway.RestApiPolicy(
    "orders",
    rest_api_id=api.id,
    policy=api.execution_arn.apply(
        lambda arn: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": "*",
                        "Action": "execute-api:Invoke",
                        "Resource": f"{arn}/any/*",
                    }
                ],
            }
        )
    ),
)
path = aws.apigateway.Resource(
    "orders", rest_api=api.id, parent_id=api.root_resource_id, path_part="{proxy+}"
)
method = aws.apigateway.Method(
    "orders", rest_api=api.id, resource_id=path.id, http_method="ANY", authorization="AWS_IAM"
)
integration = aws.apigateway.Integration(
    "orders",
    rest_api=api.id,
    resource_id=path.id,
    http_method=method.http_method,
    type="AWS_PROXY",
    integration_http_method="POST",
    uri=function.invoke_arn,
    timeout_milliseconds=5000,
)
refusal = aws.apigateway.Response(
    "orders",
    rest_api_id=api.id,
    response_type="ACCESS_DENIED",
    status_code="403",
    response_parameters={"gatewayresponse.header.Content-Type": "'application/problem+json'"},
    response_templates={"application/json": '{"title": "no"}'},
)
deployment = aws.apigateway.Deployment(
    "orders",
    rest_api=api.id,
    triggers={"content": "1"},
    opts=pulumi.ResourceOptions(depends_on=[callers, integration, refusal]),
)
stage = aws.apigateway.Stage(
    "orders",
    rest_api=api.id,
    deployment=deployment.id,
    stage_name="v1",
    xray_tracing_enabled=True,
    access_log_settings={"destination_arn": logs.arn, "format": '{"at": "$context.requestTime"}'},
    tags=tags,
)
aws.apigateway.MethodSettings(
    "orders",
    rest_api=api.id,
    stage_name=stage.stage_name,
    method_path="*/*",
    settings={
        "metrics_enabled": True,
        "logging_level": "OFF",
        "data_trace_enabled": False,
        "throttling_rate_limit": 10,
        "throttling_burst_limit": 20,
    },
)

pulumi.export("table", table.name)
pulumi.export("api", api.id)
pulumi.export("url", stage.invoke_url)
pulumi.export("stream", ingress.name)
pulumi.export("bucket", bucket.bucket)
pulumi.export("key", key.arn)
pulumi.export("queue", queue.url)
pulumi.export("secret", secret.arn)
pulumi.export("function", function.name)
pulumi.export("region", region)
pulumi.export("hidden", pulumi.Output.secret("hush-hush"))
