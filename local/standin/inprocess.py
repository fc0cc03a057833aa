"""Running the Pulumi program in this process: no engine, no network, a JSON file as state.

Runs are serialised in a process: a program needs its directory as the working directory and its own modules,
both of which a process has once. A run may start in any thread. What Pulumi itself keeps per run lives in
context variables, so that a run leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import importlib
import os
import runpy
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import settings as runtime
from pulumi.runtime.stack import run_in_stack

from . import configuration, wire
from .core import Backend, Recorder, StandIn
from .monitor import Engine, Monitor
from .state import STACK, Resource, State
from .steps import Policies, Progress, Step, Steps

THREADS = 8
#: packages of the project that are no part of the program
NOT_THE_PROGRAM = frozenset({"local", "tests"})
_RUNNING = threading.RLock()


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run made: the resources in the order in which they were registered, and the stack's outputs."""

    resources: list[Resource]
    outputs: dict[str, Any]
    secret_outputs: frozenset[str]
    steps: list[Step]
    messages: list[tuple[str, str]] = field(default_factory=list)

    def one(self, type_or_name: str) -> Resource:
        """Return the only resource of this type, or of this name."""
        found = [one for one in self.resources if type_or_name in (one.type, one.name)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources are a {type_or_name}: {[one.urn for one in found]}")
        return found[0]

    def of(self, token: str) -> list[Resource]:
        """Return the resources of a type."""
        return [one for one in self.resources if one.type == token]

    @property
    def changes(self) -> dict[str, int]:
        """How many resources were created, updated and so on."""
        ops = [step.op for step in self.steps]
        return {op: ops.count(op) for op in dict.fromkeys(ops)}


def run_in_process(
    project_dir: Path | str,
    stack: str,
    *,
    backend: Backend | str = "record",
    preview: bool = False,
    config: Mapping[str, str] | None = None,
    policy: Policies | None = None,
    passphrase: str | None = None,
    state: State | None = None,
    stack_references: Mapping[str, Mapping[str, Any]] | None = None,
    on_step: Progress | None = None,
) -> Run:
    """Run the program of a project for one stack against the stand-ins.

    Parameters
    ----------
    backend
        ``"record"`` computes what services would answer; a `live.Live` asks emulators.
    preview
        Say what would be done. What only a deployment knows is unknown to the program, as with the engine.
    config
        Values that win over the stack's file, by full key such as ``retaillake:days``.
    policy
        A policy pack (`policy.Pack`); unless it enforces, a violation is in its findings and stops nothing.
    state
        What earlier runs made; without one, everything is new.
    """
    root = Path(project_dir).resolve()
    passphrase = passphrase if passphrase is not None else os.environ.get("PULUMI_CONFIG_PASSPHRASE")
    settings = configuration.load(root, stack, passphrase=passphrase, overrides=config)
    steps = Steps(
        core=StandIn(Recorder() if isinstance(backend, str) else backend),
        state=state or State(),
        preview=preview,
        policies=policy,
        on_step=on_step,
    )
    with _RUNNING:
        # A fresh context isolates what Pulumi keeps in context variables.
        return contextvars.Context().run(_run, root, stack, settings, steps, stack_references or {})


def destroy_in_process(
    state: State, backend: Backend, settings: configuration.Configuration, *, on_step: Progress | None = None
) -> list[Step]:
    """Delete everything that the state holds, dependents first."""
    steps = Steps(core=StandIn(backend), state=state, on_step=on_step)
    steps.clean_up(_configs(state, settings.values), everything=True)
    state.outputs = {}
    state.save()
    return steps.done


def refresh_in_process(
    state: State, backend: Backend, settings: configuration.Configuration, *, on_step: Progress | None = None
) -> list[Step]:
    """Bring the state to what the services say."""
    steps = Steps(core=StandIn(backend), state=state, on_step=on_step)
    steps.refresh(_configs(state, settings.values))
    return steps.done


def _configs(state: State, config: Mapping[str, str]) -> Callable[[Resource], Mapping[str, str]]:
    def of(resource: Resource) -> Mapping[str, str]:
        provider = state.resources.get(resource.provider.rsplit("::", 1)[0]) if resource.provider else None
        if provider is not None:
            return provider.inputs
        package = f"{resource.type.split(':')[0]}:"
        return {key.removeprefix(package): value for key, value in config.items() if key.startswith(package)}

    return of


def _run(
    root: Path,
    stack: str,
    settings: configuration.Configuration,
    steps: Steps,
    stack_references: Mapping[str, Mapping[str, Any]],
) -> Run:
    messages: list[tuple[str, str]] = []
    monitor = Monitor(
        project=settings.project,
        stack=stack,
        root=root,
        steps=steps,
        config=settings.values,
        stack_references=stack_references,
    )
    runtime.configure(
        runtime.Settings(
            monitor=monitor,
            engine=Engine(lambda severity, text: messages.append((severity, text))),
            project=settings.project,
            stack=stack,
            parallel=THREADS,
            dry_run=steps.preview,
            organization="organization",
            root_directory=str(root),
        )
    )
    pulumi.runtime.set_all_config(dict(settings.values), list(settings.secrets))
    with _program(root):
        _to_the_end(root)
    if steps.policies is not None:
        steps.policies.analyze_stack(list(monitor.resources.values()))
    steps.clean_up(_configs(steps.state, settings.values))
    raw = next(one for one in monitor.resources.values() if one.type == STACK).raw_outputs
    if not steps.preview:
        steps.state.outputs = raw
        steps.state.save()
    return Run(
        resources=list(monitor.resources.values()),
        outputs=wire.open_secrets(raw),
        secret_outputs=frozenset(name for name, value in raw.items() if wire.has_secret(value)),
        steps=steps.done,
        messages=messages,
    )


def _to_the_end(root: Path) -> None:
    """Run the program and wait for all that it started; a failure in it is raised."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="program"))
    # The SDK reports what it raises anyway once more through the loop's handler.
    loop.set_exception_handler(lambda *_: None)

    def program() -> None:
        # By its file, which is compiled anew: a directory's would be taken from cached bytecode, even if it
        # has been changed within the second.
        runpy.run_path(str(root / "__main__.py"), run_name="__main__")

    try:
        loop.run_until_complete(run_in_stack(program))
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        asyncio.set_event_loop(None)


@contextlib.contextmanager
def _program(root: Path) -> Iterator[None]:
    """Give a program its directory and its own modules, and take both back.

    A package of the program which this process had imported already, from the same place, is used as it is,
    so that its classes are the ones that the caller knows. One of the same name from elsewhere is put aside.
    """
    own = {
        one.stem for one in root.iterdir() if one.suffix == ".py" or (one / "__init__.py").exists()
    } - NOT_THE_PROGRAM
    loaded = {name: module for name, module in sys.modules.items() if name.split(".")[0] in own}
    ours = {
        name.split(".")[0] for name, module in loaded.items() if "." not in name and _within(module, root)
    }
    aside = {
        name: module
        for name, module in loaded.items()
        if name.split(".")[0] not in ours and name != "__main__"
    }
    for name in aside:
        del sys.modules[name]
    directory, path, collecting = Path.cwd(), list(sys.path), gc.isenabled()
    os.chdir(root)
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        os.chdir(directory)
        sys.path[:] = path
        if collecting:
            gc.enable()  # a program may stop the collector, for it ends soon
        for name in [name for name in sys.modules if name.split(".")[0] in own - ours - {"__main__"}]:
            del sys.modules[name]
        sys.modules.update(aside)


def _within(module: Any, root: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve().is_relative_to(root)
