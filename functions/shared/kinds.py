"""The kinds of personal data: how a value is normalised for its token, and what analysts may see of it.

Each kind is a function from a value to both. Two values with the same normalised form get the same token,
in every source; data science joins on that. A display must say something only if it cannot say who it is:
whatever has an unexpected form shows nothing at all.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import idna

from contracts import ADDRESS_FIELDS, JsonObject
from functions.shared.phones import BEGINNING, e164, spelled_out

Faces = Callable[[Any], tuple[str, str]]

HIDDEN = "•••"
HIDDEN_MAILBOX = "xxxxx"
HIDDEN_DIGITS = "•••-••"
_SHORT = 7
_NO_DIGIT = re.compile(r"[^0-9]")
# A domain as nearly everybody's is written; its last part is no number.
_PLAIN_DOMAIN = re.compile(r"(?!.*xn--)[a-z0-9.-]+\.[a-z]{2,}").fullmatch
# Words that are normal as they are.
_PLAIN_WORDS = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*").fullmatch
# The ways to write an apostrophe and a hyphen.
_ONE_WAY = str.maketrans("‘’ʼ‐‑‒–—−", "'''------")


def fold(text: str) -> str:
    """Return a text as it is compared: without outer space, case, or Unicode's ways to write the same."""
    if text.isascii():
        return text.strip().lower()
    seen = _seen(text)
    # Unicode's definition D146: caseless, whatever is composed, decomposed or of another width.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", seen).casefold()).casefold()
    return unicodedata.normalize("NFKC", text).strip()


def _seen(text: str) -> str:
    """Leave out the characters that nobody sees, such as the marks that come along when a text is copied."""
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf")


def _words(text: str) -> str:
    """Return folded words with one space between them, whatever else is between them or left out."""
    text = text.lower() if text.isascii() else fold(text).translate(_ONE_WAY)
    return " ".join(text.replace(",", " ").replace(".", " ").replace(";", " ").split())


def email(value: str) -> tuple[str, str]:
    """`Jane@Gmail.com` is `jane@gmail.com`, seen as `xxxxx@gmail.com`."""
    if value.isascii():
        folded = value.strip().lower()
        local, _, domain = folded.rpartition("@")
        shown = _plainly_shown(domain)
        if shown and local and local.isprintable() and " " not in local and "@" not in local:
            return folded, shown
    local, at, domain = unicodedata.normalize("NFKC", value).rpartition("@")
    return _international(fold(local), domain) if at else (fold(value), HIDDEN_MAILBOX)


@lru_cache(maxsize=4096)
def _plainly_shown(domain: str) -> str | None:
    """Return what is shown of an address at a domain; None if the domain wants a closer look."""
    return f"{HIDDEN_MAILBOX}@{domain}" if _PLAIN_DOMAIN(domain) else None


def _international(local: str, domain: str) -> tuple[str, str]:
    """Take a domain as it reads, not as it is encoded: `xn--exmple-cua.org` is `exämple.org`."""
    for text in (domain, _seen(domain)):
        try:
            # Not folded: to the registries straße.de is not strasse.de.
            found = idna.decode(text.strip().removesuffix("."), uts46=True)
        except UnicodeError:
            continue
        numeric = found.rpartition(".")[2][:1].isdigit()
        shown = f"{HIDDEN_MAILBOX}@{found}" if "." in found and not numeric else HIDDEN_MAILBOX
        return f"{local}@{found}", shown
    return f"{local}@{fold(domain)}", HIDDEN_MAILBOX


def phone(value: str, country: str | None = None) -> tuple[str, str]:
    """`(206) 555-0147` in the US is `+12065550147`, seen as `•••-••47`."""
    found = e164(value, country)
    if found is None:
        digits = _NO_DIGIT.sub("", value)
        if not digits:
            return fold(value), HIDDEN
        if value.lstrip().startswith("+"):
            found = "+" + digits
        else:
            found = "+" + digits[2:] if digits.startswith("00") else digits
    number = found if len(found) < 17 else found.partition(";")[0]
    # A short number's last digits would be most of it.
    return found, HIDDEN_DIGITS + number[-2:] if len(number) > _SHORT else HIDDEN


def _phone_in(country: str | None) -> Faces:
    def faces_of(value: str) -> tuple[str, str]:
        if spelled_out(value[:BEGINNING])(value):
            return value, HIDDEN_DIGITS + value[-2:] if len(value) > _SHORT else HIDDEN
        return phone(value, country)

    return faces_of


def address(value: JsonObject) -> tuple[str, str]:
    """Compare an address part by part, an absent part as an empty one; show city and country."""
    street, more, *town = [value.get(name) or "" for name in ADDRESS_FIELDS]
    rest, shown = _town(*town)
    plain = street.lower()
    if not more and _PLAIN_WORDS(plain):
        return f"{plain} \0 {rest}", shown
    return _words(f"{street} \0 {more} {rest}"), shown


@lru_cache(maxsize=4096)
def _town(city: str, region: str, postal_code: str, country: str) -> tuple[str, str]:
    """Return the part of an address that many share, and what is shown of it."""
    code = re.sub(r"[\W_]", "", postal_code)
    # The separator stands free, so that the space around it is that between any words: one.
    rest = _words("".join(f"\0 {part} " for part in (city, region, code, country)))
    return rest, f"{city}, {country}".replace(":", "")


def person_name(value: str) -> tuple[str, str]:
    """`Jane Doe` is `jane doe`, seen as `J. D.`."""
    words = value.split()
    shown = " ".join(word[0].upper() + "." for word in words[:3] if len(word) > 1)
    return _words(value), shown.replace(":", "") or HIDDEN


def free_text(value: str) -> tuple[str, str]:
    """Show nothing: anybody's data may be in there."""
    return fold(value), HIDDEN


def ip(value: str) -> tuple[str, str]:
    """`203.0.113.9` is seen as `203.0.x.x`, `2001:db8::1` as `2001.db8.x`."""
    try:
        parsed = ipaddress.ip_address(value.strip())
    except ValueError:
        return fold(value), HIDDEN
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    separator, rest = (".", "x.x") if parsed.version == 4 else (":", "x")
    shown = [part.lstrip("0") or "0" for part in parsed.exploded.split(separator)[:2]]
    return parsed.compressed, ".".join([*shown, rest])


def device_id(value: str) -> tuple[str, str]:
    """Show the last four characters of what is long enough to hide behind them."""
    folded = fold(value)
    return folded, HIDDEN + folded[-4:].replace(":", "") if len(folded) >= 12 else HIDDEN


KINDS: Mapping[str, Faces] = {
    "address": address,
    "device_id": device_id,
    "email": email,
    "free_text": free_text,
    "ip": ip,
    "person_name": person_name,
    "phone": phone,
}


def faces(kind: str, country: str | None) -> Faces:
    """Return a kind's function, for values that were written in that country, if it matters to the kind."""
    return _phone_in(country) if kind == "phone" else KINDS[kind]
