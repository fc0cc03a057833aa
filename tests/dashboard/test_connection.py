"""Where the dashboard looks for a warehouse."""

import json
from pathlib import Path
from typing import Any

import pytest

from warehouse.dashboard import connection
from warehouse.dashboard.connection import Session, Settings, UnreachableError, settings

ACCOUNT = {
    "RETAILLAKE_SNOWFLAKE_ACCOUNT": "org-account",
    "RETAILLAKE_SNOWFLAKE_USER": "dashboard",
    "RETAILLAKE_SNOWFLAKE_KEY": "/keys/dashboard.p8",
    "RETAILLAKE_SNOWFLAKE_PASSPHRASE": "secret",
    "RETAILLAKE_DATABASE": "RETAIL_PROD",
}


def lake(root: Path, **outputs: Any) -> dict[str, str]:
    run = root / ".local" / "run"
    run.mkdir(parents=True)
    warehouse = {"host": "127.0.0.1", "port": 4321, "account": "fakesnow", "database": "RETAIL_LOCAL"}
    (run / "lake.json").write_text(json.dumps({"aws": {}, "warehouse": warehouse, "outputs": outputs}))
    return {"RETAILLAKE_ROOT": str(root)}


def test_a_real_account_is_reached_by_key_pair_as_an_analyst() -> None:
    found = settings(ACCOUNT)
    arguments = found.arguments()
    assert arguments["private_key_file"] == "/keys/dashboard.p8"
    assert arguments["role"] == "ANALYST" and arguments["database"] == "RETAIL_PROD"
    assert not {"password", "host", "port", "protocol"} & arguments.keys()
    assert "secret" not in repr(found)


def test_a_prefixed_stack_names_its_own_role() -> None:
    assert settings(ACCOUNT | {"RETAILLAKE_DASHBOARD_ROLE": "DEV_ANALYST"}).role == "DEV_ANALYST"


def test_what_is_missing_is_named_at_once() -> None:
    with pytest.raises(UnreachableError, match=r"RETAILLAKE_DATABASE, RETAILLAKE_SNOWFLAKE_KEY$"):
        settings({"RETAILLAKE_SNOWFLAKE_ACCOUNT": "a", "RETAILLAKE_SNOWFLAKE_USER": "u"})


def test_a_running_lake_is_found_by_what_it_publishes(tmp_path: Path) -> None:
    found = settings(lake(tmp_path, roles={"ANALYST": "LOCAL_ANALYST"}))
    assert (found.host, found.port, found.role) == ("127.0.0.1", 4321, "LOCAL_ANALYST")
    assert found.arguments()["protocol"] == "http"


def test_no_lake_is_said_kindly(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="make up"):
        settings({"RETAILLAKE_ROOT": str(tmp_path)})


def test_a_torn_file_is_named(tmp_path: Path) -> None:
    environment = lake(tmp_path)
    (tmp_path / ".local" / "run" / "lake.json").write_text("{")
    with pytest.raises(UnreachableError, match=r"lake\.json is not what a running lake writes"):
        settings(environment)


class Cursor:
    description = ()

    def __init__(self, faults: list[Exception]) -> None:
        self.faults = faults

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, *_: object) -> None:
        if self.faults:
            raise self.faults.pop(0)

    def fetchall(self) -> list[Any]:
        return []


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """A driver whose connections raise these faults, in order; what is connected is counted in `opened`."""
    import snowflake.connector

    faults: list[Exception] = []
    monkeypatch.setattr(
        snowflake.connector,
        "connect",
        lambda **_: type("Connection", (), {"cursor": lambda _self: Cursor(faults)})(),
    )
    return faults


WHERE = Settings(database="D", role="ANALYST", account="a", user="u", place="p")


def test_a_lost_session_is_opened_anew(driver: list[Exception]) -> None:
    from snowflake.connector.errors import OperationalError

    session = Session(WHERE)
    driver.append(OperationalError("session gone"))
    assert list(session.query("SELECT 1").columns) == []
    assert not driver


def test_what_the_warehouse_refuses_is_not_asked_twice(driver: list[Exception]) -> None:
    from snowflake.connector.errors import ProgrammingError

    driver.extend([ProgrammingError("no such table"), ProgrammingError("asked again")])
    with pytest.raises(ProgrammingError, match="no such table"):
        Session(WHERE).query("SELECT 1")
    assert len(driver) == 1


def test_exact_numbers_become_floats_and_the_rest_stays() -> None:
    from decimal import Decimal

    found = connection.frame(["money", "name", "empty"], [(Decimal("1.10"), "a", None), (None, "b", None)])
    assert found["money"].dtype == float and found["money"][0] == 1.1
    assert list(found["name"]) == ["a", "b"]
