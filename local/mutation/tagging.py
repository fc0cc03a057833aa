"""Tags: each is taken away, all are, all say nothing, and the classification is lowered."""

from __future__ import annotations

from collections.abc import Iterator

from .graph import GONE, Graph
from .mutant import Mutant, edit

CLASSIFICATION = "data-classification"
LOWEST = "public"


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Weaken the tags of each resource that has some."""
    for one in graph.managed:
        tags = one.inputs.get("tags")
        if not isinstance(tags, dict) or not tags:
            continue
        yield edit("tags", one, "gone", {("tags",): GONE})
        yield edit("tags", one, "empty", {("tags",): dict.fromkeys(tags, "")})
        for key in tags:
            yield edit("tags", one, "gone", {("tags", key): GONE})
        if tags.get(CLASSIFICATION, LOWEST) != LOWEST:
            yield edit("tags", one, LOWEST, {("tags", CLASSIFICATION): LOWEST})
