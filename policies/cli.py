"""The command line of ``python -m policies``; what a verb does is in the module that it calls."""

import json
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from policies import catalogue, configuration, deployment, formats, report, sarif, suppressions
from policies.driver import PackError

PACK = Path(__file__).resolve().parent
FAULTS = (PackError, deployment.DeploymentError, catalogue.PageError, OSError, yaml.YAMLError)
app = typer.Typer(
    name="python -m policies",
    help="The policy pack by hand; the engine runs it with --policy-pack policies.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Listing(StrEnum):
    """How the policies are listed."""

    TABLE = "table"
    MARKDOWN = "markdown"


class Format(StrEnum):
    """How findings are written."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    MARKDOWN = "markdown"
    ANNOTATIONS = "annotations"


@app.command("list")
def list_policies(
    format: Annotated[
        Listing, typer.Option(help="`markdown` is what docs/policies.md shows.")
    ] = Listing.TABLE,
    write: Annotated[Path | None, typer.Option(help="Renew the table in this page instead.")] = None,
) -> None:
    """List the policies of the pack."""
    if write is not None:
        typer.echo(f"{write}: {'renewed' if catalogue.write(write) else 'as it was'}")
    elif format is Listing.MARKDOWN:
        typer.echo(catalogue.markdown(), nl=False)
    else:
        table = Table()
        for column in catalogue.HEAD:
            table.add_column(column, overflow="fold")
        for row in catalogue.rows():
            table.add_row(*map(escape, row))
        _console().print(table)


@app.command("report")
def report_findings(
    *,
    stack: Annotated[str, typer.Option(help="The stack, as its Pulumi.<stack>.yaml says.")],
    state: Annotated[
        Path | None,
        typer.Option(help="An exported stack, a saved preview, or a preview as JSON; - reads the input."),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Ask `pulumi preview` instead of `pulumi stack export`.")
    ] = False,
    format: Annotated[Format, typer.Option(help="How the findings are written.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(help="Where to, instead of the output.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="The pack's configuration, instead of the environment's.")
    ] = None,
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Also print a GitHub annotation for each finding.")
    ] = False,
    summary: Annotated[
        Path | None, typer.Option(help="Also add the summary to this file, such as $GITHUB_STEP_SUMMARY.")
    ] = None,
    suppressed_by: Annotated[
        Path, typer.Option("--suppressions", help="The reviewed file of suppressions.")
    ] = suppressions.FILE,
) -> None:
    """Hold what a stack has, or would have, to the pack; exit code 1 if a mandatory finding is left."""
    if state is not None and preview:
        raise typer.BadParameter("give --state or --preview, not both")
    project = Path.cwd()
    chosen = config or configuration.default_file(PACK, project, stack)
    values = configuration.read(chosen)
    subjects = deployment.read(_source(stack, state, preview=preview), stack)
    made = report.make(stack, subjects, values, suppressed_by)
    _write(made, format, output)
    if annotate:
        typer.echo(formats.annotations(made), nl=False)
    if summary is not None:
        with summary.open("a") as file:
            file.write(formats.markdown(made) + "\n")
    if output is not None:
        typer.echo(made.counts, err=True)
    raise typer.Exit(1 if made.mandatory else 0)


def main() -> None:
    """Run a verb. A fault of what was given is printed; any other is ours, with its traceback."""
    try:
        app()
    except FAULTS as fault:
        sys.stderr.write(f"error: {fault}\n")
        raise SystemExit(2) from None


def _source(stack: str, state: Path | None, *, preview: bool) -> str:
    """The document to report on. Secrets are never asked for."""
    if state is not None:
        return sys.stdin.read() if str(state) == "-" else state.read_text()
    verb = ["preview", "--json", "--non-interactive"] if preview else ["stack", "export"]
    try:
        done = subprocess.run(
            ["pulumi", *verb, "--stack", stack], capture_output=True, text=True, check=False, cwd=Path.cwd()
        )
    except FileNotFoundError:
        raise deployment.DeploymentError(
            f"no pulumi on the PATH: give --state FILE, such as one that "
            f"`python -m local preview --stack {stack} --save FILE` writes"
        ) from None
    if done.returncode != 0:
        raise deployment.DeploymentError(f"pulumi {verb[0]} failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def _write(made: report.Report, format: Format, output: Path | None) -> None:
    if format is Format.TABLE and output is None:
        _console().print(formats.table(made))
        return
    text = {
        Format.TABLE: lambda: _plain(made),
        Format.JSON: lambda: formats.as_json(made),
        Format.SARIF: lambda: json.dumps(sarif.document(made), indent=1),
        Format.MARKDOWN: lambda: formats.markdown(made),
        Format.ANNOTATIONS: lambda: formats.annotations(made),
    }[format]()
    text = text.rstrip("\n") + "\n" if text else ""
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text)


def _plain(made: report.Report) -> str:
    console = Console(width=160, record=True, quiet=True, emoji=False)
    console.print(formats.table(made))
    return console.export_text()


def _console() -> Console:
    return Console(highlight=False, emoji=False)
