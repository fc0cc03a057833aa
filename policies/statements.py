"""Policy documents of AWS as statements: what each allows or denies, to whom, on what."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from policies.graph import UNKNOWN

ANYONE = "*"
# Operators that narrow who calls to the values they list.
_NARROWING = {"arnequals", "arnlike", "stringequals", "stringlike", "stringequalsignorecase"}


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement. Of `Action` and `NotAction`, as of `Resource` and `NotResource`, one is empty."""

    effect: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: tuple[str, ...]
    conditions: Mapping[str, Any]

    @property
    def allows(self) -> bool:
        """Whether it allows."""
        return self.effect == "Allow"

    def of(self, actions: Iterable[str]) -> list[str]:
        """Return which of some actions it speaks of."""
        return [action for action in actions if self._speaks_of(action)]

    def _speaks_of(self, action: str) -> bool:
        if self.not_actions:
            return not any(matches(pattern, action, fold=True) for pattern in self.not_actions)
        return any(matches(pattern, action, fold=True) for pattern in self.actions)

    def covers(self, resource: str) -> bool:
        """Say whether it speaks of something that the pattern of a resource's name also matches."""
        if self.not_resources:
            return not any(matches(pattern, resource) for pattern in self.not_resources)
        return any(overlap(pattern, resource) for pattern in self.resources)

    def condition(self, key: str, operators: Iterable[str]) -> tuple[str, ...]:
        """Return the values that a condition on a key lists, for any of these operators (lower case)."""
        wanted = set(operators)
        return tuple(
            value
            for operator, test in self.conditions.items()
            if operator.lower() in wanted and isinstance(test, Mapping)
            for name, values in cast(Mapping[str, Any], test).items()
            if name.lower() == key.lower()
            for value in _listed(values)
        )

    @property
    def condition_keys(self) -> frozenset[str]:
        """The keys of its conditions, in lower case."""
        tests: list[Any] = [test for test in self.conditions.values() if isinstance(test, Mapping)]
        return frozenset(str(key).lower() for test in tests for key in test)

    @property
    def callers(self) -> tuple[str, ...]:
        """Whom it is for: its principals, or the ARNs to which a condition narrows them."""
        return self.condition("aws:PrincipalArn", _NARROWING) or self.principals


def statements(document: Any) -> tuple[Statement, ...] | None:
    """Return the statements of a policy document, None while it is not known.

    What is not a policy document has no statements.
    """
    if document is UNKNOWN:
        return None
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return ()
    if not isinstance(document, Mapping):
        return ()
    found = cast(Mapping[str, Any], document).get("Statement")
    # A single statement may stand without a list.
    listed = cast(list[Any], found if isinstance(found, list) else [found])
    return tuple(_statement(cast(Mapping[str, Any], one)) for one in listed if isinstance(one, Mapping))


def _statement(found: Mapping[str, Any]) -> Statement:
    conditions = found.get("Condition")
    return Statement(
        effect=str(found.get("Effect")),
        actions=_listed(found.get("Action")),
        not_actions=_listed(found.get("NotAction")),
        resources=_listed(found.get("Resource")),
        not_resources=_listed(found.get("NotResource")),
        principals=_principals(found.get("Principal")),
        conditions=cast(Mapping[str, Any], conditions) if isinstance(conditions, Mapping) else {},
    )


def _principals(found: Any) -> tuple[str, ...]:
    if isinstance(found, Mapping):
        return tuple(one for values in cast(Mapping[str, Any], found).values() for one in _listed(values))
    return _listed(found)


def _listed(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, bool):
        return (str(value).lower(),)
    if isinstance(value, list):
        return tuple(text for item in cast(list[Any], value) for text in _listed(item))
    return ()


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.compile("".join(parts), re.DOTALL)


def matches(pattern: str, text: str, *, fold: bool = False) -> bool:
    """Say whether IAM's pattern, with `*` and `?`, matches a text."""
    if fold:
        pattern, text = pattern.lower(), text.lower()
    return _regex(pattern).fullmatch(text) is not None


@cache
def overlap(one: str, other: str) -> bool:
    """Say whether some text matches two patterns."""
    for pattern, text in ((one, other), (other, one)):
        if "*" not in text and "?" not in text:
            return matches(pattern, text)
    reached = {(0, 0)}
    while reached:
        following: set[tuple[int, int]] = set()
        for i, j in reached:
            if i == len(one) and j == len(other):
                return True
            following |= _steps(one, other, i, j)
        reached = following
    return False


def _steps(one: str, other: str, i: int, j: int) -> set[tuple[int, int]]:
    """Where two patterns may be after one more character, or after a star that ends."""
    a, b = one[i : i + 1], other[j : j + 1]
    found: set[tuple[int, int]] = set()
    if a == "*":
        found.add((i + 1, j))
    if b == "*":
        found.add((i, j + 1))
    if a and b and "*" not in (a, b) and (a == b or "?" in (a, b)):
        found.add((i + 1, j + 1))
    if a == "*" and b and b != "*":
        found.add((i, j + 1))
    if b == "*" and a and a != "*":
        found.add((i + 1, j))
    return found
