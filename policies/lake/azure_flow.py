"""How data flows on Azure: function apps read hubs and write others, Capture puts hubs into accounts."""

import re
from collections.abc import Iterator
from typing import Any, cast

from policies.graph import UNKNOWN, Graph, Node, unknown
from policies.lake.azure_places import ACCOUNT, APP, CONTAINER, HUB, KEY, Places, host_of
from policies.lake.azure_roles import HUBS, KEYS, Right
from policies.lake.parts import Delivery, Failure, Transform
from policies.lake.warehouse import STAGES

SETTINGS = "azure-native:web:WebAppApplicationSettings"
CAPTURE = "captureDescription"
RECEIVE = (f"{HUBS}/namespaces/messages/receive/action",)
SEND = (f"{HUBS}/namespaces/messages/send/action",)
WRAP = (f"{KEYS}/wrap/action", f"{KEYS}/encrypt/action")
# How often a function tries a batch, where its app's settings say it: without end is -1.
# Where a function takes its code from.
HOST = "FUNCTIONS_EXTENSION_VERSION"
PACKAGE = "WEBSITE_RUN_FROM_PACKAGE"
RETRIES = "AzureFunctionsJobHost__retry__maxRetryCount"


def settings(graph: Graph, app: Node) -> dict[str, Any]:
    """Return an app's settings; what is not known yet is `UNKNOWN`."""
    found: dict[str, Any] = {}
    for one in app.items("siteConfig.appSettings"):
        if isinstance(one, dict) and isinstance(name := cast(dict[str, Any], one).get("name"), str):
            found[name] = cast(dict[str, Any], one).get("value")
    for node in graph.companions(app, "name", SETTINGS):
        found |= node.section("properties")
    return found


def told(graph: Graph, places: Places, app: Node, type_: str) -> list[Node]:
    """Return the hubs, keys, … that an app's settings name, or were made of while they are not known."""
    given = settings(graph, app)
    values = [value for value in given.values() if isinstance(value, str)]
    found = [one for one in graph.of(type_) if _named(places, one, values)]
    if unknown(given) or unknown(app.get("siteConfig.appSettings")):
        found += graph.depends(app, "siteConfig", type_)
    return list(dict.fromkeys(found))


def _named(places: Places, node: Node, values: list[str]) -> bool:
    """Say whether settings name what lies in a namespace or a vault: by one address, or by owner and name."""
    owner, name = places.owner(node), places.name(node)
    if owner is None or name is None:
        return False
    at_owner = [value for value in values if owner in places.hosted(value)]
    if node.type == KEY:
        wanted = f"keys/{name}".lower()
        return any(f"{(host_of(value) or ('', '', ''))[2]}/".startswith(f"{wanted}/") for value in at_owner)
    return bool(at_owner) and name.lower() in (value.lower() for value in values)


def runs(graph: Graph, app: Node) -> Iterator[str]:
    """Yield on what an app runs: its language, as `python3.13`, and its host, as `functions~4`."""
    stack = (app.text("siteConfig.linuxFxVersion") or "").lower().replace("|", "")
    if stack:
        yield re.sub(r"^node(\d+).*", r"nodejs\1.x", stack)
    if isinstance(host := settings(graph, app).get(HOST), str):
        yield f"functions{host}"


# --- transforms -----------------------------------------------------------------------------------------


def transforms(graph: Graph, places: Places, held: tuple[Right, ...]) -> Iterator[Transform]:
    """Yield the apps that receive from a hub that they are told of, and send to another one."""
    for app in graph.of(APP):
        identities = frozenset(places.identities(app))
        hubs = told(graph, places, app, HUB)
        own = [right for right in held if right.holders & {app, *identities}]
        reads = [one for one in hubs if any(right.allows(RECEIVE, places.spot(one)) for right in own)]
        writes = [
            one
            for one in hubs
            if one not in reads and any(right.allows(SEND, places.spot(one)) for right in own)
        ]
        if reads and writes:
            party = frozenset({app, *identities})
            yield Transform(node=app, party=party, reads=tuple(reads), writes=tuple(writes))


def keys(graph: Graph, places: Places, transform: Transform, held: tuple[Right, ...]) -> list[Node]:
    """Return the keys of personal data: those that a transform is told of, or else may wrap with."""
    own = [right for right in held if right.holders & transform.party]
    return told(graph, places, transform.node, KEY) or [
        one for one in graph.of(KEY) if any(right.allows(WRAP, places.spot(one)) for right in own)
    ]


def failure(graph: Graph, transform: Transform) -> Failure:
    """Return what becomes of batches: a trigger of Event Hubs has nowhere to put them, and moves on."""
    given = settings(graph, transform.node).get(RETRIES)
    number = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    hasty = f"after {number} attempts" if number.isdecimal() else None
    return Failure(node=transform.node, of=transform.node, to=(), keeps=False, hasty=hasty)


# --- deliveries -----------------------------------------------------------------------------------------


def captures(graph: Graph) -> list[Node]:
    """Return the hubs with Capture."""
    return [hub for hub in graph.of(HUB) if hub.get(f"{CAPTURE}.enabled") is True]


def delivery(graph: Graph, places: Places, hub: Node, zone: Node) -> Delivery:
    """Return what a hub's Capture delivers into an account."""
    return Delivery(
        node=hub,
        party=frozenset({hub, *_writer(places, hub)}),
        sources=(hub,),
        zone=zone,
        prefix=_prefix(graph, places, hub),
    )


def zones(places: Places, hub: Node) -> list[Node]:
    """Return the account into which a hub is captured."""
    return places.targets(hub, f"{CAPTURE}.destination.storageAccountResourceId", ACCOUNT)


def container(graph: Graph, places: Places, hub: Node) -> str | None:
    """Return the name of the container into which a hub is captured."""
    value = hub.get(f"{CAPTURE}.destination.blobContainer")
    if value is UNKNOWN:
        found = graph.depends(hub, CAPTURE, CONTAINER)
        return places.name(found[0]) if len(found) == 1 else None
    return value if isinstance(value, str) else None


def _prefix(graph: Graph, places: Places, hub: Node) -> str | None:
    name, form = container(graph, places, hub), hub.text(f"{CAPTURE}.destination.archiveNameFormat")
    if name is None or form is None:
        return None
    return f"{name}/" + "".join(form.partition("{")[0].rpartition("/")[:2])


def _writer(places: Places, hub: Node) -> list[Node]:
    """Return as whom a hub's Capture writes: an identity of its namespace, or the namespace itself."""
    path = f"{CAPTURE}.destination.identity"
    named = places.targets(hub, f"{path}.userAssignedIdentity", *_IDENTITIES)
    owner = places.owner(hub)
    return named or ([owner] if owner else [])


_IDENTITIES = ("azure-native:managedidentity:UserAssignedIdentity",)


def staged(graph: Graph, places: Places, stage: Node) -> tuple[Node | None, str | None]:
    """Return a stage's account, and the container and prefix below which it looks."""
    url = stage.get("url")
    if isinstance(url, str):
        found = host_of(url)
        account = next((one for one in places.hosted(url) if one.type == ACCOUNT), None)
        # The path of an address is that of the objects, whose names differ by case.
        path = url.partition("://")[2].partition("/")[2] if found else None
        return account, path
    made_of = graph.depends(stage, "url", ACCOUNT) if url is UNKNOWN else []
    return (made_of[0] if made_of else None), None


def read_by_warehouse(graph: Graph, places: Places) -> set[Node]:
    """Return the accounts at which a stage looks."""
    return {zone for stage in graph.of(*STAGES) if (zone := staged(graph, places, stage)[0])}
