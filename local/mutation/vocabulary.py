"""Which properties protect, and how each is weakened; and those that do not, each with its reason.

Both tables are patterns over `<type> <dotted path>`, so that they hold for resources and clouds that come
later. A test holds every property of every shipped stack against them: what neither table knows fails it. The
names are the SDKs' own; what is weakest, and what an absent property means, is the providers' word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from local.standin.state import Resource

from .graph import GONE

Weaker = Iterator[tuple[str, Any]]
Weaken = Callable[[Resource, Any], Weaker]


def gone(_: Resource, __: Any) -> Weaker:
    """Take the property away."""
    yield "gone", GONE


def to(*values: Any) -> Weaken:
    """Set it to the weakest that the provider takes; `GONE` is one of them where the default is weak."""

    def weaken(_: Resource, value: Any) -> Weaker:
        for new in values:
            # The warehouse's provider writes its booleans as words.
            told = str(new).lower() if isinstance(value, str) and isinstance(new, bool) else new
            if told != value:
                yield ("gone" if new is GONE else f"{told}"), told

    return weaken


def off(resource: Resource, value: Any) -> Weaker:
    """Turn a switch off, or leave it to its default, which is off."""
    yield from to(False, GONE)(resource, value)


def lower(least: int, *more: Any) -> Weaken:
    """Set a number to the lowest that the provider takes, and to what else is weak."""

    def weaken(resource: Resource, value: Any) -> Weaker:
        if isinstance(value, int | float) and value > least:
            yield f"{value} lowered to {least}", least
        yield from to(*more)(resource, value)

    return weaken


def higher(factor: int, *more: Any) -> Weaken:
    """Raise a limit so far that it limits nothing."""

    def weaken(resource: Resource, value: Any) -> Weaker:
        if isinstance(value, int | float):
            yield f"{value} raised to {(value or 1) * factor}", (value or 1) * factor
        yield from to(*more)(resource, value)

    return weaken


# The keys that a provider makes itself, by the service in a type's token.
_WITH_A_KEY = ("kinesis", "sqs", "sns", "secretsmanager", "s3", "lambda", "dynamodb")
MANAGED = {name: f"alias/aws/{name}" for name in _WITH_A_KEY}


def key(resource: Resource, _: Any) -> Weaker:
    """Leave encryption to no key, or to one that the provider manages."""
    yield "gone", GONE
    if managed := MANAGED.get(resource.type.split(":")[1].split("/")[0]):
        yield managed, managed


def bucket_root(_: Resource, value: Any) -> Weaker:
    """Open the whole bucket instead of a prefix."""
    if isinstance(value, str) and (match := re.match(r"(\w+://[^/]+/).+", value)):
        yield f"widened to {match[1]}", match[1]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How properties of these names are weakened, and the class in which that counts."""

    kind: str
    pattern: re.Pattern[str]
    weaken: Weaken
    #: properties that are part of the same protection and go with it
    companions: tuple[str, ...] = field(default=())


def _rule(kind: str, pattern: str, weaken: Weaken, *companions: str) -> Rule:
    return Rule(kind=kind, pattern=re.compile(pattern), weaken=weaken, companions=companions)


# A pattern begins anywhere in `<type> <path>`; `\b…$` is the last name of the path.
RULES: tuple[Rule, ...] = (
    # encryption and keys
    _rule("encryption", r"^aws:\S+ (?!environment).*\b(?i:kms(master)?key(id|arn)?)$", key),
    _rule("encryption", r"\bencryptionType$", to("NONE", GONE)),
    _rule("encryption", r"\bsseAlgorithm$", to("AES256"), "kmsMasterKeyId"),
    _rule("encryption", r"\b(sqsManagedSseEnabled|requireInfrastructureEncryption)$", off),
    _rule("encryption", r"\bserverSideEncryption(Configuration)?$", gone),
    _rule("encryption", r"\bkeySource$", to("Microsoft.Storage", GONE), "keyVaultProperties"),
    _rule("encryption", r"\bkeyVaultProperties$", gone),
    _rule("keys", r"\benableKeyRotation$", off),
    _rule("keys", r"\b(deletionWindowInDays|softDeleteRetentionInDays)$", lower(7)),
    _rule("keys", r"\brecoveryWindowInDays$", lower(0)),
    _rule("keys", r"\b(enablePurgeProtection|enableSoftDelete|enableRbacAuthorization)$", off),
    _rule("keys", r"\brotationPolicy$", gone),
    _rule("keys", r"\bkeySize$", lower(2048)),
    # the public, and the way there
    _rule("public", r"\b(blockPublic(Acls|Policy)|ignorePublicAcls|restrictPublicBuckets)$", off),
    _rule("public", r"\bobjectOwnership$", to("ObjectWriter")),
    _rule("public", r"\b(publiclyAccessible|allowBlobPublicAccess|allowSharedKeyAccess)$", to(True)),
    _rule("public", r"\b(disableLocalAuth)$", off),
    _rule("public", r"\bpublicAccess$", to("Blob", "Container")),
    _rule("public", r"\bpublicNetworkAccess$", to("Enabled")),
    _rule("public", r"\bdefaultAction$", to("Allow")),
    _rule("public", r"\b(allowedIpLists|allowedIps)$", to(["0.0.0.0/0"])),
    _rule("tls", r"\b(minimumTlsVersion|minTlsVersion)$", to("TLS1_0")),
    _rule("tls", r"\b(supportsHttpsTrafficOnly|enableHttpsTrafficOnly|httpsOnly)$", off),
    _rule("tls", r"\bftpsState$", to("AllAllowed")),
    _rule("tls", r"\bsslMode$", to("none")),
    # what can be lost
    _rule("loss", r"\b(forceDestroy|skipDestroy)$", to(True)),
    _rule("loss", r"\bobjectLockEnabled$", off),
    _rule("loss", r"ObjectLockConfiguration rule$", gone),
    _rule("loss", r"\bdefaultRetention\.(days|years)$", lower(1)),
    _rule("loss", r"\bdefaultRetention\.mode$", to("GOVERNANCE")),
    _rule("loss", r"\bversioningConfiguration\.status$", to("Suspended")),
    _rule("loss", r"\bnoncurrentVersionExpiration\.noncurrentDays$", lower(1)),
    _rule("loss", r"\bimmutabilityPeriodSinceCreationInDays$", lower(1)),
    _rule("loss", r"\b(isVersioningEnabled|enableVersioning|enablePitr|pointInTimeRecovery)$", off),
    _rule("loss", r"\bdataRetentionTimeInDays$", lower(0, GONE)),
    _rule("loss", r"\b(immutableStorageWithVersioning|immutableStorage)(\.enabled)?$", off),
    # how long
    _rule("retention", r"\bstream:Stream retentionPeriod$", lower(24, GONE)),
    _rule("retention", r"\bretentionInDays$", lower(1, GONE)),
    _rule("retention", r"\bmessageRetentionSeconds$", lower(60, GONE)),
    _rule("retention", r"\b(messageRetentionInDays|retentionTimeInHours)$", lower(1, GONE)),
    _rule("retention", r"LifecycleConfiguration rules\[\]\.expiration$", gone),
    _rule("retention", r"LifecycleConfiguration rules\[\]\.expiration\.days$", lower(1)),
    _rule("retention", r"LifecycleConfiguration rules\[\]\.noncurrentVersionExpiration$", gone),
    _rule("retention", r"LifecycleConfiguration rules\[\]\.abortIncompleteMultipartUpload$", gone),
    # a record that fails is kept, and tried again
    _rule("loss", r"\bmaximumRecordAgeInSeconds$", lower(60)),
    _rule("loss", r"\bmaximumRetryAttempts$", to(0)),
    _rule("loss", r"\b(bisectBatchOnFunctionError)$", off),
    _rule("loss", r"\b(functionResponseTypes|redrivePolicy|deadLetterConfig)$", gone),
    _rule("loss", r"\bstartingPosition$", to("LATEST")),
    _rule("loss", r"\bEventSourceMapping destinationConfig$", gone),
    _rule("flow", r"\berrorOutputPrefix$", to(GONE, "landing/errors/")),
    # who may invoke
    _rule("access", r"\blambda/permission:Permission (sourceArn|sourceAccount)$", gone),
    _rule("access", r"\blambda/permission:Permission principal$", to("*")),
    _rule("access", r"\blambda/permission:Permission action$", to("lambda:*")),
    _rule("access", r"\bstorageAwsExternalId$", gone),
    _rule("access", r"\bstorageAllowedLocations$", to(["*"], ["s3://"])),
    _rule("access", r"\bstorageAllowedLocations\[\]$", bucket_root),
    _rule("access", r"\bstorageIntegration$", gone),
    _rule("access", r"\bStageExternal\w+ url$", bucket_root),
    _rule("access", r"\bwithManagedAccess$", off),
    _rule("access", r"\bdropPublicSchemaOnCreation$", off),
    _rule("access", r"azure-native:\S+:RoleDefinition permissions\[\]\.(actions|dataActions)$", to(["*"])),
    _rule("access", r"azure-native:\S+ identity$", gone),
    _rule("masking", r"\bmaskingPolicies$", gone),
    # what happened
    _rule("trace", r"\btracingConfig$", gone),
    _rule("trace", r"\btracingConfig\.mode$", to("PassThrough")),
    _rule("trace", r"\b(cloudwatchLoggingOptions|loggingConfig)$", gone),
    _rule("trace", r"\bcloudwatchLoggingOptions\.enabled$", off),
    _rule("trace", r"\bloggingConfig\.logGroup$", gone),
    _rule("trace", r"\bloggingConfig\.applicationLogLevel$", to("FATAL")),
    _rule("alarm", r"\bMetricAlarm alarmActions$", gone),
    _rule("alarm", r"\bMetricAlarm threshold$", higher(1_000_000)),
    _rule("alarm", r"\bMetricAlarm dimensions$", gone),
    _rule("alarm", r"\bMetricAlarm treatMissingData$", to("ignore")),
    _rule("version", r"\bruntime$", to("python3.8")),
    # what a runaway costs
    _rule("budget", r"\bautoSuspend$", to(0, GONE)),
    _rule("budget", r"\bwarehouse:Warehouse resourceMonitor$", gone),
    _rule("budget", r"\bstatementTimeoutInSeconds$", to(0, GONE)),
    _rule("budget", r"\bcreditQuota$", higher(1000, GONE)),
    _rule("budget", r"\b(suspendTrigger|suspendImmediateTrigger|notifyTriggers)$", gone),
)  # fmt: skip

# What other modules weaken, because it takes more than one value: the property is known by its pattern here.
ELSEWHERE: tuple[tuple[str, str], ...] = (
    (r" (policy|assumeRolePolicy)$", "documents"),
    (r" tags(All)?(\.|$)", "tagging"),
    (r"\bmaskingPolicy:MaskingPolicy body$", "warehouse"),
    (r"\btagAssociation:TagAssociation (objectIdentifiers|tagId)", "warehouse"),
    (r"\bgrantPrivilegesToAccountRole:\w+ (privileges|accountRoleName|.*\binSchema$)", "warehouse"),
    (r"\bgrantAccountRole:\w+ (roleName|parentRoleName)$", "warehouse"),
    (r"\bpipe:Pipe copyStatement$", "warehouse"),
    (r"\bFirehoseDeliveryStream kinesisSourceConfiguration(\.kinesisStreamArn)?$", "flow"),
    (r"\bFirehoseDeliveryStream extendedS3Configuration(\.(s3BackupMode|prefix|bucketArn))?$", "flow"),
    (r"\bEventSourceMapping (eventSourceArn|destinationConfig\.onFailure(\.destinationArn)?)$", "flow"),
    (r"\blambda/function:Function environment(\.variables(\.PROTECTED_STREAM)?)?$", "flow"),
    (r"LifecycleConfiguration rules\[\]\.status$", "properties"),
    (r"^azure-native:\S+ location$", "placing"),
)

# What protects nothing, by the reason. A pattern that matches no property of any shipped stack fails a test.
NEUTRAL: Mapping[str, tuple[str, ...]] = {
    "words for people, or a name": (r"\b(comment|description|alarmDescription|name|statementId)$",),
    "says which resource it belongs to: another one is another graph; taking the resource away is a mutant": (
        r" (bucket|topic|secretId|queueUrl|arn|targetKeyId|function|functionName|role)$",
    ),
    "the place or the form of an object in the warehouse": (
        r"^snowflake:\S+ (schema|database|table|warehouse|fileFormat(\.formatName)?)$",
    ),
    "a reference: what the role or the other end may do is weakened there": (
        r"\b(roleArn|storageAwsRoleArn|rotationLambdaArn|logStreamName|logGroupName|endpoint|protocol)$",
    ),
    "which objects a rule is for, and what keeping them costs": (
        r"LifecycleConfiguration rules\[\]\.(filter|filter\.prefix|id|transitions(\[\].*)?)$",
        r"\bdaysAfterInitiation$",
    ),
    "how often the key service is asked: cost and quota": (r"\bbucketKeyEnabled$",),
    "capacity, or which code: tests run it": (
        r"\bFunction (memorySize|timeout|architectures(\[\])?|handler|code)$",
        r"\bloggingConfig\.logFormat$",
        r"Mapping (parallelizationFactor|batchSize|maximumBatchingWindowInSeconds)$",
        r"\b(shardCount|streamModeDetails(\.streamMode)?)$",
    ),
    "what the function works with: its role decides what it may reach": (
        r"\benvironment\.variables\.(?!PROTECTED_STREAM)\w+$",
    ),
    "the form and the size of objects": (
        r"\b(bufferingSize|bufferingInterval|compressionFormat|destination)$",
    ),
    "without it nothing loads, which is seen; it protects nothing": (
        r"\bBucketNotification topics(\[\].*)?$",
        r"\b(autoIngest|awsSnsTopicArn|rawMessageDelivery)$",
        r"\bstorageIntegrationAws:\w+ (enabled|storageProvider)$",
    ),
    "what is measured: taking the alarm, its actions, its threshold or its dimensions away are mutants": (
        r"\bMetricAlarm (namespace|metricName|statistic|extendedStatistic|comparisonOperator)$",
        r"\bMetricAlarm (period|evaluationPeriods|okActions|(ok|alarm)Actions\[\]|dimensions\.\w+)$",
    ),
    "the token key is made once and must not change: decision 7": (
        r"\bsecretRotation:SecretRotation rotationRules(\..*)?$",
    ),
    "on which object; what for is in its privileges, and whether on all of a schema in inSchema": (
        r"\bgrantPrivilegesToAccountRole:\w+ on\w+$",
        r"\bgrantPrivilegesToAccountRole:\w+ on\w+\.(objectName|objectType|schemaName|future)$",
        r"\bgrantPrivilegesToAccountRole:\w+ .*objectTypePlural$",
    ),
    "the period of the budget, and its first warnings": (
        r"\bresourceMonitor:ResourceMonitor (frequency|startTimestamp|notifyTriggers\[\])$",
    ),
    "capacity; autoSuspend and the monitor limit the cost": (
        r"\bwarehouse:Warehouse (warehouseSize|autoResume|initiallySuspended)$",
    ),
    "the form of a table or file; a personal column is protected by its tag, which is a mutant": (
        r"\b(columns(\[\].*)?|changeTracking|appendOnly|stripOuterArray|compression|returnDataType|arguments(\[\].*)?)$",
    ),
    "what a task does is tested against the warehouse": (
        r"\btask:Task (sqlStatement|when|schedule(\..*)?|started|allowOverlappingExecution)$",
        r"\btask:Task suspendTaskAfterNumFailures$",
    ),
    "what is tagged, and from which source; the tag itself decides the mask": (
        r"\btagAssociation:TagAssociation (objectType|tagValue)$",
    ),
    "only holds what is weakened inside or outside it": (
        r"^aws:s3/\S+ (rules|rules\[\]|rule\.defaultRetention|versioningConfiguration)$",
        r"\bbucketOwnershipControls:BucketOwnershipControls rule$",
        r"\brules\[\]\.applyServerSideEncryptionByDefault$",
        r"\b(maskingPolicies|functionResponseTypes)\[\]$",
    ),
}


@cache
def rules(subject: str) -> tuple[Rule, ...]:
    """Return the rules for `<type> <dotted path>`."""
    return tuple(rule for rule in RULES if rule.pattern.search(subject))


@cache
def neutral(subject: str) -> str | None:
    """Return why a property protects nothing, or None where no reason is known."""
    found = (
        reason for reason, patterns in NEUTRAL.items() if any(re.search(one, subject) for one in patterns)
    )
    return next(found, None)


@cache
def elsewhere(subject: str) -> str | None:
    """Return the module that weakens the property, if it takes more than a value."""
    return next((module for pattern, module in ELSEWHERE if re.search(pattern, subject)), None)
