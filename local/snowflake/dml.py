"""INSERT, UPDATE, DELETE, MERGE, TRUNCATE: each one atomic, with streams advanced and read predicates masked.

What UPDATE and DELETE read of a target under policies, or of a tracked one, is computed first, by a query over the
target as the role may see it; the change itself then goes by row id. MERGE is DuckDB's own: conditions and values that
name a masked column of the target see its masked value, and where that cannot be told, the statement is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from local.snowflake import access, policies, query, streams
from local.snowflake.catalog import Entry
from local.snowflake.columns import ROW
from local.snowflake.errors import compilation, forbidden, missing, unsupported
from local.snowflake.names import identifier, quoted
from local.snowflake.resolve import Resolver
from local.snowflake.result import SUCCESS, Result
from local.snowflake.translate import to_duckdb

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.snowflake.session import Session

CHANGES = "_LAKE_CHANGES"
_PRIVILEGES: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Insert: ("INSERT",),
    exp.Update: ("UPDATE",),
    exp.Delete: ("DELETE",),
    exp.TruncateTable: ("TRUNCATE",),
}


def run(session: Session, tree: exp.Expr) -> Result:
    """Run one DML statement, all or nothing."""
    if not session.autocommit:
        session.begin()
    resolver = Resolver(session)
    handlers: dict[type[exp.Expr], Callable[[Resolver, Any, Entry], Result]] = {
        exp.Insert: _insert,
        exp.Update: _update,
        exp.Delete: _delete,
        exp.Merge: _merge,
        exp.TruncateTable: _truncate,
    }
    with session.atomic():
        try:
            table = _target(tree)
            if isinstance(tree, exp.TruncateTable) and tree.args.get("exists") and not _there(session, table):
                return Result.status(SUCCESS)
            target = resolver.target(table)
            for privilege in _privileges(tree):
                _require(session, privilege, target)
            result = handlers[type(tree)](resolver, tree, target)
        finally:
            resolver.release()
        finish(session, resolver, target)
        return result


def finish(session: Session, resolver: Resolver, target: Entry) -> None:
    """After DML: what it read from streams is consumed with this transaction, and somebody may want to know."""
    for name in resolver.streams:
        if name.database != target.name.database:
            raise unsupported(f"consuming stream {name} into another database ({target.name})")
    session.consumed |= resolver.streams
    session.dirty.add(target.name.database)


def _target(tree: exp.Expr) -> exp.Table:
    if isinstance(tree, exp.TruncateTable):
        if len(tree.expressions) != 1:
            raise unsupported("TRUNCATE of several tables")
        return tree.expressions[0]
    table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if not isinstance(table, exp.Table):
        raise unsupported(f"{tree.key.upper()} on {table.sql(dialect='snowflake')[:80]}")
    return table


def _there(session: Session, table: exp.Table) -> bool:
    return session.catalog.get("TABLE", session.table_name(table)) is not None


def _privileges(tree: exp.Expr) -> tuple[str, ...]:
    if isinstance(tree, exp.Merge):
        kinds = {type(when.args["then"]) for when in tree.args["whens"].expressions}
        names = {exp.Insert: "INSERT", exp.Update: "UPDATE"}
        return ("SELECT", *sorted(names.get(kind, "DELETE") for kind in kinds))
    if isinstance(tree, exp.Insert) and tree.args.get("overwrite"):
        return ("INSERT", "DELETE")
    return _PRIVILEGES[type(tree)]


def _require(session: Session, privilege: str, target: Entry) -> None:
    if not access.allowed(session.engine, session.role, "", target):
        raise missing("object", target.name)
    if not access.allowed(session.engine, session.role, privilege, target):
        raise forbidden(f"to operate on table '{target.name.name}'")


def column_names(target: Entry) -> list[str]:
    """The columns that a statement without a list of them means."""
    return [column["name"] for column in target.properties["columns"]]


def count(session: Session, sql: str) -> int:
    """Run a changing statement and tell how many rows it changed."""
    row = session.one(sql)
    return int(row[0]) if row else 0


# -- INSERT


def _insert(resolver: Resolver, tree: exp.Insert, target: Entry) -> Result:
    session = resolver.session
    for key in ("alternative", "returning", "conflict", "partition", "by_name", "where", "ignore"):
        if tree.args.get(key):
            raise unsupported(f"{key.upper()} in INSERT")
    given = [identifier(e) for e in tree.this.expressions] if isinstance(tree.this, exp.Schema) else []
    names = given or column_names(target)
    source = tree.expression
    if isinstance(source, exp.Query):
        query.name_columns(source)
    streams.version(session, target)
    resolver.resolve(tree, skip=tree.this)
    if tree.args.get("overwrite"):
        _clear(session, target)
        tree.set("overwrite", None)
    columns = [exp.to_identifier(name, quoted=True) for name in names]
    tree.set("this", exp.Schema(this=target.name.table, expressions=columns))
    resolver.reads.add(target.name)
    resolver.guard(exp.select("*").from_(exp.Subquery(this=tree.expression.copy())))
    return Result.counts(["number of rows inserted"], [count(session, to_duckdb(tree))])


def _clear(session: Session, target: Entry) -> int:
    if target.properties.get("tracked"):
        streams.keep(session, target, "TRUE")
    return count(session, f"DELETE FROM {target.name.sql}")


def _truncate(resolver: Resolver, _tree: exp.TruncateTable, target: Entry) -> Result:
    streams.version(resolver.session, target)
    _clear(resolver.session, target)
    return Result.status(SUCCESS)


# -- UPDATE and DELETE


def _update(resolver: Resolver, tree: exp.Update, target: Entry) -> Result:
    session = resolver.session
    assignments = [(identifier(e.this.this), e.expression) for e in tree.expressions]
    known = set(column_names(target))
    for name, _ in assignments:
        if name not in known:
            raise compilation(f"invalid identifier '{name}'", 904, "42000")
    others = [tree.args["from_"].this] if tree.args.get("from_") else []
    _changes(resolver, tree, target, [value for _, value in assignments], others)
    streams.version(session, target)
    if target.properties.get("tracked"):
        streams.keep(session, target, f"rowid IN (SELECT RID FROM {CHANGES})")
    sets = ", ".join(f"{quoted(name)} = _C.V{place}" for place, (name, _) in enumerate(assignments))
    changed = count(
        session,
        f"UPDATE {target.name.sql} AS _TARGET SET {sets} FROM {CHANGES} AS _C WHERE _TARGET.rowid = _C.RID",
    )
    session.duck.execute(f"DROP TABLE {CHANGES}")
    table = Result.of(["number of rows updated", "number of multi-joined rows updated"], [[changed, 0]]).table
    return Result(table=table, changed=changed, statement="dml")


def _delete(resolver: Resolver, tree: exp.Delete, target: Entry) -> Result:
    session = resolver.session
    _changes(resolver, tree, target, [], list(tree.args.get("using") or []))
    streams.version(session, target)
    if target.properties.get("tracked"):
        streams.keep(session, target, f"rowid IN (SELECT RID FROM {CHANGES})")
    changed = count(session, f"DELETE FROM {target.name.sql} WHERE rowid IN (SELECT RID FROM {CHANGES})")
    session.duck.execute(f"DROP TABLE {CHANGES}")
    return Result.counts(["number of rows deleted"], [changed])


def _changes(
    resolver: Resolver, tree: exp.Expr, target: Entry, values: list[exp.Expr], others: list[exp.Expr]
) -> None:
    """Compute which rows change and to what, over the target as the role may see it."""
    table = _target(tree)
    alias = exp.TableAlias(this=exp.to_identifier(identifier(table.alias or table.this), quoted=True))
    shown = resolver.shield(target, target.name.table, ("rowid",))
    place = exp.Subquery(this=shown, alias=alias)
    select = exp.Select(
        expressions=[
            exp.alias_(exp.column("rowid", alias.this.copy()), "RID"),
            *(exp.alias_(value.copy(), f"V{number}") for number, value in enumerate(values)),
        ]
    ).from_(place)
    for other in others:
        select = select.join(other.copy(), join_type="cross")
    if where := tree.args.get("where"):
        select.set("where", where.copy())
    if with_ := tree.args.get("with_"):
        select.set("with_", with_.copy())
    kept = select.args["from_"].this
    resolver.reads.add(target.name)
    resolver.resolve(select, skip=kept)
    sql = resolver.guard(select)
    once = "SELECT * FROM (" + sql + ") QUALIFY row_number() OVER (PARTITION BY RID) = 1" if others else sql
    resolver.session.duck.execute(f"CREATE OR REPLACE TEMP TABLE {CHANGES} AS {once}")


# -- MERGE


def _merge(resolver: Resolver, tree: exp.Merge, target: Entry) -> Result:
    session = resolver.session
    alias = identifier(tree.this.alias or tree.this.this)
    _mask_target(resolver, tree, target, alias)
    whens = tree.args["whens"].expressions
    for when in whens:
        _plain_when(when.args["then"], target)
    streams.version(session, target)
    resolver.resolve(tree, skip=tree.this)
    made = target.name.table
    made.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    tree.set("this", made)
    resolver.reads.add(target.name)
    if target.properties.get("tracked"):
        _keep_matched(resolver, tree, target, alias)
    _guard(resolver, tree)
    sql = to_duckdb(tree)
    actions = session.duck.sql(f"{sql} RETURNING merge_action").to_arrow_table().column(0)
    found = {item["values"]: item["counts"] for item in actions.value_counts().to_pylist()}
    done = {_action(when.args["then"]) for when in whens}
    shown = [
        (a, t) for a, t in (("INSERT", "inserted"), ("UPDATE", "updated"), ("DELETE", "deleted")) if a in done
    ]
    return Result.counts([f"number of rows {text}" for _, text in shown], [found.get(a, 0) for a, _ in shown])


def _guard(resolver: Resolver, tree: exp.Merge) -> None:
    """DuckDB tells the tables of queries only: look at the source, and at each subquery elsewhere."""
    resolver.guard(exp.select("*").from_(tree.args["using"].copy()))
    for spot in (tree.args["on"], tree.args["whens"]):
        for inner in spot.find_all(exp.Query):
            resolver.guard(exp.select("*").from_(exp.Subquery(this=inner.unnest().copy())))


def _action(then: exp.Expr) -> str:
    return {exp.Insert: "INSERT", exp.Update: "UPDATE"}.get(type(then), "DELETE")


def _plain_when(then: exp.Expr, target: Entry) -> None:
    """DuckDB wants bare column names in SET; an INSERT without columns means all of them."""
    if isinstance(then, exp.Update):
        if not isinstance(then.expressions, list) or not then.expressions:
            raise unsupported("UPDATE ALL BY NAME in MERGE")
        for assignment in then.expressions:
            assignment.set(
                "this", exp.column(exp.to_identifier(identifier(assignment.this.this), quoted=True))
            )
    elif isinstance(then, exp.Insert) and then.this is None:
        names = [exp.column(exp.to_identifier(name, quoted=True)) for name in column_names(target)]
        then.set("this", exp.Tuple(expressions=names))
    elif isinstance(then, exp.Insert):
        for column in then.this.expressions:
            column.replace(
                exp.column(
                    exp.to_identifier(
                        identifier(column.this if isinstance(column, exp.Column) else column), quoted=True
                    )
                )
            )


def _mask_target(resolver: Resolver, tree: exp.Merge, target: Entry, alias: str) -> None:
    """Let conditions and values see the target's masked values; its row access policy joins the condition."""
    catalog = resolver.session.catalog
    masks = policies.masks(catalog, target)
    spots = [
        tree.args["on"],
        *(part for when in tree.args["whens"].expressions for part in _read_parts(when)),
    ]
    for spot in spots:
        for column in list(spot.find_all(exp.Column)):
            name = identifier(column.this)
            table = identifier(column.args.get("table"))
            if name not in masks or table not in ("", alias):
                continue
            if not table or column.find_ancestor(exp.Query) is not None:
                raise unsupported(
                    f"a MERGE that reads {name}, a masked column of {target.name}, other than as {alias}.{name} "
                    "in a plain expression"
                )
            column.replace(resolver._policy(*masks[name], alias=alias))
    for policy, on in policies.row_access(catalog, target):
        condition = resolver._policy(policy, on, alias=alias)
        tree.set("on", exp.and_(exp.paren(tree.args["on"]), condition))


def _read_parts(when: exp.When) -> list[exp.Expr]:
    parts = [when.args["condition"]] if when.args.get("condition") else []
    then = when.args["then"]
    if isinstance(then, exp.Update):
        parts += [assignment.expression for assignment in then.expressions]
    elif isinstance(then, exp.Insert) and then.expression is not None:
        parts.append(then.expression)
    return parts


def _keep_matched(resolver: Resolver, tree: exp.Merge, target: Entry, alias: str) -> None:
    """Log the rows of a tracked target that the merge may change; the source is read once."""
    session = resolver.session
    source = tree.args["using"]
    name = source.alias_or_name
    sql = resolver.guard(exp.select("*").from_(source.copy()))
    session.duck.execute(f"CREATE OR REPLACE TEMP TABLE {CHANGES} AS {sql}")
    made = exp.to_table(CHANGES)
    made.set("alias", exp.TableAlias(this=exp.to_identifier(identifier(name), quoted=True)))
    tree.set("using", made)
    matched = exp.select(exp.column("rowid", exp.to_identifier(alias, quoted=True))).from_(tree.this.copy())
    matched = matched.join(made.copy(), on=tree.args["on"].copy())
    streams.keep(session, target, f"rowid IN ({to_duckdb(matched)})")


__all__ = ["ROW", "column_names", "count", "finish", "run"]
