"""The grammar of Snowflake Scripting, as far as tasks use it, read whole before anything of a script runs.

Here are blocks, DECLARE, LET, assignment, IF, RETURN, RAISE, EXECUTE IMMEDIATE, and WHEN OTHER as an
exception handler. What is Snowflake Scripting and is not here (loops, cursors, result sets, declared
exceptions) is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from snowflake.connector.errors import ProgrammingError

from local.snowflake.commands import Token, tokenize
from local.snowflake.errors import syntax, unsupported

_ABSENT = frozenset(
    {
        *("ASYNC", "AWAIT", "BREAK", "CALL", "CANCEL", "CASE", "CLOSE", "CONTINUE", "EXIT", "FETCH", "FOR"),
        *("ITERATE", "LOOP", "OPEN", "REPEAT", "WHILE"),
    }
)
_TRANSACTION = frozenset({"TRANSACTION", "WORK", "NAME", ";", ""})
_END = Token("end", "", 0, 0)


@dataclass(frozen=True, kw_only=True)
class Sql:
    """A stretch of SQL: a statement, or an expression."""

    script: str
    tokens: tuple[Token, ...]

    @property
    def at(self) -> int:
        """Where it begins."""
        return self.tokens[0].start


@dataclass(frozen=True, kw_only=True)
class Let:
    """A new variable, with its type where it is given, and its first value."""

    name: str
    type: str | None
    value: Sql | None
    at: int


@dataclass(frozen=True, kw_only=True)
class Assign:
    """A new value for a variable."""

    name: str
    value: Sql
    at: int


@dataclass(frozen=True, kw_only=True)
class If:
    """Conditions, each with what to do if it is the first that holds, and what to do if none does."""

    branches: tuple[tuple[Sql, Body], ...]
    otherwise: Body


@dataclass(frozen=True, kw_only=True)
class Return:
    """The end of the whole script, with its answer."""

    value: Sql | None


@dataclass(frozen=True, kw_only=True)
class Raise:
    """The exception that is being handled, raised once more."""

    at: int


@dataclass(frozen=True, kw_only=True)
class ExecuteImmediate:
    """SQL, or another script, that is the value of an expression."""

    text: Sql


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """NULL, the statement."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Declarations, statements, and what to do when one of the statements fails."""

    declarations: tuple[Let, ...]
    body: Body
    handler: Body | None


Step: TypeAlias = Sql | Let | Assign | If | Return | Raise | ExecuteImmediate | Nothing | Block
Body: TypeAlias = tuple[Step, ...]


def parse(script: str) -> Block:
    """Parse an anonymous block.

    Raises
    ------
    ProgrammingError
        The text is not a block, or uses what is not here; the message says where.
    """
    return _Parser(script).script()


def is_block(text: str) -> bool:
    """Say whether a text is an anonymous block, and not a statement (BEGIN TRANSACTION is a statement)."""
    first, second = ([token.upper for token in tokenize(text)[:2]] + ["", ""])[:2]
    return first == "DECLARE" or (first == "BEGIN" and second not in _TRANSACTION)


def place(script: str, at: int) -> str:
    """Say where in a script something is, as Snowflake does."""
    return f"line {script.count(chr(10), 0, at) + 1} at position {at - script.rfind(chr(10), 0, at) - 1}"


class _Parser:
    """Recursive descent over the tokens of one script."""

    def __init__(self, script: str) -> None:
        self.text = script
        self.tokens = tokenize(script)
        self.here = 0
        for token in self.tokens:
            if token.text in ("'", '"') or (token.kind == "word" and token.text.startswith("$$")):
                raise syntax(f"a text that does not end, {place(script, token.start)}")

    def script(self) -> Block:
        block = self.block()
        self.accept(";")
        if self.peek is not _END:
            raise self.refused("the end of the script")
        return block

    def block(self) -> Block:
        declarations: list[Let] = []
        if self.accept("DECLARE"):
            while self.peek.upper != "BEGIN":
                declarations.append(self.variable())
                self.expect(";")
        self.expect("BEGIN")
        body = self.body("EXCEPTION", "END")
        handler = self.handler() if self.accept("EXCEPTION") else None
        self.expect("END")
        return Block(declarations=tuple(declarations), body=body, handler=handler)

    def handler(self) -> Body:
        self.expect("WHEN")
        if self.peek.upper != "OTHER":
            raise self.absent(f"WHEN {self.peek.text} (only WHEN OTHER)")
        self.expect("OTHER")
        if self.peek.upper == "CONTINUE":
            raise self.absent("WHEN OTHER CONTINUE")
        self.accept("EXIT")
        self.expect("THEN")
        return self.body("END", "WHEN")

    def body(self, *until: str) -> Body:
        steps: list[Step] = []
        while self.peek.upper not in until:
            if self.peek is _END:
                raise self.refused(" or ".join(until))
            steps.append(self.step())
            self.expect(";")
        return tuple(steps)

    def step(self) -> Step:
        word, following = self.peek.upper, self.ahead(1)
        if following.text == ":=":
            return self.assignment()
        if word in _ABSENT:
            raise self.absent(word)
        if word == "DECLARE" or (word == "BEGIN" and following.upper not in _TRANSACTION):
            return self.block()
        if word == "NULL" and following.text == ";":
            self.here += 1
            return Nothing()
        if word == "EXECUTE" and following.upper == "IMMEDIATE":
            self.here += 2
            return ExecuteImmediate(text=self.sql("USING"))
        steps: dict[str, Callable[[], Step]] = {
            "IF": self.condition,
            "LET": self.let,
            "RAISE": self.raised,
            "RETURN": self.returned,
        }
        return steps.get(word, self.statement)()

    def assignment(self) -> Assign:
        token = self.name()
        self.expect(":=")
        return Assign(name=token.upper, value=self.sql(), at=token.start)

    def let(self) -> Let:
        self.expect("LET")
        let = self.variable()
        if let.value is None:
            raise self.refused(":= or DEFAULT")
        return let

    def variable(self) -> Let:
        token, start = self.name(), self.here
        while self.peek.text not in (":=", ";") and self.peek.upper != "DEFAULT":
            self.take("a type, := or DEFAULT")
        words = self.tokens[start : self.here]
        if words and words[0].upper in ("CURSOR", "EXCEPTION", "RESULTSET"):
            raise self.absent(words[0].upper)
        type_ = self.text[words[0].start : words[-1].end] if words else None
        value = self.sql() if self.accept(":=") or self.accept("DEFAULT") else None
        if type_ is None and value is None:
            raise self.refused(f"a type or a value of {token.text}")
        return Let(name=token.upper, type=type_, value=value, at=token.start)

    def condition(self) -> If:
        self.expect("IF")
        branches = [self.branch()]
        while self.accept("ELSEIF"):
            branches.append(self.branch())
        otherwise = self.body("END") if self.accept("ELSE") else ()
        self.expect("END")
        self.expect("IF")
        return If(branches=tuple(branches), otherwise=otherwise)

    def branch(self) -> tuple[Sql, Body]:
        start, depth = self.here, 1
        self.expect("(")
        while depth:
            depth += {"(": 1, ")": -1}.get(self.take("a closing parenthesis").text, 0)
        test = Sql(script=self.text, tokens=tuple(self.tokens[start : self.here]))
        self.expect("THEN")
        return test, self.body("ELSEIF", "ELSE", "END")

    def returned(self) -> Return:
        self.expect("RETURN")
        if self.peek.upper == "TABLE":
            raise self.absent("RETURN TABLE")
        return Return(value=None if self.peek.text == ";" else self.sql())

    def raised(self) -> Raise:
        at = self.take("RAISE").start
        if self.peek.text != ";":
            raise self.absent(f"RAISE {self.peek.text} (only RAISE in a handler)")
        return Raise(at=at)

    def statement(self) -> Sql:
        sql = self.sql()
        words = [token.upper for token in sql.tokens]
        if words[0] == "SELECT" and "INTO" in words:
            raise self.absent("SELECT ... INTO", sql.at)
        return sql

    def sql(self, *without: str) -> Sql:
        start = self.here
        while self.peek.text != ";" and self.peek is not _END:
            if self.peek.upper in without:
                raise self.absent(self.peek.upper)
            self.here += 1
        if start == self.here:
            raise self.refused("an expression or a statement")
        return Sql(script=self.text, tokens=tuple(self.tokens[start : self.here]))

    @property
    def peek(self) -> Token:
        return self.ahead(0)

    def ahead(self, count: int) -> Token:
        return self.tokens[self.here + count] if self.here + count < len(self.tokens) else _END

    def take(self, what: str) -> Token:
        token = self.peek
        if token is _END or token.text == ";":
            raise self.refused(what)
        self.here += 1
        return token

    def name(self) -> Token:
        if self.peek.kind != "word":
            raise self.refused("a variable's name")
        return self.take("a variable's name")

    def accept(self, word: str) -> bool:
        found = self.peek.upper == word
        self.here += found
        return found

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise self.refused(word)

    def refused(self, expected: str) -> ProgrammingError:
        token = self.peek
        at = token.start if token is not _END else len(self.text)
        found = repr(token.text) if token is not _END else "the end"
        return syntax(f"{place(self.text, at)}: expected {expected} and found {found}")

    def absent(self, what: str, at: int | None = None) -> ProgrammingError:
        where = place(self.text, self.peek.start if at is None else at)
        return unsupported(f"{what} of Snowflake Scripting, {where}")
