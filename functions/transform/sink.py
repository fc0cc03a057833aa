"""Writes to the protected stream until everything is accepted, or there is no time left."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from functions.shared.aws import Kinesis
from functions.shared.records import Entry

# What PutRecords takes in one call.
MAX_RECORDS = 500
MAX_BYTES = 5 * 1024 * 1024
# The first pause's bound, doubled each time up to the last; the pause itself is random below it.
FIRST_PAUSE, LAST_PAUSE = 0.1, 5.0


@dataclass(kw_only=True)
class ProtectedStream:
    """A stream that takes what the transform made.

    Parameters
    ----------
    name
        The stream's name.
    clock, sleep, jitter
        The time in seconds, how to wait, and a random number below one.
    """

    client: Kinesis
    name: str
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def put(self, entries: Sequence[Entry], *, seconds: float) -> tuple[list[int], Counter[str]]:
        """Write all entries, each failed one again.

        Parameters
        ----------
        seconds
            How long to go on; what an unreachable stream raises is raised at once.

        Returns
        -------
        tuple
            The numbers of the entries that were not accepted, and how often the stream said why.
        """
        deadline, errors = self.clock() + seconds, Counter[str]()
        left, pause = list(range(len(entries))), FIRST_PAUSE
        while True:
            left = [number for call in calls(entries, left) for number in self._call(entries, call, errors)]
            wait = pause * self.jitter()
            if not left or self.clock() + wait >= deadline:
                return left, errors
            self.sleep(wait)
            pause = min(2 * pause, LAST_PAUSE)

    def _call(self, entries: Sequence[Entry], numbers: list[int], errors: Counter[str]) -> Iterator[int]:
        answer = self.client.put_records(
            StreamName=self.name, Records=[entries[number] for number in numbers]
        )
        if not answer["FailedRecordCount"]:
            return
        for number, result in zip(numbers, answer["Records"], strict=True):
            if error := result.get("ErrorCode"):
                errors[error] += 1
                yield number


def calls(entries: Sequence[Entry], numbers: Sequence[int]) -> Iterator[list[int]]:
    """Cut entries into calls that the stream takes."""
    call: list[int] = []
    size = 0
    for number in numbers:
        entry = entries[number]
        bytes_ = len(entry["Data"]) + len(entry["PartitionKey"].encode())
        if call and (len(call) == MAX_RECORDS or size + bytes_ > MAX_BYTES):
            yield call
            call, size = [], 0
        call.append(number)
        size += bytes_
    if call:
        yield call
