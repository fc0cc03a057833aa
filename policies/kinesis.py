"""Kinesis streams: encrypted with a key of one's own, and kept long enough to survive an outage."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.rules import Props, given, resource_policy

STREAM = "aws:kinesis/stream:Stream"
DEFAULT_HOURS = 24


def _encrypted(props: Props, _: Mapping[str, Any]) -> str | None:
    if props.get("encryptionType") == "KMS" and given(props, "kmsKeyId"):
        return None
    return "A stream must be encrypted: set encryptionType to KMS and kmsKeyId to a key of your own."


def _kept(props: Props, config: Mapping[str, Any]) -> str | None:
    least = config.get("minimumHours", 168)
    hours = props.get("retentionPeriod") if given(props, "retentionPeriod") else DEFAULT_HOURS
    if isinstance(hours, int | float) and hours >= least:
        return None
    return f"A stream must keep its records for {least:g} hours or more: a failed batch waits there."


POLICIES = (
    resource_policy(
        "aws-kinesis-stream-enable-encryption",
        STREAM,
        description="Kinesis streams are encrypted with a customer-managed KMS key.",
        check=_encrypted,
        steps="Set encryptionType to KMS and kmsKeyId to the operations key.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "aws-kinesis-stream-configure-retention",
        STREAM,
        description="Kinesis streams keep records long enough for a failed consumer to be mended.",
        check=_kept,
        steps="Raise retentionPeriod.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
        config=PolicyConfigSchema({"minimumHours": {"type": "number", "default": 168, "minimum": 24}}),
    ),
)
