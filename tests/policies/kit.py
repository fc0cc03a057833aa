"""Asking policies through the SDK's own analyzer, as the engine does, and taking good resources apart."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyProviderResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
)
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY
from pulumi_policy.policy import _PolicyAnalyzerServicer
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

UNKNOWN = UNKNOWN_STRING_VALUE
GONE = object()  # in place of a value: the property is not there
NAME = "x"


@dataclass(frozen=True, kw_only=True)
class Finding:
    policy: str
    message: str
    urn: str


@dataclass(frozen=True, kw_only=True)
class Stacked:
    """A resource of a stack, with what it depends on by property."""

    kind: str
    name: str
    props: Mapping[str, Any] = field(default_factory=dict)
    on: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def urn(self) -> str:
        return urn(self.kind, self.name)


def urn(kind: str, name: str = NAME) -> str:
    return f"urn:pulumi:stack::project::{kind}::{name}"


def secret(value: Any) -> dict[str, Any]:
    """A value as the engine hands secrets over."""
    return {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": value}


class Analyzer:
    """The SDK's analyzer over some policies, configured as the CLI configures it."""

    def __init__(
        self,
        policies: Sequence[Policy],
        config: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        remediating: bool = False,
    ) -> None:
        self._servicer = _PolicyAnalyzerServicer(
            "pack", "0.0.1", list(policies), EnforcementLevel.MANDATORY, None
        )
        request = pb.ConfigureAnalyzerRequest()
        for policy in policies:
            entry = request.policyConfig[policy.name]
            level = EnforcementLevel.REMEDIATE if remediating else policy.enforcement_level
            entry.enforcementLevel = pb.EnforcementLevel.Value((level or EnforcementLevel.MANDATORY).name)
            schema = policy.config_schema.properties if policy.config_schema else {}
            values = {key: one["default"] for key, one in schema.items() if "default" in one}
            json_format.ParseDict({**values, **(config or {}).get(policy.name, {})}, entry.properties)
        self._servicer.Configure(request, None)

    def findings(
        self, kind: str, props: Mapping[str, Any], provider: Mapping[str, Any] | None = None
    ) -> list[Finding]:
        answer = self._servicer.Analyze(_request(kind, props, provider), None)
        return [_finding(one, urn(kind)) for one in answer.diagnostics]

    def not_applicable(self, kind: str, props: Mapping[str, Any]) -> dict[str, str]:
        answer = self._servicer.Analyze(_request(kind, props, None), None)
        return {one.policy_name: one.reason for one in answer.not_applicable}

    def remediated(self, kind: str, props: Mapping[str, Any]) -> dict[str, Any] | None:
        """The properties after all remediations, as they go back to the engine."""
        answer = self._servicer.Remediate(_request(kind, props, None), None)
        assert not [one.diagnostic for one in answer.remediations if one.diagnostic]
        return json_format.MessageToDict(answer.remediations[-1].properties) if answer.remediations else None

    def stack_findings(self, *resources: Stacked) -> list[Finding]:
        request = pb.AnalyzeStackRequest()
        for one in resources:
            item = request.resources.add(type=one.kind, urn=one.urn, name=one.name)
            item.properties.CopyFrom(_struct(one.props))
            for key, names in one.on.items():
                item.propertyDependencies[key].urns.extend(
                    other.urn for other in resources if other.name in names
                )
        return [_finding(one, "") for one in self._servicer.AnalyzeStack(request, None).diagnostics]


def _finding(one: Any, of: str) -> Finding:
    return Finding(
        policy=one.policyName, message=one.message.removeprefix(f"{one.description}\n"), urn=one.urn or of
    )


def _struct(props: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(props), struct_pb2.Struct())


def _request(kind: str, props: Mapping[str, Any], provider: Mapping[str, Any] | None) -> pb.AnalyzeRequest:
    request = pb.AnalyzeRequest(type=kind, urn=urn(kind), name=NAME, properties=_struct(props))
    if provider is not None:
        request.provider.type = "pulumi:providers:aws"
        request.provider.properties.CopyFrom(_struct(provider))
    return request


def arguments(kind: str, props: Any, config: Mapping[str, Any] | None = None) -> ResourceValidationArgs:
    """What a policy is called with, where a test stands between it and the properties."""
    options = PolicyResourceOptions(False, [], None, [], None, [], "")  # type: ignore[arg-type]
    provider = PolicyProviderResource("pulumi:providers:aws", {}, "urn:p", "default")
    return ResourceValidationArgs(kind, props, urn(kind), NAME, options, provider, config, {})


def changed(props: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy in which the property at a path (`section.key`, `list.0.key`) has a value, or is gone."""
    made = copy.deepcopy(dict(props))
    *parents, last = path.split(".")
    target: Any = made
    for key in parents:
        target = target[int(key)] if isinstance(target, list) else target.setdefault(key, {})
    place: Any = int(last) if isinstance(target, list) else last
    if value is GONE:
        del target[place]
    else:
        target[place] = value
    return made


def paths(value: Any, above: str = "") -> Iterator[str]:
    """The paths of everything inside."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, inner in pairs:
        path = f"{above}.{key}" if above else str(key)
        yield path
        if isinstance(inner, Mapping | list):
            yield from paths(inner, path)
