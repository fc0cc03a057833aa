"""The stack's configuration: typed, with safe defaults, and every fault said at once.

A key of `Pulumi.<stack>.yaml` is a field of `Settings` in camel case (`retaillake:landing: {lockDays: 30}`).
The defaults are those of production; a stack that may be thrown away says so in its file. `parse` is pure;
`load` gives it what Pulumi knows.
"""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Annotated, Literal, cast

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

import contracts
import settings_access
import settings_audit
import settings_azure
import settings_places
import settings_quotas
import settings_reid
from functions.shared.phones import COUNTRIES
from settings_reader import Fault, OneOf, Range, Reader, Rule, Text
from settings_reid import Reid

# Module and class of each known cloud, or None where this version cannot deploy to it. A further cloud is a
# line here (docs/adding-a-cloud.md); only the one that a stack asks for is imported.
CLOUDS: dict[str, tuple[str, str] | None] = {
    "aws": ("components.aws.cloud", "AwsCloud"),
    "azure": ("components.azure.cloud", "AzureCloud"),
}

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
Region = Annotated[
    str,
    Text(pattern=r"[a-z][a-z0-9-]{3,30}", expected="a region as its cloud spells it, such as eu-central-1"),
]
Country = Annotated[str, Text(pattern=r"[A-Z]{2}", expected="two letters of ISO 3166, such as US")]
Account = Annotated[
    str,
    Text(
        pattern=r"[A-Z][A-Z0-9_]{0,127}\.[A-Z][A-Z0-9_]{0,127}",
        expected="a Snowflake account, such as ORGANISATION.ACCOUNT",
    ),
]
Key = Annotated[
    str, Text(pattern=r"[\w:.\[\]-]{1,200}", expected="a key of the stack's file, such as aws:region")
]
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
class Residency:
    """Where the stack may hold personal data; the pre-flight asks a stack of production to say it."""

    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """What the account may in its region, where that was raised; null is what AWS gives everybody."""

    on_demand_mb_per_second: Annotated[int, Range(low=1, high=100_000)] | None = None
    shards: Annotated[int, Range(low=1, high=1_000_000)] | None = None
    kms_per_second: Annotated[int, Range(low=1, high=10_000_000)] | None = None
    concurrent_functions: Annotated[int, Range(low=1, high=1_000_000)] | None = None


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The encryption keys: who may administer and not use them.

    The default is whom the account's IAM lets. If administrators are named, who deploys must be one of them:
    AWS refuses a key whose policy its maker could not change again. `tokenVersion` is that of the keys of
    tokens: one more makes the next rotation add a key (docs/protection.md says what else is to do).
    """

    administrators: tuple[Arn, ...] = ()
    deletion_days: Annotated[int, Range(low=7, high=30)] = 30
    token_version: Annotated[int, Range(low=1, high=1000)] = 1


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """How long the table of the subjects' secrets can be brought back to what it was.

    Against an accident that takes everybody's; an erasure is final only when that time is over.
    """

    recovery_days: Annotated[int, Range(low=1, high=35)] = 7


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
    """A source's two streams; `shards` counts in mode provisioned only.

    `peakMbPerSecond` is what the source may send at its busiest: it changes nothing that is made, and is
    held against the region's quotas.
    """

    mode: Literal["on-demand", "provisioned"] = "on-demand"
    shards: Annotated[int, Range(low=1, high=10000)] = 1
    retention_hours: Annotated[int, Range(low=24, high=8760)] = 168
    peak_mb_per_second: Annotated[int, Range(low=1, high=100_000)] | None = None


@dataclass(frozen=True, kw_only=True)
class Transform:
    """How a source's transform takes records: batches, their parallelism, and the function's size.

    `country` is where the stores are: a phone number that says no country, in an event that says none, is
    one of there. Without it, such numbers are equal only if they are written alike.
    """

    batch_records: Annotated[int, Range(low=1, high=10000)] = 1000
    batch_seconds: Annotated[int, Range(low=0, high=300)] = 1
    batches_per_shard: Annotated[int, Range(low=1, high=10)] = 4
    memory_mb: Annotated[int, Range(low=128, high=10240)] = 1769  # one whole virtual CPU
    timeout_seconds: Annotated[int, Range(low=10, high=900)] = 120
    data_key_seconds: Annotated[int, Range(low=60, high=86400)] = 3600
    country: Country | None = None


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
class Audit:
    """The trail of who did what: kept, and locked, for `retentionDays`.

    A trail records a whole account. Where another stack owns it, `trail: false` saves paying for it twice.
    `readers` may decrypt its files.
    """

    trail: bool = True
    readers: tuple[Arn, ...] = ()
    multi_region: bool = True
    lock_mode: Literal["governance", "compliance", "none"] = "governance"
    retention_days: Annotated[int, Range(low=1, high=36500)] = 365
    force_destroy: bool = False


@dataclass(frozen=True, kw_only=True)
class Warehouse:
    """A virtual warehouse. `creditQuota` is what it may use in a month, if not what all others may."""

    size: Size = "XSMALL"
    auto_suspend_seconds: Annotated[int, Range(low=30, high=3600)] = 60
    timeout_seconds: Annotated[int, Range(low=60, high=172800)] = 3600
    credit_quota: Annotated[int, Range(low=1, high=1_000_000)] | None = None


@dataclass(frozen=True, kw_only=True)
class Warehouses:
    """One warehouse per kind of work, so that none waits for another and each has its bill."""

    load: Warehouse = field(default_factory=Warehouse)
    transform: Warehouse = field(default_factory=Warehouse)
    query: Warehouse = field(default_factory=Warehouse)


@dataclass(frozen=True, kw_only=True)
class HeadOffice:
    """Who outside may read what is published, masked: accounts of the same region by a share, of others by
    a copy that is made every so many minutes. Turn it on once the models were built.
    """

    mode: Literal["none", "share", "replication"] = "none"
    accounts: tuple[Account, ...] = ()
    minutes: Annotated[int, Range(low=1, high=10080)] = 60


@dataclass(frozen=True, kw_only=True)
class Snowflake:
    """The warehouse side. `rolePrefix` begins the name of all that lives beside databases in the account;
    `region` is the account's, as the cloud spells it; `networks` are where services and people come from.
    `creditQuota` is what each warehouse that says nothing else may use in a month.
    """

    region: Region | None = None
    edition: Literal["standard", "enterprise", "business-critical"] = "enterprise"
    database: Identifier
    role_prefix: Prefix
    warehouses: Warehouses = field(default_factory=Warehouses)
    credit_quota: Annotated[int, Range(low=1, high=1_000_000)] = 100
    retention_days: Annotated[int, Range(low=0, high=90)] = 7
    staging_seconds: Annotated[int, Range(low=10, high=86400)] = 60
    dedupe_window_days: Annotated[int, Range(low=1, high=90)] = 3
    head_office: HeadOffice = field(default_factory=HeadOffice)
    networks: tuple[settings_access.Network, ...] = ()
    services: settings_access.Services = field(default_factory=settings_access.Services)
    account: settings_access.Account = field(default_factory=settings_access.Account)


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
    """The configuration of one stack. `sources` holds every source of the contracts, overrides applied;
    `shared` names keys that the stack may have in common with others, which the pre-flight else reports.
    """

    environment: Literal["dev", "test", "prod"]
    cloud: Annotated[str, OneOf(names=CLOUDS)] = "aws"
    experimental: tuple[Literal["azure"], ...] = ()
    owner: TagValue
    cost_centre: TagValue = "retail-lake"
    tags: Mapping[str, TagValue] = field(default_factory=dict[str, str])
    protect: bool = True
    residency: Residency = field(default_factory=Residency)
    quotas: Quotas = field(default_factory=Quotas)
    shared: tuple[Key, ...] = ()
    keys: Keys = field(default_factory=Keys)
    erasure: Erasure = field(default_factory=Erasure)
    landing: Landing = field(default_factory=Landing)
    streams: Streams = field(default_factory=Streams)
    transform: Transform = field(default_factory=Transform)
    delivery: Delivery = field(default_factory=Delivery)
    sources: Mapping[str, Source] = field(default_factory=dict[str, Source])
    functions: Functions = field(default_factory=Functions)
    logs: Logs = field(default_factory=Logs)
    alarms: Alarms = field(default_factory=Alarms)
    audit: Audit = field(default_factory=Audit)
    azure: Azure = field(default_factory=Azure)
    reid: Reid | None = None
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
    providers: Mapping[str, object] | None = None,
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
        What the stack's file says to providers, by full key (`aws:region`); None if that is not known, and
        then nothing that depends on it is checked.

    Raises
    ------
    SettingsError
        With every fault.
    """
    settings, faults = examine(config, stack=stack, sources=sources, hidden=hidden, providers=providers)
    if faults:
        raise SettingsError(stack, faults)
    return settings


def examine(
    config: Mapping[str, object],
    *,
    stack: str,
    sources: Collection[str] | None = None,
    hidden: Collection[str] = (),
    providers: Mapping[str, object] | None = None,
) -> tuple[Settings, tuple[Fault, ...]]:
    """Read a stack's configuration as `parse` does; return the faults beside what could be read."""
    known = tuple(contracts.load().sources if sources is None else sources)
    reader = Reader(hidden=frozenset(hidden))
    settings = reader.section(Settings, {**named(config, stack), "sources": {}}, "")
    base = Source(streams=settings.streams, transform=settings.transform, delivery=settings.delivery)
    given = reader.mapping(config.get("sources", {}), "sources")
    for name in given.keys() - set(known):
        reader.unknown(f"sources.{name}", name, known, "source in contracts/")
    merged = {
        name: reader.section(Source, given[name], f"sources.{name}", base) if name in given else base
        for name in known
    }
    settings = replace(settings, sources=merged)
    rules = [*_general(settings), *_landing(settings), *_streams(settings, reader.given)]
    rules += _countries(settings)
    rules += settings_audit.rules(settings)
    rules += settings_reid.rules(settings.reid)
    rules += settings_places.rules(settings, stack, providers)
    rules += settings_access.rules(settings)
    rules += settings_quotas.rules(settings, settings_places.region(settings, providers))
    if settings.cloud == "azure":
        rules += settings_azure.rules(settings, providers)
    _cross(rules, reader)
    return settings, tuple(sorted(reader.faults, key=lambda fault: fault.key))


def load(sources: Collection[str] | None = None) -> Settings:
    """Read the configuration of the stack that is being deployed."""
    project = pulumi.get_project()
    texts = {**get_config_env(), **CONFIG.get()}
    ours = {key: text for key, text in texts.items() if key.startswith(f"{project}:")}
    others = {key: structured(text) for key, text in texts.items() if key not in ours}
    for name, variable in (("organizationName", "ORGANIZATION_NAME"), ("accountName", "ACCOUNT_NAME")):
        if account := os.environ.get(f"SNOWFLAKE_{variable}"):
            others.setdefault(f"snowflake:{name}", account)
    config = {key.partition(":")[2]: structured(text) for key, text in ours.items()}
    hidden = [key.partition(":")[2] for key in ours if is_config_secret(key)]
    return parse(config, stack=pulumi.get_stack(), sources=sources, hidden=hidden, providers=others)


def structured(value: object) -> object:
    """Pulumi hands on mappings, lists and null as JSON text; what does not parse stays the text it is."""
    if value == "null":
        return None
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def named(config: Mapping[str, object], stack: str) -> dict[str, object]:
    """Add the names that follow from the stack's; no two stacks get the same, whatever they are called."""
    given = config.get("snowflake", {})
    if not isinstance(given, Mapping):
        return dict(config)
    plain = re.sub(r"[^A-Z0-9]+", "_", stack.upper()).strip("_")
    one_to_one = plain.replace("_", "-").lower() == stack
    database = _fitted(f"RETAIL_{plain}", None if one_to_one else stack)
    snowflake = {"database": database, **cast("Mapping[str, object]", given)}
    prefix = f"{_fitted(str(snowflake['database']))}_"
    return {**config, "snowflake": {"rolePrefix": prefix, **snowflake}}


LONGEST = 100  # of a database's name, and so of what all names beside it begin with


def _fitted(name: str, distinct: str | None = None) -> str:
    """Return a name that is short enough; a digest holds what was cut off, or what `distinct` tells apart."""
    if distinct is None and len(name) <= LONGEST:
        return name
    digest = sha256((distinct or name).encode()).hexdigest()[:8].upper()
    return f"{name[: LONGEST - 9]}_{digest}"


RESERVED_TAGS = ("project", "stack", "environment", "owner", "cost-centre", "data-classification")


def _cross(rules: Collection[Rule], reader: Reader) -> None:
    """Check what depends on several keys, unless one of them is wrong by itself."""
    bad = {fault.key for fault in reader.faults}
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


def _countries(settings: Settings) -> Iterator[Rule]:
    places = {f"sources.{name}.transform": source.transform for name, source in settings.sources.items()}
    for place, transform in {"transform": settings.transform, **places}.items():
        if transform.country is not None:
            expected = f"expected a country that has phone numbers, got {transform.country!r}"
            yield transform.country in COUNTRIES, (f"{place}.country",), expected


if __name__ == "__main__":
    import settings_check

    settings_check.main()
