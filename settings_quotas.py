"""What an account may do in a region unless AWS raised it, and what a stack's settings may ask for.

A cloned stack can fall off a cliff here: the same settings that are far from any limit in one region are
beyond it in another. Quotas count for a whole account and region; only this stack is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from settings_reader import Rule

if TYPE_CHECKING:
    from settings import Quotas, Settings, Source

# The regions with the large quotas, of Kinesis and of KMS alike: Northern Virginia, Oregon, Ireland.
LARGE = frozenset({"us-east-1", "us-west-2", "eu-west-1"})
# An on-demand stream is born with this many shards of 1 MB/s each, and gets more as it is written to.
BORN_WITH = 4
# A new container wraps a data key per purpose (field, quarantine) and opens the token key: KMS requests.
REQUESTS_AT_START = 3
SOURCES = {
    "kinesis": "https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html",
    "kms": "https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html",
    "lambda": "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What may be asked for in one region."""

    on_demand_mb_per_second: int  # writes to one on-demand stream [kinesis]
    on_demand_streams: int  # [kinesis]
    shards: int  # of provisioned streams; some regions give 6,000, the table has the lower figure [kinesis]
    kms_per_second: int  # requests of symmetric cryptography; some give 20,000, as above [kms]
    concurrent_functions: int  # executions; a new account may start with fewer [lambda]


EVERYWHERE = Limits(
    on_demand_mb_per_second=200,
    on_demand_streams=50,
    shards=1_000,
    kms_per_second=10_000,
    concurrent_functions=1_000,
)
IN_LARGE_REGIONS = Limits(
    on_demand_mb_per_second=10_000,
    on_demand_streams=50,
    shards=20_000,
    kms_per_second=100_000,
    concurrent_functions=1_000,
)


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a stack may ask for at its busiest."""

    on_demand_streams: int
    shards: int
    functions: int
    kms_per_second: int


def limits(place: str, raised: Quotas) -> Limits:
    """Return the limits in a region, with what the settings say was raised."""
    usual = IN_LARGE_REGIONS if place in LARGE else EVERYWHERE
    return Limits(
        on_demand_mb_per_second=raised.on_demand_mb_per_second or usual.on_demand_mb_per_second,
        on_demand_streams=usual.on_demand_streams,
        shards=raised.shards or usual.shards,
        kms_per_second=raised.kms_per_second or usual.kms_per_second,
        concurrent_functions=raised.concurrent_functions or usual.concurrent_functions,
    )


def demand(settings: Settings) -> Demand:
    """Return what the stack's streams and transforms may ask for; each source has two streams."""
    sources = settings.sources.values()
    provisioned = [source.streams for source in sources if source.streams.mode == "provisioned"]
    transforms = sum(_lanes(source) for source in sources)
    # Kept for it alone, whether it runs or not.
    reserved = settings.reid.concurrency if settings.reid else 0
    return Demand(
        on_demand_streams=2 * (len(sources) - len(provisioned)),
        shards=2 * sum(streams.shards for streams in provisioned),
        functions=transforms + reserved,
        # All containers start at once: after a deployment, and when a stream that stood still is read.
        kms_per_second=REQUESTS_AT_START * transforms,
    )


def _lanes(source: Source) -> int:
    """Return how many containers a source's transform may have: batches of all shards side by side."""
    streams = source.streams
    shards = (
        streams.shards if streams.mode == "provisioned" else max(BORN_WITH, streams.peak_mb_per_second or 0)
    )
    return shards * source.transform.batches_per_shard


def rules(settings: Settings, place: str | None) -> Iterator[Rule]:
    """Yield whether a stack's settings fit its region."""
    if place is None or settings.cloud != "aws":
        return
    most, asked = limits(place, settings.quotas), demand(settings)
    yield from _peaks(settings, place, most)
    yield (
        asked.on_demand_streams <= most.on_demand_streams,
        ("streams.mode",),
        f"expected {most.on_demand_streams} on-demand streams at most, as an account may have, "
        f"got {asked.on_demand_streams}; make the small sources provisioned",
    )
    yield (
        asked.shards <= most.shards,
        ("streams.shards", "quotas.shards"),
        _beyond(f"{asked.shards} shards in two streams a source", most.shards, place, "shards"),
    )
    yield (
        asked.functions <= most.concurrent_functions,
        ("transform.batchesPerShard", "streams.peakMbPerSecond", "quotas.concurrentFunctions"),
        _beyond(
            f"{asked.functions} functions at once, one for each batch of each shard and those kept for reid",
            most.concurrent_functions,
            place,
            "concurrentFunctions",
        ),
    )
    yield (
        asked.kms_per_second <= most.kms_per_second,
        ("transform.batchesPerShard", "streams.peakMbPerSecond", "quotas.kmsPerSecond"),
        _beyond(
            f"{asked.kms_per_second} requests a second to KMS when all functions start",
            most.kms_per_second,
            place,
            "kmsPerSecond",
        ),
    )


def _peaks(settings: Settings, place: str, most: Limits) -> Iterator[Rule]:
    """Yield whether each source's busiest second fits its streams."""
    told: set[str] = set()
    for name, source in settings.sources.items():
        streams = source.streams
        where = "streams" if streams == settings.streams else f"sources.{name}.streams"
        if where in told or streams.peak_mb_per_second is None:
            continue
        told.add(where)
        peak, key = streams.peak_mb_per_second, f"{where}.peakMbPerSecond"
        yield (
            streams.mode == "provisioned" or peak <= most.on_demand_mb_per_second,
            (key, "quotas.onDemandMbPerSecond"),
            _beyond(
                f"{peak} MB/s to one on-demand stream",
                most.on_demand_mb_per_second,
                place,
                "onDemandMbPerSecond",
            ),
        )
        yield (
            streams.mode != "provisioned" or peak <= streams.shards,
            (key, f"{where}.shards"),
            f"expected {streams.shards} at most, 1 MB/s a shard, got {peak}; or more {where}.shards",
        )


def _beyond(asked: str, most: int, place: str, quota: str) -> str:
    return f"expected {most} at most in {place}, got {asked}; say quotas.{quota} where it was raised"
