"""How landing zones on Azure are guarded: each version locked, and opened by roles alone."""

from collections.abc import Iterator

from policies.graph import UNKNOWN, Graph, Node, unknown
from policies.lake.azure_access import container_spot
from policies.lake.azure_places import ACCOUNT, Places
from policies.lake.parts import Delivery, Guard

LOCK = "immutableStorageWithVersioning"
CONTAINER_LOCK = "azure-native:storage:BlobContainerImmutabilityPolicy"
BLOBS = "azure-native:storage:BlobServiceProperties"
PERIOD = "immutabilityPeriodSinceCreationInDays"


def guards(graph: Graph, places: Places, deliveries: tuple[Delivery, ...]) -> Iterator[Guard]:
    """Yield how each delivery's zone is guarded."""
    for delivery in deliveries:
        locked = _locked(graph, places, delivery)
        yield Guard(
            delivery=delivery,
            locked=locked,
            undeletable=None if locked is None else locked and _versioned(places, delivery.zone),
            closed=_closed(delivery.zone),
        )


def _locked(graph: Graph, places: Places, delivery: Delivery) -> bool | None:
    """Say whether what lands is locked: by the account, by version, or by the container."""
    zone, prefix = delivery.zone, delivery.prefix
    if unknown(zone.get(LOCK)):
        return None
    if zone.get(f"{LOCK}.enabled") is True and locks(zone, f"{LOCK}.immutabilityPolicy"):
        return True
    if prefix is None:
        return None
    container = container_spot(graph, places, zone, prefix.partition("/")[0])
    found = [
        node
        for node in graph.of(CONTAINER_LOCK)
        if container.node and places.called(node, "containerName", container.node.type) is container.node
    ]
    if any(node.get(PERIOD) is UNKNOWN for node in found):
        return None
    return any((node.number(PERIOD) or 0) > 0 for node in found)


def locks(zone: Node, path: str) -> bool:
    """Say whether a policy holds versions for a time."""
    return (zone.number(f"{path}.{PERIOD}") or 0) > 0 and zone.text(f"{path}.state") != "Disabled"


def services(places: Places, account: Node) -> list[Node]:
    """Return what says of an account's objects how they are kept."""
    return [one for one in places.graph.of(BLOBS) if places.called(one, "accountName", ACCOUNT) is account]


def _versioned(places: Places, zone: Node) -> bool | None:
    said = [one.get("isVersioningEnabled") for one in services(places, zone)]
    return None if UNKNOWN in said else True in said


def _closed(zone: Node) -> bool | None:
    """Say whether nobody gets in without a role: no key, no local user, no one without a name."""
    said = [zone.get(key) for key in ("allowSharedKeyAccess", "allowBlobPublicAccess")]
    doors = [zone.get(key) for key in ("isLocalUserEnabled", "isSftpEnabled")]
    if UNKNOWN in (*said, *doors):
        return None
    return said == [False, False] and True not in doors
