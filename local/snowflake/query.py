"""Queries: resolved, translated, checked, run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from local.snowflake.resolve import Resolver
from local.snowflake.result import Result

if TYPE_CHECKING:
    from local.snowflake.session import Session


def run(session: Session, tree: exp.Expr) -> Result:
    """Answer a query."""
    resolver = Resolver(session)
    try:
        sql = compiled(resolver, name_columns(tree))
        return fetch(session, sql)
    finally:
        resolver.release()


def compiled(resolver: Resolver, tree: exp.Expr) -> str:
    """The query as DuckDB takes it, with all that it reads resolved and checked."""
    return resolver.guard(resolver.resolve(tree))


def fetch(session: Session, sql: str) -> Result:
    """Run DuckDB's SQL and take the whole answer."""
    relation = session.duck.sql(sql)
    return Result(table=relation.to_arrow_table(), kinds=tuple(str(kind) for kind in relation.types))


def describe(session: Session, tree: exp.Expr) -> list[tuple[str, str]]:
    """Names and DuckDB types of a query's columns, without running it."""
    resolver, accessed = Resolver(session), session.accessed
    session.accessed = {}
    try:
        sql = compiled(resolver, name_columns(tree.copy()))
        rows = session.duck.execute(f"DESCRIBE {sql}").fetchall()
        return [(row[0], row[1]) for row in rows]
    finally:
        session.accessed = accessed  # nothing was read
        resolver.release()


def compile_only(session: Session, text: str) -> None:
    """Raise if a query does not compile."""
    describe(session, sqlglot.parse_one(text, read="snowflake"))


def name_columns(tree: exp.Expr) -> exp.Expr:
    """Columns without a name are called by their text, as Snowflake does."""
    select = tree
    while isinstance(select, (exp.SetOperation, exp.Subquery)):
        select = select.this
    if isinstance(select, exp.Select):
        for column in list(select.expressions):
            if not isinstance(column, (exp.Alias, exp.Column, exp.Star, exp.Aliases)) and not column.is_star:
                text = column.sql(dialect="snowflake").upper()
                column.replace(exp.alias_(column.copy(), text, quoted=True))
    return tree
