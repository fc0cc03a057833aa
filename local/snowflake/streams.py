"""Streams: what changed in a table since somebody last consumed it.

A tracked table has a hidden column `_ROW`: the version of the statement that inserted the row (upper bits) and a number
within it. Each DML statement on the table is one version, listed in `_LAKE.VERSIONS`; a stream has consumed the versions
that `_LAKE.CONSUMED` lists for it. So an insert writes nothing but itself and one small row, and reading a stream scans
the row groups of its unconsumed versions only. Updates and deletes also keep the rows as they were before, in a log
table, since a stream must show them. A consumer's offset is written in its own transaction; the primary key of
`CONSUMED` lets only one of two consumers commit.

Streams and what consumes them share a database: DuckDB writes one file in a transaction.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import duckdb
import sqlglot
from sqlglot import exp

from local.snowflake import access
from local.snowflake.catalog import STORE, Entry
from local.snowflake.columns import ROW
from local.snowflake.commands import Statement
from local.snowflake.errors import compilation, conflict, exists, missing, unsupported
from local.snowflake.names import Name, literal, quoted
from local.snowflake.policies import kept, named
from local.snowflake.result import SUCCESS, Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.resolve import Resolver
    from local.snowflake.session import Session

BITS = 24
MASK = (1 << BITS) - 1
METADATA = ("METADATA$ACTION", "METADATA$ISUPDATE", "METADATA$ROW_ID")


def _store(database: str) -> str:
    return f"{quoted(database)}.{STORE}"


def _log(table: Name) -> Name:
    return Name(table.database, STORE, f"LOG {table.schema}.{table.name}")


def log_name(table: Name) -> str:
    """The log of a tracked table: rows as they were before a change (`_ROW`, columns, and the change's `_V`)."""
    return _log(table).sql


# -- tracking a table


def track(session: Session, table: Entry) -> Entry:
    """Begin to track a table: give it the hidden column and a log."""
    if table.properties.get("tracked"):
        return table
    name, store = table.name, _store(table.name.database)
    session.duck.execute(
        f"""ALTER TABLE {name.sql} ADD COLUMN {ROW} BIGINT DEFAULT
            ((CAST(getvariable('lake_version') AS BIGINT) << {BITS}) | (nextval({literal(f"{store}.ROW_IDS")}) & {MASK}))"""
    )
    session.duck.execute(f"UPDATE {name.sql} SET {ROW} = nextval({literal(f'{store}.ROW_IDS')}) & {MASK}")
    session.duck.execute(f"DROP TABLE IF EXISTS {log_name(name)}")
    session.duck.execute(
        f"CREATE TABLE {log_name(name)} AS SELECT *, 0::BIGINT AS _V FROM {name.sql} LIMIT 0"
    )
    return session.catalog.put(session, table.having(tracked=uuid.uuid4().hex))


def version(session: Session, table: Entry) -> None:
    """Before DML on a tracked table: its rows will carry a new version of this transaction."""
    if not table.properties.get("tracked"):
        return
    store = _store(table.name.database)
    row = session.one(f"SELECT nextval({literal(f'{store}.ROW_IDS')})")
    new = row[0] if row else 0
    session.duck.execute(f"SET VARIABLE lake_version = {new}::BIGINT")
    session.duck.execute(f"INSERT INTO {store}.VERSIONS VALUES (?, ?)", [str(table.name), new])
    session.versions.add(new)


def keep(session: Session, table: Entry, condition: str) -> None:
    """Before rows of a tracked table change or go: log those that meet the condition (SQL of DuckDB)."""
    columns = ", ".join(quoted(column["name"]) for column in table.properties["columns"])
    session.duck.execute(
        f"""INSERT INTO {log_name(table.name)} ({columns}, {ROW}, _V)
            SELECT {columns}, {ROW}, getvariable('lake_version') FROM {table.name.sql} WHERE {condition}"""
    )


# -- windows


def _window(session: Session, stream: Entry) -> str:
    """A query of the versions that the stream has not consumed; not those of the session's own transaction."""
    store = _store(stream.name.database)
    own = ", ".join(map(str, sorted(session.versions)))
    return (
        f"SELECT V FROM {store}.VERSIONS WHERE TABLE_NAME = {literal(_base_text(stream))}"
        f" AND V NOT IN (SELECT V FROM {store}.CONSUMED WHERE STREAM = {literal(str(stream.name))})"
        + (f" AND V NOT IN ({own})" if own else "")
    )


def _base_text(stream: Entry) -> str:
    return str(named(stream.properties["table"]))


def base(session: Session, stream: Entry) -> Entry:
    """The stream's table; an error where it is not the one that the stream was made on."""
    name = named(stream.properties["table"])
    table = session.catalog.get("TABLE", name)
    if table is None or table.properties.get("tracked") != stream.properties["tracked"]:
        raise compilation(
            f"Base table '{name}' dropped, cannot read from stream '{stream.name.name}'.", 91901, "02000"
        )
    return table


def advance(session: Session) -> None:
    """Before a commit: what the transaction's DML read from streams is consumed."""
    for name in sorted(session.consumed):
        stream = session.catalog.get("STREAM", name)
        if stream is not None:
            try:
                session.duck.execute(
                    f"INSERT INTO {_store(name.database)}.CONSUMED "
                    f"SELECT {literal(str(name))}, V FROM ({_window(session, stream)})"
                )
            except duckdb.ConstraintException as fault:
                raise conflict(f"stream {name} was consumed by another transaction") from fault
    session.consumed.clear()


def source(resolver: Resolver, stream: Entry) -> exp.Expr:
    """A query of the stream's rows, with the table's policies applied."""
    session = resolver.session
    table = base(session, stream)
    window = _window(session, stream)
    row = session.one(f"SELECT min(V), max(V) FROM ({window})")
    low, high = row if row and row[0] is not None else (1, 0)
    span = f"{ROW} BETWEEN {low << BITS} AND {(high + 1 << BITS) - 1}"
    fresh = f"({span} AND ({ROW} >> {BITS}) IN ({window}))"
    columns = ", ".join(quoted(column["name"]) for column in table.properties["columns"])
    logged = session.one(
        f"SELECT count(*) FROM {log_name(table.name)} WHERE _V >= {low} AND _V IN ({window}) OR {fresh}"
    )
    if stream.properties["append_only"]:
        text = _append_only(columns, fresh, changed=bool(logged and logged[0]))
    else:
        text = _net(columns, fresh, window, low, changed=bool(logged and logged[0]))
    tree = sqlglot.parse_one(text, read="duckdb")
    return _filled(resolver, tree, table)


def _append_only(columns: str, fresh: str, *, changed: bool) -> str:
    """All rows inserted, as they were inserted, also where they were changed or deleted since."""
    meta = f'\'INSERT\' AS "METADATA$ACTION", FALSE AS "METADATA$ISUPDATE", sha1({ROW}::VARCHAR) AS "METADATA$ROW_ID"'
    if not changed:
        return f"SELECT {columns}, {meta} FROM _NOW WHERE {fresh}"
    first = (
        f"SELECT * FROM _BEFORE WHERE {fresh} QUALIFY row_number() OVER (PARTITION BY {ROW} ORDER BY _V) = 1"
    )
    return f"""SELECT {columns}, {meta} FROM _NOW WHERE {fresh} AND {ROW} NOT IN (SELECT {ROW} FROM _BEFORE)
               UNION ALL SELECT {columns}, {meta} FROM ({first})"""


def _net(columns: str, fresh: str, window: str, low: int, *, changed: bool) -> str:
    """The net change of each row: gone, new, or both (an update)."""
    meta = f'sha1({ROW}::VARCHAR) AS "METADATA$ROW_ID"'
    if not changed:
        return f'SELECT {columns}, \'INSERT\' AS "METADATA$ACTION", FALSE AS "METADATA$ISUPDATE", {meta} FROM _NOW WHERE {fresh}'
    return f"""
        WITH _old AS (SELECT {columns}, {ROW} FROM _BEFORE WHERE _V >= {low} AND _V IN ({window}) AND NOT {fresh}
                      QUALIFY row_number() OVER (PARTITION BY {ROW} ORDER BY _V) = 1),
             _new AS (SELECT {columns}, {ROW} FROM _NOW WHERE {fresh} OR {ROW} IN (SELECT {ROW} FROM _old)),
             _same AS (SELECT {ROW} FROM (SELECT * FROM _old INTERSECT SELECT * FROM _new))
        SELECT {columns}, 'DELETE' AS "METADATA$ACTION", {ROW} IN (SELECT {ROW} FROM _new) AS "METADATA$ISUPDATE", {meta}
        FROM _old WHERE {ROW} NOT IN (SELECT {ROW} FROM _same)
        UNION ALL
        SELECT {columns}, 'INSERT' AS "METADATA$ACTION", {ROW} IN (SELECT {ROW} FROM _old) AS "METADATA$ISUPDATE", {meta}
        FROM _new WHERE {ROW} NOT IN (SELECT {ROW} FROM _same)"""


def _filled(resolver: Resolver, tree: exp.Expr, table: Entry) -> exp.Expr:
    """Put the table, and its log, with policies applied, in their places."""
    log = _log(table.name).table
    for place in list(tree.find_all(exp.Table)):
        if place.name == "_NOW":
            shown = resolver.shield(table, table.name.table, (ROW,))
        elif place.name == "_BEFORE":
            shown = resolver.shield(table, log, (ROW, "_V"))
        else:
            if place.args.get("db"):
                resolver.reads.add(Name(place.catalog, place.db, place.name))
            continue
        alias = exp.TableAlias(this=exp.to_identifier(place.name, quoted=True))
        place.replace(exp.Subquery(this=shown, alias=alias))
    resolver.reads |= {table.name, _log(table.name)}
    return tree


# -- statements


def _create(session: Session, statement: Statement) -> Result:
    name = statement.name(session)
    access.require_create(session, "STREAM", name)
    old = session.catalog.relation(name)
    if old and statement.if_not_exists:
        return Result.status(f"{name.name} already exists, statement succeeded.")
    if old and not (statement.replace and old.kind == "STREAM"):
        raise exists(name)
    copy_grants = statement.accept("COPY", "GRANTS")
    statement.expect("ON")
    if not statement.accept("TABLE"):
        raise unsupported(f"a stream on {statement.rest()[:80]}")
    table_name = statement.name(session)
    session.require("SELECT", "TABLE", table_name)
    properties = {key.lower(): value for key, value in statement.properties().items()}
    statement.end()
    if unknown := properties.keys() - {"append_only", "show_initial_rows", "insert_only", "comment"}:
        raise unsupported(f"{', '.join(sorted(unknown)).upper()} of a stream")
    if properties.get("show_initial_rows") or properties.get("insert_only"):
        raise unsupported("SHOW_INITIAL_ROWS and INSERT_ONLY of a stream")
    if table_name.database != name.database:
        raise unsupported("a stream in another database than its table")
    table = session.catalog.get("TABLE", table_name)
    if table is None:
        raise missing("table", table_name)
    table = track(session, table)
    stream = Entry(
        kind="STREAM",
        name=name,
        owner=session.role,
        grants=old.grants if old and copy_grants else (),
        properties={
            "table": kept(table_name),
            "tracked": table.properties["tracked"],
            "append_only": bool(properties.get("append_only")),
            "comment": properties.get("comment", ""),
            "columns": [],
        },
    )
    store = _store(name.database)
    session.duck.execute(f"DELETE FROM {store}.CONSUMED WHERE STREAM = ?", [str(name)])
    session.duck.execute(
        f"INSERT INTO {store}.CONSUMED SELECT ?, V FROM {store}.VERSIONS WHERE TABLE_NAME = ?",
        [str(name), str(table_name)],
    )
    session.catalog.put(session, access.with_future_grants(session, stream))
    return Result.status(f"Stream {name.name} successfully created.")


def _drop(session: Session, statement: Statement) -> Result:
    name = statement.name(session)
    statement.end()
    if statement.if_exists and not session.catalog.get("STREAM", name):
        return Result.status("Drop statement executed successfully.")
    access.require_owner(session, "STREAM", name)
    session.duck.execute(f"DELETE FROM {_store(name.database)}.CONSUMED WHERE STREAM = ?", [str(name)])
    session.catalog.drop(session, "STREAM", name)
    return Result.status(f"{name.name} successfully dropped.")


def _alter(session: Session, statement: Statement) -> Result:
    name = statement.name(session)
    if statement.if_exists and not session.catalog.get("STREAM", name):
        return Result.status(SUCCESS)
    stream = access.require_owner(session, "STREAM", name)
    if statement.accept("SET"):
        properties = {key.lower(): value for key, value in statement.properties().items()}
        if (
            properties.pop("append_only", stream.properties["append_only"])
            != stream.properties["append_only"]
        ):
            raise unsupported("a change of APPEND_ONLY (replace the stream)")
        if properties.keys() - {"comment"}:
            raise unsupported(f"{', '.join(sorted(properties)).upper()} of a stream")
        stream = stream.having(**properties)
    else:
        statement.expect("UNSET", "COMMENT")
        stream = stream.having(comment=None)
    statement.end()
    session.catalog.put(session, stream)
    return Result.status(SUCCESS)


def has_data(session: Session, text: str) -> bool:
    """SYSTEM$STREAM_HAS_DATA: whether the stream would show a row."""
    from local.snowflake import query  # noqa: PLC0415 (queries know streams)
    from local.snowflake.names import parts_of  # noqa: PLC0415

    name = session.qualify(parts_of(text))
    stream = session.catalog.get("STREAM", name)
    if stream is None:
        raise missing("stream", name)
    table = exp.select("1").from_(name.table).limit(1)
    base(session, stream)
    if session.one(f"SELECT 1 FROM ({_window(session, stream)}) LIMIT 1") is None:
        return False
    return bool(query.run(session, table).rows)


def tidy(engine: Engine) -> None:
    """Forget versions and logs which all streams have consumed, while nobody is connected."""
    for database in engine.databases():
        store = _store(database)
        for table in engine.catalog.all("TABLE", database):
            if not table.properties.get("tracked"):
                continue
            streams = [s for s in engine.catalog.all("STREAM", database) if _base_text(s) == str(table.name)]
            names = ", ".join(literal(str(stream.name)) for stream in streams) or "''"
            done = (
                f"SELECT V FROM {store}.VERSIONS WHERE TABLE_NAME = {literal(str(table.name))} AND "
                f"(SELECT count(*) FROM {store}.CONSUMED c WHERE c.V = VERSIONS.V AND STREAM IN ({names})) >= {len(streams)}"
            )
            engine.duck.execute("BEGIN")
            engine.duck.execute(f"CREATE OR REPLACE TEMP TABLE _done AS {done}")
            engine.duck.execute(f"DELETE FROM {store}.VERSIONS WHERE V IN (FROM _done)")
            engine.duck.execute(f"DELETE FROM {store}.CONSUMED WHERE V IN (FROM _done)")
            engine.duck.execute("COMMIT")
            left = f"SELECT V FROM {store}.VERSIONS WHERE TABLE_NAME = {literal(str(table.name))}"
            engine.duck.execute(
                f"DELETE FROM {log_name(table.name)} WHERE _V NOT IN ({left}) AND ({ROW} >> {BITS}) NOT IN ({left})"
            )


def install(engine: Engine) -> None:
    """Answer the statements on streams."""
    engine.register("CREATE STREAM", _create)
    engine.register("DROP STREAM", _drop)
    engine.register("ALTER STREAM", _alter)
    engine.register_function("SYSTEM$STREAM_HAS_DATA", has_data)
    tidy(engine)
