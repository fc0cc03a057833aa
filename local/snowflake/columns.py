"""Columns of tables as the catalogue keeps them, in Snowflake's types."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from local.snowflake.errors import unsupported
from local.snowflake.names import identifier

T = exp.DataType.Type
ROW = "_ROW"  # the hidden column of a tracked table (see `streams`)
MAX_TEXT = 16777216
_FIXED = {
    T.BOOLEAN: "BOOLEAN", T.DATE: "DATE", T.VARIANT: "VARIANT", T.ARRAY: "ARRAY", T.OBJECT: "OBJECT",
    T.DOUBLE: "FLOAT", T.FLOAT: "FLOAT", T.BIGINT: "NUMBER(38,0)", T.INT: "NUMBER(38,0)",
    T.SMALLINT: "NUMBER(38,0)", T.TINYINT: "NUMBER(38,0)",
}  # fmt: skip
_SIZED = {
    T.VARCHAR: ("VARCHAR", MAX_TEXT), T.TEXT: ("VARCHAR", MAX_TEXT), T.NVARCHAR: ("VARCHAR", MAX_TEXT),
    T.CHAR: ("VARCHAR", 1), T.NCHAR: ("VARCHAR", 1), T.BINARY: ("BINARY", 8388608), T.VARBINARY: ("BINARY", 8388608),
    T.TIMESTAMP: ("TIMESTAMP_NTZ", 9), T.TIMESTAMPNTZ: ("TIMESTAMP_NTZ", 9), T.DATETIME: ("TIMESTAMP_NTZ", 9),
    T.TIMESTAMPLTZ: ("TIMESTAMP_LTZ", 9), T.TIMESTAMPTZ: ("TIMESTAMP_TZ", 9), T.TIME: ("TIME", 9),
}  # fmt: skip
_FROM_DUCK = {
    "BIGINT": "NUMBER(38,0)", "HUGEINT": "NUMBER(38,0)", "INTEGER": "NUMBER(38,0)", "SMALLINT": "NUMBER(38,0)",
    "TINYINT": "NUMBER(38,0)", "UBIGINT": "NUMBER(38,0)", "UINTEGER": "NUMBER(38,0)", "DOUBLE": "FLOAT",
    "FLOAT": "FLOAT", "VARCHAR": f"VARCHAR({MAX_TEXT})", "BOOLEAN": "BOOLEAN", "DATE": "DATE", "TIME": "TIME(9)",
    "TIMESTAMP": "TIMESTAMP_NTZ(9)", "TIMESTAMP_NS": "TIMESTAMP_NTZ(9)", "JSON": "VARIANT",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ(9)", "BLOB": "BINARY(8388608)", '"NULL"': f"VARCHAR({MAX_TEXT})",
}  # fmt: skip


def snowflake_type(kind: exp.DataType) -> str:
    """The full name of a written type, as DESCRIBE shows it."""
    parameters = [
        parameter.name for parameter in kind.expressions if isinstance(parameter, exp.DataTypeParam)
    ]
    if kind.this in _FIXED:
        return _FIXED[kind.this]
    if kind.this in _SIZED:
        name, size = _SIZED[kind.this]
        return f"{name}({parameters[0] if parameters else size})"
    if kind.this == T.DECIMAL:
        precision, scale = [*parameters, *["38", "0"][len(parameters) :]]
        return f"NUMBER({precision},{scale})"
    raise unsupported(f"the type {kind.sql(dialect='snowflake')}")


def parse_type(text: str) -> exp.DataType:
    """A type as written in Snowflake's SQL."""
    return exp.DataType.build(text, dialect="snowflake")


def type_of_duck(kind: str) -> str:
    """Snowflake's name of a type that DuckDB inferred."""
    if found := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind):
        return f"NUMBER({found[1]},{found[2]})"
    if kind in _FROM_DUCK:
        return _FROM_DUCK[kind]
    if kind.endswith("[]"):
        return "ARRAY"
    if kind.startswith(("STRUCT", "MAP")):
        return "OBJECT"
    raise unsupported(f"a column of DuckDB's type {kind}")


def data_type(kind: str) -> str:
    """The type's family, as policies compare it: VARCHAR(10) and VARCHAR are one."""
    return kind.partition("(")[0]


def from_definition(column: exp.ColumnDef) -> dict[str, Any]:
    """The catalogue's entry of a column definition; its policy and tags are read elsewhere (see `policies`)."""
    found: dict[str, Any] = {"name": identifier(column.this), "nullable": True}
    if column.kind is not None:
        found["type"] = snowflake_type(column.kind)
    for constraint in column.constraints:
        match constraint.kind:
            case exp.NotNullColumnConstraint() as kind:
                found["nullable"] = bool(kind.args.get("allow_null"))
            case exp.CommentColumnConstraint() as kind:
                found["comment"] = kind.this.name
            case exp.DefaultColumnConstraint() as kind:
                found["default"] = kind.this.sql(dialect="snowflake")
            case exp.PrimaryKeyColumnConstraint():
                found["primary_key"] = True
                found["nullable"] = False
            case exp.UniqueColumnConstraint():
                found["unique"] = True
            case exp.AutoIncrementColumnConstraint() | exp.GeneratedAsIdentityColumnConstraint():
                found["autoincrement"] = True
            case exp.MaskingPolicyColumnConstraint() | exp.Tags():  # see `attach`
                pass
            case exp.Reference():  # kept nowhere: Snowflake does not enforce it, and nobody asks
                pass
            case _:
                raise unsupported(f"{constraint.sql(dialect='snowflake')} of column {found['name']}")
    return found
