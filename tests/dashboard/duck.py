"""PRODUCTION in DuckDB, for the dashboard's tests: queries are translated by sqlglot, not by our emulator."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import duckdb
import sqlglot
import yaml

from warehouse.dashboard.connection import ROOT, Frame, frame

MODELS = ROOT / "warehouse" / "dbt" / "models" / "production"


class Duck:
    """PRODUCTION's tables with the columns and types that the dbt models declare; empty at first."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.asked: list[str] = []
        for path in MODELS.glob("*.yml"):
            for model in yaml.safe_load(path.read_text())["models"]:
                columns = ", ".join(f"{c['name']} {c['data_type']}" for c in model["columns"])
                ddl = f"create table {model['name']} ({columns})"
                self.connection.execute(sqlglot.transpile(ddl, read="snowflake", write="duckdb")[0])

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Frame:
        """Answer as the driver would: it puts parameters in as literals."""
        self.asked.append(sql)
        literals = {name: _literal(value) for name, value in (parameters or {}).items()}
        translated = sqlglot.transpile(sql % literals, read="snowflake", write="duckdb")[0]
        cursor = self.connection.execute(translated)
        return frame([column[0].lower() for column in cursor.description or ()], cursor.fetchall())


def _literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str | date | datetime) else str(value)
