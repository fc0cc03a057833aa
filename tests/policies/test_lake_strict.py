"""Single properties of a lake's resources, each weakened on a copy of prod, and what is said of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.snowflake import roles
from policies.lake import azure_settings, service, warehouse_faces
from policies.lake.pack import STRICT
from tests.policies.stack_kit import UNKNOWN, Stack

Break = Callable[[Stack], None]
ROOT = Path(__file__).resolve().parents[2]


def put(kind: str, end: str, path: str, value: Any) -> Break:
    """Set a property, or take it away where the value is None."""

    def change(stack: Stack) -> None:
        target: Any = stack.one(kind, end).props
        *around, last = path.split(".")
        for key in around:
            target = target[int(key)] if isinstance(target, list) else target[key]
        if value is None:
            del target[last]
        else:
            target[last] = value

    return change


def statement(
    kind: str, end: str, sid: str, change: Callable[[dict[str, Any]], object], key: str = "policy"
) -> Break:
    """Change a statement of a document; `None` as its effect takes it away."""

    def broken(stack: Stack) -> None:
        part = stack.one(kind, end)
        document = json.loads(part.props[key])
        for one in document["Statement"]:
            if one.get("Sid", "") == sid:
                change(one)
        document["Statement"] = [one for one in document["Statement"] if one["Effect"]]
        part.props[key] = json.dumps(document)

    return broken


def dropped(kind: str, end: str) -> Break:
    return lambda stack: stack.drop(stack.one(kind, end))


def granted(role: str, parent: str) -> Break:
    def change(stack: Stack) -> None:
        grant = stack.all("GrantAccountRole")[0]
        grant.props.update(roleName=f"RETAIL_PROD_{role}", parentRoleName=f"RETAIL_PROD_{parent}")

    return change


def inherited(role: str, parent: str) -> Break:
    """Grant to a role what is granted to a service."""

    def change(stack: Stack) -> None:
        held = next(one for one in stack.all("GrantAccountRole") if one.props.get("roleName") == role)
        assert held.props.get("parentRoleName") is None
        held.props["parentRoleName"] = parent

    return change


REID = "arn:aws:iam::123456789012:role/retaillake-prod-reid"
MASK = "CASE WHEN IS_ROLE_IN_SESSION('RETAIL_PROD_ANALYST') THEN VAL ELSE '***' END"
BROKEN: list[tuple[str, Break, str]] = [
    ("lake-role-disallow-wildcard", statement("RolePolicy", "pos-transform", "WriteProtected", lambda s: s.update(Action="kinesis:*")), "may do all that is kinesis:*"),
    ("lake-role-disallow-wildcard", statement("RolePolicy", "pos-transform", "ReadTokenKey", lambda s: s.update(Resource="*")), "on *: name the resource"),
    ("lake-role-configure-key-use", statement("RolePolicy", "pos-transform", "InMotion", lambda s: s.pop("Condition")), "anywhere"),
    ("lake-role-configure-key-use", statement("RolePolicy", "pos-transform", "WrapDataKeys", lambda s: s["Condition"].pop("ForAllValues:StringEquals")), "without kms:encryptioncontextkeys"),
    ("lake-key-configure-callers", statement("Key", "prod-landing", "Warehouse", lambda s: s.update(Action="kms:*")), "allows all that is kms:*"),
    ("lake-key-configure-callers", statement("Key", "prod-landing", "Warehouse", lambda s: s.update(Principal="*")), "names everybody"),
    ("lake-key-configure-callers", statement("Key", "prod-landing", "Warehouse", lambda s: s["Condition"].pop("ArnEquals")), "without a condition on aws:principalarn"),
    ("lake-key-configure-callers", statement("Key", "prod-operations", "Objects", lambda s: s.pop("Condition")), "for anybody"),
    ("lake-messaging-configure-callers", statement("TopicPolicy", "landed", "OnlyTls", lambda s: s.update(Effect=None)), "over TLS"),
    ("lake-messaging-configure-callers", statement("TopicPolicy", "landed", "Landing", lambda s: s["Condition"].pop("StringEquals")), "come for anybody"),
    ("lake-messaging-configure-callers", dropped("TopicPolicy", "alarms"), "names its publishers"),
    ("lake-role-configure-trust", statement("Role", "warehouse-reader", "", lambda s: s.pop("Condition"), "assumeRolePolicy"), "sts:ExternalId"),
    ("lake-role-configure-trust", statement("Role", "pos-delivery", "", lambda s: s.pop("Condition"), "assumeRolePolicy"), "aws:SourceAccount"),
    ("lake-function-configure-callers", put("Permission", "token-key", "principal", "*"), "name the service"),
    ("lake-function-configure-callers", put("Permission", "token-key", "sourceAccount", None), "set sourceAccount"),
    ("lake-landing-disallow-deletion", statement("BucketPolicy", "-landing", "NobodyDeletes", lambda s: s.update(Effect=None)), "must deny s3:DeleteObject "),
    ("lake-landing-configure-writers", statement("BucketPolicy", "-landing", "OnlyDelivery", lambda s: s.update(Effect=None)), "write below"),
    ("lake-landing-configure-writers", statement("BucketPolicy", "-landing", "OnlyKms", lambda s: s.update(Effect=None)), "server-side-encryption than its own"),
    ("lake-landing-configure-retention", dropped("BucketObjectLockConfiguration", "-landing"), "needs both"),
    ("lake-landing-configure-retention", put("BucketObjectLockConfiguration", "-landing", "rule.defaultRetention.days", 1), "hold for 7 days"),
    ("lake-landing-configure-retention", put("BucketLifecycleConfiguration", "-landing", "rules.2.expiration", {"days": 1}), "expire after 1 days"),
    ("lake-landing-disallow-acl", put("BucketOwnershipControls", "-landing", "rule.objectOwnership", "ObjectWriter"), "own its objects"),
    ("lake-delivery-configure-target", put("FirehoseDeliveryStream", "pos-delivery", "extendedS3Configuration.bucketArn", "arn:aws:s3:::elsewhere"), "bucket of its own stack"),
    ("lake-delivery-configure-target", put("FirehoseDeliveryStream", "pos-delivery", "extendedS3Configuration.kmsKeyArn", None), "key of its own stack"),
    ("lake-delivery-configure-target", put("FirehoseDeliveryStream", "pos-delivery", "extendedS3Configuration.errorOutputPrefix", "landing/x/"), "not lie among"),
    ("lake-transform-configure-batches", put("EventSourceMapping", "pos-transform", "maximumRetryAttempts", 0), "at -1"),
    ("lake-transform-configure-batches", put("EventSourceMapping", "pos-transform", "maximumRecordAgeInSeconds", 60), "after 60 s"),
    ("lake-queue-configure-retention", put("Queue", "pos-transform-expired", "messageRetentionSeconds", 60), "604800 s or more"),
    ("lake-logs-configure", put("LogGroup", "pos-transform", "retentionInDays", 1), "30 days or more"),
    ("lake-logs-configure", put("lambda/function:Function", "pos-transform", "loggingConfig", None), "a group of its stack"),
    ("lake-function-disallow-ended-runtime", put("lambda/function:Function", "pos-transform", "runtime", "python3.8"), "Nobody mends python3.8"),
    ("lake-key-enforce-own", put("Queue", "pos-transform-expired", "kmsMasterKeyId", "alias/aws/sqs"), "alias/aws/sqs is no key"),
    ("lake-production-enforce-protect", put("Key", "prod-pii", "deletionWindowInDays", 7), "wait 30 days"),
    ("lake-alarm-configure", put("MetricAlarm", "pos-transform-late", "threshold", 1e12), "never raised"),
    ("lake-alarm-configure", put("MetricAlarm", "pos-transform-late", "treatMissingData", "ignore"), "stays as it was"),
    ("lake-alarm-configure", put("MetricAlarm", "audit-decrypt-denied", "metricName", "another"), "set dimensions"),
    ("lake-alarm-configure", dropped("LogMetricFilter", "audit-decrypt-denied"), "set dimensions"),
    ("lake-tags-configure", put("Stream", "pos-ingress", "tags.cost-centre", None), "is missing: cost-centre"),
    ("lake-tags-configure", put("Queue", "pos-transform-expired", "tags.owner", ""), "say nothing: owner"),
    ("lake-tags-configure", put("Queue", "pos-transform-expired", "tags.data-classification", "public"), "Nothing of a lake is public"),
    ("lake-role-configure-holders", granted("RAW_R", "ANALYST"), "RETAIL_PROD_ANALYST may not hold RAW:read"),
    ("lake-role-configure-holders", granted("STAGING_W", "LOADER"), "may not hold STAGING:write"),
    ("lake-grant-disallow-wide", put("GrantPrivilegesToAccountRole", "access-raw-r-database", "withGrantOption", True), "passed on"),
    ("lake-schema-enable-managed-access", put("Schema", "-raw", "withManagedAccess", "false"), "set withManagedAccess"),
    ("lake-pii-configure-mask-roles", put("MaskingPolicy", "email", "body", MASK), "RETAIL_PROD_ANALYST must not see"),
    ("lake-warehouse-configure-access", put("StorageIntegrationAws", "", "storageAwsExternalId", None), "storageAwsExternalId"),
    ("lake-warehouse-configure-access", put("StageExternalS3", "", "storageIntegration", None), "use the storage integration"),
    ("lake-role-disallow-wildcard", statement("RolePolicy", "warehouse-reader", "ListObjects", lambda s: s.pop("Condition")), "may list all of the landing zone retaillake-prod-landing"),
    ("lake-key-configure-callers", statement("Key", "prod-operations", "TableGrants", lambda s: s["Condition"].pop("Bool")), "A grant passes the use of the key on"),
    ("lake-key-configure-callers", statement("Key", "prod-operations", "TableGrants", lambda s: s["Condition"].update(Bool={"kms:GrantIsForAWSResource": "false"})), "A grant passes"),
    ("lake-key-configure-callers", statement("Key", "prod-operations", "TableGrants", lambda s: s["Condition"].pop("StringEquals")), "A grant passes"),
    ("lake-key-configure-callers", statement("Key", "prod-pii", "Reidentification", lambda s: (s.pop("Condition"), s.update(Principal={"AWS": REID}))), f"{REID} may use the key without a condition on kms:encryptioncontext:purpose"),
    ("lake-delivery-configure-target", put("FirehoseDeliveryStream", "pos-delivery", "extendedS3Configuration.cloudwatchLoggingOptions.logGroupName", "/elsewhere"), "to a group of its stack"),
    ("lake-trail-configure-writers", statement("BucketPolicy", "-audit", "Write", lambda s: s.update(Principal="*")), "CloudTrail's to write: * may too"),
    ("lake-trail-configure-writers", statement("BucketPolicy", "-audit", "Look", lambda s: s.update(Principal={"AWS": "*"})), "CloudTrail's to write: * may too"),
    ("lake-trail-configure-writers", statement("BucketPolicy", "-audit", "Write", lambda s: s.update(Action="s3:*")), "all that is s3:*"),
    ("lake-trail-configure-writers", statement("BucketPolicy", "-audit", "Write", lambda s: s.update(Resource="arn:aws:s3:::*")), "more than itself: arn:aws:s3:::*"),
    ("lake-trail-configure-writers", statement("BucketPolicy", "-audit", "Write", lambda s: s["Condition"]["StringEquals"].pop("aws:SourceArn")), "any trail of anybody"),
    ("lake-trail-configure-writers", statement("BucketPolicy", "-audit", "Look", lambda s: s.update(Condition={"StringEquals": {"aws:SourceArn": "*"}})), "any trail of anybody"),
    ("lake-trail-configure-writers", statement("RolePolicy", "pos-transform", "WriteProtected", lambda s: s.update(Action="s3:PutObject", Resource="*")), "may s3:PutObject among the trail's files in retaillake-prod-audit"),
    ("lake-trail-configure-bucket", put("Bucket", "-audit", "objectLockEnabled", False), "needs both"),
    ("lake-trail-configure-bucket", dropped("BucketObjectLockConfiguration", "-audit"), "needs both"),
    ("lake-trail-configure-bucket", put("BucketObjectLockConfiguration", "-audit", "rule", {}), "say for how long"),
    ("lake-trail-configure-bucket", put("BucketObjectLockConfiguration", "-audit", "rule.defaultRetention.days", 90), "and locked for 90: lock them for as long"),
    ("lake-trail-configure-bucket", put("BucketLifecycleConfiguration", "-audit", "rules.0.expiration", {"days": 1}), "Objects below everything expire after 1 days"),
    ("lake-trail-configure-bucket", put("BucketLifecycleConfiguration", "-audit", "rules.0.expiration", None), "need both"),
    ("lake-trail-configure-bucket", put("BucketLifecycleConfiguration", "-audit", "rules.0.abortIncompleteMultipartUpload", None), "Unfinished uploads"),
    ("lake-trail-configure-bucket", dropped("BucketOwnershipControls", "-audit"), "own its objects"),
    ("lake-trail-configure-bucket", put("Bucket", "-audit", "acl", "public-read"), "have no ACL"),
    ("lake-trail-configure-bucket", statement("BucketPolicy", "-audit", "NobodyDeletes", lambda s: s.update(Effect=None)), "must deny s3:DeleteObjectVersion to everybody"),
    ("lake-trail-configure-bucket", statement("BucketPolicy", "-audit", "OnlyTls", lambda s: s["Resource"].pop()), "over TLS, for itself and its objects"),
    ("lake-api-configure-callers", dropped("RestApiPolicy", "-reid"), "must say who may call it"),
    ("lake-api-configure-callers", statement("RestApiPolicy", "-reid", "People", lambda s: s.update(Action="execute-api:*")), "all that is execute-api:*"),
    ("lake-api-configure-callers", statement("RestApiPolicy", "-reid", "People", lambda s: s.update(Principal="*")), "names everybody"),
    ("lake-api-configure-callers", statement("RestApiPolicy", "-reid", "People", lambda s: s.pop("Condition")), "The whole account may call an API"),
    ("lake-api-configure-callers", statement("RestApiPolicy", "-reid", "People", lambda s: s.update(Resource="*")), "speaks of *: name the API"),
    ("lake-api-configure-callers", statement("RestApiPolicy", "-reid", "NobodyElse", lambda s: s.update(Effect=None)), "deny execute-api:Invoke to all but the roles"),
    ("lake-api-configure-callers", statement("RestApiPolicy", "-reid", "NobodyElse", lambda s: s.update(Principal={"AWS": "arn:aws:iam::123456789012:root"})), "deny execute-api:Invoke to all"),
    ("lake-api-configure-callers", statement("RestApiPolicy", "-reid", "NobodyElse", lambda s: s.update(Condition={"ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::123456789012:role/*"]}})), "deny execute-api:Invoke to all"),
    ("lake-table-configure-retention", put("dynamodb/table:Table", "-requests", "ttl", None), "deny dynamodb:BatchWriteItem, dynamodb:DeleteItem"),
    ("lake-table-configure-retention", put("dynamodb/table:Table", "-requests", "ttl.enabled", False), "must end, or nobody may change it"),
    ("lake-table-configure-retention", dropped("dynamodb/resourcePolicy:ResourcePolicy", "-journal"), "must end, or nobody may change it"),
    ("lake-table-configure-retention", statement("dynamodb/resourcePolicy:ResourcePolicy", "-journal", "NobodyChanges", lambda s: s["Action"].remove("dynamodb:UpdateItem")), "deny dynamodb:UpdateItem to everybody"),
    ("lake-table-configure-retention", statement("dynamodb/resourcePolicy:ResourcePolicy", "-journal", "OnlyTheFunctionAdds", lambda s: s.update(Effect=None)), "deny dynamodb:PutItem to all but named roles"),
    ("lake-table-configure-retention", statement("dynamodb/resourcePolicy:ResourcePolicy", "-journal", "OnlyTheFunctionAdds", lambda s: s.update(Condition={"ArnNotLike": {"aws:PrincipalArn": "*"}})), "deny dynamodb:PutItem"),
    ("lake-opener-missing-alarm", dropped("MetricAlarm", "reid-failing"), "No alarm tells of retaillake-prod-reid that it fails"),
    ("lake-opener-missing-alarm", dropped("MetricAlarm", "reid-broken"), "No alarm tells of retaillake-prod-reid that it fails"),
    ("lake-opener-missing-alarm", dropped("MetricAlarm", "reid-volume"), "counts as TokensRevealed: no alarm is on it"),
    ("lake-opener-missing-alarm", put("MetricAlarm", "reid-denied", "actionsEnabled", False), "counts as DecryptDenied"),
    ("lake-quarantine-missing-alarm", dropped("MetricAlarm", "pos-transform-quarantined"), "much of what retaillake-prod-pos-transform reads is refused"),
    ("lake-quarantine-missing-alarm", put("MetricAlarm", "pos-transform-quarantined", "alarmActions", []), "retaillake-prod-pos-transform reads"),
    ("lake-role-disallow-inheritance", inherited("RETAIL_PROD_REID_SERVICE", "RETAIL_PROD_ANALYST"), "RETAIL_PROD_ANALYST would see what is meant for RETAIL_PROD_REID_SERVICE"),
    ("lake-role-disallow-inheritance", inherited("RETAIL_PROD_ANALYST", "SYSADMIN"), "SYSADMIN would see"),
    ("lake-rows-missing-policy", dropped("RowAccessPolicy", "store-rows"), "RETAIL_PROD_STORE_MANAGER must see rows of its own stores only"),
    ("lake-rows-missing-policy", put("RowAccessPolicy", "store-rows", "body", "CASE WHEN IS_ROLE_IN_SESSION('RETAIL_PROD_STORE_MANAGER') THEN FALSE ELSE TRUE END"), "RETAIL_PROD_INVENTORY_MANAGER must see rows"),
    ("lake-view-enforce-secure", put("index/view:View", "pii-access", "isSecure", "false"), "not be seen through"),
    ("lake-view-enforce-secure", put("index/view:View", "pii-access", "isSecure", None), "not be seen through"),
    ("lake-warehouse-configure-limits", put("Warehouse", "-load", "statementTimeoutInSeconds", None), "must end"),
]  # fmt: skip


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("name", ["dev", "prod", "local"])
def test_the_shipped_stacks_pass(stack_of: Callable[..., Stack], name: str, preview: bool) -> None:
    assert stack_of(name, preview=preview).findings(policies=STRICT) == set()


@pytest.mark.parametrize(
    ("policy", "broken", "message"), BROKEN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_weakened_is_found(
    stack_of: Callable[..., Stack], policy: str, broken: Break, message: str
) -> None:
    stack = stack_of("prod")
    broken(stack)
    found = stack.findings(policies=STRICT)
    assert [text for name, text, _ in found if name == policy and message in text], found


def test_every_policy_is_broken_somewhere_above() -> None:
    of_azure = {policy.name for policy in azure_settings.POLICIES}
    assert {policy.name for policy in STRICT} - of_azure == {policy for policy, *_ in BROKEN}


def test_a_stack_without_a_lake_passes() -> None:
    assert Stack([]).findings(policies=STRICT) == set()


def test_who_is_bound_to_stores_is_as_the_warehouse_says() -> None:
    assert {role.name for role in roles.ROLES if role.by_store} == set(warehouse_faces.BOUND)


# --- what a configuration or a program may say besides ---------------------------------------------------


def said(stack: Stack, policy: str, **config: Any) -> set[str]:
    found = stack.findings({policy: config}, policies=STRICT)
    return {message for name, message, _ in found if name == policy}


def test_what_a_function_counts_is_what_its_alarms_ask() -> None:
    """GIVEN the sources of the functions WHEN policies name what they count THEN by the same names."""
    for function, metrics in (("reid", service.COUNTED), ("transform", service.QUARANTINED)):
        counted = (ROOT / "functions" / function / "handler.py").read_text()
        other = "".join(one.read_text() for one in (ROOT / "functions" / function).glob("*.py"))
        for metric in metrics:
            assert f'"{metric}"' in counted or f'"{metric.lower()}"' in other, metric


def test_a_lake_may_count_other_things(prod: Stack) -> None:
    name = "lake-opener-missing-alarm"
    assert said(prod, name, metrics=[]) == set()
    assert said(prod, name, metrics=["Opened"]) == {
        "Nobody hears what retaillake-prod-reid counts as Opened: no alarm is on it."
    }


def test_a_table_that_neither_ends_nor_only_grows_is_named(prod: Stack) -> None:
    name = "lake-table-configure-retention"
    put("dynamodb/table:Table", "-requests", "ttl", None)(prod)
    assert len(said(prod, name)) == 1
    assert said(prod, name, kept=["*-reid-requests"]) == set()
    assert len(said(prod, name, kept=["*-reid-journal"])) == 1


@pytest.mark.parametrize("sid", ["Nobody", "OnlyReidErases"])
def test_a_table_that_can_forget_says_who_deletes_and_nobody_changes_it(prod: Stack, sid: str) -> None:
    policy = prod.one("dynamodb/resourcePolicy:ResourcePolicy", "-subjects")
    document = json.loads(policy.props["policy"])
    document["Statement"] = [one for one in document["Statement"] if one["Sid"] != sid]
    policy.props["policy"] = json.dumps(document)
    (fault,) = said(prod, "lake-table-configure-retention")
    assert ("DeleteItem" in fault) == (sid == "OnlyReidErases")
    assert ("UpdateItem" in fault) == (sid == "Nobody")


def test_a_table_of_nobody_s_data_may_stay_as_it_is(prod: Stack) -> None:
    table = prod.one("dynamodb/table:Table", "-requests")
    del table.props["ttl"]
    table.props["tags"]["data-classification"] = "internal"
    assert said(prod, "lake-table-configure-retention") == set()


def test_what_is_locked_by_years_is_locked(prod: Stack) -> None:
    lock = prod.one("BucketObjectLockConfiguration", "-audit")
    lock.props["rule"]["defaultRetention"] = {"mode": "GOVERNANCE", "years": 8}
    rules = prod.one("BucketLifecycleConfiguration", "-audit").section("rules.0")
    rules["expiration"]["days"] = 8 * 365 + 1
    assert said(prod, "lake-trail-configure-bucket") == set()


def test_logs_outside_of_production_outlive_a_week_end(stack_of: Callable[..., Stack]) -> None:
    stack, name = stack_of("dev"), "lake-logs-configure"
    put("LogGroup", "dev-reid", "retentionInDays", 3)(stack)
    assert said(stack, name) == {"Logs must be kept for 7 days or more: people are away at week-ends."}
    assert said(stack, name, minimumDaysElsewhere=3) == set()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("RestApiPolicy", ""),
        ("dynamodb/resourcePolicy:ResourcePolicy", "-reid-journal"),
        ("dynamodb/resourcePolicy:ResourcePolicy", "-subjects"),
    ],
)
def test_a_document_that_is_not_known_yet_is_no_finding(prod: Stack, kind: str, name: str) -> None:
    prod.one(kind, name).props["policy"] = UNKNOWN
    assert prod.findings(policies=service.POLICIES) == set()


def test_other_roles_may_be_bound_to_stores(prod: Stack) -> None:
    name = "lake-rows-missing-policy"
    assert said(prod, name, bound=["STORE_MANAGER", "NOBODY"]) == set()
    prod.one("RowAccessPolicy").props["body"] = "FALSE"
    assert said(prod, name, bound=["STORE_MANAGER"]) == {
        "RETAIL_PROD_STORE_MANAGER must see rows of its own stores only: no row access policy asks for it."
    }
    prod.one("RowAccessPolicy").props["body"] = UNKNOWN
    assert said(prod, name) == set()
