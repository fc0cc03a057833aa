"""The resource monitor that a program talks to when no engine runs: it registers with the stand-ins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.proto import resource_pb2 as pb

from local.state import LakeError

from . import wire
from .aliases import former
from .assets import with_hashes
from .state import STACK, Resource
from .steps import Steps

FEATURES = (
    pb.RESOURCE_MONITOR_FEATURE_SECRETS,
    pb.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    pb.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    pb.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
)


class ProgramError(LakeError):
    """The program asks for something wrong; the message names the resource."""


class Engine:
    """Where the program's messages go."""

    def __init__(self, on_message: Callable[[str, str], None]) -> None:
        self._on_message = on_message

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:  # noqa: N802 (the protocol's name)
        """Pass a message on, but for the SDK's own debugging."""
        if request.severity != engine_pb2.DEBUG:
            self._on_message(engine_pb2.LogSeverity.Name(request.severity).lower(), request.message)
        return empty_pb2.Empty()

    def RequirePulumiVersion(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        """Accept: there is no engine whose version could be wrong."""
        return empty_pb2.Empty()


@dataclass(kw_only=True)
class Monitor:
    """Answers the SDK, which calls from several threads at once."""

    project: str
    stack: str
    root: Path
    steps: Steps
    config: Mapping[str, str]
    stack_references: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def urn(self, parent: str, token: str, name: str) -> str:
        """Return the URN of a resource."""
        if parent:
            kind = parent.split("::")[2]
            token = token if kind == STACK else f"{kind}${token}"
        return f"urn:pulumi:{self.stack}::{self.project}::{token}::{name}"

    def GetDeploymentInfo(self, _: Any) -> pb.DeploymentInfo:  # noqa: N802
        """Say what is understood; the SDK refuses the rest (transforms, hooks) by itself."""
        return pb.DeploymentInfo(supportedFeatures=list(FEATURES))

    def RegisterResource(self, request: pb.RegisterResourceRequest) -> pb.RegisterResourceResponse:  # noqa: N802
        """Make, change or keep a resource."""
        urn = self.urn(request.parent, request.type, request.name)
        for option, given in (("import_", request.importId), ("remote components", request.remote)):
            if given:
                raise ProgramError(f"{urn}: {option} needs the pulumi engine")
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            provider=request.provider,
            raw_inputs=with_hashes(wire.plain(request.object), self.root),
            dependencies=list(request.dependencies),
            property_dependencies={
                key: list(value.urns) for key, value in request.propertyDependencies.items()
            },
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            deleted_with=request.deletedWith,
            replace_with=list(request.replace_with),
            aliases=self._former(urn, request),
            ignore_changes=list(request.ignoreChanges),
            replace_on_changes=list(request.replaceOnChanges),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        )
        with self._lock:
            if urn in self.resources:
                raise ProgramError(f"two resources have the URN {urn}: names must differ")
            self.resources[urn] = resource
        self.steps.register(resource, self._provider_config(resource))
        return pb.RegisterResourceResponse(urn=urn, id=resource.id, object=wire.struct(resource.raw_outputs))

    def _former(self, urn: str, request: pb.RegisterResourceRequest) -> list[str]:
        parent = self.resources.get(request.parent)
        return former(urn, request.parent, request.aliases, parent.aliases if parent else ())

    def RegisterResourceOutputs(self, request: pb.RegisterResourceOutputsRequest) -> empty_pb2.Empty:  # noqa: N802
        """Keep the outputs of a component, or of the stack."""
        resource = self.resources[request.urn]
        resource.raw_outputs = wire.plain(request.outputs)
        self.steps.finish(resource)
        return empty_pb2.Empty()

    def ReadResource(self, request: pb.ReadResourceRequest) -> pb.ReadResourceResponse:  # noqa: N802
        """Look up a resource that the program does not manage."""
        urn = self.urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:StackReference":
            if request.id not in self.stack_references:
                raise ProgramError(f"{urn}: the outputs of the stack {request.id} are not known here")
            found = {
                "name": request.id,
                "outputs": dict(self.stack_references[request.id]),
                "secretOutputNames": [],
            }
        else:
            config = self._provider_config_of(request.provider, request.type)
            found = self.steps.look_up(
                urn, request.id, wire.open_secrets(wire.plain(request.properties)), config
            )
        resource = Resource(urn=urn, type=request.type, name=request.name, custom=True, parent=request.parent)
        resource.id, resource.raw_outputs = request.id, found
        with self._lock:
            self.resources[urn] = resource
        return pb.ReadResourceResponse(urn=urn, properties=wire.struct(found), id=request.id)

    def Invoke(self, request: pb.ResourceInvokeRequest) -> pb.ResourceInvokeResponse:  # noqa: N802
        """Answer a data source."""
        args = wire.plain(request.args)
        config = self._provider_config_of(request.provider, request.tok)
        answer = self.steps.invoke(request.tok, wire.open_secrets(args), config)
        if wire.has_secret(args):
            answer = {name: wire.secret(value) for name, value in answer.items()}
        fields: Any = {"return": wire.struct(answer)}  # a word that Python keeps for itself
        return pb.ResourceInvokeResponse(**fields)

    def RegisterPackage(self, _: Any) -> pb.RegisterPackageResponse:  # noqa: N802
        """Accept a package."""
        return pb.RegisterPackageResponse(ref="in-process")

    def SignalAndWaitForShutdown(self, _: Any) -> empty_pb2.Empty:  # noqa: N802
        """Let the program end."""
        return empty_pb2.Empty()

    def _provider_config(self, resource: Resource) -> Mapping[str, str]:
        return self._provider_config_of(resource.provider, resource.type)

    def _provider_config_of(self, reference: str, token: str) -> Mapping[str, str]:
        """Return what a provider is told: an explicit one by its inputs, another by the configuration."""
        if reference:
            provider = self.resources.get(reference.rsplit("::", 1)[0])
            if provider is not None:
                return provider.inputs
        package = token.split(":", maxsplit=1)[0]
        return {
            key.split(":", 1)[1]: value for key, value in self.config.items() if key.startswith(f"{package}:")
        }
