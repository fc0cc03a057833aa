"""The page. ``python -m streamlit run warehouse/dashboard/app.py``, from the project's root."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import streamlit as st

from warehouse.dashboard import charts, queries
from warehouse.dashboard.connection import Frame, Session, Settings, UnreachableError, settings
from warehouse.dashboard.queries import Period

FRESH_SECONDS = 30
PERIODS = {"1 week": 7, "4 weeks": 28, "13 weeks": 91, "1 year": 365}
DAILY_AT_MOST = 45
STYLE = """
.block-container {padding-top: 2.4rem; padding-bottom: 2rem; max-width: 1500px}
h1 {font-size: 2rem !important; padding-bottom: 0.2rem !important}
h3 {font-size: 1.15rem !important; padding-bottom: 0.4rem !important}
"""


@st.cache_resource(max_entries=4, show_spinner=False)
def session(where: Settings) -> Session:
    """One session per warehouse, shared by everybody who looks."""
    return Session(where)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=200, show_spinner=False)
def asked(_query: Callable[..., Any], name: str, where: Settings, *arguments: Any) -> Any:
    """An answer, remembered for half a minute."""
    return _query(session(where), *arguments)


def ask(query: Callable[..., Any], where: Settings, *arguments: Any) -> Any:
    """Return a query's answer; the warehouse is asked only if nobody asked just before."""
    return asked(query, query.__name__, where, *arguments)


def main() -> None:
    """Draw the page."""
    st.set_page_config(page_title="Store performance", page_icon="🛒", layout="wide")
    st.html(f"<style>{STYLE}</style>")
    try:
        where = settings()
    except UnreachableError as fault:
        st.title("Store performance")
        st.info(f"Nothing to show yet: {fault}", icon=":material/link_off:")
        st.stop()
    try:
        days = ask(queries.span, where)
    except Exception as fault:  # whatever the driver says, the reader is told
        st.title("Store performance")
        unavailable("The warehouse did not answer", fault)
        st.button("Try again", icon=":material/refresh:", on_click=st.cache_data.clear)
        st.stop()
    period = header(where, days)
    if period is None or days is None:
        st.info(
            "No sales have been published yet. As soon as the first ones are modelled they show up here.",
            icon=":material/hourglass_empty:",
        )
        section(operations, where)
        return
    section(figures, where, period, days)
    sales_tab, customers_tab, operations_tab = st.tabs(["Sales", "Customers", "Freshness and quality"])
    with sales_tab:
        section(sales, where, period)
    with customers_tab:
        section(customers, where)
    with operations_tab:
        section(operations, where)


def header(where: Settings, days: Period | None) -> Period | None:
    """Draw the title and the choice of a period; return the period that was chosen."""
    title, choice = st.columns([3, 2], vertical_alignment="bottom")
    with title:
        st.title("Store performance", anchor=False)
        until = f" · sales up to {days.last:%-d %B %Y}" if days else ""
        st.caption(f"{where.database} on {where.place}, read as {where.role}{until}")
    if days is None:
        return None
    useful = [name for name, length in PERIODS.items() if length < days.days] + ["everything"]
    with choice:
        chosen = st.segmented_control(
            "Period",
            useful,
            default=useful[min(1, len(useful) - 1)],
            key="period",
            label_visibility="collapsed",
        )
    length = PERIODS.get(chosen or "everything", days.days)
    return Period(first=days.last - timedelta(days=min(length, days.days) - 1), last=days.last)


def section(draw: Callable[..., None], *arguments: Any) -> None:
    """Draw a part of the page; if it cannot be drawn, say so there and draw the others."""
    try:
        draw(*arguments)
    except Exception as fault:  # one part's fault is no reason to show nothing
        unavailable("This part cannot be shown", fault)


def unavailable(what: str, fault: Exception) -> None:
    """Say that something failed, and why, to somebody who did not cause it."""
    st.warning(
        f"{what}. The warehouse said: {' '.join(str(fault).split())[:400]}", icon=":material/cloud_off:"
    )


def figures(where: Settings, period: Period, days: Period) -> None:
    """Draw the key figures, each beside the period before where there is one."""
    now = ask(queries.days, where, period)
    comparable = period.before().first >= days.first
    before = ask(queries.days, where, period.before()) if comparable else None
    hops = ask(queries.hops, where)
    earlier = _totals(before) if before is not None and len(before) else {}
    later = _totals(now)

    def change(figure: str) -> str | None:
        return f"{later[figure] / earlier[figure] - 1:+.1%}" if earlier.get(figure) else None

    events = float(hops["events"])
    in_time = math.floor(float(hops["in_time"]) / events * 10_000) / 10_000 if events else None
    cards = (
        ("Net sales", f"${later['net']:,.0f}", change("net"), None),
        ("Transactions", f"{later['transactions']:,.0f}", change("transactions"), None),
        ("Average basket", f"${later['basket']:,.2f}", change("basket"), None),
        ("Online share", f"{later['online']:.1%}", change("online"), "Of net sales"),
        (
            "Loaded in time",
            "–" if in_time is None else f"{in_time:.2%}",
            None,
            "Events that were queryable within what their contract promises, of all",
        ),
        (
            "Quarantined",
            f"{hops['quarantined']:,.0f}",
            None,
            "Records that broke their contract: sealed, kept, and listed under “Freshness and quality”",
        ),
    )
    for column, (label, value, delta, explained) in zip(st.columns(len(cards)), cards, strict=True):
        than = "vs. before" if delta else None
        column.metric(
            label, value, delta, help=explained, border=True, height="stretch", delta_description=than
        )


def _totals(days: Frame) -> dict[str, float]:
    net, transactions = float(days["net_sales"].sum()), float(days["transactions"].sum())
    online = float(days.loc[days["channel"] == "online", "net_sales"].sum())
    return {
        "net": net,
        "transactions": transactions,
        "basket": net / transactions if transactions else 0.0,
        "online": online / net if net else 0.0,
    }


def sales(where: Settings, period: Period) -> None:
    """Draw what was sold, when and where."""
    st.subheader("Sales by day", anchor=False)
    st.altair_chart(charts.sales_by_day(ask(queries.days, where, period)), width="stretch")
    stores = ask(queries.stores, where, period)
    grain = "day" if period.days <= DAILY_AT_MOST else "week"
    heat = ask(queries.store_days, where, period, grain)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader(f"Best {stores['store_id'].nunique()} stores", anchor=False)
        st.altair_chart(charts.best_stores(stores), width="stretch")
    with right:
        st.subheader(f"Their sales by {grain}", anchor=False)
        best_first = list(dict.fromkeys(stores.sort_values("place")["store_id"]))
        st.altair_chart(charts.store_heat(heat, best_first, grain), width="stretch")


def customers(where: Settings) -> None:
    """Draw a sample of the customers, as the role may see them."""
    counts, best = ask(queries.customer_counts, where), ask(queries.customers, where)
    st.subheader("Best customers", anchor=False)
    st.caption(
        f"{counts['customers']:,.0f} customers; e-mail known of {counts['email']:,.0f}, telephone of "
        f"{counts['phone']:,.0f}, address of {counts['address']:,.0f}. Contact values are masked by the "
        f"warehouse for the role {where.role}: neither this page nor the warehouse has the plain ones."
    )
    st.dataframe(
        best,
        hide_index=True,
        height=620,
        placeholder="–",
        column_config={
            "customer_id": st.column_config.TextColumn("customer"),
            "email": st.column_config.TextColumn("e-mail", width="medium"),
            "phone": st.column_config.TextColumn("telephone"),
            "address": st.column_config.TextColumn("address", width="medium"),
            "transactions": st.column_config.NumberColumn("transactions", format="localized"),
            "net_sales": st.column_config.ProgressColumn(
                "net sales", format="dollar", min_value=0, max_value=float(best["net_sales"].max() or 1)
            ),
            "first_seen": st.column_config.DateColumn("first seen", format="D MMM YYYY"),
            "last_seen": st.column_config.DateColumn("last seen", format="D MMM YYYY"),
        },
    )


def operations(where: Settings) -> None:
    """Draw how fresh the data is, and what was refused."""
    hops, fresh = ask(queries.hops, where), ask(queries.freshness, where)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("From the transform to a query", anchor=False)
        if len(fresh):
            latest = fresh.sort_values("loaded_hour").groupby("event", as_index=False).last()
            st.altair_chart(charts.latency(latest), width="stretch")
            st.caption(
                "Per event, in its latest hour of loading: ● half took no longer, ▬ 95 % took no longer."
            )
        else:
            st.info("Nothing has been loaded yet.", icon=":material/hourglass_empty:")
    with right:
        st.subheader("What arrived", anchor=False)
        first, second, third = st.columns(3)
        first.metric("Events loaded", f"{hops['events']:,.0f}", border=True)
        second.metric("Sales lines", f"{hops['lines']:,.0f}", border=True)
        third.metric("Quarantined", f"{hops['quarantined']:,.0f}", border=True)
    refused = ask(queries.quarantine, where)
    st.subheader("Quarantine", anchor=False)
    if not len(refused):
        st.success("Every record kept its contract.", icon=":material/verified:")
        return
    by_reason, over_time = st.columns(2, gap="large")
    with by_reason:
        st.altair_chart(charts.reasons(refused), width="stretch")
    with over_time:
        st.altair_chart(charts.quarantine_over_time(refused), width="stretch")
    st.dataframe(
        ask(queries.newest_quarantined, where),
        hide_index=True,
        height=320,
        column_config={
            "received_at": st.column_config.DatetimeColumn("received (UTC)", format="D MMM YYYY, HH:mm:ss"),
            "event_type": "event",
            "reason": st.column_config.TextColumn("rule that it broke", width="large"),
            "event_id": "place in the stream",
        },
    )


main()
