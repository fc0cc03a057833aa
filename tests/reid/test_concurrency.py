"""What happens at the same time: one wins, the chain does not fork, nothing is counted twice."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from functions.reid.api import Answer
from tests.reid.kit import JANE, JOHN, OFFICER, SECOND, Bench

MANY = 8


def together(*calls: Callable[[], tuple[Answer, Any]]) -> list[int]:
    """Make the calls at the same time; return the statuses."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], tuple[Answer, Any]]) -> int:
        start.wait()
        return call()[0].status

    with ThreadPoolExecutor(len(calls)) as pool:
        return sorted(pool.map(run, calls))


def test_of_many_reveals_one_wins(bench: Bench) -> None:
    id_ = bench.approved([bench.people()["email"]])
    open_ = threading.Barrier(MANY)
    find = bench.vault.find

    def all_at_once(kind: str, tokens: Any) -> Any:
        open_.wait(timeout=30)  # every one of them has seen that it is approved, and opens
        return find(kind, tokens)

    bench.vault.find = all_at_once  # type: ignore[method-assign]
    services = [bench.service() for _ in range(MANY)]
    calls = [lambda one=one: bench.step(JANE, id_, "reveal", service=one) for one in services]
    assert together(*calls) == [200] + [409] * (MANY - 1)
    assert len(bench.vault.asked) == MANY
    actions = Counter(one["action"] for one in bench.journal())
    assert actions == {"requested": 1, "approved": 1, "revealed": 1, "refused": MANY - 1}


def test_of_many_decisions_one_wins(bench: Bench) -> None:
    id_ = bench.ask(JANE, [bench.people()["email"]])[1]["id"]
    calls = [
        lambda who=who, step=step: bench.step(who, id_, step)
        for who in (OFFICER, SECOND)
        for step in ("approve", "deny")
    ]
    assert together(*calls) == [200, 409, 409, 409]
    decided = [one for one in bench.journal() if one["action"] in ("approved", "denied")]
    assert len(decided) == 1
    status = bench.call(JANE, "GET", f"/reid/requests/{id_}")[1]["status"]
    assert status == decided[0]["action"]


def test_requests_at_the_same_time_share_the_quota(bench: Bench) -> None:
    tokens = [f"{number:032d}" for number in range(3)]
    statuses = together(*[lambda: bench.ask(JANE, tokens)] * MANY)
    assert statuses == [201] * 3 + [429] * (MANY - 3)  # 3 of 10, three times


def test_entries_at_the_same_time_are_one_chain(bench: Bench) -> None:
    calls = [lambda who=who: bench.ask(who, ["x" * 32]) for who in (JANE, JOHN, OFFICER, SECOND)]
    statuses = together(*calls, *calls)
    assert statuses == [201] * 4 + [403] * 4
    entries = bench.journal()  # which holds the chain to be whole
    assert [one["number"] for one in entries] == list(range(1, 9))
