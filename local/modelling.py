"""Staging to production on the laptop: runs the dbt project against the warehouse's stand-in.

dbt lives in an environment of its own (``.venv-dbt``) and is started as a command, as the transformer role.
What it did is read from its own artifacts: every model and every test, with how it went.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import contracts
from local.state import PROJECT_ROOT, Lake, LakeError, read_json, write_json
from warehouse.dbt import generate

DBT = PROJECT_ROOT / ".venv-dbt" / "bin" / "dbt"
PROJECT = PROJECT_ROOT / "warehouse" / "dbt"
ROLE = "TRANSFORMER"
TIMEOUT = 600
BAD = {"error", "fail", "runtime error", "partial success"}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one model or test went."""

    name: str
    kind: str
    status: str
    message: str
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether the build must not be trusted because of it."""
        return self.status in BAD

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.message or self.status}"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a build did; a skipped one had nothing new to build from."""

    outcomes: tuple[Outcome, ...] = ()
    seconds: float = 0.0
    skipped: bool = False

    @property
    def models(self) -> tuple[Outcome, ...]:
        """The models that were built."""
        return tuple(outcome for outcome in self.outcomes if outcome.kind == "model")

    @property
    def tests(self) -> tuple[Outcome, ...]:
        """The tests of data and of the models' logic."""
        return tuple(outcome for outcome in self.outcomes if outcome.kind in {"test", "unit_test"})

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """What went wrong."""
        return tuple(outcome for outcome in self.outcomes if outcome.failed)

    @property
    def warnings(self) -> tuple[Outcome, ...]:
        """What deserves a look and stops nobody."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "warn")


class ModellingError(LakeError):
    """The build failed; names every model and test that did, and where dbt's log lies."""

    def __init__(self, message: str, failures: Iterable[Outcome] = ()) -> None:
        self.failures = tuple(failures)
        super().__init__(message)


def build(lake: Lake, *, force: bool = False, full_refresh: bool = False) -> Result:
    """Bring PRODUCTION up to date with STAGING, and test both.

    Parameters
    ----------
    lake
        A lake that runs.
    force
        Build even if STAGING has not changed since the last good build.
    full_refresh
        Build incremental models anew instead of adding what is new.

    Raises
    ------
    ModellingError
        Where a model or a test failed, or dbt could not run.
    """
    started = time.monotonic()
    generate.write(contracts.load(), PROJECT)
    seen = {"staging": staging_state(lake), "project": project_state()}
    state = lake.paths.run / "modelling.json"
    if read_json(state) == seen and not (force or full_refresh):
        return Result(skipped=True, seconds=time.monotonic() - started)
    state.unlink(missing_ok=True)
    # Unit tests prove the models, not the data: they are for whoever changes a model.
    options = ("--exclude-resource-type", "unit_test", *(("--full-refresh",) if full_refresh else ()))
    outcomes = run_dbt(lake, "build", *options)
    result = Result(outcomes=outcomes, seconds=time.monotonic() - started)
    if result.failures:
        told = "\n".join(f"  {failure}" for failure in result.failures)
        raise ModellingError(
            f"{len(result.failures)} of {len(outcomes)} models and tests failed, see {log_of(lake)}:\n{told}",
            result.failures,
        )
    write_json(state, seen)
    return result


def staging_state(lake: Lake) -> dict[str, list[Any]]:
    """Return what tells whether STAGING has changed: rows and youngest load of every table."""
    tables = ["QUARANTINE", *(event.table for event in contracts.load().all_events)]
    query = " UNION ALL ".join(
        f"SELECT '{table}', COUNT(*), TO_VARCHAR(MAX(LOADED_AT)) FROM {lake.database}.STAGING.{table}"
        for table in tables
    )
    with closing(lake.connect(role=ROLE)) as session:
        rows: list[Any] = session.cursor().execute(query).fetchall()  # type: ignore[union-attr]  # never None
    return {table: [count, youngest] for table, count, youngest in sorted(rows)}


def project_state() -> str:
    """Return a digest of everything that dbt reads of the project."""
    digest = hashlib.sha256()
    for path in sorted(PROJECT.rglob("*")):
        if path.suffix in {".sql", ".yml"} and not {"target", "logs"} & set(path.relative_to(PROJECT).parts):
            digest.update(f"{path.relative_to(PROJECT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def run_dbt(lake: Lake, command: str, *arguments: str) -> tuple[Outcome, ...]:
    """Run a dbt command against the lake's warehouse, and return how every node of it went."""
    if not DBT.exists():
        raise ModellingError(f"dbt is not installed ({DBT} is missing): `make up` or `make test` install it")
    target = lake.paths.home / "dbt"
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    options = ("--project-dir", PROJECT, "--profiles-dir", PROJECT, "--target-path", target)
    quiet = ("--log-format", "json", "--log-format-file", "text", "--no-version-check", "--no-use-colors")
    try:
        process = subprocess.run(
            [DBT, *quiet, "--log-path", log_of(lake).parent, command, *options, *arguments],
            env=environment(lake),
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as fault:
        raise ModellingError(f"dbt {command} took longer than {TIMEOUT} s (log: {log_of(lake)})") from fault
    if not results.exists():
        told = "\n".join(f"  {line}" for line in complaints(process.stdout, process.stderr))
        raise ModellingError(f"dbt {command} could not run (log: {log_of(lake)}):\n{told}")
    return tuple(read_results(results))


def log_of(lake: Lake) -> Path:
    """Where dbt writes its log."""
    return lake.paths.log / "dbt" / "dbt.log"


def environment(lake: Lake) -> dict[str, str]:
    """Return the environment of dbt: the lake's warehouse, and nothing of the user's own dbt or Snowflake."""
    warehouse = lake.outputs.get("warehouse", {})
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(lake.paths.home),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "TMPDIR": str(lake.paths.tmp),
        "DO_NOT_TRACK": "1",
        "RETAILLAKE_TARGET": "laptop",
        "RETAILLAKE_SNOWFLAKE_PORT": str(lake.warehouse.port),
        "RETAILLAKE_SNOWFLAKE_ROLE": lake.outputs.get("roles", {}).get(ROLE, ROLE),
        "RETAILLAKE_SNOWFLAKE_WAREHOUSE": warehouse.get("warehouses", {}).get("transform", ""),
        "RETAILLAKE_DATABASE": lake.database,
    }


def read_results(path: Path) -> Iterator[Outcome]:
    """Read dbt's run results."""
    for result in json.loads(path.read_text())["results"]:
        kind, _, name = result["unique_id"].partition(".")
        yield Outcome(
            name=_short(kind, name),
            kind=kind,
            status=result["status"],
            message=" ".join((result.get("message") or "").split()),
            seconds=result["execution_time"],
        )


def _short(kind: str, name: str) -> str:
    """``retaillake.customers_unique.0123456789`` → ``customers_unique``; a unit test keeps its model."""
    parts = name.split(".")[1:]
    return ".".join(parts if kind == "unit_test" else parts[:1])


def complaints(stdout: str, stderr: str) -> list[str]:
    """Return what dbt said at level error; all that it said where it never came so far."""
    told: list[str] = []
    for line in stdout.splitlines():
        try:
            info = json.loads(line)["info"]
        except (ValueError, KeyError, TypeError):
            told.append(line)
            continue
        if info["level"] == "error" and info["msg"].strip():
            told.append(info["msg"].strip())
    return (told or [line for line in stderr.splitlines() if line.strip()])[-20:]
