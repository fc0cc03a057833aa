"""Secrets are encrypted with a key of one's own, so that its policy says who reads them too."""

from pulumi_policy import EnforcementLevel, Severity

from policies.rules import Config, Props, own_key, resource_policy, sections

SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 (a type)


def _encrypted(props: Props, _: Config) -> str | None:
    if not own_key(props, "kmsKeyId"):
        return "A secret should be encrypted with a key of your own: set kmsKeyId."
    if any(not own_key(replica, "kmsKeyId") for replica in sections(props, "replicas")):
        return "Each replica of a secret should be encrypted with a key of its region: set its kmsKeyId."
    return None


POLICIES = (
    resource_policy(
        "aws-secretsmanager-secret-configure-kms",
        SECRET,
        description="Secrets are encrypted with a customer-managed KMS key.",
        check=_encrypted,
        steps="Set kmsKeyId, and that of each replica.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
)
