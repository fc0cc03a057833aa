"""What leaves for head office, made in the laptop's warehouse: nobody reads a packed value through it."""

import pytest

from components.snowflake.published import Model, models
from components.snowflake.roles import ROLES, Face, masking_body

from .conftest import Asking

TOKEN, DISPLAY = "T" * 32, "xxxxx@gmail.com"
PACKED = f"1:{TOKEN}:Y2lwaGVy:{DISPLAY}"
CUSTOMERS = next(model for model in models() if model.name == "CUSTOMERS")


@pytest.fixture
def lake(ask: Asking) -> Asking:
    """PRODUCTION.CUSTOMERS as dbt makes it, with the stack's own masking policy, and a secure view of it."""
    ask("CREATE SCHEMA LAKE.PRODUCTION")
    ask("CREATE SCHEMA LAKE.GOVERNANCE")
    ask("CREATE SCHEMA LAKE.HEAD_OFFICE")
    for role in ROLES:
        ask(f"CREATE ROLE {role.name}")
    policy = f"(VAL VARCHAR) RETURNS VARCHAR -> {masking_body('')}"
    ask(f"CREATE MASKING POLICY LAKE.GOVERNANCE.MASK AS {policy}")
    columns = [f"{column.name} {column.type}" for column in CUSTOMERS.columns]
    ask(f"CREATE TABLE LAKE.PRODUCTION.CUSTOMERS ({', '.join(columns)})")
    ask("ALTER TABLE LAKE.PRODUCTION.CUSTOMERS MODIFY COLUMN EMAIL SET MASKING POLICY LAKE.GOVERNANCE.MASK")
    ask(
        f"INSERT INTO LAKE.PRODUCTION.CUSTOMERS (CUSTOMER_ID, EMAIL, TRANSACTIONS) VALUES ('c1', '{PACKED}', 3), "
        "('c2', NULL, 0)"
    )
    ask(f"CREATE SECURE VIEW LAKE.HEAD_OFFICE.CUSTOMERS AS {CUSTOMERS.masked('LAKE')}")
    ask("GRANT USAGE ON DATABASE LAKE TO ROLE PUBLIC")
    ask("GRANT USAGE ON ALL SCHEMAS IN DATABASE LAKE TO ROLE PUBLIC")
    ask("GRANT SELECT ON ALL TABLES IN SCHEMA LAKE.PRODUCTION TO ROLE PUBLIC")
    ask("GRANT SELECT ON ALL VIEWS IN SCHEMA LAKE.HEAD_OFFICE TO ROLE PUBLIC")
    return ask


FACES = {Face.PACKED: DISPLAY, Face.TOKEN: TOKEN, Face.DISPLAY: DISPLAY, None: "***"}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_no_role_reads_a_packed_value_through_the_view(role, lake: Asking) -> None:
    query = "SELECT CUSTOMER_ID, EMAIL, TRANSACTIONS FROM LAKE.HEAD_OFFICE.CUSTOMERS ORDER BY CUSTOMER_ID"
    assert lake(query, role.name) == [("c1", FACES[role.face], 3), ("c2", None, 0)]


def test_what_a_task_copies_is_not_packed_either(lake: Asking) -> None:
    """Run as who deploys, and as the role that sees the most."""
    columns = ", ".join(column.name for column in CUSTOMERS.columns)
    types = ", ".join(f"{column.name} {column.type}" for column in CUSTOMERS.columns)
    lake("GRANT USAGE, CREATE TABLE ON SCHEMA LAKE.HEAD_OFFICE TO ROLE TRANSFORMER")
    for role, shown in (("ACCOUNTADMIN", "***"), ("TRANSFORMER", DISPLAY)):
        target = f"LAKE.HEAD_OFFICE.COPY_BY_{role}"
        lake(f"CREATE TABLE {target} ({types})", role)
        for _ in range(2):
            lake(f"INSERT OVERWRITE INTO {target} ({columns}) {CUSTOMERS.masked('LAKE')}", role)
        assert lake(f"SELECT CUSTOMER_ID, EMAIL FROM {target} ORDER BY 1", role) == [
            ("c1", shown),
            ("c2", None),
        ]


@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_every_model_can_be_shown(model: Model, lake: Asking) -> None:
    if model.name != "CUSTOMERS":
        columns = ", ".join(f"{column.name} {column.type}" for column in model.columns)
        lake(f"CREATE TABLE LAKE.PRODUCTION.{model.name} ({columns})")
    lake(f"CREATE SECURE VIEW LAKE.HEAD_OFFICE.SHOWN AS {model.masked('LAKE')}")
    described = {row[0]: row[1] for row in lake("DESCRIBE VIEW LAKE.HEAD_OFFICE.SHOWN")}
    assert list(described) == [column.name for column in model.columns]
