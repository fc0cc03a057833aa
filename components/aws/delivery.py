"""Delivery of a source: Firehose from the protected stream, without a processor and without a backup.

After its retries Firehose writes what it could not process, raw, to its error prefix. It has nothing to
process here, and what it reads is protected already.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.alarms import Alarm, sound
from components.aws.context import Context
from components.aws.iam import Statement, allow, role, trust, via
from components.aws.keys import ENCRYPT_AND_DECRYPT, Keys
from components.aws.landing import ERROR_PREFIX
from components.pattern import LANDING_PREFIX, Delivery, DeliverySpec, LandingZone, Stream

HOUR = "dt=!{timestamp:yyyy-MM-dd}/hr=!{timestamp:HH}/"
LOG_STREAM = "delivery"


@dataclass(frozen=True, kw_only=True)
class DeliveryArgs:
    """From which stream into which zone."""

    context: Context
    spec: DeliverySpec
    source: Stream
    zone: LandingZone
    keys: Keys
    alarms: pulumi.Input[str]


class DeliveryStream(pulumi.ComponentResource):
    """A source's Firehose, with the only role that may write the source's objects."""

    delivery: Delivery

    def __init__(self, name: str, args: DeliveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:aws:DeliveryStream", name, {}, opts)
        context, spec = args.context, args.spec
        prefix = f"{LANDING_PREFIX}source={spec.source}/"
        errors = f"{ERROR_PREFIX}source={spec.source}/"
        log = self._log(name, args)
        made, policy = role(
            name,
            context,
            trust=trust("firehose", {"StringEquals": {"aws:SourceAccount": context.account}}),
            purpose=f"Delivers the protected records of {spec.source}",
            statements=_statements(args, (prefix, errors), log),
            parent=self,
        )
        stream = aws.kinesis.FirehoseDeliveryStream(
            name,
            name=naming.fit(name, naming.DELIVERY),
            destination="extended_s3",
            kinesis_source_configuration={"kinesis_stream_arn": args.source.id, "role_arn": made.arn},
            extended_s3_configuration={
                "bucket_arn": args.zone.id,
                "role_arn": made.arn,
                "prefix": prefix + HOUR,
                "error_output_prefix": f"{errors}!{{firehose:error-output-type}}/{HOUR}",
                "buffering_size": spec.delivery.buffer_mb,
                "buffering_interval": spec.delivery.buffer_seconds,
                "compression_format": "GZIP",
                "kms_key_arn": args.keys.landing.arn,
                "s3_backup_mode": "Disabled",
                "cloudwatch_logging_options": {
                    "enabled": True,
                    "log_group_name": log.log_group_name,
                    "log_stream_name": log.name,
                },
            },
            tags=context.tagged(naming.CONFIDENTIAL),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy, *args.zone.ready]),
        )
        self.delivery = Delivery(source=spec.source, name=stream.name, prefix=prefix)
        late = context.settings.alarms.late_minutes
        sound(
            f"{name}-late",
            Alarm(
                says=f"Protected records of {spec.source} wait for delivery for more than {late} minutes",
                namespace="AWS/Firehose",
                metric="DeliveryToS3.DataFreshness",
                dimensions={"DeliveryStreamName": stream.name},
                # What is younger than a full buffer is not late.
                above=late * 60 + spec.delivery.buffer_seconds,
            ),
            context,
            args.alarms,
            self,
        )
        self.register_outputs({"name": stream.name, "prefix": prefix})

    def _log(self, name: str, args: DeliveryArgs) -> aws.cloudwatch.LogStream:
        group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/kinesisfirehose/{naming.fit(name, naming.DELIVERY)}",
            retention_in_days=args.context.settings.logs.retention_days,
            kms_key_id=args.keys.operations.arn,
            tags=args.context.tagged(naming.INTERNAL),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return aws.cloudwatch.LogStream(
            name, name=LOG_STREAM, log_group_name=group.name, opts=pulumi.ResourceOptions(parent=self)
        )


def _statements(
    args: DeliveryArgs, prefixes: tuple[str, ...], log: aws.cloudwatch.LogStream
) -> list[Statement]:
    context, bucket = args.context, args.zone.id
    return [
        allow(
            "ReadProtected",
            [
                "kinesis:DescribeStream",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
            ],
            args.source.id,
        ),
        allow(
            "DecryptProtected",
            ["kms:Decrypt"],
            args.keys.operations.arn,
            conditions=via(context, "kinesis"),
        ),
        allow(
            "Bucket",
            ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            bucket,
        ),
        allow(
            "Objects",
            ["s3:AbortMultipartUpload", "s3:PutObject"],
            [pulumi.Output.concat(bucket, "/", prefix, "*") for prefix in prefixes],
        ),
        allow(
            "EncryptObjects",
            ENCRYPT_AND_DECRYPT,
            args.keys.landing.arn,
            conditions=via(context, "s3"),
        ),
        allow("Log", ["logs:PutLogEvents"], log.arn),
    ]
