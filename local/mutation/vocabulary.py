"""Which properties and resources protect, and how each is weakened; and those that do not, with the reason.

Each provider has a module of its own, whose tables are patterns over `<type> <dotted path>`, so that they
hold for resources that come later. A test holds every property of every shipped stack against them: what no
table knows fails it. The names are the SDKs' own; what is weakest, and what an absent property means, is the
providers' word.
"""

from __future__ import annotations

import re
from functools import cache

from .aws.vocabulary import AWS
from .azure.vocabulary import AZURE
from .snowflake.vocabulary import SNOWFLAKE
from .weaker import Rule, Vocabulary

#: by the package in a type's token
OF = {"aws": AWS, "azure-native": AZURE, "snowflake": SNOWFLAKE}


def of(subject: str) -> Vocabulary:
    """Return the vocabulary for a type's token, whatever follows it."""
    return OF[subject.partition(":")[0]]


@cache
def rules(subject: str) -> tuple[Rule, ...]:
    """Return the rules for `<type> <dotted path>`."""
    return tuple(rule for rule in of(subject).rules if rule.pattern.search(subject))


@cache
def neutral(subject: str) -> str | None:
    """Return why a property protects nothing, or None where no reason is known."""
    found = of(subject).neutral.items()
    return next((why for why, patterns in found if any(re.search(one, subject) for one in patterns)), None)


@cache
def elsewhere(subject: str) -> str | None:
    """Return the module that weakens the property, if it takes more than a value."""
    return _first(of(subject).elsewhere, subject)


@cache
def protecting(token: str) -> str | None:
    """Return the class in which the loss of a resource of this type counts."""
    return _first(of(token).protecting, token)


@cache
def harmless(token: str) -> str | None:
    """Return why nothing is exposed without a resource of this type, or None where no reason is known."""
    return _first(of(token).harmless, token)


def _first(table: tuple[tuple[str, str], ...], subject: str) -> str | None:
    return next((said for pattern, said in table if re.search(pattern, subject)), None)
