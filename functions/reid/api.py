"""From an HTTP request to the service and back; the routes are also what the OpenAPI document tells."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
import orjson

from functions.reid import problems
from functions.reid.model import (
    ID,
    Ask,
    Erase,
    Erased,
    Revealed,
    Seen,
    Values,
    read_ask,
    read_erase,
    read_nothing,
)
from functions.reid.problems import Problem, RefusedError, ReidError
from functions.reid.rules import Caller
from functions.reid.service import Service, iso
from functions.reid.store import Request

JSON = "application/json"
# A value must not stay in anybody's cache.
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer; `headers` hold one value each."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str]


@dataclass(kw_only=True)
class Call:
    """One call of an operation, and what of it is known so far."""

    service: Service
    arn: str
    id: str
    body: bytes = field(repr=False)
    asked: Ask | Erase | None = None

    @property
    def caller(self) -> Caller:
        """Who calls."""
        return Caller.of(self.arn)


def _ask(call: Call) -> Any:
    call.asked = read_ask(call.body)
    return seen(call.service.ask(call.caller, call.asked))


def _approve(call: Call) -> Any:
    read_nothing(call.body)
    return seen(call.service.decide(call.caller, call.id, "approved"))


def _deny(call: Call) -> Any:
    read_nothing(call.body)
    return seen(call.service.decide(call.caller, call.id, "denied"))


def _reveal(call: Call) -> Any:
    read_nothing(call.body)
    request, values = call.service.reveal(call.caller, call.id)
    pairs = zip(request.tokens, values, strict=True)
    revealed = [Revealed(token=token, value=value) for token, value in pairs]
    return Values(id=request.id, kind=request.kind, values=revealed)


def _erase(call: Call) -> Any:
    call.asked = read_erase(call.body)
    return call.service.erase(call.caller, call.asked)


def _look(call: Call) -> Any:
    return seen(call.service.look(call.caller, call.id))


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation: where it is, what it takes and answers, and the problems that it may answer with."""

    name: str
    method: str
    path: str
    says: str
    run: Callable[[Call], Any]
    status: HTTPStatus = HTTPStatus.OK
    takes: type | None = None
    gives: type
    refuses: tuple[Problem, ...]


_OF_ONE = (problems.UNKNOWN_CALLER, problems.NOT_FOUND)
_DECISION = (
    *(problems.INVALID, *_OF_ONE, problems.NOT_APPROVER, problems.SELF_APPROVAL),
    *(problems.NOT_PENDING, problems.EXPIRED),
)
OPERATIONS = (
    Operation(
        name="request",
        method="POST",
        path="/reid/requests",
        says="Ask for the values of tokens (marketing operations).",
        run=_ask,
        status=HTTPStatus.CREATED,
        takes=Ask,
        gives=Seen,
        refuses=(
            *(problems.INVALID, problems.UNKNOWN_CALLER, problems.NOT_REQUESTER),
            *(problems.PURPOSE, problems.KIND, problems.OVER_QUOTA),
        ),
    ),
    Operation(
        name="look",
        method="GET",
        path="/reid/requests/{id}",
        says="Look at a request of one's own, or at any as a privacy officer.",
        run=_look,
        gives=Seen,
        refuses=(*_OF_ONE, problems.NOT_REQUESTER),
    ),
    Operation(
        name="approve",
        method="POST",
        path="/reid/requests/{id}/approve",
        says="Approve somebody else's request (privacy officers).",
        run=_approve,
        gives=Seen,
        refuses=_DECISION,
    ),
    Operation(
        name="deny",
        method="POST",
        path="/reid/requests/{id}/deny",
        says="Deny somebody else's request (privacy officers).",
        run=_deny,
        gives=Seen,
        refuses=_DECISION,
    ),
    Operation(
        name="reveal",
        method="POST",
        path="/reid/requests/{id}/reveal",
        says="Get the values of an approved request of one's own, once.",
        run=_reveal,
        gives=Values,
        refuses=(
            *(problems.INVALID, *_OF_ONE, problems.NOT_REQUESTER, problems.PURPOSE, problems.KIND),
            *(problems.NOT_APPROVED, problems.REVEALED, problems.EXPIRED),
            *(problems.ERASED, problems.UNKNOWN_TOKEN, problems.UNREADABLE),
        ),
    ),
    Operation(
        name="erase",
        method="POST",
        path="/reid/erasures",
        says="Erase the people whose values tokens stand for, for good (privacy officers).",
        run=_erase,
        takes=Erase,
        gives=Erased,
        refuses=(
            *(problems.INVALID, problems.UNKNOWN_CALLER, problems.NOT_APPROVER),
            *(problems.UNKNOWN_TOKEN, problems.UNREADABLE),
        ),
    ),
)
DOCUMENT = "/reid/openapi.json"
_ROUTES = [
    (operation, re.compile(operation.path.replace("{id}", r"(?P<id>[^/]+)"))) for operation in OPERATIONS
]


def seen(request: Request) -> Seen:
    """Return a request as callers see it."""
    return Seen(
        id=request.id,
        status=request.status,
        purpose=request.purpose,
        kind=request.kind,
        justification=request.justification,
        tokens=request.count,
        requested_by=request.asked_by,
        requested_at=iso(request.asked_at),
        expires_at=iso(request.expires_at),
        decided_by=request.decided_by,
        decided_at=iso(request.decided_at) if request.decided_at else "",
        revealed_at=iso(request.revealed_at) if request.revealed_at else "",
    )


def answer(
    service: Service, *, method: str, path: str, arn: str, body: bytes
) -> tuple[Answer, ReidError | None]:
    """Answer a request; say also what was refused, for the log and the metrics.

    Raises
    ------
    Exception
        A fault of ours, which the handler answers.
    """
    found = [(operation, match) for operation, route in _ROUTES if (match := route.fullmatch(path))]
    allowed = ["GET"] if path == DOCUMENT else [operation.method for operation, _ in found]
    if not allowed:
        return _problem(RefusedError(problems.NO_ROUTE), path), None
    if method not in allowed:
        return _problem(RefusedError(problems.METHOD), path, {"Allow": ", ".join(allowed)}), None
    operation, match = found[allowed.index(method)]
    call = Call(service=service, arn=arn, id=match.groupdict().get("id", ""), body=body)
    try:
        told = _run(operation, call)
    except ReidError as error:
        return _problem(error, path), error
    return Answer(
        status=int(operation.status),
        body=msgspec.json.encode(told),
        headers={"Content-Type": JSON, **HEADERS},
    ), None


def _run(operation: Operation, call: Call) -> Any:
    """Run an operation; a refusal is in the journal before it is answered."""
    try:
        if call.id and not re.fullmatch(ID, call.id):
            call.id = ""
            raise RefusedError(problems.NOT_FOUND)
        return operation.run(call)
    except RefusedError as refusal:
        try:
            who = f"{call.caller.role}/{call.caller.person}"
        except RefusedError:
            who = call.arn or "nobody"
        call.service.refused(who, operation.name, call.id, refusal, call.asked)
        raise


def _problem(error: ReidError, path: str, more: Mapping[str, str] | None = None) -> Answer:
    told = problems.document(error.problem, error.detail, error.tokens)
    status = int(error.problem.status)
    headers = {"Content-Type": problems.MEDIA_TYPE, **HEADERS, **(more or {})}
    if error.problem is problems.UNAVAILABLE:
        headers["Retry-After"] = "5"
    return Answer(status=status, body=orjson.dumps(told), headers=headers)


def internal() -> Answer:
    """Answer a fault of ours."""
    return _problem(ReidError(problems.INTERNAL), "")
