"""The lake that runs, for verbs that need it."""

from __future__ import annotations

from local.processes import find
from local.state import Lake, LakeError


def running(*names: str) -> Lake:
    """The lake, if those of its processes run; a driver would try a dead one for long, and say less."""
    lake = Lake.load()
    for name in names:
        if not find(lake.paths, name):
            raise LakeError(f"the process `{name}` has ended: `python -m local up --days 0` starts it again")
    return lake
