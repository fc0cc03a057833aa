"""One session of the laptop's Snowflake, and how other modules of this package plug into it.

Running SQL from inside the process (what a task, a pipe or a scripting block does)::

    session = engine.session(role="SYSADMIN", database="RETAIL_LOCAL", schema="RAW")
    result = session.execute("SELECT * FROM POS WHERE SOURCE = ?", ["pos"])     # binds: list, or None
    result.columns        # ("PAYLOAD", "EVENT_ID", …)
    result.rows           # list of tuples of Python values (VARIANT comes as JSON text)
    result.rowcount       # rows returned, or rows changed by DML
    session.close()

Faults are `snowflake.connector.errors.ProgrammingError` with Snowflake's message, `errno` and `sqlstate`.
`BEGIN [TRANSACTION]`, `COMMIT`, `ROLLBACK` work as statements; `session.in_transaction` tells. A consumed stream's
offset is written in the transaction of the DML that read it, whoever executes it. A write conflict (two consumers of
one stream) is a `ProgrammingError` with errno 625: roll back and try again (a COMMIT that fails has rolled back). Unlike
Snowflake's, a transaction does not survive a statement that failed at run time: `session.aborted` tells, and all but
ROLLBACK is refused then, COMMIT too.

Plugging in. `scripting`, `tasks` and `pipes` each define ``install(engine: Engine) -> None``, which `Engine` calls
after the catalogue was restored and before the port opens:

* ``engine.register(prefix, handler)``: `handler(session, statement) -> Result` answers statements that begin with
  the prefix, e.g. ``"CREATE TASK"``, ``"ALTER PIPE"``, ``"SHOW TASKS"``, ``"EXECUTE TASK"``, ``"DESCRIBE PIPE"``
  (DESC is the same), ``"EXECUTE IMMEDIATE"``. For CREATE the words OR REPLACE, and for all IF [NOT] EXISTS, are
  already taken: ``statement.replace``, ``statement.if_not_exists``, ``statement.if_exists``. See `commands.Statement`
  for reading the rest: ``.name(session)``, ``.word()``, ``.string()``, ``.accept("WORD", …)``, ``.expect(…)``,
  ``.properties()``, ``.rest()`` (the remaining text, as written), ``.end()``.
* ``engine.register_block(handler)``: `handler(session, sql) -> Result` for anonymous blocks (``BEGIN … END``,
  ``DECLARE … END``), recognised by the session.
* ``engine.register_function(name, handler)``: a scalar system function of literal arguments such as
  SYSTEM$PIPE_STATUS: `handler(session, *arguments) -> str | int | float | bool | None`, evaluated before the statement.
* ``engine.register_table_function(name, handler)``: an INFORMATION_SCHEMA table function such as TASK_HISTORY:
  `handler(session, arguments: dict[str, object], database: str) -> Result`; named arguments by their upper-case name,
  positional ones by "0", "1", …; `arguments` values are Python literals.
* ``engine.service(name, run)``: `run(stop: threading.Event)` runs in a thread between `engine.start()` and
  `engine.stop()`; it must look at `stop` often (`stop.wait(seconds)`), and may not raise.
* ``engine.on_commit(listener)``: `listener(database)` is called after a transaction that changed data (a stream may
  have data now); it must return at once (set an event).

Keeping things. `engine.catalog` holds every object, persisted with the database it lives in::

    catalog.put(session, Entry(kind="TASK", name=name, owner=session.role, properties={…}))   # insert or replace
    catalog.get("TASK", name) -> Entry | None            # name: names.Name(database, schema, name)
    catalog.all("TASK", database=…, schema=…) -> list[Entry]
    catalog.drop(session, "TASK", name) -> bool
    catalog.record(session, "TASK", name, {...})         # append to its history (kept in the same database)
    catalog.history("TASK", database="DB", name=name, limit=10000) -> list[dict]  # oldest first

`properties` is anything JSON can hold. Inside an open transaction these writes belong to it. Privileges:
``session.require("OPERATE", "TASK", name)`` raises Snowflake's "does not exist or not authorized".
``Result.of(columns, rows)`` makes an answer; ``Result.status("Task … successfully created.")`` a one-liner.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp
from sqlglot.errors import SqlglotError

from local.snowflake import binding
from local.snowflake.catalog import Undo
from local.snowflake.commands import Token, tokenize
from local.snowflake.errors import CONFLICT, compilation, syntax, translated, unsupported
from local.snowflake.names import Name, identifier
from local.snowflake.result import SUCCESS, Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine

REMEMBERED = 16  # answers kept for RESULT_SCAN
CHANGING = ("CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "COMMENT", "UNDROP", "TRUNCATE")
NOT_ATOMIC = (
    "CREATE DATABASE",
    "DROP DATABASE",
)  # DuckDB attaches and detaches files outside of transactions


class Session:
    """One login: who asks, where they are, and their transaction."""

    def __init__(self, engine: Engine, *, role: str, user: str) -> None:
        self.engine = engine
        self.catalog = engine.catalog
        self.user = user
        self.role = role
        self.database: str | None = None
        self.schema: str | None = None
        self.warehouse: str | None = None
        self.pipe = ""  # the pipe on whose behalf the session loads
        self.autocommit = True
        self.parameters: dict[str, Any] = {}
        self.variables: dict[str, exp.Expr] = {}
        self.id = uuid.uuid4().hex
        self.login_role = role
        self.in_transaction = False
        self.discreet = False  # the statement meets row access: errors must not quote values of hidden rows
        self.aborted = False  # a statement failed: the transaction can only be rolled back
        self.duck = self._cursor()
        self._scratch: duckdb.DuckDBPyConnection | None = None
        self.consumed: set[Name] = set()  # streams read by DML of this transaction
        self.versions: set[int] = set()  # versions of tracked tables made by this transaction
        self.dirty: set[str] = set()  # databases in which this transaction changed data
        self.accessed: dict[Name, set[str]] = {}  # columns of protected tables that the statement has read
        self.results: OrderedDict[str, Result] = OrderedDict()
        self._undo: list[Undo] = []
        self._atomic = 0
        self._busy = threading.RLock()

    # -- names

    def use(self, database: str | None, schema: str | None) -> None:
        """Go to a database and schema as a login does: where one is missing, the session has none."""
        if database and self.catalog.get("DATABASE", Name.account(database)):
            self.database = database
            self.schema = "PUBLIC" if self.catalog.get("SCHEMA", Name.of_schema(database, "PUBLIC")) else None
            if schema and self.catalog.get("SCHEMA", Name.of_schema(database, schema)):
                self.schema = schema

    def qualify(self, parts: Sequence[str]) -> Name:
        """Complete the name of a schema's object from where the session is."""
        if len(parts) > 3:
            raise syntax(f"{'.'.join(parts)} has more than three parts")
        name = parts[-1]
        schema = parts[-2] if len(parts) > 1 else self.schema
        database = parts[-3] if len(parts) == 3 else self.database
        if not database:
            raise compilation(
                f"Cannot perform operation on {name}. This session does not have a current database. "
                "Call 'USE DATABASE', or use a qualified name.", 90105, "22000",
            )  # fmt: skip
        if len(parts) == 3 and not schema:
            schema = "PUBLIC"
        if not schema:
            raise compilation(
                f"Cannot perform operation on {name}. This session does not have a current schema. "
                "Call 'USE SCHEMA', or use a qualified name.", 90106, "22000",
            )  # fmt: skip
        return Name(database, schema, name)

    def schema_name(self, parts: Sequence[str]) -> Name:
        """Complete a schema's own name."""
        if len(parts) > 2:
            raise syntax(f"{'.'.join(parts)} is not the name of a schema")
        database = parts[0] if len(parts) == 2 else self.database
        if not database:
            raise compilation("This session does not have a current database.", 90105, "22000")
        return Name.of_schema(database, parts[-1])

    def table_name(self, table: exp.Table) -> Name:
        """The full name of a table in a syntax tree."""
        parts = [table.args.get("catalog"), table.args.get("db"), table.this]
        given = [identifier(part) for part in parts if part is not None and identifier(part)]
        if table.args.get("catalog") and len(given) == 2:  # database..table
            given.insert(1, "PUBLIC")
        return self.qualify(given)

    def require(self, privilege: str, kind: str, name: Name) -> None:
        """Raise unless the session's role may do this to that object (see `access`)."""
        from local.snowflake import access  # noqa: PLC0415 (it knows sessions)

        access.require(self, privilege, kind, name)

    # -- statements

    def execute(self, sql: str, binds: Sequence[Any] | Mapping[str, Any] | None = None) -> Result:
        """Run one statement.

        Parameters
        ----------
        sql
            The statement; a trailing semicolon is fine, a second statement is not.
        binds
            Values for ``?`` (or ``:1``) in order, or by name.

        Raises
        ------
        snowflake.connector.errors.ProgrammingError
            What Snowflake would say; nothing of the statement was done.
        """
        with self._busy:
            self.discreet = False
            self.accessed = {}
            started = datetime.now(UTC)
            try:
                result = self._run(binding.inline(sql, binds) if binds else sql)
            except duckdb.Error as fault:
                raise self._failed(fault) from fault
            except SqlglotError as fault:
                raise syntax(binding.plain(str(fault))) from None
            result = self._remember(result)
            self._note(started, result.query_id)
            return result

    def one(self, sql: str, binds: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query of DuckDB, read to its end: an unfinished answer would block the connection."""
        rows = self.duck.execute(sql, binds or None).fetchall()
        return rows[0] if rows else None

    def _failed(self, fault: duckdb.Error) -> ProgrammingError:
        """DuckDB gives up a transaction in which a statement failed at run time: remember that."""
        if self.in_transaction and not self.aborted:
            try:
                self.one("SELECT 1")
            except duckdb.TransactionException:
                self.aborted = True
        return translated(fault, quote=not self.discreet)

    @property
    def scratch(self) -> duckdb.DuckDBPyConnection:
        """A cursor of its own, for computing what may fail without costing the session its transaction."""
        if self._scratch is None:
            self._scratch = self._cursor()
        return self._scratch

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self.engine.duck.cursor()
        cursor.execute("SET schema = '_SYSTEM.main'")
        return cursor

    def _note(self, started: datetime, query_id: str) -> None:
        if self.accessed:
            from local.snowflake import history  # noqa: PLC0415 (it knows sessions)

            history.note(self, started, query_id)

    def _remember(self, result: Result) -> Result:
        result = binding.identified(result, str(uuid.uuid4()))
        self.results[result.query_id] = result
        while len(self.results) > REMEMBERED:
            self.results.popitem(last=False)
        return result

    def _run(self, sql: str) -> Result:
        tokens = tokenize(sql)
        while tokens and tokens[-1].text == ";":
            tokens.pop()
        if not tokens:
            raise syntax("empty statement")
        if self.aborted and tokens[0].upper not in ("ROLLBACK", "COMMIT"):
            raise _lost()
        if _is_block(tokens):
            if self.engine.block is None:
                raise unsupported("anonymous blocks (BEGIN … END)")
            return self.engine.block(self, sql)
        if found := self.engine.commands.find(sql, tokens):
            handler, statement = found
            if not statement.prefix.startswith(CHANGING):
                return handler(self, statement)
            self._commit_before_ddl()
            with self.engine.lock:
                if statement.prefix in NOT_ATOMIC:
                    return handler(self, statement)
                with self.atomic():
                    return handler(self, statement)
        return self._run_expression(sql, tokens)

    def _run_expression(self, sql: str, tokens: list[Token]) -> Result:
        from local.snowflake import statements  # noqa: PLC0415 (they know sessions)

        text = sql[tokens[0].start : tokens[-1].end]
        trees = [tree for tree in sqlglot.parse(text, read="snowflake") if tree is not None]
        if len(trees) != 1:
            raise syntax(f"Actual statement count {len(trees)} did not match the desired statement count 1.")
        return statements.run(self, trees[0], text)

    # -- transactions

    def begin(self) -> None:
        """Begin a transaction; inside one, nothing happens, as in Snowflake."""
        if not self.in_transaction:
            self.duck.begin()
            self.in_transaction = True

    def commit(self) -> None:
        """Commit; offsets of the streams that this transaction consumed go with it."""
        if not self.in_transaction:
            return
        if self.aborted:
            self.rollback()
            raise _lost()
        from local.snowflake import streams  # noqa: PLC0415 (they know sessions)

        try:
            streams.advance(self)
            self.duck.commit()
        except BaseException:
            self._over(undo=True)
            raise
        dirty = tuple(self.dirty)
        self._over(undo=False)
        self.engine.committed(dirty)

    def rollback(self) -> None:
        """Undo all since the transaction began."""
        if self.in_transaction:
            self._over(undo=True)

    def _over(self, *, undo: bool) -> None:
        if undo:
            try:
                self.duck.rollback()
            except duckdb.Error as fault:  # DuckDB has ended it already, at a conflict
                if "no transaction is active" not in str(fault):
                    raise
            for step in reversed(self._undo):
                step()
        self.in_transaction = self.aborted = False
        self._undo.clear()
        self.consumed.clear()
        self.versions.clear()
        self.dirty.clear()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All or nothing of what happens inside; within a transaction, a part of it."""
        if self.in_transaction:
            yield
            return
        self.begin()
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.commit()

    def undo(self, step: Undo) -> None:
        """What to do in memory should the transaction be rolled back."""
        if self.in_transaction:
            self._undo.append(step)

    def _commit_before_ddl(self) -> None:
        """A statement that changes objects commits the transaction before it, as in Snowflake."""
        self.commit()

    def close(self) -> None:
        """End the session: what is not committed is lost, temporary tables go."""
        with self._busy:
            self.rollback()
            self.engine.sessions.discard(self)
            from local.snowflake import tables  # noqa: PLC0415 (they know sessions)

            tables.drop_temporary(self)
            self.duck.close()
            if self._scratch is not None:
                self._scratch.close()


def _lost() -> ProgrammingError:
    """Snowflake would go on with the transaction; DuckDB cannot, and to commit half of it is no choice."""
    return ProgrammingError(
        msg="A statement of this transaction failed, and the laptop's Snowflake cannot go on with it: ROLLBACK, and try "
        "again.",
        errno=CONFLICT,
        sqlstate="25P02",
    )


def _is_block(tokens: list[Token]) -> bool:
    first = tokens[0].upper
    following = tokens[1].upper if len(tokens) > 1 else ""
    if first == "BEGIN":
        return following not in ("", "TRANSACTION", "WORK", "NAME", ";")
    return first == "DECLARE"


__all__ = ["SUCCESS", "Result", "Session"]
