"""Grants."""

from __future__ import annotations

from ..adapter import Inputs, Place, register
from .client import SnowflakeAdapter


class Grant(SnowflakeAdapter):
    """A grant; its id says what is granted to whom."""

    autoname = None
    computed = {}

    def identity(self, inputs: Inputs) -> str | None:
        """Return nothing: the same grant from two resources is not a collision of names."""
        return None

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return the resource's name."""
        return urn_name


@register
class GrantAccountRole(Grant):
    """A role granted to a role or user."""

    type = "snowflake:index/grantAccountRole:GrantAccountRole"
    replace_on = frozenset({"roleName", "parentRoleName", "userName"})


@register
class GrantPrivileges(Grant):
    """Privileges granted to a role."""

    type = "snowflake:index/grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole"
    replace_on = frozenset(
        {"accountRoleName", "onAccount", "onAccountObject", "onSchema", "onSchemaObject", "withGrantOption"}
    )


@register
class GrantOwnership(Grant):
    """Ownership given to a role."""

    type = "snowflake:index/grantOwnership:GrantOwnership"
    replace_on = frozenset({"on", "accountRoleName", "databaseRoleName", "outboundPrivileges"})
