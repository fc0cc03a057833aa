"""Function and web apps: reached over TLS alone, for callers and for whoever deploys."""

import re
from collections.abc import Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.plaintext import is_secret
from policies.rules import Props, resource_policy, section, sections
from policies.values import on, text, texts

APP = "azure-native:web:WebApp"
INSIGHTS = "azure-native:applicationinsights:Component"
# Each turns a way to deploy by name and password on or off.
PASSWORDS = ("azure-native:web:WebAppFtpAllowed", "azure-native:web:WebAppScmAllowed")
NEW = ("1.2", "1.3")
# Says where traces go; who may send them is another matter (azure-insights-component-disable-local-auth).
ALLOWED = ["APPLICATIONINSIGHTS_CONNECTION_STRING"]
# What a secret of a vault is called, and Azure's own way to refer to one.
_NAME = re.compile(r"[a-z]+(-[a-z]+)+|@Microsoft\.(KeyVault|AppConfiguration)\(.*\)")
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


def _debugged(props: Props, _: Mapping[str, Any]) -> str | None:
    if not on(section(props, "siteConfig"), "remoteDebuggingEnabled"):
        return None
    return "Nobody may look into a running app from afar: set siteConfig.remoteDebuggingEnabled to false."


def _undebugged(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"siteConfig": {"remoteDebuggingEnabled": False}} if _debugged(props, config) else None


def _secrets(props: Props, config: Mapping[str, Any]) -> str | None:
    allowed: list[str] = config.get("allowed", ALLOWED)
    site = section(props, "siteConfig")
    found = [
        text(one, "name")
        for key, value in (("appSettings", "value"), ("connectionStrings", "connectionString"))
        for one in sections(site, key)
        if text(one, "name") not in allowed and not _NAME.fullmatch(text(one, value))
        if is_secret(text(one, "name"), text(one, value))
    ]
    if not found:
        return None
    return f"Settings must not hold secrets: {', '.join(sorted(found))}. Connect as an identity."


def _open_to_sites(props: Props, _: Mapping[str, Any]) -> str | None:
    if "*" in texts(section(section(props, "siteConfig"), "cors"), "allowedOrigins"):
        return "Not every site may call an app with a visitor's rights: name the allowedOrigins."
    return None


def _password(props: Props, _: Mapping[str, Any]) -> str | None:
    if props.get("allow") is False:
        return None
    return "Code must not be deployed by name and password: set allow to false."


def _without_password(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"allow": False} if _password(props, config) else None


def _anyone_tells(props: Props, _: Mapping[str, Any]) -> str | None:
    if on(props, "disableLocalAuth"):
        return None
    return "Telemetry must come from identities: set disableLocalAuth to true."


def _identities_tell(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"disableLocalAuth": True} if _anyone_tells(props, config) else None


POLICIES = (
    resource_policy(
        "azure-webapp-disable-basic-auth",
        *PASSWORDS,
        description="Nobody deploys an app's code by name and password.",
        check=_password,
        mend=_without_password,
        steps="Set allow to false, and deploy by an identity.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-insights-component-disable-local-auth",
        INSIGHTS,
        description="Application Insights listens to identities, not to whoever knows a key.",
        check=_anyone_tells,
        mend=_identities_tell,
        steps="Set disableLocalAuth to true, and assign the role Monitoring Metrics Publisher.",
        severity=Severity.MEDIUM,
    ),
    resource_policy(
        "azure-webapp-disable-remote-debugging",
        APP,
        description="Nobody looks into a running app from afar.",
        check=_debugged,
        mend=_undebugged,
        steps="Set siteConfig.remoteDebuggingEnabled to false.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "azure-webapp-disallow-plaintext-secrets",
        APP,
        description="Apps' settings hold no secrets.",
        check=_secrets,
        steps="Connect as an identity, or refer to a vault: @Microsoft.KeyVault(…).",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema(
            {"allowed": {"type": "array", "items": {"type": "string"}, "default": ALLOWED}}
        ),
    ),
    resource_policy(
        "azure-webapp-disallow-open-cors",
        APP,
        description="Not every web site may call an app.",
        check=_open_to_sites,
        steps="Name the sites in siteConfig.cors.allowedOrigins.",
        severity=Severity.MEDIUM,
    ),
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
