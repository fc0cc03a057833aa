"""Firehose: no copy of raw records anywhere, errors in a place of their own, direct puts encrypted."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Policy, Severity

from policies.rules import Check, Config, Props, given, known, own_key, resource_policy, section

DELIVERY = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
OBJECTS = "extendedS3Configuration"
# Each keeps what it could not deliver in a bucket of its own; some can keep all they got.
OTHERS = (
    "elasticsearchConfiguration",
    "httpEndpointConfiguration",
    "icebergConfiguration",
    "opensearchConfiguration",
    "opensearchserverlessConfiguration",
    "redshiftConfiguration",
    "snowflakeConfiguration",
    "splunkConfiguration",
)
# What a target asks for by itself, and Secrets Manager could hold for it.
CREDENTIALS = {
    "httpEndpointConfiguration": ("accessKey",),
    "redshiftConfiguration": ("password",),
    "snowflakeConfiguration": ("privateKey", "keyPassphrase"),
    "splunkConfiguration": ("hecToken",),
}
WHOLE_COPIES = frozenset({"Enabled", "AllData", "AllDocuments", "AllEvents"})


def _targets(props: Props) -> Iterator[Props]:
    for name in (OBJECTS, *OTHERS):
        if target := section(props, name):
            yield target


def _no_backup(props: Props, _: Config) -> str | None:
    if not any(target.get("s3BackupMode") in WHOLE_COPIES for target in _targets(props)):
        return None
    return "A delivery stream must not keep a backup of its source: it would be a second, unmanaged copy."


def _no_processor(props: Props, _: Config) -> str | None:
    if not any(
        section(target, "processingConfiguration").get("enabled") is True for target in _targets(props)
    ):
        return None
    return "A delivery stream must not transform: on failure the raw batch goes to the error prefix."


def _error_output(props: Props, _: Config) -> str | None:
    buckets = [section(props, OBJECTS)]
    buckets += [section(section(props, name), "s3Configuration") for name in OTHERS]
    for bucket in buckets:
        if not bucket:
            continue
        if not given(bucket, "errorOutputPrefix") or known(bucket, "errorOutputPrefix") == "":
            return "A delivery stream must say where its errors go: set errorOutputPrefix."
        # What follows the first expression differs from object to object.
        head = str(known(bucket, "prefix") or "").partition("!{")[0]
        if head and str(known(bucket, "errorOutputPrefix") or "").startswith(head):
            return "A delivery stream's errors must not lie among its records: move errorOutputPrefix."
    return None


def _direct_put(props: Props, _: Config) -> str | None:
    encryption = section(props, "serverSideEncryption")
    enabled = encryption.get("enabled") is True
    # With a stream as its source Firehose holds nothing itself.
    if given(props, "kinesisSourceConfiguration") or given(props, "mskSourceConfiguration"):
        if not enabled:
            return None
        return (
            "A delivery stream that reads a stream is refused with serverSideEncryption: encrypt the stream."
        )
    key_type = encryption.get("keyType") if enabled else None
    if key_type == "CUSTOMER_MANAGED_CMK" and own_key(encryption, "keyArn"):
        return None
    return "A delivery stream that is put to directly must be encrypted with a customer-managed key."


def _credentials_elsewhere(props: Props, _: Config) -> str | None:
    found = [key for name, keys in CREDENTIALS.items() for key in keys if given(section(props, name), key)]
    if not found:
        return None
    return f"A delivery stream should not hold credentials: set secretsManagerConfiguration, not {found[0]}."


def _policy(
    name: str,
    description: str,
    check: Check,
    steps: str,
    severity: Severity,
    *,
    level: EnforcementLevel = EnforcementLevel.MANDATORY,
) -> Policy:
    return resource_policy(
        name, DELIVERY, description=description, check=check, steps=steps, severity=severity, level=level
    )


POLICIES = (
    _policy(
        "aws-firehose-disallow-backup",
        "Delivery streams keep no backup of their source.",
        _no_backup,
        "Set s3BackupMode to Disabled, or to keep what failed only.",
        Severity.HIGH,
    ),
    _policy(
        "aws-firehose-disallow-processor",
        "Delivery streams do not transform records.",
        _no_processor,
        "Transform between two streams instead, and let Firehose deliver from the second.",
        Severity.CRITICAL,
    ),
    _policy(
        "aws-firehose-configure-error-output",
        "Delivery streams have an error prefix of their own.",
        _error_output,
        "Set errorOutputPrefix to a prefix outside that of the records.",
        Severity.MEDIUM,
    ),
    _policy(
        "aws-firehose-enable-encryption",
        "Delivery streams that are put to directly are encrypted with a customer-managed key.",
        _direct_put,
        "Set serverSideEncryption to enabled with keyType CUSTOMER_MANAGED_CMK and keyArn.",
        Severity.HIGH,
    ),
    _policy(
        "aws-firehose-disallow-credentials",
        "Delivery streams take their credentials from Secrets Manager.",
        _credentials_elsewhere,
        "Put the credentials into Secrets Manager, and set secretsManagerConfiguration of the target.",
        Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
)
