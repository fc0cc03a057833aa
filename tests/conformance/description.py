"""How a cloud is described to the suite: which of its resource types and properties answer a question."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from local.standin.state import Resource
from settings import Settings
from tests.program.graph import Graph

# What must be encrypted with a key of the stack's own.
KEPT = ("streams", "landing", "queues", "secrets", "logs")

# What a landing zone must be.
LANDING = ("versioned", "immutable", "closed to the public", "encrypted in transit")

Holds: TypeAlias = Callable[[Any], bool]


@dataclass(frozen=True, kw_only=True)
class Of:
    """A property of a type; of a companion where the type's safety is a resource of its own.

    Parameters
    ----------
    type
        What is kept.
    path
        Where the value is: `rules[*].key` is that of every rule.
    named
        Only those whose name, or whose component's, ends so; all of the type otherwise.
    companion, by, to
        The type that carries the property, and its input that equals the kept resource's output `to`.
    """

    type: str
    path: str
    named: str = ""
    companion: str = ""
    by: str = ""
    to: str = "id"

    def values(self, graph: Graph) -> Iterator[tuple[Resource, list[Any]]]:
        """Each resource of the type, with the values of the property: none where it is not set."""
        carriers = [one for one in graph.run.resources if one.type == self.companion]
        for kept in graph.run.resources:
            if kept.type != self.type or not called(kept, self.named):
                continue
            if not self.companion:
                yield kept, [*at(kept.inputs, self.path)]
                continue
            yield (
                kept,
                [
                    value
                    for one in carriers
                    if one.inputs.get(self.by) == kept.outputs[self.to]
                    for value in at(one.inputs, self.path)
                ],
            )


@dataclass(frozen=True, kw_only=True)
class Must:
    """A property that must hold of every resource of a type."""

    of: Of
    holds: Holds


@dataclass(frozen=True, kw_only=True)
class Right:
    """What an identity may do: read, write, list, encrypt, decrypt, or an action that has no such word.

    Parameters
    ----------
    holder
        The resource that gives the right; who works under it is the component around it.
    on
        The id of a stream, a zone or a key.
    under
        The prefix in a zone; empty for all of it.
    """

    holder: Resource
    may: str
    on: str
    under: str = ""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Records that a service moves by itself, from one id to another."""

    carrier: Resource
    origin: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Who may become the landing zone's reader, and by which word."""

    principal: str
    word: str = ""


@dataclass(frozen=True, kw_only=True)
class Description:
    """A cloud, in its own words.

    Parameters
    ----------
    stacks
        The shipped stacks that are tried, each with what it must say otherwise to be on this cloud.
    package
        The beginning of its resource types.
    keys
        The type of the stack's keys, and the outputs by which others name one.
    key_property
        How properties that name a key are called: a type that has one and is described nowhere is a gap.
    keyed, excused
        Where the key of what must be encrypted is said; and what has none, each with the reason.
    zone
        The type of the landing zone, and how it is called.
    landing
        What makes a landing zone what it must be.
    unnamed
        Types whose names cannot follow from the component's, each with the reason.
    workers
        The component types that transform, deliver and read.
    pii_keys
        The ids of the keys that wrap the data keys of personal values.
    principal
        Who the warehouse is to this cloud, of the stack's settings and of what the warehouse says it is.
    says_word
        Whether the warehouse must say its word.
    """

    stacks: Mapping[str, Mapping[str, str]]
    package: str
    keys: tuple[str, tuple[str, ...]]
    key_property: str
    keyed: Mapping[str, tuple[Of, ...]]
    zone: tuple[str, str]
    landing: Mapping[str, tuple[Must, ...]]
    workers: Mapping[str, str]
    rights: Callable[[Graph], Iterator[Right]]
    carries: Callable[[Graph], Iterator[Carried]]
    trusts: Callable[[Graph], Iterator[Trust]]
    pii_keys: Callable[[Graph], tuple[str, ...]]
    principal: Callable[[Settings, str], str] = lambda _, said: said
    says_word: bool = True
    excused: Mapping[str, str] = field(default_factory=dict[str, str])
    unnamed: Mapping[str, str] = field(default_factory=dict[str, str])


def called(one: Resource, end: str) -> bool:
    """Whether a resource, or the component that it is in, is called so."""
    return one.name.endswith(end) or one.parent.endswith(end)


def at(value: Any, path: str) -> Iterator[Any]:
    """Every value at a path such as `rules[*].key`; nothing where there is none."""
    if not path:
        yield value
        return
    step, _, rest = path.partition(".")
    name, many = step.removesuffix("[*]"), step.endswith("[*]")
    found = value.get(name) if isinstance(value, Mapping) else None
    if found is None:
        return
    for one in found if many else [found]:
        yield from at(one, rest)
