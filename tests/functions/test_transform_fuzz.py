"""Whatever comes in, a record comes out, and no personal data with it."""

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transform_kit import EVERY_CONTRACT, Lake, encode, sale

from contracts import ITEM

# Each is in the events below, in nothing that analysts may see, and in no name of ours.
MARKS = ("Zqxhidden", "zqxphone99", "2065550142", "Zqxstreet 7", "zqxflat", "ZQXREGION", "zqx98101")


def marked() -> dict[str, Any]:
    event = sale()
    event["data"]["customer"] |= {
        "email": "Zqxhidden@example.com",
        "phone": "+1 2065550142 zqxphone99",
        "address": {
            "line1": "Zqxstreet 7",
            "line2": "zqxflat",
            "city": "Seattle",
            "region": "ZQXREGION",
            "postal_code": "zqx98101",
            "country": "US",
        },
    }
    return event


def encodings(mark: str) -> Iterator[bytes]:
    """Yield a mark in the encodings in which it could hide: any case, any escape, any place in base64."""
    for text in {mark, mark.lower(), mark.upper(), mark[::-1]}:
        raw = text.encode()
        yield from (raw, raw.hex().encode(), raw.hex().upper().encode(), text.encode("utf-16-le"))
        yield "".join(f"\\u{ord(letter):04x}" for letter in text).encode()
        for shift in range(3):
            # What a base64 of it shows wherever it stands: without the ends, which neighbours share.
            inner = base64.b64encode(bytes(shift) + raw)[(shift * 8 + 5) // 6 :].rstrip(b"=")
            yield inner[: len(inner) - 1]


NEEDLES = [needle for mark in MARKS for needle in encodings(mark)]


def leaks(line: bytes) -> list[bytes]:
    return [needle for needle in NEEDLES if needle in line]


def land(raw: bytes, source: str = "pos") -> bytes:
    lake = Lake(source)
    (landed,) = lake.land(raw)
    assert landed["record"] == 1
    assert ("quarantine" in landed) != ("data" in landed)
    assert landed["key"] in lake.keys.plain
    return orjson.dumps(landed)


def test_the_finder_finds() -> None:
    """The tests below say nothing unless this one passes."""
    for raw in (
        encode(marked()),
        encode(marked()).upper(),
        *(base64.b64encode(b"x" * n + encode(marked())) for n in range(3)),
        encode(marked()).hex().encode(),
    ):
        found = leaks(raw)
        assert all(any(needle in found for needle in encodings(mark)) for mark in MARKS), raw[:20]


def test_a_marked_event_is_accepted_and_hidden() -> None:
    line = land(encode(marked()))
    assert b'"data"' in line
    assert leaks(line) == []


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    assert b'"quarantine"' in land(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(MARKS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(json_values)
def test_any_json(value: Any) -> None:
    line = land(json.dumps(value).encode())
    assert b'"quarantine"' in line
    assert leaks(line) == []


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places(member, (*path, name))
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from places(member, (*path, number))


HOWS = ["replace", "delete", "wrap", "rename", "add"]
PLACES = list(places(marked()))[1:]


def mutate(event: Any, path: tuple[Any, ...], how: str, value: Any) -> None:
    try:
        for part in path[:-1]:
            event = event[part]
        event[path[-1]]
    except (TypeError, KeyError, IndexError):
        return  # an earlier change took the place away
    if not isinstance(event, dict):
        return
    match how:
        case "replace":
            event[path[-1]] = value
        case "delete":
            del event[path[-1]]
        case "wrap":
            event[path[-1]] = [event[path[-1]]]
        case "rename":
            event[MARKS[0]] = event.pop(path[-1])
        case "add":
            event[MARKS[1]] = value


@settings(deadline=None, max_examples=600)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(PLACES),
            st.sampled_from(HOWS),
            json_values,
        ),
        min_size=1,
        max_size=3,
    ),
    st.booleans(),
)
def test_any_event_gone_wrong(changes: list[tuple[tuple[Any, ...], str, Any]], ascii_only: bool) -> None:
    """GIVEN an event with personal data WHEN anything in it is changed THEN it lands, protected or sealed.

    An identifier that is personal data (`event_id: zqxhidden`) is the producer's breach of the contract, and
    no transform could know; so is a name in a `store_id`. Such a mark is no leak of ours.
    """
    event = copy.deepcopy(marked())
    for path, how, value in changes:
        mutate(event, path, how, value)
    line = land(json.dumps(event, ensure_ascii=ascii_only).encode(errors="surrogatepass"))
    landed = orjson.loads(line)
    if "data" in landed:
        readable = json.dumps({**event, "data": without_pii(event["data"])}, ensure_ascii=False).encode(
            errors="surrogatepass"
        )
        assert [needle for needle in leaks(line) if needle not in readable] == []
    else:
        assert leaks(line) == []


def without_pii(data: dict[str, Any]) -> dict[str, Any]:
    """What a producer wrote where the contract has no personal data, and what analysts see of an address."""
    data = copy.deepcopy(data)
    customer = data.get("customer") or {}
    for name in ("email", "phone"):
        if customer.get(name):
            customer[name] = customer[name].rpartition("@")[2] if name == "email" else None
    if address := customer.get("address"):
        customer["address"] = {name: address.get(name) for name in ("city", "country")}
    return data


KINDS_OF_JSON = [None, True, 12065550142, 0.5, "Zqxhidden", ["Zqxhidden"], {"Zqxhidden": "Zqxhidden"}, [], {}]


@pytest.mark.parametrize("contract", EVERY_CONTRACT, ids=lambda c: c.event)
def test_every_json_type_in_every_personal_place(contract: Any) -> None:
    """GIVEN any JSON type where personal data belongs THEN it is protected, absent or sealed; never plain."""
    for pii in contract.pii:
        taken: list[Any] = []
        for value in KINDS_OF_JSON:
            event = {
                "source": contract.source,
                "event_type": contract.event,
                "schema_version": contract.version,
                "data": placed(contract.schema, pii.path, value),
            }
            line = land(encode(event), contract.source)
            assert leaks(line) == [], (pii.path, value)
            assert b"12065550142" not in line
            landed = orjson.loads(line)
            if "data" in landed:
                found: Any = landed["data"]
                for step in pii.path:
                    found = found[0 if step == ITEM else step]
                assert found is None if value is None else found.startswith("1:")
                taken.append(value)
        assert [value for value in taken if value is not None and not isinstance(value, str)] == []
        assert None in taken


@pytest.mark.parametrize("contract", EVERY_CONTRACT, ids=lambda c: c.event)
def test_every_json_type_in_every_place_around_personal_data(contract: Any) -> None:
    """GIVEN another type than the object or array that personal data belongs in THEN it is sealed or absent."""
    around = {pii.path[:end] for pii in contract.pii for end in range(1, len(pii.path))}
    for path in around:
        for value in (*KINDS_OF_JSON, [["Zqxhidden"]], [{"Zqxhidden": 1}], {"[]": ["Zqxhidden"]}):
            event = {
                "source": contract.source,
                "event_type": contract.event,
                "schema_version": contract.version,
                "data": placed(contract.schema, path, value),
            }
            assert leaks(land(encode(event), contract.source)) == [], (path, value)


def placed(schema: dict[str, Any], path: tuple[str, ...], value: Any) -> Any:
    """The smallest value that a closed schema of ours takes, but for what is at that path."""
    if not path:
        return value
    if path[0] == ITEM:
        return [placed(schema["items"], path[1:], value)]
    return minimal(schema) | {path[0]: placed(schema["properties"][path[0]], path[1:], value)}


def minimal(schema: dict[str, Any]) -> Any:
    """The smallest value that a closed schema of ours takes."""
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if "enum" in schema:
        return schema["enum"][0]
    match kind:
        case "object":
            return {name: minimal(schema["properties"][name]) for name in schema["required"]}
        case "array":
            return [minimal(schema["items"])] * schema.get("minItems", 0)
        case "integer" | "number":
            return max(schema.get("minimum", 1), 1)
        case "boolean":
            return False
        case _ if schema.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
        case _:
            return "USD" if "A-Z" in schema.get("pattern", "") else "x"
