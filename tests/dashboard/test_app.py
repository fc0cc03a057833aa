"""The page as a reader sees it, by Streamlit's own test driver."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.duck import Duck
from warehouse.dashboard import connection

APP = connection.ROOT / "warehouse" / "dashboard" / "app.py"


def page() -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=60).run()


def figures(shown: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in shown.metric}


def test_the_page_sums_the_chosen_period(filled: Duck) -> None:
    shown = page()
    assert not shown.exception and not shown.warning
    # GIVEN two weeks of sales, the page opens on everything: 3 x 175.15 x 7 days and one order.
    assert figures(shown)["Net sales"] == f"${175.15 * 3 * 7 + 24.85:,.0f}"
    # WHEN the last week is chosen, THEN it is that week's, against the week before.
    shown.button_group(key="period").select("1 week").run()
    assert not shown.exception and not shown.warning
    net = next(metric for metric in shown.metric if metric.label == "Net sales")
    assert net.value == f"${175.15 * 2 * 7 + 24.85:,.0f}"
    assert net.delta == f"{(175.15 * 2 * 7 + 24.85) / (175.15 * 7) - 1:+.1%}"
    assert figures(shown)["Transactions"] == str(3 * 2 * 7 + 1)


def test_a_share_is_never_rounded_up_to_all(filled: Duck) -> None:
    assert figures(page())["Loaded in time"] == "99.99%"


def test_the_page_says_as_whom_it_reads_and_shows_what_that_role_sees(filled: Duck) -> None:
    shown = page()
    assert any("read as ANALYST" in caption.value for caption in shown.caption)
    customers = next(table.value for table in shown.dataframe if "email" in table.value)
    assert customers["email"].iloc[0] == "xxxxx@example.com"
    assert list(customers["customer_id"]) == ["c1", "c2"]


def test_the_newest_quarantined_record_is_listed_with_its_reason(filled: Duck) -> None:
    shown = page()
    refused = next(table.value for table in shown.dataframe if "reason" in table.value)
    assert list(refused["reason"]) == ["data.total: type"]
    assert figures(shown)["Quarantined"] == "1"


def test_a_clean_quarantine_is_good_news(filled: Duck) -> None:
    filled.connection.execute("delete from quarantined_events")
    assert any("kept its contract" in good.value for good in page().success)


def test_nothing_published_yet_is_no_error(duck: Duck) -> None:
    shown = page()
    assert not shown.exception and not shown.warning
    assert any("No sales have been published yet" in info.value for info in shown.info)


def test_without_a_warehouse_the_page_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Any:
        raise connection.UnreachableError("no lake runs on this machine. Start one with `make up`")

    monkeypatch.setattr(connection, "settings", nowhere)
    shown = page()
    assert not shown.exception
    assert any("make up" in info.value for info in shown.info)


def test_one_table_that_cannot_be_read_costs_one_part_of_the_page(filled: Duck) -> None:
    filled.connection.execute("drop table customers")
    shown = page()
    assert not shown.exception
    assert [warning.value for warning in shown.warning if "cannot be shown" in warning.value]
    assert figures(shown)["Net sales"]


def test_a_warehouse_that_does_not_answer_can_be_asked_again(filled: Duck) -> None:
    filled.connection.execute("alter table daily_store_sales rename to away")
    shown = page()
    assert any("did not answer" in warning.value for warning in shown.warning)
    filled.connection.execute("alter table away rename to daily_store_sales")
    shown.button[0].click().run()
    assert not shown.warning and figures(shown)["Net sales"]


def test_an_answer_is_not_asked_for_again_at_once(filled: Duck) -> None:
    page()
    asked = len(filled.asked)
    page()
    assert len(filled.asked) == asked
