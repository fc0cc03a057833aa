"""Properties that protect, weakened by the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.standin.state import Resource

from .graph import GONE, Graph, Path, dotted, get, unversioned, walk
from .mutant import Mutant, edit
from .vocabulary import rules


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Weaken each property that protects."""
    for resource in graph.managed:
        for path, value in walk(resource.raw_inputs):
            yield from _weakened(resource, path, value)


def _weakened(resource: Resource, path: Path, value: Any) -> Iterator[Mutant]:
    for rule in rules(f"{unversioned(resource.type)} {dotted(path)}"):
        for what, new in rule.weaken(resource, value):
            beside = {(*path[:-1], name): GONE for name in rule.companions}
            edits = {
                path: new,
                **{at: one for at, one in beside.items() if get(resource.inputs, at) is not GONE},
            }
            yield edit(rule.kind, resource, what, edits, where=_at(path))


def _at(path: Path) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")
