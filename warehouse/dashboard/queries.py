"""What the dashboard asks of PRODUCTION. All sums are made by the warehouse, exactly; only the newest
period is asked for, so that a page costs what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from warehouse.dashboard.connection import Frame, Warehouse

TOP_STORES = 20
NEWEST = 50


@dataclass(frozen=True, kw_only=True)
class Period:
    """Days of sales, first and last included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def before(self) -> Period:
        """The days just before, as many."""
        return Period(first=self.first - timedelta(days=self.days), last=self.first - timedelta(days=1))

    def parameters(self) -> dict[str, Any]:
        """What the queries call them."""
        return {"first": self.first, "last": self.last}


def span(warehouse: Warehouse) -> Period | None:
    """Return the days for which there are sales; None if there are none."""
    found = warehouse.query("SELECT MIN(SALES_DATE) AS FIRST, MAX(SALES_DATE) AS LAST FROM DAILY_STORE_SALES")
    first, last = found.loc[0, "first"], found.loc[0, "last"]
    return None if pd.isna(first) else Period(first=first, last=last)


def days(warehouse: Warehouse, period: Period) -> Frame:
    """Return sales by day and channel."""
    return warehouse.query(
        """
        SELECT SALES_DATE, CHANNEL, SUM(TRANSACTIONS) AS TRANSACTIONS, SUM(UNITS) AS UNITS,
            SUM(NET_SALES) AS NET_SALES, COUNT(DISTINCT STORE_ID) AS STORES,
            SUM(RETAIL_DISCOUNT + COUPON_DISCOUNT + COUPON_MATCH_DISCOUNT) AS DISCOUNTS
        FROM DAILY_STORE_SALES
        WHERE SALES_DATE BETWEEN %(first)s::DATE AND %(last)s::DATE
        GROUP BY SALES_DATE, CHANNEL
        ORDER BY SALES_DATE, CHANNEL
        """,
        period.parameters(),
    )


def stores(warehouse: Warehouse, period: Period) -> Frame:
    """Return the best stores by net sales, by channel."""
    return warehouse.query(
        """
        SELECT STORE_ID, CHANNEL, NET_SALES, TRANSACTIONS, TOTAL, PLACE
        FROM (
            SELECT STORE_ID, CHANNEL, NET_SALES, TRANSACTIONS, TOTAL,
                DENSE_RANK() OVER (ORDER BY TOTAL DESC, STORE_ID) AS PLACE
            FROM (
                SELECT STORE_ID, CHANNEL, NET_SALES, TRANSACTIONS,
                    SUM(NET_SALES) OVER (PARTITION BY STORE_ID) AS TOTAL
                FROM (
                    SELECT STORE_ID, CHANNEL, SUM(NET_SALES) AS NET_SALES, SUM(TRANSACTIONS) AS TRANSACTIONS
                    FROM DAILY_STORE_SALES
                    WHERE SALES_DATE BETWEEN %(first)s::DATE AND %(last)s::DATE
                    GROUP BY STORE_ID, CHANNEL
                ) AS BY_CHANNEL
            ) AS WITH_TOTAL
        ) AS PLACED
        WHERE PLACE <= %(top)s
        ORDER BY PLACE, CHANNEL
        """,
        period.parameters() | {"top": TOP_STORES},
    )


def store_days(warehouse: Warehouse, period: Period, grain: str) -> Frame:
    """Return the best stores' sales by day or by week (`grain`)."""
    return warehouse.query(
        """
        SELECT SALES.STORE_ID, DATE_TRUNC(%(grain)s, SALES.SALES_DATE) AS STARTING,
            SUM(SALES.NET_SALES) AS NET_SALES, SUM(SALES.TRANSACTIONS) AS TRANSACTIONS
        FROM DAILY_STORE_SALES AS SALES
        INNER JOIN (
            SELECT STORE_ID
            FROM DAILY_STORE_SALES
            WHERE SALES_DATE BETWEEN %(first)s::DATE AND %(last)s::DATE
            GROUP BY STORE_ID
            ORDER BY SUM(NET_SALES) DESC, STORE_ID
            LIMIT %(top)s
        ) AS BEST ON SALES.STORE_ID = BEST.STORE_ID
        WHERE SALES.SALES_DATE BETWEEN %(first)s::DATE AND %(last)s::DATE
        GROUP BY SALES.STORE_ID, DATE_TRUNC(%(grain)s, SALES.SALES_DATE)
        """,
        period.parameters() | {"top": TOP_STORES, "grain": grain},
    )


def customers(warehouse: Warehouse) -> Frame:
    """Return the best customers, as the reader's role may see them."""
    return warehouse.query(
        """
        SELECT CUSTOMER_ID, EMAIL, PHONE, ADDRESS, TRANSACTIONS, NET_SALES, FIRST_SEEN, LAST_SEEN
        FROM CUSTOMERS
        ORDER BY NET_SALES DESC, CUSTOMER_ID
        LIMIT %(newest)s
        """,
        {"newest": NEWEST},
    )


def customer_counts(warehouse: Warehouse) -> Frame:
    """Return how many customers there are, and of how many each contact is known."""
    found = warehouse.query(
        """
        SELECT COUNT(*) AS CUSTOMERS, COUNT(EMAIL) AS EMAIL, COUNT(PHONE) AS PHONE, COUNT(ADDRESS) AS ADDRESS
        FROM CUSTOMERS
        """
    )
    return found.iloc[0]


def freshness(warehouse: Warehouse) -> Frame:
    """Return how long events took, by the hour of the last two days of loading."""
    return warehouse.query(
        """
        SELECT SOURCE || '.' || EVENT_TYPE AS EVENT, LOADED_HOUR, EVENTS, EVENTS_IN_TIME,
            P50_SECONDS, P95_SECONDS, MAX_SECONDS
        FROM INGESTION_FRESHNESS
        WHERE LOADED_HOUR > (SELECT DATEADD('day', -2, MAX(LOADED_HOUR)) FROM INGESTION_FRESHNESS)
        ORDER BY LOADED_HOUR, EVENT
        """
    )


def hops(warehouse: Warehouse) -> Frame:
    """Return what arrived and what became of it."""
    found = warehouse.query(
        """
        SELECT
            (SELECT COALESCE(SUM(EVENTS), 0) FROM INGESTION_FRESHNESS) AS EVENTS,
            (SELECT COALESCE(SUM(EVENTS_IN_TIME), 0) FROM INGESTION_FRESHNESS) AS IN_TIME,
            (SELECT COUNT(*) FROM QUARANTINED_EVENTS) AS QUARANTINED,
            (SELECT COUNT(*) FROM SALES_LINES) AS LINES
        """
    )
    return found.iloc[0]


def quarantine(warehouse: Warehouse) -> Frame:
    """Return what was quarantined, by the hour in which it arrived, its source and the reason."""
    return warehouse.query(
        """
        SELECT DATE_TRUNC('hour', RECEIVED_AT) AS RECEIVED_HOUR, SOURCE, REASON, COUNT(*) AS RECORDS
        FROM QUARANTINED_EVENTS
        GROUP BY DATE_TRUNC('hour', RECEIVED_AT), SOURCE, REASON
        ORDER BY RECORDS DESC, REASON
        """
    )


def newest_quarantined(warehouse: Warehouse) -> Frame:
    """Return the newest quarantined records."""
    return warehouse.query(
        """
        SELECT RECEIVED_AT, SOURCE, EVENT_TYPE, REASON, EVENT_ID
        FROM QUARANTINED_EVENTS
        ORDER BY RECEIVED_AT DESC, EVENT_ID DESC
        LIMIT %(newest)s
        """,
        {"newest": NEWEST},
    )
