"""Tasks: what CREATE, ALTER, DROP, SHOW, DESCRIBE and EXECUTE TASK say and do. `task_runs` runs them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from snowflake.connector.errors import ProgrammingError

from local.snowflake import access, listing, schedule
from local.snowflake.catalog import Entry
from local.snowflake.commands import Statement
from local.snowflake.errors import compilation, exists, missing, unsupported
from local.snowflake.names import Name, parts_of
from local.snowflake.result import SUCCESS, Result
from local.snowflake.task_history import KIND
from local.snowflake.task_runs import (
    PARAMETERS,
    STARTED,
    SUSPENDED,
    Scheduler,
    children,
    graph,
    origins,
    require_execution,
    roots,
)

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

# What may be set, and as what; anything else is refused, for it would have no effect here.
OPTIONS: dict[str, type] = {
    "ALLOW_OVERLAPPING_EXECUTION": bool,
    "COMMENT": str,
    "CONFIG": str,
    "ERROR_INTEGRATION": str,
    "SCHEDULE": str,
    "WAREHOUSE": str,
    **{name: type(default) for name, default in PARAMETERS.items()},
}
COLUMNS = (
    *(
        "created_on",
        "name",
        "id",
        "database_name",
        "schema_name",
        "owner",
        "comment",
        "warehouse",
        "schedule",
    ),
    *("predecessors", "state", "definition", "condition", "allow_overlapping_execution", "error_integration"),
    *("last_committed_on", "last_suspended_on", "owner_role_type", "config", "budget", "task_relations"),
    *("last_suspended_reason", "success_integration", "scheduling_mode"),
)


def install(engine: Engine) -> None:
    """Let an engine have tasks."""
    scheduler = Scheduler(engine)
    commands = _Commands(scheduler)
    engine.register("CREATE TASK", commands.create)
    engine.register("ALTER TASK", commands.alter)
    engine.register("DROP TASK", commands.drop)
    engine.register("SHOW TASKS", commands.show)
    engine.register("DESCRIBE TASK", commands.describe)
    engine.register("EXECUTE TASK", commands.execute)
    engine.register("SHOW PARAMETERS IN TASK", commands.parameters)
    engine.register_function("SYSTEM$TASK_DEPENDENTS_ENABLE", commands.enable_dependents)
    engine.register_function("SYSTEM$PREDECESSORS_STATE", scheduler.predecessors_state)
    engine.register_table_function("TASK_HISTORY", scheduler.history)
    engine.service("tasks", scheduler.serve)


class _Commands:
    """The commands on tasks."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    def create(self, session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        access.require_create(session, KIND, name)
        before = session.catalog.get(KIND, name)
        if before and statement.if_not_exists:
            return Result.status(f"{name.name} already exists, statement succeeded.")
        if before and not statement.replace:
            raise exists(name)
        properties: dict[str, Any] = {"id": str(uuid.uuid4()), "state": SUSPENDED, "after": [], "failures": 0}
        while not statement.accept("AS"):
            if statement.accept("WHEN"):
                properties["when"] = _condition(statement, "AS")
            elif statement.accept("AFTER"):
                properties["after"] = _predecessors(session, statement, name)
            elif statement.peek(1) == "=":
                properties |= _option(statement)
            else:
                raise unsupported(f"{statement.token().text} in CREATE TASK")
        properties["definition"] = _definition(statement)
        entry = Entry(kind=KIND, name=name, owner=session.role, properties=properties)
        _check(entry)
        if before:
            access.require_owner(session, KIND, name)
        for root in roots(session.catalog, entry):
            _require_suspended(session, root, unless=name)
        session.catalog.put(session, entry)
        return Result.status(f"Task {name.name} successfully created.")

    def alter(self, session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        if statement.if_exists and not session.catalog.get(KIND, name):
            return Result.status(SUCCESS)
        session.require("OPERATE", KIND, name)
        entry = _entry(session, name)
        if statement.accept("RESUME"):
            entry = self._resumed(session, entry)
        elif statement.accept("SUSPEND"):
            entry = _suspended(entry, "USER_SUSPENDED")
        else:
            access.require_owner(session, KIND, name)
            for root in roots(session.catalog, entry):
                _require_suspended(session, root)
            entry = _changed(session, entry, statement)
            _check(entry)
        statement.end()
        session.catalog.put(session, entry)
        self.scheduler.wake()
        return Result.status(SUCCESS)

    def _resumed(self, session: Session, entry: Entry) -> Entry:
        owner = session.engine.session(role=entry.owner)
        try:
            require_execution(owner, entry)
        finally:
            owner.close()
        if entry.properties["state"] == STARTED:
            return entry
        return entry.having(state=STARTED, resumed=_now(), failures=0, last_suspended_reason=None)

    def drop(self, session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        statement.end()
        if statement.if_exists and not session.catalog.get(KIND, name):
            return Result.status(f"Drop statement executed successfully ({name.name} already dropped).")
        entry = access.require_owner(session, KIND, name)
        for root in roots(session.catalog, entry):
            _require_suspended(session, root, unless=name)
        for child in children(session.catalog, name):
            left = [text for text in child.properties["after"] if text != str(name)]
            session.catalog.put(session, _suspended(child.having(after=left), "PREDECESSOR_DROPPED"))
        session.catalog.drop(session, KIND, name)
        return Result.status(f"{name.name} successfully dropped.")

    def execute(self, session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        statement.end()
        session.require("OPERATE", KIND, name)
        entry = _entry(session, name)
        if entry.properties["after"]:
            raise compilation(f"Task {name.name} is not a root task and cannot be executed.", 91095, "55000")
        self.scheduler.request(name)
        return Result.status(f"Task {name.name} is scheduled to run immediately.")

    def enable_dependents(self, session: Session, text: str) -> str:
        name = session.qualify(parts_of(text))
        session.require("OPERATE", KIND, name)
        with session.engine.lock, session.atomic():
            for entry in graph(session.catalog, _entry(session, name)):
                session.catalog.put(session, self._resumed(session, entry))
        self.scheduler.wake()
        return SUCCESS

    def show(self, session: Session, statement: Statement) -> Result:
        found = listing.selected(session, statement, KIND)
        return Result.of(COLUMNS, [_row(entry) for entry in found])

    def parameters(self, session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        statement.end()
        session.require("", KIND, name)
        said = _entry(session, name).properties
        return Result.of(
            ("key", "value", "default", "level", "description", "type"),
            [
                (
                    key,
                    str(said.get(key.lower(), default)),
                    str(default),
                    "TASK" if key.lower() in said else "",
                    "",
                    "NUMBER" if isinstance(default, int) else "STRING",
                )
                for key, default in PARAMETERS.items()
            ],
        )

    def describe(self, session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        statement.end()
        session.require("", KIND, name)
        return Result.of(COLUMNS, [_row(_entry(session, name))])


def _entry(session: Session, name: Name) -> Entry:
    entry = session.catalog.get(KIND, name)
    if entry is None:
        raise missing(KIND, name)
    return entry


def _option(statement: Statement) -> dict[str, Any]:
    key = statement.word()
    statement.expect("=")
    value = statement.value()
    return {key.lower(): _checked(key, value)}


def _checked(key: str, value: object) -> object:
    kind = OPTIONS.get(key)
    if kind is None:
        raise unsupported(f"{key} of a task")
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise compilation(f"invalid value {value!r} for property '{key}'", 1008, "22023")
    if key == "ALLOW_OVERLAPPING_EXECUTION" and value:
        raise unsupported("ALLOW_OVERLAPPING_EXECUTION = TRUE")
    return value


def _definition(statement: Statement) -> str:
    text = statement.rest().strip()
    if not text:
        raise compilation("syntax error: expected the statement of the task after AS", 1003, "42000")
    return text


def _condition(statement: Statement, *until: str) -> str:
    """Take an expression, up to a word outside of parentheses."""
    start, depth = statement.at, 0
    while not statement.done and not (depth == 0 and statement.peek() in until):
        depth += {"(": 1, ")": -1}.get(statement.token().text, 0)
    taken = statement.tokens[start : statement.at]
    if not taken:
        raise compilation("syntax error: expected a condition after WHEN", 1003, "42000")
    return statement.sql[taken[0].start : taken[-1].end]


def _predecessors(session: Session, statement: Statement, name: Name) -> list[str]:
    found: list[str] = []
    while not found or statement.accept(","):
        before = statement.name(session)
        if (before.database, before.schema) != (name.database, name.schema):
            raise compilation(
                f"Task {name} and its predecessor {before} must be in one schema.", 91080, "55000"
            )
        if name in {origin.name for origin in origins(session.catalog, _entry(session, before))}:
            raise compilation(
                f"Task {name} and its predecessor {before} would wait for each other.", 91082, "55000"
            )
        found.append(str(before))
    return found


def _changed(session: Session, entry: Entry, statement: Statement) -> Entry:
    """Read what ALTER TASK changes, beside the state."""
    after: list[str] = entry.properties["after"]
    match statement.accept_any(
        "SET", "UNSET", "MODIFY AS", "MODIFY WHEN", "REMOVE WHEN", "ADD AFTER", "REMOVE AFTER"
    ):
        case "SET":
            changes: dict[str, Any] = {}
            while statement.peek(1) == "=":
                changes |= _option(statement)
                statement.accept(",")
        case "UNSET":
            changes = {key.lower(): None for key in _known(statement.names())}
        case "MODIFY AS":
            changes = {"definition": _definition(statement)}
        case "MODIFY WHEN":
            changes = {"when": _condition(statement)}
        case "REMOVE WHEN":
            changes = {"when": None}
        case "ADD AFTER":
            changes = {"after": [*after, *_predecessors(session, statement, entry.name)]}
        case "REMOVE AFTER":
            gone = _predecessors(session, statement, entry.name)
            changes = {"after": [text for text in after if text not in gone]}
        case _:
            raise unsupported(f"{statement.token().text} in ALTER TASK")
    return entry.having(**changes)


def _known(keys: list[str]) -> list[str]:
    if unknown := sorted(set(keys) - OPTIONS.keys()):
        raise unsupported(f"{', '.join(unknown)} of a task")
    return keys


def _check(entry: Entry) -> None:
    """Raise if a schedule says nothing, or there are two things that let the task run."""
    text = entry.properties.get("schedule")
    if text and entry.properties["after"]:
        raise compilation("Task cannot have both a schedule and a predecessor.", 91081, "55000")
    if text:
        try:
            schedule.parse(text).after(datetime.now(UTC))
        except schedule.ScheduleError as error:
            raise compilation(f"Invalid schedule of task {entry.name}: {error}.", 91083, "22023") from error


def _require_suspended(session: Session, root: Entry, unless: Name | None = None) -> None:
    current = session.catalog.get(KIND, root.name)
    if current and current.properties["state"] == STARTED and root.name != unless:
        raise ProgrammingError(
            msg=f"Unable to update graph with root task {root.name} since that root task is not suspended.",
            errno=91086,
            sqlstate="55000",
        )


def _suspended(entry: Entry, reason: str) -> Entry:
    return entry.having(state=SUSPENDED, last_suspended=_now(), last_suspended_reason=reason)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _row(entry: Entry) -> list[object]:
    properties, name = entry.properties, entry.name
    values = {
        "created_on": entry.created,
        "name": name.name,
        "database_name": name.database,
        "schema_name": name.schema,
        "owner": entry.owner,
        "comment": entry.comment,
        "predecessors": json.dumps(properties["after"]),
        "condition": properties.get("when"),
        "allow_overlapping_execution": "false",
        "last_committed_on": _moment(properties.get("resumed")),
        "last_suspended_on": _moment(properties.get("last_suspended")),
        "owner_role_type": "ROLE",
        "task_relations": json.dumps({"Predecessors": properties["after"]}),
    }
    return [values.get(column, properties.get(column)) for column in COLUMNS]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
