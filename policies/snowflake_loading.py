"""How Snowflake reaches object stores: by an integration, at named places, and saying what failed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import EnforcementLevel, Severity

from policies.rules import Props, given, resource_policy, section, sections
from policies.snowflake_sql import EXECUTE, PIPE, TASK, says
from policies.values import text, texts

STAGES = (
    "snowflake:index/stage:Stage",
    "snowflake:index/stageExternalS3:StageExternalS3",
    "snowflake:index/stageExternalAzure:StageExternalAzure",
    "snowflake:index/stageExternalS3Compatible:StageExternalS3Compatible",
)
VOLUME = "snowflake:index/externalVolume:ExternalVolume"
INTEGRATIONS = (
    "snowflake:index/storageIntegration:StorageIntegration",
    "snowflake:index/storageIntegrationAws:StorageIntegrationAws",
    "snowflake:index/storageIntegrationAzure:StorageIntegrationAzure",
    "snowflake:index/storageIntegrationGcs:StorageIntegrationGcs",
)
_SECRETS = ("awsKeyId", "awsSecretKey", "awsToken", "azureSasToken", "storageAwsKeyId", "storageAwsSecretKey")
_OPENS = r"\b(AWS_KEY_ID|AWS_SECRET_KEY|AWS_TOKEN|AZURE_SAS_TOKEN|MASTER_KEY)\s*="
_PLACE = re.compile(r"(s3\w*|gcs)://[^/*]+(/[^*]*)?|azure://[^/*]+/[^/*]+(/[^*]*)?", re.IGNORECASE)


def _holders(props: Props) -> Iterator[Props]:
    """Yield the blocks in which a stage or a volume keeps what opens its store."""
    yield section(props, "credentials")
    for kind in ("awsCse", "azureCse"):
        yield section(section(props, "encryption"), kind)
    yield from sections(props, "storageLocations")


def _inline(props: Props, _: Mapping[str, Any]) -> str | None:
    held = any(given(holder, key) for holder in _holders(props) for key in (*_SECRETS, "masterKey"))
    # The deprecated stage writes both as SQL does.
    written = f"{text(props, 'credentials')} {text(props, 'encryption')}"
    if not held and not re.search(_OPENS, written, re.IGNORECASE) and not says(props, _OPENS):
        return None
    return "Snowflake must not be given an object store's secrets: let it assume a role by an integration."


def _wildcard(props: Props, _: Mapping[str, Any]) -> str | None:
    for place in texts(props, "storageAllowedLocations"):
        if not _PLACE.fullmatch(place):
            return f"A storage integration must name its buckets or containers: {place!r} does not."
    return None


def _silent(props: Props, _: Mapping[str, Any]) -> str | None:
    if given(props, "errorIntegration"):
        return None
    return "A pipe should say when it cannot load: set errorIntegration, with ON_ERROR = SKIP_FILE."


POLICIES = (
    resource_policy(
        "snowflake-stage-disallow-inline-credentials",
        *STAGES,
        VOLUME,
        PIPE,
        EXECUTE,
        TASK,
        description="Snowflake holds no secrets of object stores.",
        check=_inline,
        steps="Use storageIntegration, and encrypt with the store's own key service.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "snowflake-storageintegration-disallow-wildcard-location",
        *INTEGRATIONS,
        description="Storage integrations name the places that they open.",
        check=_wildcard,
        steps="List buckets or containers, with the prefixes that are read.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "snowflake-pipe-missing-error-integration",
        PIPE,
        description="Pipes say when they cannot load.",
        check=_silent,
        steps="Make a notification integration and set errorIntegration to its name.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
)
