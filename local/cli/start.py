"""Starting a lake (processes, deployment, replay, drain), each step with its time; and ending it."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local import reid
from local.cli import programs
from local.cli.drain import arrive, model
from local.processes import HOST, ensure, find, stop_all
from local.state import PROJECT_ROOT, STACK, Lake, LakeError, Paths, Warehouse

SPACE = 12


class Steps:
    """Says what is being done while it is done, and how long it took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """One step, named by a verb."""
        with self.console.status(f"{name} …") as status:
            step = Step(lambda text: status.update(f"{name} … {text}"))
            yield step
        self.done(name, step.result, step.started)

    def done(self, name: str, result: str, started: float) -> None:
        """Print a step that is done."""
        self.console.print(
            f"{name:<{SPACE}} {time.monotonic() - started:6.1f} s  {result}", highlight=False, soft_wrap=True
        )


class Step:
    """One step: what it waits for, and what came of it."""

    def __init__(self, say: Any) -> None:
        self.say = say
        self.result = ""
        self.started = time.monotonic()


def up(paths: Paths, *, days: int | None, engine: str, console: Console) -> Lake:
    """Start the lake, or what of it does not run, deploy, and replay that many days of real sales.

    Parameters
    ----------
    paths
        Where the lake lies.
    days
        Days of sales from the first real one; None for all of them, 0 for none.
    engine
        Which engine deploys: ``cli``, ``inprocess``, or ``auto`` for the first that there is.
    console
        Where to say what happens.
    """
    steps = Steps(console)
    with _alone(paths):
        with steps.step("start") as step:
            endpoint, warehouse = _start(paths, step, console)
        with steps.step("deploy") as step:
            lake = _deploy(paths, engine, endpoint, warehouse, step)
        with ThreadPoolExecutor(1) as aside:
            serving = aside.submit(ensure, paths, programs.dashboard())
            if days != 0:
                _replay(lake, days, steps)
                with steps.step("load") as step:
                    arrive(lake, timeout=_patience(days), say=step.say)
                    step.result = "all that was sent is in STAGING"
                with steps.step("model") as step:
                    built = model(lake)
                    what = f"{len(built.models)} models, {len(built.tests)} tests"
                    step.result = "nothing new" if built.skipped else what
            serving.result()
    return lake


def fresh_start(paths: Paths) -> bool:
    """Remove a lake whose AWS has ended; says whether there was one.

    The AWS emulator holds streams, keys and functions in memory alone, for what would be written to disk are
    plaintext records. Without it the rest is of no use: the lake starts anew, and may be replayed.
    """
    existed = paths.lake.exists()
    stop_all(paths, programs.ALL)
    for path in (paths.run, paths.s3, paths.warehouse, paths.state, paths.tmp):
        shutil.rmtree(path, ignore_errors=True)
    return existed


def _start(paths: Paths, step: Step, console: Console) -> tuple[str, tuple[str, int]]:
    if not find(paths, programs.AWS) and fresh_start(paths):
        console.print("the local AWS had ended, and with it all that it held in memory: the lake starts anew")
    paths.make()
    step.say("the local AWS")
    aws, _ = ensure(paths, programs.aws(paths))
    endpoint = f"http://{HOST}:{aws.port}"
    step.say("warehouse and data plane")
    with ThreadPoolExecutor(2) as pool:
        warehouse = pool.submit(ensure, paths, programs.warehouse(paths, endpoint))
        plane = pool.submit(ensure, paths, programs.dataplane(paths, endpoint, region()))
        (served, _), _ = warehouse.result(), plane.result()
    step.result = f"aws on {HOST}:{aws.port}, warehouse on {HOST}:{served.port}, data plane"
    return endpoint, (HOST, served.port)


def _deploy(paths: Paths, engine: str, endpoint: str, warehouse: tuple[str, int], step: Step) -> Lake:
    from local import standin  # noqa: PLC0415 (it imports Pulumi and its SDKs: seconds)

    done = 0

    def progress(_: object) -> None:
        nonlocal done
        done += 1
        step.say(f"{done} resources")

    deployed = standin.deploy(
        PROJECT_ROOT,
        STACK,
        aws_endpoint=endpoint,
        warehouse=warehouse,
        engine=engine,
        state_dir=paths.state,
        on_progress=progress,
    )
    outputs = deployed.outputs
    changes = ", ".join(f"{count} {what}" for what, count in deployed.changes.items() if what != "same")
    step.result = (
        f"{len(deployed.resources)} resources by the engine {deployed.engine}: {changes or 'no change'}"
    )
    host, port = warehouse
    lake = Lake(
        paths=paths,
        endpoint=endpoint,
        region=outputs["region"],
        warehouse=Warehouse(host=host, port=port, database=outputs["warehouse"]["database"]),
        engine=deployed.engine,
        outputs=outputs,
    )
    lake.save()
    reid.let_in(lake)
    return lake


def _replay(lake: Lake, days: int | None, steps: Steps) -> None:
    from local import replay  # noqa: PLC0415 (it imports pandas)

    started = time.monotonic()
    columns = (TextColumn("{task.description} …"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=steps.console, transient=True) as progress:
        sent = replay.run(lake, days=days, progress=progress)
    steps.done("replay", str(sent), started)


def region() -> str:
    """The region that the local stack is configured for."""
    config = yaml.safe_load((PROJECT_ROOT / f"Pulumi.{STACK}.yaml").read_text())["config"]
    return config["aws:region"]


def _patience(days: int | None) -> float:
    """Seconds after which something must be stuck."""
    return 300 + 5 * (days or 365)


@contextmanager
def _alone(paths: Paths) -> Iterator[None]:
    """Two commands that start and stop processes must not do it at the same time."""
    paths.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (paths.home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise LakeError(
                "another `up` or `down` of this lake is at work: wait until it is done"
            ) from fault
        yield


def down(paths: Paths) -> list[str]:
    """End every process of the lake and remove all that it wrote; says what was ended."""
    if not paths.home.exists():
        return stop_all(paths, programs.ALL)
    with _alone(paths):
        ended = stop_all(paths, programs.ALL)
        shutil.rmtree(paths.home)
    return ended
