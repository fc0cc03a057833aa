"""How many mutants of a stack the pack finds, and which it does not."""

from __future__ import annotations

import json
import multiprocessing
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from local.standin import configuration, run_in_process
from local.standin.policy import Pack
from local.state import LakeError

from . import mutants
from .graph import Graph
from .judge import Failed, Judge
from .mutant import Mutant

ENVIRONMENT = "retaillake:environment"
#: mutants that a process judges at a time: a report of progress each
BATCH = 25


class ScoreError(LakeError):
    """A stack cannot be scored; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the pack says of a mutant: the policies that found it, and whether one of them is mandatory."""

    mutant: Mutant
    policies: tuple[str, ...]
    mandatory: bool
    failed: tuple[Failed, ...] = ()

    @property
    def caught(self) -> bool:
        """Whether any policy found it."""
        return bool(self.policies)

    @property
    def weakness(self) -> str:
        """What it has in common with the same weakness of other resources of its type."""
        where = re.sub(r"\[[^]]*\]", "[]", self.mutant.where)
        what = re.sub(r"[\w./:*-]*\d[\w./:*-]*", "…", self.mutant.what)
        return f"{self.mutant.kind}: {self.mutant.resource.type} {where}: {what}"


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many of how many."""

    caught: int
    mandatory: int
    all: int

    @classmethod
    def of(cls, verdicts: list[Verdict]) -> Count:
        """Count verdicts."""
        caught = [one for one in verdicts if one.caught]
        return cls(caught=len(caught), mandatory=sum(one.mandatory for one in caught), all=len(verdicts))

    @property
    def share(self) -> float:
        """The score, 0 to 1; nothing to find is all found."""
        return self.caught / self.all if self.all else 1.0


@dataclass(frozen=True, kw_only=True)
class Score:
    """A stack's score."""

    stack: str
    verdicts: list[Verdict]
    left_out: Counter[str]
    baseline: int
    made: int

    @property
    def total(self) -> Count:
        """All mutants."""
        return Count.of(self.verdicts)

    @property
    def by_kind(self) -> Mapping[str, Count]:
        """The score of each class."""
        kinds = sorted({one.mutant.kind for one in self.verdicts})
        return {kind: Count.of([one for one in self.verdicts if one.mutant.kind == kind]) for kind in kinds}

    @property
    def weaknesses(self) -> Count:
        """The same weakness of many resources of a type counted once, and as caught where each is."""
        grouped: dict[str, list[Verdict]] = {}
        for one in self.verdicts:
            grouped.setdefault(one.weakness, []).append(one)
        groups = [Count.of(group) for group in grouped.values()]
        caught = [one for one in groups if one.caught == one.all]
        return Count(
            caught=len(caught), mandatory=sum(one.mandatory == one.all for one in caught), all=len(groups)
        )

    @property
    def survivors(self) -> list[Verdict]:
        """What nobody found."""
        return [one for one in self.verdicts if not one.caught]

    @property
    def failed(self) -> list[Failed]:
        """Policies that broke instead of judging."""
        return sorted({each for one in self.verdicts for each in one.failed}, key=str)


def graph_of(project: Path, stack: str) -> Graph:
    """Run the program of a stack against recordings; what its functions' package holds does not matter."""
    # Not above: the program's modules are imported before a run, so that the run uses these very ones.
    import components.lake  # noqa: F401, PLC0415
    from components.aws.package import Package  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as made:
        package = Path(made) / "functions.zip"
        package.write_bytes(b"PK\x05\x06" + bytes(18))
        with mock.patch.object(Package, "path", package):
            return Graph(run_in_process(project, stack).resources)


def pack_of(pack_dir: Path, project: Path, stack: str) -> Pack:
    """Load a pack with the values that the stack's environment configures.

    An environment may make findings advisory; how hard a policy means it is the pack's own word, so levels
    are not taken from there.
    """
    environment = configuration.load(project, stack, passphrase="").values.get(ENVIRONMENT, stack)
    file = pack_dir / f"config.{environment}.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    values = {
        name: {key: value for key, value in entry.items() if key != "enforcementLevel"}
        for name, entry in found.items()
        if isinstance(entry, dict)
    }
    return Pack(pack_dir, {name: entry for name, entry in values.items() if entry})


def score(
    graph: Graph,
    pack: Pack,
    *,
    stack: str,
    sample: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, all: None,
) -> Score:
    """Judge the mutants of a graph, or a sample of them."""
    every = mutants.of(graph)
    chosen = every.sample(sample, seed)
    judge = Judge(pack, graph)
    if judge.failed:
        raise ScoreError(f"policies break on {stack} as it is: {', '.join(map(str, judge.failed))}")
    verdicts: list[Verdict] = []
    for batch in _judged(judge, chosen.kept, jobs):
        verdicts += batch
        on_progress(len(verdicts), len(chosen.kept))
    return Score(
        stack=stack, verdicts=verdicts, left_out=every.left_out, baseline=len(judge.baseline),
        made=len(every.kept),
    )  # fmt: skip


def _judged(judge: Judge, chosen: list[Mutant], jobs: int) -> Iterator[list[Verdict]]:
    """Yield verdicts in the order of the mutants, whoever gives them."""
    batches = [chosen[start : start + BATCH] for start in range(0, len(chosen), BATCH)]
    if jobs == 1 or len(batches) == 1:
        yield from (_batch(judge, one) for one in batches)
        return
    # Policies are functions and do not travel: the other processes get them by being forked.
    _AT_HAND.update(judge=judge, batches=batches)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        for batch, found in zip(batches, pool.map(_forked, range(len(batches))), strict=True):
            yield [_verdict(mutant, *one) for mutant, one in zip(batch, found, strict=True)]
    _AT_HAND.clear()


_AT_HAND: dict[str, Any] = {}
_Found = tuple[tuple[str, ...], bool, tuple[Failed, ...]]


def _forked(index: int) -> list[_Found]:
    return [_found(_AT_HAND["judge"], mutant) for mutant in _AT_HAND["batches"][index]]


def _batch(judge: Judge, batch: list[Mutant]) -> list[Verdict]:
    return [_verdict(mutant, *_found(judge, mutant)) for mutant in batch]


def _found(judge: Judge, mutant: Mutant) -> _Found:
    judge.failed.clear()
    found = judge.new_findings(mutant.change)
    policies = tuple(sorted({one.policy for one in found}))
    return policies, any(one.mandatory for one in found), tuple(dict.fromkeys(judge.failed))


def _verdict(
    mutant: Mutant, policies: tuple[str, ...], mandatory: bool, failed: tuple[Failed, ...]
) -> Verdict:
    return Verdict(mutant=mutant, policies=policies, mandatory=mandatory, failed=failed)
