"""All mutants of a graph, without those that mean the same and those that no program can say."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from local.standin.state import Resource

from . import aws, azure, deletion, placing, properties, snowflake, tagging
from .aws.documents import says_the_same
from .graph import Graph, deployable
from .mutant import Mutant

OPERATORS: tuple[Callable[[Graph], Iterator[Mutant]], ...] = (
    properties.mutants,
    deletion.mutants,
    tagging.mutants,
    placing.mutants,
    *aws.OPERATORS,
    *azure.OPERATORS,
    *snowflake.OPERATORS,
)
UNCHANGED = "nothing is different"
IMPOSSIBLE = "the SDK's types refuse it: no program can say it"


@dataclass(frozen=True, kw_only=True)
class Mutants:
    """What is judged, and how many were left out, by the reason."""

    kept: list[Mutant]
    left_out: Counter[str]

    def sample(self, size: int | None, seed: int) -> Mutants:
        """Return some of them, the same ones for the same seed."""
        if size is None or size >= len(self.kept):
            return self
        picked = sorted(random.Random(seed).sample(range(len(self.kept)), size))  # noqa: S311 (no secret)
        return replace(self, kept=[self.kept[index] for index in picked])


def of(graph: Graph) -> Mutants:
    """Make the mutants of a graph, in an order that is the same in every run."""
    kept: dict[str, Mutant] = {}
    left_out: Counter[str] = Counter()
    for operator in OPERATORS:
        for mutant in operator(graph):
            reason = _excluded(graph, mutant)
            if reason:
                left_out[reason] += 1
            elif mutant.id in kept:
                raise ValueError(f"two mutants are called {mutant.id}")
            else:
                kept[mutant.id] = mutant
    return Mutants(kept=sorted(kept.values(), key=lambda one: one.id), left_out=left_out)


def _excluded(graph: Graph, mutant: Mutant) -> str | None:
    """Return why a mutant is none. Sparingly: what is left out here is never seen again."""
    change = mutant.change
    if not change.removed and all(_same(graph, one) for one in change.changed.values()):
        return UNCHANGED
    if not all(deployable(one) for one in change.changed.values()):
        return IMPOSSIBLE
    return says_the_same(mutant)


def _same(graph: Graph, resource: Resource) -> bool:
    return graph.resources.get(resource.urn) == resource
