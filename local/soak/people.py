"""Made-up people with a value of every kind of personal data, and what of it must be found nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

from contracts import PII_KINDS
from local.leaks import Needle
from local.replay.households import household, spellings_of_email, spellings_of_phone

# Nobody of the replay's households.
FIRST = 3_000_000
IPV4_HOSTS = 200


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody; `values` has for each kind the ways in which they are written."""

    id: int
    values: dict[str, tuple[Any, ...]]

    def value(self, kind: str, dice: Random) -> Any:
        """A value of a kind, in one of its spellings; an object is the caller's own."""
        chosen = dice.choice(self.values[kind])
        return dict(chosen) if isinstance(chosen, dict) else chosen

    def texts(self) -> list[str]:
        """All that is personal about them, as texts, to be put where it does not belong."""
        flat = [value for kind in PII_KINDS for value in self.values[kind]]
        return [value["line1"] if isinstance(value, dict) else value for value in flat]

    def needles(self) -> Iterator[Needle]:
        """What must not be found. Of an address the street: analysts see city and country."""
        for kind in PII_KINDS:
            for value in self.values[kind]:
                texts = [value["line1"], value["line2"]] if isinstance(value, dict) else [value]
                yield from (Needle(text, f"{kind} of person {self.id}") for text in texts)


def people(count: int, seed: int) -> list[Person]:
    """Make up that many; equal seeds make equal people."""
    return [_person(number, seed) for number in range(count)]


def _person(number: int, seed: int) -> Person:
    home = household(FIRST + number, seed, complete=True)
    assert home.email and home.phone and home.address  # noqa: S101 (complete, for the type checker)
    name = f"{home.name} Ünverkennbar-{number}"
    street = f"{home.street} Nº {number:05d}"
    address = {**home.address, "line1": street, "line2": f"behind door {number:05d}"}
    emails, phones = spellings_of_email(home.email), spellings_of_phone(home.phone)
    host = number % IPV4_HOSTS + 10
    values: dict[str, tuple[Any, ...]] = {
        "email": emails,
        "phone": phones,
        "address": (address, {**address, "line1": street.upper()}),
        "person_name": (name, name.upper()),
        # Of everything something, as people write it down.
        "free_text": (f'{name} rang from {phones[1]}, "{street}"; wants \\ {emails[0]}\n\tto be forgotten',),
        "ip": (f"203.0.113.{host}", f"2001:db8:{number + 4096:x}::{host:x}"),
        "device_id": (f"IDFA-{sha256(f'{seed}:{number}'.encode()).hexdigest()[:24]}",),
    }
    return Person(id=number, values=values)
