"""A page of documentation that is made from a specification: its tables, and the command that writes it."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(description: str, render: Callable[[], str]) -> None:
    """Write the page, or print it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--write", type=Path, help="the file to write")
    given = parser.parse_args()
    if given.write:
        given.write.write_text(render())
    else:
        sys.stdout.write(render())
