"""How landing zones on AWS are guarded: locked, undeletable, and written by their delivery alone."""

from collections.abc import Iterator

from policies.graph import UNKNOWN, Graph, Node, unknown
from policies.lake.parts import Delivery, Guard
from policies.s3 import BUCKETS, POLICY, either
from policies.statements import Statement, matches, statements

LOCK = either("BucketObjectLockConfiguration")
DELETE = ("s3:DeleteObject", "s3:DeleteObjectVersion")
UNITS = ("days", "years")
NARROWING = {"arnnotequals", "arnnotlike", "stringnotequals", "stringnotlike"}


def guards(graph: Graph, deliveries: tuple[Delivery, ...]) -> Iterator[Guard]:
    """Yield how each delivery's zone is guarded."""
    for delivery in deliveries:
        zone = delivery.zone
        denied = _denials(graph, zone)
        yield Guard(
            delivery=delivery,
            locked=_locked(graph, zone),
            undeletable=None if denied is None else _undeletable(denied),
            closed=None if denied is None else _closed(denied, delivery),
        )


def _locked(graph: Graph, bucket: Node) -> bool | None:
    if bucket.type not in BUCKETS:
        return None
    companions = graph.companions(bucket, "bucket", *LOCK)
    places = [(bucket, "objectLockConfiguration.rule"), *((node, "rule") for node in companions)]
    if any(unknown(node.get(path)) for node, path in places):
        return None
    periods = [node.number(f"{path}.defaultRetention.{unit}") for node, path in places for unit in UNITS]
    return any(periods)


def _denials(graph: Graph, bucket: Node) -> list[Statement] | None:
    """Return what a bucket's policies deny to everybody, None while one of them is not known."""
    nodes = (bucket, *graph.companions(bucket, "bucket", POLICY))
    if any(node.get("policy") is UNKNOWN for node in nodes):
        return None
    found = [one for node in nodes for one in statements(node.get("policy")) or ()]
    return [one for one in found if not one.allows and "*" in one.principals]


def _undeletable(denied: list[Statement]) -> bool:
    always = [one for one in denied if not one.conditions]
    return all(any(one.of([action]) for one in always) for action in DELETE)


def _closed(denied: list[Statement], delivery: Delivery) -> bool | None:
    arn, prefix = delivery.zone.text("arn"), delivery.prefix
    if arn is None or prefix is None:
        return None
    below = f"{arn}/{prefix}x"
    return any(
        one.of(["s3:PutObject"])
        and any(matches(pattern, below) for pattern in one.resources)
        and one.condition("aws:PrincipalArn", NARROWING)
        for one in denied
    )
