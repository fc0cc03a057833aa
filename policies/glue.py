"""Schemas change only in ways that their readers and writers can bear."""

from pulumi_policy import Severity

from policies.rules import Config, Props, resource_policy

SCHEMA = "aws:glue/schema:Schema"


def _compatible(props: Props, _: Config) -> str | None:
    if props.get("compatibility") != "NONE":
        return None
    return "A schema must not change at will: set compatibility to BACKWARD, or a stricter mode."


POLICIES = (
    resource_policy(
        "aws-glue-schema-disallow-none-compatibility",
        SCHEMA,
        description="New versions of a schema are checked against the old ones.",
        check=_compatible,
        steps="Set compatibility to BACKWARD, FORWARD or FULL.",
        severity=Severity.MEDIUM,
    ),
)
