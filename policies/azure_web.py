"""Function and web apps: reached over TLS alone, for callers and for whoever deploys."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import Severity

from policies.rules import Props, resource_policy, section
from policies.values import on, text

APP = "azure-native:web:WebApp"
NEW = ("1.2", "1.3")
TLS = ("minTlsVersion", "scmMinTlsVersion")


def _plain(props: Props, _: Mapping[str, Any]) -> str | None:
    site = section(props, "siteConfig")
    if not on(props, "httpsOnly"):
        return "An app must be reached over TLS alone: set httpsOnly to true."
    # Without one, an app takes TLS 1.2 and above.
    for key in TLS:
        if text(site, key) not in ("", *NEW):
            return f"An app must refuse old TLS: set siteConfig.{key} to 1.2."
    if text(site, "ftpsState") == "AllAllowed":
        return "An app must not take files over plain FTP: set siteConfig.ftpsState to Disabled."
    return None


def _with_tls(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    if not _plain(props, config):
        return None
    site = section(props, "siteConfig")
    mended = {key: "1.2" for key in TLS if text(site, key) not in ("", *NEW)}
    if text(site, "ftpsState") == "AllAllowed":
        mended["ftpsState"] = "Disabled"
    return {"httpsOnly": True, **({"siteConfig": mended} if mended else {})}


POLICIES = (
    resource_policy(
        "azure-webapp-enforce-tls",
        APP,
        description="Apps are reached over TLS 1.2 and above, and nothing else.",
        check=_plain,
        mend=_with_tls,
        steps="Set httpsOnly to true; leave TLS 1.2 the least, and FTP turned off.",
        severity=Severity.HIGH,
    ),
)
