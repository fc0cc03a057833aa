"""The kinds of personal data: how a value is normalised for its token, and what analysts may see of it.

Each kind is a function from a value to both. Two values with the same normalised form get the same token,
in every source; data science joins on that. A display must say something only if it cannot say who it is:
whatever has an unexpected form shows nothing at all.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from contracts import ADDRESS_FIELDS, JsonObject

Faces = Callable[[Any], tuple[str, str]]

HIDDEN = "•••"
_CITY, _COUNTRY = ADDRESS_FIELDS.index("city"), ADDRESS_FIELDS.index("country")
_NO_DIGIT = re.compile(r"[^0-9]")


def fold(text: str) -> str:
    """Return a text as it is compared: without outer space, case, or Unicode's ways to write the same."""
    text = text.strip()
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def email(value: str) -> tuple[str, str]:
    """`Jane@Gmail.com` is `jane@gmail.com`, seen as `xxxxx@gmail.com`."""
    folded = fold(value)
    at = folded.rfind("@")
    return folded, "xxxxx" + folded[at:].replace(":", "") if at >= 0 else "xxxxx"


def phone(value: str) -> tuple[str, str]:
    """`+1 (206) 555-0147` is `+12065550147`, seen as `•••-••47`."""
    if value[:1] != "+" or not (value.isascii() and value[1:].isdigit()):
        digits = _NO_DIGIT.sub("", value)
        if not digits:
            return fold(value), HIDDEN
        if value.lstrip().startswith("+"):
            value = "+" + digits
        else:
            value = "+" + digits[2:] if digits.startswith("00") else digits
    # A short number's last digits would be most of it.
    return value, "•••-••" + value[-2:] if len(value) > 7 else HIDDEN


def address(value: JsonObject) -> tuple[str, str]:
    """Compare an address part by part, an absent part as an empty one; show city and country."""
    parts = [value.get(name) or "" for name in ADDRESS_FIELDS]
    # The separator stands free, so that the space around it is that between any words: one.
    normal = fold(" ".join(" \0 ".join(parts).split()))
    return normal, f"{parts[_CITY]}, {parts[_COUNTRY]}".replace(":", "")


def person_name(value: str) -> tuple[str, str]:
    """`Jane Doe` is `jane doe`, seen as `J. D.`."""
    words = value.split()
    shown = " ".join(word[0].upper() + "." for word in words[:3] if len(word) > 1)
    return fold(" ".join(words)), shown.replace(":", "") or HIDDEN


def free_text(value: str) -> tuple[str, str]:
    """Show nothing: anybody's data may be in there."""
    return fold(value), HIDDEN


def ip(value: str) -> tuple[str, str]:
    """`203.0.113.9` is seen as `203.0.x.x`, `2001:db8::1` as `2001.db8.x`."""
    try:
        parsed = ipaddress.ip_address(value.strip())
    except ValueError:
        return fold(value), HIDDEN
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
