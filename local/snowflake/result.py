"""What a statement answers: a table, and what its columns are called in Snowflake's types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
from sqlglot import exp

QUERY, DML = "query", "dml"


@dataclass(frozen=True, kw_only=True)
class Result:
    """An answer. `kinds` are DuckDB's names of the columns' types where they are known better than by Arrow."""

    table: pa.Table
    kinds: tuple[str, ...] = ()
    changed: int | None = None
    query_id: str = ""
    statement: str = QUERY
    expression: exp.Expr | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(self.table.column_names)

    @cached_property
    def rows(self) -> list[tuple[Any, ...]]:
        """All rows, as Python values."""
        return list(zip(*(column.to_pylist() for column in self.table.columns), strict=True))

    @property
    def rowcount(self) -> int:
        """Rows changed by DML, else rows answered."""
        return self.table.num_rows if self.changed is None else self.changed

    @classmethod
    def of(
        cls, columns: Sequence[str], rows: Iterable[Sequence[Any]], types: Sequence[pa.DataType] | None = None
    ) -> Result:
        """An answer made here; a column without any value is text."""
        cells = [list(cells) for cells in zip(*rows, strict=True)] or [[] for _ in columns]
        kinds = types or [None] * len(columns)
        arrays = [_array(values, kind) for values, kind in zip(cells, kinds, strict=True)]
        return cls(table=pa.Table.from_arrays(arrays, names=list(columns)))

    @classmethod
    def status(cls, message: str) -> Result:
        """The one-line answer of a command."""
        return cls.of(["status"], [[message]])

    @classmethod
    def counts(cls, columns: Sequence[str], values: Sequence[int]) -> Result:
        """The answer of DML: how many rows it changed, by what it did to them."""
        made = cls.of(columns, [values])
        return cls(table=made.table, changed=sum(values), statement=DML)


SUCCESS = "Statement executed successfully."


def _array(values: list[Any], kind: pa.DataType | None) -> pa.Array:
    if kind is None and all(value is None for value in values):
        kind = pa.string()
    if any(isinstance(value, (dict, list)) for value in values):
        values = [json.dumps(value) if isinstance(value, (dict, list)) else value for value in values]
    return pa.array(values, type=kind)
