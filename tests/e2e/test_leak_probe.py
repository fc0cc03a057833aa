"""An analyst tries to get at tokens, ciphertexts and plain values of the deployed lake, and gets displays only.

What a query may answer is known: the packed values that the transformer reads. Each query is either refused
with an error of Snowflake's, or what it answers, and what it says, holds no part of them but the display.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from local.state import Lake
from tests.e2e.running import Command

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("lake")]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A session of an analyst, what it must never see, and one customer to aim at."""

    session: SnowflakeConnection
    secrets: frozenset[str]
    aim: dict[str, str]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with closing(self.session.cursor()) as cursor:
            return [tuple(row) for row in cursor.execute(query.format(**self.aim)).fetchall()]  # type: ignore[union-attr, arg-type]

    def shown(self, text: str) -> list[str]:
        """The secrets that a text holds, also in upper case, turned around, or in hex."""
        return [secret for secret in self.secrets if any(form in text for form in _forms(secret))]


def _forms(secret: str) -> tuple[str, ...]:
    code = secret.encode().hex()
    return secret, secret.upper(), secret.lower(), secret[::-1], code, code.upper()


@pytest.fixture(scope="module")
def probe(lake: Lake, command: Command) -> Iterator[Probe]:
    command.run("drain")
    with (
        closing(lake.connect(role="TRANSFORMER", schema="PRODUCTION")) as trusted,
        trusted.cursor() as cursor,
    ):
        cursor.execute(
            "CREATE OR REPLACE VIEW SEEN_BY_ALL AS SELECT CUSTOMER_ID, EMAIL, UPPER(PHONE) AS P FROM CUSTOMERS"
        )
        cursor.execute("CREATE OR REPLACE TABLE CUSTOMERS_CLONE CLONE CUSTOMERS")
        packed = cursor.execute(
            "SELECT CUSTOMER_ID, EMAIL, PHONE, ADDRESS FROM CUSTOMERS WHERE EMAIL IS NOT NULL LIMIT 200"
        )
        rows: list[Any] = packed.fetchall() if packed else []
        secrets = {part for row in rows for value in row[1:] if value for part in str(value).split(":")[1:3]}
        customer, email = rows[0][0], str(rows[0][1])
        aim = {
            "C": str(customer), "PACKED": email, "TOKEN": email.split(":")[1], "SEALED": email.split(":")[2],
            "START": email[:12], "DB": lake.database,
        }  # fmt: skip
        # As a service that has this role and no other, so that USE ROLE is a way to try, too.
        with closing(lake.connect(role="ANALYST", schema="PRODUCTION", user="TABLEAU")) as session:
            yield Probe(session=session, secrets=frozenset(secrets), aim=aim)
        cursor.execute("DROP VIEW SEEN_BY_ALL")
        cursor.execute("DROP TABLE CUSTOMERS_CLONE")


T, ONE = "CUSTOMERS", "WHERE CUSTOMER_ID = '{C}'"
QUERIES = [
    # plain shapes
    f"SELECT * FROM {T}",
    f"SELECT {T}.* FROM {{DB}}.PRODUCTION.{T}",
    f"SELECT EMAIL, PHONE, ADDRESS FROM {T} {ONE}",
    f"SELECT $2, $3, $4 FROM {T}",
    f"SELECT * EXCLUDE (CUSTOMER_ID) FROM {T}",
    f"SELECT C.A, C.B FROM {T} AS C (A, B)",
    f"SELECT EMAIL FROM IDENTIFIER('{{DB}}.PRODUCTION.{T}')",
    f"SELECT EMAIL FROM TABLE('{{DB}}.PRODUCTION.{T}')",
    # subqueries, common table expressions, sets
    f"SELECT EMAIL FROM (SELECT * FROM (SELECT * FROM {T}))",
    f"WITH {T} AS (SELECT EMAIL FROM {{DB}}.PRODUCTION.{T}) SELECT * FROM {T}",
    f"WITH A AS (SELECT * FROM {T}), B AS (SELECT * FROM A) SELECT * FROM B",
    f"WITH RECURSIVE A AS (SELECT EMAIL, 1 AS N FROM {T} {ONE} UNION ALL SELECT EMAIL, N + 1 FROM A WHERE N < 3) "
    "SELECT * FROM A",
    f"SELECT (SELECT MAX(EMAIL) FROM {T})",
    f"SELECT CUSTOMER_ID, (SELECT EMAIL FROM {T} D WHERE D.CUSTOMER_ID = C.CUSTOMER_ID) FROM {T} C",
    f"SELECT EMAIL FROM {T} UNION ALL SELECT PHONE FROM {T}",
    f"SELECT EMAIL FROM {T} UNION SELECT ADDRESS FROM {T}",
    f"SELECT EMAIL FROM {T} INTERSECT SELECT EMAIL FROM {T}",
    f"SELECT EMAIL FROM {T} EXCEPT SELECT 'nobody'",
    # joins
    f"SELECT A.EMAIL, B.PHONE FROM {T} A JOIN {T} B ON A.EMAIL = B.EMAIL",
    f"SELECT * FROM {T} A NATURAL JOIN (SELECT CUSTOMER_ID, EMAIL FROM {T}) B",
    f"SELECT C.EMAIL FROM SALES_LINES S JOIN {T} C ON C.CUSTOMER_ID = S.CUSTOMER_ID",
    f"SELECT C.EMAIL FROM {T} C LEFT JOIN SALES_LINES S USING (CUSTOMER_ID)",
    f"SELECT L.EMAIL FROM SALES_LINES S, LATERAL (SELECT EMAIL FROM {T} WHERE CUSTOMER_ID = S.CUSTOMER_ID) L",
    f"SELECT V.TOKEN, C.EMAIL FROM {T} C JOIN {{DB}}.GOVERNANCE.PII_VAULT V ON C.EMAIL = V.TOKEN",
    # windows and groups
    f"SELECT FIRST_VALUE(EMAIL) OVER (ORDER BY CUSTOMER_ID), LAG(EMAIL) OVER (ORDER BY CUSTOMER_ID) FROM {T}",
    f"SELECT EMAIL FROM {T} QUALIFY ROW_NUMBER() OVER (PARTITION BY EMAIL ORDER BY CUSTOMER_ID) = 1",
    f"SELECT EMAIL, RANK() OVER (ORDER BY EMAIL) FROM {T}",
    f"SELECT EMAIL, COUNT(*) FROM {T} GROUP BY EMAIL",
    f"SELECT LISTAGG(EMAIL, ',') FROM {T}",
    f"SELECT LISTAGG(DISTINCT PHONE, ',') WITHIN GROUP (ORDER BY PHONE) FROM {T}",
    f"SELECT ARRAY_AGG(EMAIL), ANY_VALUE(ADDRESS), MIN(PHONE), MODE(EMAIL) FROM {T}",
    f"SELECT MAX(EMAIL) FROM {T} GROUP BY CUSTOMER_ID HAVING MAX(EMAIL) IS NOT NULL",
    # JSON
    f"SELECT OBJECT_CONSTRUCT('e', EMAIL), OBJECT_CONSTRUCT(*) FROM {T}",
    f"SELECT ARRAY_CONSTRUCT(EMAIL, PHONE) FROM {T}",
    f"SELECT TO_JSON(OBJECT_CONSTRUCT('e', EMAIL)) FROM {T}",
    f"SELECT PARSE_JSON('[\"' || EMAIL || '\"]')[0]::VARCHAR FROM {T}",
    f"SELECT TO_VARIANT(EMAIL)::VARCHAR, TO_VARIANT(PHONE) FROM {T}",
    f"SELECT F.VALUE FROM {T}, LATERAL FLATTEN(INPUT => ARRAY_CONSTRUCT(EMAIL, PHONE)) F",
    f"SELECT F.VALUE FROM {T}, TABLE(FLATTEN(INPUT => SPLIT(EMAIL, ':'))) F",
    # text
    f"SELECT SPLIT_PART(EMAIL, ':', 2), SPLIT_PART(EMAIL, ':', 3) FROM {T}",
    f"SELECT SUBSTR(EMAIL, 3, 32), LEFT(EMAIL, 40), RIGHT(EMAIL, 40) FROM {T}",
    f"SELECT UPPER(EMAIL), REVERSE(EMAIL), HEX_ENCODE(EMAIL), BASE64_ENCODE(EMAIL) FROM {T}",
    f"SELECT REGEXP_SUBSTR(EMAIL, '[A-Za-z0-9_-]{{{{32}}}}'), REGEXP_REPLACE(EMAIL, '^1:', '') FROM {T}",
    f"SELECT COALESCE(EMAIL, PHONE), NVL(EMAIL, ''), IFF(EMAIL IS NULL, '', EMAIL) FROM {T}",
    f"SELECT CONCAT(EMAIL, PHONE), EMAIL || '|' || ADDRESS FROM {T}",
    f"SELECT CASE WHEN EMAIL LIKE '2:%' THEN EMAIL ELSE PHONE END FROM {T}",
    f"SELECT DECODE(EMAIL, NULL, 'none', EMAIL), GREATEST(EMAIL, PHONE) FROM {T}",
    # casts that fail and say what they could not cast
    f"SELECT EMAIL::NUMBER FROM {T}",
    f"SELECT CAST(EMAIL AS DATE) FROM {T}",
    f"SELECT TO_TIMESTAMP(PHONE) FROM {T}",
    f"SELECT PARSE_JSON(ADDRESS) FROM {T}",
    f"SELECT 1 / LENGTH(EMAIL), EMAIL::BOOLEAN FROM {T}",
    f"SELECT * FROM {T} WHERE EMAIL::NUMBER > 0",
    f"SELECT TO_BINARY(EMAIL, 'HEX') FROM {T}",
    # other objects
    "SELECT * FROM SEEN_BY_ALL",
    "SELECT EMAIL, P FROM SEEN_BY_ALL WHERE EMAIL LIKE '%@%'",
    "SELECT * FROM CUSTOMERS_CLONE",
    "SELECT EMAIL FROM CUSTOMERS_CLONE A JOIN CUSTOMERS B USING (EMAIL)",
    f"CREATE TABLE MINE AS SELECT * FROM {T}",
    f"CREATE VIEW MINE AS SELECT * FROM {T}",
    f"CREATE TABLE MINE CLONE {T}",
    f"CREATE TEMPORARY TABLE MINE AS SELECT EMAIL FROM {T}",
    f"CREATE TABLE MINE LIKE {T}",
    f"INSERT INTO QUARANTINED_EVENTS (EVENT_ID) SELECT EMAIL FROM {T}",
    f"ALTER TABLE {T} MODIFY COLUMN EMAIL UNSET MASKING POLICY",
    "ALTER MASKING POLICY {DB}.GOVERNANCE.MASK_EMAIL SET BODY -> VAL",
    "CREATE MASKING POLICY MINE AS (V VARCHAR) RETURNS VARCHAR -> V",
    "GRANT SELECT ON TABLE {DB}.GOVERNANCE.PII_VAULT TO ROLE ANALYST",
    "USE ROLE TRANSFORMER",
    "USE ROLE REID_SERVICE",
    # time travel
    f"SELECT * FROM {T} AT (OFFSET => -60)",
    f"SELECT * FROM {T} BEFORE (TIMESTAMP => CURRENT_TIMESTAMP())",
    f"SELECT * FROM {T} CHANGES (INFORMATION => DEFAULT) AT (OFFSET => -1)",
    f"UNDROP TABLE {T}",
    # where values come from and go
    "SELECT * FROM {DB}.GOVERNANCE.PII_VAULT",
    "SELECT CIPHERTEXT FROM {DB}.GOVERNANCE.PII_VAULT WHERE TOKEN = '{TOKEN}'",
    "SELECT * FROM {DB}.STAGING.POS_SALE",
    "SELECT CUSTOMER_EMAIL FROM {DB}.STAGING.ECOMMERCE_ORDER",
    "SELECT PAYLOAD FROM {DB}.RAW.POS",
    "SELECT PAYLOAD:data.customer.email FROM {DB}.RAW.POS_STREAM",
    "SELECT * FROM {DB}.STAGING.QUARANTINE",
    # what is told about things
    "SELECT * FROM {DB}.INFORMATION_SCHEMA.COLUMNS",
    "SELECT * FROM {DB}.INFORMATION_SCHEMA.TABLES",
    "SELECT VIEW_DEFINITION FROM {DB}.INFORMATION_SCHEMA.VIEWS",
    "SELECT * FROM TABLE({DB}.INFORMATION_SCHEMA.POLICY_REFERENCES(REF_ENTITY_NAME => '{DB}.PRODUCTION.CUSTOMERS', "
    "REF_ENTITY_DOMAIN => 'TABLE'))",
    "SELECT * FROM TABLE({DB}.INFORMATION_SCHEMA.QUERY_HISTORY())",
    "SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.ACCESS_HISTORY",
    "SELECT * FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))",
    "SHOW TABLES",
    f"DESCRIBE TABLE {T}",
    f"EXPLAIN SELECT EMAIL FROM {T} WHERE EMAIL = '{{PACKED}}'",
    f"SELECT GET_DDL('TABLE', '{T}')",
    f"SELECT SYSTEM$TYPEOF(EMAIL) FROM {T}",
    f"SELECT * FROM {T} SAMPLE (10 ROWS)",
    f"SELECT * FROM {T} PIVOT (MAX(EMAIL) FOR CUSTOMER_ID IN ('{{C}}'))",
    f"COPY INTO @{{DB}}.RAW.LANDING/mine FROM (SELECT * FROM {T})",
]  # fmt: skip


def test_there_are_enough_of_them() -> None:
    assert len({*QUERIES}) == len(QUERIES) >= 60


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_refused_or_shows_displays(probe: Probe, query: str) -> None:
    aimed = query.format(**probe.aim)
    try:
        answer = repr(probe.ask(query))
    except ProgrammingError as refused:
        assert refused.errno
        answer = str(refused.msg)
    # What the analyst said himself is nothing that he was told.
    for said in (probe.aim["PACKED"], probe.aim["TOKEN"]):
        answer = answer.replace(said, "") if said in aimed else answer
    assert probe.shown(answer) == [], query


# A predicate sees what the analyst sees: what is true of the packed value alone selects nothing.
PREDICATES = [
    "EMAIL LIKE '2:%'",
    "EMAIL LIKE '%{TOKEN}%'",
    "EMAIL ILIKE '%{SEALED}%'",
    "EMAIL = '{PACKED}'",
    "EMAIL IN ('{PACKED}', '{TOKEN}')",
    "STARTSWITH(EMAIL, '{START}')",
    "CONTAINS(EMAIL, '{TOKEN}')",
    "REGEXP_LIKE(EMAIL, '2:.*')",
    "EMAIL RLIKE '2:[A-Za-z0-9_-]+:.*'",
    "POSITION('{TOKEN}', EMAIL) > 0",
    "SPLIT_PART(EMAIL, ':', 2) = '{TOKEN}'",
    "LENGTH(EMAIL) > 80",
    "MD5(EMAIL) = MD5('{PACKED}')",
    "HASH(EMAIL) = HASH('{PACKED}')",
    "EMAIL BETWEEN '2:' AND '3'",
    "EXISTS (SELECT 1 FROM CUSTOMERS D WHERE D.EMAIL LIKE '2:%' AND D.CUSTOMER_ID = CUSTOMERS.CUSTOMER_ID)",
]


@pytest.mark.parametrize("predicate", PREDICATES)
def test_a_predicate_looks_at_the_display(probe: Probe, predicate: str) -> None:
    assert probe.ask(f"SELECT COUNT(*) FROM CUSTOMERS WHERE {predicate}") == [(0,)]


def test_a_predicate_on_the_display_finds_it(probe: Probe) -> None:
    """The probe itself is no dead end: what analysts may ask is answered."""
    ((found,),) = probe.ask("SELECT COUNT(*) FROM CUSTOMERS WHERE EMAIL LIKE 'xxxxx@%'")
    assert found > 0
    assert probe.secrets
