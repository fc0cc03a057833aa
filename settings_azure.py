"""What Azure cannot do, or does at another measure, and what its provider needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from settings_reader import Rule

if TYPE_CHECKING:
    from settings import Settings

LOCATION = r"[a-z][a-z0-9]{2,40}"
GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def rules(settings: Settings, providers: Mapping[str, object] | None) -> Iterator[Rule]:
    """Yield what holds for a stack on Azure."""
    yield from _stack(settings)
    yield from _provider(providers)


def _stack(settings: Settings) -> Iterator[Rule]:
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
        settings.alarms.email is not None or not prod,
        ("alarms.email", "environment", cloud),
        "expected an address in environment prod with cloud azure, where alarms reach nobody else",
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
    yield from _streams(settings)


def _streams(settings: Settings) -> Iterator[Rule]:
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


def _provider(providers: Mapping[str, object] | None) -> Iterator[Rule]:
    """Check what the provider of Azure needs; where it deploys to is nothing to find out midway."""
    if providers is None:
        return
    location = providers.get("azure-native:location")
    yield (
        isinstance(location, str) and re.fullmatch(LOCATION, location) is not None,
        ("azure-native:location", "cloud"),
        "expected the short name of a region with cloud azure, such as westeurope",
    )
    for name in ("tenantId", "subscriptionId"):
        given = providers.get(f"azure-native:{name}")
        yield (
            given is None or re.fullmatch(GUID, str(given)) is not None,
            (f"azure-native:{name}", "cloud"),
            "expected an id, such as 00000000-0000-0000-0000-000000000000",
        )
