"""Users that no person is, the networks they come from, and what holds for the whole account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, register
from ..props import Props
from .account import AccountObject, Recorded
from .client import SnowflakeAdapter, Warehouse
from .names import literal, parts, quoted, requalified


@register
class NetworkPolicy(AccountObject):
    """Where somebody may come from."""

    type = "snowflake:index/networkPolicy:NetworkPolicy"
    kind = "NETWORK POLICY"
    lists: ClassVar[Mapping[str, str]] = {
        "allowedIpLists": "ALLOWED_IP_LIST",
        "blockedIpLists": "BLOCKED_IP_LIST",
    }

    def options(self, p: Props) -> dict[str, str]:
        """Return the lists and the comment."""
        said = {
            name: f"({', '.join(map(literal, sorted(p.take(key, []))))})" for key, name in self.lists.items()
        }
        return {**{name: text for name, text in said.items() if text != "()"}, **super().options(p)}

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show it; its lists are sets."""
        shown = self.shown(cloud, rid, "NETWORK POLICIES")
        if shown is None:
            return None
        said = {one["name"]: one["value"].split(",") for one in self.described(cloud, rid)}
        found: Outputs = {"name": parts(rid)[-1], "fullyQualifiedName": rid, "comment": shown["comment"]}
        for key, name in self.lists.items():
            listed, given = said.get(name, []), list(inputs.get(key, []))
            if listed or given:
                found[key] = given if sorted(given) == sorted(listed) else listed
        return found


@register
class ServiceUser(AccountObject):
    """A user that is a service."""

    type = "snowflake:index/serviceUser:ServiceUser"
    kind = "USER"
    names: ClassVar[Mapping[str, str]] = {
        "defaultRole": "DEFAULT_ROLE",
        "defaultWarehouse": "DEFAULT_WAREHOUSE",
    }
    texts: ClassVar[Mapping[str, str]] = {
        "loginName": "LOGIN_NAME",
        "rsaPublicKey": "RSA_PUBLIC_KEY",
        "rsaPublicKey2": "RSA_PUBLIC_KEY_2",
        "comment": "COMMENT",
    }
    roles: ClassVar[Mapping[str, str]] = {"NONE": "()", "ALL": "('ALL')"}

    def options(self, p: Props) -> dict[str, str]:
        """Return what it is, as CREATE USER says it; its secondary roles are all or none."""
        said = {name: literal(text) for key, name in self.texts.items() if (text := p.take(key))}
        said |= {name: requalified(text) for key, name in self.names.items() if (text := p.take(key))}
        if (option := p.take("defaultSecondaryRolesOption")) in self.roles:
            said["DEFAULT_SECONDARY_ROLES"] = self.roles[option]
        if policy := p.take("networkPolicy"):
            said["NETWORK_POLICY"] = requalified(policy)
        return said

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        name = quoted(p.take("name"))
        said = "".join(f" {key} = {value}" for key, value in {"TYPE": "SERVICE", **self.options(p)}.items())
        return [f"CREATE USER {name}{said}"]

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Describe it; its network policy is a parameter."""
        if self.shown(cloud, rid) is None:
            return None
        said = {one["property"]: one["value"] for one in self.described(cloud, rid)}
        (policy,) = cloud.execute(f"SHOW PARAMETERS IN USER {rid}")
        found: Outputs = {"name": parts(rid)[-1], "fullyQualifiedName": rid, "userType": said["TYPE"]}
        found |= {key: said[name] for key, name in self.texts.items() if said.get(name)}
        for key, name in self.names.items():
            if text := said.get(name):
                given = inputs.get(key)
                found[key] = given if given and requalified(given) == requalified(text) else text
        if "defaultSecondaryRolesOption" in inputs:
            found["defaultSecondaryRolesOption"] = "ALL" if said["DEFAULT_SECONDARY_ROLES"] else "NONE"
        return found | ({"networkPolicy": policy["value"]} if policy["value"] else {})


class OfAccount(Recorded, SnowflakeAdapter):
    """What holds for a whole account; a laptop's has no people."""

    why = "the laptop's warehouse has no account of its own: only previews"


@register
class PasswordPolicy(OfAccount):
    """What passwords must be."""

    type = "snowflake:index/passwordPolicy:PasswordPolicy"
    kind = "PASSWORD POLICY"


@register
class SessionPolicy(OfAccount):
    """How long a session may stand still."""

    type = "snowflake:index/sessionPolicy:SessionPolicy"
    kind = "SESSION POLICY"


@register
class AuthenticationPolicy(OfAccount):
    """By what one logs in."""

    type = "snowflake:index/authenticationPolicy:AuthenticationPolicy"
    kind = "AUTHENTICATION POLICY"


class Attachment(OfAccount):
    """A policy set on the account."""

    kind = "ACCOUNT"
    autoname = None
    computed: ClassVar[Mapping[str, Computed]] = {}
    replace_on: ClassVar[frozenset[str]] = frozenset()

    def identity(self, inputs: Inputs) -> str | None:
        """Return nothing: the same kind of policy may be set for people and for services."""
        return None

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return the resource's name."""
        return urn_name


@register
class AccountPasswordPolicyAttachment(Attachment):
    """The account's policy of passwords."""

    type = "snowflake:index/accountPasswordPolicyAttachment:AccountPasswordPolicyAttachment"


@register
class AccountSessionPolicyAttachment(Attachment):
    """The account's policy of sessions."""

    type = "snowflake:index/accountSessionPolicyAttachment:AccountSessionPolicyAttachment"


@register
class AccountAuthenticationPolicyAttachment(Attachment):
    """The account's policy of logging in, of people or of services."""

    type = "snowflake:index/accountAuthenticationPolicyAttachment:AccountAuthenticationPolicyAttachment"


@register
class NetworkPolicyAttachment(Attachment):
    """The account's network policy."""

    type = "snowflake:index/networkPolicyAttachment:NetworkPolicyAttachment"
