"""Resources of Azure, made by hand, with ids as Azure makes them."""

from typing import Any

from local.mutation.mutant import Mutant
from local.standin.azure.client import SUBSCRIPTION, guid
from local.standin.state import Resource
from tests.mutation.small import resource

IN_SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{IN_SUBSCRIPTION}/resourceGroups/g"
ROLES = f"{IN_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"

WRAPS = "b49434e1-3431-b20a-e46e-aedee6f73a43"


def about(found: Any, one: Resource) -> list[Mutant]:
    return [each for each in found if each.resource is one]


def azure(token: str, name: str, inputs: dict[str, Any], path: str = "", **more: Any) -> Resource:
    """A resource of a type, without the provider's name, under the resource group."""
    rid = f"{GROUP}/providers/{path or f'Microsoft.Test/things/{name}'}"
    inputs = {"resourceGroupName": "g", **inputs}
    return resource(f"azure-native:{token}", name, inputs, id=more.pop("id", rid), **more)


def identity(name: str) -> Resource:
    path = f"Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    outputs = {"principalId": guid(f"principal:{name}"), "clientId": guid(f"client:{name}")}
    return azure("managedidentity:UserAssignedIdentity", name, {"resourceName": name}, path, outputs=outputs)


def assignment(name: str, role: str, to: Resource, on: Resource | str) -> Resource:
    scope = on if isinstance(on, str) else on.id
    inputs = {
        "roleDefinitionId": f"{ROLES}/{role}",
        "principalId": to.outputs["principalId"],
        "principalType": "ServicePrincipal",
        "scope": scope,
        "roleAssignmentName": guid(name),
    }
    return resource(
        "azure-native:authorization:RoleAssignment",
        name,
        inputs,
        id=f"{scope}/providers/Microsoft.Authorization/roleAssignments/{guid(name)}",
        needs={"principalId": [to], **({} if isinstance(on, str) else {"scope": [on]})},
    )


def key(name: str) -> Resource:
    path = f"Microsoft.KeyVault/vaults/v/keys/{name}"
    inputs = {"keyName": name, "vaultName": "v", "properties": {"kty": "RSA-HSM"}}
    return azure(
        "keyvault:Key",
        name,
        inputs,
        path,
        outputs={"name": name, "keyUri": f"https://v.vault.azure.net/keys/{name}"},
    )


def account(name: str) -> Resource:
    inputs = {"accountName": name, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    return azure("storage:StorageAccount", name, inputs, f"Microsoft.Storage/storageAccounts/{name}")


def container(name: str, of: Resource) -> Resource:
    inputs = {"accountName": of.name, "containerName": name, "publicAccess": "None"}
    return azure("storage:BlobContainer", name, inputs, id=f"{of.id}/blobServices/default/containers/{name}")


def hub(name: str, namespace: str, into: Resource | None = None, account: Resource | None = None) -> Resource:
    inputs: dict[str, Any] = {"eventHubName": name, "namespaceName": namespace}
    if into and account:
        destination = {
            "name": "EventHubArchive.AzureBlockBlob",
            "storageAccountResourceId": account.id,
            "blobContainer": into.inputs["containerName"],
            "archiveNameFormat": f"source={namespace}/",
        }
        inputs["captureDescription"] = {"enabled": True, "encoding": "Avro", "destination": destination}
    needs = {"captureDescription": [into, account]} if into and account else None
    path = f"Microsoft.EventHub/namespaces/{namespace}/eventhubs/{name}"
    return azure("eventhub:EventHub", f"{namespace}-{name}", inputs, path, needs=needs)


def app(name: str, runs_as: Resource, settings: dict[str, str] | None = None, **site: Any) -> Resource:
    ids = {"type": "UserAssigned", "userAssignedIdentities": [runs_as.id]}
    told = {**ids, "userAssignedIdentities": {runs_as.id: {"principalId": runs_as.outputs["principalId"]}}}
    listed = [{"name": key, "value": value} for key, value in (settings or {}).items()]
    return azure(
        "web:WebApp",
        name,
        {"name": name, "identity": ids, "siteConfig": {"appSettings": listed, **site}},
        f"Microsoft.Web/sites/{name}",
        outputs={"identity": told},
        needs={"identity": [runs_as]},
    )
