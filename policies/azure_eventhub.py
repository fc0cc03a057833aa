"""Event Hubs: reached over TLS, by identities, with no more rights than to send or to listen."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.rules import Props, number, resource_policy, section, sections
from policies.values import on, text, texts

HUB = "azure-native:eventhub:EventHub"
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


def _own_key(props: Props, _: Mapping[str, Any]) -> str | None:
    # Lower tiers keep the service's own key, and take no other.
    if text(section(props, "sku"), "name") != "Premium":
        return None
    encryption = section(props, "encryption")
    if text(encryption, "keySource") == "Microsoft.KeyVault" and any(
        sections(encryption, "keyVaultProperties")
    ):
        return None
    return "A namespace must be encrypted with a key of your own: set encryption, with keyVaultProperties."


def _forgetful(props: Props, config: Mapping[str, Any]) -> str | None:
    least = config.get("hours", 24)
    kept = section(props, "retentionDescription")
    hours = number(kept, "retentionTimeInHours", 24 * number(props, "messageRetentionInDays", least / 24))
    if hours < least:
        return f"A hub must keep its records for {least:g} hours or more: a failed batch waits there."
    return None


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
        "azure-eventhub-namespace-configure-key",
        NAMESPACE,
        description="Event Hubs namespaces that can be are encrypted with a key of one's own.",
        check=_own_key,
        steps="Set encryption to Microsoft.KeyVault, with the vault, the key and who may use it.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-eventhub-configure-retention",
        HUB,
        description="Event Hubs keep records until a reader that failed has been mended.",
        check=_forgetful,
        steps="Raise retentionDescription.retentionTimeInHours.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
        config=PolicyConfigSchema(
            {"hours": {"type": "number", "default": 24, "minimum": 1, "maximum": 2160}}
        ),
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
