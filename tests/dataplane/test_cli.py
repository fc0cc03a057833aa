"""The command line, against a lake that is made of answers."""

import io
import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from local.cli import drain as draining
from local.cli import programs, query, show, start
from local.cli.app import app, days_of, main
from local.processes import Process
from local.state import ROOT_VARIABLE, Lake, LakeError, Paths, Warehouse, read_json, write_json
from local.status import Freshness, Hops, Status

runner = CliRunner()
STREAMS = {"pos": {"ingress": "l-pos-ingress", "protected": "l-pos-protected", "delivery": "l-pos-delivery"}}
VARIANT, FIXED, TEXT = 5, 0, 2
RUNNING = Process(name="x", pid=1, started=0.0, port=1)


class Cursor:
    """Answers statements by the first pattern that they match."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.rows = answers, []
        self.description: list[Any] = []
        self.executed: list[str] = []

    def execute(self, statement: str) -> "Cursor":
        self.executed.append(statement)
        for pattern, answer in self.answers.items():
            if re.search(pattern, statement):
                found = answer() if callable(answer) else answer
                if isinstance(found, Exception):
                    raise found
                self.rows = list(found)
                return self
        raise AssertionError(f"not expected: {statement}")

    def fetchall(self) -> list[Any]:
        return self.rows

    def fetchone(self) -> Any:
        return self.rows[0]

    def close(self) -> None:
        pass


class Session:
    def __init__(self, cursor: Cursor) -> None:
        self.one = cursor

    def cursor(self) -> Cursor:
        return self.one

    def close(self) -> None:
        pass


class Bucket:
    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[Any]:
        return [{"Contents": [{"Key": key} for key in self.keys if key.startswith(Prefix)]}]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    lake = Lake(
        paths=Paths(tmp_path).make(),
        endpoint="http://127.0.0.1:1",
        region="eu-central-1",
        warehouse=Warehouse(host="127.0.0.1", port=2, database="RETAIL_LOCAL"),
        engine="inprocess",
        outputs={"streams": STREAMS, "landing": {"bucket": "landing"}, "roles": {"ANALYST": "ANALYST"}},
    )
    lake.save()
    monkeypatch.setattr("local.cli.running.find", lambda *_: RUNNING)
    return lake


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cursor]:
    def answer(answers: dict[str, Any], description: list[tuple[str, int]] | None = None) -> Cursor:
        cursor = Cursor(answers)
        cursor.description = [SimpleNamespace(name=n, type_code=code) for n, code in description or []]
        monkeypatch.setattr(Lake, "connect", lambda *_, **__: Session(cursor))
        return cursor

    return answer


def test_a_lake_that_was_saved_is_loaded(lake: Lake) -> None:
    assert Lake.load(lake.root) == lake
    assert lake.streams["pos"].ingress == "l-pos-ingress"
    assert (lake.sources, lake.bucket, lake.database) == (("pos",), "landing", "RETAIL_LOCAL")


@pytest.mark.parametrize(
    "words", [["sql", "SELECT 1"], ["drain"], ["dashboard"], ["send", "FILE", "--source", "pos"]]
)
def test_without_a_lake_each_verb_says_how_to_get_one(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.ndjson").write_text("{}\n")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    monkeypatch.setattr(
        "sys.argv", ["local", *(str(tmp_path / "x.ndjson") if w == "FILE" else w for w in words)]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "start one with `python -m local up`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "dead"), [(["sql", "SELECT 1"], programs.WAREHOUSE), (["drain"], programs.DATAPLANE)]
)
def test_a_dead_process_is_named(
    lake: Lake,
    words: list[str],
    dead: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("local.cli.running.find", lambda _, name: None if name == dead else RUNNING)
    monkeypatch.setattr("sys.argv", ["local", *words])
    with pytest.raises(SystemExit):
        main()
    assert f"the process `{dead}` has ended" in " ".join(capsys.readouterr().err.split())


def test_status_of_nothing_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    said = json.loads(runner.invoke(app, ["status", "--json"]).stdout)
    assert said["deployed"] is False
    assert said["processes"] == {name: {"running": False} for name in programs.ALL}
    assert runner.invoke(app, ["down"]).exit_code == 0


def test_days() -> None:
    assert (days_of("7"), days_of("0"), days_of("all")) == (7, 0, None)
    refused = runner.invoke(app, ["up", "--days", "-3"])
    assert refused.exit_code == 2
    assert "a number of days" in refused.output


def test_sql_as_json_keeps_every_digit(lake: Lake, answering: Callable[..., Cursor]) -> None:
    row = (
        Decimal("12345678901234567890.10"),
        10**30,
        None,
        date(2017, 1, 1),
        datetime(2017, 1, 1, 12),
        '{"a": 1.10}',
        "é",
    )
    columns = [("D", FIXED), ("N", FIXED), ("X", TEXT), ("DAY", 3), ("AT", 8), ("V", VARIANT), ("T", TEXT)]
    answering({"SELECT": [row]}, columns)
    printed = runner.invoke(app, ["sql", "SELECT …", "--format", "json"]).stdout
    [found] = json.loads(printed, parse_float=Decimal)
    assert found == {
        "D": Decimal("12345678901234567890.10"), "N": 10**30, "X": None, "DAY": "2017-01-01",
        "AT": "2017-01-01T12:00:00", "V": {"a": Decimal("1.10")}, "T": "é",
    }  # fmt: skip


def test_sql_without_rows_is_an_empty_list(lake: Lake, answering: Callable[..., Cursor]) -> None:
    answering({"SELECT": []}, [("A", TEXT)])
    assert json.loads(runner.invoke(app, ["sql", "SELECT 1", "--format", "json"]).stdout) == []


def test_a_table_shows_markup_as_it_is() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(query.as_table(query.Answer(["A", "B"], [("[red]x[/red]", None), ("y", Decimal("1.50"))])))
    shown = console.export_text()
    assert "[red]x[/red]" in shown
    assert "NULL" in shown
    assert "1.50" in shown


def test_what_the_warehouse_refuses_is_a_line_and_exit_1(
    lake: Lake,
    answering: Callable[..., Cursor],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from snowflake.connector.errors import ProgrammingError

    answering(
        {
            "RAW": ProgrammingError(
                msg="SQL compilation error:\nObject 'RAW.POS' does not exist or not authorized."
            )
        }
    )
    monkeypatch.setattr("sys.argv", ["local", "sql", "SELECT * FROM RAW.POS", "--role", "ANALYST"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr().err
    assert ended.value.code == 1
    assert "not authorized" in printed
    assert "Traceback" not in printed


def test_send_by_an_unknown_way_says_what_there_is(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.ndjson").write_text("{}\n")
    monkeypatch.setattr(
        "sys.argv", ["local", "send", str(tmp_path / "x.ndjson"), "--source", "pos", "--via", "api"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "stream" in capsys.readouterr().err


# Drain: one hop after the other, each named while it is waited for.

WAREHOUSE_IS_DONE = {
    "DISTINCT FILE_NAME": [("landing/source=pos/a.gz",)],
    "STREAM_HAS_DATA": [(False,)],
}


@pytest.fixture
def alive(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr(draining, "find", lambda *_: RUNNING)
    monkeypatch.setattr(draining, "PAUSE", 0.01)
    monkeypatch.setattr(Lake, "boto", lambda *_: Bucket("landing/source=pos/a.gz"))
    monkeypatch.setattr("local.modelling.build", lambda _: SimpleNamespace(skipped=True))
    return lake


def plane(lake: Lake, *, mapped: float = 9e12, pumped: float = 9e12, **delivery: Any) -> None:
    flushed = read_json(lake.paths.run / "dataplane.flush") or ""
    mapping = {
        "stream": "l-pos-ingress",
        "caught_up_at": mapped,
        "transformed": 5,
        "in_flight": 2,
        "last_error": "" if mapped else "FunctionError Sandbox.Timedout",
        "shards": {"s": {"behind_ms": 4000}},
    }
    pump = {"name": "l-pos-delivery", "caught_up_at": pumped, "delivered": 3, "buffered": 4, "last_error": ""}
    reports = {"mappings": [mapping], "deliveries": [{**pump, "flushed": flushed, **delivery}], "refused": {}}
    write_json(lake.paths.dataplane, reports)


def stuck(lake: Lake) -> str:
    with pytest.raises(draining.DrainTimeoutError) as fault:
        draining.drain(lake, 0.05, lambda _: None)
    return str(fault.value)


def test_drain_waits_for_the_mapping_and_names_its_error(
    alive: Lake, answering: Callable[..., Cursor]
) -> None:
    answering(WAREHOUSE_IS_DONE)
    plane(alive, mapped=0)
    said = stuck(alive)
    assert "pos: 5 records transformed, 2 in work, 4 s of the stream behind" in said
    assert "FunctionError Sandbox.Timedout" in said


def test_drain_waits_for_a_mapping_that_is_not_found_yet(
    alive: Lake, answering: Callable[..., Cursor]
) -> None:
    answering(WAREHOUSE_IS_DONE)
    write_json(alive.paths.dataplane, {"mappings": [], "deliveries": [], "refused": {}})
    assert "has not found l-pos-ingress yet" in stuck(alive)
    refused = {"mapping of l-pos-ingress": "not run on the laptop: filter criteria"}
    write_json(alive.paths.dataplane, {"mappings": [], "deliveries": [], "refused": refused})
    assert "not run on the laptop: filter criteria" in stuck(alive)


def test_drain_waits_for_the_delivery_then_for_its_flush(
    alive: Lake, answering: Callable[..., Cursor]
) -> None:
    answering(WAREHOUSE_IS_DONE)
    plane(alive, pumped=0)
    assert "pos: 3 records delivered, 4 in the buffer" in stuck(alive)
    assert not (alive.paths.run / "dataplane.flush").exists()  # asked for only when all is in the buffers
    plane(alive, flushed="an earlier one")
    assert "l-pos-delivery: 3 records delivered, 4 in the buffer" in stuck(alive)


def test_drain_names_an_object_that_is_not_loaded(
    alive: Lake, answering: Callable[..., Cursor], monkeypatch: pytest.MonkeyPatch
) -> None:
    flush_at_once(alive, monkeypatch)
    state = json.dumps({"executionState": "PAUSED", "error": "access denied"})
    answering({**WAREHOUSE_IS_DONE, "DISTINCT FILE_NAME": [], "PIPE_STATUS": [(state,)]})
    said = stuck(alive)
    assert "1 of 1 objects not loaded: landing/source=pos/a.gz" in said
    assert "PAUSED" in said
    assert "access denied" in said


def test_drain_starts_the_task_and_says_why_it_fails(
    alive: Lake, answering: Callable[..., Cursor], monkeypatch: pytest.MonkeyPatch
) -> None:
    flush_at_once(alive, monkeypatch)
    cursor = answering(
        {**WAREHOUSE_IS_DONE, "STREAM_HAS_DATA": [("true",)], "EXECUTE TASK": [("ok",)],
         "TASK_HISTORY": [("FAILED", "division by zero")]}
    )  # fmt: skip
    assert "task LOAD_POS (its last run failed: division by zero)" in stuck(alive)
    assert [s for s in cursor.executed if s.startswith("EXECUTE")] == ["EXECUTE TASK STAGING.LOAD_POS"]


def test_drain_ends_when_every_hop_is_done(
    alive: Lake, answering: Callable[..., Cursor], monkeypatch: pytest.MonkeyPatch
) -> None:
    flush_at_once(alive, monkeypatch)
    answering(WAREHOUSE_IS_DONE)
    assert draining.drain(alive, 1, lambda _: None).skipped
    printed = runner.invoke(app, ["drain", "--timeout", "1"])
    assert printed.exit_code == 0
    assert "drained" in printed.stdout


def test_drain_does_not_wait_for_the_dead(
    alive: Lake, answering: Callable[..., Cursor], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(WAREHOUSE_IS_DONE)
    plane(alive, mapped=0)
    (alive.paths.log / "dataplane.log").write_text("the last words\n")
    monkeypatch.setattr(draining, "find", lambda _, name: None if name == programs.DATAPLANE else RUNNING)
    with pytest.raises(LakeError, match=r"`dataplane` has ended(.|\n)*the last words"):
        draining.drain(alive, 60, lambda _: None)


def flush_at_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    request = draining.request_flush

    def flush(paths: Paths) -> str:
        mark = request(paths)
        plane(lake)
        return mark

    plane(lake)
    monkeypatch.setattr(draining, "request_flush", flush)


# What is printed


def test_status_shows_each_hop_and_what_failed() -> None:
    counts = Hops(
        sent=12,
        received=11,
        transformed=10,
        delivered=9,
        landed=2,
        loaded=9,
        staged=7,
        quarantined=2,
        failed_attempts=3,
        last_error="FunctionError",
    )
    found = Status(
        deployed=True,
        engine="cli",
        sources={"pos": counts},
        freshness=Freshness(events=7, p50=2.5, p95=4.25),
        processes={"aws": Process(name="aws", pid=7, started=0.0, port=99), "warehouse": None},
        refused={"delivery x": "not run on the laptop: a processor"},
    )
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(show.status(found))
    shown = console.export_text()
    for text in (
        "http://127.0.0.1:99",
        "not running",
        "3 attempts failed",
        "p50 2.5 s, p95 4.2 s",
        "delivery x",
    ):
        assert text in shown
    hops = shown[shown.index("records at each hop") :]
    assert re.findall(r"(\d+) │$", hops, re.MULTILINE) == ["12", "11", "10", "9", "2", "9", "7", "2"]
    assert found.document()["processes"] == {
        "aws": {"running": True, "pid": 7, "port": 99},
        "warehouse": {"running": False},
    }
    json.dumps(found.document())


def test_two_commands_do_not_start_and_stop_at_once(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    with start._alone(paths), pytest.raises(LakeError, match="another `up` or `down`"):
        start.down(paths)


def test_down_removes_everything(tmp_path: Path) -> None:
    paths = Paths(tmp_path).make()
    (paths.s3 / "object").write_text("x")
    assert start.down(paths) == []
    assert list(tmp_path.iterdir()) == []


def test_the_region_is_the_stacks() -> None:
    assert start.region() == "eu-central-1"
