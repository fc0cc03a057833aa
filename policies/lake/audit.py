"""Who did what in a lake stands somewhere: who read and wrote what landed, and who used the keys."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.data import ENVIRONMENTS, environment_of
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"


def _recorded(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    for zone in lake.guarded:
        environment = environment_of(zone, lake.graph, config)
        if environment is None:
            continue
        if not any(zone in trail.zones for trail in lake.trails):
            yield zone, f"No trail records who reads and writes the objects of {zone.name} in {environment}."
        if not any(trail.keys for trail in lake.trails):
            yield zone, f"No trail records who uses the keys of {zone.name} in {environment}."


def _unheard(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    heard = {(one.text("namespace"), one.text("metricName")) for one in lake.graph.of(ALARM)}
    for node in lake.graph.of(FILTER):
        metric = node.section("metricTransformation")
        if (metric.get("namespace"), metric.get("name")) not in heard:
            yield node, f"Nobody hears of what {node.name} finds in its log: no alarm is on its metric."


POLICIES = (
    lake_policy(
        "lake-landing-missing-trail",
        description="A trail records who reads and writes what landed, and who uses the keys.",
        check=by_cloud(aws=_recorded),
        steps="Make a trail with all management events and the data events of the landing zone's objects; "
        "where another stack owns the trail, suppress this with that reason.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"environments": ENVIRONMENTS}),
    ),
    lake_policy(
        "lake-filter-missing-alarm",
        description="What a filter finds in a log of a lake, somebody hears of.",
        check=by_cloud(aws=_unheard),
        steps="Add an alarm on the filter's metric, with an action.",
        severity=Severity.MEDIUM,
    ),
)
