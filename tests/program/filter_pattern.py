"""A filter pattern of CloudWatch Logs over JSON, of the words that this project uses, held against an event.

The syntax is that of "Filter pattern syntax for metric filters": a selector (`$.a.b[0].c`) with `=` or `!=` and
a text in quotes, in which `*` stands at the beginning or the end, `NOT EXISTS`, `&&`, `||` and parentheses.
`&&` and `||` are not mixed here without parentheses. What is beyond this is refused.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

LONGEST = 1024
TOKEN = re.compile(r'\s*(\(|\)|\{|\}|&&|\|\||!=|=|NOT EXISTS|\$(?:\.\w+|\[\d+\])+|"[^"]*")')


class PatternError(ValueError):
    """The service would refuse the pattern, or this evaluator does not know it."""


def matches(pattern: str, event: Mapping[str, Any]) -> bool:
    """Say whether a pattern matches an event."""
    if len(pattern) > LONGEST:
        raise PatternError(f"{len(pattern)} characters")
    reader = _Reader(_tokens(pattern), json.loads(json.dumps(event)))
    reader.take("{")
    found = reader.expression()
    reader.take("}")
    if reader.tokens:
        raise PatternError(f"after the end: {reader.tokens}")
    return found


def _tokens(pattern: str) -> list[str]:
    tokens, at = [], 0
    while pattern[at:].strip():
        if not (found := TOKEN.match(pattern, at)):
            raise PatternError(f"what is {pattern[at:]!r}?")
        tokens.append(found[1])
        at = found.end()
    return tokens


class _Reader:
    def __init__(self, tokens: list[str], event: Any) -> None:
        self.tokens, self._event = tokens, event

    def take(self, *expected: str) -> str:
        token = self.tokens.pop(0) if self.tokens else ""
        if expected and token not in expected:
            raise PatternError(f"expected {expected}, got {token!r}")
        return token

    def expression(self) -> bool:
        found, joined = [self._test()], set[str]()
        while self.tokens and self.tokens[0] in ("&&", "||"):
            joined.add(self.take())
            found.append(self._test())
        if len(joined) > 1:
            raise PatternError("&& and || are mixed")
        return all(found) if "&&" in joined else any(found)

    def _test(self) -> bool:
        token = self.take()
        if token == "(":
            found = self.expression()
            self.take(")")
            return found
        if not token.startswith("$"):
            raise PatternError(f"expected a selector, got {token!r}")
        value, how = _at(self._event, token), self.take("=", "!=", "NOT EXISTS")
        if how == "NOT EXISTS":
            return value is None
        quoted = self.take()
        same = _like(quoted, value if isinstance(value, str) else "")
        return same if how == "=" else value is not None and not same


def _at(value: Any, selector: str) -> Any:
    for name, place in re.findall(r"\.(\w+)|\[(\d+)\]", selector):
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        else:
            value = value[int(place)] if isinstance(value, list) and int(place) < len(value) else None
    return value


def _like(quoted: str, value: str) -> bool:
    if not quoted.startswith('"'):
        raise PatternError(f"expected a text, got {quoted!r}")
    text = quoted.strip('"')
    inner = text.strip("*")
    if "*" in inner or not inner:
        raise PatternError(f"a star in the middle: {text!r}")
    if text.startswith("*") and text.endswith("*"):
        return inner in value
    if text.startswith("*"):
        return value.endswith(inner)
    return value.startswith(inner) if text.endswith("*") else value == inner
