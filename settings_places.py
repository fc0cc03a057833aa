"""Where a stack is, and where it may be: regions, residency, and the warehouse's account.

What is checked here needs no other stack, so that `pulumi up` stops at it too; what must not be equal between
stacks is in `settings_check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from settings_reader import Rule

if TYPE_CHECKING:
    from settings import Settings

# What each cloud's provider calls the region.
REGION_KEYS = {"aws": "aws:region", "azure": "azure-native:location"}
PREVIEW = "snowflake:previewFeaturesEnabled"
# The areas with which AWS begins the names of its regions, and which names of stacks use.
AREAS = ("af", "ap", "ca", "cn", "eu", "il", "me", "mx", "sa", "us")
REGION = re.compile(
    rf"(?<![\w-])(?:{'|'.join(AREAS)})(?:-gov)?-(?:north|south|east|west|central)(?:east|west)?-\d(?![\w-])"
)
# The features of the provider that count as preview and that every stack uses; the provider refuses them
# in the middle of a deployment.
FEATURES = ("snowflake_pipe_resource", "snowflake_table_resource")
AWS_FEATURES = ("snowflake_system_get_aws_sns_iam_policy_datasource",)
HEAD_OFFICE_FEATURES = ("snowflake_current_role_datasource",)
SHARE_FEATURES = ("snowflake_share_resource",)
ACCOUNT_FEATURES = (
    "snowflake_account_password_policy_attachment_resource",
    "snowflake_network_policy_attachment_resource",
)


def region(settings: Settings, providers: Mapping[str, object] | None) -> str | None:
    """Return the region that a stack's file names; it may come from the environment instead."""
    found = (providers or {}).get(region_key(settings))
    return found if isinstance(found, str) else None


def region_key(settings: Settings) -> str:
    """Return the key under which a stack's file names its region."""
    return REGION_KEYS.get(settings.cloud, REGION_KEYS["aws"])


def spoken(stack: str) -> str | None:
    """Return the region, or the area, that a stack's name says: `prod-eu-west-1`, `prod-eu`."""
    words = re.split(r"[^a-z0-9]+", stack.lower())
    runs = ("-".join(words[at : at + size]) for size in (3, 4) for at in range(len(words)))
    full = dict.fromkeys(run for run in runs if REGION.fullmatch(run))
    found = [*full] or [word for word in words if word in AREAS]
    return found[0] if len(found) == 1 else None


def is_in(place: str, area: str) -> bool:
    """Say whether a region is the one, or lies in the area, that a stack's name says."""
    return place == area or place.startswith(f"{area}-")


def rules(settings: Settings, stack: str, providers: Mapping[str, object] | None) -> Iterator[Rule]:
    """Yield what holds for one stack alone."""
    yield from _head_office(settings, providers)
    allowed, place = settings.residency.regions, region(settings, providers)
    there = settings.snowflake.region
    home = allowed or ((place,) if place else ())
    yield (
        there is None or not home or there in home,
        ("snowflake.region", "residency.regions"),
        f"expected one of {', '.join(home)}: the warehouse would hold what may not leave, got {there}",
    )
    if place is not None:
        key, aws = region_key(settings), settings.cloud == "aws"
        said = spoken(stack) if settings.environment == "prod" and aws else None
        yield (
            said is None or is_in(place, said),
            (key, "environment"),
            f"expected {'one in ' if said in AREAS else ''}{said}: the stack's name says so, got {place}",
        )
        yield (
            not allowed or place in allowed,
            (key, "residency.regions"),
            f"expected one of {', '.join(allowed)}: residency.regions allows no other, got {place}",
        )
    if providers is not None:
        lacking = [
            feature for feature in features(settings) if feature not in _listed(providers.get(PREVIEW))
        ]
        yield (
            not lacking,
            (PREVIEW,),
            f"missing {', '.join(lacking)}; expected every preview feature that the stack uses",
        )


def features(settings: Settings) -> tuple[str, ...]:
    """Return the provider's preview features that a stack uses."""
    cloud = AWS_FEATURES if settings.cloud == "aws" else ()
    mode = settings.snowflake.head_office.mode
    office = HEAD_OFFICE_FEATURES if mode != "none" else ()
    share = SHARE_FEATURES if mode == "share" else ()
    account = ACCOUNT_FEATURES if settings.snowflake.account.owned else ()
    return (*FEATURES, *cloud, *office, *share, *account)


def _listed(value: object) -> list[object]:
    return list(cast("list[object]", value)) if isinstance(value, list | tuple) else []


def _head_office(settings: Settings, providers: Mapping[str, object] | None) -> Iterator[Rule]:
    office = settings.snowflake.head_office
    mode, accounts = "snowflake.headOffice.mode", "snowflake.headOffice.accounts"
    yield (
        (office.mode == "none") == (not office.accounts),
        (accounts, mode),
        "expected none: with mode none nobody reads"
        if office.mode == "none"
        else f"expected the accounts that read: mode is {office.mode}",
    )
    own = account(providers or {})
    yield (
        own is None or own not in office.accounts,
        (accounts,),
        f"expected accounts of others: {own} is the stack's own, in which roles say who sees what",
    )


def account(providers: Mapping[str, object]) -> str | None:
    """Return the Snowflake account that a stack's file names; most leave it to the environment."""
    parts = [providers.get(f"snowflake:{name}") for name in ("organizationName", "accountName")]
    texts = [part.upper() for part in parts if isinstance(part, str) and part]
    return ".".join(texts) if len(texts) == 2 else None
