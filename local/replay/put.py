"""Put records on a Kinesis stream: in order, in full batches, and again what was refused for now."""

from __future__ import annotations

import time
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from types import TracebackType
from typing import Any, NamedTuple, Self

from botocore.exceptions import BotoCoreError, ClientError

BATCH_RECORDS = 500
BATCH_BYTES = 5 * 1024 * 1024
RECORD_BYTES = 1024 * 1024
"""The limits of PutRecords and of one record; both count the partition key."""

AHEAD = 4
"""Batches that may wait for the stream: whoever makes records runs ahead of the puts by no more than that."""

ATTEMPTS = 8
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
_JITTER = Random()  # noqa: S311  (spreads retries, guards nothing)


class Record(NamedTuple):
    """What the stream gets: the bytes, and the key that chooses the shard (never personal data)."""

    key: str
    data: bytes

    @property
    def size(self) -> int:
        """What the stream's limits count."""
        return len(self.data) + len(self.key.encode())


class PutError(Exception):
    """The stream did not take everything."""

    def __init__(self, stream: str, undelivered: int, why: str) -> None:
        super().__init__(f"stream {stream}: {undelivered} records could not be delivered: {why}")
        self.stream, self.undelivered, self.why = stream, undelivered, why


def put(kinesis: Any, stream: str, batch: list[Record]) -> None:
    """Put one batch; repeat, with growing pauses, what was not taken.

    A repeat may duplicate a record: the lake removes duplicates by event_id, so nothing is ever held back.

    Raises
    ------
    PutError
        If the stream cannot be reached, or still refuses some record after the last attempt.
    """
    left, codes = batch, Counter[str]()
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * _JITTER.uniform(0.5, 1))
        records = [{"Data": record.data, "PartitionKey": record.key} for record in left]
        try:
            answer = kinesis.put_records(StreamName=stream, Records=records)
        except ClientError as error:
            raise PutError(stream, len(left), error.response["Error"]["Code"]) from error
        except BotoCoreError as error:
            raise PutError(stream, len(left), type(error).__name__) from error
        results = answer["Records"]
        codes = Counter(result["ErrorCode"] for result in results if result.get("ErrorCode"))
        left = [record for record, result in zip(left, results, strict=True) if result.get("ErrorCode")]
        if not left:
            return
    reasons = ", ".join(f"{code} ({count})" for code, count in codes.most_common())
    raise PutError(stream, len(left), f"{reasons}, after {ATTEMPTS} attempts")


class Lane:
    """Records on their way to one stream; a thread of its own puts them, batch after batch.

    Use it as a context: at its end everything is delivered, or `PutError` was raised.
    """

    def __init__(self, kinesis: Any, stream: str) -> None:
        self._kinesis, self._stream = kinesis, stream
        self._batch: list[Record] = []
        self._size = 0
        self._waiting: deque[tuple[Future[None], int]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"put-{stream}")
        self.delivered = 0

    def add(self, record: Record) -> None:
        """Take one record; waits while the stream is behind."""
        if record.size > RECORD_BYTES:
            raise ValueError(f"a record of {record.size:,} bytes is over the stream's limit {RECORD_BYTES:,}")
        if len(self._batch) == BATCH_RECORDS or self._size + record.size > BATCH_BYTES:
            self._send()
        self._batch.append(record)
        self._size += record.size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                if self._batch:
                    self._send()
                self._wait(0)
        finally:
            self._thread.shutdown(cancel_futures=True)

    def _send(self) -> None:
        future = self._thread.submit(put, self._kinesis, self._stream, self._batch)
        self._waiting.append((future, len(self._batch)))
        self._batch, self._size = [], 0
        self._wait(AHEAD)

    def _wait(self, ahead: int) -> None:
        while len(self._waiting) > ahead:
            future, records = self._waiting.popleft()
            future.result()
            self.delivered += records
