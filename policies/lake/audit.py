"""Who did what in a lake stands somewhere: who read and wrote what landed, and who used the keys."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.data import ENVIRONMENTS, environment_of
from policies.lake.judged import lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault


def _recorded(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    for zone in lake.guarded:
        environment = environment_of(zone, lake.graph, config)
        if environment is None:
            continue
        if not any(zone in trail.zones for trail in lake.trails):
            yield zone, f"No trail records who reads and writes the objects of {zone.name} in {environment}."
        if not any(trail.keys for trail in lake.trails):
            yield zone, f"No trail records who uses the keys of {zone.name} in {environment}."


POLICIES = (
    lake_policy(
        "lake-landing-missing-trail",
        description="A trail records who reads and writes what landed, and who uses the keys.",
        check=_recorded,
        steps="Make a trail with all management events and the data events of the landing zone's objects; "
        "where another stack owns the trail, suppress this with that reason.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"environments": ENVIRONMENTS}),
    ),
)
