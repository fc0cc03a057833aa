"""Roles, and GRANT and REVOKE of roles and privileges, on objects that are there and on those to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.snowflake import access
from local.snowflake.access import ACCOUNT_NAME, PRIVILEGES
from local.snowflake.catalog import Entry, Grant
from local.snowflake.commands import Statement
from local.snowflake.ddl import lowered, named_object
from local.snowflake.errors import compilation, exists, forbidden, missing, unsupported
from local.snowflake.names import Name
from local.snowflake.result import SUCCESS, Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

KINDS = sorted((kind for kind in PRIVILEGES if kind != "ACCOUNT"), key=len, reverse=True)
_IN_SCHEMA = (
    "TABLE",
    "VIEW",
    "STREAM",
    "STAGE",
    "FILE FORMAT",
    "PIPE",
    "TASK",
    "MASKING POLICY",
    "ROW ACCESS POLICY",
    "TAG",
)
# Kinds that the laptop never has an object of: granting on all or future ones of them is true of nothing yet.
_ABSENT = (
    "EXTERNAL TABLE", "DYNAMIC TABLE", "ICEBERG TABLE", "EVENT TABLE", "MATERIALIZED VIEW", "FUNCTION", "PROCEDURE",
    "SEQUENCE", "ALERT", "SECRET",
)  # fmt: skip


def _plural(kind: str) -> str:
    return f"{kind[:-1]}IES" if kind.endswith("Y") else f"{kind}S"


_PLURALS = {_plural(kind): kind for kind in (*_IN_SCHEMA, *_ABSENT, "SCHEMA")}


# -- roles


def _create_role(session: Session, statement: Statement) -> Result:
    name = statement.account_name()
    properties = lowered(statement, {"comment"})
    statement.end()
    if session.catalog.get("ROLE", name):
        if statement.if_not_exists:
            return Result.status(f"{name.name} already exists, statement succeeded.")
        raise exists(name) if not statement.replace else unsupported("CREATE OR REPLACE ROLE")
    access.require_account(session, "CREATE ROLE")
    properties |= {"to_roles": [], "to_users": []}
    session.catalog.put(session, Entry(kind="ROLE", name=name, owner=session.role, properties=properties))
    return Result.status(f"Role {name.name} successfully created.")


def _alter_role(session: Session, statement: Statement) -> Result:
    name = statement.account_name()
    if statement.if_exists and not session.catalog.get("ROLE", name):
        return Result.status(SUCCESS)
    entry = access.require_owner(session, "ROLE", name)
    if statement.accept("UNSET", "COMMENT"):
        entry = entry.having(comment=None)
    else:
        statement.expect("SET")
        entry = entry.having(**lowered(statement, {"comment"}))
    statement.end()
    session.catalog.put(session, entry)
    return Result.status(SUCCESS)


def _drop_role(session: Session, statement: Statement) -> Result:
    name = statement.account_name()
    statement.end()
    entry = session.catalog.get("ROLE", name)
    if entry is None and statement.if_exists:
        return Result.status("Drop statement executed successfully.")
    if entry is None:
        raise missing("role", name)
    if entry.properties.get("system"):
        raise compilation(f"Cannot drop system role {name}.", 3022, "42501")
    access.require_owner(session, "ROLE", name)
    for other in session.catalog.entries():
        _forget(session, other, name.name)
    session.catalog.drop(session, "ROLE", name)
    return Result.status(f"{name.name} successfully dropped.")


def _forget(session: Session, entry: Entry, role: str) -> None:
    """Without the role: its grants go, what it owned goes to the role that drops it."""
    made = replace(entry, grants=tuple(grant for grant in entry.grants if grant.role != role))
    if entry.owner == role:
        made = replace(made, owner=session.role)
    if entry.properties.get("future"):
        made = made.having(future=[g for g in entry.properties["future"] if g["role"] != role])
    if entry.kind == "ROLE" and role in entry.properties.get("to_roles", ()):
        made = made.having(to_roles=[r for r in entry.properties["to_roles"] if r != role])
    if made != entry:
        with session.atomic():
            session.catalog.put(session, made)


# -- what a GRANT or REVOKE says


class _Spoken:
    """``<privileges> ON <what> {TO|FROM} <grantee>``, read."""

    def __init__(self, session: Session, statement: Statement, towards: str) -> None:
        self.session = session
        self.future = False
        self.kind = ""
        self.names: list[Name] = []
        self.privileges = _privileges(statement)
        statement.expect("ON")
        self._objects(statement)
        statement.expect(towards)
        if statement.accept("DATABASE", "ROLE"):
            raise unsupported("database roles")
        statement.accept("ROLE")
        self.role = statement.word()
        if not session.catalog.get("ROLE", Name.account(self.role)):
            raise missing("role", self.role)

    def _objects(self, statement: Statement) -> None:
        session = self.session
        if statement.accept("ACCOUNT"):
            self.kind, self.names = "ACCOUNT", [ACCOUNT_NAME]
            return
        scope = statement.accept_any("ALL", "FUTURE")
        if scope:
            plural = statement.accept_any(*sorted(_PLURALS, key=len, reverse=True))
            if not plural:
                raise unsupported(f"GRANT ON {scope} {statement.rest()[:40]}")
            self.kind = _PLURALS[plural]
            self.future = scope == "FUTURE"
            statement.expect("IN")
            self._scope(statement)
            return
        if statement.accept_any("STORAGE INTEGRATION", "NOTIFICATION INTEGRATION"):
            self.kind = "INTEGRATION"
        else:
            self.kind = statement.accept_any(*KINDS) or "TABLE"
        name = named_object(session, self.kind, statement.parts())
        if self.kind == "TABLE" and (found := session.catalog.relation(name)):
            self.kind = found.kind  # GRANT SELECT ON TABLE reaches views, too
        self.names = [name]

    def _scope(self, statement: Statement) -> None:
        session = self.session
        in_database = statement.accept("DATABASE")
        if in_database:
            database, schema = statement.word(), None
            self.holder = ("DATABASE", Name.account(database))
        else:
            statement.expect("SCHEMA")
            name = session.schema_name(statement.parts())
            database, schema = name.database, name.name
            self.holder = ("SCHEMA", name)
        if not session.catalog.get(*self.holder):
            raise missing(self.holder[0], self.holder[1])
        if not self.future:
            self.names = [entry.name for entry in session.catalog.all(self.kind, database, schema)]

    def wanted(self) -> list[str]:
        """The privileges, each of which there must be on such an object."""
        known = PRIVILEGES.get(self.kind, PRIVILEGES["TABLE"])
        if self.privileges == ["ALL"]:
            return list(known)
        for privilege in self.privileges:
            if privilege not in (*known, "OWNERSHIP"):
                raise compilation(f"Invalid privilege [{privilege}] on {self.kind.lower()}.", 3008, "42601")
        return self.privileges


def _privileges(statement: Statement) -> list[str]:
    found: list[str] = []
    while True:
        words: list[str] = []
        while statement.peek() not in ("ON", ",", ""):
            words.append(statement.word())
        found.append(" ".join(words))
        if not statement.accept(","):
            break
    return ["ALL"] if found in (["ALL"], ["ALL PRIVILEGES"]) else found


# -- GRANT


def _grant(session: Session, statement: Statement) -> Result:
    if statement.accept("ROLE"):
        return _grant_role(session, statement, give=True)
    if statement.accept("DATABASE", "ROLE"):
        raise unsupported("database roles")
    if statement.accept("OWNERSHIP"):
        statement.at -= 1
        return _grant_ownership(session, statement)
    spoken = _Spoken(session, statement, "TO")
    option = statement.accept("WITH", "GRANT", "OPTION")
    statement.end()
    if spoken.future:
        _change_future(session, spoken, option=option, give=True)
        return Result.status(SUCCESS)
    for name in spoken.names:
        entry = _grantable(session, spoken.kind, name, spoken.wanted())
        made = _new_grants(session, spoken, option)
        kept = tuple(
            g for g in entry.grants if (g.privilege, g.role) not in {(m.privilege, m.role) for m in made}
        )
        session.catalog.put(session, replace(entry, grants=(*kept, *made)))
    return Result.status(SUCCESS)


def _new_grants(session: Session, spoken: _Spoken, option: bool) -> tuple[Grant, ...]:
    now = datetime.now(UTC).isoformat()
    return tuple(
        Grant(privilege=privilege, role=spoken.role, option=option, by=session.role, created=now)
        for privilege in spoken.wanted()
    )


def _grantable(session: Session, kind: str, name: Name, privileges: list[str]) -> Entry:
    """The object, if the session's role may grant these privileges on it."""
    entry = session.catalog.get(kind, name)
    if entry is None or not (
        access.on_account(session, "MANAGE GRANTS") or access.allowed(session.engine, session.role, "", entry)
    ):
        raise missing(kind, name)
    roles = access.closure(session.catalog, session.role)
    passed_on = {g.privilege for g in entry.grants if g.role in roles and g.option}
    if not (
        access.owns(session, entry)
        or access.on_account(session, "MANAGE GRANTS")
        or passed_on >= set(privileges)
    ):
        raise forbidden(f"to grant on {kind.lower()} '{name.name}'")
    return entry


def _grant_ownership(session: Session, statement: Statement) -> Result:
    spoken = _Spoken(session, statement, "TO")
    copy = statement.accept("COPY", "CURRENT", "GRANTS")
    if not copy:
        statement.accept("REVOKE", "CURRENT", "GRANTS")
    statement.end()
    if spoken.future:
        _change_future(session, spoken, option=False, give=True)
        return Result.status(SUCCESS)
    for name in spoken.names:
        entry = session.catalog.get(spoken.kind, name)
        if entry is None:
            raise missing(spoken.kind, name)
        if not (access.owns(session, entry) or access.on_account(session, "MANAGE GRANTS")):
            raise forbidden(f"to change the owner of {spoken.kind.lower()} '{name.name}'")
        if entry.grants and not copy and spoken.names == [name] and "REVOKE" not in statement.sql.upper():
            raise compilation(
                "Dependent grant of privilege exists. It must be revoked first: use COPY CURRENT GRANTS or "
                "REVOKE CURRENT GRANTS.", 3036, "42501",
            )  # fmt: skip
        session.catalog.put(session, replace(entry, owner=spoken.role, grants=entry.grants if copy else ()))
    return Result.status(SUCCESS)


def _change_future(session: Session, spoken: _Spoken, *, option: bool, give: bool) -> None:
    """Grants on what does not exist yet are kept with the schema or database which will hold it."""
    entry = session.catalog.get(*spoken.holder)
    if entry is None:
        raise missing(*spoken.holder)
    if not (access.owns(session, entry) or access.on_account(session, "MANAGE GRANTS")):
        raise forbidden(f"to grant on future objects of {spoken.holder[1]}")
    wanted = spoken.wanted()
    kept = [
        grant
        for grant in entry.properties.get("future", [])
        if not (
            grant["kind"] == spoken.kind and grant["role"] == spoken.role and grant["privilege"] in wanted
        )
    ]
    now = datetime.now(UTC).isoformat()
    new = [
        {"kind": spoken.kind, "role": spoken.role, "privilege": privilege, "option": option, "created": now}
        for privilege in wanted
    ]
    session.catalog.put(session, entry.having(future=kept + (new if give else [])))


def _grant_role(session: Session, statement: Statement, *, give: bool) -> Result:
    name = statement.account_name()
    statement.expect("TO" if give else "FROM")
    kind = statement.accept_any("ROLE", "USER") or "ROLE"
    grantee = statement.word()
    statement.end()
    entry = session.catalog.get("ROLE", name)
    if entry is None:
        raise missing("role", name)
    if not session.catalog.get(kind, Name.account(grantee)) and kind == "ROLE":
        raise missing(kind, grantee)
    if not (access.owns(session, entry) or access.on_account(session, "MANAGE GRANTS")):
        raise forbidden(f"to grant role '{name.name}'")
    if give and kind == "ROLE" and grantee in access.closure(session.catalog, name.name):
        raise compilation(
            f"Granting role '{name.name}' to '{grantee}' would create a circular dependency.", 3039, "42501"
        )
    key = f"to_{kind.lower()}s"
    kept = [one for one in entry.properties.get(key, []) if one != grantee]
    session.catalog.put(session, entry.having(**{key: [*kept, grantee] if give else kept}))
    return Result.status(SUCCESS)


# -- REVOKE


def _revoke(session: Session, statement: Statement) -> Result:
    if statement.accept("ROLE"):
        return _grant_role(session, statement, give=False)
    option_only = statement.accept("GRANT", "OPTION", "FOR")
    spoken = _Spoken(session, statement, "FROM")
    statement.accept_any("CASCADE", "RESTRICT")
    statement.end()
    if option_only:
        raise unsupported("REVOKE GRANT OPTION FOR")
    if spoken.future:
        _change_future(session, spoken, option=False, give=False)
        return Result.status(SUCCESS)
    for name in spoken.names:
        entry = _grantable(session, spoken.kind, name, spoken.wanted())
        gone = set(spoken.wanted())
        kept = tuple(g for g in entry.grants if not (g.role == spoken.role and g.privilege in gone))
        session.catalog.put(session, replace(entry, grants=kept))
    return Result.status(SUCCESS)


def install(engine: Engine) -> None:
    """Answer the statements on roles and grants."""
    engine.register("CREATE ROLE", _create_role)
    engine.register("ALTER ROLE", _alter_role)
    engine.register("DROP ROLE", _drop_role)
    engine.register("GRANT", _grant)
    engine.register("REVOKE", _revoke)
