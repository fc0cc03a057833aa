"""A personal column that is not tagged, or not masked, is found: each column of each contract."""

import re
from collections.abc import Callable

import pytest

import contracts
from tests.policies.stack_kit import Part, Stack
from tests.policies.test_lake_flow import P, only

COLUMNS = [
    (event.table, column.name, column.pii)
    for event in contracts.load().all_events
    for column in event.columns
    if column.pii
]


@pytest.mark.parametrize(("table", "column", "kind"), COLUMNS)
def test_a_column_without_its_tag(prod: Stack, table: str, column: str, kind: str) -> None:
    removed = 0
    for association in prod.all("TagAssociation"):
        listed = association.props["objectIdentifiers"]
        kept = [name for name in listed if f'"{table}"."{column}"' not in name]
        removed += len(listed) - len(kept)
        association.props["objectIdentifiers"] = kept
    assert removed == 1
    name = next(one.name for one in prod.all("Table") if one.props["name"] == table)
    assert only(prod.findings(), "lake-pii-missing-tag") == {
        (f"{table}.{column} holds personal data of kind {kind} without its tag.", f"Table::{name}")
    }


def test_a_column_with_the_tag_of_another_kind(prod: Stack) -> None:
    association = prod.one("TagAssociation", "pos-warehouse-email")
    phone = prod.one("Tag", "-phone")
    association.props["tagId"] = phone.props["fullyQualifiedName"]
    assert {message for message, _ in only(prod.findings(), "lake-pii-missing-tag")} == {
        "POS_SALE.CUSTOMER_EMAIL holds personal data of kind email without its tag."
    }


@pytest.mark.parametrize("preview", [False, True])
def test_an_association_that_is_gone(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    stack.drop(stack.one("TagAssociation", "ecommerce-warehouse-email"))
    assert {message for message, _ in only(stack.findings(), "lake-pii-missing-tag")} == {
        f"{table}.{column} holds personal data of kind {kind} without its tag."
        for table, column, kind in COLUMNS
        if kind == "email" and table.startswith("ECOMMERCE")
    }


@pytest.mark.parametrize("kind", sorted({kind for *_, kind in COLUMNS}))
@pytest.mark.parametrize("preview", [False, True])
def test_a_tag_without_its_masking_policy(stack_of: Callable[..., Stack], kind: str, preview: bool) -> None:
    stack = stack_of("prod", preview=preview)
    tag = stack.one("Tag", f"-{kind.replace('_', '-')}")
    tag.props["maskingPolicies"], tag.depends["maskingPolicies"] = [], []
    places = ", ".join(sorted(f"{table}.{column}" for table, column, of in COLUMNS if of == kind))
    assert only(stack.findings(), "lake-pii-missing-masking") == {
        (f"The tag PII_{kind.upper()} has no masking policy, and marks {places}.", f"Tag::{tag.name}")
    }


def test_a_masking_policy_that_is_gone(prod: Stack) -> None:
    prod.drop(prod.one("MaskingPolicy", "-email"))
    urns = {urn for _, urn in only(prod.findings(), "lake-pii-missing-masking")}
    assert urns == {f"Tag::{P}-warehouse-governance-email"}


@pytest.mark.parametrize(
    "body",
    [
        "VAL",
        "CASE WHEN IS_ROLE_IN_SESSION('A') THEN '***' ELSE VAL END",
        "CASE WHEN VAL IS NULL THEN NULL END",
    ],
)
def test_a_masking_policy_that_shows_everything(prod: Stack, body: str) -> None:
    prod.one("MaskingPolicy", "-email").props["body"] = body
    assert only(prod.findings(), "lake-pii-disallow-open-mask") == {
        (
            "The masking policy MASK_EMAIL shows its value to everybody.",
            f"MaskingPolicy::{P}-warehouse-governance-email",
        )
    }


def test_a_column_that_is_masked_by_itself(prod: Stack) -> None:
    tag = prod.one("Tag", "-phone")
    tag.props["maskingPolicies"], tag.depends["maskingPolicies"] = [], []
    kind = "TableColumnMaskingPolicyApplication"
    for table, column, _ in [one for one in COLUMNS if one[2] == "phone"]:
        full = next(
            one.props["fullyQualifiedName"] for one in prod.all("Table") if one.props["name"] == table
        )
        props = {"table": full, "column": column}
        type_ = f"snowflake:index/{kind[0].lower()}{kind[1:]}:{kind}"
        prod.add(Part(type=type_, name=f"{table}-{column}", props=props))
    assert prod.findings() == set()


FIELDS = [
    (event.source, event.name, f"{event.table}.{column.name}", ".".join(column.path), column.pii)
    for event in contracts.load().all_events
    for column in event.columns
    if column.pii
]


@pytest.mark.parametrize(("source", "event", "place", "field", "kind"), FIELDS)
def test_a_field_that_the_vault_does_not_get(
    prod: Stack, source: str, event: str, place: str, field: str, kind: str
) -> None:
    task = prod.one("Task", f"-{source}-warehouse")
    before, merge, after = split(task.props["sqlStatement"], event)
    task.props["sqlStatement"] = before + merge.replace(f"('{field}', '{kind}')", "('', '')") + after
    assert {message for message, _ in only(prod.findings(), "lake-pii-missing-vault")} == {
        f"{place} holds personal data of kind {kind}, which no task keeps in PII_VAULT as {field}."
    }


def split(block: str, event: str) -> tuple[str, str, str]:
    """A task's block, cut around the vault's merge of an event."""
    merges = [
        found
        for found in re.finditer(r"MERGE INTO \S+PII_VAULT.*?;", block, re.DOTALL)
        if f"EVENT_TYPE = '{event}'" in found[0]
    ]
    (found,) = merges
    return block[: found.start()], found[0], block[found.end() :]
