"""One person's values are one token, however they were written; the oracles are the libraries themselves."""

import unicodedata

import idna
import phonenumbers
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult

from contracts import ADDRESS_FIELDS
from functions.shared import kinds, phones
from functions.shared.kinds import HIDDEN, KINDS, faces, fold

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
TYPES = sorted(PhoneNumberType.values())
FORMATS = [getattr(PhoneNumberFormat, name) for name in ("E164", "INTERNATIONAL", "NATIONAL", "RFC3966")]


def phone(value: str, country: str | None = "US") -> str:
    return faces("phone", country)(value)[0]


ADDRESS_PARTS = st.text(alphabet="aZ9 .,;-İßς\u200b\u0130", max_size=8)


# Phones.


@pytest.mark.parametrize(
    "value",
    [
        "+12065550147",
        "+1 206-555-0147",
        "(206) 555-0147",
        "206.555.0147",
        "1 206 555 0147",
        "001 206 555 0147",
        "011 1 206 555 0147",
        "tel:+1-206-555-0147",
        "\u202a+1 206 555 0147\u202c",
        "\uff0b\uff11 \uff12\uff10\uff16 555 0147",
        "٢٠٦٥٥٥٠١٤٧",
    ],
)
def test_a_number_of_the_country_is_one_however_it_is_written(value: str) -> None:
    assert faces("phone", "US")(value) == ("+12065550147", "•••-••47")


def test_a_number_is_read_where_it_was_written() -> None:
    assert phone("020 7946 0123", "GB") == phone("+44 (0)20 7946 0123", "US") == "+442079460123"
    assert phone("020 7946 0123", "US") == "02079460123", "no number there: its digits, as ever"
    assert phone("(206) 555-0147", None) == "2065550147", "nobody knows where"
    assert phone("+1 (206) 555-0147", None) == "+12065550147"
    assert phone("(206) 555-0147", "XX") == "2065550147", "there is no such country"


def test_an_extension_is_a_part_of_the_number() -> None:
    assert phone("+1 206 555 0147 ext. 12") == phone("(206) 555-0147 x12") == "+12065550147;ext=12"
    assert phone("+1 206 555 0147 ext. 13") != phone("+1 206 555 0147 ext. 12")
    assert KINDS["phone"]("+1 206 555 0147 ext. 12")[1] == "•••-••47"


examples = [
    (region, number)
    for region in REGIONS
    for number in filter(None, (phonenumbers.example_number_for_type(region, kind) for kind in TYPES))
]


def test_numbers_of_every_country_meet() -> None:
    """GIVEN the library's examples in every format it writes THEN all of one number are one."""
    seen = 0
    for region, number in examples:
        plain, *written = (phonenumbers.format_number(number, form) for form in FORMATS)
        if any(phonenumbers.parse(text, region) != number for text in (plain, *written)):
            continue  # not even the library reads back what it wrote
        if phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE:
            seen += 1
            assert {phone(text, region) for text in (plain, *written)} == {plain}
    assert seen > 0.9 * len(examples)


@st.composite
def written_numbers(draw: st.DrawFn) -> tuple[str, str | None]:
    """Draw a number, nearly one of some country, as somebody might write it, and where they might be."""
    region, number = draw(st.sampled_from(examples))
    digits = list(phonenumbers.national_significant_number(number))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(digits) - 1))
        digits[at : at + draw(st.integers(0, 1))] = draw(st.lists(st.sampled_from("0123456789"), max_size=2))
        assume(digits)
    before = draw(
        st.sampled_from(["", "0", "1", "8", "06", "00", "011", "+", "+0", "++", str(number.country_code)])
    )
    code = str(number.country_code) if draw(st.booleans()) else ""
    text = before + code + draw(st.sampled_from(["", "0", "1", " (0)"])) + "".join(digits)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from([*" ()-.", "  ", "/", "x", "\n", "#"])) + text[at:]
    return text, draw(st.sampled_from([region, "US", "GB", "IT", None]))


@settings(deadline=None, max_examples=3000)
@given(written_numbers() | st.tuples(st.text("+0123456789 ()-.", max_size=45), st.sampled_from(REGIONS)))
@example(("+3001234", "CA"))
@example(("+1 206 555 0147" + " " * 300, "US"))
def test_the_short_way_and_the_library_s_agree(written: tuple[str, str | None]) -> None:
    """GIVEN any number WHEN the short way takes it THEN the library finds the same."""
    value, country = written
    found = phones.plainly(value, country)
    if found is not None:
        assert found == phones.by_the_library(value, country)
    assert phones.e164(value, country) == phones.by_the_library(value, country)


@settings(deadline=None)
@given(st.text(max_size=40), st.sampled_from(REGIONS))
def test_any_text_for_a_phone(value: str, country: str) -> None:
    """GIVEN what is no number THEN it is compared as it was before anything knew of countries."""
    normal, shown = faces("phone", country)(value)
    if phones.by_the_library(value, country) is None:
        assert normal in (fold(value), KINDS["phone"](value)[0])
    assert shown == HIDDEN or shown == "•••-••" + normal.partition(";")[0][-2:]


# Emails.


@pytest.mark.parametrize(
    "value",
    [
        "josé@exämple.org",
        "JOSÉ@EXÄMPLE.ORG",
        " jose\u0301@xn--exmple-cua.org ",
        "josé@XN--EXMPLE-CUA.org.",
        "josé@exämple。org",
        "josé @ exämple.org",
        "\u200bjosé@exämple.org\ufeff",
    ],
)
def test_an_email_is_one_however_it_is_written(value: str) -> None:
    assert KINDS["email"](value) == ("josé@exämple.org", "xxxxx@exämple.org")


def test_a_domain_is_what_the_registries_say() -> None:
    sharp, double = KINDS["email"]("jane@straße.de")[0], KINDS["email"]("jane@strasse.de")[0]
    assert sharp != double
    assert KINDS["email"]("jane@xn--strae-oqa.de")[0] == sharp


def test_mailboxes_that_may_differ_stay_apart() -> None:
    given_ = ["jane.doe@gmail.com", "janedoe@gmail.com", "janedoe+shop@gmail.com", "janedoe@googlemail.com"]
    assert len({KINDS["email"](value)[0] for value in given_}) == 4


letters = st.characters(categories=("Ll", "Lu", "Lo", "Nd", "Mn"))


@settings(deadline=None)
@given(st.lists(st.text(letters, min_size=1, max_size=8), min_size=1, max_size=3))
def test_the_spellings_of_any_domain_meet(labels: list[str]) -> None:
    """GIVEN a domain that may be registered WHEN it is encoded for the wire THEN the two are one."""
    domain = ".".join([*labels, "com"])
    try:
        wire = idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        assume(False)
        return
    normal, shown = KINDS["email"](f"jane@{domain}")
    assert KINDS["email"](f"Jane@{wire.upper()}") == (normal, shown)
    assert idna.encode(normal.partition("@")[2]).decode() == wire
    assert shown == "xxxxx@" + normal.partition("@")[2]


@settings(deadline=None, max_examples=500)
@given(st.from_regex(r"\A[ -~]{1,12}@[A-Za-z0-9.-]{1,20}\Z"))
def test_a_common_domain_s_short_way_and_the_long_one_agree(value: str) -> None:
    local, _, domain = value.rpartition("@")
    assert KINDS["email"](value)[0] == kinds._international(fold(local), domain)[0]


@pytest.mark.parametrize(
    "value",
    [
        "jane",
        "jane@",
        "@jane",
        "jane@home",
        "jane@+12065550147",
        "jane@a.12",
        "jane@[203.0.113.9]",
        "a@b c d.com",
    ],
)
def test_what_is_no_domain_is_not_shown(value: str) -> None:
    assert KINDS["email"](value)[1] == "xxxxx"


# Everything else.


@settings(deadline=None, max_examples=500)
@given(st.text(max_size=30))
def test_folding_does_not_depend_on_how_a_letter_is_made(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold(unicodedata.normalize(form, text)) == folded


def test_an_address_is_one_however_it_is_written() -> None:
    one = {"line1": "1 St. John's Road, Apt. 4", "city": "London", "postal_code": "SW1A 1AA", "country": "GB"}
    other = {
        "line1": "1 ST JOHN’S ROAD  APT 4",
        "line2": "",
        "city": "london ",
        "region": None,
        "postal_code": "sw1a-1aa",
        "country": "GB",
    }
    assert KINDS["address"](one)[0] == KINDS["address"](other)[0]
    for part in (
        {"line1": "1.5 St. John's Road"},
        {"postal_code": "SW1A 1AB"},
        {"line1": "11 St John's Road"},
    ):
        assert KINDS["address"](one | part)[0] != KINDS["address"](one)[0]


def test_a_name_is_one_however_it_is_written() -> None:
    assert KINDS["person_name"]("Mary-Ann O'Brien")[0] == KINDS["person_name"]("MARY‐ANN  O’BRIEN ")[0]
    assert KINDS["person_name"]("J. R. Doe")[0] == KINDS["person_name"]("J R Doe")[0]


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(ADDRESS_FIELDS, st.none() | ADDRESS_PARTS)))
@example({"line1": "12 Main Street", "city": "Seattle", "postal_code": "98101", "country": "US"})
def test_the_short_way_of_an_address_is_the_long_one(value: dict[str, str | None]) -> None:
    """GIVEN any address WHEN it has an empty word more, which forbids the short way THEN it is the same."""
    longer = {**value, "line2": f"{value.get('line2') or ''} , "}
    assert KINDS["address"](longer) == KINDS["address"](value)


def test_an_address_of_the_old_internet_is_one_in_the_new() -> None:
    assert KINDS["ip"]("::ffff:203.0.113.9") == KINDS["ip"]("203.0.113.9") == ("203.0.113.9", "203.0.x.x")


@given(st.text() | st.sampled_from(["Call Jane, jane@gmail.com, +1 206 555 0147"]))
def test_of_a_free_text_nothing_is_shown(value: str) -> None:
    assert KINDS["free_text"](value)[1] == HIDDEN
