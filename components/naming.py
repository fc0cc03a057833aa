"""Names and tags, from one place: logical names follow the parent's, physical ones follow the logical.

A name that is too long for its service loses the middle of its first part and gets a digest instead, so
that two long names never become one, and what the thing is can still be read at the end.
"""

import re
from collections.abc import Mapping
from hashlib import sha256

from settings import Settings

# The longest names that the services take.
API = 128
BUCKET = 63
DELIVERY = 64
FUNCTION = 64
KEY_ALIAS = 250
QUEUE = 80
ROLE = 64
STREAM = 128
TABLE = 255
TOPIC = 256
TRAIL = 128

# The longest names that Azure takes; the first four are names in the whole world.
ACCOUNT = 24  # letters and digits only
APP = 60
NAMESPACE = 50
VAULT = 24
ALERT = 260
GROUP = 90
IDENTITY = 128
RULE = 64
SHORT_NAME = 12
SYSTEM_TOPIC = 50
WORKSPACE = 63

AUTONAME = (
    8  # what Pulumi adds to a name that it makes unique: on AWS a dash and seven digits, on Azure eight
)

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


def compact(name: str, longest: int) -> str:
    """Return a name of lower-case letters and digits only, for the services of Azure that take no others.

    It begins with what the thing is, which the end of its logical name says; the digest is of the whole.
    """
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    if len(plain) <= longest and plain[:1].isalpha():
        return plain
    kind = re.sub(r"[^a-z0-9]", "", name.lower().rpartition("-")[2]).lstrip("0123456789")
    return f"{kind[: longest - DIGEST] or 'x'}{_digest(name)}"[:longest]


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
