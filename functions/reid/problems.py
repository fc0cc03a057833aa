"""What is answered when something is not done: problem documents (RFC 9457), and never a value in one.

A `RefusedError` is about who asks or what is asked, and goes into the journal. An `UnavailableError` is about
a service that does not answer: nothing was decided, and the caller may try again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"
# A name and not an address: there is nothing to fetch.
TYPE = "urn:retaillake:problem:"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A kind of problem: its name, the status it is answered with, and what it says to people."""

    name: str
    status: HTTPStatus
    title: str

    @property
    def type(self) -> str:
        """The URI that identifies it."""
        return TYPE + self.name


def _problem(name: str, status: HTTPStatus, title: str) -> Problem:
    return Problem(name=name, status=status, title=title)


INVALID = _problem(
    "invalid-request", HTTPStatus.BAD_REQUEST, "The request is not of the form that is asked for"
)
UNKNOWN_CALLER = _problem(
    "unknown-caller", HTTPStatus.FORBIDDEN, "The caller is no session of a role that may ask"
)
NOT_REQUESTER = _problem(
    "not-requester", HTTPStatus.FORBIDDEN, "Only who asked, with a role of marketing, may do this"
)
NOT_APPROVER = _problem("not-approver", HTTPStatus.FORBIDDEN, "Only a privacy officer may decide")
SELF_APPROVAL = _problem("self-approval", HTTPStatus.FORBIDDEN, "Nobody decides on a request of their own")
PURPOSE = _problem("purpose-not-allowed", HTTPStatus.FORBIDDEN, "There is no such purpose")
KIND = _problem(
    "kind-not-allowed", HTTPStatus.FORBIDDEN, "The purpose does not allow this kind of personal data"
)
NOT_FOUND = _problem("not-found", HTTPStatus.NOT_FOUND, "There is no such request")
NO_ROUTE = _problem("no-such-resource", HTTPStatus.NOT_FOUND, "There is nothing at this path")
METHOD = _problem("method-not-allowed", HTTPStatus.METHOD_NOT_ALLOWED, "The path has no such method")
NOT_PENDING = _problem("already-decided", HTTPStatus.CONFLICT, "The request was decided on already")
NOT_APPROVED = _problem("not-approved", HTTPStatus.CONFLICT, "The request is not approved")
REVEALED = _problem("already-revealed", HTTPStatus.CONFLICT, "An approval reveals once, and that was done")
EXPIRED = _problem("expired", HTTPStatus.GONE, "The request's time is over")
ERASED = _problem("erased", HTTPStatus.GONE, "Some tokens are of people whose data was erased, for good")
UNKNOWN_TOKEN = _problem(
    "unknown-token",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "Some tokens belong to no value of this kind that may be revealed",
)
OVER_QUOTA = _problem(
    "over-quota", HTTPStatus.TOO_MANY_REQUESTS, "The day's tokens of this person are used up"
)
UNREADABLE = _problem(
    "unreadable",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "A stored value is not what was put there; somebody must look",
)
UNAVAILABLE = _problem(
    "unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "A service behind this one does not answer"
)
INTERNAL = _problem(
    "internal", HTTPStatus.INTERNAL_SERVER_ERROR, "A fault of this service; nothing was revealed"
)

PROBLEMS = (
    *(
        INVALID,
        UNKNOWN_CALLER,
        NOT_REQUESTER,
        NOT_APPROVER,
        SELF_APPROVAL,
        PURPOSE,
        KIND,
        NOT_FOUND,
        NO_ROUTE,
    ),
    *(METHOD, NOT_PENDING, NOT_APPROVED, REVEALED, EXPIRED, ERASED, UNKNOWN_TOKEN, OVER_QUOTA, UNREADABLE),
    *(UNAVAILABLE, INTERNAL),
)


class ReidError(Exception):
    """Something is not done; `detail` says what of it a caller may know."""

    def __init__(self, problem: Problem, detail: str = "", *, tokens: Sequence[str] = ()) -> None:
        super().__init__(problem.name)
        self.problem, self.detail, self.tokens = problem, detail, tuple(tokens)


class RefusedError(ReidError):
    """It is not done because of who asks, or of what is asked."""


class UnreadableError(RefusedError):
    """A stored value does not open, or is not the one that its token says.

    Parameters
    ----------
    cause
        What of it failed, for the log: `ciphertext`, `token`, `form`, or the key service's error code.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(UNREADABLE)
        self.cause = cause


class UnavailableError(ReidError):
    """A service behind this one does not answer; nothing was decided."""

    def __init__(self, service: str) -> None:
        super().__init__(UNAVAILABLE, f"{service}: try again later")


def document(problem: Problem, detail: str = "", tokens: Sequence[str] = ()) -> dict[str, Any]:
    """Return the problem document; `tokens` are among those that the caller sent."""
    told: dict[str, Any] = {"type": problem.type, "title": problem.title, "status": int(problem.status)}
    if detail:
        told["detail"] = detail
    if tokens:
        told["tokens"] = list(tokens)
    return told
