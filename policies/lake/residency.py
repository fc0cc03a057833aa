"""Every resource of a lake lies in the regions that it may lie in, and speaks of no other."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.graph import Graph, Node, plain, walk
from policies.lake.judged import lake_policy
from policies.lake.parts import Lake
from policies.rules import GraphFault

_REGION = r"(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-[a-z]+)+-\d"
# Where a region stands: in an ARN, and in the name of a host.
_PLACES = re.compile(rf"\barn:[\w-]+:[\w-]+:({_REGION}):|\b({_REGION})\.amazonaws\.com\b")

# What lies somewhere. A component only repeats what its parts say.
PACKAGES = frozenset({"aws", "aws-native", "azure-native", "snowflake"})


def home(graph: Graph) -> frozenset[str]:
    """Return the regions of the stack's providers, or else the one in which most of it lies.

    An engine does not always tell a policy of the providers.
    """
    providers = [node.text("region") for node in graph.nodes if node.type == "pulumi:providers:aws"]
    told = [
        plain(node.resource.provider.props).get("region")
        for node in graph.nodes
        if node.resource.provider and node.resource.provider.resource_type == "pulumi:providers:aws"
    ]
    found = {region for region in [*providers, *told] if isinstance(region, str)}
    if found:
        return frozenset(found)
    most = Counter(region for node in graph.nodes if (region := node.text("region"))).most_common(1)
    return frozenset(region for region, _ in most)


def regions(node: Node) -> list[str]:
    """Return the regions in which a resource lies, and those of everything that it names."""
    found = {node.text("region") or "": None}
    for value in walk(node.props):
        if isinstance(value, str):
            for arn, host in _PLACES.findall(value):
                found[arn or host] = None
    return [region for region in found if region]


def _resident(lake: Lake, config: Mapping[str, Any]) -> Iterator[GraphFault]:
    allowed = frozenset(config.get("regions") or ()) or home(lake.graph)
    if not allowed:
        return
    named = ", ".join(sorted(allowed))
    for node in lake.graph.nodes:
        if node.type.partition(":")[0] not in PACKAGES:
            continue
        for region in regions(node):
            if region not in allowed:
                yield (
                    node,
                    f"{node.name} lies in {region}, or names what does: allowed is {named}.",
                )


POLICIES = (
    lake_policy(
        "lake-resource-enforce-residency",
        description="Everything of a lake lies in the regions that are allowed.",
        check=_resident,
        steps="Deploy to an allowed region, or allow the region in this policy's configuration.",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema({"regions": {"type": "array", "items": {"type": "string"}, "default": []}}),
    ),
)
