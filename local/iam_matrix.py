"""What each role that a stack makes on AWS may do with its keys, objects, streams, secrets and tables.

``python -m local.iam_matrix --write docs/iam-matrix.md`` writes it down. This is the specification, said once
and by hand, not derived from the policies: a test takes those to an emulator that enforces IAM, and tries
every cell.
"""

from __future__ import annotations

from dataclasses import dataclass

from local import page

# The end of a role's name, and what it is for; those that each source has of its own come first.
OF_A_SOURCE = ("transform", "delivery")
OF_A_STACK = ("token-key", "reid", "warehouse-reader", "audit")
ROLES = (*OF_A_SOURCE, *OF_A_STACK)

HEADER = """# What each role may do on AWS

Generated from its specification: `python -m local.iam_matrix --write docs/iam-matrix.md`. Every cell is tried
with the policies as the program declares them, in an emulator that enforces IAM, for every source
(`tests/e2e/test_iam_matrix.py`): what is not listed is refused, and to a role without any policy all is.

*own* is of the role's own source, and those of other sources are refused; *any* is of every source. *through*
a service is only when that asks for the role, never when the role asks the key itself. The emulator knows
neither that condition nor the one on a key's encryption context (*context* below), and is given no policies
of buckets and tables: those, as declared, are held by `tests/program/test_least_privilege.py`. Nobody may
delete anything but what forgets a person.

The role `audit` writes to the trail's log, and may do nothing with any of these. Replaying what was refused
has no role yet: nobody may decrypt with `purpose=quarantine`.
"""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """What may be done something with. `of_a_source` says that each source has one."""

    name: str
    service: str
    actions: tuple[str, ...]
    of_a_source: bool = False


KEY_USES = ("Encrypt", "Decrypt", "GenerateDataKey")
OBJECTS = ("GetObject", "PutObject", "DeleteObject")
STREAM = ("GetRecords", "PutRecords")
SECRET = ("GetSecretValue", "PutSecretValue")
ITEMS = ("BatchGetItem", "GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
THINGS = (
    *(
        Thing(name=name, service="kms", actions=KEY_USES)
        for name in ("pii", "landing", "operations", "audit")
    ),
    *(
        Thing(name=name, service="s3", actions=OBJECTS, of_a_source=True)
        for name in ("landing/", "errors/", "oversize/")
    ),
    *(
        Thing(name=name, service="kinesis", actions=STREAM, of_a_source=True)
        for name in ("ingress", "protected")
    ),
    *(Thing(name=name, service="secretsmanager", actions=SECRET) for name in ("token-key", "reid-login")),
    *(
        Thing(name=name, service="dynamodb", actions=ITEMS)
        for name in ("reid-requests", "reid-journal", "subjects")
    ),
)
HEADINGS = {
    "kms": "Keys",
    "s3": "Objects of the landing zone",
    "kinesis": "Streams",
    "secretsmanager": "Secrets",
    "dynamodb": "Tables",
}


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a role may do with a thing: with every source's, or its own alone; and only if."""

    role: str
    thing: str
    service: str
    actions: tuple[str, ...]
    own: bool = False
    only: str = ""


GRANTS = (
    Grant(role="transform", service="kinesis", thing="ingress", actions=("GetRecords",), own=True),
    Grant(role="transform", service="kinesis", thing="protected", actions=("PutRecords",), own=True),
    Grant(
        role="transform",
        service="kms",
        thing="pii",
        actions=("Encrypt",),
        only="context: own source, field or quarantine",
    ),
    Grant(
        role="transform",
        service="kms",
        thing="operations",
        actions=("Decrypt", "GenerateDataKey"),
        only="through DynamoDB, Kinesis, Secrets Manager, SQS",
    ),
    Grant(role="transform", service="kms", thing="landing", actions=("GenerateDataKey",), only="through S3"),
    Grant(role="transform", service="s3", thing="oversize/", actions=("PutObject",)),
    Grant(role="transform", service="secretsmanager", thing="token-key", actions=("GetSecretValue",)),
    Grant(role="transform", service="dynamodb", thing="subjects", actions=("BatchGetItem", "PutItem")),
    Grant(role="delivery", service="kinesis", thing="protected", actions=("GetRecords",), own=True),
    Grant(role="delivery", service="kms", thing="operations", actions=("Decrypt",), only="through Kinesis"),
    Grant(
        role="delivery",
        service="kms",
        thing="landing",
        actions=("Decrypt", "GenerateDataKey"),
        only="through S3",
    ),
    Grant(role="delivery", service="s3", thing="landing/", actions=("PutObject",), own=True),
    Grant(role="delivery", service="s3", thing="errors/", actions=("PutObject",), own=True),
    Grant(role="token-key", service="secretsmanager", thing="token-key", actions=SECRET),
    Grant(
        role="token-key",
        service="kms",
        thing="operations",
        actions=("Decrypt", "GenerateDataKey"),
        only="through Secrets Manager",
    ),
    Grant(role="reid", service="kms", thing="pii", actions=("Decrypt",), only="context: any source, field"),
    Grant(
        role="reid",
        service="kms",
        thing="operations",
        actions=("Decrypt",),
        only="through DynamoDB, Secrets Manager",
    ),
    Grant(role="reid", service="secretsmanager", thing="token-key", actions=("GetSecretValue",)),
    Grant(role="reid", service="secretsmanager", thing="reid-login", actions=("GetSecretValue",)),
    Grant(
        role="reid", service="dynamodb", thing="reid-requests", actions=("GetItem", "PutItem", "UpdateItem")
    ),
    Grant(role="reid", service="dynamodb", thing="reid-journal", actions=("PutItem", "Query")),
    Grant(role="reid", service="dynamodb", thing="subjects", actions=("BatchGetItem", "DeleteItem")),
    Grant(role="warehouse-reader", service="s3", thing="landing/", actions=("GetObject",)),
    Grant(role="warehouse-reader", service="kms", thing="landing", actions=("Decrypt",), only="through S3"),
)


def grant(role: str, thing: Thing, action: str) -> Grant | None:
    """Return what lets a role do that; None if nothing does."""
    return next(
        (
            one
            for one in GRANTS
            if (one.role, one.service, one.thing) == (role, thing.service, thing.name)
            and action in one.actions
        ),
        None,
    )


def allowed(role: str, thing: Thing, action: str, *, own: bool) -> bool:
    """Say whether a role may do that, with what is of its own source or of another."""
    found = grant(role, thing, action)
    return found is not None and (own or not found.own)


def render() -> str:
    """Return the matrix as a page."""
    parts = [HEADER]
    for service, heading in HEADINGS.items():
        rows = [
            [f"`{thing.name}`", f"`{service}:{action}`", *(_cell(role, thing, action) for role in ROLES)]
            for thing in THINGS
            if thing.service == service
            for action in thing.actions
        ]
        parts.append(f"## {heading}\n\n{page.table(['', 'action', *ROLES], rows)}")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _cell(role: str, thing: Thing, action: str) -> str:
    found = grant(role, thing, action)
    if found is None:
        return ""
    whose = ("own" if found.own else "any") if thing.of_a_source else "yes"
    return f"{whose}, {found.only}" if found.only else whose


if __name__ == "__main__":
    page.main("What each role may do on AWS.", render)
