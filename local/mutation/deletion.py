"""Resources that protect, taken away with all that refers to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from local.standin.state import Resource

from .graph import GONE, Change, Graph, Path, deployable, edited, marks, unversioned, walk
from .mutant import Mutant
from .vocabulary import protecting


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Take each protecting resource away."""
    for resource in graph.managed:
        if kind := protecting(unversioned(resource.type)):
            yield Mutant(kind=kind, resource=resource, where="the resource", what="deleted",
                         change=without(graph, resource))  # fmt: skip


def without(graph: Graph, resource: Resource) -> Change:
    """Return the change that takes a resource away: references to it go too, and so does what needs them."""
    lost: list[Resource] = [resource]
    removed: dict[str, Resource] = {}
    changed: dict[str, Resource] = {}
    while lost:
        one = lost.pop()
        removed[one.urn] = one
        for other in graph.resources.values():
            if other.urn in removed or one.urn not in other.needs:
                continue
            now = _unlinked(changed.get(other.urn, other), one)
            if now is None:
                lost.append(other)
            else:
                changed[other.urn] = now
    return Change(
        changed={urn: now for urn, now in changed.items() if urn not in removed}, removed=frozenset(removed)
    )


def _unlinked(resource: Resource, lost: Resource) -> Resource | None:
    """Return the resource without its references to a lost one, or None where it cannot be without."""
    if resource.parent == lost.urn:
        return None
    words = marks(lost)
    edits: dict[Path, Any] = {}
    for name, urns in resource.property_dependencies.items():
        value = resource.inputs.get(name)
        if lost.urn not in urns or _document(value):
            continue
        here = [((name,), value), *walk(value, (name,))]
        for path in [path for path, one in here if _refers(one, words)]:
            spared = _spared(resource, path)
            if spared is None:
                return None
            edits[spared] = GONE
    now = edited(resource, edits)
    left = {
        name: [urn for urn in urns if urn != lost.urn] for name, urns in now.property_dependencies.items()
    }
    return dataclasses.replace(
        now, property_dependencies=left, dependencies=[urn for urn in now.dependencies if urn != lost.urn]
    )


def _refers(value: Any, words: set[str]) -> bool:
    return isinstance(value, str) and any(word == value or f'"{word}"' in value for word in words)


def _document(value: Any) -> bool:
    # A statement about what is not there any more allows nothing.
    return isinstance(value, str) and '"Statement"' in value


def _spared(resource: Resource, path: Path) -> Path | None:
    """Return the smallest thing around a path that the resource can be without, or None."""
    ways = (path[:length] for length in range(len(path), 0, -1))
    return next((one for one in ways if deployable(edited(resource, {one: GONE}))), None)
