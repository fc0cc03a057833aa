"""The rules for a batch, against AWS's documentation and a model that knows nothing of pieces."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.dataplane.batches import Answer, GivenUp, Rules, resolve, succeeded
from local.dataplane.kinesis import Record


def records(count: int, arrived: float = 0.0) -> list[Record]:
    return [Record(f"{place:04d}", "key", arrived, "") for place in range(count)]


def failing(*sequences: str | None) -> Answer:
    return Answer(body={"batchItemFailures": [{"itemIdentifier": sequence} for sequence in sequences]})


@pytest.mark.parametrize(
    ("answer", "done"),
    [
        # "Success and failure conditions" in "Configuring partial batch response with Kinesis …"
        (Answer(body={"batchItemFailures": []}), 4),
        (Answer(body={"batchItemFailures": None}), 4),
        (Answer(body={}), 4),
        (Answer(body=None), 4),
        (failing(""), 0),
        (failing(None), 0),
        (Answer(body={"batchItemFailures": [{"wrong": "0002"}]}), 0),
        (Answer(error="FunctionError"), 0),
        # the lowest sequence number is the checkpoint
        (failing("0003", "0001"), 1),
        (failing("0000"), 0),
        # never asked for, so not to be believed
        (failing("9999"), 0),
        (Answer(body={"batchItemFailures": "0001"}), 0),
    ],
)
def test_answer_says_how_many_from_the_first_are_done(answer: Answer, done: int) -> None:
    assert succeeded(records(4), answer, Rules(report_failures=True)) == done


def test_without_report_of_failures_any_answer_is_success() -> None:
    assert succeeded(records(4), failing("0001"), Rules()) == 4


class Function:
    """Fails for some records, for a number of attempts each; remembers what it was invoked with."""

    def __init__(self, faults: dict[str, int], *, partial: bool) -> None:
        self.faults, self.partial = dict(faults), partial
        self.invocations: list[list[str]] = []
        self.processed: list[str] = []

    def __call__(self, batch: Sequence[Record]) -> Answer:
        self.invocations.append([record.sequence for record in batch])
        for place, record in enumerate(batch):
            if self.faults.get(record.sequence, 0):
                self.faults[record.sequence] -= 1
                if not self.partial:
                    return Answer(error="FunctionError")
                self.processed += [record.sequence for record in batch[:place]]
                return failing(record.sequence)
        self.processed += [record.sequence for record in batch]
        return Answer(body={"batchItemFailures": []})


class Outcome:
    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self.given_up: list[GivenUp] = []
        self.pauses: list[float] = []


def work(batch: Sequence[Record], rules: Rules, function: Function, now: float = 0.0) -> Outcome:
    outcome = Outcome()
    errors = list(
        resolve(
            batch,
            rules,
            invoke=function,
            acknowledge=lambda done: outcome.acknowledged.extend(record.sequence for record in done),
            give_up=outcome.given_up.append,
            wait=lambda seconds: bool(outcome.pauses.append(seconds)),
            now=lambda: now,
        )
    )
    assert len(errors) == len(outcome.pauses)
    return outcome


faults = st.dictionaries(st.integers(0, 11).map("{:04d}".format), st.integers(1, 3), max_size=12)


@given(count=st.integers(1, 12), faults=faults, partial=st.booleans(), bisect=st.booleans())
def test_without_limits_all_is_acknowledged_once_and_in_order(
    count: int, faults: dict[str, int], partial: bool, bisect: bool
) -> None:
    function = Function(faults, partial=partial)
    outcome = work(records(count), Rules(report_failures=partial, bisect=bisect), function)
    sequences = [record.sequence for record in records(count)]
    assert outcome.acknowledged == sequences
    assert function.processed == sequences  # here a fault is no repeat: it comes before the record's effect
    assert not outcome.given_up


@given(
    count=st.integers(1, 12),
    faults=faults,
    partial=st.booleans(),
    bisect=st.booleans(),
    retries=st.integers(0, 2),
)
def test_with_limits_each_record_is_processed_or_given_up(
    count: int, faults: dict[str, int], partial: bool, bisect: bool, retries: int
) -> None:
    function = Function(faults, partial=partial)
    rules = Rules(report_failures=partial, bisect=bisect, retries=retries)
    outcome = work(records(count), rules, function)
    given_up = [record.sequence for end in outcome.given_up for record in end.records]
    assert outcome.acknowledged == [record.sequence for record in records(count)]
    assert sorted(function.processed + given_up) == outcome.acknowledged
    assert {end.condition for end in outcome.given_up} <= {"RetryAttemptsExhausted"}


def test_bisect_isolates_the_bad_record_and_splits_cost_no_retry() -> None:
    function = Function({"0005": 99}, partial=False)
    outcome = work(records(8), Rules(bisect=True, retries=1), function)
    assert [[record.sequence for record in end.records] for end in outcome.given_up] == [["0005"]]
    assert function.invocations.count(["0005"]) == 2  # the attempt and its one retry
    assert len(function.processed) == 7


def test_without_bisect_the_whole_rest_is_given_up() -> None:
    function = Function({"0002": 99}, partial=True)
    outcome = work(records(4), Rules(report_failures=True, retries=1), function)
    assert [record.sequence for record in outcome.given_up[0].records] == ["0002", "0003"]
    assert outcome.given_up[0].invocations == 2


def test_records_beyond_their_age_are_given_up_before_an_attempt() -> None:
    batch = [*records(2, arrived=0.0), Record("0002", "key", 100.0, "")]
    function = Function({}, partial=True)
    outcome = work(batch, Rules(record_age=60), function, now=101.0)
    assert [record.sequence for record in outcome.given_up[0].records] == ["0000", "0001"]
    assert outcome.given_up[0].condition == "RecordAgeExceeded"
    assert function.invocations == [["0002"]]


def test_pauses_grow_while_nothing_succeeds_and_start_anew_after_progress() -> None:
    function = Function({"0000": 3, "0001": 2}, partial=True)
    outcome = work(records(2), Rules(report_failures=True), function)
    assert outcome.pauses == [0.2, 0.4, 0.8, 0.2, 0.4]


def test_a_throttle_is_no_failed_attempt() -> None:
    answers = [Answer(error="TooManyRequestsException", invoked=False)] * 5 + [Answer(body={})]
    given_up: list[GivenUp] = []
    done: list[Record] = []
    list(
        resolve(
            records(3),
            Rules(bisect=True, retries=0),
            invoke=lambda _: answers.pop(0),
            acknowledge=done.extend,
            give_up=given_up.append,
            wait=lambda _: False,
        )
    )
    assert len(done) == 3
    assert not given_up


def test_stopped_amid_retries_leaves_the_rest_unacknowledged() -> None:
    done: list[Record] = []
    list(
        resolve(
            records(3),
            Rules(report_failures=True),
            invoke=lambda _: failing("0001"),
            acknowledge=done.extend,
            give_up=lambda _: None,
            wait=lambda _: True,
        )
    )
    assert [record.sequence for record in done] == ["0000"]
