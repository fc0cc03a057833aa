"""Real sales came through the whole lake: exact to the cent, masked by role, and nowhere in the clear."""

import pytest

from contracts import load
from local.leaks import leaks
from local.oracle import compare, expected
from local.replay import Replay
from local.state import Lake
from tests.e2e.conftest import DAYS
from tests.e2e.running import Command

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("lake")]


def test_up_shows_what_a_user_came_for(up: tuple[Command, str]) -> None:
    printed = up[1]
    assert "xxxxx@" in printed
    assert "http://127.0.0.1:" in printed
    store = up[0].one(
        "SELECT STORE_ID FROM PRODUCTION.DAILY_STORE_SALES GROUP BY 1 ORDER BY SUM(NET_SALES) DESC LIMIT 1",
        "ANALYST",
    )
    assert store in printed


def test_production_equals_pandas_to_the_cent(lake: Lake) -> None:
    truth = expected(DAYS)
    assert truth.lines > 5000
    assert compare(lake, DAYS) == []


def test_every_event_has_its_table(command: Command, lake: Lake) -> None:
    for event in (event for source in load().sources for event in load().events(source)):
        count = command.one(f"SELECT COUNT(*) FROM STAGING.{event.table}")
        # Nothing of a CRM is replayed.
        assert (count > 0) == (event.source != "crm"), event.table


@pytest.mark.parametrize(
    ("role", "face"),
    [
        ("ANALYST", r"xxxxx@[^@\s]+"),
        ("AUDITOR", r"xxxxx@[^@\s]+"),
        ("DATA_SCIENCE", r"[A-Za-z0-9_-]{32}"),
        ("MARKETING_OPS", r"[A-Za-z0-9_-]{32}"),
    ],
)
def test_each_role_sees_its_face_of_an_email(command: Command, role: str, face: str) -> None:
    import re

    rows = command.sql("SELECT EMAIL FROM PRODUCTION.CUSTOMERS WHERE EMAIL IS NOT NULL LIMIT 200", role)
    assert rows
    assert [row["EMAIL"] for row in rows if not re.fullmatch(face, row["EMAIL"])] == []


def test_administrators_see_nothing(command: Command) -> None:
    assert command.sql("SELECT DISTINCT EMAIL FROM PRODUCTION.CUSTOMERS WHERE EMAIL IS NOT NULL") == [
        {"EMAIL": "***"}
    ]


def test_roles_keep_out_of_raw(command: Command) -> None:
    for role in ("ANALYST", "DATA_SCIENCE", "MARKETING_OPS"):
        refused = command.run("sql", "SELECT * FROM RAW.POS LIMIT 1", "--role", role, check=False)
        assert refused.returncode != 0
        assert "not authorized" in refused.stdout + refused.stderr


def test_no_plaintext_lies_anywhere(lake: Lake) -> None:
    needles = Replay(days=DAYS).needles()
    assert len(needles) > 1000
    assert leaks(lake.root / ".local", needles, lake) == []


def test_a_second_up_changes_nothing(command: Command, lake: Lake) -> None:
    rows = command.one("SELECT COUNT(*) FROM PRODUCTION.SALES_LINES")
    command.run("up", "--days", str(DAYS), "--engine", "inprocess")
    assert command.one("SELECT COUNT(*) FROM PRODUCTION.SALES_LINES") == rows
    assert compare(lake, DAYS) == []
