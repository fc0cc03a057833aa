"""Queues are encrypted, and what cannot be processed goes to a queue of its own, where somebody finds it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pulumi_policy import EnforcementLevel, Severity

from policies.graph import UNKNOWN, Graph, Node
from policies.rules import Config, Fault, Props, given, known, resource_policy, stack_policy

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
REDRIVE_ALLOW = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"
REDRIVING = (QUEUE, REDRIVE, "aws:sns/topicSubscription:TopicSubscription")


def _encrypted(props: Props, _: Config) -> str | None:
    if given(props, "kmsMasterKeyId") and known(props, "kmsMasterKeyId") != "":
        return None
    if props.get("sqsManagedSseEnabled") is True:
        return None
    return (
        "A queue must be encrypted: set kmsMasterKeyId to a key of your own, or sqsManagedSseEnabled to true."
    )


def _encrypt(props: Props, config: Config) -> Props | None:
    return {"sqsManagedSseEnabled": True} if _encrypted(props, config) else None


def endings(graph: Graph) -> frozenset[Node]:
    """Return the queues that are the place for what failed elsewhere, by their own word or another's."""
    allowing = [queue for queue in graph.of(QUEUE) if _allows(queue.get("redriveAllowPolicy"))]
    allowing += [
        queue
        for policy in graph.of(REDRIVE_ALLOW)
        if _allows(policy.get("redriveAllowPolicy"))
        for queue in graph.targets(policy, "queueUrl", QUEUE)
    ]
    redriven = [end for node in graph.of(*REDRIVING) for end in _redriven_to(graph, node)]
    failed = [
        end
        for type_, path in FAILED.items()
        for node in graph.of(type_)
        for end in [*graph.targets(node, path, QUEUE), *_called(graph, node.text(path))]
    ]
    return frozenset([*allowing, *redriven, *failed])


def has_dead_letters(graph: Graph, queue: Node) -> bool:
    """Say whether a queue's failed messages go somewhere; a target outside the stack counts as well."""
    if graph.companions(queue, "queueUrl", REDRIVE):
        return True
    policy = queue.get("redrivePolicy")
    return policy is UNKNOWN or bool(_target(policy)) or bool(graph.depends(queue, "redrivePolicy", QUEUE))


def _redriven_to(graph: Graph, node: Node) -> list[Node]:
    """Return the queues that a redrive policy names: by ARN, or, not known yet, by what it was made of."""
    called = _called(graph, _target(node.get("redrivePolicy")))
    return called or [one for one in graph.depends(node, "redrivePolicy", QUEUE) if one is not node]


def _called(graph: Graph, arn: str | None) -> list[Node]:
    """Return the queues that an ARN names; a program's text may name one whose own ARN is not known yet."""
    if not arn:
        return []
    name = arn.rpartition(":")[2]
    return [queue for queue in graph.of(QUEUE) if arn in queue.identifiers or name == queue.text("name")]


def _target(policy: Any) -> str | None:
    """Return the ARN in a redrive policy."""
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except (ValueError, RecursionError):
            return None
    arn = cast(Props, policy).get("deadLetterTargetArn") if isinstance(policy, Mapping) else None
    return arn if isinstance(arn, str) else None


def _allows(policy: Any) -> bool:
    """Say whether a redriveAllowPolicy lets other queues use this one for what failed there."""
    if not isinstance(policy, str):
        return policy is UNKNOWN
    try:
        allow = json.loads(policy)
    except (ValueError, RecursionError):
        return policy != ""
    return not isinstance(allow, dict) or cast(Props, allow).get("redrivePermission") != "denyAll"


def _missing(graph: Graph, _: Mapping[str, Any]) -> Iterator[Fault]:
    ends = endings(graph)
    for queue in graph.of(QUEUE):
        if queue not in ends and not has_dead_letters(graph, queue):
            yield queue, "A queue should have a dead-letter queue: set redrivePolicy."


POLICIES = (
    resource_policy(
        "aws-sqs-queue-enable-encryption",
        QUEUE,
        description="Queues are encrypted at rest.",
        check=_encrypted,
        mend=_encrypt,
        steps="Set kmsMasterKeyId to a key of your own.",
        severity=Severity.HIGH,
    ),
    stack_policy(
        "aws-sqs-queue-missing-dlq",
        description="Queues have a dead-letter queue, except those that are one.",
        check=_missing,
        steps="Set redrivePolicy with deadLetterTargetArn and maxReceiveCount.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
)
