"""Tables, streams on them, and tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Inputs, Outputs, StandInError, register
from ..props import Props
from .client import SnowflakeAdapter, Warehouse, altered, as_given, base, holder, options, spelled
from .names import literal, parts, quoted, requalified, row

# What a type is short for.
LONG = {
    "VARCHAR": "VARCHAR(16777216)",
    "STRING": "VARCHAR(16777216)",
    "TEXT": "VARCHAR(16777216)",
    "NUMBER": "NUMBER(38,0)",
    "INTEGER": "NUMBER(38,0)",
    "INT": "NUMBER(38,0)",
    "TIMESTAMP_NTZ": "TIMESTAMP_NTZ(9)",
    "TIMESTAMP_LTZ": "TIMESTAMP_LTZ(9)",
    "TIMESTAMP_TZ": "TIMESTAMP_TZ(9)",
    "TIME": "TIME(9)",
    "BINARY": "BINARY(8388608)",
    "DOUBLE": "FLOAT",
}


def same_type(one: str, other: str) -> bool:
    """Say whether two types are the same, however they are spelled."""
    return _long(one) == _long(other)


def _long(text: str) -> str:
    plain = re.sub(r"\s+", "", text).upper()
    return LONG.get(plain, plain)


@register
class Table(SnowflakeAdapter):
    """A table."""

    type = "snowflake:index/table:Table"
    kind = "TABLE"

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        columns = ", ".join(_column(column) for column in p.blocks("columns"))
        return [f"CREATE TABLE {holder(p)} ({columns}){spelled(self._options(p))}"]

    @staticmethod
    def _options(p: Props) -> dict[str, str]:
        return options(p, "changeTracking", "dataRetentionTimeInDays", "comment")

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter the columns, each by its name, and the options."""
        before = {column.take("name"): column for column in old.blocks("columns")}
        after = {column.take("name"): column for column in new.blocks("columns")}
        todo = [f"ALTER TABLE {rid} DROP COLUMN {quoted(name)}" for name in before if name not in after]
        for name, column in after.items():
            if name not in before:
                todo.append(f"ALTER TABLE {rid} ADD COLUMN {quoted(name)} {_definition(column)}")
            else:
                todo += _changes(rid, quoted(name), before[name], column)
        return todo + altered(self.kind, rid, self._options(old), self._options(new))

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show and describe it."""
        shown = self.shown(cloud, rid)
        if shown is None:
            return None
        given = {column["name"]: column for column in inputs.get("columns", [])}
        columns = [_seen(one, given.get(one["name"], {})) for one in self.described(cloud, rid)]
        days = shown.get("retention_time")
        return {
            **base(rid, shown),
            "columns": columns,
            "changeTracking": str(shown.get("change_tracking", "")).upper() == "ON",
            "dataRetentionTimeInDays": None if days in (None, "") else int(days),
            "owner": shown.get("owner"),
        }


def _column(column: Props) -> str:
    return f"{quoted(column.take('name'))} {_definition(column)}"


def _definition(column: Props) -> str:
    null = " NOT NULL" if column.take("nullable", True) is False else ""
    comment = column.take("comment")
    policy = column.take("maskingPolicy")
    masked = f" WITH MASKING POLICY {requalified(policy)}" if policy else ""
    return f"{column.take('type')}{null}{masked}" + (f" COMMENT {literal(comment)}" if comment else "")


def _changes(rid: str, name: str, before: Props, after: Props) -> list[str]:
    where, todo = f"ALTER TABLE {rid} MODIFY COLUMN {name}", []
    if not same_type(before.take("type"), kind := after.take("type")):
        todo.append(f"{where} SET DATA TYPE {kind}")
    if (nullable := after.take("nullable", True)) != before.take("nullable", True):
        todo.append(f"{where} {'DROP' if nullable else 'SET'} NOT NULL")
    if (comment := after.take("comment", "")) != before.take("comment", ""):
        todo.append(f"{where} COMMENT {literal(comment)}")
    if before.take("maskingPolicy") != after.take("maskingPolicy"):
        raise StandInError(f"{rid}: the masking policy of {name} cannot change in place on a laptop")
    return todo


def _seen(described: dict[str, Any], given: Inputs) -> Outputs:
    kind = str(described["type"])
    return {
        "name": described["name"],
        "type": given["type"] if "type" in given and same_type(given["type"], kind) else kind,
        "nullable": str(described.get("null?", "Y")).upper() in ("Y", "YES", "TRUE"),
        "comment": described.get("comment") or "",
        # A policy's name is told without quotes, and not at all to who may not see it.
        **(
            {"maskingPolicy": given["maskingPolicy"]}
            if described.get("policy name") and given.get("maskingPolicy")
            else {}
        ),
    }


@register
class StreamOnTable(SnowflakeAdapter):
    """A stream: what changed in a table since it was last read."""

    type = "snowflake:index/streamOnTable:StreamOnTable"
    kind = "STREAM"
    replace_on = frozenset(
        {"name", "database", "schema", "table", "appendOnly", "showInitialRows", "copyGrants"}
    )
    unread: ClassVar[Mapping[str, str]] = {"showInitialRows": "is used when the stream is made"}

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        table, said = requalified(p.take("table")), options(p, "appendOnly", "showInitialRows", "comment")
        return [f"CREATE STREAM {holder(p)} ON TABLE {table}{spelled(said)}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter the comment."""
        return altered(self.kind, rid, options(old, "comment"), options(new, "comment"))

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show it."""
        shown = self.shown(cloud, rid)
        if shown is None:
            return None
        table, given = shown.get("table_name") or "", inputs.get("table", "")
        stale = str(shown.get("stale", "")).lower() == "true"
        seen = row(shown)
        return {
            **base(rid, shown),
            "table": given if given and parts(given) == parts(table) else table,
            "appendOnly": str(str(shown.get("mode", "")).upper() == "APPEND_ONLY").lower(),
            "stale": stale,
            "streamType": shown.get("type"),
            "showOutputs": [seen],
            "describeOutputs": [seen],
        }


@register
class Task(SnowflakeAdapter):
    """A task: a statement and when it runs."""

    type = "snowflake:index/task:Task"
    kind = "TASK"
    said = (
        "config",
        "allowOverlappingExecution",
        "userTaskManagedInitialWarehouseSize",
        "userTaskTimeoutMs",
        "suspendTaskAfterNumFailures",
        "taskAutoRetryAttempts",
        "userTaskMinimumTriggerIntervalInSeconds",
        "comment",
    )
    parameters: ClassVar[Mapping[str, str]] = {
        "userTaskTimeoutMs": "USER_TASK_TIMEOUT_MS",
        "suspendTaskAfterNumFailures": "SUSPEND_TASK_AFTER_NUM_FAILURES",
        "taskAutoRetryAttempts": "TASK_AUTO_RETRY_ATTEMPTS",
        "userTaskManagedInitialWarehouseSize": "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE",
        "userTaskMinimumTriggerIntervalInSeconds": "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS",
    }

    def statements(self, p: Props) -> list[str]:
        """Create it; it sleeps until it is told to run."""
        name = holder(p)
        afters = [requalified(after) for after in p.take("afters", [])]
        when, body, finalize = p.take("when"), p.take("sqlStatement"), p.take("finalize")
        create = (
            f"CREATE TASK {name}{spelled(self._options(p))}"
            + (f" FINALIZE = {requalified(finalize)}" if finalize else "")
            + (f" AFTER {', '.join(afters)}" if afters else "")
            + (f" WHEN {when}" if when else "")
            + f" AS {body}"
        )
        return [create, *([f"ALTER TASK {name} RESUME"] if p.take("started") else [])]

    def _options(self, p: Props) -> dict[str, str]:
        said = {}
        if warehouse := p.take("warehouse"):
            said["WAREHOUSE"] = requalified(warehouse)
        if schedule := _schedule(p.block("schedule")):
            said["SCHEDULE"] = literal(schedule)
        if errors := p.take("errorIntegration"):
            said["ERROR_INTEGRATION"] = requalified(errors)
        return {**said, **options(p, *self.said)}

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Suspend it, alter what differs, and let it run again."""
        todo = [f"ALTER TASK {rid} SUSPEND"]
        before, after = ({requalified(one) for one in p.take("afters", [])} for p in (old, new))
        if gone := sorted(before - after):
            todo.append(f"ALTER TASK {rid} REMOVE AFTER {', '.join(gone)}")
        todo += altered(self.kind, rid, self._options(old), self._options(new))
        if come := sorted(after - before):
            todo.append(f"ALTER TASK {rid} ADD AFTER {', '.join(come)}")
        if (body := new.take("sqlStatement")) != old.take("sqlStatement"):
            todo.append(f"ALTER TASK {rid} MODIFY AS {body}")
        if (when := new.take("when")) != old.take("when"):
            todo.append(f"ALTER TASK {rid} MODIFY WHEN {when}" if when else f"ALTER TASK {rid} REMOVE WHEN")
        return todo + ([f"ALTER TASK {rid} RESUME"] if new.take("started") else [])

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show it, and its parameters where the program sets some."""
        shown = self.shown(cloud, rid)
        if shown is None:
            return None
        afters = [one for one in re.split(r"[,\s]+", str(shown.get("predecessors") or "").strip("[]")) if one]
        given = {requalified(one): one for one in inputs.get("afters", [])}
        warehouse = shown.get("warehouse")
        same = inputs.get("warehouse") and warehouse and parts(inputs["warehouse"]) == parts(warehouse)
        seen: Outputs = {
            **base(rid, shown),
            "warehouse": inputs["warehouse"] if same else warehouse,
            "schedule": _seen_schedule(shown.get("schedule")),
            "afters": [given.get(_name(one), one) for one in afters],
            "when": as_given(inputs.get("when"), shown.get("condition")),
            "sqlStatement": as_given(inputs.get("sqlStatement"), shown.get("definition")),
            "started": str(shown.get("state", "")).lower() == "started",
            "allowOverlappingExecution": str(shown.get("allow_overlapping_execution", "false")).lower(),
            "config": shown.get("config"),
            "showOutputs": [row(shown)],
        }
        if any(name in inputs for name in self.parameters):
            said = {
                one["key"].upper(): one["value"] for one in cloud.execute(f"SHOW PARAMETERS IN TASK {rid}")
            }
            seen |= {name: said.get(key) for name, key in self.parameters.items() if key in said}
        return seen


def _name(shown: str) -> str:
    return requalified(shown.strip('"') if shown.count('"') == 2 and "." in shown else shown)


def _schedule(schedule: Props) -> str | None:
    for unit in ("seconds", "minutes", "hours"):
        if (number := schedule.take(unit)) is not None:
            return f"{number} {unit.upper()}"
    cron = schedule.take("usingCron")
    return f"USING CRON {cron}" if cron else None


def _seen_schedule(text: str | None) -> Outputs | None:
    if not text:
        return None
    if text.upper().startswith("USING CRON "):
        return {"usingCron": text[len("USING CRON ") :]}
    number, unit = text.split()[:2]
    units = {"S": "seconds", "M": "minutes", "H": "hours"}
    return {units[unit[0].upper()]: int(number)}
