"""Where resources of Azure lie, and what they name that lies somewhere."""

import re
from collections import Counter
from typing import Any

from policies.graph import Graph, Node, mapping, plain
from policies.lake.azure_places import ACCOUNT

PROVIDER = "pulumi:providers:azure-native"
# What is everywhere lies nowhere in particular.
NOWHERE = {"", "global"}
# Redundancies that keep a second copy in the region that Azure has paired with the first.
PAIRED = re.compile(r"\w+_(RA)?(GRS|GZRS)", re.IGNORECASE)


def _place(value: Any) -> str:
    """Return a region as one word: `West Europe` is `westeurope`."""
    return re.sub(r"\s", "", value).lower() if isinstance(value, str) else ""


def home(graph: Graph) -> frozenset[str]:
    """Return the regions of the stack's providers, or else the one in which most of it lies."""
    providers = [node.get("location") for node in graph.nodes if node.type == PROVIDER]
    told = [
        mapping(plain(node.resource.provider.props)).get("location")
        for node in graph.nodes
        if node.resource.provider and node.resource.provider.resource_type == PROVIDER
    ]
    found = {place for one in [*providers, *told] if (place := _place(one)) not in NOWHERE}
    if found:
        return frozenset(found)
    most = Counter(place for node in graph.nodes if (place := _place(node.get("location"))) not in NOWHERE)
    return frozenset(region for region, _ in most.most_common(1))


def regions(node: Node) -> list[str]:
    """Return the regions in which a resource lies, with those to which it is copied."""
    if not node.type.startswith("azure-native:"):
        return []
    own = _place(node.get("location"))
    copies = [
        _place(mapping(one).get(key))
        for path in ("locations", "geoDataReplication.locations")
        for one in node.items(path)
        for key in ("locationName",)
    ]
    if node.type == ACCOUNT and PAIRED.fullmatch(node.text("sku.name") or "") and own:
        copies.append(f"the pair of {own}")
    return [one for one in dict.fromkeys([own, *copies]) if one not in NOWHERE]
