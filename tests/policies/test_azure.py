"""Azure's policies: a good resource of each type passes in every version of the API, and each weakness is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.standin.schema import Block, _check_block, resource_type
from policies import azure
from policies.tags import REQUIRED, TAGGED_AZURE
from policies.tokens import unversioned
from tests.policies.cloud_kit import ANYTHING, findings, mended, mends, replaced
from tests.policies.foreign_kit import anything
from tests.policies.kit import UNKNOWN, secret

TAGS = {"tags": dict.fromkeys(REQUIRED, "x")}
ROLE = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/"
GOOD: dict[str, dict[str, Any]] = {
    "eventhub:Namespace": {
        "resourceGroupName": "lake",
        "minimumTlsVersion": "1.2",
        "disableLocalAuth": True,
        "sku": {"name": "Premium", "capacity": 1},
        "encryption": {"keySource": "Microsoft.KeyVault", "keyVaultProperties": [{"keyName": "k"}]},
        **TAGS,
    },
    "eventhub:NamespaceAuthorizationRule": {
        "resourceGroupName": "lake",
        "namespaceName": "n",
        "rights": ["Listen"],
    },
    "eventhub:EventHubAuthorizationRule": {
        "resourceGroupName": "lake",
        "namespaceName": "n",
        "eventHubName": "e",
        "rights": ["Send", "Listen"],
    },
    "storage:StorageAccount": {
        "resourceGroupName": "lake",
        "kind": "StorageV2",
        "sku": {"name": "Standard_ZRS"},
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "enableHttpsTrafficOnly": True,
        "encryption": {"keySource": "Microsoft.Keyvault", "keyVaultProperties": {"keyName": "k"}},
        **TAGS,
    },
    "storage:BlobServiceProperties": {
        "resourceGroupName": "lake",
        "accountName": "a",
        "deleteRetentionPolicy": {"enabled": True, "days": 14},
        "containerDeleteRetentionPolicy": {"enabled": True, "days": 7},
    },
    "keyvault:Key": {
        "resourceGroupName": "lake",
        "vaultName": "v",
        "properties": {
            "kty": "RSA",
            "rotationPolicy": {
                "lifetimeActions": [{"trigger": {"timeAfterCreate": "P1Y"}, "action": {"type": "rotate"}}]
            },
        },
        **TAGS,
    },
    "eventhub:EventHub": {
        "resourceGroupName": "lake",
        "namespaceName": "n",
        "retentionDescription": {"cleanupPolicy": "Delete", "retentionTimeInHours": 168},
    },
    "operationalinsights:Workspace": {
        "resourceGroupName": "lake",
        "retentionInDays": 90,
        "features": {"disableLocalAuth": True},
        **TAGS,
    },
    "web:WebAppFtpAllowed": {"resourceGroupName": "lake", "name": "a", "allow": False},
    "web:WebAppScmAllowed": {"resourceGroupName": "lake", "name": "a", "allow": False},
    "applicationinsights:Component": {
        "resourceGroupName": "lake",
        "kind": "web",
        "applicationType": "web",
        "disableLocalAuth": True,
        **TAGS,
    },
    "storage:BlobContainer": {"resourceGroupName": "lake", "accountName": "a", "publicAccess": "None"},
    "keyvault:Vault": {
        "resourceGroupName": "lake",
        "properties": {
            "tenantId": "t",
            "sku": {"family": "A", "name": "standard"},
            "enablePurgeProtection": True,
            "enableRbacAuthorization": True,
        },
        **TAGS,
    },
    "authorization:RoleAssignment": {
        "principalId": "p",
        "scope": "/subscriptions/s",
        "roleDefinitionId": f"{ROLE}2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    },
    "authorization:RoleDefinition": {
        "scope": "/subscriptions/s",
        "permissions": [{"actions": ["Microsoft.Storage/*/read"], "notActions": ["*"], "dataActions": []}],
    },
    "web:WebApp": {
        "resourceGroupName": "lake",
        "httpsOnly": True,
        "siteConfig": {"minTlsVersion": "1.2", "scmMinTlsVersion": "1.3", "ftpsState": "FtpsOnly"},
        **TAGS,
    },
}

HUB_TLS = (
    "azure-eventhub-namespace-enforce-tls",
    "A namespace must refuse old TLS: set minimumTlsVersion to 1.2.",
)
HUB_KEYS = (
    "azure-eventhub-namespace-disable-local-auth",
    "A namespace must let in identities only, no holders of a key: set disableLocalAuth to true.",
)
MANAGE = (
    "azure-eventhub-rule-disallow-manage",
    "A key must not manage: Manage includes sending, listening, and making more keys.",
)
PUBLIC = (
    "azure-storage-account-disallow-public",
    "A storage account must not allow public containers: set allowBlobPublicAccess to false.",
)
OLD = (
    "azure-storage-account-enforce-tls",
    "A storage account must refuse old TLS: set minimumTlsVersion to TLS1_2.",
)
HTTP = (
    "azure-storage-account-enforce-tls",
    "A storage account must refuse plain HTTP: set enableHttpsTrafficOnly to true.",
)
SHARED = (
    "azure-storage-account-disable-shared-key",
    "A storage account must let in identities only: set allowSharedKeyAccess to false.",
)
SFTP = (
    "azure-storage-account-disable-shared-key",
    "A storage account must let in identities only: set isSftpEnabled to false.",
)
REPLICATED = (
    "azure-storage-account-disallow-replication",
    "Objects must not be copied to another tenant: set allowCrossTenantReplication to false.",
)
CORS = (
    "azure-storage-blobs-disallow-cors",
    "Not every site may read objects with a visitor's rights: name the allowedOrigins.",
)
PERMANENT = (
    "azure-storage-blobs-enable-soft-delete",
    "What is deleted should be kept: set deleteRetentionPolicy.allowPermanentDelete to false.",
)
HUB_KEY = (
    "azure-eventhub-namespace-configure-key",
    "A namespace must be encrypted with a key of your own: set encryption, with keyVaultProperties.",
)
FORGETFUL = (
    "azure-eventhub-configure-retention",
    "A hub must keep its records for 24 hours or more: a failed batch waits there.",
)
RARELY = (
    "azure-keyvault-key-enable-rotation",
    "A key must be rotated every 731 days or more often: shorten timeAfterCreate.",
)
TRIGGERLESS = (
    "azure-keyvault-key-enable-rotation",
    "A key must be rotated by itself: give the action rotate a trigger.",
)
EXPORTED = (
    "azure-keyvault-key-disallow-export",
    "A key must stay in its vault: leave attributes.exportable and releasePolicy.",
)
SHORT = (
    "azure-keyvault-key-configure-strength",
    "A key must be long: set properties.keySize to 2048 or more.",
)
KEY_OFF = (
    "azure-keyvault-key-configure-strength",
    "A key that is off opens nothing: leave properties.attributes.enabled.",
)
DEBUGGED = (
    "azure-webapp-disable-remote-debugging",
    "Nobody may look into a running app from afar: set siteConfig.remoteDebuggingEnabled to false.",
)
SECRETS = (
    "azure-webapp-disallow-plaintext-secrets",
    "Settings must not hold secrets: DB. Connect as an identity.",
)
APP_CORS = (
    "azure-webapp-disallow-open-cors",
    "Not every site may call an app with a visitor's rights: name the allowedOrigins.",
)
KEYED_LOGS = (
    "azure-logs-workspace-disable-local-auth",
    "Logs must come from identities: set features.disableLocalAuth to true.",
)
SHORT_LOGS = (
    "azure-logs-workspace-configure-retention",
    "Logs should be kept for 30 days or more: raise retentionInDays.",
)
LOCAL = (
    "azure-storage-account-disable-shared-key",
    "A storage account must let in identities only: set isLocalUserEnabled to false.",
)
CONTAINER = (
    "azure-storage-container-disallow-public",
    "A container must not be public: set publicAccess to None.",
)
PURGE = (
    "azure-keyvault-enable-purge-protection",
    "A key vault must keep what is deleted: set properties.enablePurgeProtection to true.",
)
KEY = (
    "azure-storage-account-configure-key",
    "A storage account must be encrypted with a key of your own: set encryption.keySource.",
)
ROTATION = (
    "azure-keyvault-key-enable-rotation",
    "A key must be rotated: give properties.rotationPolicy an action rotate.",
)
PASSWORD = (
    "azure-webapp-disable-basic-auth",
    "Code must not be deployed by name and password: set allow to false.",
)
TELEMETRY = (
    "azure-insights-component-disable-local-auth",
    "Telemetry must come from identities: set disableLocalAuth to true.",
)
RBAC = (
    "azure-keyvault-enable-rbac",
    "A key vault must be opened by roles: set properties.enableRbacAuthorization to true.",
)
APP = "azure-webapp-enforce-tls"
PLAIN = (APP, "An app must be reached over TLS alone: set httpsOnly to true.")
OLD_APP = (APP, "An app must refuse old TLS: set siteConfig.minTlsVersion to 1.2.")
OLD_SCM = (APP, "An app must refuse old TLS: set siteConfig.scmMinTlsVersion to 1.2.")
FTP = (APP, "An app must not take files over plain FTP: set siteConfig.ftpsState to Disabled.")
TAGLESS = ("resource-missing-tags", "Tags are missing: owner.")


def kept(key: str, days: int = 7) -> tuple[str, str]:
    return (
        "azure-storage-blobs-enable-soft-delete",
        f"What is deleted should be kept for {days} days or more: set {key}.",
    )


def broad(role: str) -> tuple[str, str]:
    return (
        "azure-role-assignment-disallow-broad-role",
        f"A role must be given for a purpose: {role} may do everything, or give it to itself.",
    )


def wildcard(action: str, kind: str) -> tuple[str, str]:
    return (
        "azure-role-definition-disallow-wildcard",
        f"A role must name what it may do: {action} in {kind} names everything.",
    )


# type, path of the property, its bad value (None: removed), the policy that must object and what it says
BROKEN: list[tuple[str, str, Any, tuple[str, str]]] = [
    ("eventhub:Namespace", "minimumTlsVersion", "1.0", HUB_TLS),
    ("eventhub:Namespace", "minimumTlsVersion", "1.1", HUB_TLS),
    ("eventhub:Namespace", "minimumTlsVersion", None, HUB_TLS),
    ("eventhub:Namespace", "minimumTlsVersion", 1.2, HUB_TLS),
    ("eventhub:Namespace", "disableLocalAuth", False, HUB_KEYS),
    ("eventhub:Namespace", "disableLocalAuth", None, HUB_KEYS),
    ("eventhub:Namespace", "encryption", None, HUB_KEY),
    ("eventhub:Namespace", "encryption.keySource", "Microsoft.EventHub", HUB_KEY),
    ("eventhub:Namespace", "encryption.keyVaultProperties", [], HUB_KEY),
    ("eventhub:EventHub", "retentionDescription.retentionTimeInHours", 1, FORGETFUL),
    ("eventhub:EventHub", "retentionDescription", {"retentionTimeInHours": 23}, FORGETFUL),
    ("storage:StorageAccount", "isSftpEnabled", True, SFTP),
    ("storage:StorageAccount", "allowCrossTenantReplication", True, REPLICATED),
    ("storage:BlobServiceProperties", "cors", {"corsRules": [{"allowedOrigins": ["*"]}]}, CORS),
    ("storage:BlobServiceProperties", "deleteRetentionPolicy.allowPermanentDelete", True, PERMANENT),
    ("keyvault:Key", "properties.rotationPolicy.lifetimeActions.0.trigger.timeAfterCreate", "P10Y", RARELY),
    ("keyvault:Key", "properties.rotationPolicy.lifetimeActions.0.trigger.timeAfterCreate", "P999D", RARELY),
    ("keyvault:Key", "properties.rotationPolicy.lifetimeActions.0.trigger", None, TRIGGERLESS),
    ("keyvault:Key", "properties.attributes", {"exportable": True}, EXPORTED),
    ("keyvault:Key", "properties.releasePolicy", {"data": "x"}, EXPORTED),
    ("keyvault:Key", "properties.keySize", 1024, SHORT),
    ("keyvault:Key", "properties.attributes", {"enabled": False}, KEY_OFF),
    ("web:WebApp", "siteConfig.remoteDebuggingEnabled", True, DEBUGGED),
    ("web:WebApp", "siteConfig.appSettings", [{"name": "DB", "value": "Server=a;Password=b"}], SECRETS),
    ("web:WebApp", "siteConfig.cors", {"allowedOrigins": ["https://a.example", "*"]}, APP_CORS),
    ("operationalinsights:Workspace", "features", None, KEYED_LOGS),
    ("operationalinsights:Workspace", "features.disableLocalAuth", False, KEYED_LOGS),
    ("operationalinsights:Workspace", "retentionInDays", 7, SHORT_LOGS),
    ("eventhub:NamespaceAuthorizationRule", "rights", ["Listen", "Send", "Manage"], MANAGE),
    ("eventhub:EventHubAuthorizationRule", "rights", [UNKNOWN, "Manage"], MANAGE),
    ("storage:StorageAccount", "allowBlobPublicAccess", True, PUBLIC),
    ("storage:StorageAccount", "allowBlobPublicAccess", None, PUBLIC),
    ("storage:StorageAccount", "minimumTlsVersion", "TLS1_1", OLD),
    ("storage:StorageAccount", "minimumTlsVersion", None, OLD),
    ("storage:StorageAccount", "enableHttpsTrafficOnly", False, HTTP),
    ("storage:StorageAccount", "allowSharedKeyAccess", True, SHARED),
    ("storage:StorageAccount", "allowSharedKeyAccess", None, SHARED),
    ("storage:StorageAccount", "isLocalUserEnabled", True, LOCAL),
    ("storage:StorageAccount", "tags.owner", None, TAGLESS),
    ("storage:StorageAccount", "encryption", None, KEY),
    ("storage:StorageAccount", "encryption.keySource", "Microsoft.Storage", KEY),
    (
        "storage:BlobServiceProperties",
        "deleteRetentionPolicy.enabled",
        False,
        kept("deleteRetentionPolicy"),
    ),
    ("storage:BlobServiceProperties", "deleteRetentionPolicy.days", 6, kept("deleteRetentionPolicy")),
    (
        "storage:BlobServiceProperties",
        "containerDeleteRetentionPolicy",
        None,
        kept("containerDeleteRetentionPolicy"),
    ),
    ("storage:BlobContainer", "publicAccess", "Blob", CONTAINER),
    ("storage:BlobContainer", "publicAccess", "Container", CONTAINER),
    ("keyvault:Vault", "properties.enablePurgeProtection", None, PURGE),
    ("keyvault:Vault", "properties.enablePurgeProtection", False, PURGE),
    ("keyvault:Vault", "properties.enableSoftDelete", False, PURGE),
    ("keyvault:Key", "properties.rotationPolicy", None, ROTATION),
    ("keyvault:Key", "properties.rotationPolicy.lifetimeActions", [], ROTATION),
    (
        "keyvault:Key",
        "properties.rotationPolicy.lifetimeActions",
        [{"action": {"type": "notify"}}],
        ROTATION,
    ),
    ("web:WebAppFtpAllowed", "allow", True, PASSWORD),
    ("web:WebAppScmAllowed", "allow", None, PASSWORD),
    ("applicationinsights:Component", "disableLocalAuth", False, TELEMETRY),
    ("applicationinsights:Component", "disableLocalAuth", None, TELEMETRY),
    ("keyvault:Vault", "properties.enableRbacAuthorization", None, RBAC),
    ("keyvault:Vault", "properties.enableRbacAuthorization", False, RBAC),
    (
        "authorization:RoleAssignment",
        "roleDefinitionId",
        f"{ROLE}8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        broad("Owner"),
    ),
    (
        "authorization:RoleAssignment",
        "roleDefinitionId",
        "/providers/Microsoft.Authorization/roleDefinitions/B24988AC-6180-42A0-AB88-20F7382DD24C",
        broad("Contributor"),
    ),
    ("authorization:RoleDefinition", "permissions", [{"actions": ["*"]}], wildcard("*", "actions")),
    (
        "authorization:RoleDefinition",
        "permissions",
        [{"actions": []}, {"dataActions": [UNKNOWN, "*"]}],
        wildcard("*", "dataActions"),
    ),
    ("web:WebApp", "httpsOnly", None, PLAIN),
    ("web:WebApp", "httpsOnly", False, PLAIN),
    ("web:WebApp", "siteConfig.minTlsVersion", "1.0", OLD_APP),
    ("web:WebApp", "siteConfig.scmMinTlsVersion", "1.1", OLD_SCM),
    ("web:WebApp", "siteConfig.ftpsState", "AllAllowed", FTP),
]


def tokens(short: str) -> list[str]:
    """A type in the default version, and both forms of a chosen one."""
    service, name = short.split(":")
    return [
        f"azure-native:{service}:{name}",
        f"azure-native:{service}/v20230101:{name}",
        f"azure-native_{service}_v20240101:{service}:{name}",
    ]


@pytest.mark.parametrize("short", GOOD)
def test_a_good_resource_passes(short: str) -> None:
    for kind in tokens(short):
        assert findings(kind, GOOD[short]) == {}


@pytest.mark.parametrize(("short", "path", "value", "expected"), BROKEN)
def test_each_weakness_is_named_by_its_policy_alone(
    short: str, path: str, value: Any, expected: tuple[str, str]
) -> None:
    for kind in tokens(short):
        assert findings(kind, replaced(GOOD[short], path, value)) == dict([expected])


def test_every_policy_and_type_is_tried_above() -> None:
    assert {one.name for one in azure.POLICIES} | {TAGLESS[0]} == {name for *_, (name, _) in BROKEN}
    assert {short for short, *_ in BROKEN} == set(GOOD)


def test_only_azure_has_versions_in_its_types() -> None:
    assert unversioned("aws:s3/bucket:Bucket") == "aws:s3/bucket:Bucket"
    assert unversioned("azure:storage/account:Account") == "azure:storage/account:Account"
    assert unversioned("azure-native:storage:Table") == "azure-native:storage:Table"
    assert findings("aws:storage/v20230101:StorageAccount", {}) == {}


@pytest.mark.parametrize(
    ("short", "path"),
    [
        ("eventhub:Namespace", "minimumTlsVersion"),
        ("eventhub:Namespace", "disableLocalAuth"),
        ("eventhub:NamespaceAuthorizationRule", "rights"),
        ("storage:StorageAccount", "allowBlobPublicAccess"),
        ("storage:StorageAccount", "allowSharedKeyAccess"),
        ("storage:StorageAccount", "minimumTlsVersion"),
        ("storage:StorageAccount", "encryption"),
        ("storage:BlobServiceProperties", "deleteRetentionPolicy"),
        ("keyvault:Key", "properties"),
        ("web:WebAppScmAllowed", "allow"),
        ("applicationinsights:Component", "disableLocalAuth"),
        ("storage:BlobContainer", "publicAccess"),
        ("storage:BlobServiceProperties", "cors"),
        ("eventhub:Namespace", "encryption"),
        ("eventhub:Namespace", "sku"),
        ("eventhub:EventHub", "retentionDescription"),
        ("operationalinsights:Workspace", "features"),
        ("operationalinsights:Workspace", "retentionInDays"),
        ("keyvault:Vault", "properties"),
        ("keyvault:Vault", "properties.enablePurgeProtection"),
        ("authorization:RoleAssignment", "roleDefinitionId"),
        ("authorization:RoleDefinition", "permissions"),
        ("web:WebApp", "httpsOnly"),
        ("web:WebApp", "siteConfig"),
    ],
)
def test_what_is_not_known_yet_is_no_finding_and_is_not_mended(short: str, path: str) -> None:
    props = replaced(GOOD[short], path, UNKNOWN)
    assert findings(tokens(short)[0], props) == {}
    for policy in azure.POLICIES:
        if mends(policy.name):
            assert mended(policy.name, tokens(short)[0], props) is None


def test_how_long_is_enough_is_configured_and_what_is_longer_is_kept() -> None:
    kind, good = tokens("storage:BlobServiceProperties")[0], GOOD["storage:BlobServiceProperties"]
    name = kept("")[0]
    assert findings(kind, good, {name: {"days": 10}}) == dict([kept("containerDeleteRetentionPolicy", 10)])
    result = mended(name, kind, good, {"days": 10})
    assert result is not None
    assert result["deleteRetentionPolicy"] == {"enabled": True, "days": 14}
    assert result["containerDeleteRetentionPolicy"] == {"enabled": True, "days": 10}


def test_broad_roles_may_be_allowed_by_configuration() -> None:
    props = replaced(
        GOOD["authorization:RoleAssignment"],
        "roleDefinitionId",
        f"{ROLE}8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    )
    kind = tokens("authorization:RoleAssignment")[0]
    assert findings(kind, props, {broad("")[0]: {"allowed": ["Owner"]}}) == {}
    assert findings(kind, props, {broad("")[0]: {"allowed": ["Contributor"]}}) == dict([broad("Owner")])


def test_remediation_mends_once_and_keeps_the_rest() -> None:
    tried = set()
    for short, path, value, (name, _) in BROKEN:
        if name == TAGLESS[0] or not mends(name):
            continue
        kept = {"location": secret("hush"), "accountName": UNKNOWN, "identity": {"type": secret("hush")}}
        broken = {**replaced(GOOD[short], path, value), **kept}
        for kind in tokens(short):
            result = mended(name, kind, broken)
            assert result is not None
            assert findings(kind, result) == {}
            top = {
                path.split(".")[0],
                "isLocalUserEnabled",
                "isSftpEnabled",
                *(one for one in broken if "RetentionPolicy" in one),
            }
            assert {key: result[key] for key in result if key not in top} == {
                key: broken[key] for key in broken if key not in top
            }
            assert mended(name, kind, result) is None
        tried.add(name)
    no_mend = {
        *(one[0] for one in (MANAGE, KEY, ROTATION, EXPORTED, SHORT, HUB_KEY, FORGETFUL, SHORT_LOGS)),
        *(one[0] for one in (CORS, SECRETS, APP_CORS, broad(""), wildcard("", ""))),
    }
    assert tried == {one.name for one in azure.POLICIES} - no_mend


def test_what_has_many_faults_is_mended_of_all() -> None:
    worst = {"minimumTlsVersion": "TLS1_0", "enableHttpsTrafficOnly": False, "isLocalUserEnabled": True}
    kind = tokens("storage:StorageAccount")[0]
    for name in (PUBLIC[0], OLD[0], SHARED[0]):
        worst = mended(name, kind, worst) or {}
    assert set(findings(kind, worst)) == {TAGLESS[0], KEY[0]}
    app = {"siteConfig": {"minTlsVersion": "1.0", "scmMinTlsVersion": "1.0", "ftpsState": "AllAllowed"}}
    assert mended(APP, tokens("web:WebApp")[0], app) == {
        "httpsOnly": True,
        "siteConfig": {"minTlsVersion": "1.2", "scmMinTlsVersion": "1.2", "ftpsState": "Disabled"},
    }
    vault = mended(RBAC[0], tokens("keyvault:Vault")[0], {"properties": {"sku": secret("hush")}})
    assert vault == {"properties": {"sku": secret("hush"), "enableRbacAuthorization": True}}


@settings(max_examples=300, deadline=None)
@given(short=st.sampled_from(sorted(GOOD)), data=st.data())
def test_policies_are_total(short: str, data: st.DataObject) -> None:
    names = [*GOOD[short], *dict.fromkeys(path.split(".")[0] for s, path, *_ in BROKEN if s == short)]
    props = {key: data.draw(ANYTHING, label=key) for key in names}
    for name, message in findings(tokens(short)[0], props).items():
        assert message.endswith("."), name
    for policy in azure.POLICIES:
        if mends(policy.name):
            mended(policy.name, tokens(short)[0], props)


def _inputs(kind: str) -> Block:
    """What a type takes in the SDK."""
    with anything():
        return resource_type(kind).inputs


def test_every_type_and_property_is_one_of_the_sdk() -> None:
    pytest.importorskip(
        "pulumi_azure_native", reason="without azure-native's SDK its names are NOT checked here"
    )
    for short, props in GOOD.items():
        assert [*_check_block("", _inputs(tokens(short)[0]), props)] == [], short
    for short, path, *_ in BROKEN:
        assert path.split(".")[0] in _inputs(tokens(short)[0]).properties, (short, path)
    here = Path(azure.__file__).parent
    files = [*here.glob("azure_*.py"), *here.glob("lake/azure*.py")]
    sources = "".join(file.read_text() for file in files)
    for kind in {*re.findall(r'"(azure-native:\w+:\w+)"', sources), *TAGGED_AZURE}:
        assert _inputs(kind).properties
    for kind in TAGGED_AZURE:
        assert "tags" in _inputs(kind).properties, kind
