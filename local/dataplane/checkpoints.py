"""Positions which survive the process, with the counts that belong to exactly those positions.

A checkpoint holds sequence numbers and numbers, never a payload. Since count and position are written in one
file at once, counts stay true over a restart: what is read again is not counted again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from local.dataplane.kinesis import Record
from local.state import read_json, write_json


@dataclass
class Position:
    """How far a reader of one shard is, for good."""

    sequence: str = ""
    records: int = 0
    last_event_at: float = 0.0


class Checkpoints:
    """The positions of one reader in all shards of its stream, and its totals."""

    def __init__(self, path: Path) -> None:
        found = read_json(path) or {}
        self._path = path
        self._lock = threading.Lock()
        self.known = bool(found)
        self.shards = {shard: Position(**position) for shard, position in found.get("shards", {}).items()}
        self.totals: dict[str, int] = found.get("totals", {})

    def position(self, shard: str) -> Position:
        """The position in a shard, which may be none yet."""
        with self._lock:
            return self.shards.setdefault(shard, Position())

    def add(self, **counts: int) -> None:
        """Add to totals; they are kept by the next `save`."""
        with self._lock:
            for name, count in counts.items():
                self.totals[name] = self.totals.get(name, 0) + count

    def total(self, name: str) -> int:
        """A total."""
        return self.totals.get(name, 0)

    @property
    def records(self) -> int:
        """Records that are done with, over all shards."""
        with self._lock:
            return sum(position.records for position in self.shards.values())

    @property
    def last_event_at(self) -> float:
        """When the last record that is done with had arrived."""
        with self._lock:
            return max((position.last_event_at for position in self.shards.values()), default=0.0)

    def save(self) -> None:
        """Keep all positions and totals."""
        with self._lock:
            shards = {shard: asdict(position) for shard, position in self.shards.items()}
            write_json(self._path, {"shards": shards, "totals": dict(self.totals)})


class InFlight:
    """Records of one shard which were read and not yet acknowledged, in the stream's order.

    Acknowledged out of order (by parallel lanes), they move the checkpoint only up to the first that is open.
    """

    def __init__(self, position: Position) -> None:
        self._position = position
        self._open: deque[Record] = deque()
        self._done: set[str] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, records: Sequence[Record]) -> None:
        """Note records that were read."""
        with self._lock:
            self._open.extend(records)

    def acknowledge(self, records: Sequence[Record]) -> None:
        """Records that are done with: move the position over all that precede the first open one."""
        with self._lock:
            self._done.update(record.sequence for record in records)
            while self._open and self._open[0].sequence in self._done:
                record = self._open.popleft()
                self._done.discard(record.sequence)
                self._position.sequence = record.sequence
                self._position.records += 1
                self._position.last_event_at = record.arrived
