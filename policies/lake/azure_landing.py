"""What has landed on Azure stays as it landed: versions, locks, lifecycle, and who may write and delete."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from policies.graph import UNKNOWN, Node, mapping, unknown
from policies.lake.azure import AzureLake
from policies.lake.azure_access import PUT
from policies.lake.azure_flow import CAPTURE, container, zones
from policies.lake.azure_guard import LOCK, PERIOD, locks, services
from policies.lake.azure_places import ACCOUNT, CONTAINER, HUB, IDENTITY, Spot, scope_of
from policies.lake.azure_rights import of_azure
from policies.lake.azure_roles import BLOBS
from policies.lake.parts import Lake
from policies.rules import Fault

LIFECYCLE = "azure-native:storage:ManagementPolicy"
# What keeps a resource from deletion, by the property that says which.
LOCKS = {
    "azure-native:authorization:ManagementLockByScope": "scope",
    "azure-native:authorization:ManagementLockAtResourceGroupLevel": "resourceGroupName",
}
DELETES = tuple(f"{BLOBS}/{one}" for one in ("delete", "deleteBlobVersion/action", "permanentDelete/action"))


def _zones(lake: AzureLake) -> list[Node]:
    return list(dict.fromkeys(delivery.zone for delivery in lake.deliveries))


def deletion(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Versions are kept, the account is locked, and none but the delivery's service has a role to delete."""
    here = of_azure(lake)
    for zone in _zones(here):
        said = [one.get("isVersioningEnabled") for one in services(here.places, zone)]
        if not {True, UNKNOWN} & set(map(_hashable, said)):
            yield zone, "A landing zone must keep versions: set isVersioningEnabled."
        if zone.tag("environment") == "prod" and not _kept_whole(here, zone):
            yield zone, "A landing zone in production must not be deleted: add a lock CanNotDelete."
        spots = [here.places.spot(one) for one in here.places.inside(zone, CONTAINER)]
        parties = {node for one in here.deliveries if one.zone is zone for node in one.party}
        for right in here.held:
            may = sorted({one for spot in spots for one in right.allows(DELETES, spot)})
            # The role that Capture needs may delete; the lock of each version is what keeps it from it.
            if may and not right.holders & parties:
                yield right.node, f"{right.who} may {', '.join(may)} in the landing zone {zone.name}."


def _hashable(value: Any) -> Any:
    return value if value is UNKNOWN else value is True


def _kept_whole(lake: AzureLake, zone: Node) -> bool:
    for type_, path in LOCKS.items():
        for node in lake.graph.of(type_):
            value = node.get(path)
            if node.get("level") not in ("CanNotDelete", "ReadOnly", UNKNOWN):
                continue
            group = path == "resourceGroupName" and value in (UNKNOWN, zone.get("resourceGroupName"))
            scope = scope_of(value) if isinstance(value, str) and path == "scope" else None
            made_of = value is UNKNOWN and zone in lake.graph.made_of(node, path)
            if group or made_of or (scope and scope.covers(lake.places.spot(zone))):
                return True
    return False


def writing(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Who writes into a landing zone writes into a container, and everybody comes with a role."""
    here = of_azure(lake)
    for zone in _zones(here):
        # A place in the account that is no container: who may write there may write everywhere in it.
        anywhere = Spot(group=here.places.group(zone), path=here.places.path(zone), node=None)
        for right in here.held:
            if right.allows(PUT, anywhere):
                yield (
                    right.node,
                    f"{right.who} may write all of the landing zone {zone.name}: name the container.",
                )
        yield from _strangers(here, zone)
        for door, name in (
            ("allowCrossTenantReplication", "another tenant"),
            ("enableNfsV3", "a network"),
        ):
            if zone.get(door) is True:
                yield zone, f"A landing zone must not be open to {name}: set {door} to false."


def _strangers(lake: AzureLake, zone: Node) -> Iterator[Fault]:
    """Yield who may write somewhere in a landing zone, being neither a delivery nor a transform."""
    parties = {node for one in (*lake.deliveries, *lake.transforms) for node in one.party}
    spots = [lake.places.spot(one) for one in lake.places.inside(zone, CONTAINER)]
    for right in lake.held:
        if not right.holders & parties and any(right.allows(PUT, spot) for spot in spots):
            yield right.node, f"{right.who} may write into the landing zone {zone.name}, and has nothing to."


def kept(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    """Locks that hold for long enough, and rules that end nothing early and everything in the end."""
    here, least = of_azure(lake), config.get("minimumDays", 7)
    for account in here.graph.of(ACCOUNT):
        if not services(here.places, account):
            yield (
                account,
                "What is deleted from an account must be kept for a time: add BlobServiceProperties.",
            )
    for zone in _zones(here):
        production = zone.tag("environment") == "prod"
        yield from ((zone, fault) for fault in _lock_faults(zone, production, least))
        rules = [
            one for one in here.graph.of(LIFECYCLE) if here.places.called(one, "accountName", ACCOUNT) is zone
        ]
        if not rules:
            yield zone, "What a landing zone no longer needs must end: add a ManagementPolicy."
        for node in rules:
            yield from ((node, fault) for fault in _ending(node, least, least if production else 1))


def _lock_faults(zone: Node, production: bool, least: float) -> Iterator[str]:
    policy = f"{LOCK}.immutabilityPolicy"
    locked = zone.get(f"{LOCK}.enabled") is True and locks(zone, policy)
    if unknown(zone.get(LOCK)):
        return
    if production and not locked:
        yield "A landing zone in production must lock what has landed."
    days = zone.number(f"{policy}.{PERIOD}")
    if production and locked and days is not None and days < least:
        yield f"A lock in production must hold for {least:g} days or more."
    if locked and zone.get(f"{policy}.allowProtectedAppendWrites") is True:
        yield "A lock must let nobody append: set allowProtectedAppendWrites to false."
    if production and (zone.text("sku.name") or "").upper().endswith("_LRS"):
        yield "A landing zone in production must outlive a building: take a redundancy by zone."


def _ending(node: Node, least: float, versions: float) -> Iterator[str]:
    if not node.items("policy.rules") and not unknown(node.get("policy")):
        yield "What a landing zone no longer needs must end: set policy.rules."
    for rule in map(mapping, node.items("policy.rules")):
        definition = mapping(rule.get("definition"))
        actions, filters = mapping(definition.get("actions")), mapping(definition.get("filters"))
        prefixes = filters.get("prefixMatch")
        listed = cast(list[Any], prefixes) if isinstance(prefixes, list) else []
        below = ", ".join(map(str, listed)) or "everything"
        for kind, most in (("baseBlob", least), ("version", versions), ("snapshot", versions)):
            for condition, days in mapping(mapping(actions.get(kind)).get("delete")).items():
                if isinstance(days, int | float) and not isinstance(days, bool) and days < most:
                    yield f"{below}: {condition} of {kind} is {days:g}: keep it for {most:g} days or more."
        if rule.get("enabled") is False:
            yield f"The rule for {below} is off: what it would end is kept for ever."
        if not unknown(actions) and not mapping(actions.get("version")).get("delete"):
            yield f"{below}: what was written twice must end: set actions.version.delete."


def owned(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Roles say who may do what: a hierarchy of folders would have lists of its own, and no versions."""
    for zone in _zones(of_azure(lake)):
        for key in ("isHnsEnabled", "isSftpEnabled", "isLocalUserEnabled"):
            if zone.get(key) is True:
                yield zone, f"A landing zone must have no ACLs and no users of its own: set {key} to false."


def delivered(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Protected hubs are captured: into a container of the stack, as an identity that is named."""
    here = of_azure(lake)
    for hub in here.graph.of(HUB):
        if hub.get(CAPTURE) is UNKNOWN:
            continue
        if hub.get(f"{CAPTURE}.enabled") is True:
            yield from ((hub, fault) for fault in _capture(here, hub))
        elif hub in here.protected and hub.get(f"{CAPTURE}.enabled") is not UNKNOWN:
            yield hub, "A protected stream must be delivered: set captureDescription, and enable it."


def _capture(lake: AzureLake, hub: Node) -> Iterator[str]:
    destination = f"{CAPTURE}.destination"
    accounts = zones(lake.places, hub)
    if not accounts and hub.get(f"{destination}.storageAccountResourceId") is not UNKNOWN:
        yield "A delivery must write to an account of its own stack."
    name = container(lake.graph, lake.places, hub)
    made = [lake.places.name(one) for account in accounts for one in lake.places.inside(account, CONTAINER)]
    if accounts and hub.get(f"{destination}.blobContainer") is not UNKNOWN and name not in made:
        yield "A delivery must write to a container of its own stack."
    identity = f"{destination}.identity.userAssignedIdentity"
    if not unknown(hub.get(f"{destination}.identity")) and not lake.places.targets(hub, identity, IDENTITY):
        yield "A delivery must write as an identity of its own: set destination.identity."
    if hub.get(f"{destination}.archiveNameFormat") is None:
        yield "A delivery must say below which prefix it writes: set destination.archiveNameFormat."
    if hub.get(f"{CAPTURE}.encoding") not in ("Avro", UNKNOWN):
        yield "A delivery must keep each record as it is: set encoding to Avro."
