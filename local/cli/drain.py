"""Waiting until everything that was sent has arrived, hop by hop, by positions and names, never by silence.

A hop is done when its reader has reached the tip that the stream had after the hop before it was done, when
every object of the landing zone is among the loaded files, when no stream has records left. Then PRODUCTION
is built from what is in STAGING.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import contracts
from local.cli import programs
from local.dataplane.plane import request_flush
from local.processes import find, tail
from local.state import Lake, LakeError, read_json
from local.status import landed_objects, rows, value

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from local.modelling import Result

PAUSE = 0.2
NAMED = 3
Say = Callable[[str], None]
# One wait: what is still missing, once per look; empty where nothing is.
Wait = Callable[[], list[str]]


class DrainTimeoutError(LakeError):
    """The time is over and something is stuck; says what."""


def drain(lake: Lake, timeout: float, say: Say) -> Result:
    """Wait until all that was sent is queryable in PRODUCTION: `arrive`, then build it.

    Parameters
    ----------
    lake
        A lake that runs.
    timeout
        Seconds to wait at most for the records; building PRODUCTION has a limit of its own.
    say
        Called with what is being waited for.
    """
    arrive(lake, timeout, say)
    say("building PRODUCTION")
    return model(lake)


def arrive(lake: Lake, timeout: float, say: Say) -> None:
    """Wait until all that was sent is in STAGING.

    Raises
    ------
    DrainTimeoutError
        With what is stuck, when the time is over.
    LakeError
        Where a process that would have to work has ended.
    """
    deadline = time.monotonic() + timeout
    with closing(lake.connect()) as session:
        for wait in _waits(lake, session):
            _until_done(lake, wait, deadline, timeout, say)


def model(lake: Lake) -> Result:
    """Build PRODUCTION from STAGING, if that has changed."""
    from local import modelling  # noqa: PLC0415 (it loads the contracts and dbt's project)

    return modelling.build(lake)


def _until_done(lake: Lake, wait: Wait, deadline: float, timeout: float, say: Say) -> None:
    while missing := wait():
        say("; ".join(missing))
        for name in (programs.AWS, programs.WAREHOUSE, programs.DATAPLANE):
            if not find(lake.paths, name):
                log = lake.paths.log / f"{name}.log"
                raise LakeError(
                    f"the process `{name}` has ended, so nothing will arrive any more: start it again with "
                    f"`python -m local up`. The end of {log}:\n{tail(log)}"
                )
        if time.monotonic() > deadline:
            raise DrainTimeoutError(f"not drained after {timeout:.0f} s; stuck:\n  " + "\n  ".join(missing))
        time.sleep(PAUSE)


def _waits(lake: Lake, session: SnowflakeConnection) -> Iterator[Wait]:
    """The waits, in order; each begins when the one before it is done."""
    yield _read_up(
        lake, "mappings", "stream", {s: n.ingress for s, n in lake.streams.items()}, _untransformed
    )
    yield _read_up(lake, "deliveries", "name", {s: n.delivery for s, n in lake.streams.items()}, _undelivered)
    yield _flushed(lake)
    yield _loaded(lake, session)
    yield _staged(lake, session)


def _read_up(
    lake: Lake, kind: str, key: str, names: dict[str, str], describe: Callable[[dict[str, Any]], str]
) -> Wait:
    """Every reader has reached the tip that its stream has now."""
    since = time.time()

    def wait() -> list[str]:
        plane = read_json(lake.paths.dataplane) or {}
        missing: list[str] = []
        for source, name in names.items():
            report = next((found for found in plane.get(kind, ()) if found[key] == name), None)
            if report is None:
                refused = [f"{what} {why}" for what, why in plane.get("refused", {}).items() if name in what]
                missing.append(
                    f"{source}: {', '.join(refused) or f'the data plane has not found {name} yet'}"
                )
            elif report["caught_up_at"] < since:
                missing.append(f"{source}: {describe(report)}")
        return missing

    return wait


def _untransformed(report: dict[str, Any]) -> str:
    behind = max((shard["behind_ms"] for shard in report["shards"].values()), default=0)
    text = f"{report['transformed']:,} records transformed, {report['in_flight']:,} in work"
    text += f", {behind / 1000:.0f} s of the stream behind" if behind else ""
    return text + (f" (last error: {report['last_error']})" if report["last_error"] else "")


def _undelivered(report: dict[str, Any]) -> str:
    text = f"{report['delivered']:,} records delivered, {report['buffered']:,} in the buffer"
    return text + (f" (last error: {report['last_error']})" if report["last_error"] else "")


def _flushed(lake: Lake) -> Wait:
    mark = ""

    def wait() -> list[str]:
        nonlocal mark
        mark = mark or request_flush(lake.paths)
        plane = read_json(lake.paths.dataplane) or {}
        waiting = [report for report in plane.get("deliveries", ()) if report["flushed"] != mark]
        return [f"{report['name']}: {_undelivered(report)}" for report in waiting]

    return wait


def _loaded(lake: Lake, session: SnowflakeConnection) -> Wait:
    """Every object of the landing zone is a file that was loaded."""
    landed: dict[str, set[str]] = {}

    def wait() -> list[str]:
        if not landed:
            landed.update(landed_objects(lake))
        missing: list[str] = []
        for source, keys in landed.items():
            table = contracts.raw_table(source)
            found = {
                row[0].rpartition("/")[2]
                for row in rows(session, f"SELECT DISTINCT FILE_NAME FROM RAW.{table}")
            }
            left = sorted(key for key in keys if key.rpartition("/")[2] not in found)
            if left:
                names = ", ".join(left[:NAMED]) + (", …" if len(left) > NAMED else "")
                missing.append(
                    f"{source}: {len(left)} of {len(keys)} objects not loaded: {names}{_pipe(session, table)}"
                )
        return missing

    return wait


def _pipe(session: SnowflakeConnection, table: str) -> str:
    state = json.loads(value(session, f"SELECT SYSTEM$PIPE_STATUS('RAW.{table}_PIPE')"))
    error = state.get("error") or state.get("lastPipeErrorText") or state.get("lastErrorRecord")
    paused = (
        "" if state.get("executionState") == "RUNNING" else f"; the pipe is {state.get('executionState')}"
    )
    return paused + (f"; the pipe says: {error}" if error else "")


def _staged(lake: Lake, session: SnowflakeConnection) -> Wait:
    """No stream has records left; the tasks are started at once instead of at their next time."""
    asked: dict[str, float] = {}

    def wait() -> list[str]:
        missing: list[str] = []
        for source in lake.sources:
            table = contracts.raw_table(source)
            if not _is_true(value(session, f"SELECT SYSTEM$STREAM_HAS_DATA('RAW.{table}_STREAM')")):
                continue
            if time.monotonic() - asked.get(table, 0.0) > 5:
                value(session, f"EXECUTE TASK STAGING.LOAD_{table}")
                asked[table] = time.monotonic()
            missing.append(f"{source}: loaded records wait for the task LOAD_{table}{_task(session, table)}")
        return missing

    return wait


def _task(session: SnowflakeConnection, table: str) -> str:
    history = rows(
        session,
        "SELECT STATE, ERROR_MESSAGE FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY("
        f"TASK_NAME => 'LOAD_{table}', RESULT_LIMIT => 5)) WHERE STATE IN ('SUCCEEDED', 'FAILED')"
        " ORDER BY QUERY_START_TIME DESC LIMIT 1",
    )
    return f" (its last run failed: {history[0][1]})" if history and history[0][0] == "FAILED" else ""


def _is_true(found: Any) -> bool:
    return str(found).lower() == "true"
