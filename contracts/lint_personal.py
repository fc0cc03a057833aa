"""What a contract may not say of personal data: it would leave a value without protection or a mask."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from contracts.columns import holds_many, member_at, personal, place, types_of
from contracts.model import (
    ADDRESS_FIELDS,
    ITEM,
    LOCAL_KINDS,
    PII_KINDS,
    PII_TYPES,
    Fault,
    JsonObject,
    shared,
)

KEYS = frozenset({"kind", "reid", "country"})
# Kinds that say of nobody who it is: a household's, a namesake's, anything.
UNNAMED_KINDS = frozenset({"address", "free_text", "ip", "person_name"})
# Of an array with personal data: what an event may have bounds what a data key encrypts.
MOST_ITEMS = 10_000

At = tuple[str, ...]


class PersonalLinter:
    """Checks the personal data of one contract.

    Parameters
    ----------
    fault
        Makes a fault at a place of the file.
    """

    def __init__(self, schema: JsonObject, fault: Callable[[At, str], Fault]) -> None:
        self.schema = schema
        self.fault = fault

    def value(self, schema: JsonObject, at: At, *, inside: str | None) -> Iterator[Fault]:
        """Check a schema that is personal data; `inside` is what keeps it from being protected by itself."""
        here = (*at, "x-pii")
        if inside == "x-pii":
            yield self.fault(here, "already inside personal data, which is protected as a whole")
        elif inside:
            yield self.fault(here, "personal data inside a property with x-column has no column to mask")
        if "x-column" in schema:
            yield self.fault((*at, "x-column"), "personal data is always the packed VARCHAR")
        pii = schema["x-pii"]
        if not isinstance(pii, dict):
            yield self.fault(here, 'expected an object such as {"kind": "email"}')
            return
        pii = cast(JsonObject, pii)
        for name in sorted(pii.keys() - KEYS):
            yield self.fault((*here, name), f"unknown key; known are {', '.join(sorted(KEYS))}")
        if not isinstance(pii.get("reid", False), bool):
            yield self.fault((*here, "reid"), "expected true or false")
        kind = pii.get("kind")
        if kind not in PII_KINDS:
            yield self.fault((*here, "kind"), f"expected one of {', '.join(PII_KINDS)}, not {kind!r}")
        elif types_of(schema) != (PII_TYPES[kind],):
            yield self.fault((*at, "type"), f"personal data of kind {kind!r} is of type {PII_TYPES[kind]!r}")
        elif kind == "address":
            yield from self.address(schema.get("properties", {}), (*at, "properties"))
        if "country" in pii:
            yield from self.country(kind, pii["country"], at)

    def holder(self, schema: JsonObject, at: At) -> Iterator[Fault]:
        """Check an object or array that has personal data in it, for who goes through it to find that."""
        if next(personal(schema), None) is None:
            return
        if len(types_of(schema)) != 1:
            yield self.fault((*at, "type"), "what holds personal data is of one type, or null")
        if holds_many(schema):
            most = schema.get("maxItems")
            if not isinstance(most, int) or not 0 < most <= MOST_ITEMS:
                yield self.fault(
                    (*at, "maxItems"),
                    f"expected 1 to {MOST_ITEMS}: how many personal values a data key has to encrypt",
                )

    def country(self, kind: Any, named: Any, at: At) -> Iterator[Fault]:
        """Yield what keeps the country of a value from being found."""
        here = (*at, "x-pii", "country")
        if kind not in LOCAL_KINDS:
            yield self.fault(here, f"only {', '.join(sorted(LOCAL_KINDS))} is written by the country")
        path = place(named) if isinstance(named, str) else ()
        member = member_at(self.schema, path) if path else None
        if member is None or types_of(member) != ("string",):
            yield self.fault(here, f"expected a property of type 'string' (dotted if nested), not {named!r}")
        own = tuple(ITEM if step == "items" else step for step in at if step != "properties")
        if ITEM in path[shared(path, own) :]:
            yield self.fault(
                here, f"which item's? {named!r} goes through another array than the value itself"
            )

    def subject(self, named: Any) -> Iterator[Fault]:
        """Yield what keeps from being said whose an event's personal values are."""
        here = ("x-lake", "subject")
        if next(personal(self.schema), None) is None:
            yield self.fault(here, "there is no personal data to be anybody's")
        if not isinstance(named, list) or not named:
            yield self.fault(here, "expected a list of properties that say whose the event is")
            return
        paths = cast(list[Any], named)
        for number, path in enumerate(paths):
            at = (*here, str(number))
            steps = place(path) if isinstance(path, str) else ()
            member = member_at(self.schema, steps) if steps else None
            if member is None or ITEM in steps or types_of(member) != ("string",):
                yield self.fault(
                    at,
                    f"expected a property of type 'string' in no array (dotted if nested), not {path!r}",
                )
            elif self._kind_at(steps) in LOCAL_KINDS | UNNAMED_KINDS:
                yield self.fault(at, f"{path!r} may be many people's, or be written in several ways")
            elif path in paths[:number]:
                yield self.fault(at, f"{path!r} is named before")

    def _kind_at(self, path: At) -> str | None:
        """Return the kind of the personal data that lies at a path, or around it."""
        around = {path[:length] for length in range(1, len(path) + 1)}
        found: list[Any] = [member["x-pii"] for at, member in personal(self.schema) if at in around]
        return cast(JsonObject, found[0]).get("kind") if found and isinstance(found[0], dict) else None

    def address(self, members: JsonObject, at: At) -> Iterator[Fault]:
        """Yield what keeps two equal addresses of different sources from having equal tokens."""
        for name in sorted(members.keys() - set(ADDRESS_FIELDS)):
            yield self.fault((*at, name), f"an address is made of {', '.join(ADDRESS_FIELDS)}")
        for name in ADDRESS_FIELDS:
            if name in members and types_of(members[name]) != ("string",):
                yield self.fault((*at, name, "type"), "a part of an address is of type 'string'")
        for name in ("city", "country"):
            if name not in members:
                yield self.fault((*at, name), "missing: it is what analysts see of an address")
