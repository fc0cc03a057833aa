"""Search domains: encrypted at rest and on the way, from node to node too, and not open to anyone."""

from pulumi_policy import Severity

from policies.access import STEPS, open_to_anyone
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


def _closed(props: Props, _: Config) -> str | None:
    # Inside a network of one's own its security groups say who comes in, and the document lets all in.
    if section(props, "vpcOptions"):
        return None
    return open_to_anyone("search domain", props.get("accessPolicies"))


POLICIES = (
    resource_policy(
        "aws-opensearch-domain-disallow-public",
        *DOMAINS,
        description="Search domains outside a network of one's own do not let in whoever asks.",
        check=_closed,
        steps=STEPS,
        severity=Severity.CRITICAL,
    ),
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
