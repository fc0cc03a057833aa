"""What has landed stays as it landed: nobody deletes it, nobody else writes, and no rule lets it go early."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pulumi_policy import PolicyConfigSchema, Severity

from policies.graph import Graph, Node
from policies.lake import azure_landing
from policies.lake.grants import grants
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault
from policies.s3 import BUCKETS
from policies.statements import ANYONE, Statement, statements

FIREHOSE = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
KEY = "aws:kms/key:Key"
TARGET = "extendedS3Configuration"
DELETES = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention")
ENCRYPTION = "s3:x-amz-server-side-encryption"
EXCEPT = ("arnnotequals", "stringnotequals")


def _zones(lake: Lake) -> list[Node]:
    return list(dict.fromkeys(delivery.zone for delivery in lake.deliveries))


def _denials(graph: Graph, zone: Node) -> list[Statement] | None:
    """What a zone's policy denies to everybody; None while it is not known."""
    found: list[Statement] = []
    for node in graph.companions(zone, "bucket", POLICY):
        said = statements(node.get("policy"))
        if said is None:
            return None
        found += [one for one in said if not one.allows and ANYONE in one.principals]
    return found


def _denied(denials: list[Statement], action: str, resource: str) -> list[Statement]:
    return [one for one in denials if one.of((action,)) and one.covers(resource)]


def _spares(statement: Statement, key: str) -> bool:
    """Whether a statement denies to all but those that a condition names."""
    values = statement.condition(key, EXCEPT)
    return bool(values) and not any("*" in value for value in values)


def _deletion(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for zone in _zones(lake):
        denials, arn = _denials(lake.graph, zone), zone.text("arn")
        if denials is None or arn is None:
            continue
        # A stack that may be thrown away, objects and all, says so.
        thrown_away = zone.get("forceDestroy") is True and zone.tag("environment") != "prod"
        for action in () if thrown_away else DELETES:
            if not any(not one.conditions for one in _denied(denials, action, f"{arn}/any")):
                yield zone, f"A landing zone must deny {action} to everybody."
    for grant in grants(lake.graph):
        for zone in _zones(lake):
            arn = zone.text("arn")
            if may := grant.allows(DELETES, f"{arn}/*" if arn else None):
                yield grant.node, f"{grant.who} may {', '.join(may)} in the landing zone {zone.name}."


def _writing(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for zone in _zones(lake):
        denials, arn = _denials(lake.graph, zone), zone.text("arn")
        if denials is None or arn is None:
            continue
        for below in sorted(set(_written(lake, arn))):
            denied = _denied(denials, "s3:PutObject", f"{below}any")
            if not any(_spares(one, "aws:PrincipalArn") for one in denied):
                yield zone, f"A landing zone must let nobody but named roles write below {below}."
        puts = _denied(denials, "s3:PutObject", f"{arn}/any")
        for key in (ENCRYPTION, f"{ENCRYPTION}-aws-kms-key-id"):
            if not any(_spares(one, key) for one in puts):
                yield zone, f"A landing zone must refuse objects with another {key} than its own."
        insecure = [one for one in denials if one.condition("aws:SecureTransport", ("bool",)) == ("false",)]
        if not all(any(one.covers(part) for one in insecure) for part in (arn, f"{arn}/any")):
            yield zone, "A landing zone must refuse what does not come over TLS, for itself and its objects."


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
        locks = lake.graph.companions(zone, "bucket", LOCK)
        locked = zone.get("objectLockEnabled") is True
        if bool(locks) != locked:
            yield zone, "A landing zone that locks objects needs both: objectLockEnabled, and how long."
        production = zone.tag("environment") == "prod"
        if production and not locked:
            yield zone, "A landing zone in production must lock what has landed."
        for lock in locks:
            days = lock.number("rule.defaultRetention.days")
            years = lock.number("rule.defaultRetention.years")
            if days is None and years is None:
                yield lock, "A lock must say for how long: set rule.defaultRetention."
            elif production and years is None and (days or 0) < least:
                yield lock, f"A lock in production must hold for {least:g} days or more."
        for rules in lake.graph.companions(zone, "bucket", LIFECYCLE):
            yield from ((rules, fault) for fault in _ending(rules, least, least if production else 1))


def _section(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _ending(node: Node, least: float, versions: float) -> Iterator[str]:
    unfinished = False
    for rule in map(_section, node.items("rules")):
        enabled = rule.get("status") == "Enabled"
        prefix = str(_section(rule.get("filter")).get("prefix") or "everything")
        unfinished |= enabled and "abortIncompleteMultipartUpload" in rule
        days = _section(rule.get("expiration")).get("days")
        if isinstance(days, int | float) and days < least:
            yield f"Objects below {prefix} expire after {days:g} days: keep them for {least:g} or more."
        noncurrent = _section(rule.get("noncurrentVersionExpiration")).get("noncurrentDays")
        if isinstance(noncurrent, int | float) and noncurrent < versions:
            yield f"Versions below {prefix} expire after {noncurrent:g} days: keep them {versions:g} or more."
        if not enabled and ("expiration" in rule or "noncurrentVersionExpiration" in rule):
            yield f"The rule for {prefix} is off: what it would end is kept for ever."
        if ("expiration" in rule) != ("noncurrentVersionExpiration" in rule):
            yield f"Objects below {prefix} need both: an end, and one for their old versions."
        if prefix.startswith("errors") and "expiration" not in rule:
            yield f"What could not be delivered, below {prefix}, must end: set expiration."
    if not unfinished:
        yield "Unfinished uploads must end: set abortIncompleteMultipartUpload for everything."


def _owned(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for zone in _zones(lake):
        controls = lake.graph.companions(zone, "bucket", OWNERSHIP)
        if not any(one.text("rule.objectOwnership") == "BucketOwnerEnforced" for one in controls):
            yield zone, "A landing zone must own its objects: set objectOwnership to BucketOwnerEnforced."
        if zone.get("acl") is not None or lake.graph.companions(zone, "bucket", "aws:s3/bucketAcl:BucketAcl"):
            yield zone, "A landing zone must have no ACL: its policy says who may do what."


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
