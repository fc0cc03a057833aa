"""Put the events of a file on a source's front door, and say line by line what is wrong with them.

Every line is sent. One that breaks its contract lands sealed in the quarantine, as it would have from any
other producer: the check tells you first, it does not decide. Only what the stream itself cannot take stays
behind.
No value is ever printed: a reason names the rule and the known path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from rich.console import Console

import contracts
from functions.shared.records import MAX_RECORD_BYTES
from functions.transform.core import Checker
from local.replay.put import RECORD_BYTES, Lane, PutError, Record
from local.state import Lake

STREAM = "stream"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NOT_TEXT = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a zip archive",
}
DELIVERED, SOME_REFUSED = 0, 2


class SendError(Exception):
    """The file could not be sent, or not to its end; the message says why, and how far it came."""


@dataclass(frozen=True)
class Fault:
    """A line that will not become a row of staging, and why."""

    line: int
    reason: str
    sent: bool

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" + (" — will be quarantined" if self.sent else " — not sent")


@dataclass(kw_only=True)
class Report:
    """What became of a file."""

    source: str
    lines: int = 0
    sent: int = 0
    blank: int = 0
    faults: list[Fault] = field(default_factory=list[Fault])

    @property
    def quarantined(self) -> int:
        """Lines that were sent and will land in the quarantine."""
        return sum(fault.sent for fault in self.faults)

    @property
    def refused(self) -> int:
        """Lines that the stream cannot take and that were not sent."""
        return len(self.faults) - self.quarantined

    @property
    def exit_code(self) -> int:
        """0 if every line was good; 2 if some were not, while all others were delivered."""
        return SOME_REFUSED if self.faults else DELIVERED

    def __str__(self) -> str:
        parts = [f"{self.sent - self.quarantined:,} good events sent to {self.source}"]
        if self.quarantined:
            parts.append(f"{self.quarantined:,} sent that will be quarantined")
        if self.refused:
            parts.append(f"{self.refused:,} not sent")
        if self.blank:
            parts.append(f"{self.blank:,} blank lines skipped")
        return ", ".join(parts)


def send(lake: Lake, path: Path, source: str, via: str = STREAM, *, console: Console | None = None) -> Report:
    """Send every line of a file of newline-separated JSON.

    Parameters
    ----------
    lake
        The lake to send to.
    path
        The file: UTF-8, one event per line; blank lines are skipped.
    source
        Whose front door.
    via
        Which front door; ``stream`` puts records on the source's ingress stream.
    console
        Where faults are printed as they are found, and the summary at the end; none prints nothing.

    Raises
    ------
    SendError
        If the source or the way is unknown, the file cannot be read, or the stream does not take it.
    """
    check = _checker(lake, source, via)
    report = Report(source=source)
    lane = Lane(lake.boto("kinesis"), lake.streams[source].ingress)
    try:
        with lane:
            for number, raw in _lines(path, report):
                fault = _fault(check, number, raw)
                if fault:
                    report.faults.append(fault)
                    if console:
                        console.print(
                            str(fault), style="yellow", markup=False, highlight=False, soft_wrap=True
                        )
                if fault is None or fault.sent:
                    lane.add(_record(number, raw))
                    report.sent += 1
    except PutError as error:
        raise SendError(
            f"{path}: the stream of {source} took {lane.delivered:,} lines and then no more ({error.why}). "
            "Is the lake up (python -m local status)? Then send the whole file again: what came through "
            "already is told by its event id."
        ) from error
    if console:
        console.print(str(report), markup=False, highlight=False, soft_wrap=True)
    return report


def _checker(lake: Lake, source: str, via: str) -> Checker:
    catalogue = contracts.load()
    known = sorted(set(catalogue.sources) & set(lake.sources))
    if source not in known:
        raise SendError(f"source {source!r} is unknown, expected one of: {', '.join(known)}")
    if via != STREAM:
        raise SendError(f"via {str(via)!r} is not there, expected: {STREAM}")
    return Checker(source, catalogue)


def _lines(path: Path, report: Report) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                text = line
                if number == 1:
                    if kind := next((NOT_TEXT[magic] for magic in NOT_TEXT if line.startswith(magic)), None):
                        raise SendError(
                            f"{path} is {kind}, expected UTF-8 text with one JSON object per line"
                        )
                    text = line.removeprefix(BYTE_ORDER_MARK)
                report.lines += 1
                if raw := text.strip():
                    yield number, raw
                else:
                    report.blank += 1
    except OSError as error:
        raise SendError(f"{path} cannot be read: {error.strerror}") from error


def _fault(check: Checker, number: int, raw: bytes) -> Fault | None:
    if (size := _record(number, raw).size) > RECORD_BYTES:
        limit = f"the stream takes {RECORD_BYTES:,} with the partition key"
        return Fault(number, f"too large: {size:,} bytes, {limit}", sent=False)
    if reason := check.fault(raw):
        return Fault(number, reason, sent=True)
    # Protection only adds to it; what comes close to the limit may still turn out too large.
    if len(raw) > MAX_RECORD_BYTES and len(orjson.dumps(orjson.loads(raw))) > MAX_RECORD_BYTES:
        return Fault(number, f"oversize: over {MAX_RECORD_BYTES:,} bytes, what the delivery takes", sent=True)
    return None


def _record(number: int, raw: bytes) -> Record:
    """Spread lines over the shards; the key must say nothing of what is in them."""
    return Record(str(number), raw)
