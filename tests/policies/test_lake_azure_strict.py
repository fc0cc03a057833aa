"""Single properties of a lake's resources on Azure, each weakened on a copy of prod, and what is said of it."""

from collections.abc import Callable
from typing import Any

import pytest

from policies.lake import azure_rights, azure_settings, service, trail_files, warehouse_faces
from policies.lake.pack import STRICT
from tests.policies.stack_kit import Part, Stack
from tests.policies.test_lake_azure import (
    BUILTIN,
    CONTRIBUTOR,
    CRYPTO_USER,
    ENCRYPTION_USER,
    GROUP,
    HUBS_OWNER,
    STRANGER,
    SUBSCRIPTION,
    assign,
    container_id,
    hub_id,
    identity,
    key_id,
)
from tests.policies.test_lake_strict import dropped, put

Break = Callable[[Stack], object]
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
SENDER = "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"
QUEUES = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
NAMESPACE, APP, TRANSFORM = "eventhub:Namespace", "WebApp", "pos-transform"
ZONE, HUB = "landing", "pos-protected"
ENCRYPTION = "encryption.keyVaultProperties"
ALERT, QUERY = "MetricAlert", "ScheduledQueryRule"
RULES = "policy.rules.0"
TOLD, DEAD = "deliveryWithResourceIdentity", "deadLetterWithResourceIdentity"


def zone(path: str, value: Any) -> Break:
    """Change the landing zone's account, whose name is its own."""

    def change(stack: Stack) -> None:
        account = stack.one("BlobContainer", "landing-landing").props["accountName"]
        part = next(one for one in stack.all("StorageAccount") if one.props["name"] == account)
        put("StorageAccount", part.name, path, value)(stack)

    return change


def vault(path: str, value: Any) -> Break:
    def change(stack: Stack) -> None:
        part = next(one for one in stack.all("Vault") if f"/{one.props['name']}/" in key_id(stack))
        put("Vault", part.name, path, value)(stack)

    return change


def setting(name: str, value: str | None, app: str = TRANSFORM) -> Break:
    """Change an app's setting, add it, or take it away."""

    def change(stack: Stack) -> None:
        site = stack.one(APP, app).props["siteConfig"]
        kept = [one for one in site["appSettings"] if one["name"] != name]
        site["appSettings"] = [*kept, *([{"name": name, "value": value}] if value is not None else [])]

    return change


def role(end: str, builtin: str) -> Break:
    return put("RoleAssignment", end, "roleDefinitionId", BUILTIN + builtin)


def spying(builtin: str, scope: Callable[[Stack], str], principal: str = STRANGER) -> Break:
    return lambda stack: assign(stack, builtin, scope(stack), principal)


def add(type_: str, name: str, **props: Any) -> Break:
    return lambda stack: stack.add(Part(type=f"azure-native:{type_}", name=name, props=props))


def several_listeners(stack: Stack) -> None:
    scope = stack.one("RoleAssignment", "landed-warehouse").props["scope"]
    assign(stack, QUEUES, scope)


def scope_of(stack: Stack, end: str) -> str:
    return str(stack.one("RoleAssignment", end).props["scope"])


def changing_secrets(stack: Stack) -> None:
    """Give a transform the role that makes secrets."""
    maker = stack.one("RoleAssignment", "-token-key").props["roleDefinitionId"]
    stack.one("RoleAssignment", "pos-transform-tokens").props["roleDefinitionId"] = maker


def encrypting_elsewhere(stack: Stack) -> None:
    stack.one(NAMESPACE, "pos-streams").section("encryption.keyVaultProperties.0")["keyVaultUri"] = (
        "https://x.vault.azure.net/"
    )


def without_setting(what: str) -> Break:
    """Take the diagnostic setting of something away."""

    def change(stack: Stack) -> None:
        for part in [one for one in stack.all("DiagnosticSetting") if what in one.props["resourceUri"]]:
            stack.drop(part)

    return change


ROLES, USE, KEYS = "lake-role-disallow-wildcard", "lake-role-configure-key-use", "lake-key-configure-callers"
MESSAGES, TRUST, CALLERS = (
    "lake-messaging-configure-callers",
    "lake-role-configure-trust",
    "lake-function-configure-callers",
)
DELETION, WRITERS, KEPT = (
    "lake-landing-disallow-deletion",
    "lake-landing-configure-writers",
    "lake-landing-configure-retention",
)
ACL, TARGET, BATCHES = (
    "lake-landing-disallow-acl",
    "lake-delivery-configure-target",
    "lake-transform-configure-batches",
)
QUEUED, LOGS, RUNTIME = (
    "lake-queue-configure-retention",
    "lake-logs-configure",
    "lake-function-disallow-ended-runtime",
)
OWN, PROTECT, ALARM = "lake-key-enforce-own", "lake-production-enforce-protect", "lake-alarm-configure"
TAGS, SETTINGS, ACCESS = (
    "lake-tags-configure",
    "lake-function-configure-settings",
    "lake-warehouse-configure-access",
)

BROKEN: list[tuple[str, Break, str]] = [
    (ROLES, put("RoleDefinition", "keys-wrapper", "permissions", [{"dataActions": ["Microsoft.KeyVault/*/wrap/action"]}]), "in dataActions names all of a kind"),
    (ROLES, put("RoleDefinition", "keys-wrapper", "assignableScopes", [SUBSCRIPTION]), "is more"),
    (ROLES, put("RoleAssignment", "pos-transform-reads", "principalType", "Group"), "is of type Group"),
    (ROLES, put("RoleAssignment", "pos-transform-reads", "principalType", "User"), "is of type User"),
    (ROLES, put("RoleAssignment", "pos-transform-reads", "delegatedManagedIdentityResourceId", "x"), "another's"),
    (ROLES, put("RoleAssignment", "pos-transform-reads", "scope", GROUP), "of all that is in a group"),
    (ROLES, lambda stack: put("RoleAssignment", "pos-transform-reads", "scope", hub_id(stack, hub=""))(stack), "of all eventhubs of"),
    (ROLES, lambda stack: put("RoleAssignment", "landing-encrypter", "scope", key_id(stack, ""))(stack), "of all keys of"),
    (ROLES, lambda stack: put("RoleAssignment", "warehouse-reader", "scope", container_id(stack, ""))(stack), "of all containers of"),
    (ROLES, role("pos-transform-reads", HUBS_OWNER), "is given Azure Event Hubs Data Owner"),
    (ROLES, role("pos-transform-reads", STRANGER), f"is given {STRANGER}"),
    (ROLES, role("pos-transform-oversize", BLOB_OWNER), "is given Storage Blob Data Owner"),
    (USE, changing_secrets, "a transform reads them"),
    (USE, spying(ENCRYPTION_USER, lambda stack: key_id(stack, "operations")), "may wrap, unwrap with the key"),
    (USE, lambda stack: put("RoleAssignment", "landing-encrypter", "scope", key_id(stack, "operations"))(stack), "encrypts nothing with it"),
    (KEYS, put("Key", "pii-field", "properties.keyOps", ["wrapKey", "decrypt"]), "it may decrypt"),
    (KEYS, put("Key", "pii-field", "properties.kty", "RSA"), "in hardware"),
    (KEYS, put("Key", "pii-field", "properties.keySize", 2048), "set keySize to 3072"),
    (KEYS, put("Key", "pii-field", "properties.keyOps", None), "set keyOps"),
    (KEYS, put("Key", "pii-field", "properties.attributes", {"enabled": True, "expires": 1}), "must not end"),
    (KEYS, vault("properties.enabledForDeployment", True), "set properties.enabledForDeployment to false"),
    (KEYS, vault("properties.accessPolicies", [{}]), "take its accessPolicies away"),
    (KEYS, vault("properties.sku", {"name": "standard"}), "set properties.sku.name to premium"),
    (KEYS, vault("properties.tenantId", STRANGER), "for its own tenant"),
    (MESSAGES, put("SystemTopicEventSubscription", "", "destination", {"endpointType": "WebHook"}), "put messages as an identity"),
    (MESSAGES, put("SystemTopicEventSubscription", "", f"{DEAD}.identity", None), "put dead letters as an identity"),
    (MESSAGES, role("landed-sends", QUEUES), "must only send to the queue"),
    (MESSAGES, several_listeners, "Several would each get a part"),
    (MESSAGES, spying(SENDER, lambda stack: scope_of(stack, "landed-sends")), "Only Event Grid may put messages into"),
    (TRUST, add("managedidentity:FederatedIdentityCredential", "ci", issuer="https://token.example.com"), "name it in issuers"),
    (TRUST, put("RoleAssignment", "pos-transform-tokens", "principalId", STRANGER), "none of the stack"),
    (TRUST, spying(SECRETS_USER, lambda stack: container_id(stack, "oversize")), "none of the stack"),
    (TRUST, spying("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", container_id), "One from outside of the stack"),
    (TRUST, lambda stack: put(APP, TRANSFORM, "identity", stack.one(APP, "token-key").props["identity"])(stack), "for one thing"),
    (CALLERS, put(APP, TRANSFORM, "publicNetworkAccess", "Enabled"), "set publicNetworkAccess"),
    (CALLERS, put(APP, TRANSFORM, "siteConfig.ftpsState", "FtpsOnly"), "set siteConfig.ftpsState"),
    (CALLERS, put(APP, TRANSFORM, "siteConfig.remoteDebuggingEnabled", True), "from afar"),
    (CALLERS, put(APP, TRANSFORM, "identity", None), "set identity"),
    (CALLERS, dropped("WebAppScmAllowed", f"{TRANSFORM}-scm"), "add WebAppScmAllowed"),
    (CALLERS, put("WebAppFtpAllowed", f"{TRANSFORM}-ftp", "allow", True), "add WebAppFtpAllowed"),
    (CALLERS, role("pos-transform-package", CONTRIBUTOR), "where the code of"),
    (DELETION, put("BlobServiceProperties", ZONE, "isVersioningEnabled", False), "set isVersioningEnabled"),
    (DELETION, dropped("ManagementLockByScope", ""), "add a lock CanNotDelete"),
    (DELETION, put("ManagementLockByScope", "", "level", "NotSpecified"), "add a lock CanNotDelete"),
    (DELETION, spying(CONTRIBUTOR, lambda stack: container_id(stack, "oversize")), "in the landing zone"),
    (WRITERS, spying(CONTRIBUTOR, lambda stack: container_id(stack, "")), "name the container"),
    (WRITERS, zone("allowCrossTenantReplication", True), "set allowCrossTenantReplication"),
    (WRITERS, zone("enableNfsV3", True), "set enableNfsV3"),
    (WRITERS, spying(CONTRIBUTOR, lambda stack: container_id(stack, "oversize")), "has nothing to"),
    (KEPT, zone("immutableStorageWithVersioning", None), "must lock what has landed"),
    (KEPT, zone("immutableStorageWithVersioning.immutabilityPolicy.state", "Disabled"), "must lock what has landed"),
    (KEPT, zone("immutableStorageWithVersioning.immutabilityPolicy.immutabilityPeriodSinceCreationInDays", 1), "hold for 7 days"),
    (KEPT, zone("immutableStorageWithVersioning.immutabilityPolicy.allowProtectedAppendWrites", True), "let nobody append"),
    (KEPT, zone("sku", {"name": "Standard_LRS"}), "outlive a building"),
    (KEPT, dropped("ManagementPolicy", ""), "add a ManagementPolicy"),
    (KEPT, put("ManagementPolicy", "", "policy.rules", []), "set policy.rules"),
    (KEPT, put("ManagementPolicy", "", f"{RULES}.enabled", False), "is off"),
    (KEPT, put("ManagementPolicy", "", f"{RULES}.definition.actions", {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 1}}}), "daysAfterModificationGreaterThan of baseBlob is 1"),
    (KEPT, put("ManagementPolicy", "", f"{RULES}.definition.actions.version", None), "set actions.version.delete"),
    (KEPT, dropped("BlobServiceProperties", "-operations"), "add BlobServiceProperties"),
    (ACL, zone("isHnsEnabled", True), "set isHnsEnabled"),
    (TARGET, put("EventHub", HUB, "captureDescription.enabled", False), "must be delivered"),
    (TARGET, put("EventHub", HUB, "captureDescription", None), "must be delivered"),
    (TARGET, put("EventHub", HUB, "captureDescription.destination.storageAccountResourceId", f"{GROUP}/providers/Microsoft.Storage/storageAccounts/elsewhere"), "an account of its own stack"),
    (TARGET, put("EventHub", HUB, "captureDescription.destination.blobContainer", "elsewhere"), "a container of its own stack"),
    (TARGET, put("EventHub", HUB, "captureDescription.destination.identity", None), "as an identity of its own"),
    (TARGET, put("EventHub", HUB, "captureDescription.destination.archiveNameFormat", None), "set destination.archiveNameFormat"),
    (TARGET, put("EventHub", HUB, "captureDescription.encoding", "AvroDeflate"), "set encoding to Avro"),
    (BATCHES, setting("AzureFunctionsJobHost__extensions__eventHubs__initialOffsetOptions__type", "fromEnd"), "oldest record"),
    (BATCHES, put(APP, TRANSFORM, "siteConfig.alwaysOn", False), "put to sleep"),
    (BATCHES, put(APP, TRANSFORM, "enabled", False), "must run"),
    (BATCHES, dropped("ConsumerGroup", "pos-streams"), "by a consumer group of its own"),
    (BATCHES, put("EventHub", "pos-ingress", "status", "ReceiveDisabled"), "leave status"),
    (BATCHES, put("EventHub", "pos-ingress", "retentionDescription.retentionTimeInHours", 1), "24 hours or more"),
    (BATCHES, put("EventHub", "pos-ingress", "retentionDescription.cleanupPolicy", "Compact"), "set cleanupPolicy"),
    (BATCHES, put("EventHub", "pos-ingress", "retentionDescription.retentionTimeInHours", None), "set retentionDescription"),
    (BATCHES, put("EventHub", "pos-ingress", "retentionDescription", None), "set retentionDescription"),
    (QUEUED, put("SystemTopicEventSubscription", "", f"{TOLD}.destination.queueMessageTimeToLiveInSeconds", 60), "604800 s or more"),
    (QUEUED, put("SystemTopicEventSubscription", "", "retryPolicy.maxDeliveryAttempts", 1), "try for a day"),
    (QUEUED, put("SystemTopicEventSubscription", "", f"{DEAD}.deadLetterDestination.blobContainerName", "packages"), "not to packages"),
    (QUEUED, spying(CONTRIBUTOR, lambda stack: scope_of(stack, "landed-dead-letters")), "Only Event Grid may put dead letters into dead-letters"),
    (QUEUED, put("SystemTopicEventSubscription", "", f"{TOLD}.destination.queueName", "elsewhere"), "a queue of the stack"),
    (QUEUED, put("SystemTopicEventSubscription", "", "filter", None), "of what is delivered alone"),
    (QUEUED, put("SystemTopicEventSubscription", "", "expirationTimeUtc", "2030-01-01"), "end by itself"),
    (QUEUED, put("SystemTopicEventSubscription", "", f"{DEAD}.deadLetterDestination.resourceId", f"{GROUP}/providers/Microsoft.Storage/storageAccounts/x"), "stay in the stack"),
    (LOGS, put("Workspace", "", "retentionInDays", 7), "30 days or more"),
    (LOGS, put("Workspace", "", "features.immediatePurgeDataOn30Days", True), "purged early"),
    (LOGS, put("applicationinsights:Component", "", "workspaceResourceId", None), "set workspaceResourceId"),
    (LOGS, put("applicationinsights:Component", "", "disableIpMasking", True), "disableIpMasking"),
    (LOGS, put("applicationinsights:Component", "", "samplingPercentage", 1), "samplingPercentage"),
    (LOGS, put("Workspace", "", "workspaceCapping", {"dailyQuotaGb": 0.1}), "must find room"),
    (LOGS, put("DiagnosticSetting", "pos-streams", "metrics", []), "enable metrics"),
    (LOGS, without_setting("/vaults/"), "with all logs"),
    (LOGS, without_setting("/namespaces/"), "with all logs"),
    (LOGS, without_setting("/queueServices/"), "its queueServices must be logged"),
    (LOGS, put("DiagnosticSetting", f"{TRANSFORM}", "logs", [{"categoryGroup": "allLogs", "enabled": False}]), "with all logs"),
    (LOGS, put("DiagnosticSetting", f"{TRANSFORM}", "logs", [{"categoryGroup": "audit", "enabled": True}]), "with all logs"),
    (LOGS, put("DiagnosticSetting", f"{TRANSFORM}", "workspaceId", f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/x"), "with all logs"),
    (LOGS, setting("APPLICATIONINSIGHTS_CONNECTION_STRING", None), "leave traces"),
    (LOGS, setting("AzureFunctionsJobHost__logging__logLevel__default", "None"), "more than its end"),
    (RUNTIME, put(APP, TRANSFORM, "siteConfig.linuxFxVersion", "Python|3.8"), "Nobody mends python3.8"),
    (RUNTIME, put(APP, TRANSFORM, "siteConfig.linuxFxVersion", "Node|18"), "Nobody mends nodejs18.x"),
    (RUNTIME, setting("FUNCTIONS_EXTENSION_VERSION", "~3"), "Nobody mends functions~3"),
    (OWN, zone(f"{ENCRYPTION}.keyName", "elsewhere"), "elsewhere of its vault is no key"),
    (OWN, encrypting_elsewhere, "operations of its vault is no key"),
    (OWN, zone(f"{ENCRYPTION}.keyVersion", "1"), "leave keyVersion"),
    (OWN, zone("encryption.encryptionIdentity", None), "name it in encryption"),
    (OWN, zone("identity", None), "set identity"),
    (OWN, zone("encryption.requireInfrastructureEncryption", False), "be so twice"),
    (OWN, zone("encryption.services.blob.enabled", False), "enable encryption.services.blob"),
    (OWN, zone("encryption.services.queue.keyType", "Service"), "set queue's keyType"),
    (OWN, zone("encryption.services.queue.keyType", None), "set queue's keyType"),
    (OWN, zone("encryption.services.table", None), "would encrypt its tables"),
    (OWN, put(NAMESPACE, "pos-streams", "encryption", None), "Streams in production"),
    (OWN, put(NAMESPACE, "pos-streams", "sku", {"name": "Standard"}), "take Premium"),
    (PROTECT, vault("properties.softDeleteRetentionInDays", 7), "30 days or more"),
    (PROTECT, lambda stack: setattr(stack.one("SystemTopic"), "protect", False), "Protect pipes"),
    (PROTECT, lambda stack: setattr(stack.one("storage:Queue"), "protect", False), "Protect pipes"),
    (PROTECT, lambda stack: setattr(stack.one("Pipe", "pos-warehouse"), "protect", False), "Protect pipes"),
    (ALARM, put(ALERT, "pos-capture-late", "criteria.allOf.0.threshold", 1e12), "never raised"),
    (ALARM, put(ALERT, "pos-capture-late", "criteria.allOf.0.operator", "LessThan"), "set operator"),
    (ALARM, put(ALERT, "pos-capture-late", "criteria", None), "set criteria"),
    (ALARM, put(ALERT, "pos-capture-late", "actions", []), "must tell somebody"),
    (ALARM, put(ALERT, "pos-capture-late", "severity", 4), "pass for a note"),
    (ALARM, dropped(ALERT, "landed-dead-letters"), "its listeners cannot be told"),
    (ALARM, put(ALERT, "pos-capture-late", "windowSize", "P1D"), "shorten windowSize"),
    (ALARM, put(QUERY, f"{TRANSFORM}-late", "scopes", []), "set scopes"),
    (ALARM, put(QUERY, f"{TRANSFORM}-late", "scopes", [f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/x"]), "set scopes"),
    (ALARM, put(QUERY, f"{TRANSFORM}-late", "criteria.allOf.0.failingPeriods.minFailingPeriodsToAlert", 100), "too late"),
    (ALARM, put("ActionGroup", "", "enabled", False), "must tell somebody"),
    (ALARM, dropped("ActionGroup", ""), "must tell somebody"),
    (ALARM, put("ActionGroup", "", "emailReceivers", []), "give the action group a receiver"),
    (TAGS, put("Workspace", "", "tags.owner", None), "is missing: owner"),
    (ACCESS, put("StorageIntegrationAzure", "", "azureTenantId", STRANGER), "own tenant"),
    (ACCESS, put("NotificationIntegration", "", "enabled", False), "must be enabled"),
    (ACCESS, put("NotificationIntegration", "", "azureStorageQueuePrimaryUri", "https://x.queue.core.windows.net/landed"), "by a queue of the stack"),
    (ACCESS, put("StorageIntegrationAzure", "", "storageAllowedLocations", ["azure://x.blob.core.windows.net/"]), "name the prefix"),
    (ACCESS, put("StageExternalAzure", "", "storageIntegration", None), "use the storage integration"),
    (SETTINGS, setting("LANDING_ACCOUNT", "https://elsewhere.blob.core.windows.net"), "LANDING_ACCOUNT names what is not in the stack"),
    (SETTINGS, setting("TOKEN_VAULT", "https://elsewhere.vault.azure.net/"), "TOKEN_VAULT names what is not in the stack"),
    (SETTINGS, lambda stack: setting("PII_FIELD_KEY", f"https://{stack.one('Key', 'pii-field').props['vaultName']}.vault.azure.net/keys/x")(stack), "names a key that is not in the stack"),
    (SETTINGS, setting("AzureWebJobsStorage__accountName", "elsewhere"), "names an account that is none"),
    (SETTINGS, setting("AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=b"), "holds a key"),
    (SETTINGS, setting("WEBSITE_RUN_FROM_PACKAGE", "https://example.com/code.zip"), "takes code from"),
    (SETTINGS, setting("INGRESS__credential", "workloadidentity"), "must say managedidentity"),
    (SETTINGS, setting("INGRESS__clientId", STRANGER), "does not have"),
    (SETTINGS, setting("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=x"), "sends traces"),
]  # fmt: skip
ELSEWHERE = {one.name for one in STRICT} - {policy for policy, *_ in BROKEN}


@pytest.mark.parametrize(
    ("policy", "broken", "message"), BROKEN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_weakened_is_found(azure_lake: Stack, policy: str, broken: Break, message: str) -> None:
    broken(azure_lake)
    found = azure_lake.findings(policies=STRICT)
    assert [text for name, text, _ in found if name == policy and message in text], found


def test_what_is_not_broken_above_is_the_warehouse_alone() -> None:
    """The rest asks nothing of Azure: it has neither a trail nor re-identification of its own there."""
    of_aws = {one.name for one in (*service.POLICIES, *trail_files.POLICIES)}
    of_warehouse = {
        "lake-role-configure-holders",
        "lake-grant-disallow-wide",
        "lake-schema-enable-managed-access",
        "lake-pii-configure-mask-roles",
        "lake-warehouse-configure-limits",
        *(one.name for one in warehouse_faces.POLICIES),
    }
    assert of_warehouse | of_aws == ELSEWHERE
    assert {one.name for one in azure_settings.POLICIES} == {SETTINGS}


def test_what_the_configuration_allows(azure_lake: Stack) -> None:
    assign(azure_lake, SECRETS_USER, key_id(azure_lake, ""))
    assert azure_lake.findings({TRUST: {"principals": [STRANGER]}}, policies=STRICT) == set()
    identity(azure_lake, "replay")
    assign(azure_lake, ENCRYPTION_USER, key_id(azure_lake), "replay-principal", "replay")
    allowed = {TRUST: {"principals": [STRANGER]}, USE: {"users": ["replay"]}}
    assert azure_lake.findings(allowed, policies=STRICT) == set()
    assign(azure_lake, CRYPTO_USER, key_id(azure_lake), "replay-principal", "more")
    allowed[ROLES] = {"roles": ["Key Vault Crypto User", *azure_rights.ROLES]}
    assert azure_lake.findings(allowed, policies=STRICT) == set()
