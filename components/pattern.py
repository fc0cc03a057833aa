"""The pattern: what a stage is asked for, what it hands on, and what a cloud must be able to do.

A cloud implements each stage with its own native services. Between stages only the small frozen endpoints
below are handed on; they say what a thing is for, never which service it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import ClassVar, Literal, Protocol

import pulumi

from settings import CLOUDS, Audit, Landing, Reid, Settings, Streams, Transform
from settings import Delivery as DeliverySettings

LANDING_PREFIX = "landing/"
Form = Literal["lines", "avro"]


class Capability(Enum):
    """What a stack may need of its cloud."""

    ON_DEMAND_STREAMS = "streams that grow on demand"
    PROVISIONED_STREAMS = "streams of a provisioned size"
    ENCRYPT_ONLY_KEYS = "keys that a role may encrypt with and not decrypt"
    IMMUTABLE_LANDING = "objects that cannot be changed for a time"
    WAREHOUSE_NOTIFICATION = "telling the warehouse of new objects"
    AUDIT_TRAIL = "a trail of who did what, which nobody can change"
    REIDENTIFICATION = "revealing single values, on approval and on the record"


class UnsupportedCloudError(pulumi.RunError):
    """The stack's cloud cannot do what the stack needs."""


# --- what is asked for ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class CloudSpec:
    """A whole stack's part in a cloud: what all stages share (keys, alarms, the functions' package).

    Parameters
    ----------
    erasable
        Those of the sources with a contract that says whose its personal values are.
    """

    settings: Settings
    sources: tuple[str, ...]
    erasable: tuple[str, ...] = ()
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class LandingSpec:
    """The immutable ground truth."""

    landing: Landing
    protect: bool


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """A source's ingress stream: plaintext, encrypted at rest, short-lived, read by the transform alone."""

    source: str
    streams: Streams


@dataclass(frozen=True, kw_only=True)
class ProtectionSpec:
    """The transform of a source, and the stream that it writes to."""

    source: str
    transform: Transform
    streams: Streams
    oversize: "LandingZone"


@dataclass(frozen=True, kw_only=True)
class DeliverySpec:
    """How a source's protected records become objects."""

    source: str
    delivery: DeliverySettings


@dataclass(frozen=True, kw_only=True)
class AuditSpec:
    """The trail of who did what: to the landing zone's objects, to keys, to whatever guards them."""

    audit: Audit
    protect: bool


@dataclass(frozen=True, kw_only=True)
class ReidSpec:
    """Re-identification: its rules, and as whom, with what and where it reads the warehouse's vault."""

    reid: Reid
    role: pulumi.Output[str]
    compute: pulumi.Output[str]
    database: pulumi.Output[str]


# --- what is handed on ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A stream of one source's records."""

    source: str
    name: pulumi.Output[str]
    id: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class LandingZone:
    """Where objects land: `url` is that of delivered ones; `reader` is who the warehouse becomes to read.

    Parameters
    ----------
    form
        What an object holds: lines of JSON, or containers of Avro whose `Body` is such a line.
    tenant
        Whose cloud it is, where the warehouse must be told; the reader is then an identity of the
        warehouse's own, which somebody has to consent to.
    """

    name: pulumi.Output[str]
    id: pulumi.Output[str]
    url: pulumi.Output[str]
    reader: str
    ready: tuple[pulumi.Resource, ...]
    form: Form = "lines"
    tenant: str | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What writes a source's objects, and the prefix below which it does."""

    source: str
    name: pulumi.Output[str]
    prefix: str


@dataclass(frozen=True, kw_only=True)
class NotificationChannel:
    """Where the warehouse hears of new objects; it may listen once `ready` is there.

    Parameters
    ----------
    tenant
        Whose cloud it is, if the warehouse fetches messages from the address instead of having them sent.
    trusted
        Whether it may listen yet: where somebody has to consent first, it cannot the first time.
    """

    address: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]
    tenant: str | None = None
    trusted: bool = True


@dataclass(frozen=True, kw_only=True)
class WarehouseIdentity:
    """Who the warehouse is to the cloud, and the word by which it shows that it comes for this stack."""

    principal: pulumi.Output[str]
    word: str


@dataclass(frozen=True, kw_only=True)
class AuditTrail:
    """Where it stands who did what: the trail, where its files lie, and the log to search and to watch."""

    name: pulumi.Output[str]
    url: pulumi.Output[str]
    log: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class ReidService:
    """Where re-identification is asked, what it keeps, and the secret by which it logs in to the warehouse.

    The secret is empty until an operator puts the service user's key into it.
    """

    url: pulumi.Output[str]
    requests: pulumi.Output[str]
    journal: pulumi.Output[str]
    login: pulumi.Output[str]


# Makes, from a channel's address, the cloud's own policy document that lets the warehouse listen.
ListenerPolicy = Callable[[pulumi.Output[str]], pulumi.Output[str]]


class Cloud(Protocol):
    """A cloud: the stages in the order in which data flows. Children get `parent` as their parent."""

    capabilities: ClassVar[frozenset[Capability]]

    def __init__(self, name: str, spec: CloudSpec, parent: pulumi.Resource) -> None:
        """Make what all stages share."""
        ...

    @property
    def place(self) -> str:
        """The region."""
        ...

    @property
    def endpoints(self) -> Mapping[str, str]:
        """The hosts to send events to, by the protocol's name; producers need no other."""
        ...

    @property
    def warehouse_key(self) -> pulumi.Output[str] | None:
        """The key that the warehouse composes its own with, where the settings ask for one."""
        ...

    @property
    def subjects(self) -> pulumi.Output[str] | None:
        """The table of the subjects' secrets; None if no person can be erased on this cloud or stack."""
        ...

    def landing_zone(self, name: str, spec: LandingSpec, parent: pulumi.Resource) -> LandingZone:
        """Make the object store's landing zone."""
        ...

    def ingress(self, name: str, spec: StreamSpec, parent: pulumi.Resource) -> Stream:
        """Make a source's ingress stream."""
        ...

    def protect(self, name: str, source: Stream, spec: ProtectionSpec, parent: pulumi.Resource) -> Stream:
        """Make a source's transform and the protected stream that it writes to."""
        ...

    def deliver(
        self, name: str, source: Stream, into: LandingZone, spec: DeliverySpec, parent: pulumi.Resource
    ) -> Delivery:
        """Make what writes protected records into the landing zone."""
        ...

    def trust_warehouse(
        self, zone: LandingZone, identity: WarehouseIdentity, parent: pulumi.Resource
    ) -> tuple[pulumi.Resource, ...]:
        """Let the warehouse read the landing zone; return what must be there before it tries."""
        ...

    def notify(
        self, name: str, zone: LandingZone, listener: ListenerPolicy, parent: pulumi.Resource
    ) -> NotificationChannel:
        """Make the channel that tells of new objects."""
        ...

    def audit(self, name: str, zone: LandingZone, spec: AuditSpec, parent: pulumi.Resource) -> AuditTrail:
        """Make the trail of who did what; only a cloud with `Capability.AUDIT_TRAIL` is asked to."""
        ...

    def reidentify(self, name: str, spec: ReidSpec, parent: pulumi.Resource) -> ReidService:
        """Make the service that turns tokens back into values; asked as `audit` is."""
        ...


# --- which cloud ----------------------------------------------------------------------------------------

# In the order in which data flows.
STAGES = ("landing_zone", "ingress", "protect", "deliver", "trust_warehouse", "notify")
# Those that only a cloud with a capability has.
OPTIONAL = {Capability.AUDIT_TRAIL: "audit", Capability.REIDENTIFICATION: "reidentify"}


def needed(settings: Settings) -> frozenset[Capability]:
    """Return what a stack needs of its cloud."""
    modes = {source.streams.mode for source in settings.sources.values()}
    wanted = {
        Capability.ENCRYPT_ONLY_KEYS: True,
        Capability.WAREHOUSE_NOTIFICATION: True,
        Capability.ON_DEMAND_STREAMS: "on-demand" in modes,
        Capability.PROVISIONED_STREAMS: "provisioned" in modes,
        Capability.IMMUTABLE_LANDING: settings.landing.lock_mode != "none",
        Capability.AUDIT_TRAIL: settings.audit.trail,
        Capability.REIDENTIFICATION: settings.reid is not None,
    }
    return frozenset(capability for capability, is_wanted in wanted.items() if is_wanted)


def cloud(settings: Settings, clouds: Mapping[str, tuple[str, str] | None] = CLOUDS) -> type[Cloud]:
    """Return the stack's cloud, or say what it lacks before anything is made.

    Raises
    ------
    UnsupportedCloudError
        If the cloud is not implemented, or cannot do what the stack's settings need.
    """
    able = ", ".join(sorted(name for name, place in clouds.items() if place))
    place = clouds.get(settings.cloud)
    if place is None:
        raise UnsupportedCloudError(
            f"cloud: {settings.cloud} is known, but this version cannot deploy to it yet; expected {able}"
        )
    module, name = place
    found: type[Cloud] = getattr(import_module(module), name)
    lacking = [capability.value for capability in needed(settings) - found.capabilities]
    stages = [*STAGES, *(stage for able, stage in OPTIONAL.items() if able in found.capabilities)]
    lacking += [f"the stage {stage}" for stage in stages if not callable(getattr(found, stage, None))]
    if lacking:
        words = "; ".join(sorted(lacking))
        raise UnsupportedCloudError(f"cloud: {settings.cloud} lacks what this stack's settings need: {words}")
    return found
