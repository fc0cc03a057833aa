"""Photos land in a bucket, a topic tells two queues, a function makes thumbnails, a stream counts clicks."""

import json

import pulumi
import pulumi_aws as aws

tags = {"Project": "photos", "Owner": "web"}
account = aws.get_caller_identity().account_id

key = aws.kms.Key("photos", description="Photos and what is said of them", tags=tags)
aws.kms.Alias("photos", name="alias/photos", target_key_id=key.key_id)
signing = aws.kms.Key("signing", key_usage="SIGN_VERIFY", customer_master_key_spec="ECC_NIST_P256", tags=tags)

uploads = aws.s3.Bucket("uploads", tags=tags)
aws.s3.BucketPublicAccessBlock(
    "uploads",
    bucket=uploads.id,
    block_public_acls=True,
    block_public_policy=True,
    ignore_public_acls=True,
    restrict_public_buckets=True,
)
aws.s3.BucketServerSideEncryptionConfiguration(
    "uploads",
    bucket=uploads.id,
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
aws.s3.BucketLifecycleConfiguration(
    "uploads", bucket=uploads.id, rules=[{"id": "expire", "status": "Enabled", "expiration": {"days": 30}}]
)

uploaded = aws.sns.Topic("uploaded", kms_master_key_id=key.id, tags=tags)
topic_policy = aws.sns.TopicPolicy(
    "uploaded",
    arn=uploaded.arn,
    policy=pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "s3.amazonaws.com"},
                    "Action": "sns:Publish",
                    "Resource": uploaded.arn,
                    "Condition": {"ArnLike": {"aws:SourceArn": uploads.arn}},
                }
            ],
        }
    ),
)
aws.s3.BucketNotification(
    "uploads",
    bucket=uploads.id,
    topics=[{"topic_arn": uploaded.arn, "events": ["s3:ObjectCreated:*"]}],
    opts=pulumi.ResourceOptions(depends_on=[topic_policy]),
)

dead = aws.sqs.Queue(
    "thumbnails-dead", kms_master_key_id=key.id, message_retention_seconds=1209600, tags=tags
)
thumbnails = aws.sqs.Queue(
    "thumbnails",
    kms_master_key_id=key.id,
    visibility_timeout_seconds=180,
    redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 5}),
    tags=tags,
)
# Moderation was made by hand, and copied here.
moderation = aws.sqs.Queue("moderation")
for name, queue, condition in (
    ("thumbnails", thumbnails, {"ArnEquals": {"aws:SourceArn": uploaded.arn}}),
    ("moderation", moderation, None),
):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue.arn}
    aws.sqs.QueuePolicy(
        name,
        queue_url=queue.url,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{**statement, "Condition": condition} if condition else statement],
            }
        ),
    )
    aws.sns.TopicSubscription(
        name, topic=uploaded.arn, protocol="sqs", endpoint=queue.arn, raw_message_delivery=True
    )
# The agency's page is told as well.
aws.sns.TopicSubscription(
    "agency", topic=uploaded.arn, protocol="http", endpoint="http://agency.example.org/hook"
)

worker = aws.iam.Role(
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
    managed_policy_arns=["arn:aws:iam::aws:policy/AdministratorAccess"],
    tags=tags,
)
function = aws.lambda_.Function(
    "worker",
    runtime="python3.13",
    handler="handler.handler",
    role=worker.arn,
    timeout=30,
    code=pulumi.AssetArchive(
        {"handler.py": pulumi.StringAsset("def handler(event, context): return None\n")}
    ),
    tracing_config={"mode": "Active"},
    environment={"variables": {"BUCKET": uploads.bucket, "KEY_ID": key.key_id}},
    tags=tags,
)
aws.lambda_.EventSourceMapping(
    "worker", event_source_arn=thumbnails.arn, function_name=function.arn, batch_size=10, tags=tags
)
# A sweep every night; what it fails at is lost, since nobody waits for it.
nightly = aws.cloudwatch.EventRule("nightly", schedule_expression="cron(0 3 * * ? *)", tags=tags)
aws.cloudwatch.EventTarget("nightly", rule=nightly.name, arn=function.arn)
aws.lambda_.Permission(
    "nightly",
    action="lambda:InvokeFunction",
    function=function.name,
    principal="events.amazonaws.com",
    source_arn=nightly.arn,
)

clicks = aws.kinesis.Stream(
    "clicks", shard_count=1, encryption_type="KMS", kms_key_id="alias/aws/kinesis", tags=tags
)
archive = aws.kinesis.FirehoseDeliveryStream(
    "clicks",
    destination="extended_s3",
    extended_s3_configuration={
        "bucket_arn": uploads.arn,
        "role_arn": worker.arn,
        "prefix": "clicks/",
        "error_output_prefix": "clicks-errors/",
        "s3_backup_mode": "Disabled",
    },
    kinesis_source_configuration={"kinesis_stream_arn": clicks.arn, "role_arn": worker.arn},
    tags=tags,
)
direct = aws.kinesis.FirehoseDeliveryStream(
    "errors",
    destination="extended_s3",
    extended_s3_configuration={"bucket_arn": uploads.arn, "role_arn": worker.arn, "prefix": "errors/"},
    tags=tags,
)
partner = aws.secretsmanager.Secret("agency", description="The agency's token", tags=tags)

pulumi.export("uploads", uploads.bucket)
