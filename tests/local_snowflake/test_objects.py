"""Objects of the program: made, read back, changed and dropped, as the catalogue must tell afterwards."""

import json

import pytest
from snowflake.connector.errors import ProgrammingError

from .conftest import Asking


def rows(ask: Asking, sql: str) -> list[dict[str, object]]:
    answer = ask.session().execute(sql)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def properties(ask: Asking, sql: str) -> dict[str, object]:
    return {str(row["property"]): row["property_value"] for row in rows(ask, sql)}


def test_warehouse(ask: Asking) -> None:
    ask("""CREATE WAREHOUSE IF NOT EXISTS LOAD WITH WAREHOUSE_SIZE = 'X-Small' AUTO_SUSPEND = 60 AUTO_RESUME = TRUE
           INITIALLY_SUSPENDED = TRUE MAX_CLUSTER_COUNT = 2 STATEMENT_TIMEOUT_IN_SECONDS = 3600 COMMENT = 'it''s for loads'""")
    (shown,) = rows(ask, "SHOW WAREHOUSES LIKE 'LOAD'")
    assert (shown["size"], shown["auto_suspend"], shown["auto_resume"], shown["state"], shown["comment"]) == (
        "X-Small", 60, "true", "SUSPENDED", "it's for loads",
    )  # fmt: skip
    ask(
        "CREATE RESOURCE MONITOR CAP WITH CREDIT_QUOTA = 10 FREQUENCY = MONTHLY START_TIMESTAMP = IMMEDIATELY TRIGGERS ON 80 PERCENT DO NOTIFY ON 100 PERCENT DO SUSPEND"
    )
    ask("ALTER WAREHOUSE LOAD SET WAREHOUSE_SIZE = MEDIUM, RESOURCE_MONITOR = CAP")
    ask("ALTER WAREHOUSE LOAD UNSET COMMENT")
    ask("ALTER WAREHOUSE LOAD RESUME IF SUSPENDED")
    (shown,) = rows(ask, "SHOW WAREHOUSES LIKE 'load'")
    assert (shown["size"], shown["resource_monitor"], shown["comment"], shown["state"]) == (
        "Medium",
        "CAP",
        "",
        "STARTED",
    )
    (monitor,) = rows(ask, "SHOW RESOURCE MONITORS LIKE 'CAP'")
    assert (monitor["credit_quota"], monitor["notify_at"], monitor["suspend_at"]) == ("10.00", "80%", "100%")
    ask("DROP WAREHOUSE LOAD")
    assert rows(ask, "SHOW WAREHOUSES LIKE 'LOAD'") == []
    with pytest.raises(ProgrammingError):
        ask("DROP WAREHOUSE LOAD")
    ask("DROP WAREHOUSE IF EXISTS LOAD")
    with pytest.raises(ProgrammingError, match="WAREHOUSE_SIZE"):
        ask("CREATE WAREHOUSE W WAREHOUSE_SIZE = HUGE")


def test_storage_integration(ask: Asking) -> None:
    ask("""CREATE STORAGE INTEGRATION "SI" TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE
           STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::1:role/r' STORAGE_AWS_EXTERNAL_ID = 'our-id'
           STORAGE_ALLOWED_LOCATIONS = ('s3://b/landing/', 's3://b/compacted/') COMMENT = 'c'""")
    told = properties(ask, "DESCRIBE INTEGRATION SI")
    assert told["STORAGE_AWS_ROLE_ARN"] == "arn:aws:iam::1:role/r"
    assert told["STORAGE_AWS_EXTERNAL_ID"] == "our-id"
    assert told["STORAGE_ALLOWED_LOCATIONS"] == "s3://b/landing/,s3://b/compacted/"
    assert str(told["STORAGE_AWS_IAM_USER_ARN"]).startswith("arn:aws:iam::")
    ask("ALTER STORAGE INTEGRATION SI SET ENABLED = FALSE STORAGE_ALLOWED_LOCATIONS = ('s3://b/landing/')")
    assert properties(ask, "DESC STORAGE INTEGRATION SI")["STORAGE_ALLOWED_LOCATIONS"] == "s3://b/landing/"
    (shown,) = rows(ask, "SHOW STORAGE INTEGRATIONS LIKE 'SI'")
    assert (shown["enabled"], shown["category"]) == ("false", "STORAGE")
    policy = json.loads(ask("SELECT SYSTEM$GET_AWS_SNS_IAM_POLICY('arn:aws:sns:eu-central-1:1:t')")[0][0])
    assert policy["Statement"][0]["Principal"]["AWS"] == told["STORAGE_AWS_IAM_USER_ARN"]
    assert policy["Statement"][0]["Resource"] == ["arn:aws:sns:eu-central-1:1:t"]
    with pytest.raises(ProgrammingError, match="STORAGE_AWS_ROLE_ARN"):
        ask(
            "CREATE STORAGE INTEGRATION X TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE STORAGE_ALLOWED_LOCATIONS = ('s3://b/')"
        )
    ask("DROP INTEGRATION SI")


def test_file_format_and_stage(ask: Asking) -> None:
    ask(
        'CREATE FILE FORMAT "LAKE"."RAW"."NDJSON" TYPE = JSON COMPRESSION = GZIP STRIP_OUTER_ARRAY = FALSE COMMENT = \'c\''
    )
    assert properties(ask, "DESCRIBE FILE FORMAT LAKE.RAW.NDJSON")["COMPRESSION"] == "GZIP"
    (shown,) = rows(ask, "SHOW FILE FORMATS LIKE 'NDJSON' IN SCHEMA LAKE.RAW")
    assert json.loads(str(shown["format_options"]))["COMPRESSION"] == "GZIP"
    ask(
        "CREATE STAGE LANDING URL = 's3://b/landing/' FILE_FORMAT = (FORMAT_NAME = 'LAKE.RAW.NDJSON') DIRECTORY = (ENABLE = FALSE)"
    )
    (stage,) = rows(ask, "SHOW STAGES IN SCHEMA LAKE.RAW")
    assert (stage["url"], stage["type"], stage["cloud"]) == ("s3://b/landing/", "EXTERNAL", "AWS")
    ask("ALTER STAGE LANDING SET URL = 's3://b/other/' COMMENT = 'x'")
    assert rows(ask, "SHOW STAGES LIKE 'LANDING'")[0]["url"] == "s3://b/other/"
    ask("ALTER FILE FORMAT NDJSON SET COMPRESSION = AUTO")
    assert properties(ask, "DESCRIBE FILE FORMAT LAKE.RAW.NDJSON")["COMPRESSION"] == "AUTO"
    with pytest.raises(ProgrammingError, match="does not exist"):
        ask("CREATE STAGE S2 URL = 's3://b/' FILE_FORMAT = (FORMAT_NAME = 'NOPE')")
    with pytest.raises(ProgrammingError, match="CREDENTIALS"):
        ask("CREATE STAGE S2 URL = 's3://b/' CREDENTIALS = (AWS_KEY_ID = 'a' AWS_SECRET_KEY = 'b')")


def test_database_and_schema(ask: Asking) -> None:
    ask("CREATE DATABASE \"OTHER\" DATA_RETENTION_TIME_IN_DAYS = 7 COMMENT = 'o'")
    (shown,) = rows(ask, "SHOW DATABASES LIKE 'OTHER'")
    assert (shown["retention_time"], shown["comment"]) == ("7", "o")
    ask("CREATE SCHEMA OTHER.S WITH MANAGED ACCESS COMMENT = 's'")
    ask("ALTER SCHEMA OTHER.S SET DATA_RETENTION_TIME_IN_DAYS = 3")
    (schema,) = rows(ask, "SHOW SCHEMAS LIKE 'S' IN DATABASE OTHER")
    assert (schema["retention_time"], schema["options"], schema["comment"]) == ("3", "MANAGED ACCESS", "s")
    ask("ALTER DATABASE OTHER SET COMMENT = 'changed'")
    assert rows(ask, "SHOW DATABASES LIKE 'OTHER'")[0]["comment"] == "changed"
    ask("CREATE TABLE OTHER.S.T (A NUMBER)")
    ask("DROP SCHEMA OTHER.S")
    with pytest.raises(ProgrammingError):
        ask("SELECT * FROM OTHER.S.T")
    ask("DROP DATABASE OTHER")
    assert rows(ask, "SHOW DATABASES LIKE 'OTHER'") == []
    assert not ask.engine.path("OTHER").exists()
    ask("CREATE DATABASE OTHER")
    assert [row["name"] for row in rows(ask, "SHOW SCHEMAS IN DATABASE OTHER")] == ["PUBLIC"]


def test_tables_read_back_as_written(ask: Asking) -> None:
    ask("""CREATE TABLE "LAKE"."RAW"."T" ("ID" NUMBER(38,0) NOT NULL COMMENT 'the id', "AMOUNT" NUMBER(12,2) DEFAULT 0,
           "V" VARIANT, "TS" TIMESTAMP_NTZ(9), "L" TIMESTAMP_LTZ(9), "S" VARCHAR(10), "ALL" VARCHAR, "F" FLOAT,
           "B" BOOLEAN, "D" DATE, PRIMARY KEY ("ID")) COMMENT = 'c' DATA_RETENTION_TIME_IN_DAYS = 2 CHANGE_TRACKING = TRUE""")
    described = {row["name"]: row for row in rows(ask, "DESCRIBE TABLE LAKE.RAW.T")}
    assert [(name, row["type"]) for name, row in described.items()] == [
        ("ID", "NUMBER(38,0)"), ("AMOUNT", "NUMBER(12,2)"), ("V", "VARIANT"), ("TS", "TIMESTAMP_NTZ(9)"),
        ("L", "TIMESTAMP_LTZ(9)"), ("S", "VARCHAR(10)"), ("ALL", "VARCHAR(16777216)"), ("F", "FLOAT"), ("B", "BOOLEAN"),
        ("D", "DATE"),
    ]  # fmt: skip
    assert (described["ID"]["null?"], described["ID"]["primary key"], described["ID"]["comment"]) == (
        "N",
        "Y",
        "the id",
    )
    (shown,) = rows(ask, "SHOW TABLES LIKE 'T' IN SCHEMA LAKE.RAW")
    assert (shown["comment"], shown["retention_time"], shown["change_tracking"]) == ("c", "2", "ON")
    ask("ALTER TABLE T SET COMMENT = 'd', DATA_RETENTION_TIME_IN_DAYS = 1")
    ask("ALTER TABLE T ALTER COLUMN ID COMMENT 'an id', COLUMN AMOUNT COMMENT $$it's $ money$$")
    ask("COMMENT ON COLUMN T.V IS 'v'")
    ask('ALTER TABLE T ALTER "S" SET DATA TYPE VARCHAR(20)')
    ask("ALTER TABLE T ADD COLUMN IF NOT EXISTS X NUMBER(5,1), Y VARCHAR")
    described = {row["name"]: row for row in rows(ask, "DESCRIBE TABLE T")}
    assert [described[name]["comment"] for name in ("ID", "AMOUNT", "V")] == ["an id", "it's $ money", "v"]
    assert [described[name]["type"] for name in ("S", "X", "Y")] == [
        "VARCHAR(20)",
        "NUMBER(5,1)",
        "VARCHAR(16777216)",
    ]
    columns = rows(ask, "SHOW COLUMNS IN TABLE T")
    assert json.loads(str(columns[1]["data_type"])) == {
        "type": "FIXED",
        "precision": 12,
        "scale": 2,
        "nullable": True,
    }
    assert ask("""SELECT COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, IS_NULLABLE FROM LAKE.INFORMATION_SCHEMA.COLUMNS
                  WHERE TABLE_NAME = 'T' AND ORDINAL_POSITION < 4 ORDER BY ORDINAL_POSITION""") == [
        ("ID", "NUMBER", 38, "NO"), ("AMOUNT", "NUMBER", 12, "YES"), ("V", "VARIANT", None, "YES"),
    ]  # fmt: skip
    ask("ALTER TABLE T RENAME TO LAKE.STAGING.U")
    assert ask("SELECT COUNT(*) FROM LAKE.STAGING.U") == [(0,)]
    ask("DROP TABLE LAKE.STAGING.U CASCADE")


def test_views_keep_their_meaning_wherever_they_are_read(ask: Asking) -> None:
    ask.script(
        "CREATE TABLE LAKE.RAW.T AS SELECT 1 AS A; USE SCHEMA LAKE.RAW; CREATE VIEW V (B COMMENT 'b') COMMENT = 'c' AS SELECT A FROM T"
    )
    ask("USE SCHEMA LAKE.STAGING")
    assert ask("SELECT B FROM LAKE.RAW.V") == [(1,)]
    (shown,) = rows(ask, "SHOW VIEWS IN SCHEMA LAKE.RAW")
    assert (shown["name"], shown["comment"], str(shown["text"])[:11]) == ("V", "c", "CREATE VIEW")
    assert rows(ask, "DESCRIBE VIEW LAKE.RAW.V")[0]["comment"] == "b"
    ask("CREATE OR REPLACE TABLE LAKE.RAW.T AS SELECT 'x' AS A")
    assert ask("SELECT B FROM LAKE.RAW.V") == [("x",)]
    with pytest.raises(ProgrammingError):
        ask("CREATE TABLE LAKE.RAW.V (A NUMBER)")
    with pytest.raises(ProgrammingError):
        ask("DROP TABLE LAKE.RAW.V")
    ask("CREATE VIEW LAKE.RAW.W AS SELECT * FROM LAKE.RAW.V")
    ask("CREATE OR REPLACE VIEW LAKE.RAW.V AS SELECT 2 AS B")
    assert ask("SELECT B FROM LAKE.RAW.W") == [(2,)]


def test_tags_and_policies_read_back(ask: Asking) -> None:
    ask("CREATE TAG LAKE.RAW.PII ALLOWED_VALUES 'email', 'phone' COMMENT = 't'")
    (tag,) = rows(ask, "SHOW TAGS LIKE 'PII' IN SCHEMA LAKE.RAW")
    assert json.loads(str(tag["allowed_values"])) == ["email", "phone"]
    ask(
        "CREATE MASKING POLICY LAKE.RAW.M AS (VAL VARCHAR) RETURNS VARCHAR -> CASE WHEN VAL = 'it''s -> COMMENT' THEN '***' ELSE VAL END COMMENT = 'm'"
    )
    (policy,) = rows(ask, "DESCRIBE MASKING POLICY LAKE.RAW.M")
    assert policy["signature"] == "(VAL VARCHAR(16777216))"
    assert "it''s -> COMMENT" in str(policy["body"])
    assert rows(ask, "SHOW MASKING POLICIES IN SCHEMA LAKE.RAW")[0]["comment"] == "m"
    ask("ALTER MASKING POLICY LAKE.RAW.M SET BODY -> '***'")
    assert rows(ask, "DESC MASKING POLICY LAKE.RAW.M")[0]["body"] == "'***'"
    ask("ALTER TAG LAKE.RAW.PII SET MASKING POLICY LAKE.RAW.M")
    ask("CREATE TABLE T (E VARCHAR WITH TAG (LAKE.RAW.PII = 'email'), P VARCHAR)")
    ask("ALTER TABLE T ALTER COLUMN P SET TAG LAKE.RAW.PII = 'phone'")
    with pytest.raises(ProgrammingError, match="not allowed by tag"):
        ask("ALTER TABLE T ALTER COLUMN P SET TAG LAKE.RAW.PII = 'shoe size'")
    found = rows(
        ask, "SELECT * FROM TABLE(LAKE.INFORMATION_SCHEMA.TAG_REFERENCES_ALL_COLUMNS('LAKE.RAW.T', 'TABLE'))"
    )
    assert [(row["COLUMN_NAME"], row["TAG_VALUE"], row["LEVEL"]) for row in found] == [
        ("E", "email", "COLUMN"),
        ("P", "phone", "COLUMN"),
    ]
    uses = rows(
        ask,
        "SELECT * FROM TABLE(LAKE.INFORMATION_SCHEMA.POLICY_REFERENCES(REF_ENTITY_NAME => 'LAKE.RAW.T', REF_ENTITY_DOMAIN => 'TABLE'))",
    )
    assert [(row["REF_COLUMN_NAME"], row["TAG_NAME"]) for row in uses] == [("E", "PII"), ("P", "PII")]
    ask("ALTER TABLE T ALTER COLUMN P UNSET TAG LAKE.RAW.PII")
    assert rows(ask, "DESCRIBE TABLE T")[1]["policy name"] is None


def test_if_not_exists_and_or_replace(ask: Asking) -> None:
    for make in (
        "TABLE T (A NUMBER)",
        "VIEW T2 AS SELECT 1 AS A",
        "ROLE R",
        "TAG G",
        "WAREHOUSE W",
        "SCHEMA LAKE.S",
    ):
        ask(f"CREATE {make}")
        with pytest.raises(ProgrammingError) as fault:
            ask(f"CREATE {make}")
        assert fault.value.errno == 2002
        kind, rest = make.split(" ", 1)
        ask(f"CREATE {kind} IF NOT EXISTS {rest}")
    assert (
        "already exists, statement succeeded" in ask("CREATE TABLE IF NOT EXISTS LAKE.RAW.T (B NUMBER)")[0][0]
    )
    assert [row["name"] for row in rows(ask, "DESCRIBE TABLE LAKE.RAW.T")] == ["A"]


def test_show_understands_its_clauses(ask: Asking) -> None:
    for name in ("A_1", "AB1", "B"):
        ask(f"CREATE TABLE LAKE.RAW.{name} (N NUMBER)")
    names = lambda clause: [row["name"] for row in rows(ask, f"SHOW TABLES {clause}")]  # noqa: E731
    assert names("LIKE 'A_1' IN SCHEMA LAKE.RAW") == ["AB1", "A_1"]
    assert names("LIKE 'A\\\\_1' IN SCHEMA LAKE.RAW") == ["A_1"]
    assert names("IN LAKE.RAW STARTS WITH 'A'") == ["AB1", "A_1"]
    assert names("IN DATABASE LAKE LIMIT 1") == ["AB1"]
    assert names("IN SCHEMA LAKE.STAGING") == []
    assert len(names("IN ACCOUNT")) == 3
    assert ask.session().execute("SHOW TERSE TABLES IN SCHEMA LAKE.RAW").columns == (
        "created_on",
        "name",
        "kind",
        "database_name",
        "schema_name",
    )
    with pytest.raises(ProgrammingError):
        ask("SHOW TABLES IN SCHEMA LAKE.NOPE")
    assert ask.session().execute("SHOW STREAMS").columns[:3] == ("created_on", "name", "database_name")
