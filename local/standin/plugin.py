"""The stand-ins as provider plugins: what the real engine speaks to."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as pb

from .adapter import Place
from .core import Backend, StandIn, name_of, type_of
from .schema import SDKS
from .wire import plain, struct

MEGABYTE = 1024 * 1024
THREADS = 16
VERSION = "0.0.1"


def _readable(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an exception into the message that the engine shows; without this it shows a traceback of ours."""

    @functools.wraps(method)
    def answer(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except Exception as error:  # the boundary of a process: whatever it is, the engine must hear of it
            context.abort(grpc.StatusCode.UNKNOWN, str(error) or type(error).__name__)

    return answer


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One package's provider. Each explicit provider has a connection of its own, and so a place."""

    def __init__(self, package: str, core: StandIn) -> None:
        self._package, self._core = package, core
        self._places: dict[str, Place] = {}
        self._lock = threading.Lock()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:  # noqa: N802 (and all below: the protocol's names)
        """Say the version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Decline: a provider without a handshake is configured as all were before there was one."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "no handshake")

    def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        """Accept the engine."""
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        """Let running calls finish."""
        return empty_pb2.Empty()

    def GetSchema(self, request: Any, context: Any) -> pb.GetSchemaResponse:  # noqa: N802
        """Say nothing: the SDK is installed already."""
        return pb.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, context: Any) -> pb.CheckResponse:  # noqa: N802
        """Accept the configuration."""
        return pb.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> pb.DiffResponse:  # noqa: N802
        """Let the engine compare configurations itself."""
        return pb.DiffResponse()

    @_readable
    def Configure(self, request: Any, context: Any) -> pb.ConfigureResponse:  # noqa: N802
        """Remember where this provider works. Secrets come plain: the engine marks them again itself."""
        config = {name: str(value) for name, value in plain(request.args).items() if isinstance(value, str)}
        with self._lock:
            self._places[context.peer()] = self._core.backend.place(self._package, config)
        return pb.ConfigureResponse(
            acceptSecrets=False, acceptResources=False, acceptOutputs=False, supportsPreview=True
        )

    @_readable
    def Check(self, request: Any, context: Any) -> pb.CheckResponse:  # noqa: N802
        """Complete and check the inputs."""
        inputs, failures = self._core.check(
            type_of(request.urn),
            name_of(request.urn),
            plain(request.olds),
            plain(request.news),
            request.randomSeed,
        )
        found = [pb.CheckFailure(property=failure.property, reason=failure.reason) for failure in failures]
        return pb.CheckResponse(inputs=struct(inputs), failures=found)

    @_readable
    def Diff(self, request: Any, context: Any) -> pb.DiffResponse:  # noqa: N802
        """Compare old with new inputs."""
        token, old, new = type_of(request.urn), plain(request.old_inputs), plain(request.news)
        changes = self._core.diff(token, old, new, frozenset(request.ignoreChanges))
        if not changes:
            return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)
        detailed = {}
        for name, replaces in changes.items():
            kind = "ADD" if name not in old else "DELETE" if name not in new else "UPDATE"
            value = getattr(pb.PropertyDiff, f"{kind}_REPLACE" if replaces else kind)
            detailed[name] = pb.PropertyDiff(kind=value, inputDiff=True)
        return pb.DiffResponse(
            changes=pb.DiffResponse.DIFF_SOME,
            diffs=list(changes),
            replaces=[name for name, replaces in changes.items() if replaces],
            deleteBeforeReplace=self._core.delete_first(token, old, new),
            hasDetailedDiff=True,
            detailedDiff=detailed,
        )

    @_readable
    def Create(self, request: Any, context: Any) -> pb.CreateResponse:  # noqa: N802
        """Make a resource."""
        place, inputs = self._place(context), plain(request.properties)
        rid, outputs = self._core.create(request.urn, place, inputs, preview=request.preview)
        return pb.CreateResponse(id=rid, properties=struct(outputs))

    @_readable
    def Update(self, request: Any, context: Any) -> pb.UpdateResponse:  # noqa: N802
        """Change a resource."""
        old, new, outputs = plain(request.old_inputs), plain(request.news), plain(request.olds)
        place = self._place(context)
        changed = self._core.update(
            request.urn, place, request.id, old, new, outputs=outputs, preview=request.preview
        )
        return pb.UpdateResponse(properties=struct(changed))

    @_readable
    def Read(self, request: Any, context: Any) -> pb.ReadResponse:  # noqa: N802
        """Look a resource up."""
        inputs, outputs = plain(request.inputs), plain(request.properties)
        found = self._core.read(
            type_of(request.urn), self._place(context), request.id, inputs or outputs, outputs=outputs
        )
        if found is None:
            return pb.ReadResponse(id="")
        return pb.ReadResponse(id=request.id, inputs=struct(found[0]), properties=struct(found[1]))

    @_readable
    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        """Remove a resource."""
        self._core.delete(request.urn, self._place(context), request.id, plain(request.old_inputs))
        return empty_pb2.Empty()

    @_readable
    def Invoke(self, request: Any, context: Any) -> pb.InvokeResponse:  # noqa: N802
        """Answer a data source."""
        answer = self._core.invoke(request.tok, self._place(context), plain(request.args))
        fields: Any = {"return": struct(answer)}  # a word that Python keeps for itself
        return pb.InvokeResponse(**fields)

    def _place(self, context: grpc.ServicerContext) -> Place:
        with self._lock:
            return self._places[context.peer()]


@contextlib.contextmanager
def attached(backend: Backend) -> Iterator[str]:
    """Serve every package while the block runs; yields what `PULUMI_DEBUG_PROVIDERS` is to be."""
    core = StandIn(backend)
    servers, ports = [], {}
    for package in SDKS:
        limit = 400 * MEGABYTE
        server = grpc.server(
            futures.ThreadPoolExecutor(THREADS, thread_name_prefix=f"{package} stand-in"),
            options=[("grpc.max_receive_message_length", limit), ("grpc.max_send_message_length", limit)],
        )
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(package, core), server)
        ports[package] = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
    try:
        yield ",".join(f"{package}:{port}" for package, port in ports.items())
    finally:
        for server in servers:
            server.stop(grace=2).wait()
