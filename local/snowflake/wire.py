"""Answers as Snowflake's drivers expect them: row types, and Arrow in Snowflake's own layout."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import Any

import pyarrow as pa
import pyarrow.compute

from local.snowflake.result import DML, Result

compute: Any = pyarrow.compute  # its functions are made at run time: no checker knows them
MAX_TEXT = 16777216
_TEXT = {"type": "text", "length": MAX_TEXT, "byteLength": MAX_TEXT}
_KINDS: dict[str, dict[str, Any]] = {
    "VARCHAR": _TEXT,
    '"NULL"': _TEXT,
    "UUID": _TEXT,
    "INTERVAL": _TEXT,
    "JSON": {"type": "variant"},
    "BOOLEAN": {"type": "boolean"},
    "DATE": {"type": "date"},
    "TIME": {"type": "time", "precision": 0, "scale": 9},
    "DOUBLE": {"type": "real"},
    "FLOAT": {"type": "real"},
    "BLOB": {"type": "binary", "length": 8388608, "byteLength": 8388608},
    "TIMESTAMP": {"type": "timestamp_ntz", "precision": 0, "scale": 9},
    "TIMESTAMP_NS": {"type": "timestamp_ntz", "precision": 0, "scale": 9},
    "TIMESTAMP_S": {"type": "timestamp_ntz", "precision": 0, "scale": 9},
    "TIMESTAMP_MS": {"type": "timestamp_ntz", "precision": 0, "scale": 9},
    "TIMESTAMP WITH TIME ZONE": {"type": "timestamp_ltz", "precision": 0, "scale": 9},
}
_INTEGERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?")


def kind_of(arrow: pa.DataType) -> str:
    """DuckDB's name of an Arrow type."""
    for check, name in (
        (pa.types.is_boolean, "BOOLEAN"), (pa.types.is_integer, "BIGINT"), (pa.types.is_floating, "DOUBLE"),
        (pa.types.is_date, "DATE"), (pa.types.is_time, "TIME"), (pa.types.is_binary, "BLOB"),
    ):  # fmt: skip
        if check(arrow):
            return name
    if isinstance(arrow, pa.TimestampType):
        return "TIMESTAMP WITH TIME ZONE" if arrow.tz else "TIMESTAMP"
    if pa.types.is_decimal(arrow):
        return f"DECIMAL({arrow.precision},{arrow.scale})"
    if pa.types.is_nested(arrow):
        return "JSON"
    return "VARCHAR"


def row_type(result: Result) -> list[dict[str, Any]]:
    """The columns as the driver's description wants them."""
    kinds = result.kinds or [kind_of(field.type) for field in result.table.schema]
    return [_column(name, kind) for name, kind in zip(result.columns, kinds, strict=True)]


def _column(name: str, kind: str) -> dict[str, Any]:
    base: dict[str, Any] = {
        "name": name, "database": "", "schema": "", "table": "", "nullable": True, "byteLength": None,
        "length": None, "scale": None, "precision": None, "collation": None,
    }  # fmt: skip
    if found := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind):
        return base | {"type": "fixed", "precision": int(found[1]), "scale": int(found[2])}
    if _INTEGERS.fullmatch(kind):
        return base | {"type": "fixed", "precision": 38, "scale": 0}
    nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))
    return base | _KINDS.get("JSON" if nested else kind, _TEXT)


def body(result: Result) -> dict[str, Any]:
    """The answer's rows: JSON for DML, whose counts drivers read from there, Arrow for all else."""
    if result.statement == DML:
        rows = [[None if value is None else str(value) for value in row] for row in result.rows]
        return {"queryResultFormat": "json", "rowset": rows}
    types = row_type(result)
    arrays = [_array(column) for column in result.table.columns]
    fields = [
        pa.field(kind["name"], array.type, nullable=True).with_metadata(
            {
                "logicalType": kind["type"].upper(),
                "precision": str(kind["precision"] or 38),
                "scale": str(kind["scale"] or 0),
                "charLength": str(kind["length"] or 0),
            }
        )
        for kind, array in zip(types, arrays, strict=True)
    ]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {"queryResultFormat": "arrow", "rowsetBase64": b64encode(sink.getvalue()).decode()}


def _array(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    kind = array.type
    if isinstance(kind, pa.TimestampType):
        return _timestamps(array)
    if pa.types.is_time(kind):
        return compute.multiply(array.cast(pa.time64("us")).cast(pa.int64()), 1000)
    if pa.types.is_uint64(kind):
        return array.cast(pa.int64())
    if pa.types.is_float32(kind):
        return array.cast(pa.float64())
    if pa.types.is_null(kind):
        return array.cast(pa.string())
    if pa.types.is_nested(kind) or pa.types.is_interval(kind):
        return pa.array(
            [None if v is None else json.dumps(v, default=str) for v in array.to_pylist()], pa.string()
        )
    return array


def _timestamps(array: pa.Array) -> pa.Array:
    """Snowflake's struct of seconds and nanoseconds; a missing time is a missing struct, not 1970."""
    micros = array.cast(pa.timestamp("us", array.type.tz)).cast(pa.int64())
    seconds = compute.floor(compute.divide(micros.cast(pa.float64()), 1e6)).cast(pa.int64())
    fraction = compute.multiply(compute.subtract(micros, compute.multiply(seconds, 1_000_000)), 1000).cast(
        pa.int32()
    )
    fields = [pa.field("epoch", pa.int64()), pa.field("fraction", pa.int32())]
    return pa.StructArray.from_arrays([seconds, fraction], fields=fields, mask=compute.is_null(array))
