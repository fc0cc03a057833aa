"""The landing zone is ground truth: what landed stays as it landed, and nobody else puts anything there."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.data import ENVIRONMENTS, environment_of
from policies.lake.judged import lake_policy
from policies.lake.parts import Lake
from policies.rules import GraphFault


def _immutable(lake: Lake, config: Mapping[str, Any]) -> Iterator[GraphFault]:
    for zone, guards in lake.guarded.items():
        environment = environment_of(zone, lake.graph, config)
        if environment is None:
            continue
        what = f"The landing zone {zone.name} in {environment}"
        if any(guard.locked is False for guard in guards):
            yield zone, f"{what} must lock what lands, for a time."
        if any(guard.undeletable is False for guard in guards):
            yield (
                zone,
                f"The landing zone {zone.name} in {environment} must deny everybody to delete objects.",
            )


def _closed(lake: Lake, _: Mapping[str, Any]) -> Iterator[GraphFault]:
    for zone, guards in lake.guarded.items():
        for guard in guards:
            if guard.closed is False:
                yield (
                    zone,
                    f"The policy of {zone.name} must deny everybody but {guard.delivery.node.name} to put "
                    f"objects below {guard.delivery.prefix}.",
                )


POLICIES = (
    lake_policy(
        "lake-landing-enforce-immutability",
        description="What landed cannot be changed or deleted, in the environments that are named.",
        check=_immutable,
        steps="Lock objects by default, and deny deletion in the zone's policy.",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema({"environments": ENVIRONMENTS}),
    ),
    lake_policy(
        "lake-landing-enforce-writers",
        description="A landing zone itself refuses objects from all but its delivery.",
        check=_closed,
        steps="Deny s3:PutObject below the prefix to all principals but the delivery's role.",
        severity=Severity.HIGH,
    ),
)
