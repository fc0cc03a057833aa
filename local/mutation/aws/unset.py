"""Switches of AWS that nobody set, and lifecycle rules, whose parts mean something only together."""

from __future__ import annotations

from collections.abc import Iterator

from local.standin.state import Resource

from ..graph import Graph, Path, clone
from ..mutant import Mutant, beside, edit

BUCKET = "aws:s3/bucket:Bucket"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
FUNCTION = "aws:lambda/function:Function"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"

ENDING = {"expiration", "noncurrentVersionExpiration", "abortIncompleteMultipartUpload"}


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Set properties that no program of ours sets: their names are the SDK's."""
    for one in graph.of(BUCKET):
        yield edit("public", one, "public-read", {("acl",): "public-read"})
    for one in graph.of(LIFECYCLE):
        yield from _lifecycle(one)
    for one in graph.of(FUNCTION):
        # No password of anybody's: what counts is that a secret stands where everybody reads it.
        secret: dict[Path, str] = {("environment", "variables", "DB_PASSWORD"): "correct horse"}
        yield edit("encryption", one, "a secret in plain", secret)
    for one in graph.of(SUBSCRIPTION):
        edits: dict[Path, str] = {("protocol",): "http", ("endpoint",): "http://example.org/"}
        yield beside("tls", one, "another one, to http", clone(one, "outside", edits))
    for one in graph.of(ALARM):
        yield edit("alarm", one, "False", {("actionsEnabled",): False})


def _lifecycle(one: Resource) -> Iterator[Mutant]:
    for index, rule in enumerate(one.inputs.get("rules", [])):
        if "expiration" not in rule and "transitions" in rule:
            yield edit("loss", one, "1 day", {("rules", index, "expiration", "days"): 1})
        # A rule that only moves objects to cheaper storage protects nothing.
        if rule.keys() & ENDING and rule.get("status") == "Enabled":
            yield edit("retention", one, "Disabled", {("rules", index, "status"): "Disabled"})
