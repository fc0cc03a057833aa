"""Who gets into the warehouse, and from where: services by key pairs, people by the account's policies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated

from settings_reader import Range, Rule, Text

if TYPE_CHECKING:
    from settings import Settings

_OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
Network = Annotated[
    str,
    Text(
        pattern=rf"{_OCTET}(\.{_OCTET}){{3}}(/([89]|[12]\d|3[0-2]))?",
        expected="an address or a network of IPv4, /8 or smaller, such as 203.0.113.0/24",
    ),
]
PublicKey = Annotated[
    str,
    Text(
        pattern=r"MII[A-Za-z0-9+/]{300,1400}={0,2}",
        expected="an RSA public key of 2,048 bits or more, on one line and without the PEM's first and last",
    ),
]

SnowflakeUser = Annotated[
    str,
    Text(
        pattern=r"arn:aws[a-z-]*:iam::\d{12}:user/[\w+=,.@/-]{1,512}",
        expected="the ARN of Snowflake's user that SYSTEM$GET_CMK_CONFIG() names",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that logs in by its key pair; the next key is for the time of a rotation.

    `networks` are where it comes from, where that is not where the whole stack is reached from.
    """

    public_key: PublicKey
    next_public_key: PublicKey | None = None
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Services:
    """The services that have a user in the warehouse; one that is null has none."""

    tableau: Service | None = None
    power_bi: Service | None = None
    looker: Service | None = None
    dbt: Service | None = None
    sagemaker: Service | None = None
    databricks: Service | None = None
    reid: Service | None = None

    def used(self) -> Iterator[tuple[str, Service]]:
        """Yield the services that are given, by their fields' names."""
        for one in fields(self):
            if (service := getattr(self, one.name)) is not None:
                yield one.name, service


@dataclass(frozen=True, kw_only=True)
class People:
    """How people log in: a password's length and age, and how long a session may stand still."""

    password_length: Annotated[int, Range(low=14, high=256)] = 14
    password_days: Annotated[int, Range(low=1, high=365)] = 90
    password_tries: Annotated[int, Range(low=1, high=10)] = 5
    idle_minutes: Annotated[int, Range(low=5, high=240)] = 60


@dataclass(frozen=True, kw_only=True)
class Account:
    """What belongs to the whole account, and so to one of its stacks: that one says `owned`.

    It then sets how people log in and from where. With `triSecret`, the user of Snowflake's that may use it,
    it also makes the key that the account's own is composed with (docs/tri-secret.md).
    """

    owned: bool = False
    tri_secret: SnowflakeUser | None = None
    people: People = field(default_factory=People)


def rules(settings: Settings) -> Iterator[Rule]:
    """Yield what depends on several keys."""
    snowflake = settings.snowflake
    keys = Counter[str]()
    for name, service in snowflake.services.used():
        camel = "".join(part.capitalize() if at else part for at, part in enumerate(name.split("_")))
        place = f"snowflake.services.{camel}"
        yield (
            bool(service.networks or snowflake.networks),
            (f"{place}.networks", f"{place}.networks[0]", "snowflake.networks", "snowflake.networks[0]"),
            "missing; expected the networks it comes from, here or in snowflake.networks",
        )
        own = [service.public_key, *filter(None, [service.next_public_key])]
        keys.update(own)
        yield (
            all(keys[key] == 1 for key in own),
            (f"{place}.publicKey", f"{place}.nextPublicKey"),
            "expected a key of its own, got one that is another's too",
        )
    yield from _account(settings)


def _account(settings: Settings) -> Iterator[Rule]:
    snowflake, asked = settings.snowflake, "snowflake.account.triSecret"
    secret = snowflake.account.tri_secret is not None
    yield (
        not secret or snowflake.edition == "business-critical",
        (asked, "snowflake.edition"),
        f"expected null in edition {snowflake.edition}: only business-critical has Tri-Secret Secure",
    )
    yield (
        not secret or snowflake.account.owned,
        (asked, "snowflake.account.owned"),
        "expected null, or account.owned: true: the account's key is made by the stack that owns it",
    )
    yield (
        not secret or settings.cloud == "aws",
        (asked, "cloud"),
        f"expected null on {settings.cloud}: the key is made on aws only",
    )
    yield (
        not snowflake.account.owned or bool(snowflake.networks),
        ("snowflake.networks", "snowflake.networks[0]", "snowflake.account.owned"),
        "missing; expected the networks that people come from, since this stack owns the account",
    )
