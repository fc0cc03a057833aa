"""What the lake has done so far: every hop's counts, its processes, and how fresh the data is.

Counts of the data plane are true to positions (see `local.dataplane.checkpoints`); those of the landing zone
and the warehouse are counted where the things lie. So a record that is lost or doubled shows as a difference
between two hops, and is not hidden by a counter that was told the same lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import contracts
from local.cli import programs
from local.processes import Process, find
from local.state import Lake, Paths, read_json

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

PREFIX = "landing/source={source}/"


@dataclass(frozen=True, kw_only=True)
class Hops:
    """One source's counts, in the order in which records pass.

    `sent` is what senders said; `received` to `objects` is the data plane's; `landed` are objects that lie in
    the landing zone, `loaded` rows in RAW, `staged` and `quarantined` rows in STAGING.
    """

    sent: int = 0
    received: int = 0
    transformed: int = 0
    failed_attempts: int = 0
    buffered: int = 0
    delivered: int = 0
    objects: int = 0
    bytes: int = 0
    landed: int = 0
    loaded: int = 0
    staged: int = 0
    quarantined: int = 0
    last_error: str = ""


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """Seconds from a record's ingestion (the transform) until it could be queried in STAGING."""

    events: int
    p50: float
    p95: float


@dataclass(frozen=True, kw_only=True)
class Status:
    """All of it."""

    deployed: bool
    engine: str
    processes: dict[str, Process | None]
    sources: dict[str, Hops] = field(default_factory=dict)
    modelled: dict[str, int] = field(default_factory=dict)
    freshness: Freshness | None = None
    refused: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The status as `status --json` prints it."""
        found = asdict(self)
        found["processes"] = {
            name: {
                "running": process is not None,
                **({"pid": process.pid, "port": process.port} if process else {}),
            }
            for name, process in self.processes.items()
        }
        return found


def collect(paths: Paths) -> Status:
    """Look at everything; what does not run is left out, and `processes` says so."""
    processes = {name: find(paths, name) for name in reversed(programs.ALL)}
    if not paths.lake.exists():
        return Status(deployed=False, engine="", processes=processes)
    lake = Lake.load(paths.root)
    plane = read_json(paths.dataplane) or {}
    landed = landed_objects(lake) if processes[programs.AWS] else {}
    hops = {source: _moved(lake, source, plane, len(landed.get(source, ()))) for source in lake.sources}
    modelled: dict[str, int] = {}
    fresh = None
    if processes[programs.WAREHOUSE]:
        with closing(lake.connect()) as session:
            hops = {source: _stored(session, source, moved) for source, moved in hops.items()}
            modelled = _rows_of_schema(session, "PRODUCTION")
            fresh = freshness(session)
    return Status(
        deployed=True,
        engine=lake.engine,
        processes=processes,
        sources=hops,
        modelled=modelled,
        freshness=fresh,
        refused=plane.get("refused", {}),
    )


def landed_objects(lake: Lake) -> dict[str, set[str]]:
    """The keys of all objects in the landing zone, by source."""
    pages = lake.boto("s3").get_paginator("list_objects_v2")
    return {
        source: {
            found["Key"]
            for page in pages.paginate(Bucket=lake.bucket, Prefix=PREFIX.format(source=source))
            for found in page.get("Contents", ())
        }
        for source in lake.sources
    }


def value(session: SnowflakeConnection, statement: str) -> Any:
    """The single value that a statement answers with."""
    with closing(session.cursor()) as cursor:
        row = cursor.execute(statement).fetchone()  # pyright: ignore[reportOptionalMemberAccess]
        return row[0]  # pyright: ignore[reportOptionalSubscript, reportArgumentType, reportCallIssue]


def rows(session: SnowflakeConnection, statement: str) -> list[Any]:
    """All rows that a statement answers with."""
    with closing(session.cursor()) as cursor:
        return cursor.execute(statement).fetchall()  # pyright: ignore[reportOptionalMemberAccess]


def tables(session: SnowflakeConnection, schema: str) -> list[str]:
    """The tables of a schema."""
    found = rows(
        session,
        f"SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = '{schema}' ORDER BY 1",
    )
    return [row[0] for row in found]


def freshness(session: SnowflakeConnection) -> Freshness | None:
    """How long the staged events took to be there."""
    events = [name for name in tables(session, "STAGING") if name != "QUARANTINE"]
    if not events:
        return None
    loaded = "CONVERT_TIMEZONE('UTC', LOADED_AT)::TIMESTAMP_NTZ"
    taken = " UNION ALL ".join(
        f"SELECT TIMESTAMPDIFF('millisecond', INGESTED_AT, {loaded}) AS MS FROM STAGING.{name}"
        for name in events
    )
    percentile = "PERCENTILE_CONT({}) WITHIN GROUP (ORDER BY MS)"
    [(count, p50, p95)] = rows(
        session, f"SELECT COUNT(*), {percentile.format(0.5)}, {percentile.format(0.95)} FROM ({taken})"
    )
    return Freshness(events=count, p50=float(p50) / 1000, p95=float(p95) / 1000) if count else None


def _moved(lake: Lake, source: str, plane: dict[str, Any], landed: int) -> Hops:
    names = lake.streams[source]
    mapping = _of(plane.get("mappings", ()), "stream", names.ingress)
    delivery = _of(plane.get("deliveries", ()), "name", names.delivery)
    return Hops(
        sent=lake.sent().get(source, 0),
        received=mapping.get("received", 0),
        transformed=mapping.get("transformed", 0),
        failed_attempts=mapping.get("failed_attempts", 0) + delivery.get("failed_attempts", 0),
        buffered=delivery.get("buffered", 0),
        delivered=delivery.get("delivered", 0),
        objects=delivery.get("objects", 0),
        bytes=delivery.get("bytes", 0),
        landed=landed,
        last_error=mapping.get("last_error") or delivery.get("last_error") or "",
    )


def _stored(session: SnowflakeConnection, source: str, moved: Hops) -> Hops:
    raw = contracts.raw_table(source)
    staged = [name for name in tables(session, "STAGING") if name.startswith(f"{raw}_")]
    counts = {
        "loaded": value(session, f"SELECT COUNT(*) FROM RAW.{raw}"),
        "staged": sum(value(session, f"SELECT COUNT(*) FROM STAGING.{name}") for name in staged),
        "quarantined": value(session, f"SELECT COUNT(*) FROM STAGING.QUARANTINE WHERE SOURCE = '{source}'"),
    }
    return Hops(**{**asdict(moved), **counts})


def _rows_of_schema(session: SnowflakeConnection, schema: str) -> dict[str, int]:
    return {name: value(session, f"SELECT COUNT(*) FROM {schema}.{name}") for name in tables(session, schema)}


def _of(reports: Sequence[dict[str, Any]], key: str, wanted: str) -> dict[str, Any]:
    return next((report for report in reports if report[key] == wanted), {})
