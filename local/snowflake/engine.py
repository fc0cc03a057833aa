"""The engine: one DuckDB instance with a file per database, the catalogue, and what other modules plug in."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from fakesnow import macros

from local.snowflake import macros as ours
from local.snowflake.catalog import ACCOUNT, Catalog, Entry
from local.snowflake.commands import Handler, Registry
from local.snowflake.history import History
from local.snowflake.names import Name, literal, quoted
from local.snowflake.session import Session

if TYPE_CHECKING:
    import fsspec

    from local.snowflake.result import Result

ADMIN = "ACCOUNTADMIN"
SYSTEM = "_SYSTEM"  # holds functions only: what a bare name can reach is never a table
SYSTEM_ROLES = {
    ADMIN: ("SECURITYADMIN", "SYSADMIN"),
    "SECURITYADMIN": ("USERADMIN",),
    "USERADMIN": (),
    "SYSADMIN": (),
    "PUBLIC": (),
}
PARTS = (
    "context", "grants", "show_grants", "ddl", "tables", "alter", "policies", "tags", "objects", "streams", "show",
    "describe", "information", "history",
    "scripting", "tasks", "pipes",
)  # fmt: skip
Service = Callable[[threading.Event], None]


class Engine:
    """The laptop's Snowflake account.

    Parameters
    ----------
    data
        Directory of the database files; what lies there is restored.
    memory
        DuckDB's memory limit; beyond it, it spills to ``<data>/tmp``.
    storage
        The file system that answers ``s3://`` addresses.
    aws
        Address of the laptop's AWS, for queues and topics.
    """

    def __init__(
        self,
        data: Path,
        *,
        memory: str = "2GB",
        storage: fsspec.AbstractFileSystem | None = None,
        aws: str | None = None,
    ) -> None:
        self.data = data
        self.storage = storage
        self.aws = aws
        self.lock = threading.RLock()
        self.commands = Registry()
        self.functions: dict[str, Callable[..., Any]] = {}
        self.table_functions: dict[str, Callable[..., Result]] = {}
        self.block: Callable[[Session, str], Result] | None = None
        self.sessions: set[Session] = set()
        self._services: list[tuple[str, Service]] = []
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._listeners: list[Callable[[str], None]] = []
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / "tmp").mkdir(exist_ok=True)
        self.duck = duckdb.connect(
            ":memory:",
            config={
                "lambda_syntax": "ENABLE_SINGLE_ARROW",  # sqlglot writes lambdas with arrows
                "memory_limit": memory,
                "temp_directory": str(data / "tmp"),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",  # a name in SQL is never a variable of ours
            },
        )
        self.duck.execute("SET GLOBAL TimeZone = 'UTC'")
        self.duck.execute(f"ATTACH ':memory:' AS {SYSTEM}")
        self.duck.execute(macros.creation_sql(SYSTEM))
        self.duck.execute(ours.creation_sql(SYSTEM))
        self.catalog = Catalog(self.duck)
        self.history = History(data / "access_history.ndjson")
        self._restore()
        for part in PARTS:
            importlib.import_module(f"local.snowflake.{part}").install(self)

    # -- plugging in (see `session`)

    def register(self, prefix: str, handler: Handler) -> None:
        """Let `handler` answer the commands that begin with `prefix`."""
        self.commands.register(prefix, handler)

    def register_block(self, handler: Callable[[Session, str], Result]) -> None:
        """Let `handler` run anonymous blocks."""
        self.block = handler

    def register_function(self, name: str, handler: Callable[..., Any]) -> None:
        """Let `handler` answer a scalar system function."""
        self.functions[name.upper()] = handler

    def register_table_function(self, name: str, handler: Callable[..., Result]) -> None:
        """Let `handler` answer a table function of INFORMATION_SCHEMA."""
        self.table_functions[name.upper()] = handler

    def service(self, name: str, run: Service) -> None:
        """Run this in a thread while the server is up."""
        self._services.append((name, run))

    def on_commit(self, listener: Callable[[str], None]) -> None:
        """Tell this about each database in which data changed."""
        self._listeners.append(listener)

    def committed(self, databases: Sequence[str]) -> None:
        """Tell the listeners that these databases changed."""
        for listener in self._listeners:
            for database in databases:
                listener(database)

    # -- life

    def start(self) -> None:
        """Start the services."""
        self._stop.clear()
        for name, run in self._services:
            thread = threading.Thread(target=run, args=(self._stop,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop the services, then close the database files cleanly."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)
        self._threads.clear()
        for session in list(self.sessions):
            session.close()
        for database in [ACCOUNT, *self.databases()]:
            self.duck.execute(f"CHECKPOINT {quoted(database)}")
        self.duck.close()

    def session(
        self,
        *,
        role: str = ADMIN,
        database: str | None = None,
        schema: str | None = None,
        user: str = "SYSTEM",
        warehouse: str | None = None,
    ) -> Session:
        """Open a session; the caller closes it."""
        session = Session(self, role=role, user=user)
        session.warehouse = warehouse
        session.use(database, schema)
        self.sessions.add(session)
        return session

    # -- database files

    def databases(self) -> list[str]:
        """The databases that there are."""
        return [entry.name.name for entry in self.catalog.all("DATABASE")]

    def path(self, database: str) -> Path:
        """The file of a database."""
        if not database.replace("_", "").replace("$", "").isalnum():
            raise ValueError(f"a database cannot be kept in a file of this name: {database!r}")
        return self.data / f"{database}.db"

    def attach(self, database: str) -> None:
        """Open a database's file, making it where there is none, and read its objects."""
        self.duck.execute(f"ATTACH {literal(str(self.path(database)))} AS {quoted(database)}")
        self.catalog.restore(database)

    def detach(self, database: str) -> None:
        """Close a database's file and remove it."""
        self.catalog.forget(database)
        self.duck.execute(f"DETACH {quoted(database)}")
        for path in (self.path(database), self.path(database).with_suffix(".db.wal")):
            path.unlink(missing_ok=True)

    def _restore(self) -> None:
        """Bring back the account and every database, before anybody can ask."""
        self.duck.execute(f"ATTACH {literal(str(self.data / '_account.db'))} AS {ACCOUNT}")
        self.catalog.restore(ACCOUNT)
        for entry in self.catalog.all("DATABASE"):
            self.attach(entry.name.name)
        if not self.catalog.get("ACCOUNT", Name.account("ACCOUNT")):
            self._found()

    def _found(self) -> None:
        """Make a new account's own objects."""
        session = Session(self, role=ADMIN, user="SYSTEM")
        for role in SYSTEM_ROLES:
            parents = [parent for parent, children in SYSTEM_ROLES.items() if role in children]
            properties = {"to_roles": parents, "to_users": [], "system": True}
            self.catalog.put(
                session, Entry(kind="ROLE", name=Name.account(role), owner="", properties=properties)
            )
        self.catalog.put(session, Entry(kind="ACCOUNT", name=Name.account("ACCOUNT"), owner=ADMIN))
        session.close()
