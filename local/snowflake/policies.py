"""Masking and row access policies: made here, put on tables, columns and tags here, and found here by who must apply them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from local.snowflake import access
from local.snowflake.catalog import Catalog, Entry
from local.snowflake.columns import data_type, parse_type, snowflake_type
from local.snowflake.commands import Statement
from local.snowflake.errors import compilation, exists, missing, unsupported
from local.snowflake.names import Name, identifier, parts_of
from local.snowflake.result import Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

MASKING, ROW_ACCESS = "MASKING POLICY", "ROW ACCESS POLICY"
Applied = tuple[Entry, tuple[str, ...]]


def named(text: str) -> Name:
    """A full name as it is kept in properties."""
    return Name(*parts_of(text))


def kept(name: Name) -> str:
    """How a full name is kept in properties."""
    return name.sql


# -- what protects a relation


def masks(catalog: Catalog, relation: Entry) -> dict[str, Applied]:
    """The masking policy of each column that has one, set on the column itself or by a tag that it carries."""
    found: dict[str, Applied] = {}
    for column in relation.properties.get("columns", ()):
        name = column["name"]
        if own := column.get("masking"):
            policy = _policy(catalog, MASKING, own["policy"])
            found[name] = policy, (name, *own.get("using", ()))
        elif by_tag := tag_policy(catalog, relation, column):
            found[name] = by_tag[0], (name,)
    return found


def tag_policy(catalog: Catalog, relation: Entry, column: dict[str, Any]) -> tuple[Entry, str] | None:
    """The policy that a tag brings to a column, and the tag; tags of table, schema and database come down to columns."""
    for tag in carried(catalog, relation, column):
        entry = catalog.get("TAG", named(tag))
        for policy_name in entry.properties.get("masking_policies", ()) if entry else ():
            policy = _policy(catalog, MASKING, policy_name)
            if data_type(policy.properties["arguments"][0][1]) == data_type(column["type"]):
                return policy, tag
    return None


def carried(catalog: Catalog, relation: Entry, column: dict[str, Any] | None = None) -> dict[str, str]:
    """Tags and their values on a column (or on the relation), its own before inherited ones."""
    name = relation.name
    levels: list[dict[str, str]] = [column.get("tags", {})] if column else []
    levels.append(relation.properties.get("tags", {}))
    for kind, holder in (("SCHEMA", name.parent), ("DATABASE", Name.account(name.database))):
        entry = catalog.get(kind, holder)
        levels.append(entry.properties.get("tags", {}) if entry else {})
    merged: dict[str, str] = {}
    for level in levels:
        merged = {**level, **merged}
    return merged


def row_access(catalog: Catalog, relation: Entry) -> list[Applied]:
    """The relation's row access policy, if it has one."""
    own = relation.properties.get("row_access")
    return [(_policy(catalog, ROW_ACCESS, own["policy"]), tuple(own["on"]))] if own else []


def protects(catalog: Catalog, relation: Entry) -> bool:
    """Whether any policy stands between the relation and its reader."""
    return bool(relation.properties.get("row_access") or masks(catalog, relation))


def _policy(catalog: Catalog, kind: str, name: str) -> Entry:
    entry = catalog.get(kind, named(name))
    if entry is None:  # never show what a lost policy protected
        raise missing(kind, named(name))
    return entry


def bound(policy: Entry, columns: tuple[str, ...], alias: str) -> exp.Expr:
    """The policy's body with columns of `alias` in place of its arguments."""
    arguments = [name for name, _ in policy.properties["arguments"]]
    if len(arguments) != len(columns):
        raise compilation(f"Policy '{policy.name}' takes {len(arguments)} arguments.", 3554, "42601")
    place = dict(zip(arguments, columns, strict=True))
    body = sqlglot.parse_one(policy.properties["body"], read="snowflake")

    def bind(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and not node.table and identifier(node.this) in place:
            column = place[identifier(node.this)]
            return exp.column(exp.to_identifier(column, quoted=True), exp.to_identifier(alias, quoted=True))
        return node

    return body.transform(bind)


# -- statements


def _create(kind: str) -> Any:
    def create(session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        access.require_create(session, kind, name)
        old = session.catalog.get(kind, name)
        if old and statement.if_not_exists:
            return Result.status(f"{name.name} already exists, statement succeeded.")
        if old and not statement.replace:
            raise exists(name)
        if old and users(session.catalog, kind, name):
            raise compilation(
                f"Cannot drop or replace {kind.lower()} {name} as it is associated with one or more entities.",
                3552,
                "42601",
            )
        statement.expect("AS")
        arguments = _arguments(statement.parenthesised())
        statement.expect("RETURNS")
        returns = _until(statement, "->")
        body, properties = _body(statement)
        _check(session, kind, arguments, returns, body)
        entry = Entry(
            kind=kind,
            name=name,
            owner=session.role,
            properties={"arguments": arguments, "returns": returns, "body": body, **properties},
        )
        session.catalog.put(session, entry)
        return Result.status(f"{kind.capitalize()} {name.name} successfully created.")

    return create


def _arguments(text: str) -> list[list[str]]:
    definition = sqlglot.parse_one(f"CREATE TABLE _ARGUMENTS ({text})", read="snowflake")
    columns = [c for c in definition.find_all(exp.ColumnDef) if c.kind is not None]
    if not columns:
        raise compilation("A policy needs at least one argument with a type.", 1003, "42000")
    return [[identifier(c.this), snowflake_type(c.args["kind"])] for c in columns]


def _until(statement: Statement, symbol: str) -> str:
    start = statement.at
    while statement.peek() != symbol:
        statement.token()
    text = statement.sql[statement.tokens[start].start : statement.tokens[statement.at - 1].end]
    statement.expect(symbol)
    return snowflake_type(parse_type(text))


def _body(statement: Statement) -> tuple[str, dict[str, Any]]:
    """The expression after the arrow, and COMMENT or EXEMPT_OTHER_POLICIES behind it."""
    start = statement.at
    end = len(statement.tokens)
    depth = 0
    for at in range(start, end):
        depth += {"(": 1, ")": -1}.get(statement.tokens[at].text, 0)
        following = statement.tokens[at + 1].text if at + 1 < end else ""
        if (
            not depth
            and statement.tokens[at].upper in ("COMMENT", "EXEMPT_OTHER_POLICIES")
            and following == "="
        ):
            end = at
            break
    body = statement.sql[statement.tokens[start].start : statement.tokens[end - 1].end]
    statement.at = end
    properties = {key.lower(): value for key, value in statement.properties().items()}
    statement.end()
    return body, properties


def _check(session: Session, kind: str, arguments: list[list[str]], returns: str, body: str) -> None:
    """Compile the body once, over values of the arguments' types, so that a wrong policy is refused when it is made."""
    wanted = "BOOLEAN" if kind == ROW_ACCESS else data_type(arguments[0][1])
    if data_type(returns) != wanted:
        raise compilation(f"Policy's return type {returns} does not match {wanted}.", 3553, "42601")
    values = ", ".join(f'NULL::{kind_} AS "{name}"' for name, kind_ in arguments)
    from local.snowflake import query  # noqa: PLC0415 (queries know policies)

    query.compile_only(session, f"SELECT ({body}) AS RESULT FROM (SELECT {values})")


def users(catalog: Catalog, kind: str, name: Name) -> list[dict[str, Any]]:
    """Where a policy is in use: on which column of what, and by which tag."""
    return [use for use in all_uses(catalog) if use["kind"] == kind and use["policy"] == name]


def all_uses(catalog: Catalog) -> list[dict[str, Any]]:
    """Every use of every policy: on tables and views, and on tags."""
    found: list[dict[str, Any]] = []
    for relation in [*catalog.all("TABLE"), *catalog.all("VIEW")]:
        for column in relation.properties.get("columns", ()):
            name = column["name"]
            if own := column.get("masking"):
                policy = _policy(catalog, MASKING, own["policy"])
                found.append(_use(policy, relation, column=name, using=own.get("using", [])))
            elif by_tag := tag_policy(catalog, relation, column):
                found.append(_use(by_tag[0], relation, column=name, tag=named(by_tag[1])))
        found += [_use(policy, relation, using=list(on)) for policy, on in row_access(catalog, relation)]
    for tag in catalog.all("TAG"):
        names = tag.properties.get("masking_policies", ())
        found += [_use(_policy(catalog, MASKING, name), tag) for name in names]
    return found


def _use(policy: Entry, on: Entry, **more: Any) -> dict[str, Any]:
    return {
        "column": None,
        "using": [],
        "tag": None,
        "kind": policy.kind,
        "policy": policy.name,
        "on": on,
        **more,
    }


def _alter(kind: str) -> Any:
    def alter(session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        if statement.if_exists and not session.catalog.get(kind, name):
            return Result.status("Statement executed successfully.")
        entry = access.require_owner(session, kind, name)
        if statement.accept("SET", "BODY", "->"):
            body = statement.rest()
            properties = entry.properties
            _check(session, kind, properties["arguments"], properties["returns"], body)
            entry = entry.having(body=body)
        elif statement.accept("SET", "COMMENT", "="):
            entry = entry.having(comment=statement.string())
        elif statement.accept("UNSET", "COMMENT"):
            entry = entry.having(comment=None)
        else:
            raise unsupported(f"{statement.prefix} … {statement.rest()[:80]}")
        statement.end()
        session.catalog.put(session, entry)
        return Result.status("Statement executed successfully.")

    return alter


def _drop(kind: str) -> Any:
    def drop(session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        statement.end()
        if statement.if_exists and not session.catalog.get(kind, name):
            return Result.status("Drop statement executed successfully.")
        access.require_owner(session, kind, name)
        if users(session.catalog, kind, name):
            raise compilation(
                f"Policy {name} cannot be dropped/replaced as it is associated with one or more entities.",
                3552,
                "42601",
            )
        session.catalog.drop(session, kind, name)
        return Result.status(f"{name.name} successfully dropped.")

    return drop


def check_attach(session: Session, kind: str, name: Name) -> Entry:
    """The policy, if the session may put it on things."""
    policy = session.catalog.get(kind, name)
    if policy is None:
        raise missing(kind, name)
    may = access.on_account(session, f"APPLY {kind}") or access.allowed(
        session.engine, session.role, "APPLY", policy
    )
    if not may:
        raise missing(kind, name)
    return policy


def install(engine: Engine) -> None:
    """Answer the statements on policies."""
    for kind in (MASKING, ROW_ACCESS):
        engine.register(f"CREATE {kind}", _create(kind))
        engine.register(f"ALTER {kind}", _alter(kind))
        engine.register(f"DROP {kind}", _drop(kind))
