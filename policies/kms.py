"""KMS keys are rotated."""

from pulumi_policy import Severity

from policies.rules import Config, Props, given, resource_policy

KEY = "aws:kms/key:Key"


def _rotatable(props: Props) -> bool:
    """AWS rotates symmetric encryption keys whose material it made itself and keeps itself."""
    spec = props.get("customerMasterKeySpec") or "SYMMETRIC_DEFAULT"
    usage = props.get("keyUsage") or "ENCRYPT_DECRYPT"
    elsewhere = given(props, "customKeyStoreId") or given(props, "xksKeyId")
    return spec == "SYMMETRIC_DEFAULT" and usage == "ENCRYPT_DECRYPT" and not elsewhere


def _rotated(props: Props, _: Config) -> str | None:
    if not _rotatable(props) or props.get("enableKeyRotation") is True:
        return None
    return "A KMS key must be rotated every year: set enableKeyRotation to true."


def _rotate(props: Props, config: Config) -> Props | None:
    return {"enableKeyRotation": True} if _rotated(props, config) else None


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
