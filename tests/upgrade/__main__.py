"""Keeps the state of this version, for all later versions to be upgraded from: part of a release."""

import argparse
import sys

from local.standin.cli import available
from tests.upgrade import states


def main() -> int:
    """Make the states of every stack that is tried, by both engines where the real one is there."""
    given = argparse.ArgumentParser(prog="python -m tests.upgrade", description=__doc__)
    given.add_argument("--again", action="store_true", help="make those of this version anew")
    again = given.parse_args().again
    makers = {states.INPROCESS: states.of_this_process, states.ENGINE: states.of_the_engine}
    if not available():
        sys.stderr.write("no pulumi on the PATH: the real engine's states are NOT made\n")
        del makers[states.ENGINE]
    for engine, make in makers.items():
        for stack in states.STACKS[engine]:
            file = states.file_of(states.version(), stack, engine)
            if file.exists() and not again:
                said = "is there: a released version does not change (--again makes it anew)"
            else:
                states.keep(make(stack), stack, engine)
                said = f"{file.stat().st_size:,} bytes"
            sys.stdout.write(f"{file.name}: {said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
