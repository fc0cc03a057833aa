"""Event Hubs: reached over TLS, by identities, with no more rights than to send or to listen."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import Severity

from policies.rules import Props, resource_policy
from policies.values import on, text, texts

NAMESPACE = "azure-native:eventhub:Namespace"
RULES = (
    "azure-native:eventhub:NamespaceAuthorizationRule",
    "azure-native:eventhub:EventHubAuthorizationRule",
)


def _tls(props: Props, _: Mapping[str, Any]) -> str | None:
    if text(props, "minimumTlsVersion") in ("1.2", "1.3"):
        return None
    return "A namespace must refuse old TLS: set minimumTlsVersion to 1.2."


def _with_tls(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"minimumTlsVersion": "1.2"} if _tls(props, config) else None


def _identities(props: Props, _: Mapping[str, Any]) -> str | None:
    if on(props, "disableLocalAuth"):
        return None
    return "A namespace must let in identities only, no holders of a key: set disableLocalAuth to true."


def _with_identities(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"disableLocalAuth": True} if _identities(props, config) else None


def _manage(props: Props, _: Mapping[str, Any]) -> str | None:
    if "Manage" not in texts(props, "rights"):
        return None
    return "A key must not manage: Manage includes sending, listening, and making more keys."


POLICIES = (
    resource_policy(
        "azure-eventhub-namespace-enforce-tls",
        NAMESPACE,
        description="Event Hubs namespaces take TLS 1.2 and above.",
        check=_tls,
        mend=_with_tls,
        steps="Set minimumTlsVersion to 1.2.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-eventhub-namespace-disable-local-auth",
        NAMESPACE,
        description="Event Hubs namespaces are used by identities, not by keys.",
        check=_identities,
        mend=_with_identities,
        steps="Set disableLocalAuth to true, and assign the data sender's or receiver's role.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-eventhub-rule-disallow-manage",
        *RULES,
        description="Keys of Event Hubs send or listen.",
        check=_manage,
        steps="Give the rule the right Send or Listen, or better: do without keys.",
        severity=Severity.HIGH,
    ),
)
