"""Log groups end: nothing is kept for ever by accident."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.rules import Props, given, resource_policy

GROUP = "aws:cloudwatch/logGroup:LogGroup"


def _ends(props: Props, _: Mapping[str, Any]) -> str | None:
    days = props.get("retentionInDays") if given(props, "retentionInDays") else 0
    if isinstance(days, int | float) and days > 0:
        return None
    return "A log group must say how long it keeps its events: set retentionInDays."


def _end(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {**props, "retentionInDays": config.get("days", 90)} if _ends(props, config) else None


POLICIES = (
    resource_policy(
        "aws-loggroup-configure-retention",
        GROUP,
        description="Log groups have a retention period.",
        check=_ends,
        mend=_end,
        steps="Set retentionInDays.",
        severity=Severity.MEDIUM,
        config=PolicyConfigSchema({"days": {"type": "integer", "default": 90, "minimum": 1}}),
    ),
)
