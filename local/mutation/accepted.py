"""Survivors that are accepted, each for a reason: `accepted.yaml` is the one reviewed place for them.

They stay survivors in every figure; a reason explains, it does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.state import LakeError

from .score import Verdict

FILE = Path(__file__).with_name("accepted.yaml")
FIELDS = {"match", "reason"}


class AcceptedError(LakeError):
    """The file of reasons is wrong; the message names every fault."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Mutants, by a pattern over their names, and why it is right that no policy finds them."""

    match: re.Pattern[str]
    reason: str


def load(file: Path = FILE) -> list[Accepted]:
    """Read the reasons; every fault of the file is told at once."""
    found: Any = yaml.safe_load(file.read_text()) or []
    faults: list[str] = []
    entries: list[Accepted] = []
    for index, entry in enumerate(found if isinstance(found, list) else [found]):
        if (
            not isinstance(entry, dict)
            or entry.keys() != FIELDS
            or not all(isinstance(v, str) and v for v in entry.values())
        ):
            faults.append(f"entry {index}: expected texts for {' and '.join(sorted(FIELDS))}")
            continue
        try:
            entries.append(
                Accepted(match=re.compile(entry["match"]), reason=" ".join(entry["reason"].split()))
            )
        except re.error as error:
            faults.append(f"entry {index}: match is no pattern: {error}")
    if faults:
        raise AcceptedError(f"{file}: " + "; ".join(faults))
    return entries


def reason(entries: Iterable[Accepted], verdict: Verdict) -> str | None:
    """Return why it is right that this mutant survives, or None."""
    return next((one.reason for one in entries if one.match.search(verdict.mutant.id)), None)


def stale(entries: Iterable[Accepted], survivors: Iterable[Verdict]) -> list[Accepted]:
    """Return the entries that explain nothing any more."""
    ids = [one.mutant.id for one in survivors]
    return [one for one in entries if not any(one.match.search(each) for each in ids)]
