"""A file with broken lines: each is named, the good ones arrive."""

from pathlib import Path

import pytest

from tests.e2e.events import SECRET, sale
from tests.e2e.running import Command

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("lake")]


def test_every_broken_line_is_named_and_the_good_ones_arrive(command: Command, tmp_path: Path) -> None:
    quarantined = command.one("SELECT COUNT(*) FROM STAGING.QUARANTINE")
    file = tmp_path / "sales.ndjson"
    file.write_text(
        "\n".join([sale(1), "{broken", sale(3, total=SECRET), sale(4), sale(5, unknown=1), sale(1)])
    )

    done = command.run("send", str(file), "--source", "pos", check=False)
    printed = done.stdout + done.stderr

    assert [f"line {number}:" in printed for number in range(1, 7)] == [False, True, True, False, True, False]
    assert SECRET not in printed
    command.run("drain", "--timeout", "120")
    rows = command.sql("SELECT EVENT_ID, TOTAL FROM STAGING.POS_SALE WHERE STORE_ID = '9001' ORDER BY 1")
    assert [row["EVENT_ID"] for row in rows] == ["9001-1", "9001-4"]
    assert command.one("SELECT COUNT(*) FROM STAGING.QUARANTINE") - quarantined == 3
    day = "SELECT TRANSACTIONS, UNITS, NET_SALES FROM PRODUCTION.DAILY_STORE_SALES WHERE STORE_ID = '9001'"
    (row,) = command.sql(day, "ANALYST")
    assert (row["TRANSACTIONS"], row["UNITS"], float(row["NET_SALES"])) == (2, 4, 7.0)


def test_the_same_event_in_a_later_batch_is_still_one_row(command: Command, tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "again.ndjson").write_text(sale(77))
        command.run("send", str(tmp_path / "again.ndjson"), "--source", "pos")
        command.run("drain", "--timeout", "120")
    assert command.one("SELECT COUNT(*) FROM RAW.POS WHERE EVENT_ID = '9001-77'") == 2
    assert command.one("SELECT COUNT(*) FROM STAGING.POS_SALE WHERE EVENT_ID = '9001-77'") == 1


def test_an_unknown_source_says_which_there_are(command: Command, tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_text("{}")
    refused = command.run("send", str(tmp_path / "x.ndjson"), "--source", "nowhere", check=False)
    assert refused.returncode != 0
    assert "pos" in refused.stdout + refused.stderr
