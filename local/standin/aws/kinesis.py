"""Kinesis streams and Firehose delivery streams."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, StandInError, register
from .client import ID, TAGGED, Aws, AwsAdapter, Call, Props, call, lowered, pairs, unpaired

MISSING = ("ResourceNotFoundException",)
PATIENCE = 30


@register
class Stream(AwsAdapter):
    """A stream of records."""

    type = "aws:kinesis/stream:Stream"
    service = "kinesis"
    autoname = "name"
    replace_on = frozenset({"name", "region"})
    exists = ("ResourceInUseException",)
    unread: ClassVar[Mapping[str, str]] = {"enforceConsumerDeletion": "is used when the stream is deleted"}
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: place.arn("kinesis", f"stream/{rid}"),
    }

    def calls(self, p: Props) -> list[Call]:
        """Make the stream; then retention, encryption and tags."""
        p.take("enforceConsumerDeletion")
        calls = [
            call(
                "create_stream",
                **p.params(
                    name="StreamName", shardCount="ShardCount", maxRecordSizeInKib="MaxRecordSizeInKiB"
                ),
                StreamModeDetails=p.capitalised("streamModeDetails"),
            )
        ]
        hours = p.take("retentionPeriod", 24)
        if hours != 24:
            # After a decrease there is nothing to increase; reading back tells whether the period is right.
            allow = ("InvalidArgumentException",)
            calls.append(
                call(
                    "increase_stream_retention_period", StreamName=ID, RetentionPeriodHours=hours, allow=allow
                )
            )
        key = p.take("kmsKeyId")
        if p.take("encryptionType") == "KMS":
            setting = {"StreamName": ID, "EncryptionType": "KMS", "KeyId": key or "alias/aws/kinesis"}
            calls.append(
                call("start_stream_encryption", **setting, undo=call("stop_stream_encryption", **setting))
            )
        if tags := p.take("tags"):
            calls.append(call("add_tags_to_stream", StreamName=ID, Tags=tags))
        return calls

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the name, when the stream is ready for the calls that follow."""
        aws.client("kinesis").get_waiter("stream_exists").wait(
            StreamName=inputs["name"], WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE}
        )
        return inputs["name"]

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Change what the calls that make a stream cannot: less retention, fewer tags."""
        todo = []
        before, after = old.take("retentionPeriod", 24), new.take("retentionPeriod", 24)
        if after < before:
            todo.append(call("decrease_stream_retention_period", StreamName=ID, RetentionPeriodHours=after))
        if gone := [*(old.take("tags", {}).keys() - new.take("tags", {}).keys())]:
            todo.append(call("remove_tags_from_stream", StreamName=ID, TagKeys=gone))
        return todo

    def update(self, cloud: Aws, rid: str, old: Inputs, new: Inputs) -> None:
        """Refuse to change the shards: the emulator would delete every record."""
        for name in ("shardCount", "streamModeDetails"):
            if old.get(name) != new.get(name):
                raise StandInError(
                    f"stream {rid}: {name} cannot change on a laptop (the emulator would lose its records)"
                )
        super().update(cloud, rid, old, new)

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Describe the stream."""
        found = cloud.ask("kinesis", "describe_stream_summary", StreamName=rid, missing=MISSING)
        if found is None or found["StreamDescriptionSummary"]["StreamStatus"] == "DELETING":
            return None
        stream = found["StreamDescriptionSummary"]
        tags = unpaired(cloud.ask("kinesis", "list_tags_for_stream", StreamName=rid)["Tags"])
        return {
            "region": inputs.get("region", cloud.place.region),
            "name": stream["StreamName"],
            "arn": stream["StreamARN"],
            "retentionPeriod": stream["RetentionPeriodHours"],
            "encryptionType": stream.get("EncryptionType", "NONE"),
            "kmsKeyId": stream.get("KeyId"),
            "shardCount": stream["OpenShardCount"],
            "streamModeDetails": lowered(stream.get("StreamModeDetails", {"StreamMode": "PROVISIONED"})),
            "maxRecordSizeInKib": stream.get("MaxRecordSizeInKiB"),
            "tags": tags,
            "tagsAll": tags,
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_stream", StreamName=rid, EnforceConsumerDeletion=True, allow=MISSING)]


@register
class Firehose(AwsAdapter):
    """The delivery of a stream to objects."""

    type = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
    service = "firehose"
    autoname = "name"
    replace_on = frozenset({"name", "region", "kinesisSourceConfiguration", "destination"})
    exists = ("ResourceInUseException",)
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: place.arn("firehose", f"deliverystream/{inputs['name']}"),
        "destinationId": lambda place, rid, inputs: "destinationId-000000000001",
        "versionId": lambda place, rid, inputs: "1",
    }

    def calls(self, p: Props) -> list[Call]:
        """Make the delivery stream."""
        p.take("destination")
        source = p.block("kinesisSourceConfiguration")
        direct = p.block("serverSideEncryption")
        encryption = direct.params(keyArn="KeyARN", keyType="KeyType")
        if direct.take("enabled"):
            encryption.setdefault("KeyType", "AWS_OWNED_CMK")
        from_stream = source.params(kinesisStreamArn="KinesisStreamARN", roleArn="RoleARN")
        return [
            call(
                "create_delivery_stream",
                **p.params(name="DeliveryStreamName"),
                DeliveryStreamType="KinesisStreamAsSource" if from_stream else "DirectPut",
                KinesisStreamSourceConfiguration=from_stream or None,
                DeliveryStreamEncryptionConfigurationInput=encryption or None,
                ExtendedS3DestinationConfiguration=_destination(p.block("extendedS3Configuration")),
                Tags=pairs(p.take("tags")),
            )
        ]

    def update(self, cloud: Aws, rid: str, old: Inputs, new: Inputs) -> None:
        """Change the destination, and the tags."""
        name = new["name"]
        found = cloud.ask("firehose", "describe_delivery_stream", DeliveryStreamName=name)[
            "DeliveryStreamDescription"
        ]
        if old.get("extendedS3Configuration") != new.get("extendedS3Configuration"):
            cloud.ask(
                "firehose",
                "update_destination",
                DeliveryStreamName=name,
                CurrentDeliveryStreamVersionId=found["VersionId"],
                DestinationId=found["Destinations"][0]["DestinationId"],
                ExtendedS3DestinationUpdate=_destination(Props(new["extendedS3Configuration"])),
            )
        before, after = old.get("tags", {}), new.get("tags", {})
        if gone := [*(before.keys() - after.keys())]:
            cloud.ask("firehose", "untag_delivery_stream", DeliveryStreamName=name, TagKeys=gone)
        if after and before != after:
            cloud.ask("firehose", "tag_delivery_stream", DeliveryStreamName=name, Tags=pairs(after))

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the ARN, when the delivery stream is there."""
        name, limit = inputs["name"], time.monotonic() + PATIENCE
        while True:
            found = aws.ask("firehose", "describe_delivery_stream", DeliveryStreamName=name)[
                "DeliveryStreamDescription"
            ]
            if found["DeliveryStreamStatus"] != "CREATING":
                return found["DeliveryStreamARN"]
            if time.monotonic() > limit:
                raise StandInError(f"delivery stream {name} is still being made after {PATIENCE} s")
            time.sleep(0.2)

    def record_id(self, place: Any, urn_name: str, inputs: Inputs) -> str:
        """Return the ARN."""
        return place.arn("firehose", f"deliverystream/{inputs['name']}")

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Describe the delivery stream."""
        name = rid.rsplit("/", 1)[-1]
        found = cloud.ask("firehose", "describe_delivery_stream", DeliveryStreamName=name, missing=MISSING)
        if found is None or found["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "DELETING":
            return None
        stream = found["DeliveryStreamDescription"]
        tags = unpaired(
            cloud.ask("firehose", "list_tags_for_delivery_stream", DeliveryStreamName=name)["Tags"]
        )
        target = stream["Destinations"][0]
        seen: Outputs = {
            "region": inputs.get("region", cloud.place.region),
            "name": stream["DeliveryStreamName"],
            "arn": stream["DeliveryStreamARN"],
            "versionId": stream["VersionId"],
            "destinationId": target["DestinationId"],
            "destination": "extended_s3",
            "extendedS3Configuration": _seen_destination(target["ExtendedS3DestinationDescription"]),
            "tags": tags,
            "tagsAll": tags,
        }
        if source := stream.get("Source", {}).get("KinesisStreamSourceDescription"):
            seen["kinesisSourceConfiguration"] = {
                "kinesisStreamArn": source["KinesisStreamARN"],
                "roleArn": source.get("RoleARN"),
            }
        if encryption := stream.get("DeliveryStreamEncryptionConfiguration"):
            seen["serverSideEncryption"] = {
                "enabled": encryption.get("Status") in ("ENABLED", "ENABLING"),
                "keyArn": encryption.get("KeyARN"),
                "keyType": encryption.get("KeyType"),
            }
        return seen

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_delivery_stream", DeliveryStreamName=rid.rsplit("/", 1)[-1], allow=MISSING)]


def _destination(p: Props) -> dict[str, Any]:
    sent = p.params(
        bucketArn="BucketARN",
        roleArn="RoleARN",
        prefix="Prefix",
        errorOutputPrefix="ErrorOutputPrefix",
        compressionFormat="CompressionFormat",
        fileExtension="FileExtension",
        customTimeZone="CustomTimeZone",
        s3BackupMode="S3BackupMode",
    )
    if hints := p.params(bufferingSize="SizeInMBs", bufferingInterval="IntervalInSeconds"):
        sent["BufferingHints"] = hints
    if key := p.take("kmsKeyArn"):
        sent["EncryptionConfiguration"] = {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}}
    if logging := p.capitalised("cloudwatchLoggingOptions"):
        sent["CloudWatchLoggingOptions"] = logging
    return sent


def _seen_destination(target: Mapping[str, Any]) -> Outputs:
    hints = target.get("BufferingHints", {})
    return {
        "bucketArn": target["BucketARN"],
        "roleArn": target["RoleARN"],
        "prefix": target.get("Prefix"),
        "errorOutputPrefix": target.get("ErrorOutputPrefix"),
        "compressionFormat": target.get("CompressionFormat"),
        "fileExtension": target.get("FileExtension"),
        "customTimeZone": target.get("CustomTimeZone"),
        "s3BackupMode": target.get("S3BackupMode"),
        "bufferingSize": hints.get("SizeInMBs"),
        "bufferingInterval": hints.get("IntervalInSeconds"),
        "kmsKeyArn": target.get("EncryptionConfiguration", {})
        .get("KMSEncryptionConfig", {})
        .get("AWSKMSKeyARN"),
        "cloudwatchLoggingOptions": lowered(target.get("CloudWatchLoggingOptions", {})),
    }
