"""What the typed parser takes, the schema takes, and the plain parser reads the same."""

import copy
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transform_kit import CATALOGUE, Lake, encode, sale

from functions.transform.core import Checker
from functions.transform.envelope import event_schema
from functions.transform.typed import Typed

SALE = CATALOGUE.event("pos", "sale").latest


def good(typed: Typed) -> Callable[[bytes], dict[str, Any] | None]:
    """All that the short way asks, of one text."""

    def parse(raw: bytes) -> dict[str, Any] | None:
        return typed.take({0: raw}).get(0)

    return parse


PARSE = good(Typed(event_schema(SALE)))
PARSE_ONCE = good(Typed(event_schema(SALE), once=frozenset({"lines"})))
ORACLE = jsonschema.Draft7Validator(event_schema(SALE))


def compact(event: Any) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def numbers_only() -> dict[str, Any]:
    event = sale()
    event["data"]["lines"][0]["coupon_disc"] = 0.25
    return event


@pytest.mark.parametrize(
    "text", [compact(numbers_only()), encode(numbers_only()), json.dumps(numbers_only(), indent=2).encode()]
)
def test_a_good_event_is_taken_in_any_layout(text: bytes) -> None:
    """GIVEN what most producers send THEN the fast way takes it: there is no other test that it is in use."""
    assert PARSE(text) == numbers_only()


@pytest.mark.parametrize(
    "change",
    [
        {"coupon_disc": "0.25"},  # the rare spelling of money
        {"line": 1.0},  # an integer to the schema
    ],
)
def test_what_it_does_not_take_may_still_be_accepted(change: dict[str, Any]) -> None:
    event = numbers_only()
    event["data"]["lines"][0] |= change
    assert PARSE(encode(event)) is None
    assert "data" in Lake().one(event)


def test_unusual_members_are_for_the_schema_to_refuse() -> None:
    """GIVEN a member that types skip, wherever a colon could hide it THEN it is not taken."""
    for extra in (
        b'"x": 1, ',
        b'"x": "a:b", ',
        b'"x": {"y": [1, {"z": 2}]}, ',
        b'"\\u0078" :1, ',
        b'"x": "\xff", ',
    ):
        for after in (b"{", b'"data": {', b'"customer": {', b'"address": {', b'"lines": [{'):
            raw = encode(numbers_only()).replace(after, after + extra, 1)
            assert PARSE(raw) is PARSE_ONCE(raw) is None, raw
            assert Checker("pos", CATALOGUE).fault(raw) is not None


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, -1, 2**63, 2**64, 10**10, 10**40, 1.0, -0.0, 1e300, 0.1, 9999999999.5])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["USD", "US", "us", "", "x" * 65, "a@b", "a:b", "1.00", "2017-01-01T11:53:26Z", "\n", "é"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, member in members:
        found += places(member, (*path, name))
    return found


PLACES = places(numbers_only())


def changed(event: Any, path: tuple[Any, ...], how: str, value: Any) -> None:
    *way, last = path
    try:
        for part in way:
            event = event[part]
        if how == "replace":
            event[last] = value
        elif how == "delete":
            del event[last]
        elif isinstance(event, dict):
            event["extra"] = value
    except (KeyError, IndexError, TypeError):
        return  # an earlier change took the place away


changes = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(["replace", "delete", "add"]), values), max_size=2
)


@settings(deadline=None, max_examples=600)
@given(changes, st.booleans(), st.booleans())
def test_what_it_takes_is_valid_and_read_the_same(changes: Any, tight: bool, ascii_only: bool) -> None:
    event = copy.deepcopy(numbers_only())
    for change in changes:
        changed(event, *change)
    separators = (",", ":") if tight else None
    raw = json.dumps(event, separators=separators, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    found, once = PARSE(raw), PARSE_ONCE(raw)
    assert (found is None) == (once is None)
    if found is not None:
        assert orjson.dumps(once) == orjson.dumps(found)
        assert repr(found) == repr(orjson.loads(raw)), "to the type of each number, and in the same order"
        assert ORACLE.is_valid(found)


@settings(deadline=None, max_examples=400)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=3), st.integers(0, 3))
def test_bytes_gone_wrong(at: int, new: bytes, cut: int) -> None:
    """GIVEN a good text WHEN some of its bytes are others THEN it is taken only if it is still a good text."""
    raw = encode(numbers_only())
    at %= len(raw)
    raw = raw[:at] + new + raw[at + cut :]
    found = PARSE(raw)
    if found is not None:
        assert repr(found) == repr(orjson.loads(raw))
        assert ORACLE.is_valid(found)
        members: list[int] = []
        json.loads(raw, object_pairs_hook=lambda pairs: members.append(len(pairs) - len(dict(pairs))))
        assert sum(members) == 0, "no second member of a name"


# Any contract that the linter lets through.

limits = st.integers(-3, 3) | st.sampled_from([2**63, -(2**64), 0.5])
lengths = st.integers(0, 3)


def optional(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


scalars = st.builds(
    lambda types, *more: {"type": types, **{k: v for found in more for k, v in found.items()}},
    st.lists(
        st.sampled_from(["string", "integer", "number", "boolean", "null"]),
        min_size=1,
        max_size=5,
        unique=True,
    )
    | st.sampled_from(["string", "integer", "number", "boolean", "null"]),
    optional(minimum=limits, maximum=limits, exclusiveMinimum=limits, exclusiveMaximum=limits),
    optional(minLength=lengths, maxLength=lengths, pattern=st.sampled_from(["^a*$", "[0-9]"])),
    optional(enum=st.lists(values, min_size=1, max_size=3), const=st.sampled_from(["a", 1, None, 1.5, True])),
)


def closed(members: dict[str, Any], required: list[str], null: bool) -> dict[str, Any]:
    return {
        "type": ["object", "null"] if null else "object",
        "additionalProperties": False,
        "required": [name for name in required if name in members],
        "properties": members,
    }


schemas = st.recursive(
    scalars,
    lambda inner: (
        st.builds(
            closed,
            st.dictionaries(st.sampled_from("ab"), inner, min_size=1, max_size=2),
            st.lists(st.sampled_from("ab"), unique=True),
            st.booleans(),
        )
        | st.builds(
            lambda items, more: {"type": "array", "items": items, **more},
            inner,
            optional(minItems=lengths, maxItems=lengths, uniqueItems=st.booleans()),
        )
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=1000)
@given(schemas, st.lists(values, min_size=1, max_size=10))
def test_any_contract(schema: dict[str, Any], some: list[Any]) -> None:
    """GIVEN any schema of the known keywords and any value WHEN it is taken THEN the reference validator
    takes it, too.
    """
    schema["$schema"] = "http://json-schema.org/draft-07/schema#"
    parse, oracle = good(Typed(schema)), jsonschema.Draft7Validator(schema)
    for value in some:
        raw = json.dumps(value).encode()
        found = parse(raw)
        if found is not None:
            assert repr(found) == repr(orjson.loads(raw))
            assert oracle.is_valid(found), (schema, value)


def test_one_that_the_rest_does_not_hold_for_keeps_no_other() -> None:
    """GIVEN events checked together WHEN one has a pattern wrong THEN it alone is refused, for that."""
    events = [sale() for _ in range(5)]
    events[2]["data"]["currency"] = "usd"
    landed = Lake().land(*map(encode, events))
    assert ["data" in record for record in landed] == [True, True, False, True, True]
    assert landed[2]["quarantine"]["reason"] == "data.currency: pattern"
