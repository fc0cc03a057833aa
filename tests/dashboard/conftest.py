from datetime import date, datetime
from typing import Any

import pytest
import streamlit as st

from tests.dashboard.duck import Duck
from warehouse.dashboard import connection

WHERE = connection.Settings(
    database="RETAIL_TEST", role="ANALYST", account="account", user="user", place="a test"
)
LAST = date(2017, 3, 1)


@pytest.fixture
def duck(monkeypatch: pytest.MonkeyPatch) -> Duck:
    """PRODUCTION without a row, in place of the warehouse."""
    found = Duck()
    monkeypatch.setattr(connection, "settings", lambda: WHERE)
    monkeypatch.setattr(connection, "Session", lambda _where: found)
    st.cache_data.clear()
    st.cache_resource.clear()
    return found


@pytest.fixture
def filled(duck: Duck) -> Duck:
    """Two weeks of sales in three stores, two customers, one quarantined record."""
    rows: list[tuple[Any, ...]] = []
    for day in range(14):
        sold = date.fromordinal(LAST.toordinal() - day)
        for store, value in (("s1", "100.10"), ("s2", "50.00"), ("s3", "25.05")):
            doubled = 2 if day < 7 else 1
            rows.append((store, sold, "store", doubled, 5, f"{float(value) * doubled:.2f}", "1", "0", "0"))
    rows.append(("s3", LAST, "online", 1, 1, "24.85", "0", "0", "0"))
    duck.connection.executemany("insert into daily_store_sales values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    seen = datetime(2017, 1, 1)
    duck.connection.executemany(
        "insert into customers values (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            ("c1", "xxxxx@example.com", None, "Seattle, US", seen, seen, 3, "300.00"),
            ("c2", None, "•••-••42", None, seen, seen, 1, "20.00"),
        ],
    )
    duck.connection.execute(
        "insert into ingestion_freshness values "
        "('pos', 'sale', '2026-01-01 10:00', 30000, 29999, 12.5, 40, 901)"
    )
    duck.connection.execute(
        "insert into quarantined_events values ('q-1', 'pos', 'sale', 'data.total: type', "
        "'2026-01-01 10:05', false, '2026-01-01 10:06Z')"
    )
    return duck
