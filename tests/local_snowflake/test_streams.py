"""Streams: what they show, when they advance, and that nothing is lost or seen twice."""

import random
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snowflake.connector.errors import ProgrammingError

from .conftest import Asking

MERGE = """MERGE INTO LAKE.STAGING.ORD tgt USING (
  SELECT PAYLOAD:id::NUMBER AS ID, PAYLOAD:scn::NUMBER AS SCN, PAYLOAD:a.b::STRING AS VAL, PAYLOAD:op::STRING AS OP
  FROM LAKE.RAW.EV_S WHERE METADATA$ACTION = 'INSERT'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY PAYLOAD:id::NUMBER ORDER BY PAYLOAD:scn::NUMBER DESC) = 1) src
ON tgt.ID = src.ID
WHEN MATCHED AND src.OP = 'D' AND src.SCN > tgt.SCN THEN DELETE
WHEN MATCHED AND src.SCN > tgt.SCN THEN UPDATE SET tgt.SCN = src.SCN, tgt.VAL = UPPER(src.VAL)
WHEN NOT MATCHED AND src.OP <> 'D' THEN INSERT (ID, SCN, VAL) VALUES (src.ID, src.SCN, UPPER(src.VAL))"""


@pytest.fixture
def lake(ask: Asking) -> Asking:
    ask.script("""
        CREATE TABLE LAKE.RAW.EV (PAYLOAD VARIANT);
        CREATE TABLE LAKE.STAGING.ORD (ID NUMBER PRIMARY KEY, SCN NUMBER, VAL VARCHAR);
        CREATE STREAM LAKE.RAW.EV_S ON TABLE LAKE.RAW.EV APPEND_ONLY = TRUE""")
    return ask


def event(ask: Asking, number: int, scn: int, value: str = "v", op: str = "I", session=None) -> None:
    text = f'{{"id":{number},"scn":{scn},"op":"{op}","a":{{"b":"{value}"}}}}'
    (session or ask.session()).execute(f"INSERT INTO LAKE.RAW.EV SELECT PARSE_JSON('{text}')")


def count(ask: Asking, table: str) -> int:
    return ask(f"SELECT COUNT(*) FROM {table}")[0][0]


def test_a_merge_consumes_and_a_select_does_not(lake: Asking) -> None:
    event(lake, 1, 10, "a")
    event(lake, 1, 11, "b")
    event(lake, 2, 5, "x")
    assert count(lake, "LAKE.RAW.EV_S") == 3 == count(lake, "LAKE.RAW.EV_S")
    assert lake("SELECT SYSTEM$STREAM_HAS_DATA('LAKE.RAW.EV_S')") == [(True,)]
    assert lake(MERGE) == [(2, 0, 0)]
    assert count(lake, "LAKE.RAW.EV_S") == 0
    assert lake("SELECT SYSTEM$STREAM_HAS_DATA('LAKE.RAW.EV_S')") == [(False,)]
    event(lake, 1, 9, "stale")
    event(lake, 2, 6, "y", "D")
    event(lake, 3, 1, "z")
    assert lake(MERGE) == [(1, 0, 1)]
    assert lake("SELECT * FROM LAKE.STAGING.ORD ORDER BY 1") == [(1, 11, "B"), (3, 1, "Z")]


def test_a_failed_merge_changes_nothing(lake: Asking) -> None:
    event(lake, 1, 10)
    event(lake, 2, 10)
    bad = MERGE.replace("src.SCN, UPPER(src.VAL))", "src.SCN, (src.VAL::NUMBER)::STRING)")
    with pytest.raises(ProgrammingError):
        lake(bad)
    assert count(lake, "LAKE.RAW.EV_S") == 2
    assert count(lake, "LAKE.STAGING.ORD") == 0
    assert lake(MERGE) == [(2, 0, 0)]


def test_several_statements_of_a_transaction_see_the_same_rows(lake: Asking) -> None:
    event(lake, 1, 10)
    lake("CREATE TABLE LAKE.STAGING.A (P VARIANT)")
    other = lake.new()
    lake("BEGIN")
    assert lake(MERGE) == [(1, 0, 0)]
    event(lake, 5, 5, session=other)
    assert count(lake, "LAKE.RAW.EV_S") == 1
    lake("INSERT INTO LAKE.STAGING.A SELECT PAYLOAD FROM LAKE.RAW.EV_S")
    lake("COMMIT")
    assert count(lake, "LAKE.STAGING.A") == 1
    assert lake("SELECT PAYLOAD:id::NUMBER FROM LAKE.RAW.EV_S") == [
        (5,)
    ]  # arrived meanwhile: neither lost nor taken


def test_rollback_gives_back_what_was_consumed(lake: Asking) -> None:
    event(lake, 1, 10)
    lake("BEGIN")
    lake(MERGE)
    lake("ROLLBACK")
    assert count(lake, "LAKE.RAW.EV_S") == 1
    assert count(lake, "LAKE.STAGING.ORD") == 0
    assert lake(MERGE) == [(1, 0, 0)]


def test_of_two_consumers_one_must_try_again(lake: Asking) -> None:
    event(lake, 1, 10)
    lake("CREATE TABLE LAKE.STAGING.A (P VARIANT)")
    one, two = lake.new(), lake.new()
    for session in (one, two):
        session.execute("BEGIN")
        session.execute("INSERT INTO LAKE.STAGING.A SELECT PAYLOAD FROM LAKE.RAW.EV_S")
    one.execute("COMMIT")
    with pytest.raises(ProgrammingError) as fault:
        two.execute("COMMIT")
    assert fault.value.errno == 625
    assert not two.in_transaction
    assert count(lake, "LAKE.STAGING.A") == 1


def test_two_streams_of_a_table_advance_apart(lake: Asking) -> None:
    lake("CREATE STREAM LAKE.RAW.EV_T ON TABLE LAKE.RAW.EV APPEND_ONLY = TRUE")
    event(lake, 1, 10)
    lake(MERGE)
    assert (count(lake, "LAKE.RAW.EV_S"), count(lake, "LAKE.RAW.EV_T")) == (0, 1)


def test_a_stream_begins_where_it_was_made(ask: Asking) -> None:
    ask.script("""
        CREATE TABLE T (N NUMBER); INSERT INTO T VALUES (1); CREATE STREAM S ON TABLE T; INSERT INTO T VALUES (2)""")
    assert ask("SELECT N FROM S") == [(2,)]


def test_an_append_only_stream_shows_rows_as_inserted_whatever_became_of_them(ask: Asking) -> None:
    """Snowflake: 10 rows inserted, 5 deleted before the offset moves: an append-only stream records 10."""
    ask.script("""
        CREATE TABLE T (N NUMBER, V VARCHAR); CREATE STREAM S ON TABLE T APPEND_ONLY = TRUE;
        INSERT INTO T SELECT SEQ, 'a' FROM (SELECT ROW_NUMBER() OVER (ORDER BY 1) AS SEQ FROM TABLE(GENERATOR(ROWCOUNT => 10)));
        DELETE FROM T WHERE N <= 5; UPDATE T SET V = 'b' WHERE N = 6""")
    assert ask("SELECT N, V FROM S ORDER BY 1") == [(n, "a") for n in range(1, 11)]
    ask("TRUNCATE TABLE T")
    assert count(ask, "S") == 10


def test_a_standard_stream_shows_the_net_change(ask: Asking) -> None:
    ask.script("""
        CREATE TABLE T (ID NUMBER, VAL VARCHAR);
        INSERT INTO T VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd');
        CREATE STREAM S ON TABLE T;
        UPDATE T SET VAL = 'a2' WHERE ID = 1; UPDATE T SET VAL = 'a3' WHERE ID = 1;
        DELETE FROM T WHERE ID = 2;
        INSERT INTO T VALUES (9, 'n'); UPDATE T SET VAL = 'n2' WHERE ID = 9;
        INSERT INTO T VALUES (8, 'gone'); DELETE FROM T WHERE ID = 8;
        UPDATE T SET VAL = 'x' WHERE ID = 4; UPDATE T SET VAL = 'd' WHERE ID = 4""")
    assert ask("SELECT ID, VAL, METADATA$ACTION, METADATA$ISUPDATE FROM S ORDER BY 1, 3") == [
        (1, "a", "DELETE", True),
        (1, "a3", "INSERT", True),
        (2, "b", "DELETE", False),
        (9, "n2", "INSERT", False),
    ]
    rows = ask("SELECT METADATA$ROW_ID FROM S WHERE ID = 1")
    assert rows[0] == rows[1]


def test_a_merge_into_a_tracked_table_is_a_change_like_any_other(ask: Asking) -> None:
    ask.script("""
        CREATE TABLE T (ID NUMBER, VAL VARCHAR); INSERT INTO T VALUES (1, 'a'), (2, 'b');
        CREATE STREAM S ON TABLE T;
        MERGE INTO T USING (SELECT 1 AS ID, 'A' AS VAL UNION ALL SELECT 2, NULL UNION ALL SELECT 3, 'C') X ON T.ID = X.ID
          WHEN MATCHED AND X.VAL IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET VAL = X.VAL
          WHEN NOT MATCHED THEN INSERT VALUES (X.ID, X.VAL)""")
    assert ask("SELECT ID, VAL, METADATA$ACTION, METADATA$ISUPDATE FROM S ORDER BY 1, 3") == [
        (1, "a", "DELETE", True),
        (1, "A", "INSERT", True),
        (2, "b", "DELETE", False),
        (3, "C", "INSERT", False),
    ]


def test_a_replaced_table_makes_its_streams_stale(ask: Asking) -> None:
    ask.script("CREATE TABLE T (N NUMBER); CREATE STREAM S ON TABLE T; CREATE OR REPLACE TABLE T (N NUMBER)")
    with pytest.raises(
        ProgrammingError, match=r"Base table 'LAKE.RAW.T' dropped, cannot read from stream 'S'"
    ):
        ask("SELECT * FROM S")
    assert ask("SHOW STREAMS LIKE 'S'")[0][10] == "true"


def test_the_hidden_column_stays_hidden(ask: Asking) -> None:
    ask.script(
        "CREATE TABLE T (N NUMBER, V VARCHAR); CREATE STREAM S ON TABLE T; INSERT INTO T VALUES (1, 'a')"
    )
    assert ask("SELECT * FROM T") == [(1, "a")]
    assert ask.session().execute("SELECT T.* FROM T").columns == ("N", "V")
    assert [row[0] for row in ask("DESCRIBE TABLE T")] == ["N", "V"]
    ask("CREATE TABLE C CLONE T")
    assert ask("SELECT * FROM C") == [(1, "a")]
    with pytest.raises(ProgrammingError):
        ask("SELECT _ROW FROM T")


def test_a_tracked_table_may_get_and_lose_columns(ask: Asking) -> None:
    ask.script("""
        CREATE TABLE T (N NUMBER, V VARCHAR); INSERT INTO T VALUES (1, 'a'); CREATE STREAM S ON TABLE T;
        DELETE FROM T WHERE N = 1; ALTER TABLE T ADD COLUMN W VARCHAR; ALTER TABLE T DROP COLUMN V;
        INSERT INTO T VALUES (2, 'w')""")
    assert ask("SELECT N, W, METADATA$ACTION FROM S ORDER BY 1") == [(1, None, "DELETE"), (2, "w", "INSERT")]


def test_a_stream_through_a_view_is_consumed_too(lake: Asking) -> None:
    lake("CREATE VIEW LAKE.RAW.V AS SELECT PAYLOAD FROM LAKE.RAW.EV_S")
    lake("CREATE TABLE LAKE.STAGING.A (P VARIANT)")
    event(lake, 1, 1)
    lake("INSERT INTO LAKE.STAGING.A SELECT PAYLOAD FROM LAKE.RAW.V")
    assert count(lake, "LAKE.RAW.EV_S") == 0


def test_reading_follows_the_batch_not_the_table(ask: Asking) -> None:
    ask("CREATE TABLE T (N NUMBER, V VARCHAR)")
    ask("CREATE STREAM S ON TABLE T APPEND_ONLY = TRUE")
    ask("CREATE TABLE OUT (N NUMBER, V VARCHAR)")
    rows = "SELECT ROW_NUMBER() OVER (ORDER BY 1), REPEAT('x', 40) FROM TABLE(GENERATOR(ROWCOUNT => {}))"
    ask(f"INSERT INTO T {rows.format(1_500_000)}")
    ask("INSERT INTO OUT SELECT N, V FROM S")
    ask(f"INSERT INTO T {rows.format(100)}")

    def seconds(sql: str) -> float:
        best = []
        for _ in range(5):
            began = time.perf_counter()
            ask(sql)
            best.append(time.perf_counter() - began)
        return min(best)

    assert ask("SELECT COUNT(*) FROM S") == [(100,)]
    assert seconds("SELECT MAX(V || N) FROM S") < seconds("SELECT MAX(V || N) FROM T") / 2


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["insert", "update", "delete", "consume", "begin", "commit", "rollback"]),
            st.integers(0, 5),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_replaying_what_a_stream_delivers_gives_the_table(ask: Asking, steps: list[tuple[str, int]]) -> None:
    """A consumer that applies each delivery holds the table as of its last one, whatever was rolled back."""
    ask.script("""
        CREATE OR REPLACE TABLE T (K NUMBER, V NUMBER); INSERT INTO T VALUES (0, 0), (1, 0);
        CREATE OR REPLACE TABLE COPY AS SELECT * FROM T; CREATE OR REPLACE STREAM S ON TABLE T""")
    session = ask.session()

    def consume() -> None:
        """Deletes and inserts of the delivery, applied in one transaction."""
        own = not session.in_transaction
        if own:
            ask("BEGIN")
        seen = ask("SELECT K, V, METADATA$ACTION FROM S")
        ask("""MERGE INTO COPY USING (SELECT K, MAX(IFF(METADATA$ACTION = 'INSERT', V, NULL)) AS V,
                  MAX(IFF(METADATA$ACTION = 'INSERT', 1, 0)) AS HERE FROM S GROUP BY K) D ON COPY.K = D.K
               WHEN MATCHED AND D.HERE = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET V = D.V
               WHEN NOT MATCHED AND D.HERE = 1 THEN INSERT (K, V) VALUES (D.K, D.V)""")
        assert ask("SELECT K, V, METADATA$ACTION FROM S") == seen
        if own:
            ask("COMMIT")

    for step, (verb, key) in enumerate(steps, start=1):
        if verb == "insert" and not ask(f"SELECT 1 FROM T WHERE K = {key}"):
            ask(f"INSERT INTO T VALUES ({key}, {step})")
        elif verb == "update":
            ask(f"UPDATE T SET V = {step} WHERE K = {key}")
        elif verb == "delete":
            ask(f"DELETE FROM T WHERE K = {key}")
        elif verb == "consume" and not session.in_transaction:
            consume()
        elif verb in ("begin", "commit", "rollback"):
            ask(verb)
    ask("COMMIT")
    consume()
    assert ask("SELECT * FROM COPY ORDER BY K") == ask("SELECT * FROM T ORDER BY K")
    assert ask("SELECT COUNT(*) FROM S") == [(0,)]


def test_every_committed_row_is_delivered_once_under_concurrency(ask: Asking) -> None:
    """Three writers with rollbacks, two consumers that conflict: what was committed arrives, once."""
    ask.script("""
        CREATE TABLE EV (W NUMBER, I NUMBER); CREATE TABLE OUT (W NUMBER, I NUMBER);
        CREATE STREAM ES ON TABLE EV APPEND_ONLY = TRUE""")
    over = threading.Event()
    kept: list[int] = []
    conflicts: list[ProgrammingError] = []
    faults: list[Exception] = []

    def write(writer: int) -> None:
        session, chance = ask.new(), random.Random(writer)
        for number in range(60):
            grouped = chance.random() < 0.4
            if grouped:
                session.execute("BEGIN")
            session.execute(f"INSERT INTO EV VALUES ({writer}, {number})")
            if grouped:
                time.sleep(chance.random() * 0.01)
                if chance.random() < 0.3:
                    session.execute("ROLLBACK")
                    continue
                session.execute("COMMIT")
            kept.append(1)
        session.close()

    def consume(seed: int) -> None:
        session, chance, last = ask.new(), random.Random(seed), False
        while not last:
            last = over.is_set()
            try:
                grouped = chance.random() < 0.5
                if grouped:
                    session.execute("BEGIN")
                session.execute("INSERT INTO OUT SELECT W, I FROM ES")
                if grouped:
                    time.sleep(chance.random() * 0.01)
                    session.execute("COMMIT")
            except ProgrammingError as fault:
                conflicts.append(fault)
            time.sleep(0.005)
        session.close()

    def guarded(work, argument: int) -> None:
        try:
            work(argument)
        except Exception as fault:
            faults.append(fault)

    writers = [threading.Thread(target=guarded, args=(write, n)) for n in range(3)]
    consumers = [threading.Thread(target=guarded, args=(consume, n)) for n in range(2)]
    for thread in writers + consumers:
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    for thread in consumers:
        thread.join()
    assert not faults
    assert {fault.errno for fault in conflicts} <= {625}
    ask("INSERT INTO OUT SELECT W, I FROM ES")
    assert ask("SELECT COUNT(*) FROM EV") == [(len(kept),)]
    assert ask("SELECT COUNT(*), COUNT(DISTINCT W * 1000 + I) FROM OUT") == [(len(kept), len(kept))]
