"""Resource groups, identities, roles and locks."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import ClassVar

from ..adapter import Computed, Inputs, Place, register
from .client import SUBSCRIPTION, TENANT, AzureAdapter, below, guid, last

AUTHORIZATION = "providers/Microsoft.Authorization"


@register
class ResourceGroup(AzureAdapter):
    """A resource group."""

    type = "azure-native:resources:ResourceGroup"
    autoname = "resourceGroupName"
    path = ""
    pattern = r"[\w().-]{0,89}[\w()-]"
    rule = "up to 90 letters, digits or _().-, without a full stop at the end"
    replace_on = below("resourceGroupName")


@register
class UserAssignedIdentity(AzureAdapter):
    """An identity; its ids follow from its own."""

    type = "azure-native:managedidentity:UserAssignedIdentity"
    autoname = "resourceName"
    path = "providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"
    pattern = r"[A-Za-z0-9][\w-]{2,127}"
    rule = "3 to 128 letters, digits, _ or -"
    replace_on = below("resourceName")
    computed: ClassVar[Mapping[str, Computed]] = {
        "name": last,
        "principalId": lambda place, rid, inputs: guid(f"principal:{rid}"),
        "clientId": lambda place, rid, inputs: guid(f"client:{rid}"),
        "tenantId": lambda place, rid, inputs: TENANT,
    }


class Guided(AzureAdapter):
    """What is named by an id that the provider makes up."""

    pattern = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    rule = "a GUID"

    def made(self, name: str, digest: str) -> str:
        """Return a GUID."""
        return str(uuid.UUID(digest[:32]))


@register
class RoleAssignment(Guided):
    """A role on a scope, given to a principal; Azure refuses to give it twice."""

    type = "azure-native:authorization:RoleAssignment"
    autoname = "roleAssignmentName"
    path = "{scope}/" + AUTHORIZATION + "/roleAssignments/{roleAssignmentName}"
    replace_on = frozenset(
        {"roleAssignmentName", "scope", "principalId", "roleDefinitionId", "principalType"}
    )

    def identity(self, inputs: Inputs) -> str | None:
        """Return what Azure takes for the same assignment."""
        parts = (inputs.get(name, "") for name in ("scope", "principalId", "roleDefinitionId"))
        return " ".join(map(str, parts)).lower()


@register
class RoleDefinition(Guided):
    """A role."""

    type = "azure-native:authorization:RoleDefinition"
    autoname = "roleDefinitionId"
    path = "{roleDefinitionId}"
    replace_on = frozenset({"roleDefinitionId", "scope"})

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return the path as the service gives it: of the subscription, whatever the scope."""
        return f"/subscriptions/{SUBSCRIPTION}/{AUTHORIZATION}/roleDefinitions/{inputs['roleDefinitionId']}"


@register
class ManagementLockByScope(AzureAdapter):
    """A lock."""

    type = "azure-native:authorization:ManagementLockByScope"
    autoname = "lockName"
    path = "{scope}/" + AUTHORIZATION + "/locks/{lockName}"
    replace_on = frozenset({"lockName", "scope"})
