"""Queues and topics are encrypted."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import Severity

from policies.rules import Props, given, resource_policy

QUEUE = "aws:sqs/queue:Queue"
TOPIC = "aws:sns/topic:Topic"


def _queue_encrypted(props: Props, _: Mapping[str, Any]) -> str | None:
    if given(props, "kmsMasterKeyId") or props.get("sqsManagedSseEnabled") is True:
        return None
    return (
        "A queue must be encrypted: set kmsMasterKeyId to a key of your own, or sqsManagedSseEnabled to true."
    )


def _encrypt_queue(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {**props, "sqsManagedSseEnabled": True} if _queue_encrypted(props, config) else None


def _topic_encrypted(props: Props, _: Mapping[str, Any]) -> str | None:
    if given(props, "kmsMasterKeyId"):
        return None
    return "A topic must be encrypted: set kmsMasterKeyId to a key of your own that its publishers may use."


POLICIES = (
    resource_policy(
        "aws-sqs-queue-enable-encryption",
        QUEUE,
        description="Queues are encrypted at rest.",
        check=_queue_encrypted,
        mend=_encrypt_queue,
        steps="Set kmsMasterKeyId to the operations key.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-sns-topic-configure-kms",
        TOPIC,
        description="Topics are encrypted with a customer-managed KMS key.",
        check=_topic_encrypted,
        steps="Set kmsMasterKeyId, and let the publishing service use the key in its policy.",
        severity=Severity.HIGH,
    ),
)
