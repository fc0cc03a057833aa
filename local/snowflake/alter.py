"""ALTER TABLE and ALTER VIEW."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from local.snowflake import access, attach, columns, tables, tags
from local.snowflake.catalog import STORE, Entry
from local.snowflake.commands import Statement
from local.snowflake.ddl import lowered
from local.snowflake.errors import compilation, exists, missing, unsupported
from local.snowflake.names import Name, quoted
from local.snowflake.policies import ROW_ACCESS, check_attach, named
from local.snowflake.result import SUCCESS, Result
from local.snowflake.streams import log_name

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

_OPTIONS = {
    "comment",
    "data_retention_time_in_days",
    "max_data_extension_time_in_days",
    "change_tracking",
    "secure",
}


def _alter(kind: str) -> Any:
    def alter(session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        if statement.if_exists and not session.catalog.get(kind, name):
            return Result.status(SUCCESS)
        entry = _alterable(session, kind, name, statement)
        made = _action(session, statement, entry)
        statement.end()
        if made is not None:
            session.catalog.put(session, made)
        return Result.status(SUCCESS)

    return alter


def _alterable(session: Session, kind: str, name: Name, statement: Statement) -> Entry:
    """The owner may change it; who may apply policies or tags may do that on any table of others, too."""
    entry = session.catalog.get(kind, name)
    if entry is None:
        raise missing(kind, name)
    words = [token.upper for token in statement.tokens[statement.at :]]
    if words[:1] in (["ALTER"], ["MODIFY"], ["SET"], ["UNSET"]):
        told = "APPLY MASKING POLICY" if "MASKING" in words else "APPLY TAG" if "TAG" in words else ""
    else:
        told = "APPLY ROW ACCESS POLICY" if words[1:4] == ["ROW", "ACCESS", "POLICY"] else ""
    if told and access.on_account(session, told):
        return entry
    return access.require_owner(session, kind, name)


def _action(session: Session, statement: Statement, entry: Entry) -> Entry | None:
    if statement.accept("RENAME", "TO"):
        _rename(session, entry, statement.name(session))
        return None
    if statement.accept("SWAP", "WITH"):
        raise unsupported("ALTER TABLE … SWAP WITH")
    if statement.accept("RENAME", "COLUMN"):
        return _rename_column(session, statement, entry)
    if statement.accept("ADD", "ROW", "ACCESS", "POLICY"):
        return _add_row_access(session, statement, entry)
    if statement.accept("DROP", "ALL", "ROW", "ACCESS", "POLICIES"):
        return _without_row_access(session, entry)
    if statement.accept("DROP", "ROW", "ACCESS", "POLICY"):
        return _drop_row_access(session, statement, entry)
    if statement.accept_any("ADD COLUMN", "ADD"):
        return _add_columns(session, statement, entry)
    if statement.peek() in ("ALTER", "MODIFY"):
        statement.token()
        return _alter_columns(session, statement, entry)
    if statement.accept_any("DROP CLUSTERING KEY"):
        return entry.having(cluster_by=None)
    if statement.accept_any("DROP PRIMARY KEY"):
        return entry.having(primary_key=None)
    if statement.accept_any("DROP COLUMN", "DROP"):
        return _drop_columns(session, statement, entry)
    return _settings(session, statement, entry)


def _settings(session: Session, statement: Statement, entry: Entry) -> Entry:
    if statement.accept("CLUSTER", "BY"):
        return entry.having(cluster_by=statement.parenthesised())
    if statement.accept_any("RESUME RECLUSTER", "SUSPEND RECLUSTER"):
        return entry.having(reclustering="RESUME" in statement.sql.upper())
    if statement.peek() in ("SET", "UNSET") and statement.peek(1) == "TAG":
        return tags.changed(session, statement, entry)
    if statement.accept("SET", "SECURE"):
        return entry.having(secure=True)
    if statement.accept("UNSET", "SECURE"):
        return entry.having(secure=None)
    if statement.accept("SET"):
        return entry.having(**lowered(statement, _OPTIONS))
    if statement.accept("UNSET"):
        keys = [key.lower() for key in statement.names()]
        if unknown := sorted(set(keys) - _OPTIONS):
            raise unsupported(f"{', '.join(unknown).upper()} of a {entry.kind.lower()}")
        return entry.having(**dict.fromkeys(keys))
    raise unsupported(f"{statement.prefix} … {statement.rest()[:80]}")


def _rename(session: Session, entry: Entry, new: Name) -> None:
    if session.catalog.relation(new):
        raise exists(new)
    if new.database != entry.name.database:
        raise unsupported("moving a table to another database")
    access.require_create(session, entry.kind, new)
    if entry.kind == "TABLE":
        if entry.properties.get("tracked"):
            raise unsupported("renaming a table that has streams")
        if new.schema == entry.name.schema:
            session.duck.execute(f"ALTER TABLE {entry.name.sql} RENAME TO {quoted(new.name)}")
        else:
            tables.make(session, new, entry.properties["columns"])
            session.duck.execute(f"INSERT INTO {new.sql} SELECT * FROM {entry.name.sql}")
            session.duck.execute(f"DROP TABLE {entry.name.sql}")
        session.duck.execute(
            f"UPDATE {quoted(new.database)}.{STORE}.LOADS SET SCHEMA_NAME = ?, TABLE_NAME = ? "
            "WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?",
            [new.schema, new.name, entry.name.schema, entry.name.name],
        )
    session.catalog.drop(session, entry.kind, entry.name)
    session.catalog.put(session, replace(entry, name=new))


# -- columns


def _places(entry: Entry) -> list[str]:
    """The tables which hold the columns: the table itself and, where it is tracked, its log."""
    return [entry.name.sql, *([log_name(entry.name)] if entry.properties.get("tracked") else [])]


def _add_columns(session: Session, statement: Statement, entry: Entry) -> Entry:
    if statement.peek() in ("PRIMARY", "CONSTRAINT", "UNIQUE", "FOREIGN"):
        text = statement.rest()
        found = sqlglot.parse_one(f"CREATE TABLE _T (_C INT, {text})", read="snowflake")
        constraints = tables.table_constraints(found.this, [dict(c) for c in entry.properties["columns"]])
        return entry.having(**constraints)
    optional = statement.accept("IF", "NOT", "EXISTS")
    definitions = sqlglot.parse_one(f"CREATE TABLE _T ({statement.rest()})", read="snowflake")
    for item in definitions.this.expressions:
        if not isinstance(item, exp.ColumnDef) or item.kind is None:
            raise unsupported(f"ADD {item.sql(dialect='snowflake')[:80]}")
        column = columns.from_definition(item)
        if any(one["name"] == column["name"] for one in entry.properties["columns"]):
            if optional:
                continue
            raise compilation(f"column '{column['name']}' already exists", 1430, "42601")
        _add_column(session, entry, column)
        entry = entry.having(columns=[*entry.properties["columns"], column])
        for constraint in item.constraints:
            entry = attach.constraint(session, entry, column["name"], constraint.kind)
    return entry


def _add_column(session: Session, entry: Entry, column: dict[str, Any]) -> None:
    if not column["nullable"] and not column.get("default"):
        row = session.one(f"SELECT 1 FROM {entry.name.sql} LIMIT 1")
        if row:
            raise compilation(
                f"Non-nullable column '{column['name']}' cannot be added to non-empty table "
                f"'{entry.name.name}' unless it has a non-null default value.", 2028, "42601",
            )  # fmt: skip
    text = tables.definition(session, entry.name, {**column, "nullable": True})
    for place in _places(entry):
        session.duck.execute(f"ALTER TABLE {place} ADD COLUMN {text}")
    if not column["nullable"]:
        session.duck.execute(
            f"ALTER TABLE {entry.name.sql} ALTER COLUMN {quoted(column['name'])} SET NOT NULL"
        )


def _drop_columns(session: Session, statement: Statement, entry: Entry) -> Entry:
    optional = statement.accept("IF", "EXISTS")
    for name in statement.names():
        known = [column["name"] for column in entry.properties["columns"]]
        if name not in known and optional:
            continue
        column = attach.find(entry, name)
        if column.get("masking") or name in entry.properties.get("row_access", {}).get("on", ()):
            raise compilation(
                f"Column '{name}' has a policy: unset it before you drop the column.", 3555, "42601"
            )
        for place in _places(entry):
            session.duck.execute(f"ALTER TABLE {place} DROP COLUMN {quoted(name)}")
        entry = entry.having(columns=[c for c in entry.properties["columns"] if c["name"] != name])
    return entry


def _rename_column(session: Session, statement: Statement, entry: Entry) -> Entry:
    old = statement.word()
    statement.expect("TO")
    new = statement.word()
    attach.find(entry, old)
    if any(column["name"] == new for column in entry.properties["columns"]):
        raise compilation(f"column '{new}' already exists", 1430, "42601")
    for place in _places(entry):
        session.duck.execute(f"ALTER TABLE {place} RENAME COLUMN {quoted(old)} TO {quoted(new)}")
    entry = attach.with_column(entry, old, name=new)
    if found := entry.properties.get("row_access"):
        on = [new if column == old else column for column in found["on"]]
        entry = entry.having(row_access={**found, "on": on})
    renamed = [
        {
            **c,
            "masking": {
                **c["masking"],
                "using": [new if u == old else u for u in c["masking"].get("using", [])],
            },
        }
        if c.get("masking")
        else c
        for c in entry.properties["columns"]
    ]
    return entry.having(columns=renamed)


def _alter_columns(session: Session, statement: Statement, entry: Entry) -> Entry:
    """``ALTER [COLUMN] a …, [COLUMN] b …``, with or without brackets."""
    bracket = statement.accept("(")
    while True:
        statement.accept("COLUMN")
        name = statement.word()
        attach.find(entry, name)
        entry = _alter_column(session, statement, entry, name)
        if not statement.accept(","):
            break
    if bracket:
        statement.expect(")")
    return entry


def _alter_column(session: Session, statement: Statement, entry: Entry, name: str) -> Entry:
    if statement.accept("SET", "MASKING", "POLICY"):
        policy = statement.name(session)
        using: list[str] = []
        if statement.accept("USING"):
            statement.expect("(")
            using = statement.names()
            statement.expect(")")
        return attach.mask(session, entry, name, policy, using, force=statement.accept("FORCE"))
    if statement.accept("UNSET", "MASKING", "POLICY"):
        return attach.unmask(session, entry, name)
    if statement.peek() in ("SET", "UNSET") and statement.peek(1) == "TAG":
        return tags.changed(session, statement, entry, name)
    if statement.accept("COMMENT"):
        return attach.with_column(entry, name, comment=statement.string())
    if statement.accept("UNSET", "COMMENT"):
        return attach.with_column(entry, name, comment=None)
    if entry.kind == "VIEW":
        raise unsupported(f"ALTER VIEW … COLUMN {name} {statement.rest()[:60]}")
    return _alter_definition(session, statement, entry, name)


def _alter_definition(session: Session, statement: Statement, entry: Entry, name: str) -> Entry:
    table, column = f"ALTER TABLE {entry.name.sql}", f"ALTER COLUMN {quoted(name)}"
    if statement.accept("DROP", "NOT", "NULL"):
        session.duck.execute(f"{table} {column} DROP NOT NULL")
        return attach.with_column(entry, name, nullable=True)
    if statement.accept_any("SET NOT NULL", "NOT NULL"):
        session.duck.execute(f"{table} {column} SET NOT NULL")
        return attach.with_column(entry, name, nullable=False)
    if statement.accept("DROP", "DEFAULT"):
        session.duck.execute(f"{table} {column} DROP DEFAULT")
        return attach.with_column(entry, name, default=None)
    statement.accept_any("SET DATA TYPE", "TYPE")
    start = statement.at
    statement.parts()
    if statement.peek() == "(":
        statement.parenthesised()
    text = statement.sql[statement.tokens[start].start : statement.tokens[statement.at - 1].end]
    kind = columns.snowflake_type(columns.parse_type(text))
    old = attach.find(entry, name)["type"]
    if columns.data_type(kind) != columns.data_type(old):
        raise compilation(f"cannot change column {name} from type {old} to {kind}", 1441, "22023")
    for place in _places(entry):
        session.duck.execute(f"ALTER TABLE {place} {column} TYPE {tables.duck_type(kind)}")
    return attach.with_column(entry, name, type=kind)


# -- row access


def _add_row_access(session: Session, statement: Statement, entry: Entry) -> Entry:
    policy = statement.name(session)
    statement.expect("ON")
    statement.expect("(")
    on = statement.names()
    statement.expect(")")
    return attach.row_access(session, entry, policy, on)


def _drop_row_access(session: Session, statement: Statement, entry: Entry) -> Entry:
    policy = statement.name(session)
    own = entry.properties.get("row_access")
    if not own or named(own["policy"]) != policy:
        raise compilation(f"Row access policy {policy} is not on {entry.name}.", 3556, "42601")
    entry = _without_row_access(session, entry)
    if statement.accept(",", "ADD", "ROW", "ACCESS", "POLICY"):
        return _add_row_access(session, statement, entry)
    return entry


def _without_row_access(session: Session, entry: Entry) -> Entry:
    if own := entry.properties.get("row_access"):
        check_attach(session, ROW_ACCESS, named(own["policy"]))
    return entry.having(row_access=None)


def install(engine: Engine) -> None:
    """Answer ALTER TABLE and ALTER VIEW."""
    engine.register("ALTER TABLE", _alter("TABLE"))
    engine.register("ALTER VIEW", _alter("VIEW"))
