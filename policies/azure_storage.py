"""Storage accounts: reached over TLS, by identities, and by nobody without a name."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.rules import Props, number, resource_policy, section, sections
from policies.values import on, text, texts

ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
BLOBS = "azure-native:storage:BlobServiceProperties"
TLS = ("TLS1_2", "TLS1_3")


def _public(props: Props, _: Mapping[str, Any]) -> str | None:
    # What a missing value means depends on the version of the API, so it must be said.
    if props.get("allowBlobPublicAccess") is False:
        return None
    return "A storage account must not allow public containers: set allowBlobPublicAccess to false."


def _private(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"allowBlobPublicAccess": False} if _public(props, config) else None


def _tls(props: Props, _: Mapping[str, Any]) -> str | None:
    if props.get("enableHttpsTrafficOnly") not in (None, True):
        return "A storage account must refuse plain HTTP: set enableHttpsTrafficOnly to true."
    if text(props, "minimumTlsVersion") not in TLS:
        return "A storage account must refuse old TLS: set minimumTlsVersion to TLS1_2."
    return None


def _with_tls(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    if not _tls(props, config):
        return None
    least = text(props, "minimumTlsVersion")
    return {"enableHttpsTrafficOnly": True, "minimumTlsVersion": least if least in TLS else "TLS1_2"}


def _shared(props: Props, _: Mapping[str, Any]) -> str | None:
    # Local users have passwords and keys of their own, which the account's switch does not turn off.
    if on(props, "isLocalUserEnabled"):
        return "A storage account must let in identities only: set isLocalUserEnabled to false."
    if on(props, "isSftpEnabled"):
        return "A storage account must let in identities only: set isSftpEnabled to false."
    if props.get("allowSharedKeyAccess") is not False:
        return "A storage account must let in identities only: set allowSharedKeyAccess to false."
    return None


def _unshared(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    if not _shared(props, config):
        return None
    return {"allowSharedKeyAccess": False, "isLocalUserEnabled": False, "isSftpEnabled": False}


def _copied(props: Props, _: Mapping[str, Any]) -> str | None:
    if not on(props, "allowCrossTenantReplication"):
        return None
    return "Objects must not be copied to another tenant: set allowCrossTenantReplication to false."


def _uncopied(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"allowCrossTenantReplication": False} if _copied(props, config) else None


def _own_key(props: Props, _: Mapping[str, Any]) -> str | None:
    if text(section(props, "encryption"), "keySource") == "Microsoft.Keyvault":
        return None
    return "A storage account must be encrypted with a key of your own: set encryption.keySource."


_BINS = ("deleteRetentionPolicy", "containerDeleteRetentionPolicy")


def _lost(props: Props, config: Mapping[str, Any]) -> str | None:
    least = config.get("days", 7)
    for key in _BINS:
        bin_ = section(props, key)
        if not on(bin_, "enabled") or number(bin_, "days", 0) < least:
            return f"What is deleted should be kept for {least:g} days or more: set {key}."
        if on(bin_, "allowPermanentDelete"):
            return f"What is deleted should be kept: set {key}.allowPermanentDelete to false."
    return None


def _kept(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    if not _lost(props, config):
        return None
    least = int(config.get("days", 7))
    return {
        key: {
            "enabled": True,
            "days": max(least, int(number(section(props, key), "days", 0))),
            **({"allowPermanentDelete": False} if on(section(props, key), "allowPermanentDelete") else {}),
        }
        for key in _BINS
    }


def _shared_with_sites(props: Props, _: Mapping[str, Any]) -> str | None:
    for rule in sections(section(props, "cors"), "corsRules"):
        if "*" in texts(rule, "allowedOrigins"):
            return "Not every site may read objects with a visitor's rights: name the allowedOrigins."
    return None


def _open(props: Props, _: Mapping[str, Any]) -> str | None:
    if text(props, "publicAccess") in ("", "None"):
        return None
    return "A container must not be public: set publicAccess to None."


def _closed(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"publicAccess": "None"} if _open(props, config) else None


POLICIES = (
    resource_policy(
        "azure-storage-account-disallow-public",
        ACCOUNT,
        description="No container of a storage account can be made public.",
        check=_public,
        mend=_private,
        steps="Set allowBlobPublicAccess to false.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "azure-storage-account-enforce-tls",
        ACCOUNT,
        description="Storage accounts take TLS 1.2 and above, and nothing else.",
        check=_tls,
        mend=_with_tls,
        steps="Set minimumTlsVersion to TLS1_2, and leave enableHttpsTrafficOnly true.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-storage-account-disable-shared-key",
        ACCOUNT,
        description="Storage accounts are used by identities, not by keys.",
        check=_shared,
        mend=_unshared,
        steps="Set allowSharedKeyAccess to false, and give readers and writers a blob data role.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-storage-account-disallow-replication",
        ACCOUNT,
        description="No other tenant can have a storage account's objects copied to it.",
        check=_copied,
        mend=_uncopied,
        steps="Set allowCrossTenantReplication to false.",
        severity=Severity.MEDIUM,
    ),
    resource_policy(
        "azure-storage-blobs-disallow-cors",
        BLOBS,
        description="Not every web site may read a storage account's objects.",
        check=_shared_with_sites,
        steps="Name the sites in allowedOrigins.",
        severity=Severity.MEDIUM,
    ),
    resource_policy(
        "azure-storage-account-configure-key",
        ACCOUNT,
        description="Storage accounts are encrypted with a key of one's own.",
        check=_own_key,
        steps="Set encryption.keySource to Microsoft.Keyvault, with the vault, the key and who may use it.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-storage-blobs-enable-soft-delete",
        BLOBS,
        description="Deleted blobs and containers can be had back for a time.",
        check=_lost,
        mend=_kept,
        steps="Enable deleteRetentionPolicy and containerDeleteRetentionPolicy.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
        config=PolicyConfigSchema({"days": {"type": "integer", "default": 7, "minimum": 1, "maximum": 365}}),
    ),
    resource_policy(
        "azure-storage-container-disallow-public",
        CONTAINER,
        description="Containers are not public.",
        check=_open,
        mend=_closed,
        steps="Set publicAccess to None.",
        severity=Severity.CRITICAL,
    ),
)
