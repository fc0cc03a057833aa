"""dbt-snowflake builds here as it does there: every materialisation, twice, with contracts, tests, grants and snapshots."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.snowflake.server import Running

ROOT = Path(__file__).resolve().parents[2]
DBT = ROOT / ".venv-dbt" / "bin" / "dbt"
FILES = {
    "dbt_project.yml": """
name: probe
version: "1.0"
profile: probe
flags: {send_anonymous_usage_stats: false}
models:
  +grants: {select: [ANALYST]}
  probe: {+persist_docs: {relation: true, columns: true}}
""",
    "models/source_rows.sql": "select 1 as id, 'anna@x.com' as email, 10.50::number(12,2) as amount, '2024-01-01'::date as day",
    "models/totals.sql": """{{ config(materialized='table', cluster_by=['day']) }}
select day, sum(amount) as amount from {{ ref('source_rows') }} group by day""",
    "models/daily.sql": """{{ config(materialized='incremental', unique_key='id', incremental_strategy='merge') }}
select id, amount, '{{ run_started_at.strftime("%H:%M:%S.%f") }}' as seen from {{ ref('source_rows') }}
{% if is_incremental() %} where id >= (select max(id) from {{ this }}) {% endif %}""",
    "models/appended.sql": """{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id', on_schema_change='append_new_columns') }}
select id, amount {% if is_incremental() %}, 'new' as extra {% endif %} from {{ ref('source_rows') }}""",
    "models/customers.sql": """{{ config(materialized='table', contract={'enforced': true}) }}
select id, email, amount from {{ ref('source_rows') }}""",
    "models/schema.yml": """
models:
  - name: customers
    description: masked customers
    config: {contract: {enforced: true}}
    constraints: [{type: primary_key, columns: [id]}]
    columns:
      - {name: id, data_type: "number(38,0)", constraints: [{type: not_null}], data_tests: [unique, not_null]}
      - name: email
        description: who it is
        data_type: varchar
        constraints: [{type: custom, expression: "with masking policy LAKE.GOVERNANCE.MASK_EMAIL"}]
      - {name: amount, data_type: "number(12,2)"}
  - name: totals
    columns: [{name: day, data_tests: [not_null, {accepted_values: {arguments: {values: ["2024-01-01"]}}}]}]
unit_tests:
  - name: totals_add_up
    model: totals
    given: [{input: ref('source_rows'), rows: [{day: 2024-01-01, amount: 1.5}, {day: 2024-01-01, amount: 2}]}]
    expect: {rows: [{day: 2024-01-01, amount: 3.5}]}
""",
    "snapshots/kept.sql": """{% snapshot kept %}{{ config(unique_key='id', strategy='check', check_cols=['amount']) }}
select id, amount from {{ ref('source_rows') }}{% endsnapshot %}""",
    "seeds/regions.csv": "code,name\nEU,Europe\nUS,America\n",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Running]]:
    if not DBT.exists():
        pytest.skip("no dbt: make .venv-dbt/.done")
    home = tmp_path_factory.mktemp("dbt")
    for name, text in FILES.items():
        path = home / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    with Running(tmp_path_factory.mktemp("warehouse")) as server:
        session = server.engine.session()
        for statement in (
            "CREATE DATABASE LAKE", "CREATE SCHEMA LAKE.GOVERNANCE", "CREATE ROLE TRANSFORMER", "CREATE ROLE ANALYST",
            "CREATE WAREHOUSE TRANSFORM", "GRANT USAGE ON WAREHOUSE TRANSFORM TO ROLE TRANSFORMER",
            "GRANT USAGE, CREATE SCHEMA ON DATABASE LAKE TO ROLE TRANSFORMER", "GRANT USAGE ON DATABASE LAKE TO ROLE ANALYST",
            "GRANT USAGE ON SCHEMA LAKE.GOVERNANCE TO ROLE TRANSFORMER",
            """CREATE MASKING POLICY LAKE.GOVERNANCE.MASK_EMAIL AS (VAL VARCHAR) RETURNS VARCHAR ->
               CASE WHEN IS_ROLE_IN_SESSION('TRANSFORMER') THEN VAL ELSE '***' END""",
            "GRANT APPLY ON MASKING POLICY LAKE.GOVERNANCE.MASK_EMAIL TO ROLE TRANSFORMER",
        ):  # fmt: skip
            session.execute(statement)
        session.close()
        profile = {
            "type": "snowflake", "account": "fakesnow", "host": "127.0.0.1", "port": server.port, "protocol": "http",
            "user": "dbt", "password": "-", "role": "TRANSFORMER", "database": "LAKE", "schema": "MARTS",
            "warehouse": "TRANSFORM", "threads": 2,
        }  # fmt: skip
        (home / "profiles.yml").write_text(
            json.dumps({"probe": {"target": "local", "outputs": {"local": profile}}})
        )
        yield home, server


def dbt(home: Path, *arguments: str) -> None:
    done = subprocess.run(
        [str(DBT), "--no-use-colors", *arguments, "--project-dir", str(home), "--profiles-dir", str(home)],
        cwd=home, capture_output=True, text=True, timeout=240, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.timeout(300)
def test_build_twice(project: tuple[Path, Running]) -> None:
    home, server = project
    admin = server.engine.session(database="LAKE", schema="MARTS")
    dbt(home, "build")
    first = admin.execute("SELECT * FROM LAKE.MARTS.DAILY").rows
    source = home / "models/source_rows.sql"
    source.write_text(source.read_text() + "\nunion all select 2, 'bob@x.com', 1.25, '2024-01-01'")
    dbt(home, "build")
    second = admin.execute("SELECT * FROM LAKE.MARTS.DAILY ORDER BY ID").rows
    assert [row[0] for row in second] == [1, 2]
    assert second[0][2] != first[0][2]
    assert admin.execute("SELECT SUM(AMOUNT) FROM LAKE.MARTS.TOTALS").rows[0][0] == 11.75
    assert admin.execute("SELECT ID, EXTRA FROM LAKE.MARTS.APPENDED ORDER BY 1").rows == [
        (1, "new"),
        (2, "new"),
    ]
    assert admin.execute("SELECT EMAIL FROM LAKE.MARTS.CUSTOMERS").rows == [("***",), ("***",)]
    analyst = server.engine.session(role="ANALYST", user="alice")
    admin.execute("GRANT USAGE ON SCHEMA LAKE.MARTS TO ROLE ANALYST")
    assert analyst.execute("SELECT MAX(EMAIL), COUNT(*) FROM LAKE.MARTS.CUSTOMERS").rows == [("***", 2)]
    assert admin.execute("SELECT COUNT(*) FROM LAKE.MARTS.KEPT").rows == [(2,)]
    described = {row[0]: row for row in admin.execute("DESCRIBE TABLE LAKE.MARTS.CUSTOMERS").rows}
    assert described["EMAIL"][9] == "who it is"
    assert described["ID"][3] == "N"
    assert [row[1] for row in admin.execute("SHOW TABLES LIKE '%__DBT_TMP%' IN DATABASE LAKE").rows] == []


@pytest.mark.timeout(300)
def test_catalogue_and_full_refresh(project: tuple[Path, Running]) -> None:
    home, _ = project
    dbt(home, "build", "--full-refresh")
    dbt(home, "docs", "generate")
    nodes = json.loads((home / "target/catalog.json").read_text())["nodes"]
    assert set(nodes["model.probe.customers"]["columns"]) == {"ID", "EMAIL", "AMOUNT"}
