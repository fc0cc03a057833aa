"""Who did what in a lake stands somewhere: who read and wrote what landed, and who used the keys."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.data import ENVIRONMENTS, environment_of
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault
from policies.statements import statements

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
SNS = "sns.amazonaws.com"


def _recorded(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    for zone in lake.guarded:
        environment = environment_of(zone, lake.graph, config)
        # Where nobody asks for a trail, one that is there still has to look at what matters.
        if environment is None and not lake.trails:
            continue
        where = f"in {environment}" if environment else "although there is one"
        if not any(zone in trail.zones for trail in lake.trails):
            yield zone, f"No trail records who reads and writes the objects of {zone.name} {where}."
        if not any(trail.keys for trail in lake.trails):
            yield zone, f"No trail records who uses the keys of {zone.name} {where}."


def _unheard(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    heard = {(one.text("namespace"), one.text("metricName")) for one in lake.graph.of(ALARM)}
    for node in lake.graph.of(FILTER):
        metric = node.section("metricTransformation")
        if (metric.get("namespace"), metric.get("name")) not in heard:
            yield node, f"Nobody hears of what {node.name} finds in its log: no alarm is on its metric."


def _untold(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Look for queues that let a topic in which does not tell them: what they are for, never comes."""
    told = {
        (topic, queue)
        for node in lake.graph.of(SUBSCRIPTION)
        for topic in lake.graph.targets(node, "topic", TOPIC)
        for queue in lake.graph.targets(node, "endpoint", QUEUE)
    }
    for node in lake.graph.of(QUEUE_POLICY):
        said = [one for one in statements(node.get("policy")) or () if one.allows and SNS in one.principals]
        named = {arn for one in said for arn in one.condition("aws:SourceArn", ("arnequals", "stringequals"))}
        topics = [one for one in lake.graph.of(TOPIC) if named & one.identifiers]
        for queue in lake.graph.targets(node, "queueUrl", QUEUE):
            for topic in topics:
                if (topic, queue) not in told:
                    yield queue, f"The queue {queue.name} lets {topic.name} in, which does not tell it."


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
    lake_policy(
        "lake-queue-missing-subscription",
        description="A queue that is for what a topic tells, is told of it.",
        check=by_cloud(aws=_untold),
        steps="Add a TopicSubscription of the topic to the queue, or take the topic out of its policy.",
        severity=Severity.MEDIUM,
    ),
)
