"""Key vaults: what is deleted can be had back, and roles say who may use what."""

import re
from collections.abc import Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.rules import Props, given, number, resource_policy, section, sections
from policies.values import on, text

VAULT = "azure-native:keyvault:Vault"
KEY = "azure-native:keyvault:Key"
_PURGE = "enablePurgeProtection"
_ROLES = "enableRbacAuthorization"


def _purgeable(props: Props, _: Mapping[str, Any]) -> str | None:
    vault = section(props, "properties")
    # Without soft delete, nothing is kept that could be purged.
    if on(vault, _PURGE) and vault.get("enableSoftDelete") is not False:
        return None
    return "A key vault must keep what is deleted: set properties.enablePurgeProtection to true."


def _keep(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"properties": {_PURGE: True, "enableSoftDelete": True}} if _purgeable(props, config) else None


def _by_policies(props: Props, _: Mapping[str, Any]) -> str | None:
    if on(section(props, "properties"), _ROLES):
        return None
    return "A key vault must be opened by roles: set properties.enableRbacAuthorization to true."


def _by_roles(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"properties": {_ROLES: True}} if _by_policies(props, config) else None


def _rotated(props: Props, config: Mapping[str, Any]) -> str | None:
    policy, most = section(section(props, "properties"), "rotationPolicy"), config.get("days", 731)
    rotations = [
        one
        for one in sections(policy, "lifetimeActions")
        if text(section(one, "action"), "type").lower() == "rotate"
    ]
    if not rotations:
        return "A key must be rotated: give properties.rotationPolicy an action rotate."
    if not any(section(one, "trigger") for one in rotations):
        return "A key must be rotated by itself: give the action rotate a trigger."
    after = [_days(text(section(one, "trigger"), "timeAfterCreate")) for one in rotations]
    if all(days is not None and days > most for days in after):
        return f"A key must be rotated every {most:g} days or more often: shorten timeAfterCreate."
    return None


def _days(duration: str) -> float | None:
    """The days of a duration such as P1Y or P90D; None where it is none."""
    found = re.fullmatch(r"P(\d+)([YMWD])", duration)
    return int(found[1]) * {"Y": 365, "M": 30, "W": 7, "D": 1}[found[2]] if found else None


def _exported(props: Props, _: Mapping[str, Any]) -> str | None:
    key = section(props, "properties")
    if on(section(key, "attributes"), "exportable") or given(key, "releasePolicy"):
        return "A key must stay in its vault: leave attributes.exportable and releasePolicy."
    return None


def _weak(props: Props, _: Mapping[str, Any]) -> str | None:
    key = section(props, "properties")
    if number(key, "keySize", 2048) < 2048:
        return "A key must be long: set properties.keySize to 2048 or more."
    if section(key, "attributes").get("enabled") is False:
        return "A key that is off opens nothing: leave properties.attributes.enabled."
    return None


POLICIES = (
    resource_policy(
        "azure-keyvault-key-enable-rotation",
        KEY,
        description="Keys are rotated.",
        check=_rotated,
        steps="Set properties.rotationPolicy, with an action rotate a year after the key was made.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"days": {"type": "number", "default": 731, "minimum": 7}}),
    ),
    resource_policy(
        "azure-keyvault-key-disallow-export",
        KEY,
        description="Keys do not leave their vault.",
        check=_exported,
        steps="Leave attributes.exportable and releasePolicy.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-keyvault-key-configure-strength",
        KEY,
        description="Keys are long enough, and on.",
        check=_weak,
        steps="Set keySize to 2048 or more, better 3072; leave attributes.enabled.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-keyvault-enable-purge-protection",
        VAULT,
        description="Nobody can delete keys and secrets for good before their time.",
        check=_purgeable,
        mend=_keep,
        steps="Set properties.enablePurgeProtection to true; it cannot be turned off again.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-keyvault-enable-rbac",
        VAULT,
        description="Key vaults are opened by roles, which are reviewed in one place.",
        check=_by_policies,
        mend=_by_roles,
        steps="Set properties.enableRbacAuthorization to true, and assign the key vault's data roles.",
        severity=Severity.HIGH,
    ),
)
