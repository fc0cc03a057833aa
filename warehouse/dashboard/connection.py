"""How the dashboard reaches a warehouse: a real account by its environment, or the lake on this laptop.

| variable | is | by default |
|---|---|---|
| RETAILLAKE_SNOWFLAKE_ACCOUNT | the account | |
| RETAILLAKE_SNOWFLAKE_USER, _KEY | a service user, and its private key's file | |
| RETAILLAKE_SNOWFLAKE_PASSPHRASE | the key's passphrase, if it has one | |
| RETAILLAKE_SNOWFLAKE_WAREHOUSE | the warehouse that queries run in | the user's own |
| RETAILLAKE_DATABASE | the stack's database | |
| RETAILLAKE_DASHBOARD_ROLE | the role to read as | ANALYST |

Without an account, the file in which a laptop lake publishes itself says where it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
ROLE = "ANALYST"

Frame: TypeAlias = Any
"""A pandas.DataFrame. By its published types nearly any operation may return nearly anything."""


class UnreachableError(Exception):
    """There is no warehouse to read from; the message says why, and what to do."""


class Warehouse(Protocol):
    """What answers queries."""

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Frame:
        """Return the rows of a query; columns in lower case, exact numbers as floats."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the warehouse is, and as whom it is read."""

    database: str
    role: str
    account: str
    user: str
    place: str
    """What people call it."""
    warehouse: str | None = None
    key: str | None = None
    passphrase: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None

    def arguments(self) -> dict[str, Any]:
        """Return what Snowflake's driver is called with."""
        given = {
            "account": self.account,
            "user": self.user,
            "role": self.role,
            "database": self.database,
            "schema": "PRODUCTION",
            "warehouse": self.warehouse,
            "private_key_file": self.key,
            "private_key_file_pwd": self.passphrase,
            "host": self.host,
            "port": self.port,
            "login_timeout": 15,
            "session_parameters": {"QUERY_TAG": "retaillake dashboard"},
        }
        if self.host:
            given |= {"protocol": "http", "password": "-"}  # the laptop's warehouse knows no passwords
        return {name: value for name, value in given.items() if value is not None}


def settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Find the warehouse.

    Raises
    ------
    UnreachableError
        Where neither the environment nor a running laptop lake says where it is.
    """
    if account := environment.get("RETAILLAKE_SNOWFLAKE_ACCOUNT"):
        names = ("RETAILLAKE_DATABASE", "RETAILLAKE_SNOWFLAKE_USER", "RETAILLAKE_SNOWFLAKE_KEY")
        if missing := [name for name in names if not environment.get(name)]:
            raise UnreachableError(f"account {account} is set, but not {', '.join(missing)}")
        return Settings(
            place=account,
            account=account,
            database=environment["RETAILLAKE_DATABASE"],
            user=environment["RETAILLAKE_SNOWFLAKE_USER"],
            key=environment["RETAILLAKE_SNOWFLAKE_KEY"],
            passphrase=environment.get("RETAILLAKE_SNOWFLAKE_PASSPHRASE"),
            warehouse=environment.get("RETAILLAKE_SNOWFLAKE_WAREHOUSE"),
            role=environment.get("RETAILLAKE_DASHBOARD_ROLE", ROLE),
        )
    return _laptop(
        Path(environment.get("RETAILLAKE_ROOT", ROOT)) / ".local" / "run" / "lake.json", environment
    )


def _laptop(published: Path, environment: Mapping[str, str]) -> Settings:
    try:
        lake = json.loads(published.read_text())
        found, outputs = lake["warehouse"], lake.get("outputs", {})
        return Settings(
            place="this laptop",
            account=found["account"],
            host=found["host"],
            port=found["port"],
            database=found["database"],
            user="dashboard",
            role=environment.get("RETAILLAKE_DASHBOARD_ROLE") or outputs.get("roles", {}).get(ROLE, ROLE),
            warehouse=outputs.get("warehouse", {}).get("warehouses", {}).get("query"),
        )
    except FileNotFoundError:
        raise UnreachableError(
            "no lake runs on this machine. Start one with `make up`, or set RETAILLAKE_SNOWFLAKE_ACCOUNT "
            "(and the variables beside it) to read from a real account."
        ) from None
    except (KeyError, ValueError) as fault:
        raise UnreachableError(f"{published} is not what a running lake writes: {fault}") from fault


class Session:
    """A session of Snowflake's driver; opened when first needed, and anew if it was lost."""

    def __init__(self, where: Settings) -> None:
        self._where = where
        self._connection: Any = None

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Frame:
        """Return the rows of a query; columns in lower case, exact numbers as floats."""
        from snowflake.connector.errors import DatabaseError, Error, ProgrammingError  # noqa: PLC0415 (slow)

        try:
            return self._run(sql, parameters)
        except ProgrammingError:
            raise  # the warehouse answered: asking again would get the same answer
        except (DatabaseError, Error):
            self._connection = None
            return self._run(sql, parameters)

    def _run(self, sql: str, parameters: Mapping[str, Any] | None) -> Frame:
        if self._connection is None:
            from snowflake.connector import connect  # noqa: PLC0415 (as above)

            self._connection = connect(**self._where.arguments())
        with self._connection.cursor() as cursor:
            cursor.execute(sql, dict(parameters) if parameters else None)
            names = [column.name.lower() for column in cursor.description]
            return frame(names, cursor.fetchall())


def frame(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Frame:
    """Return rows as a frame: charts draw floats, so exact numbers end here and not earlier."""
    found: Frame = pd.DataFrame.from_records(rows, columns=list(names))
    for name in names:
        if len(found) and found[name].map(lambda value: type(value).__name__ == "Decimal").any():
            found[name] = found[name].astype(float)
    return found
