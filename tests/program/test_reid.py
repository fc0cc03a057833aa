"""Re-identification in the graph: how its tables are kept, what its interface logs, that a cloud may lack it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import settings
from components.pattern import Capability, UnsupportedCloudError, cloud
from functions.reid.handler import Environment
from functions.reid.rules import Rules
from local.standin import run_in_process
from tests.program.conftest import ROOT
from tests.program.graph import Graph


def tables(graph: Graph) -> dict[str, dict[str, Any]]:
    return {one.name.rpartition("-")[2]: one.inputs for one in graph.of("dynamodb/table:Table")}


def test_only_requests_end_and_both_can_be_set_back(graph: Graph) -> None:
    found = tables(graph)
    assert set(found) == {"requests", "journal", "subjects"}
    assert found["requests"]["ttl"] == {"enabled": True, "attributeName": "forget_at"}
    assert "ttl" not in {**found["journal"], **found["subjects"]}
    # What the store's code takes for granted.
    assert (found["requests"]["hashKey"], found["requests"].get("rangeKey")) == ("key", None)
    assert (found["journal"]["hashKey"], found["journal"]["rangeKey"]) == ("chain", "number")
    operations = graph.named("Key", "-operations").outputs["arn"]
    for table in found.values():
        assert table["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": operations}
        assert table["pointInTimeRecovery"]["enabled"] is True
    assert found["subjects"]["pointInTimeRecovery"]["recoveryPeriodInDays"] == 7
    assert (found["subjects"]["hashKey"], found["subjects"].get("rangeKey")) == ("subject", None)
    assert found["subjects"]["attributes"] == [{"name": "subject", "type": "B"}]


def test_production_does_not_let_them_go(graph_of: Callable[[str], Graph]) -> None:
    assert {one["deletionProtectionEnabled"] for one in tables(graph_of("prod")).values()} == {True}
    assert {one["deletionProtectionEnabled"] for one in tables(graph_of("dev")).values()} == {False}


def test_the_function_is_told_all_that_it_reads(graph: Graph) -> None:
    function = graph.named("Function", "-reid").inputs
    assert function["reservedConcurrentExecutions"] == 5
    variables = function["environment"]["variables"]
    found = Environment.read(variables)
    assert set(variables) == {name.upper() for name in vars(found)}
    rules = Rules.read(found.rules)
    assert rules.requesters == {"marketing-ops"}
    assert rules.approvers == {"privacy-officer"}
    assert rules.purposes["newsletter"] == {"email"}
    assert rules.life_seconds == 24 * 3600
    assert found.warehouse_role.endswith("REID_SERVICE")


def test_the_access_log_holds_no_body(graph: Graph) -> None:
    log = graph.of("Stage")[0].inputs["accessLogSettings"]
    assert "body" not in log["format"].lower()
    assert {"$context.identity.userArn", "$context.status"} <= set(json.loads(log["format"]).values())
    kept = graph.of("MethodSettings")[0].inputs["settings"]
    assert (kept["loggingLevel"], kept["dataTraceEnabled"]) == ("OFF", False)
    assert kept["throttlingRateLimit"] == 10


def test_what_the_gateway_refuses_is_a_problem_document(graph: Graph) -> None:
    found = {one.inputs["responseType"]: one.inputs for one in graph.of("apigateway/response:Response")}
    assert {"ACCESS_DENIED", "THROTTLED", "DEFAULT_4XX", "DEFAULT_5XX"} <= set(found)
    for one in found.values():
        header = one["responseParameters"]["gatewayresponse.header.Content-Type"]
        assert header == "'application/problem+json'"
        told = json.loads(one["responseTemplates"]["application/json"])
        assert told["title"]
        assert str(told.get("status", one.get("statusCode"))) == str(one.get("statusCode"))


def test_somebody_hears_of_what_is_unusual(graph: Graph) -> None:
    alarms = {one.inputs["metricName"] for one in graph.of("MetricAlarm") if "-reid-" in one.name}
    assert alarms == {
        *("Errors", "5XXError", "TokensRevealed", "SubjectsErased"),
        *("Refused", "DecryptDenied", "Unreadable"),
    }


def test_a_stack_that_does_not_ask_for_it_has_nothing_of_it() -> None:
    run = run_in_process(ROOT, "azure")
    assert "reid" not in run.outputs
    # Nor can anybody be erased there, which the stack says itself.
    assert run.outputs["erasure"]["table"] is None
    assert "format 1" in run.outputs["erasure"]["says"]
    assert not [one for one in run.resources if "reid" in one.type.lower()]


def test_a_cloud_that_lacks_it_is_refused_where_a_stack_asks_for_it() -> None:
    reid = {
        "marketingOps": ["marketing"],
        "privacyOfficers": ["officer"],
        "purposes": {"recall": {"kinds": ["email"]}},
    }
    config = {
        "environment": "dev",
        "owner": "data",
        "cloud": "azure",
        "audit": {"trail": False},
        "functions": {"architecture": "x86_64"},
        "streams": {"mode": "provisioned"},
    }
    assert cloud(settings.parse(config, stack="dev"))
    asking = settings.parse({**config, "reid": reid}, stack="dev")
    with pytest.raises(UnsupportedCloudError, match=Capability.REIDENTIFICATION.value):
        cloud(asking)
