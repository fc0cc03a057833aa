"""Send a replay to a lake's front doors, and say what was sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from rich.progress import Progress

from local.leaks import Needle
from local.replay.events import WORLD, Event, Replay
from local.replay.put import Lane, Record
from local.state import Lake


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What was sent: what must now be found in the warehouse, and what must not be found anywhere."""

    counts: Counter[tuple[str, str, str]]
    """Records by source, event and kind (valid, duplicate, invalid)."""
    reasons: Counter[tuple[str, str]]
    """Bad records by source and the reason that the quarantine must show."""
    bytes: int
    seconds: float
    needles: tuple[Needle, ...]
    """The personal data in it, each value with a name that may be printed."""

    @property
    def records(self) -> int:
        """Everything that was put on a stream."""
        return self.counts.total()

    @property
    def valid(self) -> int:
        """Distinct events: so many rows staging has, all sources and events together."""
        return self._of_kind("valid")

    @property
    def duplicates(self) -> int:
        """Events that were sent once more."""
        return self._of_kind("duplicate")

    @property
    def invalid(self) -> int:
        """Bad records: so many rows the quarantine has."""
        return self._of_kind("invalid")

    def distinct(self, source: str, event: str) -> int:
        """Distinct valid events of one kind."""
        return self.counts[source, event, "valid"]

    def _of_kind(self, wanted: str) -> int:
        return sum(count for (_, _, kind), count in self.counts.items() if kind == wanted)

    def __str__(self) -> str:
        rate = self.records / self.seconds if self.seconds else 0
        return (
            f"{self.records:,} records sent ({self.valid:,} events, {self.duplicates:,} repeats, "
            f"{self.invalid:,} invalid), {self.bytes / 1e6:,.1f} MB in {self.seconds:.1f} s, {rate:,.0f}/s"
        )


def run(
    lake: Lake,
    *,
    days: int | None,
    duplicates: float = 0.0,
    shuffle: bool = False,
    invalid: float = 0.0,
    seed: int = 0,
    world: int = WORLD,
    progress: Progress | None = None,
) -> Sent:
    """Replay real sales into a lake; the parameters are those of `local.replay.Replay`.

    Raises
    ------
    local.replay.PutError
        If a stream did not take everything; a second run is then harmless, events are told apart by their id.
    """
    started = time.monotonic()
    replay = Replay(
        days=days, duplicates=duplicates, shuffle=shuffle, invalid=invalid, seed=seed, world=world
    )
    counts: Counter[tuple[str, str, str]] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    size = 0

    def counted(events: Iterable[Event]) -> Iterator[Event]:
        nonlocal size
        for event in progress.track(events, total=len(replay), description="replay") if progress else events:
            counts[event.source, event.event, event.kind] += 1
            size += len(event.body)
            if event.reason is not None:
                reasons[event.source, event.reason] += 1
            yield event

    deliver(lake, counted(replay))
    return Sent(
        counts=counts,
        reasons=reasons,
        bytes=size,
        seconds=time.monotonic() - started,
        needles=replay.needles(),
    )


def deliver(lake: Lake, events: Iterable[Event]) -> None:
    """Put events on the ingress streams of their sources, each source's in the order given."""
    kinesis = lake.boto("kinesis")
    with ExitStack() as stack:
        lanes = {
            source: stack.enter_context(Lane(kinesis, names.ingress))
            for source, names in lake.streams.items()
        }
        for event in events:
            lanes[event.source].add(Record(event.key, event.body))
