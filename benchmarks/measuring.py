"""Measure fairly on a machine that is not quiet, and write it down.

All that is compared runs in one process, in turns: a slow second hits every case. Each case's time is the
CPU's, the figure is the median of the rounds, and beside it stand the slowest and the fastest. A ratio is
taken within each round, and then the median of these.
"""

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A median, and the range around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median=statistics.median(values), low=min(values), high=max(values))

    def show(self, unit: str = "", digits: int = 0) -> str:
        low, median, high = (f"{v:,.{digits}f}" for v in (self.low, self.median, self.high))
        return f"{median}{unit} ({low}–{high})"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A piece of work, done so many times by one call."""

    run: Callable[[], object]
    count: int


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """The seconds per piece of work of each case, round by round."""

    seconds: Mapping[str, tuple[float, ...]]

    def rate(self, name: str, *, scale: float = 1) -> Spread:
        """Return how many per second, times a scale (such as MB a piece)."""
        return Spread.of([scale / seconds for seconds in self.seconds[name]])

    def ratio(self, name: str, base: str) -> Spread:
        """Return how many times as fast as another case it is."""
        both = zip(self.seconds[base], self.seconds[name], strict=True)
        return Spread.of([other / own for other, own in both])


def interleave(cases: Mapping[str, Case], *, rounds: int = 7) -> Rounds:
    """Run all cases in turn, that many times; the first round only warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, case in cases.items():
            gc.collect()
            start = time.process_time()
            case.run()
            if number:
                seconds[name].append((time.process_time() - start) / case.count)
    return Rounds(seconds={name: tuple(times) for name, times in seconds.items()})


@dataclass(frozen=True, kw_only=True)
class Table:
    """Figures; the first row is the head."""

    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        head, *body = ("| " + " | ".join(row) + " |" for row in self.rows)
        rule = "|---|" + "--:|" * (len(self.rows[0]) - 1)
        return "\n".join([head, rule, *body])


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one benchmark found."""

    title: str
    parts: Sequence[str | Table]

    def markdown(self) -> str:
        text = (part if isinstance(part, str) else part.markdown() for part in self.parts)
        return "\n\n".join([f"## {self.title}", *text])


def machine() -> str:
    """Say where and when this was measured."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2] for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0].strip() if names else model
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {platform.system()},"
        f" {os.cpu_count()} × {model}, load {busy} when it ended."
    )
