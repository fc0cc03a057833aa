"""Azure's properties: each is one that the SDK has, and each is weakened to what the service takes for weak."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.mutation import properties, vocabulary
from local.mutation.azure.properties import PROPERTIES
from local.mutation.graph import Graph, deployable, unversioned
from local.standin import schema
from tests.mutation.small import told
from tests.mutation.small_azure import azure


def forms(shape: schema.Shape) -> Iterator[schema.Shape]:
    """The shapes that a value may have, what a list or map holds in its place."""
    if shape.item:
        yield from forms(shape.item)
    for choice in shape.choices:
        yield from forms(choice)
    if not shape.item and not shape.choices:
        yield shape


def known(token: str, path: str) -> bool:
    """Whether the SDK's type has a property at a path, in any of its forms."""
    blocks = [schema.resource_type(token).inputs]
    found: list[schema.Shape] = []
    for name in path.replace("[]", "").split("."):
        found = [block.properties[name] for block in blocks if name in block.properties]
        inner = [form.args for shape in found for form in forms(shape)]
        blocks = [schema._block(args) for args in inner if args]
    return bool(found)


NAMED = [(token, each[1]) for token, found in PROPERTIES.items() for each in found]


@pytest.mark.parametrize(("token", "path"), NAMED, ids=[f"{token} {path}" for token, path in NAMED])
def test_the_sdk_has_each_property(token: str, path: str) -> None:
    assert known(f"azure-native:{token}", path)


def test_what_the_sdk_lacks_is_found() -> None:
    assert not known("azure-native:storage:StorageAccount", "encryption.keySources")
    assert not known("azure-native:monitor:MetricAlert", "criteria.allOf[].limit")


@pytest.mark.parametrize(
    "token",
    ["storage:BlobContainerImmutabilityPolicy", "authorization:ManagementLockByScope",
     "eventhub:NamespaceNetworkRuleSet", "network:PrivateEndpoint"],
)  # fmt: skip
def test_types_that_protect_and_are_not_shipped_are_the_sdks(token: str) -> None:
    assert schema.resource_type(f"azure-native:{token}")
    assert vocabulary.protecting(f"azure-native:{token}")


ENCRYPTED = {
    "keySource": "Microsoft.Keyvault",
    "keyVaultProperties": {"keyName": "k", "keyVaultUri": "u"},
    "requireInfrastructureEncryption": True,
    "services": {"queue": {"keyType": "Account"}, "blob": {"keyType": "Account"}},
}
LOCKED = {
    "enabled": True,
    "immutabilityPolicy": {"state": "Locked", "immutabilityPeriodSinceCreationInDays": 30},
}
RULE = {
    "name": "r",
    "enabled": True,
    "type": "Lifecycle",
    "definition": {
        "actions": {
            "baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}},
            "version": {"delete": {"daysAfterCreationGreaterThan": 30}},
        }
    },
}
ACTIONS = "policy.rules[0].definition.actions"
IMMUTABLE = "immutableStorageWithVersioning"
ONE = {"metricName": "m", "name": "n", "operator": "GreaterThan", "threshold": 0, "timeAggregation": "Total",
       "criterionType": "StaticThresholdCriterion"}  # fmt: skip

CASES: list[tuple[str, dict[str, Any], set[tuple[str, str]]]] = [
    (
        "storage:StorageAccount",
        {"encryption": ENCRYPTED},
        {
            ("encryption", "gone"),
            ("encryption.keySource", "Microsoft.Storage"),
            ("encryption.keySource", "gone"),
            ("encryption.requireInfrastructureEncryption", "False"),
            ("encryption.requireInfrastructureEncryption", "gone"),
            ("encryption.services.queue.keyType", "Service"),
            ("encryption.services.queue.keyType", "gone"),
        },
    ),
    (
        "storage:StorageAccount",
        {"allowSharedKeyAccess": False, "allowBlobPublicAccess": False, "isLocalUserEnabled": False},
        {
            ("allowSharedKeyAccess", "True"),
            ("allowSharedKeyAccess", "gone"),
            ("allowBlobPublicAccess", "True"),
            ("isLocalUserEnabled", "True"),
        },
    ),
    (
        "storage:StorageAccount",
        {"minimumTlsVersion": "TLS1_2", "enableHttpsTrafficOnly": True, "sku": {"name": "Standard_ZRS"}},
        {
            ("minimumTlsVersion", "TLS1_0"),
            ("minimumTlsVersion", "gone"),
            ("enableHttpsTrafficOnly", "False"),
            ("sku.name", "Standard_LRS"),
        },
    ),
    (
        "storage:StorageAccount",
        {"publicNetworkAccess": "Disabled", "networkRuleSet": {"defaultAction": "Deny"}},
        {
            ("publicNetworkAccess", "Enabled"),
            ("publicNetworkAccess", "gone"),
            ("networkRuleSet", "gone"),
            ("networkRuleSet.defaultAction", "Allow"),
        },
    ),
    (
        "storage:StorageAccount",
        {IMMUTABLE: LOCKED},
        {
            (IMMUTABLE, "gone"),
            (f"{IMMUTABLE}.enabled", "False"),
            (f"{IMMUTABLE}.enabled", "gone"),
            (f"{IMMUTABLE}.immutabilityPolicy", "gone"),
            (f"{IMMUTABLE}.immutabilityPolicy.state", "Unlocked"),
            (f"{IMMUTABLE}.immutabilityPolicy.state", "Disabled"),
            (
                f"{IMMUTABLE}.immutabilityPolicy.immutabilityPeriodSinceCreationInDays",
                "30 lowered to 1",
            ),
        },
    ),
    (
        "storage:BlobServiceProperties",
        {"isVersioningEnabled": True, "deleteRetentionPolicy": {"enabled": True, "days": 14}},
        {
            ("isVersioningEnabled", "False"),
            ("isVersioningEnabled", "gone"),
            ("deleteRetentionPolicy", "gone"),
            ("deleteRetentionPolicy.enabled", "False"),
            ("deleteRetentionPolicy.enabled", "gone"),
            ("deleteRetentionPolicy.days", "14 lowered to 1"),
        },
    ),
    ("storage:StorageAccount", {"isSftpEnabled": False, "isHnsEnabled": True}, {("isSftpEnabled", "True")}),
    ("storage:StorageAccount", {"isSftpEnabled": False, "isHnsEnabled": False}, set()),
    ("storage:BlobServiceProperties", {"isVersioningEnabled": False}, set()),
    ("storage:BlobContainer", {"publicAccess": "None"}, {("publicAccess", "Blob"), ("publicAccess", "Container")}),
    (
        "storage:ManagementPolicy",
        {"policy": {"rules": [RULE]}},
        {
            ("policy.rules[0].enabled", "False"),
            (f"{ACTIONS}.baseBlob.delete", "gone"),
            (f"{ACTIONS}.baseBlob.delete.daysAfterModificationGreaterThan", "30 lowered to 1"),
            (f"{ACTIONS}.version.delete", "gone"),
            (f"{ACTIONS}.version.delete.daysAfterCreationGreaterThan", "30 lowered to 1"),
        },
    ),
    (
        "keyvault:Vault",
        {
            "properties": {
                "enableRbacAuthorization": True,
                "enablePurgeProtection": True,
                "enableSoftDelete": True,
                "softDeleteRetentionInDays": 90,
                "enabledForDeployment": False,
            }
        },
        {
            ("properties.enableRbacAuthorization", "False"),
            ("properties.enableRbacAuthorization", "gone"),
            ("properties.enablePurgeProtection", "False"),
            ("properties.enablePurgeProtection", "gone"),
            ("properties.enableSoftDelete", "False"),
            ("properties.softDeleteRetentionInDays", "90 lowered to 7"),
            ("properties.enabledForDeployment", "True"),
        },
    ),
    (
        "keyvault:Key",
        {
            "properties": {
                "kty": "RSA-HSM",
                "keySize": 3072,
                "keyOps": ["wrapKey"],
                "rotationPolicy": {
                    "lifetimeActions": [{"action": {"type": "rotate"}, "trigger": {"timeAfterCreate": "P1Y"}}]
                },
            }
        },
        {
            ("properties.kty", "RSA"),
            ("properties.keySize", "3072 lowered to 2048"),
            ("properties.keySize", "gone"),
            ("properties.keyOps", "gone"),
            ("properties.rotationPolicy", "gone"),
            ("properties.rotationPolicy.lifetimeActions[0].action.type", "notify"),
            ("properties.rotationPolicy.lifetimeActions[0].trigger.timeAfterCreate", "P10Y"),
        },
    ),
    (
        "eventhub:Namespace",
        {
            "disableLocalAuth": True,
            "minimumTlsVersion": "1.2",
            "publicNetworkAccess": "Enabled",
            "zoneRedundant": True,
            "encryption": {"keySource": "Microsoft.KeyVault", "requireInfrastructureEncryption": True},
        },
        {
            ("disableLocalAuth", "False"),
            ("disableLocalAuth", "gone"),
            ("minimumTlsVersion", "1.0"),
            ("zoneRedundant", "False"),
            ("zoneRedundant", "gone"),
            ("encryption", "gone"),
            ("encryption.requireInfrastructureEncryption", "False"),
            ("encryption.requireInfrastructureEncryption", "gone"),
        },
    ),
    (
        "eventhub:EventHub",
        {
            "captureDescription": {"enabled": True},
            "retentionDescription": {"cleanupPolicy": "Delete", "retentionTimeInHours": 168},
        },
        {
            ("captureDescription", "gone"),
            ("captureDescription.enabled", "False"),
            ("captureDescription.enabled", "gone"),
            ("retentionDescription.cleanupPolicy", "Compact"),
            ("retentionDescription.retentionTimeInHours", "168 lowered to 1"),
            ("retentionDescription.retentionTimeInHours", "gone"),
        },
    ),
    (
        "web:WebApp",
        {
            "httpsOnly": True,
            "publicNetworkAccess": "Disabled",
            "siteConfig": {"ftpsState": "Disabled", "minTlsVersion": "1.2", "linuxFxVersion": "Python|3.13"},
        },
        {
            ("httpsOnly", "False"),
            ("httpsOnly", "gone"),
            ("publicNetworkAccess", "Enabled"),
            ("publicNetworkAccess", "gone"),
            ("siteConfig.ftpsState", "AllAllowed"),
            ("siteConfig.minTlsVersion", "1.0"),
            ("siteConfig.linuxFxVersion", "Python|3.8"),
        },
    ),
    (
        "authorization:RoleDefinition",
        {"permissions": [{"notActions": [], "notDataActions": ["Microsoft.KeyVault/vaults/secrets/*"]}]},
        {("permissions[0].notDataActions", "gone")},
    ),
    ("web:WebAppFtpAllowed", {"allow": False}, {("allow", "True")}),
    (
        "monitor:MetricAlert",
        {"enabled": True, "severity": 1, "actions": [{"actionGroupId": "g"}], "criteria": {"allOf": [ONE]}},
        {
            ("enabled", "False"),
            ("severity", "4"),
            ("actions", "gone"),
            ("criteria.allOf[0].threshold", "0 raised to 1000000"),
        },
    ),
    ("monitor:ActionGroup", {"enabled": True, "emailReceivers": []}, {("enabled", "False")}),
    (
        "operationalinsights:Workspace",
        {"retentionInDays": 365, "features": {"disableLocalAuth": True}},
        {
            ("retentionInDays", "365 lowered to 30"),
            ("features.disableLocalAuth", "False"),
            ("features.disableLocalAuth", "gone"),
        },
    ),
    (
        "monitor:DiagnosticSetting",
        {"resourceUri": "r", "logs": [{"categoryGroup": "allLogs", "enabled": True}]},
        {("logs", "gone"), ("logs[0].enabled", "False")},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("token", "inputs", "expected"), CASES)
def test_what_protects_is_weakened(
    token: str, inputs: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    one = azure(token, "one", inputs)
    assert told(properties.mutants(Graph([one]))) == expected


def test_a_key_goes_with_its_source() -> None:
    one = azure("storage:StorageAccount", "a", {"kind": "StorageV2", "sku": {"name": "Standard_LRS"},
                                                "encryption": ENCRYPTED})  # fmt: skip
    found = [each for each in properties.mutants(Graph([one])) if each.what == "Microsoft.Storage"]
    changed = found[0].change.changed[one.urn]
    for side in (changed.inputs, changed.outputs):
        assert side["encryption"]["keySource"] == "Microsoft.Storage"
        assert "keyVaultProperties" not in side["encryption"]
    assert deployable(changed)


def test_a_version_of_the_interface_changes_nothing() -> None:
    assert unversioned("azure-native:eventhub/v20240101:EventHub") == "azure-native:eventhub:EventHub"
    assert unversioned("aws:s3/bucket:Bucket") == "aws:s3/bucket:Bucket"
    old, new = (
        azure(token, "h", {"retentionDescription": {"retentionTimeInHours": 24}})
        for token in ("eventhub/v20240101:EventHub", "eventhub:EventHub")
    )
    graph = Graph([old])
    assert told(properties.mutants(graph)) == told(properties.mutants(Graph([new]))) != set()
    assert graph.of("azure-native:eventhub:EventHub") == [old]
