"""Faults as Snowflake words and numbers them, so that drivers and tools react as they would to the real thing."""

from __future__ import annotations

import duckdb
from snowflake.connector.errors import ProgrammingError

CONFLICT = 625


def compilation(message: str, errno: int = 2003, sqlstate: str = "42S02") -> ProgrammingError:
    """A statement that cannot be compiled."""
    return ProgrammingError(msg=f"SQL compilation error:\n{message}", errno=errno, sqlstate=sqlstate)


def missing(kind: str, name: object) -> ProgrammingError:
    """The object is not there, or the role may not know that it is."""
    return compilation(f"{kind.capitalize()} '{name}' does not exist or not authorized.")


def absent(kind: str, name: object) -> ProgrammingError:
    """What SHOW was to look in is not there; tools know the number."""
    text = f"{kind.capitalize()} '{name}' does not exist, or operation cannot be performed."
    return compilation(text, 2043, "02000")


def exists(name: object) -> ProgrammingError:
    """An object of that name is there already."""
    return compilation(f"Object '{name}' already exists.", 2002, "42710")


def forbidden(message: str) -> ProgrammingError:
    """The role lacks a privilege on something that it may see."""
    return ProgrammingError(
        msg=f"SQL access control error:\nInsufficient privileges {message}", errno=3001, sqlstate="42501"
    )


def unsupported(what: str) -> ProgrammingError:
    """The laptop's Snowflake does not have this: said aloud, never passed over."""
    return ProgrammingError(msg=f"Unsupported by the laptop's Snowflake: {what}", errno=2, sqlstate="0A000")


def syntax(message: str) -> ProgrammingError:
    """The text is not a statement."""
    return compilation(f"syntax error: {message}", 1003, "42000")


def conflict(why: str) -> ProgrammingError:
    """Two transactions met; this one is rolled back and may be tried again."""
    return ProgrammingError(
        msg=f"The transaction met another one on the same rows and was rolled back: try again. ({why})",
        errno=CONFLICT,
        sqlstate="40001",
    )


_NUMBERS: dict[type[Exception], tuple[int, str]] = {
    duckdb.CatalogException: (2003, "42S02"),
    duckdb.BinderException: (904, "42000"),
    duckdb.ParserException: (1003, "42000"),
    duckdb.ConversionException: (100038, "22018"),
    duckdb.OutOfRangeException: (100039, "22003"),
    duckdb.ConstraintException: (100072, "22000"),
    duckdb.NotImplementedException: (2, "0A000"),
    duckdb.OutOfMemoryException: (300005, "53200"),
}


_QUOTING = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)


def translated(fault: duckdb.Error, *, quote: bool = True) -> ProgrammingError:
    """A fault of DuckDB in Snowflake's numbers; the words stay DuckDB's where Snowflake has none for it.

    Without `quote`, the message of a fault about a value does not say which: DuckDB may have looked at the value before
    the policy that hides its row.
    """
    text = str(fault)
    if not quote and isinstance(fault, _QUOTING):
        text = f"{type(fault).__name__.removesuffix('Exception')} error: a value does not fit its type"
    if "same target row" in text or "affect row a second time" in text:
        return ProgrammingError(
            msg="Duplicate row detected during DML action", errno=100090, sqlstate="42P18"
        )
    if isinstance(fault, duckdb.TransactionException) or "write-write conflict" in text.lower():
        return conflict(text)
    errno, sqlstate = _NUMBERS.get(type(fault), (100000, "22000"))
    return ProgrammingError(msg=text, errno=errno, sqlstate=sqlstate)
