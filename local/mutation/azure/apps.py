"""The settings of a function app: what it writes to, whose code it runs, and what opens its account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.standin.state import Resource

from ..graph import GONE, Graph, Path, get
from ..mutant import Mutant, edit
from . import kinds

SETTINGS: Path = ("siteConfig", "appSettings")
HUB, NAMESPACE = "PROTECTED_HUB", "PROTECTED_NAMESPACE"
#: what the host's own account is opened with, by its key instead of an identity
BY_KEY = "DefaultEndpointsProtocol=https;AccountName=somebody;AccountKey=Y29ycmVjdCBob3JzZQ=="


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Change what the apps are told."""
    for app in graph.of(kinds.APP):
        yield from _told(graph, app)


def _told(graph: Graph, app: Resource) -> Iterator[Mutant]:
    # No password of anybody's: what counts is that a secret stands where everybody reads it.
    yield _with("encryption", app, "a secret in plain", DB_PASSWORD="correct horse")  # noqa: S106
    yield _with("access", app, "by a key", AzureWebJobsStorage=BY_KEY)
    yield _with("access", app, "code from elsewhere", WEBSITE_RUN_FROM_PACKAGE="https://example.org/code.zip")
    yield _with("trace", app, "gone", APPLICATIONINSIGHTS_CONNECTION_STRING=GONE)
    if HUB in settings(app):
        for ingress in kinds.plaintext(graph).values():
            host = f"{ingress.inputs['namespaceName']}.servicebus.windows.net"
            to = {HUB: ingress.inputs["eventHubName"], NAMESPACE: host}
            yield _with("flow", app, f"writes to {ingress.name}", **to)


def settings(app: Resource) -> dict[str, Any]:
    """Return the settings by their names."""
    found = get(app.inputs, SETTINGS)
    return {one["name"]: one.get("value") for one in found} if isinstance(found, list) else {}


def _with(kind: str, app: Resource, what: str, **changed: Any) -> Mutant:
    told = {**settings(app), **changed}
    new = [{"name": name, "value": value} for name, value in told.items() if value is not GONE]
    return edit(kind, app, what, {SETTINGS: new}, where=f"siteConfig.appSettings.{next(iter(changed))}")
