"""COPY INTO from an S3 that is memory: what is loaded, once, with which metadata, and what happens to bad files."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from snowflake.connector.errors import ProgrammingError

from local.snowflake.engine import Engine

from .conftest import Asking

COPY = """COPY INTO LAKE.RAW.POS (PAYLOAD, EVENT_ID, PRODUCER_TS, FILE_NAME, ROW_NUMBER, LOADED_AT)
    FROM (SELECT $1, $1:event_id::VARCHAR, $1:producer_ts::TIMESTAMP_NTZ, METADATA$FILENAME, METADATA$FILE_ROW_NUMBER,
                 METADATA$START_SCAN_TIME FROM @LAKE.RAW.LANDING/source=pos/) ON_ERROR = SKIP_FILE"""


class Bucket:
    """S3, in memory: `put` is all that a test needs."""

    def __init__(self) -> None:
        self.files = fsspec.filesystem("memory", skip_instance_cache=True)
        self.files.store = {}
        self.files.pseudo_dirs = [""]

    def put(self, key: str, *records: object, zipped: bool = True) -> None:
        text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records).encode()
        self.files.pipe(f"/bucket/{key}", gzip.compress(text) if zipped else text)

    def find(self, path: str, withdirs: bool = False) -> list[str]:
        return [found.lstrip("/") for found in self.files.find(f"/{path}", withdirs=withdirs)]

    def cat_file(self, address: str) -> bytes:
        return self.files.cat_file("/" + address.removeprefix("s3://"))


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def lake(data: Path, bucket: Bucket) -> Iterator[Asking]:
    engine = Engine(data, storage=bucket)  # type: ignore[arg-type]  # as much of fsspec as is used
    ask = Asking(engine)
    session = engine.session()
    for statement in (
        "CREATE DATABASE LAKE", "CREATE SCHEMA LAKE.RAW",
        """CREATE STORAGE INTEGRATION SI TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE
           STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::0:role/r' STORAGE_ALLOWED_LOCATIONS = ('s3://bucket/landing/')""",
        "CREATE FILE FORMAT LAKE.RAW.NDJSON TYPE = JSON COMPRESSION = AUTO",
        """CREATE STAGE LAKE.RAW.LANDING URL = 's3://bucket/landing/' STORAGE_INTEGRATION = SI
           FILE_FORMAT = (FORMAT_NAME = 'LAKE.RAW.NDJSON')""",
        """CREATE TABLE LAKE.RAW.POS (PAYLOAD VARIANT, EVENT_ID VARCHAR, PRODUCER_TS TIMESTAMP_NTZ, FILE_NAME VARCHAR,
           ROW_NUMBER NUMBER(38,0), LOADED_AT TIMESTAMP_LTZ)""",
        "CREATE STREAM LAKE.RAW.POS_STREAM ON TABLE LAKE.RAW.POS APPEND_ONLY = TRUE",
    ):  # fmt: skip
        session.execute(statement)
    session.close()
    yield ask
    engine.stop()


def sale(number: int) -> dict[str, object]:
    return {
        "event_id": f"e{number}",
        "producer_ts": "2026-01-02T03:04:05.678Z",
        "data": {"n": number, "t": "a\nb ü"},
    }


def test_rows_carry_their_file_and_number(lake: Asking, bucket: Bucket) -> None:
    bucket.put("landing/source=pos/dt=1/a.gz", sale(1), "", sale(2))
    bucket.put("landing/source=pos/dt=1/b.json", sale(3), zipped=False)
    bucket.put("landing/source=ecommerce/dt=1/c.gz", sale(4))
    before = datetime.now(UTC)
    result = lake.session().execute(COPY)
    assert [(row[0], row[1], row[3]) for row in result.rows] == [
        ("landing/source=pos/dt=1/a.gz", "LOADED", 2), ("landing/source=pos/dt=1/b.json", "LOADED", 1),
    ]  # fmt: skip
    rows = lake(
        "SELECT EVENT_ID, PRODUCER_TS, FILE_NAME, ROW_NUMBER, PAYLOAD:data.t::STRING, LOADED_AT FROM POS ORDER BY 1"
    )
    ts = datetime(2026, 1, 2, 3, 4, 5, 678000)
    assert [row[:5] for row in rows] == [
        ("e1", ts, "landing/source=pos/dt=1/a.gz", 1, "a\nb ü"),
        ("e2", ts, "landing/source=pos/dt=1/a.gz", 2, "a\nb ü"),
        ("e3", ts, "landing/source=pos/dt=1/b.json", 1, "a\nb ü"),
    ]
    assert all(before - timedelta(seconds=1) <= row[5] <= datetime.now(UTC) for row in rows)
    assert lake("SELECT COUNT(*) FROM POS_STREAM") == [(3,)]


def test_a_file_is_loaded_once(lake: Asking, bucket: Bucket) -> None:
    bucket.put("landing/source=pos/a.gz", sale(1))
    lake(COPY)
    assert [row[1] for row in lake(COPY)] == ["LOAD_SKIPPED"]
    bucket.put("landing/source=pos/b.gz", sale(2))
    assert [row[1] for row in lake(COPY)] == ["LOAD_SKIPPED", "LOADED"]
    assert lake("SELECT COUNT(*) FROM POS") == [(2,)]
    lake(COPY + " FORCE = TRUE")
    assert lake("SELECT COUNT(*) FROM POS") == [(4,)]
    lake("CREATE OR REPLACE TABLE POS LIKE POS")
    assert [row[1] for row in lake(COPY)] == ["LOADED", "LOADED"]


def test_a_rolled_back_load_may_be_done_again(lake: Asking, bucket: Bucket) -> None:
    bucket.put("landing/source=pos/a.gz", sale(1))
    lake("BEGIN")
    lake(COPY)
    lake("ROLLBACK")
    assert lake("SELECT COUNT(*) FROM POS") == [(0,)]
    assert [row[1] for row in lake(COPY)] == ["LOADED"]


@pytest.mark.parametrize(
    "bad",
    [
        '{"event_id": "e9", "producer_ts": "no time"}',
        '{"event_id": ',
        "plain text",
        '{"event_id": "x"} trailing',
    ],
)
def test_a_bad_file_is_skipped_whole(lake: Asking, bucket: Bucket, bad: str) -> None:
    bucket.put("landing/source=pos/a.gz", sale(1), bad)
    bucket.put("landing/source=pos/b.gz", sale(2))
    rows = lake(COPY)
    assert [(row[1], row[3], row[5]) for row in rows] == [("LOAD_FAILED", 0, 1), ("LOADED", 1, 0)]
    assert rows[0][6]
    assert "e9" not in rows[0][6]
    assert "no time" not in rows[0][6]
    assert lake("SELECT EVENT_ID FROM POS") == [("e2",)]
    history = lake("""SELECT FILE_NAME, STATUS, ROW_COUNT, ERROR_COUNT FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(
        TABLE_NAME => 'POS', START_TIME => DATEADD('hour', -1, CURRENT_TIMESTAMP()))) ORDER BY 1""")
    assert [(row[1], row[2], row[3]) for row in history] == [("Load failed", 0, 1), ("Loaded", 1, 0)]


def test_abort_statement_loads_nothing(lake: Asking, bucket: Bucket) -> None:
    bucket.put("landing/source=pos/a.gz", sale(1))
    bucket.put("landing/source=pos/b.gz", sale(2), "{")
    with pytest.raises(ProgrammingError, match=r"(?s)landing/source=pos/b\.gz.*line 2"):
        lake(COPY.replace("SKIP_FILE", "ABORT_STATEMENT").replace("\n", " "))
    assert lake("SELECT COUNT(*) FROM POS") == [(0,)]
    assert lake("SELECT COUNT(*) FROM LAKE.INFORMATION_SCHEMA.LOAD_HISTORY") == [(0,)]


def test_a_broken_archive_is_a_bad_file(lake: Asking, bucket: Bucket) -> None:
    bucket.put("landing/source=pos/a.gz", sale(1))
    whole = bucket.cat_file("s3://bucket/landing/source=pos/a.gz")
    bucket.files.pipe("/bucket/landing/source=pos/a.gz", whole[: len(whole) // 2])
    assert [row[1] for row in lake(COPY)] == ["LOAD_FAILED"]


def test_files_and_pattern_choose(lake: Asking, bucket: Bucket) -> None:
    for name in ("a.gz", "b.gz", "c.json"):
        bucket.put(f"landing/source=pos/{name}", sale(1))
    assert [row[0] for row in lake(COPY + " FILES = ('b.gz')")] == ["landing/source=pos/b.gz"]
    assert [row[0] for row in lake(COPY + " PATTERN = '.*[.]json'")] == ["landing/source=pos/c.json"]
    with pytest.raises(ProgrammingError, match="was not found"):
        lake(COPY + " FILES = ('nope.gz')")


def test_columns_without_a_select(lake: Asking, bucket: Bucket) -> None:
    bucket.put("landing/x/a.gz", sale(1))
    lake("CREATE TABLE DOCS (DOC VARIANT)")
    lake("COPY INTO DOCS FROM @LANDING/x/ FILE_FORMAT = (TYPE = JSON)")
    assert lake("SELECT DOC:data.n::NUMBER FROM DOCS") == [(1,)]


def test_nothing_to_do_says_so(lake: Asking) -> None:
    assert lake(COPY) == [("Copy executed with 0 files processed.",)]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("ON_ERROR = SKIP_FILE", "ON_ERROR = CONTINUE"), "ON_ERROR"),
        (("ON_ERROR", "PURGE = TRUE ON_ERROR"), "PURGE"),
        (("@LAKE.RAW.LANDING", "@LAKE.RAW.NOPE"), "does not exist"),
        (("ON_ERROR", "FILE_FORMAT = (TYPE = CSV) ON_ERROR"), "CSV"),
        (("ON_ERROR", "FILE_FORMAT = (TYPE = JSON STRIP_OUTER_ARRAY = TRUE) ON_ERROR"), "STRIP_OUTER_ARRAY"),
        (("SELECT $1,", "SELECT $2,"), r"\$2"),
        (("SELECT $1,", "SELECT nope,"), "NOPE"),
        (("LAKE.RAW.POS (", "LAKE.RAW.GONE ("), "does not exist"),
    ],
)
def test_what_cannot_be_loaded_is_refused(
    lake: Asking, bucket: Bucket, change: tuple[str, str], why: str
) -> None:
    bucket.put("landing/source=pos/a.gz", sale(1))
    with pytest.raises(ProgrammingError, match=why):
        lake(COPY.replace(*change))


def test_a_stage_stays_within_its_integration(lake: Asking) -> None:
    with pytest.raises(ProgrammingError, match="not allowed by integration"):
        lake("CREATE STAGE S URL = 's3://bucket/private/' STORAGE_INTEGRATION = SI")
    with pytest.raises(ProgrammingError, match="used by stage"):
        lake("DROP INTEGRATION SI")
