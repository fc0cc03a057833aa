"""SHOW … [LIKE …] [IN …] [STARTS WITH …] [LIMIT …]: which objects are meant, and may be seen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.snowflake import access
from local.snowflake.catalog import Entry
from local.snowflake.commands import Statement

if TYPE_CHECKING:
    from local.snowflake.session import Session


def selected(session: Session, statement: Statement, kind: str) -> list[Entry]:
    """Read what follows ``SHOW <kind>S`` and return what it means, in the order of the names."""
    like = statement.string() if statement.accept("LIKE") else "%"
    database, schema = session.database, session.schema
    if statement.accept("IN"):
        database, schema = _place(session, statement)
    start = statement.string() if statement.accept("STARTS", "WITH") else ""
    limit = int(statement.word()) if statement.accept("LIMIT") else None
    statement.end()
    found = [
        entry
        for entry in session.catalog.all(kind, database, schema)
        if _pattern(like).fullmatch(entry.name.name)
        and entry.name.name.startswith(start)
        and access.allowed(session.engine, session.role, "", entry)
    ]
    return found[:limit]


def _place(session: Session, statement: Statement) -> tuple[str | None, str | None]:
    if statement.accept("ACCOUNT"):
        return None, None
    if statement.accept("DATABASE"):
        return (session.database if statement.done else statement.word()), None
    statement.accept("SCHEMA")
    name = session.schema_name(statement.parts())
    return name.database, name.name


def _pattern(like: str) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    parts = (wild.get(part, re.escape(part)) for part in re.split(r"([%_])", like))
    return re.compile("".join(parts), re.IGNORECASE)
