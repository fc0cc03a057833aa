"""Everything that a replay sends, in the order in which it is sent. Needs no lake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from local.leaks import Needle
from local.replay import dataset
from local.replay.invalid import bad, bad_needles
from local.replay.order import INVALID, KINDS, Order, order
from local.replay.shapes import Shapes

WORLD = 2017
"""Decides what the data set does not know: who shops online, how to reach them, what lay in their carts."""


class Event(NamedTuple):
    """One record for the ingress stream of a source."""

    source: str
    event: str
    kind: str
    """``valid``; ``duplicate``, the same bytes again; ``invalid``."""
    key: str
    """The event's id, or a bad record's number: the partition key."""
    body: bytes
    reason: str | None = None
    """What the quarantine must say of a bad record."""


class Replay:
    """The events of N × 24 hours, as many times as one likes: each iteration gives the same.

    Parameters
    ----------
    days
        How much of the year, from the first transaction; None for all of it.
    duplicates
        Share of the events that are sent a second time, at once or much later.
    shuffle
        Send in random order instead of as it happened.
    invalid
        Bad records added, as a share of the events.
    seed
        Decides what is repeated, in which order all is sent, and who stands in bad records. The events
        themselves are the same whatever it is, so that a second replay adds nothing to the first.
    world
        Decides who shops online, contact data and carts. Two worlds do not belong in one lake.
    """

    def __init__(
        self,
        *,
        days: int | None = None,
        duplicates: float = 0.0,
        shuffle: bool = False,
        invalid: float = 0.0,
        seed: int = 0,
        world: int = WORLD,
    ) -> None:
        self.seed = seed
        self._shapes = Shapes(dataset.load(days), world)
        self._order: Order = order(
            len(self._shapes), duplicates=duplicates, invalid=invalid, shuffle=shuffle, seed=seed
        )

    def __len__(self) -> int:
        return len(self._order.item)

    def __iter__(self) -> Iterator[Event]:
        for item, kind in zip(self._order.item, self._order.kind, strict=True):
            if kind == INVALID:
                record = bad(int(item), self.seed)
                yield Event(
                    record.source, record.event, KINDS[kind], f"bad-{item}", record.body, record.reason
                )
            else:
                shape = self._shapes[int(item)]
                yield Event(shape.source, shape.event, KINDS[kind], shape.event_id, shape.body)

    def needles(self) -> tuple[Needle, ...]:
        """Every personal value that is sent: none of it may be found behind the ingress streams."""
        values = {needle.value: needle for needle in self._shapes.needles()}
        if (self._order.kind == INVALID).any():
            values = {needle.value: needle for needle in bad_needles(self.seed)} | values
        return tuple(values.values())


def events(
    *,
    days: int | None = None,
    duplicates: float = 0.0,
    shuffle: bool = False,
    invalid: float = 0.0,
    seed: int = 0,
    world: int = WORLD,
) -> Iterator[Event]:
    """Yield all events of a `Replay`."""
    yield from Replay(
        days=days, duplicates=duplicates, shuffle=shuffle, invalid=invalid, seed=seed, world=world
    )
