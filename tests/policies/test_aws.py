"""Each policy passes its good resource, and says what is wrong with each way of breaking it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_policy import Policy, ResourceValidationPolicy
from pulumi_policy.proxy import (
    UNKNOWN_ARRAY_VALUE,
    UNKNOWN_BOOLEAN_VALUE,
    UNKNOWN_OBJECT_VALUE,
    UNKNOWN_STRING_VALUE,
)

from policies import (
    access,
    apigateway,
    cloudtrail,
    dms,
    dynamodb,
    firehose,
    glue,
    iam,
    kinesis,
    kms,
    lambda_,
    logs,
    opensearch,
    secretsmanager,
    sns,
    sqs,
    tags,
)
from tests.policies import aws
from tests.policies.aws import GOOD, WEAKNESSES, Weakness
from tests.policies.kit import GONE, Analyzer, Finding, changed, paths, secret, urn

MODULES = (
    *(
        access,
        apigateway,
        cloudtrail,
        dms,
        dynamodb,
        firehose,
        glue,
        iam,
        kinesis,
        kms,
        lambda_,
        logs,
        opensearch,
    ),
    *(secretsmanager, sns, sqs, tags),
)
POLICIES: list[Policy] = [policy for module in MODULES for policy in module.POLICIES]
RESOURCE_POLICIES = {one.name: one for one in POLICIES if isinstance(one, ResourceValidationPolicy)}
PACK = Analyzer(POLICIES)
MENDING = Analyzer(POLICIES, remediating=True)
IDS = [f"{one.kind.rsplit(':')[-1]}-{one.path}-{one.policy}" for one in WEAKNESSES]


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_resource_passes(kind: str) -> None:
    assert PACK.findings(kind, GOOD[kind]) == []


@pytest.mark.parametrize("weak", WEAKNESSES, ids=IDS)
def test_each_weakness_is_found_by_its_policy_alone(weak: Weakness) -> None:
    expected = [Finding(policy=weak.policy, message=weak.message, urn=urn(weak.kind))]
    assert PACK.findings(weak.kind, changed(GOOD[weak.kind], weak.path, weak.value)) == expected
    if weak.value is GONE:
        assert PACK.findings(weak.kind, changed(GOOD[weak.kind], weak.path, None)) == expected


def test_every_policy_is_broken_somewhere_above() -> None:
    # A permission for anyone lacks more than one property: see below.
    elsewhere = {"aws-lambda-permission-disallow-public"}
    assert set(RESOURCE_POLICIES) == {weak.policy for weak in WEAKNESSES} | elsewhere


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, True),
        ({"functionUrlAuthType": "NONE"}, True),
        ({"principalOrgId": "o-a1b2c3d4e5"}, False),
        ({"sourceArn": UNKNOWN_STRING_VALUE}, False),
        ({"sourceAccount": "123456789012"}, False),
    ],
)
def test_a_permission_for_anyone_is_found(more: dict[str, Any], found: bool) -> None:
    expected = Finding(
        policy="aws-lambda-permission-disallow-public",
        message="A permission lets anyone call the function: name the principal, or its organisation.",
        urn=urn(aws.PERMISSION),
    )
    props = {"principal": "*", "function": "f", **more}
    assert PACK.findings(aws.PERMISSION, props) == ([expected] if found else [])


def test_every_type_that_a_policy_names_has_a_good_resource() -> None:
    named = {
        value
        for module in MODULES
        for thing in vars(module).values()
        for value in (thing if isinstance(thing, tuple) else (thing,))
        if isinstance(value, str) and value.startswith("aws:")
    }
    companions = {
        lambda_.INVOKE_CONFIG,
        sqs.REDRIVE,
        sqs.REDRIVE_ALLOW,
        *cloudtrail.BUCKETS,
        *cloudtrail.LOCK,
    }
    assert len(named) > 30
    assert named - companions <= set(GOOD)
    assert {kind for one in access.GUARDED for kind in one.types} <= set(GOOD)


@pytest.mark.parametrize("sentinel", [UNKNOWN_STRING_VALUE, UNKNOWN_OBJECT_VALUE, UNKNOWN_ARRAY_VALUE])
@pytest.mark.parametrize("kind", GOOD)
def test_what_is_not_known_yet_is_no_finding(kind: str, sentinel: str) -> None:
    for path in paths(GOOD[kind]):
        assert PACK.findings(kind, changed(GOOD[kind], path, sentinel)) == [], path


def test_a_policy_says_why_it_does_not_apply_yet() -> None:
    queue = changed(GOOD[aws.QUEUE], "policy", UNKNOWN_STRING_VALUE)
    assert PACK.not_applicable(aws.QUEUE, queue) == {
        "aws-sqs-policy-disallow-public": "string value at .policy can't be known during preview"
    }


@pytest.mark.parametrize("weak", WEAKNESSES, ids=IDS)
def test_a_weakness_shows_although_something_else_is_not_known_yet(weak: Weakness) -> None:
    top = weak.path.split(".")[0]
    others = [key for key in GOOD[weak.kind] if key != top]
    for other in others:
        props = changed(changed(GOOD[weak.kind], weak.path, weak.value), other, UNKNOWN_STRING_VALUE)
        found = {one.policy for one in PACK.findings(weak.kind, props)}
        assert found in ({weak.policy}, set()), other
        if "tags" in (top, other):
            assert found == {weak.policy}, other


def mendable() -> list[Weakness]:
    return [
        weak
        for weak in WEAKNESSES
        if RESOURCE_POLICIES[weak.policy].has_remediation() and weak.policy != "resource-missing-tags"
    ]


@pytest.mark.parametrize("weak", mendable(), ids=lambda weak: f"{weak.policy}-{weak.path}")
def test_remediation_mends_once_and_keeps_the_rest(weak: Weakness) -> None:
    hidden = {"note": secret("s3cret"), "notes": [secret("s3cret"), {"inner": secret("s3cret")}]}
    props = {
        **changed(GOOD[weak.kind], weak.path, weak.value),
        **hidden,
        "late": UNKNOWN_BOOLEAN_VALUE,
    }
    mended = MENDING.remediated(weak.kind, props)
    assert mended is not None
    assert PACK.findings(weak.kind, mended) == []
    assert MENDING.remediated(weak.kind, mended) is None
    top = weak.path.split(".")[0]
    mine = {top, "sqsManagedSseEnabled"}
    assert {k: v for k, v in mended.items() if k not in mine} == {
        k: v for k, v in props.items() if k not in mine
    }


def test_policies_mend_what_the_table_says() -> None:
    assert {name for name, policy in RESOURCE_POLICIES.items() if policy.has_remediation()} == {
        "aws-apigateway-settings-disallow-data-trace",
        "aws-apigateway-stage-enable-tracing",
        "aws-cloudtrail-trail-enable-logging",
        "aws-cloudtrail-trail-enable-multi-region",
        "aws-cloudtrail-trail-enable-validation",
        "aws-dms-instance-disallow-public",
        "aws-dynamodb-replica-enable-pitr",
        "aws-dynamodb-table-enable-pitr",
        "aws-kinesis-stream-configure-retention",
        "aws-kms-key-enable-rotation",
        "aws-lambda-function-enable-tracing",
        "aws-loggroup-configure-retention",
        "aws-sqs-queue-enable-encryption",
        "resource-missing-tags",
    }


def test_remediation_keeps_a_secret_beside_what_it_changes() -> None:
    table = {
        "pointInTimeRecovery": secret({"recoveryPeriodInDays": 7}),
        "replicas": [
            {"regionName": secret("eu-west-1"), "kmsKeyArn": UNKNOWN_STRING_VALUE},
            {"regionName": "eu-west-2", "pointInTimeRecovery": True},
        ],
    }
    mended = MENDING.remediated(aws.TABLE, table)
    assert mended == {
        "pointInTimeRecovery": secret({"recoveryPeriodInDays": 7, "enabled": True}),
        "replicas": [
            {
                "regionName": secret("eu-west-1"),
                "kmsKeyArn": UNKNOWN_STRING_VALUE,
                "pointInTimeRecovery": True,
            },
            {"regionName": "eu-west-2", "pointInTimeRecovery": True},
        ],
    }


def test_nothing_is_mended_that_is_not_known_yet() -> None:
    for kind, path in [
        (aws.KMS, "enableKeyRotation"),
        (aws.FUNCTION, "tracingConfig.mode"),
        (aws.GROUP, "retentionInDays"),
        (aws.TABLE, "pointInTimeRecovery"),
        (aws.QUEUE, "kmsMasterKeyId"),
    ]:
        assert MENDING.remediated(kind, changed(GOOD[kind], path, UNKNOWN_STRING_VALUE)) is None


def test_configuration_changes_what_is_asked_for() -> None:
    config = {
        "aws-kinesis-stream-configure-retention": {"minimumHours": 24},
        "aws-loggroup-configure-retention": {"days": 7},
        "aws-lambda-function-disallow-plaintext-secrets": {"allowed": ["DB_PASSWORD"]},
        "resource-missing-tags": {"required": ["team"], "defaults": {"team": "lake"}},
    }
    lenient = Analyzer(POLICIES, config)
    tagged: dict[str, Any] = {"tags": {"team": "x"}}
    assert lenient.findings(aws.STREAM, {**GOOD[aws.STREAM], "retentionPeriod": 24, **tagged}) == []
    assert (
        lenient.findings(
            aws.FUNCTION,
            {**changed(GOOD[aws.FUNCTION], "environment.variables.DB_PASSWORD", "correct horse"), **tagged},
        )
        == []
    )
    assert [one.message for one in lenient.findings(aws.QUEUE, GOOD[aws.QUEUE])] == [
        "Tags are missing: team."
    ]
    mending = Analyzer(POLICIES, config, remediating=True)
    assert mending.remediated(aws.GROUP, {"kmsKeyId": "k", **tagged}) == {
        "kmsKeyId": "k",
        "retentionInDays": 7,
        **tagged,
    }
    mended = mending.remediated(aws.STREAM, {**GOOD[aws.STREAM], "retentionPeriod": 1, **tagged})
    assert mended is not None and mended["retentionPeriod"] == 24


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from([UNKNOWN_STRING_VALUE, UNKNOWN_BOOLEAN_VALUE, UNKNOWN_OBJECT_VALUE])
    | st.sampled_from(["*", "Allow", "NONE", "{}", "[", '{"Statement": 1}', "arn:aws:s3:::b", "http"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Statement", "Effect", "Principal", "Condition", "enabled", "policy", "a"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_policies_are_total(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(GOOD)))
    props = dict(GOOD[kind])
    for path in data.draw(st.lists(st.sampled_from(sorted(paths(GOOD[kind]))), max_size=4, unique=True)):
        try:
            props = changed(props, path, data.draw(ANYTHING))
        except (TypeError, AttributeError, IndexError, ValueError):
            continue  # an outer property is no section any more
    for one in PACK.findings(kind, props):
        assert one.message
    mended = MENDING.remediated(kind, props)
    if mended is not None:
        assert MENDING.remediated(kind, mended) is None
