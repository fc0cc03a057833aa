"""What watches a lake on AWS, and how its zones tell of new objects."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from policies.graph import UNKNOWN, Graph, Node
from policies.lake.parts import Channel, Queue, Sign
from policies.s3 import BUCKETS
from policies.sqs import QUEUE, endings, has_dead_letters

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
TOPIC = "aws:sns/topic:Topic"
KEPT = 345_600  # seconds that a queue keeps a message where nothing is said

# What a metric tells of the resource that a dimension names.
METRICS = {
    ("AWS/Lambda", "IteratorAge"): Sign.LATE,
    ("AWS/ApiGateway", "5XXError"): Sign.FAILING,
    ("AWS/Lambda", "Errors"): Sign.FAILING,
    ("AWS/Kinesis", "WriteProvisionedThroughputExceeded"): Sign.REFUSING,
    ("AWS/Firehose", "DeliveryToS3.DataFreshness"): Sign.LATE,
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): Sign.WAITING,
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): Sign.WAITING,
    ("AWS/SNS", "NumberOfNotificationsFailed"): Sign.SILENT,
}
DIMENSIONS = {
    "AWS/ApiGateway": ("ApiName", "aws:apigateway/restApi:RestApi"),
    "AWS/Lambda": ("FunctionName", "aws:lambda/function:Function"),
    "AWS/Kinesis": ("StreamName", "aws:kinesis/stream:Stream"),
    "AWS/Firehose": ("DeliveryStreamName", "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"),
    "AWS/SQS": ("QueueName", QUEUE),
    "AWS/SNS": ("TopicName", TOPIC),
}


def signs(graph: Graph) -> Mapping[Node, frozenset[Sign]]:
    """Return what of each resource an alarm tells somebody."""
    found: dict[Node, set[Sign]] = {}
    for alarm in graph.of(ALARM):
        namespace = alarm.text("namespace") or ""
        sign = METRICS.get((namespace, alarm.text("metricName") or ""))
        if sign is None or not _heard(alarm):
            continue
        dimension, type_ = DIMENSIONS[namespace]
        for node in graph.targets(alarm, f"dimensions.{dimension}", type_):
            found.setdefault(node, set()).add(sign)
    return {node: frozenset(what) for node, what in found.items()}


def _heard(alarm: Node) -> bool:
    """Say whether an alarm tells anybody."""
    actions = alarm.get("alarmActions")
    return alarm.get("actionsEnabled") is not False and (actions is UNKNOWN or bool(actions))


def queues(graph: Graph) -> Iterator[Queue]:
    """Yield the queues."""
    ends = endings(graph)
    for node in graph.of(QUEUE):
        yield Queue(
            node=node,
            ends=node in ends,
            dead_letters=has_dead_letters(graph, node),
            seconds=node.number("messageRetentionSeconds") or KEPT,
            place=node,
        )


def channels(graph: Graph) -> Iterator[Channel]:
    """Yield the topics that buckets tell of new objects."""
    for node in graph.of(NOTIFICATION):
        for zone in graph.targets(node, "bucket", *BUCKETS):
            for topic in node.items("topics"):
                if isinstance(topic, dict):
                    yield from _channels(graph, node, zone, cast(dict[str, Any], topic))


def _channels(graph: Graph, node: Node, zone: Node, topic: dict[str, Any]) -> Iterator[Channel]:
    events, prefix, arn = topic.get("events"), topic.get("filterPrefix"), topic.get("topicArn")
    created = (
        [one for one in cast(list[Any], events) if str(one).startswith("s3:ObjectCreated:")]
        if (isinstance(events, list))
        else []
    )
    if not created:
        return
    known = [one for one in graph.of(TOPIC) if arn in one.identifiers] if isinstance(arn, str) else []
    for to in known or graph.depends(node, "topics", TOPIC):
        yield Channel(zone=zone, prefix=prefix if isinstance(prefix, str) else "", to=to)
