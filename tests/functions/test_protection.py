"""Data keys, packed values, and the kinds of personal data."""

import re

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st

import contracts
from functions.shared.kinds import HIDDEN, KINDS
from functions.shared.protection import DataKey, DataKeys, seal, unpack, unseal
from functions.shared.records import timestamp


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_every_kind_of_the_contracts_has_its_faces() -> None:
    assert set(KINDS) == set(contracts.PII_KINDS)


STRINGS = sorted(set(KINDS) - {"address"})


@settings(deadline=None)
@given(st.sampled_from(STRINGS), st.text(max_size=60))
def test_a_display_never_holds_a_colon_and_never_fails(kind: str, value: str) -> None:
    _, shown = KINDS[kind](value)
    assert ":" not in shown


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(contracts.ADDRESS_FIELDS), st.none() | st.text(max_size=20)))
def test_an_address_of_any_parts(value: dict[str, str | None]) -> None:
    normal, shown = KINDS["address"](value)
    assert ":" not in shown
    assert normal.count("\0") >= 5


@settings(deadline=None)
@given(st.sampled_from(STRINGS), st.text(max_size=60))
def test_space_around_a_value_does_not_matter(kind: str, value: str) -> None:
    assert KINDS[kind](f" {value}\t")[0] == KINDS[kind](value)[0]


@pytest.mark.parametrize(
    ("kind", "value", "normal", "shown"),
    [
        ("email", "Jane@Gmail.com", "jane@gmail.com", "xxxxx@gmail.com"),
        ("email", "STRASSE@ex.de", "strasse@ex.de", "xxxxx@ex.de"),
        ("email", "jane@[IPv6:2001:db8::1]", "jane@[ipv6:2001:db8::1]", "xxxxx"),
        ("email", "jane", "jane", "xxxxx"),
        ("phone", "+12065550147", "+12065550147", "•••-••47"),
        ("phone", "001 206 555-0147", "+12065550147", "•••-••47"),
        ("phone", "(206) 555-0147", "2065550147", "•••-••47"),
        ("phone", "110", "110", HIDDEN),
        ("phone", "none", "none", HIDDEN),
        ("phone", "+", "+", HIDDEN),
        ("person_name", "  Jane  van Doe ", "jane van doe", "J. V. D."),
        ("person_name", "X", "x", HIDDEN),
        ("free_text", "Call me!", "call me!", HIDDEN),
        ("ip", "203.0.113.9", "203.0.113.9", "203.0.x.x"),
        ("ip", "2001:0DB8:0:0::1", "2001:db8::1", "2001.db8.x"),
        ("ip", "somewhere", "somewhere", HIDDEN),
        ("device_id", "A1B2C3D4E5F6", "a1b2c3d4e5f6", HIDDEN + "e5f6"),
        ("device_id", "A1B2", "a1b2", HIDDEN),
    ],
)
def test_faces(kind: str, value: str, normal: str, shown: str) -> None:
    assert KINDS[kind](value) == (normal, shown)


def test_unicode_is_compared_as_people_read_it() -> None:
    assert KINDS["person_name"]("Jose\u0301")[0] == KINDS["person_name"]("JOSÉ")[0]
    assert KINDS["person_name"]("Straße")[0] == KINDS["person_name"]("STRASSE")[0]


def test_neighbouring_parts_of_an_address_do_not_run_together() -> None:
    one = KINDS["address"]({"line1": "1 A", "line2": "B", "city": "C", "country": "US"})
    other = KINDS["address"]({"line1": "1", "line2": "A B", "city": "C", "country": "US"})
    assert one[0] != other[0]


# Data keys.


def keys(
    clock: Clock, *, encryptions: int = 10, fail: list[Exception] | None = None
) -> tuple[DataKeys, list[bytes]]:
    made: list[bytes] = []

    def wrap(key: bytes, purpose: str) -> bytes:
        if fail:
            raise fail.pop()
        made.append(key)
        return purpose.encode()

    return DataKeys(wrap=wrap, seconds=60, encryptions=encryptions, clock=clock), made


def test_a_key_is_made_when_first_needed_and_kept() -> None:
    found, made = keys(Clock())
    assert made == []
    assert found.current("field", encryptions=3) is found.current("field", encryptions=3)
    assert len(made) == 1
    assert len(made[0]) == 32


def test_purposes_have_keys_of_their_own() -> None:
    found, made = keys(Clock())
    field, quarantine = found.current("field", encryptions=1), found.current("quarantine", encryptions=1)
    assert field is not quarantine
    assert made[0] != made[1]
    assert (field.wrapped, quarantine.wrapped) == ("ZmllbGQ=", "cXVhcmFudGluZQ==")


def test_a_key_is_renewed_by_age() -> None:
    clock = Clock()
    found, made = keys(clock)
    first = found.current("field", encryptions=1)
    clock.now += 59.9
    assert found.current("field", encryptions=1) is first
    clock.now += 0.1
    assert found.current("field", encryptions=1) is not first
    assert len(set(made)) == 2


def test_a_key_is_renewed_before_it_has_encrypted_too_much() -> None:
    """GIVEN a key for ten values WHEN batches of four ask THEN the third gets another key."""
    found, made = keys(Clock(), encryptions=10)
    given_ = [found.current("field", encryptions=4) for _ in range(3)]
    assert given_[0] is given_[1]
    assert given_[2] is not given_[0]
    assert len(made) == 2


def test_a_failure_to_wrap_is_raised_and_the_next_one_tries_again() -> None:
    """GIVEN a key service that is down once THEN no unwrapped key is ever used, and then all is well."""
    found, made = keys(Clock(), fail=[RuntimeError("kms is down")])
    with pytest.raises(RuntimeError, match="kms is down"):
        found.current("field", encryptions=1)
    assert made == []
    assert found.current("field", encryptions=1).wrapped == "ZmllbGQ="


def test_an_old_key_is_not_used_on_when_its_renewal_fails() -> None:
    clock, fail = Clock(), list[Exception]()
    found, _ = keys(clock, fail=fail)
    found.current("field", encryptions=1)
    clock.now += 60
    fail.append(RuntimeError("kms is down"))
    with pytest.raises(RuntimeError):
        found.current("field", encryptions=1)


def test_nonces_never_repeat_under_a_key() -> None:
    key = DataKey(bytes(32), b"", expires=0, encryptions=10)
    sealed = [seal(key, b"same", source="pos") for _ in range(1000)]
    assert len({record[:12] for record in sealed}) == 1000
    assert len(set(sealed)) == 1000


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_with_its_key_and_source_alone(raw: bytes) -> None:
    key = DataKey(bytes(32), b"", expires=0, encryptions=10)
    sealed = seal(key, raw, source="pos")
    assert unseal(bytes(32), sealed, source="pos") == raw
    for other_key, source in ((b"x" * 32, "pos"), (bytes(32), "crm")):
        with pytest.raises(InvalidTag):
            unseal(other_key, sealed, source=source)


@pytest.mark.parametrize(
    "value", ["", "jane@example.com", "3:t:YQ==:d", "2:t:YQ==:d", "1:t:YQ==", "1:t:jane!:d"]
)
def test_what_is_no_packed_value_is_not_unpacked_nor_quoted(value: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        unpack(value)
    assert "jane" not in str(raised.value)


@given(st.floats(0, 4e9))
def test_timestamps_are_utc_to_the_millisecond(seconds: float) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp(seconds))
