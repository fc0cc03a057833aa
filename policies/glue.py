"""Glue: schemas change as their users can bear; databases are reached over TLS, with secrets elsewhere."""

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.plaintext import secrets_among
from policies.rules import Config, Props, given, resource_policy, section

SCHEMA = "aws:glue/schema:Schema"
JOB = "aws:glue/job:Job"
CONNECTION = "aws:glue/connection:Connection"


def _compatible(props: Props, _: Config) -> str | None:
    if props.get("compatibility") != "NONE":
        return None
    return "A schema must not change at will: set compatibility to BACKWARD, or a stricter mode."


def _without_secrets(props: Props, config: Config) -> str | None:
    allowed = frozenset(config.get("allowed", []))
    found = [
        name
        for key in ("defaultArguments", "nonOverridableArguments")
        for name in secrets_among(section(props, key), allowed)
    ]
    if not found:
        return None
    return (
        f"Arguments of a job look like secrets in plain text: {', '.join(found)}. "
        "Keep them in Secrets Manager, and tell the job their ARNs."
    )


def _credentials_elsewhere(props: Props, _: Config) -> str | None:
    if not given(section(props, "connectionProperties"), "PASSWORD"):
        return None
    return "A connection should not hold a password: set SECRET_ID instead of USERNAME and PASSWORD."


def _over_tls(props: Props, _: Config) -> str | None:
    # What is reached through a network alone has no connection of its own.
    if props.get("connectionType") not in (None, "JDBC"):
        return None
    if str(section(props, "connectionProperties").get("JDBC_ENFORCE_SSL")).lower() == "true":
        return None
    return "A connection to a database should be over TLS: set JDBC_ENFORCE_SSL to true."


POLICIES = (
    resource_policy(
        "aws-glue-schema-disallow-none-compatibility",
        SCHEMA,
        description="New versions of a schema are checked against the old ones.",
        check=_compatible,
        steps="Set compatibility to BACKWARD, FORWARD or FULL.",
        severity=Severity.MEDIUM,
    ),
    resource_policy(
        "aws-glue-job-disallow-plaintext-secrets",
        JOB,
        description="Jobs are not told secrets in their arguments.",
        check=_without_secrets,
        steps="Put the secret into Secrets Manager, pass its ARN, and let the job's role read it.",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema({"allowed": {"type": "array", "items": {"type": "string"}, "default": []}}),
    ),
    resource_policy(
        "aws-glue-connection-disallow-password",
        CONNECTION,
        description="Connections take their credentials from Secrets Manager.",
        check=_credentials_elsewhere,
        steps="Put the credentials into Secrets Manager, and set SECRET_ID of connectionProperties.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
    resource_policy(
        "aws-glue-connection-enforce-tls",
        CONNECTION,
        description="Connections to databases are over TLS.",
        check=_over_tls,
        steps="Set JDBC_ENFORCE_SSL of connectionProperties to true.",
        severity=Severity.HIGH,
    ),
)
