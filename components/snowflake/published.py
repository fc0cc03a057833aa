"""What is published: the models of PRODUCTION and their columns, as dbt's own descriptions declare them.

Whoever reads them from outside reads every text without its packed part: what is a packed value becomes its
masked display, whatever role a view or a task runs as. No list of personal columns is needed for that.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from contracts import Column

MODELS = Path(__file__).resolve().parents[2] / "warehouse" / "dbt" / "models" / "production"

# A packed value: its version, 32 characters of token, the ciphertext; what remains is the display.
PACKED = "^[0-9]+:[^:]{32}:[^:]*:"
# Types that hold no text, and so no packed value.
PLAIN = {"NUMBER", "FLOAT", "BOOLEAN", "DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"}

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class PublishedError(ValueError):
    """A model that cannot be shown outside; says which column and why."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A table of PRODUCTION."""

    name: str
    columns: tuple[Column, ...]

    def masked(self, database: str) -> str:
        """Return a query of the model in which no text holds more than a masked display."""
        columns = ", ".join(_shown(self.name, column) for column in self.columns)
        return f"SELECT {columns} FROM {database}.PRODUCTION.{self.name}"  # noqa: S608 (names are checked)


def _shown(model: str, column: Column) -> str:
    kind = column.type.partition("(")[0]
    if kind in PLAIN:
        return column.name
    if kind != "VARCHAR":
        raise PublishedError(f"model {model}: column {column.name} is {column.type}, which cannot be masked")
    return f"REGEXP_REPLACE({column.name}, '{PACKED}', '') AS {column.name}"


@cache
def models() -> tuple[Model, ...]:
    """Return every model of PRODUCTION, by name."""
    described: list[Mapping[str, Any]] = []
    for path in sorted(MODELS.glob("**/*.yml")):
        described += cast("list[Mapping[str, Any]]", yaml.safe_load(path.read_text()).get("models", []))
    return tuple(sorted(map(_model, described), key=lambda model: model.name))


def _model(described: Mapping[str, Any]) -> Model:
    columns = [(str(one["name"]), str(one["data_type"])) for one in described["columns"]]
    for name in (str(described["name"]), *(name for name, _ in columns)):
        if not _NAME.fullmatch(name):
            raise PublishedError(f"model {described['name']}: {name!r} is no plain name")
    return Model(
        name=str(described["name"]).upper(),
        columns=tuple(
            Column(name=name.upper(), type=re.sub(r"\s", "", kind).upper()) for name, kind in columns
        ),
    )
