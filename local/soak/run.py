"""Runs a plan in processes of their own, and gathers what they tell."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from queue import Empty

from local.soak.work import Plan, Tally, work

# Also where the last message of a process that was killed would be waited for.
PATIENCE = 5.0


def run(plan: Plan, tell: Callable[[Tally], None] = lambda _: None) -> Tally:
    """Do a whole plan; `tell` hears of each batch.

    Returns
    -------
    Tally
        Of everything. If a process has ended before its work, `error` says so.
    """
    # Spawned, since a data key must never be made before a fork; and each has its own standard output.
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [
        context.Process(target=work, args=(plan, place, answers), daemon=True) for place in range(plan.jobs)
    ]
    total, left = Tally(), plan.jobs
    for process in processes:
        process.start()
    try:
        while left:
            try:
                tally = answers.get(timeout=PATIENCE)
            except Empty:
                if not any(process.is_alive() for process in processes):
                    total.error = total.error or "a process has ended before its work"
                    break
                continue
            if tally is None:
                left -= 1
                continue
            total.add(tally)
            tell(tally)
    finally:
        for process in processes:
            process.join(PATIENCE)
            process.terminate()
    if not total.error and not total.offences and total.events != plan.events:
        total.error = f"{plan.events - total.events:,} payloads were not done"
    return total
