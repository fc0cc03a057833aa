"""What the linter refuses: one change to a contract without faults, one fault with its place."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import contracts
from contracts import ContractError

Change = Callable[[dict[str, Any]], object]
SALE = json.loads((Path(contracts.__file__).parent / "pos/sale.v1.json").read_text())


def faults(root: Path, *changes: Change, name: str = "pos/sale.v1.json") -> list[tuple[str, str]]:
    schema = copy.deepcopy(SALE)
    for change in changes:
        change(schema)
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema))
    try:
        contracts.load(root)
    except ContractError as error:
        return [(fault.pointer, fault.expected) for fault in error.faults]
    return []


def put(pointer: str, value: Any) -> Change:
    *parents, last = pointer.removeprefix("/").split("/")

    def change(schema: dict[str, Any]) -> None:
        node: Any = schema
        for name in parents:
            node = node[name]
        node[last] = value

    return change


def drop(pointer: str) -> Change:
    *parents, last = pointer.removeprefix("/").split("/")

    def change(schema: dict[str, Any]) -> None:
        node: Any = schema
        for name in parents:
            node = node[name]
        del node[last]

    return change


def test_the_contract_that_the_others_are_changed_from_has_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path) == []


P = "/properties"
TEXT = {"type": "string"}
OBJECT = {"type": "object", "additionalProperties": False}
INNER_PII = OBJECT | {"properties": {"mail": TEXT | {"x-pii": {"kind": "email"}}}}

CASES: list[tuple[Change, str, str]] = [
    # The schema itself.
    (drop("/$schema"), "/$schema", "draft-07"),
    (put("/$schema", "https://json-schema.org/draft/2020-12/schema"), "/$schema", "draft-07"),
    (put(f"{P}/total/type", "money"), f"{P}/total/type", "not a valid JSON Schema"),
    (put(f"{P}/total/pattern", "["), f"{P}/total/pattern", "not a valid JSON Schema"),
    (put(f"{P}/total/pattern", "(?=a)b"), f"{P}/total/pattern", "not a valid JSON Schema"),
    (put("/type", "array"), "/type", "expected 'object'"),
    (put(f"{P}/total/maxLenght", 3), f"{P}/total/maxLenght", "no such keyword"),
    (put(f"{P}/total/multipleOf", 0.01), f"{P}/total/multipleOf", "say NUMBER(p,s) in x-column"),
    (put(f"{P}/extra", {**TEXT, "anyOf": [{}]}), f"{P}/extra/anyOf", "no such keyword"),
    (put(f"{P}/extra", {}), f"{P}/extra/type", "missing"),
    (put(f"{P}/extra", True), f"{P}/extra", "expected a schema"),
    (put("/additionalProperties", True), "/additionalProperties", "expected false"),
    (drop(f"{P}/customer/additionalProperties"), f"{P}/customer/additionalProperties", "expected false"),
    (put(f"{P}/extra", {**OBJECT, "properties": {}}), f"{P}/extra/properties", "at least one"),
    (put("/required", ["transaction_id", "nobody"]), "/required", "no property 'nobody'"),
    (put(f"{P}/lines/items", [TEXT]), f"{P}/lines/items", "one schema for all items"),
    # Columns.
    (put(f"{P}/two words", TEXT), f"{P}/two words", "can be a column's"),
    (put(f"{P}/customer_email", TEXT), f"{P}/customer_email", "that of customer.email already"),
    (put(f"{P}/Currency", TEXT), f"{P}/Currency", "that of currency already"),
    (put(f"{P}/event_id", TEXT), f"{P}/event_id", "that of the envelope already"),
    (put(f"{P}/order", TEXT), f"{P}/order", "reserved word"),
    (put(f"{P}/extra", {"type": ["string", "boolean"]}), f"{P}/extra/x-column", "missing"),
    (put(f"{P}/extra", {**TEXT, "x-column": "MONEY"}), f"{P}/extra/x-column", "a warehouse type"),
    (put(f"{P}/extra", {"type": "integer", "minimum": 0}), f"{P}/extra/maximum", "a whole number that fits"),
    (put(f"{P}/total/maximum", 9999999999.5), f"{P}/total/maximum", "a whole number that fits"),
    (put(f"{P}/total/minimum", -(10**10)), f"{P}/total/minimum", "a whole number that fits"),
    (drop(f"{P}/total/pattern"), f"{P}/total/pattern", "a pattern of the numbers"),
    (put(f"{P}/extra", {**TEXT, "format": "date-time"}), f"{P}/extra", "in UTC"),
    (put(f"{P}/extra", {**TEXT, "x-column": "TIMESTAMP_NTZ"}), f"{P}/extra", "in UTC"),
    (put(f"{P}/extra", {**TEXT, "x-column": "DATE"}), f"{P}/extra/format", "expected 'date'"),
    (
        put(f"{P}/lines/items/properties/line", {"type": "integer", "maximum": 9}),
        f"{P}/lines/items/properties/line/minimum",
        "a whole number that fits",
    ),
    # Personal data.
    (put(f"{P}/store_id/x-pij", {}), f"{P}/store_id/x-pij", "no such annotation"),
    (put(f"{P}/customer/properties/email/x-pii", "email"), f"{P}/customer/properties/email/x-pii", "object"),
    (
        put(f"{P}/customer/properties/email/x-pii/kind", "mail"),
        f"{P}/customer/properties/email/x-pii/kind",
        "expected one of address, device_id, email",
    ),
    (
        put(f"{P}/customer/properties/email/x-pii/who", "x"),
        f"{P}/customer/properties/email/x-pii/who",
        "unknown key",
    ),
    (
        put(f"{P}/customer/properties/email/x-pii/reid", 1),
        f"{P}/customer/properties/email/x-pii/reid",
        "true or false",
    ),
    (
        put(f"{P}/customer/properties/email/x-pii/country", "customer.address.country"),
        f"{P}/customer/properties/email/x-pii/country",
        "only phone is written by the country",
    ),
    *(
        (
            put(f"{P}/customer/properties/phone/x-pii/country", named),
            f"{P}/customer/properties/phone/x-pii/country",
            "expected a property of type 'string'",
        )
        for named in ("customer.country", "customer.address", "lines.product_id", 7)
    ),
    *(
        (put("/x-lake/subject", named), "/x-lake/subject/0", expected)
        for named, expected in (
            (["customer.nobody"], "a property of type 'string'"),
            (["lines[].product_id"], "in no array"),
            (["customer"], "a property of type 'string'"),
            ([7], "a property of type 'string'"),
            (["customer.phone"], "many people's, or be written in several ways"),
            (["customer.address.city"], "many people's"),
        )
    ),
    (put("/x-lake/subject", ["customer.email"] * 2), "/x-lake/subject/1", "named before"),
    (put("/x-lake/subject", []), "/x-lake/subject", "a list of properties"),
    (put("/x-lake/subject", "customer.email"), "/x-lake/subject", "a list of properties"),
    (put(f"{P}/total/x-pii", {"kind": "phone"}), f"{P}/total/type", "is of type 'string'"),
    (put(f"{P}/extra", {**TEXT, "x-pii": {"kind": "address"}}), f"{P}/extra/type", "is of type 'object'"),
    (
        put(f"{P}/extra", {"type": "array", "items": {**TEXT, "x-pii": {"kind": "email"}}}),
        f"{P}/extra/maxItems",
        "expected 1 to 10000",
    ),
    (
        put(
            f"{P}/extra", {"type": "array", "items": TEXT | {"x-pii": {"kind": "email"}}, "maxItems": 10_001}
        ),
        f"{P}/extra/maxItems",
        "expected 1 to 10000",
    ),
    (
        put(
            f"{P}/extra",
            {"type": "array", "maxItems": 1, "items": INNER_PII | {"type": ["object", "string"]}},
        ),
        f"{P}/extra/items/type",
        "is of one type, or null",
    ),
    (
        put(
            f"{P}/extra",
            {
                "type": "array",
                "items": TEXT | {"x-pii": {"kind": "email"}},
                "maxItems": 1,
                "x-column": "VARIANT",
            },
        ),
        f"{P}/extra/items/x-pii",
        "inside a property with x-column",
    ),
    (
        put(f"{P}/customer/properties/phone/x-pii/country", "lines[].product_id"),
        f"{P}/customer/properties/phone/x-pii/country",
        "goes through another array",
    ),
    (
        put(f"{P}/extra", INNER_PII | {"x-column": "VARIANT"}),
        f"{P}/extra/properties/mail/x-pii",
        "inside a property with x-column",
    ),
    (
        put(f"{P}/customer/properties/address/properties/city/x-pii", {"kind": "free_text"}),
        f"{P}/customer/properties/address/properties/city/x-pii",
        "protected as a whole",
    ),
    (
        put(f"{P}/customer/properties/address/properties/street", TEXT),
        f"{P}/customer/properties/address/properties/street",
        "an address is made of line1",
    ),
    (
        put(f"{P}/customer/properties/address/properties/city/type", ["string", "number"]),
        f"{P}/customer/properties/address/properties/city/type",
        "of type 'string'",
    ),
    (
        put(f"{P}/customer/properties/phone/x-column", "VARCHAR"),
        f"{P}/customer/properties/phone/x-column",
        "always the packed VARCHAR",
    ),
    (put("/x-pii", {"kind": "address"}), "/x-pii", "belongs to a property"),
    # What the lake has to know.
    (drop("/x-lake"), "/x-lake", "expected an object"),
    (put("/x-lake/owner", "me"), "/x-lake/owner", "unknown key"),
    (drop("/x-lake/freshness"), "/x-lake/freshness", "missing"),
    (put("/x-lake/freshness", "15 minutes"), "/x-lake/freshness", "ISO 8601"),
    (put("/x-lake/freshness", "PT"), "/x-lake/freshness", "ISO 8601"),
    (put("/x-lake/freshness", "PT0S"), "/x-lake/freshness", "ISO 8601"),
    (put("/x-lake/delivery", "pigeon"), "/x-lake/delivery", "expected one of batch, cdc, poll, stream"),
    (put("/x-lake/source", "web"), "/x-lake/source", "expected 'pos', as the file's path says"),
    (put("/x-lake/event", "refund"), "/x-lake/event", "expected 'sale'"),
    (put("/x-lake/version", 2), "/x-lake/version", "expected 1"),
    (put("/x-lake/version", True), "/x-lake/version", "expected 1"),
    (put("/x-lake/key", []), "/x-lake/key", "expected a list"),
    (put("/x-lake/key", ["basket"]), "/x-lake/key/0", "no property 'basket'"),
    (put("/x-lake/key", ["register_id"]), "/x-lake/key/0", "a required scalar"),
    (put("/x-lake/key", ["lines"]), "/x-lake/key/0", "a required scalar"),
    (put("/x-lake/key", ["customer.email"]), "/x-lake/key/0", "no personal data"),
    (put("/x-lake/order", "scn"), "/x-lake/order", "'producer_ts' or a property"),
]


@pytest.mark.parametrize(
    ("change", "pointer", "expected"), CASES, ids=[f"{i}{p}" for i, (_, p, _) in enumerate(CASES)]
)
def test_one_change_one_fault_with_its_place(
    tmp_path: Path, change: Change, pointer: str, expected: str
) -> None:
    found = faults(tmp_path, change)
    assert [at for at, said in found if expected in said] == [pointer], found


def test_faults_of_several_files_are_said_together(tmp_path: Path) -> None:
    """GIVEN four files, each with its own fault WHEN they are loaded THEN one error holds all of them."""
    (tmp_path / "pos").mkdir()
    (tmp_path / "pos/broken.v1.json").write_text('{"type": ')
    (tmp_path / "pos/list.v1.json").write_text("[]")
    (tmp_path / "pos/twice.v1.json").write_text('{"type": "object", "type": "object"}')
    (tmp_path / "pos/Sale.json").write_text("{}")
    faults(tmp_path, drop("/x-lake"))

    with pytest.raises(ContractError) as raised:
        contracts.load(tmp_path)

    assert [(f.file.as_posix(), f.expected.split(":")[0]) for f in raised.value.faults] == [
        ("pos/Sale.json", "expected <source>/<event>.v<version>.json, lower case"),
        ("pos/broken.v1.json", "not JSON"),
        ("pos/list.v1.json", "a contract is a JSON object"),
        (
            "pos/sale.v1.json",
            "expected an object with source, event, version, delivery, key, freshness",
        ),
        ("pos/twice.v1.json", "not JSON"),
    ]
    assert str(raised.value).startswith("5 fault(s) in the data contracts:\n  pos/Sale.json#")


@pytest.mark.parametrize("name", ["sale.v1.json", "pos/sale.json", "pos/sale.v0.json", "a/pos/sale.v1.json"])
def test_a_file_in_another_place_is_a_fault(tmp_path: Path, name: str) -> None:
    assert "expected <source>/<event>" in faults(tmp_path, name=name)[0][1]


def test_a_path_is_said_as_a_json_pointer(tmp_path: Path) -> None:
    assert (f"{P}/a~1b~0c/type", "missing: without a type there is no column") in faults(
        tmp_path, lambda schema: schema["properties"].update({"a/b~c": {}})
    )
