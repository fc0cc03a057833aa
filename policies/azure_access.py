"""Roles in Azure: made for a purpose, and given for one."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.rules import Props, resource_policy, sections
from policies.values import text, texts

ASSIGNMENT = "azure-native:authorization:RoleAssignment"
DEFINITION = "azure-native:authorization:RoleDefinition"
# The ids of built-in roles are the same in every tenant.
BROAD = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}


def _broad(props: Props, config: Mapping[str, Any]) -> str | None:
    role = BROAD.get(text(props, "roleDefinitionId").rpartition("/")[2].lower())
    if role is None or role in config.get("allowed", ()):
        return None
    return f"A role must be given for a purpose: {role} may do everything, or give it to itself."


def _wildcard(props: Props, _: Mapping[str, Any]) -> str | None:
    for permission in sections(props, "permissions"):
        for kind in ("actions", "dataActions"):
            for action in texts(permission, kind):
                if action.strip() in ("*", "*/*", "*/write", "Microsoft.Authorization/*"):
                    return f"A role must name what it may do: {action} in {kind} names everything."
    return None


POLICIES = (
    resource_policy(
        "azure-role-assignment-disallow-broad-role",
        ASSIGNMENT,
        description="Nobody is given a role that may do everything.",
        check=_broad,
        steps="Assign a role of the service that is used, such as Storage Blob Data Reader.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema(
            {
                "allowed": {
                    "type": "array",
                    "items": {"type": "string", "enum": [*BROAD.values()]},
                    "default": [],
                }
            }
        ),
    ),
    resource_policy(
        "azure-role-definition-disallow-wildcard",
        DEFINITION,
        description="Roles name what they may do.",
        check=_wildcard,
        steps="List the actions that are needed.",
        severity=Severity.CRITICAL,
    ),
)
