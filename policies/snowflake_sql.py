"""SQL inside resources: what it does past the resources that policies look at."""

import re
from collections.abc import Iterator

from policies.rules import Props, given
from policies.values import text

EXECUTE = "snowflake:index/execute:Execute"
TASK = "snowflake:index/task:Task"
PIPE = "snowflake:index/pipe:Pipe"
_PROPERTIES = ("execute", "revert", "sqlStatement", "copyStatement")
_COMMENT_OR_TEXT = re.compile(r"--[^\n]*|/\*.*?\*/|'((?:[^'\\]|\\.|'')*)'", re.DOTALL)


def says(props: Props, pattern: str) -> bool:
    """Whether one of a resource's statements matches, outside of its comments and texts."""
    sought = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return any(sought.search(one) for sql in _sql(props) for one in bare(sql).split(";"))


def literals(props: Props, pattern: str) -> Iterator[str]:
    """Yield the texts in the SQL of a resource that matches."""
    sought = re.compile(pattern, re.IGNORECASE)
    for sql in _sql(props):
        if sought.search(bare(sql)):
            yield from (found for found in _COMMENT_OR_TEXT.findall(sql) if found)


def _sql(props: Props) -> Iterator[str]:
    return (text(props, key) for key in _PROPERTIES if given(props, key))


def bare(sql: str) -> str:
    """Return SQL without its comments, and with nothing in its texts."""
    return _COMMENT_OR_TEXT.sub(lambda found: " " if found[1] is None else "''", sql)
