"""SHOW GRANTS: on an object, to a role or user, of a role, and on what is to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.snowflake import access
from local.snowflake.access import ACCOUNT_NAME
from local.snowflake.catalog import Entry
from local.snowflake.commands import Statement
from local.snowflake.ddl import named_object
from local.snowflake.errors import missing, unsupported
from local.snowflake.grants import KINDS
from local.snowflake.names import Name
from local.snowflake.result import Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

_COLUMNS = (
    "created_on",
    "privilege",
    "granted_on",
    "name",
    "granted_to",
    "grantee_name",
    "grant_option",
    "granted_by",
)
_FUTURE = ("created_on", "privilege", "grant_on", "name", "grant_to", "grantee_name", "grant_option")


def _rows(entry: Entry) -> list[list[Any]]:
    """Ownership and grants of one object."""
    on, name = entry.kind.replace(" ", "_"), str(entry.name)
    rows = [
        [
            grant.created or entry.created.isoformat(),
            grant.privilege,
            on,
            name,
            "ROLE",
            grant.role,
            str(grant.option).lower(),
            grant.by,
        ]
        for grant in entry.grants
    ]
    if entry.owner and entry.kind != "ACCOUNT":
        rows.append(
            [entry.created.isoformat(), "OWNERSHIP", on, name, "ROLE", entry.owner, "true", entry.owner]
        )
    return rows


def _show(session: Session, statement: Statement) -> Result:
    if statement.accept("ON"):
        if statement.accept("ACCOUNT"):
            entry = session.catalog.get("ACCOUNT", ACCOUNT_NAME)
        else:
            if statement.accept_any("STORAGE INTEGRATION", "NOTIFICATION INTEGRATION"):
                kind = "INTEGRATION"
            else:
                kind = statement.accept_any(*KINDS) or "TABLE"
            name = named_object(session, kind, statement.parts())
            entry = session.catalog.get(kind, name) or (
                session.catalog.relation(name) if kind == "TABLE" else None
            )
            if entry is None or not (
                access.on_account(session, "MANAGE GRANTS")
                or access.allowed(session.engine, session.role, "", entry)
            ):
                raise missing(kind, name)
        statement.end()
        return Result.of(_COLUMNS, _rows(entry) if entry else [])
    if statement.accept("OF", "ROLE"):
        return _show_of(session, statement)
    if statement.accept("TO"):
        return _show_to(session, statement)
    statement.end()
    return _show_user(session, session.user.upper())


def _show_of(session: Session, statement: Statement) -> Result:
    name = statement.account_name()
    statement.end()
    entry = session.catalog.get("ROLE", name)
    if entry is None:
        raise missing("role", name)
    rows = [
        [entry.created.isoformat(), name.name, kind, grantee, entry.owner]
        for kind in ("ROLE", "USER")
        for grantee in entry.properties.get(f"to_{kind.lower()}s", ())
    ]
    return Result.of(("created_on", "role", "granted_to", "grantee_name", "granted_by"), rows)


def _show_to(session: Session, statement: Statement) -> Result:
    kind = statement.accept_any("ROLE", "USER")
    if not kind:
        raise unsupported(f"SHOW GRANTS TO {statement.rest()[:40]}")
    grantee = statement.word()
    statement.end()
    if kind == "USER":
        return _show_user(session, grantee)
    if not session.catalog.get("ROLE", Name.account(grantee)):
        raise missing("role", grantee)
    rows = [row for entry in session.catalog.entries() for row in _rows(entry) if row[5] == grantee]
    for role in session.catalog.all("ROLE"):
        if grantee in role.properties.get("to_roles", ()):
            rows.append(
                [
                    role.created.isoformat(),
                    "USAGE",
                    "ROLE",
                    role.name.name,
                    "ROLE",
                    grantee,
                    "false",
                    role.owner,
                ]
            )
    return Result.of(_COLUMNS, sorted(rows, key=lambda row: (row[2], row[3], row[1])))


def _show_user(session: Session, user: str) -> Result:
    rows = [
        [role.created.isoformat(), role.name.name, "USER", user, role.owner]
        for role in session.catalog.all("ROLE")
        if user in role.properties.get("to_users", ())
    ]
    return Result.of(("created_on", "role", "granted_to", "grantee_name", "granted_by"), rows)


def _show_future(session: Session, statement: Statement) -> Result:
    rows: list[list[Any]] = []
    role = ""
    holders = [*session.catalog.all("DATABASE"), *session.catalog.all("SCHEMA")]
    if statement.accept("TO"):
        statement.accept("ROLE")
        role = statement.word()
    else:
        statement.expect("IN")
        kind = statement.accept_any("DATABASE", "SCHEMA") or "SCHEMA"
        name = named_object(session, kind, statement.parts())
        found = session.catalog.get(kind, name)
        if found is None:
            raise missing(kind, name)
        holders = [found]
    statement.end()
    for holder in holders:
        for grant in holder.properties.get("future", ()):
            if role in ("", grant["role"]):
                kind = grant["kind"].replace(" ", "_")
                name = f"{holder.name}.<{kind}>"
                rows.append(
                    [
                        grant["created"],
                        grant["privilege"],
                        kind,
                        name,
                        "ROLE",
                        grant["role"],
                        str(grant["option"]).lower(),
                    ]
                )
    return Result.of(_FUTURE, rows)


def install(engine: Engine) -> None:
    """Answer SHOW GRANTS."""
    engine.register("SHOW GRANTS", _show)
    engine.register("SHOW FUTURE GRANTS", _show_future)
