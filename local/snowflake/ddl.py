"""Databases and schemas, and COMMENT ON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.snowflake import access, tables
from local.snowflake.catalog import Entry
from local.snowflake.commands import Statement
from local.snowflake.errors import compilation, exists, missing, unsupported
from local.snowflake.names import Name
from local.snowflake.result import SUCCESS, Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

HOLDER_PROPERTIES = {
    "comment", "data_retention_time_in_days", "max_data_extension_time_in_days", "log_level", "trace_level",
    "suspend_task_after_num_failures", "task_auto_retry_attempts", "user_task_timeout_ms",
    "user_task_minimum_trigger_interval_in_seconds", "user_task_managed_initial_warehouse_size",
    "replace_invalid_characters", "storage_serialization_policy", "quoted_identifiers_ignore_case",
    "enable_console_output", "default_ddl_collation",
}  # fmt: skip


def lowered(statement: Statement, known: set[str]) -> dict[str, Any]:
    """Take properties, none of which may be unknown."""
    found = {key.lower(): value for key, value in statement.properties().items()}
    if unknown := sorted(found.keys() - known):
        raise unsupported(f"{', '.join(unknown).upper()} in {statement.prefix}")
    return found


def _create_database(session: Session, statement: Statement) -> Result:
    name = statement.account_name()
    if session.catalog.get("DATABASE", name):
        if statement.if_not_exists:
            return Result.status(f"{name.name} already exists, statement succeeded.")
        raise exists(name) if not statement.replace else unsupported("CREATE OR REPLACE DATABASE")
    access.require_account(session, "CREATE DATABASE")
    properties = lowered(statement, HOLDER_PROPERTIES)
    statement.end()
    if "TRANSIENT" in statement.modifiers:
        properties["transient"] = True
    if session.engine.path(name.name).exists():  # left by a crash between the file and its entry
        session.engine.path(name.name).unlink()
    session.engine.attach(name.name)
    entry = Entry(kind="DATABASE", name=name, owner=session.role, properties=properties)
    session.catalog.put(session, entry)
    with session.atomic():
        _make_schema(session, Name.of_schema(name.name, "PUBLIC"), {})
    session.database, session.schema = name.name, "PUBLIC"
    return Result.status(f"Database {name.name} successfully created.")


def _drop_database(session: Session, statement: Statement) -> Result:
    name = statement.account_name()
    statement.accept_any("CASCADE", "RESTRICT")
    statement.end()
    if not session.catalog.get("DATABASE", name):
        if statement.if_exists:
            return Result.status("Drop statement executed successfully.")
        raise missing("database", name)
    access.require_owner(session, "DATABASE", name)
    session.catalog.drop(session, "DATABASE", name)
    session.engine.detach(name.name)
    for other in session.engine.sessions | {session}:
        if other.database == name.name:
            other.database = other.schema = None
    return Result.status(f"{name.name} successfully dropped.")


def _make_schema(session: Session, name: Name, properties: dict[str, Any]) -> None:
    session.duck.execute(f"CREATE SCHEMA {name.sql}")
    entry = Entry(kind="SCHEMA", name=name, owner=session.role, properties=properties)
    session.catalog.put(session, access.with_future_grants(session, entry))


def _create_schema(session: Session, statement: Statement) -> Result:
    name = session.schema_name(statement.parts())
    if session.catalog.get("SCHEMA", name):
        if statement.if_not_exists:
            session.database, session.schema = name.database, name.name
            return Result.status(f"{name.name} already exists, statement succeeded.")
        raise exists(name) if not statement.replace else unsupported("CREATE OR REPLACE SCHEMA")
    session.require("CREATE SCHEMA", "DATABASE", Name.account(name.database))
    managed = statement.accept("WITH", "MANAGED", "ACCESS")
    properties = lowered(statement, HOLDER_PROPERTIES)
    statement.end()
    if managed:
        properties["managed"] = True
    if "TRANSIENT" in statement.modifiers:
        properties["transient"] = True
    _make_schema(session, name, properties)
    session.database, session.schema = name.database, name.name
    return Result.status(f"Schema {name.name} successfully created.")


def _drop_schema(session: Session, statement: Statement) -> Result:
    name = session.schema_name(statement.parts())
    statement.accept_any("CASCADE", "RESTRICT")
    statement.end()
    if not session.catalog.get("SCHEMA", name):
        if statement.if_exists:
            return Result.status("Drop statement executed successfully.")
        raise missing("schema", name)
    access.require_owner(session, "SCHEMA", name)
    for entry in session.catalog.entries():
        if entry.name.database == name.database and entry.name.schema == name.name:
            if entry.kind == "TABLE":
                tables.drop_physical(session, entry)
            session.catalog.drop(session, entry.kind, entry.name)
    session.duck.execute(f"DROP SCHEMA {name.sql} CASCADE")
    session.catalog.drop(session, "SCHEMA", name)
    if (session.database, session.schema) == (name.database, name.name):
        session.schema = None
    return Result.status(f"{name.name} successfully dropped.")


def _alter_holder(kind: str) -> Any:
    def alter(session: Session, statement: Statement) -> Result:
        parts = statement.parts()
        name = session.schema_name(parts) if kind == "SCHEMA" else Name.account(parts[-1])
        if statement.if_exists and not session.catalog.get(kind, name):
            return Result.status(SUCCESS)
        entry = access.require_owner(session, kind, name)
        if statement.accept_any("ENABLE MANAGED ACCESS"):
            entry = entry.having(managed=True)
        elif statement.accept_any("DISABLE MANAGED ACCESS"):
            entry = entry.having(managed=None)
        elif statement.peek() in ("SET", "UNSET") and statement.peek(1) == "TAG":
            from local.snowflake import tags  # noqa: PLC0415 (tags know these)

            entry = tags.changed(session, statement, entry)
        elif statement.accept("SET"):
            entry = entry.having(**lowered(statement, HOLDER_PROPERTIES))
        elif statement.accept("UNSET"):
            entry = entry.having(**dict.fromkeys(word.lower() for word in statement.names()))
        else:
            raise unsupported(f"ALTER {kind} … {statement.rest()[:80]}")
        statement.end()
        session.catalog.put(session, entry)
        return Result.status(SUCCESS)

    return alter


def _comment(session: Session, statement: Statement) -> Result:
    """``COMMENT [IF EXISTS] ON <kind> <name> IS '…'``."""
    statement.expect("ON")
    kinds = [" ".join(k.split()) for k in (*access.PRIVILEGES, "COLUMN") if k != "ACCOUNT"]
    kind = statement.accept_any(*sorted(kinds, key=len, reverse=True))
    if not kind:
        raise unsupported(f"COMMENT ON {statement.rest()[:60]}")
    parts = statement.parts()
    statement.expect("IS")
    text = statement.string()
    statement.end()
    if kind == "COLUMN":
        from local.snowflake import attach  # noqa: PLC0415

        relation = session.catalog.relation(session.qualify(parts[:-1]))
        if relation is None:
            raise missing("object", ".".join(parts[:-1]))
        entry = access.require_owner(session, relation.kind, relation.name)
        session.catalog.put(session, attach.with_column(entry, parts[-1], comment=text))
        return Result.status(SUCCESS)
    entry = access.require_owner(session, kind, named_object(session, kind, parts))
    session.catalog.put(session, entry.having(comment=text))
    return Result.status(SUCCESS)


def named_object(session: Session, kind: str, parts: list[str]) -> Name:
    """The full name of an object of this kind."""
    from local.snowflake.catalog import ACCOUNT_KINDS  # noqa: PLC0415

    if kind in ACCOUNT_KINDS:
        if len(parts) != 1:
            raise compilation(f"{'.'.join(parts)} is not the name of a {kind.lower()}.", 1003, "42000")
        return Name.account(parts[0])
    return session.schema_name(parts) if kind == "SCHEMA" else session.qualify(parts)


def install(engine: Engine) -> None:
    """Answer the statements on databases and schemas."""
    engine.register("CREATE DATABASE", _create_database)
    engine.register("DROP DATABASE", _drop_database)
    engine.register("CREATE SCHEMA", _create_schema)
    engine.register("DROP SCHEMA", _drop_schema)
    engine.register("ALTER DATABASE", _alter_holder("DATABASE"))
    engine.register("ALTER SCHEMA", _alter_holder("SCHEMA"))
    engine.register("COMMENT", _comment)
