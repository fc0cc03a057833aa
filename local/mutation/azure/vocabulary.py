"""Azure: what protects, and what does not."""

from __future__ import annotations

import re

from ..weaker import Rule, Vocabulary, rule
from .properties import PROPERTIES

RULES: tuple[Rule, ...] = tuple(
    rule(kind, rf"^azure-native:{token} {re.escape(path)}$", weaken, *companions)
    for token, properties in PROPERTIES.items()
    for kind, path, weaken, *companions in properties
)

ELSEWHERE: tuple[tuple[str, str], ...] = (
    (r" tags(\.|$)", "tagging"),
    (r"^azure-native:(?!monitor:(ActionGroup|MetricAlert) )\S+ location$", "placing"),
    (r":RoleAssignment (roleDefinitionId|scope|principalId)$", "access"),
    (r":RoleDefinition assignableScopes(\[\])?$", "access"),
    (r":RoleDefinition permissions(\[\](\.(actions|dataActions(\[\])?))?)?$", "access"),
    (r":WebApp identity(\.userAssignedIdentities(\[\])?)?$", "access"),
    (r":EventHub captureDescription\.destination(\.storageAccountResourceId)?$", "flow"),
    (r":EventHub captureDescription\.destination\.(blobContainer|archiveNameFormat)$", "flow"),
    (r":SystemTopicEventSubscription deliveryWithResourceIdentity(\.destination(\.resourceId)?)?$", "flow"),
    (r":SystemTopicEventSubscription deadLetterWithResourceIdentity\.deadLetterDestination"
     r"(\.(resourceId|blobContainerName))?$", "flow"),
    (r":WebApp siteConfig(\.appSettings(\[\](\.(name|value))?)?)?$", "apps"),
    (r":DiagnosticSetting metrics(\[\](\.enabled)?)?$", "unset"),
)  # fmt: skip

NEUTRAL: dict[str, tuple[str, ...]] = {
    "words for people, or a name": (
        r" description$",
        r" \w*[nN]ame$",
        r":ManagementPolicy policy\.rules\[\]\.(name|type)$",
        r":(MetricAlert|ScheduledQueryRule) criteria\.\S*\bname$",
        r":EventHub captureDescription\.destination\.name$",
    ),
    "says which resource it belongs to: another one is another graph; taking the resource away is a mutant": (
        r":DiagnosticSetting (resourceUri|workspaceId)$",
        r":WebApp serverFarmId$",
        r":SystemTopic (source|topicType)$",
        r":RoleDefinition (scope|roleType|roleDefinitionId)$",
        r":EventHub retentionDescription$",
    ),
    "as whom: without it less is allowed, and what it may do is weakened in its roles": (
        r":(StorageAccount|Namespace|SystemTopic) identity(\..*|\[\])?$",
        r":WebApp (identity\.type|keyVaultReferenceIdentity)$",
        r":StorageAccount encryption\.encryptionIdentity(\..*)?$",
        r":EventHub captureDescription\.destination\.identity(\..*)?$",
        r":SystemTopicEventSubscription \w+WithResourceIdentity\.identity(\..*)?$",
        r":RoleAssignment (principalType|conditionVersion)$",
    ),
    "which key, and where: without it the service refuses a key of one's own, and keySource is a mutant": (
        r":StorageAccount encryption\.keyVaultProperties(\.(keyName|keyVaultUri))?$",
    ),
    "always on, whatever it says": (
        r":StorageAccount encryption\.services\.\w+\.enabled$",
        r":StorageAccount encryption\.services\.(blob|file)\.keyType$",
    ),
    "the form of an account: versions need a flat one, and the service refuses them in another": (
        r":StorageAccount (kind|sku|accessTier|isHnsEnabled)$",
    ),
    "what the portal tries first; whether keys open an account is allowSharedKeyAccess": (
        r":StorageAccount defaultToOAuthAuthentication$",
    ),
    "which objects a rule is for": (r":ManagementPolicy policy\.rules\[\]\.definition\.filters(\..*)?$",),
    "the zip of the functions: tests run it": (r":storage:Blob (contentType|source|type)$",),
    "a key that is off is of no use to anybody": (r":Key properties\.attributes\.enabled$",),
    "a key of hardware needs it, and is refused without": (r":Vault properties\.sku(\.\w+)?$",),
    "in another tenant there is nobody who may": (r":Vault properties\.tenantId$",),
    "capacity": (
        r":(Namespace|AppServicePlan|Workspace) sku(\.\w+)?$",
        r":Namespace (isAutoInflateEnabled|maximumThroughputUnits)$",
        r":EventHub partitionCount$",
    ),
    "another way in, with the same identities": (r":Namespace kafkaEnabled$",),
    "the form and the size of objects": (
        r":EventHub captureDescription\.(encoding|intervalInSeconds|sizeLimitInBytes|skipEmptyArchives)$",
    ),
    "the form of an app": (
        r":AppServicePlan (kind|reserved)$",
        r":WebApp (clientAffinityEnabled|hyperV|isXenon|kind|scmSiteAlsoStopped)$",
        r":WebApp siteConfig\.http20Enabled$",
    ),
    "the kind and form of a notification: without it nothing loads, which is seen": (
        r":SystemTopicEventSubscription (eventDeliverySchema|filter\.includedEventTypes(\[\])?)$",
        r":SystemTopicEventSubscription \w+WithResourceIdentity\.\w+\.(endpointType|queueName)$",
    ),
    "the service's default is the same": (r":SystemTopicEventSubscription retryPolicy$",),
    "which of the tables logs are in": (r":DiagnosticSetting logAnalyticsDestinationType$",),
    "which logs: taking them away is a mutant": (
        r":DiagnosticSetting (logs\[\](\.categoryGroup)?|metrics\[\]\.category)$",
    ),
    "the form of what is seen": (r":Component (applicationType|flowType|ingestionMode|kind|requestSource)$",),
    "without it a reader of the workspace alone may read": (
        r":Workspace features\.enableLogAccessUsingOnlyResourcePermissions$",
    ),
    "a service of all regions": (r":(ActionGroup|MetricAlert) location$",),
    "what is measured: taking the alarm, its actions or its threshold away are mutants": (
        r":(MetricAlert|ScheduledQueryRule) (evaluationFrequency|windowSize|scopes(\[\])?|autoMitigate)$",
        r":ScheduledQueryRule (kind|skipQueryValidation)$",
        r":ScheduledQueryRule criteria\.allOf\[\]\.(operator|query|timeAggregation|failingPeriods(\.\w+)?)$",
        r":MetricAlert criteria\.odataType$",
        r":MetricAlert criteria\.allOf\[\]\.(criterionType|metricName(space)?|operator|timeAggregation)$",
        r":MetricAlert criteria\.allOf\[\]\.dimensions(\[\].*)?$",
    ),
    "only holds what is weakened inside or outside it": (
        r":StorageAccount encryption\.services(\.\w+)?$",
        r":ManagementPolicy policy(\.rules(\[\](\.definition(\.actions(\.(baseBlob|version))?)?)?)?)?$",
        r":(Vault|Key) properties$",
        r":Key properties\.(attributes|keyOps\[\])$",
        r":Key properties\.rotationPolicy\.lifetimeActions(\[\](\.(action|trigger))?)?$",
        r":Workspace features$",
        r":(MetricAlert|ScheduledQueryRule) criteria(\.allOf(\[\])?)?$",
        r":(MetricAlert|ScheduledQueryRule) actions(\[\](\.actionGroupId)?|\.actionGroups\[\])$",
    ),
}

PROTECTING: tuple[tuple[str, str], ...] = (
    (r":keyvault:Key$", "encryption"),
    (r":storage:BlobContainerImmutabilityPolicy$|:storage:BlobServiceProperties$", "loss"),
    (r":storage:ManagementPolicy$", "retention"),
    (r":authorization:ManagementLock\w*$", "protect"),
    (r":web:WebApp(Ftp|Scm)Allowed$", "access"),
    (r":(NamespaceNetworkRuleSet|PrivateEndpoint)$", "public"),
    (r":monitor:(MetricAlert|ScheduledQueryRule|ActionGroup)$", "alarm"),
    (r":monitor:DiagnosticSetting$|:operationalinsights:Workspace$|:applicationinsights:Component$", "trace"),
)

HARMLESS: tuple[tuple[str, str], ...] = (
    (r":authorization:Role\w+$|:managedidentity:", "a right, or who has it: without it less is allowed"),
    (r":storage:(StorageAccount|BlobContainer|Blob|Queue)$|:eventhub:(Namespace|EventHub|ConsumerGroup)$",
     "where data lies or passes: without it there is none"),
    (r":web:(WebApp|AppServicePlan)$|:eventgrid:\w+$",
     "a stage of the flow: without it no data passes, and none is exposed"),
    (r":resources:ResourceGroup$|:keyvault:Vault$", "holds others: without it there are none"),
)  # fmt: skip

AZURE = Vocabulary(
    rules=RULES, elsewhere=ELSEWHERE, neutral=NEUTRAL, protecting=PROTECTING, harmless=HARMLESS
)
