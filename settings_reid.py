"""Re-identification as a stack's file says it: who may ask, who approves, for what, how much, how long."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import contracts
from settings_reader import OneOf, Range, Rule, Text

RoleName = Annotated[
    str,
    Text(
        pattern=r"[\w+=,.@-]{1,64}",
        expected="the name of an IAM role of the stack's account, without its path",
    ),
]
Kind = Annotated[str, OneOf(names=contracts.PII_KINDS)]
PURPOSE = r"[a-z][a-z0-9-]{0,63}"


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """What values may be revealed for, and the kinds of personal data that this needs."""

    kinds: tuple[Kind, ...]


@dataclass(frozen=True, kw_only=True)
class Reid:
    """Who may turn tokens back into values, with whose approval, and for what; all or nothing of it.

    `marketingOps`, `privacyOfficers` and `auditors` are names of roles in the stack's account. A person is
    the name of a role's session, so the roles' trust must see that nobody chooses that (docs/reid.md).
    `tokensPerDay` is what a person may ask for in a day (UTC), `lifeMinutes` how long a request lives from
    when it is made, `concurrency` the functions that are kept for it, `revealedPerHour` how many tokens
    somebody must hear of, `erasedPerHour` how many erased people.
    """

    marketing_ops: tuple[RoleName, ...]
    privacy_officers: tuple[RoleName, ...]
    auditors: tuple[RoleName, ...] = ()
    purposes: Mapping[str, Purpose]
    tokens_per_day: Annotated[int, Range(low=1, high=1_000_000)] = 1000
    life_minutes: Annotated[int, Range(low=5, high=10080)] = 1440
    requests_per_second: Annotated[int, Range(low=1, high=1000)] = 10
    concurrency: Annotated[int, Range(low=1, high=1000)] = 5
    revealed_per_hour: Annotated[int, Range(low=1, high=1_000_000)] = 1000
    erased_per_hour: Annotated[int, Range(low=1, high=1_000_000)] = 100


def rules(reid: Reid | None) -> Iterator[Rule]:
    """Yield what holds for re-identification, where there is any."""
    if reid is None:
        return
    asks, approves = "reid.marketingOps", "reid.privacyOfficers"
    # What is missing was said already.
    marketing, officers, purposes = reid.marketing_ops or (), reid.privacy_officers or (), reid.purposes or {}
    yield reid.marketing_ops != (), (asks,), "expected one role at least"
    yield reid.privacy_officers != (), (approves,), "expected one role at least"
    both = sorted(set(marketing) & set(officers))
    yield not both, (approves, asks), f"expected other roles than may ask, got {', '.join(both)} in both"
    yield reid.purposes != {}, ("reid.purposes",), "expected one purpose at least"
    for name, purpose in purposes.items():
        yield (
            re.fullmatch(PURPOSE, name) is not None,
            (f"reid.purposes.{name}",),
            "expected a name of up to 64 lower-case letters, digits and dashes",
        )
        key = f"reid.purposes.{name}.kinds"
        yield purpose.kinds != (), (key,), "expected one kind at least"
        if sealed := sorted(set(purpose.kinds or ()) - revealable()):
            yield False, (key,), f"no contract lets {', '.join(sealed)} be revealed (x-pii: reid: true)"


def revealable() -> set[str]:
    """Return the kinds of which a contract lets a field be revealed."""
    catalogue = contracts.load()
    return {pii.kind for contract in catalogue.contracts for pii in contract.pii if pii.reid}
