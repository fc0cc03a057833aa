"""Accounts, containers, queues, and what lies in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..adapter import Computed, Inputs, register
from ..schema import Failure
from .client import AzureAdapter, below, last

ACCOUNT = "providers/Microsoft.Storage/storageAccounts/{accountName}"
CONTAINER = r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]"
CONTAINER_RULE = "3 to 63 lower-case letters, digits or single dashes"


@register
class StorageAccount(AzureAdapter):
    """An account."""

    type = "azure-native:storage:StorageAccount"
    autoname = "accountName"
    path = ACCOUNT
    pattern = r"[a-z0-9]{3,24}"
    rule = "3 to 24 lower-case letters or digits"
    worldwide = True
    replace_on = below("accountName") | {"isHnsEnabled", "immutableStorageWithVersioning"}

    def faults(self, inputs: Inputs) -> list[Failure]:
        """Check that what keeps versions is flat."""
        found = super().faults(inputs)
        locked = (inputs.get("immutableStorageWithVersioning") or {}).get("enabled")
        if locked and inputs.get("isHnsEnabled"):
            reason = "expected false: an account with folders keeps no versions, which it is to lock"
            found.append(Failure(property="isHnsEnabled", reason=reason))
        return found


@register
class BlobServiceProperties(AzureAdapter):
    """How an account keeps objects."""

    type = "azure-native:storage:BlobServiceProperties"
    autoname = "blobServicesName"
    path = ACCOUNT + "/blobServices/default"
    pattern = "default"
    rule = "default"
    replace_on = frozenset({"accountName", "resourceGroupName"})


@register
class BlobContainer(AzureAdapter):
    """A container."""

    type = "azure-native:storage:BlobContainer"
    autoname = "containerName"
    path = ACCOUNT + "/blobServices/default/containers/{containerName}"
    pattern = CONTAINER
    rule = CONTAINER_RULE
    replace_on = frozenset({"accountName", "resourceGroupName", "containerName"})


@register
class ManagementPolicy(AzureAdapter):
    """What becomes of old objects."""

    type = "azure-native:storage:ManagementPolicy"
    autoname = "managementPolicyName"
    path = ACCOUNT + "/managementPolicies/default"
    pattern = "default"
    rule = "default"
    replace_on = frozenset({"accountName", "resourceGroupName"})


@register
class Queue(AzureAdapter):
    """A queue."""

    type = "azure-native:storage:Queue"
    autoname = "queueName"
    path = ACCOUNT + "/queueServices/default/queues/{queueName}"
    pattern = CONTAINER
    rule = CONTAINER_RULE
    replace_on = frozenset({"accountName", "resourceGroupName", "queueName"})


@register
class Blob(AzureAdapter):
    """An object that the program puts."""

    type = "azure-native:storage:Blob"
    autoname = "blobName"
    path = ACCOUNT + "/blobServices/default/containers/{containerName}/blobs/{blobName}"
    pattern = r".{1,1024}"
    rule = "1 to 1024 characters"
    replace_on = frozenset(
        {"accountName", "resourceGroupName", "containerName", "blobName", "source", "type"}
    )
    computed: ClassVar[Mapping[str, Computed]] = {
        "name": last,
        "url": lambda place, rid, inputs: (
            f"https://{inputs['accountName']}.blob.core.windows.net/"
            f"{inputs['containerName']}/{inputs['blobName']}"
        ),
    }
