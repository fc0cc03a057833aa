"""How a property is weakened, and what a provider's vocabulary consists of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.standin.state import Resource

from .graph import GONE

Weaker = Iterator[tuple[str, Any]]
Weaken = Callable[[Resource, Any], Weaker]


def gone(_: Resource, __: Any) -> Weaker:
    """Take the property away."""
    yield "gone", GONE


def to(*values: Any) -> Weaken:
    """Set it to the weakest that the provider takes; `GONE` is one of them where the default is weak."""

    def weaken(_: Resource, value: Any) -> Weaker:
        for new in values:
            # The warehouse's provider writes its booleans as words.
            told = str(new).lower() if isinstance(value, str) and isinstance(new, bool) else new
            if told != value:
                yield ("gone" if new is GONE else f"{told}"), told

    return weaken


def off(resource: Resource, value: Any) -> Weaker:
    """Turn a switch off, or leave it to its default, which is off."""
    yield from to(False, GONE)(resource, value)


def lower(least: int, *more: Any) -> Weaken:
    """Set a number to the lowest that the provider takes, and to what else is weak."""

    def weaken(resource: Resource, value: Any) -> Weaker:
        if isinstance(value, int | float) and value > least:
            yield f"{value} lowered to {least}", least
        yield from to(*more)(resource, value)

    return weaken


def higher(factor: int, *more: Any) -> Weaken:
    """Raise a limit so far that it limits nothing."""

    def weaken(resource: Resource, value: Any) -> Weaker:
        if isinstance(value, int | float):
            yield f"{value} raised to {(value or 1) * factor}", (value or 1) * factor
        yield from to(*more)(resource, value)

    return weaken


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How properties of these names are weakened, and the class in which that counts."""

    kind: str
    pattern: re.Pattern[str]
    weaken: Weaken
    #: properties that are part of the same protection and go with it
    companions: tuple[str, ...] = field(default=())


def rule(kind: str, pattern: str, weaken: Weaken, *companions: str) -> Rule:
    """Return the rule for a pattern over `<type> <dotted path>`; `\\b…$` is the last name of the path."""
    return Rule(kind=kind, pattern=re.compile(pattern), weaken=weaken, companions=companions)


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What is known of a provider's resources; every key is a pattern.

    Parameters
    ----------
    rules
        The properties that protect, over `<type> <dotted path>`.
    elsewhere
        Properties that take more than one value to weaken, and the module that does it.
    neutral
        Properties that protect nothing, by the reason. One that matches nothing shipped fails a test.
    protecting
        The types whose resources protect by being there, and the class in which their loss counts.
    harmless
        The types whose resources can be taken away, and why nothing is exposed by it.
    """

    rules: tuple[Rule, ...]
    elsewhere: tuple[tuple[str, str], ...]
    neutral: Mapping[str, tuple[str, ...]]
    protecting: tuple[tuple[str, str], ...]
    harmless: tuple[tuple[str, str], ...]
