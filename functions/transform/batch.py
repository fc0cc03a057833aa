"""A batch of the ingress stream: every record of it becomes a record of the protected stream.

An event that is not acceptable is sealed whole. So is what would be too large for the delivery, into an
object of its own, with a record that points to it. Nothing here depends on the cloud, but for the form of
the records that Kinesis hands to a function.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypedDict

import pybase64

from functions.shared.protection import DataKeys, seal
from functions.shared.records import MAX_RECORD_BYTES, Entry, head, line, timestamp
from functions.transform.core import NOBODY, Prepared, Transform
from functions.transform.envelope import Refused
from functions.transform.owned import Owners

OVERSIZE = "oversize"
# How many events are protected at a time: enough to do one thing to many, few enough for the caches.
TOGETHER = 64


class KinesisData(TypedDict):
    """The payload of a record of an ingress stream."""

    data: str
    sequenceNumber: str
    approximateArrivalTimestamp: float


class KinesisRecord(TypedDict):
    """A record as the event source mapping hands it to a function."""

    kinesis: KinesisData
    eventID: str


@dataclass(frozen=True, kw_only=True)
class SealedObject:
    """A sealed record that is too large to land as one; the entry that points to it follows it."""

    name: str
    body: bytes = field(repr=False)
    sha256: bytes


@dataclass(kw_only=True)
class Batch:
    """What a batch became. Entry n comes from the record with sequence number n."""

    entries: list[Entry] = field(default_factory=list[Entry], repr=False)
    sequences: list[str] = field(default_factory=list[str])
    objects: dict[str, SealedObject] = field(default_factory=dict[str, SealedObject])
    refused: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[str] = field(default_factory=Counter[str])
    bytes_in: int = 0
    bytes_out: int = 0

    @property
    def accepted(self) -> int:
        """How many events were accepted, and landed as one record."""
        return len(self.entries) - self.refused.total()


class BatchTransform:
    """Turns batches of a source's ingress stream into entries for its protected stream."""

    def __init__(
        self,
        transform: Transform,
        keys: DataKeys,
        owners: Owners | None = None,
        *,
        max_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self._transform = transform
        self._keys = keys
        # A transform that is erasable needs them.
        self._owners = owners
        self._max_bytes = max_bytes

    def run(self, records: Iterable[KinesisRecord], *, now: float) -> Batch:
        """Transform a batch.

        Parameters
        ----------
        records
            As the event source mapping hands them over.
        now
            The time in seconds since 1970, for `ingested_at`.

        Raises
        ------
        Exception
            Only what wrapping a data key raises, or the table of subjects. Nothing that a record holds makes
            a batch fail.
        """
        records = list(records)
        batch, ingested_at, bytes_in = Batch(), timestamp(now), 0
        # Twice, since events are protected one by one if together they failed.
        values = 2 * self._transform.values_per_event
        key = self._keys.current("field", encryptions=len(records) * values)
        beginning = head(key.wrapped, ingested_at)
        waiting, owners = self._prepared(records), NOBODY
        if self._owners:
            # All of the batch, to ask the table once.
            waiting = list(waiting)
            owners = self._owners.of(set[bytes]().union(*(one.subjects() for _, one in waiting)), key)
        for some, prepared in waiting:
            answers = self._transform.protect(prepared, key, beginning, owners)
            for record, (raw, _), answer in zip(some, prepared.events, answers, strict=True):
                bytes_in += len(raw)
                if isinstance(answer, tuple) and len(answer[1]) <= self._max_bytes:
                    event_id, data = answer
                else:
                    refusal = answer if isinstance(answer, Refused) else Refused(OVERSIZE)
                    event_id, data = self._refuse(batch, record, raw, refusal, ingested_at)
                batch.entries.append({"Data": data, "PartitionKey": event_id})
                batch.sequences.append(record["kinesis"]["sequenceNumber"])
        batch.bytes_in = bytes_in
        batch.bytes_out = sum(len(entry["Data"]) for entry in batch.entries)
        return batch

    def _prepared(
        self, records: Sequence[KinesisRecord]
    ) -> Iterable[tuple[Sequence[KinesisRecord], Prepared]]:
        """Yield records and what they hold, a few dozen at a time, in their order."""
        for start in range(0, len(records), TOGETHER):
            some = records[start : start + TOGETHER]
            events = [
                (pybase64.b64decode(kinesis["data"]), kinesis["approximateArrivalTimestamp"])
                for kinesis in (record["kinesis"] for record in some)
            ]
            at = 0
            for prepared in self._transform.prepare(events):
                yield some[at : at + len(prepared.events)], prepared
                at += len(prepared.events)

    def _refuse(
        self, batch: Batch, record: KinesisRecord, raw: bytes, refusal: Refused, ingested_at: str
    ) -> tuple[str, bytes]:
        reason = refusal.reason
        key = self._keys.current("quarantine", encryptions=1)
        source, arrived = self._transform.source, record["kinesis"]["approximateArrivalTimestamp"]
        event_id = "q-" + record["eventID"].replace(":", "-")
        body: dict[str, Any] = {
            "event_id": event_id,
            "source": source,
            "event_type": self._transform.claimed_event(raw),
            "producer_ts": timestamp(arrived),
        }
        beginning, sealed = head(key.wrapped, ingested_at), seal(key, raw, source=source)
        body["quarantine"] = {"reason": reason, "sealed": pybase64.b64encode_as_string(sealed)}
        data = line(beginning, body)
        if len(data) > self._max_bytes:
            # Named by position: a batch that is tried again writes the same object again.
            name = f"{OVERSIZE}/source={source}/dt={timestamp(arrived)[:10]}/{event_id}.sealed"
            digest = sha256(sealed)
            sequence = record["kinesis"]["sequenceNumber"]
            batch.objects[sequence] = SealedObject(name=name, body=sealed, sha256=digest.digest())
            body["quarantine"] = {
                "reason": reason,
                "object": name,
                "bytes": len(sealed),
                "sha256": digest.hexdigest(),
            }
            data = line(beginning, body)
        batch.refused[reason] += 1
        if refusal.fault:
            batch.failures[refusal.fault] += 1
        return event_id, data


def keywords(refused: Mapping[str, int]) -> Counter[str]:
    """Count refusals by keyword alone: few enough values for a metric's dimension."""
    counted: Counter[str] = Counter()
    for reason, number in refused.items():
        counted[reason.partition(";")[0].rpartition(": ")[2]] += number
    return counted
