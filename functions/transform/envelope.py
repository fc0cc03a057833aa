"""What every event has around its data: the envelope's schema, its time, and reasons to refuse."""

import re
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import jsonschema_rs

from contracts import Contract, JsonObject

EVENT_ID = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
# The form of RFC 3339; whether there is such a day is for the calendar to say. No leap second: the
# warehouse has none.
PRODUCER_TS = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_PARTS = re.compile(r"(.{10})T(.{8})(\.[0-9]+)?(.+)")
MAX_REASONS = 3


class Refused(Exception):  # noqa: N818 (an answer, not an error)
    """An event that is refused.

    Parameters
    ----------
    reason
        The keyword and the known path; nothing that the producer wrote.
    fault
        The name of the exception, where the fault is ours.
    """

    def __init__(self, reason: str, *, fault: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault


def event_schema(contract: Contract) -> JsonObject:
    """Return the schema of a whole event: the envelope, and the contract as its data."""
    data = {name: value for name, value in contract.schema.items() if name != "$schema"}
    return {
        "$schema": contract.schema["$schema"],
        "type": "object",
        "additionalProperties": False,
        "required": ["source", "event_type", "schema_version", "data"],
        "properties": {
            "event_id": {"type": ["string", "null"], "pattern": EVENT_ID},
            "source": {"const": contract.source},
            "event_type": {"const": contract.event},
            "schema_version": {"type": "integer", "const": contract.version},
            "producer_ts": {"type": ["string", "null"], "pattern": PRODUCER_TS},
            "data": data,
        },
    }


def compile_validator(schema: JsonObject) -> jsonschema_rs.Draft7Validator:
    """Return a validator whose regular expressions take linear time."""
    return jsonschema_rs.Draft7Validator(
        schema, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
    )


def validation_reason(validator: jsonschema_rs.Draft7Validator, event: Any) -> str:
    """Return where and by which keywords an event is invalid, such as `data.lines[].quantity: type`.

    Objects are closed, so that an error's path consists of names of the contract: an unknown name is an error
    of the object around it. The validator's own messages quote values, and are not used.
    """
    reasons: dict[str, None] = {}
    try:
        for error in islice(validator.iter_errors(event), 100):
            path = ""
            for part in error.instance_path:
                path += "[]" if isinstance(part, int) else f".{part}"
            kind = error.kind
            if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
                path += f".{kind.property}"
            reasons[f"{path.removeprefix('.') or 'event'}: {kind.name}"] = None
            if len(reasons) == MAX_REASONS:
                break
    except ValueError:
        # The validator says that it is invalid, and not why, if it is nested deeper than some 250 levels.
        reasons["event: depth"] = None
    return "; ".join(reasons) or "event: invalid"


def utc(text: str) -> str:
    """Return a point in time, of the envelope's form, in UTC and spelled one way.

    Raises
    ------
    Refused
        If the calendar has no such time.
    """
    try:
        if text[-1] == "Z" and text[10] == "T":
            datetime.fromisoformat(text)  # raises for the 30th of February
            return text
        day, clock, fraction, offset = _PARTS.findall(text.upper())[0]
        moment = datetime.fromisoformat(f"{day}T{clock}{offset}").astimezone(UTC)
        return f"{moment.isoformat()[:19]}{fraction}Z"
    except (ValueError, OverflowError):
        raise Refused("producer_ts: calendar") from None
