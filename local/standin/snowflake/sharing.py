"""Secure views, and shares of them with other accounts.

The laptop's warehouse is one account and knows no shares: they are recorded, and it refuses to make one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, StandInError, invoke, register
from ..props import Props
from .access import Grant
from .account import AccountObject
from .client import SnowflakeAdapter, Warehouse, altered, as_given, base, holder, options, spelled
from .names import quoted, requalified


@register
class View(SnowflakeAdapter):
    """A view."""

    type = "snowflake:index/view:View"
    kind = "VIEW"
    replace_on = frozenset({"name", "database", "schema", "statement", "isSecure"})

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        secure = "SECURE " if p.take("isSecure") == "true" else ""
        name, query = holder(p), p.take("statement")
        return [f"CREATE {secure}VIEW {name}{spelled(options(p, 'comment'))} AS {query}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter the comment."""
        return altered(self.kind, rid, options(old, "comment"), options(new, "comment"))

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show it; the query is what follows the first AS of its text."""
        shown = self.shown(cloud, rid)
        if shown is None:
            return None
        text = str(shown.get("text") or "")
        return {
            **base(rid, shown),
            "isSecure": str(shown.get("is_secure", "")).lower(),
            "statement": as_given(inputs.get("statement"), text.partition(" AS ")[2]),
        }


@register
class Share(AccountObject):
    """What other accounts may make a database of."""

    type = "snowflake:index/share:Share"
    kind = "SHARE"

    def statements(self, p: Props) -> list[str]:
        """Create it, and let the accounts in."""
        name, accounts = quoted(p.take("name")), p.take("accounts", [])
        add = [f"ALTER SHARE {name} SET ACCOUNTS = {', '.join(accounts)}"] if accounts else []
        return [f"CREATE SHARE {name}{spelled(self.options(p))}", *add]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter the comment; state the accounts again."""
        before, after = old.take("accounts", []), new.take("accounts", [])
        named = f"SET ACCOUNTS = {', '.join(after)}" if after else f"REMOVE ACCOUNTS = {', '.join(before)}"
        accounts = [f"ALTER SHARE {rid} {named}"] if before != after else []
        return accounts + altered(self.kind, rid, self.options(old), self.options(new))


ON: Mapping[str, str] = {
    "onDatabase": "DATABASE",
    "onSchema": "SCHEMA",
    "onView": "VIEW",
    "onTable": "TABLE",
}


@register
class GrantPrivilegesToShare(Grant):
    """A privilege granted to a share."""

    type = "snowflake:index/grantPrivilegesToShare:GrantPrivilegesToShare"
    replace_on = frozenset({"toShare", *ON})
    computed: ClassVar[Mapping[str, Computed]] = {}

    def statements(self, p: Props) -> list[str]:
        """Grant the privileges."""
        targets = [(kind, name) for key, kind in ON.items() if (name := p.take(key))]
        if len(targets) != 1:
            raise StandInError(f"a share is granted privileges on one of {', '.join(ON)}")
        ((kind, name),) = targets
        privileges = ", ".join(sorted(p.take("privileges", [])))
        return [f"GRANT {privileges} ON {kind} {requalified(name)} TO SHARE {requalified(p.take('toShare'))}"]

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Look for it among the grants to the share."""
        rows = cloud.execute(f"SHOW GRANTS TO SHARE {requalified(inputs['toShare'])}", allow=self.missing)
        held = {one["privilege"] for one in rows}
        return dict(inputs) if {*inputs["privileges"]} <= held else None

    def delete(self, cloud: Warehouse, rid: str, inputs: Inputs) -> None:
        """Revoke the privileges."""
        (grant,) = self.statements(Props(inputs))
        revoke = grant.replace("GRANT ", "REVOKE ", 1).replace(" TO SHARE ", " FROM SHARE ", 1)
        cloud.execute(revoke, allow=self.missing)


@invoke("snowflake:index/getCurrentRole:getCurrentRole")
def current_role(place: Place, cloud: Warehouse | None, args: Inputs) -> Outputs:
    """Return the role of whoever deploys."""
    name: Any = "ACCOUNTADMIN"
    if cloud is not None:
        (found,) = cloud.execute("SELECT CURRENT_ROLE() AS NAME")
        name = found["name"]
    return {"name": name, "id": name}
