"""The whole path on a laptop: real sales from the front door to the tables that people read."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import Section, Table
from local.oracle import compare
from local.replay import Replay
from local.state import Lake

PROJECT = Path(__file__).resolve().parents[1]
DAYS = int(os.environ.get("BENCH_DAYS", "28"))


def run() -> Section:
    """Measure one run from an empty lake, and check that what came out is right."""
    with tempfile.TemporaryDirectory() as root:
        try:
            started = time.perf_counter()
            _local(root, "up", "--days", "0")
            deployed = time.perf_counter()
            _local(root, "up", "--days", str(DAYS))
            replayed = time.perf_counter()
            differences = compare(Lake.load(Path(root)), DAYS)
        finally:
            _local(root, "down")
    if differences:
        raise SystemExit(f"the laptop lake is wrong: {differences[0]}, and {len(differences) - 1} more")
    events, seconds = len(Replay(days=DAYS)), replayed - deployed
    return Section(
        title="The laptop lake",
        parts=[
            f"{DAYS} days of real sales through the whole path, until they can be read in PRODUCTION; "
            "every total equals pandas' to the cent.",
            Table(
                rows=[
                    ("", "seconds", "events/s"),
                    ("start and deploy", f"{deployed - started:.1f}", ""),
                    (f"replay of {events:,} events", f"{seconds:.1f}", f"{events / seconds:,.0f}"),
                ]
            ),
        ],
    )


def _local(root: str, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", *words],
        cwd=PROJECT,
        env={**os.environ, "RETAILLAKE_ROOT": root},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"`{' '.join(words)}` failed:\n{done.stdout}\n{done.stderr}")
