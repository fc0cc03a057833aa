"""The types of Azure's resources that operators ask for, and what they are to a lake, by the graph."""

from __future__ import annotations

from typing import Any

from local.standin.state import Resource

from ..graph import Graph, get
from .roles import EVENT_HUBS_DATA_RECEIVER

ASSIGNMENT = "azure-native:authorization:RoleAssignment"
DEFINITION = "azure-native:authorization:RoleDefinition"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
APP = "azure-native:web:WebApp"
KEY = "azure-native:keyvault:Key"
VAULT = "azure-native:keyvault:Vault"
HUB = "azure-native:eventhub:EventHub"
NAMESPACE = "azure-native:eventhub:Namespace"
ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
BLOBS = "azure-native:storage:BlobServiceProperties"
LIFECYCLE = "azure-native:storage:ManagementPolicy"
SUBSCRIPTION = "azure-native:eventgrid:SystemTopicEventSubscription"
DIAGNOSTICS = "azure-native:monitor:DiagnosticSetting"
QUESTION = "azure-native:monitor:ScheduledQueryRule"
WORKSPACE = "azure-native:operationalinsights:Workspace"
INSIGHTS = "azure-native:applicationinsights:Component"

ROLE, SCOPE, PRINCIPAL = "roleDefinitionId", "scope", "principalId"
CAPTURE = "captureDescription"


def running(graph: Graph) -> list[Resource]:
    """Return the identities as which apps run."""
    used: set[Any] = set()
    for app in graph.of(APP):
        ids = get(app.inputs, ("identity", "userAssignedIdentities"))
        used |= set(ids) if isinstance(ids, list) else set()
    return [one for one in graph.of(IDENTITY) if one.id in used]


def plaintext(graph: Graph) -> dict[str, Resource]:
    """Return the hubs that somebody reads by a right of its own, by their ids: what comes in."""
    read = {
        one.inputs[SCOPE]
        for one in graph.of(ASSIGNMENT)
        if str(one.inputs[ROLE]).endswith(EVENT_HUBS_DATA_RECEIVER)
    }
    return {one.id: one for one in graph.of(HUB) if one.id in read}


def captured(graph: Graph) -> list[Resource]:
    """Return the hubs whose records are written to a container."""
    return [one for one in graph.of(HUB) if isinstance(one.inputs.get(CAPTURE), dict)]


def landings(graph: Graph) -> dict[str, Resource]:
    """Return the containers into which hubs are written, by their ids."""
    targets = {_target(one) for one in captured(graph)}
    found = {one.id: one for one in graph.of(CONTAINER)}
    return {
        rid: one for rid, one in found.items() if (account_id(rid), one.inputs["containerName"]) in targets
    }


def account_id(container: str) -> str:
    """Return the id of the account of a container."""
    return container.partition("/blobServices/")[0]


def _target(hub: Resource) -> tuple[Any, Any]:
    to = (CAPTURE, "destination")
    return get(hub.inputs, (*to, "storageAccountResourceId")), get(hub.inputs, (*to, "blobContainer"))
