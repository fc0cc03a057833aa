"""What a lake is made of, whatever the cloud: streams, transforms, deliveries, zones, and who may do what.

An adapter finds them in a graph, by what refers to what and by the tag `data-classification`; resource names
tell nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from policies.graph import Graph, Node

CLASS = "data-classification"
RESTRICTED = "restricted"  # personal data that a reader could see
CONFIDENTIAL = "confidential"  # personal data, protected value by value


class Sign(Enum):
    """What an alarm can tell."""

    LATE = "it falls behind"
    FAILING = "it fails"
    REFUSING = "it refuses what is sent to it"
    WAITING = "something lies in it"
    SILENT = "its listeners cannot be told"


@dataclass(frozen=True, kw_only=True)
class Transform:
    """What reads streams and writes others; `party` is all that stands for it: function, role, trigger."""

    node: Node
    party: frozenset[Node]
    reads: tuple[Node, ...]
    writes: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What writes a zone's objects from streams, below a prefix (None while it is not known)."""

    node: Node
    party: frozenset[Node]
    sources: tuple[Node, ...]
    zone: Node
    prefix: str | None


@dataclass(frozen=True, kw_only=True)
class Access:
    """That somebody (`who`, being `party`) can read or write `of`; `node` is what makes it so."""

    node: Node
    of: Node
    who: str
    party: frozenset[Node]


@dataclass(frozen=True, kw_only=True)
class Plaintext:
    """That `who`, a name or an ARN that may hold wildcards, can get plaintext with a key."""

    node: Node
    key: Node
    who: str
    actions: tuple[str, ...]
    party: frozenset[Node] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Where a transform's failed batches go; `keeps` says whether the records themselves do."""

    node: Node
    of: Node
    to: tuple[Node, ...]
    keeps: bool | None


@dataclass(frozen=True, kw_only=True)
class Channel:
    """That a zone tells a channel of new objects below a prefix."""

    zone: Node
    prefix: str
    to: Node


@dataclass(frozen=True, kw_only=True)
class Pipe:
    """A pipe of the warehouse: the zones and prefixes it loads, and the channels it listens on."""

    node: Node
    loads: tuple[tuple[Node, str | None], ...]
    listens: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue: whether it is where failed messages go, and where its own failed messages go."""

    node: Node
    ends: bool
    dead_letters: bool


@dataclass(frozen=True, kw_only=True)
class Lake:
    """The parts of a lake on one cloud."""

    graph: Graph
    streams: tuple[Node, ...] = ()
    transforms: tuple[Transform, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    readers: tuple[Access, ...] = ()
    writers: tuple[Access, ...] = ()
    zone_writers: tuple[Access, ...] = ()
    failures: tuple[Failure, ...] = ()
    keys: tuple[Node, ...] = ()
    plaintext: tuple[Plaintext, ...] = ()
    channels: tuple[Channel, ...] = ()
    pipes: tuple[Pipe, ...] = ()
    queues: tuple[Queue, ...] = ()
    signs: Mapping[Node, frozenset[Sign]] = field(default_factory=dict[Node, frozenset[Sign]])

    @property
    def ingress(self) -> list[Node]:
        """The streams with plaintext: said to be, or read by a transform."""
        read = {stream for by in self.transforms for stream in by.reads}
        return [one for one in self.streams if one.tag(CLASS) == RESTRICTED or one in read]

    @property
    def protected(self) -> list[Node]:
        """The streams of protected records: said to be, or written by a transform."""
        written = {stream for by in self.transforms for stream in by.writes}
        ingress = self.ingress
        return [
            one
            for one in self.streams
            if one not in ingress and (one.tag(CLASS) == CONFIDENTIAL or one in written)
        ]


def holds_personal_data(node: Node) -> bool:
    """Say whether a resource's tag says that it holds personal data, protected or not."""
    return node.tag(CLASS) in (RESTRICTED, CONFIDENTIAL)
