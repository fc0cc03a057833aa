"""Parses an event and checks it in one go, as far as types can.

A schema is taken apart into a type, for a parser that refuses whatever is not of it, and the rest of the
schema: patterns, formats and what else types cannot say. The two together ask no less than the schema, at
little more than the price of parsing alone. They may ask more, and do not say why: whatever they do not take
is for a plain parser and the validator of the whole schema to decide.

Nothing is lost on the way. A text is taken only if all of its members are in what was parsed, so that neither
a member that the schema does not know nor the second of two with one name can hide.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Annotated, Any, Literal, NotRequired, TypedDict, Union, cast

import msgspec
import orjson

from contracts import JsonObject
from functions.transform.envelope import compile_validator

# By JSON type: the keywords that mean something for it, and how a type says them; None where it cannot.
_MEANT: dict[str, dict[str, str | None]] = {
    "string": {"minLength": "min_length", "maxLength": "max_length", "pattern": None, "format": None},
    "array": {"minItems": "min_length", "maxItems": "max_length", "uniqueItems": None},
    "number": {"minimum": "ge", "maximum": "le", "exclusiveMinimum": None, "exclusiveMaximum": None},
}
_MEANT["integer"] = _MEANT["number"]
_ANY: dict[str, str | None] = {"const": None, "enum": None}
_PLAIN: dict[str, Any] = {"boolean": bool, "integer": int, "null": None, "string": str}
# What the parser's limits can be; a wider one is left to the validator.
_INT64 = 2**63


class Typed:
    """A schema, taken apart.

    Parameters
    ----------
    schema
        Of an event.
    once
        Members of an event's data that are written as they are, and need to be written only once.
    """

    def __init__(self, schema: JsonObject, *, once: Set[str] = frozenset()) -> None:
        found, rest = _split(schema)
        self._decode = msgspec.json.Decoder(cast(type[JsonObject], found)).decode
        # Of many events at a time: to ask costs as much as the answer.
        self._are_valid = compile_validator({"$schema": schema["$schema"], "items": rest}).is_valid
        self._once = once

    def take(self, raws: Mapping[int, bytes]) -> dict[int, JsonObject]:
        """Return the events that are plainly good, each under its text's number.

        In an event that has its id, what is written once is JSON by now (`orjson.Fragment`).
        """
        decode, events = self._decode, dict[int, JsonObject]()
        for at, raw in raws.items():
            try:
                events[at] = decode(raw)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                continue  # not of the type, no UTF-8, too deep
        if not self._hold(list(events.values())):
            events = {at: event for at, event in events.items() if self._hold([event])}
        return {at: event for at, event in events.items() if self._is_whole(event, raws[at])}

    def _hold(self, events: list[JsonObject]) -> bool:
        """Say whether the rest of the schema holds for all of these events."""
        try:
            return self._are_valid(events)
        except (ValueError, RecursionError):
            return False

    def _is_whole(self, event: JsonObject, raw: bytes) -> bool:
        """Say whether all members of a text are in its event; where that is not sure, it says no."""
        try:
            if self._once and event.get("event_id") is not None:
                data = event["data"]
                for name in self._once:
                    if name in data:
                        data[name] = orjson.Fragment(orjson.dumps(data[name]))
            return (text := orjson.dumps(event)) == raw or not may_lack_members(text, raw)
        except (TypeError, RecursionError):
            return False  # a number that cannot be written, too deep


def may_lack_members(written: bytes, raw: bytes) -> bool:
    """Say whether members of a JSON text may be missing in what was parsed of it, and written again.

    With each of them a colon is gone; only an escaped colon can hide that.
    """
    return b"\\" in raw or raw.count(b":") != written.count(b":")


def _split(schema: JsonObject) -> tuple[Any, JsonObject]:
    """Return the type of a schema's values, and a schema of what the type does not check."""
    declared: Any = schema.get("type", ())
    kinds: set[str] = {declared} if isinstance(declared, str) else set(declared)
    const = schema.get("const")
    if type(const) in (str, int) and kinds <= {"string" if isinstance(const, str) else "integer"}:
        return Literal[const], {}
    if "number" in kinds:
        kinds.discard("integer")
    if "pattern" in schema and kinds > {"string"} and kinds != {"string", "null"}:
        # A number that may be a string too: the rare spelling is not worth a look at each of the others.
        kinds.discard("string")
    meant = {name: says for kind in kinds for name, says in _MEANT.get(kind, {}).items()} | _ANY
    rest = {name: schema[name] for name in meant if name in schema and not _said(schema, name, meant)}
    types = tuple(found for kind in sorted(kinds) for found in _types(kind, schema, rest))
    return Union[types], rest  # noqa: UP007  # pyright: ignore[reportInvalidTypeArguments] (made now)


def _said(schema: JsonObject, name: str, meant: dict[str, str | None]) -> bool:
    """Say whether a type can say a keyword of a schema."""
    limit = schema[name]
    return meant[name] is not None and isinstance(limit, int) and abs(limit) < _INT64


def _types(kind: str, schema: JsonObject, rest: JsonObject) -> Iterator[Any]:
    """Yield the types of one JSON type, and put into the rest what those of its parts leave."""
    meant = _MEANT.get(kind, {})
    limits = {
        says: schema[name]
        for name, says in meant.items()
        if says and name in schema and _said(schema, name, meant)
    }
    meta = msgspec.Meta(**limits)
    match kind:
        case "object":
            yield _members(schema, rest)
        case "array":
            items, rest_of_items = _split(schema["items"])
            if rest_of_items:
                rest["items"] = rest_of_items
            yield Annotated[list[items], meta]
        case "number":
            yield Annotated[int, meta]
            yield Annotated[float, meta]
        case _:
            yield Annotated[_PLAIN[kind], meta]


def _members(schema: JsonObject, rest: JsonObject) -> Any:
    """Return the type of an object; its members are all that the schema knows."""
    types: dict[str, Any] = {}
    left: JsonObject = {}
    for name, member in schema["properties"].items():
        found, rest_of_member = _split(member)
        types[name] = found if name in schema.get("required", ()) else NotRequired[found]
        if rest_of_member:
            left[name] = rest_of_member
    if left:
        rest["properties"] = left
    return cast(Any, TypedDict)("Members", types)
