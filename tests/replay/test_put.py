"""Batches within the stream's limits, refused records again, and nothing delivered in silence."""

import random
import threading
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.replay import PutError, put
from local.replay.put import BATCH_BYTES, BATCH_RECORDS, RECORD_BYTES, Lane, Record


class Stream:
    """A stream that checks AWS's limits, and refuses what it is told to."""

    def __init__(self, refuse: float = 0.0, error: Exception | None = None) -> None:
        self.refuse, self.error, self.dice = refuse, error, random.Random(1)
        self.took: list[tuple[str, bytes]] = []
        self.calls: list[int] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        assert StreamName == "ingress"
        sizes = [len(record["Data"]) + len(record["PartitionKey"].encode()) for record in Records]
        assert 1 <= len(Records) <= 500 and sum(sizes) <= 5 * 1024**2 and max(sizes) <= 1024**2
        self.calls.append(len(Records))
        if self.error and len(self.calls) > 2:
            raise self.error
        answers: list[dict[str, str]] = []
        for record in Records:
            if self.dice.random() < self.refuse:
                answers.append(
                    {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow"}
                )
            else:
                self.took.append((record["PartitionKey"], record["Data"]))
                answers.append({"SequenceNumber": "1", "ShardId": "s"})
        return {"FailedRecordCount": sum("ErrorCode" in a for a in answers), "Records": answers}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.replay.put.FIRST_PAUSE", 0.0)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 700, 40_000, 900_000, RECORD_BYTES - 9]), max_size=60),
    times=st.integers(1, 12),
)
def test_batches_keep_the_limits_and_the_order(sizes: list[int], times: int) -> None:
    stream = Stream()
    records = [Record(f"key-{i:05}", bytes(size)) for i, size in enumerate(sizes * times)]
    with Lane(stream, "ingress") as lane:
        for record in records:
            lane.add(record)
    assert stream.took == [(record.key, record.data) for record in records]
    assert lane.delivered == len(records)


def test_batches_are_full() -> None:
    stream = Stream()
    with Lane(stream, "ingress") as lane:
        for i in range(2 * BATCH_RECORDS + 1):
            lane.add(Record(str(i), b"x"))
    assert stream.calls == [500, 500, 1]
    large = Stream()
    with Lane(large, "ingress") as lane:
        for _ in range(10):
            lane.add(Record("k", bytes(BATCH_BYTES // 5 - 1)))
    assert large.calls == [5, 5]


def test_puts_again_what_was_refused_and_only_that() -> None:
    stream = Stream(refuse=0.3)
    with Lane(stream, "ingress") as lane:
        for i in range(3000):
            lane.add(Record(str(i), b"x"))
    assert Counter(key for key, _ in stream.took) == Counter(str(i) for i in range(3000))
    assert lane.delivered == 3000


def test_gives_up_loudly() -> None:
    with pytest.raises(PutError, match="stream ingress: 500 records could not be delivered: Provisioned"):
        put.put(Stream(refuse=1), "ingress", [Record("k", b"secret")] * 500)


def test_an_error_of_the_stream_reaches_whoever_adds() -> None:
    stream = Stream(error=ConnectionError("gone"))
    lane = Lane(stream, "ingress")
    with pytest.raises(ConnectionError), lane:
        for i in range(100_000):
            lane.add(Record(str(i), b"x"))
    assert lane.delivered == 1000
    assert len(stream.calls) < 20


def test_an_interrupt_stops_the_thread() -> None:
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), Lane(Stream(), "ingress") as lane:
        for i in range(1200):
            lane.add(Record(str(i), b"x"))
        raise KeyboardInterrupt
    assert threading.active_count() == before


def test_refuses_a_record_over_the_limit_and_counts_the_key_in() -> None:
    with pytest.raises(ValueError, match="over the stream's limit"), Lane(Stream(), "ingress") as lane:
        lane.add(Record("é", bytes(RECORD_BYTES - 2)))
        lane.add(Record("é", bytes(RECORD_BYTES - 1)))
