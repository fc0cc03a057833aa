"""Reads the contracts' directory into a catalogue, or says everything that is wrong with it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path, PurePath
from typing import Any

from contracts.columns import columns, pii_fields, place
from contracts.lint import PATH, duration, lint
from contracts.model import Catalogue, Column, Contract, ContractError, Event, Fault, JsonObject

ROOT = Path(__file__).parent


def load(root: Path = ROOT) -> Catalogue:
    """Load all contracts below a directory.

    Raises
    ------
    ContractError
        With every fault of every file.
    """
    faults: list[Fault] = []
    found: list[Contract] = []
    for path in sorted(root.rglob("*.json")):
        file = path.relative_to(root)
        schema, wrong = _read(path, file)
        found += [] if wrong else [_contract(schema)]
        faults += wrong
    found.sort(key=lambda contract: (contract.source, contract.event, contract.version))
    events = [
        _event(list(versions))
        for _, versions in groupby(found, lambda contract: (contract.source, contract.event))
    ]
    for event in events:
        faults += _conflicts(event)
    faults += _same_tables(events)
    if not found and not faults:
        faults.append(Fault(file=PurePath(), pointer="", expected=f"no contracts in {root}"))
    if faults:
        raise ContractError(faults)
    return Catalogue(contracts=tuple(found), all_events=tuple(events))


def _read(path: Path, file: PurePath) -> tuple[JsonObject, list[Fault]]:
    if not PATH.fullmatch(file.as_posix()):
        return {}, [
            Fault(file=file, pointer="", expected="expected <source>/<event>.v<version>.json, lower case")
        ]
    try:
        schema = json.loads(path.read_bytes(), object_pairs_hook=_unique)
    except ValueError as error:
        return {}, [Fault(file=file, pointer="", expected=f"not JSON: {error}")]
    return schema, list(lint(file, schema))


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} appears twice")
    return found


def _contract(schema: JsonObject) -> Contract:
    lake = schema["x-lake"]
    freshness = duration(lake["freshness"])
    assert freshness is not None  # noqa: S101 (linted; for the type checker)
    return Contract(
        source=lake["source"],
        event=lake["event"],
        version=lake["version"],
        schema=schema,
        delivery=lake["delivery"],
        key=tuple(lake["key"]),
        order=lake.get("order"),
        freshness=freshness,
        columns=columns(schema),
        pii=pii_fields(schema),
        subject=tuple(map(place, lake.get("subject", ()))),
    )


def _event(versions: list[Contract]) -> Event:
    """Join the versions of an event: its table has the columns of all, older versions' columns first."""
    merged: dict[str, Column] = {}
    for contract in versions:
        for column in contract.columns:
            known = merged.get(column.name, column)
            merged[column.name] = replace(known, nullable=known.nullable or column.nullable)
    counts = Counter(column.name for contract in versions for column in contract.columns)
    return Event(
        source=versions[0].source,
        name=versions[0].event,
        versions=tuple(versions),
        columns=tuple(
            replace(column, nullable=column.nullable or counts[name] < len(versions))
            for name, column in merged.items()
        ),
    )


def _conflicts(event: Event) -> Iterator[Fault]:
    """Yield what keeps versions of an event from sharing a table."""
    known = {column.name: column for column in event.columns}
    for contract in event.versions:
        file = _file(contract)
        for name in ("key", "delivery"):
            first, here = getattr(event.versions[0], name), getattr(contract, name)
            if here != first:
                yield Fault(
                    file=file,
                    pointer=f"/x-lake/{name}",
                    expected=f"expected {first!r}, as in version {event.versions[0].version}, not {here!r}",
                )
        for column in contract.columns:
            other = known[column.name]
            if (column.type, column.pii, column.path) != (other.type, other.pii, other.path):
                yield Fault(
                    file=file,
                    pointer="".join(f"/properties/{part}" for part in column.path),
                    expected=f"its column {column.name} has another type, path or x-pii in an older version",
                )


def _same_tables(events: Iterable[Event]) -> Iterator[Fault]:
    taken: dict[str, Event] = {}
    for event in events:
        other = taken.setdefault(event.table, event)
        if other is not event:
            expected = f"its table {event.table} is that of {other.source}/{other.name} already"
            yield Fault(file=_file(event.latest), pointer="/x-lake", expected=expected)


def _file(contract: Contract) -> PurePath:
    return PurePath(contract.source, f"{contract.event}.v{contract.version}.json")
