"""Firehose: no copy of raw records anywhere, errors in a place of their own, direct puts encrypted."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import Policy, Severity

from policies.rules import Check, Props, given, resource_policy, section

DELIVERY = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"


def _no_backup(props: Props, _: Mapping[str, Any]) -> str | None:
    mode = section(props, "extendedS3Configuration").get("s3BackupMode")
    if mode is None or mode == "Disabled":
        return None
    return "A delivery stream must not keep a backup of its source: it would be a second, unmanaged copy."


def _no_processor(props: Props, _: Mapping[str, Any]) -> str | None:
    if not section(section(props, "extendedS3Configuration"), "processingConfiguration").get("enabled"):
        return None
    return "A delivery stream must not transform: on failure the raw batch goes to the error prefix."


def _error_output(props: Props, _: Mapping[str, Any]) -> str | None:
    target = section(props, "extendedS3Configuration")
    if not target or given(target, "errorOutputPrefix"):
        return None
    return "A delivery stream must say where its errors go: set errorOutputPrefix."


def _direct_put(props: Props, _: Mapping[str, Any]) -> str | None:
    # With a stream as its source Firehose holds nothing itself, and the API refuses encryption of its own.
    if given(props, "kinesisSourceConfiguration") or given(props, "mskSourceConfiguration"):
        return None
    encryption = section(props, "serverSideEncryption")
    if encryption.get("enabled") is True and encryption.get("keyType") == "CUSTOMER_MANAGED_CMK":
        return None
    return "A delivery stream that is put to directly must be encrypted with a customer-managed key."


def _policy(name: str, description: str, check: Check, steps: str, severity: Severity) -> Policy:
    return resource_policy(
        name, DELIVERY, description=description, check=check, steps=steps, severity=severity
    )


POLICIES = (
    _policy(
        "aws-firehose-disallow-backup",
        "Delivery streams keep no backup of their source.",
        _no_backup,
        "Set s3BackupMode to Disabled.",
        Severity.HIGH,
    ),
    _policy(
        "aws-firehose-disallow-processor",
        "Delivery streams do not transform records.",
        _no_processor,
        "Transform between two streams instead, and let Firehose deliver from the second.",
        Severity.CRITICAL,
    ),
    _policy(
        "aws-firehose-configure-error-output",
        "Delivery streams have an error prefix of their own.",
        _error_output,
        "Set errorOutputPrefix to a prefix outside the landing prefix.",
        Severity.MEDIUM,
    ),
    _policy(
        "aws-firehose-enable-encryption",
        "Delivery streams that are put to directly are encrypted with a customer-managed key.",
        _direct_put,
        "Set serverSideEncryption to enabled with keyType CUSTOMER_MANAGED_CMK.",
        Severity.HIGH,
    ),
)
