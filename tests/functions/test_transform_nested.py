"""Personal data in objects within objects, in arrays of objects and in arrays of texts."""

import copy
import json
from typing import Any

import orjson
import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st
from transform_kit import ADDRESS, PERSON_CONTRACT, Lake, encode

from contracts import NESTED, dotted
from functions.shared.kinds import faces
from functions.shared.protection import reveal, unpack
from functions.transform.protect import below, slots


def person(**data: Any) -> dict[str, Any]:
    return {
        "source": "crm",
        "event_type": "person",
        "schema_version": 1,
        "producer_ts": "2026-01-01T00:00:00Z",
        "data": {"person_id": "1", **data},
    }


FULL = person(
    profile={"deep": {"ip": "203.0.113.9", "name": "Jane Doe"}},
    emails=["jane@example.com", None, "Jane@Example.com"],
    contacts=[
        {"role": "own", "country": "US", "email": "jane@example.com", "phone": "(206) 555-0147"},
        None,
        {
            "role": "work",
            "country": "GB",
            "phone": "020 7946 0123",
            "note": "ask for Jane",
            "phones": ["020 7946 0123", "+12065550147"],
            "address": ADDRESS,
        },
        {"role": "other", "phone": "+1 206-555-0147"},
    ],
    devices=[["a1b2c3d4e5f6"], [], None, ["A1B2C3D4E5F6", None]],
    scores=[1, 2],
)


def packed(data: dict[str, Any], path: str) -> list[Any]:
    (pii,) = (one for one in PERSON_CONTRACT.pii if dotted(one.path) == path)
    return list(slots(below([data], pii.path[:-1]), pii.path[-1]).values)


def tokens(data: dict[str, Any], path: str) -> list[str]:
    return [unpack(value).token for value in packed(data, path)]


def test_columns_follow() -> None:
    """GIVEN arrays with personal data THEN each is one column that holds its JSON, of the kind of arrays."""
    columns = {column.name: (column.type, column.pii) for column in PERSON_CONTRACT.columns}
    assert columns == {
        "PERSON_ID": ("VARCHAR", None),
        "PROFILE_DEEP_IP": ("VARCHAR", "ip"),
        "PROFILE_DEEP_NAME": ("VARCHAR", "person_name"),
        "EMAILS": ("VARCHAR", NESTED),
        "CONTACTS": ("VARCHAR", NESTED),
        "DEVICES": ("VARCHAR", NESTED),
        "SCORES": ("VARIANT", None),
    }
    assert {dotted(pii.path): (pii.column, pii.most) for pii in PERSON_CONTRACT.pii} == {
        "profile.deep.ip": ("PROFILE_DEEP_IP", 1),
        "profile.deep.name": ("PROFILE_DEEP_NAME", 1),
        "emails[]": ("EMAILS", 9),
        "contacts[].email": ("CONTACTS", 9),
        "contacts[].phone": ("CONTACTS", 9),
        "contacts[].note": ("CONTACTS", 9),
        "contacts[].phones[]": ("CONTACTS", 81),
        "contacts[].address": ("CONTACTS", 9),
        "devices[][]": ("DEVICES", 81),
    }


def test_every_value_is_protected_where_it_is() -> None:
    data = Lake("crm").one(FULL)["data"]
    expected = copy.deepcopy(FULL["data"])
    for pii in PERSON_CONTRACT.pii:
        there, here = (slots(below([one], pii.path[:-1]), pii.path[-1]) for one in (data, expected))
        assert there.keys == here.keys
        for holder, at, value in zip(here.holders, here.keys, there.values, strict=True):
            assert value.startswith("1:")
            holder[at] = value
    assert data == expected, "and nothing else is changed"


def test_equal_values_are_equal_tokens_wherever_they_are() -> None:
    data = Lake("crm").one(FULL)["data"]
    assert len({*tokens(data, "emails[]"), *tokens(data, "contacts[].email")}) == 1
    assert len(set(tokens(data, "devices[][]"))) == 1


def test_the_country_is_that_of_the_same_item() -> None:
    data = Lake("crm").one(FULL)["data"]
    american, british, other = tokens(data, "contacts[].phone")
    assert american == other != british
    assert tokens(data, "contacts[].phones[]") == [british, american]


def test_a_ciphertext_opens_with_the_path_of_its_property() -> None:
    lake = Lake("crm")
    landed = lake.one(FULL)
    (note,) = packed(landed["data"], "contacts[].note")
    key = lake.keys.of(landed)
    assert reveal(key, note, source="crm", path=("contacts", "[]", "note")) == b"ask for Jane"
    assert unpack(note).display == "•••"
    with pytest.raises(InvalidTag):
        reveal(key, note, source="crm", path=("contacts", "[]", "email"))


def test_a_derived_id_follows_what_is_in_arrays_and_leaves_it_as_it_is() -> None:
    lake = Lake("crm")
    first, second = lake.land(encode(FULL), encode(json.loads(json.dumps(FULL, sort_keys=True))))
    assert first["event_id"] == second["event_id"]
    assert packed(first["data"], "emails[]") != packed(second["data"], "emails[]"), "whole, with ciphertext"
    seen = {first["event_id"]}
    for change in (
        {"emails": ["jane@example.com"]},
        {"emails": ["jane@example.com", None, "john@example.com"]},
        {"contacts": FULL["data"]["contacts"][::-1]},
        {"devices": [["a1b2c3d4e5f6", "A1B2C3D4E5F6"]]},
    ):
        changed = FULL | {"data": FULL["data"] | change}
        seen.add(lake.one(changed)["event_id"])
    assert len(seen) == 5


def test_a_data_key_is_good_for_all_that_arrays_may_hold() -> None:
    """GIVEN arrays as long as the contract lets them WHEN they are protected THEN no more is encrypted than asked for."""
    contacts = [
        {"phones": ["1"] * 9, **dict.fromkeys(("email", "phone", "note"), "1"), "address": ADDRESS}
    ] * 9
    longest = person(
        profile=FULL["data"]["profile"], emails=["1"] * 9, contacts=contacts, devices=[["1"] * 9] * 9
    )
    lake = Lake("crm")
    lake.one(longest)
    key = lake.batches._keys._current["field"]
    assert key.next_nonce() == lake.batches._transform.values_per_event == 2 + 9 + 4 * 9 + 81 + 81


texts = st.none() | st.text(max_size=12)
people = st.fixed_dictionaries(
    {},
    optional={
        "profile": st.none()
        | st.fixed_dictionaries({}, optional={"deep": st.fixed_dictionaries({"ip": texts})}),
        "emails": st.none() | st.lists(texts, max_size=4),
        "contacts": st.lists(
            st.none()
            | st.fixed_dictionaries(
                {},
                optional={
                    "email": texts,
                    "note": texts,
                    "phone": texts | st.sampled_from(["(206) 555-0147", "+12065550147"]),
                    "country": st.sampled_from(["US", "GB", None, "nowhere"]),
                    "phones": st.lists(texts, max_size=3),
                },
            ),
            max_size=4,
        ),
        "devices": st.lists(st.none() | st.lists(texts, max_size=3), max_size=3),
    },
)


@settings(deadline=None, max_examples=200)
@given(st.lists(people, min_size=1, max_size=4))
def test_any_people_open_to_what_they_were(some: list[dict[str, Any]]) -> None:
    """GIVEN valid events of any shape in one batch THEN every value opens to itself, under its own faces."""
    lake = Lake("crm")
    for given_, landed in zip(some, lake.land(*(encode(person(**data)) for data in some)), strict=True):
        for pii in PERSON_CONTRACT.pii:
            here, there = (
                slots(below([one], pii.path[:-1]), pii.path[-1]) for one in (given_, landed["data"])
            )
            assert there.keys == here.keys
            for holder, plain, value in zip(here.holders, here.values, there.values, strict=True):
                opened = reveal(lake.keys.of(landed), value, source="crm", path=pii.path)
                assert (opened.decode() if isinstance(plain, str) else orjson.loads(opened)) == plain
                if pii.path[-1] != "phone":
                    continue
                known = holder.get("country") if holder.get("country") in ("US", "GB") else None
                assert unpack(value).display == faces("phone", known)(plain)[1]
