"""One person's phone number is one text, however a till, a web shop or a call centre wrote it.

The library knows every country's numbering plan, and takes some fifty times as long as anything else that is
done to a phone number. So what is plainly a number of its plan is put together here, from the same plans; the
rest is left to the library. A test holds the two to the same answers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, ValidationResult

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
# What people write between digits and mean nothing by.
_PUNCTUATION = str.maketrans("", "", " ()-.")
# No plain number is longer, with all its punctuation; the library refuses what is very long.
_LONGEST = 40
_NO_DIGIT = re.compile(r"[^0-9]")
_NEVER = "(?!)"
# A plus, and as many digits as tell the country.
BEGINNING = 4


def e164(value: str, country: str | None) -> str | None:
    """Return a number as `+12065550147`, with its extension as `;ext=12`; None if it can be no number.

    Parameters
    ----------
    country
        Where the number was written: `US`. Without it, only what says its country is a number.
    """
    if spelled_out(value[:BEGINNING])(value):
        return value
    return plainly(value, country) or by_the_library(value, country)


def says_its_country(value: str) -> bool:
    """Say whether a number is the same wherever it was written."""
    return value[:1] == "+"


def by_the_library(value: str, country: str | None) -> str | None:
    """Return a number as the library reads it, or else as if its leading 00 were a plus."""
    digits = _NO_DIGIT.sub("", value)
    country = None if says_its_country(value) else country
    for text in (value, "+" + digits[2:]) if digits.startswith("00") else (value,):
        try:
            number = phonenumbers.parse(text, country)
        except NumberParseException:
            continue
        if phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE:
            found = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            return f"{found};ext={number.extension}" if number.extension else found
    return None


def plainly(value: str, country: str | None) -> str | None:
    """Return what the library would, if that is plain to see; else None."""
    called = says_its_country(value)
    digits = value.removeprefix("+").translate(_PUNCTUATION)
    if not (digits.isdigit() and digits.isascii()) or len(value) > _LONGEST:
        return None
    plan = _plan_of_code(digits[:3]) if called else _plan_of_country(country)
    if plan is None or not (called or plan.leaves.match(digits) is None):
        return None
    digits = digits[len(plan.code) :] if called else digits
    if prefix := plan.prefix.match(digits):
        digits = digits[prefix.end() :] if not plan.rewrites else ""
    if len(digits) in plan.lengths and plan.number.fullmatch(digits):
        return f"+{plan.code}{digits}"
    return None


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """How the numbers of a country are made.

    Parameters
    ----------
    prefix
        The beginning that is dialled within the country, and is no part of a number.
    rewrites
        Whether what begins like that is more than left out.
    leaves
        The beginning of what may be meant for elsewhere, or says its own country.
    number, lengths
        What a number is, without the prefix, and how many digits it has.
    """

    code: str
    prefix: re.Pattern[str]
    rewrites: bool
    leaves: re.Pattern[str]
    number: re.Pattern[str]
    lengths: frozenset[int]


def _plan(code: int, region: str) -> _Plan | None:
    """Return a country's plan; a number's length is judged by that of the first country of its code."""
    plan, first = (
        PhoneMetadata.metadata_for_region_or_calling_code(code, one)
        for one in (region, phonenumbers.region_code_for_country_code(code))
    )
    if not (plan and first and plan.general_desc and first.general_desc):
        return None
    number, judge = plan.general_desc, first.general_desc
    return _Plan(
        code=str(code),
        prefix=re.compile(plan.national_prefix_for_parsing or _NEVER),
        rewrites=bool(plan.national_prefix_transform_rule),
        leaves=re.compile(f"(?:{plan.international_prefix or _NEVER})|{code}"),
        number=re.compile(number.national_number_pattern or _NEVER),
        lengths=frozenset(number.possible_length) & frozenset(judge.possible_length),
    )


@cache
def _plan_of_country(country: str | None) -> _Plan | None:
    if country is None or not (code := phonenumbers.country_code_for_region(country)):
        return None
    return _plan(code, country)


@lru_cache(maxsize=1000)
def _plan_of_code(digits: str) -> _Plan | None:
    """Return the plan of the country that is called by the first three digits after a plus."""
    if not (digits.isascii() and digits.isdigit()) or digits[0] == "0":
        return None
    for length in range(1, len(digits) + 1):
        code = int(digits[:length])
        if regions := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code):
            return _plan(code, regions[0])
    return None


@lru_cache(maxsize=1000)
def spelled_out(beginning: str) -> Callable[[str], object]:
    """Return what finds the numbers that begin like that and need no change."""
    plan = _plan_of_code(beginning[1:]) if says_its_country(beginning) and beginning[1:] else None
    if plan is None:
        return re.compile(_NEVER).fullmatch
    lengths = "|".join(f".{{{length}}}" for length in sorted(plan.lengths))
    number = rf"\+{plan.code}(?=(?:{lengths})\Z)(?!{plan.prefix.pattern})(?:{plan.number.pattern})"
    return re.compile(number, re.ASCII).fullmatch
