"""One reading of a JSON document for all that a query takes from it.

DuckDB parses the document again for every path. A query that takes many paths from one column reads them all at once
in a subquery; a volatile condition there keeps the optimiser from putting the reading back into each place.
"""

from __future__ import annotations

from sqlglot import exp

ENOUGH = 4
TEXTS, VALUES = "_LAKE_TEXTS", "_LAKE_VALUES"
_READERS = {TEXTS: "json_extract_string", VALUES: "json_extract"}


def shared(select: exp.Expr) -> exp.Expr:
    """The query with its paths into one column of its only table read at once; others as they are."""
    if not isinstance(select, exp.Select) or select.args.get("joins") or select.args.get("laterals"):
        return select
    source = select.args["from_"].this if select.args.get("from_") else None
    if not isinstance(source, (exp.Table, exp.Subquery)) or not source.alias or source.args.get("joins"):
        return select
    if any(projection.is_star for projection in select.expressions):
        return select
    found = _paths(select, source.alias)
    column = max(found, key=lambda name: len(found[name]), default=None)
    if column is None or len(found[column]) < ENOUGH:
        return select
    _replace(found[column], source, column)
    return select


def _paths(select: exp.Select, alias: str) -> dict[str, list[exp.Expr]]:
    """The readings of JSON by the column that they read, in this query itself and not in queries inside it."""
    found: dict[str, list[exp.Expr]] = {}
    waiting = [value for key, value in select.args.items() if key != "from_"]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        if not isinstance(node, exp.Expr) or isinstance(node, exp.Query):
            continue
        if (
            isinstance(node, (exp.JSONExtract, exp.JSONExtractScalar))
            and isinstance(node.this, exp.Column)
            and isinstance(node.expression, (exp.JSONPath, exp.Literal))
            and node.this.table.upper() == alias.upper()
        ):
            found.setdefault(node.this.name, []).append(node)
        else:
            waiting.extend(node.args.values())
    return found


def _replace(nodes: list[exp.Expr], source: exp.Expr, column: str) -> None:
    alias = source.args["alias"]
    inner = source.copy()
    inner.set(
        "alias",
        exp.TableAlias(this=exp.to_identifier("_LAKE_S", quoted=True), columns=alias.args.get("columns")),
    )
    document = exp.column(exp.to_identifier(column, quoted=True), exp.to_identifier("_LAKE_S", quoted=True))
    lists: dict[str, list[exp.Expr]] = {TEXTS: [], VALUES: []}
    for node in nodes:
        name = TEXTS if isinstance(node, exp.JSONExtractScalar) else VALUES
        paths = lists[name]
        if node.expression not in paths:
            paths.append(node.expression.copy())
        place = exp.Literal.number(paths.index(node.expression) + 1)
        taken = exp.column(name, alias.this.copy())
        node.replace(exp.Anonymous(this="list_extract", expressions=[taken, place]))
    made: list[exp.Expr] = [exp.column(exp.Star(), exp.to_identifier("_LAKE_S", quoted=True))]
    for name, paths in lists.items():
        if paths:
            read = exp.Anonymous(
                this=_READERS[name], expressions=[document.copy(), exp.Array(expressions=paths)]
            )
            once = exp.Case(
                ifs=[
                    exp.If(
                        this=exp.GTE(this=exp.Anonymous(this="random"), expression=exp.Literal.number(0)),
                        true=read,
                    )
                ]
            )
            made.append(exp.alias_(once, name))
    query = exp.Select(expressions=made).from_(inner)
    source.replace(exp.Subquery(this=query, alias=exp.TableAlias(this=alias.this.copy())))
