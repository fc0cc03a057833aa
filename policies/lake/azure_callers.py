"""Who comes to a lake on Azure from outside, who acts as whom in it, and who calls its functions."""

from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import UNKNOWN, Node
from policies.lake.azure import AzureLake
from policies.lake.azure_access import container_spot
from policies.lake.azure_flow import PACKAGE, settings
from policies.lake.azure_places import ACCOUNT, APP, CONTAINER, IDENTITY, NAMESPACE, TOPIC, Spot, host_of
from policies.lake.azure_rights import of_azure
from policies.lake.azure_roles import BLOBS, Right
from policies.lake.parts import Lake
from policies.rules import Fault

FEDERATION = "azure-native:managedidentity:FederatedIdentityCredential"
NOTIFICATION = "snowflake:index/notificationIntegration:NotificationIntegration"
PASSWORDS = ("azure-native:web:WebAppFtpAllowed", "azure-native:web:WebAppScmAllowed")


def trust(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    """Identities are of the stack and for one thing each; from outside come the warehouse and who deploys."""
    here = of_azure(lake)
    yield from _outside(here, config.get("principals", []))
    yield from _shared(here)
    issuers: list[str] = config.get("issuers", [])
    for node in here.graph.of(FEDERATION):
        issuer = node.text("issuer")
        if issuer is not None and issuer not in issuers:
            yield (
                node,
                f"Whoever {issuer} vouches for may act as an identity of the lake: name it in issuers.",
            )


def _outside(lake: AzureLake, principals: list[str]) -> Iterator[Fault]:
    expected = {spot.path for spot in _doors(lake)}
    inside: dict[str, set[str]] = {}
    for right in lake.held:
        if right.holders or right.scope is None or right.principal in principals:
            continue
        if right.scope.path not in expected:
            yield right.node, f"{right.who} is none of the stack, and holds a role on {right.scope.path}."
        inside.setdefault(right.scope.path, set()).add(right.principal)
    for path, found in inside.items():
        if path in expected and len(found) > 1:
            yield None, f"One from outside of the stack comes to {path}, not {', '.join(sorted(found))}."


def _doors(lake: AzureLake) -> Iterator[Spot]:
    """Yield what somebody from outside has to do with: what is delivered, what tells of it, and the code."""
    for delivery in lake.deliveries:
        if delivery.prefix is not None:
            container = delivery.prefix.partition("/")[0]
            yield container_spot(lake.graph, lake.places, delivery.zone, container)
    yield from (lake.places.spot(channel.to) for channel in lake.channels)
    for app in lake.graph.of(APP):
        yield from (lake.places.spot(one) for one in _code(lake, app))


def heard(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """What the warehouse hears by lies in the stack: who has another queue tells it what to load."""
    here = of_azure(lake)
    for node in here.graph.of(NOTIFICATION):
        uri = node.text("azureStorageQueuePrimaryUri")
        if uri is not None and not here.places.hosted(uri):
            yield node, f"The warehouse must hear by a queue of the stack, not by {uri}."


def _shared(lake: AzureLake) -> Iterator[Fault]:
    """Two that act as one identity may each do what is for the other."""
    used: dict[Node, list[Node]] = {}
    for node in lake.graph.of(ACCOUNT, APP, NAMESPACE, TOPIC):
        for one in lake.places.identities(node):
            used.setdefault(one, []).append(node)
    for one, nodes in used.items():
        if one.type == IDENTITY and len(nodes) > 1:
            yield one, f"An identity is for one thing, not for {', '.join(sorted(n.name for n in nodes))}."


def callers(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Apps that nobody calls, whose code nobody changes with a password, nor they themselves."""
    here = of_azure(lake)
    for app in here.graph.of(APP):
        yield from ((app, fault) for fault in _app(here, app))
        own = here.held if isinstance(settings(here.graph, app).get(PACKAGE), str) else ()
        for right in own:
            if right.holders & {app, *here.places.identities(app)} and _changes_code(here, app, right):
                yield right.node, f"{right.who} may write where the code of {app.name} lies."


def _app(lake: AzureLake, app: Node) -> Iterator[str]:
    if app.get("publicNetworkAccess") not in ("Disabled", UNKNOWN):
        yield "Nobody calls a function of a lake: set publicNetworkAccess to Disabled."
    if app.get("siteConfig.ftpsState") not in ("Disabled", UNKNOWN) and app.get("siteConfig") is not UNKNOWN:
        yield "Nobody puts files into a function of a lake: set siteConfig.ftpsState to Disabled."
    if app.get("siteConfig.remoteDebuggingEnabled") is True:
        yield "Nobody debugs a function of a lake from afar: set siteConfig.remoteDebuggingEnabled to false."
    for type_ in PASSWORDS:
        beside = [one for one in lake.graph.of(type_) if lake.places.called(one, "name", APP) is app]
        if lake.places.name(app) and not any(one.get("allow") in (False, UNKNOWN) for one in beside):
            name = type_.rpartition(":")[2]
            yield f"Nobody puts code into a function of a lake with a password: add {name}, not allowed."
    if app.get("identity") is None:
        yield "A function of a lake must act as an identity: set identity."


def _changes_code(lake: AzureLake, app: Node, right: Right) -> bool:
    return any(right.allows((f"{BLOBS}/write",), lake.places.spot(one)) for one in _code(lake, app))


def _code(lake: AzureLake, app: Node) -> list[Node]:
    """Return the container in which an app's code lies."""
    url = settings(lake.graph, app).get(PACKAGE)
    host, accounts = host_of(url), lake.places.hosted(url)
    return [
        one
        for account in accounts
        for one in lake.places.inside(account, CONTAINER)
        if host and (lake.places.name(one) or "").lower() == host[2].partition("/")[0]
    ]
