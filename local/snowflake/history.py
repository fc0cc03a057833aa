"""Who read which columns: the access history of SNOWFLAKE.ACCOUNT_USAGE, from what this server itself answered.

DuckDB's own plan of a query says which columns of which tables it reads, after views were opened and masks put
in: a column that a mask hides counts, one that is only listed somewhere does not. As there, a statement that
failed is not told, nor is its text; unlike there, the history is up to date at once.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from local.snowflake import policies
from local.snowflake.catalog import Entry
from local.snowflake.names import Name, parts_of
from local.snowflake.result import Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

Columns = dict[Name, set[str]]
DATABASE, SCHEMA = "SNOWFLAKE", "ACCOUNT_USAGE"
# The columns that hold JSON.
VARIANTS = frozenset(
    {"DIRECT_OBJECTS_ACCESSED", "BASE_OBJECTS_ACCESSED", "OBJECTS_MODIFIED", "POLICIES_REFERENCED"}
)


class History:
    """What was read, a line per statement, kept beside the data."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record."""
        with self._lock, self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def records(self) -> list[dict[str, Any]]:
        """All records, oldest first."""
        with self._lock:
            if not self.path.exists():
                return []
            return [json.loads(line) for line in self.path.read_text().splitlines()]


def read_by(session: Session, sql: str) -> Columns:
    """The columns of each table that a query in DuckDB's SQL reads."""
    try:
        row = session.one(f"EXPLAIN (FORMAT JSON) {sql}")
    except duckdb.Error:
        return {}  # it will not run either, and says better why
    found: Columns = {}
    waiting: list[dict[str, Any]] = list(json.loads(row[1])) if row else []
    while waiting:
        node = waiting.pop()
        waiting.extend(node.get("children", ()))
        info = node.get("extra_info", {})
        if "Table" not in info:
            continue
        parts = parts_of(str(info["Table"]))
        entry = session.catalog.relation(Name(*parts)) if len(parts) == 3 else None
        if entry is not None:
            found.setdefault(entry.name, set()).update(_named(entry, info))
    return found


def _named(entry: Entry, info: dict[str, Any]) -> set[str]:
    """The relation's columns that a scan gives on, or looks at to leave rows out."""
    projections = info.get("Projections", [])
    given = {projections} if isinstance(projections, str) else set(projections)
    filters = json.dumps(info.get("Filters", ""))
    names = {column["name"] for column in entry.properties["columns"]}
    return {name for name in names if name in given or name in filters}


def note(session: Session, started: datetime, query_id: str) -> None:
    """Keep what a statement that succeeded has read."""
    accessed = {name: columns for name, columns in session.accessed.items() if columns}
    if not accessed:
        return
    record = {
        "query_id": query_id,
        "started": started.astimezone(UTC).isoformat(),
        "user": session.user.upper(),
        "role": session.role,
        "objects": [_object(name, columns) for name, columns in sorted(accessed.items())],
        "policies": [
            masked
            for name, columns in sorted(accessed.items())
            if (masked := _masked(session, name, columns)) is not None
        ],
    }
    session.engine.history.add(record)


def _object(name: Name, columns: set[str]) -> dict[str, Any]:
    listed = [{"columnName": column} for column in sorted(columns)]
    return {"objectDomain": "Table", "objectName": _plain(name), "columns": listed}


def _masked(session: Session, name: Name, columns: set[str]) -> dict[str, Any] | None:
    """The masking policies of columns that were read, and the row access policy of their table."""
    entry = session.catalog.relation(name)
    if entry is None:
        return None
    masks = policies.masks(session.catalog, entry)
    listed = [
        {"columnName": column, "policies": [_policy(masks[column][0])]}
        for column in sorted(columns & masks.keys())
    ]
    rows = [_policy(policy) for policy, _ in policies.row_access(session.catalog, entry)]
    if not listed and not rows:
        return None
    return {"objectDomain": "Table", "objectName": _plain(name), "columns": listed, "policies": rows}


def _policy(entry: Entry) -> dict[str, str]:
    return {"policyName": _plain(entry.name), "policyKind": entry.kind.replace(" ", "_")}


def _plain(name: Name) -> str:
    return f"{name.database}.{name.schema}.{name.name}"


# -- the views


def _access_history(session: Session, _arguments: dict[str, Any], _database: str) -> Result:
    return _rows(
        session,
        {
            "QUERY_ID": lambda one: one["query_id"],
            "QUERY_START_TIME": _started,
            "USER_NAME": lambda one: one["user"],
            "DIRECT_OBJECTS_ACCESSED": lambda one: json.dumps(one["objects"]),
            "BASE_OBJECTS_ACCESSED": lambda one: json.dumps(one["objects"]),
            "OBJECTS_MODIFIED": lambda _: "[]",
            "POLICIES_REFERENCED": lambda one: json.dumps(one["policies"]),
        },
    )


def _query_history(session: Session, _arguments: dict[str, Any], _database: str) -> Result:
    return _rows(
        session,
        {
            "QUERY_ID": lambda one: one["query_id"],
            "START_TIME": _started,
            "USER_NAME": lambda one: one["user"],
            "ROLE_NAME": lambda one: one["role"],
            "EXECUTION_STATUS": lambda _: "SUCCESS",
        },
    )


def _started(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["started"])


def _rows(session: Session, columns: dict[str, Any]) -> Result:
    records = session.engine.history.records()
    times = pa.timestamp("us", tz="UTC")
    made = {
        name: pa.array(
            [value(one) for one in records], type=times if name.endswith("START_TIME") else pa.string()
        )
        for name, value in columns.items()
    }
    return Result(table=pa.table(made))


def install(engine: Engine) -> None:
    """Answer the views."""
    engine.register_table_function("USAGE ACCESS_HISTORY", _access_history)
    engine.register_table_function("USAGE QUERY_HISTORY", _query_history)
