"""Deploying the one program on a laptop: by the real engine where there is one, else in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.state import LakeError
from policies.configuration import default_file, read

from . import cli, configuration
from .core import Backend, Recorder
from .inprocess import Run, destroy_in_process, refresh_in_process, run_in_process
from .live import Live
from .policy import Finding, Pack, PolicyError
from .saved import save as save_deployment
from .state import STACK, Resource, State
from .steps import Progress, Step
from .wire import has_secret, open_secrets

ENGINES = ("auto", "cli", "inprocess")


class DeployError(LakeError):
    """The stack cannot be deployed as asked; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What a stack is after an operation: its outputs, its resources, and what was done."""

    outputs: dict[str, Any]
    resources: list[Resource]
    engine: str
    steps: list[Step]
    secret_outputs: frozenset[str] = frozenset()

    @property
    def changes(self) -> dict[str, int]:
        """How many resources were created, updated and so on."""
        ops = [step.op for step in self.steps]
        return {op: ops.count(op) for op in dict.fromkeys(ops)}


def deploy(
    project_dir: Path | str,
    stack: str,
    *,
    state_dir: Path | str,
    aws_endpoint: str | None = None,
    warehouse: tuple[str, int] | None = None,
    engine: str = "auto",
    config: Mapping[str, str] | None = None,
    policy_pack: Path | str | None = None,
    policy_config: Path | str | None = None,
    on_progress: Progress | None = None,
) -> Deployment:
    """Deploy a stack to emulators.

    Parameters
    ----------
    state_dir
        Where the engine keeps what it has made; a second deployment compares with it.
    engine
        ``"cli"``, ``"inprocess"``, or ``"auto"``: the one that deployed the stack before, else the real
        engine if ``pulumi`` is on the PATH.
    policy_pack, policy_config
        The directory of a policy pack, and its configuration; by default that of the stack's environment.
        A mandatory violation stops the deployment.
    on_progress
        Called with a `Step` for each resource, as it is done.
    """
    with _opened(project_dir, stack, state_dir, aws_endpoint, warehouse, engine, on_progress) as chosen:
        return chosen.deploy(config, Held.of(policy_pack, policy_config, chosen.root, stack))


def destroy(
    project_dir: Path | str,
    stack: str,
    *,
    state_dir: Path | str,
    aws_endpoint: str | None = None,
    warehouse: tuple[str, int] | None = None,
    engine: str = "auto",
    config: Mapping[str, str] | None = None,
    on_progress: Progress | None = None,
) -> Deployment:
    """Delete all that a stack has made, dependents first."""
    with _opened(project_dir, stack, state_dir, aws_endpoint, warehouse, engine, on_progress) as chosen:
        return chosen.destroy(config)


def refresh(
    project_dir: Path | str,
    stack: str,
    *,
    state_dir: Path | str,
    aws_endpoint: str | None = None,
    warehouse: tuple[str, int] | None = None,
    engine: str = "auto",
    config: Mapping[str, str] | None = None,
    on_progress: Progress | None = None,
) -> Deployment:
    """Find what was changed or deleted behind the stack's back; the next deployment sets it right."""
    with _opened(project_dir, stack, state_dir, aws_endpoint, warehouse, engine, on_progress) as chosen:
        return chosen.refresh(config)


def preview(
    project_dir: Path | str,
    stack: str,
    *,
    state_dir: Path | str,
    engine: str = "auto",
    config: Mapping[str, str] | None = None,
    policy_pack: Path | str | None = None,
    policy_config: Path | str | None = None,
    save: Path | None = None,
    on_progress: Progress | None = None,
    on_finding: Callable[[Finding], None] | None = None,
) -> Deployment:
    """Say what a first deployment of a stack would make: no cloud, no emulator, nothing kept.

    Parameters
    ----------
    policy_pack, policy_config
        The directory of a policy pack, and its configuration; by default that of the stack's environment.
        A mandatory violation is an error.
    save
        Where to write what would be deployed, in the form of an exported stack; also if a policy objects.
    on_finding
        Called with what the pack only advises.
    """
    root = Path(project_dir).resolve()
    held = Held.of(policy_pack, policy_config, root, stack)
    chosen = _engine(
        root, stack, Path(state_dir) / "preview", engine, backend=Recorder(), on_step=on_progress
    )
    return chosen.preview(config, held, save, on_finding or (lambda _: None))


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a stack is held to: a policy pack and its configuration."""

    pack: Path
    config: Path | None

    @classmethod
    def of(cls, pack: Path | str | None, config: Path | str | None, root: Path, stack: str) -> Held | None:
        """The pack and its configuration; that of the stack's environment, unless another is named."""
        if pack is None:
            if config is not None:
                raise DeployError("the configuration of a policy pack needs the pack: name it, too")
            return None
        where = Path(pack).resolve()
        chosen = Path(config).resolve() if config else default_file(where, root, stack)
        return cls(pack=where, config=chosen)

    @property
    def flags(self) -> list[str]:
        """What the engine is told."""
        config = ["--policy-pack-config", str(self.config)] if self.config else []
        return ["--policy-pack", str(self.pack), *config]

    def loaded(self, *, enforce: bool) -> Pack:
        """The pack for the engine in this process."""
        return Pack(self.pack, read(self.config), enforce=enforce)


def _live(project_dir: Path | str, aws_endpoint: str | None, warehouse: tuple[str, int] | None) -> Live:
    return Live(root=Path(project_dir).resolve(), aws_endpoint=aws_endpoint, warehouse=warehouse)


@dataclass(frozen=True, kw_only=True)
class _Real:
    """The real engine."""

    root: Path
    engine: cli.Cli

    def deploy(self, config: Mapping[str, str] | None, held: Held | None) -> Deployment:
        return self._now(self.engine.up(config=config, more=held.flags if held else ()))

    def preview(
        self,
        config: Mapping[str, str] | None,
        held: Held | None,
        save: Path | None,
        on_finding: Callable[[Finding], None],
    ) -> Deployment:
        done = self.engine.previewed(config=config, more=held.flags if held else ())
        if save is not None and done.resources:
            save_deployment(save, done.resources)
        for one in done.advice:
            on_finding(one)
        if done.failure is not None:
            raise done.failure
        return Deployment(outputs={}, resources=done.resources, engine="cli", steps=done.steps)

    def refresh(self, config: Mapping[str, str] | None) -> Deployment:
        return self._now(self.engine.refresh(config=config))

    def destroy(self, config: Mapping[str, str] | None) -> Deployment:
        return self._now(self.engine.destroy(config=config))

    def _now(self, steps: list[Step]) -> Deployment:
        resources = [one for one in self.engine.export() if not one.type.startswith("pulumi:providers:")]
        raw = next((one.raw_outputs for one in resources if one.type == STACK), {})
        return _deployment("cli", raw, resources, steps)


@dataclass(frozen=True, kw_only=True)
class _InProcess:
    """The engine in this process."""

    root: Path
    stack: str
    state: State
    backend: Backend
    on_step: Progress | None

    def deploy(self, config: Mapping[str, str] | None, held: Held | None) -> Deployment:
        run = self._run(config, held.loaded(enforce=True) if held else None, preview=False)
        return _deployment("inprocess", self.state.outputs, list(self.state.resources.values()), run.steps)

    def preview(
        self,
        config: Mapping[str, str] | None,
        held: Held | None,
        save: Path | None,
        on_finding: Callable[[Finding], None],
    ) -> Deployment:
        # Nothing is made, so that nothing need be stopped: everything is judged, and told at once.
        pack = held.loaded(enforce=False) if held else None
        run = self._run(config, pack, preview=True)
        if save is not None:
            save_deployment(save, run.resources)
        findings = pack.findings if pack else []
        for one in findings:
            if not one.mandatory:
                on_finding(one)
        if broken := [one for one in findings if one.mandatory]:
            raise PolicyError.of(broken)
        return Deployment(outputs={}, resources=run.resources, engine="inprocess", steps=run.steps)

    def refresh(self, config: Mapping[str, str] | None) -> Deployment:
        steps = refresh_in_process(self.state, self.backend, self._settings(config), on_step=self.on_step)
        return _deployment("inprocess", self.state.outputs, list(self.state.resources.values()), steps)

    def destroy(self, config: Mapping[str, str] | None) -> Deployment:
        steps = destroy_in_process(self.state, self.backend, self._settings(config), on_step=self.on_step)
        return _deployment("inprocess", {}, list(self.state.resources.values()), steps)

    def _run(self, config: Mapping[str, str] | None, pack: Pack | None, *, preview: bool) -> Run:
        return run_in_process(
            self.root,
            self.stack,
            backend=self.backend,
            preview=preview,
            config=config,
            policy=pack,
            state=self.state,
            on_step=self.on_step,
        )

    def _settings(self, config: Mapping[str, str] | None) -> configuration.Configuration:
        passphrase = os.environ.get("PULUMI_CONFIG_PASSPHRASE")
        return configuration.load(self.root, self.stack, passphrase=passphrase, overrides=config)


@contextmanager
def _opened(  # noqa: PLR0917 (what every operation on emulators is given, passed on in its order)
    project_dir: Path | str,
    stack: str,
    state_dir: Path | str,
    aws_endpoint: str | None,
    warehouse: tuple[str, int] | None,
    engine: str,
    on_step: Progress | None,
) -> Iterator[_Real | _InProcess]:
    """The stack's engine on the emulators, which are let go of afterwards."""
    live = _live(project_dir, aws_endpoint, warehouse)
    try:
        root = Path(project_dir).resolve()
        yield _engine(root, stack, Path(state_dir), engine, backend=live, on_step=on_step)
    finally:
        live.close()


def _engine(
    root: Path, stack: str, state_dir: Path, engine: str, *, backend: Backend, on_step: Progress | None
) -> _Real | _InProcess:
    if engine not in ENGINES:
        raise DeployError(f"there is no engine {engine!r}: {', '.join(ENGINES)}")
    real = cli.Cli(
        project_dir=root, stack=stack, home=(state_dir / "cli").resolve(), backend=backend, on_step=on_step
    )
    file = state_dir / "inprocess" / f"{stack}.json"
    state = State(file)
    before = "cli" if real.deployed else None
    before = "inprocess" if state.resources else before
    chosen = engine
    if engine == "auto":
        chosen = before or ("cli" if cli.available() else "inprocess")
    if before and before != chosen:
        raise DeployError(
            f"the stack {stack} was deployed by the engine {before!r}: use it, or destroy the stack first"
        )
    if chosen == "cli":
        if not cli.available():
            raise DeployError("the engine 'cli' needs pulumi on the PATH; 'inprocess' does without")
        return _Real(root=root, engine=real)
    return _InProcess(root=root, stack=stack, state=state, backend=backend, on_step=on_step)


def _deployment(engine: str, raw: dict[str, Any], resources: list[Resource], steps: list[Step]) -> Deployment:
    return Deployment(
        outputs=open_secrets(raw),
        resources=resources,
        engine=engine,
        steps=steps,
        secret_outputs=frozenset(name for name, value in raw.items() if has_secret(value)),
    )
