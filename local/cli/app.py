"""The command line of ``python -m local``; what a verb does is in the module that it calls."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from local.cli import programs, reid
from local.cli.running import running
from local.processes import ensure
from local.state import PROJECT_ROOT, Lake, Paths

app = typer.Typer(
    name="python -m local",
    help="The retail lake on this machine. Everything it writes lies under .local/, it listens on 127.0.0.1.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(reid.app, name="reid")
OURS = {"components", "contracts", "local", "policies", "settings"}
# A URN holds `:snowflake:`, which would be drawn.
console = Console(emoji=False)
errors = Console(stderr=True, emoji=False)


class Engine(StrEnum):
    """What deploys the program."""

    AUTO = "auto"
    CLI = "cli"
    INPROCESS = "inprocess"


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"


class Via(StrEnum):
    """Which front door events are put to."""

    STREAM = "stream"
    API = "api"


def days_of(text: str) -> int | None:
    """The days that ``--days`` names; None is all."""
    if text == "all":
        return None
    if text.isdecimal():
        return int(text)
    raise typer.BadParameter("expected a number of days (0 for none), or all")


@app.command()
def up(
    days: Annotated[
        str, typer.Option(help="Days of real sales to replay from the first one on, or `all`.")
    ] = "7",
    engine: Annotated[
        Engine, typer.Option(help="`auto` takes the pulumi CLI where there is one.")
    ] = Engine.AUTO,
) -> None:
    """Start the lake, deploy, replay real sales, and wait until they can be queried."""
    from local.cli import show, start  # noqa: PLC0415 (`status` of a dead lake need not import what deploys)

    started = time.monotonic()
    lake = start.up(Paths(), days=days_of(days), engine=engine, console=console)
    show.summary(lake, console, time.monotonic() - started)


@app.command()
def send(
    file: Annotated[
        Path, typer.Argument(help="Events, one JSON object a line.", exists=True, dir_okay=False)
    ],
    source: Annotated[str, typer.Option(help="The source whose front door it is.")],
    via: Annotated[Via, typer.Option(help="The front door.")] = Via.STREAM,
) -> None:
    """Put a file's events on a source's front door; every line that breaks its contract is named."""
    from local import send  # noqa: PLC0415 (as above)

    report = send.send(running(programs.AWS), file, source=source, via=via, console=console)
    raise typer.Exit(report.exit_code)


@app.command()
def drain(
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.")] = 600,
) -> None:
    """Return when everything sent has been landed, loaded, merged and modelled."""
    from local.cli.drain import drain  # noqa: PLC0415 (as above)

    lake = running(programs.AWS, programs.WAREHOUSE, programs.DATAPLANE)
    with console.status("drain …") as status:
        built = drain(lake, timeout, lambda text: status.update(f"drain … {text}"))
    console.print(
        "drained; " + ("nothing new to model" if built.skipped else f"{len(built.models)} models built")
    )


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One statement, in Snowflake's SQL.")],
    role: Annotated[
        str | None, typer.Option(help="A role, such as ANALYST; else the administrator's.")
    ] = None,
    format: Annotated[Format, typer.Option(help="`json` keeps every digit.")] = Format.TABLE,
) -> None:
    """Run SQL as a role."""
    from local.cli import query  # noqa: PLC0415 (as above)

    answer = query.run(running(programs.WAREHOUSE), statement, role)
    if format is Format.JSON:
        typer.echo(query.as_json(answer))
    else:
        console.print(query.as_table(answer))


@app.command()
def erase(
    token: Annotated[str, typer.Option(help="Any token of the person, as MARKETING_OPS reads it.")],
    why: Annotated[
        str, typer.Option(help="The justification, which stays in the journal.")
    ] = "The person asked to be forgotten",
    officer: Annotated[str, typer.Option("--as", help="Which privacy officer: any name.")] = reid.OLGA,
) -> None:
    """Erase a person through the service, and show that nothing of them opens and everything still counts."""
    from local import reid as service  # noqa: PLC0415 (see up)

    done = service.erase(
        running(programs.AWS, programs.WAREHOUSE), token, why, officer=officer, marketing=reid.JANE
    )
    console.print(
        f"erased: {done.answer.body['subjects']} secret(s); values without one, which stay: "
        f"{done.answer.body['remaining']}"
    )
    console.print(f"a reveal of the token now: {done.reveal or 'tells a value'}", markup=False)
    for name, rows in done.after.items():
        console.print(f"PRODUCTION.{name}: {done.before[name]:,} rows before, {rows:,} after")
    if done.reveal is None or done.before != done.after:
        raise typer.Exit(1)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What is deployed and runs, the counts at each hop, and how fresh the data is."""
    from local.cli import show  # noqa: PLC0415 (as above)
    from local.status import collect  # noqa: PLC0415

    found = collect(Paths())
    if as_json:
        typer.echo(json.dumps(found.document(), indent=1))
    else:
        console.print(show.status(found))


@app.command()
def dashboard() -> None:
    """Serve the store dashboard in the background, and say where."""
    from local.cli import show  # noqa: PLC0415 (as above)

    lake = Lake.load()
    ensure(lake.paths, programs.dashboard())
    console.print(show.dashboard_address(lake), highlight=False)


def advise(found: Any) -> None:
    """Print what a policy only advises."""
    text = f"[yellow]{found.level}:[/yellow] {escape(f'{found.urn}: {found.policy}: {found.message}')}"
    console.print(text, highlight=False, soft_wrap=True)


@app.command()
def preview(
    stack: Annotated[str, typer.Option(help="The stack, as its Pulumi.<stack>.yaml says.")],
    policy_pack: Annotated[
        Path | None, typer.Option(help="A policy pack; a mandatory violation fails the preview.")
    ] = None,
    policy_pack_config: Annotated[
        Path | None,
        typer.Option(help="The pack's configuration; by default its config.<environment of the stack>.json."),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="`auto` takes the pulumi CLI where there is one.")
    ] = Engine.AUTO,
    save: Annotated[
        Path | None, typer.Option(help="Write what would be deployed, in the form of an exported stack.")
    ] = None,
) -> None:
    """Say what a first deployment of any stack would make: no account, no emulator, nothing kept."""
    from local import standin  # noqa: PLC0415 (as above)

    with tempfile.TemporaryDirectory() as state, console.status(f"preview of {stack} …"):
        made = standin.preview(
            PROJECT_ROOT,
            stack,
            state_dir=state,
            engine=engine.value,
            policy_pack=policy_pack,
            policy_config=policy_pack_config,
            save=save,
            on_finding=advise,
        )
    changes = ", ".join(f"{count} {change}" for change, count in made.changes.items())
    held = f", held to {policy_pack}" if policy_pack else ""
    console.print(f"{stack}: {changes} by the engine {made.engine}{held}", highlight=False)


@app.command()
def down() -> None:
    """End every process and remove everything that the lake wrote."""
    from local.cli import start  # noqa: PLC0415 (as above)

    ended = start.down(Paths())
    console.print(f"ended: {', '.join(ended)}" if ended else "nothing was running")


def main() -> None:
    """Run a verb. A fault that the lake's code tells is printed; any other is ours, with its traceback."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    logging.getLogger("snowflake.connector").setLevel(logging.CRITICAL)
    try:
        app()
    except Exception as fault:
        if type(fault).__module__.partition(".")[0] not in OURS:
            raise
        errors.print(f"[red]error:[/red] {escape(str(fault))}", highlight=False, soft_wrap=True)
        raise SystemExit(1) from None
