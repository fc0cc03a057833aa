"""SHOW … [LIKE …] [IN …] [STARTS WITH …] [LIMIT …]: which objects are meant, and may be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.snowflake import access
from local.snowflake.catalog import ACCOUNT_KINDS, Entry
from local.snowflake.commands import Statement
from local.snowflake.errors import absent
from local.snowflake.names import Name

if TYPE_CHECKING:
    from local.snowflake.session import Session


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What follows ``SHOW <kind>S``."""

    like: re.Pattern[str]
    database: str | None
    schema: str | None
    relation: Name | None
    start: str
    after: str
    limit: int | None

    def chosen(self, session: Session, found: list[Entry]) -> list[Entry]:
        """Those of the objects that are meant and may be seen, in the order of their names."""
        kept = [
            entry
            for entry in sorted(found, key=lambda entry: entry.name)
            if self.like.fullmatch(entry.name.name)
            and entry.name.name.startswith(self.start)
            and entry.name.name > self.after
            and _visible(session, entry)
        ]
        return kept[: self.limit]


def read(session: Session, statement: Statement) -> Asked:
    """Read it all, to the statement's end."""
    like = statement.string() if statement.accept("LIKE") else "%"
    database, schema, relation = session.database, session.schema, None
    if statement.accept("IN") or statement.accept("FROM"):
        database, schema, relation = _place(session, statement)
    elif database is None:
        schema = None
    start = statement.string() if statement.accept("STARTS", "WITH") else ""
    limit = int(statement.word()) if statement.accept("LIMIT") else None
    after = statement.string() if limit is not None and statement.accept("FROM") else ""
    statement.end()
    return Asked(
        like=pattern(like),
        database=database,
        schema=schema,
        relation=relation,
        start=start,
        after=after,
        limit=limit,
    )


def selected(session: Session, statement: Statement, kind: str) -> list[Entry]:
    """Read what follows ``SHOW <kind>S`` and return what it means, in the order of the names."""
    asked = read(session, statement)
    if kind in ACCOUNT_KINDS:
        return asked.chosen(session, session.catalog.all(kind))
    return asked.chosen(session, session.catalog.all(kind, asked.database, asked.schema))


def _visible(session: Session, entry: Entry) -> bool:
    """Who holds any privilege on an object sees it; roles are seen by all."""
    return entry.kind in ("ROLE", "USER") or access.allowed(session.engine, session.role, "", entry)


def _place(session: Session, statement: Statement) -> tuple[str | None, str | None, Name | None]:
    if statement.accept("ACCOUNT"):
        return None, None, None
    if statement.accept("DATABASE"):
        database = (
            session.database
            if statement.done or statement.peek() in ("STARTS", "LIMIT")
            else statement.word()
        )
        if database and not session.catalog.get("DATABASE", Name.account(database)):
            raise absent("database", database)
        return database, None, None
    if statement.accept_any("TABLE", "VIEW"):
        name = statement.name(session)
        if not session.catalog.relation(name):
            raise absent("table", name)
        return name.database, name.schema, name
    if statement.accept("SCHEMA") and (statement.done or statement.peek() in ("STARTS", "LIMIT")):
        return session.database, session.schema, None
    name = session.schema_name(statement.parts())
    if not session.catalog.get("SCHEMA", name):
        if not name.database or not session.catalog.get("DATABASE", Name.account(name.name)):
            raise absent("schema", name)
        return name.name, None, None
    return name.database, name.name, None


def pattern(like: str) -> re.Pattern[str]:
    """A LIKE pattern of SHOW: without case, a backslash takes a wildcard literally."""
    parts = re.findall(r"\\.|[%_]|[^%_\\]+|\\", like, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    text = "".join(
        wild.get(part) or re.escape(part[1:] if part.startswith("\\") and len(part) > 1 else part)
        for part in parts
    )
    return re.compile(text, re.IGNORECASE | re.DOTALL)
