"""Synthetic contact data for the real households, and which of them shop online.

The data set knows a household by a number only. Everything else here is made up from a number, per household,
so that it is the same however much of the year is replayed. It is clearly synthetic: mailboxes lie in domains
reserved for examples (RFC 2606), phone numbers in the 555-01xx block reserved for fiction.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from faker import Faker

from local.leaks import Needle

ONLINE_SHARE = 0.15
WITHOUT_EMAIL, WITHOUT_PHONE, WITHOUT_ADDRESS = 0.04, 0.06, 0.08
ABROAD_SHARE = 0.10
RETYPED_SHARE = 0.03
"""Share of the events in which somebody typed email and phone anew, in another spelling."""

DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "post.example")
AREA_CODES = (
    *(206, 253, 360, 425, 509, 503, 541, 208, 406, 307, 801, 702, 775, 602, 520, 505, 303, 719, 316, 402),
    *(605, 701, 612, 515, 314, 501, 504, 601, 205, 615),
)
LOCALES = {
    "de_DE": "DE",
    "fr_FR": "FR",
    "es_ES": "ES",
    "pl_PL": "PL",
    "cs_CZ": "CZ",
    "el_GR": "GR",
    "ja_JP": "JP",
}


@dataclass(frozen=True, kw_only=True)
class Household:
    """One household as the tills and the web shop know it."""

    id: int
    name: str
    email: str | None
    phone: str | None
    address: dict[str, str | None] | None

    @property
    def customer_id(self) -> str:
        """The identity that both channels share: the household's number."""
        return str(self.id)

    @property
    def street(self) -> str | None:
        """The address's first line."""
        return self.address["line1"] if self.address else None

    def needles(self) -> Iterator[Needle]:
        """What must never be found in the clear: each value, in each spelling in which it may be sent."""
        for email in spellings_of_email(self.email) if self.email else ():
            yield Needle(email, f"email of household {self.id}")
        for phone in spellings_of_phone(self.phone) if self.phone else ():
            yield Needle(phone, f"phone of household {self.id}")
        if self.street:
            yield Needle(self.street, f"street of household {self.id}")


def online_households(households: Iterable[int], world: int) -> frozenset[int]:
    """Choose the households that shop online; all others shop in store.

    The rule, for whoever wants to recompute it: order all households of the whole year by the SHA-256 of
    ``"<world>:online:<household>"`` and take the first 15 % (rounded to the nearest whole number).
    """
    ranked = sorted(
        (int(h) for h in households), key=lambda h: hashlib.sha256(f"{world}:online:{h}".encode()).digest()
    )
    return frozenset(ranked[: round(len(ranked) * ONLINE_SHARE)])


def household(number: int, world: int, *, complete: bool = False) -> Household:
    """Make up the contact data of one household; unless it is to be complete, something may be missing."""
    dice = Random(f"{world}:household:{number}")  # noqa: S311  (makes up data, guards nothing)
    locale = dice.choice(tuple(LOCALES)) if dice.random() < ABROAD_SHARE else "en_US"
    fake = _faker(locale)
    fake.seed_instance(f"{world}:household:{number}")
    first, last = fake.first_name(), fake.last_name()
    mailbox = ".".join((_ascii(first) or "shopper", _ascii(last) or "of", str(number)))
    email = f"{mailbox}@{dice.choice(DOMAINS)}"
    phone = f"+1{AREA_CODES[number // 100 % len(AREA_CODES)]}55501{number % 100:02d}"
    address = _address(fake, dice, locale)
    return Household(
        id=number,
        name=f"{first} {last}",
        email=email if dice.random() >= WITHOUT_EMAIL or complete else None,
        phone=phone if dice.random() >= WITHOUT_PHONE or complete else None,
        address=address if dice.random() >= WITHOUT_ADDRESS or complete else None,
    )


def spellings_of_email(email: str) -> tuple[str, ...]:
    """The ways in which this address is typed somewhere; all mean the same mailbox."""
    return email, email.upper(), email.title()


def spellings_of_phone(phone: str) -> tuple[str, ...]:
    """The ways in which this number is typed somewhere; all mean the same line."""
    area, exchange, line = phone[2:5], phone[5:8], phone[8:]
    return (
        phone,
        f"+1 {area} {exchange} {line}",
        f"+1 ({area}) {exchange}-{line}",
        f"+1-{area}-{exchange}-{line}",
    )


def _address(fake: Any, dice: Random, locale: str) -> dict[str, str | None]:
    address: dict[str, str | None] = {"line1": fake.street_address().strip()}
    if dice.random() < 0.1:
        address["line2"] = dice.choice((None, f"c/o {fake.last_name()}", "2ᵉ étage, porte gauche"))
    address["city"] = fake.city()
    if locale == "en_US":
        address["region"] = fake.state_abbr()
    address["postal_code"] = fake.postcode()
    address["country"] = LOCALES.get(locale, "US")
    return address


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in plain if letter.isalnum())


@cache
def _faker(locale: str) -> Any:
    return Faker(locale)
