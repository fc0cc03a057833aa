"""A lake on Azure that is watched and can be mended: retries, logs, keys, alarms, runtimes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import UNKNOWN, Node, mapping, unknown
from policies.lake.azure import AzureLake
from policies.lake.azure_access import GROUP
from policies.lake.azure_flow import settings
from policies.lake.azure_places import (
    ACCOUNT,
    APP,
    HUB,
    INSIGHTS,
    NAMESPACE,
    PEOPLE,
    TOPIC,
    VAULT,
    WORKSPACE,
)
from policies.lake.azure_rights import encrypters, keys_of, of_azure
from policies.lake.azure_watch import METRIC, QUERY, SUBSCRIPTION, heard, raised
from policies.lake.parts import Lake
from policies.rules import Fault

DIAGNOSTICS = "azure-native:monitor:DiagnosticSetting"
OFFSET = "AzureFunctionsJobHost__extensions__eventHubs__initialOffsetOptions__type"
TRACES = "APPLICATIONINSIGHTS_CONNECTION_STRING"
LEVEL = "AzureFunctionsJobHost__logging__logLevel__default"
# The services of an account that log by themselves, and by what folder of it.
SERVICES = ("blobServices", "queueServices")
LOGGED = (VAULT, NAMESPACE, APP, TOPIC)
MOST = 1_000.0  # what an alarm may wait for at most, in whatever it counts
DAY = 24  # hours
SCOPES = (APP, HUB, INSIGHTS, NAMESPACE, TOPIC, VAULT, WORKSPACE, ACCOUNT)
# A duration of a day or more, or of more than an hour.
_LONG = re.compile(r"P\d|PT([2-9]|\d\d)H|PT\d{3,}M")


def retried(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """A transform reads all that is kept, runs always, and its hub keeps records until it is mended."""
    here = of_azure(lake)
    for transform in here.transforms:
        app, given = transform.node, settings(here.graph, transform.node)
        if given.get(OFFSET) not in (None, "fromStart", UNKNOWN):
            yield app, f"A transform must begin with the oldest record: set {OFFSET} to fromStart."
        if app.get("siteConfig.alwaysOn") is False:
            yield app, "A transform must not be put to sleep: set siteConfig.alwaysOn."
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
            if hub.get("retentionDescription") is None and days is None:
                yield hub, "A stream must say for how long it keeps records: set retentionDescription."
            if least is not None and least < DAY:
                yield hub, f"A stream must keep records for {DAY} hours or more: a failed batch waits there."


def queued(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Event Grid tries for as long as it can, and does not end by itself."""
    here = of_azure(lake)
    for node in here.graph.of(SUBSCRIPTION):
        attempts = node.number("retryPolicy.maxDeliveryAttempts")
        minutes = node.number("retryPolicy.eventTimeToLiveInMinutes")
        if (attempts is not None and attempts < 30) or (minutes is not None and minutes < 1440):
            yield node, "Event Grid must try for a day: leave 30 attempts and 1440 minutes."
        path = "deadLetterWithResourceIdentity.deadLetterDestination"
        account = here.places.targets(node, f"{path}.resourceId", ACCOUNT)
        if node.get(path) is not None and not account and not unknown(node.get(path)):
            yield node, "What could not be told must stay in the stack: name an account of it."
        if node.get("expirationTimeUtc") is not None:
            yield node, "A subscription must not end by itself: take expirationTimeUtc away."


def logged(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    """Everything that can log does, to a workspace that keeps it."""
    here, least = of_azure(lake), config.get("minimumDays", 30)
    for node in here.graph.of(WORKSPACE):
        days = node.number("retentionInDays")
        if days is not None and days < least:
            yield node, f"Logs must be kept for {least:g} days or more."
        if node.get("features.immediatePurgeDataOn30Days") is True:
            yield node, "Logs must not be purged early: leave features.immediatePurgeDataOn30Days."
    for node in here.graph.of(INSIGHTS):
        yield from ((node, fault) for fault in _traces(here, node))
    written = list(_written(here))
    for node in here.graph.of(*LOGGED):
        if not any(_covers(here, one, node) for one in written):
            yield node, "What happens to it must be logged: add a DiagnosticSetting with all logs."
    for node in here.graph.of(ACCOUNT):
        for service in SERVICES:
            if not any(_covers(here, one, node, f"/{service}/default") for one in written):
                yield node, f"What happens to its {service} must be logged: add a DiagnosticSetting."
    for app in here.graph.of(APP):
        given = settings(here.graph, app)
        if TRACES not in given and not unknown(app.get("siteConfig")):
            yield app, f"A function must leave traces: set {TRACES}."
        if given.get(LEVEL) in ("None", "Critical", "Error"):
            yield app, f"A function must log more than its end: set {LEVEL} to Information or Warning."


def _traces(lake: AzureLake, node: Node) -> Iterator[str]:
    path = "workspaceResourceId"
    if node.get(path) is not UNKNOWN and not lake.places.targets(node, path, WORKSPACE):
        yield "Traces must go to a workspace of the stack: set workspaceResourceId."
    if node.get("disableIpMasking") is True:
        yield "Traces must not say from where people came: leave disableIpMasking."
    sampled = node.number("samplingPercentage")
    if sampled is not None and sampled < 100:
        yield "Traces must not be thrown away, since alarms ask them: leave samplingPercentage."


def _covers(lake: AzureLake, setting: Node, of: Node, service: str = "") -> bool:
    """Say whether a diagnostic setting is that of a resource, or of a service of it."""
    value, path = setting.get("resourceUri"), lake.places.path(of)
    if value is UNKNOWN:
        # An account's two services are made of the same id.
        return of in lake.graph.made_of(setting, "resourceUri")
    wanted = f"/providers/{path}{service.lower()}"
    return isinstance(value, str) and path is not None and value.lower().endswith(wanted)


def _written(lake: AzureLake) -> Iterator[Node]:
    """Yield the diagnostic settings that write all logs to a workspace of the stack."""
    for node in lake.graph.of(DIAGNOSTICS):
        known = node.get("workspaceId") is not UNKNOWN
        if known and not lake.places.targets(node, "workspaceId", WORKSPACE):
            continue
        if node.get("logs") is UNKNOWN or any(_all(mapping(one)) for one in node.items("logs")):
            yield node


def _all(log: Mapping[str, Any]) -> bool:
    """Say whether a setting is on, and of all logs."""
    return log.get("enabled") in (True, UNKNOWN) and log.get("categoryGroup") in ("allLogs", UNKNOWN)


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
        if mapping(service).get("keyType") == "Service":
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


def alarmed(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Alarms can be raised, and tell somebody."""
    here = of_azure(lake)
    for node in here.graph.of(METRIC, QUERY):
        for criterion in map(mapping, node.items("criteria.allOf")):
            threshold = criterion.get("threshold")
            if isinstance(threshold, int | float) and not isinstance(threshold, bool) and threshold > MOST:
                yield node, f"An alarm above {threshold:g} is never raised: {MOST:g} or less."
            periods = mapping(criterion.get("failingPeriods")).get("minFailingPeriodsToAlert")
            if isinstance(periods, int | float) and periods > 6:
                yield node, f"An alarm after {periods:g} bad periods comes too late: 6 or less."
            if not raised(criterion):
                yield (
                    node,
                    "An alarm on what fails must be raised by more of it: set operator to GreaterThan.",
                )
        if not node.get("criteria"):
            yield node, "An alarm must say of what: set criteria."
        if not heard(here.places, node):
            yield node, "An alarm must tell somebody: enable it, and name an action group that is enabled."
        for key in ("evaluationFrequency", "windowSize"):
            if _LONG.match(node.text(key) or ""):
                yield node, f"An alarm must be asked for within the hour: shorten {key}."
        scopes = node.get("scopes")
        if not scopes or not (unknown(scopes) or here.places.targets(node, "scopes", *SCOPES)):
            yield node, "An alarm must be of a resource of the stack: set scopes."
    for node in here.graph.of(PEOPLE):
        receivers = [key for key in node.props if key.endswith("Receivers") and node.get(key)]
        if node.tag("environment") == "prod" and not receivers:
            yield node, "In production somebody must hear alarms: give the action group a receiver."
