"""Running the Pulumi program by the real engine, with the stand-ins attached as its provider plugins.

Everything that the engine writes lies under one directory of ours: its home, its backend, and a project of
its own that points to the program. So the project's stack files are never written to.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.state import LakeError
from policies.driver import Finding

from . import schema
from .core import Backend
from .plugin import attached
from .saved import MASKED
from .state import Resource
from .steps import Progress, Step
from .wire import SECRET, SIGNATURE

_COLOUR = re.compile(r"<\{%[^%]*%\}>")
PATIENCE = 30
# What the engine's operations are called here.
OPS = {
    "create-replacement": "replace",
    "delete-replaced": "delete",
    "discard-replaced": "delete",
    "read": "same",
}
# What tells an engine or a provider where somebody else's clouds are.
OTHERS = ("PULUMI_", "AWS_", "ARM_", "AZURE_", "SNOWFLAKE_")
QUIET = frozenset({"replace", "remove-pending-replace"})


class EngineError(LakeError):
    """The engine refused or failed; the message holds its own words, and where its log lies."""


def available() -> bool:
    """Say whether there is an engine to run."""
    return shutil.which("pulumi") is not None


@dataclass(frozen=True, kw_only=True)
class Cli:
    """The engine for one stack of one project."""

    project_dir: Path
    stack: str
    home: Path
    backend: Backend
    on_step: Progress | None = None

    @property
    def initialised(self) -> bool:
        """Whether the engine knows the stack."""
        return self._checkpoint is not None

    @property
    def deployed(self) -> bool:
        """Whether the stack has resources. Read from the backend's file: asking the engine takes a second."""
        if self._checkpoint is None:
            return False
        document = json.loads(self._checkpoint.read_text())
        return bool(((document.get("checkpoint") or {}).get("latest") or {}).get("resources"))

    @property
    def _checkpoint(self) -> Path | None:
        stacks = self.home / "backend" / ".pulumi" / "stacks"
        return next(iter(stacks.glob(f"*/{self.stack}.json")), None)

    def up(self, *, config: Mapping[str, str] | None = None, more: Sequence[str] = ()) -> list[Step]:
        """Deploy."""
        return self._operate("up", config, ["--yes", "--skip-preview", *more])

    def previewed(self, *, config: Mapping[str, str] | None = None, more: Sequence[str] = ()) -> Preview:
        """Say what a deployment would do; a failure is part of the answer, with what was seen before."""
        events, failure = _Events(self.home / "preview-events.json", self.on_step), None
        try:
            self._operate("preview", config, ["--json", *more], events)
        except EngineError as error:
            failure = error
        said = self.home / "preview.out"
        text = said.read_text(errors="replace") if said.exists() else ""
        return Preview(
            steps=events.steps,
            resources=_planned(text, events.outputs),
            advice=events.advice,
            failure=failure,
        )

    def refresh(self, *, config: Mapping[str, str] | None = None) -> list[Step]:
        """Bring the state to what the services say."""
        return self._operate("refresh", config, ["--yes", "--skip-preview"])

    def destroy(self, *, config: Mapping[str, str] | None = None) -> list[Step]:
        """Delete everything."""
        return self._operate("destroy", config, ["--yes", "--skip-preview"])

    def export(self) -> list[Resource]:
        """Return the resources of the state, secrets opened."""
        text = self._pulumi(["stack", "export", "--show-secrets", "--stack", self.stack])
        found = json.loads(text)["deployment"].get("resources") or []
        return [_resource(one) for one in found if not one.get("delete")]

    def exported(self) -> dict[str, Any]:
        """Return the state as the engine writes it, secrets closed."""
        return json.loads(self._pulumi(["stack", "export", "--stack", self.stack]))

    def adopt(self, exported: Mapping[str, Any], *, config: Mapping[str, str] | None = None) -> None:
        """Go on from a state that another home of the engine exported."""
        self._prepare(config)
        file = self.home / "adopted.json"
        file.write_text(json.dumps(exported))
        self._pulumi(["stack", "import", "--file", str(file), "--stack", self.stack])

    @contextlib.contextmanager
    def opened(self) -> Iterator[tuple[Path, Mapping[str, str]]]:
        """Yield the directory and the environment in which anybody's `pulumi` commands are this engine's."""
        with attached(self.backend) as providers:
            yield self.home / "project", {**self._environment(), "PULUMI_DEBUG_PROVIDERS": providers}

    def _operate(
        self,
        verb: str,
        config: Mapping[str, str] | None,
        flags: list[str],
        events: _Events | None = None,
    ) -> list[Step]:
        self._prepare(config)
        log = self.home / f"{verb}-events.json"
        log.unlink(missing_ok=True)
        events = events or _Events(log, self.on_step)
        # The SDKs are needed at the first check; the engine takes longer than that to begin.
        threading.Thread(target=_warm, daemon=True).start()
        with attached(self.backend) as providers:
            command = [
                verb,
                "--non-interactive",
                "--color",
                "never",
                "--stack",
                self.stack,
                "--event-log",
                str(log),
            ]
            return self._run([*command, *flags], events, {"PULUMI_DEBUG_PROVIDERS": providers})

    def _run(self, arguments: list[str], events: _Events, extra: Mapping[str, str]) -> list[Step]:
        output, log = (self.home / f"{arguments[0]}.{kind}" for kind in ("out", "log"))
        with (
            output.open("wb") as out,
            log.open("wb") as err,
            _started(self._command(arguments), out, err, {**self._environment(), **extra}) as process,
        ):
            while process.poll() is None:
                events.take()
                time.sleep(0.05)
        events.take()
        if process.returncode != 0:
            words = "\n".join(one.read_text(errors="replace")[-2000:] for one in (output, log))
            said = events.errors or [words]
            raise EngineError(f"pulumi {arguments[0]} failed (its log is {log}):\n" + "\n".join(said))
        return events.steps

    def _prepare(self, config: Mapping[str, str] | None) -> None:
        """Write the project that points to the program; keep the salt of the secrets in its state."""
        where = self.home / "project"
        (self.home / "backend").mkdir(parents=True, exist_ok=True)
        where.mkdir(exist_ok=True)
        project = yaml.safe_load((self.project_dir / "Pulumi.yaml").read_text())
        options: dict[str, str] = {"toolchain": "pip"}
        if sys.prefix != sys.base_prefix:
            options["virtualenv"] = sys.prefix
        project["runtime"] = {"name": "python", "options": options}
        project["main"] = str(self.project_dir)
        project.pop("stackConfigDir", None)
        _write(where / "Pulumi.yaml", project)
        file = where / f"Pulumi.{self.stack}.yaml"
        before = yaml.safe_load(file.read_text()) if file.exists() else {}
        source = self.project_dir / file.name
        if not source.exists():
            raise EngineError(f"there is no {source}")
        settings = yaml.safe_load(source.read_text()) or {}
        settings["config"] = {**(settings.get("config") or {}), **(config or {})}
        if salt := settings.get("encryptionsalt") or (before or {}).get("encryptionsalt"):
            settings["encryptionsalt"] = salt
        _write(file, settings)
        if not self.initialised:
            self._pulumi(["stack", "init", self.stack, "--non-interactive"])
        self._unlock()

    def _unlock(self) -> None:
        """Take away the lock of an engine that is no more."""
        for lock in (self.home / "backend" / ".pulumi" / "locks").rglob("*.json"):
            pid = json.loads(lock.read_text()).get("pid")
            if isinstance(pid, int) and not _alive(pid):
                lock.unlink()

    def _pulumi(self, arguments: list[str]) -> str:
        done = subprocess.run(
            self._command(arguments),
            env=self._environment(),
            cwd=self.home / "project",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise EngineError(f"pulumi {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
        return done.stdout

    def _command(self, arguments: list[str]) -> list[str]:
        return ["pulumi", *arguments, "--cwd", str(self.home / "project")]

    def _environment(self) -> dict[str, str]:
        """Return an environment in which the engine finds ours and nothing of the user's, and asks nobody."""
        # Without cached bytecode the SDKs take ten seconds to import.
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(OTHERS) and name != "PYTHONDONTWRITEBYTECODE"
        }
        return {
            **kept,
            "PULUMI_HOME": str(self.home / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.home / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": self._passphrase(),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # or there is no --event-log
            "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
            "PYTHONUNBUFFERED": "1",
        }

    def _passphrase(self) -> str:
        if (given := os.environ.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
            return given
        file = self.home / "passphrase"
        if not file.exists():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(secrets.token_urlsafe(32))
        return file.read_text()


class _Events:
    """The engine's event log, read as it grows."""

    def __init__(self, log: Path, on_step: Callable[[Step], None] | None) -> None:
        self._log, self._on_step, self._read = log, on_step, 0
        self.steps: list[Step] = []
        self.errors: list[str] = []
        self.advice: list[Finding] = []
        self.outputs: dict[str, Mapping[str, Any]] = {}

    def take(self) -> None:
        """Read what is new, line by whole line."""
        if not self._log.exists():
            return
        with self._log.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                self._event(json.loads(line))

    def _event(self, event: Mapping[str, Any]) -> None:
        if done := event.get("resOutputsEvent"):
            self._step(done["metadata"])
        elif (said := event.get("diagnosticEvent")) and said["severity"] == "error":
            text = _COLOUR.sub("", said["message"]).strip()
            self.errors.append(f"{said['urn']}: {text}" if said.get("urn") else text)
        elif judged := event.get("policyEvent"):
            self._judged(judged)

    def _judged(self, judged: Mapping[str, Any]) -> None:
        text = _COLOUR.sub("", judged["message"]).strip()
        urn, policy = judged.get("resourceUrn", ""), judged["policyName"]
        if judged["enforcementLevel"] == "mandatory":
            self.errors.append(f"{urn}: {policy}: {text}")
            return
        description, _, message = text.partition("\n")
        self.advice.append(
            Finding(
                policy=policy,
                level=judged["enforcementLevel"],
                severity=judged.get("severity", ""),
                urn=urn,
                message=message or description,
                description=description,
                steps="",
            )
        )

    def _step(self, metadata: Mapping[str, Any]) -> None:
        op = str(metadata["op"])
        if new := metadata.get("new"):
            self.outputs[metadata["urn"]] = new.get("outputs") or {}
        if op in QUIET or metadata["type"].startswith("pulumi:providers:"):
            return
        step = Step(op=OPS.get(op, op), urn=metadata["urn"], properties=tuple(metadata.get("diffs") or ()))
        if step in self.steps:  # components are told of again with their outputs
            return
        self.steps.append(step)
        if self._on_step is not None:
            self._on_step(step)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What the engine would do, what of it the policies advise against, and why it would fail."""

    steps: list[Step]
    resources: list[Resource]
    advice: list[Finding]
    failure: EngineError | None


def _planned(text: str, outputs: Mapping[str, Mapping[str, Any]]) -> list[Resource]:
    """The resources of a preview as JSON; their outputs are only in the event log."""
    try:
        steps = json.loads(text).get("steps") or []
    except ValueError:  # it failed before there was anything to say
        return []
    planned = [one["newState"] for one in steps if one.get("newState")]
    return [_resource({**one, "outputs": outputs.get(one["urn"], {})}) for one in planned]


def _resource(one: Mapping[str, Any]) -> Resource:
    return Resource(
        urn=one["urn"],
        type=one["type"],
        name=one["urn"].split("::", 3)[3],
        custom=one.get("custom", False),
        parent=one.get("parent", ""),
        provider=one.get("provider", ""),
        id=one.get("id", ""),
        raw_inputs=_opened(one.get("inputs") or {}),
        raw_outputs=_opened(one.get("outputs") or {}),
        dependencies=one.get("dependencies") or [],
        property_dependencies={
            name: urns or [] for name, urns in (one.get("propertyDependencies") or {}).items()
        },
        protect=one.get("protect", False),
        aliases=one.get("aliases") or [],
        additional_secret_outputs=one.get("additionalSecretOutputs") or [],
        retain_on_delete=one.get("retainOnDelete", False),
        deleted_with=one.get("deletedWith", ""),
        replace_with=one.get("replaceWith") or [],
    )


def _opened(value: Any) -> Any:
    """Return exported values with secrets as they are on the wire."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            # A preview tells that there is a secret, and not which.
            plain = json.loads(value["plaintext"]) if "plaintext" in value else MASKED
            return {SIGNATURE: SECRET, "value": _opened(plain)}
        return {name: _opened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_opened(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _write(file: Path, document: Mapping[str, Any]) -> None:
    draft = file.with_suffix(".new")
    draft.write_text(yaml.safe_dump(dict(document), sort_keys=False))
    draft.replace(file)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _warm() -> None:
    for token in ("aws:kms/key:Key", "snowflake:index/database:Database"):
        schema.resource_type(token)


@contextlib.contextmanager
def _started(
    command: list[str], out: Any, err: Any, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process; whoever leaves early takes it along, gently first."""
    with subprocess.Popen(
        command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=dict(environment)
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
