"""Re-identification itself: ask, decide, reveal, look; each refusal goes into the journal.

Nothing is revealed before the approval is used up and the entry is written, and nothing that fails before
that uses it up. So a reveal happens at most once; if its answer is lost on the way, a new request is needed.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from functions.reid.journal import Entry, tokens_hash
from functions.reid.model import Ask, Erase, Erased
from functions.reid.problems import (
    EXPIRED,
    NOT_APPROVED,
    NOT_FOUND,
    NOT_PENDING,
    NOT_REQUESTER,
    OVER_QUOTA,
    REVEALED,
    SELF_APPROVAL,
    RefusedError,
)
from functions.reid.rules import Caller, Rules
from functions.reid.store import MOST_AT_ONCE, LostError, Request, Status, Store
from functions.reid.vault import Opener

T = TypeVar("T")


class Service:
    """What can be done, by whom, when.

    Parameters
    ----------
    opener
        Makes what opens values, when the first reveal needs it.
    subjects_table
        Where the secrets of subjects are; empty if this lake has none.
    clock
        Seconds since 1970.
    noted
        Is told every entry that was written.
    """

    def __init__(
        self,
        store: Store,
        rules: Rules,
        opener: Callable[[], Opener],
        *,
        subjects_table: str,
        clock: Callable[[], float],
        noted: Callable[[Entry], None],
    ) -> None:
        self._store, self._rules, self._opener = store, rules, opener
        self._clock, self._noted, self._subjects_table = clock, noted, subjects_table

    def ask(self, caller: Caller, asked: Ask) -> Request:
        """Make a request that waits for its approval."""
        self._rules.may_ask(caller)
        self._rules.allow(asked.purpose, asked.kind)
        now = self._now()
        expires = now + self._rules.life_seconds
        request = Request(
            id=str(uuid.uuid4()),
            status="pending",
            purpose=asked.purpose,
            kind=asked.kind,
            justification=asked.justification,
            tokens=tuple(asked.tokens),
            tokens_hash=tokens_hash(asked.tokens),
            count=len(asked.tokens),
            asked_by=caller.person,
            asked_at=now,
            expires_at=expires,
            forget_at=expires + self._rules.kept_seconds,
        )
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        entry = self._entry("requested", caller, **_about(request))
        try:
            self._noted(self._store.ask(request, entry, day=day, most=self._rules.tokens_per_day))
        except LostError:
            raise RefusedError(
                OVER_QUOTA, f"a person may ask for {self._rules.tokens_per_day} a day"
            ) from None
        return request

    def decide(self, caller: Caller, id_: str, status: Status) -> Request:
        """Approve or deny a request of somebody else's."""
        self._rules.may_decide(caller)
        request = self._alive(id_)
        if request.asked_by == caller.person:
            raise RefusedError(SELF_APPROVAL)
        if request.status != "pending":
            raise RefusedError(NOT_PENDING, f"it is {request.status}")
        entry = self._entry(status, caller, **_about(request))
        self._once(
            lambda: self._store.decide(request, entry, status=status, by=caller.person, now=self._now()),
            RefusedError(NOT_PENDING),
            id_,
        )
        return self._found(id_)

    def reveal(self, caller: Caller, id_: str) -> tuple[Request, list[Any]]:
        """Return a request and the values of its tokens, once."""
        self._rules.may_ask(caller)
        request = self._found(id_)
        if request.asked_by != caller.person:
            raise RefusedError(NOT_REQUESTER)
        if request.status == "revealed":
            raise RefusedError(REVEALED)
        self._in_time(request)
        if request.status != "approved":
            raise RefusedError(NOT_APPROVED, f"it is {request.status}")
        # The settings may have changed since.
        self._rules.allow(request.purpose, request.kind)
        values = self._opener().open(request.kind, request.tokens)
        entry = self._entry("revealed", caller, **_about(request))
        self._once(
            lambda: self._store.reveal(request, entry, by=caller.person, now=self._now()),
            RefusedError(REVEALED),
            id_,
        )
        return request, values

    def erase(self, caller: Caller, asked: Erase) -> Erased:
        """Delete the secrets of everybody whose values the tokens stand for; each with its entry, or not."""
        self._rules.may_decide(caller)
        found = self._opener().subjects(asked.tokens)
        about = {"why": asked.justification, "tokens": len(asked.tokens)}
        about |= {"tokens_hash": tokens_hash(asked.tokens)}
        # At least one entry: that somebody asked, and nobody was there any more, is on the record too.
        for start in range(0, max(len(found.alive), 1), MOST_AT_ONCE):
            some = found.alive[start : start + MOST_AT_ONCE]
            entry = self._entry("erased", caller, **about, subjects=len(some))
            self._noted(self._store.erase(entry, self._subjects_table, some))
        return Erased(subjects=len(found.alive), remaining=found.plain)

    def look(self, caller: Caller, id_: str) -> Request:
        """Return a request to who made it, and to privacy officers."""
        self._rules.known(caller)
        request = self._found(id_)
        if caller.person != request.asked_by and caller.role not in self._rules.approvers:
            raise RefusedError(NOT_REQUESTER)
        return request

    def refused(self, who: str, of: str, id_: str, refusal: RefusedError, asked: Ask | Erase | None) -> None:
        """Write a refusal into the journal: of what operation, by which rule."""
        request = self._store.find(id_) if id_ else None
        about = _about(request) if request else {}
        if asked:
            about = {"why": asked.justification}
            if isinstance(asked, Ask):
                about |= {"purpose": asked.purpose, "kind": asked.kind}
            about |= {"tokens": len(asked.tokens), "tokens_hash": tokens_hash(asked.tokens)}
        told: dict[str, str | int] = {"action": "refused", "by": who, "at": self._stamp(), **about}
        self._noted(self._store.note({**told, "of": of, "because": refusal.problem.name}))

    def _once(self, write: Callable[[], Entry], lost: RefusedError, id_: str) -> None:
        """Write, or say why it is too late: somebody else did, or the time ran out meanwhile."""
        try:
            self._noted(write())
        except LostError:
            self._alive(id_)
            raise lost from None

    def _found(self, id_: str) -> Request:
        request = self._store.find(id_)
        if request is None:
            raise RefusedError(NOT_FOUND)
        return request

    def _alive(self, id_: str) -> Request:
        request = self._found(id_)
        self._in_time(request)
        return request

    def _in_time(self, request: Request) -> None:
        if self._now() >= request.expires_at:
            raise RefusedError(EXPIRED, f"at {iso(request.expires_at)}")

    def _now(self) -> int:
        return int(self._clock())

    def _stamp(self) -> str:
        return iso(self._clock())

    def _entry(self, action: str, caller: Caller, **about: str | int) -> dict[str, str | int]:
        who = f"{caller.role}/{caller.person}"
        return {"action": action, "by": who, "at": self._stamp(), **about}


def iso(seconds: float) -> str:
    """Return a point in time as answers and the journal have it: UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _about(request: Request) -> dict[str, str | int]:
    """What the journal keeps of a request: no token, no value."""
    told: dict[str, str | int] = {
        "request": request.id,
        "purpose": request.purpose,
        "kind": request.kind,
        "why": request.justification,
        "tokens": request.count,
        "tokens_hash": request.tokens_hash,
        "asked_by": request.asked_by,
    }
    return {**told, "decided_by": request.decided_by} if request.decided_by else told
