"""Runs tasks: when they are due, in the order of their graph, as their owner, and never twice at once.

A graph runs in one thread, one task after the other (the real one runs siblings side by side). A run that
fails is recorded with its error and tried again at the next time of its schedule. Runs are kept in the
catalogue; those that a condition skipped only in memory, or a quiet lake would write one whenever the
schedule comes round.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from snowflake.connector.errors import ProgrammingError

from local.snowflake import access, schedule, task_history
from local.snowflake.catalog import Catalog, Entry
from local.snowflake.commands import tokenize
from local.snowflake.errors import compilation
from local.snowflake.names import Name, parts_of
from local.snowflake.result import Result
from local.snowflake.scripting import run_text
from local.snowflake.task_history import CANCELLED, FAILED, KIND, SCHEDULED, SKIPPED, SUCCEEDED, Run

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

STARTED, SUSPENDED = "started", "suspended"
_FINAL = {
    "ALL_SUCCEEDED": lambda states: all(state == SUCCEEDED for state in states),
    "ALL_FAILED": lambda states: all(state == FAILED for state in states),
    "ALL_DONE": lambda states: True,
    "ALL_SKIPPED": lambda states: all(state == SKIPPED for state in states),
    "AT_LEAST_ONE_FAILED": lambda states: FAILED in states,
    "AT_LEAST_ONE_SUCCEEDED": lambda states: SUCCEEDED in states,
    "NONE_FAILED": lambda states: FAILED not in states,
    "NONE_FAILED_MIN_ONE_SUCCEEDED": lambda states: FAILED not in states and SUCCEEDED in states,
    "NONE_SKIPPED": lambda states: SKIPPED not in states,
}
_PULSE = 0.2  # seconds; how long a stop or a command may wait for the scheduler
# The parameters of a task, and what holds where it does not say.
PARAMETERS: dict[str, int | str] = {
    "SUSPEND_TASK_AFTER_NUM_FAILURES": 10,
    "TASK_AUTO_RETRY_ATTEMPTS": 0,
    "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE": "MEDIUM",
    "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS": 30,
    "USER_TASK_TIMEOUT_MS": 3_600_000,
}
_SKIPS_KEPT = 1000


def children(catalog: Catalog, name: Name) -> list[Entry]:
    """Return the tasks that run after this one."""
    return [
        entry
        for entry in catalog.all(KIND, name.database, name.schema)
        if str(name) in entry.properties["after"]
    ]


def graph(catalog: Catalog, root: Entry) -> list[Entry]:
    """Return a root and all that follows from it, each behind its predecessors."""
    order: list[Entry] = []
    waiting = [root]
    while waiting:
        entry = waiting.pop(0)
        order = [other for other in order if other.name != entry.name]
        order.append(entry)
        waiting.extend(children(catalog, entry.name))
    return order


def origins(catalog: Catalog, entry: Entry) -> list[Entry]:
    """Return a task and all that it follows from, itself first."""
    found, seen = [entry], {entry.name}
    for this in found:
        for text in this.properties["after"]:
            before = catalog.get(KIND, Name(*parts_of(text)))
            if before is not None and before.name not in seen:
                seen.add(before.name)
                found.append(before)
    return found


def roots(catalog: Catalog, entry: Entry) -> list[Entry]:
    """Return the tasks from which a task follows; itself if it follows from none."""
    return [origin for origin in origins(catalog, entry) if not origin.properties["after"]]


def require_execution(session: Session, task: Entry) -> None:
    """Raise unless the session's role, the owner's, may execute tasks."""
    if not access.on_account(session, "EXECUTE TASK"):
        raise compilation(
            f"Cannot execute task {task.name.name}, EXECUTE TASK privilege must be granted to owner role",
            91089,
            "23001",
        )


class Scheduler:
    """The account's tasks at work."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._due: dict[tuple[Name, str, str], datetime] = {}
        self._requested: list[Name] = []
        self._running: dict[Name, threading.Thread] = {}
        self._live: dict[str, Run] = {}
        self._sessions: dict[str, Session] = {}
        self._states: dict[str, list[str]] = {}  # session → how the predecessors of its task ended
        self._skips: deque[Run] = deque(maxlen=_SKIPS_KEPT)
        self._stopping = False

    # -- deciding

    def serve(self, stop: threading.Event) -> None:
        """Run what is due until told to stop; then interrupt what is under way, which will run again."""
        self._stopping = False
        while not stop.is_set():
            self.tick(datetime.now(UTC))
            self._wake.wait(_PULSE)
            self._wake.clear()
        self._stopping = True
        with self._lock:
            running, sessions = list(self._running.values()), list(self._sessions.values())
        for session in sessions:
            session.duck.interrupt()
        for thread in running:
            thread.join()

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    @property
    def busy(self) -> bool:
        """Whether a graph runs."""
        with self._lock:
            return bool(self._running)

    def request(self, root: Name) -> None:
        """Run a graph once, whether it is started or not."""
        with self._lock:
            self._requested.append(root)
        self.wake()

    def tick(self, now: datetime) -> None:
        """Begin every graph that is due and does not run already."""
        with self._lock:
            requested, self._requested = self._requested, []
        for name in requested:
            root = self.engine.catalog.get(KIND, name)
            if root and not self._begin(root, now, "EXECUTE TASK"):
                with self._lock:
                    self._requested.append(name)  # after the run that is on
        for root in self._scheduled(now):
            self._begin(root, now, "SCHEDULE")

    def _scheduled(self, now: datetime) -> Iterator[Entry]:
        """Yield the roots whose time has come, and set their next time."""
        seen: set[tuple[Name, str, str]] = set()
        for root in self.engine.catalog.all(KIND):
            properties = root.properties
            if properties["state"] != STARTED or properties["after"]:
                continue
            when = _timing(root)
            if when is None:
                continue
            key = (root.name, properties.get("resumed", ""), properties.get("schedule", ""))
            seen.add(key)
            due = self._due.setdefault(key, when.after(now))
            if due <= now:
                while due <= now:  # what was missed while a run was on is missed
                    due = when.after(due)
                self._due[key] = due
                yield root
        for key in self._due.keys() - seen:
            del self._due[key]

    def _begin(self, root: Entry, now: datetime, source: str) -> bool:
        with self._lock:
            if root.name in self._running:
                return False
            thread = threading.Thread(
                target=self._run_graph, args=(root, now, source), name=f"task {root.name}", daemon=True
            )
            self._running[root.name] = thread
        thread.start()
        return True

    # -- running

    def _run_graph(self, root: Entry, scheduled: datetime, source: str) -> None:
        try:
            states = self._attempts(root, scheduled, source)
            self._account(root.name, states)
        finally:
            with self._lock:
                del self._running[root.name]
            self.wake()

    def _attempts(self, root: Entry, scheduled: datetime, source: str) -> dict[Name, str]:
        group = uuid.uuid4().hex
        states: dict[Name, str] = {}
        for attempt in range(1, 2 + _number(root, "TASK_AUTO_RETRY_ATTEMPTS")):
            for entry in graph(self.engine.catalog, root):
                if states.get(entry.name) == SUCCEEDED or not _takes_part(entry, root):
                    continue
                before = [Name(*parts_of(text)) for text in entry.properties["after"]]
                ended = [states[name] for name in before if name in states]
                if before and not ended:
                    continue  # all of its predecessors are suspended
                run = Run(
                    task=entry, root=root, group=group, scheduled=scheduled, source=source, attempt=attempt
                )
                self._run(run, ended)
                states[entry.name] = run.state
            if FAILED not in states.values() or self._stopping:
                break
        return states

    def _run(self, run: Run, before: list[str]) -> None:
        """Run one task and keep what came of it."""
        task = run.task
        session = self.engine.session(
            role=task.owner, database=task.name.database, schema=task.name.schema, user="SYSTEM"
        )
        with self._lock:
            self._sessions[run.query], self._live[run.query] = session, run
            self._states[session.id] = before
        try:
            self._execute(session, run, before)
            session.rollback()
            if run.state == SKIPPED:
                self._skips.append(run)
            else:
                self.engine.catalog.record(session, KIND, task.name, run.row())
        finally:
            with self._lock:
                del self._sessions[run.query], self._live[run.query], self._states[session.id]
            session.close()

    def _execute(self, session: Session, run: Run, before: list[str]) -> None:
        task = run.task
        seconds = _number(task, "USER_TASK_TIMEOUT_MS") / 1000
        late = threading.Event()
        timer = threading.Timer(seconds, lambda: (late.set(), session.duck.interrupt()))
        timer.daemon = True
        timer.start()
        try:
            if not self._may_run(session, task, before):
                run.ended(SKIPPED)
                return
            run.started = datetime.now(UTC)
            run_text(session, task.properties["definition"])
            if session.in_transaction:
                raise compilation(
                    "The task ended inside a transaction, which was rolled back.", 90232, "25000"
                )
            run.ended(SUCCEEDED)
        except ProgrammingError as error:
            run.ended(CANCELLED if self._stopping else FAILED, _timeout(seconds) if late.is_set() else error)
        except Exception as error:
            told = f"Internal error: {type(error).__name__}: {error}"
            run.ended(FAILED, ProgrammingError(msg=told, errno=603, sqlstate="XX000"))
        finally:
            timer.cancel()

    def _may_run(self, session: Session, task: Entry, before: list[str]) -> bool:
        """Say whether predecessors and condition let a task run; raise where its owner may not."""
        require_execution(session, task)
        if warehouse := task.properties.get("warehouse"):
            session.require("USAGE", "WAREHOUSE", Name.account(warehouse))
            session.warehouse = warehouse
        condition = task.properties.get("when")
        branches = condition and any(t.upper == "SYSTEM$PREDECESSORS_STATE" for t in tokenize(condition))
        if not branches and any(state != SUCCEEDED for state in before):
            return False
        return not condition or bool(session.execute(f"SELECT {condition}").rows[0][0])

    def predecessors_state(self, session: Session, condition: str) -> bool:
        """Answer SYSTEM$PREDECESSORS_STATE in a task's condition."""
        with self._lock:
            states = self._states.get(session.id)
        if states is None or condition.upper() not in _FINAL:
            raise compilation(
                f"SYSTEM$PREDECESSORS_STATE: expected one of {', '.join(_FINAL)}, in a task's WHEN.",
                904,
                "42000",
            )
        return _FINAL[condition.upper()](states)

    def _account(self, name: Name, states: dict[Name, str]) -> None:
        """Count the failures of a graph in a row, and suspend it when they are too many."""
        ended = set(states.values())
        session = self.engine.session(role="ACCOUNTADMIN")
        try:
            with self.engine.lock, session.atomic():
                root = self.engine.catalog.get(KIND, name)
                if root is None or not ended & {SUCCEEDED, FAILED}:
                    return
                failures = root.properties["failures"] + 1 if FAILED in ended else 0
                limit = _number(root, "SUSPEND_TASK_AFTER_NUM_FAILURES")
                if failures and limit and failures >= limit:
                    root = root.having(
                        state=SUSPENDED,
                        last_suspended=datetime.now(UTC).isoformat(),
                        last_suspended_reason="SUSPENDED_DUE_TO_ERRORS",
                    )
                if failures != root.properties["failures"]:
                    self.engine.catalog.put(session, root.having(failures=failures))
        finally:
            session.close()

    # -- telling

    def history(self, session: Session, arguments: dict[str, object], database: str) -> Result:
        """Answer INFORMATION_SCHEMA.TASK_HISTORY."""
        with self._lock:
            runs = [*self._skips, *self._live.values()]
            due = [(key[0], moment) for key, moment in self._due.items()]
        for name, moment in due:
            if task := self.engine.catalog.get(KIND, name):
                run = Run(task=task, root=task, group="", scheduled=moment, source="SCHEDULE")
                run.state = SCHEDULED
                runs.append(run)
        return task_history.answer(session, arguments, database, runs)


def _timing(root: Entry) -> schedule.Schedule | None:
    """Return when a root runs: by its schedule; with a condition alone, soon after the condition holds."""
    if text := root.properties.get("schedule"):
        return schedule.parse(text)
    if root.properties.get("when"):
        seconds = _number(root, "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS")
        return schedule.Interval(every=timedelta(seconds=seconds))
    return None


def _number(task: Entry, parameter: str) -> int:
    return int(task.properties.get(parameter.lower(), PARAMETERS[parameter]))


def _timeout(seconds: float) -> ProgrammingError:
    return ProgrammingError(
        msg=f"Statement reached its statement or warehouse timeout of {seconds:g} second(s) "
        "and was canceled.",
        errno=630,
        sqlstate="57014",
    )


def _takes_part(entry: Entry, root: Entry) -> bool:
    return entry.name == root.name or entry.properties["state"] == STARTED
