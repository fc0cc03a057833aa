"""What trails on AWS record of a lake."""

from collections.abc import Iterator

from policies.cloudtrail import TRAIL, fields, listed, mappings, records_management
from policies.graph import UNKNOWN, Graph, Node
from policies.lake.parts import Trail
from policies.rules import Props
from policies.s3 import BUCKETS

OBJECTS = "AWS::S3::Object"
SELECTORS = ("advancedEventSelectors", "eventSelectors")
# What a selector of objects may say without leaving some of them out.
WHOLE = {"eventCategory", "resources.type", "resources.ARN"}


def trails(graph: Graph) -> Iterator[Trail]:
    """Yield the trails that run."""
    for node in graph.of(TRAIL):
        if node.get("enableLogging") is not False:
            zones = [one for one in graph.of(*BUCKETS) if _recorded(graph, node, one)]
            yield Trail(node=node, zones=tuple(zones), keys=records_management(node.props))


def _recorded(graph: Graph, trail: Node, bucket: Node) -> bool:
    """Say whether a trail records each read and write of a bucket's objects, or may."""
    arn = bucket.text("arn")
    if arn is None or any(trail.get(key) is UNKNOWN for key in SELECTORS):
        return any(bucket in graph.depends(trail, key, *BUCKETS) for key in SELECTORS)
    within = f"{arn}/"
    advanced = (_advanced(fields(one), within) for one in mappings(trail.props, "advancedEventSelectors"))
    return any(advanced) or any(_basic(one, within) for one in mappings(trail.props, "eventSelectors"))


def _advanced(found: dict[str, Props], within: str) -> bool:
    if not {"eventCategory", "resources.type"} <= set(found) <= WHOLE:
        return False
    data = "Data" in listed(found["eventCategory"].get("equals"))
    objects = OBJECTS in listed(found["resources.type"].get("equals"))
    return data and objects and ("resources.ARN" not in found or _begins(found["resources.ARN"], within))


def _begins(field: Props, within: str) -> bool:
    begins = [one for one in listed(field.get("startsWiths")) if isinstance(one, str)]
    return set(field) <= {"field", "startsWiths"} and any(within.startswith(one) for one in begins)


def _basic(selector: Props, within: str) -> bool:
    return selector.get("readWriteType") in (None, "All") and any(
        resource.get("type") == OBJECTS
        and any(isinstance(one, str) and within.startswith(one) for one in listed(resource.get("values")))
        for resource in mappings(selector, "dataResources")
    )
