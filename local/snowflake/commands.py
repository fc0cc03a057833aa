"""The grammar of commands: a small lexer, a cursor over a statement's tokens, and who answers which command.

Queries and DML are sqlglot's business; the commands of account and schema objects follow a simple scheme
(words, a name, properties), which is read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.snowflake.errors import syntax, unsupported
from local.snowflake.names import Name, parts_of

if TYPE_CHECKING:
    from local.snowflake.result import Result
    from local.snowflake.session import Session

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^'\\]|''|\\.)*'|\$\$.*?\$\$)
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<word>[\w$]+)
      | (?P<symbol>->>|->|=>|::|<>|!=|<=|>=|\|\||:=|.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}
Value = str | int | float | bool | list[Any] | dict[str, Any]


@dataclass(frozen=True)
class Token:
    """A piece of a statement and where it stands."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """The token as a keyword; nothing where it is quoted."""
        return self.text.upper() if self.kind in ("word", "symbol", "number") else ""


def tokenize(sql: str) -> list[Token]:
    """The statement's tokens, without space and comments."""
    return [
        Token(str(found.lastgroup), found.group(), found.start(), found.end())
        for found in _TOKEN.finditer(sql)
        if found.lastgroup != "space"
    ]


def unquoted(text: str) -> str:
    """What a string literal says."""
    if text.startswith("$$"):
        return text[2:-2]
    return re.sub(
        r"''|\\(.)",
        lambda m: "'" if m.group() == "''" else _ESCAPES.get(m[1], m[1]),
        text[1:-1],
        flags=re.DOTALL,
    )


@dataclass(kw_only=True)
class Statement:
    """A command, read from left to right. Every reader raises a syntax error where it does not find its thing."""

    sql: str
    tokens: list[Token]
    at: int = 0
    prefix: str = ""
    replace: bool = False
    if_not_exists: bool = False
    if_exists: bool = False
    modifiers: set[str] = field(default_factory=set)

    def peek(self, ahead: int = 0) -> str:
        """The next token in upper case; empty where it is quoted or there is none."""
        return self.tokens[self.at + ahead].upper if self.at + ahead < len(self.tokens) else ""

    @property
    def done(self) -> bool:
        """Nothing is left."""
        return self.at >= len(self.tokens)

    def token(self) -> Token:
        """Take the next token, whatever it is."""
        if self.done:
            raise syntax(f"unexpected end of {self.prefix or self.sql[:40]!r}")
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, *words: str) -> bool:
        """Take these tokens if they come next, all of them."""
        if all(self.peek(i) == word.upper() for i, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def accept_any(self, *words: str) -> str:
        """Take the one of these words which comes next; empty if none does."""
        return next((word for word in words if self.accept(*word.split())), "")

    def expect(self, *words: str) -> None:
        """Take these tokens, or it is a syntax error."""
        if not self.accept(*words):
            raise syntax(
                f"expected {' '.join(words)} and found {self._found()} in {self.prefix or 'statement'}"
            )

    def _found(self) -> str:
        return repr(self.tokens[self.at].text) if not self.done else "the end"

    def word(self) -> str:
        """Take a word, in upper case (as it is where quoted)."""
        token = self.token()
        if token.kind == "quoted":
            return token.text[1:-1].replace('""', '"')
        if token.kind not in ("word", "number"):
            raise syntax(f"expected a word and found {token.text!r}")
        return token.text.upper()

    def string(self) -> str:
        """Take a string literal ('…' or $$…$$)."""
        token = self.token()
        if token.kind != "string":
            raise syntax(f"expected a string and found {token.text!r}")
        return unquoted(token.text)

    def parts(self) -> list[str]:
        """Take a dotted name, or IDENTIFIER('…')."""
        if self.peek() == "IDENTIFIER" and self.peek(1) == "(":
            self.at += 2
            text = self.string()
            self.expect(")")
            return parts_of(text)
        parts = [self.word()]
        while self.accept("."):
            parts.append("" if self.peek() == "." else self.word())
        return parts

    def name(self, session: Session) -> Name:
        """Take the name of a schema's object, completed from the session."""
        return session.qualify(self.parts())

    def account_name(self) -> Name:
        """Take the name of an account's object."""
        return Name.account(self.word())

    def value(self) -> Value:
        """Take a property's value: a string, number, boolean, word, name, list, or nested properties."""
        token = self.tokens[self.at] if not self.done else self.token()
        if token.kind == "string":
            return self.string()
        if self.accept("("):
            return self._bracket()
        if self.accept("-"):
            return -float(self.token().text)
        if token.kind == "number":
            self.at += 1
            return int(token.text) if token.text.isdigit() else float(token.text)
        parts = self.parts()
        if parts in (["TRUE"], ["FALSE"]):
            return parts == ["TRUE"]
        return ".".join(parts)

    def _bracket(self) -> Value:
        if self.accept(")"):
            return []
        if self.peek(1) == "=":
            nested = self.properties()
            self.expect(")")
            return nested
        values = [self.value()]
        while self.accept(","):
            values.append(self.value())
        self.expect(")")
        return values

    def properties(self) -> dict[str, Any]:
        """Take ``KEY = value`` pairs, as many as come (with or without commas between)."""
        found: dict[str, Any] = {}
        while not self.done and self.peek(1) == "=":
            key = self.word()
            self.expect("=")
            found[key] = self.value()
            self.accept(",")
        return found

    def names(self) -> list[str]:
        """Take words separated by commas."""
        words = [self.word()]
        while self.accept(","):
            words.append(self.word())
        return words

    def parenthesised(self) -> str:
        """Take a bracketed text and give what is inside, as written."""
        self.expect("(")
        start, depth = self.at, 1
        while depth:
            depth += {"(": 1, ")": -1}.get(self.token().text, 0)
        inside = self.tokens[start : self.at - 1]
        return self.sql[inside[0].start : inside[-1].end] if inside else ""

    def rest(self) -> str:
        """Take all that is left, as written."""
        if self.done:
            return ""
        text = self.sql[self.tokens[self.at].start : self.tokens[-1].end]
        self.at = len(self.tokens)
        return text

    def end(self) -> None:
        """Nothing may be left."""
        if not self.done:
            raise unsupported(f"{self._found()} in {self.prefix}: {self.sql[:200]}")


Handler = Callable[["Session", Statement], "Result"]
_MODIFIERS = ("TRANSIENT", "TEMPORARY", "TEMP", "VOLATILE", "SECURE", "TERSE", "LOCAL", "GLOBAL")


class Registry:
    """Who answers the commands that begin with certain words."""

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, ...], Handler] = {}

    def register(self, prefix: str, handler: Handler) -> None:
        """Let `handler` answer commands that begin with `prefix`; a word may give choices, as in ``DROP A|B``."""
        words = [word.split("|") for word in prefix.upper().split()]
        combinations: list[tuple[str, ...]] = [()]
        for choices in words:
            combinations = [(*head, choice) for head in combinations for choice in choices]
        for combination in combinations:
            if combination in self._handlers:
                raise ValueError(f"{' '.join(combination)} has a handler already")
            self._handlers[combination] = handler

    def find(self, sql: str, tokens: list[Token]) -> tuple[Handler, Statement] | None:
        """The handler of a statement and the statement, read up to what its prefix left."""
        statement = Statement(sql=sql, tokens=tokens)
        verb = statement.accept_any("CREATE", "DESC") or (
            statement.word() if tokens[0].kind == "word" else ""
        )
        verb = "DESCRIBE" if verb == "DESC" else verb
        statement.replace = verb == "CREATE" and statement.accept("OR", "REPLACE")
        if verb in ("CREATE", "SHOW"):
            while modifier := statement.accept_any(*_MODIFIERS):
                statement.modifiers.add(modifier)
        following = [statement.peek(i) for i in range(4)]
        for length in range(4, -1, -1):
            key = (verb, *following[:length])
            if handler := self._handlers.get(key):
                statement.at += length
                statement.prefix = " ".join(key)
                statement.if_not_exists = statement.accept("IF", "NOT", "EXISTS")
                statement.if_exists = statement.accept("IF", "EXISTS")
                return handler, statement
        return None
