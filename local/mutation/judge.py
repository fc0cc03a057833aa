"""The pack's verdict on thousands of graphs that differ from one in a resource or two.

The analyzer of the SDK turns every resource into its form anew for each policy, which takes seconds a graph.
Here that is done once a resource, with the SDK's own functions, and the policies are called as the analyzer
calls them; a test holds both to the same findings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from google.protobuf import json_format
from pulumi_policy import (
    EnforcementLevel,
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.policy import _NotApplicableError
from pulumi_policy.proxy import UnknownValueError, unknown_checking_proxy

from local.standin import wire
from local.standin.policy import Pack
from local.standin.state import Resource

from .graph import Change, Graph


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a policy says of a resource."""

    policy: str
    urn: str
    message: str
    mandatory: bool


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A policy that broke on a graph: a fault of the policy, and no finding."""

    policy: str
    error: str


class Judge:
    """A pack over one graph, and over what differs from it."""

    def __init__(self, pack: Pack, graph: Graph) -> None:
        self._of_resources = [
            (one.policy, one)
            for one in pack.policies
            if isinstance(one.policy, ResourceValidationPolicy) and one.policy.has_validation()
        ]
        self._of_stacks = [one for one in pack.policies if isinstance(one.policy, StackValidationPolicy)]
        self._graph = graph
        self.failed: list[Failed] = []
        self._outputs = {urn: _properties(one.raw_outputs) for urn, one in graph.resources.items()}
        self._found = {urn: self._analyze(one) for urn, one in graph.resources.items()}
        self._stack = self._analyze_stack(graph, {})

    @property
    def baseline(self) -> set[Finding]:
        """What the pack finds in the graph as it is."""
        return self._stack.union(*self._found.values())

    def new_findings(self, change: Change) -> set[Finding]:
        """Return what the pack finds in a changed graph, and not in the graph as it is."""
        baseline = self.baseline
        found = set[Finding]()
        for one in change.changed.values():
            found |= self._analyze(one)
        outputs = {urn: _properties(one.raw_outputs) for urn, one in change.changed.items()}
        return (found | self._analyze_stack(self._graph.apply(change), outputs)) - baseline

    def _analyze(self, resource: Resource) -> set[Finding]:
        if resource.type == "pulumi:pulumi:Stack":
            return set()
        found: set[Finding] = set()
        props, options = _properties(resource.raw_inputs), _options(resource)
        for policy, one in self._of_resources:
            args = ResourceValidationArgs(
                resource.type, props, resource.urn, resource.name, options, None, one.config, None
            )
            self._call(policy, args, one.level, resource.urn, found)
        return found

    def _analyze_stack(self, graph: Graph, outputs: Mapping[str, Any]) -> set[Finding]:
        found: set[Finding] = set()
        resources = _linked(graph.resources.values(), {**self._outputs, **outputs})
        for one in self._of_stacks:
            self._call(one.policy, StackValidationArgs(resources, one.config, None), one.level, "", found)
        return found

    def _call(self, policy: Any, args: Any, level: EnforcementLevel, urn: str, found: set[Finding]) -> None:
        mandatory = level in (EnforcementLevel.MANDATORY, EnforcementLevel.REMEDIATE)
        report = _reporter(policy.name, mandatory, urn, found)
        try:
            result = policy.validate(args, report)
            if isawaitable(result):
                asyncio.run(_awaited(result))
        except UnknownValueError as unknown:
            _reporter(policy.name, False, urn, found)(f"can't run: {unknown.message}")
        except _NotApplicableError:
            pass
        except Exception as error:
            self.failed.append(Failed(policy=policy.name, error=f"{type(error).__name__}: {error}"))


def _reporter(name: str, mandatory: bool, where: str, found: set[Finding]) -> Callable[..., None]:
    def report(message: str, urn: str | None = None) -> None:
        found.add(Finding(policy=name, urn=urn or where, message=message, mandatory=mandatory))

    return report


async def _awaited(result: Any) -> None:
    await result


def _properties(raw: dict[str, Any]) -> Any:
    return unknown_checking_proxy(deserialize_properties(json_format.MessageToDict(wire.struct(raw))))


def _options(one: Resource) -> PolicyResourceOptions:
    return PolicyResourceOptions(
        one.protect, one.ignore_changes, one.delete_before_replace, one.aliases,
        PolicyCustomTimeouts(0, 0, 0), one.additional_secret_outputs, one.parent or "",
    )  # fmt: skip


def _linked(resources: Iterable[Resource], outputs: Mapping[str, Any]) -> list[PolicyResource]:
    """Return the resources in the analyzer's form, each pointing to the others that it needs."""
    ours = list(resources)
    made = {
        one.urn: PolicyResource(
            one.type, outputs[one.urn], one.urn, one.name, _options(one), None, None, [], {}
        )
        for one in ours
    }
    for one in ours:
        here = made[one.urn]
        here.parent = made.get(one.parent)
        here.dependencies.extend(made[urn] for urn in one.dependencies if urn in made)
        for name, urns in one.property_dependencies.items():
            here.property_dependencies[name] = [made[urn] for urn in urns if urn in made]
    return list(made.values())
