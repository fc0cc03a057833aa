"""Trails run, record everything, everywhere, in files that can be trusted; and nobody can take these away."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.data import ENVIRONMENTS, environment_of
from policies.graph import UNKNOWN, Graph, Node
from policies.rules import (
    Config,
    Fault,
    Props,
    own_key,
    resource_policy,
    stack_policy,
)
from policies.s3 import BUCKETS, either

TRAIL = "aws:cloudtrail/trail:Trail"
LOCK = either("BucketObjectLockConfiguration")
KMS = "kms.amazonaws.com"
DAYS = 90


def listed(value: Any) -> list[Any]:
    """Return what a list holds; reading what is not known yet raises, or is `UNKNOWN` in a graph."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [] if value is None else [value]
    items = cast(Sequence[Any], value)
    return [items[index] for index in range(len(items))]


def mappings(props: Props, key: str) -> list[Props]:
    """Return the nested properties in the list ``key``."""
    return [cast(Props, one) for one in listed(props.get(key)) if isinstance(one, Mapping)]


def fields(selector: Props) -> dict[str, Props]:
    """Return an advanced selector's fields by their names."""
    return {str(one.get("field")): one for one in mappings(selector, "fieldSelectors")}


def records_management(props: Props) -> bool:
    """Say whether a trail records every management event; where it says nothing, it does."""
    advanced, basic = mappings(props, "advancedEventSelectors"), mappings(props, "eventSelectors")
    if not advanced and not basic:
        return True
    return any(_all_management(fields(one)) for one in advanced) or any(_management(one) for one in basic)


def _all_management(found: Mapping[str, Props]) -> bool:
    # Any field more leaves something out: a source, or what only reads, as each decryption does.
    if set(found) != {"eventCategory"}:
        return False
    categories = listed(found["eventCategory"].get("equals"))
    return "Management" in categories or UNKNOWN in categories


def _management(selector: Props) -> bool:
    return (
        selector.get("includeManagementEvents") is not False
        and selector.get("readWriteType") in (None, "All")
        and KMS not in listed(selector.get("excludeManagementEventSources"))
    )


def _whole(props: Props, _: Config) -> str | None:
    if records_management(props):
        return None
    return (
        "A trail must record all management events, those of KMS too: "
        "select the eventCategory Management, and narrow it by no other field."
    )


def _validated(props: Props, _: Config) -> str | None:
    if props.get("enableLogFileValidation") is True:
        return None
    return "A trail's files must be such that a change shows: set enableLogFileValidation to true."


def _encrypted(props: Props, _: Config) -> str | None:
    if own_key(props, "kmsKeyId"):
        return None
    return "A trail's files must be encrypted with a key of your own: set kmsKeyId."


def _everywhere(props: Props, _: Config) -> str | None:
    if props.get("isMultiRegionTrail") is True:
        return None
    return "A trail should record all regions, IAM's among them: set isMultiRegionTrail to true."


def _running(props: Props, _: Config) -> str | None:
    if props.get("enableLogging") in (None, True):
        return None
    return "A trail must not be stopped: set enableLogging to true."


def _validate(props: Props, config: Config) -> Props | None:
    return {"enableLogFileValidation": True} if _validated(props, config) else None


def _spread(props: Props, config: Config) -> Props | None:
    return {"isMultiRegionTrail": True} if _everywhere(props, config) else None


def _run(props: Props, config: Config) -> Props | None:
    return {"enableLogging": True} if _running(props, config) else None


def _locked_days(graph: Graph, bucket: Node) -> float | None:
    """Return for how long a bucket locks what is put into it, None while that is not known."""
    days = 0.0
    for lock in graph.companions(bucket, "bucket", *LOCK):
        rule = lock.get("rule.defaultRetention")
        for unit, length in (("days", 1), ("years", 365)):
            if lock.get(f"rule.defaultRetention.{unit}") is UNKNOWN or rule is UNKNOWN:
                return None
            days = max(days, length * (lock.number(f"rule.defaultRetention.{unit}") or 0))
    return days


def _locked(graph: Graph, config: Mapping[str, Any]) -> Iterator[Fault]:
    least = config.get("days", DAYS)
    trails = graph.of(TRAIL)
    buckets = dict.fromkeys(one for trail in trails for one in graph.targets(trail, "s3BucketName", *BUCKETS))
    for bucket in buckets:
        days, environment = _locked_days(graph, bucket), environment_of(bucket, graph, config)
        if days is not None and days < least and environment:
            yield (
                bucket,
                f"The files of a trail in {environment} must be locked for {least:g} days or more, "
                f"and are for {days:g}.",
            )


POLICIES = (
    resource_policy(
        "aws-cloudtrail-trail-enable-logging",
        TRAIL,
        description="Trails are not stopped.",
        check=_running,
        mend=_run,
        steps="Set enableLogging to true.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "aws-cloudtrail-trail-disallow-exclusions",
        TRAIL,
        description="Trails record every management event, the use of keys among them.",
        check=_whole,
        steps="Select the eventCategory Management without another field, or exclude no event source.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-cloudtrail-trail-enable-validation",
        TRAIL,
        description="A change of a trail's files shows.",
        check=_validated,
        mend=_validate,
        steps="Set enableLogFileValidation to true.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-cloudtrail-trail-configure-kms",
        TRAIL,
        description="A trail's files are encrypted with a customer-managed KMS key.",
        check=_encrypted,
        steps="Set kmsKeyId, and let CloudTrail use the key for this trail.",
        severity=Severity.MEDIUM,
    ),
    resource_policy(
        "aws-cloudtrail-trail-enable-multi-region",
        TRAIL,
        description="Trails record all regions.",
        check=_everywhere,
        mend=_spread,
        steps="Set isMultiRegionTrail to true.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
    stack_policy(
        "aws-cloudtrail-bucket-configure-lock",
        description="A trail's files are locked for a time, in the environments that are named.",
        check=_locked,
        steps="Enable Object Lock on the bucket, with a default retention.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema(
            {"environments": ENVIRONMENTS, "days": {"type": "number", "default": DAYS, "minimum": 1}}
        ),
    ),
)
