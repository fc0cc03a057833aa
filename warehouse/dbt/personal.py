"""Which columns of PRODUCTION carry personal data, and which a store: each is followed to the contracts.

A model that selects such a column, under whatever name and through however many models, is found here. The
personal column then carries the masking policy of its kind, and the table shows rows by its store. What
cannot be followed is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import yaml
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

import contracts

# A masking policy takes text. What is no text is harmless if it can only say how many, whether or when.
TEXT = {"varchar", "text", "string", "char"}
HARMLESS = {"number", "float", "boolean", "date", "time", "timestamp_ntz", "timestamp_ltz", "timestamp_tz"}

Kinds = dict[str, dict[str, str]]
"""Model → column → kind of what a policy is put on."""
Tables = Mapping[str, Mapping[str, str | None]]
"""Table of STAGING → column → that kind, None if it is none."""


# How a model's SQL calls another model and a source here: as nothing else in it is called.
MODEL, SOURCE = "model__", "source__"
# What every contract calls the store of an event.
STORE = "STORE_ID"


class ModelError(Exception):
    """A model that cannot be published as it is: which, and what was expected."""


def personal_columns(catalogue: contracts.Catalogue, project: Path, events: list[dict[str, Any]]) -> Kinds:
    """Return the personal columns of every model in PRODUCTION that has some.

    Raises
    ------
    ModelError
        Where a column cannot be followed, has several kinds, or is of a type that no policy can mask.
    """
    return _followed(catalogue, Models(project=project, events=events), lambda column: column.pii)


def store_columns(
    catalogue: contracts.Catalogue, project: Path, events: list[dict[str, Any]]
) -> dict[str, str]:
    """Return the column of every model in PRODUCTION that says whose rows they are: a store's id.

    Raises
    ------
    ModelError
        Where a column cannot be followed, a model has two of them, or one is no text.
    """
    models = Models(project=project, events=events)
    found = _followed(catalogue, models, lambda column: "store" if column.name == STORE else None)
    for name, columns in found.items():
        if len(columns) > 1:
            raise ModelError(f"model {name}: expected one column with a store, got {', '.join(columns)}")
    return {name: column for name, columns in found.items() for column in columns}


def _followed(
    catalogue: contracts.Catalogue, models: Models, kind: Callable[[contracts.Column], str | None]
) -> Kinds:
    """Return the columns of models that are made of columns of a kind."""

    def kinds(columns: Iterable[contracts.Column]) -> dict[str, str | None]:
        return {column.name.lower(): kind(column) for column in columns}

    tables = {f"{SOURCE}staging_quarantine": kinds(contracts.QUARANTINE_COLUMNS)} | {
        f"{SOURCE}staging_{event.table.lower()}": kinds((*contracts.ENVELOPE_COLUMNS, *event.columns))
        for event in catalogue.all_events
    }
    found = {name: _columns(name, models, tables) for name in sorted(models.published)}
    return {name: columns for name, columns in found.items() if columns}


def _columns(name: str, models: Models, tables: Tables) -> dict[str, str]:
    declared = models.published[name]
    schema = {table: dict.fromkeys(columns, "VARCHAR") for table, columns in tables.items()}
    others = {MODEL + other: sql for other, sql in models.sql.items() if other != name}
    try:
        nodes = lineage(None, models.sql[name], schema=schema, sources=others, dialect="snowflake")
    except SqlglotError as fault:
        raise ModelError(f"model {name}: its columns cannot be followed to the contracts: {fault}") from fault
    assert isinstance(nodes, dict)  # noqa: S101 (all columns were asked for)
    selected = {column.lower(): node for column, node in nodes.items()}
    if selected.keys() != declared.keys():
        odd = ", ".join(sorted(selected.keys() ^ declared.keys()))
        raise ModelError(f"model {name}: selects other columns than its contract declares: {odd}")
    made_of: dict[str, str] = {}
    for column, node in selected.items():
        kinds = {kind for kind in (_kind(name, leaf, tables) for leaf in node.walk()) if kind}
        type_ = re.split(r"\W", declared[column].lower())[0]
        if not kinds or type_ in HARMLESS:
            continue
        if contracts.NESTED in kinds:
            raise ModelError(
                f"model {name}, column {column}: made of an array with personal data, which has no face to "
                "show; publish how many, whether or when, or give it a property of its own"
            )
        if type_ not in TEXT or len(kinds) > 1:
            raise ModelError(
                f"model {name}, column {column}: made of data under policies ({', '.join(sorted(kinds))}), "
                f"declared as {declared[column]}; expected one kind in one varchar, which a policy can take"
            )
        made_of[column] = kinds.pop()
    return made_of


def _kind(model: str, node: Node, tables: Tables) -> str | None:
    if isinstance(node.expression, exp.Placeholder):
        raise ModelError(f"model {model}: cannot tell which table {node.name} comes from; qualify it")
    if node.downstream or not isinstance(node.expression, exp.Table):
        return None
    table, column = node.expression.name.lower(), node.name.rpartition(".")[2].lower()
    if column not in tables.get(table, {}):
        what = table.removeprefix(SOURCE)
        raise ModelError(f"model {model}: reads {what}.{column}, which no contract describes")
    return tables[table][column]


@dataclass(frozen=True, kw_only=True)
class Models:
    """The project's models: their SQL with names in place of references, and what PRODUCTION declares."""

    project: Path
    events: list[dict[str, Any]]

    @cached_property
    def sql(self) -> dict[str, str]:
        """Every model's SQL, as its first build would run it."""
        jinja = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 (SQL)
        jinja.globals.update(
            config=lambda *_, **__: "",
            ref=lambda name: MODEL + name,
            source=lambda schema, table: f"{SOURCE}{schema}_{table}",
            var=lambda name: f"'{name}'",
            is_incremental=lambda: False,
            staged_events=lambda: self.events,
        )
        rendered: dict[str, str] = {}
        for path in sorted(self.project.glob("models/**/*.sql")):
            try:
                rendered[path.stem] = jinja.from_string(path.read_text()).render()
            except jinja2.TemplateError as fault:
                raise ModelError(f"{path.relative_to(self.project)}: {fault}") from fault
        return rendered

    @cached_property
    def published(self) -> dict[str, dict[str, str]]:
        """The models of PRODUCTION, and the type of each of their columns by their contracts."""
        described: dict[str, Any] = {}
        for path in sorted(self.project.glob("models/production/**/*.yml")):
            described |= {
                model["name"]: model for model in yaml.safe_load(path.read_text()).get("models", ())
            }
        published: dict[str, dict[str, str]] = {}
        for path in sorted(self.project.glob("models/production/**/*.sql")):
            if path.stem not in described:
                raise ModelError(
                    f"model {path.stem}: no description in models/production declares its columns"
                )
            columns = described[path.stem].get("columns", ())
            published[path.stem] = {column["name"].lower(): column["data_type"] for column in columns}
        return published
