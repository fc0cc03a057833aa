"""Names of the objects that Firehose writes: the expressions of a prefix, and the suffix."""

from __future__ import annotations

import re
import secrets
import string
import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

EXPRESSION = re.compile(r"!\{(?P<namespace>[^:}]*):?(?P<value>[^}]*)\}")
PIECE = re.compile(r"'(?P<quoted>[^']*)'|(?P<field>[A-Za-z])(?P=field)*|(?P<other>.)")
FIELDS = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "DDD": "%j"}
ALPHABET = string.ascii_letters + string.digits
RANDOM_LENGTH = 11
DEFAULT_PREFIX = "!{timestamp:yyyy/MM/dd/HH}/"


class PrefixError(ValueError):
    """An expression that Firehose does not know, or that the laptop's does not."""


def evaluate(template: str, moment: datetime, error_type: str | None = None) -> str:
    """A prefix with its expressions replaced.

    Parameters
    ----------
    template
        The prefix as configured; without any expression it gets Firehose's own date behind it.
    moment
        The arrival of the oldest record in the object, in the delivery's time zone.
    error_type
        What kind of error the object holds, for an error prefix.
    """

    def replaced(match: re.Match[str]) -> str:
        namespace, value = match["namespace"], match["value"]
        if namespace == "timestamp":
            return formatted(moment, value)
        if (namespace, value) == ("firehose", "random-string"):
            return "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
        if (namespace, value) == ("firehose", "error-output-type") and error_type is not None:
            return error_type
        raise PrefixError(
            f"{match[0]} in the prefix {template!r}: expected timestamp:<format>, firehose:random-string"
            + (" or firehose:error-output-type" if error_type is not None else "")
        )

    return EXPRESSION.sub(replaced, template if "!{" in template else template + DEFAULT_PREFIX)


def formatted(moment: datetime, pattern: str) -> str:
    """A moment by a pattern of Java's DateTimeFormatter."""

    def piece(match: re.Match[str]) -> str:
        if match["field"]:
            if match[0] not in FIELDS:
                raise PrefixError(
                    f"{match[0]!r} in the time format {pattern!r}: known are {', '.join(FIELDS)}"
                )
            return moment.strftime(FIELDS[match[0]])
        return match["other"] or match["quoted"] or "'"

    return PIECE.sub(piece, pattern)


def object_key(prefix: str, name: str, arrived: float, *, zone: str, extension: str) -> str:
    """The key of an object: prefix, delivery stream and version, time, a unique end."""
    moment = datetime.fromtimestamp(arrived, ZoneInfo(zone))
    return f"{evaluate(prefix, moment)}{name}-{moment:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}{extension}"
