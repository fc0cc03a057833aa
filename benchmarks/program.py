"""How long the program takes: all of it in this process, and previewed by the real engine."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import Section, Spread, Table
from local.standin import preview

PROJECT = Path(__file__).resolve().parents[1]
ROUNDS = 5
STACK = "dev"
# A process of its own, as a test run or a command is: imports are part of what one waits for.
SCRIPT = """
import sys, time
started = time.perf_counter()
from local.standin import run_in_process
run = run_in_process(sys.argv[1], sys.argv[2])
first = time.perf_counter() - started
started = time.perf_counter()
run_in_process(sys.argv[1], sys.argv[2])
print(len(run.resources), first, time.perf_counter() - started)
"""


def run() -> Section:
    """Measure by the wall clock: what counts is how long one waits."""
    in_process = [_in_process() for _ in range(ROUNDS + 1)][1:]  # the first writes bytecode
    resources = int(in_process[0][0])
    rows: list[tuple[str, ...]] = [
        ("", "seconds"),
        ("in process, with all imports", Spread.of([run[1] for run in in_process]).show(digits=2)),
        ("in process, once more", Spread.of([run[2] for run in in_process]).show(digits=2)),
    ]
    if shutil.which("pulumi"):
        previews = [_previewed() for _ in range(3)]
        rows.append(("preview by the real engine", Spread.of(previews).show(digits=2)))
        told = "The engine's time includes its own start and its language host's."
    else:
        told = "The real engine is not measured: no `pulumi` on the PATH."
    return Section(
        title="The program",
        parts=[
            f"The stack {STACK}, {resources} resources, against stand-ins that record. {told}",
            Table(rows=rows),
        ],
    )


def _in_process() -> tuple[float, ...]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(PROJECT), STACK],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(float(word) for word in done.stdout.split())


def _previewed() -> float:
    with tempfile.TemporaryDirectory() as state:
        started = time.perf_counter()
        preview(PROJECT, STACK, state_dir=state, engine="cli")
        return time.perf_counter() - started
