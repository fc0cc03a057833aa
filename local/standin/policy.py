"""Driving a CrossGuard policy pack in this process, as the engine drives an analyzer plugin."""

from __future__ import annotations

import contextvars
import runpy
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi_policy
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi_policy import Policy
from pulumi_policy.policy import EnforcementLevel, _PolicyAnalyzerServicer

from local.state import LakeError

from . import wire
from .state import Resource

LEVELS = {
    "advisory": pb.ADVISORY,
    "mandatory": pb.MANDATORY,
    "remediate": pb.REMEDIATE,
    "disabled": pb.DISABLED,
}


class PackError(LakeError):
    """The policy pack cannot be loaded or configured."""


def _servicer(pack_dir: Path) -> _PolicyAnalyzerServicer:
    """Run the pack's `__main__.py` with a `PolicyPack` that is kept instead of served."""
    caught: list[_PolicyAnalyzerServicer] = []

    def keep(
        name: str, policies: Any, enforcement_level: Any = None, initial_config: Any = None, **more: Any
    ) -> None:
        level = enforcement_level or EnforcementLevel.ADVISORY
        caught.append(_PolicyAnalyzerServicer(name, "0.0.1", policies, level, initial_config, **more))

    before, path = set(sys.modules), list(sys.path)
    try:
        with mock.patch.object(pulumi_policy, "PolicyPack", keep):
            runpy.run_path(str(pack_dir), run_name="__main__")
    finally:
        sys.path[:] = path
        # The pack's own top-level modules must not answer another pack's imports.
        own = {
            one.stem for one in pack_dir.iterdir() if one.suffix == ".py" or (one / "__init__.py").exists()
        }
        for name in {name for name in sys.modules if name.split(".")[0] in own} - before - {"__main__"}:
            del sys.modules[name]
    if len(caught) != 1:
        raise PackError(f"{pack_dir / '__main__.py'} makes {len(caught)} policy packs, not one")
    return caught[0]


class PolicyError(LakeError):
    """The program breaks mandatory policies; the message has a line for each."""


@dataclass(frozen=True, kw_only=True)
class Configured:
    """A policy as the analyzer runs it."""

    policy: Policy
    level: EnforcementLevel
    config: dict[str, Any] | None


class Pack:
    """A policy pack with its configuration, and what it has found."""

    def __init__(
        self, pack_dir: Path | str, config: Mapping[str, Any] | None = None, *, enforce: bool = False
    ) -> None:
        self._enforce = enforce
        self._servicer = _servicer(Path(pack_dir).resolve())
        self.info = self._servicer.GetAnalyzerInfo(empty_pb2.Empty(), None)
        self.diagnostics: list[Any] = []
        self.remediations: list[tuple[str, Any]] = []
        self._configure(dict(config or {}))

    @property
    def policies(self) -> list[Configured]:
        """The policies that are not disabled, for whoever calls them without the analyzer."""
        policies: list[Policy] = getattr(
            self._servicer, f"_{_PolicyAnalyzerServicer.__name__.strip('_')}__policies"
        )
        found = [
            Configured(
                policy=one,
                level=self._servicer._get_enforcement_level(one),
                config=self._servicer._get_policy_config(one.name),
            )
            for one in policies
        ]
        return [one for one in found if one.level is not EnforcementLevel.DISABLED]

    @property
    def mandatory(self) -> list[Any]:
        """What stops a deployment."""
        return [one for one in self.diagnostics if one.enforcementLevel == pb.MANDATORY]

    def remediate(self, resource: Resource, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the inputs as the remediations leave them."""
        answer = _isolated(self._servicer.Remediate, _request(pb.AnalyzeRequest, resource, inputs))
        for found in answer.remediations:
            self.remediations.append((resource.urn, found))
            if not found.diagnostic:
                inputs = wire.plain(found.properties)
        return inputs

    def analyze(self, resource: Resource) -> None:
        """Judge one resource by its inputs."""
        answer = _isolated(self._servicer.Analyze, _request(pb.AnalyzeRequest, resource, resource.raw_inputs))
        for found in answer.diagnostics:
            found.urn = found.urn or resource.urn
        self._found(answer.diagnostics)

    def analyze_stack(self, resources: list[Resource]) -> None:
        """Judge all resources by their outputs."""
        items = []
        for one in resources:
            item = _request(
                pb.AnalyzerResource, one, one.raw_outputs, parent=one.parent, dependencies=one.dependencies
            )
            for name, urns in one.property_dependencies.items():
                item.propertyDependencies[name].urns.extend(urns)
            items.append(item)
        answer = _isolated(self._servicer.AnalyzeStack, pb.AnalyzeStackRequest(resources=items))
        self._found(answer.diagnostics)

    def _found(self, diagnostics: Any) -> None:
        self.diagnostics += diagnostics
        broken = [one for one in diagnostics if one.enforcementLevel == pb.MANDATORY]
        if self._enforce and broken:
            raise PolicyError("\n".join(f"{one.urn}: {one.policyName}: {one.message}" for one in broken))

    def _configure(self, config: dict[str, Any]) -> None:
        """Configure each policy as the CLI does: defaults, the pack's own, then `all`, then the policy's."""
        known = {policy.name for policy in self.info.policies}
        if unknown := config.keys() - known - {"all"}:
            raise PackError(f"the pack has no policy {', '.join(sorted(unknown))}")
        request = pb.ConfigureAnalyzerRequest()
        for policy in self.info.policies:
            entry = request.policyConfig[policy.name]
            entry.enforcementLevel = policy.enforcementLevel
            schema = json_format.MessageToDict(policy.configSchema.properties)
            values = {name: one["default"] for name, one in schema.items() if "default" in one}
            if policy.name in self.info.initialConfig:
                initial = self.info.initialConfig[policy.name]
                values.update(json_format.MessageToDict(initial.properties))
                entry.enforcementLevel = initial.enforcementLevel or entry.enforcementLevel
            for source in (config.get("all"), config.get(policy.name)):
                given = {"enforcementLevel": source} if isinstance(source, str) else dict(source or {})
                if level := given.pop("enforcementLevel", None):
                    entry.enforcementLevel = LEVELS[level]
                values.update(given)
            json_format.ParseDict(values, entry.properties)
        self._servicer.Configure(request, None)


def _request(kind: Any, resource: Resource, properties: dict[str, Any], **more: Any) -> Any:
    options = pb.AnalyzerResourceOptions(
        protect=resource.protect,
        ignoreChanges=resource.ignore_changes,
        deleteBeforeReplace=bool(resource.delete_before_replace),
        deleteBeforeReplaceDefined=resource.delete_before_replace is not None,
        additionalSecretOutputs=resource.additional_secret_outputs,
        aliases=resource.aliases,
        parent=resource.parent,
    )
    return kind(
        type=resource.type,
        urn=resource.urn,
        name=resource.name,
        properties=wire.struct(properties),
        options=options,
        **more,
    )


def _isolated(method: Any, request: Any) -> Any:
    """Call the analyzer in a context of its own: a policy must not see the program's."""
    return contextvars.copy_context().run(method, request, None)
