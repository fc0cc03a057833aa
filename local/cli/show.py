"""What the verbs print for people."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table

from local.cli import programs, query
from local.processes import HOST, find
from local.state import Lake, LakeError
from local.status import Freshness, Status, collect

CUSTOMERS = """
SELECT CUSTOMER_ID AS CUSTOMER, EMAIL, PHONE, ADDRESS, NET_SALES
FROM PRODUCTION.CUSTOMERS WHERE EMAIL IS NOT NULL ORDER BY NET_SALES DESC LIMIT 5
"""
STORES = """
SELECT STORE_ID, SUM(TRANSACTIONS) AS TRANSACTIONS, SUM(UNITS) AS UNITS, SUM(NET_SALES) AS NET_SALES
FROM PRODUCTION.DAILY_STORE_SALES GROUP BY STORE_ID ORDER BY NET_SALES DESC LIMIT 5
"""
HOPS = {
    "sent": "sent to the ingress stream",
    "received": "received from it",
    "transformed": "transformed: protected, or sealed",
    "delivered": "delivered to the landing zone",
    "landed": "  in so many objects",
    "loaded": "loaded into RAW",
    "staged": "staged, each event once",
    "quarantined": "quarantined",
}


def summary(lake: Lake, console: Console, seconds: float) -> None:
    """What a user came for."""
    found = collect(lake.paths)
    console.print()
    if "CUSTOMERS" in found.modelled:
        customers, stores = (query.run(lake, statement, "ANALYST") for statement in (CUSTOMERS, STORES))
        console.print(query.as_table(customers, "the best customers, as ANALYST sees them"))
        console.print(query.as_table(stores, "the best stores"))
    console.print(hops(found))
    served = find(lake.paths, programs.DASHBOARD)
    for line in (
        fresh(found.freshness),
        f"dashboard: http://{HOST}:{served.port}" if served else "dashboard: not served",
        f"total: {seconds:.1f} s; an event that is sent again counts once, so `up` may be repeated",
    ):
        console.print(line, highlight=False, soft_wrap=True)


def status(found: Status) -> RenderableType:
    """`status`, for people."""
    table = Table(title="processes", title_justify="left", header_style="bold")
    for heading in ("process", "state", "pid", "address"):
        table.add_column(heading)
    for name, process in found.processes.items():
        listens = process is not None and name != programs.DATAPLANE
        table.add_row(
            name,
            "running" if process else "[red]not running[/red]" if found.deployed else "not running",
            str(process.pid) if process else "",
            f"http://{HOST}:{process.port}" if process and listens else "",
        )
    if not found.deployed:
        return Group("nothing is deployed here: start a lake with `python -m local up`", table)
    refused = [f"[red]{what}: {why}[/red]" for what, why in found.refused.items()]
    modelled = ", ".join(f"{name} {count:,}" for name, count in found.modelled.items())
    return Group(
        f"stack local, deployed by the engine `{found.engine}`",
        table,
        hops(found),
        *refused,
        f"PRODUCTION: {modelled or 'nothing'}",
        fresh(found.freshness),
    )


def hops(found: Status) -> RenderableType:
    """The counts of every source at each hop; what differs from the hop before it is seen at once."""
    table = Table(title="records at each hop", title_justify="left", header_style="bold")
    table.add_column("hop")
    for source in found.sources:
        table.add_column(source, justify="right")
    for hop, text in HOPS.items():
        table.add_row(text, *(f"{getattr(counts, hop):,}" for counts in found.sources.values()))
    notes = [
        f"{source}: {counts.failed_attempts:,} attempts failed and were repeated"
        + (f", now: {counts.last_error}" if counts.last_error else ", none lost")
        for source, counts in found.sources.items()
        if counts.failed_attempts
    ]
    return Group(table, *notes)


def fresh(found: Freshness | None) -> str:
    """How fresh the data is."""
    if not found:
        return "freshness: nothing is staged yet"
    seconds = f"p50 {found.p50:.1f} s, p95 {found.p95:.1f} s"
    return f"freshness, ingested → queryable in STAGING: {seconds} ({found.events:,} events)"


def dashboard_address(lake: Lake) -> str:
    """Where the dashboard is served."""
    served = find(lake.paths, programs.DASHBOARD)
    if not served:
        raise LakeError("the dashboard is not served: `python -m local dashboard` serves it")
    return f"http://{HOST}:{served.port}"
