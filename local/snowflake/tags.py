"""Tags: made with the masking policies that they bring, and set on columns, tables and what holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.snowflake import access, attach, policies
from local.snowflake.catalog import Entry
from local.snowflake.columns import data_type
from local.snowflake.commands import Statement
from local.snowflake.errors import compilation, exists, missing, unsupported
from local.snowflake.names import Name, parts_of
from local.snowflake.policies import MASKING, kept
from local.snowflake.result import SUCCESS, Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session


def _create(session: Session, statement: Statement) -> Result:
    name = statement.name(session)
    access.require_create(session, "TAG", name)
    old = session.catalog.get("TAG", name)
    if old and statement.if_not_exists:
        return Result.status(f"{name.name} already exists, statement succeeded.")
    if old and not statement.replace:
        raise exists(name)
    if old and references(session, name):
        raise compilation(f"Cannot replace tag {name}: it is set on objects.", 391, "42601")
    properties: dict[str, Any] = {}
    while not statement.done:
        if statement.accept("ALLOWED_VALUES"):
            properties["allowed_values"] = _strings(statement)
        elif statement.accept("COMMENT", "="):
            properties["comment"] = statement.string()
        else:
            raise unsupported(f"{statement.rest()[:60]} of a tag")
    entry = Entry(kind="TAG", name=name, owner=session.role, properties=properties)
    session.catalog.put(session, access.with_future_grants(session, entry))
    return Result.status(f"Tag {name.name} successfully created.")


def _strings(statement: Statement) -> list[str]:
    found = [statement.string()]
    while statement.accept(","):
        found.append(statement.string())
    return found


def _policy_names(session: Session, statement: Statement) -> list[Name]:
    found: list[Name] = []
    while True:
        statement.expect("MASKING", "POLICY")
        found.append(statement.name(session))
        if not statement.accept(","):
            return found


def _alter(session: Session, statement: Statement) -> Result:
    name = statement.name(session)
    if statement.if_exists and not session.catalog.get("TAG", name):
        return Result.status(SUCCESS)
    entry = access.require_owner(session, "TAG", name)
    allowed = list(entry.properties.get("allowed_values", []))
    if statement.accept("SET", "COMMENT", "="):
        entry = entry.having(comment=statement.string())
    elif statement.accept("UNSET", "COMMENT"):
        entry = entry.having(comment=None)
    elif statement.accept("ADD", "ALLOWED_VALUES"):
        entry = entry.having(allowed_values=[*allowed, *(v for v in _strings(statement) if v not in allowed)])
    elif statement.accept("DROP", "ALLOWED_VALUES"):
        gone = _strings(statement)
        entry = entry.having(allowed_values=[v for v in allowed if v not in gone] or None)
    elif statement.accept("UNSET", "ALLOWED_VALUES"):
        entry = entry.having(allowed_values=None)
    elif statement.accept("SET"):
        entry = _with_policies(session, entry, statement)
    elif statement.accept("UNSET"):
        gone_policies = {kept(policy) for policy in _policy_names(session, statement)}
        left = [p for p in entry.properties.get("masking_policies", []) if p not in gone_policies]
        entry = entry.having(masking_policies=left or None)
    else:
        raise unsupported(f"ALTER TAG … {statement.rest()[:80]}")
    statement.end()
    session.catalog.put(session, entry)
    return Result.status(SUCCESS)


def _with_policies(session: Session, entry: Entry, statement: Statement) -> Entry:
    """A tag has one masking policy for each data type."""
    names = _policy_names(session, statement)
    force = statement.accept("FORCE")
    bound = {
        data_type(policy.properties["arguments"][0][1]): policy_name
        for policy_name in entry.properties.get("masking_policies", [])
        if (policy := session.catalog.get(MASKING, policies.named(policy_name)))
    }
    for name in names:
        policy = policies.check_attach(session, MASKING, name)
        if len(policy.properties["arguments"]) > 1:
            raise compilation(
                f"Policy '{name}' with several arguments cannot be set on a tag.", 3554, "42601"
            )
        kind = data_type(policy.properties["arguments"][0][1])
        if kind in bound and bound[kind] != kept(name) and not force:
            raise compilation(
                f"Tag {entry.name} already has a masking policy for {kind}. Unset it first, or use FORCE.",
                3531,
                "42601",
            )
        bound[kind] = kept(name)
    return entry.having(masking_policies=sorted(bound.values()))


def _drop(session: Session, statement: Statement) -> Result:
    name = statement.name(session)
    statement.end()
    if statement.if_exists and not session.catalog.get("TAG", name):
        return Result.status("Drop statement executed successfully.")
    entry = access.require_owner(session, "TAG", name)
    if entry.properties.get("masking_policies"):
        raise compilation(
            f"Tag {name} cannot be dropped: it has masking policies. Unset them first.", 391, "42601"
        )
    for use in references(session, name):
        owner: Entry = use["entry"]
        if use["column"]:
            tags = {k: v for k, v in attach.find(owner, use["column"])["tags"].items() if k != kept(name)}
            owner = attach.with_column(owner, use["column"], tags=tags)
        else:
            owner = owner.having(tags={k: v for k, v in owner.properties["tags"].items() if k != kept(name)})
        session.catalog.put(session, owner)
    session.catalog.drop(session, "TAG", name)
    return Result.status(f"{name.name} successfully dropped.")


# -- on objects


def changed(session: Session, statement: Statement, entry: Entry, column: str = "") -> Entry:
    """Read ``SET TAG a = '…', …`` or ``UNSET TAG a, …`` and give the object with that done."""
    give = statement.accept("SET", "TAG")
    if not give:
        statement.expect("UNSET", "TAG")
    holder = attach.find(entry, column) if column else entry.properties
    tags = dict(holder.get("tags", {}))
    while True:
        tag = statement.name(session)
        found = session.catalog.get("TAG", tag)
        may = access.on_account(session, "APPLY TAG") or (
            found is not None and access.allowed(session.engine, session.role, "APPLY", found)
        )
        if found is None or not may:
            raise missing("tag", tag)
        if give:
            statement.expect("=")
            value = statement.string()
            attach.check_tag(session, tag, value)
            tags[kept(tag)] = value
        else:
            tags.pop(kept(tag), None)
        if not statement.accept(","):
            break
    return attach.with_column(entry, column, tags=tags) if column else entry.having(tags=tags)


def references(session: Session, tag: Name) -> list[dict[str, Any]]:
    """Where a tag is set, itself: on which object, or column of it, with which value."""
    found: list[dict[str, Any]] = []
    for entry in session.catalog.entries():
        if kept(tag) in entry.properties.get("tags", {}):
            found.append({"entry": entry, "column": None, "value": entry.properties["tags"][kept(tag)]})
        if entry.kind in ("TABLE", "VIEW"):
            found += [
                {"entry": entry, "column": column["name"], "value": column["tags"][kept(tag)]}
                for column in entry.properties["columns"]
                if kept(tag) in column.get("tags", {})
            ]
    return found


def get_tag(session: Session, tag: str, of: str, domain: str) -> str | None:
    """SYSTEM$GET_TAG: the value of a tag on an object, its own or inherited."""
    name = session.qualify(parts_of(tag))
    kind = domain.upper()
    parts = parts_of(of)
    if kind == "COLUMN":
        relation = session.catalog.relation(session.qualify(parts[:-1]))
        if relation is None:
            raise missing("object", of)
        column = attach.find(relation, parts[-1])
        return policies.carried(session.catalog, relation, column).get(kept(name))
    if kind in ("TABLE", "VIEW"):
        relation = session.catalog.relation(session.qualify(parts))
        if relation is None:
            raise missing(kind, of)
        return policies.carried(session.catalog, relation).get(kept(name))
    holder = session.schema_name(parts) if kind == "SCHEMA" else Name.account(parts[-1])
    entry = session.catalog.get(kind, holder)
    if entry is None:
        raise missing(kind, of)
    return entry.properties.get("tags", {}).get(kept(name))


def install(engine: Engine) -> None:
    """Answer the statements on tags."""
    engine.register("CREATE TAG", _create)
    engine.register("ALTER TAG", _alter)
    engine.register("DROP TAG", _drop)
    engine.register_function("SYSTEM$GET_TAG", get_tag)
