"""What follows from the contracts: sources and their tests, and which columns of PRODUCTION are personal."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

import contracts
from warehouse.dbt import generate
from warehouse.dbt.personal import ModelError, personal_columns, store_columns

CONTRACTS = Path(contracts.__file__).parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, to change."""
    ignore = shutil.ignore_patterns("_generated.*", "target", "logs", "__pycache__")
    return shutil.copytree(generate.PROJECT, tmp_path / "dbt", ignore=ignore)


@pytest.fixture
def catalogue() -> contracts.Catalogue:
    return contracts.load()


def personal(catalogue: contracts.Catalogue, project: Path) -> dict[str, dict[str, str]]:
    return personal_columns(catalogue, project, generate.events_of(catalogue))


def model(project: Path, name: str, sql: str, **columns: str) -> None:
    """Add a model to PRODUCTION."""
    folder = project / "models" / "production"
    (folder / f"{name}.sql").write_text(sql)
    described = [{"name": column, "data_type": type_} for column, type_ in columns.items()]
    (folder / f"{name}.yml").write_text(yaml.safe_dump({"models": [{"name": name, "columns": described}]}))


def with_contract(tmp_path: Path, **properties: Any) -> contracts.Catalogue:
    """The contracts, and one source more."""
    root = shutil.copytree(CONTRACTS, tmp_path / "contracts", ignore=shutil.ignore_patterns("*.py", "__py*"))
    lake = {"source": "club", "event": "member", "version": 1, "delivery": "poll", "key": ["contact_id"]}
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Contact",
        "description": "Somebody in the customer relations system.",
        "x-lake": {**lake, "order": "producer_ts", "freshness": "PT1H"},
        "type": "object",
        "additionalProperties": False,
        "required": ["contact_id"],
        "properties": {
            "contact_id": {"type": "string", "minLength": 1, "maxLength": 64},
            **properties,
        },
    }
    (root / "club").mkdir()
    (root / "club" / "member.v1.json").write_text(json.dumps(schema))
    return contracts.load(root)


def test_the_contacts_of_customers_are_found_through_models_and_new_names(
    catalogue: contracts.Catalogue, project: Path
) -> None:
    assert personal(catalogue, project) == {
        "customers": {"email": "email", "phone": "phone", "address": "address"}
    }


def test_a_column_by_another_name_and_in_an_expression_is_still_personal(
    catalogue: contracts.Catalogue, project: Path
) -> None:
    sql = """
        with best as (select * from {{ ref('customers') }})
        select customer_id as who, upper(coalesce(best.email, 'none')) as reach, count_if(true) as n
        from best group by all
    """
    model(project, "audience", sql, who="varchar", reach="varchar", n="number(38, 0)")
    assert personal(catalogue, project)["audience"] == {"reach": "email"}


def test_the_store_of_a_row_is_found_under_any_name(catalogue: contracts.Catalogue, project: Path) -> None:
    model(
        project,
        "shops",
        "select store_id as shop, count(*) as n from {{ ref('sales_lines') }} group by store_id",
        shop="varchar",
        n="number(38, 0)",
    )
    assert store_columns(catalogue, project, generate.events_of(catalogue)) == {
        "daily_store_sales": "store_id",
        "sales_lines": "store_id",
        "shops": "shop",
    }


def test_a_row_of_two_stores_is_refused(catalogue: contracts.Catalogue, project: Path) -> None:
    sql = "select store_id as here, store_id as there from {{ ref('sales_lines') }}"
    model(project, "moves", sql, here="varchar", there="varchar")
    with pytest.raises(ModelError, match="model moves: expected one column with a store, got here, there"):
        store_columns(catalogue, project, generate.events_of(catalogue))


def test_how_many_have_a_value_is_no_personal_value(catalogue: contracts.Catalogue, project: Path) -> None:
    model(
        project, "counts", "select count(email) as emails from {{ ref('customers') }}", emails="number(38, 0)"
    )
    assert "counts" not in personal(catalogue, project)


@pytest.mark.parametrize(
    ("sql", "type_", "told"),
    [
        ("select array_agg(email) as c from {{ ref('customers') }}", "variant", "declared as variant"),
        ("select email || phone as c from {{ ref('customers') }}", "varchar", "email, phone"),
        ("select payload as c from {{ source('raw', 'pos') }}", "varchar", "no contract describes"),
        (
            "select a.email as c from {{ source('staging', 'pos_sale') }} as a",
            "varchar",
            "Unknown column: EMAIL",
        ),
        ("select email as d from {{ ref('customers') }}", "varchar", "selects other columns"),
        ("select email as c from {{ reff('customers') }}", "varchar", "reff"),
    ],
    ids=["unmaskable type", "two kinds", "not a contract's table", "no such column", "undeclared", "jinja"],
)
def test_what_cannot_be_masked_or_followed_is_refused(
    catalogue: contracts.Catalogue, project: Path, sql: str, type_: str, told: str
) -> None:
    model(project, "doubtful", sql, c=type_)
    with pytest.raises(ModelError, match=rf"doubtful.*{told}"):
        personal(catalogue, project)


def test_a_model_nobody_described_is_refused(catalogue: contracts.Catalogue, project: Path) -> None:
    (project / "models/production/secret.sql").write_text("select email from {{ ref('customers') }}")
    with pytest.raises(ModelError, match="model secret: no description in models/production"):
        personal(catalogue, project)


def test_a_new_source_is_one_new_file(tmp_path: Path, project: Path) -> None:
    # GIVEN a contract for a third source, with a personal value and a list of values
    catalogue = with_contract(
        tmp_path,
        email={"type": ["string", "null"], "maxLength": 320, "x-pii": {"kind": "email"}},
        stage={"type": "string", "enum": ["lead", "customer"]},
    )
    # WHEN the project is generated
    generate.write(catalogue, project)
    # THEN the source is described and tested, and counted in the freshness
    tables = yaml.safe_load((project / generate.SOURCES).read_text())["sources"][0]["tables"]
    table = next(table for table in tables if table["name"] == "club_member")
    tests = {kind: test[kind]["arguments"] for test in table["data_tests"] for kind in test}
    assert tests["unique_together"]["columns"] == ["event_id", "source"]
    assert {"event_id", "producer_ts", "contact_id"} <= set(tests["required"]["columns"])
    assert not {"email", "stage", "producer_ts_assigned"} & set(tests["required"]["columns"])
    assert tests["packed"]["columns"] == ["email"]
    assert tests["accepted_values"] == {"column_name": "stage", "values": ["customer", "lead"]}
    assert table["config"]["freshness"]["warn_after"] == {"count": 60, "period": "minute"}
    assert '"table": "club_member"' in (project / generate.MACROS).read_text()


def test_a_newly_personal_column_is_masked_without_anybody_naming_it(tmp_path: Path, project: Path) -> None:
    catalogue = with_contract(
        tmp_path, nickname={"type": "string", "maxLength": 80, "x-pii": {"kind": "person_name"}}
    )
    sql = "select contact_id, nickname as called from {{ source('staging', 'club_member') }}"
    model(project, "contacts", sql, contact_id="varchar", called="varchar")
    assert personal(catalogue, project)["contacts"] == {"called": "person_name"}


EMAILS = {
    "type": "array",
    "maxItems": 9,
    "items": {"type": "string", "maxLength": 320, "x-pii": {"kind": "email"}},
}


def test_an_array_with_personal_data_is_counted_and_never_published(tmp_path: Path, project: Path) -> None:
    """GIVEN an array of emails THEN a model may say how many there are, and show none of them."""
    catalogue = with_contract(tmp_path, emails=EMAILS)
    tables = {table["name"]: table for table in generate.sources_of(catalogue)["sources"][0]["tables"]}
    tests = {kind for test in tables["club_member"]["data_tests"] for kind in test}
    assert "packed" not in tests, "no value of it is packed by itself"
    source = "from {{ source('staging', 'club_member') }}"
    counted = f"select contact_id, array_size(parse_json(emails)) as many {source}"
    model(project, "counted", counted, contact_id="varchar", many="number(38,0)")
    assert "counted" not in personal(catalogue, project)
    model(
        project, "shown", f"select contact_id, emails as them {source}", contact_id="varchar", them="varchar"
    )
    with pytest.raises(ModelError, match="model shown, column them: made of an array with personal data"):
        personal(catalogue, project)


def test_only_what_changed_is_written(catalogue: contracts.Catalogue, project: Path) -> None:
    assert len(generate.write(catalogue, project)) == 2
    assert generate.write(catalogue, project) == ()


def test_every_column_of_the_contracts_is_described_once(catalogue: contracts.Catalogue) -> None:
    tables = {table["name"]: table for table in generate.sources_of(catalogue)["sources"][0]["tables"]}
    assert tables.keys() == {event.table.lower() for event in catalogue.all_events} | {"quarantine"}
    for event in catalogue.all_events:
        described = [column["name"] for column in tables[event.table.lower()]["columns"]]
        expected = [column.name.lower() for column in (*contracts.ENVELOPE_COLUMNS, *event.columns)]
        assert described == expected
