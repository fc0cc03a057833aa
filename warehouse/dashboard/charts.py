"""The dashboard's charts: one question each, colours that mean the same everywhere."""

from __future__ import annotations

from typing import Any

import altair as alt

from warehouse.dashboard.connection import Frame

CHANNELS = {"store": "#1f5f8b", "online": "#e58a2b"}
SHADES = ["#eef4f8", "#9cc3dc", "#3f87b0", "#123f5e"]
QUIET = "#8a94a0"
MONEY, WHOLE = "$,.0f", ",.0f"

CHANNEL = alt.Color(
    "channel:N",
    title=None,
    scale=alt.Scale(domain=list(CHANNELS), range=list(CHANNELS.values())),
    legend=alt.Legend(orient="top", direction="horizontal", symbolType="square"),
)


def _finished(chart: Any, height: int) -> alt.Chart | alt.LayerChart:
    return (
        chart.properties(height=height)
        .configure_view(strokeWidth=0)
        .configure_axis(
            labelColor="#5c6670",
            titleColor="#5c6670",
            gridColor="#eceff2",
            domainColor="#d5dae0",
            tickColor="#d5dae0",
            labelFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(labelFontSize=12, labelColor="#3a434c")
    )


def sales_by_day(days: Frame) -> alt.Chart | alt.LayerChart:
    """Net sales per day, the channels stacked: the height is the day's total."""
    few = days["sales_date"].nunique() <= 45
    base = alt.Chart(days).encode(
        x=alt.X(
            "yearmonthdate(sales_date):O" if few else "sales_date:T",
            title=None,
            axis=alt.Axis(format="%e %b", labelAngle=0, labelOverlap=True, grid=False),
        ),
        y=alt.Y("net_sales:Q", title="net sales", stack=True, axis=alt.Axis(format="$~s", tickCount=5)),
        color=CHANNEL,
        order=alt.Order("channel:N", sort="descending"),
        tooltip=[
            alt.Tooltip("sales_date:T", title="day", format="%A, %e %B %Y"),
            alt.Tooltip("channel:N", title="channel"),
            alt.Tooltip("net_sales:Q", title="net sales", format="$,.2f"),
            alt.Tooltip("transactions:Q", title="transactions", format=WHOLE),
            alt.Tooltip("stores:Q", title="stores", format=WHOLE),
        ],
    )
    return _finished(base.mark_bar(width={"band": 0.82}) if few else base.mark_area(opacity=0.92), 300)


def best_stores(stores: Frame) -> alt.Chart | alt.LayerChart:
    """Return the best stores' net sales, best first, with the total at the end of each bar."""
    best_first = list(dict.fromkeys(stores.sort_values("place")["store_id"]))
    store = alt.Y("store_id:N", title=None, sort=best_first)
    bars = (
        alt.Chart(stores)
        .mark_bar(height={"band": 0.72})
        .encode(
            x=alt.X("net_sales:Q", title=None, axis=None, scale=alt.Scale(nice=False)),
            y=store,
            color=CHANNEL,
            order=alt.Order("channel:N", sort="descending"),
            tooltip=[
                alt.Tooltip("store_id:N", title="store"),
                alt.Tooltip("channel:N", title="channel"),
                alt.Tooltip("net_sales:Q", title="net sales", format="$,.2f"),
                alt.Tooltip("transactions:Q", title="transactions", format=WHOLE),
            ],
        )
    )
    totals = (
        alt.Chart(stores.drop_duplicates("store_id"))
        .mark_text(align="left", dx=5, color="#5c6670", fontSize=11)
        .encode(x="total:Q", y=store, text=alt.Text("total:Q", format=MONEY))
    )
    return _finished(alt.layer(bars, totals), 26 * len(best_first) + 40)


def store_heat(sales: Frame, best_first: list[str], grain: str) -> alt.Chart | alt.LayerChart:
    """Net sales of the best stores through time: rows in the order of the bars beside it."""
    chart = (
        alt.Chart(sales)
        .mark_rect(stroke="white", strokeWidth=1)
        .encode(
            x=alt.X(
                "yearmonthdate(starting):O",
                title=None,
                axis=alt.Axis(format="%e %b", labelAngle=0, labelOverlap=True, domain=False, ticks=False),
            ),
            y=alt.Y("store_id:N", title=None, sort=best_first, axis=alt.Axis(domain=False, ticks=False)),
            color=alt.Color(
                "net_sales:Q",
                title=f"net sales a {grain}",
                scale=alt.Scale(range=SHADES, interpolate="lab"),
                legend=alt.Legend(orient="top", format="$~s", gradientLength=180, titleFontWeight="normal"),
            ),
            tooltip=[
                alt.Tooltip("store_id:N", title="store"),
                alt.Tooltip("starting:T", title=grain, format="%e %B %Y"),
                alt.Tooltip("net_sales:Q", title="net sales", format="$,.2f"),
                alt.Tooltip("transactions:Q", title="transactions", format=WHOLE),
            ],
        )
    )
    return _finished(chart, 26 * len(best_first) + 40)


def latency(latest: Frame) -> alt.Chart | alt.LayerChart:
    """How long events of each kind took: the dot is the median, the line reaches to the 95th percentile."""
    event = alt.Y("event:N", title=None, sort="ascending")
    tooltip = [
        alt.Tooltip("event:N", title="event"),
        alt.Tooltip("loaded_hour:T", title="loaded", format="%e %b, %H:00 UTC"),
        alt.Tooltip("events:Q", title="events", format=WHOLE),
        alt.Tooltip("p50_seconds:Q", title="median, s", format=",.1f"),
        alt.Tooltip("p95_seconds:Q", title="95 %, s", format=",.1f"),
        alt.Tooltip("max_seconds:Q", title="slowest, s", format=",.1f"),
    ]
    base = alt.Chart(latest).encode(y=event, tooltip=tooltip)
    reach = base.mark_rule(strokeWidth=5, color=SHADES[1], strokeCap="round").encode(
        x=alt.X("p50_seconds:Q", title="seconds from the transform to STAGING", scale=alt.Scale(zero=True)),
        x2="p95_seconds:Q",
    )
    median = base.mark_point(filled=True, size=130, color=CHANNELS["store"], opacity=1).encode(
        x="p50_seconds:Q"
    )
    return _finished(alt.layer(reach, median), 60 * max(1, latest["event"].nunique()) + 40)


def reasons(quarantine: Frame) -> alt.Chart | alt.LayerChart:
    """Return how many records broke which rule, the most frequent first."""
    by_reason = quarantine.groupby(["reason", "source"], as_index=False)["records"].sum()
    frequent = by_reason.groupby("reason")["records"].sum().nlargest(12).index
    shown = by_reason[by_reason["reason"].isin(frequent)]
    chart = (
        alt.Chart(shown)
        .mark_bar(height={"band": 0.7})
        .encode(
            x=alt.X("records:Q", title="records", axis=alt.Axis(format="d", tickMinStep=1)),
            y=alt.Y("reason:N", title=None, sort="-x", axis=alt.Axis(labelLimit=300, labelOverlap=False)),
            color=alt.Color(
                "source:N",
                title=None,
                scale=alt.Scale(range=["#6b5b95", "#c06c84", "#4f8a8b", "#8a94a0"]),
                legend=alt.Legend(orient="top", symbolType="square"),
            ),
            tooltip=["source:N", "reason:N", alt.Tooltip("records:Q", format=WHOLE)],
        )
    )
    return _finished(chart, 26 * shown["reason"].nunique() + 120)


def quarantine_over_time(quarantine: Frame) -> alt.Chart | alt.LayerChart:
    """Return how many records were quarantined per hour."""
    by_hour = quarantine.groupby("received_hour", as_index=False)["records"].sum()
    chart = (
        alt.Chart(by_hour)
        .mark_bar(color=QUIET, size=14)
        .encode(
            x=alt.X(
                "received_hour:T", title=None, axis=alt.Axis(format="%e %b %H:%M", grid=False, tickCount=6)
            ),
            y=alt.Y("records:Q", title="records an hour", axis=alt.Axis(format="d", tickMinStep=1)),
            tooltip=[
                alt.Tooltip("received_hour:T", title="hour", format="%e %b, %H:00 UTC"),
                alt.Tooltip("records:Q", title="records", format=WHOLE),
            ],
        )
    )
    return _finished(chart, 180)
