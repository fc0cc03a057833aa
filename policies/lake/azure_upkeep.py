"""A lake on Azure that can be mended: retries, messages, keys, protection."""

from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import UNKNOWN, Node, mapping, unknown
from policies.lake.azure import AzureLake
from policies.lake.azure_access import GROUP, PUT, container_spot
from policies.lake.azure_flow import settings
from policies.lake.azure_places import (
    ACCOUNT,
    APP,
    IDENTITY,
    NAMESPACE,
    TOPIC,
    VAULT,
)
from policies.lake.azure_rights import encrypters, keys_of, of_azure
from policies.lake.azure_watch import SUBSCRIPTION, destination, destinations
from policies.lake.parts import Lake
from policies.rules import Fault

OFFSET = "AzureFunctionsJobHost__extensions__eventHubs__initialOffsetOptions__type"
DAY = 24  # hours


def retried(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """A transform reads all that is kept, runs always, and its hub keeps records until it is mended."""
    here = of_azure(lake)
    for transform in here.transforms:
        app, given = transform.node, settings(here.graph, transform.node)
        if given.get(OFFSET) not in (None, "fromStart", UNKNOWN):
            yield app, f"A transform must begin with the oldest record: set {OFFSET} to fromStart."
        if app.get("enabled") is False:
            yield app, "A transform must run: leave enabled."
        for hub in transform.reads:
            if not any(one.of is hub and one.node.type == GROUP and app in one.party for one in here.readers):
                yield app, f"A transform must read {hub.name} by a consumer group of its own: name it."
        for hub in (*transform.reads, *transform.writes):
            if hub.text("status") not in (None, "Active"):
                yield hub, "A stream of a lake must send and receive: leave status at Active."
            if hub.text("retentionDescription.cleanupPolicy") not in (None, "Delete"):
                yield hub, "A stream of a lake must keep every record: set cleanupPolicy to Delete."
            hours = hub.number("retentionDescription.retentionTimeInHours")
            days = hub.number("messageRetentionInDays")
            least = hours if hours is not None else None if days is None else days * 24
            if least is None and not unknown(hub.get("retentionDescription")):
                yield hub, "A stream must say for how long it keeps records: set retentionDescription."
            if least is not None and least < DAY:
                yield hub, f"A stream must keep records for {DAY} hours or more: a failed batch waits there."

    for app in here.graph.of(APP):
        if app.get("siteConfig.alwaysOn") not in (True, UNKNOWN):
            yield app, "A function must not be put to sleep: set siteConfig.alwaysOn."


def queued(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Event Grid tries for as long as it can, and does not end by itself."""
    here = of_azure(lake)
    for node in here.graph.of(SUBSCRIPTION):
        attempts = node.number("retryPolicy.maxDeliveryAttempts")
        minutes = node.number("retryPolicy.eventTimeToLiveInMinutes")
        if (attempts is not None and attempts < 30) or (minutes is not None and minutes < 1440):
            yield node, "Event Grid must try for a day: leave 30 attempts and 1440 minutes."
        yield from ((node, fault) for fault in _told_to(here, node))
        if node.get("expirationTimeUtc") is not None:
            yield node, "A subscription must not end by itself: take expirationTimeUtc away."


def _told_to(lake: AzureLake, node: Node) -> Iterator[str]:
    """Say what is wrong with where a subscription sends, and of what it tells."""
    path, begins = "deadLetterWithResourceIdentity", node.get("filter.subjectBeginsWith")
    dead = node.get(f"{path}.deadLetterDestination")
    accounts = lake.places.targets(node, f"{path}.deadLetterDestination.resourceId", ACCOUNT)
    if dead is not None and not unknown(dead):
        name = str(mapping(dead).get("blobContainerName"))
        spots = [container_spot(lake.graph, lake.places, one, name) for one in accounts]
        senders = set(lake.places.targets(node, f"{path}.identity.userAssignedIdentity", IDENTITY))
        own = [right for right in lake.held if right.holders & senders]
        if not accounts:
            yield "What could not be told must stay in the stack: name an account of it."
        elif senders and not any(right.allows(PUT, spot) for right in own for spot in spots):
            yield f"Dead letters must go where Event Grid may put them, not to {name}."
        others = [
            one
            for one in lake.held
            if not one.holders & senders and any(one.allows(PUT, spot) for spot in spots)
        ]
        if senders and others:
            who = ", ".join(sorted({one.who for one in others}))
            yield f"Only Event Grid may put dead letters into {name}: {who} may too."
    if not unknown(node.get(destination(node))) and not destinations(lake.graph, lake.places, node):
        yield "A subscription must tell a queue of the stack."
    if begins is not UNKNOWN and node.get("filter") is not UNKNOWN and not begins:
        yield "A subscription must tell of what is delivered alone: set filter.subjectBeginsWith."


def own_keys(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """What is encrypted with a key of one's own is so with one of the stack, as an identity of it."""
    here = of_azure(lake)
    for node, identities, said in encrypters(here):
        if not unknown(said) and not keys_of(here, node, said):
            yield (
                node,
                f"{mapping(said).get('keyName')} of its vault is no key of this stack.",
            )
        if mapping(said).get("keyVersion"):
            yield node, "A key must be followed when it is rotated: leave keyVersion."
        if not identities and not unknown(node.get("encryption")):
            yield node, "What is encrypted must be so as an identity of the stack: name it in encryption."
        if not set(identities) <= set(here.places.identities(node)) and not unknown(node.get("identity")):
            yield node, "What is encrypted must have the identity that may use the key: set identity."
    for node in here.graph.of(ACCOUNT, NAMESPACE):
        encryption = node.get("encryption")
        if encryption is None and node.type == NAMESPACE and node.tag("environment") == "prod":
            yield node, "Streams in production must be encrypted with a key of the stack: set encryption."
        tier = node.text("sku.name") if node.type == NAMESPACE else None
        if encryption is not None and tier in ("Basic", "Standard"):
            yield node, f"Tier {tier} encrypts with no key of one's own: take Premium."
        twice = node.get("encryption.requireInfrastructureEncryption")
        if encryption is not None and encryption is not UNKNOWN and twice not in (True, UNKNOWN):
            yield node, "What is encrypted must be so twice: set encryption.requireInfrastructureEncryption."
    for node in here.graph.of(ACCOUNT):
        yield from ((node, fault) for fault in _services(node))
    if not here.keys:
        for one in here.transforms:
            yield one.node, "A transform must have a key of personal data to encrypt with."


def _services(node: Node) -> Iterator[str]:
    for name, service in node.section("encryption.services").items():
        if mapping(service).get("enabled") is False:
            yield f"Everything in an account must be encrypted: enable encryption.services.{name}."
        given = mapping(service).get("keyType", "Service" if name in ("queue", "table") else "Account")
        if given == "Service":
            yield f"Everything in an account must be encrypted with its key: set {name}'s keyType to Account."
    for name in ("queue", "table"):
        if not unknown(node.get("encryption")) and node.get(f"encryption.services.{name}") is None:
            yield f"The service's own key would encrypt its {name}s: set encryption.services.{name}."


def protected(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    """In production vaults can be had back for long, and what the warehouse hears by is protected."""
    here, least = of_azure(lake), config.get("minimumDays", 30)
    for vault in here.graph.of(VAULT):
        days = vault.number("properties.softDeleteRetentionInDays")
        if vault.tag("environment") == "prod" and days is not None and days < least:
            yield vault, f"A vault in production must keep what is deleted for {least:g} days or more."
    production = [one for one in here.graph.of(TOPIC) if one.tag("environment") == "prod"]
    heard_by = [node for pipe in here.pipes for node in (pipe.node, *pipe.listens)] if production else []
    for node in dict.fromkeys([*production, *heard_by]):
        if not node.protect:
            yield node, "Protect pipes and what they hear by: what is told between two of them is lost."
