"""Every type and every property that a policy reads is one of the SDK's: a typing error would hide for ever."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import pulumi
import pytest
from pulumi._types import input_type_py_to_pulumi_names
from pulumi_policy import PolicyResource, ResourceValidationPolicy, StackValidationArgs, StackValidationPolicy
from pulumi_policy.policy import _NotApplicableError
from pulumi_policy.proxy import unknown_checking_proxy

from policies.graph import IDENTIFIERS, Graph, Node
from tests.policies.aws import GOOD, WEAKNESSES
from tests.policies.kit import GONE, UNKNOWN, arguments, changed, urn
from tests.policies.test_aws import MODULES, POLICIES
from tests.program.sdk import arguments as sdk_arguments


class Recorder(Mapping[str, Any]):
    """Properties that remember what was asked of them."""

    def __init__(self, props: Mapping[str, Any], asked: set[str], above: str = "") -> None:
        self._props, self._asked, self._above = props, asked, above

    def __getitem__(self, key: str) -> Any:
        path = f"{self._above}.{key}" if self._above else key
        self._asked.add(path)
        return self._wrapped(self._props[key], path)

    def _wrapped(self, value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            return Recorder(value, self._asked, path)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self._wrapped(one, path) for one in value]
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._props)

    def __len__(self) -> int:
        return len(self._props)


def sdk_names(kind: str, path: str) -> set[str] | None:
    """The names that the SDK knows inside a path; None where anything may be, as in a map of text."""
    found = sdk_arguments(kind)
    module = import_module(found.__module__.rpartition(".")[0])
    for step in filter(None, path.split(".")):
        names = {theirs: ours for ours, theirs in input_type_py_to_pulumi_names(found).items()}
        getter = getattr(found, names[step]).fget
        nested = set(re.findall(r"'(\w+Args)'", str(getter.__annotations__["return"])))
        # A policy document may be given as an object too; its elements are IAM's, not the SDK's.
        nested -= {"PolicyDocumentArgs"}
        if not nested:
            return None
        (name,) = nested
        found = getattr(module._inputs, name)
    return set(input_type_py_to_pulumi_names(found).values())


def asked_of(kind: str) -> set[str]:
    """All that any policy asks of a type, in its good state and in each of its bad ones."""
    bad = [changed(GOOD[kind], one.path, one.value) for one in WEAKNESSES if one.kind == kind]
    gone = [changed(GOOD[kind], key, GONE) for key in GOOD[kind]]
    asked: set[str] = set()
    for props in [GOOD[kind], *bad, *gone]:
        for policy in POLICIES:
            if isinstance(policy, ResourceValidationPolicy):
                policy.validate(arguments(kind, Recorder(props, asked)), lambda *_: None)
    return asked


@pytest.mark.parametrize("kind", GOOD)
def test_the_properties_that_policies_read_are_the_sdks(kind: str) -> None:
    asked = asked_of(kind)
    assert asked, "no policy asks anything of this type"
    for path in asked:
        above, _, key = path.rpartition(".")
        names = sdk_names(kind, above)
        assert names is None or key in names, f"{kind} has no {path}"


ODD: list[Any] = [
    None,
    True,
    7,
    "",
    "x",
    "{",
    [],
    {},
    [[]],
    [{}],
    {"x": 1},
    [7],
    UNKNOWN,
    [UNKNOWN],
    {"x": UNKNOWN},
]


@pytest.mark.parametrize("kind", GOOD)
def test_no_value_of_anything_that_is_read_stops_a_policy(kind: str) -> None:
    for path in asked_of(kind):
        for odd in ODD:
            props = changed(GOOD[kind], path, odd)
            for policy in POLICIES:
                if not isinstance(policy, ResourceValidationPolicy):
                    continue
                # Remediations get values that are not known yet as text, validations do not.
                try:
                    policy.validate(arguments(kind, unknown_checking_proxy(props)), lambda *_: None)
                    policy.remediate(arguments(kind, copy.deepcopy(props)))
                except _NotApplicableError:
                    assert UNKNOWN in str(odd), (policy.name, path, odd)


@pytest.mark.parametrize("kind", GOOD)
def test_the_good_resources_are_the_sdks(kind: str) -> None:
    names = sdk_names(kind, "")
    assert names and set(GOOD[kind]) <= names


def test_the_sdk_is_read_right() -> None:
    """A wrong name is seen at every depth."""
    firehose = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
    assert "s3BackupMode" in (sdk_names(firehose, "extendedS3Configuration") or set())
    assert "enabled" in (sdk_names(firehose, "extendedS3Configuration.processingConfiguration") or set())
    assert "s3backupMode" not in (sdk_names(firehose, "extendedS3Configuration") or {"s3backupMode"})
    assert "kmsKeyArn" in (sdk_names("aws:dynamodb/table:Table", "replicas") or set())
    assert sdk_names("aws:lambda/function:Function", "environment.variables") is None


def named_types() -> set[str]:
    return {
        value
        for module in MODULES
        for thing in vars(module).values()
        for value in (thing if isinstance(thing, tuple) else (thing,))
        if isinstance(value, str) and value.startswith("aws:")
    } | set(GOOD)


@pytest.mark.parametrize("kind", sorted(named_types()))
def test_the_types_that_policies_name_are_the_sdks(kind: str) -> None:
    found = sdk_arguments(kind)
    resource = getattr(import_module(found.__module__), kind.rpartition(":")[2])
    assert issubclass(resource, pulumi.CustomResource)
    assert resource.pulumi_type == kind


def test_what_policies_of_the_stack_read_is_the_sdks(monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN a resource of every type that a policy names WHEN all judge the stack THEN what they ask of each
    is a property of its type.
    """
    read: set[tuple[str, str]] = set()
    get, depends = Node.get, Graph.depends

    def asked(node: Node, path: str) -> Any:
        read.add((node.type, path.partition(".")[0]))
        return get(node, path)

    def made_of(graph: Graph, node: Node, key: str, *types: str) -> list[Node]:
        read.add((node.type, key))
        return depends(graph, node, key, *types)

    monkeypatch.setattr(Node, "get", asked)
    monkeypatch.setattr(Graph, "depends", made_of)
    # Where something is known of a resource, more is asked of it.
    given: list[dict[str, Any]] = [
        {},
        {"principal": "s3.amazonaws.com", "routeKey": "$default", "protocolType": "HTTP", "name": "n"},
        {"redriveAllowPolicy": "{}", "redrivePolicy": "{}", "destinationConfig": {}, "deadLetterConfig": {}},
    ]
    for props in given:
        resources = [
            PolicyResource(
                kind,
                props,
                urn(kind),
                "x",
                None,  # type: ignore[arg-type]
                None,
                None,
                [],
                {},
            )
            for kind in sorted(named_types())
        ]
        for policy in POLICIES:
            if isinstance(policy, StackValidationPolicy):
                policy.validate(StackValidationArgs(resources, {}, {}), lambda *_: None)
    for kind, key in read:
        # Whatever carries tags says of what environment a stack is, and what does not is asked as well.
        known = {*(sdk_names(kind, "") or ()), *IDENTIFIERS, "tags"}
        assert key in known, f"{kind} has no {key}"
    queue, mapping = "aws:sqs/queue:Queue", "aws:lambda/permission:Permission"
    assert (queue, "redriveAllowPolicy") in read and (mapping, "function") in read
    for kind, keys in {
        queue: ("redrivePolicy", "redriveAllowPolicy", "name"),
        "aws:sqs/redrivePolicy:RedrivePolicy": ("queueUrl",),
        "aws:lambda/function:Function": ("deadLetterConfig", "name"),
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
            "destinationConfig",
            "functionName",
        ),
        mapping: ("principal", "function"),
        "aws:apigatewayv2/route:Route": ("routeKey", "authorizationType", "apiId"),
        "aws:apigatewayv2/api:Api": ("protocolType",),
        "aws:apigateway/methodSettings:MethodSettings": ("restApi", "stageName", "methodPath", "settings"),
        "aws:apigateway/stage:Stage": ("restApi", "stageName"),
        "aws:dynamodb/table:Table": ("deletionProtectionEnabled",),
        "aws:lambda/eventSourceMapping:EventSourceMapping": ("destinationConfig",),
        "aws:sns/topicSubscription:TopicSubscription": ("redrivePolicy",),
        "aws:cloudwatch/eventTarget:EventTarget": ("deadLetterConfig",),
    }.items():
        assert set(keys) <= (sdk_names(kind, "") or set())
