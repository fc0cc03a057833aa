"""A stack's sizing fits the quotas of its region: what runs in one region may fall off a cliff in another.

What a stream has to carry is not in the graph. A provisioned stream may carry what its shards can; one on
demand what `megabytesPerSecond` says, and without that what a new stream starts with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Any, cast

from pulumi_policy import PolicyConfigSchema, Severity

from policies.graph import Node
from policies.lake import azure_sizing
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import Lake, Transform
from policies.rules import Fault

MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
STREAM = "aws:kinesis/stream:Stream"
FIREHOSE = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"

RECORDS_PER_SHARD = 1000  # a second
STARTS_WITH = 4  # MB/s, and shards, of a new stream on demand


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """What an account gets in a region without asking; MB and calls a second, all else at a time."""

    megabytes: float = 200  # of one stream on demand
    streams: float = 50  # on demand
    shards: float = 200
    deliveries: float = 50
    functions: float = 1000  # running at once
    keys: float = 10_000  # calls to KMS


_LARGE = Quotas(megabytes=10_000, shards=500, keys=100_000)
REGIONS = {"eu-west-1": _LARGE, "us-east-1": _LARGE, "us-west-2": _LARGE}


def quotas(region: str, raised: Mapping[str, Any]) -> Quotas:
    """Return a region's quotas; `raised` holds those that AWS has agreed to, by region."""
    known = REGIONS.get(region, Quotas())
    given = raised.get(region)
    if not isinstance(given, Mapping):
        return known
    numbers = {
        name: float(value)
        for name, value in cast(Mapping[str, Any], given).items()
        if name in asdict(known) and isinstance(value, int | float)
    }
    return replace(known, **numbers)


def _on_demand(stream: Node) -> bool:
    return stream.text("streamModeDetails.streamMode") == "ON_DEMAND"


def _shards(stream: Node, megabytes: float) -> float:
    """Return how many shards a stream has, or comes to have."""
    return ceil(megabytes) if _on_demand(stream) else stream.number("shardCount") or 1


def _running(lake: Lake, transform: Transform, megabytes: float) -> float:
    """Return how many of a transform may run at once: for each shard of what it reads, its lanes."""
    mappings = [node for node in lake.graph.of(MAPPING) if node in transform.party]
    lanes = max((node.number("parallelizationFactor") or 1 for node in mappings), default=1)
    return sum(_shards(stream, megabytes) * lanes for stream in transform.reads if stream.type == STREAM)


def _key_calls(lake: Lake, transform: Transform, megabytes: float) -> float:
    """Return how often a second a transform may call KMS.

    One that says how long it uses a data key calls once in that time wherever it runs; any other may call for
    every record that its stream can carry.
    """
    seconds = transform.node.section("environment.variables").get("DATA_KEY_SECONDS")
    if isinstance(seconds, str) and seconds.isdecimal() and int(seconds) > 0:
        return _running(lake, transform, megabytes) / int(seconds)
    return sum(_shards(stream, megabytes) for stream in transform.reads) * RECORDS_PER_SHARD


def _needs(lake: Lake, megabytes: float) -> Iterator[tuple[str, float, str]]:
    """Yield each quota, how much of it the stack may need, and of what that is."""
    streams = [stream for stream in lake.streams if stream.type == STREAM]
    fixed = [stream for stream in streams if not _on_demand(stream)]
    yield "streams", len(streams) - len(fixed), "streams on demand"
    yield "shards", sum(_shards(stream, megabytes) for stream in fixed), "provisioned shards"
    yield "deliveries", len(lake.graph.of(FIREHOSE)), "delivery streams"
    running = sum(_running(lake, one, megabytes) for one in lake.transforms)
    yield "functions", running, "transforms running at once"
    calls = sum(_key_calls(lake, one, megabytes) for one in lake.transforms)
    yield "keys", calls, "calls to KMS a second"
    if len(fixed) < len(streams):
        yield "megabytes", megabytes, "MB a second in a stream on demand"


def _fits(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    megabytes = max(STARTS_WITH, config.get("megabytesPerSecond") or 0)
    raised = cast(Mapping[str, Any], config.get("quotas") or {})
    for region in sorted(lake.home):
        allowed = asdict(quotas(region, raised))
        for quota, needed, what in _needs(lake, megabytes):
            if needed > allowed[quota]:
                yield None, f"The stack may need {needed:g} {what}: {region} gives {allowed[quota]:g}."


POLICIES = (
    lake_policy(
        "lake-sizing-enforce-quotas",
        description="What a stack's streams may carry fits the quotas of its region.",
        check=by_cloud(aws=_fits, azure=azure_sizing.fits),
        steps="Ask AWS for more, and put it into this policy's quotas; or make the stack smaller.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema(
            {
                "megabytesPerSecond": {"type": "number", "default": 0, "minimum": 0},
                "quotas": {"type": "object", "default": {}},
            }
        ),
    ),
)
