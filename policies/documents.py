"""Reading IAM policy documents: their statements, whom they let in, and what they allow."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from pulumi_policy.proxy import UnknownValueError

from policies.conditions import narrowed
from policies.rules import Props, elements, given, section

Statement = Props
_TEXT_OPERATORS = frozenset({"stringequals", "stringequalsignorecase", "stringlike"})
# All resources there are, or all of a service, a region or an account.
_EVERYTHING = re.compile(r"\*+|arn(:[^:]*){4}:\*+")


def faulty(document: Any, wrong: Callable[[Statement], bool]) -> list[str]:
    """The statements of a document of which something holds, by their Sid, or by their place without one.

    Raises
    ------
    UnknownValueError
        Where none was found, but something is not known yet.
    """
    found: list[str] = []
    pending: UnknownValueError | None = None
    statements = _statements(document)
    for index in range(len(statements)):
        try:
            statement = statements[index]
            if isinstance(statement, Mapping) and wrong(cast(Statement, statement)):
                found.append(_name(cast(Statement, statement), index))
        except UnknownValueError as unknown:
            pending = unknown
    if pending and not found:
        raise pending
    return found


def _statements(document: Any) -> Sequence[Any]:
    """All statements of a document, which is JSON text or an object; nothing where it is neither."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            return ()
    if not isinstance(document, Mapping):
        return ()
    statements = cast(Props, document).get("Statement")
    if isinstance(statements, Sequence) and not isinstance(statements, str):
        return cast(Sequence[Any], statements)
    return (statements,)


def _name(statement: Statement, index: int) -> str:
    sid = statement["Sid"] if given(statement, "Sid") else None
    return sid if isinstance(sid, str) and sid else f"number {index + 1}"


def allows(statement: Statement) -> bool:
    """Whether a statement allows rather than denies."""
    return statement.get("Effect") == "Allow"


def principals(statement: Statement, kind: str | None = None) -> list[Any]:
    """Who a statement is about, of one kind (AWS, Federated, …) or of all."""
    principal = statement.get("Principal")
    if not isinstance(principal, Mapping):
        return list(elements(principal)) if kind is None else []
    by_kind = cast(Props, principal)
    kinds = [name for name in by_kind if kind in (None, name)]
    return [who for name in kinds if given(by_kind, name) for who in _known_elements(by_kind, name)]


def _known_elements(props: Props, key: str) -> list[Any]:
    try:
        return list(elements(props[key]))
    except UnknownValueError:
        return []


def lets_anyone_in(statement: Statement) -> bool:
    """Whether a statement allows whoever asks, under no condition that says who or from where."""
    if not allows(statement):
        return False
    anyone = given(statement, "NotPrincipal") or "*" in principals(statement)
    return anyone and not narrowed(statement.get("Condition"))


def condition_values(statement: Statement, key: str) -> Iterator[str]:
    """What a condition key must be like for a statement to hold, by any operator that compares text."""
    operators = section(statement, "Condition")
    for operator in operators:
        if operator.lower().removeprefix("foranyvalue:") not in _TEXT_OPERATORS:
            continue
        tests = section(operators, operator)
        for asked in tests:
            if asked.lower() == key.lower():
                yield from (str(value) for value in elements(tests[asked]))


def actions(statement: Statement) -> list[str]:
    """The actions that a statement is about."""
    return [action for action in elements(statement.get("Action")) if isinstance(action, str)]


def is_every_action(action: str) -> bool:
    """Whether an action stands for every action of every service."""
    service, _, name = action.partition(":")
    return _is_star(service) and (not name or _is_star(name))


def is_whole_service(action: str) -> bool:
    """Whether an action stands for every action of a service."""
    service, _, name = action.partition(":")
    return bool(service) and _is_star(name)


def _is_star(text: str) -> bool:
    return "*" in text and not text.strip("*?")


def on_everything(statement: Statement) -> bool:
    """Whether a statement is about every resource, or every one but some."""
    if given(statement, "NotResource"):
        return True
    resources = elements(statement.get("Resource"))
    return any(isinstance(one, str) and _EVERYTHING.fullmatch(one) for one in resources)
