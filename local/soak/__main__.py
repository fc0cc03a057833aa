"""`python -m local.soak`: broken payloads by the million against the transform's handler."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from local.soak.run import run
from local.soak.work import Plan, Tally
from local.state import PROJECT_ROOT

KEPT = PROJECT_ROOT / ".build/soak"
STEP = 100_000
console = Console()


def main(
    events: Annotated[int, typer.Option(min=1, help="How many payloads.")] = 1_000_000,
    seed: Annotated[int | None, typer.Option(help="Which ones; a random seed if none is given.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
    every: Annotated[int, typer.Option(min=1, help="Of so many, the reference validates one.")] = 4,
    kept: Annotated[Path, typer.Option(help="Where what breaks a rule is kept.")] = KEPT,
) -> None:
    """Break events of every contract, and hold what the transform makes of them to its promises."""
    seed = secrets.randbelow(2**31) if seed is None else seed
    console.print(f"seed {seed}: the same payloads again with --seed {seed} (make soak SEED={seed})")
    plan = Plan(seed=seed, events=events, jobs=jobs, every=every, kept=kept / str(seed))
    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("payloads", total=events)
        total = run(plan, lambda tally: _told(progress, bar, tally.events))
    _tell(total, time.monotonic() - started)
    for offence in total.offences:
        console.print(
            f"[red]{offence.rule}[/red]: payload {offence.number} of {offence.source} "
            f"({', '.join(offence.mutations) or 'not mutated'}; {offence.size:,} bytes), "
            f"as small as it still does it ({offence.smallest:,} bytes): {offence.file}"
        )
    if total.error:
        console.print(f"[red]the soak is not complete: {total.error}[/red]")
    if total.offences or total.error:
        raise typer.Exit(1)
    console.print("every rule held")


def _told(progress: Progress, bar: TaskID, more: int) -> None:
    """Move the bar; where there is no terminal to show one, say each whole step."""
    before = progress.tasks[bar].completed
    progress.advance(bar, more)
    if not console.is_terminal and before // STEP != (before + more) // STEP:
        console.print(f"{before + more:,.0f} payloads")


def _tell(total: Tally, seconds: float) -> None:
    rows = [
        ("payloads", f"{total.events:,}"),
        ("accepted", f"{total.accepted:,}"),
        ("refused and sealed", f"{total.reasons.total():,}"),
        ("validated by the reference", f"{total.validated:,}"),
        ("personal values and sealed records opened", f"{total.opened:,}"),
        ("bytes of output and log searched", f"{total.scanned:,}"),
        ("seconds", f"{seconds:,.0f}"),
        ("rules broken", f"{len(total.offences):,}"),
    ]
    table = Table(title="the soak")
    table.add_column("what")
    table.add_column("how many", justify="right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for title, counted in (
        ("by source", total.sources),
        ("by mutation", total.mutations),
        ("by reason of refusal", total.reasons),
    ):
        table = Table(title=title)
        table.add_column("which")
        table.add_column("how many", justify="right")
        for name, number in counted.most_common():
            table.add_row(name, f"{number:,}")
        console.print(table)


if __name__ == "__main__":
    typer.run(main)
