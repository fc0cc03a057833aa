"""One weakness that a graph is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.standin.state import Resource

from .graph import Change, Path, dotted, edited

#: The classes in which a score is told.
CLASSES = {
    "access": "who may do what: roles, policies of keys and resources, trust",
    "alarm": "nobody hears of a failure",
    "budget": "what a runaway costs",
    "encryption": "data at rest is not encrypted, or not with a key of one's own",
    "flow": "plaintext goes where only protected records may",
    "grant": "who may read what in the warehouse",
    "keys": "a key ages, or is lost soon",
    "loss": "data, or what would restore it, can be lost",
    "masking": "a personal value is shown",
    "protect": "a deployment may delete what holds data",
    "public": "the public can reach it",
    "residency": "a resource lies in another region",
    "retention": "kept too short, or for ever",
    "tags": "whose it is and what it holds is not said",
    "tls": "data in motion can be read",
    "trace": "what happened cannot be found out: logs, traces",
    "version": "software that nobody mends any more",
}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A weakened graph, by its change.

    Parameters
    ----------
    kind
        The class that it counts in, one of `CLASSES`.
    resource
        The resource that it is about.
    where
        The property, or a word for what is no property.
    what
        What was done to it.
    """

    kind: str
    resource: Resource
    where: str
    what: str
    change: Change

    @property
    def id(self) -> str:
        """The name of the mutant, the same in every run."""
        return f"{self.kind}: {self.resource.type} {self.resource.name} {self.where}: {self.what}"


def edit(
    kind: str,
    resource: Resource,
    what: str,
    edits: Mapping[Path, Any],
    *,
    where: str = "",
    links: Mapping[str, list[str]] | None = None,
) -> Mutant:
    """Return the mutant in which one resource has other properties, which may point to other resources."""
    named = where or ", ".join(_exact(path) for path in edits)
    change = Change.of(edited(resource, edits, links))
    return Mutant(kind=kind, resource=resource, where=named, what=what, change=change)


def beside(kind: str, resource: Resource, what: str, second: Resource) -> Mutant:
    """Return the mutant in which there is another resource beside this one."""
    return Mutant(kind=kind, resource=resource, where="beside it", what=what, change=Change.of(second))


def option(kind: str, resource: Resource, where: str, what: str, **options: Any) -> Mutant:
    """Return the mutant in which one resource has other options."""
    changed = dataclasses.replace(resource, **options)
    return Mutant(kind=kind, resource=resource, where=where, what=what, change=Change.of(changed))


def _exact(path: Path) -> str:
    text = dotted(path)
    for key in path:
        if isinstance(key, int):
            text = text.replace("[]", f"[{key}]", 1)
    return text
