"""What has landed stays as it landed: nobody deletes it, nobody else writes, and no rule lets it go early."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.graph import Graph, Node
from policies.lake import aws_bucket, azure_landing
from policies.lake.grants import grants
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault
from policies.s3 import BUCKETS

FIREHOSE = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
KEY = "aws:kms/key:Key"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
TARGET = "extendedS3Configuration"
ENCRYPTION = "s3:x-amz-server-side-encryption"
WHAT = "A landing zone"


def _zones(lake: Lake) -> list[Node]:
    return list(dict.fromkeys(delivery.zone for delivery in lake.deliveries))


def _deletion(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for zone in _zones(lake):
        yield from ((zone, fault) for fault in aws_bucket.undeletable(lake.graph, zone, WHAT))
    for grant in grants(lake.graph):
        for zone in _zones(lake):
            arn = zone.text("arn")
            if may := grant.allows(aws_bucket.DELETES, f"{arn}/*" if arn else None):
                yield grant.node, f"{grant.who} may {', '.join(may)} in the landing zone {zone.name}."


def _writing(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for zone in _zones(lake):
        denials, arn = aws_bucket.denials(lake.graph, zone), zone.text("arn")
        if denials is None or arn is None:
            continue
        for below in sorted(set(_written(lake, arn))):
            denied = aws_bucket.denied(denials, "s3:PutObject", f"{below}any")
            if not any(aws_bucket.spares(one, "aws:PrincipalArn") for one in denied):
                yield zone, f"A landing zone must let nobody but named roles write below {below}."
        puts = aws_bucket.denied(denials, "s3:PutObject", f"{arn}/any")
        for key in (ENCRYPTION, f"{ENCRYPTION}-aws-kms-key-id"):
            if not any(aws_bucket.spares(one, key) for one in puts):
                yield zone, f"A landing zone must refuse objects with another {key} than its own."
        yield from ((zone, fault) for fault in aws_bucket.over_tls(lake.graph, zone, WHAT))


def _written(lake: Lake, arn: str) -> Iterator[str]:
    """Yield the prefixes, as ARNs, below which somebody may put objects, or a delivery does."""
    for grant in grants(lake.graph):
        for one in grant.says or ():
            if one.allows and one.of(("s3:PutObject",)):
                yield from (each.partition("*")[0] for each in one.resources if each.startswith(f"{arn}/"))
    for node in lake.graph.of(FIREHOSE):
        error = node.text("extendedS3Configuration.errorOutputPrefix")
        if error and node.text("extendedS3Configuration.bucketArn") == arn:
            yield f"{arn}/{error.partition('!')[0]}"


def _kept(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    least = config.get("minimumDays", 7)
    for zone in _zones(lake):
        yield from ((zone, fault) for fault in aws_bucket.half_locked(lake.graph, zone, WHAT))
        production = zone.tag("environment") == "prod"
        if production and zone.get("objectLockEnabled") is not True:
            yield zone, "A landing zone in production must lock what has landed."
        for lock in lake.graph.companions(zone, "bucket", aws_bucket.LOCK):
            days = lock.number("rule.defaultRetention.days")
            years = lock.number("rule.defaultRetention.years")
            if days is None and years is None:
                yield lock, "A lock must say for how long: set rule.defaultRetention."
            elif production and years is None and (days or 0) < least:
                yield lock, f"A lock in production must hold for {least:g} days or more."
        versions = least if production else 1
        for rules in lake.graph.companions(zone, "bucket", aws_bucket.LIFECYCLE):
            yield from ((rules, fault) for fault in aws_bucket.ending(rules, least, versions))


def _owned(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for zone in _zones(lake):
        yield from ((zone, fault) for fault in aws_bucket.owned(lake.graph, zone, WHAT))


def _elsewhere(graph: Graph, node: Node, key: str, *types: str) -> bool:
    """Whether a delivery's property names nothing, or what is not of these types and of the stack."""
    value = node.get(f"{TARGET}.{key}")
    if value is None or isinstance(value, str):
        return not any(value in one.identifiers for one in graph.of(*types))
    return False


def _delivered(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    prefixes = [delivery.prefix.partition("!")[0] for delivery in lake.deliveries if delivery.prefix]
    for node in lake.graph.of(FIREHOSE):
        if _elsewhere(lake.graph, node, "bucketArn", *BUCKETS):
            yield node, "A delivery must write to a bucket of its own stack."
        if _elsewhere(lake.graph, node, "kmsKeyArn", KEY):
            yield node, "A delivery must encrypt with a key of its own stack: set kmsKeyArn."
        error = node.text("extendedS3Configuration.errorOutputPrefix") or ""
        if any(prefix.split("/")[0] == error.split("/")[0] for prefix in prefixes):
            yield node, "What could not be delivered must not lie among what was."
        if node.get("extendedS3Configuration.cloudwatchLoggingOptions.enabled") is not True:
            yield node, "A delivery must log its errors: enable cloudwatchLoggingOptions."
        elif not lake.graph.targets(node, f"{TARGET}.cloudwatchLoggingOptions.logGroupName", LOGS):
            yield node, "A delivery must log its errors to a group of its stack: set logGroupName."


POLICIES = (
    lake_policy(
        "lake-landing-disallow-deletion",
        description="Nobody deletes from a landing zone.",
        check=by_cloud(aws=_deletion, azure=azure_landing.deletion),
        steps="Deny the deletion of objects and versions to everybody, and the bypass of retention.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-landing-configure-writers",
        description="A landing zone's own policy names who writes below each prefix, and how.",
        check=by_cloud(aws=_writing, azure=azure_landing.writing),
        steps="Deny s3:PutObject below each prefix to all but named roles, with another key, or without TLS.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-landing-configure-retention",
        description="What has landed is locked, and no rule ends it early.",
        check=by_cloud(aws=_kept, azure=azure_landing.kept),
        steps="Set a default retention, and expiry no earlier than it.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"minimumDays": {"type": "number", "default": 7, "minimum": 1}}),
    ),
    lake_policy(
        "lake-landing-disallow-acl",
        description="A landing zone owns its objects, and has no ACL.",
        check=by_cloud(aws=_owned, azure=azure_landing.owned),
        steps="Set objectOwnership to BucketOwnerEnforced, and no acl.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-delivery-configure-target",
        description="A delivery writes to its stack's bucket with its stack's key, and logs its errors.",
        check=by_cloud(aws=_delivered, azure=azure_landing.delivered),
        steps="Set bucketArn, kmsKeyArn, errorOutputPrefix and cloudwatchLoggingOptions.",
        severity=Severity.HIGH,
    ),
)
