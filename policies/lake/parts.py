"""What a lake is made of, whatever the cloud: streams, transforms, deliveries, zones, and who may do what.

An adapter finds them in a graph, by what refers to what and by the tag `data-classification`; resource names
tell nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import ClassVar

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
    IDLE = "it does not run"


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
    """What becomes of a transform's failed batches.

    `keeps` says whether the records themselves are kept where they go; `hasty`, why they go there before they
    are about to expire.
    """

    node: Node
    of: Node
    to: tuple[Node, ...]
    keeps: bool | None
    hasty: str | None


@dataclass(frozen=True, kw_only=True)
class Guard:
    """How a delivery's zone is guarded: each True, False, or None while it is not known."""

    delivery: Delivery
    locked: bool | None
    undeletable: bool | None
    closed: bool | None


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
class Trail:
    """What records who did what: to the objects of which zones, and whether each use of a key, too."""

    node: Node
    zones: tuple[Node, ...]
    keys: bool


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue: whether it is where failed messages go, where its own go, and how long it keeps any.

    `place` is what says how long: the queue itself, or what sends to it.
    """

    node: Node
    ends: bool
    dead_letters: bool
    seconds: float | None
    place: Node


@dataclass(frozen=True, eq=False)
class Lake:
    """The parts of a lake on one cloud. Its adapter finds each when it is first asked for.

    What single properties of a cloud's resources must be, a check for each cloud says (`judged.by_cloud`).
    """

    cloud: ClassVar[str] = ""
    # What must be told of a transform.
    watched: ClassVar[tuple[Sign, ...]] = (Sign.LATE, Sign.FAILING)

    graph: Graph

    @property
    def home(self) -> frozenset[str]:
        """The regions of the stack's providers, or else the one in which most of it lies."""
        return frozenset()

    def regions(self, node: Node) -> list[str]:
        """Return the regions in which a resource lies, and those of everything that it names."""
        return []

    def labelled(self, node: Node) -> Node:
        """Return what carries a resource's tags: itself, unless its kind takes none."""
        return node

    def classification(self, node: Node) -> str | None:
        """Return what is said of the data that a resource holds."""
        return node.tag(CLASS)

    def personal(self, node: Node) -> bool:
        """Say whether a resource is said to hold personal data, protected or not."""
        return self.classification(node) in (RESTRICTED, CONFIDENTIAL)

    def open_to_warehouse(self, zone: Node) -> bool:
        """Say whether the warehouse has been let into a zone: no pipe can be made before."""
        return True

    @property
    def runtimes(self) -> tuple[tuple[Node, str], ...]:
        """On what each function runs, as `python3.13` or `nodejs22.x`, and on which host."""
        return ()

    @cached_property
    def streams(self) -> tuple[Node, ...]:
        """All streams, of personal data or not."""
        return ()

    @cached_property
    def transforms(self) -> tuple[Transform, ...]:
        """What reads streams and writes protected ones."""
        return ()

    @cached_property
    def deliveries(self) -> tuple[Delivery, ...]:
        """What writes objects into landing zones."""
        return ()

    @cached_property
    def readers(self) -> tuple[Access, ...]:
        """Every way in which a stream can be read."""
        return ()

    @cached_property
    def writers(self) -> tuple[Access, ...]:
        """Every way in which a stream can be written."""
        return ()

    @cached_property
    def zone_writers(self) -> tuple[Access, ...]:
        """Every way in which objects can be put below a delivery's prefix; `of` is the delivery's node."""
        return ()

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """Where transforms' failed batches go."""
        return ()

    @cached_property
    def guards(self) -> tuple[Guard, ...]:
        """How each delivery's zone is guarded."""
        return ()

    @cached_property
    def guarded(self) -> dict[Node, list[Guard]]:
        """The same, by zone."""
        found: dict[Node, list[Guard]] = {}
        for guard in self.guards:
            found.setdefault(guard.delivery.zone, []).append(guard)
        return found

    @cached_property
    def keys(self) -> tuple[Node, ...]:
        """The keys of personal data."""
        return ()

    @cached_property
    def plaintext(self) -> tuple[Plaintext, ...]:
        """Everybody who can get plaintext with these keys."""
        return ()

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """Where landing zones tell of new objects."""
        return ()

    @cached_property
    def pipes(self) -> tuple[Pipe, ...]:
        """The warehouse's pipes."""
        return ()

    @cached_property
    def trails(self) -> tuple[Trail, ...]:
        """What records who did what."""
        return ()

    @cached_property
    def queues(self) -> tuple[Queue, ...]:
        """The queues."""
        return ()

    @cached_property
    def signs(self) -> Mapping[Node, frozenset[Sign]]:
        """What alarms tell of each resource."""
        return {}

    @cached_property
    def ingress(self) -> list[Node]:
        """The streams with plaintext: said to be, or read by a transform."""
        read = {stream for by in self.transforms for stream in by.reads}
        return [one for one in self.streams if self.classification(one) == RESTRICTED or one in read]

    @cached_property
    def protected(self) -> list[Node]:
        """The streams of protected records: said to be, or written by a transform."""
        written = {stream for by in self.transforms for stream in by.writes}
        return [
            one
            for one in self.streams
            if one not in self.ingress and (self.classification(one) == CONFIDENTIAL or one in written)
        ]


def holds_personal_data(node: Node) -> bool:
    """Say whether a resource's tag says that it holds personal data, protected or not."""
    return node.tag(CLASS) in (RESTRICTED, CONFIDENTIAL)
