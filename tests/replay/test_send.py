"""A user's file: every line is told about, every line is sent, no value is shown."""

import io
import json
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local.replay import events
from local.replay.invalid import FAULTS, bad
from local.replay.put import RECORD_BYTES
from local.send import Fault, Report, SendError, send
from local.state import Lake
from tests.replay.conftest import received

SALES = [e.body for e in events(days=1) if e.event == "sale"][:40]
SECRET = "ford.prefect@betelgeuse.example"


def change(raw: bytes, path: str, value: Any) -> bytes:
    event = node = json.loads(raw)
    *parents, last = path.split("/")
    for name in parents:
        node = node[name]
    node[last] = value
    return json.dumps(event).encode()


class Sent:
    def __init__(self, lake: Lake, path: Path, source: str = "pos") -> None:
        shown = io.StringIO()
        self.report: Report = send(lake, path, source, console=Console(file=shown, width=40))
        self.printed = shown.getvalue()
        self.arrived = list(chain(*received(lake, lake.streams[source].ingress)))


def file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "events.ndjson"
    path.write_bytes(content)
    return path


def test_good_lines_arrive_as_they_are(lake: Lake, tmp_path: Path) -> None:
    sent = Sent(lake, file(tmp_path, b"\n".join(SALES)))
    assert sorted(sent.arrived) == sorted(SALES)
    assert sent.report == Report(source="pos", lines=40, sent=40)
    assert sent.report.exit_code == 0
    assert sent.printed == "40 good events sent to pos\n"


def test_each_bad_line_is_named_and_still_sent(lake: Lake, tmp_path: Path) -> None:
    lines = [
        SALES[0],
        change(SALES[1], "data/total", SECRET),
        b"",
        b"{broken",
        SALES[2],
        change(SALES[3], "data/customer/email", 17),
        change(SALES[4], "event_type", SECRET),
        change(SALES[5], f"data/{SECRET}", SECRET),
        b"   \t",
        SALES[6],
    ]
    sent = Sent(lake, file(tmp_path, b"\r\n".join(lines) + b"\r\n"))
    assert sorted(sent.arrived) == sorted(line for line in lines if line.strip())
    assert sent.report.faults == [
        Fault(2, "data.total: pattern", sent=True),
        Fault(4, "event: json", sent=True),
        Fault(6, "data.customer.email: type", sent=True),
        Fault(7, "event_type: unknown", sent=True),
        Fault(8, "data: additionalProperties", sent=True),
    ]
    assert (sent.report.lines, sent.report.sent, sent.report.blank) == (10, 8, 2)
    assert sent.report.exit_code == 2
    assert "line 2: data.total: pattern — will be quarantined\n" in sent.printed
    assert sent.printed.endswith(
        "3 good events sent to pos, 5 sent that will be quarantined, 2 blank lines skipped\n"
    )
    assert SECRET not in sent.printed


def test_tells_the_reason_of_every_kind_of_fault(lake: Lake, tmp_path: Path) -> None:
    records = [bad(number, 1) for number in range(len(FAULTS))]
    lines = [r for r in records if r.source == "pos" and b"\n" not in r.body and b"\r" not in r.body]
    assert len(lines) > 10
    lines = [r for r in lines if r.body.strip() == r.body and r.name not in ("UTF-16", "compressed")]
    sent = Sent(lake, file(tmp_path, b"\n".join([SALES[0], *(r.body for r in lines)])))
    assert [(f.line, f.reason.partition(" ")[0]) for f in sent.report.faults if "oversize" in f.reason] == [
        (n, "oversize:") for n, r in enumerate(lines, 2) if r.reason == "oversize"
    ]
    assert [(f.line, f.reason) for f in sent.report.faults if "oversize" not in f.reason] == [
        (n, r.reason) for n, r in enumerate(lines, 2) if r.reason != "oversize"
    ]
    assert "@" not in sent.printed


def test_what_the_stream_cannot_take_is_refused_and_the_rest_goes(lake: Lake, tmp_path: Path) -> None:
    huge = change(SALES[1], "data/register_id", "x" * RECORD_BYTES)
    sent = Sent(lake, file(tmp_path, b"\n".join([SALES[0], huge, SALES[2]])))
    assert sorted(sent.arrived) == sorted([SALES[0], SALES[2]])
    (fault,) = sent.report.faults
    assert (fault.line, fault.sent, sent.report.refused, sent.report.sent) == (2, False, 1, 2)
    assert f"line 2: too large: {len(huge) + 1:,} bytes, the stream takes 1,048,576" in sent.printed
    assert "not sent" in sent.printed
    assert sent.report.exit_code == 2


def test_the_largest_record_that_fits_is_sent_and_told_to_be_oversize(lake: Lake, tmp_path: Path) -> None:
    item = json.loads(SALES[0])["data"]["lines"][0]
    large = change(
        SALES[0],
        "data/lines",
        [item] * ((RECORD_BYTES - 5000) // (len(json.dumps(item, separators=(",", ":"))) + 1)),
    )
    large = json.dumps(json.loads(large), separators=(",", ":")).encode()
    assert 1000 * 1024 < len(large) < RECORD_BYTES
    sent = Sent(lake, file(tmp_path, large))
    assert sent.arrived == [large]
    assert [fault.reason.partition(":")[0] for fault in sent.report.faults] == ["oversize"]


def test_a_byte_order_mark_is_no_part_of_the_first_event(lake: Lake, tmp_path: Path) -> None:
    sent = Sent(lake, file(tmp_path, b"\xef\xbb\xbf" + SALES[0]))
    assert sent.arrived == [SALES[0]] and not sent.report.faults


def test_an_empty_file_sends_nothing(lake: Lake, tmp_path: Path) -> None:
    sent = Sent(lake, file(tmp_path, b""))
    assert sent.arrived == []
    assert sent.report.exit_code == 0
    assert sent.printed == "0 good events sent to pos\n"


@pytest.mark.parametrize(
    ("content", "kind"),
    [("é{}".encode("utf-16"), "UTF-16"), (b"\x1f\x8b\x08rest", "gzip"), (b"PK\x03\x04rest", "zip")],
)
def test_a_file_of_another_kind_is_refused(lake: Lake, tmp_path: Path, content: bytes, kind: str) -> None:
    with pytest.raises(SendError, match=rf"events\.ndjson is .*{kind}.*expected UTF-8"):
        send(lake, file(tmp_path, content), "pos")
    assert received(lake, lake.streams["pos"].ingress) == [[], []]


def test_says_what_cannot_be_done(lake: Lake, tmp_path: Path) -> None:
    good = file(tmp_path, SALES[0])
    with pytest.raises(SendError, match="source 'till' is unknown, expected one of: ecommerce, pos"):
        send(lake, good, "till")
    with pytest.raises(SendError, match="via 'fax' is not there, expected: stream"):
        send(lake, good, "pos", via="fax")
    with pytest.raises(SendError, match="cannot be read: No such file"):
        send(lake, tmp_path / "missing", "pos")
    with pytest.raises(SendError, match="cannot be read: Is a directory"):
        send(lake, tmp_path, "pos")
    lake.boto("kinesis").delete_stream(StreamName=lake.streams["pos"].ingress)
    with pytest.raises(SendError, match=r"took 0 lines and then no more \(ResourceNotFoundException\)"):
        send(lake, good, "pos")


def test_nobody_answers(tmp_path: Path, lake: Lake) -> None:
    with pytest.raises(SendError, match=r"no more \(EndpointConnectionError\). Is the lake up"):
        send(replace(lake, endpoint="http://127.0.0.1:9"), file(tmp_path, SALES[0]), "pos")
