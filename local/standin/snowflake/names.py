"""Identifiers and literals of Snowflake's SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..adapter import StandInError

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


def quoted(name: str) -> str:
    """Return one part of an identifier, quoted: the provider takes every name as it is written."""
    return '"' + name.replace('"', '""') + '"'


def parts(identifier: str) -> tuple[str, ...]:
    """Return the parts of an identifier such as `"DB"."SCHEMA"."NAME"` or `DB.SCHEMA.NAME`."""
    found, at = [], 0
    while at < len(identifier):
        match = _PART.match(identifier, at)
        if match is None:
            raise StandInError(f"{identifier!r} is not an identifier")
        found.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        at = match.end()
        if at < len(identifier):
            if identifier[at] != "." or at + 1 == len(identifier):
                raise StandInError(f"{identifier!r} is not an identifier")
            at += 1
    return tuple(found)


def qualified(*names: str) -> str:
    """Return a full name, every part quoted."""
    return ".".join(quoted(name) for name in names)


def requalified(identifier: str) -> str:
    """Return an identifier with every part quoted."""
    return qualified(*parts(identifier))


def literal(value: Any) -> str:
    """Return a value as SQL writes it."""
    match value:
        case bool():
            return str(value).upper()
        case int() | float():
            return str(value)
        case list():
            return "(" + ", ".join(literal(item) for item in value) + ")"
        case _:
            return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def camel(column: str) -> str:
    """Return a result's column as the provider names it: `created_on` is `createdOn`."""
    first, *rest = column.lower().replace(" ", "_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def snake(name: str) -> str:
    """Return a property's name as SQL writes it: `autoSuspend` is `AUTO_SUSPEND`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def row(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row in the provider's names, as texts, numbers and booleans."""
    return {camel(name): _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)
