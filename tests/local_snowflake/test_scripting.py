"""Blocks of Snowflake Scripting, as tasks use them."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from snowflake.connector.errors import ProgrammingError

from local.snowflake.engine import Engine
from local.snowflake.script import (
    Assign,
    Block,
    ExecuteImmediate,
    If,
    Let,
    Raise,
    Return,
    Sql,
    is_block,
    parse,
)
from local.snowflake.session import Session


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("warehouse"))
    session = engine.session()
    session.execute("CREATE DATABASE D")
    session.close()
    yield engine
    engine.stop()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    session = engine.session(database="D", schema="PUBLIC")
    session.execute("CREATE OR REPLACE TABLE T (N NUMBER(38,0), S VARCHAR)")
    yield session
    session.close()


def rows(session: Session) -> list[tuple[object, ...]]:
    return session.execute("SELECT N, S FROM T ORDER BY N").rows


def answer(session: Session, script: str) -> object:
    result = session.execute(script)
    assert result.columns == ("anonymous block",)
    ((value,),) = result.rows
    return value


# -- the grammar


@pytest.mark.parametrize(
    ("text", "whether"),
    [
        ("BEGIN RETURN 1; END", True),
        ("-- why\nbegin\n  SELECT 1;\nend;", True),
        ("DECLARE x NUMBER; BEGIN NULL; END", True),
        ("BEGIN BEGIN TRANSACTION; COMMIT; END", True),
        ("BEGIN", False),
        ("BEGIN;", False),
        ("BEGIN TRANSACTION", False),
        ("BEGIN WORK;", False),
        ("BEGIN NAME t", False),
        ("SELECT 'BEGIN X'", False),
        ("", False),
    ],
)
def test_a_block_is_told_from_a_transaction(text: str, whether: bool) -> None:
    assert is_block(text) is whether


def test_every_kind_of_step_is_read() -> None:
    block = parse(
        """
        DECLARE
            a NUMBER(38,0) DEFAULT 1;
            b VARCHAR;
        BEGIN
            LET c TIMESTAMP_NTZ := (SELECT MAX(x) FROM t WHERE y > :a);
            a := a + 1;
            IF (a > 1) THEN b := 'yes; no';
            ELSEIF (a > 2) THEN RETURN NULL;
            ELSE INSERT INTO t VALUES (:a);
            END IF;
            EXECUTE IMMEDIATE $$ SELECT 1; $$;
            BEGIN SELECT CASE WHEN 1 = 1 THEN 2 END; END;
            NULL;
            RETURN b || ';';
        EXCEPTION
            WHEN OTHER THEN
                ROLLBACK;
                RAISE;
        END;
        """
    )
    kinds = [type(step) for step in block.body]
    assert kinds[:5] == [Let, Assign, If, ExecuteImmediate, Block] and kinds[6] is Return
    assert [(let.name, let.type) for let in block.declarations] == [("A", "NUMBER(38,0)"), ("B", "VARCHAR")]
    assert block.handler is not None
    assert [type(step) for step in block.handler] == [Sql, Raise]
    branch = block.body[2]
    assert isinstance(branch, If)
    assert (len(branch.branches), len(branch.otherwise)) == (2, 1)


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("BEGIN FOR i IN 1 TO 3 DO NULL; END FOR; END", "FOR"),
        ("BEGIN WHILE (TRUE) DO NULL; END WHILE; END", "WHILE"),
        ("BEGIN LOOP NULL; END LOOP; END", "LOOP"),
        ("BEGIN REPEAT NULL; UNTIL (TRUE) END REPEAT; END", "REPEAT"),
        ("BEGIN CASE (1) WHEN 1 THEN NULL; END; END", "CASE"),
        ("BEGIN CALL p(); END", "CALL"),
        ("BEGIN LET c CURSOR FOR SELECT 1; END", "CURSOR"),
        ("BEGIN LET r RESULTSET := (SELECT 1); END", "RESULTSET"),
        ("DECLARE e EXCEPTION (-20001, 'x'); BEGIN NULL; END", "EXCEPTION"),
        ("BEGIN RETURN TABLE(r); END", "RETURN TABLE"),
        ("BEGIN SELECT 1 INTO :x; END", "SELECT ... INTO"),
        ("BEGIN RAISE e; END", "RAISE e"),
        ("BEGIN NULL; EXCEPTION WHEN STATEMENT_ERROR THEN NULL; END", "WHEN STATEMENT_ERROR"),
        ("BEGIN NULL; EXCEPTION WHEN OTHER CONTINUE THEN NULL; END", "WHEN OTHER CONTINUE"),
        ("BEGIN EXECUTE IMMEDIATE 'SELECT ?' USING (x); END", "USING"),
    ],
)
def test_what_is_not_here_is_refused_by_name(script: str, what: str) -> None:
    with pytest.raises(ProgrammingError, match=r"of Snowflake Scripting, line 1 at position \d+") as caught:
        parse(script)
    assert what in str(caught.value)
    assert caught.value.sqlstate == "0A000"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("BEGIN\n  SELECT 1\nEND", "line 3 at position 3: expected ; and found the end"),
        ("BEGIN SELECT 1;", "expected EXCEPTION or END and found the end"),
        ("BEGIN IF a > 1 THEN NULL; END IF; END", r"expected \( and found 'a'"),
        ("BEGIN IF (a > 1) NULL; END IF; END", "expected THEN and found 'NULL'"),
        ("BEGIN LET x; END", "expected a type or a value of x"),
        ("BEGIN LET x NUMBER; END", "expected := or DEFAULT"),
        ("BEGIN RETURN 'a; END", "a text that does not end"),
        ("BEGIN NULL; END; SELECT 1", "expected the end of the script and found 'SELECT'"),
        ("BEGIN x := ; END", "expected an expression or a statement"),
    ],
)
def test_what_is_no_block_is_refused_with_its_place(script: str, message: str) -> None:
    with pytest.raises(ProgrammingError, match=message):
        parse(script)


def test_nothing_runs_of_a_block_with_a_fault(session: Session) -> None:
    with pytest.raises(ProgrammingError, match="expected"):
        session.execute("BEGIN INSERT INTO T VALUES (1, 'a'); LET x; END")
    assert rows(session) == []


# -- running


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("BEGIN NULL; END", None),
        ("BEGIN RETURN 1 + 2; END;", 3),
        ("BEGIN RETURN; END", None),
        ("BEGIN LET x := 2; x := x * 21; RETURN x; END", 42),
        ("BEGIN LET x NUMBER(38,0) := '7'; RETURN x + 1; END", 8),
        ("DECLARE x NUMBER(38,0) DEFAULT 5; BEGIN RETURN (SELECT :x + 1); END", 6),
        ("DECLARE x NUMBER(38,0); BEGIN RETURN COALESCE(x, 9); END", 9),
        ("BEGIN LET x := 1; BEGIN LET x := 2; END; RETURN x; END", 1),
        ("BEGIN LET x := 1; BEGIN x := 2; END; RETURN x; END", 2),
        (
            "BEGIN LET x := 3; IF (x = 1) THEN RETURN 'one'; ELSEIF (x = 3) THEN RETURN 'three'; END IF; END",
            "three",
        ),
        ("BEGIN LET x := 5; IF (x = 1) THEN RETURN 'one'; ELSE RETURN 'other'; END IF; END", "other"),
        ("BEGIN IF (NULL) THEN RETURN 'yes'; END IF; RETURN 'no'; END", "no"),
        ("BEGIN LET x := 'a;b''c'; RETURN x; END", "a;b'c"),
        ("BEGIN LET s := 'x'; RETURN 's' || s; END", "sx"),
    ],
)
def test_a_block_answers_what_it_returns(session: Session, script: str, value: object) -> None:
    assert answer(session, script) == value


def test_variables_are_binds_of_their_type_and_paths_are_not(session: Session) -> None:
    session.execute("CREATE OR REPLACE TABLE J (V VARIANT, MOMENT TIMESTAMP_NTZ)")
    session.execute("""INSERT INTO J SELECT PARSE_JSON('{"lo": {"a": 7}}'), '2017-01-02 03:04:05'""")
    script = """
    BEGIN
        LET lo TIMESTAMP_NTZ := (SELECT DATEADD('day', -1, MIN(MOMENT)) FROM J);
        LET hi TIMESTAMP_NTZ := '2017-01-03';
        INSERT INTO T SELECT j.V:lo.a::NUMBER, TO_VARCHAR(:lo) FROM J AS j WHERE j.MOMENT BETWEEN :lo AND :hi;
        RETURN lo;
    END
    """
    assert answer(session, script) == datetime(2017, 1, 1, 3, 4, 5)
    ((number, _),) = rows(session)
    assert number == 7


def test_a_null_of_a_type_can_be_bound(session: Session) -> None:
    session.execute("INSERT INTO T VALUES (1, 'a')")
    script = """
    BEGIN
        LET lo NUMBER(38,0) := (SELECT MIN(N) FROM T WHERE N > 5);
        DELETE FROM T WHERE N BETWEEN :lo AND :lo;
        RETURN SQLROWCOUNT;
    END
    """
    assert answer(session, script) == 0
    assert rows(session) == [(1, "a")]


def test_a_failed_transaction_is_rolled_back_and_raised_again(session: Session) -> None:
    script = """
    BEGIN
        BEGIN TRANSACTION;
        INSERT INTO T VALUES (1, 'a');
        INSERT INTO NOWHERE VALUES (1);
        COMMIT;
    EXCEPTION
        WHEN OTHER THEN
            ROLLBACK;
            RAISE;
    END;
    """
    with pytest.raises(ProgrammingError, match="NOWHERE") as caught:
        session.execute(script)
    assert "Uncaught exception on line 5 at position 8" in str(caught.value)
    assert caught.value.errno == 2003
    assert rows(session) == []
    assert not session.in_transaction


def test_a_committed_transaction_stays(session: Session) -> None:
    session.execute("BEGIN BEGIN TRANSACTION; INSERT INTO T VALUES (1, 'a'), (2, 'b'); COMMIT; END")
    assert rows(session) == [(1, "a"), (2, "b")]


def test_a_handler_sees_what_went_wrong_and_may_answer(session: Session) -> None:
    script = """
    BEGIN
        SELECT * FROM NOWHERE;
        RETURN 'not reached';
    EXCEPTION
        WHEN OTHER THEN
            LET text := SQLERRM;
            INSERT INTO T VALUES (:SQLCODE, :text);
            RETURN SQLSTATE;
    END
    """
    assert answer(session, script) == "42S02"
    ((code, text),) = rows(session)
    assert code == 2003
    assert "NOWHERE" in str(text)


def test_an_inner_handler_comes_first_and_a_handler_may_fail(session: Session) -> None:
    script = """
    BEGIN
        BEGIN
            SELECT * FROM NOWHERE;
        EXCEPTION
            WHEN OTHER THEN
                SELECT * FROM NEITHER;
        END;
    EXCEPTION
        WHEN OTHER THEN
            RETURN SQLERRM;
    END
    """
    assert "NEITHER" in str(answer(session, script))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("BEGIN x := 1; END", "variable X is not declared"),
        ("BEGIN SELECT :x; END", "variable X is not declared"),
        ("BEGIN LET x := 1; LET x := 2; END", "variable X is declared twice"),
        ("BEGIN RAISE; END", "RAISE outside an exception handler"),
        ("BEGIN SELECT ?; END", r"a bind \(\?\) inside a block"),
    ],
)
def test_faults_of_variables_are_said(session: Session, script: str, message: str) -> None:
    with pytest.raises(ProgrammingError, match=message):
        session.execute(script)


def test_execute_immediate_runs_a_statement_or_a_block(session: Session) -> None:
    session.execute("EXECUTE IMMEDIATE 'INSERT INTO T VALUES (1, ''it''''s'')'")
    assert (
        answer(session, "EXECUTE IMMEDIATE $$ BEGIN INSERT INTO T VALUES (2, 'b'); RETURN 'done'; END; $$")
        == "done"
    )
    session.execute("BEGIN LET s := 'INSERT INTO T VALUES (3, ''c'')'; EXECUTE IMMEDIATE s; END")
    session.execute("BEGIN LET s := 'INSERT INTO T VALUES (4, ''d'')'; EXECUTE IMMEDIATE :s; END")
    assert rows(session) == [(1, "it's"), (2, "b"), (3, "c"), (4, "d")]


def test_the_place_of_a_fault_counts_lines() -> None:
    with pytest.raises(ProgrammingError, match="line 4 at position 2"):
        parse("BEGIN\n  SELECT 1;\n\n  WHILE (TRUE) DO NULL; END WHILE;\nEND")
