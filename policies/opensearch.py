"""Search domains: encrypted at rest and on the way, from node to node too."""

from pulumi_policy import Severity

from policies.rules import Config, Props, resource_policy, section

DOMAINS = ("aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain")


def _encrypted(props: Props, _: Config) -> str | None:
    parts = ("encryptAtRest", "nodeToNodeEncryption")
    missing = [part for part in parts if section(props, part).get("enabled") is not True]
    return f"A search domain must be encrypted: enable {' and '.join(missing)}." if missing else None


def _over_tls(props: Props, _: Config) -> str | None:
    options = section(props, "domainEndpointOptions")
    policy = options.get("tlsSecurityPolicy")
    if options.get("enforceHttps") is True and isinstance(policy, str) and "TLS-1-0" not in policy:
        return None
    return (
        "A search domain must speak modern TLS only: in domainEndpointOptions set enforceHttps to true, "
        "and tlsSecurityPolicy to Policy-Min-TLS-1-2-2019-07 or newer."
    )


POLICIES = (
    resource_policy(
        "aws-opensearch-domain-enable-encryption",
        *DOMAINS,
        description="Search domains are encrypted at rest and between their nodes.",
        check=_encrypted,
        steps="Enable encryptAtRest and nodeToNodeEncryption.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-opensearch-domain-enforce-tls",
        *DOMAINS,
        description="Search domains answer over TLS 1.2 or newer only.",
        check=_over_tls,
        steps="Set enforceHttps and tlsSecurityPolicy of domainEndpointOptions.",
        severity=Severity.HIGH,
    ),
)
