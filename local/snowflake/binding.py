"""Values bound to a statement, and small things about its text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from local.snowflake.commands import tokenize
from local.snowflake.errors import compilation, unsupported
from local.snowflake.result import Result


def written(value: Any) -> str:
    """A Python value as a literal of Snowflake."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case int() | Decimal():
            return str(value)
        case float():
            return repr(value) + "::FLOAT"
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
        case bytes():
            return f"X'{value.hex()}'"
        case datetime():
            kind = "TIMESTAMP_TZ" if value.tzinfo else "TIMESTAMP_NTZ"
            return f"'{value.isoformat(sep=' ')}'::{kind}"
        case date():
            return f"'{value.isoformat()}'::DATE"
        case time():
            return f"'{value.isoformat()}'::TIME"
    raise unsupported(f"binding a value of type {type(value).__name__}")


def inline(sql: str, binds: Sequence[Any] | Mapping[str, Any]) -> str:
    """Put the bound values into the statement as literals; the lexer knows what is inside a string."""
    named = binds if isinstance(binds, Mapping) else {str(i + 1): value for i, value in enumerate(binds)}
    pieces: list[str] = []
    at, taken = 0, 0
    tokens = tokenize(sql)
    for index, token in enumerate(tokens):
        if token.text == "?":
            taken += 1
            key, start, end = str(taken), token.start, token.end
        elif token.text == ":" and index + 1 < len(tokens) and _is_place(tokens, index):
            key, start, end = tokens[index + 1].text, token.start, tokens[index + 1].end
        else:
            continue
        if key not in named:
            raise compilation(f"Bind variable {key} not set.", 2049, "42601")
        pieces += [sql[at:start], written(named[key])]
        at = end
    return "".join(pieces) + sql[at:]


def _is_place(tokens: list[Any], index: int) -> bool:
    """``:1`` and ``:name`` are places for values where no expression ends before them (``payload:id`` is a path)."""
    follower = tokens[index + 1]
    before = tokens[index - 1] if index else None
    if follower.kind not in ("number", "word") or follower.start != tokens[index].end:
        return False
    ends_expression = before is not None and (
        before.text in (")", "]") or (before.end == tokens[index].start and before.kind in ("word", "quoted"))
    )
    return not ends_expression


def plain(message: str) -> str:
    """A message without a terminal's colours."""
    return re.sub(r"\x1b\[\d+m", "", message)


def identified(result: Result, query_id: str) -> Result:
    """The result under its query id."""
    return replace(result, query_id=query_id)
