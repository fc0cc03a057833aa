"""Deploying the one program on a laptop: by the real engine where there is one, else in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.state import LakeError

from . import cli, configuration
from .core import Backend, Recorder
from .inprocess import destroy_in_process, refresh_in_process, run_in_process
from .live import Live
from .policy import Pack
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
    policy_pack
        The directory of a policy pack; a mandatory violation stops the deployment.
    on_progress
        Called with a `Step` for each resource, as it is done.
    """
    with _opened(project_dir, stack, state_dir, aws_endpoint, warehouse, engine, on_progress) as chosen:
        return chosen.deploy(config, policy_pack)


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
    on_progress: Progress | None = None,
) -> Deployment:
    """Say what a first deployment of a stack would make: no cloud, no emulator, nothing kept."""
    chosen = _engine(
        Path(project_dir).resolve(),
        stack,
        Path(state_dir) / "preview",
        engine,
        backend=Recorder(),
        on_step=on_progress,
    )
    return chosen.preview(config, policy_pack)


def _live(project_dir: Path | str, aws_endpoint: str | None, warehouse: tuple[str, int] | None) -> Live:
    return Live(root=Path(project_dir).resolve(), aws_endpoint=aws_endpoint, warehouse=warehouse)


@dataclass(frozen=True, kw_only=True)
class _Real:
    """The real engine."""

    engine: cli.Cli

    def deploy(self, config: Mapping[str, str] | None, policy_pack: Path | str | None) -> Deployment:
        return self._now(self.engine.up(config=config, more=_pack_flags(policy_pack)))

    def preview(self, config: Mapping[str, str] | None, policy_pack: Path | str | None) -> Deployment:
        steps = self.engine.preview(config=config, more=_pack_flags(policy_pack))
        return Deployment(outputs={}, resources=[], engine="cli", steps=steps)

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

    def deploy(self, config: Mapping[str, str] | None, policy_pack: Path | str | None) -> Deployment:
        run = self._run(config, policy_pack, preview=False)
        return _deployment("inprocess", self.state.outputs, list(self.state.resources.values()), run)

    def preview(self, config: Mapping[str, str] | None, policy_pack: Path | str | None) -> Deployment:
        return Deployment(
            outputs={}, resources=[], engine="inprocess", steps=self._run(config, policy_pack, preview=True)
        )

    def refresh(self, config: Mapping[str, str] | None) -> Deployment:
        steps = refresh_in_process(self.state, self.backend, self._settings(config), on_step=self.on_step)
        return _deployment("inprocess", self.state.outputs, list(self.state.resources.values()), steps)

    def destroy(self, config: Mapping[str, str] | None) -> Deployment:
        steps = destroy_in_process(self.state, self.backend, self._settings(config), on_step=self.on_step)
        return _deployment("inprocess", {}, list(self.state.resources.values()), steps)

    def _run(
        self, config: Mapping[str, str] | None, policy_pack: Path | str | None, *, preview: bool
    ) -> list[Step]:
        return run_in_process(
            self.root,
            self.stack,
            backend=self.backend,
            preview=preview,
            config=config,
            policy=Pack(policy_pack, enforce=True) if policy_pack else None,
            state=self.state,
            on_step=self.on_step,
        ).steps

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
        return _Real(engine=real)
    return _InProcess(root=root, stack=stack, state=state, backend=backend, on_step=on_step)


def _pack_flags(policy_pack: Path | str | None) -> list[str]:
    return ["--policy-pack", str(Path(policy_pack).resolve())] if policy_pack else []


def _deployment(engine: str, raw: dict[str, Any], resources: list[Resource], steps: list[Step]) -> Deployment:
    return Deployment(
        outputs=open_secrets(raw),
        resources=resources,
        engine=engine,
        steps=steps,
        secret_outputs=frozenset(name for name, value in raw.items() if has_secret(value)),
    )
