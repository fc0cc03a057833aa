"""`python -m local reid …`: re-identification as its people use it, on the laptop."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from local.cli import programs
from local.cli.running import running

app = typer.Typer(
    help="Re-identification: ask for the values of tokens, approve, reveal once, and look at the journal.",
    no_args_is_help=True,
)
console = Console(emoji=False)
Id = Annotated[str, typer.Argument(help="The request's id.")]
Marketing = Annotated[str, typer.Option("--as", help="Who asks: any name.")]
Officer = Annotated[str, typer.Option("--as", help="Who decides: another name.")]
JANE, OLGA = "jane", "olga"


def _call(person: str, kind: str, method: str, path: str, body: object = None) -> None:
    """Call as somebody and print the answer; what was not done ends with exit code 1."""
    from local import reid  # noqa: PLC0415 (as in app.py)

    answer = reid.Door(running(programs.AWS), person, reid.ROLES[kind]).call(method, path, body)
    typer.echo(json.dumps(answer.body, indent=1, ensure_ascii=False))
    if answer.status >= 400:
        raise typer.Exit(1)


@app.command()
def request(
    tokens: Annotated[list[str], typer.Argument(help="Tokens, as MARKETING_OPS reads them.")],
    purpose: Annotated[str, typer.Option(help="One of the stack's purposes.")],
    why: Annotated[str, typer.Option(help="The justification, which stays in the journal.")],
    kind: Annotated[str, typer.Option(help="The kind of personal data.")] = "email",
    person: Marketing = JANE,
) -> None:
    """Ask for the values of tokens."""
    body = {"purpose": purpose, "kind": kind, "tokens": tokens, "justification": why}
    _call(person, "ask", "POST", "/requests", body)


@app.command()
def approve(id_: Id, person: Officer = OLGA) -> None:
    """Approve somebody else's request."""
    _call(person, "decide", "POST", f"/requests/{id_}/approve")


@app.command()
def deny(id_: Id, person: Officer = OLGA) -> None:
    """Deny somebody else's request."""
    _call(person, "decide", "POST", f"/requests/{id_}/deny")


@app.command()
def reveal(id_: Id, person: Marketing = JANE) -> None:
    """Get the values of an approved request of one's own, once."""
    _call(person, "ask", "POST", f"/requests/{id_}/reveal")


@app.command()
def look(id_: Id, person: Marketing = JANE) -> None:
    """Look at a request of one's own."""
    _call(person, "ask", "GET", f"/requests/{id_}")


@app.command()
def openapi(person: Marketing = JANE) -> None:
    """Print the service's description of itself."""
    _call(person, "ask", "GET", "/openapi.json")


@app.command()
def journal() -> None:
    """Print who asked, approved, revealed and was refused."""
    from local import reid  # noqa: PLC0415 (as in app.py)

    table = Table(header_style="bold")
    names = ("number", "at", "by", "action", "of", "because", "purpose", "kind", "tokens", "why")
    for name in names:
        table.add_column(name, overflow="fold")
    for entry in reid.journal(running(programs.AWS)):
        table.add_row(*(str(entry.get(name, "")) for name in names))
    console.print(table)


@app.command()
def verify() -> None:
    """Look the journal over: changed, missing, doubled or reordered entries."""
    from local import reid  # noqa: PLC0415 (as in app.py)

    faults = reid.journal_faults(running(programs.AWS))
    for fault in faults:
        console.print(f"[red]{fault}[/red]", highlight=False)
    if faults:
        raise typer.Exit(1)
    console.print("the journal is whole")
