"""AWS, in the words of pulumi-aws."""

import json
from collections.abc import Iterator
from typing import Any

from tests.conformance.description import Carried, Description, Must, Of, Right, Trust
from tests.program.graph import Graph, listed, statements

BUCKET = "aws:s3/bucket:Bucket"


def of_bucket(kind: str, path: str) -> Of:
    companion = f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}"
    return Of(type=BUCKET, path=path, companion=companion, by="bucket", to="bucket")


def only_tls(policy: Any) -> bool:
    """A statement that denies everybody everything, on bucket and objects, without TLS."""
    return any(
        one["Effect"] == "Deny"
        and one["Principal"] == "*"
        and listed(one["Action"]) == ["s3:*"]
        and one.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        and len(one["Resource"]) == 2
        for one in json.loads(policy)["Statement"]
    )


def closed(name: str) -> Must:
    return Must(of=of_bucket("BucketPublicAccessBlock", name), holds=lambda value: value is True)


WORDS = {
    "kinesis:GetRecords": "read",
    "kinesis:GetShardIterator": "read",
    "kinesis:SubscribeToShard": "read",
    "kinesis:PutRecord": "write",
    "kinesis:PutRecords": "write",
    "s3:GetObject": "read",
    "s3:GetObjectVersion": "read",
    "s3:PutObject": "write",
    "s3:ListBucket": "list",
    "s3:GetBucketLocation": "list",
    "kms:Encrypt": "encrypt",
    "kms:GenerateDataKey": "encrypt",
    "kms:Decrypt": "decrypt",
}


def rights(graph: Graph) -> Iterator[Right]:
    for policy in graph.of("RolePolicy"):
        for one in statements(policy.inputs["policy"]):
            assert one["Effect"] == "Allow", policy.urn
            prefixes = one.get("Condition", {}).get("StringLike", {}).get("s3:prefix", [""])
            for action in listed(one["Action"]):
                for resource in listed(one["Resource"]):
                    on, _, under = resource.partition("/") if ":s3:::" in resource else (resource, "", "")
                    for prefix in [under] if under else prefixes:
                        yield Right(
                            holder=policy, may=WORDS.get(action, action), on=on, under=prefix.rstrip("*")
                        )


def carries(graph: Graph) -> Iterator[Carried]:
    for one in graph.of("EventSourceMapping"):
        yield Carried(carrier=one, origin=one.inputs["eventSourceArn"], target=one.inputs["functionName"])
    for one in graph.of("FirehoseDeliveryStream"):
        yield Carried(
            carrier=one,
            origin=one.inputs["kinesisSourceConfiguration"]["kinesisStreamArn"],
            target=one.inputs["extendedS3Configuration"]["bucketArn"],
        )


def trusts(graph: Graph) -> Iterator[Trust]:
    reader = graph.named("Role", "-warehouse-reader")
    for one in statements(reader.inputs["assumeRolePolicy"]):
        for principal in listed(one["Principal"]["AWS"]):
            yield Trust(
                principal=principal,
                word=one.get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId", ""),
            )


DESCRIPTION = Description(
    stacks={"dev": {}, "prod": {}},
    package="aws",
    keys=("aws:kms/key:Key", ("arn",)),
    key_property=r"(?i)kms.*key",
    keyed={
        "streams": (Of(type="aws:kinesis/stream:Stream", path="kmsKeyId"),),
        "landing": (
            of_bucket(
                "BucketServerSideEncryptionConfiguration",
                "rules[*].applyServerSideEncryptionByDefault.kmsMasterKeyId",
            ),
            Of(
                type="aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
                path="extendedS3Configuration.kmsKeyArn",
            ),
        ),
        "queues": (
            Of(type="aws:sqs/queue:Queue", path="kmsMasterKeyId"),
            Of(type="aws:sns/topic:Topic", path="kmsMasterKeyId"),
        ),
        "secrets": (Of(type="aws:secretsmanager/secret:Secret", path="kmsKeyId"),),
        "logs": (
            Of(type="aws:cloudwatch/logGroup:LogGroup", path="kmsKeyId"),
            Of(type="aws:cloudtrail/trail:Trail", path="kmsKeyId"),
        ),
    },
    excused={
        "aws:lambda/function:Function": "its environment says names and ARNs, no secret",
        "aws:lambda/eventSourceMapping:EventSourceMapping": "the key is for filters, and it filters nothing",
    },
    zone=(BUCKET, "-landing"),
    landing={
        "versioned": (
            Must(
                of=of_bucket("BucketVersioning", "versioningConfiguration.status"),
                holds=lambda value: value == "Enabled",
            ),
        ),
        "immutable": (
            Must(of=Of(type=BUCKET, path="objectLockEnabled"), holds=lambda value: value is True),
            Must(
                of=of_bucket("BucketObjectLockConfiguration", "rule.defaultRetention"),
                holds=lambda value: value["mode"] in {"GOVERNANCE", "COMPLIANCE"} and value["days"] >= 1,
            ),
        ),
        "closed to the public": tuple(
            closed(name)
            for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        ),
        "encrypted in transit": (Must(of=of_bucket("BucketPolicy", "policy"), holds=only_tls),),
    },
    workers={
        "protect": "retaillake:aws:Transform",
        "deliver": "retaillake:aws:DeliveryStream",
        "read": "retaillake:aws:WarehouseReader",
        "reveal": "retaillake:aws:Reidentification",
    },
    rights=rights,
    carries=carries,
    trusts=trusts,
    pii_keys=lambda graph: (graph.named("Key", "-pii").outputs["arn"],),
)
