"""Duplicates, disorder and invalid records: all of them land, none of them counts twice."""

from collections import Counter

import pytest

from local.leaks import leaks
from local.oracle import compare
from local.replay import run
from local.state import Lake
from tests.e2e.conftest import DAYS
from tests.e2e.running import Command

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("lake")]


def raw(command: Command) -> int:
    return sum(command.one(f"SELECT COUNT(*) FROM RAW.{source}") for source in ("POS", "ECOMMERCE"))


def test_what_was_sent_has_landed_was_loaded_and_is_staged_or_quarantined(
    command: Command, lake: Lake
) -> None:
    loaded, quarantined = raw(command), command.one("SELECT COUNT(*) FROM STAGING.QUARANTINE")

    sent = run(lake, days=DAYS, duplicates=0.05, shuffle=True, invalid=0.01, seed=11)
    command.run("drain", "--timeout", "240")

    assert sent.duplicates > 50
    assert sent.invalid > 10
    assert raw(command) - loaded == sent.records
    assert command.one("SELECT COUNT(*) FROM STAGING.QUARANTINE") - quarantined == sent.invalid
    for source, event in {(source, event) for source, event, kind in sent.counts if kind == "valid"}:
        ids = command.one(f"SELECT COUNT(DISTINCT EVENT_ID) FROM STAGING.{source}_{event}")
        assert (
            command.one(f"SELECT COUNT(*) FROM STAGING.{source}_{event}")
            == ids
            >= sent.distinct(source, event)
        )
    rows = command.sql("SELECT SOURCE, REASON, COUNT(*) AS N FROM STAGING.QUARANTINE GROUP BY 1, 2")
    assert Counter({(row["SOURCE"], row["REASON"]): row["N"] for row in rows}) == sent.reasons
    assert compare(lake, DAYS) == []
    assert leaks(lake.root / ".local", sent.needles, lake) == []
