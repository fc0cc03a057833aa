"""S3 buckets. Their settings are resources of their own: `s3_settings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..adapter import Computed, Inputs, Outputs, register
from .client import (
    ID,
    TAGGED,
    Aws,
    AwsAdapter,
    Call,
    Props,
    call,
    pairs,
    unpaired,
)

NO_BUCKET = ("NoSuchBucket", "404")
HOME = "us-east-1"


@register
class Bucket(AwsAdapter):
    """A bucket; versions, encryption and the rest are resources of their own."""

    type = "aws:s3/bucket:Bucket"
    service = "s3"
    autoname = "bucket"
    replace_on = frozenset({"bucket", "objectLockEnabled", "region"})
    exists = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
    unread: ClassVar[Mapping[str, str]] = {"forceDestroy": "is used when the bucket is deleted"}
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: f"arn:{place.partition}:s3:::{rid}",
        "bucketDomainName": lambda place, rid, inputs: f"{rid}.s3.amazonaws.com",
        "bucketRegionalDomainName": lambda place, rid, inputs: f"{rid}.s3.{place.region}.amazonaws.com",
    }

    def calls(self, p: Props) -> list[Call]:
        """Make the bucket and tag it."""
        p.take("forceDestroy")
        region = p.take("region", HOME)
        where = None if region == HOME else {"LocationConstraint": region}
        names = p.params(bucket="Bucket", objectLockEnabled="ObjectLockEnabledForBucket")
        calls = [call("create_bucket", **names, CreateBucketConfiguration=where)]
        if tags := p.take("tags"):
            off = call("delete_bucket_tagging", Bucket=ID, allow=NO_BUCKET)
            calls.append(
                call("put_bucket_tagging", Bucket=ID, Tagging={"TagSet": pairs(tags) or []}, undo=off)
            )
        return calls

    def create(self, cloud: Aws, inputs: Inputs) -> str:
        """Make the bucket where the client is: S3 wants to be told in all regions but one."""
        return super().create(cloud, {**inputs, "region": cloud.place.region})

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Look for it, and read its lock and tags."""
        if cloud.ask("s3", "head_bucket", Bucket=rid, missing=NO_BUCKET) is None:
            return None
        tagging = cloud.ask("s3", "get_bucket_tagging", Bucket=rid, missing=("NoSuchTagSet",))
        tags = unpaired(tagging["TagSet"]) if tagging else {}
        lock = cloud.ask(
            "s3",
            "get_object_lock_configuration",
            Bucket=rid,
            missing=("ObjectLockConfigurationNotFoundError",),
        )
        known = {key: compute(cloud.place, rid, inputs) for key, compute in self.computed.items()}
        return {**known, "bucket": rid, "objectLockEnabled": lock is not None, "tags": tags, "tagsAll": tags}

    def delete(self, cloud: Aws, rid: str, inputs: Inputs) -> None:
        """Delete it, with everything in it where the program says so."""
        if (
            inputs.get("forceDestroy")
            and cloud.ask("s3", "head_bucket", Bucket=rid, missing=NO_BUCKET) is not None
        ):
            _empty(cloud, rid)
        cloud.call("s3", call("delete_bucket", Bucket=rid, allow=NO_BUCKET))


def _empty(cloud: Aws, bucket: str) -> None:
    for page in cloud.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if objects:
            # The provider does the same: a lock in governance mode does not outlive a stack that says force.
            cloud.ask(
                "s3",
                "delete_objects",
                Bucket=bucket,
                Delete={"Objects": objects},
                BypassGovernanceRetention=True,
            )
