"""From what a query names to what it may read: names completed, privileges checked, views opened, policies applied.

Every table of the tree becomes a full, quoted name, or a subquery that applies the table's policies; sessions stand in
a schema without tables, so a name that was overlooked here reaches nothing. What the query may touch is collected in
`Resolver.reads`, and `guard` compares that with what DuckDB itself finds in the final text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from local.snowflake import access, context, history, policies, streams
from local.snowflake.catalog import Entry
from local.snowflake.columns import ROW
from local.snowflake.errors import compilation, missing, unsupported
from local.snowflake.names import Name, identifier, parts_of
from local.snowflake.translate import to_duckdb

if TYPE_CHECKING:
    from local.snowflake.result import Result
    from local.snowflake.session import Session

_MOVED = ("joins", "laterals", "pivots", "sample")
_KEPT = ("this", "db", "catalog", "alias")
_TABLE_FUNCTIONS = (exp.Explode,)
_TABLE_MACROS = {"_lake_flatten"}
_FOREIGN = ("SHOW_REF", "COLUMN_DATA", "DELIM_GET")  # tables of DuckDB's that no query of Snowflake's has
_MAX_DEPTH = 40
MASKED = "masked"  # the column that a mask stands before
RESOLVED = "resolved"  # marks a part of a tree that needs no further look


class Resolver:
    """Resolves one statement for a session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.reads: set[Name] = set()
        self.streams: set[Name] = set()
        self.virtual: list[str] = []
        self._depth = 0
        self._masked = False

    def resolve(self, tree: exp.Expr, *, skip: exp.Expr | None = None) -> exp.Expr:
        """Resolve all that the tree reads, in place; `skip` is the target of a DML statement."""
        holder = exp.Paren(this=tree) if isinstance(tree, (exp.Table, exp.Subquery)) else tree
        self._walk(holder, frozenset(), self.session.role, skip)
        context.substitute(self.session, holder)
        return holder.this if holder is not tree else tree

    # -- the tree

    def _walk(self, node: exp.Expr, ctes: frozenset[str], rights: str | None, skip: exp.Expr | None) -> None:
        with_ = node.args.get("with_")
        if isinstance(with_, exp.With):
            ctes = self._with(with_, ctes, rights, skip)
        for child in list(_children(node)):
            if child is with_ or child is skip or child.meta.get(RESOLVED):
                continue
            if isinstance(child, (exp.Lateral, exp.TableFromRows, exp.Unnest)):
                self._function(child, ctes, rights, skip)
            elif isinstance(child, exp.MatchRecognize):
                raise unsupported("MATCH_RECOGNIZE")
            elif isinstance(child, exp.Table):
                self._walk(child, ctes, rights, skip)  # joins hang on tables, too
                self._table(child, ctes, rights)
            else:
                self._walk(child, ctes, rights, skip)
                if isinstance(child, exp.Column) and child.args.get("db"):  # db.schema.table.column
                    child.set("db", None)
                    child.set("catalog", None)

    def _with(
        self, with_: exp.With, ctes: frozenset[str], rights: str | None, skip: exp.Expr | None
    ) -> frozenset[str]:
        """A common table expression sees those before it, and itself where WITH is recursive."""
        for cte in with_.expressions:
            name = identifier(cte.args["alias"].this)
            inside = ctes | {name} if with_.args.get("recursive") else ctes
            self._walk(cte, inside, rights, skip)
            ctes |= {name}
        return ctes

    def _function(
        self, node: exp.Expr, ctes: frozenset[str], rights: str | None, skip: exp.Expr | None
    ) -> None:
        inner = node.this
        if isinstance(inner, exp.Subquery) or (
            isinstance(inner, _TABLE_FUNCTIONS) and not isinstance(node, exp.Unnest)
        ):
            self._walk(node, ctes, rights, skip)
            return
        if isinstance(node, exp.TableFromRows) and isinstance(inner, exp.Literal) and inner.is_string:
            named = exp.Table(**{key: value for key, value in node.args.items() if key in ("alias", *_MOVED)})
            named.set("this", exp.DynamicIdentifier(this=inner))  # TABLE('a.b.c') is a name, too
            node.replace(named)
            self._table(named, ctes, rights)
            return
        path: list[str] = []
        while isinstance(inner, exp.Dot):
            path.append(identifier(inner.this) if not isinstance(inner.this, exp.Dot) else "")
            inner = inner.expression
        if not isinstance(node, exp.TableFromRows) or not isinstance(inner, exp.Func):
            raise unsupported(f"the table function {type(inner).__name__.upper()}")
        database = path[0] if len(path) == 2 else (self.session.database or "")
        alias = node.args.get("alias")
        replacement = self.materialise(self._call(inner, database), alias.name if alias else None)
        for key in _MOVED:
            if node.args.get(key):
                replacement.set(key, node.args[key])
        node.replace(replacement)

    def _call(self, call: exp.Func, database: str) -> Result:
        name = identifier(call.name) if isinstance(call, exp.Anonymous) else call.sql_name().upper()
        handler = self.session.engine.table_functions.get(name)
        if handler is None:
            raise unsupported(f"the table function {name}")
        arguments: dict[str, Any] = {}
        if not isinstance(call, exp.Anonymous):  # a function that the parser knows by its arguments
            given = {key.upper(): value for key, value in call.args.items() if isinstance(value, exp.Expr)}
            arguments = {key: context.constant(self.session, value) for key, value in given.items()}
        for place, argument in enumerate(call.expressions):
            named = isinstance(argument, (exp.Kwarg, exp.PropertyEQ))
            key = argument.this.name.upper() if named else str(place)
            arguments[key] = context.constant(self.session, argument.expression if named else argument)
        return handler(self.session, arguments, database)

    def materialise(self, result: Result, alias: str | None = None) -> exp.Table:
        """A table of an answer made here; it lasts for the statement."""
        name = f"_LAKE_{len(self.virtual)}_{id(self):x}"
        self.session.duck.register(name, result.table)
        self.virtual.append(name)
        table = exp.Table(this=exp.to_identifier(name, quoted=True))
        table.set("alias", exp.TableAlias(this=exp.to_identifier((alias or name).upper(), quoted=True)))
        return table

    # -- tables

    def _table(self, table: exp.Table, ctes: frozenset[str], rights: str | None) -> None:
        _named_by_function(table)
        if not isinstance(table.this, exp.Identifier):
            raise unsupported(f"reading from {table.this.sql(dialect='snowflake')[:80]}")
        for key, value in table.args.items():
            if value and key not in _KEPT and key not in _MOVED:
                raise unsupported(f"{key.upper()} on a table: {table.sql(dialect='snowflake')[:80]}")
        if not table.args.get("db") and identifier(table.this) in ctes:
            return
        if identifier(table.args.get("db")) == "INFORMATION_SCHEMA":
            self._information(table)
            return
        if [identifier(table.args.get(key)) for key in ("catalog", "db")] == [
            history.DATABASE,
            history.SCHEMA,
        ]:
            self._usage(table, rights)
            return
        name = self._find(table)
        entry = self.session.catalog.relation(name)
        if entry is None or (
            rights is not None and not access.allowed(self.session.engine, rights, "SELECT", entry)
        ):
            raise missing("object", name)
        self._replace(table, self._source(entry))

    def _find(self, table: exp.Table) -> Name:
        """The name, in the current schema or else in PUBLIC, as Snowflake's search path has it."""
        name = self.session.table_name(table)
        public = name._replace(schema="PUBLIC")
        if not table.args.get("db") and not self.session.catalog.relation(name):
            return public if self.session.catalog.relation(public) else name
        return name

    def _information(self, table: exp.Table) -> None:
        database = identifier(table.args.get("catalog")) or self.session.database
        view = self.session.engine.table_functions.get(f"VIEW {identifier(table.this)}")
        if view is None or not database:
            raise unsupported(f"INFORMATION_SCHEMA.{identifier(table.this)}")
        made = self.materialise(view(self.session, {}, database), table.alias_or_name)
        self._replace(table, made)

    def _usage(self, table: exp.Table, rights: str | None) -> None:
        """A view of the account's own database, which administrators read, and views of theirs."""
        name = Name(history.DATABASE, history.SCHEMA, identifier(table.this))
        if rights is not None and rights != access.ADMIN:
            raise missing("object", name)
        view = self.session.engine.table_functions.get(f"USAGE {name.name}")
        if view is None:
            raise unsupported(f"{name}")
        result = view(self.session, {}, "")
        made = self.materialise(result)
        values = [exp.column(exp.to_identifier(column, quoted=True)) for column in result.columns]
        shown = [
            exp.alias_(exp.ParseJSON(this=value), value.name, quoted=True)
            if value.name in history.VARIANTS
            else value
            for value in values
        ]
        self._replace(table, exp.Select(expressions=shown).from_(made))

    def _replace(self, table: exp.Table, source: exp.Expr) -> None:
        alias = table.args.get("alias") or exp.TableAlias(
            this=exp.to_identifier(identifier(table.this), True)
        )
        made = source if isinstance(source, exp.Table) else exp.Subquery(this=source)
        made.set("alias", alias)
        for key in _MOVED:
            if table.args.get(key):
                made.set(key, table.args[key])
        table.replace(made)

    def _source(self, entry: Entry) -> exp.Expr:
        """What stands for a relation: its table as it is, or a query that shows what may be seen of it."""
        if entry.kind == "VIEW":
            return self.shield(entry, self._view(entry))
        if entry.kind == "STREAM":
            self.streams.add(entry.name)
            return streams.source(self, entry)
        self.reads.add(entry.name)
        tracked = entry.properties.get("tracked")
        if not tracked and not policies.protects(self.session.catalog, entry):
            return entry.name.table
        return self.shield(entry, entry.name.table)

    def _view(self, entry: Entry) -> exp.Expr:
        """The view's query with its owner's rights; policies below it look at the session's role."""
        if self._depth > _MAX_DEPTH:
            raise compilation(f"View '{entry.name}' refers to itself.", 2033, "42601")
        query = sqlglot.parse_one(entry.properties["query"], read="snowflake")
        holder = exp.Subquery(this=query)
        self._depth += 1
        self._walk(holder, frozenset(), entry.owner, None)
        self._depth -= 1
        inner = exp.Subquery(this=holder.this)
        columns = [exp.to_identifier(column["name"], quoted=True) for column in entry.properties["columns"]]
        inner.set("alias", exp.TableAlias(this=exp.to_identifier("_V", quoted=True), columns=columns))
        return inner

    def shield(self, entry: Entry, source: exp.Expr, extra: tuple[str, ...] = ()) -> exp.Select:
        """A query of the relation's columns with its policies applied; `extra` are columns to show as they are."""
        base = source.copy()
        if not (isinstance(base, exp.Subquery) and base.alias):
            base.set("alias", exp.TableAlias(this=exp.to_identifier("_T", quoted=True)))
        alias = base.alias_or_name
        masks = policies.masks(self.session.catalog, entry)
        shown: list[exp.Expr] = []
        for column in entry.properties["columns"]:
            name = column["name"]
            value: exp.Expr = exp.column(exp.to_identifier(name, True), exp.to_identifier(alias, True))
            if name in masks:
                bare, value = value, self._policy(*masks[name], alias=alias)
                value.meta[MASKED], self._masked = bare, True
            shown.append(exp.alias_(value, name, quoted=True))
        shown += [exp.column(exp.to_identifier(name, True), exp.to_identifier(alias, True)) for name in extra]
        query = exp.Select(expressions=shown).from_(base)
        for policy, arguments in policies.row_access(self.session.catalog, entry):
            self.session.discreet = True
            query = query.where(self._policy(policy, arguments, alias=alias))
        return query

    def _policy(self, policy: Entry, arguments: tuple[str, ...], *, alias: str) -> exp.Expr:
        """The policy's expression over columns of `alias`; what it reads is read with its owner's rights."""
        body = policies.bound(policy, arguments, alias)
        holder = exp.Paren(this=body)
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise compilation(f"Policy '{policy.name}' refers to what it protects.", 3551, "42601")
        self._walk(holder, frozenset(), None, None)
        self._depth -= 1
        holder.meta[RESOLVED] = (
            True  # DML puts it into a statement that is resolved with the session's rights
        )
        return holder

    def target(self, table: exp.Table) -> Entry:
        """The table that DML writes to."""
        _named_by_function(table)
        name = self.session.table_name(table)
        entry = self.session.catalog.get("TABLE", name)
        if entry is None:
            raise missing("object", name)
        return entry

    # -- afterwards

    def guard(self, tree: exp.Expr) -> str:
        """A resolved query as DuckDB takes it.

        One in which DuckDB's own parser finds a table or table function that was not resolved here is refused.
        """
        # Translating changes the tree: what it is without masks is taken first.
        bare = tree.copy().transform(_unmasked, copy=False) if self._masked else None
        sql = to_duckdb(tree)
        row = self.session.one("SELECT json_serialize_sql(?)", [sql])
        found = json.loads(row[0]) if row else {"error": True}
        if found["error"]:
            raise unsupported(f"a query that cannot be checked ({found.get('error_message', 'unknown')})")
        waiting: list[Any] = [found["statements"]]
        while waiting:
            node = waiting.pop()
            waiting.extend(
                node if isinstance(node, list) else node.values() if isinstance(node, dict) else ()
            )
            if isinstance(node, dict):
                self._guard_node(node)
        self._note(to_duckdb(bare) if bare else sql)
        return sql

    def _note(self, sql: str) -> None:
        """Remember which columns are read: those behind masks too, whatever their masks make of them."""
        if self.reads:
            for name, columns in history.read_by(self.session, sql).items():
                self.session.accessed.setdefault(name, set()).update(columns)

    def _guard_node(self, node: dict[str, Any]) -> None:
        if node.get("type") == "BASE_TABLE" and node.get("catalog_name"):
            name = Name(node["catalog_name"], node["schema_name"], node["table_name"])
            if name not in self.reads:
                raise unsupported(f"a reference to {name} that could not be checked")
        elif node.get("type") in _FOREIGN:
            raise unsupported(f"{node['type']} in a query")
        elif node.get("type") == "TABLE_FUNCTION":
            name = node["function"].get("function_name", "")
            if name.lower() not in _TABLE_MACROS:
                raise unsupported(f"the table function {name}")

    def release(self) -> None:
        """Let go of the tables made for this statement."""
        for name in self.virtual:
            self.session.duck.unregister(name)
        self.virtual.clear()


def _unmasked(node: exp.Expr) -> exp.Expr:
    """The column itself in place of its mask."""
    return node.meta[MASKED] if node.meta.get(MASKED) is not None else node


def _children(node: exp.Expr) -> Iterator[exp.Expr]:
    for value in node.args.values():
        if isinstance(value, exp.Expr):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, exp.Expr))


def _named_by_function(table: exp.Table) -> None:
    """``IDENTIFIER('a.b.c')`` is just another way to write the name."""
    if isinstance(table.this, exp.DynamicIdentifier):
        text = table.this.this
    elif isinstance(table.this, exp.Anonymous) and table.this.name.upper() == "IDENTIFIER":
        text = table.this.expressions[0]
    else:
        return
    if not isinstance(text, exp.Literal) or not text.is_string:
        raise unsupported(
            f"IDENTIFIER of something that is not a text: {table.sql(dialect='snowflake')[:80]}"
        )
    parts = parts_of(text.this)
    for key, part in zip(("this", "db", "catalog"), reversed(parts), strict=False):
        table.set(key, exp.to_identifier(part, quoted=True))


__all__ = ["ROW", "Resolver"]
