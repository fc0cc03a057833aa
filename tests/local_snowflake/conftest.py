"""A warehouse in this process, and short ways to ask it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.snowflake.engine import Engine
from local.snowflake.session import Session

Ask = Callable[..., list[tuple[Any, ...]]]


class Asking:
    """Sessions of one engine by role, and their answers as rows."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions: dict[str, Session] = {}

    def session(self, role: str = "ACCOUNTADMIN") -> Session:
        if role not in self._sessions:
            self._sessions[role] = self.engine.session(
                role=role,
                user="ADMIN" if role == "ACCOUNTADMIN" else f"USER_OF_{role}",
                database="LAKE",
                schema="RAW",
            )
        return self._sessions[role]

    def new(self, role: str = "ACCOUNTADMIN") -> Session:
        return self.engine.session(role=role, user="ADMIN", database="LAKE", schema="RAW")

    def __call__(self, sql: str, role: str = "ACCOUNTADMIN", binds: Any = None) -> list[tuple[Any, ...]]:
        return self.session(role).execute(sql, binds).rows

    def script(self, text: str) -> None:
        for statement in text.split(";"):
            if statement.strip():
                self(statement)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "warehouse"


@pytest.fixture
def ask(data: Path) -> Iterator[Asking]:
    engine = Engine(data)
    asking = Asking(engine)
    first = engine.session()
    first.execute("CREATE DATABASE LAKE")
    first.execute("CREATE SCHEMA LAKE.RAW")
    first.execute("CREATE SCHEMA LAKE.STAGING")
    first.close()
    yield asking
    engine.stop()
