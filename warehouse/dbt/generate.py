"""Writes the part of the dbt project that follows from the data contracts.

``python -m warehouse.dbt.generate`` writes two files. They are not committed, so they cannot be out of date:

`models/staging/_generated.yml`
    The sources: every table of STAGING with its columns, its freshness and its tests.
`macros/_generated.sql`
    ``staged_events()``, all events; ``personal_columns()``, the columns of PRODUCTION that carry personal
    data, and ``store_columns()``, those by which rows are shown (`warehouse.dbt.personal` finds both).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

import contracts
from warehouse.dbt.personal import personal_columns, store_columns

PROJECT = Path(__file__).parent
SOURCES = Path("models/staging/_generated.yml")
MACROS = Path("macros/_generated.sql")
HEADER = "Generated from the data contracts by `python -m warehouse.dbt.generate`: change those."
RECENT = "loaded_at >= dateadd('day', -{{ var('tested_days') }}, current_timestamp())"


def files(catalogue: contracts.Catalogue, project: Path = PROJECT) -> dict[Path, str]:
    """Return the generated files, by their path inside the project."""
    sources = yaml.safe_dump(sources_of(catalogue), sort_keys=False, width=110, allow_unicode=True)
    events = events_of(catalogue)
    personal = personal_columns(catalogue, project, events)
    stores = store_columns(catalogue, project, events)
    macros = [
        _macro("personal_columns", personal),
        _macro("store_columns", stores),
        _macro("staged_events", events),
    ]
    return {
        SOURCES: f"# {HEADER}\n{sources}",
        MACROS: f"{{#- {HEADER} -#}}\n\n" + "\n\n".join(macros) + "\n",
    }


def write(catalogue: contracts.Catalogue, project: Path = PROJECT) -> tuple[Path, ...]:
    """Write the generated files that are not up to date, and return those: dbt parses only what changed."""
    changed: list[Path] = []
    for name, text in files(catalogue, project).items():
        path = project / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            changed.append(path)
    return tuple(changed)


def _macro(name: str, value: object) -> str:
    return f"{{% macro {name}() %}}\n{{{{ return({json.dumps(value, indent=4)}) }}}}\n{{% endmacro %}}"


def events_of(catalogue: contracts.Catalogue) -> list[dict[str, Any]]:
    """Return every event, its table, and how soon its contract wants it to be queryable."""
    return [
        {
            "source": event.source,
            "name": event.name,
            "table": event.table.lower(),
            "freshness_seconds": int(event.latest.freshness.total_seconds()),
        }
        for event in catalogue.all_events
    ]


def sources_of(catalogue: contracts.Catalogue) -> dict[str, Any]:
    """Return dbt's description of STAGING."""
    quarantine = _table(
        "quarantine", "Every record that broke its contract, sealed.", contracts.QUARANTINE_COLUMNS
    )
    staging = {
        "name": "staging",
        "schema": "STAGING",
        "description": "A row per event, typed by its contract; personal values are packed.",
        "tables": [*map(_event_table, catalogue.all_events), quarantine],
    }
    return {"version": 2, "sources": [staging]}


def _event_table(event: contracts.Event) -> dict[str, Any]:
    contract = event.latest
    description = contract.schema.get("description", f"Event {event.name} of source {event.source}.")
    table = _table(event.table.lower(), description, (*contracts.ENVELOPE_COLUMNS, *event.columns))
    minutes = -(-int(contract.freshness.total_seconds()) // 60)
    table["config"] = {
        "loaded_at_field": "loaded_at",
        "freshness": {"warn_after": {"count": minutes, "period": "minute"}},
    }
    table["data_tests"] += [
        _test("accepted_values", event.table.lower(), column_name=column, values=values)
        for column, values in _listed_values(event)
    ]
    return table


def _table(name: str, description: str, columns: Iterable[contracts.Column]) -> dict[str, Any]:
    columns = tuple(columns)
    required = [column.name.lower() for column in columns if not column.nullable]
    personal = [column.name.lower() for column in columns if column.pii not in (None, contracts.NESTED)]
    tests = [
        _test("required", name, columns=required),
        _test("unique_together", name, columns=["event_id", "source"]),
    ]
    if personal:
        tests.append(_test("packed", name, columns=personal))
    return {
        "name": name,
        "description": description,
        "columns": [_column(column) for column in columns],
        "data_tests": tests,
    }


def _column(column: contracts.Column) -> dict[str, Any]:
    described: dict[str, Any] = {"name": column.name.lower(), "data_type": column.type.lower()}
    return described | ({"config": {"meta": {"pii": column.pii}}} if column.pii else {})


def _test(kind: str, table: str, **arguments: Any) -> dict[str, Any]:
    name = "_".join((table, *filter(None, [arguments.get("column_name")]), kind))
    return {kind: {"name": name, "arguments": arguments, "config": {"where": RECENT}}}


def _listed_values(event: contracts.Event) -> Iterator[tuple[str, list[str]]]:
    """Yield the columns whose values the contract lists, with what any of its versions allows."""
    for column in event.columns:
        members = [_member(contract.schema, column.path) for contract in event.versions]
        lists = [member.get("enum") for member in members if member is not None]
        if lists and all(lists) and not column.pii:
            yield (
                column.name.lower(),
                sorted({str(v) for values in lists for v in values or () if v is not None}),
            )


def _member(schema: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any] | None:
    for name in path:
        schema = schema.get("properties", {}).get(name)
        if schema is None:
            return None
    return schema


if __name__ == "__main__":
    for written in write(contracts.load()):
        print(written.relative_to(PROJECT))  # noqa: T201 (says what it wrote)
