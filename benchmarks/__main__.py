"""`python -m benchmarks` measures all and writes docs/benchmarks.md; with names, it only prints these.

A benchmark is a module of this package with `run() -> Section`, named below.
"""

import importlib
import sys
from pathlib import Path

from benchmarks.measuring import Section, machine

SECTIONS = ("transform", "program", "laptop")
REPORT = Path(__file__).resolve().parents[1] / "docs/benchmarks.md"
INTRODUCTION = """# Benchmarks

Written by `make bench`; not by hand. All that is compared ran in one process, in turns, by CPU time. Each
figure is the median of the rounds, the range beside it the slowest and the fastest of them. The machine was
not quiet: trust ratios, which were taken within each round, more than rates."""


def measure(name: str) -> Section:
    print(f"-- {name}", file=sys.stderr)
    return importlib.import_module(f"benchmarks.{name}").run()


def main(names: list[str]) -> None:
    if unknown := set(names) - set(SECTIONS):
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there is {', '.join(SECTIONS)}")
    found = [measure(name).markdown() for name in names or SECTIONS]
    text = "\n\n".join([INTRODUCTION, machine(), *found]) + "\n"
    print(text)
    if not names:
        REPORT.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
