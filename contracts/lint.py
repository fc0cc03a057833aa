"""What a contract may not say: everything here would leave a value without column, type or protection."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePath
from typing import Any, cast

import jsonschema_rs

from contracts.columns import column_name, column_type, is_group, properties, types_of
from contracts.lint_personal import PersonalLinter
from contracts.model import DELIVERIES, ENVELOPE_COLUMNS, Fault, JsonObject

DRAFT = "http://json-schema.org/draft-07/schema#"
PATH = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*\.v[1-9][0-9]*\.json")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TYPE = re.compile(r"VARCHAR|NUMBER\([1-9][0-9]?,[0-9]{1,2}\)|FLOAT|BOOLEAN|TIMESTAMP_NTZ|DATE|VARIANT")
NUMBER = re.compile(r"NUMBER\(([0-9]+),([0-9]+)\)")
DURATION = re.compile(r"P(?=.)(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")

# What every date-time has to match beside its format: neither offset nor leap second, which the warehouse's
# TIMESTAMP_NTZ would drop or refuse.
UTC = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?Z$"

# A closed list: a keyword with a typing error checks nothing, and one that combines schemas ($ref, anyOf, …)
# hides properties from whoever derives columns and protection.
KEYWORDS = frozenset(
    """
    $schema additionalProperties const default description enum examples exclusiveMaximum exclusiveMinimum
    format items maxItems maxLength maximum minItems minLength minimum pattern properties required title type
    uniqueItems
    """.split()  # noqa: SIM905 (a list would take a line for each)
)
ANNOTATIONS = frozenset({"x-column", "x-pii"})
LAKE_KEYS = frozenset({"source", "event", "version", "delivery", "key", "order", "freshness", "subject"})
LAKE_REQUIRED = ("source", "event", "version", "delivery", "key", "freshness")
# Snowflake's reserved words that a property could well be called: they cannot name a column unquoted.
RESERVED = frozenset(
    """
    ACCOUNT ALL ALTER AND ANY AS BETWEEN BY CASE CAST CHECK COLUMN CONNECT CONNECTION CONSTRAINT CREATE
    CROSS CURRENT DATABASE DELETE DISTINCT DROP ELSE EXISTS FALSE FOLLOWING FOR FROM FULL GRANT GROUP HAVING
    ILIKE IN INCREMENT INNER INSERT INTERSECT INTO IS ISSUE JOIN LATERAL LEFT LIKE LOCALTIME MINUS NATURAL
    NOT NULL OF
    ON OR ORDER ORGANIZATION QUALIFY REGEXP REVOKE RIGHT RLIKE ROW ROWS SAMPLE SCHEMA SELECT SET SOME START
    TABLE TABLESAMPLE THEN TO TRIGGER TRUE UNION UNIQUE UPDATE USING VALUES VIEW WHEN WHENEVER WHERE WITH
    """.split()  # noqa: SIM905 (a list would take a line for each)
)


def duration(text: str) -> timedelta | None:
    """Read an ISO 8601 duration of days, hours, minutes and seconds; None if it is none."""
    match = DURATION.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def lint(file: PurePath, schema: Any) -> Iterator[Fault]:
    """Yield the faults of one contract.

    Parameters
    ----------
    file
        Relative to the directory of the contracts.
    schema
        The parsed file.
    """

    def fault(pointer: str, expected: str) -> Fault:
        return Fault(file=file, pointer=pointer, expected=expected)

    if not isinstance(schema, dict):
        yield fault("", "a contract is a JSON object")
        return
    root = cast(JsonObject, schema)
    if root.get("$schema") != DRAFT:
        yield fault("/$schema", f"expected {DRAFT!r}, the newest draft that the schema registry takes")
    try:
        jsonschema_rs.Draft7Validator({"$ref": DRAFT}).validate(root)
        jsonschema_rs.Draft7Validator(root, pattern_options=jsonschema_rs.RegexOptions())
    except ValueError as error:
        pointer, message = "", str(error).splitlines()[0]
        if isinstance(error, jsonschema_rs.ValidationError):
            pointer, message = _pointer(*map(str, error.instance_path)), error.message
        yield fault(pointer, f"not a valid JSON Schema: {message}")
        return  # what follows takes a schema's form for granted
    yield from _Linter(file, root).root()


def _pointer(*parts: str) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


class _Linter:
    def __init__(self, file: PurePath, schema: JsonObject) -> None:
        self.file = file
        self.schema = schema
        self.personal = PersonalLinter(schema, self.fault)

    def fault(self, at: tuple[str, ...], expected: str) -> Fault:
        return Fault(file=self.file, pointer=_pointer(*at), expected=expected)

    def root(self) -> Iterator[Fault]:
        schema = self.schema
        if schema.get("type") != "object":
            yield self.fault(("type",), "expected 'object': an event's data is an object")
        for name in ANNOTATIONS & schema.keys():
            yield self.fault((name,), f"{name} belongs to a property")
        yield from self.node({k: v for k, v in schema.items() if k != "x-lake"}, (), inside=None)
        yield from self.columns(schema)
        yield from self.lake(schema)

    def lake(self, schema: JsonObject) -> Iterator[Fault]:
        lake = schema.get("x-lake")
        if not isinstance(lake, dict):
            yield self.fault(("x-lake",), f"expected an object with {', '.join(LAKE_REQUIRED)}")
            return
        lake = cast(JsonObject, lake)
        for name in sorted(lake.keys() - LAKE_KEYS):
            yield self.fault(("x-lake", name), f"unknown key; known are {', '.join(sorted(LAKE_KEYS))}")
        for name in LAKE_REQUIRED:
            if name not in lake:
                yield self.fault(("x-lake", name), "missing")
        source, event, version = _identity(self.file)
        for name, expected in (("source", source), ("event", event), ("version", version)):
            found = lake.get(name, expected)
            if found != expected or type(found) is not type(expected):
                yield self.fault(
                    ("x-lake", name), f"expected {expected!r}, as the file's path says, not {found!r}"
                )
        if lake.get("delivery", "stream") not in DELIVERIES:
            yield self.fault(("x-lake", "delivery"), f"expected one of {', '.join(DELIVERIES)}")
        freshness = lake.get("freshness", "PT1M")
        if not isinstance(freshness, str) or not duration(freshness):
            yield self.fault(("x-lake", "freshness"), "expected an ISO 8601 duration such as 'PT15M'")
        yield from self.key_and_order(schema, lake)
        if "subject" in lake:
            yield from self.personal.subject(lake["subject"])

    def key_and_order(self, schema: JsonObject, lake: JsonObject) -> Iterator[Fault]:
        known = {".".join(path): (member, null) for path, member, null in properties(schema)}
        keys: Any = lake.get("key", [])
        if "key" in lake and (not isinstance(keys, list) or not keys):
            yield self.fault(("x-lake", "key"), "expected a list of properties that identify the thing")
            keys = []
        for number, key in enumerate(cast(list[Any], keys)):
            at = ("x-lake", "key", str(number))
            member, null = known.get(key, (None, False)) if isinstance(key, str) else (None, False)
            if member is None:
                yield self.fault(at, f"no property {key!r}; a key is a property of data (dotted if nested)")
            elif null or "x-pii" in member or types_of(member) == ("array",):
                yield self.fault(at, f"{key!r} must be a required scalar that is no personal data")
        order = lake.get("order", "producer_ts")
        if order != "producer_ts" and (not isinstance(order, str) or order not in known):
            yield self.fault(("x-lake", "order"), f"expected 'producer_ts' or a property, not {order!r}")

    def node(self, schema: JsonObject, at: tuple[str, ...], *, inside: str | None) -> Iterator[Fault]:
        """Check a schema and all below it; `inside` is personal data, or a column, around it."""
        for name in sorted(schema.keys() - KEYWORDS - ANNOTATIONS):
            known = "annotation; known are x-pii and x-column" if name.startswith("x-") else "keyword"
            hint = "; say NUMBER(p,s) in x-column instead" if name == "multipleOf" else ""
            yield self.fault((*at, name), f"contracts know no such {known}{hint}")
        if "x-pii" in schema:
            yield from self.personal.value(schema, at, inside=inside)
            inside = inside or "x-pii"
        elif at and inside is None:
            yield from self.personal.holder(schema, at)
        if "x-column" in schema:
            if not TYPE.fullmatch(str(schema["x-column"])):
                yield self.fault((*at, "x-column"), f"expected a warehouse type, {TYPE.pattern}")
            inside = inside or "x-column"
        types = types_of(schema)
        if not types:
            yield self.fault((*at, "type"), "missing: without a type there is no column")
        if "object" in types:
            yield from self.members(schema, at, inside=inside)
        if "array" in types:
            items = schema.get("items")
            if isinstance(items, dict):
                yield from self.node(cast(JsonObject, items), (*at, "items"), inside=inside)
            else:
                yield self.fault((*at, "items"), "expected one schema for all items")
        if inside != "x-pii":
            yield from self.fits(schema, at)

    def fits(self, schema: JsonObject, at: tuple[str, ...]) -> Iterator[Fault]:
        """Yield what would let a valid value fail to be cast to its column, and so stop a whole load."""
        column = column_type(schema) or ""
        if column == "TIMESTAMP_NTZ" and (schema.get("format"), schema.get("pattern")) != ("date-time", UTC):
            yield self.fault(at, f"a point in time is a string of format date-time, in UTC: pattern {UTC!r}")
        if column == "DATE" and schema.get("format") != "date":
            yield self.fault((*at, "format"), "expected 'date'")
        number = NUMBER.fullmatch(column)
        if number is None:
            return
        limit = 10 ** (int(number[1]) - int(number[2]))
        types = types_of(schema)
        for name in ("minimum", "maximum") if {"integer", "number"} & set(types) else ():
            # Whole, since validators compare with a fraction exactly, in decimals: ten times slower.
            bound = schema.get(name, limit)
            if not isinstance(bound, int) or abs(bound) >= limit:
                yield self.fault(
                    (*at, name), f"expected a whole number that fits {column}, below {limit:.0e}"
                )
        if "string" in types and "pattern" not in schema:
            yield self.fault((*at, "pattern"), f"expected a pattern of the numbers that fit {column}")

    def members(self, schema: JsonObject, at: tuple[str, ...], *, inside: str | None) -> Iterator[Fault]:
        if schema.get("additionalProperties") is not False:
            yield self.fault(
                (*at, "additionalProperties"),
                "expected false: what the contract does not know is unprotected",
            )
        members = cast(dict[str, Any], schema.get("properties", {}))
        if not members:
            yield self.fault((*at, "properties"), "expected at least one property")
        for name in schema.get("required", ()):
            if name not in members:
                yield self.fault((*at, "required"), f"no property {name!r}")
        for name, member in members.items():
            here = (*at, "properties", name)
            if not NAME.fullmatch(name):
                yield self.fault(here, f"expected a name that can be a column's, {NAME.pattern}")
            if isinstance(member, dict):
                yield from self.node(cast(JsonObject, member), here, inside=inside)
            else:
                yield self.fault(here, "expected a schema")

    def columns(self, schema: JsonObject) -> Iterator[Fault]:
        taken = {column.name: "the envelope" for column in ENVELOPE_COLUMNS}
        for path, member, _ in properties(schema):
            at = tuple(part for name in path for part in ("properties", name))
            name, dotted = column_name(path), ".".join(path)
            if name in taken:
                yield self.fault(at, f"its column {name} is that of {taken[name]} already")
            elif name in RESERVED:
                yield self.fault(at, f"{name} is a reserved word of the warehouse")
            taken[name] = dotted
            if types_of(member) and column_type(member) is None and not is_group(member):
                yield self.fault((*at, "x-column"), "missing: its type alone does not name a column's type")


def _identity(file: PurePath) -> tuple[str, str, int]:
    event, version, _ = file.name.split(".")
    return file.parent.name, event, int(version[1:])
