"""How data may flow: ingress stream → transform → protected stream → delivery → landing zone, not otherwise.

Then no personal data rests in plaintext anywhere but in the ingress stream, whatever the functions do.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import Severity

from policies.graph import Node
from policies.lake.judged import lake_policy
from policies.lake.parts import CLASS, CONFIDENTIAL, RESTRICTED, Access, Lake, Transform
from policies.rules import Fault


def _fed(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    protected = lake.protected
    for delivery in lake.deliveries:
        zone = delivery.zone.name
        if not delivery.sources:
            yield delivery.node, f"The landing zone {zone} must be fed from a protected stream, not directly."
        for source in delivery.sources:
            if source not in protected:
                yield (
                    delivery.node,
                    f"The landing zone {zone} must be fed from a protected stream: {source.name} is none.",
                )
    by_node = {delivery.node: delivery for delivery in lake.deliveries}
    for access in lake.zone_writers:
        delivery = by_node[access.of]
        if not access.party & delivery.party:
            yield (
                access.node,
                f"Only {delivery.node.name} may put objects below {delivery.zone.name}/{delivery.prefix}: "
                f"{access.who} may too.",
            )


def _written(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for stream in lake.protected:
        by = [one for one in lake.transforms if stream in one.writes]
        yield from _by_one(stream, by, "protected", "written")
        yield from _others(lake.writers, stream, by, f"write the protected stream {stream.name}")


def _read(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    delivered = {delivery.node for delivery in lake.deliveries}  # these the landing zone's policy judges
    readers = tuple(access for access in lake.readers if access.node not in delivered)
    for stream in lake.ingress:
        by = [one for one in lake.transforms if stream in one.reads]
        yield from _by_one(stream, by, "ingress", "read")
        yield from _others(readers, stream, by, f"read the ingress stream {stream.name}")


def _by_one(stream: Node, by: list[Transform], kind: str, done: str) -> Iterator[Fault]:
    if len(by) != 1:
        names = ", ".join(sorted(one.node.name for one in by)) or "none is"
        yield stream, f"The {kind} stream {stream.name} must be {done} by one transform: {names}."


def _others(accesses: tuple[Access, ...], stream: Node, by: list[Transform], what: str) -> Iterator[Fault]:
    """Yield who else than the stream's transforms can do something with it."""
    party = frozenset(node for one in by for node in one.party)
    for access in accesses:
        if access.of is stream and not access.party & party:
            yield access.node, f"Only its transform may {what}: {access.who} may too."


def _classified(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    # What carries the tags of several says the most that holds of any.
    wanted = dict.fromkeys((lake.labelled(one) for one in lake.protected), CONFIDENTIAL)
    wanted |= dict.fromkeys((lake.labelled(one) for one in lake.ingress), RESTRICTED)
    for delivery in lake.deliveries:
        wanted[delivery.zone] = CONFIDENTIAL
    for node, classification in wanted.items():
        said = node.tag(CLASS)
        if said != classification:
            yield node, f"The tag {CLASS} of {node.name} must be {classification}, not {said or 'missing'}."


def _lost(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for failure in lake.failures:
        name = failure.of.name
        if failure.keeps:
            yield (
                failure.node,
                f"What {name} cannot protect must not be kept: name a queue on failure.",
            )
        elif failure.keeps is None and not failure.to:
            yield (
                failure.node,
                f"What {name} gives up must leave a trace: name a queue on failure.",
            )


def _patient(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for failure in lake.failures:
        if failure.hasty:
            yield (
                failure.node,
                f"{failure.of.name} must try until records expire: it gives up {failure.hasty}.",
            )


POLICIES = (
    lake_policy(
        "lake-landing-disallow-unprotected",
        description="A landing prefix is fed by its delivery alone, and that from a protected stream.",
        check=_fed,
        steps="Deliver from the stream that the transform writes; take s3:PutObject from everybody else.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-protected-disallow-writers",
        description="A protected stream is written by its transform alone.",
        check=_written,
        steps="Send to the ingress stream instead.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-ingress-disallow-readers",
        description="An ingress stream, which carries plaintext, is read by its transform alone.",
        check=_read,
        steps="Read the protected stream instead.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-stream-configure-classification",
        description="What holds plaintext is tagged restricted, what holds protected records confidential.",
        check=_classified,
        steps=f"Set the tag {CLASS}.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-transform-disallow-payloads",
        description="A transform's failed batches leave their position behind, and never their records.",
        check=_lost,
        steps="Set the destination on failure to a queue.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-transform-configure-retries",
        description="A transform that cannot protect records tries again until they are about to expire.",
        check=_patient,
        steps="Leave the number of attempts open, and the age of records too.",
        severity=Severity.HIGH,
    ),
)
