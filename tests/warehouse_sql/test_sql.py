"""The SQL of pipes and tasks: made from the contracts, well formed, and trusting nothing that is put in."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

import contracts
from components.snowflake.sql import SqlError, copy_statement, load_task, pii_access
from contracts import Column

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = contracts.load()
VAULT = "RETAIL.GOVERNANCE.PII_VAULT"
SOURCES = CATALOGUE.sources
# A keyword as a column's name (RF04) and the length of a line (LT05) are the contracts' choice.
SQLFLUFF = (".venv-dbt/bin/sqlfluff", "lint", "--dialect", "snowflake", "--exclude-rules", "CP02,LT05,RF04")


def block(source: str, window_days: int = 3) -> str:
    return load_task("RETAIL", source, CATALOGUE.events(source), window_days)


def merges(text: str) -> list[exp.Merge]:
    """The MERGE statements of a block, as sqlglot reads them."""
    found = re.findall(r"^ {4}MERGE .*?;$", text, re.DOTALL | re.MULTILINE)
    trees = [sqlglot.parse_one(statement.rstrip(";"), read="snowflake") for statement in found]
    assert all(isinstance(tree, exp.Merge) for tree in trees)
    return trees  # type: ignore[return-value]  # just asserted


def merged_into(merge: exp.Merge) -> str:
    target = merge.this
    return f"{target.catalog}.{target.db}.{target.name}"


def into_staging(text: str) -> list[exp.Merge]:
    return [merge for merge in merges(text) if merged_into(merge) != VAULT]


def inserted(merge: exp.Merge) -> list[str]:
    (insert,) = merge.find_all(exp.Insert)
    return [column.name for column in insert.this.expressions]


@pytest.mark.parametrize("source", SOURCES)
def test_the_linter_knows_and_accepts_every_statement(source: str, tmp_path: Path) -> None:
    (tmp_path / "copy.sql").write_text(copy_statement("RETAIL", source) + "\n")
    (tmp_path / "load.sql").write_text(block(source) + "\n")
    done = subprocess.run([*SQLFLUFF, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_templates_pass_the_linter() -> None:
    folder = ROOT / "warehouse" / "sql"
    done = subprocess.run(
        [ROOT / SQLFLUFF[0], "lint", "."], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_linter_would_reject_a_malformed_block(tmp_path: Path) -> None:
    (tmp_path / "load.sql").write_text(
        block("pos").replace("WHEN NOT MATCHED THEN INSERT", "WHEN THEN") + "\n"
    )
    done = subprocess.run([*SQLFLUFF, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "PRS" in done.stdout


@pytest.mark.parametrize("source", SOURCES)
def test_every_event_has_a_merge_with_all_its_columns(source: str) -> None:
    tables = {f"RETAIL.STAGING.{event.table}": event for event in CATALOGUE.events(source)}
    envelope = [column.name for column in contracts.ENVELOPE_COLUMNS]
    *events, quarantine = into_staging(block(source))
    assert {merged_into(merge) for merge in events} == tables.keys()
    for merge in events:
        own = [column.name for column in tables[merged_into(merge)].columns]
        assert inserted(merge) == [*envelope, *own]
    assert merged_into(quarantine) == "RETAIL.STAGING.QUARANTINE"
    assert inserted(quarantine) == [column.name for column in contracts.QUARANTINE_COLUMNS]


@pytest.mark.parametrize("source", SOURCES)
def test_the_vault_takes_every_personal_value_of_the_contracts(source: str) -> None:
    taken: set[tuple[str, str, str]] = set()
    for merge in (merge for merge in merges(block(source)) if merged_into(merge) == VAULT):
        assert inserted(merge) == [column.name for column in contracts.VAULT_COLUMNS]
        # Of events only the batch is read: the cost follows it.
        read = {table.name for table in merge.args["using"].find_all(exp.Table)}
        assert read == {f"{contracts.raw_table(source)}_STREAM"}
        (event,) = re.findall(r"EVENT_TYPE = '(\w+)'", merge.sql())
        (values,) = merge.find_all(exp.Values)
        taken |= {(event, *(item.name for item in row.expressions)) for row in values.expressions}
    assert taken == {
        (event.name, ".".join(column.path), column.pii)
        for event in CATALOGUE.events(source)
        for column in event.columns
        if column.pii
    }


def test_an_event_without_personal_data_has_nothing_in_the_vault() -> None:
    event = CATALOGUE.event("pos", "sale")
    plain = replace(event, columns=tuple(column for column in event.columns if not column.pii))
    assert "PII_VAULT" not in load_task("RETAIL", "pos", [plain], 3)


@pytest.mark.parametrize("source", SOURCES)
def test_a_merge_only_inserts_and_looks_only_at_the_window(source: str) -> None:
    *events, _ = into_staging(block(source, window_days=5))
    for merge in events:
        assert [when.args.get("matched") for when in merge.find_all(exp.When)] == [False]
        (between,) = merge.args["on"].find_all(exp.Between)
        assert between.this.sql() == "staged.PRODUCER_TS"
        assert [between.args["low"].sql(), between.args["high"].sql()] == [":lo", ":hi"]
    assert "DATEADD('day', -5, MIN(" in block(source, window_days=5)
    assert "DATEADD('day', 5, MAX(" in block(source, window_days=5)


def test_the_block_is_one_transaction() -> None:
    text = block("pos")
    order = [
        text.index(word)
        for word in ("BEGIN TRANSACTION;", "LET lo", "LET hi", "MERGE", "COMMIT;", "ROLLBACK;")
    ]
    assert order == sorted(order)
    assert text.startswith("BEGIN\n") and text.endswith("\nEND")
    assert re.search(r"WHEN OTHER THEN\s+ROLLBACK;\s+RAISE;", text)


def test_personal_data_is_taken_as_the_packed_text() -> None:
    for event in CATALOGUE.all_events:
        for column in event.columns:
            if column.pii:
                path = ".".join(column.path)
                assert f"arrived.PAYLOAD:data.{path}::VARCHAR AS {column.name}" in block(event.source)


def test_values_are_taken_by_their_type() -> None:
    text = load_task(
        "RETAIL",
        "pos",
        [
            replace(
                CATALOGUE.event("pos", "sale"),
                columns=(
                    Column(name="TOTAL", type="NUMBER(12,2)", path=("total",)),
                    Column(name="SOLD", type="TIMESTAMP_NTZ", path=("sold",)),
                    Column(name="LINES", type="VARIANT", path=("lines",)),
                    Column(name="E_MAIL", type="VARCHAR", path=("customer", 'e-"mail"')),
                ),
            )
        ],
        1,
    )
    assert "TRY_CAST(arrived.PAYLOAD:data.total::VARCHAR AS NUMBER(12, 2)) AS TOTAL" in text
    assert "CONVERT_TIMEZONE('UTC', TRY_CAST(arrived.PAYLOAD:data.sold::VARCHAR AS TIMESTAMP_TZ))" in text
    assert "arrived.PAYLOAD:data.lines AS LINES" in text
    assert 'arrived.PAYLOAD:data.customer."e-""mail"""::VARCHAR AS E_MAIL' in text


@pytest.mark.parametrize("source", SOURCES)
def test_the_copy_fills_raw_and_reads_the_sources_prefix(source: str) -> None:
    text = copy_statement("RETAIL", source)
    columns = re.search(r"COPY INTO RETAIL\.RAW\.(\w+) \((.*)\)", text)
    assert columns
    assert columns[1] == contracts.raw_table(source)
    assert columns[2].split(", ") == [column.name for column in contracts.RAW_COLUMNS]
    assert f"FROM @RETAIL.RAW.LANDING/source={source}/\n" in text
    assert "METADATA$START_SCAN_TIME" in text and "CURRENT_TIMESTAMP" not in text
    assert text.endswith("ON_ERROR = SKIP_FILE")


def test_the_copy_does_not_depend_on_the_contract() -> None:
    names = {column.name for event in CATALOGUE.events("pos") for column in event.columns}
    assert not {name for name in names if name in copy_statement("RETAIL", "pos")}


@pytest.mark.parametrize("database", ["retail", "", "RE TAIL", 'R"', "R;DROP", "1R", "R.S"])
def test_a_database_that_would_need_quotes_is_refused(database: str) -> None:
    with pytest.raises(SqlError, match="database: expected"):
        copy_statement(database, "pos")
    with pytest.raises(SqlError, match="database: expected"):
        load_task(database, "pos", CATALOGUE.events("pos"), 3)


@pytest.mark.parametrize("source", ["POS", "", "p/../os", "p'", "pos/ x"])
def test_a_source_that_could_leave_its_prefix_is_refused(source: str) -> None:
    with pytest.raises(SqlError, match="source: expected"):
        copy_statement("RETAIL", source)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([Column(name="A B", type="VARCHAR", path=("a",))], "column: expected"),
        ([Column(name="A", type="VARCHAR) --", path=("a",))], "type of column A: expected"),
        ([Column(name="EVENT_ID", type="VARCHAR", path=("event_id",))], "EVENT_ID are those of the envelope"),
    ],
)
def test_a_column_that_cannot_be_is_refused(columns: list[Column], message: str) -> None:
    event = replace(CATALOGUE.event("pos", "sale"), columns=tuple(columns))
    with pytest.raises(SqlError, match=message):
        load_task("RETAIL", "pos", [event], 3)


def test_an_event_of_another_source_is_refused() -> None:
    with pytest.raises(SqlError, match="'order' is of source 'ecommerce', expected 'pos'"):
        load_task("RETAIL", "pos", [CATALOGUE.event("ecommerce", "order")], 3)


def test_no_events_and_no_window_are_refused() -> None:
    with pytest.raises(SqlError, match="got none"):
        load_task("RETAIL", "pos", [], 3)
    with pytest.raises(SqlError, match="at least 1 day"):
        load_task("RETAIL", "pos", CATALOGUE.events("pos"), 0)


def test_accesses_are_those_to_this_database_s_masks_and_vault() -> None:
    text = pii_access("RETAIL")
    tree = sqlglot.parse_one(text, read="snowflake")
    tables = {f"{table.catalog}.{table.db}.{table.name}" for table in tree.find_all(exp.Table) if table.db}
    usage = "SNOWFLAKE.ACCOUNT_USAGE"
    assert tables == {f"{usage}.ACCESS_HISTORY", f"{usage}.QUERY_HISTORY"}
    assert "'RETAIL.GOVERNANCE.MASK_'" in text
    assert "'RETAIL.GOVERNANCE.PII_VAULT'" in text
    with pytest.raises(SqlError, match="database"):
        pii_access("RETAIL'--")
