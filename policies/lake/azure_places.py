"""Where resources of Azure lie, and what an id, an address or a name in another's properties means.

A stack knows of its resources what they are called and what they lie in, and no ids: so places are compared
by their path below a resource group (`microsoft.eventhub/namespaces/sales/eventhubs/tills`). While a value is
not known, what it was made of says the same; while it is known, it alone counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from policies.graph import UNKNOWN, Graph, Node, unknown

ACCOUNT = "azure-native:storage:StorageAccount"
APP = "azure-native:web:WebApp"
CONTAINER = "azure-native:storage:BlobContainer"
GROUP = "azure-native:resources:ResourceGroup"
HUB = "azure-native:eventhub:EventHub"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
INSIGHTS = "azure-native:applicationinsights:Component"
KEY = "azure-native:keyvault:Key"
NAMESPACE = "azure-native:eventhub:Namespace"
PEOPLE = "azure-native:monitor:ActionGroup"
QUEUE = "azure-native:storage:Queue"
TOPIC = "azure-native:eventgrid:SystemTopic"
VAULT = "azure-native:keyvault:Vault"
WORKSPACE = "azure-native:operationalinsights:Workspace"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A type's place: its folder, the property that names it, and by what property it lies in which other."""

    folder: str
    named: str
    by: str = ""
    inside: str = ""


KINDS = {
    ACCOUNT: Kind(folder="Microsoft.Storage/storageAccounts", named="accountName"),
    APP: Kind(folder="Microsoft.Web/sites", named="name"),
    CONTAINER: Kind(
        folder="blobServices/default/containers", named="containerName", by="accountName", inside=ACCOUNT
    ),
    HUB: Kind(folder="eventhubs", named="eventHubName", by="namespaceName", inside=NAMESPACE),
    IDENTITY: Kind(folder="Microsoft.ManagedIdentity/userAssignedIdentities", named="resourceName"),
    INSIGHTS: Kind(folder="Microsoft.Insights/components", named="resourceName"),
    KEY: Kind(folder="keys", named="keyName", by="vaultName", inside=VAULT),
    NAMESPACE: Kind(folder="Microsoft.EventHub/namespaces", named="namespaceName"),
    PEOPLE: Kind(folder="Microsoft.Insights/actionGroups", named="actionGroupName"),
    QUEUE: Kind(folder="queueServices/default/queues", named="queueName", by="accountName", inside=ACCOUNT),
    TOPIC: Kind(folder="Microsoft.EventGrid/systemTopics", named="systemTopicName"),
    VAULT: Kind(folder="Microsoft.KeyVault/vaults", named="vaultName"),
    WORKSPACE: Kind(folder="Microsoft.OperationalInsights/workspaces", named="workspaceName"),
}
_ID = re.compile(r"/subscriptions/[^/]+(?:/resourcegroups/([^/]+))?(?:/providers/(.+?))?/?")
# Hosts of services, and what their first name is the name of.
_HOST = re.compile(
    r"(?:\w+://)?([a-z0-9-]+)\.(vault|servicebus|blob|dfs|queue|table|file)\.[a-z0-9.-]*[a-z](?::\d+)?(?:/(.*))?",
    re.DOTALL,
)
SERVICES = {"vault": VAULT, "servicebus": NAMESPACE}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A place and all below it: of a group (None: of any), at a path (empty: all of the group)."""

    group: str | None
    path: str

    def covers(self, spot: "Spot") -> bool:
        """Say whether something lies here, as far as it is known where it lies."""
        if spot.path is None:
            return False
        same = self.group is None or spot.group is None or self.group == spot.group
        return same and (not self.path or f"{spot.path}/".startswith(f"{self.path}/"))


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Where one thing lies, and the resource that it is, if the stack has it."""

    group: str | None
    path: str | None
    node: Node | None


def scope_of(value: str) -> Scope | None:
    """Return the place that an id names; what lies above all subscriptions holds everything."""
    text = value.strip().lower()
    if text in ("", "/") or text.startswith("/providers/microsoft.management/"):
        return Scope(group=None, path="")
    found = _ID.fullmatch(text)
    return Scope(group=found[1], path=found[2] or "") if found else None


def host_of(value: Any) -> tuple[str, str, str] | None:
    """Return of an address of a service the name, which service it is, and the path behind."""
    found = _HOST.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    return (found[1], found[2], (found[3] or "").strip("/")) if found else None


@dataclass(frozen=True, eq=False)
class Places:
    """Where a stack's resources lie."""

    graph: Graph

    @cached_property
    def _known(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.graph.of(*KINDS):
            if (path := self.path(node)) is not None:
                found.setdefault(path, []).append(node)
        return found

    def name(self, node: Node) -> str | None:
        """Return what a resource is called in Azure."""
        return node.text("name") or node.text(KINDS[node.type].named)

    def owner(self, node: Node) -> Node | None:
        """Return what a resource lies in: a hub's namespace, a key's vault, a container's account."""
        kind = KINDS.get(node.type)
        return self.called(node, kind.by, kind.inside) if kind and kind.inside else None

    def called(self, node: Node, key: str, type_: str) -> Node | None:
        """Return the resource of a type that a property names, or was made of while it is not known."""
        value = node.get(key)
        if isinstance(value, str):
            named = (one for one in self.graph.of(type_) if _same(self.name(one), value))
            return next(named, None)
        return next(iter(self.graph.depends(node, key, type_)), None) if value is UNKNOWN else None

    def path(self, node: Node) -> str | None:
        """Return a resource's path below its group, None while it is not known."""
        kind, name = KINDS[node.type], self.name(node)
        if name is None:
            return None
        if not kind.inside:
            return f"{kind.folder}/{name}".lower()
        owner = self.owner(node)
        above = self.path(owner) if owner else None
        return f"{above}/{kind.folder}/{name}".lower() if above else None

    def group(self, node: Node) -> str | None:
        """Return the resource group in which a resource lies, if it is known."""
        value = node.text("resourceGroupName")
        return value.lower() if value else None

    def spot(self, node: Node) -> Spot:
        """Return where a resource lies."""
        return Spot(group=self.group(node), path=self.path(node), node=node)

    def at(self, value: Any, *types: str) -> list[Node]:
        """Return the resources of these types at an id."""
        scope = scope_of(value) if isinstance(value, str) and value.startswith("/") else None
        found = self._known.get(scope.path, ()) if scope else ()
        return [one for one in found if one.type in types and scope and scope.covers(self.spot(one))]

    def targets(self, node: Node, path: str, *types: str) -> list[Node]:
        """Return the resources of these types to whose ids a property refers."""
        value = node.get(path)
        texts = list(_texts(value))
        found = [one for text in texts for one in self.at(text, *types)]
        if unknown(value):
            found += self.graph.depends(node, path.partition(".")[0], *types)
        return list(dict.fromkeys(found))

    def hosted(self, value: Any) -> list[Node]:
        """Return the vault, namespace or account to which an address of a service belongs."""
        host = host_of(value)
        if host is None:
            return []
        return [
            one for one in self.graph.of(SERVICES.get(host[1], ACCOUNT)) if _same(self.name(one), host[0])
        ]

    def inside(self, owner: Node, type_: str) -> list[Node]:
        """Return the resources of a type that lie in another."""
        return [one for one in self.graph.of(type_) if self.owner(one) is owner]

    def identities(self, node: Node, path: str = "identity") -> list[Node]:
        """Return those as whom a resource acts; itself, where it has an identity of its own."""
        given = node.get(f"{path}.userAssignedIdentities")
        texts = list(cast(dict[str, Any], given)) if isinstance(given, dict) else list(_texts(given))
        found = [one for text in texts for one in self.at(text, IDENTITY)]
        if unknown(node.get(path)) or given is UNKNOWN:
            found += self.graph.depends(node, path, IDENTITY)
        own = "systemassigned" in (node.text(f"{path}.type") or "").lower()
        return list(dict.fromkeys([*found, *([node] if own else [])]))


def _texts(value: Any) -> Iterator[str]:
    for one in cast(list[Any], value) if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.lower() == other.lower()
