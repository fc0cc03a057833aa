"""Who can read and write what in a lake on Azure, and who can get plaintext with its keys."""

from collections.abc import Iterator
from typing import Any, cast

from policies.graph import UNKNOWN, Graph, Node, mapping, unknown
from policies.lake.azure_flow import RECEIVE, SEND, captures, settings
from policies.lake.azure_places import CONTAINER, HUB, NAMESPACE, VAULT, Places, Spot
from policies.lake.azure_roles import BLOBS, GRANTING, KEYS, Right
from policies.lake.parts import Access, Delivery, Plaintext, Transform

GROUP = "azure-native:eventhub:ConsumerGroup"
HUB_RULE = "azure-native:eventhub:EventHubAuthorizationRule"
NAMESPACE_RULE = "azure-native:eventhub:NamespaceAuthorizationRule"
BLOB = "azure-native:storage:Blob"
POLICY = "azure-native:keyvault:AccessPolicy"
# What reads a hub by itself, and what sends to one, by the property that holds the hub's id.
READERS = {
    "azure-native:kusto:EventHubDataConnection": "eventHubResourceId",
    "azure-native:kusto:EventHubConnection": "eventHubResourceId",
}
WRITERS = {
    "azure-native:eventgrid:EventSubscription": "destination.resourceId",
    "azure-native:eventgrid:SystemTopicEventSubscription": "destination.resourceId",
}
PUT = (f"{BLOBS}/write", f"{BLOBS}/add/action")
# To release a key is to hand it out.
PLAINTEXT = (f"{KEYS}/decrypt/action", f"{KEYS}/unwrap/action", f"{KEYS}/release/action", *GRANTING)
# The same in the words of a vault's own policies.
OPENS = {"all", "decrypt", "unwrapkey", "release"}


def readers(
    graph: Graph, places: Places, held: tuple[Right, ...], transforms: tuple[Transform, ...]
) -> Iterator[Access]:
    """Yield every way in which a hub can be read."""
    yield from _by_roles(graph, places, held, RECEIVE)
    yield from _by_resources(graph, places, READERS)
    yield from _by_keys(graph, places, "Listen")
    for hub in captures(graph):
        yield Access(node=hub, of=hub, who=f"the Capture of {hub.name}", party=frozenset({hub}))
    for group in graph.of(GROUP):
        hub = _hub_of(places, group)
        if hub is None or (_group_name(group) or "").lower() == "$default":
            continue
        party = [
            node
            for one in transforms
            if hub in one.reads and _tells(graph, one.node, group)
            for node in one.party
        ]
        yield Access(node=group, of=hub, who=f"the ConsumerGroup {group.name}", party=frozenset(party))


def _group_name(group: Node) -> str | None:
    return group.text("consumerGroupName") or group.text("name")


def _tells(graph: Graph, app: Node, group: Node) -> bool:
    """Say whether an app's settings name a consumer group, or may, while one of both is not known."""
    name = _group_name(group)
    if name in settings(graph, app).values():
        return True
    hidden = unknown(app.get("siteConfig")) and group in graph.made_of(app, "siteConfig")
    return hidden or (name is None and UNKNOWN in (group.get("consumerGroupName"), group.get("name")))


def _hub_of(places: Places, node: Node) -> Node | None:
    """Return the hub that a rule or a consumer group is of."""
    value = node.get("eventHubName")
    if value is UNKNOWN:
        return next(iter(places.graph.depends(node, "eventHubName", HUB)), None)
    owner = places.called(node, "namespaceName", NAMESPACE)
    hubs = places.inside(owner, HUB) if owner else []
    return next((one for one in hubs if isinstance(value, str) and places.name(one) == value), None)


def writers(graph: Graph, places: Places, held: tuple[Right, ...]) -> Iterator[Access]:
    """Yield every way in which a hub can be written."""
    yield from _by_roles(graph, places, held, SEND)
    yield from _by_resources(graph, places, WRITERS)
    yield from _by_keys(graph, places, "Send")


def _by_roles(
    graph: Graph, places: Places, held: tuple[Right, ...], actions: tuple[str, ...]
) -> Iterator[Access]:
    for hub in graph.of(HUB):
        for right in held:
            if right.allows(actions, places.spot(hub)):
                yield Access(node=right.node, of=hub, who=right.who, party=right.holders)


def _by_resources(graph: Graph, places: Places, types: dict[str, str]) -> Iterator[Access]:
    for type_, path in types.items():
        for node in graph.of(type_):
            for hub in places.targets(node, path, HUB):
                yield Access(node=node, of=hub, who=_named(node), party=frozenset({node}))


def _by_keys(graph: Graph, places: Places, right: str) -> Iterator[Access]:
    """Yield what keys open: of a hub, or of its namespace, unless that takes no keys."""
    for rule in graph.of(HUB_RULE, NAMESPACE_RULE):
        if not {right, "Manage"} & {one for one in rule.items("rights") if isinstance(one, str)}:
            continue
        owner = places.called(rule, "namespaceName", NAMESPACE)
        if owner is None or owner.get("disableLocalAuth") in (True, UNKNOWN):
            continue
        hub = _hub_of(places, rule) if rule.type == HUB_RULE else None
        for one in [hub] if hub else places.inside(owner, HUB) if rule.type == NAMESPACE_RULE else ():
            yield Access(node=rule, of=one, who=f"who has the key {rule.name}", party=frozenset())


def _named(node: Node) -> str:
    return f"the {node.type.rpartition(':')[2]} {node.name}"


def zone_writers(
    graph: Graph, places: Places, deliveries: tuple[Delivery, ...], held: tuple[Right, ...]
) -> Iterator[Access]:
    """Yield every way in which objects can be put below the prefix of a delivery, `of` being the delivery."""
    for delivery in deliveries:
        if delivery.prefix is None:
            continue
        container, _, below = delivery.prefix.partition("/")
        spot = container_spot(graph, places, delivery.zone, container)
        for node in graph.of(BLOB):
            named = places.called(node, "containerName", CONTAINER)
            if named and named is spot.node and (node.text("blobName") or "").startswith(below):
                yield Access(node=node, of=delivery.node, who=_named(node), party=frozenset({node}))
        for right in held:
            if right.allows(PUT, spot) and _reaches(right, below):
                yield Access(node=right.node, of=delivery.node, who=right.who, party=right.holders)


def _reaches(right: Right, below: str) -> bool:
    """Say whether a right reaches objects below a prefix, or may, while its condition is not known."""
    if right.node.get("condition") is UNKNOWN:
        return False
    return right.below is None or any(one.startswith(below) or below.startswith(one) for one in right.below)


def container_spot(graph: Graph, places: Places, account: Node, name: str) -> Spot:
    """Return where a container of an account lies, which the stack need not have made."""
    made = [one for one in places.inside(account, CONTAINER) if places.name(one) == name]
    above = places.path(account)
    path = f"{above}/blobservices/default/containers/{name.lower()}" if above else None
    return Spot(group=places.group(account), path=path, node=made[0] if made else None)


def read_from_outside(places: Places, zone: Node, held: tuple[Right, ...]) -> bool:
    """Say whether somebody who is none of the stack may read what lies in an account."""
    spots = [places.spot(one) for one in (zone, *places.inside(zone, CONTAINER))]
    return any(
        not right.holders and any(right.allows((f"{BLOBS}/read",), spot) for spot in spots) for right in held
    )


def plaintext(
    graph: Graph, places: Places, keys: tuple[Node, ...], held: tuple[Right, ...]
) -> Iterator[Plaintext]:
    """Yield everybody who can get plaintext with a key: by a role, or by a policy of its vault."""
    for key in keys:
        for right in held:
            if actions := tuple(right.allows(PLAINTEXT, places.spot(key))):
                yield Plaintext(
                    node=right.node, key=key, who=right.called, actions=actions, party=right.holders
                )
        vault = places.owner(key)
        if vault is not None and vault.get("properties.enableRbacAuthorization") not in (True, UNKNOWN):
            yield from _by_policies(graph, places, vault, key)


def _by_policies(graph: Graph, places: Places, vault: Node, key: Node) -> Iterator[Plaintext]:
    beside = [node for node in graph.of(POLICY) if places.called(node, "vaultName", VAULT) is vault]
    found = [(vault, one) for one in vault.items("properties.accessPolicies")]
    found += [(node, node.get("policy")) for node in beside]
    for node, policy in found:
        entry = mapping(policy)
        listed = mapping(entry.get("permissions")).get("keys")
        given = cast(list[Any], listed) if isinstance(listed, list) else []
        if actions := tuple(one for one in given if isinstance(one, str) and one.lower() in OPENS):
            who = entry.get("objectId")
            yield Plaintext(
                node=node, key=key, who=who if isinstance(who, str) else node.name, actions=actions
            )
