"""Snowflake's data: rows are for whom they are meant, and what was changed or dropped can be had back."""

import re
from collections.abc import Mapping
from typing import Any

from pulumi_policy import EnforcementLevel, Severity

from policies.rules import Props, number, resource_policy
from policies.snowflake_sql import bare
from policies.values import on, text

ROWS = "snowflake:index/rowAccessPolicy:RowAccessPolicy"
# Hybrid tables keep nothing of the past, and external ones hold nothing.
TRAVELLED = (
    "snowflake:index/database:Database",
    "snowflake:index/schema:Schema",
    "snowflake:index/table:Table",
)
_WORD = re.compile(r"[A-Za-z_][\w$]*")
_CONSTANT = frozenset({"TRUE", "FALSE", "NULL", "NOT", "AND", "OR", "IS"})


def _open(props: Props, _: Mapping[str, Any]) -> str | None:
    said = bare(text(props, "body"))
    words = {word.upper() for word in _WORD.findall(said)}
    # What names neither a column nor a function is the same for every row and everybody.
    if "TRUE" not in words or words - _CONSTANT:
        return None
    return "A row access policy must ask who reads, or what is in the row: its body shows every row to all."


def _forgetful(props: Props, _: Mapping[str, Any]) -> str | None:
    # What is transient is made to be thrown away.
    if number(props, "dataRetentionTimeInDays", 1) != 0 or on(props, "isTransient"):
        return None
    return "What is changed or dropped should be there for a day at least: set dataRetentionTimeInDays."


def _remember(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"dataRetentionTimeInDays": 1} if _forgetful(props, config) else None


POLICIES = (
    resource_policy(
        "snowflake-rowaccesspolicy-disallow-open",
        ROWS,
        description="Row access policies ask for something.",
        check=_open,
        steps="Let the body ask for a role or a user, or compare a column.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "snowflake-data-enable-time-travel",
        *TRAVELLED,
        description="What was changed or dropped in Snowflake can be had back for a day at least.",
        check=_forgetful,
        mend=_remember,
        steps="Set dataRetentionTimeInDays to 1 or more.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
)
