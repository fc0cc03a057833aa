"""Properties that protect, weakened by the vocabulary; and switches that the SDK has and nobody set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.standin.state import Resource

from .graph import GONE, Graph, Path, clone, dotted, get, walk
from .mutant import Mutant, beside, edit
from .vocabulary import rules

BUCKET = "aws:s3/bucket:Bucket"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
FUNCTION = "aws:lambda/function:Function"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
STAGE = "snowflake:index/stageExternalS3:StageExternalS3"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"

ENDING = {"expiration", "noncurrentVersionExpiration", "abortIncompleteMultipartUpload"}


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Weaken each property that protects, then set what nobody set."""
    for resource in graph.managed:
        for path, value in walk(resource.raw_inputs):
            yield from _weakened(resource, path, value)
    yield from _set(graph)


def _weakened(resource: Resource, path: Path, value: Any) -> Iterator[Mutant]:
    for rule in rules(f"{resource.type} {dotted(path)}"):
        for what, new in rule.weaken(resource, value):
            beside = {(*path[:-1], name): GONE for name in rule.companions}
            edits = {
                path: new,
                **{at: one for at, one in beside.items() if get(resource.inputs, at) is not GONE},
            }
            yield edit(rule.kind, resource, what, edits, where=_at(path))


def _at(path: Path) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def _set(graph: Graph) -> Iterator[Mutant]:
    """Set properties that no program of ours sets: their names are the SDK's."""
    for one in graph.of(BUCKET):
        yield edit("public", one, "public-read", {("acl",): "public-read"})
    for one in graph.of(LIFECYCLE):
        for index, rule in enumerate(one.inputs.get("rules", [])):
            if "expiration" not in rule and "transitions" in rule:
                yield edit("loss", one, "1 day", {("rules", index, "expiration", "days"): 1})
            # A rule that only moves objects to cheaper storage protects nothing.
            if rule.keys() & ENDING and rule.get("status") == "Enabled":
                yield edit("retention", one, "Disabled", {("rules", index, "status"): "Disabled"})
    for one in graph.of(FUNCTION):
        # No password of anybody's: what counts is that a secret stands where everybody reads it.
        yield edit(
            "encryption",
            one,
            "a secret in plain",
            {("environment", "variables", "DB_PASSWORD"): "correct horse"},
        )
    for one in graph.of(SUBSCRIPTION):
        edits: dict[Path, Any] = {("protocol",): "http", ("endpoint",): "http://example.org/"}
        added = clone(one, "outside", edits)
        yield beside("tls", one, "another one, to http", added)
    for one in graph.of(STAGE):
        credentials = {"awsKeyId": "somebody", "awsSecretKey": "correct horse"}
        edits = {("credentials",): credentials, ("storageIntegration",): GONE}
        yield edit("access", one, "instead of the integration", edits, where="credentials")
    for one in graph.of(ALARM):
        yield edit("alarm", one, "False", {("actionsEnabled",): False})
