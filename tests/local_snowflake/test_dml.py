"""INSERT, UPDATE, DELETE, MERGE, transactions: counts, errors and effects as Snowflake documents them."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snowflake.connector.errors import ProgrammingError

from .conftest import Asking


def test_counts_are_named_as_snowflake_names_them(ask: Asking) -> None:
    ask("CREATE TABLE T (A NUMBER, B VARCHAR)")
    run = ask.session().execute
    inserted = run("INSERT INTO T VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    assert (inserted.columns, inserted.rows) == (("number of rows inserted",), [(3,)])
    updated = run("UPDATE T SET B = UPPER(B) WHERE A > 1")
    assert updated.columns == ("number of rows updated", "number of multi-joined rows updated")
    assert updated.rows == [(2, 0)]
    merged = run("""MERGE INTO T USING (SELECT 3 AS A UNION ALL SELECT 4) S ON T.A = S.A
                    WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (A) VALUES (S.A)""")
    assert dict(zip(merged.columns, merged.rows[0], strict=True)) == {
        "number of rows inserted": 1,
        "number of rows deleted": 1,
    }
    assert merged.rowcount == 2
    deleted = run("DELETE FROM T")
    assert (deleted.columns, deleted.rows, deleted.rowcount) == (("number of rows deleted",), [(3,)], 3)


def test_a_merge_with_several_rows_for_one_is_an_error(ask: Asking) -> None:
    ask.script("CREATE TABLE T (ID NUMBER, V VARCHAR); INSERT INTO T VALUES (1, 'a'), (2, 'b')")
    with pytest.raises(ProgrammingError, match="Duplicate row detected during DML action") as fault:
        ask("""MERGE INTO T USING (SELECT 1 AS ID, 'p' AS V UNION ALL SELECT 1, 'q') S ON T.ID = S.ID
               WHEN MATCHED THEN UPDATE SET V = S.V""")
    assert fault.value.errno == 100090
    assert ask("SELECT V FROM T ORDER BY ID") == [("a",), ("b",)]


def test_primary_keys_are_told_and_not_enforced(ask: Asking) -> None:
    ask.script("CREATE TABLE T (ID NUMBER PRIMARY KEY, V VARCHAR); INSERT INTO T VALUES (1, 'a'), (1, 'b')")
    assert ask("SELECT COUNT(*) FROM T") == [(2,)]
    assert [(row[3], row[4]) for row in ask("SHOW PRIMARY KEYS IN TABLE T")] == [("T", "ID")]
    with pytest.raises(ProgrammingError):
        ask("INSERT INTO T (V) VALUES ('no id')")


def test_merge_expressions_conditions_and_order_of_clauses(ask: Asking) -> None:
    ask.script("""
        CREATE TABLE T (ID NUMBER, SCN NUMBER, V VARCHAR, GONE BOOLEAN DEFAULT FALSE);
        INSERT INTO T (ID, SCN, V) VALUES (1, 10, 'one'), (2, 10, 'two'), (3, 10, 'three')""")
    ask("""MERGE INTO LAKE.RAW.T AS TGT USING (
             SELECT COLUMN1 AS ID, COLUMN2 AS SCN, COLUMN3 AS OP FROM VALUES (1, 11, 'U'), (2, 9, 'U'), (3, 12, 'D'), (4, 1, 'I')) AS SRC
           ON TGT.ID = SRC.ID
           WHEN MATCHED AND SRC.SCN > TGT.SCN AND SRC.OP = 'D' THEN UPDATE SET TGT.GONE = TRUE, SCN = SRC.SCN
           WHEN MATCHED AND SRC.SCN > TGT.SCN THEN UPDATE SET TGT.V = UPPER(TGT.V) || '-' || SRC.SCN::STRING, TGT.SCN = SRC.SCN
           WHEN NOT MATCHED AND SRC.OP <> 'D' THEN INSERT (ID, SCN, V) VALUES (SRC.ID, SRC.SCN + 100, CONCAT('n', SRC.ID))""")
    assert ask("SELECT * FROM T ORDER BY ID") == [
        (1, 11, "ONE-11", False), (2, 10, "two", False), (3, 12, "three", True), (4, 101, "n4", False),
    ]  # fmt: skip


def test_ddl_commits_the_transaction_before_it(ask: Asking) -> None:
    ask.script(
        "CREATE TABLE T (A NUMBER); BEGIN; INSERT INTO T VALUES (1); CREATE TABLE U (A NUMBER); ROLLBACK"
    )
    assert ask("SELECT COUNT(*) FROM T") == [(1,)]


def test_autocommit_off_begins_a_transaction(ask: Asking) -> None:
    ask("CREATE TABLE T (A NUMBER)")
    session = ask.new()
    session.execute("ALTER SESSION SET AUTOCOMMIT = FALSE")
    session.execute("INSERT INTO T VALUES (1)")
    assert ask("SELECT COUNT(*) FROM T") == [(0,)]
    session.execute("ROLLBACK")
    session.execute("INSERT INTO T VALUES (2)")
    session.execute("COMMIT")
    assert ask("SELECT A FROM T") == [(2,)]


def test_a_failed_create_leaves_the_old_table(ask: Asking) -> None:
    ask.script("CREATE TABLE T AS SELECT 1 AS A")
    with pytest.raises(ProgrammingError):
        ask("CREATE OR REPLACE TABLE T (A NUMBER) AS SELECT 'x' AS A")
    with pytest.raises(ProgrammingError):
        ask("CREATE OR REPLACE TABLE T (A NUMBER WITH MASKING POLICY NO_SUCH_POLICY) AS SELECT 1")
    assert ask("SELECT A FROM T") == [(1,)]
    ask("CREATE OR REPLACE TABLE T AS SELECT A + 1 AS A FROM T")
    assert ask("SELECT A FROM T") == [(2,)]


def test_a_failed_statement_ends_a_transaction_aloud(ask: Asking) -> None:
    """A deviation that is told: Snowflake would commit the rest, DuckDB cannot, so COMMIT is refused."""
    ask.script("CREATE TABLE T (A NUMBER); BEGIN; INSERT INTO T VALUES (1)")
    with pytest.raises(ProgrammingError, match="does not exist"):
        ask("INSERT INTO T SELECT * FROM NOT_THERE")
    ask("INSERT INTO T VALUES (2)")  # what was refused before it ran costs nothing
    with pytest.raises(ProgrammingError):
        ask("INSERT INTO T SELECT 'x'::NUMBER")
    with pytest.raises(ProgrammingError, match="ROLLBACK"):
        ask("SELECT 1")
    with pytest.raises(ProgrammingError, match="ROLLBACK"):
        ask("COMMIT")
    assert ask("SELECT * FROM T") == []
    ask.script("BEGIN; INSERT INTO T VALUES (3); COMMIT")
    assert ask("SELECT * FROM T") == [(3,)]


def test_money_stays_exact(ask: Asking) -> None:
    ask.script(
        "CREATE TABLE M (D NUMBER(12,2)); INSERT INTO M SELECT 0.1 FROM TABLE(GENERATOR(ROWCOUNT => 1000))"
    )
    assert ask("SELECT SUM(D), SUM(D) OVER () FROM M GROUP BY D LIMIT 1") == [
        (Decimal("100.00"), Decimal("0.10"))
    ]
    assert ask("SELECT SUM(D), MAX(D) FROM M") == [(Decimal("100.00"), Decimal("0.10"))]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    target=st.dictionaries(st.integers(0, 8), st.integers(0, 9)),
    source=st.dictionaries(st.integers(0, 8), st.integers(0, 9)),
)
def test_merge_is_what_a_dictionary_does(ask: Asking, target: dict[int, int], source: dict[int, int]) -> None:
    ask("CREATE OR REPLACE TABLE T (K NUMBER, V NUMBER)")
    ask("CREATE OR REPLACE TABLE S (K NUMBER, V NUMBER)")
    for name, rows in (("T", target), ("S", source)):
        for key, value in rows.items():
            ask(f"INSERT INTO {name} VALUES (?, ?)", binds=[key, value])
    counts = ask.session().execute("""MERGE INTO T USING S ON T.K = S.K WHEN MATCHED AND S.V = 0 THEN DELETE
        WHEN MATCHED AND S.V > T.V THEN UPDATE SET V = S.V WHEN NOT MATCHED AND S.V > 0 THEN INSERT (K, V) VALUES (S.K, S.V)""")
    expected = dict(target)
    for key, value in source.items():
        if key in target and value == 0:
            del expected[key]
        elif (key in target and value > target[key]) or (key not in target and value > 0):
            expected[key] = value
    assert ask("SELECT K, V FROM T ORDER BY K") == sorted(expected.items())
    assert dict(zip(counts.columns, counts.rows[0], strict=True)) == {
        "number of rows inserted": len(expected.keys() - target.keys()),
        "number of rows updated": sum(1 for k in expected.keys() & target.keys() if expected[k] != target[k]),
        "number of rows deleted": len(target.keys() - expected.keys()),
    }
