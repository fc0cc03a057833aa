"""Tables and views: made, replaced, cloned, dropped. Their columns, in Snowflake's types, are the catalogue's business."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from local.snowflake import access, attach, columns, context, query
from local.snowflake.catalog import STORE, Entry
from local.snowflake.commands import Statement
from local.snowflake.errors import compilation, exists, missing, unsupported
from local.snowflake.names import Name, identifier, literal, quoted
from local.snowflake.resolve import Resolver
from local.snowflake.result import Result
from local.snowflake.streams import log_name

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

_PROPERTIES: dict[type[exp.Expr], str] = {
    exp.TransientProperty: "transient",
    exp.TemporaryProperty: "temporary",
    exp.SecureProperty: "secure",
    exp.CopyGrantsProperty: "copy_grants",
    exp.SchemaCommentProperty: "comment",
    exp.ClusterProperty: "cluster_by",
    exp.LikeProperty: "like",
    exp.RowAccessProperty: "row_access",
    exp.Tags: "tags",
}
_OPTIONS = {"data_retention_time_in_days", "max_data_extension_time_in_days", "change_tracking", "comment"}


def create(session: Session, tree: exp.Create, text: str) -> Result:
    """CREATE TABLE and CREATE VIEW."""
    session.commit()
    with session.engine.lock, session.atomic():
        make = _create_table if tree.kind == "TABLE" else _create_view
        return make(session, tree, text)


def _target(session: Session, tree: exp.Create) -> Name:
    table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    return session.table_name(table)


def _taken(session: Session, tree: exp.Create, name: Name, kind: str) -> Entry | None:
    """What bears the name already; None where the statement may go on, replacing `kind` or making it."""
    if tree.args.get("clone") is None or not tree.args.get("replace"):
        access.require_create(session, kind, name)
    old = session.catalog.relation(name)
    if old is None or (tree.args.get("exists") and old.kind == kind):
        return old
    if not tree.args.get("replace") or old.kind != kind:
        raise exists(name)
    access.require_owner(session, kind, name)
    return None


def _properties(tree: exp.Create) -> dict[str, Any]:
    found: dict[str, Any] = {}
    properties = tree.args.get("properties")
    for item in properties.expressions if properties else ():
        if type(item) in _PROPERTIES:
            found[_PROPERTIES[type(item)]] = item
        elif isinstance(item, exp.Property) and item.name.lower() in _OPTIONS:
            value = item.args["value"]
            constant = isinstance(value, (exp.Literal, exp.Boolean))
            found[item.name.lower()] = value.to_py() if constant else value.name.upper() == "TRUE"
        else:
            raise unsupported(f"{item.sql(dialect='snowflake')} of a {str(tree.kind).lower()}")
    return found


def _plain(properties: dict[str, Any], session: Session) -> dict[str, Any]:
    """Those properties that are kept as they are."""
    kept: dict[str, Any] = {}
    for key, value in properties.items():
        if key in ("transient", "secure"):
            kept[key] = True
        elif key == "temporary":
            kept[key] = session.id
        elif key == "comment":
            kept[key] = value.this.name if isinstance(value, exp.Expr) else value
        elif key == "cluster_by":
            kept[key] = ", ".join(e.sql(dialect="snowflake") for e in value.expressions)
        elif key in _OPTIONS:
            kept[key] = value
    return kept


# -- tables


def _create_table(session: Session, tree: exp.Create, _text: str) -> Result:
    name = _target(session, tree)
    if _taken(session, tree, name, "TABLE"):
        return Result.status(f"{name.name} already exists, statement succeeded.")
    properties = _properties(tree)
    clone = tree.args.get("clone")
    source = clone or properties.get("like")
    draft = Entry(kind="TABLE", name=name, owner=session.role, properties=_plain(properties, session))
    old = session.catalog.get("TABLE", name)
    new = name._replace(name=f"{name.name} {secrets.token_hex(4)}") if old else name
    if source is not None:
        draft = _copy_table(session, draft, new, source.this, rows=clone is not None)
    else:
        draft = _define_table(session, tree, draft, new)
    if old:
        drop_physical(session, old)
        session.duck.execute(f"ALTER TABLE {new.sql} RENAME TO {quoted(name.name)}")
    draft = attach.from_create(session, tree, draft, properties)
    session.catalog.put(session, _granted(session, draft, old, "copy_grants" in properties))
    _forget_loads(session, name)
    return Result.status(f"Table {name.name} successfully created.")


def _granted(session: Session, entry: Entry, old: Entry | None, copy: bool) -> Entry:
    """COPY GRANTS keeps what was granted on the replaced object; else a new one gets the future grants."""
    if old and copy:
        return replace(entry, grants=old.grants)
    return access.with_future_grants(session, entry)


def _define_table(session: Session, tree: exp.Create, draft: Entry, new: Name) -> Entry:
    """Make the table from its columns, from a query, or from both."""
    selected = tree.expression
    if not isinstance(tree.this, exp.Schema):
        if selected is None:
            raise compilation(f"Table {draft.name.name} has no columns.", 1003, "42000")
        return _from_query(session, selected, draft, new)
    definitions = [e for e in tree.this.expressions if isinstance(e, (exp.ColumnDef, exp.Identifier))]
    if selected is not None:
        described = query.describe(session, selected)
        if len(described) != len(definitions):
            raise compilation("Invalid column definition list", 2026, "42601")
        inferred = [columns.type_of_duck(kind) for _, kind in described]
    else:
        inferred = [None] * len(definitions)
    made = [_column(item, kind) for item, kind in zip(definitions, inferred, strict=True)]
    draft = draft.having(columns=made, **table_constraints(tree.this, made))
    make(session, new, made)
    if selected is not None:
        _fill(session, new, made, selected)
    return draft


def _column(item: exp.Expr, inferred: str | None) -> dict[str, Any]:
    if isinstance(item, exp.ColumnDef):
        column = columns.from_definition(item)
    else:
        column = {"name": identifier(item), "nullable": True}
    if "type" not in column:
        if inferred is None:
            raise compilation(f"Column {column['name']} has no type.", 1003, "42000")
        column["type"] = inferred
    return column


def table_constraints(schema: exp.Schema, made: list[dict[str, Any]]) -> dict[str, Any]:
    """Keys are kept for those who ask; Snowflake does not enforce them, and neither do we."""
    found: dict[str, Any] = {}
    for item in schema.expressions:
        if isinstance(item, (exp.ColumnDef, exp.Identifier)):
            continue
        name = identifier(item.this) if isinstance(item, exp.Constraint) else ""
        kinds = item.expressions if isinstance(item, exp.Constraint) else [item]
        for kind in kinds:
            text = kind.sql(dialect="snowflake")
            if isinstance(kind, exp.PrimaryKey):
                found["primary_key"] = [
                    identifier(e.this if isinstance(e, exp.Ordered) else e) for e in kind.expressions
                ]
            elif not isinstance(kind, (exp.UniqueColumnConstraint, exp.ForeignKey)):
                raise unsupported(f"the constraint {text}")
            found.setdefault("constraints", []).append({"name": name, "text": text})
    if own := [column["name"] for column in made if column.get("primary_key")]:
        found["primary_key"] = own
    for column in made:
        if column["name"] in found.get("primary_key", ()):
            column["nullable"] = False
    return found


def duck_type(kind: str) -> str:
    """DuckDB's type for one of Snowflake's."""
    family = columns.data_type(kind)
    plain = {
        "VARCHAR": "VARCHAR", "FLOAT": "DOUBLE", "BOOLEAN": "BOOLEAN", "DATE": "DATE", "VARIANT": "JSON",
        "ARRAY": "JSON", "OBJECT": "JSON", "BINARY": "BLOB", "TIME": "TIME", "TIMESTAMP_NTZ": "TIMESTAMP",
        "TIMESTAMP_LTZ": "TIMESTAMPTZ", "TIMESTAMP_TZ": "TIMESTAMPTZ",
    }  # fmt: skip
    if family == "NUMBER":
        return "BIGINT" if kind == "NUMBER(38,0)" else kind.replace("NUMBER", "DECIMAL")
    return plain[family]


def make(session: Session, name: Name, made: list[dict[str, Any]]) -> None:
    """Make the physical table."""
    session.duck.execute(f"CREATE TABLE {name.sql} ({', '.join(definition(session, name, c) for c in made)})")


def definition(session: Session, table: Name, column: dict[str, Any]) -> str:
    """A column's definition for DuckDB."""
    parts = [quoted(column["name"]), duck_type(column["type"])]
    if column.get("autoincrement"):
        sequence = f"{quoted(table.database)}.{STORE}.{quoted(f'AUTO {secrets.token_hex(8)}')}"
        session.duck.execute(f"CREATE SEQUENCE {sequence}")
        parts.append(f"DEFAULT nextval({literal(sequence)})")
    elif column.get("default"):
        parts.append(f"DEFAULT ({default_sql(session, column['default'])})")
    if not column.get("nullable", True):
        parts.append("NOT NULL")
    return " ".join(parts)


def default_sql(session: Session, text: str) -> str:
    """A default's expression for DuckDB."""
    select = sqlglot.parse_one(f"SELECT {text}", read="snowflake")
    if context.depends_on_session(select):
        raise unsupported(f"DEFAULT {text}: who inserts is not known to DuckDB")
    sql = query.compiled(Resolver(session), select)
    return sql.removeprefix("SELECT ").strip()


def _fill(session: Session, name: Name, made: list[dict[str, Any]], selected: exp.Expr) -> None:
    resolver = Resolver(session)
    try:
        names = ", ".join(quoted(column["name"]) for column in made)
        sql = query.compiled(resolver, query.name_columns(selected))
        session.duck.execute(f"INSERT INTO {name.sql} ({names}) {sql}")
        _consume(session, resolver)
    finally:
        resolver.release()


def _consume(session: Session, resolver: Resolver) -> None:
    session.consumed |= resolver.streams


def _from_query(session: Session, selected: exp.Expr, draft: Entry, new: Name) -> Entry:
    resolver = Resolver(session)
    try:
        sql = query.compiled(resolver, query.name_columns(selected))
        described = session.duck.execute(f"DESCRIBE {sql}").fetchall()
        made = [{"name": row[0], "type": columns.type_of_duck(row[1]), "nullable": True} for row in described]
        make(session, new, made)
        session.duck.execute(f"INSERT INTO {new.sql} {sql}")
        _consume(session, resolver)
        return draft.having(columns=made)
    finally:
        resolver.release()


def _copy_table(session: Session, draft: Entry, new: Name, source: exp.Table, *, rows: bool) -> Entry:
    """CLONE and LIKE: columns with their policies and tags travel, for a clone also rows and row access policy."""
    original = Resolver(session).target(source)
    session.require("SELECT", "TABLE", original.name)
    made = [dict(column) for column in original.properties["columns"]]
    inherited = {
        key: value
        for key, value in original.properties.items()
        if key in ("row_access", "tags", "primary_key", "constraints", "comment", "cluster_by")
    }
    make(session, new, made)
    if rows:
        names = ", ".join(quoted(column["name"]) for column in made)
        session.duck.execute(f"INSERT INTO {new.sql} ({names}) SELECT {names} FROM {original.name.sql}")
    return draft.having(**{**inherited, **draft.properties, "columns": made})


def drop_physical(session: Session, table: Entry) -> None:
    """Remove the table and its log; streams on it are stale from now on."""
    session.duck.execute(f"DROP TABLE {table.name.sql}")
    if table.properties.get("tracked"):
        session.duck.execute(f"DROP TABLE IF EXISTS {log_name(table.name)}")
        session.duck.execute(
            f"DELETE FROM {quoted(table.name.database)}.{STORE}.VERSIONS WHERE TABLE_NAME = ?",
            [str(table.name)],
        )


def _forget_loads(session: Session, name: Name) -> None:
    """A new table has loaded no file yet."""
    session.duck.execute(
        f"DELETE FROM {quoted(name.database)}.{STORE}.LOADS WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?",
        [name.schema, name.name],
    )


# -- views


class _Qualifier(Resolver):
    """Completes the names in a view's query, so that it means the same wherever it is read."""

    def _table(self, table: exp.Table, ctes: frozenset[str], rights: str | None) -> None:
        del rights
        if not isinstance(table.this, exp.Identifier):
            return
        if not table.args.get("db") and identifier(table.this) in ctes:
            return
        if identifier(table.args.get("db")) == "INFORMATION_SCHEMA":
            return
        name = self._find(table)
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(name.name, quoted=True)))
        for key, part in (("this", name.name), ("db", name.schema), ("catalog", name.database)):
            table.set(key, exp.to_identifier(part, quoted=True))

    def _function(
        self, node: exp.Expr, ctes: frozenset[str], rights: str | None, skip: exp.Expr | None
    ) -> None:
        self._walk(node, ctes, rights, skip)


def qualified(session: Session, tree: exp.Expr) -> exp.Expr:
    """The query with every name complete."""
    holder = exp.Paren(this=tree)
    _Qualifier(session)._walk(holder, frozenset(), None, None)
    return holder.this


def _create_view(session: Session, tree: exp.Create, text: str) -> Result:
    name = _target(session, tree)
    if _taken(session, tree, name, "VIEW"):
        return Result.status(f"{name.name} already exists, statement succeeded.")
    properties = _properties(tree)
    selected = qualified(session, query.name_columns(tree.expression))
    described = query.describe(session, selected)
    given = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
    if given and len(given) != len(described):
        raise compilation("Invalid column definition list", 2026, "42601")
    made = [{"name": n, "type": columns.type_of_duck(kind), "nullable": True} for n, kind in described]
    for column, item in zip(made, given, strict=False):
        column.update({k: v for k, v in _column(item, column["type"]).items() if k != "type"})
    if len({column["name"] for column in made}) != len(made):
        raise compilation(f"duplicate column name in view '{name.name}'", 2025, "42S21")
    old = session.catalog.get("VIEW", name)
    draft = Entry(
        kind="VIEW",
        name=name,
        owner=session.role,
        properties={
            **_plain(properties, session),
            "query": selected.sql(dialect="snowflake"),
            "text": text,
            "columns": made,
        },
    )
    draft = attach.from_create(session, tree, draft, properties)
    session.catalog.put(session, _granted(session, draft, old, "copy_grants" in properties))
    return Result.status(f"View {name.name} successfully created.")


# -- dropping


def _drop(kind: str) -> Any:
    def drop(session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        statement.accept_any("CASCADE", "RESTRICT")
        statement.end()
        found = session.catalog.relation(name)
        if found is None and statement.if_exists:
            return Result.status("Drop statement executed successfully.")
        if found is None or found.kind != kind:
            raise missing(kind, name)
        access.require_owner(session, kind, name)
        if kind == "TABLE":
            drop_physical(session, found)
        session.catalog.drop(session, kind, name)
        return Result.status(f"{name.name} successfully dropped.")

    return drop


def drop_temporary(session: Session) -> None:
    """At a session's end, its temporary tables and views go."""
    for kind in ("TABLE", "VIEW"):
        for entry in session.catalog.all(kind):
            if entry.properties.get("temporary") == session.id:
                with session.engine.lock, session.atomic():
                    if kind == "TABLE":
                        drop_physical(session, entry)
                    session.catalog.drop(session, kind, entry.name)


def install(engine: Engine) -> None:
    """Answer DROP; at start, remove the temporary tables of sessions that were cut off."""
    engine.register("DROP TABLE", _drop("TABLE"))
    engine.register("DROP VIEW", _drop("VIEW"))
    from local.snowflake.session import Session as Login  # noqa: PLC0415 (sessions know tables)

    for entry in [*engine.catalog.all("TABLE"), *engine.catalog.all("VIEW")]:
        if owner := entry.properties.get("temporary"):
            session = Login(engine, role=entry.owner, user="SYSTEM")
            session.id = owner
            session.close()
