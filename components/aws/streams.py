"""Kinesis streams."""

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.context import Context
from components.pattern import Stream
from settings import Streams


def stream(
    name: str,
    source: str,
    context: Context,
    streams: Streams,
    *,
    key: pulumi.Input[str],
    classification: str,
    parent: pulumi.Resource,
) -> Stream:
    """Make one encrypted stream of a source."""
    provisioned = streams.mode == "provisioned"
    made = aws.kinesis.Stream(
        name,
        name=naming.fit(name, naming.STREAM),
        stream_mode_details={"stream_mode": "PROVISIONED" if provisioned else "ON_DEMAND"},
        shard_count=streams.shards if provisioned else None,
        retention_period=streams.retention_hours,
        encryption_type="KMS",
        kms_key_id=key,
        tags=context.tagged(classification),
        # What waits in it for a broken transform to be mended is nowhere else.
        opts=pulumi.ResourceOptions(parent=parent, protect=context.settings.protect),
    )
    return Stream(source=source, name=made.name, id=made.arn)
