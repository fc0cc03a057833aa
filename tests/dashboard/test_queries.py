"""The queries, read by a second engine, against sums made by hand."""

from tests.dashboard.conftest import LAST
from tests.dashboard.duck import Duck
from warehouse.dashboard import queries
from warehouse.dashboard.queries import Period

WEEK = Period(first=LAST.replace(month=2, day=23), last=LAST)


def test_the_span_is_that_of_the_sales(filled: Duck) -> None:
    assert queries.span(filled) == Period(first=LAST.replace(month=2, day=16), last=LAST)
    assert WEEK.before() == Period(first=LAST.replace(month=2, day=16), last=LAST.replace(month=2, day=22))


def test_the_best_stores_come_first_with_the_total_of_their_channels(filled: Duck) -> None:
    best = queries.stores(filled, WEEK)
    assert list(best.drop_duplicates("store_id")["store_id"]) == ["s1", "s2", "s3"]
    third = best[best["store_id"] == "s3"]
    assert set(third["channel"]) == {"store", "online"}
    assert set(third["total"].round(2)) == {round(25.05 * 2 * 7 + 24.85, 2)}
    assert set(third["place"]) == {3}


def test_only_the_best_stores_are_in_the_heat_map(filled: Duck, monkeypatch: object) -> None:
    rows = [(f"x{n:02}", LAST, "store", 1, 1, "1000", "0", "0", "0") for n in range(queries.TOP_STORES)]
    filled.connection.executemany("insert into daily_store_sales values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    shown = queries.store_days(filled, WEEK, "day")
    assert len(set(shown["store_id"])) == queries.TOP_STORES
    assert "s3" not in set(shown["store_id"]) and "s1" in set(shown["store_id"])


def test_weeks_hold_what_their_days_hold(filled: Duck) -> None:
    days = queries.store_days(filled, WEEK, "day")
    weeks = queries.store_days(filled, WEEK, "week")
    assert round(days["net_sales"].sum(), 2) == round(weeks["net_sales"].sum(), 2)
    assert len(weeks) < len(days)


def test_discounts_of_all_kinds_are_added(filled: Duck) -> None:
    days = queries.days(filled, WEEK)
    store = days[days["channel"] == "store"]
    assert list(store["discounts"]) == [3.0] * 7
    assert list(store["stores"]) == [3] * 7
