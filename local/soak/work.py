"""A process of the soak: it makes its share of the batches, lands and judges them, and tells of each."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from pathlib import Path
from random import Random

from local.leaks import Finder
from local.soak import events, mutations
from local.soak.lake import Lake
from local.soak.people import people
from local.soak.rules import Breach, Rules, Verdict
from local.soak.shrink import smallest

BATCH = 500
PEOPLE = 60
# After so many of one process something is so wrong that more of it helps nobody.
ENOUGH = 5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What all processes of a run are told: which payloads there are follows from the seed alone."""

    seed: int
    events: int
    jobs: int
    every: int
    kept: Path


@dataclass(frozen=True, kw_only=True)
class Offence:
    """A rule that was broken: by which payload of the run, how that was broken, and where it is kept."""

    rule: str
    source: str
    number: int
    mutations: tuple[str, ...]
    file: str
    size: int
    smallest: int


@dataclass(kw_only=True)
class Tally:
    """What one batch came to, or several."""

    events: int = 0
    accepted: int = 0
    validated: int = 0
    opened: int = 0
    scanned: int = 0
    sources: Counter[str] = field(default_factory=Counter[str])
    mutations: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])
    offences: list[Offence] = field(default_factory=list[Offence])
    error: str = ""

    def add(self, other: Tally) -> None:
        """Count another's too."""
        for name in ("events", "accepted", "validated", "opened", "scanned"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("sources", "mutations", "reasons"):
            getattr(self, name).update(getattr(other, name))
        self.offences += other.offences
        self.error = self.error or other.error


class Log:
    """All that this process writes to its standard output and error, whoever writes it, and by what means."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it is this process's output until that ends)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(self._file.fileno(), stream.fileno())

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        sys.stdout.flush()
        sys.stderr.flush()
        self._file.seek(0)
        found = self._file.read()
        self._file.seek(0)
        self._file.truncate()
        return found


class Worker:
    """Does every so manieth batch of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._log = plan, Log()
        with tempfile.TemporaryDirectory() as folder:
            catalogue = events.catalogue(Path(folder))
        self._catalogue, self._people = catalogue, people(PEOPLE, plan.seed)
        self._lake = Lake(catalogue)
        needles = [needle for person in self._people for needle in person.needles()]
        self._rules = Rules(catalogue, self._lake, Finder(needles), every=plan.every)
        self._strict = Rules(catalogue, self._lake, Finder(needles))

    def batch(self, number: int) -> Tally:
        """Make, land and judge a batch."""
        first = number * BATCH
        source = self._catalogue.sources[number % len(self._catalogue.sources)]
        count = min(BATCH, self._plan.events - first)
        made = [self._payload(source, first + at) for at in range(count)]
        raws = [raw for raw, _ in made]
        verdict = self._verdict(self._rules, source, raws)
        tally = Tally(
            events=count,
            accepted=verdict.accepted,
            validated=verdict.validated,
            opened=verdict.opened,
            scanned=verdict.scanned,
            sources=Counter({source: count}),
            mutations=Counter(name for _, names in made for name in names or ("none",)),
            reasons=Counter(keyword(reason) for reason in verdict.reasons.elements()),
        )
        for breach in verdict.breaches[:ENOUGH]:
            tally.offences.append(self._offence(breach, source, first, made))
        return tally

    def _payload(self, source: str, number: int) -> tuple[bytes, tuple[str, ...]]:
        dice = Random(f"{self._plan.seed}:{number}")  # noqa: S311 (makes up data, guards nothing)
        contract = dice.choice([one for one in self._catalogue.contracts if one.source == source])
        person = dice.choice(self._people)
        return mutations.broken(events.event(contract, number, person, dice), person, dice)

    def _verdict(self, rules: Rules, source: str, raws: list[bytes]) -> Verdict:
        """Land and judge; what the function raises is a broken rule, too."""
        self._log.taken()
        try:
            landed = self._lake.land(source, raws)
        except Exception as error:  # whatever it is, it is what we are looking for
            return Verdict(breaches=[Breach(f"nothing is raised, but {type(error).__name__} was")])
        return rules.judge(source, raws, landed, self._log.taken())

    def _offence(
        self, breach: Breach, source: str, first: int, made: list[tuple[bytes, tuple[str, ...]]]
    ) -> Offence:
        def breaks(raw: bytes) -> bool:
            return any(one.rule == breach.rule for one in self._verdict(self._strict, source, [raw]).breaches)

        places = range(len(made)) if breach.record is None else [breach.record]
        at = next((place for place in places if breaks(made[place][0])), None)
        if at is None:
            # Only together: then the batch is what is kept.
            raw, names, small = b"\n".join(raw for raw, _ in made), (), b""
        else:
            raw, names = made[at]
            small = smallest(raw, breaks)
        file = self._plan.kept / f"{source}-{first + (at or 0)}.payload"
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as kept:
            kept.write(small or raw)
        return Offence(
            rule=breach.rule,
            source=source,
            number=first + (at or 0),
            mutations=names,
            file=str(file),
            size=len(raw),
            smallest=len(small or raw),
        )


def keyword(reason: str) -> str:
    """Return the rule that a reason names first, without the place."""
    return reason.partition(";")[0].rpartition(": ")[2]


def work(plan: Plan, place: int, answers: Queue[Tally | None]) -> None:
    """Do the batches of one process, and put what each came to; at the end None."""
    own = Tally()
    try:
        worker = Worker(plan)
        for number in range(place, -(-plan.events // BATCH), plan.jobs):
            tally = worker.batch(number)
            answers.put(tally)
            own.offences += tally.offences
            if len(own.offences) >= ENOUGH:
                break
    except Exception as error:  # a soak that ends early has shown nothing
        # Its own text may quote a payload.
        place_of = error.__traceback__
        while place_of and place_of.tb_next:
            place_of = place_of.tb_next
        where = f"{Path(place_of.tb_frame.f_code.co_filename).name}:{place_of.tb_lineno}" if place_of else "?"
        answers.put(Tally(error=f"{type(error).__name__} at {where}"))
    finally:
        answers.put(None)
