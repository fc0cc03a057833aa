"""AWS: what protects, and what does not."""

from __future__ import annotations

from typing import Any

from local.standin.state import Resource

from ..graph import GONE
from ..weaker import Rule, Vocabulary, Weaker, gone, higher, lower, off, rule, to

# The keys that a provider makes itself, by the service in a type's token.
_WITH_A_KEY = ("kinesis", "sqs", "sns", "secretsmanager", "s3", "lambda", "dynamodb")
MANAGED = {name: f"alias/aws/{name}" for name in _WITH_A_KEY}


def key(resource: Resource, _: Any) -> Weaker:
    """Leave encryption to no key, or to one that the provider manages."""
    yield "gone", GONE
    if managed := MANAGED.get(resource.type.split(":")[1].split("/")[0]):
        yield managed, managed


RULES: tuple[Rule, ...] = (
    # encryption and keys
    rule("encryption", r"^aws:\S+ (?!environment).*\b(?i:kms(master)?key(id|arn)?)$", key),
    rule("encryption", r"\bencryptionType$", to("NONE", GONE)),
    rule("encryption", r"\bsseAlgorithm$", to("AES256"), "kmsMasterKeyId"),
    rule("encryption", r"\bsqsManagedSseEnabled$", off),
    rule("encryption", r"\bserverSideEncryption(Configuration)?$", gone),
    rule("encryption", r"\bTable serverSideEncryption\.enabled$", off),
    rule("keys", r"\benableKeyRotation$", off),
    rule("keys", r"\bdeletionWindowInDays$", lower(7)),
    rule("keys", r"\brecoveryWindowInDays$", lower(0)),
    # the public, and the way there
    rule("public", r"\b(blockPublic(Acls|Policy)|ignorePublicAcls|restrictPublicBuckets)$", off),
    rule("public", r"\bobjectOwnership$", to("ObjectWriter")),
    rule("public", r"\bpubliclyAccessible$", to(True)),
    rule("tls", r"\bsslMode$", to("none")),
    # what can be lost
    rule("loss", r"\b(forceDestroy|skipDestroy)$", to(True)),
    rule("loss", r"\bobjectLockEnabled$", off),
    rule("loss", r"ObjectLockConfiguration rule$", gone),
    rule("loss", r"\bdefaultRetention\.(days|years)$", lower(1)),
    rule("loss", r"\bdefaultRetention\.mode$", to("GOVERNANCE")),
    rule("loss", r"\bversioningConfiguration\.status$", to("Suspended")),
    rule("loss", r"\bnoncurrentVersionExpiration\.noncurrentDays$", lower(1)),
    rule("loss", r"\b(enablePitr|pointInTimeRecovery\.enabled|deletionProtectionEnabled)$", off),
    rule("loss", r"\bpointInTimeRecovery$", gone),
    # how long
    rule("retention", r"\bstream:Stream retentionPeriod$", lower(24, GONE)),
    rule("retention", r"\bretentionInDays$", lower(1, GONE)),
    rule("retention", r"\bmessageRetentionSeconds$", lower(60, GONE)),
    rule("retention", r"LifecycleConfiguration rules\[\]\.expiration$", gone),
    rule("retention", r"LifecycleConfiguration rules\[\]\.expiration\.days$", lower(1)),
    rule("retention", r"LifecycleConfiguration rules\[\]\.noncurrentVersionExpiration$", gone),
    rule("retention", r"LifecycleConfiguration rules\[\]\.abortIncompleteMultipartUpload$", gone),
    rule("retention", r"\bTable ttl$", gone),
    rule("retention", r"\bTable ttl\.enabled$", off),
    # a record that fails is kept, and tried again
    rule("loss", r"\bmaximumRecordAgeInSeconds$", lower(60)),
    rule("loss", r"\bmaximumRetryAttempts$", to(0)),
    rule("loss", r"\b(bisectBatchOnFunctionError)$", off),
    rule("loss", r"\b(functionResponseTypes|redrivePolicy|deadLetterConfig)$", gone),
    rule("loss", r"\bstartingPosition$", to("LATEST")),
    rule("loss", r"\bEventSourceMapping destinationConfig$", gone),
    rule("flow", r"\berrorOutputPrefix$", to(GONE, "landing/errors/")),
    # who may invoke
    rule("access", r"\blambda/permission:Permission (sourceArn|sourceAccount)$", gone),
    rule("access", r"\blambda/permission:Permission principal$", to("*")),
    rule("access", r"\blambda/permission:Permission action$", to("lambda:*")),
    rule("access", r"\bmethod:Method authorization$", to("NONE")),
    rule("budget", r"\bthrottling(Burst|Rate)Limit$", to(-1)),
    # what happened
    rule("trace", r"\bstage:Stage accessLogSettings$", gone),
    rule("trace", r"\bxrayTracingEnabled$", off),
    rule("trace", r"\bsettings\.loggingLevel$", to("OFF")),
    rule("alarm", r"\bsettings\.metricsEnabled$", off),
    # What is asked and answered would be in the log, values included.
    rule("flow", r"\bsettings\.dataTraceEnabled$", to(True)),
    rule("trace", r"\bTrail (enableLogging|enableLogFileValidation|isMultiRegionTrail)$", off),
    rule("trace", r"\bTrail advancedEventSelectors(\[\])?$", gone),
    rule("trace", r"\bfieldSelectors\[\]\.equals$", to(["NetworkActivity"])),
    rule("trace", r"\bfieldSelectors\[\]\.startsWiths$", to(["arn:aws:s3:::another/"])),
    rule("alarm", r"\bLogMetricFilter metricTransformation\.(name|namespace)$", to("another")),
    rule("trace", r"\btracingConfig$", gone),
    rule("trace", r"\btracingConfig\.mode$", to("PassThrough")),
    rule("trace", r"\b(cloudwatchLoggingOptions|loggingConfig)$", gone),
    rule("trace", r"\bcloudwatchLoggingOptions\.enabled$", off),
    rule("trace", r"\bloggingConfig\.logGroup$", gone),
    rule("trace", r"\bloggingConfig\.applicationLogLevel$", to("FATAL")),
    rule("alarm", r"\bMetricAlarm alarmActions$", gone),
    rule("alarm", r"\bMetricAlarm threshold$", higher(1_000_000)),
    rule("alarm", r"\bMetricAlarm dimensions$", gone),
    rule("alarm", r"\bMetricAlarm treatMissingData$", to("ignore")),
    rule("version", r"\bruntime$", to("python3.8")),
)

ELSEWHERE: tuple[tuple[str, str], ...] = (
    (r" (policy|assumeRolePolicy)$", "documents"),
    (r" tags(All)?(\.|$)", "tagging"),
    (r"\bFirehoseDeliveryStream kinesisSourceConfiguration(\.kinesisStreamArn)?$", "flow"),
    (r"\bFirehoseDeliveryStream extendedS3Configuration(\.(s3BackupMode|prefix|bucketArn))?$", "flow"),
    (r"\bEventSourceMapping (eventSourceArn|destinationConfig\.onFailure(\.destinationArn)?)$", "flow"),
    (r"\blambda/function:Function environment(\.variables(\.PROTECTED_STREAM)?)?$", "flow"),
    (r"LifecycleConfiguration rules\[\]\.status$", "unset"),
)

NEUTRAL: dict[str, tuple[str, ...]] = {
    "words for people, or a name": (
        r"(?<!metricTransformation\.)\b(description|alarmDescription|name|statementId)$",
    ),
    "where the trail's files and its log are: each is weakened itself; without them nothing is recorded": (
        r"\bTrail (s3BucketName|cloudWatchLogs(GroupArn|RoleArn))$",
    ),
    "the trail is of all regions, and so of the global services too": (
        r"\bTrail includeGlobalServiceEvents$",
    ),
    "what is heard of: a test holds each pattern against events": (
        r"\bLogMetricFilter (pattern|metricTransformation\.value)$",
    ),
    "says which resource it belongs to: another one is another graph; taking the resource away is a mutant": (
        r" (bucket|topic|secretId|queueUrl|arn|targetKeyId|function|functionName|role)$",
    ),
    "a reference: what the role or the other end may do is weakened there": (
        r"\b(roleArn|rotationLambdaArn|logStreamName|logGroupName|endpoint|protocol)$",
    ),
    "which objects a rule is for, and what keeping them costs": (
        r"LifecycleConfiguration rules\[\]\.(filter|filter\.prefix|id|transitions(\[\].*)?)$",
        r"\bdaysAfterInitiation$",
    ),
    "how long a table can be set back is how long an erasure can be undone: a stack weighs the two": (
        r"\bpointInTimeRecovery\.recoveryPeriodInDays$",
    ),
    "how often the key service is asked: cost and quota": (r"\bbucketKeyEnabled$",),
    "capacity, or which code: tests run it": (
        r"\bFunction (memorySize|timeout|reservedConcurrentExecutions|architectures(\[\])?|handler|code)$",
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
        r"\brawMessageDelivery$",
    ),
    "what is measured: taking the alarm, its actions, its threshold or its dimensions away are mutants": (
        r"\bMetricAlarm (namespace|metricName|statistic|extendedStatistic|comparisonOperator)$",
        r"\bMetricAlarm (period|evaluationPeriods|okActions|(ok|alarm)Actions\[\]|dimensions\.\w+)$",
    ),
    "the token key is made once and must not change: decision 7": (
        r"\bsecretRotation:SecretRotation rotationRules(\..*)?$",
    ),
    "which path of an API leads where; who may take it is in its authorization and its policy": (
        r"^aws:apigateway/(deployment|integration|resource|response):",
        r"^aws:apigateway/\S+ (restApi|restApiId|resourceId|stageName|deployment|methodPath|httpMethod)$",
        r"\brestApi:RestApi endpointConfiguration(\.types)?$",
    ),
    "what the log of accesses says of each, and where": (r"\baccessLogSettings\.(destinationArn|format)$",),
    "what a table is for, and what it costs": (
        r"\bdynamodb/table:Table (attributes(\[\].*)?|billingMode|hashKey|rangeKey|ttl\.attributeName)$",
        r"\bdynamodb/resourcePolicy:ResourcePolicy resourceArn$",
    ),
    "only holds what is weakened inside or outside it": (
        r"\bmethodSettings:MethodSettings settings$",
        r"^aws:s3/\S+ (rules|rules\[\]|rule\.defaultRetention|versioningConfiguration)$",
        r"\bbucketOwnershipControls:BucketOwnershipControls rule$",
        r"\brules\[\]\.applyServerSideEncryptionByDefault$",
        r"\bfunctionResponseTypes\[\]$",
        r"\bTrail advancedEventSelectors\[\]\.fieldSelectors(\[\]|\[\]\.(field|\w+\[\]))?$",
        r"\bLogMetricFilter metricTransformation$",
    ),
}

PROTECTING: tuple[tuple[str, str], ...] = (
    (r"^aws:s3/bucket(PublicAccessBlock|OwnershipControls|Acl):", "public"),
    (r"^aws:s3/bucketPolicy:|^aws:(sqs/queuePolicy|sns/topicPolicy):", "access"),
    (r"^aws:(dynamodb/resourcePolicy|apigateway/restApiPolicy):", "access"),
    (r"^aws:s3/bucketServerSideEncryptionConfiguration:", "encryption"),
    (r"^aws:s3/bucket(Versioning|ObjectLockConfiguration):", "loss"),
    (r"^aws:s3/bucketLifecycleConfiguration:", "retention"),
    (r"^aws:kms/key:", "encryption"),
    (r"^aws:sqs/queue:", "loss"),
    (r"^aws:sns/topic:|:(MetricAlarm|LogMetricFilter)$", "alarm"),
    (
        r"^aws:apigateway/methodSettings:|^aws:sns/topicSubscription:|^aws:cloudwatch/logGroup:|^aws:cloudtrail/trail:",
        "trace",
    ),
)

HARMLESS: tuple[tuple[str, str], ...] = (
    (r"^aws:(kinesis|lambda|s3/bucket:|s3/bucketNotification|secretsmanager|cloudwatch/logStream)",
     "a stage of the flow: without it no data passes, and none is exposed"),
    (r"^aws:(dynamodb/table|apigateway/(restApi|deployment|integration|method|resource|response|stage)):",
     "a stage of re-identification: without it nothing is revealed"),
    (r"^aws:(iam|lambda/permission|kms/alias)", "a right, or a name: without it less is allowed"),
)  # fmt: skip

AWS = Vocabulary(rules=RULES, elsewhere=ELSEWHERE, neutral=NEUTRAL, protecting=PROTECTING, harmless=HARMLESS)
