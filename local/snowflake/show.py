"""SHOW: what the catalogue knows, in the columns that Snowflake's documentation names."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from local.snowflake import access, context, listing, objects
from local.snowflake.catalog import Entry
from local.snowflake.columns import MAX_TEXT
from local.snowflake.commands import Statement
from local.snowflake.errors import unsupported
from local.snowflake.objects import JSON_FORMAT, value
from local.snowflake.policies import MASKING, ROW_ACCESS, named
from local.snowflake.result import Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

Row = dict[str, Any]
Maker = Callable[["Session", Entry], Row]


def flag(found: Any) -> str:
    """A yes or no in lower case."""
    return "true" if found else "false"


def yes(found: Any) -> str:
    """A yes or no in one letter."""
    return "Y" if found else "N"


def _head(entry: Entry, **more: Any) -> Row:
    """What every object of a schema begins with."""
    name = entry.name
    return {
        "created_on": entry.created,
        "name": name.name,
        "database_name": name.database,
        "schema_name": name.schema,
        **more,
    }


def _tail(entry: Entry, **more: Any) -> Row:
    return {
        "owner": entry.owner,
        "comment": entry.comment,
        "owner_role_type": "ROLE" if entry.owner else "",
        **more,
    }


# -- what a row says, by kind


def _database(session: Session, entry: Entry) -> Row:
    return {
        "created_on": entry.created, "name": entry.name.name, "is_default": "N",
        "is_current": yes(session.database == entry.name.name), "origin": "", "owner": entry.owner,
        "comment": entry.comment, "options": "TRANSIENT" if entry.properties.get("transient") else "",
        "retention_time": str(entry.properties.get("data_retention_time_in_days", 1)), "kind": "STANDARD", "budget": None,
        "owner_role_type": "ROLE",
    }  # fmt: skip


def _schema(session: Session, entry: Entry) -> Row:
    options = [
        word
        for key, word in (("transient", "TRANSIENT"), ("managed", "MANAGED ACCESS"))
        if entry.properties.get(key)
    ]
    return {
        "created_on": entry.created, "name": entry.name.name, "is_default": "N",
        "is_current": yes((session.database, session.schema) == (entry.name.database, entry.name.name)),
        "database_name": entry.name.database, "owner": entry.owner, "comment": entry.comment,
        "options": ", ".join(options), "retention_time": str(retention(session, entry)), "owner_role_type": "ROLE",
    }  # fmt: skip


def retention(session: Session, entry: Entry) -> int:
    """Days of time travel: an object's own, or what holds it says, or one."""
    key = "data_retention_time_in_days"
    holders: list[Entry | None] = [entry]
    if entry.name.schema:
        holders.append(session.catalog.get("SCHEMA", entry.name.parent))
    if entry.name.database:
        holders.append(
            session.catalog.get(
                "DATABASE", entry.name._replace(database="", schema="", name=entry.name.database)
            )
        )
    return next((holder.properties[key] for holder in holders if holder and key in holder.properties), 1)


def _kind(entry: Entry) -> str:
    if entry.properties.get("temporary"):
        return "TEMPORARY"
    return "TRANSIENT" if entry.properties.get("transient") else "TABLE"


def _count(session: Session, entry: Entry) -> int:
    row = session.one(f"SELECT count(*) FROM {entry.name.sql}")
    return int(row[0]) if row else 0


def _table(session: Session, entry: Entry) -> Row:
    rows = _count(session, entry)
    return _head(
        entry, kind=_kind(entry), comment=entry.comment, cluster_by=entry.properties.get("cluster_by", ""), rows=rows,
        bytes=rows * 1024, owner=entry.owner, retention_time=str(retention(session, entry)),
        automatic_clustering="OFF", change_tracking="ON" if _tracks(entry) else "OFF", is_external="N",
        enable_schema_evolution="N", owner_role_type="ROLE", is_event="N", is_hybrid="N", is_iceberg="N", is_dynamic="N",
        is_immutable="N",
    )  # fmt: skip


def _tracks(entry: Entry) -> bool:
    return bool(entry.properties.get("tracked") or entry.properties.get("change_tracking"))


def _view(_session: Session, entry: Entry) -> Row:
    return {
        "created_on": entry.created, "name": entry.name.name, "reserved": "", "database_name": entry.name.database,
        "schema_name": entry.name.schema, "owner": entry.owner, "comment": entry.comment, "text": entry.properties["text"],
        "is_secure": flag(entry.properties.get("secure")), "is_materialized": "false", "owner_role_type": "ROLE",
        "change_tracking": "OFF",
    }  # fmt: skip


def _object(session: Session, entry: Entry) -> Row:
    table = entry.kind == "TABLE"
    return _head(
        entry, kind="TABLE" if table else "VIEW", comment=entry.comment,
        cluster_by=entry.properties.get("cluster_by", ""), rows=_count(session, entry) if table else 0, bytes=0,
        owner=entry.owner, retention_time=str(retention(session, entry)), owner_role_type="ROLE", is_hybrid="N",
        is_dynamic="N", is_iceberg="N", is_interactive="N",
    )  # fmt: skip


def _stage(_session: Session, entry: Entry) -> Row:
    url = value(entry, "URL")
    directory = value(entry, "DIRECTORY") or {}
    return _head(
        entry, url=url, has_credentials="N", has_encryption_key="N", owner=entry.owner, comment=entry.comment, region=None,
        type="EXTERNAL" if url else "INTERNAL", cloud="AWS" if url else None, notification_channel=None,
        storage_integration=value(entry, "STORAGE_INTEGRATION"), endpoint=None, owner_role_type="ROLE",
        directory_enabled=yes(directory.get("ENABLE")),
    )  # fmt: skip


def _file_format(_session: Session, entry: Entry) -> Row:
    options = {
        "TYPE": "JSON",
        **{key: entry.properties.get(key, default) for key, default in JSON_FORMAT.items()},
    }
    return _head(
        entry, type=options["TYPE"], owner=entry.owner, comment=entry.comment, format_options=json.dumps(options),
        owner_role_type="ROLE",
    )  # fmt: skip


def _stream(session: Session, entry: Entry) -> Row:
    table = named(entry.properties["table"])
    base = session.catalog.get("TABLE", table)
    fresh = base is not None and base.properties.get("tracked") == entry.properties["tracked"]
    return _head(
        entry, owner=entry.owner, comment=entry.comment, table_name=str(table), source_type="Table", base_tables=str(table),
        type="DELTA", stale=flag(not fresh), mode="APPEND_ONLY" if entry.properties["append_only"] else "DEFAULT",
        stale_after=None, invalid_reason="N/A" if fresh else "Base table dropped", owner_role_type="ROLE",
    )  # fmt: skip


def _policy(kind: str) -> Maker:
    def row(_session: Session, entry: Entry) -> Row:
        return _head(
            entry, kind=kind.replace(" ", "_"), owner=entry.owner, comment=entry.comment, owner_role_type="ROLE",
            options=json.dumps({"EXEMPT_OTHER_POLICIES": flag(entry.properties.get("exempt_other_policies"))}),
        )  # fmt: skip

    return row


def _tag(_session: Session, entry: Entry) -> Row:
    allowed = entry.properties.get("allowed_values")
    return _head(
        entry, owner=entry.owner, comment=entry.comment, allowed_values=json.dumps(allowed) if allowed else None,
        owner_role_type="ROLE", propagate=None,
    )  # fmt: skip


def _warehouse(session: Session, entry: Entry) -> Row:
    sizes = {"XSMALL": "X-Small", "SMALL": "Small", "MEDIUM": "Medium", "LARGE": "Large", "XLARGE": "X-Large"}
    size = value(entry, "WAREHOUSE_SIZE")
    return {
        "name": entry.name.name, "state": entry.properties.get("state", _first_state(entry)),
        "type": value(entry, "WAREHOUSE_TYPE"), "size": sizes.get(size, size),
        "min_cluster_count": value(entry, "MIN_CLUSTER_COUNT"), "max_cluster_count": value(entry, "MAX_CLUSTER_COUNT"),
        "started_clusters": 0, "running": 0, "queued": 0, "is_default": "N",
        "is_current": yes(session.warehouse == entry.name.name), "auto_suspend": value(entry, "AUTO_SUSPEND"),
        "auto_resume": flag(value(entry, "AUTO_RESUME")), "available": "", "provisioning": "", "quiescing": "",
        "other": "", "created_on": entry.created, "resumed_on": entry.created, "updated_on": entry.created,
        "owner": entry.owner, "comment": entry.comment,
        "enable_query_acceleration": flag(value(entry, "ENABLE_QUERY_ACCELERATION")),
        "query_acceleration_max_scale_factor": value(entry, "QUERY_ACCELERATION_MAX_SCALE_FACTOR"),
        "resource_monitor": value(entry, "RESOURCE_MONITOR") or "null", "scaling_policy": value(entry, "SCALING_POLICY"),
        "owner_role_type": "ROLE", "resource_constraint": value(entry, "RESOURCE_CONSTRAINT"),
        "generation": value(entry, "GENERATION"), "max_concurrency_level": value(entry, "MAX_CONCURRENCY_LEVEL"),
        "statement_queued_timeout_in_seconds": value(entry, "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS"),
        "statement_timeout_in_seconds": value(entry, "STATEMENT_TIMEOUT_IN_SECONDS"),
    }  # fmt: skip


def _first_state(entry: Entry) -> str:
    return "SUSPENDED" if value(entry, "INITIALLY_SUSPENDED") else "STARTED"


def _monitor(_session: Session, entry: Entry) -> Row:
    triggers = value(entry, "TRIGGERS")
    at = {
        action: ",".join(f"{level}%" for level, a in triggers if a == action) or None
        for _, action in triggers
    }
    quota = value(entry, "CREDIT_QUOTA")
    return {
        "name": entry.name.name, "credit_quota": None if quota is None else f"{float(quota):.2f}", "used_credits": "0.00",
        "remaining_credits": None if quota is None else f"{float(quota):.2f}", "level": None,
        "frequency": value(entry, "FREQUENCY"), "start_time": value(entry, "START_TIMESTAMP"),
        "end_time": value(entry, "END_TIMESTAMP"), "notify_at": at.get("NOTIFY"), "suspend_at": at.get("SUSPEND"),
        "suspend_immediately_at": at.get("SUSPEND_IMMEDIATE"), "created_on": entry.created, "owner": entry.owner,
        "comment": entry.comment or None, "notify_users": ", ".join(value(entry, "NOTIFY_USERS") or []),
    }  # fmt: skip


def _integration(_session: Session, entry: Entry) -> Row:
    return {
        "name": entry.name.name, "type": value(entry, "TYPE"), "category": entry.properties["category"],
        "enabled": flag(value(entry, "ENABLED")), "comment": entry.comment, "created_on": entry.created,
    }  # fmt: skip


def _role(session: Session, entry: Entry) -> Row:
    mine = access.closure(session.catalog, session.role)
    properties = entry.properties
    granted = [r for r in session.catalog.all("ROLE") if entry.name.name in r.properties.get("to_roles", ())]
    return {
        "created_on": entry.created, "name": entry.name.name, "is_default": "N",
        "is_current": yes(entry.name.name == session.role), "is_inherited": yes(entry.name.name in mine),
        "assigned_to_users": len(properties.get("to_users", ())), "granted_to_roles": len(properties.get("to_roles", ())),
        "granted_roles": len(granted), "owner": entry.owner, "comment": entry.comment,
    }  # fmt: skip


def _user(_session: Session, entry: Entry) -> Row:
    keys = (
        "LOGIN_NAME", "DISPLAY_NAME", "FIRST_NAME", "LAST_NAME", "EMAIL", "DEFAULT_WAREHOUSE", "DEFAULT_NAMESPACE",
        "DEFAULT_ROLE", "TYPE",
    )  # fmt: skip
    return {
        "name": entry.name.name, "created_on": entry.created, **{key.lower(): value(entry, key) for key in keys},
        "disabled": flag(value(entry, "DISABLED")), "must_change_password": flag(value(entry, "MUST_CHANGE_PASSWORD")),
        "has_password": flag(entry.properties.get("HAS_PASSWORD")),
        "has_rsa_public_key": flag(value(entry, "RSA_PUBLIC_KEY")),
        "default_secondary_roles": json.dumps(value(entry, "DEFAULT_SECONDARY_ROLES")), "owner": entry.owner,
        "comment": entry.comment,
    }  # fmt: skip


def _network_policy(_session: Session, entry: Entry) -> Row:
    return {
        "created_on": entry.created, "name": entry.name.name, "comment": entry.comment,
        "entries_in_allowed_ip_list": len(value(entry, "ALLOWED_IP_LIST")),
        "entries_in_blocked_ip_list": len(value(entry, "BLOCKED_IP_LIST")),
        "entries_in_allowed_network_rules": 0, "entries_in_blocked_network_rules": 0,
    }  # fmt: skip


MAKERS: dict[str, Maker] = {
    "DATABASE": _database, "SCHEMA": _schema, "TABLE": _table, "VIEW": _view, "STAGE": _stage,
    "FILE FORMAT": _file_format, "STREAM": _stream, MASKING: _policy(MASKING), ROW_ACCESS: _policy(ROW_ACCESS),
    "TAG": _tag, "WAREHOUSE": _warehouse, "RESOURCE MONITOR": _monitor, "INTEGRATION": _integration, "ROLE": _role,
    "USER": _user, "NETWORK POLICY": _network_policy,
}  # fmt: skip
_NOTHING = ("USER FUNCTIONS", "FUNCTIONS", "PROCEDURES", "USER PROCEDURES", "SEQUENCES", "DYNAMIC TABLES", "MATERIALIZED VIEWS", "EXTERNAL TABLES", "ALERTS", "SECRETS", "SHARES")  # fmt: skip


def table_of(rows: Sequence[Row], empty: Sequence[str] = ()) -> Result:
    """Rows of one form as an answer."""
    columns = list(rows[0]) if rows else list(empty)
    return Result.of(columns, [list(row.values()) for row in rows])


def _show(kind: str, maker: Maker) -> Callable[[Session, Statement], Result]:
    def show(session: Session, statement: Statement) -> Result:
        entries = listing.selected(session, statement, kind)
        rows = [maker(session, entry) for entry in entries]
        if "TERSE" in statement.modifiers:
            keep = ("created_on", "name", "kind", "database_name", "schema_name")
            rows = [{key: row.get(key, None) for key in keep} for row in rows]
            return table_of(rows, keep)
        return table_of(rows, _columns(session, kind, maker))

    return show


def _columns(session: Session, kind: str, maker: Maker) -> list[str]:
    """The columns of an answer without rows: those of an object that is not there."""
    ghost = Entry(
        kind=kind,
        name=objects.Name("", "", ""),
        owner="",
        properties={
            "columns": [], "text": "", "table": '"_"."_"."_"', "tracked": "", "append_only": True, "category": "",
            "TRIGGERS": [],
        },
    )  # fmt: skip
    if kind in ("TABLE", "OBJECT"):
        return list(_object_columns(kind))
    return list(maker(session, ghost))


def _object_columns(kind: str) -> tuple[str, ...]:
    common = (
        "created_on",
        "name",
        "database_name",
        "schema_name",
        "kind",
        "comment",
        "cluster_by",
        "rows",
        "bytes",
        "owner",
        "retention_time",
    )
    more = ("owner_role_type", "is_hybrid", "is_dynamic", "is_iceberg", "is_interactive")
    if kind == "OBJECT":
        return (*common, *more)
    return (
        *common,
        "automatic_clustering",
        "change_tracking",
        "is_external",
        "enable_schema_evolution",
        "owner_role_type",
        "is_event",
        "is_hybrid",
        "is_iceberg",
        "is_dynamic",
        "is_immutable",
    )


def _show_objects(session: Session, statement: Statement) -> Result:
    asked = listing.read(session, statement)
    found = [
        *session.catalog.all("TABLE", asked.database, asked.schema),
        *session.catalog.all("VIEW", asked.database, asked.schema),
    ]
    rows = [_object(session, entry) for entry in asked.chosen(session, found)]
    if "TERSE" in statement.modifiers:
        keep = ("created_on", "name", "kind", "database_name", "schema_name")
        return table_of([{key: row[key] for key in keep} for row in rows], keep)
    return table_of(rows, _object_columns("OBJECT"))


# -- columns


def _type_json(column: Row) -> str:
    kind, _, rest = column["type"].partition("(")
    nullable = column.get("nullable", True)
    numbers = [int(n) for n in rest.rstrip(")").split(",")] if rest else []
    if kind == "NUMBER":
        return json.dumps(
            {"type": "FIXED", "precision": numbers[0], "scale": numbers[1], "nullable": nullable}
        )
    if kind == "VARCHAR":
        size = numbers[0]
        return json.dumps(
            {
                "type": "TEXT",
                "length": size,
                "byteLength": min(size * 4, MAX_TEXT),
                "nullable": nullable,
                "fixed": False,
            }
        )
    if numbers:
        return json.dumps({"type": kind, "precision": 0, "scale": numbers[0], "nullable": nullable})
    return json.dumps({"type": "REAL" if kind == "FLOAT" else kind, "nullable": nullable})


_COLUMN_COLUMNS = ("table_name", "schema_name", "column_name", "data_type", "null?", "default", "kind", "expression", "comment", "database_name", "autoincrement", "schema_evolution_record")  # fmt: skip


def _show_columns(session: Session, statement: Statement) -> Result:
    asked = listing.read(session, statement)
    found = [
        *session.catalog.all("TABLE", asked.database, asked.schema),
        *session.catalog.all("VIEW", asked.database, asked.schema),
    ]
    rows = [
        [
            entry.name.name, entry.name.schema, column["name"], _type_json(column), flag(column.get("nullable", True)),
            column.get("default", ""), "COLUMN", "", column.get("comment", ""), entry.name.database,
            "IDENTITY" if column.get("autoincrement") else "", None,
        ]
        for entry in found
        if (asked.relation is None or entry.name == asked.relation)
        and access.allowed(session.engine, session.role, "", entry)
        for column in entry.properties["columns"]
        if asked.like.fullmatch(column["name"])
    ]  # fmt: skip
    return Result.of(_COLUMN_COLUMNS, rows)


# -- the rest


def _show_parameters(session: Session, statement: Statement) -> Result:
    like = statement.string() if statement.accept("LIKE") else "%"
    if statement.accept("IN") or statement.accept("FOR"):
        scope = statement.word()
        if scope not in ("SESSION", "ACCOUNT"):
            raise unsupported(f"SHOW PARAMETERS IN {scope}")
    statement.end()
    rows = [row for row in context.parameters(session) if listing.pattern(like).fullmatch(row[0])]
    return Result.of(("key", "value", "default", "level", "description", "type"), rows)


def _show_keys(session: Session, statement: Statement) -> Result:
    asked = listing.read(session, statement)
    rows = [
        [
            entry.created,
            entry.name.database,
            entry.name.schema,
            entry.name.name,
            column,
            place,
            f"{entry.name.name}_PK",
            "false",
            None,
        ]
        for entry in session.catalog.all("TABLE", asked.database, asked.schema)
        if (asked.relation is None or entry.name == asked.relation)
        for place, column in enumerate(entry.properties.get("primary_key", ()), start=1)
    ]
    return Result.of(("created_on", "database_name", "schema_name", "table_name", "column_name", "key_sequence", "constraint_name", "rely", "comment"), rows)  # fmt: skip


def _show_none(session: Session, statement: Statement) -> Result:
    """Kinds of objects that cannot be made here: there is none."""
    listing.read(session, statement)
    if "FUNCTIONS" in statement.prefix or "PROCEDURES" in statement.prefix:
        columns = (
            "created_on",
            "name",
            "schema_name",
            "is_builtin",
            "arguments",
            "description",
            "catalog_name",
            "language",
        )
        return Result.of(columns, [])
    # Of functions dbt asks for a catalogue and a flag, also where there are none.
    columns = (
        "created_on",
        "name",
        "catalog_name",
        "database_name",
        "schema_name",
        "kind",
        "is_builtin",
        "owner",
    )
    return Result.of((*columns, "comment"), [])


def install(engine: Engine) -> None:
    """Answer SHOW."""
    for kind, maker in MAKERS.items():
        plural = f"{kind[:-1]}IES" if kind.endswith("Y") else f"{kind}S"
        engine.register(f"SHOW {plural}", _show(kind, maker))
    engine.register("SHOW STORAGE|NOTIFICATION INTEGRATIONS", _show("INTEGRATION", _integration))
    engine.register("SHOW OBJECTS", _show_objects)
    engine.register("SHOW COLUMNS", _show_columns)
    engine.register("SHOW PARAMETERS", _show_parameters)
    engine.register("SHOW PRIMARY KEYS", _show_keys)
    for words in (*_NOTHING, "IMPORTED KEYS", "UNIQUE KEYS"):
        engine.register(f"SHOW {words}", _show_none)
