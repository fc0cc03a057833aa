"""The Snowflake adapters against the laptop's warehouse; another connection looks at what they made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.errors import ProgrammingError

from local.standin import Deployment, deploy, destroy, refresh
from local.standin.steps import StepError

Lake = Callable[..., Deployment]
Sql = Callable[..., list[Any]]
TABLE = '"SHOP"."RAW"."POS"'


@pytest.fixture
def sample(project: Callable[[str], Path]) -> Path:
    return project("snowflake_sample")


@pytest.fixture
def up(
    sample: Path, aws: str, client: Callable[[str], Any], warehouse: tuple[str, int], tmp_path: Path
) -> Iterator[Lake]:
    """Deploy the sample in this process; what a test leaves is destroyed after it."""
    client("sns").create_topic(Name="arrivals")

    def run(verb: Callable[..., Deployment] = deploy) -> Deployment:
        state = tmp_path / "state"
        return verb(
            sample, "test", state_dir=state, aws_endpoint=aws, warehouse=warehouse, engine="inprocess"
        )

    yield run
    run(destroy)


@pytest.fixture
def sql(warehouse: tuple[str, int]) -> Iterator[Sql]:
    """Ask the warehouse as somebody."""
    open_: list[Any] = []

    def ask(statement: str, role: str = "ACCOUNTADMIN") -> list[Any]:
        connection = snowflake.connector.connect(
            user="tester",
            password="x",
            account="fakesnow",
            host=warehouse[0],
            port=warehouse[1],
            protocol="http",
            role=role,
            network_timeout=30,
        )
        open_.append(connection)
        return connection.cursor().execute(statement).fetchall()

    yield ask
    for connection in open_:
        connection.close()


def test_the_lake_is_as_the_program_says(up: Lake, sql: Sql):
    out = up().outputs
    assert out["table"] == TABLE
    assert out["external"] == "sample"
    assert out["trust"].startswith("arn:aws:iam::")
    assert "sns:Subscribe" in out["statement"]
    assert {row[0] for row in sql("SELECT SCHEMA_NAME FROM SHOP.INFORMATION_SCHEMA.SCHEMATA")} >= {
        "RAW",
        "GOVERNANCE",
    }
    columns = sql(
        "SELECT COLUMN_NAME, IS_NULLABLE FROM SHOP.INFORMATION_SCHEMA.COLUMNS"
        " WHERE TABLE_SCHEMA = 'RAW' AND TABLE_NAME = 'POS' ORDER BY ORDINAL_POSITION"
    )
    assert columns == [
        ("PAYLOAD", "YES"),
        ("EVENT_ID", "NO"),
        ("EMAIL", "YES"),
        ("TOTAL", "YES"),
        ("LOADED_AT", "YES"),
    ]


def test_roles_read_what_they_may_and_masked(up: Lake, sql: Sql):
    up()
    sql(f"INSERT INTO {TABLE} (EVENT_ID, EMAIL) VALUES ('e1', '1:token:cipher:x@y')")
    assert sql(f"SELECT EMAIL FROM {TABLE}", role="ANALYST") == [("token",)]
    assert sql(f"SELECT EMAIL FROM {TABLE}") == [("***",)]
    with pytest.raises(ProgrammingError, match=r"(?i)insufficient privileges|not authorized"):
        sql(f"INSERT INTO {TABLE} (EVENT_ID) VALUES ('e2')", role="ANALYST")


def test_a_second_deployment_changes_nothing(up: Lake):
    first, second = up(), up()
    assert set(second.changes) == {"same"}
    assert second.outputs == first.outputs
    assert set(up(refresh).changes) == {"same"}


EDITS = {
    "database:Database::lake": ("The sample's lake", "It's another's"),
    "warehouse:Warehouse::load": ("auto_suspend=60", "auto_suspend=120"),
    "resourceMonitor:ResourceMonitor::budget": ("credit_quota=10", "credit_quota=20"),
    "accountRole:AccountRole::analyst": ('comment="asks"', 'comment="asks more"'),
    "grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole::compute": (
        'privileges=["USAGE", "OPERATE"]',
        'privileges=["USAGE", "MONITOR"]',
    ),
    "table:Table::seen": (
        'columns=[{"name": "EVENT_ID", "type": "VARCHAR", "nullable": True}]',
        'columns=[{"name": "EVENT_ID", "type": "VARCHAR"}, {"name": "MORE", "type": "NUMBER(38,0)"}]',
    ),
    "task:Task::pos": ("SELECT EVENT_ID FROM SHOP", "SELECT UPPER(EVENT_ID) FROM SHOP"),
    "maskingPolicy:MaskingPolicy::email": ("ELSE '***' END", "ELSE '---' END"),
    "rowAccessPolicy:RowAccessPolicy::rows": ("STORE = 's1' OR", "STORE = 's2' OR"),
    "networkPolicy:NetworkPolicy::network": ('"10.1.0.0/16"]', '"10.2.0.0/16", "10.1.0.0/16"]'),
    "serviceUser:ServiceUser::service": ('rsa_public_key="TUlJQg=="', 'rsa_public_key="TUlJQw=="'),
    "storageIntegrationAws:StorageIntegrationAws::landing": (
        'storage_allowed_locations=["s3://landing/landing/"]',
        'storage_allowed_locations=["s3://landing/landing/", "s3://landing/compacted/"]',
    ),
    "pipe:Pipe::pos": ('comment="loads",\n)\nstream', 'comment="loads it",\n)\nstream'),
}


def test_every_change_reaches_the_warehouse(sample: Path, up: Lake, sql: Sql):
    up()
    sql(f"INSERT INTO {TABLE} (EVENT_ID, EMAIL) VALUES ('e1', '1:token:cipher:x@y')")
    file = sample / "__main__.py"
    for before, after in EDITS.values():
        source = file.read_text()
        assert before in source
        file.write_text(source.replace(before, after, 1))
    changed = up()
    updated = {step.urn.split("snowflake:index/")[-1] for step in changed.steps if step.op == "update"}
    assert updated == EDITS.keys()
    assert changed.changes.keys() == {"same", "update"}
    assert set(up(refresh).changes) == {"same"}
    assert set(up().changes) == {"same"}
    assert sql(f"SELECT EMAIL FROM {TABLE}") == [("---",)]


def test_drift_is_found_and_set_right(up: Lake, sql: Sql):
    up()
    sql(f'ALTER TABLE {TABLE} MODIFY COLUMN "EMAIL" UNSET TAG SHOP.GOVERNANCE.PII_EMAIL')
    sql("REVOKE ROLE RAW_R FROM ROLE ANALYST")
    sql("ALTER TASK SHOP.RAW.LOAD_POS SUSPEND")
    found = {step.urn.split("snowflake:index/")[-1]: step for step in up(refresh).steps if step.op != "same"}
    assert {name: step.op for name, step in found.items()} == {
        "tagAssociation:TagAssociation::email": "delete",
        "grantAccountRole:GrantAccountRole::analyst": "delete",
        "task:Task::pos": "refresh",
    }
    assert found["task:Task::pos"].properties == ("started",)
    up()
    sql(f"INSERT INTO {TABLE} (EVENT_ID, EMAIL) VALUES ('e1', '1:token:cipher:x@y')")
    assert sql(f"SELECT EMAIL FROM {TABLE}", role="ANALYST") == [("token",)]


def test_nothing_is_left_after_destroy(up: Lake, sql: Sql):
    up()
    assert up(destroy).resources == []
    for kind in ("DATABASES LIKE 'SHOP'", "WAREHOUSES LIKE 'LOAD'", "ROLES LIKE 'ANALYST'", "INTEGRATIONS"):
        assert sql(f"SHOW {kind}") == [], kind


def test_a_column_that_the_program_does_not_know_any_more_is_dropped(sample: Path, up: Lake, sql: Sql):
    up()
    file = sample / "__main__.py"
    column = '        {"name": "TOTAL", "type": "NUMBER(12,2)", "nullable": True},\n'
    source = file.read_text()
    assert column in source
    file.write_text(source.replace(column, ""))
    assert up().changes["update"] == 1
    columns = sql("SELECT COLUMN_NAME FROM SHOP.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'POS'")
    assert ("TOTAL",) not in columns


def test_what_the_warehouse_refuses_is_said_with_the_resource(
    program: Callable[[str], Path], warehouse: tuple[str, int], tmp_path: Path
):
    root = program('snowflake.Schema("s", database="NOWHERE", name="S")')
    with pytest.raises(StepError, match=r'Schema::s: the warehouse refused CREATE SCHEMA "NOWHERE"."S"'):
        deploy(root, "test", state_dir=tmp_path / "s", warehouse=warehouse, engine="inprocess")
