"""Valid events of any contract, and a contract that has every kind of personal data in every place."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import contracts
from contracts import PII_KINDS, Catalogue, Contract, JsonObject
from contracts.catalogue import ROOT
from local.soak.people import Person

EVERYTHING = "everything"
# What is tried for a pattern, until one fits: which patterns there are is the contracts' affair.
EXAMPLES = ("USD", "US", "en", "1.00", "x", "a@b.example")
MOMENTS = ("2017-06-01T12:00:00Z", "2026-02-28T23:59:59.123456789Z")
PRODUCER_TIMES = (*MOMENTS, "2017-06-01t14:00:00.5+02:00", None)
OPTIONAL = 0.8
Json = Any


def catalogue(folder: Path) -> Catalogue:
    """Return the contracts with one of a source more: loaded, and so linted, as any other.

    Parameters
    ----------
    folder
        An empty folder, to copy the contracts to.
    """
    shutil.copytree(ROOT, folder, dirs_exist_ok=True, ignore=_no_contract)
    (folder / EVERYTHING).mkdir()
    (folder / EVERYTHING / "sample.v1.json").write_text(json.dumps(everything()))
    return contracts.load(folder)


def _no_contract(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".json") and (Path(folder) / name).is_file()]


def everything() -> JsonObject:
    """Return a contract with each kind alone, nested, in arrays and in arrays of arrays."""
    address = (
        contracts.load().event("pos", "sale").latest.schema["properties"]["customer"]["properties"]["address"]
    )

    def value(kind: str) -> JsonObject:
        if kind == "address":
            return address
        return {"type": ["string", "null"], "maxLength": 400, "x-pii": {"kind": kind}}

    def group(**members: JsonObject) -> JsonObject:
        shape = {"additionalProperties": False, "required": [], "properties": members}
        return {"type": ["object", "null"], **shape}

    def many(items: JsonObject) -> JsonObject:
        return {"type": ["array", "null"], "maxItems": 5, "items": items}

    kinds = {kind: value(kind) for kind in PII_KINDS}
    places = {
        "alone": group(**kinds),
        "deep": group(er=group(**kinds)),
        "listed": many(group(note={"type": "string", "maxLength": 99}, **kinds)),
        **{f"many_{kind}": many(schema) for kind, schema in kinds.items()},
        **{f"grid_{kind}": many(many(schema)) for kind, schema in kinds.items()},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Every kind of personal data, in every place",
        "x-lake": {
            "source": EVERYTHING,
            "event": "sample",
            "version": 1,
            "delivery": "stream",
            "key": ["id"],
            "freshness": "PT1H",
        },
        "type": "object",
        "additionalProperties": False,
        "required": ["id"],
        "properties": {
            "id": {"type": "string"},
            "free": {"type": ["string", "null"], "maxLength": 999},
            **places,
        },
    }


def event(contract: Contract, number: int, person: Person, dice: Random) -> JsonObject:
    """Make a valid event, with the values of a person wherever the contract has personal data."""
    made = {
        "event_id": dice.choice((f"soak:{number}", None)),
        "source": contract.source,
        "event_type": contract.event,
        "schema_version": contract.version,
        "producer_ts": dice.choice(PRODUCER_TIMES),
        "data": _value(contract.schema, person, dice),
    }
    return {name: value for name, value in made.items() if value is not None or dice.random() < OPTIONAL}


def _value(schema: JsonObject, person: Person, dice: Random) -> Json:
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if "null" in types and dice.random() > OPTIONAL:
        return None
    if "x-pii" in schema:
        return person.value(schema["x-pii"]["kind"], dice)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    return _MAKERS[dice.choice([kind for kind in types if kind != "null"])](schema, person, dice)


def _object(schema: JsonObject, person: Person, dice: Random) -> Json:
    return {
        name: _value(member, person, dice)
        for name, member in schema["properties"].items()
        if name in schema["required"] or dice.random() < OPTIONAL
    }


def _array(schema: JsonObject, person: Person, dice: Random) -> Json:
    least = schema.get("minItems", 0)
    return [_value(schema["items"], person, dice) for _ in range(dice.randint(least, least + 2))]


def _string(schema: JsonObject, _: Person, dice: Random) -> Json:
    if schema.get("format") == "date-time":
        return dice.choice(MOMENTS)
    pattern, least = schema.get("pattern", ""), schema.get("minLength", 0)
    for example in EXAMPLES:
        if re.search(pattern, example) and len(example) >= least:
            return example
    raise ValueError(f"no example fits the pattern {pattern!r}: put one into EXAMPLES")


def _number(schema: JsonObject, _: Person, dice: Random) -> Json:
    return round(dice.uniform(max(schema.get("minimum", 0), -9), min(schema.get("maximum", 99), 99)), 2)


_MAKERS: dict[str, Callable[[JsonObject, Person, Random], Json]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": _number,
    "integer": lambda schema, *_: max(schema.get("minimum", 1), 1),
    "boolean": lambda _, __, dice: dice.random() < 0.5,
}
