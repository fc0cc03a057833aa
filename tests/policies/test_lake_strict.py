"""Single properties of a lake's resources, each weakened on a copy of prod, and what is said of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from components.snowflake import roles
from policies.lake import azure_settings, warehouse_faces
from policies.lake.pack import STRICT
from tests.policies.stack_kit import Stack

Break = Callable[[Stack], None]


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
