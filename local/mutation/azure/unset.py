"""Switches of Azure that nobody set, and settings whose meaning takes two resources."""

from __future__ import annotations

from collections.abc import Iterator

from local.standin.state import Resource

from ..graph import GONE, Graph, Path, get
from ..mutant import Mutant, edit
from . import kinds

#: in gigabytes a day: beyond it logs are dropped
LITTLE = 0.023


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Set properties that no program of ours sets: their names are the SDK's."""
    for one in graph.of(kinds.ACCOUNT):
        # A version that is named is not followed by the next.
        version: Path = ("encryption", "keyVaultProperties", "keyVersion")
        if get(one.inputs, version[:-1]) is not GONE:
            yield edit("keys", one, "one for ever", {version: "98481114984811149848111498481114"})
    for one in graph.of(kinds.BLOBS):
        yield edit("loss", one, "True", {("deleteRetentionPolicy", "allowPermanentDelete"): True})
    for one in graph.of(kinds.LIFECYCLE):
        yield from _lifecycle(one)
    for one in graph.of(kinds.APP):
        yield edit("access", one, "True", {("siteConfig", "remoteDebuggingEnabled"): True})
    for one in graph.of(kinds.INSIGHTS):
        yield edit("trace", one, "1", {("samplingPercentage",): 1})
    for one in graph.of(kinds.WORKSPACE):
        yield edit("trace", one, "little", {("workspaceCapping", "dailyQuotaGb"): LITTLE})
    yield from _unseen(graph)


def _lifecycle(one: Resource) -> Iterator[Mutant]:
    """Let objects end that only move to cheaper storage."""
    for index, rule in enumerate(get(one.inputs, ("policy", "rules"))):
        path: Path = ("policy", "rules", index, "definition", "actions", "baseBlob")
        found = get(rule, path[3:])
        if isinstance(found, dict) and "delete" not in found:
            yield edit("loss", one, "1 day", {(*path, "delete", "daysAfterModificationGreaterThan"): 1})


def _unseen(graph: Graph) -> Iterator[Mutant]:
    """Stop writing down the metrics that an alarm asks for; others Azure keeps by itself for three months."""
    queries = [
        str(each.get("query")).lower()
        for one in graph.of(kinds.QUESTION)
        for each in get(one.inputs, ("criteria", "allOf"))
    ]
    for one in graph.of(kinds.DIAGNOSTICS):
        asked = any(f'"{one.inputs["resourceUri"]}"'.lower() in query for query in queries)
        for index, metric in enumerate(one.inputs.get("metrics", []) if asked else ()):
            if metric.get("enabled"):
                yield edit("alarm", one, "False", {("metrics", index, "enabled"): False})
