"""Buckets: encrypted with a key of one's own, closed, TLS only, versioned, tidied, and not lightly deleted.

What makes a bucket safe is a resource of its own since version 4 of the provider; the older forms inside the
bucket still work, and count as well.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.graph import UNKNOWN, Graph, Node, walk
from policies.rules import GraphFault, Props, given, graph_policy, resource_policy, section
from policies.statements import Statement, statements

BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ACCOUNT_PUBLIC_ACCESS = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def either(kind: str) -> tuple[str, str]:
    """Return the tokens of a bucket's companion: today's, and the one of version 6."""
    return f"aws:s3/b{kind[1:]}:{kind}", f"aws:s3/b{kind[1:]}V2:{kind}V2"


ENCRYPTION = either("BucketServerSideEncryptionConfiguration")
VERSIONING = either("BucketVersioning")
LIFECYCLE = either("BucketLifecycleConfiguration")

# Whether a companion, or the bucket itself in an older form, has what is asked for; None: not known yet.
Has = Callable[[Node], bool | None]


def _lacks(graph: Graph, bucket: Node, has: Has, *types: str) -> bool:
    """Say whether neither the bucket nor any companion of these types has it, or may turn out to."""
    return all(has(node) is False for node in (bucket, *graph.companions(bucket, "bucket", *types)))


def _found(values: Iterator[bool | None]) -> bool | None:
    """Return True if any is, None if any may be."""
    seen = set(values)
    return True if True in seen else None if None in seen else False


def _mappings(node: Node, *keys: str) -> Iterator[Mapping[str, Any] | None]:
    """Yield the mappings anywhere in properties, None for what is not known yet."""
    for key in keys:
        for value in walk(node.get(key)):
            if value is UNKNOWN:
                yield None
            elif isinstance(value, dict):
                yield cast(Mapping[str, Any], value)


def _with_own_key(node: Node) -> bool | None:
    places = ("rules", "serverSideEncryptionConfiguration", "serverSideEncryptionConfigurations")

    def own(found: Mapping[str, Any] | None) -> bool | None:
        if found is None:
            return None
        key = found.get("kmsMasterKeyId")
        if found.get("sseAlgorithm") not in ("aws:kms", "aws:kms:dsse", UNKNOWN) or not key:
            return False
        # The key that AWS manages is no key of one's own.
        return None if key is UNKNOWN else not str(key).endswith("alias/aws/s3")

    return _found(own(found) for found in _mappings(node, *places))


def _encrypted(graph: Graph, _: Mapping[str, Any]) -> Iterator[GraphFault]:
    for bucket in graph.of(*BUCKETS):
        if _lacks(graph, bucket, _with_own_key, *ENCRYPTION):
            yield bucket, "A bucket must be encrypted with a KMS key of your own."


def _closed(node: Node) -> bool | None:
    values = [node.get(key) for key in BLOCKS]
    if any(value is UNKNOWN for value in values):
        return None
    return all(value is True for value in values)


def _blocked(graph: Graph, _: Mapping[str, Any]) -> Iterator[GraphFault]:
    if any(_closed(node) is not False for node in graph.of(ACCOUNT_PUBLIC_ACCESS)):
        return
    for bucket in graph.of(*BUCKETS):
        if _lacks(graph, bucket, _closed, PUBLIC_ACCESS):
            yield bucket, f"A bucket must be closed to the public: {', '.join(BLOCKS)} must all be true."


def _refuses_plain(statement: Statement) -> bool:
    # What says that the transport is secure is the same for every action and object; a part is not enough.
    everything = "s3:*" in statement.actions or "*" in statement.actions
    everyone = "*" in statement.principals and not statement.allows
    return everything and everyone and "false" in statement.condition("aws:SecureTransport", {"bool"})


def _tls(node: Node) -> bool | None:
    found = statements(node.get("policy"))
    return None if found is None else any(_refuses_plain(one) for one in found)


def _tls_only(graph: Graph, _: Mapping[str, Any]) -> Iterator[GraphFault]:
    for bucket in graph.of(*BUCKETS):
        if _lacks(graph, bucket, _tls, POLICY):
            yield (
                bucket,
                "A bucket must refuse requests without TLS: its policy must deny s3:* "
                "where aws:SecureTransport is false.",
            )


def _versions(node: Node) -> bool | None:
    def on(found: Mapping[str, Any] | None) -> bool | None:
        if found is None or UNKNOWN in (found.get("status"), found.get("enabled")):
            return None
        return found.get("status") == "Enabled" or found.get("enabled") is True

    return _found(
        on(found) for found in _mappings(node, "versioningConfiguration", "versioning", "versionings")
    )


def _versioned(graph: Graph, _: Mapping[str, Any]) -> Iterator[GraphFault]:
    for bucket in graph.of(*BUCKETS):
        if _lacks(graph, bucket, _versions, *VERSIONING):
            yield bucket, "A bucket should keep versions: what is overwritten or deleted can be had back."


def _tidies(node: Node) -> bool | None:
    def on(found: Mapping[str, Any] | None) -> bool | None:
        if found is None:
            return None
        return found.get("status") == "Enabled" or found.get("enabled") is True

    return _found(on(found) for found in _mappings(node, "rules", "lifecycleRules"))


def _tidied(graph: Graph, _: Mapping[str, Any]) -> Iterator[GraphFault]:
    for bucket in graph.of(*BUCKETS):
        if _lacks(graph, bucket, _tidies, *LIFECYCLE):
            yield bucket, "A bucket should say when objects expire, or move to cheaper storage."


EPHEMERAL = ["dev", "test"]


def _kept(props: Props, config: Mapping[str, Any]) -> str | None:
    if not given(props, "forceDestroy") or props.get("forceDestroy") is not True:
        return None
    tags = section(props, "tags")
    if given(tags, "environment") and tags.get("environment") in config.get("ephemeral", EPHEMERAL):
        return None
    return "A bucket must not be deleted with its objects: set forceDestroy to false."


def _keep(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"forceDestroy": False} if _kept(props, config) else None


POLICIES = (
    graph_policy(
        "aws-s3-bucket-configure-kms",
        description="Buckets are encrypted with a customer-managed KMS key.",
        check=_encrypted,
        steps="Add a BucketServerSideEncryptionConfiguration with sseAlgorithm aws:kms and kmsMasterKeyId.",
        severity=Severity.HIGH,
    ),
    graph_policy(
        "aws-s3-bucket-block-public",
        description="Buckets are closed to the public.",
        check=_blocked,
        steps="Add a BucketPublicAccessBlock with all four settings true.",
        severity=Severity.CRITICAL,
    ),
    graph_policy(
        "aws-s3-bucket-enforce-tls",
        description="Buckets refuse requests without TLS.",
        check=_tls_only,
        steps="Add a BucketPolicy that denies s3:* to everyone where aws:SecureTransport is false.",
        severity=Severity.HIGH,
    ),
    graph_policy(
        "aws-s3-bucket-enable-versioning",
        description="Buckets keep versions of their objects.",
        check=_versioned,
        steps="Add a BucketVersioning with status Enabled.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
    graph_policy(
        "aws-s3-bucket-missing-lifecycle",
        description="Buckets say what becomes of old objects.",
        check=_tidied,
        steps="Add a BucketLifecycleConfiguration.",
        severity=Severity.LOW,
        level=EnforcementLevel.ADVISORY,
    ),
    resource_policy(
        "aws-s3-bucket-disallow-force-destroy",
        *BUCKETS,
        description="Buckets are not deleted with their objects, but where all is made to be thrown away.",
        check=_kept,
        mend=_keep,
        steps="Set forceDestroy to false.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema(
            {"ephemeral": {"type": "array", "items": {"type": "string"}, "default": EPHEMERAL}}
        ),
    ),
)
