"""Positions, and reading from them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.dataplane.checkpoints import Checkpoints, InFlight, Position
from local.dataplane.kinesis import HORIZON, KinesisError, Record, ShardReader


def record(place: int) -> Record:
    return Record(f"{place:04d}", "key", float(place), "cGF5bG9hZA==")


@given(st.permutations(range(12)), st.integers(0, 12))
def test_the_position_never_passes_an_open_record(order: list[int], acknowledged: int) -> None:
    position = Position()
    in_flight = InFlight(position)
    in_flight.add([record(place) for place in range(12)])
    done = order[:acknowledged]
    for place in done:
        in_flight.acknowledge([record(place)])
    first_open = min(set(range(12)) - set(done), default=12)
    assert position.records == first_open
    assert position.sequence == (f"{first_open - 1:04d}" if first_open else "")
    assert len(in_flight) == 12 - first_open


def test_positions_and_counts_survive_and_hold_no_payload(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    checkpoints = Checkpoints(file)
    assert not checkpoints.known
    in_flight = InFlight(checkpoints.position("shard"))
    in_flight.add([record(1), record(2)])
    in_flight.acknowledge([record(1)])
    checkpoints.add(batches=3)
    checkpoints.save()
    again = Checkpoints(file)
    assert again.known
    assert (again.records, again.total("batches"), again.last_event_at) == (1, 3, 1.0)
    assert again.position("shard").sequence == "0001"
    assert "cGF5bG9hZA" not in file.read_text()
    assert set(json.loads(file.read_text())["shards"]["shard"]) == {"sequence", "records", "last_event_at"}


class Stream:
    """A stream's service with iterators that expire after two calls."""

    def __init__(self, count: int, size: int = 10) -> None:
        self.records = [
            {
                "SequenceNumber": f"{i:04d}",
                "PartitionKey": "k",
                "ApproximateArrivalTimestamp": 0.0,
                "Data": "x" * size,
            }
            for i in range(count)
        ]
        self.iterators: dict[str, int] = {}
        self.uses: dict[str, int] = {}
        self.limits: list[int] = []

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "GetShardIterator":
            behind = request.get("StartingSequenceNumber")
            start = 0 if behind is None else int(behind) + 1
            name = f"i{len(self.iterators)}"
            self.iterators[name], self.uses[name] = start, 0
            return {"ShardIterator": name}
        name = request["ShardIterator"]
        self.uses[name] += 1
        if self.uses[name] > 1:
            raise KinesisError("ExpiredIteratorException", "")
        self.limits.append(request["Limit"])
        start = self.iterators[name]
        page = self.records[start : start + min(request["Limit"], 7)]
        self.iterators[name] = start + len(page)
        self.uses[name] = 0 if start % 2 else 1  # every other iterator is expired when it is used again
        return {"Records": page, "NextShardIterator": name, "MillisBehindLatest": 0}


def test_an_expired_iterator_loses_and_repeats_nothing() -> None:
    stream = Stream(40)
    reader = ShardReader(stream, "arn", "shard", HORIZON)  # pyright: ignore[reportArgumentType] (a fake)
    read = [r.sequence for _ in range(12) for r in reader.read()]
    assert read == [f"{i:04d}" for i in range(40)]


def test_large_records_are_read_few_at_a_time() -> None:
    stream = Stream(40, size=300_000)
    reader = ShardReader(stream, "arn", "shard", HORIZON)  # pyright: ignore[reportArgumentType] (a fake)
    for _ in range(4):
        reader.read()
    assert stream.limits[0] == 100
    assert stream.limits[-1] * 300_000 <= 8 << 20


def test_other_refusals_are_told() -> None:
    class Gone(Stream):
        def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
            raise KinesisError("ResourceNotFoundException", "Stream not found")

    with pytest.raises(KinesisError, match="ResourceNotFoundException"):
        ShardReader(Gone(1), "arn", "shard", HORIZON).read()  # pyright: ignore[reportArgumentType] (a fake)
