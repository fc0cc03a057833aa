"""What watches a lake on Azure, and how its zones tell of new objects."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from policies.graph import UNKNOWN, Graph, Node, mapping, unknown
from policies.lake.azure_places import (
    ACCOUNT,
    APP,
    HUB,
    NAMESPACE,
    PEOPLE,
    QUEUE,
    TOPIC,
    Places,
    host_of,
    scope_of,
)
from policies.lake.parts import Channel, Queue, Sign

METRIC = "azure-native:monitor:MetricAlert"
QUERY = "azure-native:monitor:ScheduledQueryRule"
SUBSCRIPTION = "azure-native:eventgrid:SystemTopicEventSubscription"
INTEGRATION = "snowflake:index/notificationIntegration:NotificationIntegration"
CREATED = "Microsoft.Storage.BlobCreated"
WEEK = 7 * 24 * 60 * 60  # seconds: as long a queue keeps a message where nothing is said
CONTAINERS = "/blobServices/default/containers/"

# What a metric tells of what is in its scope.
METRICS = {
    "ThrottledRequests": (Sign.REFUSING, HUB),
    "QuotaExceededErrors": (Sign.REFUSING, HUB),
    "CaptureBacklog": (Sign.LATE, HUB),
    "DeadLetteredCount": (Sign.SILENT, QUEUE),
    "DeliveryAttemptFailCount": (Sign.SILENT, QUEUE),
    "DroppedEventCount": (Sign.SILENT, QUEUE),
}
# What a query of an app's logs tells of it: which table it asks, and for what.
QUERIES = (
    (re.compile(r"\bAppExceptions\b|\bexceptions\b"), Sign.FAILING),
    (re.compile(r"\b(AppRequests|requests)\b.*==\s*0", re.DOTALL), Sign.IDLE),
    (re.compile(r"\b(AppTraces|traces|AppMetrics)\b.*\b(late|lag|age|behind)", re.DOTALL), Sign.LATE),
    (
        re.compile(r"\b(AppTraces|traces|AppMetrics)\b.*(quarantin|refus|invalid|reject)", re.DOTALL),
        Sign.REFUSING,
    ),
)


def signs(graph: Graph, places: Places) -> Mapping[Node, frozenset[Sign]]:
    """Return what of each resource an alarm tells somebody."""
    found: dict[Node, set[Sign]] = {}
    for alert in graph.of(METRIC, QUERY):
        if heard(places, alert):
            told = (
                _by_metric(graph, places, alert) if alert.type == METRIC else _by_query(graph, places, alert)
            )
            for node, sign in told:
                found.setdefault(node, set()).add(sign)
    return {node: frozenset(what) for node, what in found.items()}


def heard(places: Places, alert: Node) -> bool:
    """Say whether an alarm tells anybody: a group of people that hears, or may, while it is not known."""
    if alert.get("enabled") is False:
        return False
    groups, ids = groups_of(places, alert)
    if groups:
        return any(one.get("enabled") is not False for one in groups)
    # People of another group may hear as well; what a stack's own group should hold and does not, nobody.
    scopes = [scope_of(one) for one in ids if isinstance(one, str)]
    own = {places.group(alert)}
    return UNKNOWN in ids or any(one is not None and one.group not in own for one in scopes)


def groups_of(places: Places, alert: Node) -> tuple[list[Node], list[Any]]:
    """Return whom an alarm tells: the groups of the stack, and everything that it names."""
    if alert.type == METRIC:
        ids = [mapping(one).get("actionGroupId") for one in alert.items("actions")]
    else:
        ids = alert.items("actions.actionGroups")
    if alert.get("actions") is UNKNOWN or alert.get("actions.actionGroups") is UNKNOWN:
        ids = [UNKNOWN]
    groups = [one for value in ids for one in places.at(value, PEOPLE)]
    if UNKNOWN in ids:
        groups += places.graph.depends(alert, "actions", PEOPLE)
    return groups, [one for one in ids if one]


def _by_metric(graph: Graph, places: Places, alert: Node) -> Iterator[tuple[Node, Sign]]:
    within = [
        *places.targets(alert, "scopes", NAMESPACE),
        *places.targets(alert, "scopes", TOPIC),
    ]
    criteria = alert.items("criteria.allOf")
    if alert.get("criteria.allOf") is UNKNOWN:
        # Not known yet: it may tell all that can be told of what is in its scope.
        criteria = [{"metricName": metric} for metric in METRICS]
    for criterion in map(mapping, criteria):
        sign, type_ = METRICS.get(str(criterion.get("metricName")), (None, ""))
        if sign is None or not raised(criterion):
            continue
        for scope in within:
            if type_ == HUB and scope.type == NAMESPACE:
                named = list(_entities(criterion))
                for hub in places.inside(scope, HUB):
                    if not named or places.name(hub) in named:
                        yield hub, sign
            elif type_ == QUEUE and scope.type == TOPIC:
                yield scope, sign
                for one in subscriptions(graph, places, scope):
                    yield from ((queue, sign) for queue in destinations(graph, places, one))


def raised(criterion: Mapping[str, Any]) -> bool:
    """Say whether a criterion is one of a count that is too large."""
    return criterion.get("operator") in (
        "GreaterThan",
        "GreaterThanOrEqual",
        "GreaterOrLessThan",
        None,
        UNKNOWN,
    )


def _entities(criterion: Mapping[str, Any]) -> Iterator[str]:
    dimensions = criterion.get("dimensions")
    for one in map(mapping, cast(list[Any], dimensions) if isinstance(dimensions, list) else ()):
        values = one.get("values")
        if one.get("name") == "EntityName" and isinstance(values, list):
            yield from (value for value in cast(list[Any], values) if isinstance(value, str))


def _by_query(graph: Graph, places: Places, alert: Node) -> Iterator[tuple[Node, Sign]]:
    for criterion in map(mapping, alert.items("criteria.allOf")):
        query = criterion.get("query")
        if not raised(criterion):
            continue
        if isinstance(query, str):
            apps = [one for one in graph.of(APP) if f'"{places.name(one)}"' in query]
            told = [sign for asked, sign in QUERIES if asked.search(query)]
        else:
            # Not known yet: it may tell all that can be told of what it was made of.
            apps = graph.depends(alert, "criteria", APP) if query is UNKNOWN else []
            told = [sign for _, sign in QUERIES]
        yield from ((app, sign) for app in apps for sign in told)


# --- channels -------------------------------------------------------------------------------------------


def subscriptions(graph: Graph, places: Places, topic: Node) -> list[Node]:
    """Return the subscriptions of a topic."""
    return [one for one in graph.of(SUBSCRIPTION) if places.called(one, "systemTopicName", TOPIC) is topic]


def destination(node: Node) -> str:
    """Return where a subscription says to what it sends: as itself, or as whoever asks."""
    as_identity = "deliveryWithResourceIdentity.destination"
    return "destination" if node.get(as_identity) is None else as_identity


def destinations(graph: Graph, places: Places, node: Node) -> list[Node]:
    """Return the queues to which a subscription sends."""
    path = destination(node)
    accounts, name = places.targets(node, f"{path}.resourceId", ACCOUNT), node.get(f"{path}.queueName")
    queues = [one for account in accounts for one in places.inside(account, QUEUE)]
    if name is UNKNOWN:
        return [one for one in queues if one in graph.depends(node, path.partition(".")[0], QUEUE)]
    return [one for one in queues if isinstance(name, str) and places.name(one) in (name, None)]


def channels(graph: Graph, places: Places) -> Iterator[Channel]:
    """Yield the queues that accounts tell of new objects, through Event Grid."""
    for topic in graph.of(TOPIC):
        for zone in places.targets(topic, "source", ACCOUNT):
            for node in subscriptions(graph, places, topic):
                if (prefix := told_of(node)) is not None:
                    yield from (
                        Channel(zone=zone, prefix=prefix, to=to) for to in destinations(graph, places, node)
                    )


def told_of(node: Node) -> str | None:
    """Return below which container and prefix a subscription tells of new objects; None if of none surely."""
    types, begins = node.get("filter.includedEventTypes"), node.get("filter.subjectBeginsWith")
    if isinstance(types, list) and not unknown(types) and CREATED not in cast(list[Any], types):
        return None
    if node.text("filter.subjectEndsWith") or node.items("filter.advancedFilters"):
        return None
    if not isinstance(begins, str):
        return ""
    rest = begins.removeprefix(CONTAINERS)
    if rest == begins:
        return "" if CONTAINERS.startswith(begins) else None
    container, _, below = rest.partition("/")
    return f"{container}/{below.removeprefix('blobs/')}" if "/" in rest else rest


def queues(graph: Graph, places: Places) -> Iterator[Queue]:
    """Yield the queues that are told of something: what cannot be put into one has to go somewhere."""
    for node in graph.of(SUBSCRIPTION):
        for queue in destinations(graph, places, node):
            yield Queue(
                node=queue,
                ends=False,
                dead_letters=has_dead_letters(node),
                seconds=_kept(node.get(f"{destination(node)}.queueMessageTimeToLiveInSeconds")),
                place=node,
            )


def has_dead_letters(node: Node) -> bool:
    """Say whether a subscription keeps what it cannot deliver."""
    paths = ("deadLetterWithResourceIdentity.deadLetterDestination", "deadLetterDestination")
    return any(node.get(path) for path in paths)


def _kept(seconds: Any) -> float | None:
    """Return how long a message waits; -1 is for ever."""
    if seconds is UNKNOWN:
        return None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return WEEK
    return None if seconds < 0 else seconds


def listening(graph: Graph, places: Places, pipe: Node) -> Iterable[Node]:
    """Return the queues on which a pipe would listen, through its notification integration."""
    value = pipe.get("integration")
    made_of = graph.depends(pipe, "integration", INTEGRATION) if value is UNKNOWN else []
    named = [one for one in graph.of(INTEGRATION) if isinstance(value, str) and value in one.identifiers]
    for integration in (*named, *made_of):
        if integration.get("enabled") is not False:
            yield from _queues_at(graph, places, integration)


def _queues_at(graph: Graph, places: Places, integration: Node) -> Iterable[Node]:
    value = integration.get("azureStorageQueuePrimaryUri")
    if value is UNKNOWN:
        return graph.depends(integration, "azureStorageQueuePrimaryUri", QUEUE)
    host = host_of(value)
    return [
        one
        for account in places.hosted(value)
        for one in places.inside(account, QUEUE)
        if host and host[1] == "queue" and (places.name(one) or "").lower() == host[2]
    ]
