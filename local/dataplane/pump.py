"""Firehose from a stream to a bucket: buffers by size and time, compresses, names, writes, then checkpoints.

An object is complete before the positions move, so a delivery that dies writes its records again: at least
once, as Firehose. There is no processor: what is on the stream is what lands.
"""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pybase64
import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from local.dataplane.checkpoints import Checkpoints, Position
from local.dataplane.kinesis import (
    HORIZON,
    KinesisClient,
    KinesisError,
    Record,
    ShardReader,
    after,
    from_time,
)
from local.dataplane.prefix import PrefixError, evaluate, object_key

MEBIBYTE = 1 << 20
GZIP_LEVEL = 6
GZIP_FORMAT = 31
SHORTEST_POLL, LONGEST_POLL = 0.05, 0.4
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
SHARDS_EVERY = 5.0

log = logging.getLogger(__name__)
Aws = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A delivery stream's settings, by what they do."""

    name: str
    version: str
    stream_arn: str
    created: float
    bucket: str
    prefix: str
    buffer_bytes: int
    buffer_seconds: float
    gzip: bool
    extension: str
    zone: str
    key_arn: str | None
    delimiter: bytes

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Delivery:
        """The settings in an answer of DescribeDeliveryStream.

        Raises
        ------
        UnsupportedDeliveryError
            Where running it would not be what Firehose does.
        """
        source = (description.get("Source") or {}).get("KinesisStreamSourceDescription")
        if not source:
            raise UnsupportedDeliveryError("its source is not a stream")
        target = description["Destinations"][0].get("ExtendedS3DestinationDescription")
        if not target:
            raise UnsupportedDeliveryError("its destination is not S3")
        compression = target.get("CompressionFormat") or "UNCOMPRESSED"
        if compression not in {"GZIP", "UNCOMPRESSED"}:
            raise UnsupportedDeliveryError(f"compression {compression}: GZIP and UNCOMPRESSED are")
        hints = target.get("BufferingHints") or {}
        encryption = (target.get("EncryptionConfiguration") or {}).get("KMSEncryptionConfig") or {}
        delivery = cls(
            name=description["DeliveryStreamName"],
            version=str(description["VersionId"]),
            stream_arn=source["KinesisStreamARN"],
            created=_epoch(description["CreateTimestamp"]),
            bucket=target["BucketARN"].rpartition(":")[2],
            prefix=target.get("Prefix") or "",
            buffer_bytes=int(hints.get("SizeInMBs", 5)) * MEBIBYTE,
            buffer_seconds=float(hints.get("IntervalInSeconds", 300)),
            gzip=compression == "GZIP",
            extension=target.get("FileExtension") or (".gz" if compression == "GZIP" else ""),
            zone=target.get("CustomTimeZone") or "UTC",
            key_arn=encryption.get("AWSKMSKeyARN"),
            delimiter=_delimiter(target),
        )
        try:
            now = datetime.now(UTC)
            evaluate(delivery.prefix, now)
            evaluate(target.get("ErrorOutputPrefix") or "", now, error_type="processing-failed")
        except PrefixError as fault:
            raise UnsupportedDeliveryError(str(fault)) from fault
        return delivery


class UnsupportedDeliveryError(Exception):
    """A delivery stream that the laptop would not run as Firehose does, and therefore not at all."""


class Buffer:
    """What will be one object; compressed as it grows, sized as Firehose sizes it: before compression."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_FORMAT) if delivery.gzip else None
        self._plain: list[bytes] = []
        self._done: list[bytes] = []
        self.records = 0
        self.size = 0
        self.since = 0.0
        self.oldest = 0.0
        self.shards: dict[str, Position] = {}

    def add(self, shard: str, record: Record, data: bytes) -> None:
        """Add a record's data."""
        if not self.records:
            self.since, self.oldest = time.monotonic(), record.arrived
        self._plain.append(data)
        self.records += 1
        self.size += len(data)
        self.oldest = min(self.oldest, record.arrived)
        position = self.shards.setdefault(shard, Position())
        position.sequence, position.last_event_at = record.sequence, record.arrived
        position.records += 1

    def settle(self) -> None:
        """Compress what was added."""
        plain, self._plain = b"".join(self._plain), []
        self._done.append(self._gzip.compress(plain) if self._gzip else plain)

    def body(self) -> bytes:
        """The object's bytes; nothing may be added afterwards."""
        self.settle()
        if self._gzip:
            self._done.append(self._gzip.flush())
            self._gzip = None
        self._done = [b"".join(self._done)]
        return self._done[0]

    def is_full(self, more: int) -> bool:
        """Whether that many more bytes would be too many."""
        return self.records > 0 and self.size + more > self._delivery.buffer_bytes

    def is_due(self) -> bool:
        """Whether it has waited long enough."""
        return self.records > 0 and time.monotonic() - self.since >= self._delivery.buffer_seconds


class Pump:
    """Runs one delivery stream in a thread of its own.

    Parameters
    ----------
    delivery
        Its settings.
    kinesis
        To read the stream with.
    aws
        Gives a boto3 client by its service's name.
    checkpoints
        The directory that positions are kept in.
    """

    def __init__(self, delivery: Delivery, kinesis: KinesisClient, aws: Aws, checkpoints: Path) -> None:
        self.delivery, self._kinesis, self._aws = delivery, kinesis, aws
        self.stream = delivery.stream_arn.rpartition("/")[2]
        self.checkpoints = Checkpoints(checkpoints / f"delivery-{delivery.name}-{delivery.created:.0f}.json")
        self.stopped = threading.Event()
        self.flush_wanted = ""
        self.flushed = ""
        self.last_error = ""
        self.caught_up_at = 0.0
        self._fresh = not self.checkpoints.known
        self._readers: dict[str, ShardReader] = {}
        self._buffer = Buffer(delivery)
        self._thread = threading.Thread(target=self._run, name=f"{delivery.name}/pump", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is buffered is read again by the next pump."""
        self.stopped.set()

    def report(self) -> dict[str, Any]:
        """The counters, true to the checkpoint's positions."""
        buffer, readers, done = self._buffer, dict(self._readers), self.checkpoints
        delivered = done.records
        return {
            "name": self.delivery.name,
            "stream": self.stream,
            "bucket": self.delivery.bucket,
            "received": delivered + buffer.records,
            "delivered": delivered,
            "buffered": buffer.records,
            "buffered_bytes": buffer.size,
            "objects": done.total("objects"),
            "bytes": done.total("bytes"),
            "plain_bytes": done.total("plain_bytes"),
            "failed_attempts": done.total("failed_attempts"),
            "caught_up_at": self.caught_up_at,
            "last_event_at": done.last_event_at,
            "last_error": self.last_error,
            "flushed": self.flushed,
            "shards": {
                shard: {"sequence": done.position(shard).sequence, "behind_ms": reader.behind_ms}
                for shard, reader in readers.items()
            },
        }

    def _run(self) -> None:
        pause, looked_at = SHORTEST_POLL, 0.0
        while not self.stopped.is_set():
            wanted, asked_at = self.flush_wanted, time.time()
            try:
                if not self._readers or time.monotonic() - looked_at > SHARDS_EVERY:
                    self._look_for_shards()
                    looked_at = time.monotonic()
                got = sum(self._take(shard, reader) for shard, reader in self._readers.items())
            except (KinesisError, urllib3.exceptions.HTTPError) as fault:
                self._note(f"reading {self.stream}: {type(fault).__name__}")
                self.stopped.wait(FIRST_PAUSE)
                continue
            if not got:
                self.caught_up_at = asked_at
            if self._buffer.is_due() or (wanted != self.flushed and not got):
                self._write()
                self.flushed = wanted
            pause = SHORTEST_POLL if got else min(pause * 1.5, LONGEST_POLL)
            if not got:
                self.stopped.wait(pause)

    def _look_for_shards(self) -> None:
        for shard in (found["ShardId"] for found in self._kinesis.shards(self.delivery.stream_arn)):
            if shard not in self._readers:
                start = self._start(shard)
                self._readers[shard] = ShardReader(self._kinesis, self.delivery.stream_arn, shard, start)
        self._fresh = False

    def _start(self, shard: str) -> Mapping[str, Any]:
        """Firehose begins at the stream's tip when it is made, and behind the checkpoint ever after."""
        sequence = self.checkpoints.position(shard).sequence
        if sequence:
            return after(sequence)
        return from_time(self.delivery.created) if self._fresh else HORIZON

    def _take(self, shard: str, reader: ShardReader) -> int:
        """Read once and buffer it, writing whenever the buffer is full."""
        records = reader.read()
        for record in records:
            data = pybase64.b64decode(record.data) + self.delivery.delimiter
            if self._buffer.is_full(len(data)):
                self._write()
            self._buffer.add(shard, record, data)
        self._buffer.settle()
        return len(records)

    def _write(self) -> None:
        """Write the buffer as an object, however often it takes, then move the positions over it."""
        buffer = self._buffer
        if not buffer.records:
            return
        body = buffer.body()
        pause = FIRST_PAUSE
        while not self._put(body, buffer.oldest):
            self.checkpoints.add(failed_attempts=1)
            if self.stopped.wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE)
        if self.stopped.is_set():
            return  # another pump may hold the checkpoint now; it delivers these again
        for shard, moved in buffer.shards.items():
            position = self.checkpoints.position(shard)
            position.sequence, position.last_event_at = moved.sequence, moved.last_event_at
            position.records += moved.records
        self.checkpoints.add(objects=1, bytes=len(body), plain_bytes=buffer.size)
        self.checkpoints.save()
        self._buffer = Buffer(self.delivery)
        self.last_error = ""

    def _put(self, body: bytes, oldest: float) -> bool:
        to = self.delivery
        key = object_key(to.prefix, f"{to.name}-{to.version}", oldest, zone=to.zone, extension=to.extension)
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": to.key_arn} if to.key_arn else {}
        try:
            self._aws("s3").put_object(Bucket=to.bucket, Key=key, Body=body, **encryption)
        except ClientError as fault:
            self._note(f"writing to {to.bucket}: {fault.response['Error']['Code']}")
            return False
        except BotoCoreError as fault:
            self._note(f"writing to {to.bucket}: {type(fault).__name__}")
            return False
        return True

    def _note(self, error: str) -> None:
        if error != self.last_error:
            log.warning("delivery %s: %s", self.delivery.name, error)
        self.last_error = error


def _delimiter(target: Mapping[str, Any]) -> bytes:
    """What is put behind each record: nothing, but by the one processor that is done here."""
    processing = target.get("ProcessingConfiguration") or {}
    if not processing.get("Enabled"):
        return b""
    delimiter = b""
    for processor in processing.get("Processors") or ():
        if processor["Type"] != "AppendDelimiterToRecord":
            raise UnsupportedDeliveryError(
                f"the processor {processor['Type']}: AppendDelimiterToRecord is done"
            )
        given = {p["ParameterName"]: p["ParameterValue"] for p in processor.get("Parameters") or ()}
        delimiter = given.get("Delimiter", "\\n").encode().decode("unicode_escape").encode()
    return delimiter


def _epoch(moment: datetime | float) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)
