"""The vault holds what opens every personal value that was staged, and whoever reads one is on record."""

from contextlib import closing
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

import contracts
from local.state import Lake
from tests.e2e.running import Command

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("lake")]


def ask(lake: Lake, role: str, query: str) -> list[tuple[Any, ...]]:
    with closing(lake.connect(role=role)) as session, session.cursor() as cursor:
        return [tuple(row) for row in cursor.execute(query).fetchall()]  # type: ignore[union-attr, arg-type]


def subject(packed: str) -> str:
    version, _, ciphertext, _ = packed.split(":", 3)
    return ciphertext[:21] if version == "2" else ""


def test_the_vault_opens_the_latest_of_every_value(lake: Lake, command: Command) -> None:
    """What is staged is in the vault; its ciphertext is the latest that landed, of repeats of an event too."""
    command.run("drain")
    staged: set[tuple[str, ...]] = set()
    landed: dict[tuple[str, ...], dict[tuple[str, str], Any]] = {}
    for event in contracts.load().all_events:
        for column in (column for column in event.columns if column.pii):
            field = ".".join(column.path)
            stage, raw = (
                ask(lake, "TRANSFORMER", query)
                for query in (
                    f"SELECT {column.name} FROM {lake.database}.STAGING.{event.table}",
                    f"SELECT PAYLOAD:data.{field}::VARCHAR, PAYLOAD:key::VARCHAR, INGESTED_AT FROM "
                    f"{lake.database}.RAW.{contracts.raw_table(event.source)} "
                    f"WHERE EVENT_TYPE = '{event.name}' AND PAYLOAD:quarantine IS NULL",
                )
            )
            place = (column.pii, event.source, field)
            staged |= {(packed.split(":")[1], *place, subject(packed)) for (packed,) in stage if packed}
            for packed, key, at in raw:
                if packed:
                    _, token, ciphertext, _ = packed.split(":", 3)
                    landed.setdefault((token, *place, subject(packed)), {})[ciphertext, key] = at
    vault = ask(
        lake,
        "REID_SERVICE",
        "SELECT TOKEN, KIND, SOURCE, FIELD, SUBJECT_ID, CIPHERTEXT, DATA_KEY, FIRST_SEEN, LAST_SEEN "
        f"FROM {lake.database}.GOVERNANCE.PII_VAULT",
    )
    assert staged
    assert {row[:5] for row in vault} == staged
    assert len(vault) == len(staged)
    for *row, ciphertext, key, first, last in vault:
        times = landed[tuple(row)]
        assert times[ciphertext, key] == last == max(times.values())
        assert first == min(times.values())


def test_the_auditor_sees_who_read_what(lake: Lake) -> None:
    def readings() -> list[tuple[Any, ...]]:
        columns = "ROLE_NAME, TABLE_NAME, COLUMN_NAME, KIND"
        return ask(lake, "AUDITOR", f"SELECT {columns} FROM {lake.database}.GOVERNANCE.PII_ACCESS")

    database, role = lake.database, lake.outputs["roles"]["MARKETING_OPS"]
    email = (role, f"{database}.PRODUCTION.CUSTOMERS", "EMAIL", "email")
    before = [one for one in readings() if one == email]
    ask(lake, "MARKETING_OPS", f"SELECT CUSTOMER_ID FROM {database}.PRODUCTION.CUSTOMERS")
    assert [one for one in readings() if one == email] == before
    seen_before = len(readings())
    ask(lake, "MARKETING_OPS", f"SELECT CUSTOMER_ID, EMAIL FROM {database}.PRODUCTION.CUSTOMERS")
    ask(lake, "REID_SERVICE", f"SELECT TOKEN FROM {database}.GOVERNANCE.PII_VAULT LIMIT 1")
    after = readings()
    assert len(after) > seen_before
    assert email in after
    reid = lake.outputs["roles"]["REID_SERVICE"]
    assert (reid, f"{database}.GOVERNANCE.PII_VAULT", "TOKEN", "vault") in after


@pytest.mark.parametrize("role", ["ANALYST", "TRANSFORMER", "REID_SERVICE"])
def test_nobody_else_reads_the_record(lake: Lake, role: str) -> None:
    with pytest.raises(ProgrammingError, match="not authorized"):
        ask(lake, role, f"SELECT * FROM {lake.database}.GOVERNANCE.PII_ACCESS")
