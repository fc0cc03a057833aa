"""What queues are to each other: which one takes the messages that another could not deliver."""

import json
from collections.abc import Mapping
from typing import Any, cast

from policies.graph import UNKNOWN, Graph, Node

QUEUE = "aws:sqs/queue:Queue"
REDRIVE = "aws:sqs/redrivePolicy:RedrivePolicy"
# Where a queue is named as the place for what failed; in a redrive policy, as JSON.
FAILED = {
    "aws:cloudwatch/eventTarget:EventTarget": "deadLetterConfig.arn",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "destinationConfig.onFailure.destinationArn",
    "aws:lambda/function:Function": "deadLetterConfig.targetArn",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        "destinationConfig.onFailure.destination"
    ),
    "aws:scheduler/schedule:Schedule": "target.deadLetterConfig.arn",
}
REDRIVING = (QUEUE, REDRIVE, "aws:sns/topicSubscription:TopicSubscription")


def _redriven_to(graph: Graph, node: Node) -> list[Node]:
    policy = node.get("redrivePolicy")
    if policy is None or policy == "":
        return []
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return []
    arn = cast(Mapping[str, Any], policy).get("deadLetterTargetArn") if isinstance(policy, Mapping) else None
    called = [one for one in graph.of(QUEUE) if arn and arn in one.identifiers]
    return called or [one for one in graph.depends(node, "redrivePolicy", QUEUE) if one is not node]


def endings(graph: Graph) -> frozenset[Node]:
    """Return the queues that are the place for what failed elsewhere."""
    redriven = [end for node in graph.of(*REDRIVING) for end in _redriven_to(graph, node)]
    failed = [
        end
        for type_, path in FAILED.items()
        for node in graph.of(type_)
        for end in graph.targets(node, path, QUEUE)
    ]
    return frozenset([*redriven, *failed])


def has_dead_letters(graph: Graph, queue: Node) -> bool:
    """Say whether a queue's failed messages go somewhere; a target outside the stack counts as well."""
    policies = (queue, *graph.companions(queue, "queueUrl", REDRIVE))
    return any(_names_a_target(node.get("redrivePolicy")) for node in policies)


def _names_a_target(policy: Any) -> bool:
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return False
    if isinstance(policy, Mapping):
        return bool(cast(Mapping[str, Any], policy).get("deadLetterTargetArn"))
    return policy is UNKNOWN
