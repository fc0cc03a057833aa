"""The files of a lake's trail: written by the trail alone, locked as long as they are kept, and closed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import Severity

from policies.cloudtrail import TRAIL
from policies.graph import Node, mapping
from policies.lake import aws_bucket
from policies.lake.aws_access import PUT_OBJECT
from policies.lake.grants import grants
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault
from policies.s3 import BUCKETS
from policies.statements import Statement

SERVICE = "cloudtrail.amazonaws.com"
WHAT = "A trail's bucket"
EXACT = ("stringequals", "arnequals")


def _buckets(lake: Lake) -> list[Node]:
    found = (lake.graph.targets(trail, "s3BucketName", *BUCKETS) for trail in lake.graph.of(TRAIL))
    return list(dict.fromkeys(bucket for buckets in found for bucket in buckets))


def _written(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for bucket in _buckets(lake):
        arn = bucket.text("arn")
        for statement in (aws_bucket.said(lake.graph, bucket) or ()) if arn else ():
            if statement.allows:
                yield from ((bucket, fault) for fault in _allowed(statement, str(arn)))
        for grant in grants(lake.graph):
            if may := grant.allows(PUT_OBJECT, f"{arn}/*" if arn else None):
                yield (
                    grant.node,
                    f"{grant.who} may {', '.join(may)} among the trail's files in {bucket.name}.",
                )


def _allowed(statement: Statement, arn: str) -> Iterator[str]:
    """Yield what is wrong with a statement that lets somebody into a trail's bucket."""
    others = [one for one in statement.principals if one != SERVICE]
    writes = statement.of(PUT_OBJECT)
    if others and (writes or "*" in others):
        yield f"A trail's files are CloudTrail's to write: {', '.join(others)} may too."
    if wide := [one for one in statement.actions if re.fullmatch(r"\*|[\w-]+:\*", one)]:
        yield f"{WHAT} lets in for all that is {', '.join(wide)}: name the actions."
    if beyond := [one for one in statement.resources if not one.startswith(arn)]:
        yield f"{WHAT} speaks of more than itself: {', '.join(beyond)}."
    sources = statement.condition("aws:SourceArn", EXACT)
    if SERVICE in statement.principals and (not sources or any("*" in one for one in sources)):
        yield "CloudTrail may come for any trail of anybody: add aws:SourceArn, with the trail's own ARN."


def _kept(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for bucket in _buckets(lake):
        for check in (
            aws_bucket.half_locked,
            aws_bucket.owned,
            aws_bucket.undeletable,
            aws_bucket.over_tls,
        ):
            yield from ((bucket, fault) for fault in check(lake.graph, bucket, WHAT))
        locks = lake.graph.companions(bucket, "bucket", aws_bucket.LOCK)
        days = max((_locked(one) for one in locks), default=0)
        for lock in locks:
            if not _locked(lock) and lock.get("rule.defaultRetention") is None:
                yield lock, "A lock must say for how long: set rule.defaultRetention."
        for rules in lake.graph.companions(bucket, "bucket", aws_bucket.LIFECYCLE):
            yield from ((rules, fault) for fault in aws_bucket.ending(rules, max(days, 1), 1))
            yield from ((rules, fault) for fault in _unlocked(rules, days))


def _locked(lock: Node) -> float:
    days, years = (lock.number(f"rule.defaultRetention.{unit}") or 0 for unit in ("days", "years"))
    return max(days, 365 * years)


def _unlocked(rules: Node, days: float) -> Iterator[str]:
    """Yield that files are kept for longer than they are locked; one day is what ending them takes."""
    for rule in map(mapping, rules.items("rules")):
        end = mapping(rule.get("expiration")).get("days")
        if days and isinstance(end, int | float) and end > days + 1:
            yield f"Files are kept for {end:g} days and locked for {days:g}: lock them for as long."


POLICIES = (
    lake_policy(
        "lake-trail-configure-writers",
        description="A trail's files are written by its trail, and by nobody else.",
        check=by_cloud(aws=_written),
        steps="Let in cloudtrail.amazonaws.com alone, by aws:SourceArn; take s3:PutObject from roles.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-trail-configure-bucket",
        description="A trail's files are locked for as long as they are kept, and closed to all else.",
        check=by_cloud(aws=_kept),
        steps="Lock for as long as the rule keeps files; own the objects, deny deletion, ask for TLS.",
        severity=Severity.HIGH,
    ),
)
