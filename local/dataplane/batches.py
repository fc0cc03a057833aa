"""What Lambda does with a batch of a stream's records: invoke, judge the answer, split, retry, or give up.

The rules are AWS's ("Using Lambda with Kinesis"): the answer to a batch is complete success, complete
failure, or a checkpoint (the lowest sequence number reported as failed); a failed batch is retried, in order,
until it succeeds or one of the mapping's limits is met; a split does not count as a retry.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.dataplane.kinesis import Record

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 15.0
WITHOUT_LIMIT = -1


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of an invocation.

    Parameters
    ----------
    error
        The type of the function's error, or of the failure to invoke it; empty where it answered.
    invoked
        Whether the function ran: a throttle or a lost connection is no failed attempt of the function.
    body
        The function's answer, parsed; anything that JSON has.
    """

    error: str = ""
    invoked: bool = True
    body: Any = None


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A mapping's settings for failures, as AWS names them."""

    report_failures: bool = False
    bisect: bool = False
    retries: int = WITHOUT_LIMIT
    record_age: int = WITHOUT_LIMIT

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> Rules:
        """The settings in an answer of GetEventSourceMapping."""

        def limit(name: str) -> int:
            value = mapping.get(name)
            return WITHOUT_LIMIT if value is None else int(value)

        return cls(
            report_failures="ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or ()),
            bisect=bool(mapping.get("BisectBatchOnFunctionError")),
            retries=limit("MaximumRetryAttempts"),
            record_age=limit("MaximumRecordAgeInSeconds"),
        )


@dataclass(frozen=True, kw_only=True)
class GivenUp:
    """A batch that a limit of the mapping has ended."""

    records: Sequence[Record]
    condition: str
    invocations: int
    error: str


@dataclass
class _Piece:
    """A batch, or what is left of it after a split."""

    records: Sequence[Record]
    failures: int = 0
    invocations: int = 0
    error: str = ""


def succeeded(records: Sequence[Record], answer: Answer, rules: Rules) -> int:
    """How many records, from the first, the answer says are done.

    An item identifier that is missing, empty or not of this batch makes the whole batch a failure, as on AWS.
    """
    if answer.error:
        return 0
    if not rules.report_failures or answer.body is None or answer.body == "":
        return len(records)
    failures = answer.body.get("batchItemFailures") if isinstance(answer.body, dict) else ()
    if failures is None or failures == []:
        return len(records)
    if not isinstance(failures, list):
        return 0
    places = {record.sequence: place for place, record in enumerate(records)}
    identifiers = [
        failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures
    ]
    return min(places.get(identifier, 0) if isinstance(identifier, str) else 0 for identifier in identifiers)


def resolve(
    batch: Sequence[Record],
    rules: Rules,
    *,
    invoke: Callable[[Sequence[Record]], Answer],
    acknowledge: Callable[[Sequence[Record]], None],
    give_up: Callable[[GivenUp], None],
    wait: Callable[[float], bool],
    now: Callable[[], float] = time.time,
) -> Iterator[str]:
    """Work on a batch until every record is acknowledged or given up, or `wait` says that we stop.

    Yields the error of each failed attempt, so that the caller may count and show it.

    Parameters
    ----------
    invoke
        Invoke the function with records.
    acknowledge
        Called with records that are done with, given-up ones included.
    give_up
        Called before records are given up; it must have told the on-failure destination when it returns.
    wait
        Waits for that many seconds; true where the work is to be left undone.
    """
    pieces = [_Piece(batch)]
    pause = FIRST_PAUSE
    while pieces:
        piece = pieces.pop()
        ended = _limit_met(piece, rules, now())
        if ended:
            give_up(ended)
            acknowledge(ended.records)
            rest = piece.records[len(ended.records) :]
            pieces += [_Piece(rest)] if rest else []
            continue
        answer = invoke(piece.records)
        done = succeeded(piece.records, answer, rules)
        if done:
            acknowledge(piece.records[:done])
            pause = FIRST_PAUSE
        if done == len(piece.records):
            continue
        yield answer.error or "batchItemFailures"
        rest = _after_failure(piece, answer, done, rules)
        pieces += reversed(rest)
        if len(rest) == 1:
            if wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE)
        elif wait(0):
            return


def _limit_met(piece: _Piece, rules: Rules, now: float) -> GivenUp | None:
    """What must be given up before the next attempt: the whole piece, or its records that are too old."""

    def ended(records: Sequence[Record], condition: str) -> GivenUp:
        return GivenUp(records=records, condition=condition, invocations=piece.invocations, error=piece.error)

    if rules.retries != WITHOUT_LIMIT and piece.failures > rules.retries:
        return ended(piece.records, "RetryAttemptsExhausted")
    if rules.record_age != WITHOUT_LIMIT:
        old = [record for record in piece.records if now - record.arrived > rules.record_age]
        if old:
            return ended(old, "RecordAgeExceeded")  # the oldest are the first
    return None


def _after_failure(piece: _Piece, answer: Answer, done: int, rules: Rules) -> list[_Piece]:
    """What is to be tried next, in order."""
    left = piece.records[done:]
    failures = piece.failures + 1 if answer.invoked else piece.failures
    invocations = piece.invocations + 1 if answer.invoked else piece.invocations
    if rules.bisect and answer.invoked and not done and len(left) > 1:
        middle = len(left) // 2
        return [
            _Piece(half, piece.failures, invocations, answer.error) for half in (left[:middle], left[middle:])
        ]
    return [_Piece(left, failures, invocations, answer.error)]
