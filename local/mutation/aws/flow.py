"""The way of a record: whoever reads plaintext, writes to the landing zone, or keeps a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.standin.state import Resource

from ..graph import GONE, Graph, Path, clone, get
from ..mutant import Mutant, beside, edit
from .documents import ROLE_POLICY, STREAM, added

DELIVERY = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
FUNCTION = "aws:lambda/function:Function"
BUCKET = "aws:s3/bucket:Bucket"
SOURCE: Path = ("kinesisSourceConfiguration", "kinesisStreamArn")
TARGET = "extendedS3Configuration"
ON_FAILURE: Path = ("destinationConfig", "onFailure", "destinationArn")
WRITES_TO: Path = ("environment", "variables", "PROTECTED_STREAM")


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Let plaintext out in each way that the services offer."""
    read = {str(one.inputs.get("eventSourceArn")) for one in graph.of(MAPPING)}
    ingress = [one for one in graph.of(STREAM) if one.outputs.get("arn") in read]
    for delivery in graph.of(DELIVERY):
        yield from _delivering(graph, delivery, ingress)
    for mapping in graph.of(MAPPING):
        yield from _reading(graph, mapping)
    for function in graph.of(FUNCTION):
        yield from _writing(function, ingress)
    for policy in graph.of(ROLE_POLICY):
        yield from _allowed(graph, policy, ingress)


def _delivering(graph: Graph, delivery: Resource, ingress: list[Resource]) -> Iterator[Mutant]:
    arn = get(delivery.inputs, SOURCE)
    for stream in ingress:
        if stream.outputs["arn"] != arn:
            yield edit("flow", delivery, f"reads {stream.name}", {SOURCE: stream.outputs["arn"]})
            second = clone(
                delivery, "second", {SOURCE: stream.outputs["arn"], ("name",): f"{delivery.name}-second"}
            )
            yield beside("flow", delivery, f"another one reads {stream.name}", second)
    yield edit("flow", delivery, "gone: anybody may put to it", {(SOURCE[0],): GONE})
    target: dict[str, Any] = get(delivery.inputs, (TARGET,))
    if target is GONE:
        return
    backup = {name: target[name] for name in ("bucketArn", "roleArn", "kmsKeyArn") if name in target}
    copied: dict[Path, Any] = {
        (TARGET, "s3BackupMode"): "Enabled",
        (TARGET, "s3BackupConfiguration"): {**backup, "prefix": "backup/"},
    }
    yield edit("flow", delivery, "a backup of its source", copied, where=f"{TARGET}.s3BackupMode")
    for function in graph.of(FUNCTION)[:1]:
        parameters = [{"parameterName": "LambdaArn", "parameterValue": function.outputs.get("arn")}]
        enabled = {"enabled": True, "processors": [{"type": "Lambda", "parameters": parameters}]}
        yield edit("flow", delivery, "a processor", {(TARGET, "processingConfiguration"): enabled})
    yield edit(
        "flow", delivery, "somebody else's bucket", {(TARGET, "bucketArn"): "arn:aws:s3:::somebody-elses"}
    )
    for other in graph.of(DELIVERY):
        prefix = get(other.inputs, (TARGET, "prefix"))
        if other.urn != delivery.urn and prefix is not GONE:
            yield edit("flow", delivery, f"the prefix of {other.name}", {(TARGET, "prefix"): prefix})
    yield edit("flow", delivery, "gone", {(TARGET, "prefix"): GONE})


def _reading(graph: Graph, mapping: Resource) -> Iterator[Mutant]:
    for function in graph.of(FUNCTION):
        arn = function.outputs.get("arn")
        if arn != mapping.inputs.get("functionName"):
            second = clone(mapping, f"second-{function.name}", {("functionName",): arn})
            yield beside("flow", mapping, f"{function.name} reads its stream too", second)
    for bucket in graph.of(BUCKET):
        yield edit("flow", mapping, f"the bucket {bucket.name}", {ON_FAILURE: bucket.outputs.get("arn")})


def _writing(function: Resource, ingress: list[Resource]) -> Iterator[Mutant]:
    if get(function.inputs, WRITES_TO) is GONE:
        return
    for stream in ingress:
        yield edit("flow", function, f"writes to {stream.name}", {WRITES_TO: stream.id})


def _allowed(graph: Graph, policy: Resource, ingress: list[Resource]) -> Iterator[Mutant]:
    """Let each role read what comes in, and write where records land."""
    text = str(policy.inputs.get("policy"))
    for stream in ingress:
        if stream.outputs["arn"] not in text:
            allow = _allow(["kinesis:GetRecords", "kinesis:GetShardIterator"], stream.outputs["arn"])
            yield added("flow", policy, f"may read {stream.name}", allow)
    for bucket in graph.of(BUCKET):
        arn = bucket.outputs.get("arn")
        put = _allow(["s3:PutObject"], f"{arn}/landing/*")
        yield added("flow", policy, f"may write to {bucket.name}/landing", put)
        delete = _allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], f"{arn}/*")
        yield added("flow", policy, f"may delete from {bucket.name}", delete)


def _allow(actions: list[str], arn: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": arn}
