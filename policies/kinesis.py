"""Kinesis streams: encrypted with a key of one's own, and kept long enough to survive an outage."""

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.rules import Config, Props, number, own_key, resource_policy

STREAM = "aws:kinesis/stream:Stream"
DEFAULT_HOURS = 24
WEEK = 7 * 24
LONGEST = 365 * 24


def _encrypted(props: Props, _: Config) -> str | None:
    if own_key(props, "kmsKeyId") and props.get("encryptionType") == "KMS":
        return None
    return "A stream must be encrypted: set encryptionType to KMS and kmsKeyId to a key of your own."


def _kept(props: Props, config: Config) -> str | None:
    least = config.get("minimumHours", WEEK)
    if number(props, "retentionPeriod", DEFAULT_HOURS) >= least:
        return None
    return f"A stream must keep its records for {least:g} hours or more: a failed batch waits there."


def _keep(props: Props, config: Config) -> Props | None:
    return {"retentionPeriod": config.get("minimumHours", WEEK)} if _kept(props, config) else None


POLICIES = (
    resource_policy(
        "aws-kinesis-stream-enable-encryption",
        STREAM,
        description="Kinesis streams are encrypted with a customer-managed KMS key.",
        check=_encrypted,
        steps="Set encryptionType to KMS and kmsKeyId to a key of your own.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "aws-kinesis-stream-configure-retention",
        STREAM,
        description="Kinesis streams keep records long enough for a failed consumer to be mended.",
        check=_kept,
        mend=_keep,
        steps="Raise retentionPeriod.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
        config=PolicyConfigSchema(
            {
                "minimumHours": {
                    "type": "number",
                    "default": WEEK,
                    "minimum": DEFAULT_HOURS,
                    "maximum": LONGEST,
                }
            }
        ),
    ),
)
