"""Where resources lie, and whether a deployment may delete them."""

from __future__ import annotations

from collections.abc import Iterator

from local.standin.state import Resource

from .graph import Graph
from .mutant import Mutant, edit, option

#: outside every residency that a shipped stack has
ELSEWHERE = {"region": "us-east-1", "location": "eastus"}
#: what a resource says that lies in no region
NOWHERE = "Global"


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Move each resource elsewhere, and take each protection away."""
    for one in graph.managed:
        if one.protect:
            yield option("protect", one, "protect", "False", protect=False)
        if one.retain_on_delete:
            yield option("protect", one, "retainOnDelete", "False", retain_on_delete=False)
        yield from _moved(one)


def _moved(one: Resource) -> Iterator[Mutant]:
    outputs = one.outputs
    for name, elsewhere in ELSEWHERE.items():
        here = outputs.get(name)
        if isinstance(here, str) and here not in (elsewhere, NOWHERE):
            arn = outputs.get("arn")
            moved = edit("residency", one, elsewhere, {(name,): elsewhere})
            if isinstance(arn, str) and f":{here}:" in arn and "arn" not in one.inputs:
                changed = moved.change.changed[one.urn]
                changed.raw_outputs["arn"] = arn.replace(f":{here}:", f":{elsewhere}:")
            yield moved
