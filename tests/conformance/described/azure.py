"""Azure, in the words of pulumi-azure-native."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from local.standin.state import Resource
from tests.conformance.description import Carried, Description, Must, Of, Right, Trust
from tests.program.graph import Graph

ACCOUNT = "azure-native:storage:StorageAccount"
HUB = "azure-native:eventhub:EventHub"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
KEY = "azure-native:keyvault:Key"
NAMESPACE = "azure-native:eventhub:Namespace"
ROLE = "azure-native:authorization:RoleDefinition"
LANDING = "-landing"

# The roles that Azure has, by what they let an identity do to data.
BUILTIN = {
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": ("read", "list", "write"),  # Storage Blob Data Contributor
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": ("read", "list", "write"),  # Storage Blob Data Owner
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": ("read", "list"),  # Storage Blob Data Reader
    "e147488a-f6f5-4113-8e2d-b22465e65bf6": ("encrypt", "decrypt"),  # Crypto Service Encryption User
    "a638d3c7-ab3a-418d-83e6-5f17a39d4fde": ("read",),  # Event Hubs Data Receiver
    "2b629674-e913-4c01-ae53-ef4638d8f975": ("write",),  # Event Hubs Data Sender
}
ACTIONS = {
    "Microsoft.KeyVault/vaults/keys/wrap/action": "encrypt",
    "Microsoft.KeyVault/vaults/keys/encrypt/action": "encrypt",
    "Microsoft.KeyVault/vaults/keys/unwrap/action": "decrypt",
    "Microsoft.KeyVault/vaults/keys/decrypt/action": "decrypt",
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read": "read",
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write": "write",
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action": "write",
}
CONTAINER = "/blobServices/default/containers/"


def of_account(path: str, holds: Any) -> Must:
    return Must(of=Of(type=ACCOUNT, path=path, named=LANDING), holds=holds)


def is_true(value: Any) -> bool:
    return value is True


def is_false(value: Any) -> bool:
    return value is False


def _holder(identity: Resource | None, assignment: Resource) -> Resource:
    """Whose a right is: an identity's, or, where it is no identity of one worker, what gives it the right.

    That as which Capture acts belongs to the hubs' namespace, which must carry it: who gives it something to
    do is the delivery. A warehouse's principal is nobody of this stack.
    """
    if identity is None or "azure:Namespace$" in identity.urn:
        return assignment
    return identity


def rights(graph: Graph) -> Iterator[Right]:
    """What role assignments give, on a thing itself or on all that is in it."""
    identities = {one.outputs["principalId"]: one for one in graph.run.of(IDENTITY)}
    custom = {one.id: one for one in graph.run.of(ROLE)}
    things = [one.id for kind in (HUB, KEY, ACCOUNT) for one in graph.run.of(kind)]
    for one in graph.of("RoleAssignment"):
        holder = _holder(identities.get(one.inputs["principalId"]), one)
        scope, _, container = one.inputs["scope"].partition(CONTAINER)
        inside = [thing for thing in things if f"{thing}/".startswith(f"{scope}/")]
        for may in _words(one.inputs["roleDefinitionId"], custom):
            for on in inside or [scope]:
                yield Right(holder=holder, may=may, on=on, under=f"{container}/" if container else "")


def _words(role: str, custom: Mapping[str, Resource]) -> tuple[str, ...]:
    if role in custom:
        (permission,) = custom[role].inputs["permissions"]
        return tuple(ACTIONS.get(action, action) for action in permission["dataActions"])
    guid = role.rpartition("/")[2]
    return BUILTIN.get(guid, (guid,))


def carries(graph: Graph) -> Iterator[Carried]:
    """A function's trigger names its hub; Capture is told on the hub, and acts as an identity."""
    hubs = graph.run.of(HUB)
    identities = {one.id: one for one in graph.run.of(IDENTITY)}
    for app in graph.of("WebApp"):
        told = {each["name"]: each["value"] for each in app.inputs["siteConfig"]["appSettings"]}
        host = told.get("INGRESS__fullyQualifiedNamespace", "").partition(".")[0]
        for hub in hubs:
            if (host, told.get("INGRESS_HUB")) == (hub.inputs["namespaceName"], hub.outputs["name"]):
                yield Carried(carrier=app, origin=hub.id, target=app.id)
    for hub in hubs:
        if capture := hub.inputs.get("captureDescription"):
            destination = capture["destination"]
            writer = identities[destination["identity"]["userAssignedIdentity"]]
            given = (one for one in graph.of("RoleAssignment") if _is_of(writer, one, destination))
            for one in given:
                target = destination["storageAccountResourceId"]
                yield Carried(carrier=_holder(writer, one), origin=hub.id, target=target)


def _is_of(identity: Resource, assignment: Resource, destination: Mapping[str, Any]) -> bool:
    """Whether an assignment lets an identity into the account that Capture writes to."""
    inside = assignment.inputs["scope"].startswith(destination["storageAccountResourceId"])
    return inside and assignment.inputs["principalId"] == identity.outputs["principalId"]


def trusts(graph: Graph) -> Iterator[Trust]:
    reader = "azure:WarehouseReader"
    for one in graph.of("RoleAssignment"):
        if reader in one.parent.split("::")[2]:
            yield Trust(principal=one.inputs["principalId"])


PRINCIPALS = {
    "warehouseReader": "11111111-1111-1111-1111-111111111111",
    "warehouseListener": "22222222-2222-2222-2222-222222222222",
}
LOCKED = {"lockMode": "governance", "lockDays": 1, "archiveDays": None, "expiryDays": 30}

DESCRIPTION = Description(
    # Both as they are once the warehouse is consented to, and of the tier that has keys of one's own.
    stacks={
        "azure": {
            "retaillake:azure": json.dumps({**PRINCIPALS, "streamTier": "premium"}),
            "retaillake:landing": json.dumps(LOCKED),
        },
        "prod": {
            "azure-native:location": "westeurope",
            "retaillake:experimental": json.dumps(["azure"]),
            "retaillake:audit": json.dumps({"trail": False}),
            "retaillake:residency": json.dumps({"regions": ["westeurope"]}),
            "retaillake:azure": json.dumps(PRINCIPALS),
            "retaillake:functions": json.dumps({"architecture": "x86_64"}),
            "retaillake:streams": json.dumps({"mode": "provisioned", "shards": 4}),
            "retaillake:reid": "null",
            "retaillake:alarms": json.dumps({"email": "oncall@example.com"}),
        },
    },
    package="azure-native",
    keys=(KEY, ("name",)),
    key_property=r"^encryption$",
    keyed={
        "streams": (Of(type=NAMESPACE, path="encryption.keyVaultProperties[*].keyName"),),
        "landing": (Of(type=ACCOUNT, path="encryption.keyVaultProperties.keyName", named=LANDING),),
        "queues": (Of(type=ACCOUNT, path="encryption.keyVaultProperties.keyName"),),
    },
    excused={
        "secrets": "a vault encrypts what it keeps in its own hardware; no key can be named",
        "logs": "a workspace takes a key of one's own only in a dedicated cluster of 100 GB a day",
    },
    unnamed={
        ACCOUNT: "names are of letters and digits only, 24 at most, and one in the world",
        "azure-native:keyvault:Vault": "names are 24 characters at most, and one in the world",
    },
    zone=(ACCOUNT, LANDING),
    landing={
        "versioned": (
            Must(
                of=Of(
                    type=ACCOUNT,
                    path="isVersioningEnabled",
                    named=LANDING,
                    companion="azure-native:storage:BlobServiceProperties",
                    by="accountName",
                    to="name",
                ),
                holds=is_true,
            ),
        ),
        "immutable": (
            of_account("immutableStorageWithVersioning.enabled", is_true),
            of_account(
                "immutableStorageWithVersioning.immutabilityPolicy",
                lambda value: (
                    value["state"] in {"Locked", "Unlocked"}
                    and value["immutabilityPeriodSinceCreationInDays"] >= 1
                ),
            ),
        ),
        "closed to the public": (
            of_account("allowBlobPublicAccess", is_false),
            of_account("allowSharedKeyAccess", is_false),
        ),
        "encrypted in transit": (
            of_account("enableHttpsTrafficOnly", is_true),
            of_account("minimumTlsVersion", lambda value: value in {"TLS1_2", "TLS1_3"}),
        ),
    },
    workers={
        "protect": "retaillake:azure:Transform",
        "deliver": "retaillake:azure:Capture",
        "read": "retaillake:azure:WarehouseReader",
    },
    rights=rights,
    carries=carries,
    trusts=trusts,
    pii_keys=lambda graph: tuple(graph.named("Key", end).id for end in ("-pii-field", "-pii-quarantine")),
    principal=lambda settings, _: str(settings.azure.warehouse_reader),
    says_word=False,
)
