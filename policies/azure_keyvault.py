"""Key vaults: what is deleted can be had back, and roles say who may use what."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import Severity

from policies.rules import Props, resource_policy, section
from policies.values import on

VAULT = "azure-native:keyvault:Vault"
_PURGE = "enablePurgeProtection"
_ROLES = "enableRbacAuthorization"


def _purgeable(props: Props, _: Mapping[str, Any]) -> str | None:
    if on(section(props, "properties"), _PURGE):
        return None
    return "A key vault must keep what is deleted: set properties.enablePurgeProtection to true."


def _keep(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"properties": {_PURGE: True}} if _purgeable(props, config) else None


def _by_policies(props: Props, _: Mapping[str, Any]) -> str | None:
    if on(section(props, "properties"), _ROLES):
        return None
    return "A key vault must be opened by roles: set properties.enableRbacAuthorization to true."


def _by_roles(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"properties": {_ROLES: True}} if _by_policies(props, config) else None


POLICIES = (
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
