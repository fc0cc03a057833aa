"""An event source mapping from a stream to a function, run as Lambda runs it.

Per shard one thread reads and some (the mapping's parallelisation factor) invoke. Records of one partition
key always go through the same lane, so they stay in order; the checkpoint follows the first open record.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from local.dataplane.batches import Answer, GivenUp, Rules, resolve
from local.dataplane.checkpoints import Checkpoints, InFlight
from local.dataplane.kinesis import (
    HORIZON,
    KinesisClient,
    KinesisError,
    Record,
    ShardReader,
    after,
    from_time,
)

PAYLOAD_BYTES = 6 * 1024 * 1024  # Lambda's limit for a synchronous invocation
BACKLOG_BYTES = 24 << 20  # what a shard reads ahead
SHORTEST_POLL, LONGEST_POLL = 0.05, 0.4
FAULT_PAUSE = 1.0
SHARDS_EVERY = 5.0

log = logging.getLogger(__name__)
Aws = Callable[[str], Any]


class Lane:
    """The records of one group of partition keys, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Record] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, records: Sequence[Record]) -> None:
        """Add records behind the others."""
        with self._changed:
            self._waiting.extend(records)
            self._changed.notify()

    def close(self) -> None:
        """Wake the taker for the last time."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self, most: int, window: float) -> list[Record]:
        """Wait for a batch: full, as large as a payload may be, or the window old; empty when closed."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            until = time.monotonic() + window
            while len(self._waiting) < most and not self._closed:
                left = until - time.monotonic()
                if left <= 0 or self._bytes_waiting() >= PAYLOAD_BYTES:
                    break
                self._changed.wait(left)
            return [] if self._closed else self._pop(most)

    def _bytes_waiting(self) -> int:
        return sum(record.size for record in self._waiting)

    def _pop(self, most: int) -> list[Record]:
        batch: list[Record] = []
        size = 0
        while self._waiting and len(batch) < most:
            size += self._waiting[0].size
            if batch and size > PAYLOAD_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch


class ShardConsumer:
    """Takes one shard's records through the mapping's function."""

    def __init__(self, mapping: MappingRunner, reader: ShardReader, lanes: int) -> None:
        self._mapping, self._reader = mapping, reader
        self._open = InFlight(mapping.checkpoints.position(reader.shard))
        self._open_bytes = 0
        self._bytes_lock = threading.Lock()
        self._lanes = [Lane() for _ in range(lanes)]
        self.caught_up_at = 0.0
        names = [f"{mapping.stream}/{reader.shard}/read"] + [f"{mapping.stream}/lane" for _ in self._lanes]
        works: list[Callable[[], None]] = [self._read, *(self._worker(lane) for lane in self._lanes)]
        for name, work in zip(names, works, strict=True):
            threading.Thread(target=work, name=name, daemon=True).start()

    @property
    def in_flight(self) -> int:
        """Records read and not yet acknowledged."""
        return len(self._open)

    @property
    def behind_ms(self) -> int:
        """How far the reader is behind the stream's tip."""
        return self._reader.behind_ms

    def close(self) -> None:
        """Let the threads end."""
        for lane in self._lanes:
            lane.close()

    def _read(self) -> None:
        pause = SHORTEST_POLL
        while not self._mapping.stopped.is_set() and not self._reader.closed:
            if self._open_bytes > BACKLOG_BYTES:
                self._mapping.stopped.wait(SHORTEST_POLL)
                continue
            asked_at = time.time()
            try:
                records = self._reader.read()
            except (KinesisError, urllib3.exceptions.HTTPError) as fault:
                self._mapping.note(f"reading {self._reader.shard}: {type(fault).__name__}")
                self._mapping.stopped.wait(FAULT_PAUSE)
                continue
            if records:
                self._distribute(records)
                pause = SHORTEST_POLL
                continue
            if not self._open:
                self.caught_up_at = asked_at
            self._mapping.stopped.wait(pause)
            pause = min(pause * 1.5, LONGEST_POLL)

    def _distribute(self, records: list[Record]) -> None:
        self._open.add(records)
        with self._bytes_lock:
            self._open_bytes += sum(record.size for record in records)
        if len(self._lanes) == 1:
            self._lanes[0].put(records)
            return
        shares: list[list[Record]] = [[] for _ in self._lanes]
        for record in records:
            shares[_share(record.key, len(shares))].append(record)
        for lane, share in zip(self._lanes, shares, strict=True):
            if share:
                lane.put(share)

    def _worker(self, lane: Lane) -> Callable[[], None]:
        mapping = self._mapping

        def work() -> None:
            while batch := lane.take(mapping.batch_size, mapping.window):
                for error in resolve(
                    batch,
                    mapping.rules,
                    invoke=lambda records: mapping.invoke(self._reader.shard, records),
                    acknowledge=self._acknowledge,
                    give_up=lambda given_up: mapping.give_up(self._reader.shard, given_up),
                    wait=mapping.stopped.wait,
                ):
                    mapping.note(error, failed=True)

        return work

    def _acknowledge(self, records: Sequence[Record]) -> None:
        if self._mapping.stopped.is_set():
            return  # another runner may hold the checkpoint now; it does these again
        self._open.acknowledge(records)
        with self._bytes_lock:
            self._open_bytes -= sum(record.size for record in records)
        self._mapping.checkpoints.save()


class MappingRunner:
    """Runs one event source mapping.

    Parameters
    ----------
    mapping
        The mapping, as ListEventSourceMappings answers.
    kinesis
        To read the stream with.
    aws
        Gives a boto3 client by its service's name. The one of Lambda must not retry by itself.
    checkpoints
        The directory that positions are kept in.
    """

    def __init__(
        self, mapping: Mapping[str, Any], kinesis: KinesisClient, aws: Aws, checkpoints: Path
    ) -> None:
        self._mapping, self._kinesis, self._aws = mapping, kinesis, aws
        self.id: str = mapping["UUID"]
        self.stream_arn: str = mapping["EventSourceArn"]
        self.stream = self.stream_arn.rpartition("/")[2]
        self.batch_size = int(mapping.get("BatchSize") or 100)
        self.window = float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
        self.rules = Rules.of(mapping)
        self.checkpoints = Checkpoints(checkpoints / f"mapping-{self.id}.json")
        self.stopped = threading.Event()
        self.last_error = ""
        self._fresh = not self.checkpoints.known
        self._region = self.stream_arn.split(":")[3]
        self._shards: dict[str, ShardConsumer] = {}
        self._shards_looked_at = 0.0

    def tend(self) -> None:
        """Start what is to be started; called again and again."""
        if time.monotonic() - self._shards_looked_at < SHARDS_EVERY and self._shards:
            return
        for shard in (found["ShardId"] for found in self._kinesis.shards(self.stream_arn)):
            if shard not in self._shards:
                reader = ShardReader(self._kinesis, self.stream_arn, shard, self._start(shard))
                lanes = int(self._mapping.get("ParallelizationFactor") or 1)
                self._shards[shard] = ShardConsumer(self, reader, lanes)
        self._fresh = False  # a shard that appears from now on is new, and is read from its beginning
        self._shards_looked_at = time.monotonic()

    def stop(self) -> None:
        """Stop; what is in flight is read again by the next runner."""
        self.stopped.set()
        for shard in self._shards.values():
            shard.close()

    def report(self) -> dict[str, Any]:
        """The counters, true to the checkpoint's positions."""
        shards = dict(self._shards)
        done = self.checkpoints.records
        in_flight = sum(shard.in_flight for shard in shards.values())
        return {
            "id": self.id,
            "stream": self.stream,
            "function": self._mapping["FunctionArn"].rpartition(":function:")[2],
            "received": done + in_flight,
            "transformed": done,
            "in_flight": in_flight,
            "batches": self.checkpoints.total("batches"),
            "failed_attempts": self.checkpoints.total("failed_attempts"),
            "discarded": self.checkpoints.total("discarded"),
            "caught_up_at": min((shard.caught_up_at for shard in shards.values()), default=0.0),
            "last_event_at": self.checkpoints.last_event_at,
            "last_error": self.last_error,
            "shards": {
                name: {
                    "sequence": self.checkpoints.position(name).sequence,
                    "in_flight": shard.in_flight,
                    "behind_ms": shard.behind_ms,
                }
                for name, shard in shards.items()
            },
        }

    def note(self, error: str, *, failed: bool = False) -> None:
        """Remember an error by its type: its text may quote a record."""
        if failed:
            self.checkpoints.add(failed_attempts=1)
        if error != self.last_error:
            log.warning("mapping %s: %s", self.stream, error)
        self.last_error = error

    def invoke(self, shard: str, records: Sequence[Record]) -> Answer:
        """Invoke the function with a batch."""
        event = {"Records": [self._event(shard, record) for record in records]}
        try:
            answer = self._aws("lambda").invoke(
                FunctionName=self._mapping["FunctionArn"], Payload=orjson.dumps(event)
            )
            payload = answer["Payload"].read()
        except ClientError as fault:
            return Answer(error=fault.response["Error"]["Code"], invoked=False)
        except (BotoCoreError, urllib3.exceptions.HTTPError) as fault:
            return Answer(error=type(fault).__name__, invoked=False)
        body = _parsed(payload)
        if answer.get("FunctionError"):
            kind = body.get("errorType", "") if isinstance(body, dict) else ""
            return Answer(error=f"FunctionError {kind}".strip())
        self.checkpoints.add(batches=1)
        self.last_error = ""
        return Answer(body=body)

    def give_up(self, shard: str, given_up: GivenUp) -> None:
        """Tell the on-failure destination where the given-up records lie, and count them."""
        arn = ((self._mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
        document = json.dumps(self._given_up(shard, given_up)) if arn else ""
        while arn and not self.stopped.is_set():
            try:
                _send(self._aws, arn, document)
                break
            except (ClientError, BotoCoreError) as fault:
                self.note(f"on-failure destination: {type(fault).__name__}")
                self.stopped.wait(FAULT_PAUSE)
        self.checkpoints.add(discarded=len(given_up.records))

    def _start(self, shard: str) -> Mapping[str, Any]:
        """Where to read a shard from: the checkpoint, or as the mapping says for its first shards."""
        sequence = self.checkpoints.position(shard).sequence
        if sequence:
            return after(sequence)
        wanted = self._mapping.get("StartingPosition", "TRIM_HORIZON")
        if not self._fresh or wanted == "TRIM_HORIZON":
            return HORIZON
        if wanted == "AT_TIMESTAMP":
            return from_time(_epoch(self._mapping["StartingPositionTimestamp"]))
        # LATEST is the moment at which the mapping was made, which is some moments ago.
        return from_time(_epoch(self._mapping["LastModified"]))

    def _event(self, shard: str, record: Record) -> dict[str, Any]:
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.key,
                "sequenceNumber": record.sequence,
                "data": record.data,
                "approximateArrivalTimestamp": record.arrived,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{record.sequence}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self._mapping["FunctionArn"],
            "awsRegion": self._region,
            "eventSourceARN": self.stream_arn,
        }

    def _given_up(self, shard: str, given_up: GivenUp) -> dict[str, Any]:
        """The document that Lambda sends to an on-failure destination: positions, no payload."""
        first, last = given_up.records[0], given_up.records[-1]
        return {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self._mapping["FunctionArn"],
                "condition": given_up.condition,
                "approximateInvokeCount": given_up.invocations,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                **({"functionError": "Unhandled"} if given_up.error else {}),
            },
            "version": "1.0",
            "timestamp": _iso(time.time()),
            "KinesisBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": first.sequence,
                "endSequenceNumber": last.sequence,
                "approximateArrivalOfFirstRecord": _iso(first.arrived),
                "approximateArrivalOfLastRecord": _iso(last.arrived),
                "batchSize": len(given_up.records),
                "streamArn": self.stream_arn,
            },
        }


def unsupported(mapping: Mapping[str, Any]) -> str:
    """What of a mapping this runner cannot do; it must not run a mapping which it would run wrongly."""
    if (mapping.get("FilterCriteria") or {}).get("Filters"):
        return "filter criteria"
    if mapping.get("TumblingWindowInSeconds"):
        return "a tumbling window"
    arn = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
    if arn and arn.split(":")[2] not in {"sqs", "sns"}:
        return f"an on-failure destination in {arn.split(':')[2]}, which would hold payloads"
    return ""


def _send(aws: Aws, arn: str, document: str) -> None:
    service, name = arn.split(":")[2], arn.rpartition(":")[2]
    if service == "sns":
        aws("sns").publish(TopicArn=arn, Message=document)
        return
    queue = aws("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    aws("sqs").send_message(QueueUrl=queue, MessageBody=document)


def _share(key: str, shares: int) -> int:
    return int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()[:8], "big") % shares


def _parsed(payload: bytes) -> Any:
    try:
        return orjson.loads(payload) if payload else None
    except orjson.JSONDecodeError:
        return {"batchItemFailures": "not JSON"}


def _epoch(moment: datetime | float) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)


def _iso(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
