"""Whom a policy document lets in, and what it allows: text and objects, every way of writing it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import access, iam, opensearch
from tests.policies.aws import ACCOUNT, GITHUB, QUEUE, ROLE, document, public, statement
from tests.policies.kit import UNKNOWN, Analyzer

PACK = Analyzer([*access.POLICIES, *iam.POLICIES, opensearch.POLICIES[0]])
HOLDER = "aws:sqs/queuePolicy:QueuePolicy"
ORG = {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
FROM_TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:topic"


def messages(kind: str, props: dict[str, Any]) -> list[str]:
    return [one.message for one in PACK.findings(kind, props)]


def is_public(*statements: dict[str, Any]) -> bool:
    as_text = messages(HOLDER, {"policy": document(*statements)})
    as_object = messages(HOLDER, {"policy": json.loads(document(*statements))})
    assert as_text == as_object
    assert as_text in ([], [public("queue")])
    return bool(as_text)


@pytest.mark.parametrize(
    "principal",
    ["*", ["*"], {"AWS": "*"}, {"AWS": ["*"]}, {"AWS": [ROOT, "*"]}, {"*": "*"}, {"Federated": "*"}],
)
def test_everyone_is_everyone_however_it_is_written(principal: Any) -> None:
    assert is_public(statement(principal))


@pytest.mark.parametrize(
    "principal",
    [
        ROOT,
        {"AWS": ROOT},
        {"AWS": [ROOT, f"arn:aws:iam::{ACCOUNT}:role/*"]},
        {"AWS": ACCOUNT},
        {"Service": "s3.amazonaws.com"},
        {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]},
        {"CanonicalUser": "79a59d900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
        {},
        None,
        [],
    ],
)
def test_named_parties_are_not_everyone(principal: Any) -> None:
    assert not is_public(statement(principal))


def test_everyone_but_some_is_everyone() -> None:
    but = {"Sid": "Use", "Effect": "Allow", "NotPrincipal": {"AWS": ROOT}, "Action": "*", "Resource": "*"}
    assert is_public(but)
    assert not is_public({**but, "Effect": "Deny"})
    assert not is_public({**but, "Condition": {"StringEquals": ORG}})


def test_a_denial_lets_nobody_in() -> None:
    assert not is_public(statement("*", Effect="Deny"))


NARROW = [
    {"StringEquals": ORG},
    {"stringequals": {"AWS:principalorgid": ["o-a1b2c3d4e5"]}},
    {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    {"StringEquals": {"aws:SourceAccount": [ACCOUNT, "210987654321"]}},
    {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
    {"StringEquals": {"kms:CallerAccount": ACCOUNT, "kms:ViaService": "s3.eu-central-1.amazonaws.com"}},
    {"StringEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
    {"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}},
    {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"}},
    {"StringLike": {"aws:userid": "AROAEXAMPLEID:*"}},
    {"ArnEquals": {"aws:SourceArn": FROM_TOPIC}},
    {"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{ACCOUNT}:*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:landing"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::landing"}},
    {"StringLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/lake-*"}},
    {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/lake"}},
    {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"IpAddress": {"aws:SourceIp": ["203.0.113.7", "2001:db8::/32"]}},
    {"Bool": {"aws:PrincipalIsAWSService": "true"}},
    {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": ORG},
]
WIDE = [
    {},
    {"Bool": {"aws:SecureTransport": "true"}},
    {"Bool": {"aws:PrincipalIsAWSService": "false"}},
    {"StringNotEquals": ORG},
    {"StringEqualsIfExists": ORG},
    {"ForAllValues:StringEquals": ORG},
    {"Null": {"aws:PrincipalOrgID": "false"}},
    {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
    {"StringLike": {"aws:SourceAccount": "*"}},
    {"StringEquals": {"aws:SourceAccount": []}},
    {"StringEquals": {"aws:SourceAccount": ""}},
    {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}},
    {"StringEquals": {"aws:Referer": "https://example.com"}},
    {"StringEquals": {"aws:PrincipalTag/team": "lake"}},
    {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}},
    {"StringEquals": {"kms:EncryptionContext:source": "pos"}},
    {"StringLike": {"aws:userid": "*:session"}},
    {"StringLike": {"aws:SourceArn": "*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:topic"}},
    {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::*"}},
    {"ArnLike": {"aws:SourceArn": [FROM_TOPIC, "arn:aws:sns:*:*:*"]}},
    {"ArnNotEquals": {"aws:SourceArn": FROM_TOPIC}},
    {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}},
    {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
    {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}},
    {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "::/0"]}},
    {"IpAddress": {"aws:SourceIp": "nowhere"}},
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
    "nonsense",
    {"StringEquals": "nonsense"},
]


@pytest.mark.parametrize("condition", NARROW, ids=json.dumps)
def test_a_condition_that_says_who_or_from_where_narrows(condition: Any) -> None:
    assert not is_public(statement("*", condition))


@pytest.mark.parametrize("condition", WIDE, ids=json.dumps)
def test_a_condition_that_everyone_can_meet_does_not(condition: Any) -> None:
    assert is_public(statement("*", condition))


def test_all_open_statements_are_told_by_name_or_place() -> None:
    text = document(statement(Sid=""), statement(ROOT), statement(Sid="Second"))
    assert messages(HOLDER, {"policy": text}) == [public("queue", "number 1, Second")]


def test_one_statement_needs_no_list() -> None:
    assert messages(HOLDER, {"policy": json.dumps({"Statement": statement()})}) == [public("queue")]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"*"', "[" * 100_000, '{"Statement": "*"}'])
def test_what_is_no_document_is_no_finding(text: str) -> None:
    assert messages(HOLDER, {"policy": text}) == []
    assert messages(QUEUE, {"policy": text, "kmsMasterKeyId": "k"}) == []


@pytest.mark.parametrize(
    "unsure",
    [
        UNKNOWN,
        statement(UNKNOWN),
        statement({"AWS": UNKNOWN}),
        statement("*", UNKNOWN),
        statement(Effect=UNKNOWN),
    ],
)
def test_an_open_statement_shows_beside_one_that_is_not_known_yet(unsure: Any) -> None:
    assert messages(HOLDER, {"policy": {"Statement": [unsure]}}) == []
    assert messages(HOLDER, {"policy": {"Statement": [unsure, statement()]}}) == [public("queue")]


def test_in_a_network_of_its_own_a_search_domain_may_let_all_in() -> None:
    kind, props = "aws:opensearch/domain:Domain", {"accessPolicies": document(statement())}
    assert messages(kind, props) == [public("search domain")]
    assert messages(kind, {**props, "vpcOptions": {"subnetIds": ["subnet-1"]}}) == []


def allowing(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Sid": "S", "Effect": "Allow", "Action": action, "Resource": resource, **more}


BUCKET = "arn:aws:s3:::landing/*"
TOO_MUCH = [
    allowing("*"),
    allowing("*", BUCKET),
    allowing(["s3:GetObject", "*"], BUCKET),
    allowing("*:*", BUCKET),
    allowing("**", BUCKET),
    allowing("s3:*"),
    allowing(["s3:*"], ["arn:aws:s3:::landing", "*"]),
    allowing("s3:*", "arn:aws:s3:::*"),
    allowing("sqs:*", "arn:aws:sqs:*:*:*"),
    allowing("sqs:*", f"arn:aws:sqs:eu-central-1:{ACCOUNT}:*"),
    allowing("kms:*", Condition={"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}),
    {"Sid": "S", "Effect": "Allow", "NotAction": "iam:*", "Resource": BUCKET},
    {"Sid": "S", "Effect": "Allow", "Action": "s3:*", "NotResource": BUCKET},
]
ENOUGH = [
    allowing("s3:GetObject"),
    allowing(["s3:Get*", "s3:List*"]),
    allowing("s3:*", BUCKET),
    allowing("s3:*", ["arn:aws:s3:::landing", BUCKET]),
    allowing("dynamodb:*", f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/*"),
    allowing(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]),
    {"Sid": "S", "Effect": "Deny", "Action": "*", "Resource": "*"},
    {"Sid": "S", "Effect": "Deny", "NotAction": "iam:*", "Resource": "*"},
    allowing(None),
    allowing(7, 7),
]


@pytest.mark.parametrize("one", TOO_MUCH, ids=json.dumps)
def test_wildcards_that_allow_too_much_are_found(one: dict[str, Any]) -> None:
    for policy in (document(one), json.loads(document(one))):
        found = PACK.findings("aws:iam/policy:Policy", {"policy": policy})
        assert [f.policy for f in found] == ["aws-iam-policy-disallow-wildcard"]
        assert "by statement S:" in found[0].message
        inline = {"inlinePolicies": [{"name": "p", "policy": policy}]}
        assert [f.policy for f in PACK.findings(ROLE, inline)] == ["aws-iam-role-disallow-wildcard"]


@pytest.mark.parametrize("one", ENOUGH, ids=json.dumps)
def test_wildcards_inside_named_actions_or_resources_are_not(one: dict[str, Any]) -> None:
    assert messages("aws:iam/rolePolicy:RolePolicy", {"policy": document(one)}) == []


def trusting(provider: Any, condition: Any) -> dict[str, Any]:
    made = statement({"Federated": provider}, condition, Action="sts:AssumeRoleWithWebIdentity")
    return {"assumeRolePolicy": document(made)}


SUB = "token.actions.githubusercontent.com:sub"
AUD = {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}
EKS = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"


@pytest.mark.parametrize(
    ("provider", "condition", "passes"),
    [
        (GITHUB, {"StringLike": {SUB: "repo:retailer/lake:*"}}, True),
        (GITHUB, {"StringEquals": {**AUD, SUB: "repo:retailer/lake:ref:refs/heads/main"}}, True),
        (GITHUB, {"ForAnyValue:StringEquals": {SUB: ["repo:retailer/lake:environment:prod"]}}, True),
        (EKS, {"StringEquals": {f"{EKS.split('oidc-provider/')[1]}:sub": "system:serviceaccount:a:b"}}, True),
        (f"arn:aws:iam::{ACCOUNT}:saml-provider/idp", {"StringEquals": {"SAML:aud": "x"}}, True),
        ("cognito-identity.amazonaws.com", None, True),
        (UNKNOWN, None, True),
        (GITHUB, {"StringEquals": AUD}, False),
        (GITHUB, {"StringLike": {SUB: "*"}}, False),
        (GITHUB, {"StringLike": {SUB: "repo:*"}}, False),
        (GITHUB, {"StringLike": {SUB: "repo:*/*:*"}}, False),
        (GITHUB, {"StringLike": {SUB: ["repo:retailer/lake:*", "repo:*"]}}, False),
        (GITHUB, {"StringNotEquals": {SUB: "repo:other/x"}}, False),
        (GITHUB, {"StringLikeIfExists": {SUB: "repo:retailer/lake:*"}}, False),
        (EKS, {"StringEquals": {SUB: "system:serviceaccount:a:b"}}, False),
        ([GITHUB, EKS], {"StringLike": {SUB: "repo:retailer/lake:*"}}, False),
        (GITHUB, None, False),
    ],
)
def test_a_role_for_an_identity_provider_says_for_whom(provider: Any, condition: Any, passes: bool) -> None:
    props = trusting(provider, condition)
    if provider == UNKNOWN:
        props = {"assumeRolePolicy": json.loads(props["assumeRolePolicy"])}
    found = [one.policy for one in PACK.findings(ROLE, props)]
    assert found == ([] if passes else ["aws-iam-role-configure-federated-subject"])


@pytest.mark.parametrize("name", ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"])
@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_ready_made_administration_is_found_in_every_partition(name: str, partition: str) -> None:
    arn = f"arn:{partition}:iam::aws:policy/{name}"
    assert len(messages("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"policyArn": arn})) == 1
    assert len(messages(ROLE, {"managedPolicyArns": [UNKNOWN, arn]})) == 1
    own = f"arn:{partition}:iam::{ACCOUNT}:policy/{name}"
    assert messages(ROLE, {"managedPolicyArns": [own]}) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["*", "Allow", "s3:*", "x", UNKNOWN]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("Statement", "Effect", "Principal", "NotPrincipal", "AWS", "Federated", "Action"),
                    *("NotAction", "Resource", "Condition", "StringLike", "aws:SourceArn", "Sid", "Bool"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(one=JSON, whole=JSON)
def test_reading_documents_is_total(one: Any, whole: Any) -> None:
    for value in (one, whole, {"Statement": [one, statement()]}):
        for policy in (value, json.dumps(value)):
            props = {"policy": policy, "assumeRolePolicy": policy, "inlinePolicies": [{"policy": policy}]}
            for kind in (HOLDER, ROLE, "aws:iam/policy:Policy"):
                for one_message in messages(kind, props):
                    assert one_message
    assert public("queue", "Use") in messages(HOLDER, {"policy": {"Statement": [statement()]}})
