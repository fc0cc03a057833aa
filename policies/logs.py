"""Log groups end, nothing is kept for ever by accident; and they are encrypted."""

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.rules import Config, Props, number, own_key, resource_policy

GROUP = "aws:cloudwatch/logGroup:LogGroup"
DEFAULT_DAYS = 90
# What the API takes.
DAYS = [
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288),
    3653,
]


def _ends(props: Props, _: Config) -> str | None:
    # The delivery class always ends after two days.
    if number(props, "retentionInDays", 0) > 0 or props.get("logGroupClass") == "DELIVERY":
        return None
    return "A log group must say how long it keeps its events: set retentionInDays."


def _end(props: Props, config: Config) -> Props | None:
    return {"retentionInDays": config.get("days", DEFAULT_DAYS)} if _ends(props, config) else None


def _encrypted(props: Props, _: Config) -> str | None:
    if own_key(props, "kmsKeyId"):
        return None
    return "A log group should be encrypted with a key of your own: set kmsKeyId."


POLICIES = (
    resource_policy(
        "aws-loggroup-configure-retention",
        GROUP,
        description="Log groups have a retention period.",
        check=_ends,
        mend=_end,
        steps="Set retentionInDays.",
        severity=Severity.MEDIUM,
        config=PolicyConfigSchema({"days": {"type": "integer", "default": DEFAULT_DAYS, "enum": DAYS}}),
    ),
    resource_policy(
        "aws-loggroup-configure-kms",
        GROUP,
        description="Log groups are encrypted with a customer-managed KMS key.",
        check=_encrypted,
        steps="Set kmsKeyId, and let the log service use the key in its policy.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
)
