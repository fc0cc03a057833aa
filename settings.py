"""The stack's configuration: typed, with safe defaults, and every fault said at once.

A key of `Pulumi.<stack>.yaml` is a field of `Settings` in camel case (`retaillake:landing: {lockDays: 30}`).
The defaults are those of production; a stack that may be thrown away says so in its file. `parse` is pure;
`load` gives it what Pulumi knows.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, TypeAlias, cast

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

import contracts
from settings_reader import Fault, Range, Reader, Text

Size = Literal[
    "XSMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE", "XXLARGE", "XXXLARGE", "X4LARGE", "X5LARGE", "X6LARGE"
]
LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 3653]
Identifier = Annotated[
    str,
    Text(pattern=r"[A-Z_][A-Z0-9_]{0,127}", expected="an upper-case Snowflake identifier, such as RETAIL"),
]
Prefix = Annotated[
    str,
    Text(pattern=r"([A-Z_][A-Z0-9_]{0,127})?", expected="empty or the beginning of a Snowflake identifier"),
]
Arn = Annotated[
    str,
    Text(
        pattern=r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]{1,512}",
        expected="the ARN of an IAM role or user",
    ),
]
Email = Annotated[str, Text(pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+", expected="an e-mail address", personal=True)]
Guid = Annotated[
    str,
    Text(
        pattern=r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        expected="an object id, such as 00000000-0000-0000-0000-000000000000",
    ),
]
TagValue = Annotated[
    str, Text(pattern=r"[\w .:/=+@-]{1,256}", expected="up to 256 letters, digits, spaces or _.:/=+-@")
]


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The encryption keys: who may administer and not use them.

    The default is whom the account's IAM lets. If administrators are named, who deploys must be one of them:
    AWS refuses a key whose policy its maker could not change again.
    """

    administrators: tuple[Arn, ...] = ()
    deletion_days: Annotated[int, Range(low=7, high=30)] = 30


@dataclass(frozen=True, kw_only=True)
class Landing:
    """The landing zone: how long an object cannot be changed, when it gets cheaper, when it goes."""

    lock_mode: Literal["governance", "compliance", "none"] = "governance"
    lock_days: Annotated[int, Range(low=1, high=36500)] = 30
    archive_days: Annotated[int, Range(low=1, high=36500)] | None = 90
    expiry_days: Annotated[int, Range(low=1, high=36500)] | None = None
    force_destroy: bool = False


@dataclass(frozen=True, kw_only=True)
class Streams:
    """A source's two streams; `shards` counts in mode provisioned only."""

    mode: Literal["on-demand", "provisioned"] = "on-demand"
    shards: Annotated[int, Range(low=1, high=10000)] = 1
    retention_hours: Annotated[int, Range(low=24, high=8760)] = 168


@dataclass(frozen=True, kw_only=True)
class Transform:
    """How a source's transform takes records: batches, their parallelism, and the function's size."""

    batch_records: Annotated[int, Range(low=1, high=10000)] = 1000
    batch_seconds: Annotated[int, Range(low=0, high=300)] = 1
    batches_per_shard: Annotated[int, Range(low=1, high=10)] = 4
    memory_mb: Annotated[int, Range(low=128, high=10240)] = 1769  # one whole virtual CPU
    timeout_seconds: Annotated[int, Range(low=10, high=900)] = 120
    data_key_seconds: Annotated[int, Range(low=60, high=86400)] = 3600


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How much, and how long, delivery gathers before it writes an object (before compression)."""

    buffer_mb: Annotated[int, Range(low=1, high=128)] = 128
    buffer_seconds: Annotated[int, Range(low=0, high=900)] = 120


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a source may have otherwise than the stack."""

    streams: Streams = field(default_factory=Streams)
    transform: Transform = field(default_factory=Transform)
    delivery: Delivery = field(default_factory=Delivery)


@dataclass(frozen=True, kw_only=True)
class Functions:
    """What functions run on; `current` is the Python and the machine that run the program."""

    runtime: Literal["python3.11", "python3.12", "python3.13", "current"] = "python3.13"
    architecture: Literal["arm64", "x86_64", "current"] = "arm64"
    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = "INFO"
    tracing: bool = True


@dataclass(frozen=True, kw_only=True)
class Logs:
    """How long logs are kept."""

    retention_days: LogDays = 90


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """Who hears of an alarm, how late records may be before it sounds, how many a minute may be refused."""

    email: Email | None = None
    late_minutes: Annotated[int, Range(low=1, high=1440)] = 15
    quarantined_per_minute: Annotated[int, Range(low=1, high=1_000_000)] = 100


@dataclass(frozen=True, kw_only=True)
class Warehouse:
    """A virtual warehouse."""

    size: Size = "XSMALL"
    auto_suspend_seconds: Annotated[int, Range(low=30, high=3600)] = 60
    timeout_seconds: Annotated[int, Range(low=60, high=172800)] = 3600


@dataclass(frozen=True, kw_only=True)
class Warehouses:
    """One warehouse per kind of work, so that none waits for another and each has its bill."""

    load: Warehouse = field(default_factory=Warehouse)
    transform: Warehouse = field(default_factory=Warehouse)
    query: Warehouse = field(default_factory=Warehouse)


@dataclass(frozen=True, kw_only=True)
class Snowflake:
    """The warehouse side. `rolePrefix` begins the name of all that lives beside databases in the account."""

    edition: Literal["standard", "enterprise", "business-critical"] = "enterprise"
    database: Identifier
    role_prefix: Prefix
    warehouses: Warehouses = field(default_factory=Warehouses)
    credit_quota: Annotated[int, Range(low=1, high=1_000_000)] = 100
    retention_days: Annotated[int, Range(low=0, high=90)] = 7
    staging_seconds: Annotated[int, Range(low=10, high=86400)] = 60
    dedupe_window_days: Annotated[int, Range(low=1, high=90)] = 3


@dataclass(frozen=True, kw_only=True)
class Azure:
    """What only a stack on Azure is asked: the streams' tier, the functions' machines, whom to trust.

    `warehouseReader` and `warehouseListener` are the object ids of Snowflake's two service principals in
    the tenant. They are not there before an administrator has consented: see docs/azure.md.
    """

    stream_tier: Literal["standard", "premium"] = "premium"
    plan: Literal["B1", "P0v3", "P1v3", "P2v3", "P3v3"] = "P1v3"
    instances: Annotated[int, Range(low=1, high=30)] = 2
    redundancy: Literal["LRS", "ZRS", "GRS", "GZRS"] = "ZRS"
    warehouse_reader: Guid | None = None
    warehouse_listener: Guid | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration of one stack. `sources` holds every source of the contracts, overrides applied."""

    environment: Literal["dev", "test", "prod"]
    cloud: Literal["aws", "azure"] = "aws"
    experimental: tuple[Literal["azure"], ...] = ()
    owner: TagValue
    cost_centre: TagValue = "retail-lake"
    tags: Mapping[str, TagValue] = field(default_factory=dict[str, str])
    protect: bool = True
    keys: Keys = field(default_factory=Keys)
    landing: Landing = field(default_factory=Landing)
    streams: Streams = field(default_factory=Streams)
    transform: Transform = field(default_factory=Transform)
    delivery: Delivery = field(default_factory=Delivery)
    sources: Mapping[str, Source] = field(default_factory=dict[str, Source])
    functions: Functions = field(default_factory=Functions)
    logs: Logs = field(default_factory=Logs)
    alarms: Alarms = field(default_factory=Alarms)
    azure: Azure = field(default_factory=Azure)
    snowflake: Snowflake


class SettingsError(pulumi.RunError):
    """A configuration that cannot be used; holds every fault there is, not only the first."""

    def __init__(self, stack: str, faults: Collection[Fault]) -> None:
        self.faults = tuple(faults)
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__(f"{len(self.faults)} fault(s) in the configuration of stack {stack}:\n{lines}")


def parse(
    config: Mapping[str, object],
    *,
    stack: str,
    sources: Collection[str] | None = None,
    hidden: Collection[str] = (),
    providers: Mapping[str, str] | None = None,
) -> Settings:
    """Read a stack's configuration.

    Parameters
    ----------
    config
        The keys without their namespace; values as YAML or JSON has them, numbers and booleans also as text.
    stack
        The stack's name; the database is named after it unless `snowflake.database` says otherwise.
    sources
        The sources that overrides may name; those of the data contracts by default.
    hidden
        Keys whose values are secret and are not repeated in a fault.
    providers
        The providers' own configuration, by full key such as `azure-native:location`; unchecked if None.

    Raises
    ------
    SettingsError
        With every fault.
    """
    known = tuple(contracts.load().sources if sources is None else sources)
    reader = Reader(hidden=frozenset(hidden))
    settings = reader.section(Settings, {**_named(config, stack), "sources": {}}, "")
    base = Source(streams=settings.streams, transform=settings.transform, delivery=settings.delivery)
    given = reader.mapping(config.get("sources", {}), "sources")
    for name in given.keys() - set(known):
        reader.unknown(f"sources.{name}", name, known, "source in contracts/")
    merged = {
        name: reader.section(Source, given[name], f"sources.{name}", base) if name in given else base
        for name in known
    }
    settings = replace(settings, sources=merged)
    _cross(settings, reader, providers)
    if reader.faults:
        raise SettingsError(stack, sorted(reader.faults, key=lambda fault: fault.key))
    return settings


def load(sources: Collection[str] | None = None) -> Settings:
    """Read the configuration of the stack that is being deployed."""
    project = pulumi.get_project()
    texts = {**get_config_env(), **CONFIG.get()}
    ours = {key: text for key, text in texts.items() if key.startswith(f"{project}:")}
    config = {key.partition(":")[2]: _structured(text) for key, text in ours.items()}
    hidden = [key.partition(":")[2] for key in ours if is_config_secret(key)]
    providers = {key: text for key, text in texts.items() if key not in ours}
    return parse(config, stack=pulumi.get_stack(), sources=sources, hidden=hidden, providers=providers)


def _structured(text: str) -> object:
    """Pulumi hands on mappings and lists as JSON text; what does not parse is reported as the text it is."""
    if text[:1] in {"{", "["}:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _named(config: Mapping[str, object], stack: str) -> dict[str, object]:
    """Add the names that follow from the stack's."""
    given = config.get("snowflake", {})
    if not isinstance(given, Mapping):
        return dict(config)
    database = f"RETAIL_{re.sub(r'[^A-Z0-9]', '_', stack.upper())}"[:128]
    snowflake = {"database": database, **cast("Mapping[str, object]", given)}
    prefix = f"{snowflake['database']}_"
    return {**config, "snowflake": {"rolePrefix": prefix if len(prefix) <= 128 else "", **snowflake}}


RESERVED_TAGS = ("project", "stack", "environment", "owner", "cost-centre", "data-classification")

# Whether a rule over several keys holds, the keys (a fault is the first one's), and what it expects.
Rule: TypeAlias = tuple[bool, tuple[str, ...], str]


def _cross(settings: Settings, reader: Reader, providers: Mapping[str, str] | None) -> None:
    """Check what depends on several keys, unless one of them is wrong by itself."""
    bad = {fault.key for fault in reader.faults}
    rules = [*_general(settings), *_landing(settings), *_streams(settings, reader.given)]
    if settings.cloud == "azure":
        rules += [*_azure(settings), *_azure_provider(providers)]
    for holds, keys, expected in rules:
        if not holds and bad.isdisjoint(keys):
            reader.fault(keys[0], expected)


def _general(settings: Settings) -> Iterator[Rule]:
    prod = settings.environment == "prod"
    yield (
        settings.snowflake.edition != "standard",
        ("snowflake.edition",),
        "expected enterprise or business-critical: masking policies, row access and tags need it",
    )
    yield settings.protect or not prod, ("protect", "environment"), "expected true in environment prod"
    for name in ("runtime", "architecture"):
        yield (
            getattr(settings.functions, name) != "current" or not prod,
            (f"functions.{name}", "environment"),
            "expected a fixed value in environment prod: current depends on who deploys",
        )
    yield len(settings.tags) <= 40, ("tags",), "expected 40 tags at most"
    for name in settings.tags:
        yield name not in RESERVED_TAGS, (f"tags.{name}",), "set by the program; expected another name"
        yield (
            re.fullmatch(r"(?!aws:)[\w .:/=+@-]{1,128}", name, re.IGNORECASE) is not None,
            (f"tags.{name}",),
            "expected a name of up to 128 letters, digits, spaces or _.:/=+-@ that does not begin with aws:",
        )


def _landing(settings: Settings) -> Iterator[Rule]:
    landing, prod = settings.landing, settings.environment == "prod"
    locked, kept = landing.lock_mode != "none", not landing.force_destroy
    mode, destroy = "landing.lockMode", "landing.forceDestroy"
    yield locked or not prod, (mode, "environment"), "expected governance or compliance in environment prod"
    yield kept or not prod, (destroy, "environment"), "expected false in environment prod"
    yield kept or not settings.protect, (destroy, "protect"), "expected false, or protect: false"
    yield (
        kept or landing.lock_mode != "compliance",
        (destroy, mode),
        "expected false: what is locked in mode compliance cannot be deleted by anyone",
    )
    if landing.expiry_days is not None:
        yield (
            not locked or landing.expiry_days > landing.lock_days,
            ("landing.expiryDays", "landing.lockDays", mode),
            f"expected more than the {landing.lock_days} days of lockDays",
        )
        yield (
            landing.archive_days is None or landing.archive_days < landing.expiry_days,
            ("landing.archiveDays", "landing.expiryDays"),
            f"expected less than the {landing.expiry_days} days of expiryDays, or null",
        )


def _streams(settings: Settings, given: Collection[str]) -> Iterator[Rule]:
    places = {f"sources.{name}.streams": source.streams for name, source in settings.sources.items()}
    for place, streams in {"streams": settings.streams, **places}.items():
        shards, hours = f"{place}.shards", f"{place}.retentionHours"
        yield (
            streams.mode == "provisioned" or shards not in given,
            (shards, f"{place}.mode"),
            "expected only with mode provisioned; on demand, the cloud chooses",
        )
        yield (
            streams.retention_hours >= 168 or settings.environment != "prod" or hours not in given,
            (hours, "environment"),
            "expected 168 or more in environment prod: a failed batch waits there to be mended",
        )


LOCATION = r"[a-z][a-z0-9]{2,40}"
GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def _azure(settings: Settings) -> Iterator[Rule]:
    """Check what Azure cannot do, or does at another measure."""
    prod, azure, cloud = settings.environment == "prod", settings.azure, "cloud"
    yield (
        "azure" in settings.experimental or not prod,
        (cloud, "environment", "experimental"),
        "azure is experimental; in environment prod expected experimental: [azure]",
    )
    yield (
        azure.stream_tier == "premium" or not prod,
        ("azure.streamTier", "environment"),
        "expected premium in environment prod: only there a key of yours encrypts the ingress stream",
    )
    yield (
        azure.instances >= 2 or not prod,
        ("azure.instances", "environment"),
        "expected 2 or more in environment prod",
    )
    yield (
        settings.functions.architecture != "arm64",
        ("functions.architecture", cloud),
        "expected x86_64 with cloud azure: its functions run on nothing else",
    )
    yield (
        30 <= settings.logs.retention_days <= 730,
        ("logs.retentionDays", cloud),
        "expected 30 to 730 with cloud azure",
    )
    yield (
        settings.landing.lock_mode == "none" or not settings.landing.force_destroy,
        ("landing.forceDestroy", "landing.lockMode", cloud),
        "expected false, or lockMode: none: Azure keeps an account that holds locked objects",
    )
    yield (
        all(re.fullmatch(r"[\w .:=+@-]{1,128}", name) is not None for name in settings.tags),
        ("tags", cloud),
        "expected names without / with cloud azure",
    )
    yield from _azure_streams(settings)


def _azure_streams(settings: Settings) -> Iterator[Rule]:
    premium = settings.azure.stream_tier == "premium"
    shards, days = (40, 90) if premium else (20, 7)
    places = {f"sources.{name}.streams": source.streams for name, source in settings.sources.items()}
    for place, streams in {"streams": settings.streams, **places}.items():
        yield (
            streams.mode == "provisioned" or not premium,
            (f"{place}.mode", "azure.streamTier", "cloud"),
            "expected provisioned with azure.streamTier premium, which does not grow by itself",
        )
        yield (
            streams.mode == "on-demand" or streams.shards <= shards,
            (f"{place}.shards", f"{place}.mode", "azure.streamTier", "cloud"),
            f"expected {shards} or less with azure.streamTier {settings.azure.stream_tier}",
        )
        yield (
            streams.retention_hours <= days * 24,
            (f"{place}.retentionHours", "azure.streamTier", "cloud"),
            f"expected {days * 24} or less with azure.streamTier {settings.azure.stream_tier}",
        )
    sources = {f"sources.{name}.delivery": source.delivery for name, source in settings.sources.items()}
    for place, delivery in {"delivery": settings.delivery, **sources}.items():
        yield (
            delivery.buffer_seconds >= 60,
            (f"{place}.bufferSeconds", "cloud"),
            "expected 60 or more with cloud azure",
        )
        yield delivery.buffer_mb >= 10, (f"{place}.bufferMb", "cloud"), "expected 10 or more with cloud azure"


def _azure_provider(providers: Mapping[str, str] | None) -> Iterator[Rule]:
    """Check what the provider of Azure needs; where it deploys to is nothing to find out midway."""
    if providers is None:
        return
    location = providers.get("azure-native:location", "")
    yield (
        re.fullmatch(LOCATION, location) is not None,
        ("azure-native:location", "cloud"),
        "expected the short name of a region with cloud azure, such as westeurope",
    )
    for name in ("tenantId", "subscriptionId"):
        given = providers.get(f"azure-native:{name}")
        yield (
            given is None or re.fullmatch(GUID, given) is not None,
            (f"azure-native:{name}", "cloud"),
            "expected an id, such as 00000000-0000-0000-0000-000000000000",
        )
