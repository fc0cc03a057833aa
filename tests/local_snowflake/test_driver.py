"""The port: Snowflake's own driver logs in, asks, binds, and is refused as by the real thing."""

import datetime as dt
import threading
import urllib.request
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import snowflake.connector
from snowflake.connector import DictCursor, SnowflakeConnection
from snowflake.connector.errors import DatabaseError, ProgrammingError

from local.snowflake.server import Running

Connect = Callable[..., SnowflakeConnection]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("warehouse")) as running:
        yield running


@pytest.fixture(scope="module")
def connect(server: Running) -> Iterator[Connect]:
    opened: list[SnowflakeConnection] = []

    def connect(**options: object) -> SnowflakeConnection:
        given = {
            "user": "admin", "password": "-", "account": "fakesnow", "host": "127.0.0.1", "port": server.port,
            "protocol": "http", "login_timeout": 20, "session_parameters": {"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
        }  # fmt: skip
        opened.append(snowflake.connector.connect(**{**given, **options}))
        return opened[-1]

    session = connect()
    for statement in (
        "CREATE DATABASE LAKE",
        "CREATE ROLE ANALYST",
        "GRANT USAGE ON DATABASE LAKE TO ROLE ANALYST",
    ):
        session.cursor().execute(statement)
    yield connect
    for connection in opened:
        connection.close()


def test_every_type_arrives_as_itself(connect: Connect) -> None:
    cursor = connect(database="lake", schema="public").cursor()
    cursor.execute("""SELECT 1::NUMBER AS I, 1.50::NUMBER(12,2) AS D, 1.5::FLOAT AS F, 'ä' AS S, TRUE AS B,
        '2024-02-29'::DATE AS DAY, '10:20:30.5'::TIME AS T, '2024-02-29 10:20:30.123456'::TIMESTAMP_NTZ AS N,
        '1969-12-31 23:59:59.5'::TIMESTAMP_NTZ AS OLD, '2024-02-29 10:20:30+02:00'::TIMESTAMP_LTZ AS L,
        PARSE_JSON('{"a": [1]}') AS V, X'00FF' AS BIN, NULL AS NOTHING, NULL::TIMESTAMP_NTZ AS NOTIME, NULL::DATE AS NODAY""")
    (row,) = cursor.fetchall()
    assert row == (
        1, Decimal("1.50"), 1.5, "ä", True, dt.date(2024, 2, 29), dt.time(10, 20, 30, 500000),
        dt.datetime(2024, 2, 29, 10, 20, 30, 123456), dt.datetime(1969, 12, 31, 23, 59, 59, 500000),
        dt.datetime(2024, 2, 29, 8, 20, 30, tzinfo=dt.UTC), '{"a":[1]}', b"\x00\xff", None, None, None,
    )  # fmt: skip
    assert [column.name for column in cursor.description][:3] == ["I", "D", "F"]
    assert (cursor.description[1].precision, cursor.description[1].scale) == (12, 2)


def test_binds_of_both_styles(connect: Connect) -> None:
    values = [
        7,
        "o'h\\n?",
        None,
        True,
        Decimal("1.25"),
        dt.datetime(2024, 1, 2, 3, 4, 5),
        dt.date(2024, 1, 2),
        b"\x01",
    ]
    plain = connect(database="LAKE").cursor().execute("SELECT %s, %s, %s, %s", values[:4]).fetchone()
    assert plain == tuple(values[:4])
    marked = connect(database="LAKE", paramstyle="qmark").cursor()
    assert marked.execute(f"SELECT {', '.join(['?'] * 8)}, '?'", values).fetchone() == (*values, "?")
    marked.execute("CREATE OR REPLACE TABLE MANY (A NUMBER, B VARCHAR)")
    marked.executemany("INSERT INTO MANY VALUES (?, ?)", [(1, "a"), (2, "b"), (3, None)])
    assert marked.rowcount == 3
    assert marked.execute("SELECT COUNT(*), MAX(B) FROM MANY").fetchone() == (3, "b")


def test_rowcounts_and_dictionaries(connect: Connect) -> None:
    cursor = connect(database="LAKE").cursor(DictCursor)
    cursor.execute("CREATE OR REPLACE TABLE R AS SELECT 1 AS A UNION ALL SELECT 2")
    assert cursor.execute("UPDATE R SET A = A + 1").rowcount == 2
    assert cursor.execute("SELECT COUNT(*), MAX(A) AS M FROM R").fetchall() == [{"COUNT(*)": 2, "M": 3}]


def test_a_session_knows_where_it_is(connect: Connect) -> None:
    session = connect(database="LAKE", schema="PUBLIC", role="analyst", user="alice")
    assert (session.role, session.database, session.schema) == ("ANALYST", "LAKE", "PUBLIC")
    assert connect(user="bob").role == "PUBLIC"
    admin = connect()
    assert admin.role == "ACCOUNTADMIN"
    admin.cursor().execute("USE DATABASE LAKE")
    assert admin.database == "LAKE"
    nowhere = connect(database="NOT_YET").cursor()
    with pytest.raises(ProgrammingError, match="does not have a current database") as fault:
        nowhere.execute("CREATE TABLE T (A NUMBER)")
    assert fault.value.errno == 90105


def test_a_role_that_is_not_there_cannot_log_in(connect: Connect) -> None:
    with pytest.raises(DatabaseError, match="Role 'NOBODY' specified in the connect string does not exist"):
        connect(role="NOBODY")


def test_errors_have_snowflakes_numbers(connect: Connect) -> None:
    cursor = connect(database="LAKE").cursor()
    for statement, errno, state in (
        ("SELECT * FROM NOPE", 2003, "42S02"), ("SELECT NOPE", 904, "42000"), ("SELEC 1 FROM", 1003, "42000"),
        ("SELECT 'x'::NUMBER", 100038, "22018"), ("CREATE DATABASE LAKE", 2002, "42710"),
    ):  # fmt: skip
        with pytest.raises(ProgrammingError) as fault:
            cursor.execute(statement)
        assert (fault.value.errno, fault.value.sqlstate) == (errno, state), statement


def test_sessions_are_apart_and_results_their_own(connect: Connect) -> None:
    one, two = connect(database="LAKE").cursor(), connect(database="LAKE").cursor()
    one.execute("SELECT 'mine' AS A")
    assert one.execute(f"SELECT A FROM TABLE(RESULT_SCAN('{one.sfqid}'))").fetchall() == [("mine",)]
    one.execute("SELECT 'mine' AS A")
    with pytest.raises(ProgrammingError, match="not found"):
        two.execute(f"SELECT * FROM TABLE(RESULT_SCAN('{one.sfqid}'))")
    one.execute("SET V = 5")
    assert one.execute("SELECT $V + 1").fetchone() == (6,)
    with pytest.raises(ProgrammingError, match="does not exist"):
        two.execute("SELECT $V")


def test_many_sessions_at_once(connect: Connect) -> None:
    connect(database="LAKE").cursor().execute("CREATE OR REPLACE TABLE LOG (W NUMBER, I NUMBER)")
    faults: list[Exception] = []

    def work(worker: int) -> None:
        try:
            cursor = connect(database="LAKE").cursor()
            for number in range(15):
                cursor.execute(f"INSERT INTO LOG VALUES ({worker}, {number})")
                assert cursor.execute(f"SELECT COUNT(*) FROM LOG WHERE W = {worker}").fetchone() == (
                    number + 1,
                )
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert connect(database="LAKE").cursor().execute("SELECT COUNT(*) FROM LOG").fetchone() == (60,)


def test_it_listens_on_this_machine_only(server: Running) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health") as answer:
        assert b'"status":"ok"' in answer.read()
    assert server._socket.getsockname()[0] == "127.0.0.1"


def test_a_closed_session_is_over(connect: Connect, server: Running, tmp_path: Path) -> None:
    session = connect(database="LAKE")
    session.cursor().execute("CREATE TEMPORARY TABLE LAKE.PUBLIC.PASSING (A NUMBER)")
    session.close()
    assert connect().cursor().execute("SHOW TABLES LIKE 'PASSING' IN DATABASE LAKE").fetchall() == []


def test_a_service_comes_from_its_networks_and_has_its_role(connect: Connect) -> None:
    cursor = connect().cursor()
    for statement in (
        "CREATE NETWORK POLICY HOME ALLOWED_IP_LIST = ('127.0.0.0/8')",
        "CREATE NETWORK POLICY AWAY ALLOWED_IP_LIST = ('0.0.0.0/0') BLOCKED_IP_LIST = ('127.0.0.1')",
        "CREATE USER BI TYPE = SERVICE RSA_PUBLIC_KEY = 'TUlJQg==' DEFAULT_ROLE = ANALYST NETWORK_POLICY = HOME",
        "CREATE USER ELSEWHERE TYPE = SERVICE DEFAULT_ROLE = ANALYST NETWORK_POLICY = AWAY",
        "GRANT ROLE ANALYST TO USER BI",
        "GRANT ROLE ANALYST TO USER ELSEWHERE",
    ):
        cursor.execute(statement)
    row = connect(user="BI").cursor().execute("SELECT CURRENT_USER(), CURRENT_ROLE()")
    assert row is not None and row.fetchall() == [("BI", "ANALYST")]
    with pytest.raises(DatabaseError, match=r"127\.0\.0\.1 is not allowed to access Snowflake"):
        connect(user="ELSEWHERE")
    with pytest.raises(DatabaseError, match="not authorized"):
        connect(user="BI", role="ACCOUNTADMIN")
    with pytest.raises(ProgrammingError, match="used by user"):
        cursor.execute("DROP NETWORK POLICY AWAY")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("CREATE USER S TYPE = SERVICE PASSWORD = 'x'", "cannot have a PASSWORD"),
        ("CREATE USER S NETWORK_POLICY = NOWHERE", "does not exist"),
        ("CREATE NETWORK POLICY N ALLOWED_IP_LIST = ('here')", "no address or network"),
        ("CREATE NETWORK POLICY N ALLOWED_NETWORK_RULE_LIST = ('R')", "ALLOWED_NETWORK_RULE_LIST"),
    ],
)
def test_what_a_user_or_a_network_may_not_be_is_refused(connect: Connect, statement: str, told: str) -> None:
    with pytest.raises(ProgrammingError, match=told):
        connect().cursor().execute(statement)
