"""`python -m local.mutation`: the share of weaknesses that the policy pack finds in the shipped stacks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local.mutation import accepted, report
from local.mutation.score import Score, graph_of, pack_of, score
from local.state import PROJECT_ROOT

STACKS = ("dev", "prod", "azure")
PAGE = PROJECT_ROOT / "docs/policy-mutation.md"
console = Console()


def main(  # noqa: PLR0917 (options of a command line)
    stack: Annotated[list[str] | None, typer.Option(help="A stack; may be given again.")] = None,
    pack: Annotated[Path, typer.Option(help="The policy pack.")] = PROJECT_ROOT / "policies",
    sample: Annotated[int | None, typer.Option(help="Judge only so many mutants of a stack.")] = None,
    seed: Annotated[int, typer.Option(help="Which ones.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes.")] = min(4, os.cpu_count() or 1),
    as_json: Annotated[Path | None, typer.Option("--json", help="Write every mutant to a file.")] = None,
    page: Annotated[bool, typer.Option(help=f"Write {PAGE.relative_to(PROJECT_ROOT)}.")] = False,
    at_least: Annotated[float, typer.Option(help="Fail below this score, in per cent.")] = 0,
    survivors: Annotated[int, typer.Option(help="List so many survivors of a stack.")] = 20,
) -> None:
    """Weaken the graph of each stack in one place at a time, and let the policy pack judge it."""
    reasons = accepted.load()
    scores = [_scored(one, pack, sample, seed, jobs) for one in stack or STACKS]
    for one in scores:
        _tell(one, reasons, survivors)
    old = accepted.stale(reasons, [each for one in scores for each in one.survivors])
    if old and sample is None and not stack:
        console.print(f"[yellow]{accepted.FILE.name} explains what does not survive any more:[/yellow]")
        for one in old:
            console.print(f"  {one.match.pattern}", markup=False, highlight=False)
    if as_json:
        as_json.parent.mkdir(parents=True, exist_ok=True)
        as_json.write_text(json.dumps([report.document(one, reasons) for one in scores], indent=1) + "\n")
    if page:
        PAGE.write_text(report.page(scores, reasons))
    if any(one.total.share * 100 < at_least for one in scores):
        console.print(f"[red]a score is below {at_least:g} %[/red]")
        raise typer.Exit(1)


def _scored(stack: str, pack: Path, sample: int | None, seed: int, jobs: int) -> Score:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(f"{stack}: its graph", total=None)
        graph = graph_of(PROJECT_ROOT, stack)
        progress.update(bar, description=f"{stack}: mutants")
        return score(
            graph, pack_of(pack, PROJECT_ROOT, stack), stack=stack, sample=sample, seed=seed, jobs=jobs,
            on_progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )  # fmt: skip


def _tell(one: Score, reasons: list[accepted.Accepted], most: int) -> None:
    console.print(report.table(one))
    if one.baseline:
        console.print(f"{one.stack} as it is has {one.baseline} findings; only others count", highlight=False)
    for failed in one.failed:
        console.print(f"[red]{failed.policy} broke: {failed.error}[/red]", markup=True, highlight=False)
    unexplained = [each for each in one.survivors if accepted.reason(reasons, each) is None]
    told = f"{len(one.survivors)} survive, {len(one.survivors) - len(unexplained)} of them for a reason"
    console.print(told + (":" if unexplained[:most] else ""), highlight=False)
    for each in unexplained[:most]:
        console.print(f"  {each.mutant.id}", markup=False, highlight=False, soft_wrap=True)
    if len(unexplained) > most:
        console.print(f"  … and {len(unexplained) - most} more", highlight=False)


if __name__ == "__main__":
    typer.run(main)
