"""What a restart, an orderly one or a kill in mid-statement, leaves: everything that was committed, and every mask."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection

from local.snowflake.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
OBJECTS = """
    CREATE ROLE ANALYST COMMENT = 'sees masks'; CREATE ROLE ENGINEER; GRANT ROLE ENGINEER TO ROLE ANALYST; CREATE USER ALICE DEFAULT_ROLE = 'ANALYST';
    GRANT ROLE ANALYST TO USER ALICE;
    CREATE WAREHOUSE W WAREHOUSE_SIZE = 'SMALL'; CREATE RESOURCE MONITOR M WITH CREDIT_QUOTA = 5 TRIGGERS ON 90 PERCENT DO SUSPEND;
    CREATE STORAGE INTEGRATION SI TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::0:role/r' STORAGE_ALLOWED_LOCATIONS = ('s3://b/landing/');
    CREATE DATABASE LAKE; CREATE SCHEMA LAKE.RAW DATA_RETENTION_TIME_IN_DAYS = 3; USE SCHEMA LAKE.RAW;
    CREATE FILE FORMAT NDJSON TYPE = JSON; CREATE STAGE LANDING URL = 's3://b/landing/' STORAGE_INTEGRATION = SI FILE_FORMAT = (FORMAT_NAME = 'LAKE.RAW.NDJSON');
    CREATE TABLE T (A VARCHAR COMMENT 'an a', E VARCHAR(100), N NUMBER(12,2) DEFAULT 1 NOT NULL) COMMENT = 'a table';
    CREATE STREAM T_S ON TABLE T APPEND_ONLY = TRUE; INSERT INTO T VALUES ('1', 'anna@x.com', 1.5);
    CREATE MASKING POLICY MP AS (V VARCHAR) RETURNS VARCHAR -> CASE WHEN CURRENT_ROLE() = 'ENGINEER' THEN V ELSE '***' END;
    CREATE TAG PII; ALTER TAG PII SET MASKING POLICY MP; ALTER TABLE T MODIFY COLUMN E SET TAG PII = 'email';
    CREATE ROW ACCESS POLICY RP AS (V VARCHAR) RETURNS BOOLEAN -> V <> '2' OR CURRENT_ROLE() = 'ENGINEER';
    ALTER TABLE T ADD ROW ACCESS POLICY RP ON (A);
    CREATE VIEW V AS SELECT E FROM T; GRANT USAGE ON DATABASE LAKE TO ROLE ENGINEER; GRANT USAGE ON SCHEMA LAKE.RAW TO ROLE ENGINEER;
    GRANT SELECT ON ALL TABLES IN SCHEMA LAKE.RAW TO ROLE ENGINEER; GRANT SELECT ON VIEW V TO ROLE ENGINEER;
    GRANT SELECT ON FUTURE TABLES IN SCHEMA LAKE.RAW TO ROLE ENGINEER"""
SHOWN = [
    "SHOW ROLES", "SHOW USERS", "SHOW WAREHOUSES", "SHOW RESOURCE MONITORS", "SHOW INTEGRATIONS", "DESCRIBE INTEGRATION SI",
    "SHOW DATABASES", "SHOW SCHEMAS IN DATABASE LAKE", "SHOW TABLES IN SCHEMA LAKE.RAW", "SHOW VIEWS IN SCHEMA LAKE.RAW",
    "SHOW COLUMNS IN SCHEMA LAKE.RAW", "SHOW STREAMS IN SCHEMA LAKE.RAW", "SHOW STAGES IN SCHEMA LAKE.RAW",
    "SHOW FILE FORMATS IN SCHEMA LAKE.RAW", "SHOW MASKING POLICIES IN SCHEMA LAKE.RAW", "SHOW TAGS IN SCHEMA LAKE.RAW",
    "SHOW ROW ACCESS POLICIES IN SCHEMA LAKE.RAW", "SHOW GRANTS TO ROLE ENGINEER", "SHOW GRANTS OF ROLE ENGINEER",
    "SHOW FUTURE GRANTS IN SCHEMA LAKE.RAW", "DESCRIBE TABLE LAKE.RAW.T",
    "SELECT * FROM TABLE(LAKE.INFORMATION_SCHEMA.POLICY_REFERENCES(POLICY_NAME => 'LAKE.RAW.MP'))",
    "SELECT A, E, N FROM LAKE.RAW.T_S", "SELECT SYSTEM$STREAM_HAS_DATA('LAKE.RAW.T_S')", "SELECT * FROM LAKE.RAW.V",
]  # fmt: skip


def shown(engine: Engine) -> list[object]:
    session = engine.session()
    answers = [session.execute(sql).rows for sql in SHOWN]
    for role in ("ANALYST", "ENGINEER"):
        other = engine.session(role=role, user=f"A_{role}")
        answers.append(other.execute("SELECT A, E, N FROM LAKE.RAW.T ORDER BY A").rows)
        other.close()
    session.close()
    return answers


def test_a_restart_shows_what_was_there(data: Path) -> None:
    engine = Engine(data)
    session = engine.session()
    for statement in OBJECTS.split(";"):
        session.execute(statement)
    session.close()
    before = shown(engine)
    assert before[-2:] == [[("1", "***", 1.5)], [("1", "anna@x.com", 1.5)]]
    engine.stop()
    engine = Engine(data)
    try:
        assert shown(engine) == before
        session = engine.session(database="LAKE", schema="RAW")
        session.execute("INSERT INTO T (A, E) VALUES ('2', 'bob@x.com')")
        assert session.execute("SELECT A, E, N FROM T_S").rows == [
            ("1", "***", 1.5)
        ]  # the policy hides row 2
        session.execute("CREATE TABLE NEW (N NUMBER)")
        assert ("SELECT", "LAKE.RAW.NEW") in [
            (r[1], r[3]) for r in session.execute("SHOW GRANTS TO ROLE ENGINEER").rows
        ]
    finally:
        engine.stop()


def test_temporary_tables_go_with_their_session_and_with_a_crash(data: Path) -> None:
    engine = Engine(data)
    session = engine.session()
    session.execute("CREATE DATABASE LAKE")
    other = engine.session(database="LAKE", schema="PUBLIC")
    other.execute("CREATE TEMPORARY TABLE LAKE.PUBLIC.GONE (N NUMBER)")
    assert [row[1] for row in session.execute("SHOW TABLES IN DATABASE LAKE").rows] == ["GONE"]
    other.close()
    assert session.execute("SHOW TABLES IN DATABASE LAKE").rows == []
    session.execute("CREATE TEMPORARY TABLE LAKE.PUBLIC.LOST (N NUMBER)")
    session.duck.close()  # as a killed process leaves it
    engine.sessions.clear()
    engine.stop()
    engine = Engine(data)
    assert engine.session().execute("SHOW TABLES IN DATABASE LAKE").rows == []
    engine.stop()


# -- the process itself


class Process:
    """A server process that can be killed."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.data = data
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "local.snowflake.server",
                "--port",
                str(self.port),
                "--data",
                str(self.data),
            ],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < deadline, "the server did not come up"
                time.sleep(0.05)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def connect(self, role: str = "ACCOUNTADMIN") -> SnowflakeConnection:
        return snowflake.connector.connect(
            user="admin", password="-", account="fakesnow", host="127.0.0.1", port=self.port, protocol="http", role=role,
            database="LAKE", schema="PUBLIC", login_timeout=20,
            session_parameters={"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
        )  # fmt: skip


CONSUMER = textwrap.dedent("""
    import sys, snowflake.connector
    session = snowflake.connector.connect(user="admin", password="-", account="fakesnow", host="127.0.0.1",
        port=int(sys.argv[1]), protocol="http", database="LAKE", schema="PUBLIC", login_timeout=5,
        session_parameters={"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False})
    cursor = session.cursor()
    batch = int(sys.argv[2])
    while True:
        cursor.execute(f"INSERT INTO SRC SELECT {batch} * 100000 + ROW_NUMBER() OVER (ORDER BY 1), REPEAT('x', 100) "
                       "FROM TABLE(GENERATOR(ROWCOUNT => 20000))")
        print(batch, flush=True)
        batch += 1
        cursor.execute("MERGE INTO OUT T USING (SELECT N, V FROM S QUALIFY ROW_NUMBER() OVER (PARTITION BY N ORDER BY N) = 1) X "
                       "ON T.N = X.N WHEN MATCHED THEN UPDATE SET TIMES = T.TIMES + 1 "
                       "WHEN NOT MATCHED THEN INSERT (N, V, TIMES) VALUES (X.N, X.V, 1)")
""")


@pytest.mark.timeout(180)
def test_killed_in_mid_merge_nothing_is_lost_or_doubled(data: Path) -> None:
    """SIGKILL at four moments while batches are inserted and merged; the sums always agree afterwards."""
    server = Process(data)
    try:
        setup = server.connect()
        for statement in (
            "CREATE DATABASE LAKE", "CREATE TABLE SRC (N NUMBER, V VARCHAR)", "CREATE STREAM S ON TABLE SRC APPEND_ONLY = TRUE",
            "CREATE TABLE OUT (N NUMBER, V VARCHAR, TIMES NUMBER)", "CREATE ROLE ANALYST",
            "CREATE MASKING POLICY MP AS (V VARCHAR) RETURNS VARCHAR -> '***'",
            "ALTER TABLE OUT MODIFY COLUMN V SET MASKING POLICY MP",
        ):  # fmt: skip
            setup.cursor().execute(statement)
        for attempt, delay in enumerate((0.02, 0.07, 0.15, 0.3)):
            consumer = subprocess.Popen(
                [sys.executable, "-c", CONSUMER, str(server.port), str(attempt * 100)], cwd=ROOT,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            assert consumer.stdout is not None
            consumer.stdout.readline()
            consumer.stdout.readline()
            time.sleep(delay)
            server.kill()
            consumer.kill()
            consumer.wait()
            server.start()
            with server.connect() as session:
                one = lambda sql: session.cursor().execute(sql).fetchone()  # noqa: E731
                rows = one("SELECT COUNT(*), COUNT(DISTINCT N) FROM SRC")
                assert rows[0] == rows[1]
                merged = one("SELECT COUNT(*), COUNT(DISTINCT N), MAX(TIMES) FROM OUT")
                assert merged[0] == merged[1]
                assert merged[2] == 1
                waiting = one("SELECT COUNT(*) FROM S")
                assert merged[0] + waiting[0] == rows[0]
                assert one("SELECT MAX(V) FROM OUT") == ("***",)
                session.cursor().execute("INSERT INTO OUT SELECT N, V, 1 FROM S")
                assert one("SELECT COUNT(*), COUNT(DISTINCT N) FROM OUT") == rows
    finally:
        server.kill()
