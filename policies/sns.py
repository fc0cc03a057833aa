"""Topics are encrypted, and tell nobody in plain text."""

from pulumi_policy import Severity

from policies.rules import Config, Props, own_key, resource_policy

TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"


def _encrypted(props: Props, _: Config) -> str | None:
    if own_key(props, "kmsMasterKeyId"):
        return None
    return "A topic must be encrypted: set kmsMasterKeyId to a key of your own that its publishers may use."


def _private(props: Props, _: Config) -> str | None:
    if props.get("protocol") != "http":
        return None
    return "A topic must not tell its subscribers over the network in plain text: set protocol to https."


POLICIES = (
    resource_policy(
        "aws-sns-topic-configure-kms",
        TOPIC,
        description="Topics are encrypted with a customer-managed KMS key.",
        check=_encrypted,
        steps="Set kmsMasterKeyId, and let the publishing service use the key in its policy.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-sns-subscription-enforce-tls",
        SUBSCRIPTION,
        description="Subscribers are told over TLS.",
        check=_private,
        steps="Set protocol to https and give an endpoint that answers there.",
        severity=Severity.HIGH,
    ),
)
