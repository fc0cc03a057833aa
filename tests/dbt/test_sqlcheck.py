"""The SQL check: what is there is clean, and what is broken is found."""

from pathlib import Path

import pytest

import contracts
from local import sqlcheck


@pytest.fixture(scope="module")
def checks() -> dict[str, sqlcheck.Check]:
    return {check.what: check for check in sqlcheck.check(contracts.load())}


def test_all_sql_is_clean(checks: dict[str, sqlcheck.Check]) -> None:
    assert len(checks) == 3
    assert not [check.findings for check in checks.values() if not check.clean]


def test_a_statement_for_every_source_is_read() -> None:
    catalogue = contracts.load()
    names = [name for name, _ in sqlcheck.statements(catalogue)]
    ours = [f"{source}_{what}" for source in catalogue.sources for what in ("copy", "load")]
    assert sorted(names) == sorted(["pii_access", *ours])


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ("BEGIN\n    LET lo TIMESTAMP_NTZ := (SELECT MIN(A) FROM B;\nEND;\n", "PRS"),
        ("MERGE INTO A USING B ON A.C = B.C WHEN NOT MATCHED INSERT (C) VALUES (B.C)\n", "PRS"),
    ],
)
def test_a_statement_that_snowflake_would_not_parse_is_found(
    broken: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlcheck, "statements", lambda _: iter([("broken", broken)]))
    found = next(c for c in sqlcheck.check(contracts.load()) if c.what == "statements made of them")
    assert not found.clean and rule in found.findings and "broken.sql" in found.findings


def test_without_sqlfluff_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, capsys: object) -> None:
    monkeypatch.setattr(sqlcheck, "SQLFLUFF", Path("/nowhere/sqlfluff"))
    with pytest.raises(sqlcheck.SqlcheckError, match="make lint"):
        list(sqlcheck.check(contracts.load()))
    assert sqlcheck.main() == 2
