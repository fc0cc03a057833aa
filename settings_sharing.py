"""What two stacks must not have in common, and what in a stack's file points to another stack's place."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator
from typing import cast

import settings_places
import settings_quotas
from settings import Settings
from settings_places import AREAS, REGION, REGION_KEYS
from settings_reader import Fault
from settings_stacks import StackFile

ARN = re.compile(r"arn:aws[a-z-]*:(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*):(?P<account>\d{12})?:.+")
DOMAIN = re.compile(
    r"(?:https?://)?(?:\*\.)?(?P<host>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24})\.?(?::\d+)?(?:/.*)?",
    re.IGNORECASE,
)
BUCKET = re.compile(r"s3://(?P<bucket>[a-z0-9.-]{3,63})(?:/.*)?")
# Hosts of services that everybody uses.
PUBLIC = ("amazonaws.com", "amazonaws.com.cn", "api.aws", "snowflakecomputing.com")
EDITIONS = ("standard", "enterprise", "business-critical")
# Keys that name regions because that is what they are for.
# Keys whose identity is another's, because that is what they are for.
FOREIGN = ("snowflake.account.triSecret",)
# Networks that are nobody's own: where people and services come from.
VISITORS = ("snowflake.networks", "snowflake.services")
PLACES = (*REGION_KEYS.values(), "residency", "snowflake.region", "shared")


def origin(stack: str, others: Collection[str]) -> str | None:
    """Return the stack that another is a clone of, by its name: `prod` of `prod-eu`."""
    found = [other for other in others if re.match(rf"{re.escape(other)}[^A-Za-z0-9]", stack)]
    return max(found, key=len, default=None)


# --- what a file says by itself ---------------------------------------------------------------------------


def elsewhere(file: StackFile, place: str | None) -> Iterator[Fault]:
    """Yield what points to another region or account than the stack's own."""
    accounts = _accounts(file)
    for key, text in file.leaves.items():
        arn = ARN.fullmatch(text)
        if _is(key, FOREIGN):
            continue
        if arn and arn["account"] and accounts and arn["account"] not in accounts:
            yield Fault(key=key, expected=f"expected an ARN of account {' or '.join(sorted(accounts))}")
        if place is None or _is(key, PLACES):
            continue
        if arn and arn["region"] and arn["region"] != place:
            yield Fault(key=key, expected=f"expected an ARN in {place}, got one in {arn['region']}")
        elif others := sorted({found for found in REGION.findall(text) if found != place}):
            yield Fault(key=key, expected=f"expected nothing of another region than {place}, got {others[0]}")
        elif _is(key, ("tags",)) and text.lower() in AREAS and not settings_places.is_in(place, text.lower()):
            yield Fault(key=key, expected=f"expected the area of {place}, got {text}")


def _accounts(file: StackFile) -> set[str]:
    """Return the AWS accounts of a stack: what it allows itself, else those of its administrators."""
    allowed = file.providers.get("aws:allowedAccountIds")
    if isinstance(allowed, list):
        return {str(account) for account in cast("list[object]", allowed)}
    arns = [ARN.fullmatch(text) for key, text in file.leaves.items() if _is(key, ("keys.administrators",))]
    return {arn["account"] for arn in arns if arn and arn["account"]}


# --- what it has in common with another -------------------------------------------------------------------


def settings_in_common(one: Settings, other: Settings, name: str) -> Iterator[Fault]:
    """Yield the names in Snowflake that two stacks would both give; by default no two are the same."""
    ours, theirs = one.snowflake, other.snowflake
    if ours.database and ours.database == theirs.database:
        yield Fault(
            key="snowflake.database",
            expected=f"expected a name of its own, got that of {name}: {ours.database}",
        )
    if ours.database and ours.role_prefix == theirs.role_prefix:
        yield Fault(
            key="snowflake.rolePrefix",
            expected=f"expected one of its own, got that of {name}: {ours.role_prefix or '(nothing)'}; "
            "roles, warehouses and integrations would be the same",
        )


def clone(one: Settings, other: Settings, files: tuple[StackFile, StackFile]) -> Iterator[Fault]:
    """Yield what a clone still has of its origin's place, or lacks of what its origin has."""
    file, from_ = files
    place, home = (settings_places.region(s, f.providers) for s, f in ((one, file), (other, from_)))
    if place is not None and place == home:
        yield Fault(
            key=settings_places.region_key(one),
            expected=f"expected a region of its own, got that of {from_.name}: {place}",
        )
    if EDITIONS.index(one.snowflake.edition) < EDITIONS.index(other.snowflake.edition):
        yield Fault(
            key="snowflake.edition",
            expected=f"expected {other.snowflake.edition}, as {from_.name} has, got {one.snowflake.edition}",
        )
    there = one.snowflake.region
    if other.snowflake.region is not None and there is None:
        yield Fault(
            key="snowflake.region",
            expected=f"missing; expected the region of its account, as {from_.name} says",
        )
    account = settings_places.account(file.providers)
    if account and account == settings_places.account(from_.providers) and there != other.snowflake.region:
        yield Fault(
            key="snowflake:accountName",
            expected=f"expected an account in {there}, got {account}, which {from_.name} says is in "
            f"{other.snowflake.region}",
        )
    if place is not None and home is not None and one.cloud == other.cloud == "aws":
        yield from _cliff(one, (place, settings_quotas.limits(home, other.quotas)), from_.name)


def _cliff(one: Settings, limits: tuple[str, settings_quotas.Limits], name: str) -> Iterator[Fault]:
    """Yield whether a stack that does not say what it needs gets far less than its origin may."""
    place, before = limits
    most = settings_quotas.limits(place, one.quotas).on_demand_mb_per_second
    unsaid = [
        source.streams
        for source in one.sources.values()
        if source.streams.mode == "on-demand" and source.streams.peak_mb_per_second is None
    ]
    if unsaid and most < before.on_demand_mb_per_second:
        yield Fault(
            key="streams.peakMbPerSecond",
            expected=f"missing; expected what a source sends at its busiest: a stream takes {most} MB/s in "
            f"{place}, where {name} may have {before.on_demand_mb_per_second}",
        )


def values_in_common(file: StackFile, other: StackFile) -> Iterator[Fault]:
    """Yield networks that overlap, and certificates, domains and buckets that two stacks would both use."""
    for key, text in file.leaves.items():
        if _is(key, VISITORS):
            continue
        for place, theirs in other.leaves.items():
            if found := _same(text, theirs):
                expected, got = found
                at = "" if place == key else f" ({place})"
                yield Fault(key=key, expected=f"expected {expected}, got {got}, which {other.name} has{at}")
                break


def _same(one: str, other: str) -> tuple[str, str] | None:
    """Return what was expected instead, and what was found, where two texts name the same thing.

    Of an address only its host is told: the rest may be a secret that somebody forgot to encrypt.
    """
    ours, theirs = _network(one), _network(other)
    if ours is not None and theirs is not None:
        overlap = ours.version == theirs.version and ours.overlaps(theirs)
        return (f"a network apart from {theirs}", str(ours)) if overlap else None
    arn = ARN.fullmatch(one)
    if arn:
        # Identities are global, and one may well administer several stacks.
        mine = one != other or arn["service"] in {"iam", "sts"}
        return None if mine else ("an ARN of its own", one)
    for what, pattern in (("a bucket", BUCKET), ("a domain name", DOMAIN)):
        here, there = pattern.fullmatch(one), pattern.fullmatch(other)
        if here and there and here[1].lower() == there[1].lower() and not here[1].lower().endswith(PUBLIC):
            return f"{what} of its own", here[1]
    return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def secrets_in_common(file: StackFile, other: StackFile, *, is_origin: bool) -> Iterator[Fault]:
    """Yield secrets that were copied and not set anew; what cannot be told is said for the origin's."""
    for key in ("encryptionsalt", "encryptedkey"):
        if (text := file.document.get(key)) and text == other.document.get(key):
            yield Fault(
                key=key,
                expected=f"expected one of its own, got that of {other.name}: "
                f"`pulumi stack init {file.name} --copy-config-from {other.name}` makes one",
            )
    for key, text in file.secrets.items():
        if key not in other.secrets:
            continue
        hint = "set it with `pulumi config set --secret`"
        mine, theirs = file.opened(key), other.opened(key)
        if text == other.secrets[key] or (mine is not None and mine == theirs):
            yield Fault(key=key, expected=f"expected a secret of its own, got that of {other.name}; {hint}")
        elif is_origin and (mine is None or theirs is None):
            yield Fault(
                key=key,
                expected=f"cannot tell it from that of {other.name}; expected PULUMI_CONFIG_PASSPHRASE to "
                "open both, or the key in `shared`",
            )
    for key in sorted(file.leaves.keys() & other.secrets.keys()):
        yield Fault(key=key, expected=f"expected a secret, as in {other.name}, got plain text")


def _is(key: str, heads: tuple[str, ...]) -> bool:
    """Say whether a key is one of these, or below one."""
    return any(key == head or key.startswith((f"{head}.", f"{head}[")) for head in heads)


def is_shared(key: str, shared: tuple[str, ...]) -> bool:
    """Say whether a stack's file says that it may have this key in common with others."""
    return _is(key, shared)
