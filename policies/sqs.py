"""Queues are encrypted, and what cannot be worked off goes to a queue of its own."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pulumi_policy import EnforcementLevel, PolicyResource, Severity
from pulumi_policy.proxy import UnknownValueError

from policies.rules import Config, Fault, Props, given, known, plain, resource_policy, stack_policy

QUEUE = "aws:sqs/queue:Queue"
REDRIVE = "aws:sqs/redrivePolicy:RedrivePolicy"
REDRIVE_ALLOW = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"
# Properties, of whatever type, that name where failed messages, events and calls go.
FAILURES = frozenset({"redrivePolicy", "deadLetterConfig", "destinationConfig"})


def _encrypted(props: Props, _: Config) -> str | None:
    if given(props, "kmsMasterKeyId") and known(props, "kmsMasterKeyId") != "":
        return None
    if props.get("sqsManagedSseEnabled") is True:
        return None
    return (
        "A queue must be encrypted: set kmsMasterKeyId to a key of your own, or sqsManagedSseEnabled to true."
    )


def _encrypt(props: Props, config: Config) -> Props | None:
    return {"sqsManagedSseEnabled": True} if _encrypted(props, config) else None


def _without_dead_letters(resources: Sequence[PolicyResource], _: Config) -> Iterator[Fault]:
    """Every queue that is read, and has no queue for what its reader cannot work off.

    A queue that takes what failed elsewhere has nowhere further to go: its redriveAllowPolicy says that it
    is one, or another resource names it so.
    """
    named = [place for resource in resources for place in _failure_places(resource)]
    for queue in resources:
        if queue.resource_type != QUEUE or _redrives(queue, resources) or _takes_failures(queue, resources):
            continue
        if not any(_is_named(queue, urns, text) for urns, text in named):
            yield "A queue should have a dead-letter queue: set redrivePolicy.", queue


def _redrives(queue: PolicyResource, resources: Sequence[PolicyResource]) -> bool:
    return _says(queue.props, "redrivePolicy") or any(
        one.resource_type == REDRIVE and _is_of(one, queue) for one in resources
    )


def _takes_failures(queue: PolicyResource, resources: Sequence[PolicyResource]) -> bool:
    if _says(queue.props, "redriveAllowPolicy"):
        return not _refuses(queue.props)
    return any(
        one.resource_type == REDRIVE_ALLOW and _is_of(one, queue) and not _refuses(one.props)
        for one in resources
    )


def _says(props: Props, key: str) -> bool:
    return given(props, key) and known(props, key) != ""


def _refuses(props: Props) -> bool:
    """Whether a redriveAllowPolicy says that no queue may use this one for its dead letters."""
    try:
        allow = json.loads(str(known(props, "redriveAllowPolicy")))
    except (ValueError, RecursionError):
        return False
    return isinstance(allow, Mapping) and cast(Props, allow).get("redrivePermission") == "denyAll"


def _is_of(companion: PolicyResource, queue: PolicyResource) -> bool:
    """Whether a resource is a part of a queue, which it names by its URL."""
    if any(one.urn == queue.urn for one in companion.property_dependencies.get("queueUrl", ())):
        return True
    url = known(companion.props, "queueUrl")
    return isinstance(url, str) and url != "" and url in (known(queue.props, "url"), known(queue.props, "id"))


def _failure_places(resource: PolicyResource) -> Iterator[tuple[frozenset[str], str]]:
    """What a resource names as places for what failed: as dependencies, and as text."""
    for key in resource.props:
        value = known(resource.props, key)
        if key in FAILURES or _holds_failures(value):
            urns = frozenset(one.urn for one in resource.property_dependencies.get(key, ()))
            yield urns, _text(value)
    # Not known yet, and so not among the properties of a preview.
    for key in FAILURES - set(resource.props):
        if urns := frozenset(one.urn for one in resource.property_dependencies.get(key, ())):
            yield urns, ""


def _holds_failures(value: Any) -> bool:
    """Whether a nested property says where what failed goes, as the targets of schedules and rules do."""
    return isinstance(value, Mapping) and "deadLetterConfig" in set(cast(Props, value))


def _text(value: Any) -> str:
    try:
        return json.dumps(plain(value), default=str)
    except (ValueError, UnknownValueError):
        return ""


def _is_named(queue: PolicyResource, urns: frozenset[str], text: str) -> bool:
    if queue.urn in urns:
        return True
    name = known(queue.props, "name")
    return isinstance(name, str) and bool(re.search(rf":{re.escape(name)}(?![\w.-])", text)) and name != ""


POLICIES = (
    resource_policy(
        "aws-sqs-queue-enable-encryption",
        QUEUE,
        description="Queues are encrypted at rest.",
        check=_encrypted,
        mend=_encrypt,
        steps="Set kmsMasterKeyId to a key of your own.",
        severity=Severity.HIGH,
    ),
    stack_policy(
        "aws-sqs-queue-missing-dlq",
        description="Queues have a dead-letter queue, except those that are one.",
        check=_without_dead_letters,
        steps="Set redrivePolicy to a queue of its own, and an alarm on that queue.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
)
