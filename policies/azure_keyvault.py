"""Key vaults: what is deleted can be had back, and roles say who may use what."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import Severity

from policies.rules import Props, resource_policy, section, sections
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


def _rotated(props: Props, _: Mapping[str, Any]) -> str | None:
    policy = section(section(props, "properties"), "rotationPolicy")
    actions = (section(one, "action") for one in sections(policy, "lifetimeActions"))
    if any(text(action, "type").lower() == "rotate" for action in actions):
        return None
    return "A key must be rotated: give properties.rotationPolicy an action rotate."


POLICIES = (
    resource_policy(
        "azure-keyvault-key-enable-rotation",
        KEY,
        description="Keys are rotated.",
        check=_rotated,
        steps="Set properties.rotationPolicy, with an action rotate a year after the key was made.",
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
