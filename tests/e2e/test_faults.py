"""What breaks in the middle loses nothing, doubles nothing, and leaves nothing in the clear."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from local.leaks import Needle, leaks
from local.state import Lake, read_json
from tests.e2e.events import SECRET, sale
from tests.e2e.running import Command
from tests.e2e.throttling import throttled_kms

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("lake")]
MANY = 4000


def kill(lake: Lake, name: str) -> None:
    """End a process of the lake as a power cut would."""
    psutil.Process(read_json(lake.paths.run / f"{name}.pid.json")["pid"]).kill()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.1)


def send(command: Command, path: Path, store: str, count: int = MANY) -> None:
    path.write_text("\n".join(sale(number, store) for number in range(count)))
    command.run("send", str(path), "--source", "pos")


def assert_all_arrived_once(command: Command, lake: Lake, store: str, count: int = MANY) -> None:
    command.run("drain", "--timeout", "240")
    totals = (
        "SELECT SUM(TRANSACTIONS) AS TRANSACTIONS, SUM(UNITS) AS UNITS, SUM(NET_SALES) AS NET_SALES "
        f"FROM PRODUCTION.DAILY_STORE_SALES WHERE STORE_ID = '{store}'"
    )
    (row,) = command.sql(totals, "ANALYST")
    assert (row["TRANSACTIONS"], row["UNITS"], float(row["NET_SALES"])) == (count, 2 * count, 3.5 * count)
    ids = f"SELECT COUNT(*) - COUNT(DISTINCT EVENT_ID) FROM STAGING.POS_SALE WHERE STORE_ID = '{store}'"
    assert command.one(ids) == 0
    assert leaks(lake.root / ".local", [Needle(SECRET, "the test's e-mail address")], lake) == []


def test_killing_the_transform_and_delivery_in_mid_batch(
    command: Command, lake: Lake, tmp_path: Path
) -> None:
    for turn in range(3):
        send(command, tmp_path / "sales.ndjson", "9010")
        time.sleep(0.3 * turn)
        kill(lake, "dataplane")
        command.run("up", "--days", "0", "--engine", "inprocess")
    assert_all_arrived_once(command, lake, "9010")


def test_killing_the_warehouse_while_it_loads_and_merges(
    command: Command, lake: Lake, tmp_path: Path
) -> None:
    send(command, tmp_path / "sales.ndjson", "9020")
    for pause in (1.0, 2.5, 4.0):
        time.sleep(pause)
        kill(lake, "warehouse")
        # What comes back must be masked from the first answer on.
        command.run("up", "--days", "0", "--engine", "inprocess")
        assert command.sql("SELECT DISTINCT EMAIL FROM PRODUCTION.CUSTOMERS WHERE EMAIL IS NOT NULL") == [
            {"EMAIL": "***"}
        ]
    assert_all_arrived_once(command, lake, "9020")


class Transform:
    """The transform of the tills, whose containers a change of its variables ends: with their data keys."""

    def __init__(self, lake: Lake) -> None:
        self._functions = lake.boto("lambda")
        (self._name, self.variables) = next(
            (function["FunctionName"], variables)
            for function in self._functions.list_functions()["Functions"]
            if (variables := function.get("Environment", {}).get("Variables", {})).get("SOURCE") == "pos"
        )

    def restart(self, **variables: str) -> None:
        """Begin anew, with these variables beside the deployed ones."""
        self._functions.update_function_configuration(
            FunctionName=self._name, Environment={"Variables": {**self.variables, **variables}}
        )


def test_a_throttled_key_service_delays_the_stream(command: Command, lake: Lake, tmp_path: Path) -> None:
    """GIVEN a key service that throttles, and then takes calls again WHEN sales are sent meanwhile THEN
    nothing moves until it does, and then all of them arrive once.
    """
    transform = Transform(lake)
    loaded = command.one("SELECT COUNT(*) FROM RAW.POS")
    with throttled_kms(lake.endpoint) as throttle:
        transform.restart(AWS_ENDPOINT_URL_KMS=throttle.url)
        try:
            send(command, tmp_path / "sales.ndjson", "9040", count=500)
            # One invocation asks four times; three more of them show that the mapping tries again.
            until(lambda: throttle.refused > 3 * 4, seconds=120)
            assert command.one("SELECT COUNT(*) FROM RAW.POS") == loaded
            throttle.open()
            assert_all_arrived_once(command, lake, "9040", count=500)
            assert throttle.passed == 1, "one data key is enough for the batch"
        finally:
            transform.restart()


def test_a_denied_key_stops_the_stream_and_nothing_else(command: Command, lake: Lake, tmp_path: Path) -> None:
    transform, kms = Transform(lake), lake.boto("kms")
    key = transform.variables["PII_KEY_ARN"]
    loaded = command.one("SELECT COUNT(*) FROM RAW.POS")

    kms.disable_key(KeyId=key)
    transform.restart(EPOCH="2")
    try:
        send(command, tmp_path / "sales.ndjson", "9030", count=500)
        failed = command.status()
        until(lambda: command.status() != failed)
        time.sleep(5)
        assert command.one("SELECT COUNT(*) FROM RAW.POS") == loaded
        assert command.run("drain", "--timeout", "3", check=False).returncode != 0
    finally:
        kms.enable_key(KeyId=key)
    assert_all_arrived_once(command, lake, "9030", count=500)
