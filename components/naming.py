"""Names and tags, from one place: logical names follow the parent's, physical ones follow the logical.

A name that is too long for its service loses the middle of its first part and gets a digest instead, so
that two long names never become one, and what the thing is can still be read at the end.
"""

import re
from collections.abc import Mapping
from hashlib import sha256

from settings import Settings

# The longest names that the services take.
BUCKET = 63
DELIVERY = 64
FUNCTION = 64
KEY_ALIAS = 250
QUEUE = 80
ROLE = 64
STREAM = 128
TOPIC = 256

AUTONAME = 8  # what Pulumi adds to a name that it makes unique: a dash and seven digits

# What the data is, by the worst of it.
RESTRICTED = "restricted"  # personal data that a reader could see
CONFIDENTIAL = "confidential"  # personal data, protected value by value
INTERNAL = "internal"  # no personal data


def base(project: str, stack: str) -> str:
    """Return the name that all others of a stack begin with: lower case letters, digits and dashes."""
    name = f"{project}-{stack}"
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return plain if plain == name else f"{plain}-{_digest(name)}"


def fit(name: str, longest: int) -> str:
    """Return the name, shortened in a way that keeps it unique and its end readable."""
    if len(name) <= longest:
        return name
    end = name[-(longest // 2) :].partition("-")[2] or name[-(longest // 2) :]
    start = name[: longest - len(end) - 2 - DIGEST].rstrip("-")
    return f"{start}-{_digest(name)}-{end}"


DIGEST = 8


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:DIGEST]


def tags(settings: Settings, project: str, stack: str) -> Mapping[str, str]:
    """Return the tags of everything in a stack that takes tags."""
    return {
        **settings.tags,
        "project": project,
        "stack": stack,
        "environment": settings.environment,
        "owner": settings.owner,
        "cost-centre": settings.cost_centre,
    }


def classified(common: Mapping[str, str], classification: str) -> dict[str, str]:
    """Return the stack's tags for something that holds data of a class."""
    return {**common, "data-classification": classification}
