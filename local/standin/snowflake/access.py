"""Grants: of roles, of privileges, of ownership."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, StandInError, register
from ..props import Props
from .client import SnowflakeAdapter, Warehouse
from .names import parts, requalified

ADMIN = '"ACCOUNTADMIN"'


class Grant(SnowflakeAdapter):
    """A grant. It has no name: its id says what is granted to whom."""

    autoname = None
    computed: ClassVar[Mapping[str, Computed]] = {}

    def identity(self, inputs: Inputs) -> str | None:
        """Return what the grant says: the same grant twice would be taken away twice."""
        return "|".join(self.statements(Props(inputs)))

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return what the grant says."""
        return self.identity(inputs) or urn_name


@register
class GrantAccountRole(Grant):
    """A role granted to a role or a user."""

    type = "snowflake:index/grantAccountRole:GrantAccountRole"
    replace_on = frozenset({"roleName", "parentRoleName", "userName"})

    def statements(self, p: Props) -> list[str]:
        """Grant the role."""
        role, parent, user = p.take("roleName"), p.take("parentRoleName"), p.take("userName")
        if (parent is None) == (user is None):
            raise StandInError("a role is granted either to a parentRoleName or to a userName")
        to = f"ROLE {requalified(parent)}" if parent else f"USER {requalified(user)}"
        return [f"GRANT ROLE {requalified(role)} TO {to}"]

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Look for it among the grants of the role."""
        rows = cloud.execute(f"SHOW GRANTS OF ROLE {requalified(inputs['roleName'])}", allow=self.missing)
        kind, name = ("ROLE", "parentRoleName") if "parentRoleName" in inputs else ("USER", "userName")
        grantee = parts(inputs[name])[-1]
        if not any(one["granted_to"].upper() == kind and one["grantee_name"] == grantee for one in rows):
            return None
        return {"roleName": inputs["roleName"], name: inputs[name]}

    def delete(self, cloud: Warehouse, rid: str, inputs: Inputs) -> None:
        """Revoke the role."""
        (grant,) = self.statements(Props(inputs))
        revoke = grant.replace("GRANT ROLE", "REVOKE ROLE", 1).replace(" TO ", " FROM ", 1)
        cloud.execute(revoke, allow=self.missing)


def _target(p: Props) -> str:
    """Return on what is granted, as GRANT says it."""
    if p.take("onAccount"):
        return "ACCOUNT"
    if on := p.block("onAccountObject"):
        return f"{on.take('objectType')} {requalified(on.take('objectName'))}"
    if on := p.block("onSchema"):
        if name := on.take("schemaName"):
            return f"SCHEMA {requalified(name)}"
        if database := on.take("allSchemasInDatabase"):
            return f"ALL SCHEMAS IN DATABASE {requalified(database)}"
        return f"FUTURE SCHEMAS IN DATABASE {requalified(on.take('futureSchemasInDatabase'))}"
    return _object(p.block("onSchemaObject"))


def _object(on: Props) -> str:
    for word in ("all", "future"):
        if several := on.block(word):
            schema, database = several.take("inSchema"), several.take("inDatabase")
            where = f"SCHEMA {requalified(schema)}" if schema else f"DATABASE {requalified(database)}"
            return f"{word.upper()} {several.take('objectTypePlural')} IN {where}"
    return f"{on.take('objectType')} {requalified(on.take('objectName'))}"


@register
class GrantPrivileges(Grant):
    """Privileges granted to a role."""

    type = "snowflake:index/grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole"
    replace_on = frozenset(
        {"accountRoleName", "onAccount", "onAccountObject", "onSchema", "onSchemaObject", "withGrantOption"}
    )
    no_effect: ClassVar[Mapping[str, str]] = {
        "alwaysApply": "nobody else grants on a laptop",
        "alwaysApplyTrigger": "nobody else grants on a laptop",
        "strictPrivilegeManagement": "nobody else grants on a laptop",
    }

    def statements(self, p: Props) -> list[str]:
        """Grant the privileges."""
        named = sorted(p.take("privileges", []))
        privileges = "ALL PRIVILEGES" if p.take("allPrivileges") else ", ".join(named)
        option = " WITH GRANT OPTION" if p.take("withGrantOption") else ""
        role = requalified(p.take("accountRoleName"))
        return [f"GRANT {privileges} ON {_target(p)} TO ROLE {role}{option}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Revoke what is no longer granted, grant what is new."""
        before, after = {*old.take("privileges", [])}, {*new.take("privileges", [])}
        role, target = requalified(new.take("accountRoleName")), _target(new)
        gone, come = ", ".join(sorted(before - after)), ", ".join(sorted(after - before))
        return [
            *([f"REVOKE {gone} ON {target} FROM ROLE {role}"] if gone else []),
            *([f"GRANT {come} ON {target} TO ROLE {role}"] if come else []),
        ]

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Look for the privileges among the grants to the role."""
        role, target = requalified(inputs["accountRoleName"]), _target(Props(inputs))
        if target.startswith("ALL ") or inputs.get("allPrivileges"):
            # What was granted on all objects of a moment is a grant on each: nothing to compare it with.
            return dict(inputs) if self._role_exists(cloud, role) else None
        future = "FUTURE " if target.startswith("FUTURE ") else ""
        rows = cloud.execute(f"SHOW {future}GRANTS TO ROLE {role}", allow=self.missing)
        found = {one["privilege"] for one in rows if _is_on(one, target)}
        held = [one for one in inputs["privileges"] if one in found]
        return {**inputs, "privileges": held} if held else None

    def delete(self, cloud: Warehouse, rid: str, inputs: Inputs) -> None:
        """Revoke the privileges."""
        (grant,) = self.statements(Props(inputs))
        what, role = grant.removesuffix(" WITH GRANT OPTION").removeprefix("GRANT ").rsplit(" TO ROLE ", 1)
        cloud.execute(f"REVOKE {what} FROM ROLE {role}", allow=self.missing)

    def _role_exists(self, cloud: Warehouse, role: str) -> bool:
        name = parts(role)[0]
        return any(one["name"] == name for one in cloud.execute(f"SHOW ROLES LIKE '{name}'"))


def _is_on(shown: dict[str, Any], target: str) -> bool:
    """Say whether a row of SHOW GRANTS is about the target of a GRANT."""
    kind = str(shown.get("granted_on") or shown.get("grant_on")).replace("_", " ").upper()
    if target == "ACCOUNT":
        return kind == "ACCOUNT"
    if target.startswith("FUTURE "):
        # Shown as DB.SCHEMA.<TABLE>
        plural, where = target.removeprefix("FUTURE ").split(" IN ", 1)
        within = parts(where.split(" ", 1)[1])
        return kind == _singular(plural) and _parts(shown["name"])[: len(within)] == within
    wanted, name = target.split(' "', 1)
    return kind == wanted.upper() and _parts(shown["name"]) == parts(f'"{name}')


def _parts(shown: str) -> tuple[str, ...]:
    return parts(shown)


def _singular(plural: str) -> str:
    return (
        plural.upper().removesuffix("IES") + "Y"
        if plural.upper().endswith("IES")
        else plural.upper().removesuffix("S")
    )


@register
class GrantOwnership(Grant):
    """Ownership given to a role."""

    type = "snowflake:index/grantOwnership:GrantOwnership"
    replace_on = frozenset({"on", "accountRoleName", "databaseRoleName", "outboundPrivileges"})

    def statements(self, p: Props) -> list[str]:
        """Give the ownership."""
        kept = p.take("outboundPrivileges")
        current = f" {kept} CURRENT GRANTS" if kept else ""
        role = requalified(p.take("accountRoleName"))
        return [f"GRANT OWNERSHIP ON {_object(p.block('on'))} TO ROLE {role}{current}"]

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Look who owns it."""
        role, target = requalified(inputs["accountRoleName"]), _object(Props(inputs["on"]))
        if target.startswith("ALL "):
            return dict(inputs)
        future = "FUTURE " if target.startswith("FUTURE ") else ""
        rows = cloud.execute(f"SHOW {future}GRANTS TO ROLE {role}", allow=self.missing)
        owned = any(one["privilege"] == "OWNERSHIP" and _is_on(one, target) for one in rows)
        return dict(inputs) if owned else None

    def delete(self, cloud: Warehouse, rid: str, inputs: Inputs) -> None:
        """Give it back to the administrator, as the provider does; a promise for the future is taken back."""
        role, target = requalified(inputs["accountRoleName"]), _object(Props(inputs["on"]))
        back = f"GRANT OWNERSHIP ON {target} TO ROLE {ADMIN} COPY CURRENT GRANTS"
        future = f"REVOKE OWNERSHIP ON {target} FROM ROLE {role}"
        cloud.execute(future if target.startswith("FUTURE ") else back, allow=self.missing)
