"""The catalogue: every object with its owner, grants and properties, kept in the database that it belongs to.

Each database file has a schema `_LAKE` which holds the database's objects, histories and stream offsets, so that what
must be atomic with data (policies of a replaced table, load history, offsets) is written in the data's own
transaction; DuckDB lets a transaction write one database file only. The account's objects (roles, warehouses,
integrations, databases) lie in a file of their own. A mirror in memory answers the reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.snowflake.names import Name, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from local.snowflake.session import Session

ACCOUNT = "_ACCOUNT"
STORE = "_LAKE"
ACCOUNT_KINDS = frozenset(
    {
        "ACCOUNT",
        "DATABASE",
        "ROLE",
        "USER",
        "WAREHOUSE",
        "RESOURCE MONITOR",
        "INTEGRATION",
        "NETWORK POLICY",
    }
)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A privilege on one object, held by a role."""

    privilege: str
    role: str
    option: bool = False
    by: str = ""
    created: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An object of the catalogue; `properties` is anything that JSON can hold."""

    kind: str
    name: Name
    owner: str
    properties: dict[str, Any] = field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def comment(self) -> str:
        """The object's comment."""
        return self.properties.get("comment") or ""

    def having(self, **properties: Any) -> Entry:
        """The same object with other properties; None takes one away."""
        merged = {**self.properties, **properties}
        return replace(self, properties={k: v for k, v in merged.items() if v is not None})

    def body(self) -> str:
        """What is stored beside kind and name."""
        return json.dumps(
            {
                "owner": self.owner,
                "created": self.created.isoformat(),
                "grants": [vars(grant) for grant in self.grants],
                "properties": self.properties,
            }
        )

    @classmethod
    def read(cls, kind: str, name: Name, body: str) -> Entry:
        """An object as it was stored."""
        found = json.loads(body)
        return cls(
            kind=kind,
            name=name,
            owner=found["owner"],
            created=datetime.fromisoformat(found["created"]),
            grants=tuple(Grant(**grant) for grant in found["grants"]),
            properties=found["properties"],
        )


def store_sql(database: str) -> str:
    """The tables of a database's own store."""
    schema = f"{quoted(database)}.{STORE}"
    return f"""
        CREATE SCHEMA IF NOT EXISTS {schema};
        CREATE TABLE IF NOT EXISTS {schema}.OBJECTS
            (KIND VARCHAR, SCHEMA_NAME VARCHAR, NAME VARCHAR, BODY VARCHAR);
        CREATE TABLE IF NOT EXISTS {schema}.HISTORY
            (KIND VARCHAR, SCHEMA_NAME VARCHAR, NAME VARCHAR, "AT" TIMESTAMPTZ, BODY VARCHAR);
        CREATE TABLE IF NOT EXISTS {schema}.VERSIONS (TABLE_NAME VARCHAR, V BIGINT);
        CREATE TABLE IF NOT EXISTS {schema}.CONSUMED (STREAM VARCHAR, V BIGINT, PRIMARY KEY (STREAM, V));
        CREATE TABLE IF NOT EXISTS {schema}.LOADS
            (SCHEMA_NAME VARCHAR, TABLE_NAME VARCHAR, FILE VARCHAR, PIPE VARCHAR, STATUS VARCHAR, ROWS_PARSED BIGINT,
             ROWS_LOADED BIGINT, BYTES BIGINT, FIRST_ERROR VARCHAR, FIRST_ERROR_LINE BIGINT, "AT" TIMESTAMPTZ);
        CREATE SEQUENCE IF NOT EXISTS {schema}.ROW_IDS;
    """


class Catalog:
    """All objects of all databases."""

    def __init__(self, duck: DuckDBPyConnection) -> None:
        self._duck = duck
        self._entries: dict[tuple[str, Name], Entry] = {}

    def restore(self, database: str) -> None:
        """Read a database's objects (or, of `ACCOUNT`, the account's) into the mirror."""
        self._duck.execute(store_sql(database))
        rows = self._duck.execute(
            f"SELECT KIND, SCHEMA_NAME, NAME, BODY FROM {quoted(database)}.{STORE}.OBJECTS"
        ).fetchall()
        for kind, schema, name, body in rows:
            full = Name("" if database == ACCOUNT else database, schema, name)
            self._entries[kind, full] = Entry.read(kind, full, body)

    def forget(self, database: str) -> None:
        """Drop all of a database's objects from the mirror."""
        for key in [key for key in self._entries if key[1].database == database]:
            del self._entries[key]

    def get(self, kind: str, name: Name) -> Entry | None:
        """One object."""
        return self._entries.get((kind, name))

    def relation(self, name: Name) -> Entry | None:
        """What can be selected from under this name: a table, a view or a stream."""
        return self.get("TABLE", name) or self.get("VIEW", name) or self.get("STREAM", name)

    def all(self, kind: str, database: str | None = None, schema: str | None = None) -> list[Entry]:
        """Objects of a kind, in the order of their names."""
        found = [
            entry
            for (this, name), entry in list(self._entries.items())
            if this == kind
            and (database is None or name.database == database)
            and (schema is None or name.schema == schema)
        ]
        return sorted(found, key=lambda entry: entry.name)

    def entries(self) -> list[Entry]:
        """Everything."""
        return list(self._entries.values())

    def put(self, session: Session, entry: Entry) -> Entry:
        """Insert or replace an object, in the session's transaction."""
        self._store(session, entry.kind, entry.name, entry)
        return entry

    def drop(self, session: Session, kind: str, name: Name) -> bool:
        """Remove an object; tells whether it was there."""
        if (kind, name) not in self._entries:
            return False
        self._store(session, kind, name, None)
        return True

    def _store(self, session: Session, kind: str, name: Name, entry: Entry | None) -> None:
        key = (kind, name)
        with _writer(session, kind, name) as (duck, store):
            duck.execute(
                f"DELETE FROM {store}.OBJECTS WHERE KIND = ? AND SCHEMA_NAME = ? AND NAME = ?",
                [kind, name.schema, name.name],
            )
            if entry:
                duck.execute(
                    f"INSERT INTO {store}.OBJECTS VALUES (?, ?, ?, ?)",
                    [kind, name.schema, name.name, entry.body()],
                )
        before = self._entries.get(key)
        self._set(key, entry)
        if kind not in ACCOUNT_KINDS:
            session.undo(lambda: self._set(key, before))

    def _set(self, key: tuple[str, Name], entry: Entry | None) -> None:
        if entry:
            self._entries[key] = entry
        else:
            self._entries.pop(key, None)

    def record(self, session: Session, kind: str, name: Name, entry: dict[str, Any]) -> None:
        """Append to an object's history."""
        with _writer(session, kind, name) as (duck, store):
            duck.execute(
                f"INSERT INTO {store}.HISTORY VALUES (?, ?, ?, now(), ?)",
                [kind, name.schema, name.name, json.dumps(entry, default=str)],
            )

    def history(
        self, kind: str, *, database: str, name: Name | None = None, limit: int = 10_000
    ) -> list[dict[str, Any]]:
        """The newest `limit` entries of a history, oldest first; each has its time under ``AT``, its object under ``NAME``."""
        where, binds = ("AND SCHEMA_NAME = ? AND NAME = ?", [name.schema, name.name]) if name else ("", [])
        with self._duck.cursor() as duck:
            rows = duck.execute(
                f"""SELECT SCHEMA_NAME, NAME, "AT", BODY FROM {quoted(database)}.{STORE}.HISTORY
                    WHERE KIND = ? {where} ORDER BY "AT" DESC LIMIT {int(limit)}""",
                [kind, *binds],
            ).fetchall()
        return [
            {**json.loads(body), "AT": at, "NAME": Name(database, schema, this)}
            for schema, this, at, body in reversed(rows)
        ]


class _writer:  # noqa: N801 (used as a function)
    """A cursor to write one object with: the session's, or one of its own for what belongs to the account."""

    def __init__(self, session: Session, kind: str, name: Name) -> None:
        self._own = kind in ACCOUNT_KINDS
        self._duck = session.engine.duck.cursor() if self._own else session.duck
        self._store = f"{quoted(ACCOUNT if self._own else name.database)}.{STORE}"

    def __enter__(self) -> tuple[DuckDBPyConnection, str]:
        if self._own:
            self._duck.begin()
        return self._duck, self._store

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._own:
            self._duck.rollback() if kind else self._duck.commit()
            self._duck.close()


Undo = Callable[[], None]
