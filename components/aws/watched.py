"""What somebody must hear of when it stands in the audit trail: one table, each row with its pattern and why.

A pattern is one of CloudWatch Logs over CloudTrail's events. There `*` may stand at the beginning and at the
end of a text only, and what a field that is missing is compared with is false. A pattern has 1024 characters
at most, so each row names what it guards by the shortest text that is its own: a key by its id, which an
event says alone or in an ARN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pulumi

KMS, S3, IAM, TRAIL, LOGS = (
    f"{service}.amazonaws.com" for service in ("kms", "s3", "iam", "cloudtrail", "logs")
)


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """What must not be touched unheard: keys by id, the rest by name, roles by what all names begin with."""

    pii: str
    keys: Sequence[str]
    zone: str
    bucket: str
    log: str
    trail: str
    roles: str


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A row of the table as it is deployed."""

    name: str
    says: str
    pattern: pulumi.Output[str]


def watched(guarded: pulumi.Output[Guarded]) -> list[Watched]:
    """Return the table for what a stack guards."""
    return [
        Watched(name=name, says=says, pattern=guarded.apply(pattern))
        for name, (says, pattern) in WATCHED.items()
    ]


# --- the words of a pattern -----------------------------------------------------------------------------


def _is(field: str, *values: str) -> str:
    """Say that a field is one of these."""
    return _any(*(f'$.{field} = "{value}"' for value in values))


def _any(*tests: str) -> str:
    return tests[0] if len(tests) == 1 else f"({' || '.join(map(_apart, tests))})"


def _all(*tests: str) -> str:
    return f"{{ {' && '.join(map(_apart, tests))} }}"


def _apart(test: str) -> str:
    return test if test.startswith("(") else f"({test})"


def _of(service: str, *events: str) -> tuple[str, str]:
    return _is("eventSource", service), _is("eventName", *events)


def _keys(its: Guarded) -> str:
    return _is("requestParameters.keyId", *(f"*{key}" for key in its.keys))


# --- the table ------------------------------------------------------------------------------------------

_WHOSE = ("errorMessage", "requestParameters.keyId", "resources[0].ARN")

# What is heard of: what the alarm says, which is the reason, and the pattern.
WATCHED: dict[str, tuple[str, Callable[[Guarded], str]]] = {
    "decrypt-denied": (
        # A refusal is often all that is seen of an attempt. KMS names the key in the message, or nowhere.
        "Somebody tried to decrypt personal values and was refused: find out who, and how they came so far",
        lambda its: _all(
            *_of(KMS, "Decrypt"),
            _is("errorCode", "AccessDenied*"),
            _any(*(_is(field, f"*{its.pii}*") for field in _WHOSE)),
        ),
    ),
    "key-disabled": (
        "A key of the stack was disabled, or is to be deleted: what it encrypted cannot be read without it",
        lambda its: _all(*_of(KMS, "DisableKey", "ScheduleKeyDeletion"), _keys(its)),
    ),
    "key-policy": (
        "Who may use a key of the stack was changed, by its policy or by a grant",
        lambda its: _all(*_of(KMS, "PutKeyPolicy", "CreateGrant"), _keys(its)),
    ),
    "trail": (
        "The audit trail was stopped, deleted, or told to record something else",
        lambda its: _all(
            *_of(TRAIL, "StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"),
            _any(
                *(
                    _is(f"requestParameters.{field}", its.trail, f"*/{its.trail}")
                    for field in ("name", "trailName")
                ),
            ),
        ),
    ),
    "trail-bucket": (
        # Only management events of this bucket are recorded, so that these are all of the bucket itself.
        "The bucket of the audit trail was changed: its policy, its lock, or how long it keeps files",
        lambda its: _all(*_of(S3, "Put*", "Delete*"), _is("requestParameters.bucketName", its.bucket)),
    ),
    "trail-log": (
        "The log that these alarms watch was changed: its filters, how long it keeps events, or all of it",
        lambda its: _all(*_of(LOGS, "Put*", "Delete*"), _is("requestParameters.logGroupName", its.log)),
    ),
    "role": (
        "What a role of the stack may do, or who may take it on, was changed",
        lambda its: _all(
            *_of(
                IAM,
                "PutRolePolicy",
                "DeleteRolePolicy",
                "AttachRolePolicy",
                "DetachRolePolicy",
                "UpdateAssumeRolePolicy",
                "PutRolePermissionsBoundary",
                "DeleteRolePermissionsBoundary",
            ),
            _is("requestParameters.roleName", f"{its.roles}*"),
        ),
    ),
    "landing-bucket": (
        "The landing zone itself was changed: its policy, its lock, or when objects go",
        lambda its: _all(
            *_of(S3, "PutBucket*", "DeleteBucket*"), _is("requestParameters.bucketName", its.zone)
        ),
    ),
    "landing-objects": (
        "Somebody deleted objects of the landing zone or shortened their lock, or tried to",
        lambda its: _all(
            *_of(S3, "DeleteObject*", "PutObjectRetention", "PutObjectLegalHold"),
            _is("requestParameters.bucketName", its.zone),
        ),
    ),
    "root": (
        "The account's root user was used: nothing here needs it",
        lambda _: (
            '{ ($.userIdentity.type = "Root") && ($.userIdentity.invokedBy NOT EXISTS) '
            '&& ($.eventType != "AwsServiceEvent") }'
        ),
    ),
}
