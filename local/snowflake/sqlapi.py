"""Snowflake's SQL API, as far as services use it: one statement by HTTP, every cell of its answer a text.

    POST /api/v2/statements {"statement", "bindings"?, "role"?, "warehouse"?, "database"?, "schema"?}

Who asks is what the token says. The laptop knows no keys: a token is read, and its signature is not looked at.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from snowflake.connector.errors import Error, ProgrammingError

if TYPE_CHECKING:
    from local.snowflake.result import Result

PLACES = {"database": "databaseName", "schema": "schemaName", "role": "roleName", "warehouse": "warehouse"}
TOKEN = "KEYPAIR_JWT"  # noqa: S105 (a kind of token)


def user_of(headers: Mapping[str, str]) -> str:
    """The user whom a request's token names: `ACCOUNT.USER`.

    Raises
    ------
    ProgrammingError
        If there is none, or none of a key pair.
    """
    kind = headers.get("X-Snowflake-Authorization-Token-Type")
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    try:
        _, claims, signature = token.split(".")
        subject = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
        user = str(subject).partition(".")[2]
    except (ValueError, KeyError, TypeError):
        user = signature = ""
    if kind != TOKEN or scheme != "Bearer" or not user or not signature:
        raise ProgrammingError(msg="JWT token is invalid.", errno=390144, sqlstate="08001")
    return user


def wanted(asked: Mapping[str, Any]) -> dict[str, str | None]:
    """Where the statement shall run, as a login says it."""
    known = {*PLACES, "statement", "bindings", "timeout"}
    if unknown := sorted(asked.keys() - known):
        what = ", ".join(unknown)
        raise ProgrammingError(msg=f"The laptop's SQL API does not know {what}.", errno=8, sqlstate="0A000")
    return {login: asked.get(name) for name, login in PLACES.items()}


def answered(result: Result) -> dict[str, Any]:
    """The answer: all rows in one part."""
    rows = [[None if cell is None else str(cell) for cell in row] for row in result.rows]
    return {
        "code": "090001",
        "statementHandle": result.query_id or secrets.token_hex(16),
        "resultSetMetaData": {
            "numRows": len(rows),
            "format": "jsonv2",
            "partitionInfo": [{"rowCount": len(rows)}],
            "rowType": [{"name": name} for name in result.columns],
        },
        "data": rows,
    }


def refused(fault: Error) -> tuple[int, dict[str, Any]]:
    """The status and the body of a fault: 401 for a login, 422 for a statement."""
    status = 401 if str(fault.sqlstate) == "08001" else 422
    return status, {"code": f"{fault.errno or 0:06d}", "message": fault.raw_msg or fault.msg}
