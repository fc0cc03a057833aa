"""Nothing in a lake ends nowhere, and nothing stops without being heard: pipes, channels, alarms, queues."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import Severity

from policies.graph import Node
from policies.lake.judged import lake_policy
from policies.lake.parts import Delivery, Lake, Pipe, Sign
from policies.rules import Fault


def _loads(pipe: Pipe, delivery: Delivery) -> bool:
    """Say whether a pipe loads what a delivery writes, or may, while that is not known."""
    return any(
        zone is delivery.zone
        and (delivery.prefix is None or prefix is None or delivery.prefix.startswith(prefix))
        for zone, prefix in pipe.loads
    )


def _piped(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for delivery in lake.deliveries:
        if lake.open_to_warehouse(delivery.zone) and not any(_loads(pipe, delivery) for pipe in lake.pipes):
            yield delivery.node, f"No pipe loads what lands below {delivery.zone.name}/{delivery.prefix}."


def _told(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for delivery in lake.deliveries:
        told = {
            channel.to
            for channel in lake.channels
            if channel.zone is delivery.zone
            and (delivery.prefix is None or delivery.prefix.startswith(channel.prefix))
        }
        for pipe in lake.pipes:
            if _loads(pipe, delivery) and not told.intersection(pipe.listens):
                yield (
                    pipe.node,
                    f"The pipe {pipe.node.name} is not told of what lands below "
                    f"{delivery.zone.name}/{delivery.prefix}.",
                )


def _unheard(lake: Lake, nodes: list[Node], *wanted: Sign) -> Iterator[Fault]:
    for node in nodes:
        for sign in wanted:
            if sign not in lake.signs.get(node, ()):
                yield node, f"No alarm tells of {node.name} that {sign.value}."


def _streams_watched(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _unheard(lake, lake.ingress, Sign.REFUSING)


def _transforms_watched(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _unheard(lake, [one.node for one in lake.transforms], *lake.watched)


def _deliveries_watched(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _unheard(lake, [one.node for one in lake.deliveries], Sign.LATE)


def _pipes_watched(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """A pipe is watched through its error integration, or through the channel that it listens on."""
    for pipe in lake.pipes:
        heard = any(Sign.SILENT in lake.signs.get(channel, ()) for channel in pipe.listens)
        if pipe.loads and not heard and not pipe.node.get("errorIntegration"):
            yield (
                pipe.node,
                f"No alarm tells of {pipe.node.name} that its channel is silent, or that it fails.",
            )


def _queues_end(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for queue in lake.queues:
        if not queue.ends and not queue.dead_letters:
            yield queue.node, f"The queue {queue.node.name} has no dead letter queue."


def _queues_watched(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _unheard(lake, [queue.node for queue in lake.queues if queue.ends], Sign.WAITING)


POLICIES = (
    lake_policy(
        "lake-landing-missing-pipe",
        description="Every landing prefix has a pipe.",
        check=_piped,
        steps="Make a pipe whose COPY reads the prefix through the landing zone's stage.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-pipe-missing-notification",
        description="Every pipe is told of what lands below the prefix that it loads.",
        check=_told,
        steps="Set autoIngest, and the channel to which the zone tells of objects that were created.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-ingress-missing-alarm",
        description="An alarm tells when an ingress stream refuses records.",
        check=_streams_watched,
        steps="Add an alarm on what the stream refuses, with an action.",
        severity=Severity.MEDIUM,
    ),
    lake_policy(
        "lake-transform-missing-alarm",
        description="Alarms tell when a transform falls behind, and when it fails.",
        check=_transforms_watched,
        steps="Add alarms on the age of records and on errors, with an action.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-delivery-missing-alarm",
        description="An alarm tells when a delivery falls behind.",
        check=_deliveries_watched,
        steps="Add an alarm on the age of what is not delivered yet, with an action.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-pipe-missing-alarm",
        description="Every pipe has an alarm.",
        check=_pipes_watched,
        steps="Add an alarm on what the pipe's channel could not hand on, or an errorIntegration.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-queue-missing-dlq",
        description="Every queue has a dead letter queue, but those that are one.",
        check=_queues_end,
        steps="Set redrivePolicy.",
        severity=Severity.MEDIUM,
    ),
    lake_policy(
        "lake-queue-missing-alarm",
        description="An alarm tells when something lies in a queue of what failed.",
        check=_queues_watched,
        steps="Add an alarm on the queue's visible messages, with an action.",
        severity=Severity.HIGH,
    ),
)
