"""Log workspaces: written by identities, and kept for long enough."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.rules import Props, number, resource_policy, section
from policies.values import on

WORKSPACE = "azure-native:operationalinsights:Workspace"


def _keyed(props: Props, _: Mapping[str, Any]) -> str | None:
    if on(section(props, "features"), "disableLocalAuth"):
        return None
    return "Logs must come from identities: set features.disableLocalAuth to true."


def _by_identities(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"features": {"disableLocalAuth": True}} if _keyed(props, config) else None


def _short(props: Props, config: Mapping[str, Any]) -> str | None:
    least = config.get("days", 30)
    if number(props, "retentionInDays", least) >= least:
        return None
    return f"Logs should be kept for {least:g} days or more: raise retentionInDays."


POLICIES = (
    resource_policy(
        "azure-logs-workspace-disable-local-auth",
        WORKSPACE,
        description="Log workspaces listen to identities, not to whoever knows a key.",
        check=_keyed,
        mend=_by_identities,
        steps="Set features.disableLocalAuth to true.",
        severity=Severity.MEDIUM,
    ),
    resource_policy(
        "azure-logs-workspace-configure-retention",
        WORKSPACE,
        description="Logs are kept until somebody has looked.",
        check=_short,
        steps="Raise retentionInDays.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
        config=PolicyConfigSchema({"days": {"type": "integer", "default": 30, "minimum": 7, "maximum": 730}}),
    ),
)
