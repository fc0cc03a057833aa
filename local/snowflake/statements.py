"""What sqlglot reads: queries, DML, transactions, tables and views. Each kind goes to the module that knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from local.snowflake import copy_into, dml, query, tables
from local.snowflake.errors import unsupported
from local.snowflake.result import SUCCESS, Result

if TYPE_CHECKING:
    from local.snowflake.session import Session


def run(session: Session, tree: exp.Expr, text: str) -> Result:
    """Run a statement that sqlglot understood."""
    match tree:
        case exp.Transaction():
            session.begin()
        case exp.Commit():
            session.commit()
        case exp.Rollback():
            session.rollback()
        case exp.Create() if tree.kind in ("TABLE", "VIEW"):
            return tables.create(session, tree, text)
        case exp.Query() | exp.Values():
            return query.run(session, tree)
        case exp.Insert() | exp.Update() | exp.Delete() | exp.Merge() | exp.TruncateTable():
            return dml.run(session, tree)
        case exp.Copy():
            return copy_into.run(session, tree)
        case _:
            raise unsupported(f"the statement {' '.join(text.split())[:120]}")
    return Result.status(SUCCESS)
