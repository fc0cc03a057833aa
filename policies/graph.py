"""A stack's resources as a graph that stack policies ask; it never raises on what is not known yet.

In a preview much is unknown: an ARN, and every policy document that names one. The SDK raises on such a
value, and one of them would end a whole stack policy. Here it is `UNKNOWN`, which is no string, number or
list: a policy that asks for `text` or `items` finds nothing there, and must not hold that against the
resource. Which resource belongs to which is known even then, from what a property was made of.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Final, cast

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

from policies.tokens import unversioned


class _Mark(Enum):
    UNKNOWN = "not known before it is made"


UNKNOWN: Final = _Mark.UNKNOWN

# The outputs by which other resources call one.
IDENTIFIERS = ("id", "arn", "name", "bucket", "url", "keyId", "fullyQualifiedName")


@dataclass(frozen=True, eq=False)
class Node:
    """A resource with its properties as plain values."""

    resource: PolicyResource

    @property
    def urn(self) -> str:
        """Its URN."""
        return self.resource.urn

    @property
    def type(self) -> str:
        """Its type token, whichever version of an API it speaks to."""
        return unversioned(self.resource.resource_type)

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.resource.name

    @property
    def protect(self) -> bool:
        """Whether the engine refuses to delete it."""
        return self.resource.opts.protect

    @cached_property
    def props(self) -> dict[str, Any]:
        """Its outputs; `UNKNOWN` where a value is not known yet."""
        found = plain(self.resource.props)
        return cast(dict[str, Any], found) if isinstance(found, dict) else {}

    def get(self, path: str) -> Any:
        """Return the value at a dotted path, None where there is none, `UNKNOWN` where it lies in one."""
        value: Any = self.props
        for key in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = cast(dict[str, Any], value).get(key) if isinstance(value, dict) else None
        return value

    def text(self, path: str) -> str | None:
        """Return the text at a path, if it is one and known."""
        value = self.get(path)
        return value if isinstance(value, str) else None

    def number(self, path: str) -> float | None:
        """Return the number at a path, if it is one and known."""
        value = self.get(path)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def items(self, path: str) -> list[Any]:
        """Return the items of the list at a path, if it is one and known."""
        value = self.get(path)
        return cast(list[Any], value) if isinstance(value, list) else []

    def section(self, path: str) -> dict[str, Any]:
        """Return the mapping at a path, if it is one and known."""
        value = self.get(path)
        return cast(dict[str, Any], value) if isinstance(value, dict) else {}

    def tag(self, key: str) -> str | None:
        """Return the value of a tag, if it has it."""
        value = self.section("tags").get(key)
        return value if isinstance(value, str) else None

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """What other resources may call it by."""
        return frozenset(value for key in IDENTIFIERS if (value := self.text(key)))


@dataclass(frozen=True, eq=False)
class Graph:
    """The resources of a stack, by type, by URN, and by what refers to what."""

    resources: Sequence[PolicyResource]
    stack_tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All resources, in the order in which they were made."""
        return tuple(Node(resource) for resource in self.resources)

    @cached_property
    def _by_urn(self) -> dict[str, Node]:
        return {node.urn: node for node in self.nodes}

    @cached_property
    def _by_type(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.type, []).append(node)
        return found

    @cached_property
    def _called_by(self) -> dict[str, dict[str, list[Node]]]:
        return {}

    def of(self, *types: str) -> list[Node]:
        """Return the resources of these types."""
        return [node for type_ in types for node in self._by_type.get(type_, ())]

    def by_urn(self, urn: str) -> Node | None:
        """Return the resource with a URN."""
        return self._by_urn.get(urn)

    def made_of(self, node: Node, key: str) -> list[Node]:
        """Return the resources that a property was made of, whatever its value."""
        found = [self._by_urn.get(one.urn) for one in node.resource.property_dependencies.get(key, ())]
        return [one for one in found if one is not None]

    def depends(self, node: Node, key: str, *types: str) -> list[Node]:
        """Return those of these types that a property was made of."""
        return [one for one in self.made_of(node, key) if one.type in types]

    def targets(self, node: Node, path: str, *types: str) -> list[Node]:
        """Return the resources of these types that the property at a path refers to.

        Where its value is known and is what a resource is called by, that resource. Otherwise those that the
        property was made of: known in a preview as well, and right for values that are put together.
        """
        value = node.get(path)
        called = [one for text in _texts(value) for one in self._called(text, types)]
        return called or self.depends(node, path.partition(".")[0], *types)

    def companions(self, target: Node, path: str, *types: str) -> list[Node]:
        """Return the resources of these types whose property at a path refers to `target`."""
        return [node for node in self.of(*types) if target in self.targets(node, path, target.type)]

    def _called(self, text: str, types: tuple[str, ...]) -> list[Node]:
        # A log group's ARN ends in `:*`, a function's in its alias.
        names = (text, text.rpartition(":")[0]) if text.startswith("arn:") else (text,)
        return [node for name in names for type_ in types for node in self._names(type_).get(name, ())]

    def _names(self, type_: str) -> dict[str, list[Node]]:
        """Return the resources of a type by what they are called by; made when it is first asked for."""
        if type_ not in self._called_by:
            found: dict[str, list[Node]] = {}
            for node in self.of(type_):
                for identifier in node.identifiers:
                    found.setdefault(identifier, []).append(node)
            self._called_by[type_] = found
        return self._called_by[type_]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [item for item in cast(list[Any], value) if isinstance(item, str)]
    return []


def plain(value: Any) -> Any:
    """Return the SDK's value as dicts, lists and scalars; `UNKNOWN` where it would raise."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        mapping = cast(Mapping[str, Any], value)
        return {key: _at(mapping, key) for key in mapping}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        items = cast(Sequence[Any], value)
        return [_at(items, index) for index in range(len(items))]
    return value


def _at(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def mapping(value: Any) -> dict[str, Any]:
    """Return a plain value if it is a mapping, or else an empty one."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def unknown(value: Any) -> bool:
    """Say whether anything in a plain value is not known yet."""
    return any(item is UNKNOWN for item in walk(value))


def walk(value: Any) -> Iterator[Any]:
    """Yield a plain value and everything in it."""
    yield value
    inner: Iterable[Any] = ()
    if isinstance(value, dict):
        inner = cast(dict[str, Any], value).values()
    elif isinstance(value, list):
        inner = cast(list[Any], value)
    for item in inner:
        yield from walk(item)
