"""Who gets into Snowflake, by what, and from where."""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.rules import Props, given, number, resource_policy
from policies.snowflake_sql import EXECUTE, TASK, literals, says
from policies.values import on, text, texts

USER = "snowflake:index/user:User"
SERVICE = "snowflake:index/serviceUser:ServiceUser"
USERS = (
    USER,
    SERVICE,
    "snowflake:index/legacyServiceUser:LegacyServiceUser",
    "snowflake:index/account:Account",
)
NETWORKS = ("snowflake:index/networkPolicy:NetworkPolicy", "snowflake:index/networkRule:NetworkRule")
# A rule for outgoing traffic names hosts with ports, and this one stands for all of them.
_ANY_HOST = re.compile(r"0\.0\.0\.0:\d+")


def _password(props: Props, _: Mapping[str, Any]) -> str | None:
    held = given(props, "password") or given(props, "adminPassword")
    if not held and not says(props, r"\b(USER|ACCOUNT)\b.*?\b(ADMIN_)?PASSWORD\s*="):
        return None
    return "A user must not have a password: give it a key pair, or let the identity provider vouch for it."


def _no_key(props: Props, _: Mapping[str, Any]) -> str | None:
    if any(given(props, key) for key in ("rsaPublicKey", "rsaPublicKey2", "defaultWorkloadIdentity")):
        return None
    return "A service must have a key pair: set rsaPublicKey."


def _from_anywhere(props: Props, _: Mapping[str, Any]) -> str | None:
    if given(props, "networkPolicy"):
        return None
    return "A service should come from named networks: set networkPolicy."


def _all_at_once(props: Props, _: Mapping[str, Any]) -> str | None:
    if text(props, "defaultSecondaryRolesOption").upper() == "NONE":
        return None
    return "A service should have one role at a time: set defaultSecondaryRolesOption to NONE."


def _one_role(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"defaultSecondaryRolesOption": "NONE"} if _all_at_once(props, config) else None


def _bypass(props: Props, _: Mapping[str, Any]) -> str | None:
    if not on(props, "disableMfa") and number(props, "minsToBypassMfa", 0) <= 0:
        return None
    return "A user must not get around its second factor: set disableMfa to false and minsToBypassMfa to 0."


def _no_bypass(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"disableMfa": "false", "minsToBypassMfa": 0} if _bypass(props, config) else None


def _any_address(props: Props, config: Mapping[str, Any]) -> str | None:
    shortest = config.get("minimumPrefixLength", 8)
    named = [*_named(props)]
    wide = [str(one) for one in _collapsed(named) if one.prefixlen < shortest]
    wide += [one for one in named if _ANY_HOST.fullmatch(one)]
    if not wide:
        return None
    return f"A network must be named: {wide[0]} stands for almost any address."


def _named(props: Props) -> Iterator[str]:
    """Yield what is allowed, as far as it is known."""
    for key in ("allowedIpLists", "valueLists"):
        yield from texts(props, key)
    yield from literals(props, r"\bNETWORK\s+(POLICY|RULE)\b")


def _collapsed(named: Iterable[str]) -> Iterator[IPv4Network | IPv6Network]:
    """Yield the networks, neighbours put together: two halves are the whole."""
    four: list[IPv4Network] = []
    six: list[IPv6Network] = []
    for name in named:
        try:
            network = ip_network(name, strict=False)
        except ValueError:
            continue
        if isinstance(network, IPv4Network):
            four.append(network)
        else:
            six.append(network)
    yield from collapse_addresses(four)
    yield from collapse_addresses(six)


POLICIES = (
    resource_policy(
        "snowflake-user-disallow-password",
        *USERS,
        EXECUTE,
        TASK,
        description="Snowflake's users have no passwords.",
        check=_password,
        steps="Remove the password; set rsaPublicKey, defaultWorkloadIdentity or single sign-on instead.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "snowflake-serviceuser-missing-key-pair",
        SERVICE,
        description="Services have key pairs.",
        check=_no_key,
        steps="Make a key pair where the service runs, and set rsaPublicKey to its public half.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "snowflake-serviceuser-missing-network-policy",
        SERVICE,
        description="Services come from named networks.",
        check=_from_anywhere,
        steps="Make a network policy with the service's addresses and set networkPolicy.",
        severity=Severity.HIGH,
        level=EnforcementLevel.ADVISORY,
    ),
    resource_policy(
        "snowflake-serviceuser-disable-secondary-roles",
        SERVICE,
        description="Services have the rights of one role at a time.",
        check=_all_at_once,
        mend=_one_role,
        # Where nothing is said, Snowflake gives a session all roles of its user.
        steps="Set defaultSecondaryRolesOption to NONE.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
    resource_policy(
        "snowflake-user-disallow-mfa-bypass",
        USER,
        description="Nobody gets around the second factor.",
        check=_bypass,
        mend=_no_bypass,
        steps="Set disableMfa to false and minsToBypassMfa to 0.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "snowflake-networkpolicy-disallow-any-ip",
        *NETWORKS,
        EXECUTE,
        TASK,
        description="Network policies and rules name networks.",
        check=_any_address,
        steps="List the networks of the company, of its services and of their hosts.",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema({"minimumPrefixLength": {"type": "integer", "default": 8, "minimum": 1}}),
    ),
)
