"""STAGING to PRODUCTION by dbt, on the laptop's warehouse: what is built, when, and what stops it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from components.snowflake import roles
from local import modelling
from local.modelling import ModellingError, Result
from tests.dbt.staging import DATABASE, LOADED, Staging, line, packed, staging

pytestmark = pytest.mark.xdist_group("dbt")

LINES = "SELECT CHANNEL, EVENT_ID, PRODUCT_ID, SALES_DATE, QUANTITY, SALES_VALUE FROM SALES_LINES"
DAYS = "SELECT STORE_ID, SALES_DATE, CHANNEL, TRANSACTIONS, UNITS, NET_SALES FROM DAILY_STORE_SALES"
CUSTOMERS = "SELECT CUSTOMER_ID, FIRST_SEEN, LAST_SEEN, TRANSACTIONS, NET_SALES FROM CUSTOMERS"


def production(lake: Staging, query: str, role: str = "ANALYST") -> list[tuple[Any, ...]]:
    return sorted(lake.run(f"USE SCHEMA {DATABASE}.PRODUCTION", query, role=role), key=str)


def everything(lake: Staging) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("SALES_LINES", "DAILY_STORE_SALES", "CUSTOMERS", "INGESTION_FRESHNESS", "QUARANTINED_EVENTS")
    return {table: production(lake, f"SELECT * FROM {table}") for table in tables}


@dataclass(frozen=True, kw_only=True)
class Story:
    """A lake after three builds: the first, one after late arrivals, and one from nothing."""

    lake: Staging
    first: Result
    unchanged: Result
    second: Result
    added: dict[str, list[tuple[Any, ...]]]
    anew: dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with staging(tmp_path_factory.mktemp("lake")) as lake:
        lake.mask_staging()
        first_lines = [line(1, "p1", 2.29, retail=0.1), line(2, "p2", "1.15", quantity=0, coupon=0.55)]
        contact = {"email": "old@example.com", "phone": "+1 206 555 0142"}
        lake.sale("e1", first_lines, at="2017-01-02T23:59:59", customer="c1", **contact)
        lake.sale("e2", [line(1, "p1", 0.1), line(2, "p1", 0.2)], at="2017-01-03T00:00:00")
        # An event's id is its source's: the shop may use the same one.
        lake.order("e1", [line(1, "p3", "3.00")], at="2017-01-02T12:00:00", customer="c1", email="new@e.org")
        quarantine = {"EVENT_ID": "q-1", "SOURCE": "pos", "EVENT_TYPE": "sale", "REASON": "data.total: type"}
        place = {"FILE_NAME": "f", "ROW_NUMBER": 1, "DATA_KEY": "k", "SEALED": "c2VhbGVk"}
        when = {"RECEIVED_AT": "2026-01-01T00:00:00", "LOADED_AT": LOADED.isoformat()}
        lake.insert("QUARANTINE", quarantine | place | when)
        first, unchanged = modelling.build(lake.lake), modelling.build(lake.lake)
        # Late: sold before everything else, loaded after it.
        late = {"loaded": datetime.now(UTC), "customer": "c1"}
        lake.sale("e0", [line(1, "p9", 10)], at="2016-12-31T08:00:00", address="1 Pine St", **late)
        second = modelling.build(lake.lake)
        added = everything(lake)
        modelling.build(lake.lake, full_refresh=True)
        yield Story(
            lake=lake, first=first, unchanged=unchanged, second=second, added=added, anew=everything(lake)
        )


def test_every_model_and_test_is_reported(story: Story) -> None:
    built = {outcome.name for outcome in story.first.models}
    assert built == {
        "sales_lines",
        "daily_store_sales",
        "customers",
        "ingestion_freshness",
        "quarantined_events",
    }
    tests = {outcome.name for outcome in story.first.tests}
    assert {"pos_sale_packed", "pos_sale_unique_together", "no_sale_is_missing"} <= tests
    assert {outcome.status for outcome in story.first.outcomes} <= {"success", "pass"}


def test_the_models_own_unit_tests_pass(story: Story) -> None:
    outcomes = modelling.run_dbt(story.lake.lake, "test", "--select", "test_type:unit")
    assert {outcome.name: outcome.status for outcome in outcomes} == {
        "sales_lines.a_sale_becomes_its_lines": "pass",
        "daily_store_sales.a_day_counts_baskets_once": "pass",
        "customers.the_latest_contact_counts": "pass",
    }


def test_nothing_is_built_from_nothing_new(story: Story) -> None:
    assert not story.first.skipped and story.unchanged.skipped and not story.second.skipped
    assert story.unchanged.outcomes == ()


def test_lines_carry_exact_money_whatever_it_came_as(story: Story) -> None:
    day = date(2017, 1, 2)
    assert production(story.lake, LINES) == [
        ("online", "e1", "p3", day, 1, Decimal("3.00")),
        ("store", "e0", "p9", date(2016, 12, 31), 1, Decimal("10.00")),
        ("store", "e1", "p1", day, 1, Decimal("2.29")),
        ("store", "e1", "p2", day, 0, Decimal("1.15")),
        ("store", "e2", "p1", date(2017, 1, 3), 1, Decimal("0.10")),
        ("store", "e2", "p1", date(2017, 1, 3), 1, Decimal("0.20")),
    ]


def test_a_sale_that_arrives_late_is_counted_on_its_own_day(story: Story) -> None:
    assert ("s1", date(2016, 12, 31), "store", 1, 1, Decimal("10.00")) in production(story.lake, DAYS)
    assert production(story.lake, CUSTOMERS) == [
        ("c1", datetime(2016, 12, 31, 8), datetime(2017, 1, 2, 23, 59, 59), 3, Decimal("16.44"))
    ]


def test_adding_what_is_new_gives_what_building_anew_gives(story: Story) -> None:
    assert story.added == story.anew
    assert all(story.added.values())


@pytest.mark.parametrize(
    ("role", "email", "address"),
    [
        ("ANALYST", "xxxxx@example.com", "Seattle, US"),
        ("AUDITOR", "xxxxx@example.com", "Seattle, US"),
        ("DATA_SCIENCE", "token", "token"),
        ("MARKETING_OPS", "token", "token"),
        ("REID_SERVICE", "packed", "packed"),
        ("INVENTORY_MANAGER", "***", "***"),
        ("ACCOUNTADMIN", "***", "***"),
    ],
)
def test_each_role_sees_its_own_face_of_the_latest_contact(
    story: Story, role: str, email: str, address: str
) -> None:
    # Of the e-mail addresses the till's is the later one; the address came with the late event alone.
    values = {
        "email": packed("old@example.com", "xxxxx@example.com"),
        "address": packed("1 Pine St", "Seattle, US"),
    }
    faces = [
        {"token": str(packed_value).split(":")[1], "packed": packed_value}.get(face, face)
        for face, packed_value in ((email, values["email"]), (address, values["address"]))
    ]
    query = "SELECT EMAIL, ADDRESS FROM CUSTOMERS WHERE CUSTOMER_ID = 'c1'"
    assert production(story.lake, query, role) == [tuple(faces)]


TOKENLESS = [
    role.name
    for role in roles.ROLES
    if role.face in {None, roles.Face.DISPLAY} and "PRODUCTION_R" in role.access
]


@pytest.mark.parametrize("role", TOKENLESS)
def test_no_table_shows_a_packed_value_or_its_token(story: Story, role: str) -> None:
    tokens = [str(packed(value)).split(":")[1] for value in ("old@example.com", "new@e.org", "1 Pine St")]
    for table in everything(story.lake):
        shown = str(production(story.lake, f"SELECT * FROM {table}", role))
        assert not [token for token in tokens if token in shown], table


BOUND = [role.name for role in roles.ROLES if role.by_store]
FREE = [role.name for role in roles.ROLES if not role.by_store and "PRODUCTION_R" in role.access]


@pytest.mark.parametrize("role", BOUND)
@pytest.mark.parametrize("table", ["SALES_LINES", "DAILY_STORE_SALES"])
def test_rows_are_shown_by_store_to_who_is_bound_to_stores(story: Story, role: str, table: str) -> None:
    lake, seen = story.lake, f"SELECT DISTINCT STORE_ID FROM {table}"
    governance = f"{DATABASE}.GOVERNANCE"
    lake.run(f"INSERT INTO {governance}.STORES VALUES ('s1', 'WEST'), ('s2', 'EAST')")

    def given(user: str | None, region: str | None, store: str | None) -> list[tuple[Any, ...]]:
        values = ", ".join("NULL" if one is None else f"'{one}'" for one in (user, region, store))
        lake.run(f"INSERT INTO {governance}.STORE_ACCESS SELECT '{role}', {values}")
        try:
            return production(lake, seen, role)
        finally:
            lake.run(f"TRUNCATE TABLE {governance}.STORE_ACCESS")

    try:
        assert production(lake, seen, role) == []
        assert given(None, "WEST", None) == given(None, None, "s1") == [("s1",)]
        assert given("ADMIN", "WEST", None) == [("s1",)]  # as whom the laptop's sessions come
        assert given("SOMEBODY_ELSE", "WEST", None) == given(None, "EAST", None) == []
        assert given(None, None, "s2") == given(None, None, "s3") == []
    finally:
        lake.run(f"TRUNCATE TABLE {governance}.STORES")


@pytest.mark.parametrize("role", [*FREE, "ACCOUNTADMIN"])
def test_who_is_not_bound_to_stores_sees_them_all(story: Story, role: str) -> None:
    assert production(story.lake, "SELECT DISTINCT STORE_ID FROM SALES_LINES", role) == [("s1",)]


def test_quarantined_records_are_listed_and_stay_sealed(story: Story) -> None:
    columns = "EVENT_ID, SOURCE, EVENT_TYPE, REASON, IS_OVERSIZE"
    found = production(story.lake, f"SELECT {columns} FROM QUARANTINED_EVENTS")
    assert found == [("q-1", "pos", "sale", "data.total: type", False)]
    assert "c2VhbGVk" not in str(everything(story.lake))


def test_freshness_counts_every_event(story: Story) -> None:
    found = production(
        story.lake,
        "SELECT SOURCE, EVENT_TYPE, SUM(EVENTS), SUM(EVENTS_IN_TIME), MAX(P50_SECONDS) "
        "FROM INGESTION_FRESHNESS GROUP BY SOURCE, EVENT_TYPE",
    )
    assert found == [("ecommerce", "order", 1, 1, 20.0), ("pos", "sale", 3, 3, 20.0)]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staging]:
    with staging(tmp_path_factory.mktemp("good")) as found:
        yield found


@pytest.fixture
def lake(good: Staging) -> Iterator[Staging]:
    """A lake with one sale, which each test spoils in its own way."""
    good.sale("e1", [line(1, "p1", 1)], at="2017-01-01T00:00:00", customer="c1", email="a@example.com")
    yield good
    good.run(f"TRUNCATE TABLE {DATABASE}.STAGING.POS_SALE")


def names(fault: ModellingError) -> set[str]:
    return {failure.name for failure in fault.failures}


def tables(lake: Staging) -> set[str]:
    return {row[1] for row in lake.run(f"SHOW TABLES IN SCHEMA {DATABASE}.PRODUCTION")}


def test_a_bare_personal_value_stops_publication_and_is_not_shown(lake: Staging) -> None:
    lake.run(f"UPDATE {DATABASE}.STAGING.POS_SALE SET CUSTOMER_EMAIL = 'bare@example.com'")
    with pytest.raises(ModellingError, match="pos_sale_packed") as caught:
        modelling.build(lake.lake)
    assert names(caught.value) == {"pos_sale_packed"}
    assert not {"SALES_LINES", "DAILY_STORE_SALES", "CUSTOMERS"} & tables(lake)
    home = lake.lake.paths.home
    written = [path for path in (*home.glob("dbt/**/*"), *home.glob("log/**/*")) if path.is_file()]
    assert written
    assert "bare@" not in str(caught.value)
    assert not [path for path in written if b"bare@" in path.read_bytes()]
    # AND the next build does not take the failed one for a good one.
    lake.run(f"UPDATE {DATABASE}.STAGING.POS_SALE SET CUSTOMER_EMAIL = NULL")
    assert not modelling.build(lake.lake).skipped
    assert {"SALES_LINES", "DAILY_STORE_SALES", "CUSTOMERS"} <= tables(lake)


def test_another_currency_stops_the_build_a_wrong_total_only_warns(lake: Staging) -> None:
    lake.sale("e2", [line(1, "p1", 2)], at="2017-01-01T00:00:00", total=3)
    lake.run(f"UPDATE {DATABASE}.STAGING.POS_SALE SET CURRENCY = 'EUR' WHERE EVENT_ID = 'e2'")
    with pytest.raises(ModellingError) as caught:
        modelling.build(lake.lake)
    assert names(caught.value) == {"stg_pos__sale_in_one_currency"}
    lake.run(f"UPDATE {DATABASE}.STAGING.POS_SALE SET CURRENCY = 'USD'")
    warned = modelling.build(lake.lake)
    assert [warning.name for warning in warned.warnings] == ["totals_match_their_lines"]


def forgetful(tmp_path: Path, protects: str, instead: str) -> Path:
    """A project whose CREATE lacks what protects."""
    ignore = shutil.ignore_patterns("target", "logs", "__pycache__")
    project = shutil.copytree(modelling.PROJECT, tmp_path / "dbt", ignore=ignore)
    macro = project / "macros" / "masking.sql"
    assert protects in macro.read_text()
    macro.write_text(macro.read_text().replace(protects, instead))
    return project


def test_a_table_that_shows_rows_of_all_stores_is_withdrawn(
    lake: Staging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = forgetful(tmp_path, " if store else ''", " if false else ''")
    monkeypatch.setattr(modelling, "PROJECT", project)
    told = r"rows by store_id \(expected \S+STORE_ROWS, found none\)"
    with pytest.raises(ModellingError, match=told) as caught:
        modelling.build(lake.lake, full_refresh=True)
    assert names(caught.value) == {"sales_lines"}
    assert "SALES_LINES" not in tables(lake)


def test_a_table_without_its_masks_is_withdrawn(
    lake: Staging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a project that forgets the policies in its CREATE
    protects = "model['columns'][column]['constraints'].append(policy)"
    monkeypatch.setattr(modelling, "PROJECT", forgetful(tmp_path, protects, "policy"))
    # WHEN it is built, THEN the gate stops it, says which columns are bare, and leaves no bare table behind
    with pytest.raises(ModellingError, match=r"email \(expected \S+MASK_EMAIL, found none\)") as caught:
        modelling.build(lake.lake, full_refresh=True)
    assert names(caught.value) == {"customers"}
    assert "SALES_LINES" in tables(lake) and "CUSTOMERS" not in tables(lake)


def test_dbt_that_cannot_run_says_why(lake: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = modelling.environment(lake.lake)
    monkeypatch.setattr(modelling, "environment", lambda _: usual | {"RETAILLAKE_DATABASE": "AWAY"})
    with pytest.raises(ModellingError, match=r"(?s)dbt build could not run.*AWAY"):
        modelling.build(lake.lake)


def test_without_dbt_it_says_how_to_get_it(lake: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelling, "DBT", Path("/nowhere/dbt"))
    with pytest.raises(ModellingError, match="make up"):
        modelling.build(lake.lake)
