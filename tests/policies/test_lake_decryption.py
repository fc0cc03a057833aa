"""Whoever could decrypt personal data is found, however he came by it, unless the configuration names him."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.policies.stack_kit import Part, Stack
from tests.policies.test_lake_flow import ACCOUNT, P, only, role

POLICY = "lake-pii-key-disallow-decrypt"
ROLES = f"arn:aws:iam::{ACCOUNT}:role/"
TRANSFORM = f"A transform must never decrypt: {P}-pos-transform may"
WITH = f"with the key of personal data {P}-pii."


def add_statement(part: Part, statement: dict[str, Any]) -> None:
    document = json.loads(part.props["policy"])
    document["Statement"].append({"Effect": "Allow", **statement})
    part.props["policy"] = json.dumps(document)


def by(roles: str | list[str], action: Any) -> dict[str, Any]:
    """Return a statement of a key's policy as the program writes them."""
    return {
        "Action": action,
        "Resource": "*",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Condition": {"ArnEquals": {"aws:PrincipalArn": roles}},
    }


ACTIONS = [
    ("kms:Decrypt", "kms:Decrypt"),
    ("kms:ReEncrypt*", "kms:ReEncryptFrom"),
    ("kms:GenerateDataKey", "kms:GenerateDataKey"),
    ("kms:CreateGrant", "kms:CreateGrant"),
    ("kms:Dec*", "kms:Decrypt"),
    (
        "kms:*",
        "kms:CreateGrant, kms:Decrypt, kms:GenerateDataKey, kms:GenerateDataKeyPair, kms:ReEncryptFrom",
    ),
]


@pytest.mark.parametrize(("action", "told"), ACTIONS)
def test_a_key_policy_that_lets_somebody_decrypt(prod: Stack, action: str, told: str) -> None:
    add_statement(prod.one("Key", "-pii"), by(f"{ROLES}reid", action))
    assert only(prod.findings(), POLICY) == {
        (f"Only decryptors may decrypt: {ROLES}reid may {told} {WITH}", f"Key::{P}-pii")
    }
    assert prod.findings({POLICY: {"decryptors": ["reid"]}}) == set()
    assert prod.findings({POLICY: {"decryptors": [f"{ROLES}re*"]}}) == set()
    assert prod.findings({POLICY: {"decryptors": ["re"]}}) != set()


@pytest.mark.parametrize(("action", "told"), ACTIONS)
def test_a_role_that_may_decrypt(prod: Stack, action: str, told: str) -> None:
    role(prod, "analyst", action, prod.one("Key", "-pii").props["arn"])
    assert only(prod.findings(), POLICY) == {
        (f"Only decryptors may decrypt: {ROLES}analyst may {told} {WITH}", "RolePolicy::analyst")
    }
    assert prod.findings({POLICY: {"decryptors": ["analyst"]}}) == set()


def test_what_is_not_plaintext_passes(prod: Stack) -> None:
    arn = prod.one("Key", "-pii").props["arn"]
    role(prod, "auditor", ["kms:Encrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"], arn)
    role(prod, "other", "kms:Decrypt", prod.one("Key", "-landing").props["arn"])
    add_statement(prod.one("Key", "-pii"), by(f"{ROLES}auditor", ["kms:GetKeyPolicy"]))
    assert prod.findings() == set()


@pytest.mark.parametrize("decryptors", [[], ["*"], [f"{P}-pos-transform"]])
def test_the_transform_never(prod: Stack, decryptors: list[str]) -> None:
    config = {POLICY: {"decryptors": decryptors}}
    add_statement(prod.one("Key", "-pii"), by(f"{ROLES}{P}-pos-transform", "kms:Decrypt"))
    key_arn = prod.one("Key", "-pii").props["arn"]
    add_statement(prod.one("RolePolicy", "pos-transform"), {"Action": "kms:Decrypt", "Resource": key_arn})
    assert only(prod.findings(config), POLICY) == {
        (f"{TRANSFORM} kms:Decrypt {WITH}", f"Key::{P}-pii"),
        (f"{TRANSFORM} kms:Decrypt {WITH}", f"RolePolicy::{P}-pos-transform"),
    }


def test_a_pattern_that_the_transform_fits(prod: Stack) -> None:
    add_statement(
        prod.one("Key", "-pii"),
        {**by("", "kms:Decrypt"), "Condition": {"ArnLike": {"aws:PrincipalArn": f"{ROLES}*pos-transform"}}},
    )
    assert only(prod.findings({POLICY: {"decryptors": ["*"]}}), POLICY) == {
        (f"{TRANSFORM} kms:Decrypt {WITH}", f"Key::{P}-pii")
    }


@pytest.mark.parametrize(
    ("principal", "who"),
    [
        ("*", "*"),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, f"arn:aws:iam::{ACCOUNT}:root"),
        ({"Service": "glue.amazonaws.com"}, "glue.amazonaws.com"),
    ],
)
def test_whole_accounts_and_services(prod: Stack, principal: Any, who: str) -> None:
    add_statement(
        prod.one("Key", "-pii"), {"Action": ["kms:Decrypt"], "Resource": "*", "Principal": principal}
    )
    assert only(prod.findings(), POLICY) == {
        (f"Only decryptors may decrypt: {who} may kms:Decrypt {WITH}", f"Key::{P}-pii")
    }


def test_all_actions_but_some(prod: Stack) -> None:
    statement = by(f"{ROLES}admin", None)
    del statement["Action"]
    add_statement(prod.one("Key", "-pii"), {**statement, "NotAction": ["kms:Decrypt", "kms:C*", "kms:Gen*"]})
    assert only(prod.findings(), POLICY) == {
        (f"Only decryptors may decrypt: {ROLES}admin may kms:ReEncryptFrom {WITH}", f"Key::{P}-pii")
    }


def test_a_key_without_a_policy(prod: Stack) -> None:
    del prod.one("Key", "-pii").props["policy"]
    (message, urn) = only(prod.findings(), POLICY).pop()
    assert message.startswith(
        "Only decryptors may decrypt: the whole account (the key has no policy) may kms:CreateGrant, "
    )
    assert urn == f"Key::{P}-pii"


def test_a_grant(prod: Stack) -> None:
    props = {
        "keyId": prod.one("Key", "-pii").props["keyId"],
        "granteePrincipal": f"{ROLES}batch",
        "operations": ["Encrypt", "Decrypt"],
    }
    prod.add(Part(type="aws:kms/grant:Grant", name="batch", props=props))
    assert only(prod.findings(), POLICY) == {
        (f"Only decryptors may decrypt: {ROLES}batch may kms:Decrypt {WITH}", "Grant::batch")
    }


@pytest.mark.parametrize("preview", [False, True])
def test_administrators_by_aws_own_policy(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    made = stack.add(Part(type="aws:iam/role:Role", name="boss", props={"name": "boss"}))
    stack.add(
        Part(
            type="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            name="boss",
            props={"role": "boss", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
            depends={"role": [made]},
        )
    )
    found = {urn for policy, _, urn in stack.findings() if policy == POLICY}
    # What the ARN of the key will be is not known in a preview of a new stack.
    assert found == (set() if preview else {"RolePolicyAttachment::boss"})
