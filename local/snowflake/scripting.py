"""Runs anonymous blocks of Snowflake Scripting (`BEGIN … END`) and EXECUTE IMMEDIATE.

SQL inside a block goes to the session as it was written, with every `:variable` as a bind of its own type.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from snowflake.connector.errors import ProgrammingError

from local.snowflake.commands import Statement, Token
from local.snowflake.errors import compilation
from local.snowflake.result import Result
from local.snowflake.script import (
    Assign,
    Block,
    Body,
    ExecuteImmediate,
    If,
    Let,
    Nothing,
    Raise,
    Return,
    Sql,
    Step,
    is_block,
    parse,
    place,
)

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

ANSWER = "anonymous block"


@dataclass
class Variable:
    """A variable of a running block; one without a type takes that of its value."""

    type: str | None
    value: object


Scope: TypeAlias = ChainMap[str, Variable]


class StepError(Exception):
    """A step of a block failed: why, and where it stands."""

    def __init__(self, error: ProgrammingError, at: int) -> None:
        super().__init__(str(error))
        self.error, self.at = error, at


class Returned(NamedTuple):
    """What a script answered; it runs no further."""

    value: object


def install(engine: Engine) -> None:
    """Let an engine run scripts."""
    engine.register_block(lambda session, sql: _answer(run(session, sql)))
    engine.register("EXECUTE IMMEDIATE", _execute_immediate)


def run(session: Session, script: str) -> object:
    """Run an anonymous block and return what its RETURN said, or None.

    Raises
    ------
    ProgrammingError
        The block is not one (nothing was run then), or one of its statements failed and no handler caught it:
        the message says where, and `errno` and `sqlstate` are those of the statement.
    """
    block = parse(script)
    try:
        returned = _Run(session).block(block, ChainMap(), None)
    except StepError as failure:
        error = failure.error
        raise ProgrammingError(
            msg=f"Uncaught exception on {place(script, failure.at)} : {error.raw_msg}",
            errno=error.errno,
            sqlstate=error.sqlstate,
        ) from error
    return returned.value if returned else None


def run_text(session: Session, text: str) -> Result:
    """Run a block, or else the one statement that the text is."""
    return _answer(run(session, text)) if is_block(text) else session.execute(text)


def _answer(value: object) -> Result:
    return Result.of([ANSWER], [[value]])


def _execute_immediate(session: Session, statement: Statement) -> Result:
    text = statement.string()
    statement.end()
    return run_text(session, text)


class _Run:
    """A script that runs in a session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def block(self, block: Block, outer: Scope, caught: StepError | None) -> Returned | None:
        scope = outer.new_child()
        for declaration in block.declarations:
            self.let(declaration, scope)
        try:
            return self.body(block.body, scope, caught)
        except StepError as failure:
            if block.handler is None:
                raise
            facts = {
                "SQLCODE": Variable(None, failure.error.errno),
                "SQLERRM": Variable(None, failure.error.raw_msg),
                "SQLSTATE": Variable(None, failure.error.sqlstate),
            }
            return self.body(block.handler, scope.new_child(facts), failure)

    def body(self, body: Body, scope: Scope, caught: StepError | None) -> Returned | None:
        for step in body:
            if returned := self.step(step, scope, caught):
                return returned
        return None

    def step(self, step: Step, scope: Scope, caught: StepError | None) -> Returned | None:
        match step:
            case Sql():
                changed = self.execute(step, *_bound(step, scope)).rowcount
                scope.maps[-1]["SQLROWCOUNT"] = Variable(None, changed)
            case Let():
                self.let(step, scope)
            case Assign():
                variable = _found(step.name, scope, step.at)
                variable.value = self.value(step.value, scope, variable.type)
            case If():
                chosen = (body for test, body in step.branches if self.value(test, scope))
                return self.body(next(chosen, step.otherwise), scope, caught)
            case Return():
                return Returned(self.value(step.value, scope) if step.value else None)
            case Raise():
                raise caught or _failure("RAISE outside an exception handler", step.at)
            case ExecuteImmediate():
                self.immediate(step, scope)
            case Block():
                return self.block(step, scope, caught)
            case Nothing():
                pass
        return None

    def let(self, let: Let, scope: Scope) -> None:
        if let.name in scope.maps[0]:
            raise _failure(f"variable {let.name} is declared twice", let.at)
        value = self.value(let.value, scope, let.type) if let.value else None
        scope.maps[0][let.name] = Variable(let.type, value)

    def immediate(self, step: ExecuteImmediate, scope: Scope) -> None:
        text = str(self.value(step.text, scope))
        try:
            run_text(self.session, text)
        except ProgrammingError as error:
            raise StepError(error, step.text.at) from error

    def value(self, sql: Sql, scope: Scope, type_: str | None = None) -> object:
        """Return the value of an expression, as the type of the variable that it is for."""
        text, binds = _bound(sql, scope, expression=True)
        query = f"SELECT CAST(({text}) AS {type_})" if type_ else f"SELECT {text}"
        return self.execute(sql, query, binds).rows[0][0]

    def execute(self, sql: Sql, text: str, binds: list[object]) -> Result:
        try:
            return self.session.execute(text, binds or None)
        except ProgrammingError as error:
            raise StepError(error, sql.at) from error


def _failure(what: str, at: int) -> StepError:
    return StepError(compilation(what, 904, "42000"), at)


def _found(name: str, scope: Scope, at: int) -> Variable:
    if name not in scope:
        raise _failure(f"variable {name} is not declared", at)
    return scope[name]


def _bound(sql: Sql, scope: Scope, *, expression: bool = False) -> tuple[str, list[object]]:
    """Return the text with a bind in the place of every variable, and the binds."""
    parts: list[str] = []
    binds: list[object] = []
    end = sql.at
    for start, after, variable in _variables(sql, scope, expression):
        parts += [sql.script[end:start], f"CAST(? AS {variable.type})" if variable.type else "?"]
        binds.append(variable.value)
        end = after
    return "".join([*parts, sql.script[end : sql.tokens[-1].end]]), binds


def _variables(sql: Sql, scope: Scope, expression: bool) -> Iterator[tuple[int, int, Variable]]:
    """Yield where variables stand, and which.

    In SQL a variable is written `:name`; right behind a column a colon begins a path. In an expression of the
    script itself it is a plain name, but not inside a query.
    """
    nothing = Token("", "", -1, -1)
    tokens = (nothing, *sql.tokens, nothing)
    queries: list[bool] = []  # for every open parenthesis, whether a query is in it
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.text == "?":
            raise _failure("a bind (?) inside a block", token.start)
        if token.text == "(":
            queries.append(after.upper in ("SELECT", "WITH"))
        elif token.text == ")" and queries:
            queries.pop()
        elif token.text == ":" and after.kind == "word" and not _ends_operand(before, token):
            yield token.start, after.end, _found(after.upper, scope, token.start)
        elif expression and token.upper in scope and not any(queries) and _stands_alone(before, after):
            yield token.start, token.end, scope[token.upper]


def _ends_operand(before: Token, colon: Token) -> bool:
    return before.end == colon.start and (before.kind in ("word", "quoted") or before.text in (")", "]"))


def _stands_alone(before: Token, after: Token) -> bool:
    return before.text not in (".", ":") and after.text not in (".", "(")
