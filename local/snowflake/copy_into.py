"""COPY INTO a table from files of a stage: NDJSON, gzipped or plain, each file loaded once.

A file's lines go to DuckDB as an Arrow table with their file's name and row number, so that METADATA$ columns are exact
and no extension is needed. A file that fails is skipped whole, or stops the statement, as ON_ERROR says.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

from local.snowflake import access, context, dml, objects, stages, streams, tables
from local.snowflake.catalog import STORE, Entry
from local.snowflake.errors import compilation, forbidden, translated, unsupported
from local.snowflake.names import Name, identifier, parts_of, quoted
from local.snowflake.resolve import Resolver
from local.snowflake.result import Result
from local.snowflake.translate import to_duckdb

if TYPE_CHECKING:
    from local.snowflake.session import Session

LINES = "_LAKE_LINES"
BATCH_BYTES = 64 << 20  # of uncompressed text in one INSERT
_OPTIONS = {
    "PATTERN",
    "FILES",
    "FILE_FORMAT",
    "ON_ERROR",
    "FORCE",
    "PURGE",
    "SIZE_LIMIT",
    "RETURN_FAILED_ONLY",
}
_HONOURED = {
    "TYPE",
    "COMPRESSION",
    "FILE_EXTENSION",
    "MULTI_LINE",
}  # a document per line, whatever MULTI_LINE says
_COLUMNS = (
    "file", "status", "rows_parsed", "rows_loaded", "error_limit", "errors_seen", "first_error", "first_error_line",
    "first_error_character", "first_error_column_name",
)  # fmt: skip
_META = {
    "METADATA$FILENAME": "FILENAME",
    "METADATA$FILE_ROW_NUMBER": "ROW_NUMBER",
    "METADATA$FILE_LAST_MODIFIED": "LAST_MODIFIED",
    "METADATA$START_SCAN_TIME": "SCAN_TIME",
    "METADATA$FILE_CONTENT_KEY": "CONTENT_KEY",
}


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What became of one file."""

    file: str
    status: str
    parsed: int = 0
    loaded: int = 0
    error: str | None = None
    line: int | None = None
    size: int = 0

    def row(self) -> list[Any]:
        """As COPY INTO shows it."""
        failed = self.error is not None
        return [
            self.file,
            self.status,
            self.parsed,
            self.loaded,
            1,
            int(failed),
            self.error,
            self.line,
            None,
            None,
        ]


@dataclass(frozen=True, kw_only=True)
class _Copy:
    """A COPY statement, understood."""

    target: Entry
    columns: list[str]
    select: exp.Select
    stage: Entry
    path: str
    options: dict[str, Any]
    resolver: Resolver
    pipe: str
    skip: bool


def run(session: Session, tree: exp.Copy) -> Result:
    """Run COPY INTO; the load history keeps the name of the session's pipe."""
    copy = _understand(session, tree, session.pipe)
    with session.atomic():
        files = _files(session, copy)
        done = _load(session, copy, files)
        dml.finish(session, copy.resolver, copy.target)
    if not done:
        return Result.status("Copy executed with 0 files processed.")
    return Result.of(_COLUMNS, [item.row() for item in done])


# -- the statement


def _understand(session: Session, tree: exp.Copy, pipe: str) -> _Copy:
    if not isinstance(tree.this, (exp.Table, exp.Schema)):
        raise unsupported("COPY INTO a stage")
    resolver = Resolver(session)
    table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if not isinstance(table.this, exp.Identifier) or table.name.startswith("@"):
        raise unsupported("COPY INTO a stage")
    target = resolver.target(table)
    session.require("INSERT", "TABLE", target.name)
    given = [identifier(e) for e in tree.this.expressions] if isinstance(tree.this, exp.Schema) else []
    options = {parameter.this.name.upper(): _option(parameter) for parameter in tree.args.get("params") or ()}
    if unknown := sorted(options.keys() - _OPTIONS):
        raise unsupported(f"{', '.join(unknown)} in COPY INTO")
    for refused in ("PURGE", "SIZE_LIMIT"):
        if options.get(refused):
            raise unsupported(f"{refused} in COPY INTO")
    source = tree.args["files"][0]
    select = source.this if isinstance(source, exp.Subquery) else None
    place = select.args["from_"].this if isinstance(select, exp.Select) else source
    if select is None:
        select = exp.Select(expressions=[exp.Parameter(this=exp.Literal.number(1))])
    _check_select(select)
    stage, path = stages.find(session, place)
    may = any(access.allowed(session.engine, session.role, p, stage) for p in ("USAGE", "READ"))
    if not may:
        raise forbidden(f"to operate on stage '{stage.name.name}'")
    on_error = str(options.get("ON_ERROR", "SKIP_FILE" if pipe else "ABORT_STATEMENT"))
    if on_error not in ("SKIP_FILE", "ABORT_STATEMENT"):
        raise unsupported(f"ON_ERROR = {on_error}")
    return _Copy(
        target=target,
        columns=given or dml.column_names(target)[: len(select.expressions)],
        select=select,
        stage=stage,
        path=path,
        options=options,
        resolver=resolver,
        pipe=pipe,
        skip=on_error == "SKIP_FILE",
    )


def _option(parameter: exp.Expr) -> Any:
    value = parameter.args.get("expression")
    if value is None:
        return {
            (e.this.name if isinstance(e.this, exp.Expr) else str(e.this)).upper(): _plain(
                e.args.get("value")
            )
            for e in parameter.expressions
        }
    return _plain(value)


def _plain(value: exp.Expr | None) -> Any:
    match value:
        case exp.Tuple():
            return [_plain(e) for e in value.expressions]
        case exp.Paren():
            return [_plain(value.this)]
        case exp.Boolean():
            return value.this
        case exp.Literal():
            return value.this
        case None:
            return None
    return value.sql(dialect="snowflake").upper()


def _check_select(select: exp.Select) -> None:
    """A load transforms rows one by one: no join, no filter, no aggregate."""
    for key, value in select.args.items():
        if value and key not in ("expressions", "from_", "kind", "hint"):
            raise compilation(
                f"SELECT with {key.upper().rstrip('_')} is not supported in COPY.", 1003, "42601"
            )
    if select.find(exp.Subquery) or any(select.find(exp.AggFunc, exp.Window) or ()):
        raise compilation("COPY supports simple SELECT from stage statements only.", 2101, "0A000")


def _statement(session: Session, copy: _Copy) -> str:
    """The INSERT over the lines of files."""

    def place(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Parameter) and node.name.isdigit():
            if node.name != "1":
                raise unsupported(f"${node.name} of a JSON file (it has $1 only)")
            return exp.column("VALUE", LINES)
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Parameter):
            return place(node.this)
        if isinstance(node, exp.Column) and node.name.upper() in _META:
            return exp.column(_META[node.name.upper()], LINES)
        return node

    select = copy.select.copy().transform(place)
    select.set("expressions", [exp.alias_(e, f"C{n}") for n, e in enumerate(select.expressions)])
    select.set("from_", exp.From(this=exp.to_table(LINES)))
    for column in select.find_all(exp.Column):
        if column.table.upper() != LINES:
            raise compilation(f"invalid identifier '{column.sql(dialect='snowflake').upper()}'", 904, "42000")
    context.substitute(session, select)
    types = {column["name"]: tables.duck_type(column["type"]) for column in copy.target.properties["columns"]}
    if len(select.expressions) != len(copy.columns) or not types.keys() >= set(copy.columns):
        raise compilation("Insert value list does not match column list", 2020, "21S01")
    casts = ", ".join(f"CAST(C{n} AS {types[name]}) AS C{n}" for n, name in enumerate(copy.columns))
    return f"SELECT {casts} FROM ({to_duckdb(select)})"


# -- files


def _files(session: Session, copy: _Copy) -> list[str]:
    """Addresses to look at, in order of their names."""
    root = stages.address(copy.stage, copy.path)
    if names := copy.options.get("FILES"):
        found = [stages.address(copy.stage, copy.path, name) for name in names]
    else:
        found = stages.listed(session, root)
    if pattern := copy.options.get("PATTERN"):
        rule = re.compile(pattern)
        found = [file for file in found if rule.fullmatch(stages.shown(file))]
    return sorted(set(found))


def _format(session: Session, copy: _Copy) -> dict[str, Any]:
    options = copy.options.get("FILE_FORMAT") or {}
    if isinstance(options, str):
        options = {"FORMAT_NAME": options}
    if not options:
        options = copy.stage.properties.get("FILE_FORMAT") or {}
    if name := options.get("FORMAT_NAME"):
        full = session.qualify(parts_of(name))
        entry = session.catalog.get("FILE FORMAT", full)
        if entry is None:
            raise compilation(f"File format '{full}' does not exist or not authorized.")
        options = {key: value for key, value in entry.properties.items() if key.isupper()}
    options = objects.check_format(options)
    for key, value in options.items():
        if key not in _HONOURED and value != objects.JSON_FORMAT.get(key):
            raise unsupported(f"loading with {key} = {value}")
    return options


def _lines(session: Session, file: str, form: dict[str, Any]) -> tuple[list[bytes], list[int], int]:
    """The lines of a file which hold something, their numbers, and the file's size."""
    data = stages.read(session, file)
    compression = str(form.get("COMPRESSION", "AUTO")).upper()
    if compression == "GZIP" or (compression == "AUTO" and data[:2] == b"\x1f\x8b"):
        data = gzip.decompress(data)
    elif compression not in ("AUTO", "NONE"):
        raise unsupported(f"COMPRESSION = {compression}")
    lines = data.split(b"\n")
    kept = [line for line in lines if line.strip()]
    return kept, list(range(1, len(kept) + 1)), len(data)


def _load(session: Session, copy: _Copy, files: list[str]) -> list[Loaded]:
    form = _format(session, copy)
    statement = _statement(session, copy)
    known = set() if copy.options.get("FORCE") else _known(session, copy.target.name)
    streams.version(session, copy.target)
    done: list[Loaded] = []
    waiting: list[pa.Table] = []
    for file in files:
        if file in known:
            if not copy.pipe:
                done.append(Loaded(file=stages.shown(file), status="LOAD_SKIPPED"))
            continue
        made, outcome = _transformed(session, copy, statement, file, form)
        if made is not None:
            waiting.append(made)
        if sum(table.nbytes for table in waiting) > BATCH_BYTES:
            _insert(session, copy, waiting)
            waiting = []
        _remember(session, copy, file, outcome)
        done.append(outcome)
    _insert(session, copy, waiting)
    return done


def _known(session: Session, name: Name) -> set[str]:
    """Files that the table has loaded: they are not loaded again."""
    rows = session.duck.execute(
        f"""SELECT FILE FROM {quoted(name.database)}.{STORE}.LOADS
            WHERE SCHEMA_NAME = ? AND TABLE_NAME = ? AND STATUS = 'LOADED'""",
        [name.schema, name.name],
    ).fetchall()
    return {row[0] for row in rows}


def _transformed(
    session: Session, copy: _Copy, statement: str, file: str, form: dict[str, Any]
) -> tuple[pa.Table | None, Loaded]:
    """The rows that a file gives, or why it gives none."""
    shown = stages.shown(file)
    try:
        lines, numbers, size = _lines(session, file, form)
    except (OSError, EOFError) as fault:
        if isinstance(fault, FileNotFoundError):
            raise ProgrammingError(
                msg=f"Remote file '{file}' was not found. If you are running a copy command, please make sure files are "
                "not deleted when they are being loaded or files are not being loaded into two different tables "
                "concurrently with auto purge option.", errno=91016, sqlstate="22000",
            ) from fault  # fmt: skip
        why = f"The file cannot be decompressed: {fault}"
        return None, _failed(copy, Loaded(file=shown, status="LOAD_FAILED", error=why))
    scan = datetime.now(UTC)
    try:
        text = pa.array(lines, type=pa.binary()).cast(pa.string())
        table = pa.table(
            {
                "VALUE": text,
                "FILENAME": pa.array([shown] * len(lines), type=pa.string()),
                "ROW_NUMBER": pa.array(numbers, type=pa.int64()),
                "SCAN_TIME": pa.array([scan] * len(lines), type=pa.timestamp("us", tz="UTC")),
            }
        )
        session.scratch.register("_LAKE_FILE", table)
        try:
            rows = session.scratch.sql(
                f"WITH {LINES} AS (SELECT CAST(VALUE AS JSON) AS VALUE, FILENAME, ROW_NUMBER, SCAN_TIME FROM _LAKE_FILE) "
                + statement
            ).to_arrow_table()
        finally:
            session.scratch.unregister("_LAKE_FILE")
    except (duckdb.Error, pa.ArrowInvalid) as fault:
        outcome = Loaded(
            file=shown,
            status="LOAD_FAILED",
            parsed=len(lines),
            error=_reason(fault),
            line=_line(session, lines),
            size=size,
        )
        return None, _failed(copy, outcome)
    return rows, Loaded(file=shown, status="LOADED", parsed=len(lines), loaded=len(lines), size=size)


def _reason(fault: Exception) -> str:
    """Why a line failed, without what it holds."""
    text = str(translated(fault).msg if isinstance(fault, duckdb.Error) else fault).split("\n")[0]
    kind = text.partition(":")[0]
    if "JSON" in text:
        return "Error parsing JSON"
    return f"{kind}: a value does not fit its column"


def _line(session: Session, lines: list[bytes]) -> int | None:
    """The first line that is no JSON."""
    for number, line in enumerate(lines, start=1):
        try:
            row = session.scratch.execute("SELECT json_valid(?)", [line.decode()]).fetchall()[0]
        except UnicodeDecodeError:
            return number
        if not row[0]:
            return number
    return None


def _failed(copy: _Copy, outcome: Loaded) -> Loaded:
    """A file that gives no rows: passed over, or the end of the statement."""
    if not copy.skip:
        where = f", line {outcome.line}" if outcome.line else ""
        raise ProgrammingError(
            msg=f"{outcome.error}\n  File '{outcome.file}'{where}\n  If you would like to continue loading when an error is "
            "encountered, use ON_ERROR = 'SKIP_FILE'.", errno=100069, sqlstate="22P02",
        )  # fmt: skip
    return outcome


def _insert(session: Session, copy: _Copy, waiting: list[pa.Table]) -> None:
    if not waiting:
        return
    session.duck.register("_LAKE_ROWS", pa.concat_tables(waiting))
    try:
        names = ", ".join(quoted(name) for name in copy.columns)
        session.duck.execute(f"INSERT INTO {copy.target.name.sql} ({names}) SELECT * FROM _LAKE_ROWS")
    finally:
        session.duck.unregister("_LAKE_ROWS")


def _remember(session: Session, copy: _Copy, file: str, outcome: Loaded) -> None:
    name = copy.target.name
    session.duck.execute(
        f"INSERT INTO {quoted(name.database)}.{STORE}.LOADS VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, now())",
        [
            name.schema, name.name, file, copy.pipe, outcome.status, outcome.parsed, outcome.loaded, outcome.size,
            outcome.error, outcome.line,
        ],
    )  # fmt: skip
