"""Running SQL as a role, and printing what comes back: for people as a table, for programs as exact JSON."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from rich.markup import escape
from rich.table import Table

from local.state import Lake, LakeError

SEMI_STRUCTURED = {5, 9, 10}  # the driver's codes of VARIANT, OBJECT and ARRAY, which it gives as text


class Answer(NamedTuple):
    """Columns and rows."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def run(lake: Lake, statement: str, role: str | None) -> Answer:
    """Run a statement.

    Raises
    ------
    LakeError
        With what the warehouse said, where it refuses.
    """
    from snowflake.connector.errors import Error  # noqa: PLC0415 (half a second)

    try:
        with (
            closing(lake.connect(role=role, schema="PRODUCTION")) as session,
            closing(session.cursor()) as cursor,
        ):
            cursor.execute(statement)
            described = cursor.description or []
            parsed = [column.type_code in SEMI_STRUCTURED for column in described]
            rows = [
                tuple(_parsed(cell) if parse else cell for cell, parse in zip(row, parsed, strict=True))
                for row in cursor.fetchall()
            ]  # pyright: ignore[reportArgumentType]
            return Answer([column.name for column in described], rows)
    except Error as fault:
        raise LakeError(str(fault.raw_msg or fault.msg or fault)) from fault


def as_json(answer: Answer) -> str:
    """A list of objects; numbers keep every digit, times are ISO 8601."""
    objects = [
        "{"
        + ", ".join(
            f"{json.dumps(name)}: {_json(cell)}" for name, cell in zip(answer.columns, row, strict=True)
        )
        + "}"
        for row in answer.rows
    ]
    return "[" + ",\n ".join(objects) + "]"


def as_table(answer: Answer, title: str | None = None) -> Table:
    """A table; numbers to the right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for place, name in enumerate(answer.columns):
        first = next((row[place] for row in answer.rows if row[place] is not None), None)
        number = isinstance(first, (int, float, Decimal)) and not isinstance(first, bool)
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(_text(cell) for cell in row))
    return table


def _parsed(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell, parse_float=Decimal)
    except json.JSONDecodeError:
        return cell


def _json(cell: Any) -> str:
    if isinstance(cell, Decimal):
        return format(cell, "f") if cell.is_finite() else json.dumps(str(cell))
    if isinstance(cell, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_json(item)}" for key, item in cell.items()) + "}"
    if isinstance(cell, (list, tuple)):
        return "[" + ", ".join(_json(item) for item in cell) + "]"
    if isinstance(cell, (datetime, date, time)):
        return json.dumps(cell.isoformat())
    if isinstance(cell, (bytes, bytearray)):
        return json.dumps(cell.hex().upper())  # as Snowflake shows BINARY
    return json.dumps(cell, ensure_ascii=False)


def _text(cell: Any) -> str:
    if cell is None:
        return "[dim]NULL[/dim]"
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    return escape(_json(cell) if isinstance(cell, (dict, list)) else str(cell))
