"""Tasks: their commands, when they run, as whom, and what is told of it."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from snowflake.connector.errors import ProgrammingError

from local.snowflake import schedule
from local.snowflake.engine import Engine
from local.snowflake.session import Session

PATIENCE = 20
NUMBERS = """CREATE TABLE NUMBERS AS
    WITH RECURSIVE R AS (SELECT 1 AS N UNION ALL SELECT N + 1 FROM R WHERE N < 3000) SELECT N FROM R"""
ENDLESS = "SELECT SUM(SQRT(A.N * B.N + C.N)) AS N FROM NUMBERS AS A, NUMBERS AS B, NUMBERS AS C"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("warehouse"))
    session = engine.session()
    for statement in (
        "CREATE DATABASE D",
        "CREATE WAREHOUSE W",
        "CREATE ROLE LOADER",
        "CREATE ROLE BYSTANDER",
        "GRANT EXECUTE TASK ON ACCOUNT TO ROLE LOADER",
        "GRANT USAGE ON WAREHOUSE W TO ROLE LOADER",
        "GRANT USAGE ON DATABASE D TO ROLE LOADER",
    ):
        session.execute(statement)
    session.close()
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def session(running: Engine, request: pytest.FixtureRequest) -> Iterator[Session]:
    """A session of an administrator in a schema of the test's own."""
    session = running.session(database="D")
    schema = "S" + str(abs(hash(request.node.name)))
    for statement in (
        f"CREATE SCHEMA D.{schema}",
        f"USE SCHEMA D.{schema}",
        "CREATE TABLE LOG (TASK VARCHAR, ROLE VARCHAR)",
        f"GRANT USAGE, CREATE TASK ON SCHEMA D.{schema} TO ROLE LOADER",
        "GRANT SELECT, INSERT ON TABLE LOG TO ROLE LOADER",
    ):
        session.execute(statement)
    yield session
    session.execute(f"DROP SCHEMA D.{schema}")
    session.close()


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def shown(session: Session, name: str) -> dict[str, object]:
    result = session.execute(f"SHOW TASKS LIKE '{name}'")
    (row,) = result.rows
    return dict(zip(result.columns, row, strict=True))


def history(session: Session, name: str | None = None) -> list[dict[str, object]]:
    """The runs of the test's tasks that took place or were skipped, oldest first."""
    argument = f"TASK_NAME => '{name}'" if name else ""
    result = session.execute(f"SELECT * FROM TABLE(D.INFORMATION_SCHEMA.TASK_HISTORY({argument}))")
    found = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    mine = [row for row in found if row["SCHEMA_NAME"] == session.schema]
    return [row for row in reversed(mine) if row["STATE"] not in ("SCHEDULED", "EXECUTING")]


def states(session: Session, name: str | None = None) -> list[object]:
    return [row["STATE"] for row in history(session, name)]


def log(session: Session) -> list[tuple[object, ...]]:
    return session.execute("SELECT TASK, ROLE FROM LOG ORDER BY TASK").rows


# -- commands


def test_a_task_is_shown_as_it_was_made(session: Session) -> None:
    body = "BEGIN\n  BEGIN TRANSACTION;\n  INSERT INTO LOG VALUES ('a;b', 'x');\n  COMMIT;\nEND"
    session.execute(
        f"""CREATE TASK T WAREHOUSE = W SCHEDULE = '5 MINUTES' CONFIG = $${{"a": 1}}$$
        USER_TASK_TIMEOUT_MS = 60000 SUSPEND_TASK_AFTER_NUM_FAILURES = 3 COMMENT = 'it''s'
        WHEN SYSTEM$STREAM_HAS_DATA('D.X.Y') AND CAST(1 AS NUMBER) = 1 AS {body}"""
    )
    task = shown(session, "t")
    assert task["definition"] == body
    assert task["condition"] == "SYSTEM$STREAM_HAS_DATA('D.X.Y') AND CAST(1 AS NUMBER) = 1"
    assert {k: task[k] for k in ("name", "database_name", "owner", "warehouse", "schedule", "state")} == {
        "name": "T", "database_name": "D", "owner": "ACCOUNTADMIN", "warehouse": "W", "schedule": "5 MINUTES",
        "state": "suspended",
    }  # fmt: skip
    assert (task["comment"], task["config"], task["predecessors"]) == ("it's", '{"a": 1}', "[]")
    described = session.execute("DESCRIBE TASK T")
    assert dict(zip(described.columns, described.rows[0], strict=True)) == task


def test_parameters_are_shown(session: Session) -> None:
    session.execute("CREATE TASK T SUSPEND_TASK_AFTER_NUM_FAILURES = 0 AS SELECT 1")
    result = session.execute(f"SHOW PARAMETERS IN TASK D.{session.schema}.T")
    found = {row[0]: dict(zip(result.columns, row, strict=True)) for row in result.rows}
    mine = found["SUSPEND_TASK_AFTER_NUM_FAILURES"]
    assert (mine["value"], mine["default"], mine["level"]) == ("0", "10", "TASK")
    assert (found["USER_TASK_TIMEOUT_MS"]["value"], found["USER_TASK_TIMEOUT_MS"]["level"]) == ("3600000", "")


def test_if_not_exists_and_or_replace(session: Session) -> None:
    session.execute("CREATE TASK T SCHEDULE = '1 HOUR' AS SELECT 1")
    session.execute("CREATE TASK IF NOT EXISTS T SCHEDULE = '1 HOUR' AS SELECT 2")
    assert shown(session, "T")["definition"] == "SELECT 1"
    with pytest.raises(ProgrammingError, match="already exists"):
        session.execute("CREATE TASK T SCHEDULE = '1 HOUR' AS SELECT 3")
    session.execute("CREATE OR REPLACE TASK T SCHEDULE = '1 HOUR' AS SELECT 4")
    assert shown(session, "T")["definition"] == "SELECT 4"


def test_alter_changes_what_it_names(session: Session) -> None:
    session.execute("CREATE TASK T SCHEDULE = '1 HOUR' COMMENT = 'x' AS SELECT 1")
    session.execute("ALTER TASK T SET SCHEDULE = '2 HOURS', USER_TASK_TIMEOUT_MS = 5")
    session.execute("ALTER TASK T UNSET COMMENT")
    session.execute("ALTER TASK T MODIFY AS BEGIN RETURN 1; END;")
    session.execute("ALTER TASK T MODIFY WHEN 1 = 1")
    task = shown(session, "T")
    assert [task[k] for k in ("schedule", "definition", "condition", "comment")] == [
        "2 HOURS", "BEGIN RETURN 1; END", "1 = 1", "",
    ]  # fmt: skip
    session.execute("ALTER TASK T REMOVE WHEN")
    assert shown(session, "T")["condition"] is None
    session.execute("ALTER TASK IF EXISTS NOBODY RESUME")
    session.execute("DROP TASK T")
    session.execute("DROP TASK IF EXISTS T")
    assert session.execute("SHOW TASKS").rows == []


def test_a_started_root_must_be_suspended_before_its_graph_changes(session: Session) -> None:
    session.execute("CREATE TASK A SCHEDULE = '1 HOUR' AS SELECT 1")
    session.execute("ALTER TASK A RESUME")
    assert shown(session, "A")["state"] == "started"
    for statement in (
        "ALTER TASK A SET SCHEDULE = '2 HOURS'",
        "ALTER TASK A MODIFY AS SELECT 2",
        "CREATE TASK B AFTER A AS SELECT 1",
    ):
        with pytest.raises(ProgrammingError, match=r"root task .*\.A since that root task is not suspended"):
            session.execute(statement)
    session.execute("ALTER TASK A SUSPEND")
    session.execute("CREATE TASK B AFTER A AS SELECT 1")
    assert shown(session, "B")["predecessors"] == f'["D.{session.schema}.A"]'


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("SCHEDULE = '5 SECONDS'", "10 seconds to 8 days"),
        ("SCHEDULE = 'often'", "expected a number of seconds"),
        ("SCHEDULE = 'USING CRON 0 25 * * * UTC'", "expected 0 to 23 in a cron expression, found '25'"),
        ("SCHEDULE = 'USING CRON 0 0 30 2 * UTC'", "no day meets"),
        ("SCHEDULE = 'USING CRON 0 0 * * * Mars/Base'", "expected a time zone"),
        ("SCHEDULE = 5", "invalid value 5 for property 'SCHEDULE'"),
        ("ALLOW_OVERLAPPING_EXECUTION = TRUE", "ALLOW_OVERLAPPING_EXECUTION"),
        ("FINALIZE = X", "FINALIZE of a task"),
        ("TIMEZONE = 'UTC'", "TIMEZONE of a task"),
        ("AFTER NOBODY", "does not exist or not authorized"),
        ("EVERY DAY", "EVERY in CREATE TASK"),
    ],
)
def test_what_cannot_be_is_refused(session: Session, options: str, message: str) -> None:
    with pytest.raises(ProgrammingError, match=message):
        session.execute(f"CREATE TASK T {options} AS SELECT 1")


def test_tasks_cannot_wait_for_each_other(session: Session) -> None:
    session.execute("CREATE TASK A AS SELECT 1")
    session.execute("CREATE TASK B AFTER A AS SELECT 1")
    with pytest.raises(ProgrammingError, match="would wait for each other"):
        session.execute("ALTER TASK A ADD AFTER B")


def test_only_who_may_can_see_and_operate(session: Session, running: Engine) -> None:
    session.execute("CREATE TASK T SCHEDULE = '1 HOUR' AS SELECT 1")
    other = running.session(role="BYSTANDER", database="D")
    try:
        for statement in (
            f"ALTER TASK D.{session.schema}.T RESUME",
            f"EXECUTE TASK D.{session.schema}.T",
            f"DROP TASK D.{session.schema}.T",
            f"DESCRIBE TASK D.{session.schema}.T",
            f"CREATE TASK D.{session.schema}.U AS SELECT 1",
        ):
            with pytest.raises(ProgrammingError, match=r"not authorized|Insufficient privileges"):
                other.execute(statement)
        assert other.execute("SHOW TASKS IN ACCOUNT").rows == []
    finally:
        other.close()


def test_an_owner_must_be_allowed_to_execute_tasks(session: Session, running: Engine) -> None:
    session.execute(f"GRANT USAGE, CREATE TASK ON SCHEMA D.{session.schema} TO ROLE BYSTANDER")
    session.execute("GRANT USAGE ON DATABASE D TO ROLE BYSTANDER")
    other = running.session(role="BYSTANDER", database="D", schema=session.schema)
    try:
        other.execute("CREATE TASK T SCHEDULE = '1 HOUR' AS SELECT 1")
        with pytest.raises(ProgrammingError, match="EXECUTE TASK privilege must be granted to owner role"):
            other.execute("ALTER TASK T RESUME")
    finally:
        other.close()
        session.execute("REVOKE USAGE ON DATABASE D FROM ROLE BYSTANDER")


# -- runs


def test_a_task_runs_as_its_owner(session: Session, running: Engine) -> None:
    owner = running.session(role="LOADER", database="D", schema=session.schema)
    owner.execute("CREATE TASK T WAREHOUSE = W AS BEGIN INSERT INTO LOG SELECT 'T', CURRENT_ROLE(); END;")
    owner.close()
    session.execute("EXECUTE TASK T")
    until(lambda: states(session))
    (run,) = history(session)
    assert (run["STATE"], run["ERROR_MESSAGE"], run["SCHEDULED_FROM"]) == ("SUCCEEDED", None, "EXECUTE TASK")
    assert log(session) == [("T", "LOADER")]
    assert run["QUERY_START_TIME"] <= run["COMPLETED_TIME"]  # type: ignore[operator]  # they are times


def test_a_run_that_fails_is_told_with_its_error_and_leaves_nothing(session: Session) -> None:
    session.execute(
        """CREATE TASK T AS
        BEGIN BEGIN TRANSACTION; INSERT INTO LOG VALUES ('T', ''); SELECT * FROM NOWHERE; COMMIT;
        EXCEPTION WHEN OTHER THEN ROLLBACK; RAISE; END"""
    )
    session.execute("EXECUTE TASK T")
    until(lambda: states(session) == ["FAILED"])
    (run,) = history(session)
    assert "NOWHERE" in str(run["ERROR_MESSAGE"])
    assert run["ERROR_CODE"] == "002003"
    assert log(session) == []
    session.execute("ALTER TASK T MODIFY AS INSERT INTO LOG VALUES ('T', '')")
    session.execute("EXECUTE TASK T")
    until(lambda: states(session) == ["FAILED", "SUCCEEDED"])


def test_a_transaction_left_open_is_rolled_back_and_a_failure(session: Session) -> None:
    session.execute("CREATE TASK T AS BEGIN BEGIN TRANSACTION; INSERT INTO LOG VALUES ('T', ''); END")
    session.execute("EXECUTE TASK T")
    until(lambda: states(session) == ["FAILED"])
    assert log(session) == []


def test_a_condition_that_does_not_hold_skips_the_run(session: Session) -> None:
    session.execute("CREATE TABLE SRC (N NUMBER)")
    session.execute("CREATE STREAM SRC_STREAM ON TABLE SRC APPEND_ONLY = TRUE")
    session.execute(
        f"""CREATE TASK T WHEN SYSTEM$STREAM_HAS_DATA('D.{session.schema}.SRC_STREAM')
        AS INSERT INTO LOG SELECT 'T', N::VARCHAR FROM SRC_STREAM"""
    )
    session.execute("EXECUTE TASK T")
    until(lambda: states(session) == ["SKIPPED"])
    session.execute("INSERT INTO SRC VALUES (7)")
    session.execute("EXECUTE TASK T")
    until(lambda: states(session) == ["SKIPPED", "SUCCEEDED"])
    session.execute("EXECUTE TASK T")
    until(lambda: states(session) == ["SKIPPED", "SUCCEEDED", "SKIPPED"])
    assert log(session) == [("T", "7")]


def test_a_graph_runs_in_order_and_what_follows_a_failure_is_skipped(session: Session) -> None:
    for statement in (
        "CREATE TASK A AS INSERT INTO LOG VALUES ('1 A', '')",
        "CREATE TASK B AFTER A AS INSERT INTO LOG SELECT '2 B', COUNT(*)::VARCHAR FROM LOG",
        "CREATE TASK C AFTER A AS SELECT * FROM NOWHERE",
        "CREATE TASK D AFTER B, C AS INSERT INTO LOG VALUES ('3 D', '')",
        "CREATE TASK E AFTER B, C WHEN SYSTEM$PREDECESSORS_STATE('AT_LEAST_ONE_SUCCEEDED') "
        "AS INSERT INTO LOG VALUES ('4 E', '')",
        "CREATE TASK F AFTER B AS INSERT INTO LOG VALUES ('F was suspended', '')",
        "CREATE TASK G AFTER F AS INSERT INTO LOG VALUES ('G follows none', '')",
        *(f"ALTER TASK {name} RESUME" for name in "BCDEG"),
        "EXECUTE TASK A",
    ):
        session.execute(statement)
    until(lambda: len(states(session)) == 5)
    assert {str(row["NAME"]): row["STATE"] for row in history(session)} == {
        "A": "SUCCEEDED", "B": "SUCCEEDED", "C": "FAILED", "D": "SKIPPED", "E": "SUCCEEDED",
    }  # fmt: skip
    assert log(session) == [("1 A", ""), ("2 B", "1"), ("4 E", "")]
    assert len({row["RUN_ID"] for row in history(session)}) == 1


def test_dependents_are_enabled_together(session: Session) -> None:
    for statement in (
        "CREATE TASK A AS SELECT 1",
        "CREATE TASK B AFTER A AS SELECT 1",
        "CREATE TASK C AFTER B AS SELECT 1",
    ):
        session.execute(statement)
    session.execute("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('A')")
    assert {str(row[1]): row[10] for row in session.execute("SHOW TASKS").rows} == dict.fromkeys(
        "ABC", "started"
    )


def test_a_failed_graph_is_tried_again_as_often_as_it_says(session: Session) -> None:
    session.execute("CREATE TASK T TASK_AUTO_RETRY_ATTEMPTS = 2 AS SELECT * FROM NOWHERE")
    session.execute("EXECUTE TASK T")
    until(lambda: len(states(session)) == 3)
    assert [row["ATTEMPT_NUMBER"] for row in history(session)] == [1, 2, 3]


def test_too_many_failures_in_a_row_suspend_the_task(session: Session) -> None:
    session.execute(
        "CREATE TASK T SCHEDULE = '1 HOUR' SUSPEND_TASK_AFTER_NUM_FAILURES = 2 AS SELECT * FROM NOWHERE"
    )
    session.execute("ALTER TASK T RESUME")
    for count in (1, 2):
        session.execute("EXECUTE TASK T")
        until(lambda wanted=count: len(states(session)) == wanted)
    until(lambda: shown(session, "T")["state"] == "suspended")
    assert shown(session, "T")["last_suspended_reason"] == "SUSPENDED_DUE_TO_ERRORS"


def test_failures_never_suspend_a_task_that_says_so(session: Session) -> None:
    session.execute(
        "CREATE TASK T SCHEDULE = '1 HOUR' SUSPEND_TASK_AFTER_NUM_FAILURES = 0 AS SELECT * FROM NOWHERE"
    )
    session.execute("ALTER TASK T RESUME")
    for count in range(1, 13):
        session.execute("EXECUTE TASK T")
        until(lambda wanted=count: len(states(session)) == wanted)
    assert shown(session, "T")["state"] == "started"


def test_a_run_that_takes_too_long_is_stopped(session: Session) -> None:
    session.execute(NUMBERS)
    session.execute(
        f"CREATE TASK T USER_TASK_TIMEOUT_MS = 200 AS INSERT INTO LOG SELECT 'T', N::VARCHAR FROM ({ENDLESS})"
    )
    session.execute("EXECUTE TASK T")
    until(lambda: states(session) == ["FAILED"])
    assert "timeout of 0.2 second(s)" in str(history(session)[0]["ERROR_MESSAGE"])
    assert log(session) == []


def test_runs_of_one_task_never_overlap(session: Session) -> None:
    session.execute("CREATE TABLE N (N NUMBER)")
    session.execute(NUMBERS)
    session.execute(
        """CREATE TASK T AS BEGIN
            LET before NUMBER := (SELECT COUNT(*) FROM N);
            INSERT INTO LOG SELECT 'T', COUNT(*)::VARCHAR FROM NUMBERS AS A, NUMBERS AS B;
            INSERT INTO N VALUES (:before);
        END"""
    )
    for _ in range(6):
        session.execute("EXECUTE TASK T")
    until(lambda: len(states(session)) == 6)
    assert sorted(row[0] for row in session.execute("SELECT N FROM N").rows) == list(range(6))


def test_what_was_asked_for_runs_by_the_schedule(tmp_path_factory: pytest.TempPathFactory) -> None:
    """GIVEN a clock of our own WHEN it ticks THEN a started task runs at its times, once each."""
    from local.snowflake.task_runs import Scheduler

    engine = Engine(tmp_path_factory.mktemp("warehouse"))
    session = engine.session()
    for statement in ("CREATE DATABASE D", "USE SCHEMA D.PUBLIC", "CREATE TABLE LOG (TASK VARCHAR)"):
        session.execute(statement)
    session.execute("CREATE TASK T SCHEDULE = '10 SECONDS' AS INSERT INTO LOG VALUES ('T')")
    session.execute("CREATE TASK U SCHEDULE = '10 SECONDS' AS INSERT INTO LOG VALUES ('U')")
    session.execute("ALTER TASK T RESUME")
    scheduler = Scheduler(engine)
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def ran_by(seconds: int) -> int:
        scheduler.tick(start + timedelta(seconds=seconds))
        until(lambda: not scheduler.busy)
        return len(session.execute("SELECT * FROM LOG").rows)

    try:
        assert [ran_by(at) for at in (0, 5, 10, 11, 19, 20)] == [0, 0, 1, 1, 1, 2]
        assert ran_by(65) == 3  # what was missed is missed
        assert [ran_by(at) for at in (69, 70)] == [3, 4]
        session.execute("ALTER TASK T SUSPEND")
        assert ran_by(100) == 4
        assert {row[0] for row in session.execute("SELECT * FROM LOG").rows} == {"T"}
    finally:
        session.close()
        engine.stop()


def test_tasks_and_their_history_survive_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("warehouse")
    engine = Engine(data)
    session = engine.session()
    for statement in (
        "CREATE DATABASE D",
        "USE SCHEMA D.PUBLIC",
        "CREATE TASK T AS SELECT 1",
        "EXECUTE TASK T",
    ):
        session.execute(statement)
    engine.start()
    until(lambda: states(session) == ["SUCCEEDED"])
    session.close()
    engine.stop()
    engine = Engine(data)
    session = engine.session(database="D", schema="PUBLIC")
    try:
        assert states(session) == ["SUCCEEDED"]
        assert shown(session, "T")["definition"] == "SELECT 1"
    finally:
        session.close()
        engine.stop()


def test_stopping_interrupts_what_runs(tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = Engine(tmp_path_factory.mktemp("warehouse"))
    session = engine.session()
    for statement in (
        "CREATE DATABASE D",
        "USE SCHEMA D.PUBLIC",
        NUMBERS,
        f"CREATE TASK T AS {ENDLESS}",
        "EXECUTE TASK T",
    ):
        session.execute(statement)
    engine.start()
    sql = "SELECT STATE FROM TABLE(D.INFORMATION_SCHEMA.TASK_HISTORY())"
    until(lambda: ("EXECUTING",) in session.execute(sql).rows)
    session.close()
    begun = time.monotonic()
    engine.stop()
    assert time.monotonic() - begun < 5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("task D.")]


# -- schedules


@pytest.mark.parametrize(
    ("text", "zone", "moments"),
    [
        (
            "*/20 9-10 * * *",
            "UTC",
            ["01-01 09:00", "01-01 09:20", "01-01 09:40", "01-01 10:00", "01-01 10:20"],
        ),
        ("0 0 L * *", "UTC", ["01-31 00:00", "02-28 00:00", "03-31 00:00"]),
        ("30 6 * * MON-TUE", "UTC", ["01-05 06:30", "01-06 06:30", "01-12 06:30"]),
        ("0 12 * * 5L", "UTC", ["01-30 12:00", "02-27 12:00"]),
        ("0 0 15 FEB,JUL *", "UTC", ["02-15 00:00", "07-15 00:00"]),
        ("0 0 13 * FRI", "UTC", ["01-02 00:00", "01-09 00:00", "01-13 00:00", "01-16 00:00"]),
        ("30 2 29 3 *", "Europe/Berlin", []),  # 2026-03-29 02:30 does not exist there
        ("0 0 1 1 *", "America/Los_Angeles", ["01-01 08:00"]),
    ],
)
def test_cron(text: str, zone: str, moments: list[str]) -> None:
    cron = schedule.parse(f"USING CRON {text} {zone}")
    at = datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    found: list[str] = []
    for _ in range(max(len(moments), 1)):
        at = cron.after(at)
        found.append(f"{at:%m-%d %H:%M}" if at.year == 2026 else "later")
    assert found == (moments or ["later"])


def test_cron_follows_the_clocks_of_its_zone() -> None:
    cron = schedule.parse("USING CRON 0 3 * * * Europe/Berlin")
    winter = cron.after(datetime(2026, 1, 1, 12, tzinfo=UTC))
    summer = cron.after(datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert (winter.hour, summer.hour) == (2, 1)
    assert winter.astimezone(ZoneInfo("Europe/Berlin")).hour == 3


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10 SECONDS", 10),
        ("1 MINUTE", 60),
        ("11520 minutes", 691200),
        ("2 HOURS", 7200),
        ("30 S", 30),
        ("5 m", 300),
    ],
)
def test_intervals(text: str, seconds: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert schedule.parse(text).after(now) == now + timedelta(seconds=seconds)
