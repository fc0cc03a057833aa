"""The pre-flight: everything that a stack misses, or has of another, said at once, from the files alone.

    python -m settings check --stack prod-eu [--against prod …] [--format table|json]

It needs no account and no engine. Exit code 1 says that there are faults, 2 that a file cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import contracts
import settings
import settings_places
import settings_sharing as sharing
import settings_stacks
from settings import Settings
from settings_reader import Fault
from settings_stacks import StackFile, StackFileError

ROOT = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found for a stack, and what it was compared with."""

    stack: str
    against: tuple[str, ...]
    faults: tuple[Fault, ...]


def check(root: Path, stack: str, against: Collection[str] | None = None) -> Report:
    """Look a stack's file over, alone and beside others (all of the project's by default).

    Raises
    ------
    StackFileError
        If there is no such stack, or a file cannot be read.
    """
    files = settings_stacks.read(root)
    chosen = [name for name in files if not _is_of(name, stack)] if against is None else list(against)
    if missing := [name for name in (stack, *chosen) if name not in files]:
        known = ", ".join(files) or "none"
        raise StackFileError(f"there is no Pulumi.{missing[0]}.yaml in {root}: stacks are {known}")
    others = {name: files[name] for name in chosen if name != stack}
    found = sorted(set(_faults(files[stack], others)), key=lambda fault: (fault.key, fault.expected))
    return Report(stack=stack, against=tuple(others), faults=tuple(found))


def _is_of(name: str, stack: str) -> bool:
    """Say whether a stack is this one, or its clone: what a clone has of its origin is the clone's fault."""
    return name == stack or sharing.origin(name, {stack}) is not None


def _faults(file: StackFile, others: Mapping[str, StackFile]) -> Iterator[Fault]:
    found, faults = _examined(file)
    yield from faults
    shared = found.shared
    yield from (fault for fault in _alone(file, found, faults) if not sharing.is_shared(fault.key, shared))
    parent = sharing.origin(file.name, others)
    for name, other in others.items():
        theirs, _ = _examined(other)
        together = [
            *sharing.settings_in_common(found, theirs, name),
            *sharing.values_in_common(file, other),
            *sharing.secrets_in_common(file, other, is_origin=name == parent),
            *(sharing.clone(found, theirs, (file, other)) if name == parent else ()),
        ]
        yield from (fault for fault in together if not sharing.is_shared(fault.key, shared))


def _examined(file: StackFile) -> tuple[Settings, tuple[Fault, ...]]:
    """Return what could be read of a stack's settings, and what is wrong: all else can still be compared."""
    return settings.examine(
        file.own, stack=file.name, sources=_sources(), hidden=file.hidden, providers=file.providers
    )


@cache
def _sources() -> tuple[str, ...]:
    return contracts.load().sources


def _alone(file: StackFile, found: Settings, faults: Sequence[Fault]) -> Iterator[Fault]:
    """Yield what a stack's file misses, and what in it points elsewhere."""
    place = settings_places.region(found, file.providers)
    if place is None:
        yield Fault(
            key=settings_places.region_key(found),
            expected="missing; expected the stack's region, which else is that of whoever deploys",
        )
    said = found.residency.regions or any(fault.key.startswith("residency.") for fault in faults)
    if found.environment == "prod" and not said:
        yield Fault(
            key="residency.regions",
            expected="missing; expected the regions in which the stack may hold personal data",
        )
    yield from sharing.elsewhere(file, place if found.cloud == "aws" else None)


# --- the command line -------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; the process ends with its exit code."""
    given = _parser().parse_args(arguments)
    try:
        sys.exit(given.run(given))
    except StackFileError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m settings", description="Stack files, looked over.")
    parser.add_argument("--project", type=Path, default=ROOT, help="where Pulumi.yaml lies")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    checks = commands.add_parser("check", help="say all that a stack misses, or has of another")
    checks.add_argument("--stack", required=True)
    checks.add_argument("--against", nargs="+", help="stacks to compare with; all others by default")
    checks.add_argument("--format", choices=("table", "json"), default="table")
    checks.set_defaults(run=_check)
    stacks = commands.add_parser("stacks", help="list the stacks of an environment, as JSON")
    stacks.add_argument("--environment", default="prod")
    stacks.add_argument("--first", help="the canary: the stack that goes first")
    stacks.set_defaults(run=_stacks)
    return parser


def _check(given: argparse.Namespace) -> int:
    report = check(given.project, given.stack, given.against)
    if given.format == "json":
        faults = [{"key": fault.key, "expected": fault.expected} for fault in report.faults]
        text = json.dumps({"stack": report.stack, "against": report.against, "faults": faults}, indent=2)
    else:
        text = _table(report)
    sys.stdout.write(f"{text}\n")
    return 1 if report.faults else 0


def _table(report: Report) -> str:
    beside = f" beside {', '.join(report.against)}" if report.against else ""
    if not report.faults:
        return f"{report.stack}{beside}: no faults"
    width = max(len(fault.key) for fault in report.faults)
    lines = [f"  {fault.key:<{width}}  {fault.expected}" for fault in report.faults]
    return "\n".join([f"{report.stack}{beside}: {len(lines)} fault(s)", *lines])


def _stacks(given: argparse.Namespace) -> int:
    """List stacks in the order in which they are rolled out: the canary, then by name."""
    files = settings_stacks.read(given.project)
    found = [name for name, file in files.items() if file.own.get("environment") == given.environment]
    if given.first and given.first not in found:
        raise StackFileError(f"there is no stack {given.first} of environment {given.environment}: {found}")
    order = sorted(found, key=lambda name: (name != given.first, name))
    sys.stdout.write(json.dumps(order) + "\n")
    return 0
