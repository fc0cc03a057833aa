"""KMS keys are rotated."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import Severity

from policies.rules import Props, resource_policy

KEY = "aws:kms/key:Key"


def _rotatable(props: Props) -> bool:
    """AWS rotates symmetric encryption keys whose material it made itself."""
    spec = props.get("customerMasterKeySpec") or "SYMMETRIC_DEFAULT"
    usage = props.get("keyUsage") or "ENCRYPT_DECRYPT"
    return spec == "SYMMETRIC_DEFAULT" and usage == "ENCRYPT_DECRYPT"


def _rotated(props: Props, _: Mapping[str, Any]) -> str | None:
    if not _rotatable(props) or props.get("enableKeyRotation") is True:
        return None
    return "A KMS key must be rotated every year: set enableKeyRotation to true."


def _rotate(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {**props, "enableKeyRotation": True} if _rotated(props, config) else None


POLICIES = (
    resource_policy(
        "aws-kms-key-enable-rotation",
        KEY,
        description="KMS keys are rotated.",
        check=_rotated,
        mend=_rotate,
        steps="Set enableKeyRotation to true.",
        severity=Severity.HIGH,
    ),
)
