"""What makes a bucket safe, a resource each on AWS: encrypted, owned, closed, versioned, locked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.iam import Statement, deny, document


@dataclass(frozen=True, kw_only=True)
class BucketArgs:
    """How a bucket is encrypted, who may what with it, and how long it keeps what is in it.

    Parameters
    ----------
    statements
        Of its policy, from the bucket.
    lock
        The mode, or `none`, and for how many days.
    lifecycle
        The rules, as the provider takes them.
    """

    key: aws.kms.Key
    statements: Callable[[aws.s3.Bucket], Sequence[Statement]]
    lock: tuple[str, int]
    lifecycle: Sequence[Any]
    force_destroy: bool
    protect: bool
    tags: dict[str, str]


def safe_bucket(
    name: str, args: BucketArgs, parent: pulumi.Resource
) -> tuple[aws.s3.Bucket, tuple[pulumi.Resource, ...]]:
    """Make a bucket; return it, and what must be there before anything is put into it."""
    mode, days = args.lock
    bucket = aws.s3.Bucket(
        naming.fit(name, naming.BUCKET - naming.AUTONAME),
        object_lock_enabled=mode != "none",
        force_destroy=args.force_destroy,
        tags=args.tags,
        opts=pulumi.ResourceOptions(parent=parent, protect=args.protect),
    )
    ready = _secured(name, bucket, args.key, args.statements(bucket), parent)
    versioning, *locks = _kept(name, bucket, (mode, days) if mode != "none" else None, parent)
    aws.s3.BucketLifecycleConfiguration(
        name,
        bucket=bucket.bucket,
        rules=args.lifecycle,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[versioning]),
    )
    return bucket, (*ready, versioning, *locks)


def _secured(
    name: str,
    bucket: aws.s3.Bucket,
    key: aws.kms.Key,
    statements: Sequence[Statement],
    parent: pulumi.Resource,
) -> tuple[pulumi.Resource, ...]:
    """Encrypt, own and close a bucket before anything can be put into it."""
    options = pulumi.ResourceOptions(parent=parent)
    encryption = aws.s3.BucketServerSideEncryptionConfiguration(
        name,
        bucket=bucket.bucket,
        rules=[
            {
                "apply_server_side_encryption_by_default": {
                    "sse_algorithm": "aws:kms",
                    "kms_master_key_id": key.arn,
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
        policy=document(*statements),
        # S3 takes one change of a bucket's access at a time.
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[block]),
    )
    return encryption, ownership, block, policy


def _kept(
    name: str, bucket: aws.s3.Bucket, lock: tuple[str, int] | None, parent: pulumi.Resource
) -> tuple[pulumi.Resource, ...]:
    """Keep every version, and lock each for so many days in a mode."""
    versioning = aws.s3.BucketVersioning(
        name,
        bucket=bucket.bucket,
        versioning_configuration={"status": "Enabled"},
        opts=pulumi.ResourceOptions(parent=parent),
    )
    if lock is None:
        return (versioning,)
    mode, days = lock
    locked = aws.s3.BucketObjectLockConfiguration(
        name,
        bucket=bucket.bucket,
        rule={"default_retention": {"mode": mode.upper(), "days": days}},
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[versioning]),
    )
    return versioning, locked


def only_tls(bucket: aws.s3.Bucket) -> Statement:
    """Refuse whatever does not come over TLS."""
    return deny(
        "OnlyTls",
        ["s3:*"],
        [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")],
        {"Bool": {"aws:SecureTransport": "false"}},
    )


def nobody_deletes(bucket: aws.s3.Bucket) -> Statement:
    """Deny deletion to everybody; what a lifecycle rule ends still ends."""
    return deny(
        "NobodyDeletes",
        ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"],
        pulumi.Output.concat(bucket.arn, "/*"),
    )
