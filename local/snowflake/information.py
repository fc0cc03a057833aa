"""INFORMATION_SCHEMA: its views and table functions, made from the catalogue when asked, for what the role may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from local.snowflake import access, policies
from local.snowflake.catalog import STORE, Entry
from local.snowflake.errors import compilation, missing, unsupported
from local.snowflake.names import parts_of, quoted
from local.snowflake.result import Result
from local.snowflake.show import retention, table_of

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

_TYPES = {"VARCHAR": "TEXT"}


def _seen(session: Session, database: str, *kinds: str) -> list[Entry]:
    return [
        entry
        for kind in kinds
        for entry in session.catalog.all(kind, database)
        if access.allowed(session.engine, session.role, "", entry)
    ]


def _place(entry: Entry, word: str = "TABLE") -> dict[str, Any]:
    name = entry.name
    return {f"{word}_CATALOG": name.database, f"{word}_SCHEMA": name.schema, f"{word}_NAME": name.name}


def _tables(session: Session, _arguments: dict[str, Any], database: str) -> Result:
    rows = [
        {
            **_place(entry), "TABLE_OWNER": entry.owner,
            "TABLE_TYPE": "VIEW" if entry.kind == "VIEW" else "LOCAL TEMPORARY" if entry.properties.get("temporary") else "BASE TABLE",
            "IS_TRANSIENT": "YES" if entry.properties.get("transient") else "NO",
            "CLUSTERING_KEY": entry.properties.get("cluster_by"), "ROW_COUNT": _rows(session, entry),
            "BYTES": None if entry.kind == "VIEW" else (_rows(session, entry) or 0) * 1024,
            "RETENTION_TIME": retention(session, entry), "CREATED": entry.created, "LAST_ALTERED": entry.created,
            "COMMENT": entry.comment or None, "IS_TEMPORARY": "YES" if entry.properties.get("temporary") else "NO",
            "IS_ICEBERG": "NO", "IS_DYNAMIC": "NO", "IS_HYBRID": "NO", "AUTO_CLUSTERING_ON": "NO", "IS_IMMUTABLE": "NO",
        }
        for entry in _seen(session, database, "TABLE", "VIEW")
    ]  # fmt: skip
    return table_of(
        rows,
        (
            "TABLE_CATALOG",
            "TABLE_SCHEMA",
            "TABLE_NAME",
            "TABLE_OWNER",
            "TABLE_TYPE",
            "ROW_COUNT",
            "BYTES",
            "COMMENT",
        ),
    )


def _rows(session: Session, entry: Entry) -> int | None:
    if entry.kind == "VIEW":
        return None
    found = session.one(f"SELECT count(*) FROM {entry.name.sql}")
    return int(found[0]) if found else 0


def _columns(session: Session, _arguments: dict[str, Any], database: str) -> Result:
    rows = [
        {
            **_place(entry), "COLUMN_NAME": column["name"], "ORDINAL_POSITION": place,
            "COLUMN_DEFAULT": column.get("default"), "IS_NULLABLE": "YES" if column.get("nullable", True) else "NO",
            **_type(column), "IS_IDENTITY": "YES" if column.get("autoincrement") else "NO",
            "COMMENT": column.get("comment"),
        }
        for entry in _seen(session, database, "TABLE", "VIEW")
        for place, column in enumerate(entry.properties["columns"], start=1)
    ]  # fmt: skip
    return table_of(
        rows, ("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "ORDINAL_POSITION", "DATA_TYPE")
    )


def _type(column: dict[str, Any]) -> dict[str, Any]:
    kind, _, rest = column["type"].partition("(")
    numbers = [int(n) for n in rest.rstrip(")").split(",")] if rest else []
    text, number, moment = kind in ("VARCHAR", "BINARY"), kind == "NUMBER", kind.startswith("TIME")
    return {
        "DATA_TYPE": _TYPES.get(kind, kind),
        "CHARACTER_MAXIMUM_LENGTH": numbers[0] if text else None,
        "CHARACTER_OCTET_LENGTH": min(numbers[0] * 4, 16777216) if text else None,
        "NUMERIC_PRECISION": numbers[0] if number else None,
        "NUMERIC_PRECISION_RADIX": 10 if number else None,
        "NUMERIC_SCALE": numbers[1] if number else None,
        "DATETIME_PRECISION": numbers[0] if moment else None,
    }


def _schemata(session: Session, _arguments: dict[str, Any], database: str) -> Result:
    rows = [
        {
            "CATALOG_NAME": database, "SCHEMA_NAME": entry.name.name, "SCHEMA_OWNER": entry.owner,
            "IS_TRANSIENT": "YES" if entry.properties.get("transient") else "NO",
            "IS_MANAGED_ACCESS": "YES" if entry.properties.get("managed") else "NO",
            "RETENTION_TIME": retention(session, entry), "CREATED": entry.created, "LAST_ALTERED": entry.created,
            "COMMENT": entry.comment or None,
        }
        for entry in _seen(session, database, "SCHEMA")
    ]  # fmt: skip
    return table_of(rows, ("CATALOG_NAME", "SCHEMA_NAME", "SCHEMA_OWNER"))


def _databases(session: Session, _arguments: dict[str, Any], _database: str) -> Result:
    rows = [
        {"DATABASE_NAME": e.name.name, "DATABASE_OWNER": e.owner, "IS_TRANSIENT": "NO", "COMMENT": e.comment or None,
         "CREATED": e.created, "LAST_ALTERED": e.created, "RETENTION_TIME": retention(session, e), "TYPE": "STANDARD"}
        for e in session.catalog.all("DATABASE")
        if access.allowed(session.engine, session.role, "", e)
    ]  # fmt: skip
    return table_of(rows, ("DATABASE_NAME", "DATABASE_OWNER"))


def _views(session: Session, _arguments: dict[str, Any], database: str) -> Result:
    rows = [
        {**_place(e), "TABLE_OWNER": e.owner, "VIEW_DEFINITION": e.properties["text"],
         "IS_SECURE": "YES" if e.properties.get("secure") else "NO", "CREATED": e.created, "COMMENT": e.comment or None}
        for e in _seen(session, database, "VIEW")
    ]  # fmt: skip
    return table_of(rows, ("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "VIEW_DEFINITION"))


def _privileges(session: Session, _arguments: dict[str, Any], database: str) -> Result:
    rows = [
        {"GRANTOR": g.by, "GRANTEE": g.role, **_place(e), "PRIVILEGE_TYPE": g.privilege,
         "IS_GRANTABLE": "YES" if g.option else "NO", "CREATED_ON": g.created}
        for e in _seen(session, database, "TABLE", "VIEW")
        for g in e.grants
    ]  # fmt: skip
    return table_of(
        rows,
        (
            "GRANTOR",
            "GRANTEE",
            "TABLE_CATALOG",
            "TABLE_SCHEMA",
            "TABLE_NAME",
            "PRIVILEGE_TYPE",
            "IS_GRANTABLE",
        ),
    )


# -- table functions


def _policy_references(session: Session, arguments: dict[str, Any], _database: str) -> Result:
    """Where a policy is in use, or which policies are in use on an object, also by tags."""
    policy, ref = arguments.get("POLICY_NAME"), arguments.get("REF_ENTITY_NAME")
    if not policy and not ref:
        raise compilation(
            "POLICY_REFERENCES needs POLICY_NAME, or REF_ENTITY_NAME and REF_ENTITY_DOMAIN.", 1003, "42000"
        )
    uses = policies.all_uses(session.catalog)
    if policy:
        name = session.qualify(parts_of(policy))
        uses = [use for use in uses if use["policy"] == name]
        if not any(session.catalog.get(kind, name) for kind in (policies.MASKING, policies.ROW_ACCESS)):
            raise missing("policy", name)
    else:
        name = session.qualify(parts_of(str(ref)))
        if not session.catalog.relation(name) and not session.catalog.get("TAG", name):
            raise missing("object", name)
        uses = [use for use in uses if use["on"].name == name]
    rows = [
        [
            use["policy"].database, use["policy"].schema, use["policy"].name, use["kind"].replace(" ", "_"),
            use["on"].name.database, use["on"].name.schema, use["on"].name.name, use["on"].kind, use["column"],
            json_list(use["using"]), *(use["tag"] or (None, None, None)), "ACTIVE",
        ]
        for use in uses
    ]  # fmt: skip
    return Result.of(
        (
            "POLICY_DB", "POLICY_SCHEMA", "POLICY_NAME", "POLICY_KIND", "REF_DATABASE_NAME", "REF_SCHEMA_NAME",
            "REF_ENTITY_NAME", "REF_ENTITY_DOMAIN", "REF_COLUMN_NAME", "REF_ARG_COLUMN_NAMES", "TAG_DATABASE",
            "TAG_SCHEMA", "TAG_NAME", "POLICY_STATUS",
        ),
        rows, [pa.string()] * 14,
    )  # fmt: skip


def json_list(names: list[str]) -> str | None:
    """Column names as Snowflake writes them in one text."""
    return f"[ {', '.join(quoted(name) for name in names)} ]" if names else None


_TAG_COLUMNS = ("TAG_DATABASE", "TAG_SCHEMA", "TAG_NAME", "TAG_VALUE", "LEVEL", "OBJECT_DATABASE", "OBJECT_SCHEMA", "OBJECT_NAME", "DOMAIN", "COLUMN_NAME")  # fmt: skip


def _tag_references_of(session: Session, relation: Entry, column: dict[str, Any] | None) -> list[list[Any]]:
    own = (column or relation.properties).get("tags", {})
    rows: list[list[Any]] = []
    for tag, value in policies.carried(session.catalog, relation, column).items():
        name = policies.named(tag)
        level = (
            "COLUMN"
            if column and tag in own
            else "TABLE"
            if tag in relation.properties.get("tags", {})
            else "SCHEMA"
        )
        rows.append([
            *name, value, level, relation.name.database, relation.name.schema, relation.name.name,
            "COLUMN" if column else "TABLE", column["name"] if column else None,
        ])  # fmt: skip
    return rows


def _tag_references(session: Session, arguments: dict[str, Any], _database: str) -> Result:
    """TAG_REFERENCES('db.s.t.column', 'column')."""
    text, domain = arguments.get("0"), str(arguments.get("1", "")).upper()
    parts = parts_of(text or "")
    if domain not in ("TABLE", "VIEW", "COLUMN"):
        raise unsupported(f"TAG_REFERENCES of a {domain.lower() or 'thing without domain'}")
    relation = session.catalog.relation(session.qualify(parts[:-1] if domain == "COLUMN" else parts))
    if relation is None:
        raise missing("object", text)
    from local.snowflake import attach  # noqa: PLC0415 (it knows policies)

    column = attach.find(relation, parts[-1]) if domain == "COLUMN" else None
    return Result.of(_TAG_COLUMNS, _tag_references_of(session, relation, column), [pa.string()] * 10)


def _all_tag_references(session: Session, arguments: dict[str, Any], _database: str) -> Result:
    """TAG_REFERENCES_ALL_COLUMNS('db.s.t', 'table')."""
    relation = session.catalog.relation(session.qualify(parts_of(arguments.get("0") or "")))
    if relation is None:
        raise missing("object", arguments.get("0"))
    rows = [
        row
        for column in relation.properties["columns"]
        for row in _tag_references_of(session, relation, column)
    ]
    return Result.of(_TAG_COLUMNS, rows, [pa.string()] * 10)


_LOADS = """SELECT FILE AS FILE_NAME, regexp_extract(FILE, '^(.*/)') AS STAGE_LOCATION, "AT" AS LAST_LOAD_TIME,
    ROWS_LOADED AS ROW_COUNT, ROWS_PARSED AS ROW_PARSED, BYTES AS FILE_SIZE, FIRST_ERROR AS FIRST_ERROR_MESSAGE,
    FIRST_ERROR_LINE AS FIRST_ERROR_LINE_NUMBER, CASE WHEN FIRST_ERROR IS NULL THEN 0 ELSE 1 END AS ERROR_COUNT,
    CASE STATUS WHEN 'LOADED' THEN 'Loaded' ELSE 'Load failed' END AS STATUS, ? AS TABLE_CATALOG_NAME,
    SCHEMA_NAME AS TABLE_SCHEMA_NAME, TABLE_NAME, nullif(PIPE, '') AS PIPE_NAME, "AT" AS PIPE_RECEIVED_TIME
    FROM {store}.LOADS"""


def _copy_history(session: Session, arguments: dict[str, Any], _database: str) -> Result:
    """COPY_HISTORY(TABLE_NAME => '…', START_TIME => …, END_TIME => …)."""
    text = arguments.get("TABLE_NAME", arguments.get("0"))
    if not text:
        raise compilation("COPY_HISTORY needs TABLE_NAME.", 1003, "42000")
    if unknown := sorted(arguments.keys() - {"TABLE_NAME", "START_TIME", "END_TIME", "0", "1", "2"}):
        raise unsupported(f"{', '.join(unknown)} of COPY_HISTORY")
    name = session.qualify(parts_of(text))
    session.require("", "TABLE", name)
    low, high = arguments.get("START_TIME", arguments.get("1")), arguments.get("END_TIME", arguments.get("2"))
    where = 'SCHEMA_NAME = ? AND TABLE_NAME = ? AND "AT" >= ? AND "AT" <= ?'
    sql = f'{_LOADS.format(store=f"{quoted(name.database)}.{STORE}")} WHERE {where} ORDER BY "AT"'
    binds = [name.database, name.schema, name.name, low or "1970-01-01", high or "9999-01-01"]
    return Result(table=session.duck.sql(sql, params=binds).to_arrow_table())


def _load_history(session: Session, _arguments: dict[str, Any], database: str) -> Result:
    seen = {(e.name.schema, e.name.name) for e in _seen(session, database, "TABLE")}
    sql = f"""SELECT SCHEMA_NAME, FILE AS FILE_NAME, TABLE_NAME, "AT" AS LAST_LOAD_TIME, STATUS, ROWS_LOADED AS ROW_COUNT,
        ROWS_PARSED AS ROW_PARSED, FIRST_ERROR AS FIRST_ERROR_MESSAGE, FIRST_ERROR_LINE AS FIRST_ERROR_LINE_NUMBER,
        CASE WHEN FIRST_ERROR IS NULL THEN 0 ELSE 1 END AS ERROR_COUNT FROM {quoted(database)}.{STORE}.LOADS"""
    table = session.duck.sql(sql).to_arrow_table()
    keys = zip(table.column("SCHEMA_NAME").to_pylist(), table.column("TABLE_NAME").to_pylist(), strict=True)
    return Result(table=table.filter(pa.array([key in seen for key in keys], type=pa.bool_())))


def _result_scan(session: Session, arguments: dict[str, Any], _database: str) -> Result:
    """RESULT_SCAN(LAST_QUERY_ID()) or of a query of this session."""
    found = session.results.get(str(arguments.get("0")))
    if found is None:
        raise compilation(f"Statement {arguments.get('0')} not found", 709, "02000")
    return found


def _generator(_session: Session, arguments: dict[str, Any], _database: str) -> Result:
    """GENERATOR(ROWCOUNT => n): rows without columns; ours have one that nobody names."""
    if "ROWCOUNT" not in arguments:
        raise unsupported("GENERATOR without ROWCOUNT")
    return Result(
        table=pa.table({"_GENERATED": pa.array(range(int(arguments["ROWCOUNT"])), type=pa.int64())})
    )


def install(engine: Engine) -> None:
    """Answer INFORMATION_SCHEMA and the table functions."""
    views = {
        "TABLES": _tables, "COLUMNS": _columns, "SCHEMATA": _schemata, "DATABASES": _databases, "VIEWS": _views,
        "TABLE_PRIVILEGES": _privileges, "LOAD_HISTORY": _load_history,
    }  # fmt: skip
    for name, view in views.items():
        engine.register_table_function(f"VIEW {name}", view)
    engine.register_table_function("POLICY_REFERENCES", _policy_references)
    engine.register_table_function("TAG_REFERENCES", _tag_references)
    engine.register_table_function("TAG_REFERENCES_ALL_COLUMNS", _all_tag_references)
    engine.register_table_function("COPY_HISTORY", _copy_history)
    engine.register_table_function("RESULT_SCAN", _result_scan)
    engine.register_table_function("GENERATOR", _generator)
