"""Who may ask, for what, and how much: the stack's settings as the function is told them."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from contracts import Catalogue, dotted
from functions.reid.problems import KIND, NOT_APPROVER, NOT_REQUESTER, PURPOSE, UNKNOWN_CALLER, RefusedError

_SESSION = re.compile(r"arn:[\w-]+:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls: a session of a role.

    Parameters
    ----------
    person
        The session's name, folded: the same person is the same with every role.
    role
        The role's name, without its path.
    """

    account: str
    role: str
    person: str

    @classmethod
    def of(cls, arn: str) -> "Caller":
        """Read the ARN by which the front door names its caller.

        Raises
        ------
        RefusedError
            If it is no session of a role: a user or the root has no person behind it that we could name.
        """
        found = _SESSION.fullmatch(arn)
        if found is None:
            raise RefusedError(UNKNOWN_CALLER)
        return cls(account=found["account"], role=found["role"], person=found["session"].casefold())


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the stack's settings say of re-identification.

    Parameters
    ----------
    account
        Whose roles these are; a role of the same name in another account is nobody.
    requesters, approvers
        Names of roles: marketing operations, and privacy officers.
    purposes
        The kinds of personal data that each purpose allows.
    tokens_per_day
        How many tokens a person may ask for in a day (UTC).
    life_seconds
        How long a request lives, from when it is made.
    kept_seconds
        How long it can be looked up after that; the journal keeps what happened for ever.
    """

    account: str
    requesters: frozenset[str]
    approvers: frozenset[str]
    purposes: dict[str, frozenset[str]]
    tokens_per_day: int
    life_seconds: int
    kept_seconds: int = 30 * 24 * 60 * 60

    @classmethod
    def read(cls, text: str) -> "Rules":
        """Read them from the environment's JSON, which the program writes."""
        told: dict[str, Any] = orjson.loads(text)
        purposes: dict[str, list[str]] = told["purposes"]
        return cls(
            account=told["account"],
            requesters=frozenset(told["requesters"]),
            approvers=frozenset(told["approvers"]),
            purposes={name: frozenset(kinds) for name, kinds in purposes.items()},
            tokens_per_day=told["tokens_per_day"],
            life_seconds=told["life_seconds"],
        )

    def known(self, caller: Caller) -> None:
        """Refuse who has no part in this at all."""
        if caller.account != self.account or caller.role not in self.requesters | self.approvers:
            raise RefusedError(UNKNOWN_CALLER)

    def may_ask(self, caller: Caller) -> None:
        """Refuse who is not of marketing operations."""
        self.known(caller)
        if caller.role not in self.requesters:
            raise RefusedError(NOT_REQUESTER)

    def may_decide(self, caller: Caller) -> None:
        """Refuse who is no privacy officer."""
        self.known(caller)
        if caller.role not in self.approvers:
            raise RefusedError(NOT_APPROVER)

    def allow(self, purpose: str, kind: str) -> None:
        """Refuse a purpose that there is not, and a kind that it does not allow."""
        kinds = self.purposes.get(purpose)
        if kinds is None:
            raise RefusedError(PURPOSE, f"there is {', '.join(sorted(self.purposes))}")
        if kind not in kinds:
            raise RefusedError(KIND, f"{purpose} allows {', '.join(sorted(kinds))}")


# Source, dotted path and kind of the fields that may be revealed.
Allowed = frozenset[tuple[str, str, str]]


def allowed_fields(catalogue: Catalogue) -> Allowed:
    """Return what the data contracts let be revealed: a field says so itself (`x-pii: {reid: true}`)."""
    return frozenset(
        (contract.source, dotted(pii.path), pii.kind)
        for contract in catalogue.contracts
        for pii in contract.pii
        if pii.reid
    )
