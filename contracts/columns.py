"""From a contract's schema to the warehouse's columns."""

from collections.abc import Iterator
from math import prod
from typing import Any, cast

from contracts.model import ITEM, NESTED, Column, JsonObject, PiiField

JSON_TYPES = {"array": "VARIANT", "boolean": "BOOLEAN", "integer": "NUMBER(38,0)", "number": "FLOAT"}
STRING_FORMATS = {"date": "DATE", "date-time": "TIMESTAMP_NTZ"}


def types_of(schema: JsonObject) -> tuple[str, ...]:
    """Return the JSON types that a property may have, null left out."""
    declared: Any = schema.get("type", ())
    types: list[str] = [declared] if isinstance(declared, str) else list(declared)
    return tuple(name for name in types if name != "null")


def nullable(schema: JsonObject) -> bool:
    """Say whether a property may be null."""
    declared = schema.get("type", ())
    return declared == "null" or (not isinstance(declared, str) and "null" in declared)


def is_group(schema: JsonObject) -> bool:
    """Say whether a property only groups others: a nested object whose members become columns."""
    return types_of(schema) == ("object",) and not {"x-pii", "x-column"} & schema.keys()


def column_type(schema: JsonObject) -> str | None:
    """Return the warehouse type of a property; None if its JSON type alone does not say it."""
    if "x-pii" in schema:
        return "VARCHAR"  # the packed value
    if holds_many(schema):
        return "VARCHAR"  # as JSON, since masks are for text
    if "x-column" in schema:
        return schema["x-column"]
    types = types_of(schema)
    if len(types) != 1:
        return None
    if types[0] == "string":
        return STRING_FORMATS.get(schema.get("format", ""), "VARCHAR")
    return JSON_TYPES.get(types[0])


def column_name(path: tuple[str, ...]) -> str:
    """Return the name of the column of a property."""
    return "_".join(path).upper()


def place(written: str) -> tuple[str, ...]:
    """Return the path that a contract writes with dots: `customer.address.country`, `contacts[].country`."""
    return tuple(written.replace(ITEM, f".{ITEM}").split("."))


def below(schema: JsonObject, step: str) -> JsonObject | None:
    """Return the schema of a property, or of an array's items; None if there is none."""
    found: Any = schema.get("items") if step == ITEM else schema.get("properties", {}).get(step)
    return cast(JsonObject, found) if isinstance(found, dict) else None


def member_at(schema: JsonObject, path: tuple[str, ...]) -> JsonObject | None:
    """Return the schema at a path, whatever it is inside of; None if there is none."""
    found: JsonObject | None = schema
    for step in path:
        found = below(found, step) if found else None
    return found


def personal(schema: JsonObject, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], JsonObject]]:
    """Yield the path and schema of all personal data, however deep it lies, in the contract's order."""
    if "x-pii" in schema:
        yield path, schema
        return
    for step in (*schema.get("properties", {}), ITEM):
        if (member := below(schema, step)) is not None:
            yield from personal(member, (*path, step))


def holds_many(schema: JsonObject) -> bool:
    """Say whether a property is an array with personal data somewhere in it."""
    return "array" in types_of(schema) and next(personal(schema), None) is not None


def properties(
    schema: JsonObject, path: tuple[str, ...] = (), *, optional: bool = False
) -> Iterator[tuple[tuple[str, ...], JsonObject, bool]]:
    """Yield the path, schema and nullability of everything that becomes a column, in the contract's order."""
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        if not isinstance(member, dict):
            continue  # true and false are schemas too; the linter refuses them
        member = cast(JsonObject, member)
        null = optional or name not in required or nullable(member)
        if is_group(member):
            yield from properties(member, (*path, name), optional=null)
        else:
            yield (*path, name), member, null


def columns(schema: JsonObject) -> tuple[Column, ...]:
    """Return the columns of a contract that has no faults."""
    return tuple(
        Column(
            name=column_name(path),
            type=column_type(member) or "VARIANT",
            path=path,
            pii=member["x-pii"]["kind"] if "x-pii" in member else NESTED if holds_many(member) else None,
            nullable=null,
        )
        for path, member, null in properties(schema)
    )


def pii_fields(schema: JsonObject) -> tuple[PiiField, ...]:
    """Return the personal data of a contract that has no faults."""
    return tuple(_pii_field(schema, path, member["x-pii"]) for path, member in personal(schema))


def _pii_field(schema: JsonObject, path: tuple[str, ...], pii: JsonObject) -> PiiField:
    arrays = [path[:at] for at, step in enumerate(path) if step == ITEM]
    return PiiField(
        path=path,
        kind=pii["kind"],
        column=column_name(arrays[0] if arrays else path),
        reid=pii.get("reid", False),
        country=place(pii["country"]) if "country" in pii else None,
        most=prod((member_at(schema, array) or {}).get("maxItems", 1) for array in arrays),
    )
