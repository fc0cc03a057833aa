"""Event Hubs and Event Grid."""

from __future__ import annotations

from collections.abc import Iterator

from ..adapter import Inputs, register
from ..schema import Failure
from .client import AzureAdapter, below

NAMESPACE = "providers/Microsoft.EventHub/namespaces/{namespaceName}"
NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,254}[A-Za-z0-9])?"
TOKENS = ("Namespace", "EventHub", "PartitionId", "Year", "Month", "Day", "Hour", "Minute", "Second")


@register
class Namespace(AzureAdapter):
    """A namespace of hubs."""

    type = "azure-native:eventhub:Namespace"
    autoname = "namespaceName"
    path = NAMESPACE
    pattern = r"[A-Za-z][A-Za-z0-9-]{4,48}[A-Za-z0-9]"
    rule = "6 to 50 letters, digits or dashes, a letter first"
    worldwide = True
    replace_on = below("namespaceName")


@register
class EventHub(AzureAdapter):
    """A hub."""

    type = "azure-native:eventhub:EventHub"
    autoname = "eventHubName"
    path = NAMESPACE + "/eventhubs/{eventHubName}"
    pattern = NAME
    rule = "up to 256 letters, digits or ._-"
    replace_on = frozenset({"namespaceName", "resourceGroupName", "eventHubName"})

    def faults(self, inputs: Inputs) -> list[Failure]:
        """Check what Capture would refuse."""
        return [*super().faults(inputs), *_capture(inputs.get("captureDescription") or {})]


def _capture(capture: Inputs) -> Iterator[Failure]:
    at = "captureDescription"
    for name, low, high in (
        ("intervalInSeconds", 60, 900),
        ("sizeLimitInBytes", 10 * 1024**2, 500 * 1024**2),
    ):
        value = capture.get(name)
        if isinstance(value, int) and not low <= value <= high:
            yield Failure(property=f"{at}.{name}", reason=f"expected {low} to {high}, found {value}")
    form = (capture.get("destination") or {}).get("archiveNameFormat")
    missing = [token for token in TOKENS if form is not None and f"{{{token}}}" not in form]
    if missing:
        reason = f"expected all of its tokens, missing {', '.join(missing)}"
        yield Failure(property=f"{at}.destination.archiveNameFormat", reason=reason)


@register
class ConsumerGroup(AzureAdapter):
    """Who reads a hub, and how far."""

    type = "azure-native:eventhub:ConsumerGroup"
    autoname = "consumerGroupName"
    path = NAMESPACE + "/eventhubs/{eventHubName}/consumergroups/{consumerGroupName}"
    pattern = r"\$Default|[A-Za-z0-9]([A-Za-z0-9._-]{0,48}[A-Za-z0-9])?"
    rule = "up to 50 letters, digits or ._-"
    replace_on = frozenset({"namespaceName", "resourceGroupName", "eventHubName", "consumerGroupName"})


@register
class SystemTopic(AzureAdapter):
    """What a service tells of itself."""

    type = "azure-native:eventgrid:SystemTopic"
    autoname = "systemTopicName"
    path = "providers/Microsoft.EventGrid/systemTopics/{systemTopicName}"
    pattern = r"[A-Za-z0-9-]{3,50}"
    rule = "3 to 50 letters, digits or dashes"
    replace_on = below("systemTopicName") | {"source", "topicType"}


@register
class SystemTopicEventSubscription(AzureAdapter):
    """Who is told."""

    type = "azure-native:eventgrid:SystemTopicEventSubscription"
    autoname = "eventSubscriptionName"
    path = (
        "providers/Microsoft.EventGrid/systemTopics/{systemTopicName}"
        "/eventSubscriptions/{eventSubscriptionName}"
    )
    pattern = r"[A-Za-z0-9-]{3,64}"
    rule = "3 to 64 letters, digits or dashes"
    replace_on = frozenset({"systemTopicName", "resourceGroupName", "eventSubscriptionName"})
