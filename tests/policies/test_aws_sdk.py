"""Every type and every property that a policy reads is one of the SDK's: a typing error would hide for ever."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import pulumi
import pytest
from pulumi._types import input_type_py_to_pulumi_names
from pulumi_policy import PolicyResource, ResourceValidationPolicy, StackValidationArgs, StackValidationPolicy

from tests.policies.aws import GOOD, WEAKNESSES
from tests.policies.kit import GONE, arguments, changed, urn
from tests.policies.test_aws import MODULES, POLICIES
from tests.program.sdk import arguments as sdk_arguments

# What only outputs have, and stacks are judged by their outputs.
OUTPUTS = {"url", "id"}


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


def test_what_policies_of_the_stack_read_is_the_sdks() -> None:
    kinds = named_types()
    asked: dict[str, set[str]] = {kind: set() for kind in kinds}
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
                Recorder(props, asked[kind]),
                urn(kind),
                "x",
                None,  # type: ignore[arg-type]
                None,
                None,
                [],
                {},
            )
            for kind in sorted(kinds)
        ]
        for policy in POLICIES:
            if isinstance(policy, StackValidationPolicy):
                policy.validate(StackValidationArgs(resources, {}, {}), lambda *_: None)
    read = {(kind, path) for kind, paths in asked.items() for path in paths}
    # What is given here is read of every type, whoever has it: judged are the keys that a type is asked for.
    everywhere = {key for props in given for key in props}
    for kind, path in read:
        above, _, key = path.rpartition(".")
        if above or path in everywhere:
            continue
        assert key in (sdk_names(kind, "") or set()) | OUTPUTS | {"arn"}, f"{kind} has no {path}"
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
        "aws:lambda/eventSourceMapping:EventSourceMapping": ("destinationConfig",),
        "aws:sns/topicSubscription:TopicSubscription": ("redrivePolicy",),
        "aws:cloudwatch/eventTarget:EventTarget": ("deadLetterConfig",),
    }.items():
        assert set(keys) <= (sdk_names(kind, "") or set())
