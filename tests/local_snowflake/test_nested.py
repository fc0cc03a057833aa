"""An array with personal data, loaded and masked in the laptop's warehouse by the stack's own SQL and policy."""

import json

import pytest

from components.snowflake.roles import ROLES, Face, masking_body
from contracts import NESTED

from .conftest import Asking

CONTACTS = [{"role": "own", "email": "1:" + "T" * 32 + ":Y2lwaGVy:xxxxx@gmail.com"}, None]


@pytest.fixture
def lake(ask: Asking) -> Asking:
    ask("CREATE SCHEMA LAKE.GOVERNANCE")
    for role in ROLES:
        ask(f"CREATE ROLE {role.name}")
    policy = f"(VAL VARCHAR) RETURNS VARCHAR -> {masking_body('', kind=NESTED)}"
    ask(f"CREATE MASKING POLICY LAKE.GOVERNANCE.MASK_NESTED AS {policy}")
    ask("CREATE TAG LAKE.GOVERNANCE.PII_NESTED")
    ask("ALTER TAG LAKE.GOVERNANCE.PII_NESTED SET MASKING POLICY LAKE.GOVERNANCE.MASK_NESTED")
    ask("CREATE TABLE LAKE.STAGING.ARRIVED (PAYLOAD VARIANT)")
    ask("CREATE TABLE LAKE.STAGING.CRM_PERSON (CONTACTS VARCHAR)")
    ask(
        "ALTER TABLE LAKE.STAGING.CRM_PERSON MODIFY COLUMN CONTACTS SET TAG LAKE.GOVERNANCE.PII_NESTED = 'crm'"
    )
    for contacts in (CONTACTS, None):
        payload = json.dumps({"data": {"contacts": contacts}})
        ask(f"INSERT INTO LAKE.STAGING.ARRIVED SELECT PARSE_JSON('{payload}')")
    ask(
        "INSERT INTO LAKE.STAGING.CRM_PERSON "
        "SELECT arrived.PAYLOAD:data.contacts::VARCHAR FROM LAKE.STAGING.ARRIVED AS arrived"
    )
    ask("GRANT USAGE ON DATABASE LAKE TO ROLE PUBLIC")
    ask("GRANT USAGE ON ALL SCHEMAS IN DATABASE LAKE TO ROLE PUBLIC")
    ask("GRANT SELECT ON ALL TABLES IN SCHEMA LAKE.STAGING TO ROLE PUBLIC")
    return ask


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_it_is_seen_whole_or_not_at_all(role, lake: Asking) -> None:
    found = lake("SELECT CONTACTS FROM LAKE.STAGING.CRM_PERSON ORDER BY CONTACTS NULLS LAST", role.name)
    first, second = (value for (value,) in found)
    assert second is None
    if role.face is Face.PACKED:
        assert json.loads(first) == CONTACTS
    else:
        assert first == "***"


def test_who_sees_it_whole_takes_it_apart(lake: Asking) -> None:
    (packing, *_) = (role.name for role in ROLES if role.face is Face.PACKED)
    query = "SELECT SUM(ARRAY_SIZE(PARSE_JSON(CONTACTS))) FROM LAKE.STAGING.CRM_PERSON"
    assert lake(query, packing) == [(2,)]
