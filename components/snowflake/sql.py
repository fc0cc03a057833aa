"""The SQL that pipes and tasks run, made from the templates in `warehouse/sql` and the data contracts.

The templates are Python format strings, so that sqlfluff reads them as they are. Nothing here quotes an
identifier: what is put into a template is checked to need no quoting, or refused.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import dropwhile
from pathlib import Path

import contracts
from components.pattern import Form
from contracts import Column, Event

TEMPLATES = Path(__file__).resolve().parents[2] / "warehouse" / "sql"

_IDENTIFIER = re.compile(r"[A-Z_][A-Z0-9_$]*")
_SOURCE = re.compile(r"[a-z][a-z0-9_]*")
_EVENT = re.compile(r"[a-z][a-z0-9_-]*")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPE = re.compile(
    r"(?:VARCHAR|NUMBER|FLOAT|BOOLEAN|DATE|TIME|TIMESTAMP_NTZ|TIMESTAMP_LTZ|TIMESTAMP_TZ|VARIANT)"
    r"(?:\(\d+(?:, ?\d+)?\))?"
)

# What is known of a staged object beside its content. The load time is the scan's: CURRENT_TIMESTAMP in a
# pipe's statement is the time at which it was compiled, hours ago perhaps.
_STAGED = {
    "FILE_NAME": "METADATA$FILENAME",
    "ROW_NUMBER": "METADATA$FILE_ROW_NUMBER",
    "LOADED_AT": "METADATA$START_SCAN_TIME",
}


class SqlError(ValueError):
    """A name or a type that cannot be put into SQL."""


# The record in a staged object: a line of JSON, or the body of an Avro record, whose bytes are shown as hex.
_RECORD: Mapping[Form, str] = {"lines": "$1", "avro": "PARSE_JSON(HEX_DECODE_STRING($1:Body::VARCHAR))"}


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """When a record cannot be staged (a condition that is never NULL), and what is said of it then."""

    broken: str
    reason: str


def copy_statement(database: str, source: str, form: Form = "lines") -> str:
    """Return the COPY of a source's pipe.

    Parameters
    ----------
    database
        The stack's database, as Snowflake spells it.
    source
        A source of the contracts; its objects lie under `source=<source>/` in the stage RAW.LANDING.
    form
        What these objects hold.
    """
    database, source = _identifier("database", database), _matching(_SOURCE, "source", source)
    columns, record = contracts.RAW_COLUMNS, _RECORD[form]
    staged = {"PAYLOAD": record, **_STAGED}
    values = {
        column.name: f"{record}{_path(column.path)}::{_type(column)}" if column.path else staged[column.name]
        for column in columns
    }
    return _fill(
        "copy.sql",
        database=database,
        table=_identifier("table", contracts.raw_table(source)),
        source=source,
        columns=", ".join(values),
        values=_lines(values.values()),
    )


def pii_access(database: str) -> str:
    """Return the query of who read which personal column, when.

    Parameters
    ----------
    database
        The stack's database, as Snowflake spells it.
    """
    return _fill("pii_access.sql", database=_identifier("database", database))


def load_task(database: str, source: str, events: Sequence[Event], window_days: int) -> str:
    """Return the body of the task that takes a source's new records from RAW to STAGING.

    It is one Snowflake Scripting block and one transaction, and may run again on the same records.

    Parameters
    ----------
    database
        The stack's database, as Snowflake spells it.
    source
        A source of the contracts; the block reads its stream RAW.<SOURCE>_STREAM.
    events
        The source's events; each is merged into its table, and all other records into the quarantine.
    window_days
        How many days around a batch's days are searched for an event that is there already.
    """
    database, source = _identifier("database", database), _matching(_SOURCE, "source", source)
    if window_days < 1:
        raise SqlError(f"window_days: expected at least 1 day, got {window_days}")
    if not events:
        raise SqlError(f"events: expected those of source {source!r}, got none")
    for event in events:
        if event.source != source:
            raise SqlError(f"events: {event.name!r} is of source {event.source!r}, expected {source!r}")
    stream = f"{database}.RAW.{_identifier('table', contracts.raw_table(source))}_STREAM"
    merges = [
        *(_merge_event(database, stream, event) for event in events),
        *(_merge_vault(database, stream, event) for event in events if _personal(event)),
        _merge_quarantine(database, stream, source, events),
    ]
    return _fill("load.sql", stream=stream, window_days=str(window_days), merges="\n".join(merges))


def _merge_event(database: str, stream: str, event: Event) -> str:
    envelope = {column.name: _envelope_value(column) for column in contracts.ENVELOPE_COLUMNS}
    own = {_identifier("column", c.name): _value(c, "data") for c in event.columns}
    if twice := sorted(envelope.keys() & own.keys()):
        raise SqlError(f"event {event.name!r}: columns {', '.join(twice)} are those of the envelope")
    return _fill(
        "merge_event.sql",
        table=f"{database}.STAGING.{_identifier('table', event.table)}",
        stream=stream,
        event=_matching(_EVENT, "event", event.name),
        broken=_broken(event),
        **_merged(envelope | own),
    )


def _merge_vault(database: str, stream: str, event: Event) -> str:
    """Return what keeps, of the events that are staged, what opens their personal values."""
    columns = [column.name for column in contracts.VAULT_COLUMNS]
    fields = {_text(".".join(column.path)): column for column in _personal(event)}
    return _fill(
        "merge_vault.sql",
        table=f"{database}.GOVERNANCE.PII_VAULT",
        stream=stream,
        source=_matching(_SOURCE, "source", event.source),
        event=_matching(_EVENT, "event", event.name),
        packed="\n".join(f"WHEN {field} THEN {_value(column, 'data')}" for field, column in fields.items()),
        fields=_lines(f"({field}, {_text(str(column.pii))})" for field, column in fields.items()),
        broken=_broken(event),
        pattern=contracts.PACKED_PATTERN,
        subject_length=str(contracts.VAULT_SUBJECT_LENGTH),
        columns=_lines(columns),
        inserted=_lines(f"batch.{name}" for name in columns),
    )


def _personal(event: Event) -> list[Column]:
    return [column for column in event.columns if column.pii]


def _broken(event: Event) -> str:
    rules = (*_record_rules(event.source), *_event_rules(event))
    return "\nOR ".join(rule.broken for rule in rules)


def _merge_quarantine(database: str, stream: str, source: str, events: Sequence[Event]) -> str:
    values = _quarantine_values(source, events)
    return _fill(
        "merge_quarantine.sql",
        table=f"{database}.STAGING.QUARANTINE",
        stream=stream,
        **_merged({column.name: values[column.name] for column in contracts.QUARANTINE_COLUMNS}),
    )


def _quarantine_values(source: str, events: Sequence[Event]) -> dict[str, str]:
    """Return the quarantine's columns; no required one is ever NULL, or the whole batch would be stuck."""
    cases = [f"WHEN {rule.broken} THEN {rule.reason}" for rule in _record_rules(source)]
    for event in events:
        this = f"arrived.EVENT_TYPE = '{event.name}'"
        cases += [f"WHEN {this} AND {rule.broken} THEN {rule.reason}" for rule in _event_rules(event)]
        cases += [f"WHEN {this} THEN NULL"]
    reason = "\n    ".join(["CASE", *cases, "ELSE 'event_type: no table for it'"]) + "\nEND"
    return {
        "EVENT_ID": "COALESCE(arrived.EVENT_ID, arrived.FILE_NAME || ':' || arrived.ROW_NUMBER::VARCHAR)",
        "SOURCE": f"'{source}'",
        "EVENT_TYPE": "COALESCE(arrived.EVENT_TYPE, 'unknown')",
        "REASON": reason,
        "RECEIVED_AT": (
            "COALESCE(arrived.PRODUCER_TS, arrived.INGESTED_AT, "
            "CONVERT_TIMEZONE('UTC', arrived.LOADED_AT)::TIMESTAMP_NTZ)"
        ),
        "SEALED": "arrived.PAYLOAD:quarantine.sealed::VARCHAR",
        "OBJECT": "arrived.PAYLOAD:quarantine.object::VARCHAR",
        "DATA_KEY": "COALESCE(arrived.PAYLOAD:key::VARCHAR, '')",
        "FILE_NAME": "arrived.FILE_NAME",
        "ROW_NUMBER": "arrived.ROW_NUMBER",
        "LOADED_AT": "CURRENT_TIMESTAMP()",
    }


def _record_rules(source: str) -> tuple[_Rule, ...]:
    """Return what breaks a record of any event."""
    sealed = "COALESCE(arrived.PAYLOAD:quarantine.reason::VARCHAR, 'quarantine: no reason given')"
    required = (column for column in contracts.ENVELOPE_COLUMNS if column.path and not column.nullable)
    return (
        _Rule(broken="arrived.PAYLOAD:quarantine IS NOT NULL", reason=sealed),
        _Rule(broken=f"arrived.SOURCE IS DISTINCT FROM '{source}'", reason=f"'source: not {source}'"),
        *(_rule(column, _envelope_value(column)) for column in required if column.name != "SOURCE"),
    )


def _event_rules(event: Event) -> tuple[_Rule, ...]:
    """Return what breaks a record of this event: a value is missing, or does not fit its column."""
    return tuple(
        _rule(column, _value(column, "data"), "data")
        for column in event.columns
        if not column.nullable or column.type not in {"VARCHAR", "VARIANT"}
    )


def _rule(column: Column, value: str, *under: str) -> _Rule:
    path = (*under, *column.path)
    given = f"arrived.PAYLOAD{_path(path)}::VARCHAR IS NOT NULL AND " if column.nullable else ""
    return _Rule(broken=f"{given}{value} IS NULL", reason=_text(f"{'.'.join(path)}: no {column.type}"))


def _envelope_value(column: Column) -> str:
    if not column.path:
        return "CURRENT_TIMESTAMP()"
    if column.name in {raw.name for raw in contracts.RAW_COLUMNS}:
        return f"arrived.{column.name}"
    return _value(column)


def _value(column: Column, *under: str) -> str:
    """Return the value of a column in the payload, NULL if what is there does not fit the type."""
    path, type_ = f"arrived.PAYLOAD{_path((*under, *column.path))}", _type(column)
    if type_ == "VARIANT":
        return path
    if type_ == "VARCHAR":
        return f"{path}::VARCHAR"
    if type_ == "TIMESTAMP_NTZ":  # cast directly it would keep the clock's reading and drop the offset
        return f"CONVERT_TIMEZONE('UTC', TRY_CAST({path}::VARCHAR AS TIMESTAMP_TZ))::TIMESTAMP_NTZ"
    return f"TRY_CAST({path}::VARCHAR AS {type_})"


def _path(path: Sequence[str]) -> str:
    """Return how a VARIANT is entered; names are case sensitive, quoted or not."""
    keys = [key if _PLAIN_KEY.fullmatch(key) else '"' + key.replace('"', '""') + '"' for key in path]
    return ":" + ".".join(keys)


def _type(column: Column) -> str:
    return re.sub(", ?", ", ", _matching(_TYPE, f"type of column {column.name}", column.type))


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _merged(values: Mapping[str, str]) -> dict[str, str]:
    return {
        "columns": _lines(values),
        "values": _lines(
            value if value == f"arrived.{name}" else f"{value} AS {name}" for name, value in values.items()
        ),
        "inserted": _lines(f"batch.{name}" for name in values),
    }


def _lines(items: Iterable[str]) -> str:
    return ",\n".join(items)


def _identifier(what: str, name: str) -> str:
    return _matching(_IDENTIFIER, what, name)


def _matching(pattern: re.Pattern[str], what: str, text: str) -> str:
    if not pattern.fullmatch(text):
        raise SqlError(f"{what}: expected {pattern.pattern}, got {text!r}")
    return text


@cache
def _template(name: str) -> str:
    """Return a template without the comment on its top, which is for those who read the file."""
    lines = (TEMPLATES / name).read_text().splitlines(keepends=True)
    return "".join(dropwhile(lambda line: line.startswith("--"), lines))


def _fill(name: str, **values: str) -> str:
    """Fill a template; a value of several lines keeps the indentation of its place."""
    text = _template(name)
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        for key, value in values.items():
            if f"{{{key}}}" in line and "\n" in value:
                values[key] = value.replace("\n", f"\n{indent}")
    return text.format(**values).rstrip("\n")
