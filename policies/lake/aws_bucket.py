"""What a bucket of a lake on AWS has to be, whatever lies in it: owned, closed to plain requests, lasting."""

from collections.abc import Iterator
from typing import Any

from policies.graph import Graph, Node, mapping
from policies.statements import ANYONE, Statement, statements

POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
ACL = "aws:s3/bucketAcl:BucketAcl"
DELETES = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention")
EXCEPT = ("arnnotequals", "stringnotequals")


def said(graph: Graph, bucket: Node) -> list[Statement] | None:
    """Return what a bucket's policies say; None while one of them is not known."""
    found: list[Statement] = []
    for node in graph.companions(bucket, "bucket", POLICY):
        document = statements(node.get("policy"))
        if document is None:
            return None
        found += document
    return found


def denials(graph: Graph, bucket: Node) -> list[Statement] | None:
    """Return what a bucket's policies deny to everybody; None while one of them is not known."""
    found = said(graph, bucket)
    return None if found is None else [one for one in found if not one.allows and ANYONE in one.principals]


def denied(found: list[Statement], action: str, resource: str) -> list[Statement]:
    """Return those of some denials that are about an action on a resource."""
    return [one for one in found if one.of((action,)) and one.covers(resource)]


def spares(statement: Statement, key: str) -> bool:
    """Say whether a statement denies to all but those that a condition names."""
    values = statement.condition(key, EXCEPT)
    return bool(values) and not any("*" in value for value in values)


def undeletable(graph: Graph, bucket: Node, what: str) -> Iterator[str]:
    """Yield which kind of deletion a bucket allows; one that is thrown away with all in it may any."""
    found, arn = denials(graph, bucket), bucket.text("arn")
    if found is None or arn is None:
        return
    # A stack that may be thrown away, objects and all, says so.
    if bucket.get("forceDestroy") is True and bucket.tag("environment") != "prod":
        return
    for action in DELETES:
        if not any(not one.conditions for one in denied(found, action, f"{arn}/any")):
            yield f"{what} must deny {action} to everybody."


def over_tls(graph: Graph, bucket: Node, what: str) -> Iterator[str]:
    """Yield that a bucket, or what is in it, can be had without TLS."""
    found, arn = denials(graph, bucket), bucket.text("arn")
    if found is None or arn is None:
        return
    insecure = [one for one in found if one.condition("aws:SecureTransport", ("bool",)) == ("false",)]
    if not all(any(one.covers(part) for one in insecure) for part in (arn, f"{arn}/any")):
        yield f"{what} must refuse what does not come over TLS, for itself and its objects."


def owned(graph: Graph, bucket: Node, what: str) -> Iterator[str]:
    """Yield how somebody else could own an object, or an ACL could let somebody in."""
    controls = graph.companions(bucket, "bucket", OWNERSHIP)
    if not any(one.text("rule.objectOwnership") == "BucketOwnerEnforced" for one in controls):
        yield f"{what} must own its objects: set objectOwnership to BucketOwnerEnforced."
    if bucket.get("acl") is not None or graph.companions(bucket, "bucket", ACL):
        yield f"{what} must have no ACL: its policy says who may do what."


def half_locked(graph: Graph, bucket: Node, what: str) -> Iterator[str]:
    """Yield that a lock is only half of one."""
    if bool(graph.companions(bucket, "bucket", LOCK)) != (bucket.get("objectLockEnabled") is True):
        yield f"{what} that locks objects needs both: objectLockEnabled, and how long."


def ending(node: Node, least: float, versions: float) -> Iterator[str]:
    """Yield what is wrong with lifecycle rules: what ends early, or never.

    Parameters
    ----------
    least, versions
        The days for which objects, and versions that are no longer current, are kept at least.
    """
    unfinished = False
    for rule in map(mapping, node.items("rules")):
        enabled = rule.get("status") == "Enabled"
        prefix = str(mapping(rule.get("filter")).get("prefix") or "everything")
        unfinished |= enabled and "abortIncompleteMultipartUpload" in rule
        days = mapping(rule.get("expiration")).get("days")
        if _less(days, least):
            yield f"Objects below {prefix} expire after {days:g} days: keep them for {least:g} or more."
        noncurrent = mapping(rule.get("noncurrentVersionExpiration")).get("noncurrentDays")
        if _less(noncurrent, versions):
            yield f"Versions below {prefix} expire after {noncurrent:g} days: keep them {versions:g} or more."
        if not enabled and ("expiration" in rule or "noncurrentVersionExpiration" in rule):
            yield f"The rule for {prefix} is off: what it would end is kept for ever."
        if ("expiration" in rule) != ("noncurrentVersionExpiration" in rule):
            yield f"Objects below {prefix} need both: an end, and one for their old versions."
        if prefix.startswith("errors") and "expiration" not in rule:
            yield f"What could not be delivered, below {prefix}, must end: set expiration."
    if not unfinished:
        yield "Unfinished uploads must end: set abortIncompleteMultipartUpload for everything."


def _less(days: Any, least: float) -> bool:
    return isinstance(days, int | float) and not isinstance(days, bool) and days < least
