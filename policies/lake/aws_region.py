"""Where resources of AWS lie, and what they name that lies somewhere."""

import re
from collections import Counter

from policies.graph import Graph, Node, plain, walk

_REGION = r"(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-[a-z]+)+-\d"
# Where a region stands: in an ARN, and in the name of a host.
_PLACES = re.compile(rf"\barn:[\w-]+:[\w-]+:({_REGION}):|\b({_REGION})\.amazonaws\.com\b")


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
