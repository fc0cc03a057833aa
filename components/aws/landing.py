"""The landing zone: one S3 bucket, versioned, locked, encrypted, and written by named roles only."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws import context as names
from components.aws.buckets import BucketArgs, nobody_deletes, only_tls, safe_bucket
from components.aws.context import Context
from components.aws.iam import Statement, deny
from components.pattern import LANDING_PREFIX, LandingSpec, LandingZone
from settings import Landing

OVERSIZE_PREFIX = "oversize/"
ERROR_PREFIX = "errors/"
ERROR_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class LandingBucketArgs:
    """How objects are kept, and the key that they are encrypted with."""

    context: Context
    spec: LandingSpec
    key: aws.kms.Key


class LandingBucket(pulumi.ComponentResource):
    """The bucket with all that makes it safe; a safe bucket is eight resources on AWS."""

    zone: LandingZone

    def __init__(
        self, name: str, args: LandingBucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("retaillake:aws:LandingBucket", name, {}, opts)
        landing = args.spec.landing
        bucket, ready = safe_bucket(
            name,
            BucketArgs(
                key=args.key,
                statements=lambda bucket: _statements(bucket, args),
                lock=(landing.lock_mode, landing.lock_days),
                lifecycle=_lifecycle(landing),
                force_destroy=landing.force_destroy,
                protect=args.spec.protect,
                tags=args.context.tagged(naming.CONFIDENTIAL),
            ),
            self,
        )
        self.zone = LandingZone(
            name=bucket.bucket,
            id=bucket.arn,
            url=pulumi.Output.concat("s3://", bucket.bucket, "/", LANDING_PREFIX),
            reader=args.context.role_arn(f"{args.context.base}-{names.WAREHOUSE_READER}"),
            ready=ready,
        )
        self.register_outputs({"bucket": bucket.bucket, "url": self.zone.url})


def _statements(bucket: aws.s3.Bucket, args: LandingBucketArgs) -> list[Statement]:
    context, arn = args.context, bucket.arn
    objects = pulumi.Output.concat(arn, "/*")
    delivered = [pulumi.Output.concat(arn, "/", prefix, "*") for prefix in (LANDING_PREFIX, ERROR_PREFIX)]
    oversize = pulumi.Output.concat(arn, "/", OVERSIZE_PREFIX, "*")
    encryption, key = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
    statements = [
        only_tls(bucket),
        # Nothing asked for is the bucket's default; what is asked for must be the same.
        deny(
            "OnlyKms",
            ["s3:PutObject"],
            objects,
            {"Null": {encryption: "false"}, "StringNotEquals": {encryption: "aws:kms"}},
        ),
        deny(
            "OnlyItsKey",
            ["s3:PutObject"],
            objects,
            {"Null": {key: "false"}, "ArnNotEquals": {key: args.key.arn}},
        ),
        _only("OnlyDelivery", delivered, context.source_roles(names.DELIVERY)),
        _only("OnlyTransforms", [oversize], context.source_roles(names.TRANSFORM)),
    ]
    if not args.spec.landing.force_destroy:
        statements.append(nobody_deletes(bucket))
    return statements


def _only(sid: str, objects: list[pulumi.Output[str]], roles: list[str]) -> Statement:
    """Nobody else puts objects here, whatever IAM allows."""
    return deny(sid, ["s3:PutObject"], objects, {"ArnNotEquals": {"aws:PrincipalArn": roles}})


def _lifecycle(landing: Landing) -> list[aws.s3.BucketLifecycleConfigurationRuleArgsDict]:
    rules: list[aws.s3.BucketLifecycleConfigurationRuleArgsDict] = [
        {
            "id": "unfinished-uploads",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
        },
        {
            "id": "delivery-errors",
            "status": "Enabled",
            "filter": {"prefix": ERROR_PREFIX},
            "expiration": {"days": ERROR_DAYS},
            "noncurrent_version_expiration": {"noncurrent_days": 30},
        },
    ]
    for prefix in (LANDING_PREFIX, OVERSIZE_PREFIX):
        rule: aws.s3.BucketLifecycleConfigurationRuleArgsDict = {
            "id": prefix.rstrip("/"),
            "status": "Enabled",
            "filter": {"prefix": prefix},
        }
        if landing.archive_days is not None:
            # Cheaper, and still there at once for a rebuild.
            rule["transitions"] = [{"days": landing.archive_days, "storage_class": "GLACIER_IR"}]
        if landing.expiry_days is not None:
            rule["expiration"] = {"days": landing.expiry_days}
            rule["noncurrent_version_expiration"] = {"noncurrent_days": 1}
        if landing.archive_days is not None or landing.expiry_days is not None:
            rules.append(rule)
    return rules
