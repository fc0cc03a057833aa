"""What is kept and told of the runs of tasks: TASK_HISTORY."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from snowflake.connector.errors import ProgrammingError

from local.snowflake import access
from local.snowflake.catalog import Entry
from local.snowflake.errors import compilation
from local.snowflake.names import parts_of
from local.snowflake.result import Result

if TYPE_CHECKING:
    from local.snowflake.session import Session

KIND = "TASK"
SUCCEEDED, FAILED, SKIPPED, CANCELLED = "SUCCEEDED", "FAILED", "SKIPPED", "CANCELLED"
EXECUTING, SCHEDULED = "EXECUTING", "SCHEDULED"
_TIMES = frozenset({"SCHEDULED_TIME", "QUERY_START_TIME", "NEXT_SCHEDULED_TIME", "COMPLETED_TIME"})
_FROM, _UNTIL = "SCHEDULED_TIME_RANGE_START", "SCHEDULED_TIME_RANGE_END"
_ARGUMENTS = frozenset({_FROM, _UNTIL, "RESULT_LIMIT", "TASK_NAME", "ERROR_ONLY"})
COLUMNS = (
    *(
        "QUERY_ID",
        "NAME",
        "DATABASE_NAME",
        "SCHEMA_NAME",
        "QUERY_TEXT",
        "CONDITION_TEXT",
        "STATE",
        "ERROR_CODE",
    ),
    *("ERROR_MESSAGE", "SCHEDULED_TIME", "QUERY_START_TIME", "NEXT_SCHEDULED_TIME", "COMPLETED_TIME"),
    *(
        "ROOT_TASK_ID",
        "GRAPH_VERSION",
        "RUN_ID",
        "RETURN_VALUE",
        "SCHEDULED_FROM",
        "ATTEMPT_NUMBER",
        "CONFIG",
    ),
)


@dataclass(kw_only=True)
class Run:
    """One run of one task."""

    task: Entry
    root: Entry
    group: str
    scheduled: datetime
    source: str
    attempt: int = 1
    state: str = EXECUTING
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    completed: datetime | None = None
    error_code: str | None = None
    error: str | None = None
    query: str = field(default_factory=lambda: str(uuid.uuid4()))

    def ended(self, state: str, error: ProgrammingError | None = None) -> None:
        """Note how it ended."""
        self.state, self.completed = state, datetime.now(UTC)
        if error:
            self.error_code, self.error = f"{error.errno or 0:06d}", error.raw_msg

    def row(self) -> dict[str, Any]:
        """Return it as TASK_HISTORY shows it."""
        properties, name = self.task.properties, self.task.name
        ran = self.state not in (SKIPPED, SCHEDULED)
        return {
            "QUERY_ID": self.query if ran else None,
            "NAME": name.name,
            "DATABASE_NAME": name.database,
            "SCHEMA_NAME": name.schema,
            "QUERY_TEXT": properties["definition"],
            "CONDITION_TEXT": properties.get("when"),
            "STATE": self.state,
            "ERROR_CODE": self.error_code,
            "ERROR_MESSAGE": self.error,
            "SCHEDULED_TIME": self.scheduled.isoformat(),
            "QUERY_START_TIME": self.started.isoformat() if ran else None,
            "COMPLETED_TIME": self.completed.isoformat() if self.completed else None,
            "ROOT_TASK_ID": self.root.properties["id"],
            "RUN_ID": self.group,
            "SCHEDULED_FROM": self.source,
            "ATTEMPT_NUMBER": self.attempt,
            "CONFIG": self.root.properties.get("config"),
        }


def answer(session: Session, arguments: dict[str, object], database: str, runs: Iterable[Run]) -> Result:
    """Answer INFORMATION_SCHEMA.TASK_HISTORY, newest first, of tasks that the session's role may monitor.

    Parameters
    ----------
    session
        Who asks.
    arguments
        The table function's arguments by their names.
    database
        The database whose tasks are meant.
    runs
        Runs that are not in the catalogue: skipped ones, those under way, those to come.
    """
    if unknown := sorted(arguments.keys() - _ARGUMENTS):
        raise compilation(f"TASK_HISTORY: unknown argument {', '.join(unknown)}", 904, "42000")
    catalog = session.catalog
    names = {entry.name for entry in catalog.all(KIND, database) if _monitors(session, entry)}
    if task := arguments.get("TASK_NAME"):
        names = {name for name in names if name.name == parts_of(str(task))[-1]}
    kept = (row for row in catalog.history(KIND, database=database) if row["NAME"] in names)
    rows = [{**row, "NAME": row["NAME"].name} for row in kept]
    rows += [run.row() for run in runs if run.task.name in names]
    rows = [row for row in rows if _asked(row, arguments)]
    rows.sort(key=lambda row: (row["SCHEDULED_TIME"], row["QUERY_START_TIME"] or ""), reverse=True)
    limit = int(str(arguments.get("RESULT_LIMIT", 100)))
    cells = [[_cell(column, row.get(column)) for column in COLUMNS] for row in rows[:limit]]
    return Result.of(COLUMNS, cells)


def _monitors(session: Session, entry: Entry) -> bool:
    return access.on_account(session, "MONITOR EXECUTION") or any(
        access.allowed(session.engine, session.role, privilege, entry) for privilege in ("MONITOR", "OPERATE")
    )


def _cell(column: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if value and column in _TIMES else value


def _asked(row: dict[str, Any], arguments: dict[str, object]) -> bool:
    start, end = arguments.get(_FROM), arguments.get(_UNTIL)
    moment = datetime.fromisoformat(row["SCHEDULED_TIME"])
    return (
        (start is None or moment >= _aware(start))
        and (end is None or moment <= _aware(end))
        and (not arguments.get("ERROR_ONLY") or row["STATE"] in (FAILED, CANCELLED))
    )


def _aware(value: object) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
