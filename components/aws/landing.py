"""The landing zone: one S3 bucket, versioned, locked, encrypted, and written by named roles only."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws import context as names
from components.aws.context import Context
from components.aws.iam import Statement, deny, document
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
        landing, locked = args.spec.landing, args.spec.landing.lock_mode != "none"
        bucket = aws.s3.Bucket(
            naming.fit(name, naming.BUCKET - naming.AUTONAME),
            object_lock_enabled=locked,
            force_destroy=landing.force_destroy,
            tags=args.context.tagged(naming.CONFIDENTIAL),
            opts=pulumi.ResourceOptions(parent=self, protect=args.spec.protect),
        )
        ready = [*self._secured(name, bucket, args)]
        versioning = aws.s3.BucketVersioning(
            name,
            bucket=bucket.bucket,
            versioning_configuration={"status": "Enabled"},
            opts=pulumi.ResourceOptions(parent=self),
        )
        ready.append(versioning)
        if locked:
            ready.append(self._lock(name, bucket, landing, versioning))
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.bucket,
            rules=_lifecycle(landing),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )
        self.zone = LandingZone(
            name=bucket.bucket,
            id=bucket.arn,
            url=pulumi.Output.concat("s3://", bucket.bucket, "/", LANDING_PREFIX),
            reader=args.context.role_arn(f"{args.context.base}-{names.WAREHOUSE_READER}"),
            ready=tuple(ready),
        )
        self.register_outputs({"bucket": bucket.bucket, "url": self.zone.url})

    def _secured(
        self, name: str, bucket: aws.s3.Bucket, args: LandingBucketArgs
    ) -> tuple[pulumi.Resource, ...]:
        """Encrypt, own and close the bucket before anything can be put into it."""
        options = pulumi.ResourceOptions(parent=self)
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": args.key.arn,
                    },
                    # One data key for many objects, where each would cost a call to KMS.
                    "bucket_key_enabled": True,
                }
            ],
            opts=options,
        )
        ownership = aws.s3.BucketOwnershipControls(
            name, bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=options
        )
        block = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=options,
        )
        policy = aws.s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=document(*_statements(bucket.arn, args)),
            # S3 takes one change of a bucket's access at a time.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
        )
        return encryption, ownership, block, policy

    def _lock(
        self, name: str, bucket: aws.s3.Bucket, landing: Landing, versioning: pulumi.Resource
    ) -> pulumi.Resource:
        return aws.s3.BucketObjectLockConfiguration(
            name,
            bucket=bucket.bucket,
            rule={"default_retention": {"mode": landing.lock_mode.upper(), "days": landing.lock_days}},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )


def _statements(bucket: pulumi.Output[str], args: LandingBucketArgs) -> list[Statement]:
    context = args.context
    objects = pulumi.Output.concat(bucket, "/*")
    delivered = [pulumi.Output.concat(bucket, "/", prefix, "*") for prefix in (LANDING_PREFIX, ERROR_PREFIX)]
    oversize = pulumi.Output.concat(bucket, "/", OVERSIZE_PREFIX, "*")
    encryption, key = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
    statements = [
        deny("OnlyTls", ["s3:*"], [bucket, objects], {"Bool": {"aws:SecureTransport": "false"}}),
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
        statements.append(
            deny(
                "NobodyDeletes",
                ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"],
                objects,
            )
        )
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
