"""Grants in Snowflake: to somebody, of something, and of no more than that."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.rules import Props, resource_policy
from policies.snowflake_sql import EXECUTE, TASK, says
from policies.values import on, text, texts

PRIVILEGES = (
    "snowflake:index/grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole",
    "snowflake:index/grantPrivilegesToDatabaseRole:GrantPrivilegesToDatabaseRole",
    "snowflake:index/grantPrivilegesToShare:GrantPrivilegesToShare",
)
ROLE = "snowflake:index/grantAccountRole:GrantAccountRole"
TO_ROLES = (
    PRIVILEGES[0],
    ROLE,
    "snowflake:index/grantDatabaseRole:GrantDatabaseRole",
    "snowflake:index/grantApplicationRole:GrantApplicationRole",
    "snowflake:index/grantOwnership:GrantOwnership",
)
_RECEIVERS = ("accountRoleName", "parentRoleName", "parentAccountRoleName")
_ALL = frozenset({"ALL", "ALL PRIVILEGES"})
# Whoever has one of these has the account, or can take it. SYSADMIN is above the objects only.
_ADMINISTRATORS = frozenset({"ACCOUNTADMIN", "ORGADMIN", "GLOBALORGADMIN", "SECURITYADMIN"})


def _name(props: Props, key: str) -> str:
    return text(props, key).strip('"').upper()


def _all(props: Props, _: Mapping[str, Any]) -> str | None:
    everything = on(props, "allPrivileges") or any(
        " ".join(one.upper().split()) in _ALL for one in texts(props, "privileges")
    )
    if not everything and not says(props, r"\bGRANT\s+ALL\b"):
        return None
    return "A grant must name its privileges: ALL also gives what Snowflake adds later."


def _public(props: Props, _: Mapping[str, Any]) -> str | None:
    public = any(_name(props, key) == "PUBLIC" for key in _RECEIVERS)
    if not public and not says(props, r'\bGRANT\b.*?\bTO\s+(ROLE\s+)?"?PUBLIC\b'):
        return None
    return "A grant must not go to PUBLIC: every user of the account has that role."


def _administrator(props: Props, config: Mapping[str, Any]) -> str | None:
    named = "|".join(sorted(_ADMINISTRATORS))
    if says(props, rf'\bGRANT\s+ROLE\s+"?({named})\b'):
        return "A statement must not grant an administrator's role: grant it where it can be reviewed."
    role = _name(props, "roleName")
    if role not in _ADMINISTRATORS or _name(props, "userName") in _allowed(config):
        return None
    return f"{role} must only be granted to the users that the policy's configuration names."


def _allowed(config: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(user.upper() for user in config.get("users", ()))


POLICIES = (
    resource_policy(
        "snowflake-grant-disallow-all-privileges",
        *PRIVILEGES,
        EXECUTE,
        TASK,
        description="Grants name their privileges.",
        check=_all,
        steps="List the privileges that are needed.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "snowflake-grant-disallow-public-role",
        *TO_ROLES,
        EXECUTE,
        TASK,
        description="Nothing is granted to PUBLIC.",
        check=_public,
        steps="Grant to an access role, and that role to those who need it.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "snowflake-grant-disallow-admin-role",
        ROLE,
        EXECUTE,
        TASK,
        description="Administrators' roles are granted to named users only.",
        check=_administrator,
        steps="Grant a role of the project, or name the user in this policy's configuration.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"users": {"type": "array", "items": {"type": "string"}, "default": []}}),
    ),
)
