"""Roles and privileges: who inherits whom, and who may do what to which object.

As in Snowflake, an object's owner may do everything to it, a privilege is held by a role or by one that it inherits,
and whatever lies in a schema also asks for USAGE on schema and database. One thing is simpler: ACCOUNTADMIN may do
everything (the real one only what it was granted or inherits). Masking and row access spare no role, this one neither.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from local.snowflake.catalog import ACCOUNT_KINDS, Catalog, Entry, Grant
from local.snowflake.errors import forbidden, missing
from local.snowflake.names import Name

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

ADMIN = "ACCOUNTADMIN"
ACCOUNT_NAME = Name.account("ACCOUNT")
_CREATE_IN_SCHEMA = (
    "TABLE", "VIEW", "STAGE", "FILE FORMAT", "STREAM", "PIPE", "TASK", "SEQUENCE", "FUNCTION", "PROCEDURE",
    "MASKING POLICY", "ROW ACCESS POLICY", "TAG", "DYNAMIC TABLE", "EXTERNAL TABLE", "MATERIALIZED VIEW", "ALERT",
    "SECRET", "NETWORK RULE", "STREAMLIT", "TEMPORARY TABLE", "DBT PROJECT", "ICEBERG TABLE", "EVENT TABLE",
)  # fmt: skip
# What there is to grant on each kind of object; a privilege that is not here is a spelling mistake.
PRIVILEGES: dict[str, tuple[str, ...]] = {
    "ACCOUNT": (
        "APPLY MASKING POLICY", "APPLY ROW ACCESS POLICY", "APPLY TAG", "CREATE DATABASE", "CREATE INTEGRATION",
        "CREATE NETWORK POLICY", "CREATE ROLE", "CREATE SHARE", "CREATE USER", "CREATE WAREHOUSE", "EXECUTE MANAGED TASK", "EXECUTE TASK",
        "IMPORT SHARE", "MANAGE GRANTS", "MANAGE WAREHOUSES", "MONITOR EXECUTION", "MONITOR SECURITY",
        "MONITOR USAGE", "MONITOR",
    ),
    "DATABASE": ("CREATE SCHEMA", "CREATE DATABASE ROLE", "MODIFY", "MONITOR", "USAGE", "APPLYBUDGET"),
    "SCHEMA": (*(f"CREATE {kind}" for kind in _CREATE_IN_SCHEMA), "ADD SEARCH OPTIMIZATION", "MODIFY", "MONITOR",
               "USAGE", "APPLYBUDGET"),
    "TABLE": ("APPLYBUDGET", "DELETE", "EVOLVE SCHEMA", "INSERT", "REFERENCES", "SELECT", "TRUNCATE", "UPDATE"),
    "VIEW": ("DELETE", "INSERT", "REFERENCES", "SELECT", "TRUNCATE", "UPDATE"),
    "STREAM": ("SELECT",),
    "STAGE": ("READ", "USAGE", "WRITE"),
    "FILE FORMAT": ("USAGE",),
    "PIPE": ("APPLYBUDGET", "MONITOR", "OPERATE"),
    "TASK": ("APPLYBUDGET", "MONITOR", "OPERATE"),
    "WAREHOUSE": ("APPLYBUDGET", "MODIFY", "MONITOR", "OPERATE", "USAGE"),
    "RESOURCE MONITOR": ("MODIFY", "MONITOR"),
    "INTEGRATION": ("USAGE", "USE_ANY_ROLE"),
    "MASKING POLICY": ("APPLY",),
    "ROW ACCESS POLICY": ("APPLY",),
    "TAG": ("APPLY", "READ"),
    "NETWORK POLICY": ("USAGE",),
    "USER": ("MONITOR",),
    "ROLE": ("USAGE",),
}  # fmt: skip


def closure(catalog: Catalog, role: str) -> frozenset[str]:
    """The role and all that it inherits; everybody has PUBLIC."""
    children: dict[str, list[str]] = {}
    for entry in catalog.all("ROLE"):
        for parent in entry.properties.get("to_roles", ()):
            children.setdefault(parent, []).append(entry.name.name)
    found = {role, "PUBLIC"}
    waiting = [role]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return frozenset(found)


def holds(engine: Engine, role: str, privilege: str, entry: Entry) -> bool:
    """Whether the role has the privilege on the object itself; OWNERSHIP includes all others."""
    if role == ADMIN:
        return True
    roles = closure(engine.catalog, role)
    if entry.owner in roles:
        return True
    return any(grant.role in roles and privilege in ("", grant.privilege) for grant in entry.grants)


def allowed(engine: Engine, role: str, privilege: str, entry: Entry) -> bool:
    """Whether the role has the privilege, and USAGE on what holds the object; any privilege where it is empty."""
    if role == ADMIN:
        return True
    if not holds(engine, role, privilege, entry):
        return False
    catalog, name = engine.catalog, entry.name
    holders = []
    if entry.kind not in ACCOUNT_KINDS:
        holders.append(catalog.get("DATABASE", Name.account(name.database)))
        if name.schema:
            holders.append(catalog.get("SCHEMA", name.parent))
    return all(holder is not None and holds(engine, role, "USAGE", holder) for holder in holders)


def require(session: Session, privilege: str, kind: str, name: Name) -> None:
    """Raise unless the session's role has the privilege on the object."""
    entry = session.catalog.get(kind, name)
    if entry is None or not allowed(session.engine, session.role, "", entry):
        raise missing(kind, name)
    if not allowed(session.engine, session.role, privilege, entry):
        raise forbidden(f"to operate on {kind.lower()} '{name.name}'")


def require_owner(session: Session, kind: str, name: Name) -> Entry:
    """Raise unless the session's role owns the object."""
    entry = session.catalog.get(kind, name)
    if entry is None or not allowed(session.engine, session.role, "", entry):
        raise missing(kind, name)
    if not owns(session, entry):
        raise forbidden(f"to operate on {kind.lower()} '{name.name}'")
    return entry


def owns(session: Session, entry: Entry) -> bool:
    """Whether the session's role owns the object, itself or by a role that it inherits."""
    return session.role == ADMIN or entry.owner in closure(session.catalog, session.role)


def on_account(session: Session, privilege: str) -> bool:
    """Whether the session's role has a privilege of the account; the system's roles have theirs from birth."""
    roles = closure(session.catalog, session.role)
    born = {
        "SYSADMIN": {"CREATE DATABASE", "CREATE WAREHOUSE"},
        "USERADMIN": {"CREATE ROLE", "CREATE USER"},
        "SECURITYADMIN": {"MANAGE GRANTS", "CREATE ROLE", "CREATE USER"},
    }
    if session.role == ADMIN or any(privilege in born.get(role, ()) for role in roles):
        return True
    entry = session.catalog.get("ACCOUNT", ACCOUNT_NAME)
    return entry is not None and any(g.role in roles and g.privilege == privilege for g in entry.grants)


def require_account(session: Session, privilege: str) -> None:
    """Raise unless the session's role has a privilege of the account."""
    if not on_account(session, privilege):
        raise forbidden("to operate on account 'LAPTOP'")


def require_create(session: Session, kind: str, name: Name) -> None:
    """Raise unless the session's role may create such an object in that schema."""
    if session.catalog.get("SCHEMA", name.parent) is None:
        raise missing("schema", name.parent)
    require(session, f"CREATE {kind}", "SCHEMA", name.parent)


def with_future_grants(session: Session, entry: Entry) -> Entry:
    """A new object with what was granted on future objects of its kind, by its schema or else by its database."""
    catalog, name = session.catalog, entry.name
    for kind, holder in (("SCHEMA", name.parent), ("DATABASE", Name.account(name.database))):
        found = catalog.get(kind, holder)
        future = [
            grant
            for grant in (found.properties.get("future", ()) if found else ())
            if grant["kind"] == entry.kind
        ]
        if not future:
            continue
        owners = [grant["role"] for grant in future if grant["privilege"] == "OWNERSHIP"]
        grants = tuple(
            Grant(
                privilege=grant["privilege"],
                role=grant["role"],
                option=grant["option"],
                by=found.owner if found else "",
            )
            for grant in future
            if grant["privilege"] != "OWNERSHIP"
        )
        return replace(entry, owner=owners[0] if owners else entry.owner, grants=(*entry.grants, *grants))
    return entry


def may_use_role(session: Session, role: str) -> bool:
    """Whether the session's user may take a role.

    A user made by CREATE USER has the roles granted; `admin` and the system have all; anybody else has what the role
    of the login inherits, since the laptop knows no passwords.
    """
    catalog = session.catalog
    if not catalog.get("ROLE", Name.account(role)):
        return False
    user = catalog.get("USER", Name.account(session.user.upper()))
    if user is not None:
        granted = [
            e.name.name for e in catalog.all("ROLE") if user.name.name in e.properties.get("to_users", ())
        ]
        return role == "PUBLIC" or any(role in closure(catalog, mine) for mine in granted)
    if session.user.upper() in ("ADMIN", "SYSTEM"):
        return True
    return role in closure(catalog, session.login_role)
