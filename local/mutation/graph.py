"""The resources of a stack as they were declared and made, and how one of them is changed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from local.standin import schema, wire
from local.standin.state import Resource

Path = tuple[str | int, ...]
#: what a property becomes that is taken away
GONE: Any = object()
#: outputs that repeat an input under another name
MIRRORS = {"tags": "tagsAll"}


@dataclass(frozen=True, kw_only=True)
class Change:
    """What differs from a graph: resources as they are now (new ones too), and those that are no more."""

    changed: Mapping[str, Resource] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *resources: Resource) -> Change:
        """Return the change to these resources."""
        return cls(changed={one.urn: one for one in resources})


class Graph:
    """The resources by URN, in the order of their registration. Nothing in it is ever changed."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = {one.urn: one for one in resources}

    @cached_property
    def managed(self) -> list[Resource]:
        """What a provider made."""
        return [one for one in self.resources.values() if one.managed]

    def of(self, token: str) -> list[Resource]:
        """Return the resources of a type, whatever version of the service's interface it names."""
        return [one for one in self.managed if unversioned(one.type) == token]

    def apply(self, change: Change) -> Graph:
        """Return the graph with a change."""
        kept = {urn: one for urn, one in self.resources.items() if urn not in change.removed}
        return Graph({**kept, **change.changed}.values())


@cache
def unversioned(token: str) -> str:
    """Return a type's token without the version of the service's interface that it may name."""
    return re.sub(r"^(azure-native:\w+)/v\w+:", r"\1:", token)


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield everything inside a value, the outer before the inner; secrets are walked as what they hold."""
    if wire.is_secret(value):
        value = value["value"]
    if wire.is_asset(value):
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        opened = item["value"] if wire.is_secret(item) else item
        yield (*path, key), opened
        yield from walk(opened, (*path, key))


def dotted(path: Path) -> str:
    """Return a path for people and patterns; the position in a list does not matter."""
    text = ""
    for key in path:
        text += "[]" if isinstance(key, int) else f".{key}" if text else key
    return text


def get(value: Any, path: Path) -> Any:
    """Return what is at a path, or GONE."""
    for key in path:
        if wire.is_secret(value):
            value = value["value"]
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return GONE
    return value["value"] if wire.is_secret(value) else value


def put(value: Any, path: Path, new: Any) -> Any:
    """Return a copy with something else at a path; what contains it is made where it is missing."""
    if not path:
        return new
    if wire.is_secret(value):
        return wire.secret(put(value["value"], path, new))
    key, rest = path[0], path[1:]
    if isinstance(key, int):
        items = list(value)
        if rest or new is not GONE:
            items[key] = put(items[key], rest, new)
        else:
            del items[key]
        return items
    made = dict(value) if isinstance(value, dict) else {}
    if rest or new is not GONE:
        made[key] = put(made.get(key, {}), rest, new)
    else:
        made.pop(key, None)
    return made


def edited(
    resource: Resource, edits: Mapping[Path, Any], links: Mapping[str, list[str]] | None = None
) -> Resource:
    """Return the resource with other properties, in what it was given and in what it is.

    Parameters
    ----------
    links
        To which resources a property points now, by their URNs.
    """
    inputs, outputs = resource.raw_inputs, resource.raw_outputs
    # Later items of a list first, so that taking one away moves none that is still to come.
    for path, new in sorted(
        edits.items(), key=lambda item: [str(key).rjust(6, "0") for key in item[0]], reverse=True
    ):
        inputs, outputs = put(inputs, path, new), put(outputs, path, new)
        if mirror := MIRRORS.get(str(path[0])):
            outputs = put(outputs, (mirror, *path[1:]), new)
    gone = {str(path[0]) for path, new in edits.items() if new is GONE and len(path) == 1}
    kept = {k: v for k, v in resource.property_dependencies.items() if k not in gone}
    property_dependencies = {**kept, **(links or {})}
    return dataclasses.replace(
        resource, raw_inputs=inputs, raw_outputs=outputs, property_dependencies=property_dependencies
    )


def clone(
    resource: Resource,
    suffix: str,
    edits: Mapping[Path, Any],
    links: Mapping[str, list[str]] | None = None,
) -> Resource:
    """Return a second resource like this one, under another name."""
    made = edited(resource, edits, links)
    identity = f"{resource.id}-{suffix}" if resource.id else ""
    outputs = {
        name: _renamed(value, resource.id, identity) if name not in made.raw_inputs else value
        for name, value in made.raw_outputs.items()
    }
    return dataclasses.replace(
        made, urn=f"{resource.urn}-{suffix}", name=f"{resource.name}-{suffix}", id=identity,
        raw_outputs=outputs, protect=False,
    )  # fmt: skip


def _renamed(value: Any, old: str, new: str) -> Any:
    return value.replace(old, new) if isinstance(value, str) and old else value


def deployable(resource: Resource) -> bool:
    """Say whether the SDK's own types take the inputs: what no program can say is no weakness of one."""
    try:
        return not schema.failures(unversioned(resource.type), resource.inputs)
    except schema.UnknownTypeError:
        return True


def marks(resource: Resource) -> set[str]:
    """Return the words by which others refer to a resource: its id, its ARN, its name."""
    outputs = resource.outputs
    found = {
        resource.id,
        *(outputs.get(key) for key in ("arn", "id", "name", "fullyQualifiedName", "keyId", "keyUri")),
    }
    return {word for word in found if isinstance(word, str) and word}
