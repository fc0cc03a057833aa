"""Database migration: out of the internet's reach, over TLS, with credentials kept elsewhere."""

from pulumi_policy import EnforcementLevel, Severity

from policies.rules import Config, Props, given, resource_policy, section

INSTANCE = "aws:dms/replicationInstance:ReplicationInstance"
ENDPOINT = "aws:dms/endpoint:Endpoint"
# Services that are only ever spoken to over TLS.
SERVICES = frozenset({"dynamodb", "elasticsearch", "kinesis", "neptune", "opensearch", "s3"})
TLS_MODES = frozenset({"require", "verify-ca", "verify-full"})
KAFKA_TLS = frozenset({"ssl-encryption", "ssl-authentication", "sasl-ssl"})


def _private(props: Props, _: Config) -> str | None:
    if props.get("publiclyAccessible") is not True:
        return None
    return "A replication instance must not have a public address: set publiclyAccessible to false."


def _withdraw(props: Props, config: Config) -> Props | None:
    return {"publiclyAccessible": False} if _private(props, config) else None


def _over_tls(props: Props, _: Config) -> str | None:
    engine = props.get("engineName")
    if engine in SERVICES or not isinstance(engine, str):
        return None
    if engine == "kafka":
        safe, what = section(props, "kafkaSettings").get("securityProtocol") in KAFKA_TLS, "securityProtocol"
    elif engine == "redis":
        safe = section(props, "redisSettings").get("sslSecurityProtocol") != "plaintext"
        what = "sslSecurityProtocol"
    else:
        safe, what = props.get("sslMode") in TLS_MODES, "sslMode"
    return None if safe else f"An endpoint must be spoken to over TLS: set {what}."


def _credentials_elsewhere(props: Props, _: Config) -> str | None:
    if not given(props, "password"):
        return None
    return "An endpoint should not hold a password: set secretsManagerArn."


POLICIES = (
    resource_policy(
        "aws-dms-instance-disallow-public",
        INSTANCE,
        description="Replication instances have no public address.",
        check=_private,
        mend=_withdraw,
        steps="Set publiclyAccessible to false.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "aws-dms-endpoint-enforce-tls",
        ENDPOINT,
        description="Endpoints are spoken to over TLS.",
        check=_over_tls,
        steps="Set sslMode to verify-full or verify-ca, or to require without a certificate to check.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-dms-endpoint-disallow-password",
        ENDPOINT,
        description="Endpoints take their credentials from Secrets Manager.",
        check=_credentials_elsewhere,
        steps="Put the credentials into Secrets Manager, and set secretsManagerArn and its access role.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
)
