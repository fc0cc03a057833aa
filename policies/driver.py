"""Driving a CrossGuard policy pack in this process, as the engine drives an analyzer plugin."""

import contextvars
import json
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest import mock

import pulumi_policy
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi_policy import EnforcementLevel, Policy
from pulumi_policy.policy import _PolicyAnalyzerServicer  # pyright: ignore[reportPrivateUsage]

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (the wire's mark of a secret, not one)
MASKED = "[secret]"
SHORTEST_SECRET = 4
LEVELS = {
    "advisory": pb.ADVISORY,
    "mandatory": pb.MANDATORY,
    "remediate": pb.REMEDIATE,
    "disabled": pb.DISABLED,
}
LEVEL_NAMES = {number: name for name, number in LEVELS.items()}
SEVERITIES = {
    pb.POLICY_SEVERITY_LOW: "low",
    pb.POLICY_SEVERITY_MEDIUM: "medium",
    pb.POLICY_SEVERITY_HIGH: "high",
    pb.POLICY_SEVERITY_CRITICAL: "critical",
}
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


class PackError(Exception):
    """The policy pack cannot be loaded or configured; the message says everything that is wrong."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A resource as a pack sees it. Secrets in its properties are wrapped as on the wire."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parent: str = ""
    provider: str = ""
    dependencies: Sequence[str] = ()
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    protect: bool = False
    aliases: Sequence[str] = ()
    ignore_changes: Sequence[str] = ()
    additional_secret_outputs: Sequence[str] = ()
    delete_before_replace: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a policy objects to; without a URN it is the stack as a whole."""

    policy: str
    level: str
    severity: str
    urn: str
    message: str
    description: str
    steps: str

    @property
    def mandatory(self) -> bool:
        """Whether it stops a deployment."""
        return self.level == "mandatory"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A policy as it is configured."""

    name: str
    description: str
    severity: str
    level: str
    steps: str


@dataclass(frozen=True, kw_only=True)
class Configured:
    """A policy with the level and the values that the analyzer runs it with."""

    policy: Policy
    level: EnforcementLevel
    config: dict[str, Any] | None


def load(pack_dir: Path) -> "Pack":
    """Run a pack's `__main__.py` with a `PolicyPack` that is kept instead of served."""
    caught: list[Pack] = []

    def keep(
        name: str, policies: list[Policy], enforcement_level: Any = None, initial_config: Any = None, **_: Any
    ) -> None:
        level = enforcement_level or EnforcementLevel.ADVISORY
        caught.append(Pack(name, policies, level=level, initial=initial_config))

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


class Pack:
    """A policy pack with its configuration, and what it has found.

    The order is the engine's: `remediate` and `analyze` each resource, then `analyze_stack` all of them.
    """

    def __init__(
        self,
        name: str,
        policies: Iterable[Policy],
        *,
        level: EnforcementLevel = EnforcementLevel.ADVISORY,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self._policies = list(policies)
        self._servicer: Any = _PolicyAnalyzerServicer(
            name, "0.0.1", self._policies, level, dict(initial) if initial else None
        )
        self.info: pb.AnalyzerInfo = self._servicer.GetAnalyzerInfo(empty_pb2.Empty(), None)
        self._about = {one.name: one for one in self.info.policies}
        self._providers: dict[str, Subject] = {}
        self._rules: dict[str, Rule] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self._secrets: set[str] = set()
        self.diagnostics: list[pb.AnalyzeDiagnostic] = []
        self.remediations: list[tuple[str, pb.Remediation]] = []
        self.configure({})

    @property
    def findings(self) -> list[Finding]:
        """What the pack has found so far."""
        return [self._finding(one) for one in self.diagnostics]

    @property
    def policies(self) -> list[Configured]:
        """The policies that are not disabled, for whoever calls them without the analyzer."""
        levels = {one.name: EnforcementLevel(self._rules[one.name].level) for one in self._policies}
        return [
            Configured(policy=one, level=levels[one.name], config=self._values[one.name] or None)
            for one in self._policies
            if levels[one.name] is not EnforcementLevel.DISABLED
        ]

    @property
    def rules(self) -> list[Rule]:
        """The policies, in the pack's order."""
        return list(self._rules.values())

    def finding(self, policy: str, urn: str, message: str, level: str = "") -> Finding:
        """A finding of a policy, in its words and at its level; secrets are masked."""
        rule = self._rules[policy]
        # What a remediation left behind stops a deployment.
        level = level or ("mandatory" if rule.level == "remediate" else rule.level)
        return Finding(
            policy=policy,
            level=level,
            severity=rule.severity,
            urn=urn,
            message=self._masked(message),
            description=rule.description,
            steps=rule.steps,
        )

    def remediate(self, subject: Subject) -> struct_pb2.Struct | None:
        """Return the inputs as the remediations leave them, or None where there is nothing to mend."""
        request = self._request(pb.AnalyzeRequest, subject, subject.inputs)
        answer: pb.RemediateResponse = _isolated(self._servicer.Remediate, request)
        self.remediations += [(subject.urn, found) for found in answer.remediations]
        mended = [found.properties for found in answer.remediations if not found.diagnostic]
        return mended[-1] if mended else None

    def analyze(self, subject: Subject) -> list[pb.AnalyzeDiagnostic]:
        """Judge one resource by its inputs."""
        request = self._request(pb.AnalyzeRequest, subject, subject.inputs)
        answer: pb.AnalyzeResponse = _isolated(self._servicer.Analyze, request)
        for found in answer.diagnostics:
            found.urn = found.urn or subject.urn
        return self._kept(answer.diagnostics)

    def analyze_stack(self, subjects: Sequence[Subject]) -> list[pb.AnalyzeDiagnostic]:
        """Judge all resources by their outputs."""
        items: list[pb.AnalyzerResource] = []
        for one in subjects:
            more = {"parent": one.parent, "dependencies": one.dependencies}
            item = self._request(pb.AnalyzerResource, one, one.outputs, **more)
            for name, urns in one.property_dependencies.items():
                item.propertyDependencies[name].urns.extend(urns)
            items.append(item)
        answer: pb.AnalyzeResponse = _isolated(
            self._servicer.AnalyzeStack, pb.AnalyzeStackRequest(resources=items)
        )
        return self._kept(answer.diagnostics)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Configure each policy as the CLI does: defaults, the pack's own, then `all`, then the policy's.

        Raises
        ------
        PackError
            With every name, level and value that the pack does not know.
        """
        if faults := list(self._faults(config)):
            raise PackError("\n".join(faults))
        request = pb.ConfigureAnalyzerRequest()
        for policy in self.info.policies:
            entry = request.policyConfig[policy.name]
            entry.enforcementLevel = policy.enforcementLevel
            schema = self._schema(policy.name).items()
            values = {name: one["default"] for name, one in schema if "default" in one}
            if policy.name in self.info.initialConfig:
                initial = self.info.initialConfig[policy.name]
                values.update(json_format.MessageToDict(initial.properties))
                entry.enforcementLevel = initial.enforcementLevel or entry.enforcementLevel
            for source in (config.get("all"), config.get(policy.name)):
                given = _entry(source)
                if level := given.pop("enforcementLevel", None):
                    entry.enforcementLevel = LEVELS[level]
                values.update(given)
            json_format.ParseDict(values, entry.properties)
            self._values[policy.name] = json_format.MessageToDict(entry.properties)
            self._rules[policy.name] = Rule(
                name=policy.name,
                description=policy.description,
                severity=SEVERITIES.get(policy.severity, ""),
                level=LEVEL_NAMES[entry.enforcementLevel],
                steps=policy.remediation_steps,
            )
        self._servicer.Configure(request, None)

    def _faults(self, config: Mapping[str, Any]) -> Iterator[str]:
        if unknown := sorted(config.keys() - self._about.keys() - {"all"}):
            yield f"the pack has no policy {', '.join(unknown)}"
        for name in sorted(config.keys() & {*self._about, "all"}):
            if not isinstance(config[name], str | Mapping):
                yield f"{name}: expected a level, or a mapping"
                continue
            given = _entry(config[name])
            level = given.pop("enforcementLevel", "advisory")
            if str(level) not in LEVELS:
                yield f"{name}: the level {level!r} is none of {', '.join(LEVELS)}"
            schema = self._schema(name)
            for key, value in given.items():
                expected = schema.get(key, {}).get("type")
                if key not in schema:
                    yield f"{name}: it has no value {key}, only {', '.join(sorted(schema)) or 'a level'}"
                elif not isinstance(value, TYPES.get(expected, (object,))):
                    yield f"{name}: {key}: expected {expected}"

    def _schema(self, name: str) -> dict[str, Any]:
        return json_format.MessageToDict(self._about[name].configSchema.properties) if name != "all" else {}

    def _finding(self, found: pb.AnalyzeDiagnostic) -> Finding:
        # The SDK sets the policy's description before the message.
        message = found.message.removeprefix(found.description).strip() or found.description
        return self.finding(found.policyName, found.urn, message, LEVEL_NAMES[found.enforcementLevel])

    def _kept(self, diagnostics: Iterable[pb.AnalyzeDiagnostic]) -> list[pb.AnalyzeDiagnostic]:
        found = list(diagnostics)
        for one in found:
            one.message = self._masked(one.message)
        self.diagnostics += found
        return found

    def _masked(self, text: str) -> str:
        # Longest first: one secret may begin like another.
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASKED)
        return text

    def _request(self, kind: Any, subject: Subject, properties: Mapping[str, Any], **more: Any) -> Any:
        options = pb.AnalyzerResourceOptions(
            protect=subject.protect,
            ignoreChanges=subject.ignore_changes,
            deleteBeforeReplace=bool(subject.delete_before_replace),
            deleteBeforeReplaceDefined=subject.delete_before_replace is not None,
            additionalSecretOutputs=subject.additional_secret_outputs,
            aliases=subject.aliases,
            parent=subject.parent,
        )
        self._secrets |= _secrets(properties)
        if subject.type.startswith("pulumi:providers:"):
            self._providers[subject.urn] = subject
        provider = self._providers.get(subject.provider.rpartition("::")[0])
        if provider is not None:
            more["provider"] = pb.AnalyzerProviderResource(
                type=provider.type,
                urn=provider.urn,
                name=provider.name,
                properties=_struct(provider.inputs),
            )
        return kind(
            type=subject.type,
            urn=subject.urn,
            name=subject.name,
            properties=_struct(properties),
            options=options,
            **more,
        )


def _entry(source: object) -> dict[str, Any]:
    """A policy's configuration, which may be a level alone."""
    if isinstance(source, str):
        return {"enforcementLevel": source}
    return dict(cast("Mapping[str, Any]", source or {}))


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def _secrets(value: Any, *, within: bool = False) -> set[str]:
    """Every text that is secret, or part of a secret document, and long enough to be known again."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        if items.get(SIGNATURE) == SECRET:
            return _secrets(items.get("value"), within=True)
        return {text for item in items.values() for text in _secrets(item, within=within)}
    if isinstance(value, list | tuple):
        return {text for item in cast("Sequence[Any]", value) for text in _secrets(item, within=within)}
    if not within or not isinstance(value, str) or len(value) < SHORTEST_SECRET or value == MASKED:
        return set()
    return {value} | (_secrets(_parsed(value), within=True) if value[0] in "[{" else set())


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _isolated(method: Any, request: Any) -> Any:
    """Call the analyzer in a context of its own: a policy must not see the program's."""
    return contextvars.copy_context().run(method, request, None)
