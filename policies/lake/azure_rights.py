"""In a lake on Azure a right is a named role on one thing for one identity, and nothing wider."""

from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import UNKNOWN, Node, mapping, unknown
from policies.lake.azure import AzureLake
from policies.lake.azure_flow import settings
from policies.lake.azure_places import (
    ACCOUNT,
    APP,
    HUB,
    IDENTITY,
    KEY,
    NAMESPACE,
    TOPIC,
    VAULT,
)
from policies.lake.azure_roles import (
    BLOBS,
    DEFINITION,
    HUBS,
    KEYS,
    MESSAGES,
    SECRETS,
    Right,
    actions,
)
from policies.lake.azure_watch import SUBSCRIPTION, destinations
from policies.lake.parts import Lake
from policies.rules import Fault

USES = tuple(f"{KEYS}/{one}/action" for one in ("wrap", "unwrap", "encrypt", "decrypt", "sign", "release"))
CHANGES = tuple(f"{SECRETS}/{one}/action" for one in ("setSecret", "delete", "purge", "restore", "recover"))
# The last folder of the path of one thing, by the data that a role for it is about.
NARROWEST = {
    "eventhubs": f"{HUBS}/namespaces/messages",
    "containers": BLOBS,
    "queues": MESSAGES,
    "keys": KEYS,
}
# What Event Grid puts somewhere: by a key of the account, and as an identity.
SENT = (
    ("messages", "destination", "deliveryWithResourceIdentity"),
    ("dead letters", "deadLetterDestination", "deadLetterWithResourceIdentity"),
)
# Azure's own roles that something in a lake is for. The others may more than any one thing needs.
ROLES = [
    "Azure Event Hubs Data Receiver",
    "Azure Event Hubs Data Sender",
    "Key Vault Crypto Service Encryption User",
    "Key Vault Secrets User",
    "Monitoring Metrics Publisher",
    "Storage Blob Data Contributor",
    "Storage Blob Data Reader",
    "Storage Queue Data Contributor",
    "Storage Queue Data Message Processor",
    "Storage Queue Data Message Sender",
    "Storage Queue Data Reader",
]
# Kinds of principals that are more than one.
MANY = ("Group", "ForeignGroup", "Device")
# The host of functions asks for it, on an account of its own.
HOSTING = "Storage Blob Data Owner"


def of_azure(lake: Lake) -> AzureLake:
    """Return a lake as the one on Azure that it is."""
    assert isinstance(lake, AzureLake)  # noqa: S101 (`by_cloud` calls these checks with no other)
    return lake


def roles(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    """Definitions without wildcards, for one group; assignments of known roles, on one thing."""
    here = of_azure(lake)
    allowed: list[str] = config.get("roles", ROLES)
    held_data = [*here.graph.of(HUB, KEY), *(delivery.zone for delivery in here.deliveries)]
    for node in here.graph.of(DEFINITION):
        yield from ((node, fault) for fault in _definition(node))
    for right in here.held:
        kind = right.node.text("principalType")
        if kind in MANY or (kind == "User" and any(right.covers(here.places.spot(one)) for one in held_data)):
            yield right.node, f"A role of a lake is for a service: {right.who} is of type {kind}."
        if right.node.text("delegatedManagedIdentityResourceId") is not None:
            yield right.node, f"A role of a lake is for its own tenant: {right.who} is another's."
        yield from ((right.node, fault) for fault in _assignment(here, right, allowed))


def _definition(node: Node) -> Iterator[str]:
    for kind in ("actions", "dataActions"):
        if wide := [one for one in actions(node, kind) if "*" in one]:
            yield f"A role of a lake names its actions: {', '.join(wide)} in {kind} names all of a kind."
    places = [one for one in (*node.items("assignableScopes"), node.get("scope")) if isinstance(one, str)]
    for place in dict.fromkeys(places):
        if "/resourcegroups/" not in place.lower():
            yield f"A role of a lake is for its resource group: {place} is more."


def _assignment(lake: AzureLake, right: Right, allowed: list[str]) -> Iterator[str]:
    given = right.node.text("roleDefinitionId")
    name = right.role.name if right.role else (given or "").rpartition("/")[2]
    own = any(one.text("roleName") == name for one in lake.graph.of(DEFINITION))
    hosts = right.role is not None and name == HOSTING and _hosts(lake, right)
    if given is not None and name not in allowed and not own and not hosts:
        yield f"{right.who} is given {name}, which may more than a lake needs: take a narrower role."
    if right.scope is None:
        return
    if not right.scope.path:
        yield f"{right.who} is {name} of all that is in a group or above: name the resource."
        return
    for folder, of in NARROWEST.items():
        touches = right.role and right.role.allows([f"{of}/{one}" for one in _TRIED])
        if touches and not hosts and f"/{folder}/" not in f"{right.scope.path}/":
            yield f"{right.who} is {name} of all {folder} of {right.scope.path}: name the one that is meant."


_TRIED = ("read", "write", "add/action", "receive/action", "send/action", "wrap/action", "unwrap/action")


def _hosts(lake: AzureLake, right: Right) -> bool:
    """Say whether a right is that of an app on the account in which its own host keeps things."""
    for app in lake.graph.of(APP):
        if not right.holders & {app, *lake.places.identities(app)}:
            continue
        named = settings(lake.graph, app).get("AzureWebJobsStorage__accountName")
        if UNKNOWN in (named, app.get("siteConfig"), app.get("siteConfig.appSettings")):
            return True
        accounts = [one for one in lake.graph.of(ACCOUNT) if lake.places.name(one) == named]
        if any(right.covers(lake.places.spot(one)) for one in accounts) and right.scope is not None:
            return "/" in right.scope.path
    return False


def key_use(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    """A key is used by a transform to wrap, or by what a service encrypts with it."""
    here = of_azure(lake)
    users: list[str] = config.get("users", [])
    for key in here.graph.of(KEY):
        for right in here.held:
            may = right.allows(USES, here.places.spot(key))
            wraps = key in here.keys and any(right.holders & one.party for one in here.transforms)
            if not may or wraps or _encrypts(here, right, key) or right.called in users:
                continue
            does = ", ".join(one.split("/")[-2] for one in may)
            yield right.node, f"{right.who} may {does} with the key {key.name}, and encrypts nothing with it."
    readers = {node for one in here.transforms for node in one.party}
    for right in (one for one in here.held if one.holders & readers):
        for vault in here.graph.of(VAULT):
            if right.allows(CHANGES, here.places.spot(vault)):
                yield (
                    right.node,
                    f"{right.who} may change the secrets of {vault.name}: a transform reads them.",
                )


def encrypters(lake: AzureLake) -> Iterator[tuple[Node, list[Node], Any]]:
    """Yield what is encrypted with a key of one's own, as whom, and what it says of the key."""
    for node in lake.graph.of(ACCOUNT):
        path = "encryption.encryptionIdentity.encryptionUserAssignedIdentity"
        if node.get("encryption.keyVaultProperties") is not None:
            yield node, lake.places.targets(node, path, IDENTITY), node.get("encryption.keyVaultProperties")
    for node in lake.graph.of(NAMESPACE):
        for one in node.items("encryption.keyVaultProperties"):
            value = mapping(mapping(one).get("identity")).get("userAssignedIdentity")
            made = lake.graph.depends(node, "encryption", IDENTITY) if value is UNKNOWN else []
            yield node, [*lake.places.at(value, IDENTITY), *made], one


def _encrypts(lake: AzureLake, right: Right, key: Node) -> bool:
    return any(
        right.holders & set(identities) and key in keys_of(lake, node, said)
        for node, identities, said in encrypters(lake)
    )


def keys_of(lake: AzureLake, node: Node, said: Any) -> list[Node]:
    """Return the keys of the stack that a resource says it is encrypted with, or may be."""
    uri, name = mapping(said).get("keyVaultUri"), mapping(said).get("keyName")
    if said is UNKNOWN or UNKNOWN in (uri, name):
        return lake.graph.depends(node, "encryption", KEY)
    found = [one for vault in lake.places.hosted(uri) for one in lake.places.inside(vault, KEY)]
    return [one for one in found if lake.places.name(one) == name]


def vaults(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Keys that wrap and nothing else, in vaults that are opened by roles of one's own tenant alone."""
    here = of_azure(lake)
    tenants = {value for node in here.graph.of(IDENTITY) if (value := node.text("tenantId"))}
    for key in here.graph.of(KEY):
        yield from ((key, fault) for fault in _key(key))
    for vault in here.graph.of(VAULT):
        for door in ("enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment"):
            if vault.get(f"properties.{door}") is True:
                yield vault, f"A vault of a lake is opened by roles alone: set properties.{door} to false."
        if (vault.text("properties.sku.name") or "premium").lower() != "premium":
            yield vault, "Only a premium vault keeps keys in hardware: set properties.sku.name to premium."
        if vault.items("properties.accessPolicies"):
            yield vault, "A vault of a lake is opened by roles alone: take its accessPolicies away."
        tenant = vault.text("properties.tenantId")
        if tenant is not None and tenants and tenant not in tenants:
            yield vault, f"A vault of a lake is for its own tenant, not {tenant}."


def _key(key: Node) -> Iterator[str]:
    given, kind = key.get("properties"), key.text("properties.kty")
    missing = [one for one in ("kty", "keySize", "keyOps") if key.get(f"properties.{one}") is None]
    if missing and not unknown(given):
        yield f"A key of a lake says what it is and what it may: set {', '.join(missing)}."
    extra = [one for one in key.items("properties.keyOps") if one not in ("wrapKey", "unwrapKey", UNKNOWN)]
    if extra:
        yield f"A key of a lake wraps keys, and nothing else: it may {', '.join(map(str, extra))}."
    if kind in ("RSA", "EC", "oct"):
        yield "A key of a lake must lie in hardware: set properties.kty to RSA-HSM."
    size = key.number("properties.keySize")
    if size is not None and size < 3072 and (kind or "RSA").startswith("RSA"):
        yield "What a key wraps must stay closed for as long as it is kept: set keySize to 3072."
    if key.get("properties.attributes.expires") not in (None, UNKNOWN):
        yield "A key must not end while what it wrapped is kept: leave properties.attributes.expires."


def messaging(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Event Grid sends as itself, and may send alone; one listener takes what it sent."""
    here = of_azure(lake)
    for node in here.graph.of(SUBSCRIPTION):
        for kind, plain, path in SENT:
            nobody = node.get(path) is not None and node.get(f"{path}.identity") is None
            if node.get(plain) is not None or nobody:
                yield node, f"Event Grid must put {kind} as an identity: set {path}, with its identity."
        topic = here.places.called(node, "systemTopicName", TOPIC)
        senders = set(here.places.identities(topic)) if topic else set[Node]()
        for queue in destinations(here.graph, here.places, node):
            yield from _queue_rights(here, queue, senders)


def _queue_rights(lake: AzureLake, queue: Node, senders: set[Node]) -> Iterator[Fault]:
    takes = (f"{MESSAGES}/read", f"{MESSAGES}/delete", f"{MESSAGES}/process/action")
    takers = [one for one in lake.held if one.allows(takes, lake.places.spot(queue))]
    for right in takers:
        if right.holders & senders:
            yield (
                right.node,
                f"{right.who} must only send to the queue {queue.name}: it may take messages too.",
            )
    for right in lake.held if senders else ():
        adds = right.allows((f"{MESSAGES}/add/action",), lake.places.spot(queue))
        if adds and right not in takers and not right.holders & senders:
            yield right.node, f"Only Event Grid may put messages into {queue.name}: {right.who} may too."
    others = sorted({one.principal for one in takers if not one.holders & senders})
    if len(others) > 1:
        yield queue, f"Several would each get a part of what is in {queue.name}: {', '.join(others)}."
