"""Azure's properties that protect, by type: each is one that the SDK has, which a test holds them to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.standin.state import Resource

from ..graph import GONE
from ..weaker import Weaken, Weaker, gone, higher, lower, to

#: the class, the path, how it is weakened, and what goes with it
Property = tuple[str, str, Weaken] | tuple[str, str, Weaken, str]


def no(*more: Any) -> Weaken:
    """Turn a switch off that is on; `GONE` as well where the service's own default is off."""

    def weaken(resource: Resource, value: Any) -> Weaker:
        if value is True:
            yield from to(False, *more)(resource, value)

    return weaken


def software(_: Resource, value: Any) -> Weaker:
    """Make the same kind of key outside of hardware."""
    if isinstance(value, str) and value.endswith("-HSM"):
        yield value.removesuffix("-HSM"), value.removesuffix("-HSM")


def opened(resource: Resource, value: Any) -> Weaker:
    """Let the public network in, which is what an absent word does as well."""
    if str(value).lower() != "enabled":
        yield from to("Enabled", GONE)(resource, value)


def with_folders(resource: Resource, value: Any) -> Weaker:
    """Turn a switch on that the service refuses in a flat account."""
    if resource.inputs.get("isHnsEnabled") is True:
        yield from to(True)(resource, value)


def if_any(resource: Resource, value: Any) -> Weaker:
    """Take a list away that is not empty."""
    if value:
        yield from gone(resource, value)


STORAGE: Mapping[str, tuple[Property, ...]] = {
    "storage:StorageAccount": (
        ("encryption", "encryption", gone),
        ("encryption", "encryption.keySource", to("Microsoft.Storage", GONE), "keyVaultProperties"),
        ("encryption", "encryption.requireInfrastructureEncryption", no(GONE)),
        # Of these two the service's own key is the default, whatever key the account has.
        ("encryption", "encryption.services.queue.keyType", to("Service", GONE)),
        ("encryption", "encryption.services.table.keyType", to("Service", GONE)),
        ("keys", "keyPolicy", gone),
        ("access", "allowSharedKeyAccess", to(True, GONE)),
        ("access", "allowCrossTenantReplication", to(True)),
        ("access", "isLocalUserEnabled", to(True)),
        ("access", "isSftpEnabled", with_folders),
        ("public", "allowBlobPublicAccess", to(True)),
        ("public", "publicNetworkAccess", opened),
        ("public", "networkRuleSet", gone),
        ("public", "networkRuleSet.defaultAction", to("Allow")),
        ("tls", "minimumTlsVersion", to("TLS1_0", GONE)),
        # Absent it is on, since 2019.
        ("tls", "enableHttpsTrafficOnly", to(False)),
        ("loss", "sku.name", to("Standard_LRS")),
        ("loss", "immutableStorageWithVersioning", gone),
        ("loss", "immutableStorageWithVersioning.enabled", no(GONE)),
        ("loss", "immutableStorageWithVersioning.immutabilityPolicy", gone),
        ("loss", "immutableStorageWithVersioning.immutabilityPolicy.state", to("Unlocked", "Disabled")),
        (
            "loss",
            "immutableStorageWithVersioning.immutabilityPolicy.immutabilityPeriodSinceCreationInDays",
            lower(1),
        ),
        (
            "loss",
            "immutableStorageWithVersioning.immutabilityPolicy.allowProtectedAppendWrites",
            to(True),
        ),
    ),
    "storage:BlobServiceProperties": (
        ("loss", "isVersioningEnabled", no(GONE)),
        ("loss", "deleteRetentionPolicy", gone),
        ("loss", "deleteRetentionPolicy.enabled", no(GONE)),
        ("loss", "deleteRetentionPolicy.days", lower(1)),
        ("loss", "containerDeleteRetentionPolicy", gone),
        ("loss", "containerDeleteRetentionPolicy.enabled", no(GONE)),
        ("loss", "containerDeleteRetentionPolicy.days", lower(1)),
        ("loss", "restorePolicy", gone),
        ("trace", "changeFeed", gone),
    ),
    "storage:BlobContainer": (
        ("public", "publicAccess", to("Blob", "Container")),
        ("loss", "immutableStorageWithVersioning", gone),
    ),
    "storage:BlobContainerImmutabilityPolicy": (
        ("loss", "immutabilityPeriodSinceCreationInDays", lower(1)),
        ("loss", "allowProtectedAppendWrites", to(True)),
        ("loss", "allowProtectedAppendWritesAll", to(True)),
    ),
    "storage:ManagementPolicy": (
        ("retention", "policy.rules[].enabled", no()),
        ("retention", "policy.rules[].definition.actions.baseBlob.delete", gone),
        (
            "retention",
            "policy.rules[].definition.actions.baseBlob.delete.daysAfterModificationGreaterThan",
            lower(1),
        ),
        ("retention", "policy.rules[].definition.actions.version.delete", gone),
        (
            "loss",
            "policy.rules[].definition.actions.version.delete.daysAfterCreationGreaterThan",
            lower(1),
        ),
    ),
}

KEYS: Mapping[str, tuple[Property, ...]] = {
    "keyvault:Vault": (
        ("keys", "properties.enablePurgeProtection", no(GONE)),
        # Absent it is on.
        ("keys", "properties.enableSoftDelete", no()),
        ("keys", "properties.softDeleteRetentionInDays", lower(7)),
        ("access", "properties.enableRbacAuthorization", no(GONE)),
        ("access", "properties.enabledForDeployment", to(True)),
        ("access", "properties.enabledForDiskEncryption", to(True)),
        ("access", "properties.enabledForTemplateDeployment", to(True)),
        ("public", "properties.publicNetworkAccess", opened),
        ("public", "properties.networkAcls", gone),
        ("public", "properties.networkAcls.defaultAction", to("Allow", GONE)),
    ),
    "keyvault:Key": (
        ("keys", "properties.kty", software),
        # Absent it is the least that there is.
        ("keys", "properties.keySize", lower(2048, GONE)),
        ("keys", "properties.attributes.expires", gone),
        ("keys", "properties.rotationPolicy", gone),
        ("keys", "properties.rotationPolicy.attributes.expiryTime", gone),
        ("keys", "properties.rotationPolicy.lifetimeActions[].action.type", to("notify")),
        ("keys", "properties.rotationPolicy.lifetimeActions[].trigger.timeAfterCreate", to("P10Y")),
        # Absent it is all operations.
        ("access", "properties.keyOps", gone),
        ("access", "properties.attributes.exportable", to(True)),
    ),
}

STREAMS: Mapping[str, tuple[Property, ...]] = {
    "eventhub:Namespace": (
        ("encryption", "encryption", gone),
        ("encryption", "encryption.requireInfrastructureEncryption", no(GONE)),
        ("access", "disableLocalAuth", no(GONE)),
        ("public", "publicNetworkAccess", opened),
        ("tls", "minimumTlsVersion", to("1.0")),
        ("loss", "zoneRedundant", no(GONE)),
    ),
    "eventhub:NamespaceNetworkRuleSet": (
        ("public", "defaultAction", to("Allow", GONE)),
        ("public", "publicNetworkAccess", opened),
    ),
    "eventhub:EventHub": (
        ("loss", "captureDescription", gone),
        ("loss", "captureDescription.enabled", no(GONE)),
        # Compaction keeps the last record of a key, and refuses those that have none.
        ("loss", "retentionDescription.cleanupPolicy", to("Compact")),
        ("retention", "retentionDescription.retentionTimeInHours", lower(1, GONE)),
        ("retention", "messageRetentionInDays", lower(1)),
    ),
    "eventgrid:SystemTopicEventSubscription": (
        ("loss", "deadLetterWithResourceIdentity", gone),
        ("loss", "retryPolicy.maxDeliveryAttempts", lower(1)),
        ("loss", "retryPolicy.eventTimeToLiveInMinutes", lower(1)),
        ("retention", "deliveryWithResourceIdentity.destination.queueMessageTimeToLiveInSeconds", lower(60)),
        ("flow", "filter", gone),
        ("flow", "filter.subjectBeginsWith", gone),
    ),
}

APPS: Mapping[str, tuple[Property, ...]] = {
    "web:WebApp": (
        ("public", "publicNetworkAccess", opened),
        ("tls", "httpsOnly", no(GONE)),
        ("tls", "siteConfig.ftpsState", to("AllAllowed")),
        ("tls", "siteConfig.minTlsVersion", to("1.0")),
        ("tls", "siteConfig.scmMinTlsVersion", to("1.0")),
        ("version", "siteConfig.linuxFxVersion", to("Python|3.8")),
        # A host that sleeps is woken by requests, and by no hub and no clock.
        ("loss", "siteConfig.alwaysOn", no(GONE)),
    ),
    "web:WebAppFtpAllowed": (("access", "allow", to(True)),),
    "web:WebAppScmAllowed": (("access", "allow", to(True)),),
    "web:AppServicePlan": (("loss", "zoneRedundant", no(GONE)),),
}

SEEING: Mapping[str, tuple[Property, ...]] = {
    "monitor:DiagnosticSetting": (
        ("trace", "logs", gone),
        ("trace", "logs[].enabled", no()),
    ),
    "operationalinsights:Workspace": (
        ("access", "features.disableLocalAuth", no(GONE)),
        ("public", "publicNetworkAccessForIngestion", opened),
        ("public", "publicNetworkAccessForQuery", opened),
        ("retention", "retentionInDays", lower(30)),
    ),
    "applicationinsights:Component": (
        ("access", "disableLocalAuth", no(GONE)),
        ("public", "publicNetworkAccessForIngestion", opened),
        ("public", "publicNetworkAccessForQuery", opened),
        ("trace", "workspaceResourceId", gone),
    ),
    "monitor:ActionGroup": (
        ("alarm", "enabled", no()),
        ("alarm", "emailReceivers", if_any),
    ),
    "monitor:MetricAlert": (
        ("alarm", "enabled", no()),
        ("alarm", "severity", to(4)),
        ("alarm", "actions", gone),
        ("alarm", "criteria.allOf[].threshold", higher(1_000_000)),
    ),
    "monitor:ScheduledQueryRule": (
        ("alarm", "enabled", no()),
        ("alarm", "severity", to(4)),
        ("alarm", "actions", gone),
        ("alarm", "actions.actionGroups", gone),
        ("alarm", "criteria.allOf[].threshold", higher(1_000_000)),
    ),
}

ACCESS: Mapping[str, tuple[Property, ...]] = {
    "authorization:RoleAssignment": (("access", "condition", gone, "conditionVersion"),),
    "authorization:RoleDefinition": (
        ("access", "permissions[].notActions", if_any),
        ("access", "permissions[].notDataActions", if_any),
    ),
}

PROPERTIES: Mapping[str, tuple[Property, ...]] = {
    **STORAGE, **KEYS, **STREAMS, **APPS, **SEEING, **ACCESS
}  # fmt: skip
