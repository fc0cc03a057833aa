"""The landed record: one line of JSON in an object of the landing zone.

::

    {"record": 1, "key": "<base64 of the wrapped data key>", "ingested_at": "2026-01-01T00:00:00.000Z",
     "event_id": "…", "source": "pos", "event_type": "sale", "schema_version": 1,
     "producer_ts": "…Z", "producer_ts_assigned": true, "data": {…}}

`producer_ts_assigned` is there only where the producer gave no time and the arrival's was taken. Each value
of personal data in `data` is one packed string (`functions.shared.protection`).

What could not be accepted is landed too, sealed with a data key of its own purpose, as
`"quarantine": {"reason": "data.total: type", "sealed": "<base64>"}` in place of `schema_version` and `data`;
if it is too large for that, it is an object of its own, and the record points to it:
`"quarantine": {"reason": …, "object": "oversize/…", "bytes": N, "sha256": "…"}`.
"""

from datetime import UTC, datetime
from typing import TypedDict

import orjson

RECORD_VERSION = 1
# What the delivery takes in one record.
MAX_RECORD_BYTES = 1000 * 1024
_LINE = orjson.OPT_APPEND_NEWLINE


class Entry(TypedDict):
    """A record for a stream, as Kinesis takes it."""

    Data: bytes
    PartitionKey: str


def timestamp(seconds: float) -> str:
    """Return a point in time as records have it: UTC, to the millisecond."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text[:-6] + "Z"


def head(wrapped_key: str, ingested_at: str) -> bytes:
    """Return the beginning of a line, which is the same for all records of a batch."""
    return b'{"record":%d,"key":"%b","ingested_at":"%b",' % (
        RECORD_VERSION,
        wrapped_key.encode(),
        ingested_at.encode(),
    )


def line(beginning: bytes, body: object) -> bytes:
    """Return a whole line: its beginning, and a JSON object with the rest."""
    return beginning + orjson.dumps(body, option=_LINE)[1:]
