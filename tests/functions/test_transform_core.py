"""One event: what it becomes, and why it is refused."""

import base64
import hmac
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema
import orjson
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transform_kit import ADDRESS, CATALOGUE, TOKEN_KEYS, Lake, encode, sale

from functions.shared.protection import reveal, unpack, unseal
from functions.transform.core import Checker, Transform
from functions.transform.envelope import Refused, event_schema, utc

PII = {("customer", "email"), ("customer", "phone"), ("customer", "address")}


def test_a_sale_lands_as_the_format_says() -> None:
    """GIVEN a sale WHEN it is transformed THEN all is there, and only its personal data is changed."""
    event, lake = sale(), Lake()
    landed = lake.one(event)

    assert list(landed)[:3] == ["record", "key", "ingested_at"]
    assert landed["record"] == 1
    assert landed["ingested_at"] == "2026-01-01T00:00:01.125Z"
    assert "producer_ts_assigned" not in landed
    for _, name in PII:
        assert re.fullmatch(r"1:[\w-]{32}:[A-Za-z0-9+/]+=*:[^:]+", landed["data"]["customer"].pop(name))
        event["data"]["customer"].pop(name)
    assert {name: landed[name] for name in event} == event
    assert set(landed) == set(event) | {"record", "key", "ingested_at"}


def test_ciphertext_opens_with_the_data_key_the_source_and_the_path() -> None:
    """GIVEN a landed sale WHEN opened by the library alone THEN the plain values are there."""
    lake = Lake()
    landed = lake.one(sale())
    for name, plain in (("email", b"Jane.Doe@Example.com"), ("phone", b"+1 (206) 555-0147")):
        packed = landed["data"]["customer"][name]
        sealed = base64.b64decode(packed.split(":")[2])
        opened = AESGCM(lake.keys.of(landed)).decrypt(
            sealed[:12], sealed[12:], f"pos|customer.{name}".encode()
        )
        assert opened == plain
        assert reveal(lake.keys.of(landed), packed, source="pos", path=("customer", name)) == plain
    packed = landed["data"]["customer"]["address"]
    assert (
        orjson.loads(reveal(lake.keys.of(landed), packed, source="pos", path=("customer", "address")))
        == ADDRESS
    )


def test_ciphertext_opens_nowhere_else() -> None:
    lake = Lake()
    landed = lake.one(sale())
    email, key = landed["data"]["customer"]["email"], lake.keys.of(landed)
    for source, name in (("ecommerce", "email"), ("pos", "phone")):
        with pytest.raises(InvalidTag):
            reveal(key, email, source=source, path=("customer", name))


def test_a_token_is_the_encrypted_hmac_of_the_normalised_value() -> None:
    token = Lake().one(sale())["data"]["customer"]["email"].split(":")[1]
    digest = hmac.digest(TOKEN_KEYS.root, b"email\0jane.doe@example.com", "sha256")
    block = Cipher(AES(TOKEN_KEYS.versions[1]), ECB()).encryptor().update(digest[:16])
    assert token == "v00000001-" + base64.urlsafe_b64encode(block).decode().rstrip("=")


def test_tokens_are_equal_across_spellings_and_sources() -> None:
    """GIVEN the same person in a shop and on the web, written otherwise THEN all tokens are equal."""
    customer = {
        "email": " jane.doe@example.COM",
        "phone": "+12065550147",
        "address": {**ADDRESS, "line1": "12  hideaway road ", "line2": ""},
    }
    order = sale() | {"source": "ecommerce", "event_type": "order"}
    order["data"] |= {"order_id": "1", "customer": customer}
    for name in ("transaction_id", "register_id"):
        del order["data"][name]
    # A leading space is for other contracts; this one's pattern refuses it.
    customer["email"] = customer["email"].strip()

    one, other = Lake().one(sale()), Lake("ecommerce").one(order)

    for _, name in PII:
        first, second = (unpack(record["data"]["customer"][name]) for record in (one, other))
        assert first.token == second.token, name
        assert first.ciphertext != second.ciphertext, name


def test_a_phone_is_read_in_the_country_that_its_contract_names_else_in_the_stack_s() -> None:
    """GIVEN a number without a country THEN it meets that of the address's country, or else of the stores'."""

    def token(country: str | None = None, **changes: Any) -> str:
        event = sale(customer=sale()["data"]["customer"] | changes)
        transform = Transform("pos", CATALOGUE.contracts, TOKEN_KEYS, country)
        key = Lake().batches._keys.current("field", encryptions=3)
        (prepared,) = transform.prepare([(encode(event), 0)])
        ((_, landed),) = transform.protect(prepared, key, b"{")
        return orjson.loads(landed)["data"]["customer"]["phone"].split(":")[1]

    american, british = token(phone="+12065550147"), token(phone="+442079460123")
    assert token(phone="(206) 555-0147") == token("GB", phone="(206) 555-0147") == american
    assert token(phone="020 7946 0123", address=ADDRESS | {"country": "GB"}) == british
    assert token("US", phone="(206) 555-0147", address=None) == american
    assert token("GB", phone="020 7946 0123", address=None) == british
    assert token(phone="(206) 555-0147", address=None) not in (american, british)
    assert token("US", phone="(206) 555-0147", address=ADDRESS | {"country": "XX"}) == american


def test_values_of_many_countries_in_one_batch_are_each_read_in_their_own() -> None:
    written = [("US", "(206) 555-0147"), ("GB", "020 7946 0123"), (None, "n/a"), ("US", "206-555-0147")]
    events = [
        sale(
            customer=sale()["data"]["customer"]
            | {"phone": phone, "address": ADDRESS | {"country": country} if country else None}
        )
        for country, phone in written
    ]
    lake = Lake()
    landed = lake.land(*map(encode, events))
    for (_, phone), record in zip(written, landed, strict=True):
        packed = record["data"]["customer"]["phone"]
        opened = reveal(lake.keys.of(record), packed, source="pos", path=("customer", "phone"))
        assert opened.decode() == phone
    tokens = [unpack(record["data"]["customer"]["phone"]).token for record in landed]
    assert tokens[0] == tokens[3]
    assert len(set(tokens)) == 3


def test_displays_are_what_analysts_may_see() -> None:
    customer = Lake().one(sale())["data"]["customer"]
    assert unpack(customer["email"]).display == "xxxxx@example.com"
    assert unpack(customer["phone"]).display == "•••-••47"
    assert unpack(customer["address"]).display == "Seattle, US"


@pytest.mark.parametrize(
    "customer",
    [None, {"loyalty_id": "1"}, {"loyalty_id": "1", "email": None, "phone": None, "address": None}],
)
def test_absent_personal_data_stays_absent(customer: Any) -> None:
    assert Lake().one(sale(customer=customer))["data"]["customer"] == customer


def test_no_customer_at_all() -> None:
    event = sale()
    del event["data"]["customer"]
    assert Lake().one(event)["data"] == event["data"]


REASONS: list[tuple[Any, str]] = [
    (b"", "event: json"),
    (b"\xff\xfe", "event: json"),
    (b"\xef\xbb\xbf{}", "event: json"),
    (b'{"a": NaN}', "event: json"),
    (b'{"a": 1e999}', "event: json"),
    (rb'{"a": "\ud800"}', "event: json"),
    (b"[" * 100_000, "event: json"),
    (b'{"a":' * 2000 + b"1" + b"}" * 2000, "event: json"),
    (b"[]", "event: type"),
    (b'"text"', "event: type"),
    (b"12", "event: type"),
    (b"null", "event: type"),
    ({}, "source: required"),
    ({"source": "pos"}, "event_type: required"),
    (sale() | {"source": "crm"}, "source: const"),
    (sale() | {"event_type": "refund"}, "event_type: unknown"),
    (sale() | {"event_type": ["sale"]}, "event_type: unknown"),
    (sale() | {"schema_version": 2}, "schema_version: unknown"),
    (sale() | {"schema_version": "1"}, "schema_version: unknown"),
    (sale() | {"data": None}, "data: type"),
    (sale() | {"jane@example.com": 1}, "event: additionalProperties"),
    (sale() | {"event_id": ""}, "event_id: pattern"),
    (sale() | {"event_id": "-x"}, "event_id: pattern"),
    (sale() | {"event_id": "jane@example.com"}, "event_id: pattern"),
    (sale() | {"event_id": "x\n"}, "event_id: pattern"),
    (sale() | {"event_id": "x" * 129}, "event_id: pattern"),
    (sale() | {"event_id": 7}, "event_id: type"),
    (sale() | {"producer_ts": 1483271606}, "producer_ts: type"),
    (sale() | {"producer_ts": "2017-01-01"}, "producer_ts: pattern"),
    (sale() | {"producer_ts": "2017-01-01T11:53:26"}, "producer_ts: pattern"),
    (sale() | {"producer_ts": "2017-02-29T11:53:26Z"}, "producer_ts: calendar"),
    (sale() | {"producer_ts": "0000-01-01T00:00:00Z"}, "producer_ts: calendar"),
    (sale() | {"producer_ts": "0001-01-01T00:00:00+01:00"}, "producer_ts: calendar"),
    (sale(total="0.505"), "data.total: pattern"),
    (sale(total=True), "data.total: type"),
    (sale(total=10**40), "data.total: maximum"),
    (sale(lines=[]), "data.lines: minItems"),
    (sale(lines=[{**sale()["data"]["lines"][0], "quantity": -1}]), "data.lines[].quantity: minimum"),
    (sale(lines=[{**sale()["data"]["lines"][0], "jane": 1}]), "data.lines[]: additionalProperties"),
    (sale(customer={"loyalty_id": "1", "email": ["jane@example.com"]}), "data.customer.email: type"),
    (
        sale(customer={"loyalty_id": "1", "address": {"jane": 1, "city": "x"}}),
        "data.customer.address.line1: required; data.customer.address.postal_code: required;"
        " data.customer.address.country: required",
    ),
]


@pytest.mark.parametrize(("event", "reason"), REASONS, ids=[f"{i} {r}" for i, (_, r) in enumerate(REASONS)])
def test_what_is_not_acceptable_is_sealed_with_the_reason(event: Any, reason: str) -> None:
    lake = Lake()
    raw = event if isinstance(event, bytes) else encode(event)
    landed = lake.one(raw)

    assert landed["quarantine"]["reason"] == reason
    assert landed["event_id"] == "q-shardId-000000000003-1"
    assert landed["producer_ts"] == "2026-01-01T00:00:00.125Z"
    assert landed["event_type"] in ("sale", "unknown")
    assert set(landed) == {
        "record", "key", "ingested_at", "event_id", "source", "event_type", "producer_ts", "quarantine",
    }  # fmt: skip
    sealed = base64.b64decode(landed["quarantine"]["sealed"])
    assert unseal(lake.keys.of(landed), sealed, source="pos") == raw
    assert AESGCM(lake.keys.of(landed)).decrypt(sealed[:12], sealed[12:], b"pos|quarantine") == raw
    assert lake.keys.purposes == ["field", "quarantine"]
    assert Checker("pos", CATALOGUE).fault(raw) == reason


def test_a_refused_record_says_the_event_it_claims_only_if_there_is_such() -> None:
    assert Lake().one(sale(total=None))["event_type"] == "sale"
    assert Lake().one(sale() | {"event_type": "jane@example.com"})["event_type"] == "unknown"
    assert Lake().one(sale() | {"event_type": "order"})["event_type"] == "unknown", "of another source"
    assert Lake().one(b"[1]")["event_type"] == "unknown"


TWIN = b'"store_id": "330", "store_id": "331"'


@pytest.mark.parametrize(
    ("new", "twins"),
    [
        (TWIN, True),
        (b'"store_id" :"330","store_\\u0069d": "331"', True),
        # Dropped: three colons. Escaped in what is kept: three more than written.
        (b'"store_id": "a", "store_id": "b", "store_id" : "\\u003a\\u003a"', True),
        (b'"store_id": "33:0"', False),
        (b'"store_id": "33\\u003a0"', False),
        (b'"store_id": "\\"store_id\\": 1"', False),
    ],
)
def test_two_members_of_one_name_are_refused(new: bytes, *, twins: bool) -> None:
    raw = encode(sale()).replace(b'"store_id": "330"', new)
    assert Checker("pos", CATALOGUE).fault(raw) == ("event: duplicate" if twins else None)


@pytest.mark.parametrize("depth", [50, 252, 253, 254, 255, 256, 900, 1000, 1100, 100_000])
@pytest.mark.parametrize("member", ["lines", "unknown"])
def test_however_deep_an_event_is_that_is_no_fault_of_ours(member: str, depth: int) -> None:
    """The validator gives up at some depth, the parser at another; neither makes it ours."""
    nested = b'"%b": %b' % (member.encode(), b"[" * depth + b"]" * depth)
    raw = encode(sale(lines="HERE")).replace(b'"lines": "HERE"', nested)
    lake = Lake()
    landed = lake.one(raw)
    assert not landed["quarantine"]["reason"].startswith("event: internal")
    assert unseal(lake.keys.of(landed), base64.b64decode(landed["quarantine"]["sealed"]), source="pos") == raw


@settings(deadline=None)
@given(st.data())
def test_twins_are_found_wherever_they_are(data: st.DataObject) -> None:
    """GIVEN a valid event in any spelling WHEN one member is written twice THEN it is refused."""
    event = sale(store_id=data.draw(st.text(min_size=1, max_size=8)))
    text = json.dumps(
        event,
        ensure_ascii=data.draw(st.booleans()),
        separators=data.draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:")])),
    )
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return
    checker = Checker("pos", CATALOGUE)
    if "\\ud" in text:
        return  # half characters are no JSON for this parser
    assert checker.fault(raw) is None
    places = [m.start() for m in re.finditer(r'(?<=[{,\s])"(?:[a-z_0-9]+)"\s*:', text)]
    at = data.draw(st.sampled_from(places))
    name = text[at : text.index(":", at)]
    twin = text[:at] + name + ': "a:b", ' + text[at:]
    assert checker.fault(twin.encode()) == "event: duplicate"


# What the producer's clock says.


@settings(deadline=None)
@given(st.datetimes(), st.integers(-23 * 60 - 59, 23 * 60 + 59), st.sampled_from([0, 3, 6]))
@example(datetime(2017, 1, 1), -1, 6)
def test_any_time_with_any_offset_lands_as_utc(moment: datetime, minutes: int, digits: int) -> None:
    spec = {0: "seconds", 3: "milliseconds", 6: "microseconds"}[digits]
    local = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = local.isoformat(timespec=spec)
    try:
        expected = local.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")
    except OverflowError:
        with pytest.raises(Refused):
            utc(text)
        return
    assert utc(text) == expected


@pytest.mark.parametrize(
    ("given", "landed"),
    [
        ("2017-01-01T11:53:26Z", "2017-01-01T11:53:26Z"),
        ("2017-01-01t11:53:26.5z", "2017-01-01T11:53:26.5Z"),
        ("2016-12-31T23:53:26.123456789-05:30", "2017-01-01T05:23:26.123456789Z"),
        ("2017-01-01T00:00:00-00:00", "2017-01-01T00:00:00Z"),
    ],
)
def test_spellings_of_a_time(given: str, landed: str) -> None:
    assert Lake().one(sale() | {"producer_ts": given})["producer_ts"] == landed


@pytest.mark.parametrize("absent", [{"producer_ts": None}, {}])
def test_without_a_time_the_arrivals_is_taken_and_flagged(absent: dict[str, None]) -> None:
    event = sale()
    del event["producer_ts"]
    landed = Lake().one(event | absent)
    assert (landed["producer_ts"], landed["producer_ts_assigned"]) == ("2026-01-01T00:00:00.125Z", True)


# What is done without an id.


def derived(event: dict[str, Any]) -> str:
    without = {name: value for name, value in event.items() if name != "event_id"}
    return Lake().one(without)["event_id"]


def test_a_derived_id_is_equal_for_an_equal_event_and_has_its_alphabet() -> None:
    event = sale()
    assert derived(event) == derived(json.loads(json.dumps(event, sort_keys=True)))
    assert derived(event) == Lake().one(event | {"event_id": None})["event_id"]
    assert re.fullmatch(r"h-[\w-]{32}", derived(event))


def test_a_derived_id_does_not_depend_on_when_it_arrived() -> None:
    event = sale()
    del event["producer_ts"], event["event_id"]
    first, second = Lake().land(encode(event), encode(event | {"producer_ts": None}))
    assert first["event_id"] == second["event_id"]


@pytest.mark.parametrize(
    "change",
    [
        {"transaction_id": "2"},
        {"total": 0.51},
        {"customer": None},
        {"customer": sale()["data"]["customer"] | {"email": "john@example.com"}},
        {"customer": sale()["data"]["customer"] | {"email": None}},
        {"customer": sale()["data"]["customer"] | {"address": ADDRESS | {"line1": "13"}}},
    ],
)
def test_a_derived_id_differs_with_anything_that_does(change: dict[str, Any]) -> None:
    assert derived(sale()) != derived(sale(**change))
    assert derived(sale()) != derived(sale() | {"producer_ts": "2017-01-01T11:53:27Z"})


def test_a_derived_id_is_keyed() -> None:
    """GIVEN another token key THEN ids differ: nobody without the key can try out what an event was."""
    event = sale()
    del event["event_id"]
    key = Lake().batches._keys.current("field", encryptions=3)
    found: set[str] = set()
    for n in range(3):
        transform = Transform("pos", CATALOGUE.contracts, replace(TOKEN_KEYS, root=bytes([n] * 32)))
        (prepared,) = transform.prepare([(encode(event), 0)])
        ((event_id, _),) = transform.protect(prepared, key, b"{")
        found.add(event_id)
    assert len(found) == 3


def test_a_derived_id_is_the_same_under_the_next_version_of_the_keys() -> None:
    """GIVEN an event that is sent again after a rotation THEN its tokens differ, its id does not."""
    event = sale()
    del event["event_id"]
    first, second = Lake().one(event), Lake(token_keys=TOKEN_KEYS.up_to(2)).one(event)
    old, new = (unpack(record["data"]["customer"]["email"]).token for record in (first, second))
    assert old != new
    assert TOKEN_KEYS.up_to(2).hash_of(old) == TOKEN_KEYS.hash_of(old)
    assert first["event_id"] == second["event_id"]


def test_the_protected_data_is_not_changed_by_deriving_an_id() -> None:
    event = sale()
    del event["event_id"]
    lake = Lake()
    landed = lake.one(event)
    packed = landed["data"]["customer"]["email"]
    assert (
        reveal(lake.keys.of(landed), packed, source="pos", path=("customer", "email"))
        == b"Jane.Doe@Example.com"
    )


def test_events_of_another_source_are_none_of_ours() -> None:
    with pytest.raises(ValueError, match="no contract for source 'erp'"):
        Transform("erp", CATALOGUE.contracts, TOKEN_KEYS)


@pytest.mark.parametrize("contract", CATALOGUE.contracts, ids=lambda c: c.event)
def test_the_whole_events_schema_is_valid_draft_7(contract: Any) -> None:
    jsonschema.Draft7Validator.check_schema(event_schema(contract))
    if contract.event == "sale":
        jsonschema.Draft7Validator(event_schema(contract)).validate(sale())
