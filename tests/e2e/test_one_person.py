"""One person of three sources, each of which writes email, phone and address in its own way, is one token each."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import contracts
from contracts import Event
from local.leaks import Needle, leaks
from local.state import Lake
from tests.e2e.running import Command

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("lake")]

HOME = {
    "line1": "7 Trillian Road",
    "city": "Seattle",
    "region": "WA",
    "postal_code": "98101",
    "country": "US",
}
SAME_HOME = {**HOME, "line1": " 7  TRILLIAN ROAD, ", "line2": "", "city": "SEATTLE", "region": "wa"}
# By source and event: how it writes the one person, and somebody else who looks like them.
PERSON: dict[tuple[str, str], dict[str, Any]] = {
    ("pos", "sale"): {"email": "Ford.Prefect@Galaxy.example", "phone": "(206) 555-0142", "address": HOME},
    ("ecommerce", "order"): {
        "email": "ford.prefect@GALAXY.example.",
        "phone": "+1 206-555-0142",
        "address": SAME_HOME,
    },
    ("ecommerce", "cart"): {"email": "ford.prefect@galaxy.example", "phone": "206.555.0142"},
    ("crm", "contact"): {
        "email": "ＦＯＲＤ．Prefect@galaxy.example",
        "phone": "001 206 555 0142",
        "address": SAME_HOME,
    },
}
SOMEBODY_ELSE = {"email": "ford.prefect2@galaxy.example", "phone": "+12065550143"}
STORE = "9042"


def data_of(source: str, event: str, number: int, written: dict[str, Any]) -> dict[str, Any]:
    """The least that an event's contract takes, with a person as the source writes them."""
    money = dict.fromkeys(("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"), "1.00")
    lines = [{"line": 1, "product_id": "42", "quantity": 1, **money}]
    sold = {"store_id": STORE, "currency": "USD", "lines": lines, "total": "1.00"}
    match source, event:
        case "pos", "sale":
            return {
                "transaction_id": f"{STORE}-{number}",
                **sold,
                "customer": {"loyalty_id": f"{STORE}-{number}", **written},
            }
        case "ecommerce", "order":
            return {"order_id": f"{STORE}-{number}", **sold, "customer": written}
        case "ecommerce", "cart":
            moment = "2017-06-01T12:00:00Z"
            whole = {"status": "active", "currency": "USD", "items": [], "value": 0, "updated_at": moment}
            return {"cart_id": f"{STORE}-{number}", **whole, "customer": written}
        case _:
            times = dict.fromkeys(("created_at", "updated_at"), "2017-06-01T12:00:00Z")
            home = {"mailing_address": written["address"]} if "address" in written else {}
            rest = {name: value for name, value in written.items() if name != "address"}
            return {"contact_id": f"{STORE}-{number}", "deleted": False, **times, **rest, **home}


def line(source: str, event: str, number: int, written: dict[str, Any]) -> str:
    return json.dumps(
        {
            "event_id": f"{STORE}-{event}-{number}",
            "source": source,
            "event_type": event,
            "schema_version": 1,
            "producer_ts": "2017-06-01T12:00:00Z",
            "data": data_of(source, event, number, written),
        }
    )


def column(event: Event, kind: str) -> str:
    """The first of an event's columns with that kind of personal data: of a contact's phones the main one."""
    return next(column.name for column in event.columns if column.pii == kind)


def tokens(lake: Lake, event: Event, kind: str) -> list[str]:
    """What DATA_SCIENCE sees in STAGING of the person and of the somebody else, in this order."""
    query = (
        f"SELECT {column(event, kind)} FROM {lake.database}.STAGING.{event.table} "
        f"WHERE EVENT_ID LIKE '{STORE}-%' ORDER BY EVENT_ID"
    )
    with closing(lake.connect(role="DATA_SCIENCE")) as session, session.cursor() as cursor:
        return [str(value) for (value,) in cursor.execute(query).fetchall()]  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def sent(command: Command, tmp_path_factory: pytest.TempPathFactory) -> list[Needle]:
    """Send the person and somebody else through every event of every source; return what must not leak."""
    folder: Path = tmp_path_factory.mktemp("person")
    files: dict[str, list[str]] = {}
    for (source, event), written in PERSON.items():
        files.setdefault(source, []).extend(
            [line(source, event, 1, written), line(source, event, 2, SOMEBODY_ELSE)]
        )
    for source, lines in files.items():
        (folder / source).write_text("\n".join(lines))
        command.run("send", str(folder / source), "--source", source)
    command.run("drain", "--timeout", "240")
    values = {value for written in PERSON.values() for value in written.values() if isinstance(value, str)}
    return [Needle(value, "the person") for value in {*values, HOME["line1"]}]


def test_every_event_of_every_source_takes_part(sent: list[Needle]) -> None:
    assert set(PERSON) == {(event.source, event.name) for event in contracts.load().all_events}


@pytest.mark.parametrize("kind", ["email", "phone", "address"])
def test_one_person_is_one_token_in_every_source(sent: list[Needle], lake: Lake, kind: str) -> None:
    found = {
        (event.source, event.name): tokens(lake, event, kind)
        for event in contracts.load().all_events
        if kind in PERSON[event.source, event.name]
    }
    assert {source for source, _ in found} == {"pos", "ecommerce", "crm"}
    persons = {seen[0] for seen in found.values()}
    assert len(persons) == 1, {place: seen[0] for place, seen in found.items()}
    (token,) = persons
    assert token.startswith("v00000001-")
    assert len(token) == 32
    if kind != "address":
        others = {seen[1] for seen in found.values()}
        assert len(others) == 1
        assert others.isdisjoint(persons)


def test_the_sources_join_on_it(sent: list[Needle], lake: Lake) -> None:
    """GIVEN no id that the sources share WHEN data science joins their tables by token THEN it is one row."""
    events = {event.table: event for event in contracts.load().all_events}
    sale, order, contact = (events[name] for name in ("POS_SALE", "ECOMMERCE_ORDER", "CRM_CONTACT"))
    staging = f"{lake.database}.STAGING"
    query = (
        f"SELECT s.TRANSACTION_ID, o.ORDER_ID, c.CONTACT_ID FROM {staging}.{sale.table} s "
        f"JOIN {staging}.{order.table} o ON s.{column(sale, 'email')} = o.{column(order, 'email')} "
        f"AND s.{column(sale, 'phone')} = o.{column(order, 'phone')} "
        f"JOIN {staging}.{contact.table} c ON s.{column(sale, 'email')} = c.{column(contact, 'email')} "
        f"AND s.{column(sale, 'phone')} = c.{column(contact, 'phone')} ORDER BY 1"
    )
    with closing(lake.connect(role="DATA_SCIENCE")) as session, session.cursor() as cursor:
        rows = [tuple(row) for row in cursor.execute(query).fetchall()]  # type: ignore[union-attr, arg-type]
    assert rows == [(f"{STORE}-{number}",) * 3 for number in (1, 2)]


def test_and_no_spelling_of_them_lies_anywhere(sent: list[Needle], lake: Lake) -> None:
    assert leaks(lake.root / ".local", sent, lake) == []
