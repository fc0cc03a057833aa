"""A bucket is judged with its companions, in every form that the provider takes."""

import copy
import json
from typing import Any

import pytest
from pulumi_policy import PolicyResourceOptions, ResourceValidationArgs, ResourceValidationPolicy

from policies import s3
from tests.policies.stack_kit import UNKNOWN, Part, Stack

BUCKET, OLD = "aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"
KEY = "arn:aws:kms:eu-central-1:1:key/k"
DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
BLOCK = dict.fromkeys(
    ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"], True
)
KMS = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
COMPANIONS: dict[str, dict[str, Any]] = {
    "BucketServerSideEncryptionConfiguration": {"rules": [{"applyServerSideEncryptionByDefault": KMS}]},
    "BucketPublicAccessBlock": BLOCK,
    "BucketPolicy": {"policy": json.dumps({"Statement": [DENY]})},
    "BucketVersioning": {"versioningConfiguration": {"status": "Enabled"}},
    "BucketLifecycleConfiguration": {
        "rules": [{"id": "all", "status": "Enabled", "expiration": {"days": 1}}]
    },
}
INLINE: dict[str, dict[str, Any]] = {
    BUCKET: {
        "serverSideEncryptionConfiguration": {"rule": {"applyServerSideEncryptionByDefault": KMS}},
        "policy": json.dumps({"Statement": DENY}),
        "versioning": {"enabled": True},
        "lifecycleRules": [{"enabled": True, "expiration": {"days": 1}}],
    },
    OLD: {
        "serverSideEncryptionConfigurations": [
            {"rules": [{"applyServerSideEncryptionByDefaults": [KMS]}]},
        ],
        "policy": json.dumps({"Statement": DENY}),
        "versionings": [{"enabled": True}],
        "lifecycleRules": [{"enabled": True, "expirations": [{"days": 1}]}],
    },
}
MESSAGES = {
    "BucketServerSideEncryptionConfiguration": (
        "aws-s3-bucket-configure-kms",
        "A bucket must be encrypted with a KMS key of your own.",
    ),
    "BucketPublicAccessBlock": (
        "aws-s3-bucket-block-public",
        "A bucket must be closed to the public: blockPublicAcls, blockPublicPolicy, ignorePublicAcls, "
        "restrictPublicBuckets must all be true.",
    ),
    "BucketPolicy": (
        "aws-s3-bucket-enforce-tls",
        "A bucket must refuse requests without TLS: its policy must deny s3:* where aws:SecureTransport is false.",
    ),
    "BucketVersioning": (
        "aws-s3-bucket-enable-versioning",
        "A bucket should keep versions: what is overwritten or deleted can be had back.",
    ),
    "BucketLifecycleConfiguration": (
        "aws-s3-bucket-missing-lifecycle",
        "A bucket should say when objects expire, or move to cheaper storage.",
    ),
}


def token(kind: str) -> str:
    return f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}"


def safe(*, unknown: bool = False, version: str = "", bucket: str = BUCKET) -> Stack:
    """A bucket with all its companions."""
    name = UNKNOWN if unknown else "b"
    made = Part(
        type=bucket, name="b", props={"bucket": name, "arn": UNKNOWN if unknown else "arn:aws:s3:::b"}
    )
    stack = Stack([made])
    for kind, props in COMPANIONS.items():
        suffix = version if kind not in {"BucketPolicy", "BucketPublicAccessBlock"} else ""
        stack.add(
            Part(
                type=token(kind + suffix),
                name="b",
                props={"bucket": name, **copy.deepcopy(props)},
                depends={"bucket": [made]} if unknown else {},
            )
        )
    return stack


def fault(kind: str, bucket: str = "Bucket::b") -> tuple[str, str, str]:
    return (*MESSAGES[kind], bucket)


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("version", ["", "V2"])
@pytest.mark.parametrize("bucket", [BUCKET, OLD])
def test_a_safe_bucket_passes(unknown: bool, version: str, bucket: str) -> None:
    assert safe(unknown=unknown, version=version, bucket=bucket).findings() == set()


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("kind", COMPANIONS)
def test_a_companion_that_is_gone(kind: str, unknown: bool) -> None:
    stack = safe(unknown=unknown)
    stack.drop(stack.one(kind))
    assert stack.findings() == {fault(kind)}


@pytest.mark.parametrize("kind", COMPANIONS)
def test_a_companion_of_another_bucket(kind: str) -> None:
    stack = safe()
    stack.one(kind).props["bucket"] = "other"
    assert stack.findings() == {fault(kind)}


def changed(path: str, value: Any) -> Any:
    return lambda part: part.section(path.rpartition(".")[0]).update({path.rpartition(".")[2]: value})


def replaced(**props: Any) -> Any:
    return lambda part: part.props.update(props)


def denying(**changes: Any) -> Any:
    return replaced(policy=json.dumps({"Statement": [{**DENY, **changes}]}))


ENCRYPTION, BY_DEFAULT = (
    "BucketServerSideEncryptionConfiguration",
    "rules.0.applyServerSideEncryptionByDefault",
)


@pytest.mark.parametrize(
    ("kind", "weaken"),
    [
        (ENCRYPTION, changed(f"{BY_DEFAULT}.sseAlgorithm", "AES256")),
        (ENCRYPTION, changed(f"{BY_DEFAULT}.kmsMasterKeyId", None)),
        (ENCRYPTION, changed(f"{BY_DEFAULT}.kmsMasterKeyId", "arn:aws:kms:eu-central-1:1:alias/aws/s3")),
        (ENCRYPTION, replaced(rules=None)),
        (ENCRYPTION, replaced(rules="?")),
        *(
            ("BucketPublicAccessBlock", replaced(**{key: value}))
            for key in BLOCK
            for value in (False, None, "true")
        ),
        ("BucketPolicy", denying(Effect="Allow")),
        ("BucketPolicy", denying(Action="s3:PutObject")),
        ("BucketPolicy", denying(Principal={"AWS": "arn:aws:iam::1:root"})),
        ("BucketPolicy", denying(Condition={"Bool": {"aws:SecureTransport": "true"}})),
        ("BucketPolicy", denying(Condition=None)),
        ("BucketPolicy", replaced(policy="no JSON")),
        ("BucketPolicy", replaced(policy=None)),
        ("BucketVersioning", replaced(versioningConfiguration={"status": "Suspended"})),
        ("BucketVersioning", replaced(versioningConfiguration=None)),
        ("BucketLifecycleConfiguration", replaced(rules=[{"status": "Disabled"}])),
        ("BucketLifecycleConfiguration", replaced(rules=[])),
    ],
)
def test_a_companion_that_is_weak(kind: str, weaken: Any) -> None:
    stack = safe()
    weaken(stack.one(kind))
    assert stack.findings() == {fault(kind)}


@pytest.mark.parametrize(
    ("kind", "hide"),
    [
        (ENCRYPTION, changed(f"{BY_DEFAULT}.kmsMasterKeyId", UNKNOWN)),
        (ENCRYPTION, replaced(rules=UNKNOWN)),
        ("BucketPublicAccessBlock", replaced(blockPublicAcls=UNKNOWN)),
        ("BucketPolicy", replaced(policy=UNKNOWN)),
        ("BucketVersioning", replaced(versioningConfiguration={"status": UNKNOWN})),
        ("BucketLifecycleConfiguration", replaced(rules=UNKNOWN)),
    ],
)
def test_what_is_not_known_yet_is_no_fault(kind: str, hide: Any) -> None:
    stack = safe()
    hide(stack.one(kind))
    assert stack.findings() == set()


@pytest.mark.parametrize("bucket", [BUCKET, OLD])
def test_the_older_forms_count(bucket: str) -> None:
    stack = Stack([Part(type=bucket, name="b", props={"bucket": "b", **INLINE[bucket]})])
    assert stack.findings() == {fault("BucketPublicAccessBlock", f"{bucket.rpartition(':')[2]}::b")}
    stack.add(Part(type="aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock", name="all", props=BLOCK))
    assert stack.findings() == set()


def test_a_bare_bucket_lacks_everything() -> None:
    assert Stack([Part(type=BUCKET, name="b")]).findings() == {fault(kind) for kind in COMPANIONS}


@pytest.mark.parametrize(
    ("tags", "config", "fails"),
    [
        ({}, {}, True),
        ({"environment": "prod"}, {}, True),
        ({"environment": "dev"}, {}, False),
        ({"environment": "dev"}, {"ephemeral": []}, True),
        ({"environment": "prod"}, {"ephemeral": ["prod"]}, False),
    ],
)
@pytest.mark.parametrize("type_", [BUCKET, OLD])
def test_force_destroy(type_: str, tags: dict[str, str], config: dict[str, Any], fails: bool) -> None:
    policy = next(one for one in s3.POLICIES if isinstance(one, ResourceValidationPolicy))
    assert policy.name == "aws-s3-bucket-disallow-force-destroy"
    found: list[str] = []
    options = PolicyResourceOptions(False, [], None, [], None, [])  # type: ignore[arg-type]
    props = {"forceDestroy": True, "tags": tags}
    args = ResourceValidationArgs(type_, props, "urn:pulumi:t::t::x::b", "b", options, None, config)
    policy.validate(args, lambda message, urn=None: found.append(message))
    message = "A bucket must not be deleted with its objects: set forceDestroy to false."
    assert found == ([message] if fails else [])
    mended: Any = policy.remediate(args)
    assert mended == ({"forceDestroy": False, "tags": tags} if fails else None)
