"""A good resource of each type that the pack knows, and the ways of breaking it, one property at a time."""

import json
from typing import Any, NamedTuple

from policies.tags import REQUIRED
from tests.policies.kit import GONE

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/0b2f5f9e-0000-4000-8000-000000000000"
AWS_KEY = "alias/aws/kinesis"
QUEUE_ARN = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:orders"
TAGS = {"tags": dict.fromkeys(REQUIRED, "x")}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(principal: Any = "*", condition: Any = None, **more: Any) -> dict[str, Any]:
    made = {
        "Sid": "Use",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "a:Do",
        "Resource": "*",
        **more,
    }
    return made if condition is None else {**made, "Condition": condition}


OPEN = document(statement())
CLOSED = document(
    statement({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
    statement({"Service": "sns.amazonaws.com"}),
    statement("*", {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
    statement("*", {"Bool": {"aws:SecureTransport": "false"}}, Effect="Deny"),
)
NARROW = document({"Effect": "Allow", "Action": ["s3:GetObject", "s3:List*"], "Resource": "*"})
WIDE = document({"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b"})
TRUST = document(
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
)
GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"

STREAM = "aws:kinesis/stream:Stream"
FIREHOSE = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
KMS = "aws:kms/key:Key"
QUEUE = "aws:sqs/queue:Queue"
TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
TRAIL = "aws:cloudtrail/trail:Trail"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
FUNCTION = "aws:lambda/function:Function"
PERMISSION = "aws:lambda/permission:Permission"
LAYER_PERMISSION = "aws:lambda/layerVersionPermission:LayerVersionPermission"
URL = "aws:lambda/functionUrl:FunctionUrl"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
TABLE = "aws:dynamodb/table:Table"
REPLICA = "aws:dynamodb/tableReplica:TableReplica"
STAGE = "aws:apigateway/stage:Stage"
STAGE2 = "aws:apigatewayv2/stage:Stage"
SETTINGS = "aws:apigateway/methodSettings:MethodSettings"
METHOD = "aws:apigateway/method:Method"
ROUTE = "aws:apigatewayv2/route:Route"
API = "aws:apigatewayv2/api:Api"
DOMAIN_NAME = "aws:apigateway/domainName:DomainName"
SECRET = "aws:secretsmanager/secret:Secret"
ROLE = "aws:iam/role:Role"
INSTANCE = "aws:dms/replicationInstance:ReplicationInstance"
ENDPOINT = "aws:dms/endpoint:Endpoint"
JOB = "aws:glue/job:Job"
CONNECTION = "aws:glue/connection:Connection"
SCHEMA = "aws:glue/schema:Schema"
DOMAINS = ("aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain")
IAM_POLICIES = ("Policy", "RolePolicy", "UserPolicy", "GroupPolicy")
ATTACHMENTS = ("RolePolicyAttachment", "UserPolicyAttachment", "GroupPolicyAttachment", "PolicyAttachment")


def iam(name: str) -> str:
    return f"aws:iam/{name[0].lower()}{name[1:]}:{name}"


# Types that hold a policy document of a resource, under `policy` if nothing else is said.
HOLDERS = {
    "aws:sqs/queuePolicy:QueuePolicy": "sqs",
    "aws:sns/topicPolicy:TopicPolicy": "sns",
    "aws:s3/bucket:Bucket": "s3",
    "aws:s3/bucketPolicy:BucketPolicy": "s3",
    "aws:s3/accessPoint:AccessPoint": "s3",
    "aws:s3control/accessPointPolicy:AccessPointPolicy": "s3",
    "aws:kms/keyPolicy:KeyPolicy": "kms",
    "aws:kms/replicaKey:ReplicaKey": "kms",
    "aws:kms/externalKey:ExternalKey": "kms",
    "aws:kms/replicaExternalKey:ReplicaExternalKey": "kms",
    "aws:kinesis/resourcePolicy:ResourcePolicy": "kinesis",
    "aws:dynamodb/resourcePolicy:ResourcePolicy": "dynamodb",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "secretsmanager",
    "aws:glue/resourcePolicy:ResourcePolicy": "glue",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "ecr",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": "eventbus",
}
DOMAIN_POLICIES = (
    "aws:opensearch/domainPolicy:DomainPolicy",
    "aws:elasticsearch/domainPolicy:DomainPolicy",
)
_BUCKET = {"bucketArn": "arn:aws:s3:::b", "prefix": "landing/", "errorOutputPrefix": "errors/"}
_DOMAIN = {
    "encryptAtRest": {"enabled": True},
    "nodeToNodeEncryption": {"enabled": True},
    "domainEndpointOptions": {"enforceHttps": True, "tlsSecurityPolicy": "Policy-Min-TLS-1-2-2019-07"},
    "accessPolicies": CLOSED,
    **TAGS,
}
GOOD: dict[str, dict[str, Any]] = {
    STREAM: {"encryptionType": "KMS", "kmsKeyId": KEY, "retentionPeriod": 168, **TAGS},
    FIREHOSE: {
        "extendedS3Configuration": {**_BUCKET, "s3BackupMode": "Disabled"},
        "kinesisSourceConfiguration": {"kinesisStreamArn": "arn"},
        **TAGS,
    },
    KMS: {"enableKeyRotation": True, "policy": CLOSED, **TAGS},
    QUEUE: {"kmsMasterKeyId": KEY, "policy": CLOSED, **TAGS},
    TOPIC: {"kmsMasterKeyId": KEY, "policy": CLOSED, **TAGS},
    SUBSCRIPTION: {"protocol": "https", "endpoint": "https://example.com", "topic": "arn"},
    TRAIL: {
        "s3BucketName": "b",
        "enableLogging": True,
        "enableLogFileValidation": True,
        "kmsKeyId": KEY,
        "isMultiRegionTrail": True,
        "advancedEventSelectors": [
            {"name": "all", "fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}]}
        ],
        **TAGS,
    },
    GROUP: {"retentionInDays": 30, "kmsKeyId": KEY, **TAGS},
    FUNCTION: {
        "tracingConfig": {"mode": "Active"},
        "environment": {"variables": {"LEVEL": "INFO", "DB_SECRET_ARN": "arn:aws:secretsmanager:…"}},
        **TAGS,
    },
    PERMISSION: {"principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::b", "function": "f"},
    LAYER_PERMISSION: {"principal": ACCOUNT, "layerName": "l"},
    URL: {"authorizationType": "AWS_IAM", "functionName": "f"},
    MAPPING: {"destinationConfig": {"onFailure": {"destinationArn": QUEUE_ARN}}, **TAGS},
    TABLE: {
        "pointInTimeRecovery": {"enabled": True},
        "serverSideEncryption": {"enabled": True, "kmsKeyArn": KEY},
        "replicas": [{"regionName": "eu-west-1", "kmsKeyArn": KEY, "pointInTimeRecovery": True}],
        **TAGS,
    },
    REPLICA: {"pointInTimeRecovery": True, "kmsKeyArn": KEY, **TAGS},
    STAGE: {
        "accessLogSettings": {"destinationArn": "arn", "format": "f"},
        "xrayTracingEnabled": True,
        **TAGS,
    },
    SETTINGS: {
        "methodPath": "*/*",
        "settings": {"dataTraceEnabled": False, "throttlingRateLimit": 10, "throttlingBurstLimit": 20},
    },
    STAGE2: {"accessLogSettings": {"destinationArn": "arn", "format": "f"}, **TAGS},
    METHOD: {"authorization": "AWS_IAM", "httpMethod": "POST"},
    ROUTE: {"routeKey": "GET /sales", "authorizationType": "JWT"},
    API: {"protocolType": "HTTP", "name": "a", **TAGS},
    DOMAIN_NAME: {"securityPolicy": "TLS_1_2", **TAGS},
    SECRET: {
        "kmsKeyId": KEY,
        "policy": CLOSED,
        "replicas": [{"region": "eu-west-1", "kmsKeyId": KEY}],
        **TAGS,
    },
    ROLE: {
        "assumeRolePolicy": TRUST,
        "inlinePolicies": [{"name": "p", "policy": NARROW}],
        "managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        **TAGS,
    },
    INSTANCE: {"publiclyAccessible": False, "replicationInstanceClass": "dms.t3.micro", **TAGS},
    ENDPOINT: {"engineName": "oracle", "sslMode": "verify-ca", "secretsManagerArn": "arn", **TAGS},
    JOB: {"defaultArguments": {"--db_secret_arn": "arn:aws:…"}, "roleArn": "arn", **TAGS},
    CONNECTION: {"connectionProperties": {"SECRET_ID": "lake/teradata", "JDBC_ENFORCE_SSL": "true"}, **TAGS},
    SCHEMA: {"compatibility": "BACKWARD", "dataFormat": "JSON", **TAGS},
    **{kind: {**_DOMAIN} for kind in DOMAINS},
    **{kind: {"accessPolicies": CLOSED} for kind in DOMAIN_POLICIES},
    **{kind: {"policy": CLOSED} for kind in HOLDERS},
    **{iam(name): {"policy": NARROW} for name in IAM_POLICIES},
    **{iam(name): {"policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"} for name in ATTACHMENTS},
}
for _kind in ("aws:s3/bucket:Bucket", "aws:kms/replicaKey:ReplicaKey", "aws:kms/externalKey:ExternalKey"):
    GOOD[_kind].update(TAGS)
GOOD["aws:s3/accessPoint:AccessPoint"].update(TAGS)
GOOD["aws:kms/replicaExternalKey:ReplicaExternalKey"].update(TAGS)
GOOD[iam("Policy")].update(TAGS)


class Weakness(NamedTuple):
    """A property of a good resource, its bad value, and what is said of it by which policy alone."""

    kind: str
    path: str
    value: Any
    policy: str
    message: str


_STREAM = "A stream must be encrypted: set encryptionType to KMS and kmsKeyId to a key of your own."
_HOURS = "A stream must keep its records for 168 hours or more: a failed batch waits there."
_BACKUP = "A delivery stream must not keep a backup of its source: it would be a second, unmanaged copy."
_PROCESSOR = "A delivery stream must not transform: on failure the raw batch goes to the error prefix."
_ERRORS = "A delivery stream must say where its errors go: set errorOutputPrefix."
_AMONG = "A delivery stream's errors must not lie among its records: move errorOutputPrefix."
_DIRECT = "A delivery stream that is put to directly must be encrypted with a customer-managed key."
_ROTATE = "A KMS key must be rotated every year: set enableKeyRotation to true."
_QUEUE = (
    "A queue must be encrypted: set kmsMasterKeyId to a key of your own, or sqsManagedSseEnabled to true."
)
_TOPIC = "A topic must be encrypted: set kmsMasterKeyId to a key of your own that its publishers may use."
_GROUP = "A log group must say how long it keeps its events: set retentionInDays."
_GROUP_KEY = "A log group should be encrypted with a key of your own: set kmsKeyId."
_MANAGEMENT = [{"field": "eventCategory", "equals": ["Management"]}]
_NOT_KMS = {"field": "eventSource", "notEquals": ["kms.amazonaws.com"]}
_WRITES = {"field": "readOnly", "equals": ["false"]}
_EXCLUDED = (
    "A trail must record all management events, those of KMS too: "
    "select the eventCategory Management, and narrow it by no other field."
)
_TRACE = "A function should be traced: set the mode of tracingConfig to Active."
_PLAIN = (
    "Environment variables look like secrets in plain text: {}. "
    "Keep them in Secrets Manager, and tell the function their ARNs."
)
_LAYER = "A permission lets anyone have the layer: name the account, or the organisation."
_PAYLOAD = (
    "A mapping keeps the records of failed batches in a bucket: "
    "set the destination to a queue or a topic, which are told their positions only."
)
_PITR = "A table must be recoverable to a point in time: set pointInTimeRecovery to enabled."
_PITR_REPLICA = "Each replica must be recoverable to a point in time: set its pointInTimeRecovery to true."
_TABLE_KEY = "A table must be encrypted with a key of your own: set serverSideEncryption with kmsKeyArn."
_REPLICA_KEY = "Each replica must be encrypted with a key of its region: set its kmsKeyArn."
_LOGS = "A stage should keep a log of who called what: set accessLogSettings."
_SECRET_KEY = "A secret should be encrypted with a key of your own: set kmsKeyId."
_SECRET_REPLICA = "Each replica of a secret should be encrypted with a key of its region: set its kmsKeyId."
_WIDE = (
    "A policy allows too much, by statement {}: "
    "name the actions, or the resources where all of a service's actions are meant."
)
_ADMIN = "{} allows more than any one purpose needs: attach a policy that names the actions."
_TLS = "An endpoint must be spoken to over TLS: set {}."
_DOMAIN_TLS = (
    "A search domain must speak modern TLS only: in domainEndpointOptions set enforceHttps to true, "
    "and tlsSecurityPolicy to Policy-Min-TLS-1-2-2019-07 or newer."
)
_SUBJECT = (
    "Whoever the identity provider vouches for may take on the role, by statement {}: "
    "add a condition on its sub."
)


def public(thing: str, which: str = "Use") -> str:
    return (
        f"The policy of a {thing} lets anyone in, by statement {which}: "
        "name the principals, or add a condition such as aws:SourceArn or aws:PrincipalOrgID."
    )


THINGS = {
    "sqs": "queue",
    "sns": "topic",
    "s3": "bucket",
    "kms": "key",
    "kinesis": "stream",
    "dynamodb": "table",
    "secretsmanager": "secret",
    "glue": "data catalogue",
    "ecr": "repository",
    "eventbus": "event bus",
    "opensearch": "search domain",
}
_S3 = "extendedS3Configuration"
WEAKNESSES = [
    Weakness(STREAM, "encryptionType", "NONE", "aws-kinesis-stream-enable-encryption", _STREAM),
    Weakness(STREAM, "encryptionType", GONE, "aws-kinesis-stream-enable-encryption", _STREAM),
    Weakness(STREAM, "kmsKeyId", GONE, "aws-kinesis-stream-enable-encryption", _STREAM),
    Weakness(STREAM, "kmsKeyId", AWS_KEY, "aws-kinesis-stream-enable-encryption", _STREAM),
    Weakness(STREAM, "retentionPeriod", 24, "aws-kinesis-stream-configure-retention", _HOURS),
    Weakness(STREAM, "retentionPeriod", 167, "aws-kinesis-stream-configure-retention", _HOURS),
    Weakness(STREAM, "retentionPeriod", GONE, "aws-kinesis-stream-configure-retention", _HOURS),
    Weakness(FIREHOSE, f"{_S3}.s3BackupMode", "Enabled", "aws-firehose-disallow-backup", _BACKUP),
    Weakness(
        FIREHOSE,
        "httpEndpointConfiguration",
        {"s3BackupMode": "AllData", "s3Configuration": _BUCKET},
        "aws-firehose-disallow-backup",
        _BACKUP,
    ),
    Weakness(
        FIREHOSE,
        f"{_S3}.processingConfiguration",
        {"enabled": True},
        "aws-firehose-disallow-processor",
        _PROCESSOR,
    ),
    Weakness(FIREHOSE, f"{_S3}.errorOutputPrefix", GONE, "aws-firehose-configure-error-output", _ERRORS),
    Weakness(FIREHOSE, f"{_S3}.errorOutputPrefix", "", "aws-firehose-configure-error-output", _ERRORS),
    Weakness(
        FIREHOSE, f"{_S3}.errorOutputPrefix", "landing/e/", "aws-firehose-configure-error-output", _AMONG
    ),
    Weakness(
        FIREHOSE,
        "snowflakeConfiguration",
        {"s3Configuration": {"bucketArn": "arn:aws:s3:::b"}},
        "aws-firehose-configure-error-output",
        _ERRORS,
    ),
    Weakness(FIREHOSE, "kinesisSourceConfiguration", GONE, "aws-firehose-enable-encryption", _DIRECT),
    Weakness(
        FIREHOSE,
        "serverSideEncryption",
        {"enabled": True},
        "aws-firehose-enable-encryption",
        "A delivery stream that reads a stream is refused with serverSideEncryption: encrypt the stream.",
    ),
    Weakness(KMS, "enableKeyRotation", False, "aws-kms-key-enable-rotation", _ROTATE),
    Weakness(KMS, "enableKeyRotation", GONE, "aws-kms-key-enable-rotation", _ROTATE),
    Weakness(QUEUE, "kmsMasterKeyId", GONE, "aws-sqs-queue-enable-encryption", _QUEUE),
    Weakness(QUEUE, "kmsMasterKeyId", "", "aws-sqs-queue-enable-encryption", _QUEUE),
    Weakness(TOPIC, "kmsMasterKeyId", GONE, "aws-sns-topic-configure-kms", _TOPIC),
    Weakness(TOPIC, "kmsMasterKeyId", "alias/aws/sns", "aws-sns-topic-configure-kms", _TOPIC),
    Weakness(
        SUBSCRIPTION,
        "protocol",
        "http",
        "aws-sns-subscription-enforce-tls",
        "A topic must not tell its subscribers over the network in plain text: set protocol to https.",
    ),
    Weakness(GROUP, "retentionInDays", GONE, "aws-loggroup-configure-retention", _GROUP),
    Weakness(GROUP, "retentionInDays", 0, "aws-loggroup-configure-retention", _GROUP),
    Weakness(GROUP, "kmsKeyId", GONE, "aws-loggroup-configure-kms", _GROUP_KEY),
    Weakness(
        TRAIL,
        "enableLogging",
        False,
        "aws-cloudtrail-trail-enable-logging",
        "A trail must not be stopped: set enableLogging to true.",
    ),
    *(
        Weakness(TRAIL, path, value, "aws-cloudtrail-trail-disallow-exclusions", _EXCLUDED)
        for path, value in (
            ("advancedEventSelectors.0.fieldSelectors.0.equals", ["Data"]),
            ("advancedEventSelectors.0.fieldSelectors", [*_MANAGEMENT, _NOT_KMS]),
            ("advancedEventSelectors.0.fieldSelectors", [*_MANAGEMENT, _WRITES]),
        )
    ),
    *(
        Weakness(
            TRAIL,
            "enableLogFileValidation",
            value,
            "aws-cloudtrail-trail-enable-validation",
            "A trail's files must be such that a change shows: set enableLogFileValidation to true.",
        )
        for value in (False, GONE)
    ),
    *(
        Weakness(
            TRAIL,
            "kmsKeyId",
            value,
            "aws-cloudtrail-trail-configure-kms",
            "A trail's files must be encrypted with a key of your own: set kmsKeyId.",
        )
        for value in ("alias/aws/s3", GONE)
    ),
    *(
        Weakness(
            TRAIL,
            "isMultiRegionTrail",
            value,
            "aws-cloudtrail-trail-enable-multi-region",
            "A trail should record all regions, IAM's among them: set isMultiRegionTrail to true.",
        )
        for value in (False, GONE)
    ),
    Weakness(FUNCTION, "tracingConfig", GONE, "aws-lambda-function-enable-tracing", _TRACE),
    Weakness(FUNCTION, "tracingConfig.mode", "PassThrough", "aws-lambda-function-enable-tracing", _TRACE),
    Weakness(
        FUNCTION,
        "environment.variables.DB_PASSWORD",
        "correct horse",
        "aws-lambda-function-disallow-plaintext-secrets",
        _PLAIN.format("DB_PASSWORD"),
    ),
    Weakness(
        PERMISSION,
        "sourceArn",
        GONE,
        "aws-lambda-permission-configure-source-arn",
        "A permission lets s3.amazonaws.com call the function for any account: set sourceArn.",
    ),
    Weakness(LAYER_PERMISSION, "principal", "*", "aws-lambda-layer-disallow-public", _LAYER),
    Weakness(
        URL,
        "authorizationType",
        "NONE",
        "aws-lambda-url-disallow-anonymous",
        "A function's URL answers anyone: set authorizationType to AWS_IAM.",
    ),
    Weakness(
        MAPPING,
        "destinationConfig.onFailure.destinationArn",
        "arn:aws:s3:::failed",
        "aws-lambda-mapping-disallow-payload-copies",
        _PAYLOAD,
    ),
    Weakness(TABLE, "pointInTimeRecovery", GONE, "aws-dynamodb-table-enable-pitr", _PITR),
    Weakness(TABLE, "pointInTimeRecovery.enabled", False, "aws-dynamodb-table-enable-pitr", _PITR),
    Weakness(TABLE, "replicas.0.pointInTimeRecovery", GONE, "aws-dynamodb-table-enable-pitr", _PITR_REPLICA),
    Weakness(TABLE, "serverSideEncryption", GONE, "aws-dynamodb-table-configure-kms", _TABLE_KEY),
    Weakness(TABLE, "serverSideEncryption.enabled", False, "aws-dynamodb-table-configure-kms", _TABLE_KEY),
    Weakness(TABLE, "serverSideEncryption.kmsKeyArn", GONE, "aws-dynamodb-table-configure-kms", _TABLE_KEY),
    Weakness(TABLE, "replicas.0.kmsKeyArn", GONE, "aws-dynamodb-table-configure-kms", _REPLICA_KEY),
    Weakness(REPLICA, "pointInTimeRecovery", GONE, "aws-dynamodb-replica-enable-pitr", _PITR_REPLICA),
    Weakness(REPLICA, "kmsKeyArn", GONE, "aws-dynamodb-replica-configure-kms", _REPLICA_KEY),
    Weakness(STAGE, "accessLogSettings", GONE, "aws-apigateway-stage-enable-access-logs", _LOGS),
    Weakness(
        STAGE2, "accessLogSettings.destinationArn", GONE, "aws-apigateway-stage-enable-access-logs", _LOGS
    ),
    *(
        Weakness(
            STAGE,
            "xrayTracingEnabled",
            value,
            "aws-apigateway-stage-enable-tracing",
            "A stage should be traced: set xrayTracingEnabled to true.",
        )
        for value in (False, GONE)
    ),
    Weakness(
        SETTINGS,
        "settings.dataTraceEnabled",
        True,
        "aws-apigateway-settings-disallow-data-trace",
        "A log must not hold what is sent and answered: set dataTraceEnabled to false.",
    ),
    Weakness(
        METHOD,
        "authorization",
        "NONE",
        "aws-apigateway-method-disallow-anonymous",
        "A method answers anyone: set authorization to AWS_IAM, or to an authorizer.",
    ),
    *(
        Weakness(
            ROUTE,
            "authorizationType",
            value,
            "aws-apigateway-route-disallow-anonymous",
            "The route GET /sales answers anyone: set authorizationType to AWS_IAM, or to an authorizer.",
        )
        for value in ("NONE", GONE)
    ),
    Weakness(
        API,
        "target",
        "arn:aws:lambda:…",
        "aws-apigateway-api-disallow-anonymous",
        "An API with a target of its own answers anyone: make routes with an authorizationType instead.",
    ),
    Weakness(
        DOMAIN_NAME,
        "securityPolicy",
        "TLS_1_0",
        "aws-apigateway-domain-enforce-tls",
        "A domain must not speak TLS 1.0: set securityPolicy to TLS_1_2.",
    ),
    Weakness(SECRET, "kmsKeyId", GONE, "aws-secretsmanager-secret-configure-kms", _SECRET_KEY),
    Weakness(SECRET, "replicas.0.kmsKeyId", GONE, "aws-secretsmanager-secret-configure-kms", _SECRET_REPLICA),
    Weakness(ROLE, "inlinePolicies.0.policy", WIDE, "aws-iam-role-disallow-wildcard", _WIDE.format("All")),
    Weakness(
        ROLE,
        "assumeRolePolicy",
        document(statement({"AWS": "*"}, Sid="Trust")),
        "aws-iam-role-disallow-public-trust",
        "Anyone may take on the role, by statement Trust: name who may.",
    ),
    Weakness(
        ROLE,
        "assumeRolePolicy",
        document({"Effect": "Allow", "Principal": {"Federated": GITHUB}, "Action": "sts:*"}),
        "aws-iam-role-configure-federated-subject",
        _SUBJECT.format("number 1"),
    ),
    Weakness(
        ROLE,
        "managedPolicyArns.0",
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "aws-iam-role-disallow-administration",
        _ADMIN.format("AdministratorAccess"),
    ),
    Weakness(
        INSTANCE,
        "publiclyAccessible",
        True,
        "aws-dms-instance-disallow-public",
        "A replication instance must not have a public address: set publiclyAccessible to false.",
    ),
    Weakness(ENDPOINT, "sslMode", "none", "aws-dms-endpoint-enforce-tls", _TLS.format("sslMode")),
    Weakness(ENDPOINT, "sslMode", GONE, "aws-dms-endpoint-enforce-tls", _TLS.format("sslMode")),
    Weakness(
        ENDPOINT, "engineName", "kafka", "aws-dms-endpoint-enforce-tls", _TLS.format("securityProtocol")
    ),
    Weakness(
        ENDPOINT,
        "password",
        "correct horse",
        "aws-dms-endpoint-disallow-password",
        "An endpoint should not hold a password: set secretsManagerArn.",
    ),
    Weakness(
        FIREHOSE,
        "redshiftConfiguration",
        {"password": "correct horse", "s3Configuration": _BUCKET},
        "aws-firehose-disallow-credentials",
        "A delivery stream should not hold credentials: set secretsManagerConfiguration, not password.",
    ),
    Weakness(
        JOB,
        "defaultArguments.--db_password",
        "correct horse",
        "aws-glue-job-disallow-plaintext-secrets",
        "Arguments of a job look like secrets in plain text: --db_password. "
        "Keep them in Secrets Manager, and tell the job their ARNs.",
    ),
    Weakness(
        CONNECTION,
        "connectionProperties.PASSWORD",
        "correct horse",
        "aws-glue-connection-disallow-password",
        "A connection should not hold a password: set SECRET_ID instead of USERNAME and PASSWORD.",
    ),
    *(
        Weakness(
            CONNECTION,
            "connectionProperties.JDBC_ENFORCE_SSL",
            value,
            "aws-glue-connection-enforce-tls",
            "A connection to a database should be over TLS: set JDBC_ENFORCE_SSL to true.",
        )
        for value in ("false", GONE)
    ),
    Weakness(
        SCHEMA,
        "compatibility",
        "NONE",
        "aws-glue-schema-disallow-none-compatibility",
        "A schema must not change at will: set compatibility to BACKWARD, or a stricter mode.",
    ),
    *(
        weakness
        for kind in DOMAINS
        for weakness in (
            Weakness(
                kind,
                "encryptAtRest",
                GONE,
                "aws-opensearch-domain-enable-encryption",
                "A search domain must be encrypted: enable encryptAtRest.",
            ),
            Weakness(
                kind,
                "nodeToNodeEncryption.enabled",
                False,
                "aws-opensearch-domain-enable-encryption",
                "A search domain must be encrypted: enable nodeToNodeEncryption.",
            ),
            Weakness(
                kind,
                "domainEndpointOptions.enforceHttps",
                False,
                "aws-opensearch-domain-enforce-tls",
                _DOMAIN_TLS,
            ),
            Weakness(
                kind,
                "domainEndpointOptions.tlsSecurityPolicy",
                "Policy-Min-TLS-1-0-2019-07",
                "aws-opensearch-domain-enforce-tls",
                _DOMAIN_TLS,
            ),
            Weakness(
                kind, "accessPolicies", OPEN, "aws-opensearch-domain-disallow-public", public("search domain")
            ),
        )
    ),
    *(
        Weakness(
            kind, "accessPolicies", OPEN, "aws-opensearch-policy-disallow-public", public("search domain")
        )
        for kind in DOMAIN_POLICIES
    ),
    *(
        Weakness(kind, "policy", OPEN, f"aws-{service}-policy-disallow-public", public(THINGS[service]))
        for kind, service in {
            **HOLDERS,
            QUEUE: "sqs",
            TOPIC: "sns",
            KMS: "kms",
            SECRET: "secretsmanager",
        }.items()
    ),
    *(
        Weakness(iam(name), "policy", WIDE, "aws-iam-policy-disallow-wildcard", _WIDE.format("All"))
        for name in IAM_POLICIES
    ),
    *(
        Weakness(
            iam(name),
            "policyArn",
            "arn:aws:iam::aws:policy/IAMFullAccess",
            "aws-iam-attachment-disallow-administration",
            _ADMIN.format("IAMFullAccess"),
        )
        for name in ATTACHMENTS
    ),
    Weakness(QUEUE, "tags.owner", GONE, "resource-missing-tags", "Tags are missing: owner."),
    Weakness(QUEUE, "tags", GONE, "resource-missing-tags", f"Tags are missing: {', '.join(REQUIRED)}."),
]
