"""What only the whole stack tells: dead letters of queues and functions, catch-all routes."""

import json
from typing import Any

import pytest

from policies import apigateway, dynamodb, lambda_, sqs
from tests.policies.aws import FUNCTION, PERMISSION, QUEUE
from tests.policies.kit import UNKNOWN, Analyzer, Finding, Stacked, urn

PACK = Analyzer([*sqs.POLICIES, *lambda_.POLICIES, *apigateway.POLICIES, *dynamodb.POLICIES])
ARN = "arn:aws:sqs:eu-central-1:123456789012:"


def queue(name: str = "work", on: tuple[str, ...] = (), **props: Any) -> Stacked:
    key = "redriveAllowPolicy" if "redriveAllowPolicy" in props else "redrivePolicy"
    return Stacked(kind=QUEUE, name=name, props=props, on={key: on} if on else {})


def lone(name: str = "work") -> Finding:
    return Finding(
        policy="aws-sqs-queue-missing-dlq",
        message="A queue should have a dead-letter queue: set redrivePolicy.",
        urn=urn(QUEUE, name),
    )


def test_a_queue_without_dead_letters_is_found_and_its_like_is_not() -> None:
    stack = [queue(), queue("orders", ("dead",), redrivePolicy=UNKNOWN), queue("dead")]
    assert PACK.stack_findings(*stack) == [lone()]


@pytest.mark.parametrize(
    "stack",
    [
        [queue(redrivePolicy=json.dumps({"deadLetterTargetArn": ARN + "d", "maxReceiveCount": 5}))],
        [queue(redriveAllowPolicy='{"redrivePermission": "allowAll"}')],
        [queue(redriveAllowPolicy=UNKNOWN)],
        [
            queue(),
            Stacked(kind=sqs.REDRIVE, name="r", props={"queueUrl": UNKNOWN}, on={"queueUrl": ["work"]}),
        ],
        [
            queue(url="https://sqs/1/work"),
            Stacked(kind=sqs.REDRIVE, name="r", props={"queueUrl": "https://sqs/1/work"}),
        ],
        [
            queue(),
            Stacked(
                kind=sqs.REDRIVE_ALLOW,
                name="r",
                props={"redriveAllowPolicy": '{"redrivePermission": "allowAll"}'},
                on={"queueUrl": ["work"]},
            ),
        ],
        # Named by its ARN alone, as in a stack's state or in text that somebody wrote.
        [
            queue(name="q", redrivePolicy=json.dumps({"deadLetterTargetArn": ARN + "dead"})),
            Stacked(kind=QUEUE, name="work", props={"name": "dead"}),
        ],
        # What fails at a function, at a rule's target, at a schedule's, at a topic's subscriber.
        [
            queue(),
            Stacked(
                kind="aws:lambda/eventSourceMapping:EventSourceMapping",
                name="m",
                props={"destinationConfig": UNKNOWN},
                on={"destinationConfig": ["work"]},
            ),
        ],
        [
            queue(),
            Stacked(kind=FUNCTION, name="f", props={}, on={"deadLetterConfig": ["work"]}),
        ],
        [
            queue(),
            Stacked(
                kind="aws:scheduler/schedule:Schedule",
                name="s",
                props={"target": {"arn": "a", "deadLetterConfig": {"arn": UNKNOWN}}},
                on={"target": ["work"]},
            ),
        ],
        [
            queue(),
            Stacked(
                kind="aws:sns/topicSubscription:TopicSubscription",
                name="s",
                on={"redrivePolicy": ["work"], "endpoint": []},
            ),
        ],
    ],
)
def test_a_queue_that_has_dead_letters_or_takes_them_passes(stack: list[Stacked]) -> None:
    assert lone() not in PACK.stack_findings(*stack)


@pytest.mark.parametrize(
    "stack",
    [
        [queue(redrivePolicy="")],
        [queue(redrivePolicy=None)],
        # It says that no queue may use it so.
        [queue(redriveAllowPolicy='{"redrivePermission": "denyAll"}')],
        # Another queue's dead letters may come from it: that makes it no dead-letter queue.
        [queue(), queue("dead", ("work",), redriveAllowPolicy='{"redrivePermission": "byQueue"}')],
        # A name that only begins alike.
        [
            Stacked(kind=QUEUE, name="work", props={"name": "dead"}),
            queue("q", redrivePolicy=json.dumps({"deadLetterTargetArn": ARN + "dead-letters"})),
        ],
        # What a topic or a schedule sends in the first place is work.
        [
            queue(),
            Stacked(kind="aws:sns/topicSubscription:TopicSubscription", name="s", on={"endpoint": ["work"]}),
        ],
    ],
)
def test_a_queue_that_only_seems_to_have_dead_letters_is_found(stack: list[Stacked]) -> None:
    assert PACK.stack_findings(*stack) == [lone()]


def function(**props: Any) -> Stacked:
    return Stacked(kind=FUNCTION, name="f", props=props)


def permission(principal: Any, named: Any = UNKNOWN, on: tuple[str, ...] = ("f",)) -> Stacked:
    return Stacked(
        kind=PERMISSION,
        name=f"p-{principal}",
        props={"principal": principal, "function": named},
        on={"function": on},
    )


def losing(callers: str) -> Finding:
    return Finding(
        policy="aws-lambda-function-missing-dlq",
        message=(
            f"A function that {callers} calls without waiting loses what it fails at: "
            "set deadLetterConfig, or an on-failure destination."
        ),
        urn=urn(FUNCTION, "f"),
    )


@pytest.mark.parametrize(
    "principal",
    [
        "s3.amazonaws.com",
        "sns.amazonaws.com",
        "events.amazonaws.com",
        "logs.amazonaws.com",
        "logs.eu-central-1.amazonaws.com",
    ],
)
def test_a_function_that_is_called_without_waiting_needs_a_place_for_what_it_fails_at(principal: str) -> None:
    assert PACK.stack_findings(function(), permission(principal)) == [losing(principal)]
    by_name = permission(principal, "sales", on=())
    assert PACK.stack_findings(function(name="sales"), by_name) == [losing(principal)]
    assert PACK.stack_findings(function(name="other"), by_name) == []
    with_queue = function(deadLetterConfig={"targetArn": UNKNOWN})
    assert PACK.stack_findings(with_queue, permission(principal)) == []
    assert PACK.stack_findings(function(deadLetterConfig=UNKNOWN), permission(principal)) == []
    assert PACK.stack_findings(function(deadLetterConfig={}), permission(principal)) == [losing(principal)]


@pytest.mark.parametrize(
    "principal",
    ["apigateway.amazonaws.com", "cognito-idp.amazonaws.com", "123456789012", "*", UNKNOWN, None, 7],
)
def test_a_caller_who_waits_is_told_what_failed(principal: Any) -> None:
    assert PACK.stack_findings(function(), permission(principal)) == []


@pytest.mark.parametrize(
    ("destination", "passes"),
    [
        ({"onFailure": {"destination": UNKNOWN}}, True),
        (UNKNOWN, True),
        ({"onSuccess": {"destination": "arn"}}, False),
        (None, False),
    ],
)
def test_a_destination_of_failed_calls_is_a_place_too(destination: Any, passes: bool) -> None:
    config = Stacked(
        kind=lambda_.INVOKE_CONFIG,
        name="c",
        props={"functionName": UNKNOWN, "destinationConfig": destination},
        on={"functionName": ["f"]},
    )
    found = PACK.stack_findings(function(), permission("s3.amazonaws.com"), config)
    assert found == ([] if passes else [losing("s3.amazonaws.com")])


def route(authorization: Any, on: tuple[str, ...] = ("api",), api: Any = UNKNOWN) -> Stacked:
    return Stacked(
        kind=apigateway.ROUTE,
        name="r",
        props={"routeKey": "$default", "authorizationType": authorization, "apiId": api},
        on={"apiId": on},
    )


@pytest.mark.parametrize(
    ("protocol", "authorization", "passes"),
    [
        ("HTTP", "NONE", False),
        ("HTTP", None, False),
        ("HTTP", "JWT", True),
        ("HTTP", UNKNOWN, True),
        ("WEBSOCKET", "NONE", True),
        (UNKNOWN, "NONE", True),
    ],
)
def test_the_catch_all_of_an_http_api_asks_who_calls(protocol: str, authorization: Any, passes: bool) -> None:
    api = Stacked(kind=apigateway.API, name="api", props={"protocolType": protocol, "id": "abc"})
    expected = Finding(
        policy="aws-apigateway-default-disallow-anonymous",
        message="The route $default answers anyone: set authorizationType to AWS_IAM, or to an authorizer.",
        urn=urn(apigateway.ROUTE, "r"),
    )
    assert PACK.stack_findings(api, route(authorization)) == ([] if passes else [expected])
    assert PACK.stack_findings(api, route(authorization, (), "abc")) == ([] if passes else [expected])
    assert PACK.stack_findings(api, route(authorization, (), "xyz")) == []


LIVE = {"restApi": "abc", "stageName": "live"}
LIMITED = {**LIVE, "methodPath": "*/*", "settings": {"throttlingRateLimit": 10, "throttlingBurstLimit": 0}}


@pytest.mark.parametrize(
    ("settings", "passes"),
    [
        (LIMITED, True),
        ({**LIMITED, "restApi": UNKNOWN, "stageName": UNKNOWN}, True),
        ({**LIMITED, "settings": {"throttlingRateLimit": UNKNOWN, "throttlingBurstLimit": 20}}, True),
        ({**LIMITED, "settings": UNKNOWN}, True),
        ({**LIMITED, "stageName": "trial"}, False),
        ({**LIMITED, "restApi": "xyz"}, False),
        ({**LIMITED, "methodPath": "points/GET"}, False),
        ({**LIMITED, "settings": {"throttlingRateLimit": 10}}, False),
        ({**LIMITED, "settings": {"throttlingRateLimit": -1, "throttlingBurstLimit": 20}}, False),
        ({**LIMITED, "settings": {"throttlingRateLimit": 10, "throttlingBurstLimit": "20"}}, False),
        (None, False),
    ],
)
def test_a_stage_says_how_often_it_may_be_called(settings: Any, passes: bool) -> None:
    stage = Stacked(kind=apigateway.STAGES[0], name="s", props=LIVE)
    beside = [] if settings is None else [Stacked(kind=apigateway.SETTINGS, name="m", props=settings)]
    expected = Finding(
        policy="aws-apigateway-stage-configure-throttling",
        message="A stage should say how often it may be called: "
        "set throttlingRateLimit and throttlingBurstLimit.",
        urn=urn(apigateway.STAGES[0], "s"),
    )
    assert PACK.stack_findings(stage, *beside) == ([] if passes else [expected])


@pytest.mark.parametrize(
    ("protection", "tags", "passes"),
    [
        (True, {"environment": "prod"}, True),
        (UNKNOWN, {"environment": "prod"}, True),
        (False, {"environment": "prod"}, False),
        (None, {"environment": "prod"}, False),
        ("true", {"environment": "prod"}, False),
        (False, {"environment": "dev"}, True),
        (False, {}, True),
        (False, UNKNOWN, True),
    ],
)
def test_a_table_of_production_refuses_to_be_deleted(protection: Any, tags: Any, passes: bool) -> None:
    table = Stacked(
        kind=dynamodb.TABLE, name="t", props={"deletionProtectionEnabled": protection, "tags": tags}
    )
    expected = Finding(
        policy="aws-dynamodb-table-enable-deletion-protection",
        message="A table in prod must not be deleted by one call: set deletionProtectionEnabled.",
        urn=urn(dynamodb.TABLE, "t"),
    )
    assert PACK.stack_findings(table) == ([] if passes else [expected])


def test_another_environment_may_be_meant() -> None:
    lenient = Analyzer(
        dynamodb.POLICIES, {"aws-dynamodb-table-enable-deletion-protection": {"environments": ["dev"]}}
    )
    tables = [
        Stacked(kind=dynamodb.TABLE, name=name, props={"tags": {"environment": name}})
        for name in ("dev", "prod")
    ]
    assert [one.urn for one in lenient.stack_findings(*tables)] == [urn(dynamodb.TABLE, "dev")]


def test_no_shape_of_properties_stops_a_policy_of_the_stack() -> None:
    odd = [None, 7, "x", "{", [], {}, {"arn": None}, UNKNOWN, [UNKNOWN], {"deadLetterConfig": UNKNOWN}]
    keys = [
        *("redrivePolicy", "redriveAllowPolicy", "queueUrl", "url", "name", "destinationConfig", "target"),
        *("deadLetterConfig", "principal", "function", "routeKey", "authorizationType", "protocolType"),
        *("restApi", "stageName", "methodPath", "settings", "deletionProtectionEnabled", "tags"),
    ]
    kinds = [QUEUE, FUNCTION, PERMISSION, sqs.REDRIVE, sqs.REDRIVE_ALLOW, apigateway.ROUTE, apigateway.API]
    kinds += [*apigateway.STAGES, apigateway.SETTINGS, dynamodb.TABLE]
    for value in odd:
        stack = [Stacked(kind=kind, name=kind, props=dict.fromkeys(keys, value)) for kind in kinds]
        messages = [one.message for one in PACK.stack_findings(*stack)]
        assert not [message for message in messages if "can't run" in message]
