"""Roles, grants, owners: who may do what, and that the answer to anything else is Snowflake's."""

import pytest
from snowflake.connector.errors import ProgrammingError

from .conftest import Asking


@pytest.fixture
def lake(ask: Asking) -> Asking:
    ask.script("""
        CREATE ROLE ANALYST; CREATE ROLE TRANSFORMER; CREATE ROLE STAGING_R; GRANT ROLE STAGING_R TO ROLE ANALYST;
        CREATE TABLE LAKE.STAGING.T (A NUMBER); CREATE VIEW LAKE.STAGING.TV AS SELECT A FROM LAKE.STAGING.T;
        CREATE WAREHOUSE W;
        GRANT USAGE ON DATABASE LAKE TO ROLE STAGING_R; GRANT USAGE ON SCHEMA LAKE.STAGING TO ROLE STAGING_R;
        GRANT SELECT ON VIEW LAKE.STAGING.TV TO ROLE STAGING_R;
        GRANT USAGE ON DATABASE LAKE TO ROLE TRANSFORMER; GRANT ALL PRIVILEGES ON SCHEMA LAKE.STAGING TO ROLE TRANSFORMER""")
    return ask


def refused(ask: Asking, sql: str, role: str, match: str = "not authorized|nsufficient privileges") -> None:
    with pytest.raises(ProgrammingError, match=match):
        ask(sql, role)


def test_a_view_is_read_with_its_owners_rights(lake: Asking) -> None:
    assert lake("SELECT * FROM LAKE.STAGING.TV", "ANALYST") == []
    refused(lake, "SELECT * FROM LAKE.STAGING.T", "ANALYST")
    refused(lake, "WITH X AS (SELECT * FROM LAKE.STAGING.T) SELECT 1 FROM X", "ANALYST")
    refused(lake, "SELECT 1 WHERE EXISTS (SELECT 1 FROM LAKE.STAGING.T)", "ANALYST")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO LAKE.STAGING.T VALUES (1)", "UPDATE LAKE.STAGING.T SET A = 1", "DELETE FROM LAKE.STAGING.T",
        "TRUNCATE TABLE LAKE.STAGING.T", "DROP TABLE LAKE.STAGING.T", "CREATE TABLE LAKE.STAGING.X (A NUMBER)",
        "MERGE INTO LAKE.STAGING.T USING (SELECT 1 AS B) S ON A = B WHEN NOT MATCHED THEN INSERT VALUES (1)",
        "ALTER TABLE LAKE.STAGING.T ADD COLUMN B NUMBER", "CREATE STREAM LAKE.STAGING.S ON TABLE LAKE.STAGING.T",
        "GRANT SELECT ON TABLE LAKE.STAGING.T TO ROLE PUBLIC", "GRANT ROLE TRANSFORMER TO ROLE PUBLIC",
        "CREATE ROLE MORE", "CREATE DATABASE MORE", "CREATE WAREHOUSE MORE", "DROP WAREHOUSE W", "ALTER WAREHOUSE W SUSPEND",
        "CREATE SCHEMA LAKE.MORE", "DROP DATABASE LAKE", "USE WAREHOUSE W", "USE SCHEMA LAKE.RAW",
        "CREATE TABLE LAKE.STAGING.X CLONE LAKE.STAGING.T", "CREATE OR REPLACE VIEW LAKE.STAGING.TV AS SELECT 1 AS A",
        "DESCRIBE TABLE LAKE.STAGING.T", "CREATE MASKING POLICY LAKE.STAGING.P AS (V VARCHAR) RETURNS VARCHAR -> V",
    ],
)  # fmt: skip
def test_what_was_not_granted_is_refused(lake: Asking, statement: str) -> None:
    refused(lake, statement, "ANALYST")


def test_objects_without_a_privilege_are_not_shown(lake: Asking) -> None:
    names = lambda sql: [row[1] for row in lake(sql, "ANALYST")]  # noqa: E731
    assert names("SHOW OBJECTS IN SCHEMA LAKE.STAGING") == ["TV"]
    assert names("SHOW TABLES IN DATABASE LAKE") == []
    assert lake("SELECT TABLE_NAME FROM LAKE.INFORMATION_SCHEMA.TABLES", "ANALYST") == [("TV",)]


def test_usage_of_schema_and_database_is_needed_too(lake: Asking) -> None:
    lake("GRANT SELECT ON TABLE LAKE.STAGING.T TO ROLE PUBLIC")
    refused(lake, "SELECT * FROM LAKE.STAGING.T", "PUBLIC")


def test_owner_and_all_privileges(lake: Asking) -> None:
    lake("CREATE TABLE LAKE.STAGING.MINE AS SELECT 1 AS A", "TRANSFORMER")
    assert lake("SELECT * FROM LAKE.STAGING.MINE", "TRANSFORMER") == [(1,)]
    refused(lake, "SELECT * FROM LAKE.STAGING.T", "TRANSFORMER")
    lake("GRANT OWNERSHIP ON TABLE LAKE.STAGING.MINE TO ROLE ANALYST")
    refused(lake, "SELECT * FROM LAKE.STAGING.MINE", "TRANSFORMER")
    assert lake("SELECT * FROM LAKE.STAGING.MINE", "ANALYST") == [(1,)]


def test_future_grants_reach_what_is_made_later_and_replaced(lake: Asking) -> None:
    lake("GRANT SELECT ON FUTURE TABLES IN SCHEMA LAKE.STAGING TO ROLE STAGING_R")
    lake("GRANT SELECT ON FUTURE TABLES IN DATABASE LAKE TO ROLE TRANSFORMER")
    lake("CREATE TABLE LAKE.STAGING.LATE AS SELECT 1 AS A")
    assert lake("SELECT * FROM LAKE.STAGING.LATE", "ANALYST") == [(1,)]
    lake("CREATE OR REPLACE TABLE LAKE.STAGING.LATE AS SELECT 2 AS A")
    assert lake("SELECT * FROM LAKE.STAGING.LATE", "ANALYST") == [(2,)]
    refused(
        lake, "SELECT * FROM LAKE.STAGING.LATE", "TRANSFORMER"
    )  # grants on a schema's future take precedence
    assert [(r[1], r[3]) for r in lake("SHOW FUTURE GRANTS IN SCHEMA LAKE.STAGING")] == [
        ("SELECT", "LAKE.STAGING.<TABLE>")
    ]
    lake("REVOKE SELECT ON FUTURE TABLES IN SCHEMA LAKE.STAGING FROM ROLE STAGING_R")
    assert lake("SHOW FUTURE GRANTS IN SCHEMA LAKE.STAGING") == []


def test_a_replaced_table_loses_its_grants_unless_copied(lake: Asking) -> None:
    lake("GRANT SELECT ON TABLE LAKE.STAGING.T TO ROLE STAGING_R")
    lake("CREATE OR REPLACE TABLE LAKE.STAGING.T COPY GRANTS AS SELECT 1 AS A")
    assert lake("SELECT * FROM LAKE.STAGING.T", "ANALYST") == [(1,)]
    lake("CREATE OR REPLACE TABLE LAKE.STAGING.T AS SELECT 1 AS A")
    refused(lake, "SELECT * FROM LAKE.STAGING.T", "ANALYST")


def test_grants_are_shown_and_revoked(lake: Asking) -> None:
    lake("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA LAKE.STAGING TO ROLE STAGING_R")
    shown = {(r[1], r[2], r[3], r[5]) for r in lake("SHOW GRANTS ON TABLE LAKE.STAGING.T")}
    assert shown == {
        ("SELECT", "TABLE", "LAKE.STAGING.T", "STAGING_R"),
        ("INSERT", "TABLE", "LAKE.STAGING.T", "STAGING_R"),
        ("OWNERSHIP", "TABLE", "LAKE.STAGING.T", "ACCOUNTADMIN"),
    }
    lake("REVOKE INSERT ON TABLE LAKE.STAGING.T FROM ROLE STAGING_R")
    assert {(r[1], r[3]) for r in lake("SHOW GRANTS TO ROLE STAGING_R")} == {
        ("USAGE", "LAKE"), ("USAGE", "LAKE.STAGING"), ("SELECT", "LAKE.STAGING.TV"), ("SELECT", "LAKE.STAGING.T"),
    }  # fmt: skip
    assert [(r[1], r[2], r[3]) for r in lake("SHOW GRANTS OF ROLE STAGING_R")] == [
        ("STAGING_R", "ROLE", "ANALYST")
    ]
    assert ("USAGE", "ROLE", "STAGING_R") in {(r[1], r[2], r[3]) for r in lake("SHOW GRANTS TO ROLE ANALYST")}


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("GRANT SELEKT ON TABLE LAKE.STAGING.T TO ROLE ANALYST", "Invalid privilege"),
        ("GRANT SELECT ON SCHEMA LAKE.STAGING TO ROLE ANALYST", "Invalid privilege"),
        ("GRANT SELECT ON TABLE LAKE.STAGING.NOPE TO ROLE ANALYST", "does not exist"),
        ("GRANT SELECT ON TABLE LAKE.STAGING.T TO ROLE NOBODY", "does not exist"),
        ("GRANT ROLE ANALYST TO ROLE STAGING_R", "circular"),
        ("DROP ROLE ACCOUNTADMIN", "system role"),
        ("USE ROLE NOBODY", "not assigned"),
    ],
)
def test_mistakes_in_grants_are_told(lake: Asking, statement: str, why: str) -> None:
    with pytest.raises(ProgrammingError, match=why):
        lake(statement)


def test_roles_in_session(lake: Asking) -> None:
    asked = "SELECT CURRENT_ROLE(), IS_ROLE_IN_SESSION('STAGING_R'), IS_ROLE_IN_SESSION('TRANSFORMER'), IS_ROLE_IN_SESSION(CURRENT_ROLE())"
    assert lake(asked, "ANALYST") == [("ANALYST", True, False, True)]
    session = lake.session("ANALYST")
    session.execute("USE ROLE STAGING_R")
    assert session.execute("SELECT CURRENT_ROLE()").rows == [("STAGING_R",)]
    refused(lake, "USE ROLE ACCOUNTADMIN", "ANALYST", "not assigned")
    session.execute("USE ROLE ANALYST")
    refused(lake, "USE SECONDARY ROLES ALL", "ANALYST", "secondary roles")


def test_a_registered_user_has_the_roles_granted(lake: Asking) -> None:
    lake("CREATE USER BOB PASSWORD = 'secret' DEFAULT_ROLE = 'ANALYST'")
    lake("GRANT ROLE ANALYST TO USER BOB")
    session = lake.engine.session(role="ANALYST", user="bob")
    session.execute("USE ROLE STAGING_R")
    with pytest.raises(ProgrammingError, match="not assigned"):
        session.execute("USE ROLE TRANSFORMER")
    assert "secret" not in repr(lake.engine.catalog.all("USER"))


def test_a_dropped_role_leaves_no_grant(lake: Asking) -> None:
    lake("CREATE TABLE LAKE.STAGING.MINE (A NUMBER)", "TRANSFORMER")
    lake("DROP ROLE TRANSFORMER")
    grants = lake("SHOW GRANTS ON TABLE LAKE.STAGING.MINE")
    assert [(r[1], r[5]) for r in grants] == [("OWNERSHIP", "ACCOUNTADMIN")]
    assert "TRANSFORMER" not in repr(lake("SHOW GRANTS ON SCHEMA LAKE.STAGING"))
