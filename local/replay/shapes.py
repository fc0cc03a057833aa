"""The events of the replay: what a till and a web shop would have said of each real basket.

Baskets of in-store households become ``pos``/``sale``, those of online households ``ecommerce``/``order``
with made-up ``cart`` events around it; every line of the data set stands in exactly one sale or order. An
event is made from its number alone, so that any of them can be made again, at any time, to the byte.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from enum import IntEnum
from random import Random
from typing import Any, NamedTuple

import numpy as np
import orjson

from local.leaks import Needle
from local.replay.dataset import Sales
from local.replay.households import (
    RETYPED_SHARE,
    Household,
    household,
    online_households,
    spellings_of_email,
    spellings_of_phone,
)

CURRENCY = "USD"
SMALLER_SHARE, ABANDONED_SHARE = 0.3, 0.3
"""Per order: its cart was smaller once; another cart was left behind before."""

UNKNOWN_SHARE, NULL_SHARE = 0.25, 0.5
"""Of the smaller carts, those of an unknown visitor; of what is not known, what is null and not absent."""

ELSEWHERE_SHARE = 0.08
GIFTS, FIRST_GIFT = 40, 1_000_000
"""Some orders go to somebody else: one of so many addresses outside the data set's households."""

OLD_TILLS, LOCAL_CLOCKS = 40, 25
"""Stores whose number these divide: their tills give no event_id; tell the time with its offset from UTC."""

MINUTE, HOUR = 60, 3600

Line = tuple[int, int, int, int, int, int]
"""Product, quantity, and the four amounts in cents in the order of `local.replay.dataset.MONEY`."""


class Shape(NamedTuple):
    """One event, ready to be sent."""

    source: str
    event: str
    event_id: str
    """What identifies it here; what old tills send has none inside."""
    body: bytes


class What(IntEnum):
    """What a basket gives rise to; of one second, in this order."""

    SMALLER = 0
    FULL = 1
    LEFT = 2
    ABANDONED = 3
    SALE = 4
    ORDER = 5
    ORDERED = 6


class Moment(NamedTuple):
    """When something happened to which basket (its number in the sales)."""

    second: int
    basket: int
    what: What


class Shapes:
    """All events of some sales, by number, in the order of their time."""

    def __init__(self, sales: Sales, world: int) -> None:
        self._world = world
        self._sales = sales
        self._people = {int(number): household(int(number), world) for number in np.unique(sales.households)}
        self._gifts = [household(FIRST_GIFT + number, world, complete=True) for number in range(GIFTS)]
        self._first = sales.first_line.tolist()
        self._columns = (sales.products, sales.quantities, *sales.cents.values())
        self._moments = sorted(self._happenings(online_households(sales.all_households, world)))

    def __len__(self) -> int:
        return len(self._moments)

    def __getitem__(self, number: int) -> Shape:
        moment = self._moments[number]
        basket = int(self._sales.baskets[moment.basket])
        match moment.what:
            case What.SALE:
                return self._shape(moment, "pos", "sale", f"sale-{basket}", self._sale(moment.basket, basket))
            case What.ORDER:
                data = self._order(moment.basket, basket)
                return self._shape(moment, "ecommerce", "order", f"order-{basket}", data)
            case _:
                event_id = f"cart-{basket}-{moment.what.name.lower()}"
                return self._shape(moment, "ecommerce", "cart", event_id, self._cart(moment, basket))

    def needles(self) -> Iterator[Needle]:
        """Every personal value that these events may carry, in every spelling that they may use."""
        for person in self._people.values():
            yield from person.needles()
        for gift in self._gifts:
            yield Needle(str(gift.street), f"street of household {gift.id}")

    def _happenings(self, online: frozenset[int]) -> Iterator[Moment]:
        times = self._sales.times.astype(np.int64).tolist()
        for basket, (second, who) in enumerate(zip(times, self._sales.households.tolist(), strict=True)):
            if who not in online:
                yield Moment(second, basket, What.SALE)
                continue
            dice = self._dice("carts", basket)
            full = second - dice.randint(MINUTE, 15 * MINUTE)
            yield Moment(full, basket, What.FULL)
            yield Moment(second, basket, What.ORDER)
            yield Moment(second + 1, basket, What.ORDERED)
            if dice.random() < SMALLER_SHARE:
                yield Moment(full - dice.randint(5 * MINUTE, 20 * HOUR), basket, What.SMALLER)
            if dice.random() < ABANDONED_SHARE:
                left = second - dice.randint(HOUR, 72 * HOUR)
                yield Moment(left, basket, What.LEFT)
                yield Moment(left + 30 * MINUTE, basket, What.ABANDONED)

    def _shape(self, moment: Moment, source: str, event: str, event_id: str, data: dict[str, Any]) -> Shape:
        envelope: dict[str, Any] = {
            "event_id": event_id,
            "source": source,
            "event_type": event,
            "schema_version": 1,
            "producer_ts": _timestamp(moment.second),
            "data": data,
        }
        if event == "sale":
            store = int(self._sales.stores[moment.basket])
            if store % OLD_TILLS == 0:
                del envelope["event_id"]
            if store % LOCAL_CLOCKS == 0:
                envelope["producer_ts"] = f"{np.datetime64(moment.second - 5 * HOUR, 's')}-05:00"
        return Shape(source, event, event_id, orjson.dumps(envelope))

    def _sale(self, index: int, basket: int) -> dict[str, Any]:
        """A till writes money as JSON numbers."""
        lines = self._lines(index)
        return {
            "transaction_id": str(basket),
            "store_id": str(self._sales.stores[index]),
            "register_id": str(basket % 12 + 1),
            "currency": CURRENCY,
            "customer": self._customer(index, f"sale-{basket}"),
            "lines": [
                {
                    "line": number,
                    "product_id": str(product),
                    "quantity": quantity,
                    "sales_value": paid / 100,
                    "retail_disc": retail / 100,
                    "coupon_disc": coupon / 100,
                    "coupon_match_disc": match / 100,
                }
                for number, (product, quantity, paid, retail, coupon, match) in enumerate(lines, 1)
            ],
            "total": sum(line[2] for line in lines) / 100,
        }

    def _order(self, index: int, basket: int) -> dict[str, Any]:
        """A web shop writes money as text."""
        dice, lines = self._dice("order", index), self._lines(index)
        return {
            "order_id": str(basket),
            "store_id": str(self._sales.stores[index]),
            "channel": dice.choice(("web", "web", "app", "phone", None)),
            "currency": CURRENCY,
            "customer": self._customer(index, f"order-{basket}"),
            "shipping": self._shipping(dice),
            "lines": [
                {
                    "line": number,
                    "product_id": str(product),
                    "quantity": quantity,
                    "sales_value": _text(paid),
                    "retail_disc": _text(retail),
                    "coupon_disc": _text(coupon),
                    "coupon_match_disc": _text(match),
                }
                for number, (product, quantity, paid, retail, coupon, match) in enumerate(lines, 1)
            ],
            "total": _text(sum(line[2] for line in lines)),
        }

    def _shipping(self, dice: Random) -> dict[str, Any] | None:
        """Always without cost: what the data set sold is all that was paid."""
        if dice.random() < 0.3:
            return {"method": "pickup"} if dice.random() < NULL_SHARE else None
        shipping: dict[str, Any] = {"method": "delivery", "cost": "0.00"}
        if dice.random() < ELSEWHERE_SHARE:
            shipping["address"] = dice.choice(self._gifts).address
        return shipping

    def _cart(self, moment: Moment, basket: int) -> dict[str, Any]:
        what, index = moment.what, moment.basket
        other = what in (What.LEFT, What.ABANDONED)
        dice = self._dice("left" if other else what.name, index)
        lines = self._lines(index)
        if what not in (What.FULL, What.ORDERED):
            lines = lines[: dice.randint(1, len(lines))]
        items = [_item(line) for line in lines]
        cart: dict[str, Any] = {
            "cart_id": f"{basket}-other" if other else str(basket),
            "status": {What.ABANDONED: "abandoned", What.ORDERED: "ordered"}.get(what, "active"),
            "currency": CURRENCY,
            "items": [
                {"product_id": product, "quantity": quantity, "price": _text(price)}
                for product, quantity, price in items
            ],
            "value": _text(sum(quantity * price for _, quantity, price in items)),
            "updated_at": _timestamp(moment.second),
        }
        if what is What.ORDERED:
            cart["order_id"] = str(basket)
        if what is What.SMALLER and dice.random() < UNKNOWN_SHARE:
            return cart | {"customer": None} if dice.random() < NULL_SHARE else cart
        customer = self._customer(index, f"cart-{basket}-{what.name}")
        return cart | {"customer": {name: value for name, value in customer.items() if name != "address"}}

    def _lines(self, index: int) -> list[Line]:
        part = slice(self._first[index], self._first[index + 1])
        return list(zip(*(column[part].tolist() for column in self._columns), strict=True))

    def _customer(self, index: int, event: str) -> dict[str, Any]:
        return _contact(self._people[int(self._sales.households[index])], f"{self._world}:{event}")

    def _dice(self, purpose: str, index: int) -> Random:
        return Random(f"{self._world}:{purpose}:{self._sales.baskets[index]}")  # noqa: S311  (makes up data)


def _contact(person: Household, event: str) -> dict[str, Any]:
    """What a producer knows of the customer; what it does not know is null at some, absent at others."""
    luck = zlib.crc32(event.encode())
    email, phone = person.email, person.phone
    if luck % 10_000 < RETYPED_SHARE * 10_000:
        if email:
            email = spellings_of_email(email)[luck // 10_000 % 3]
        if phone:
            phone = spellings_of_phone(phone)[luck // 10_000 % 4]
    contact = {"loyalty_id": person.customer_id, "email": email, "phone": phone, "address": person.address}
    if person.id % 2:
        return {name: value for name, value in contact.items() if value is not None}
    return contact


def _item(line: Line) -> tuple[str, int, int]:
    """Product, quantity and price before discounts, in cents; a cart has no lines without goods."""
    product, quantity, *cents = line
    quantity = max(1, quantity)
    return str(product), quantity, sum(cents) // quantity


def _text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _timestamp(second: int) -> str:
    return f"{np.datetime64(second, 's')}Z"
