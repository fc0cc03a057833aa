"""The way of a record: which hub is captured, where to, and who is told of what landed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.standin.state import Resource

from ..graph import GONE, Graph, Path, clone, get
from ..mutant import Mutant, beside, edit
from . import kinds
from .kinds import CAPTURE

TO: Path = (CAPTURE, "destination")
DELIVERY = "deliveryWithResourceIdentity"
DEAD_LETTERS = "deadLetterWithResourceIdentity"
#: an account of somebody else's
ELSEWHERE = "/subscriptions/{0}/resourceGroups/{1}/providers/Microsoft.Storage/storageAccounts/{1}".format(
    "00000000-0000-0000-0000-000000000000", "somebodyelses"
)


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Let plaintext land, and what has landed go elsewhere."""
    for hub in kinds.captured(graph):
        yield from _moved(graph, hub)
        yield from _captured(graph, hub)
    for subscription in graph.of(kinds.SUBSCRIPTION):
        yield from _told(graph, subscription)


def _captured(graph: Graph, hub: Resource) -> Iterator[Mutant]:
    """Capture what comes in as well; a namespace captures as an identity that it has, so within one only."""
    for ingress in kinds.plaintext(graph).values():
        if ingress.inputs["namespaceName"] == hub.inputs["namespaceName"]:
            links = {CAPTURE: hub.property_dependencies.get(CAPTURE, [])}
            edits: dict[Path, Any] = {(CAPTURE,): hub.inputs[CAPTURE]}
            yield edit("flow", ingress, f"captured like {hub.name}", edits, links=links)


def _moved(graph: Graph, hub: Resource) -> Iterator[Mutant]:
    account, container = (*TO, "storageAccountResourceId"), (*TO, "blobContainer")
    here = f"{get(hub.inputs, account)}/blobServices/default/containers/{get(hub.inputs, container)}"
    for other in graph.of(kinds.CONTAINER):
        if other.id != here:
            edits = {account: kinds.account_id(other.id), container: other.inputs["containerName"]}
            links = {CAPTURE: _linked(graph, hub, CAPTURE, other)}
            yield edit("flow", hub, f"into {other.name}", edits, where=CAPTURE, links=links)
    links = {CAPTURE: _linked(graph, hub, CAPTURE)}
    yield edit("flow", hub, "into somebody else's account", {account: ELSEWHERE}, where=CAPTURE, links=links)
    form = (*TO, "archiveNameFormat")
    for other in kinds.captured(graph):
        if other.urn != hub.urn:
            yield edit("flow", hub, f"the prefix of {other.name}", {form: get(other.inputs, form)})
    yield edit("flow", hub, "gone", {form: GONE})


def _told(graph: Graph, subscription: Resource) -> Iterator[Mutant]:
    to = (DELIVERY, "destination", "resourceId")
    if get(subscription.inputs, to) is not GONE:
        links = {DELIVERY: _linked(graph, subscription, DELIVERY)}
        yield edit("flow", subscription, "somebody else's account", {to: ELSEWHERE}, links=links)
    outside = {"endpointType": "WebHook", "endpointUrl": "https://example.org/"}
    edits: dict[Path, Any] = {
        (DELIVERY,): GONE,
        ("destination",): outside,
        ("eventSubscriptionName",): "outside",
    }
    yield beside("flow", subscription, "another one, to the outside", clone(subscription, "outside", edits))
    dead = (DEAD_LETTERS, "deadLetterDestination")
    here = f"{get(subscription.inputs, (*dead, 'resourceId'))}/blobServices/default/containers/"
    for other in graph.of(kinds.CONTAINER) if get(subscription.inputs, dead) is not GONE else ():
        if other.id != here + str(get(subscription.inputs, (*dead, "blobContainerName"))):
            edits = {
                (*dead, "resourceId"): kinds.account_id(other.id),
                (*dead, "blobContainerName"): other.inputs["containerName"],
            }
            links = {DEAD_LETTERS: _linked(graph, subscription, DEAD_LETTERS, other)}
            what = f"dead letters into {other.name}"
            yield edit("flow", subscription, what, edits, where=DEAD_LETTERS, links=links)


def _linked(graph: Graph, one: Resource, name: str, container: Resource | None = None) -> list[str]:
    """Return to what a property points once it means another container, or one that is not in the graph."""
    storage = {each.urn for each in [*graph.of(kinds.ACCOUNT), *graph.of(kinds.CONTAINER)]}
    kept = [urn for urn in one.property_dependencies.get(name, []) if urn not in storage]
    if container is None:
        return kept
    accounts = [each.urn for each in graph.of(kinds.ACCOUNT) if each.id == kinds.account_id(container.id)]
    return [*kept, *accounts, container.urn]
