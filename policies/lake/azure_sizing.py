"""What a lake on Azure may need fits what its tier and region give.

Every record comes into a namespace twice, as it was sent and protected.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from policies.graph import Node, mapping
from policies.lake.azure import AzureLake
from policies.lake.azure_access import GROUP
from policies.lake.azure_flow import settings
from policies.lake.azure_places import ACCOUNT, HUB, NAMESPACE
from policies.lake.azure_rights import of_azure
from policies.lake.parts import Lake, Transform
from policies.rules import Fault

RECORDS_PER_PARTITION = 1000  # a second


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """What a subscription gets in a region without asking; a vault's operations with a key are by second."""

    accounts: float = 250
    keys: float = 50  # with an RSA key of 3072 bits in hardware


@dataclass(frozen=True, kw_only=True)
class Tier:
    """What a namespace of a tier holds, and what a unit of it takes in MB a second."""

    hubs: float
    partitions: float
    groups: float
    megabytes: float


TIERS = {
    "basic": Tier(hubs=10, partitions=32, groups=1, megabytes=1),
    "standard": Tier(hubs=10, partitions=32, groups=20, megabytes=1),
    "premium": Tier(hubs=100, partitions=100, groups=100, megabytes=5),
}


def fits(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    """Hubs fit their namespace, transforms their vault, and the stack its region."""
    here = of_azure(lake)
    for namespace in here.graph.of(NAMESPACE):
        tier = TIERS.get((namespace.text("sku.name") or "").lower())
        if tier is not None:
            yield from ((namespace, fault) for fault in _namespace(here, namespace, tier, config))
    raised = cast(Mapping[str, Any], config.get("quotas") or {})
    for region in sorted(here.home):
        allowed = asdict(_quotas(mapping(raised.get(region))))
        for quota, needed, what in _needs(here):
            if needed > allowed[quota]:
                yield None, f"The stack may need {needed:g} {what}: {region} gives {allowed[quota]:g}."


def _quotas(raised: Mapping[str, Any]) -> Quotas:
    known = asdict(Quotas())
    return replace(
        Quotas(),
        **{
            name: float(value)
            for name, value in raised.items()
            if name in known and isinstance(value, int | float)
        },
    )


def _needs(lake: AzureLake) -> Iterator[tuple[str, float, str]]:
    yield "accounts", len(lake.graph.of(ACCOUNT)), "storage accounts"
    calls = sum(_key_calls(lake, one) for one in lake.transforms)
    yield "keys", calls, "operations with keys a second"


def _partitions(hub: Node) -> float:
    return hub.number("partitionCount") or 1


def _key_calls(lake: AzureLake, transform: Transform) -> float:
    """Return how often a second a transform may wrap: once while it uses a data key, or for each record."""
    seconds = settings(lake.graph, transform.node).get("DATA_KEY_SECONDS")
    running = sum(_partitions(hub) for hub in transform.reads)
    if isinstance(seconds, str) and seconds.isdecimal() and int(seconds) > 0:
        return running * max(1, len(lake.keys)) / int(seconds)
    return running * RECORDS_PER_PARTITION


def _namespace(lake: AzureLake, namespace: Node, tier: Tier, config: Mapping[str, Any]) -> Iterator[str]:
    hubs = lake.places.inside(namespace, HUB)
    if len(hubs) > tier.hubs:
        yield f"{len(hubs)} hubs are more than the {tier.hubs:g} that its tier holds."
    for hub in hubs:
        if _partitions(hub) > tier.partitions:
            yield f"{hub.name} has {_partitions(hub):g} partitions: its tier gives a hub {tier.partitions:g}."
        groups = [
            one
            for one in lake.graph.of(GROUP)
            if lake.places.called(one, "namespaceName", NAMESPACE) is namespace
            and one.text("eventHubName") in (lake.places.name(hub), None)
        ]
        if len(groups) > tier.groups:
            yield f"{hub.name} has {len(groups)} consumer groups: its tier gives a hub {tier.groups:g}."
    grown = (
        namespace.number("maximumThroughputUnits") if namespace.get("isAutoInflateEnabled") is True else None
    )
    units, wanted = (
        grown or namespace.number("sku.capacity") or 1,
        2 * (config.get("megabytesPerSecond") or 0),
    )
    if wanted > units * tier.megabytes:
        yield f"It may have to take {wanted:g} MB a second: its units take {units * tier.megabytes:g}."
