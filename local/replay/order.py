"""In which order the events go out: as they happened, or repeated, shuffled, with bad records among them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NEAR = 400
"""A near repeat comes within about a batch of PutRecords; a far one anywhere behind, hours or days later."""
NEAR_SHARE = 0.5


class Order(NamedTuple):
    """One entry per record to send, in sending order.

    ``item`` is the number of the event (or of the bad record); ``kind`` is VALID, DUPLICATE or INVALID.
    """

    item: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int8]


VALID, DUPLICATE, INVALID = 0, 1, 2
KINDS = ("valid", "duplicate", "invalid")


def order(events: int, *, duplicates: float, invalid: float, shuffle: bool, seed: int) -> Order:
    """Place ``events`` events, some of them twice, and bad records among them.

    Parameters
    ----------
    events
        How many events there are; their own order is the order in which they happened.
    duplicates, invalid
        How many repeats and bad records are added, as a share of ``events``.
    shuffle
        Send everything in random order (a repeat may then come before what it repeats).
    """
    check_share("duplicates", duplicates)
    check_share("invalid", invalid)
    dice = np.random.default_rng([seed, events])
    repeated = dice.choice(events, size=round(events * duplicates), replace=False)
    near = repeated + dice.integers(1, NEAR, size=len(repeated))
    far = dice.integers(repeated, events, endpoint=True)
    bad = round(events * invalid)
    item = np.concatenate([np.arange(events), repeated, np.arange(bad)])
    kind = np.repeat(np.array([VALID, DUPLICATE, INVALID], dtype=np.int8), [events, len(repeated), bad])
    if shuffle:
        place = dice.permutation(len(item)).astype(np.float64)
    else:
        place = np.concatenate(
            [
                np.arange(events),
                np.where(dice.random(len(repeated)) < NEAR_SHARE, near, far) + 0.5,
                dice.uniform(0, events, size=bad),
            ]
        )
    sending = np.argsort(place, kind="stable")
    return Order(item[sending], kind[sending])


def check_share(name: str, value: float) -> None:
    """Refuse what is no share."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name}: {value} is no share, expected 0 to 1")
