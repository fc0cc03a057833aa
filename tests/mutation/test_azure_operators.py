"""What is captured, told and seen on Azure: the mutants that each operator makes, and no others."""

from collections.abc import Callable

import pytest

from local.mutation import deletion, mutants, placing
from local.mutation.azure import apps, flow, roles, unset
from local.mutation.graph import Graph, deployable
from local.standin.state import Resource
from tests.mutation.small import after, named, told
from tests.mutation.small_azure import (
    GROUP,
    WRAPS,
    about,
    account,
    app,
    assignment,
    azure,
    container,
    hub,
    identity,
    key,
)


@pytest.fixture
def lake() -> Callable[[], dict[str, Resource]]:
    """Two sources, whose protected hubs are captured into one of two containers."""

    def make() -> dict[str, Resource]:
        who, stored = identity("i"), account("a")
        landing, other = container("landing", stored), container("other", stored)
        return {
            "stored": stored,
            "landing": landing,
            "other": other,
            "pos": hub("protected", "pos", landing, stored),
            "web": hub("protected", "web", landing, stored),
            "ingress": (ingress := hub("ingress", "pos")),
            "reads": assignment("reads", roles.EVENT_HUBS_DATA_RECEIVER, who, ingress),
            "app": app("x", who, {"PROTECTED_HUB": "protected", "PROTECTED_NAMESPACE": "pos.host"}),
        }

    return make


def test_what_is_captured_goes_elsewhere_and_what_comes_in_is_captured(
    lake: Callable[[], dict[str, Resource]],
) -> None:
    parts = lake()
    graph = Graph(parts.values())
    found = list(flow.mutants(graph))
    name = "captureDescription.destination.archiveNameFormat"
    assert told(about(found, parts["pos"])) == {
        ("captureDescription", "into other"),
        ("captureDescription", "into somebody else's account"),
        (name, "the prefix of web-protected"),
        (name, "gone"),
    }
    # The other source's namespace has no identity that could write for this one.
    assert told(about(found, parts["ingress"])) == {("captureDescription", "captured like pos-protected")}
    moved = named(about(found, parts["pos"]), "into other").change.changed[parts["pos"].urn]
    assert moved.inputs["captureDescription"]["destination"]["blobContainer"] == "other"
    assert set(moved.property_dependencies["captureDescription"]) == {
        parts["stored"].urn,
        parts["other"].urn,
    }
    ingress = after(graph, named(found, "captured like pos-protected"), parts["ingress"])
    assert ingress["captureDescription"] == parts["pos"].inputs["captureDescription"]


def test_an_app_is_told_to_write_in_plain_to_run_other_code_and_to_hold_secrets(
    lake: Callable[[], dict[str, Resource]],
) -> None:
    parts = lake()
    graph, one = Graph(parts.values()), parts["app"]
    found = list(apps.mutants(graph))
    assert told(found) == {
        ("siteConfig.appSettings.DB_PASSWORD", "a secret in plain"),
        ("siteConfig.appSettings.AzureWebJobsStorage", "by a key"),
        ("siteConfig.appSettings.WEBSITE_RUN_FROM_PACKAGE", "code from elsewhere"),
        ("siteConfig.appSettings.APPLICATIONINSIGHTS_CONNECTION_STRING", "gone"),
        ("siteConfig.appSettings.PROTECTED_HUB", "writes to pos-ingress"),
    }
    now = after(graph, named(found, "writes to pos-ingress"), one)["siteConfig"]["appSettings"]
    assert now == [
        {"name": "PROTECTED_HUB", "value": "ingress"},
        {"name": "PROTECTED_NAMESPACE", "value": "pos.servicebus.windows.net"},
    ]
    # It has no telemetry to lose.
    assert mutants.of(graph).left_out[mutants.UNCHANGED] == 1


def test_others_are_told_of_what_landed(lake: Callable[[], dict[str, Resource]]) -> None:
    parts = lake()
    inputs = {
        "eventSubscriptionName": "landed",
        "systemTopicName": "t",
        "deliveryWithResourceIdentity": {
            "identity": {"type": "UserAssigned", "userAssignedIdentity": "i"},
            "destination": {
                "endpointType": "StorageQueue",
                "resourceId": parts["stored"].id,
                "queueName": "q",
            },
        },
        "deadLetterWithResourceIdentity": {
            "identity": {"type": "UserAssigned", "userAssignedIdentity": "i"},
            "deadLetterDestination": {
                "endpointType": "StorageBlob",
                "resourceId": parts["stored"].id,
                "blobContainerName": "other",
            },
        },
    }
    one = azure("eventgrid:SystemTopicEventSubscription", "landed", inputs)
    found = about(flow.mutants(Graph([*parts.values(), one])), one)
    assert told(found) == {
        ("deliveryWithResourceIdentity.destination.resourceId", "somebody else's account"),
        ("beside it", "another one, to the outside"),
        ("deadLetterWithResourceIdentity", "dead letters into landing"),
    }
    assert all(deployable(now) for each in found for now in each.change.changed.values())


def test_the_switches_that_nobody_set_are_set() -> None:
    encryption = {"keySource": "Microsoft.Keyvault", "keyVaultProperties": {"keyName": "k"}}
    encrypted = azure("storage:StorageAccount", "a", {"encryption": encryption})
    plain = account("p")
    tier = {"baseBlob": {"tierToCold": {"daysAfterModificationGreaterThan": 90}}}
    ending = {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}}
    rules = [{"definition": {"actions": actions}} for actions in (tier, ending)]
    policy = azure("storage:ManagementPolicy", "m", {"policy": {"rules": rules}})
    found = unset.mutants(Graph([encrypted, plain, policy]))
    assert {(one.resource.name, one.where) for one in found} == {
        ("a", "encryption.keyVaultProperties.keyVersion"),
        ("m", "policy.rules[0].definition.actions.baseBlob.delete.daysAfterModificationGreaterThan"),
    }


def test_metrics_are_missed_where_an_alarm_asks_for_them() -> None:
    metrics = [{"category": "AllMetrics", "enabled": True}]
    asked, other = (
        azure("monitor:DiagnosticSetting", name, {"resourceUri": f"{GROUP}/{name}", "metrics": metrics})
        for name in ("asked", "other")
    )
    query = f'AzureMetrics | where ResourceId =~ "{GROUP}/asked"'
    question = azure("monitor:ScheduledQueryRule", "q", {"criteria": {"allOf": [{"query": query}]}})
    found = list(unset.mutants(Graph([asked, other, question])))
    assert [(one.resource, one.kind, one.where) for one in found] == [(asked, "alarm", "metrics[0].enabled")]


def test_a_deleted_key_takes_the_rights_on_it_along() -> None:
    who, one = identity("i"), key("landing")
    right = assignment("a", WRAPS, who, one)
    graph = Graph([who, one, right])
    (found,) = deletion.mutants(graph)
    assert (found.resource, found.kind) == (one, "encryption")
    assert found.change.removed == {one.urn, right.urn}


def test_what_a_deleted_group_of_people_heard_is_told_to_nobody() -> None:
    people = azure("monitor:ActionGroup", "people", {"groupShortName": "p", "enabled": True})
    inputs = {"scopes": ["s"], "actions": {"actionGroups": [people.id]}, "criteria": {"allOf": []}}
    rule = azure("monitor:ScheduledQueryRule", "rule", inputs)
    rule.property_dependencies["actions"] = [people.urn]
    graph = Graph([people, rule])
    change = deletion.without(graph, people)
    assert change.removed == {people.urn}
    assert change.changed[rule.urn].inputs["actions"] == {"actionGroups": []}


def test_what_is_of_all_regions_is_not_moved() -> None:
    somewhere = azure("web:WebApp", "a", {"location": "westeurope"})
    everywhere = azure("monitor:MetricAlert", "m", {"location": "Global"})
    found = list(placing.mutants(Graph([somewhere, everywhere])))
    assert [(one.resource, one.kind, one.what) for one in found] == [(somewhere, "residency", "eastus")]
