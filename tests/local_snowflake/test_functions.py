"""What expressions mean: results as Snowflake's documentation gives them, and statements that are refused by name."""

import json
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snowflake.connector.errors import ProgrammingError

from .conftest import Asking

# (expression, what docs.snowflake.com says that it gives)
DOCUMENTED = [
    ("SPLIT_PART('11.22.33', '.', 0)", "11"), ("SPLIT_PART('11.22.33', '.', 1)", "11"), ("SPLIT_PART('11.22.33', '.', 2)", "22"),
    ("SPLIT_PART('11.22.33', '.', 4)", ""), ("SPLIT_PART('11.22.33', '.', -1)", "33"), ("SPLIT_PART('11.22.33', '.', -2)", "22"),
    ("SPLIT_PART('127.0.0.1', '.', -1)", "1"), ("SPLIT_PART('|a|b|c|', '|', 1)", ""), ("SPLIT_PART('|a|b|c|', '|', 2)", "a"),
    ("SPLIT_PART(NULL, '|', 1)", None),
    ("REGEXP_REPLACE('It was the best of times, it was the worst of times', '( ){1,}', '')", "Itwasthebestoftimes,itwastheworstoftimes"),
    ("REGEXP_REPLACE('1:tok:ct:xx@y.com', '^[^:]*:[^:]*:[^:]*:', '')", "xx@y.com"),
    ("REGEXP_SUBSTR('It was the best of times', 'the\\\\W+\\\\w+')", "the best"),
    ("IFF(TRUE, 'true', 'false')", "true"), ("NVL(NULL, 2)", 2), ("ZEROIFNULL(NULL)", 0), ("NULLIF(0, 0)", None),
    ("COALESCE(NULL, NULL, 3)", 3), ("NVL2(NULL, 1, 2)", 2), ("DECODE(2, 1, 'one', 2, 'two')", "two"),
    ("LEFT('abcde', 2)", "ab"), ("RIGHT('abcde', 2)", "de"), ("LPAD('7', 3, '0')", "007"), ("TRIM('  a ')", "a"),
    ("CONCAT('a', 'b')", "ab"), ("'a' || NULL", None), ("LENGTH('aé')", 2), ("CONTAINS('coffee', 'ff')", True),
    ("STARTSWITH('coffee', 'co')", True), ("REVERSE('abc')", "cba"), ("INITCAP('the quick')", "The Quick"),
    ("CHARINDEX('ob', 'foobar')", 3), ("TRANSLATE('abc', 'ab', 'xy')", "xyc"),
    ("ROUND(135.135, 2)", Decimal("135.14")), ("CEIL(3.2)", 4), ("MOD(7, 3)", 1), ("7 / 2", Decimal("3.5")),
    ("DIV0(1, 0)", 0), ("GREATEST(1, 3, 2)", 3), ("ABS(-5)", 5), ("'12'::NUMBER + 1", 13),
    ("TO_NUMBER('12.3456', 10, 1)", Decimal("12.3")), ("'1.5'::NUMBER(10,2)", Decimal("1.50")), ("TRY_TO_NUMBER('x')", None),
    ("TRY_CAST('x' AS NUMBER)", None), ("1.5::NUMBER", 2), ("'2.5'::NUMBER", 3), ("'true'::BOOLEAN", True),
    ("DATEADD('day', 1, '2024-02-28'::DATE)", date(2024, 2, 29)), ("DATEADD(month, 1, '2024-01-31'::DATE)", date(2024, 2, 29)),
    ("DATEDIFF('day', '2024-01-01'::DATE, '2024-03-01'::DATE)", 60), ("DATEDIFF('year', '2023-12-31'::DATE, '2024-01-01'::DATE)", 1),
    ("DATE_TRUNC('month', '2024-05-17'::DATE)", date(2024, 5, 1)), ("LAST_DAY('2024-02-10'::DATE)", date(2024, 2, 29)),
    ("DATE_TRUNC('hour', '2024-05-17 10:31:00'::TIMESTAMP_NTZ)", datetime(2024, 5, 17, 10)),
    ("YEAR('2024-05-17'::DATE)", 2024), ("DAYOFWEEK('2024-05-19'::DATE)", 0), ("TO_DATE('2024-05-17')", date(2024, 5, 17)),
    ("'2026-01-02T03:04:05.678Z'::TIMESTAMP_NTZ", datetime(2026, 1, 2, 3, 4, 5, 678000)),
    ("TO_CHAR('2024-05-17'::DATE, 'YYYY-MM')", "2024-05"), ("TO_TIMESTAMP_NTZ('2024-05-17 01:02:03')", datetime(2024, 5, 17, 1, 2, 3)),
    ("TIMEADD('minute', 5, '2024-05-17 01:00:00'::TIMESTAMP_NTZ)", datetime(2024, 5, 17, 1, 5)),
    ("PARSE_JSON('{\"a\": {\"b\": \"x\"}}'):a.b::STRING", "x"), ("PARSE_JSON('{\"a\": \"7\"}'):a::NUMBER", 7),
    ("PARSE_JSON('{\"a\": \"x\"}'):nope", None), ("PARSE_JSON('[1, 2]')[1]::NUMBER", 2), ("PARSE_JSON('null')::STRING", None),
    ("PARSE_JSON('\"x\"')::STRING", "x"), ("TYPEOF(PARSE_JSON('[1]'))", "ARRAY"), ("ARRAY_SIZE(PARSE_JSON('[1, 2, 3]'))", 3),
    ("TRY_PARSE_JSON('{')", None), ("IS_NULL_VALUE(PARSE_JSON('{\"a\": null}'):a)", True), ("TO_VARIANT('x')::STRING", "x"),
    ("OBJECT_CONSTRUCT('a', 1, 'b', NULL):a::NUMBER", 1), ("GET(PARSE_JSON('{\"a\": 1}'), 'a')::NUMBER", 1),
    ("GET_PATH(PARSE_JSON('{\"a\": {\"b\": 2}}'), 'a.b')::NUMBER", 2), ("PARSE_JSON('{\"a b\": 3}'):\"a b\"::NUMBER", 3),
    ("SHA2('a', 256)", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"), ("MD5('a')", "0cc175b9c0f1b6a831c399e269772661"),
    ("BASE64_ENCODE('abc')", "YWJj"), ("NULL::TIMESTAMP_NTZ", None), ("1 = 1 AND NOT FALSE", True), ("'A' LIKE 'a'", False),
    ("'A' ILIKE 'a'", True), ("RLIKE('abc', 'a.c')", True), ("EQUAL_NULL(NULL, NULL)", True), ("NULL IS NOT DISTINCT FROM NULL", True),
    ("'abcdef'::VARCHAR(3)", "abc"),
    ("PARSE_JSON('{\"a\": \"xyz\"}'):a::VARCHAR(2) || 'abc'::VARCHAR(2)::VARCHAR(1)", "xya"),
    ("UPPER(NULL)", None), ("2 BETWEEN 1 AND 3", True), ("BITAND(6, 3)", 2), ("HASH(1) = HASH(1)", True),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), DOCUMENTED, ids=[e for e, _ in DOCUMENTED])
def test_expressions_give_what_is_documented(ask: Asking, expression: str, expected: object) -> None:
    ((found,),) = ask(f"SELECT {expression}")
    assert found == expected


AGGREGATES = [
    ("SUM(D)", Decimal("3.30")), ("COUNT(*)", 3), ("COUNT(D)", 2), ("COUNT_IF(N > 1)", 2), ("MAX(S)", "c"),
    ("LISTAGG(S, ',') WITHIN GROUP (ORDER BY S DESC)", "c,b,a"), ("AVG(N)", Decimal("2")), ("MEDIAN(N)", Decimal("2")),
    ("APPROX_COUNT_DISTINCT(N)", 3), ("MIN_BY(S, N)", "a"), ("MAX_BY(S, N)", "c"), ("BOOLOR_AGG(N = 3)", True),
    ("ARRAY_SIZE(ARRAY_AGG(N))", 3), ("SUM(IFF(S = 'a', N, 0))", 1), ("ANY_VALUE(1)", 1),
]  # fmt: skip


@pytest.mark.parametrize(("aggregate", "expected"), AGGREGATES, ids=[a for a, _ in AGGREGATES])
def test_aggregates(ask: Asking, aggregate: str, expected: object) -> None:
    ask("CREATE TABLE T (N NUMBER, D NUMBER(10,2), S VARCHAR)")
    ask("INSERT INTO T VALUES (1, 1.1, 'a'), (2, 2.2, 'b'), (3, NULL, 'c')")
    assert ask(f"SELECT {aggregate} FROM T") == [(expected,)]


def test_flatten(ask: Asking) -> None:
    ask("CREATE TABLE T (ID NUMBER, V VARIANT)")
    for number, text in ((1, '{"l": [{"p": "a", "q": 1}, {"p": "b", "q": 2}]}'), (2, '{"l": []}'), (3, "{}")):
        ask("INSERT INTO T SELECT ?, PARSE_JSON(?)", binds=[number, text])
    assert ask("""SELECT ID, L.INDEX, L.VALUE:p::STRING, L.VALUE:q::NUMBER FROM T, LATERAL FLATTEN(INPUT => V:l) L
                  ORDER BY 1, 2""") == [(1, 0, "a", 1), (1, 1, "b", 2)]
    assert ask("SELECT ID, L.VALUE FROM T, LATERAL FLATTEN(INPUT => V, PATH => 'l', OUTER => TRUE) L WHERE ID > 1 ORDER BY 1") == [
        (2, None), (3, None),
    ]  # fmt: skip
    assert ask("""SELECT F.KEY, F.VALUE::STRING FROM TABLE(FLATTEN(PARSE_JSON('{"a": 1, "b": "x"}'))) F ORDER BY 1""") == [
        ("a", "1"), ("b", "x"),
    ]  # fmt: skip
    with pytest.raises(ProgrammingError, match="RECURSIVE of FLATTEN"):
        ask("SELECT * FROM T, LATERAL FLATTEN(INPUT => V, RECURSIVE => TRUE)")


def test_paths_compare_as_text(ask: Asking) -> None:
    ask("CREATE TABLE T (V VARIANT)")
    ask("INSERT INTO T SELECT PARSE_JSON(?)", binds=['{"s": "sold", "n": 5, "d": "2024-05-17"}'])
    assert ask("""SELECT V:s = 'sold', V:s IN ('sold', 'x'), V:s LIKE 'so%', UPPER(V:s), V:s || '!', LENGTH(V:s), V:n = 5,
                  V:n > 4.5, V:n BETWEEN 1 AND 9, V:s BETWEEN 'a' AND 'z', SPLIT_PART(V:d, '-', 1), V:d::DATE,
                  V:nope IS NULL, V:s <> 'x' FROM T""") == [
        (True, True, True, "SOLD", "sold!", 4, True, True, True, True, "2024", date(2024, 5, 17), True, True),
    ]  # fmt: skip


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab\"'é", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(st.dictionaries(st.sampled_from("abc"), DOCUMENTS), max_size=4))
def test_many_paths_at_once_are_what_each_is_alone(ask: Asking, documents: list[dict[str, object]]) -> None:
    """Reading a document once for all paths is faster, and nothing else."""
    ask("CREATE OR REPLACE TABLE DOCS (N NUMBER, V VARIANT)")
    for number, document in enumerate(documents):
        ask("INSERT INTO DOCS SELECT ?, PARSE_JSON(?)", binds=[number, json.dumps(document)])
    paths = [
        "D.V:a",
        "D.V:a::VARCHAR",
        "D.V:b.c",
        "D.V:b.c::VARCHAR",
        "D.V:c",
        "D.V:b",
        "D.V:a.b.c::VARCHAR",
        "D.V:nope",
    ]
    where = "WHERE D.V:a IS NOT NULL OR D.V:b IS NULL"
    together = ask(f"SELECT {', '.join(paths)} FROM DOCS AS D {where} ORDER BY D.N, D.V:c::VARCHAR")
    alone = [ask(f"SELECT {path} FROM DOCS AS D {where} ORDER BY D.N") for path in paths]
    assert (
        together == list(zip(*(next(zip(*rows, strict=True)) for rows in alone), strict=True))
        if together
        else not alone[0]
    )


def test_columns_are_called_as_snowflake_calls_them(ask: Asking) -> None:
    run = ask.session().execute
    assert run("SELECT COUNT(*), 1 AS a, 2 AS \"b\", CURRENT_ROLE() FROM (SELECT 1)").columns == (
        "COUNT(*)", "A", "b", "CURRENT_ROLE()",
    )  # fmt: skip


def test_a_variant_column_reads_as_text_and_number(ask: Asking) -> None:
    ask.script("""CREATE TABLE T (V VARIANT); INSERT INTO T SELECT PARSE_JSON('"it''s"')""")
    assert ask("SELECT V::STRING, V::VARCHAR, TO_VARCHAR(V), V || '!' FROM T") == [
        ("it's", "it's", "it's", "it's!")
    ]


UNSUPPORTED = [
    ("CREATE PROCEDURE P() RETURNS NUMBER LANGUAGE SQL AS 'SELECT 1'", "CREATE PROCEDURE"),
    ("CREATE FUNCTION F(A NUMBER) RETURNS NUMBER AS 'A'", "CREATE FUNCTION"),
    ("CREATE DYNAMIC TABLE D TARGET_LAG = '1 minute' WAREHOUSE = W AS SELECT 1", "DYNAMIC"),
    ("CREATE EXTERNAL TABLE E LOCATION = @S", "EXTERNAL"), ("CREATE SHARE S", "CREATE SHARE"),
    ("CREATE MATERIALIZED VIEW V AS SELECT 1 AS A", "MATERIALIZED"), ("CREATE SEQUENCE S", "CREATE SEQUENCE"),
    ("UNDROP TABLE T", "UNDROP"), ("CALL P()", "CALL"), ("PUT file:///tmp/x @S", "PUT"), ("LIST @S", "LIST"), ("REMOVE @S", "REMOVE"),
    ("COPY INTO @S FROM T", "stage"), ("SELECT * FROM T AT (OFFSET => -60)", "WHEN"), ("SELECT * FROM @S", "@"),
    ("INSERT ALL INTO T VALUES (1) SELECT 1", "INSERT ALL"), ("CREATE NETWORK RULE N TYPE = IPV4 MODE = INGRESS VALUE_LIST = ('1.2.3.4')", "NETWORK"),
    ("ALTER ACCOUNT SET TIMEZONE = 'UTC'", "ALTER ACCOUNT"), ("CREATE ALERT A IF (EXISTS (SELECT 1)) THEN SELECT 1", "ALERT"),
    ("CREATE TABLE X CLUSTER BY (A) (A NUMBER) CHANGE_TRACKING = TRUE NO_SUCH_OPTION = 3", "NO_SUCH_OPTION"),
    ("CREATE WAREHOUSE W NO_SUCH_OPTION = 3", "NO_SUCH_OPTION"), ("ALTER SESSION SET TIMEZONE = 'Asia/Tokyo'", "TIMEZONE"),
    ("ALTER SESSION SET NO_SUCH = 1", "NO_SUCH"), ("CREATE STREAM S2 ON VIEW V", "stream on"), ("SELECT SYSTEM$WAIT(1)", "SYSTEM"),
    ("CREATE STREAM S2 ON TABLE T SHOW_INITIAL_ROWS = TRUE", "SHOW_INITIAL_ROWS"), ("SHOW NONSENSE", "SHOW NONSENSE"),
    ("DESCRIBE NONSENSE X", "NONSENSE"), ("CREATE STAGE S URL = 'gcs://x/'", "stage on"), ("GRANT IMPORTED PRIVILEGES ON DATABASE LAKE TO ROLE PUBLIC", "IMPORTED"),
    ("CREATE FILE FORMAT F TYPE = CSV", "CSV"), ("PRAGMA version", "PRAGMA"), ("ATTACH 'x' AS y", "ATTACH"), ("INSTALL httpfs", "INSTALL"),
    ("LOAD httpfs", "LOAD"), ("CHECKPOINT", "CHECKPOINT"), ("EXPLAIN SELECT 1", "EXPLAIN"), ("VACUUM", "VACUUM"),
    ("CREATE TABLE X (A VARCHAR DEFAULT CURRENT_USER())", "DEFAULT"),
    ("CREATE MACRO m() AS 1", "MACRO"), ("CREATE SECRET s (TYPE s3)", "SECRET"), ("SELECT 1; SELECT 2", "statement count"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "named"), UNSUPPORTED, ids=[s[:40] for s, _ in UNSUPPORTED])
def test_what_is_not_there_is_refused_by_name(ask: Asking, statement: str, named: str) -> None:
    ask("CREATE TABLE T (A NUMBER)")
    before = [(e.kind, e.name) for e in ask.engine.catalog.entries()]
    with pytest.raises(ProgrammingError, match=f"(?i){named.replace('$', '.')}"):
        ask(statement)
    assert [(e.kind, e.name) for e in ask.engine.catalog.entries()] == before
