"""The task's block, run: whatever arrives, in any order and however often, is staged once or quarantined.

The oracle is plain set logic over the records that were sent. The block runs on the laptop's Snowflake.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import contracts
from components.snowflake.sql import load_task
from contracts import Column, Event
from local.snowflake.engine import Engine
from local.snowflake.session import Session

SOURCE = "ecommerce"
EVENTS = contracts.load().events(SOURCE)
BLOCK = load_task("RETAIL", SOURCE, EVENTS, window_days=2)
START = datetime(2017, 1, 1)
STREAM = "RETAIL.RAW.ECOMMERCE_STREAM"
VAULT = "RETAIL.GOVERNANCE.PII_VAULT"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record as it lands; `reason` is why it cannot be staged, None if it can."""

    event: str | None
    id: str | None
    source: str | None
    producer_ts: datetime | None
    payload: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A record that arrived: when, and where it lies."""

    record: Record
    ingested_at: datetime
    file: str
    row: int


def packed(column: Column, number: int) -> str:
    """A personal value: the same token comes again and again, and each time with a ciphertext of its own."""
    token = f"{column.pii}-{number % 3}".ljust(32, "_")
    # Some begin with whose they are.
    version, whose = (2, f"subject-{number % 2}".ljust(16)) if number % 5 else (1, "")
    return f"{version}:{token}:{base64.b64encode(f'{whose}{column.name}-{number}'.encode()).decode()}:shown"


def value(column: Column, number: int) -> Any:
    if column.pii:
        return packed(column, number)
    if column.type.startswith("NUMBER(12"):
        return [number + 0.25, f"{number}.25", number][number % 3]
    return {
        "VARCHAR": f"{column.name.lower()}-{number}",
        "VARIANT": [{"line": number}],
        "NUMBER(38,0)": number,
        "FLOAT": number / 4,
        "BOOLEAN": bool(number % 2),
        "DATE": "2017-02-03",
        "TIMESTAMP_NTZ": "2017-02-03T04:05:06+02:00",
    }[column.type]


def data(event: Event, number: int) -> dict[str, Any]:
    """All required values of an event, and every second of the others."""
    tree: dict[str, Any] = {}
    for index, column in enumerate(event.columns):
        if not column.nullable or (index + number) % 2:
            at = tree
            for key in column.path[:-1]:
                at = at.setdefault(key, {})
            at[column.path[-1]] = value(column, number)
    return tree


def make(number: int, kind: str) -> Record:
    """Make the record of a number; what differs by kind is what is wrong with it."""
    event = EVENTS[number % len(EVENTS)]
    moment = START + timedelta(hours=7 * number)
    key = base64.b64encode(f"key-{number}".encode()).decode()
    body: dict[str, Any] = {"key": key, "schema_version": 1, "data": data(event, number)}
    name, id_, source, ts, reason = event.name, f"{kind}-{number}", SOURCE, moment, None
    if kind == "sealed":
        body, reason = (
            {"key": "a2V5", "quarantine": {"reason": "data.total: type", "sealed": "c2VhbA=="}},
            "data.total: type",
        )
    elif kind == "unknown":
        name, reason = "refund", "event_type: no table for it"
    elif kind == "untyped":
        name, reason = None, "event_type: no table for it"
    elif kind == "foreign":
        source, reason = "pos", "source: not ecommerce"
    elif kind == "nameless":
        id_, reason = None, "event_id: no VARCHAR"
    elif kind == "timeless":
        ts, reason = None, "producer_ts: no TIMESTAMP_NTZ"
    elif kind == "overflow":
        money = next(c for c in event.columns if c.type == "NUMBER(12,2)" and not c.nullable)
        body["data"][money.path[-1]] = 1e14
        reason = f"data.{'.'.join(money.path)}: no NUMBER(12,2)"
    elif kind == "keyless":
        del body["key"]
        reason = "key: no VARCHAR"
    return Record(event=name, id=id_, source=source, producer_ts=ts, payload=json.dumps(body), reason=reason)


KINDS = ("valid", "sealed", "unknown", "untyped", "foreign", "nameless", "timeless", "overflow", "keyless")
RECORDS = st.builds(make, st.integers(0, 40), st.sampled_from(["valid", "valid", "valid", *KINDS]))


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[Delivery]]:
    """Records, some of them several times, in any order, in any batches."""
    records = draw(st.lists(RECORDS, min_size=1, max_size=12))
    repeated = draw(st.lists(st.sampled_from(records), max_size=8))
    order = draw(st.permutations([*records, *repeated]))
    seconds = draw(st.lists(st.integers(0, 5), min_size=len(order), max_size=len(order)))
    deliveries = [
        Delivery(record=record, ingested_at=START + timedelta(seconds=wait), file=f"f{i % 3}", row=i)
        for i, (record, wait) in enumerate(zip(order, seconds, strict=True))
    ]
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=3)))
    edges = [0, *cuts, len(order)]
    return [deliveries[a:b] for a, b in pairwise(edges) if a < b]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    engine = Engine(tmp_path_factory.mktemp("warehouse"))
    session = engine.session()
    for statement in ("CREATE DATABASE RETAIL", "CREATE SCHEMA RETAIL.RAW", "CREATE SCHEMA RETAIL.STAGING"):
        session.execute(statement)
    session.execute("CREATE SCHEMA RETAIL.GOVERNANCE")
    _create(session, "RETAIL.RAW.ECOMMERCE", contracts.RAW_COLUMNS)
    _create(session, "RETAIL.STAGING.QUARANTINE", contracts.QUARANTINE_COLUMNS)
    _create(session, VAULT, contracts.VAULT_COLUMNS)
    for event in EVENTS:
        _create(session, f"RETAIL.STAGING.{event.table}", (*contracts.ENVELOPE_COLUMNS, *event.columns))
    yield session
    session.close()
    engine.stop()


def _create(session: Session, table: str, columns: tuple[Column, ...]) -> None:
    lines = ", ".join(f"{c.name} {c.type}{'' if c.nullable else ' NOT NULL'}" for c in columns)
    session.execute(f"CREATE TABLE {table} ({lines})")


@pytest.fixture
def empty(warehouse: Session) -> Session:
    _clear(warehouse)
    return warehouse


def _clear(session: Session) -> None:
    staging = ("QUARANTINE", *(event.table for event in EVENTS))
    for table in ("RAW.ECOMMERCE", "GOVERNANCE.PII_VAULT", *(f"STAGING.{name}" for name in staging)):
        session.execute(f"TRUNCATE TABLE RETAIL.{table}")
    session.execute(f"CREATE OR REPLACE STREAM {STREAM} ON TABLE RETAIL.RAW.ECOMMERCE APPEND_ONLY = TRUE")


def _text(value: object) -> str:
    return "NULL" if value is None else "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def land(session: Session, batch: list[Delivery]) -> None:
    """Put records into RAW as the pipe's COPY does."""
    rows = ", ".join(
        "("
        + ", ".join(
            _text(cell)
            for cell in (
                one.record.payload,
                one.record.id,
                one.record.source,
                one.record.event,
                one.record.producer_ts,
                one.ingested_at,
                one.file,
                one.row,
            )
        )
        + ")"
        for one in batch
    )
    session.execute(
        "INSERT INTO RETAIL.RAW.ECOMMERCE SELECT PARSE_JSON(COLUMN1), COLUMN2, COLUMN3, COLUMN4, "
        "COLUMN5::TIMESTAMP_NTZ, COLUMN6::TIMESTAMP_NTZ, COLUMN7, COLUMN8::NUMBER(38,0), CURRENT_TIMESTAMP() "
        f"FROM VALUES {rows}"
    )


def staged(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    """Return what is where: the rows of each table, sorted."""
    columns = "EVENT_ID, SOURCE, PRODUCER_TS, INGESTED_AT"
    found = {
        event.name: session.execute(
            f"SELECT {columns} FROM RETAIL.STAGING.{event.table} ORDER BY {columns}"
        ).rows
        for event in EVENTS
    }
    found["quarantine"] = session.execute(
        "SELECT EVENT_ID, SOURCE, EVENT_TYPE, REASON FROM RETAIL.STAGING.QUARANTINE ORDER BY 1, 2, 3"
    ).rows
    return found


def expected(batches: list[list[Delivery]]) -> dict[str, list[tuple[Any, ...]]]:
    """The oracle: the first batch that brings an event stages it, as it came first within it."""
    rows: dict[str, dict[str, tuple[Any, ...]]] = {event.name: {} for event in EVENTS}
    quarantine: dict[str, tuple[Any, ...]] = {}
    for batch in batches:
        for one in sorted(batch, key=lambda d: (d.ingested_at, d.file, d.row)):
            record = one.record
            if record.reason is None:
                assert record.event and record.id
                row = (record.id, SOURCE, record.producer_ts, one.ingested_at)
                rows[record.event].setdefault(record.id, row)
            else:
                id_ = record.id or f"{one.file}:{one.row}"
                row = (id_, SOURCE, record.event or "unknown", record.reason)
                quarantine.setdefault(id_, row)
    return {name: sorted(kept.values()) for name, kept in {**rows, "quarantine": quarantine}.items()}


def vault(session: Session) -> list[tuple[Any, ...]]:
    """Return the vault, sorted."""
    names = ", ".join(column.name for column in contracts.VAULT_COLUMNS)
    return sorted(session.execute(f"SELECT {names} FROM {VAULT}").rows)


def sealed(batches: list[list[Delivery]]) -> list[tuple[Any, ...]]:
    """The oracle of the vault: the latest ciphertext of what is staged; of two of one moment the first batch's."""
    columns = {(event.name, column): ".".join(column.path) for event in EVENTS for column in event.columns}
    kept: dict[tuple[str, ...], tuple[Any, ...]] = {}
    for batch in batches:
        latest: dict[tuple[str, ...], tuple[Any, ...]] = {}
        for one in sorted(batch, key=lambda d: (d.ingested_at, d.file, d.row)):
            body, at = json.loads(one.record.payload), one.ingested_at
            for (event, column), field in columns.items():
                if one.record.reason or event != one.record.event or not column.pii:
                    continue
                found = body["data"]
                for name in column.path:
                    found = found.get(name, {}) if found else None
                if found:
                    version, token, ciphertext, _ = found.split(":")
                    whose = ciphertext[:21] if version == "2" else ""
                    row = (token, column.pii, SOURCE, field, whose)
                    first = latest.get(row, (0, 0, at))[2]
                    latest[row] = (ciphertext, body["key"], first, at)
        for row, (ciphertext, key, first, last) in latest.items():
            old = kept.get(row, (ciphertext, key, first, last))
            newer = (ciphertext, key) if last > old[3] else old[:2]
            kept[row] = (*newer, min(first, old[2]), max(last, old[3]))
    return sorted((*row[:4], *rest, row[4]) for row, rest in kept.items())


# Not made smaller when it fails: an example is small, and a run of the block half a second.
@settings(max_examples=15, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(batches=arrivals())
def test_nothing_is_lost_and_nothing_is_there_twice(
    warehouse: Session, batches: list[list[Delivery]]
) -> None:
    _clear(warehouse)
    for batch in batches:
        land(warehouse, batch)
        warehouse.execute(BLOCK)
    assert staged(warehouse) == expected(batches)
    assert vault(warehouse) == sealed(batches)
    # All of RAW once more, as a rebuild reads it: nothing changes.
    warehouse.execute("INSERT INTO RETAIL.RAW.ECOMMERCE SELECT * FROM RETAIL.RAW.ECOMMERCE")
    warehouse.execute(BLOCK)
    assert staged(warehouse) == expected(batches)
    assert vault(warehouse) == sealed(batches)
    assert warehouse.execute(f"SELECT COUNT(*) FROM {STREAM}").rows == [(0,)]


def test_every_kind_of_record_is_in_what_the_property_tries(empty: Session) -> None:
    batch = [
        Delivery(record=make(number, kind), ingested_at=START, file="f", row=number)
        for number, kind in enumerate(KINDS)
    ]
    land(empty, batch)
    empty.execute(BLOCK)
    found = staged(empty)
    assert found == expected([batch])
    assert len(found["quarantine"]) == len(KINDS) - 1
    assert vault(empty) == sealed([batch])
    assert vault(empty)


def test_values_arrive_as_they_were_sent(empty: Session) -> None:
    order = next(event for event in EVENTS if event.name == "order")
    body = {
        "key": "a2V5",
        "schema_version": 1,
        "producer_ts_assigned": True,
        "data": {
            "order_id": "o1",
            "store_id": "s1",
            "currency": "USD",
            "customer": {"loyalty_id": "7", "email": "1:tok:ct:xxxxx@example.com"},
            "shipping": {"method": "home", "cost": "4.5"},
            "lines": [{"line": 1, "product_id": "p", "note": "it's"}],
            "total": 1234567.89,
        },
    }
    record = Record(
        event=order.name, id="e1", source=SOURCE, producer_ts=START, payload=json.dumps(body), reason=None
    )
    land(empty, [Delivery(record=record, ingested_at=START, file="f", row=1)])
    empty.execute(BLOCK)
    ((key, assigned, version, email, phone, cost, total, lines),) = empty.execute(
        "SELECT DATA_KEY, PRODUCER_TS_ASSIGNED, SCHEMA_VERSION, CUSTOMER_EMAIL, CUSTOMER_PHONE, "
        "SHIPPING_COST, TOTAL, LINES FROM RETAIL.STAGING.ECOMMERCE_ORDER"
    ).rows
    assert (key, assigned, version) == ("a2V5", True, 1)
    assert (email, phone) == ("1:tok:ct:xxxxx@example.com", None)
    assert (cost, total) == (Decimal("4.50"), Decimal("1234567.89"))
    assert json.loads(lines) == body["data"]["lines"]


def test_a_moment_with_an_offset_is_kept_as_utc(empty: Session) -> None:
    cart = next(event for event in EVENTS if event.name == "cart")
    body = {"key": "a2V5", "schema_version": 1, "data": data(cart, 0)}
    body["data"]["updated_at"] = "2017-02-03T01:05:06.250+02:00"
    record = Record(
        event="cart", id="e1", source=SOURCE, producer_ts=START, payload=json.dumps(body), reason=None
    )
    land(empty, [Delivery(record=record, ingested_at=START, file="f", row=1)])
    empty.execute(BLOCK)
    found = empty.execute("SELECT UPDATED_AT FROM RETAIL.STAGING.ECOMMERCE_CART").rows
    assert found == [(datetime(2017, 2, 2, 23, 5, 6, 250000),)]


def test_a_repeat_is_found_within_the_window_only(empty: Session) -> None:
    """An event whose time was assigned on arrival differs in it when it is sent again."""
    first = make(0, "valid")
    near = Record(**{**vars(first), "producer_ts": START + timedelta(days=2)})
    far = Record(**{**vars(first), "producer_ts": START + timedelta(days=3)})
    for record, rows in ((first, 1), (near, 1), (far, 2)):
        land(empty, [Delivery(record=record, ingested_at=START, file="f", row=1)])
        empty.execute(BLOCK)
        assert sum(len(staged(empty)[event.name]) for event in EVENTS) == rows


def test_a_block_that_fails_changes_nothing_and_can_run_again(empty: Session) -> None:
    batch = [
        Delivery(record=make(number, kind), ingested_at=START, file="f", row=number)
        for number, kind in enumerate(("valid", "valid", "sealed"))
    ]
    land(empty, batch)
    before = staged(empty), vault(empty)
    with pytest.raises(Exception, match="NOWHERE"):
        empty.execute(BLOCK.replace("RETAIL.STAGING.QUARANTINE", "RETAIL.STAGING.NOWHERE"))
    assert (staged(empty), vault(empty)) == before
    empty.execute(BLOCK)
    assert staged(empty) == expected([batch])
    assert vault(empty) == sealed([batch])


def test_what_is_not_packed_is_not_in_the_vault(empty: Session) -> None:
    record = make(0, "valid")
    bare = (
        record.payload.replace("2:email", "3:email")
        .replace("1:email", "3:email")
        .replace("2:phone", "phone")
        .replace("1:phone", "phone")
    )
    assert bare != record.payload
    land(empty, [Delivery(record=replace(record, payload=bare), ingested_at=START, file="f", row=1)])
    empty.execute(BLOCK)
    assert sum(len(staged(empty)[event.name]) for event in EVENTS) == 1
    assert {row[1] for row in vault(empty)} <= {"address"}
