"""Records that break a contract, each in its own way, and what the transform must say of it.

Many carry personal data where no contract expects it, as broken producers do: sealed whole, none of it may
come out anywhere. All of it belongs to people outside the data set's households.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from local.leaks import Needle
from local.replay.dataset import MONEY
from local.replay.households import Household, household

FIRST_PERSON, PEOPLE = 2_000_000, 60
TOO_LARGE = 1_010 * 1024
"""Valid, and more than Firehose takes once it is protected: sealed into an object of its own."""

DEEP = 3000

Json = dict[str, Any]


class Bad(NamedTuple):
    """A bad record, the name of what is wrong with it, and the reason that the quarantine must show."""

    source: str
    event: str
    name: str
    reason: str
    body: bytes


@dataclass(frozen=True)
class Fault:
    """One way to be wrong: a change to a valid event, or to its bytes."""

    name: str
    reason: str
    spoil: Callable[[Json, Household], Json | bytes]


def _set(path: str, value: Callable[[Household], Any]) -> Callable[[Json, Household], Json]:
    """Put a value, which may be made of the person's data, at a path."""

    def spoil(event: Json, person: Household) -> Json:
        node, last = _node(event, path)
        node[last] = value(person)
        return event

    return spoil


def _drop(path: str) -> Callable[[Json, Household], Json]:
    """Leave out what is required."""

    def spoil(event: Json, _: Household) -> Json:
        node, last = _node(event, path)
        del node[last]
        return event

    return spoil


def _node(event: Json, path: str) -> tuple[Any, str]:
    *parents, last = path.split("/")
    node: Any = event
    for name in parents:
        node = node[int(name) if isinstance(node, list) else name]
    return node, last


def _bytes(change: Callable[[bytes, Household], bytes]) -> Callable[[Json, Household], bytes]:
    return lambda event, person: change(_dump(event), person)


def _dump(event: Json) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _large(event: Json, _: Household) -> Json:
    line = event["data"]["lines"][0]
    size = len(_dump(line)) + 1
    event["data"]["lines"] = [line] * ((TOO_LARGE - len(_dump(event))) // size + 1)
    return event


FAULTS = (
    Fault("cut short", "event: json", _bytes(lambda raw, _: raw[: len(raw) * 2 // 3])),
    Fault("two in one", "event: json", _bytes(lambda raw, _: raw + b"\n" + raw)),
    Fault("not UTF-8", "event: json", _bytes(lambda raw, p: raw.replace(b"USD", b"\xe9\xff"))),
    Fault("UTF-16", "event: json", _bytes(lambda raw, _: raw.decode().encode("utf-16"))),
    Fault("compressed", "event: json", _bytes(lambda raw, _: gzip.compress(raw, mtime=0))),
    Fault("NaN", "event: json", _set("data/total", lambda _: float("nan"))),
    Fault("half a character", "event: json", _bytes(lambda raw, _: raw.replace(b"USD", rb"\ud83d"))),
    Fault(
        "a line of CSV",
        "event: json",
        _bytes(lambda _, p: f"17;{p.name};{p.email};{p.phone};{p.street}".encode()),
    ),
    Fault(
        "nested deep",
        "event: json",
        _bytes(lambda raw, _: raw[:-1] + b',"deep":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    ),
    Fault("a list", "event: type", _bytes(lambda raw, _: b"[" + raw + b"]")),
    Fault("JSON in a string", "event: type", _bytes(lambda raw, _: json.dumps(raw.decode()).encode())),
    Fault("null", "event: type", _bytes(lambda *_: b"null")),
    Fault("unknown event", "event_type: unknown", _set("event_type", lambda _: "refund")),
    Fault("person as event", "event_type: unknown", _set("event_type", lambda p: p.email)),
    Fault("wrong source", "source: const", _set("source", lambda _: "crm")),
    Fault("no source", "source: required", _drop("source")),
    Fault("no version", "schema_version: required", _drop("schema_version")),
    Fault("unknown version", "schema_version: unknown", _set("schema_version", lambda _: 99)),
    Fault("person as id", "event_id: pattern", _set("event_id", lambda p: p.email)),
    Fault("no time", "producer_ts: pattern", _set("producer_ts", lambda _: "yesterday")),
    Fault("time as number", "producer_ts: type", _set("producer_ts", lambda _: 1483271606)),
    Fault("note in the envelope", "event: additionalProperties", _set("note", lambda p: f"call {p.phone}")),
    Fault("no data", "data: required", _drop("data")),
    Fault("data is null", "data: type", _set("data", lambda _: None)),
    Fault("no total", "data.total: required", _drop("data/total")),
    Fault("no lines", "data.lines: minItems", _set("data/lines", lambda _: [])),
    Fault("total with mills", "data.total: pattern", _set("data/total", lambda _: "12.345")),
    Fault("quantity as text", "data.lines[].quantity: type", _set("data/lines/0/quantity", lambda _: "3")),
    Fault("person as currency", "data.currency: pattern", _set("data/currency", lambda p: p.email)),
    Fault("email is a number", "data.customer.email: type", _set("data/customer/email", lambda p: p.id)),
    Fault(
        "email is an object",
        "data.customer.email: type",
        _set("data/customer/email", lambda p: {"v": p.email}),
    ),
    Fault("email is a list", "data.customer.email: type", _set("data/customer/email", lambda p: [p.email])),
    Fault("street as email", "data.customer.email: pattern", _set("data/customer/email", lambda p: p.street)),
    Fault(
        "phone is a number",
        "data.customer.phone: type",
        _set("data/customer/phone", lambda p: int(p.phone or 0)),
    ),
    Fault("phone is true", "data.customer.phone: type", _set("data/customer/phone", lambda _: True)),
    Fault(
        "address is text", "data.customer.address: type", _set("data/customer/address", lambda p: p.street)
    ),
    Fault(
        "address without city",
        "data.customer.address.city: required",
        _drop("data/customer/address/city"),
    ),
    Fault(
        "a second email",
        "data.customer: additionalProperties",
        _set("data/customer/e_mail", lambda p: p.email),
    ),
    Fault(
        "person as key",
        "data: additionalProperties",
        _bytes(lambda raw, p: raw.replace(b'"data":{', f'"data":{{{json.dumps(p.email)}:1,'.encode())),
    ),
    Fault(
        "said twice",
        "event: duplicate",
        _bytes(lambda raw, p: raw.replace(b'"total"', b'"store_id":"2","total"')),
    ),
    Fault("no such day", "producer_ts: calendar", _set("producer_ts", lambda _: "2017-02-30T12:00:00Z")),
    Fault("too large", "oversize", _large),
)


def bad(number: int, seed: int) -> Bad:
    """Make bad record ``number``; the faults take turns, the one that is a whole megabyte but once."""
    fault = FAULTS[number] if number < len(FAULTS) else FAULTS[number % (len(FAULTS) - 1)]
    dice = Random(f"{seed}:invalid:{number}")  # noqa: S311  (makes up data)
    source, event, key = dice.choice((("pos", "sale", "transaction_id"), ("ecommerce", "order", "order_id")))
    person = _person(dice.randrange(PEOPLE), seed)
    valid = _valid(number, source, event, key, person)
    spoilt = fault.spoil(valid, person)
    body = spoilt if isinstance(spoilt, bytes) else _dump(spoilt)
    return Bad(source, event, fault.name, fault.reason, body)


def bad_needles(seed: int) -> Iterator[Needle]:
    """The personal data in bad records."""
    for number in range(PEOPLE):
        yield from _person(number, seed).needles()


def _person(number: int, seed: int) -> Household:
    return household(FIRST_PERSON + number, seed, complete=True)


def _valid(number: int, source: str, event: str, key: str, person: Household) -> Json:
    money = dict.fromkeys(MONEY, "1.00")
    return {
        "event_id": f"bad-{number}",
        "source": source,
        "event_type": event,
        "schema_version": 1,
        "producer_ts": "2017-06-01T12:00:00Z",
        "data": {
            key: f"bad-{number}",
            "store_id": "1",
            "currency": "USD",
            "customer": {
                "loyalty_id": person.customer_id,
                "email": person.email,
                "phone": person.phone,
                "address": dict(person.address or {}),
            },
            "lines": [{"line": 1, "product_id": "1", "quantity": 1, **money}],
            "total": "1.00",
        },
    }
