"""Real grocery sales as events of tills and a web shop, sent to a lake's front doors.

>>> from local.replay import run
>>> sent = run(lake, days=7, duplicates=0.05, shuffle=True, invalid=0.01)  # doctest: +SKIP
"""

from local.replay.events import WORLD, Event, Replay, events
from local.replay.households import Household, household, online_households
from local.replay.put import PutError
from local.replay.run import Sent, run

__all__ = [
    "WORLD",
    "Event",
    "Household",
    "PutError",
    "Replay",
    "Sent",
    "events",
    "household",
    "online_households",
    "run",
]
