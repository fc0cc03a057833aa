"""A lake on Azure that is watched: what is logged, for how long, and which alarms somebody hears."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import UNKNOWN, Node, mapping, unknown
from policies.lake.azure import AzureLake
from policies.lake.azure_flow import settings
from policies.lake.azure_places import ACCOUNT, APP, HUB, INSIGHTS, NAMESPACE, PEOPLE, TOPIC, VAULT, WORKSPACE
from policies.lake.azure_rights import of_azure
from policies.lake.azure_watch import METRIC, QUERY, heard, raised
from policies.lake.parts import Lake, Sign
from policies.rules import Fault

DIAGNOSTICS = "azure-native:monitor:DiagnosticSetting"
TRACES = "APPLICATIONINSIGHTS_CONNECTION_STRING"
LEVEL = "AzureFunctionsJobHost__logging__logLevel__default"
# The services of an account that log by themselves, and by what folder of it.
SERVICES = ("blobServices", "queueServices")
LOGGED = (VAULT, NAMESPACE, APP, TOPIC)
MOST = 1_000.0  # what an alarm may wait for at most, in whatever it counts
SCOPES = (APP, HUB, INSIGHTS, NAMESPACE, TOPIC, VAULT, WORKSPACE, ACCOUNT)
# A duration of a day or more, or of more than an hour.
_LONG = re.compile(r"P\d|PT([2-9]|\d\d)H|PT\d{3,}M")


def logged(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    """Everything that can log does, to a workspace that keeps it."""
    here, least = of_azure(lake), config.get("minimumDays", 30)
    for node in here.graph.of(WORKSPACE):
        yield from ((node, fault) for fault in _workspace(node, least))
    for node in here.graph.of(INSIGHTS):
        yield from ((node, fault) for fault in _traces(here, node))
    yield from _settings(here)
    for app in here.graph.of(APP):
        given = settings(here.graph, app)
        if TRACES not in given and not unknown(app.get("siteConfig")):
            yield app, f"A function must leave traces: set {TRACES}."
        if given.get(LEVEL) in ("None", "Critical", "Error"):
            yield app, f"A function must log more than its end: set {LEVEL} to Information or Warning."


def _workspace(node: Node, least: float) -> Iterator[str]:
    days, cap = node.number("retentionInDays"), node.number("workspaceCapping.dailyQuotaGb")
    if days is not None and days < least:
        yield f"Logs must be kept for {least:g} days or more."
    if cap is not None and 0 <= cap < 1:
        yield "Logs of a whole day must find room: raise workspaceCapping.dailyQuotaGb."
    if node.get("features.immediatePurgeDataOn30Days") is True:
        yield "Logs must not be purged early: leave features.immediatePurgeDataOn30Days."


def _settings(here: AzureLake) -> Iterator[Fault]:
    written = list(_written(here))
    for node in here.graph.of(*LOGGED):
        if not any(_covers(here, one, node) for one in written):
            yield node, "What happens to it must be logged: add a DiagnosticSetting with all logs."
    for node in here.graph.of(NAMESPACE):
        measured = [
            one for one in written if any(map(_on, one.items("metrics"))) or unknown(one.get("metrics"))
        ]
        if not any(_covers(here, one, node) for one in measured):
            yield node, "What comes in must be counted, since alarms ask for it: enable metrics."
    for node in here.graph.of(ACCOUNT):
        for service in SERVICES:
            if not any(_covers(here, one, node, f"/{service}/default") for one in written):
                yield node, f"What happens to its {service} must be logged: add a DiagnosticSetting."


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


def _on(metric: Any) -> bool:
    return mapping(metric).get("enabled") in (True, UNKNOWN)


def _all(log: Mapping[str, Any]) -> bool:
    """Say whether a setting is on, and of all logs."""
    return log.get("enabled") in (True, UNKNOWN) and log.get("categoryGroup") in ("allLogs", UNKNOWN)


def alarmed(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Alarms can be raised, and tell somebody."""
    here = of_azure(lake)
    for node in here.graph.of(METRIC, QUERY):
        yield from ((node, fault) for fault in _alert(here, node))
    for queue in dict.fromkeys(channel.to for channel in here.channels):
        if Sign.SILENT not in here.signs.get(queue, ()):
            yield queue, f"No alarm tells of {queue.name} that {Sign.SILENT.value}."
    for node in here.graph.of(PEOPLE):
        receivers = [key for key in node.props if key.endswith("Receivers") and node.get(key)]
        if node.tag("environment") == "prod" and not receivers:
            yield node, "In production somebody must hear alarms: give the action group a receiver."


def _alert(lake: AzureLake, node: Node) -> Iterator[str]:
    for criterion in map(mapping, node.items("criteria.allOf")):
        yield from _criterion(criterion)
    severity, scopes = node.number("severity"), node.get("scopes")
    if severity is not None and severity > 3:
        yield "An alarm must not pass for a note: set severity to 3 or less."
    if not node.get("criteria"):
        yield "An alarm must say of what: set criteria."
    if not heard(lake.places, node):
        yield "An alarm must tell somebody: enable it, and name an action group that is enabled."
    for key in ("evaluationFrequency", "windowSize"):
        if _LONG.match(node.text(key) or ""):
            yield f"An alarm must be asked for within the hour: shorten {key}."
    if not scopes or not (unknown(scopes) or lake.places.targets(node, "scopes", *SCOPES)):
        yield "An alarm must be of a resource of the stack: set scopes."


def _criterion(criterion: Mapping[str, Any]) -> Iterator[str]:
    threshold = criterion.get("threshold")
    if isinstance(threshold, int | float) and not isinstance(threshold, bool) and threshold > MOST:
        yield f"An alarm above {threshold:g} is never raised: {MOST:g} or less."
    periods = mapping(criterion.get("failingPeriods")).get("minFailingPeriodsToAlert")
    if isinstance(periods, int | float) and periods > 6:
        yield f"An alarm after {periods:g} bad periods comes too late: 6 or less."
    if not raised(criterion):
        yield "An alarm on what fails must be raised by more of it: set operator to GreaterThan."
