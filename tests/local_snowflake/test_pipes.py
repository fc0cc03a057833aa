"""Pipes against a local AWS: objects, notifications, topic and queue are all real but for the clouds."""

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import boto3
import pytest
from snowflake.connector.errors import ProgrammingError

from components.snowflake.sql import copy_statement
from local.snowflake.engine import Engine
from local.snowflake.pipe_channel import read
from local.snowflake.server import storage
from local.snowflake.session import Session

REGION = "eu-central-1"
PATIENCE = 30
ROOT = Path(__file__).resolve().parents[2]


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local AWS of the module's own."""
    home = tmp_path_factory.mktemp("aws")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "local.aws", "--port", str(port), "--s3", str(home / "s3")],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(f"{address}/_ministack/health"))
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False


@dataclass(kw_only=True)
class Lake:
    """A bucket that tells a topic of new objects, and a warehouse with a pipe on it."""

    endpoint: str
    data: Path
    bucket: str
    topic: str
    engine: Engine
    session: Session

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def put(self, file: str, *ids: str, prefix: str = "landing/source=pos/") -> None:
        lines = [json.dumps({"record": 1, "event_id": i, "source": "pos", "event_type": "sale"}) for i in ids]
        self.put_bytes(prefix + file, gzip.compress("\n".join(lines).encode()))

    def put_bytes(self, key: str, body: bytes) -> None:
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

    def create_pipe(self, words: str = "CREATE PIPE") -> None:
        self.session.execute(
            f"{words} RETAIL.RAW.POS_PIPE AUTO_INGEST = TRUE AWS_SNS_TOPIC = '{self.topic}' COMMENT = 'c' "
            f"AS {copy_statement('RETAIL', 'pos')}"
        )

    def loaded(self) -> list[str]:
        return [row[0] for row in self.session.execute("SELECT EVENT_ID FROM RETAIL.RAW.POS ORDER BY 1").rows]

    def status(self) -> dict[str, Any]:
        ((text,),) = self.session.execute("SELECT SYSTEM$PIPE_STATUS('RETAIL.RAW.POS_PIPE')").rows
        return json.loads(text)

    def queue(self) -> str:
        name = self.status()["notificationChannelName"].split(":")[-1]
        return self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]

    def send(self, body: str) -> None:
        self.client("sqs").send_message(QueueUrl=self.queue(), MessageBody=body)

    def restart(self) -> None:
        self.session.close()
        self.engine.stop()
        self.engine = Engine(self.data, storage=storage(self.endpoint), aws=self.endpoint)
        self.session = self.engine.session(database="RETAIL", schema="RAW")


@pytest.fixture
def lake(endpoint: str, tmp_path: Path) -> Iterator[Lake]:
    name = f"t{uuid4().hex[:12]}"
    engine = Engine(tmp_path / "warehouse", storage=storage(endpoint), aws=endpoint)
    lake = Lake(
        endpoint=endpoint,
        data=tmp_path / "warehouse",
        bucket=name,
        topic="",
        engine=engine,
        session=engine.session(),
    )
    lake.topic = lake.client("sns").create_topic(Name=name)["TopicArn"]
    s3 = lake.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    rules = [{"Name": "prefix", "Value": "landing/"}]
    told = {
        "TopicArn": lake.topic,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"TopicConfigurations": [told]}
    )
    for statement in (
        "CREATE DATABASE RETAIL",
        "CREATE SCHEMA RETAIL.RAW",
        """CREATE TABLE RETAIL.RAW.POS (PAYLOAD VARIANT, EVENT_ID VARCHAR, SOURCE VARCHAR, EVENT_TYPE VARCHAR,
           PRODUCER_TS TIMESTAMP_NTZ, INGESTED_AT TIMESTAMP_NTZ, FILE_NAME VARCHAR, ROW_NUMBER NUMBER(38,0),
           LOADED_AT TIMESTAMP_LTZ)""",
        "CREATE FILE FORMAT RETAIL.RAW.NDJSON TYPE = JSON COMPRESSION = GZIP",
        f"""CREATE STAGE RETAIL.RAW.LANDING URL = 's3://{name}/landing/'
            FILE_FORMAT = (FORMAT_NAME = 'RETAIL.RAW.NDJSON')""",
        "USE SCHEMA RETAIL.RAW",
    ):
        lake.session.execute(statement)
    yield lake
    lake.session.execute("DROP PIPE IF EXISTS RETAIL.RAW.POS_PIPE")
    lake.session.close()
    lake.engine.stop()
    shutil.rmtree(lake.data)


def test_new_objects_are_loaded_and_only_those_of_the_pipe(lake: Lake) -> None:
    lake.create_pipe()
    lake.engine.start()
    lake.put("dt=2017-01-01/hr=00/a b+c=1.gz", "e1", "e2")
    lake.put("x.gz", "other", prefix="landing/source=ecommerce/")
    lake.put("dt=2017-01-01/hr=01/d.gz", "e3")
    until(lambda: lake.loaded() == ["e1", "e2", "e3"])
    until(lambda: lake.status()["pendingFileCount"] == 0)
    names = lake.session.execute("SELECT DISTINCT FILE_NAME FROM RETAIL.RAW.POS ORDER BY 1").rows
    assert names == [
        ("landing/source=pos/dt=2017-01-01/hr=00/a b+c=1.gz",),
        ("landing/source=pos/dt=2017-01-01/hr=01/d.gz",),
    ]
    status = lake.status()
    assert status["executionState"] == "RUNNING"
    assert status["lastIngestedFilePath"].endswith("hr=01/d.gz")
    assert "lastIngestedTimestamp" in status and "error" not in status


def test_what_is_told_twice_is_loaded_once(lake: Lake) -> None:
    lake.create_pipe()
    lake.engine.start()
    lake.put("a.gz", "e1")
    until(lambda: lake.loaded() == ["e1"])
    lake.put("a.gz", "e1")  # S3 tells once more
    lake.put("b.gz", "e2")
    until(lambda: lake.loaded() == ["e1", "e2"])
    until(lambda: lake.status()["pendingFileCount"] == 0)
    assert lake.loaded() == ["e1", "e2"]


def test_a_message_that_says_nothing_becomes_visible_and_holds_nothing_back(lake: Lake) -> None:
    lake.create_pipe()
    for body in ("no json", "[1]", '{"Records": [{"s3": {}}]}', '{"TopicArn": "t", "Message": "{"}'):
        lake.send(body)
    lake.send('{"Service": "Amazon S3", "Event": "s3:TestEvent"}')
    lake.engine.start()
    lake.put("a.gz", "e1")
    until(lambda: lake.loaded() == ["e1"])
    until(lambda: lake.status()["pendingFileCount"] == 0)
    sqs = lake.client("sqs")
    url = sqs.get_queue_url(QueueName=lake.queue().rsplit("/", 1)[-1] + "-dead")["QueueUrl"]
    dead = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert len(dead) == 4
    assert "no json" in {message["Body"] for message in dead}
    kept = lake.engine.catalog.history("PIPE", database="RETAIL")
    assert [fact["event"] for fact in kept] == ["NOTIFICATION_REJECTED"] * 4


def test_a_bad_object_is_told_of_and_those_beside_it_are_loaded(lake: Lake) -> None:
    lake.create_pipe()
    lake.put("a.gz", "e1")
    lake.put_bytes("landing/source=pos/b.gz", gzip.compress(b'{"event_id": "lost"}\nnot json\n'))
    lake.put_bytes("landing/source=pos/c.gz", b"\x1f\x8bnot gzip")
    lake.put("d.gz", "e2")
    lake.client("s3").delete_object(Bucket=lake.bucket, Key="landing/source=pos/a.gz")
    lake.engine.start()
    until(lambda: lake.loaded() == ["e2"])
    until(lambda: lake.status()["pendingFileCount"] == 0)
    (gone,) = lake.engine.catalog.history("PIPE", database="RETAIL")
    assert (gone["event"], gone["file"]) == ("FILE_GONE", "a.gz")
    sql = """SELECT FILE_NAME, STATUS FROM TABLE(RETAIL.INFORMATION_SCHEMA.COPY_HISTORY(
        TABLE_NAME => 'RETAIL.RAW.POS', START_TIME => DATEADD('hour', -1, CURRENT_TIMESTAMP()))) ORDER BY 1"""
    told = {
        str(name).rsplit("/", 1)[-1]: str(status).upper() for name, status in lake.session.execute(sql).rows
    }
    assert told == {"b.gz": "LOAD FAILED", "c.gz": "LOAD FAILED", "d.gz": "LOADED"}


def test_nothing_is_deleted_before_it_is_loaded(lake: Lake) -> None:
    """GIVEN a pipe whose table is away WHEN it comes back THEN what was told of meanwhile is loaded."""
    lake.create_pipe()
    lake.session.execute("ALTER TABLE RETAIL.RAW.POS RENAME TO RETAIL.RAW.AWAY")
    lake.engine.start()
    for name in "abcde":
        lake.put(f"{name}.gz", f"e-{name}")
    until(lambda: lake.status()["executionState"] == "STALLED_EXECUTION_ERROR")
    status = lake.status()
    assert "POS" in status["error"]
    assert status["pendingFileCount"] == 5
    lake.session.execute("ALTER TABLE RETAIL.RAW.AWAY RENAME TO RETAIL.RAW.POS")
    until(lambda: lake.loaded() == [f"e-{name}" for name in "abcde"])
    until(lambda: lake.status()["pendingFileCount"] == 0)
    assert lake.status()["executionState"] == "RUNNING"


def test_a_paused_pipe_keeps_what_it_is_told(lake: Lake) -> None:
    lake.create_pipe()
    lake.session.execute("ALTER PIPE POS_PIPE SET PIPE_EXECUTION_PAUSED = TRUE")
    lake.engine.start()
    lake.put("a.gz", "e1")
    time.sleep(1.5)
    assert lake.loaded() == []
    assert (lake.status()["executionState"], lake.status()["pendingFileCount"]) == ("PAUSED", 1)
    lake.session.execute("ALTER PIPE POS_PIPE SET PIPE_EXECUTION_PAUSED = FALSE")
    until(lambda: lake.loaded() == ["e1"])


def test_refresh_loads_what_lies_there_and_was_never_told(lake: Lake) -> None:
    lake.put("dt=1/a.gz", "e1")
    lake.put("dt=2/b.gz", "e2")
    lake.create_pipe()
    lake.engine.start()
    sent = lake.session.execute("ALTER PIPE POS_PIPE REFRESH PREFIX = 'dt=1/'")
    assert (sent.columns, sent.rows) == (("File", "Status"), [("dt=1/a.gz", "SENT")])
    until(lambda: lake.loaded() == ["e1"])
    assert len(lake.session.execute("ALTER PIPE POS_PIPE REFRESH").rows) == 2
    until(lambda: lake.loaded() == ["e1", "e2"])
    until(lambda: lake.status()["pendingFileCount"] == 0)


def test_a_restart_goes_on_where_it_was(lake: Lake) -> None:
    lake.create_pipe()
    lake.engine.start()
    lake.put("a.gz", "e1")
    until(lambda: lake.loaded() == ["e1"])
    lake.restart()
    lake.put("b.gz", "e2")  # while the pipe does not run
    lake.put("a.gz", "e1")
    lake.engine.start()
    until(lambda: lake.loaded() == ["e1", "e2"])
    until(lambda: lake.status()["pendingFileCount"] == 0)


def test_a_queue_that_is_gone_is_made_again_and_nothing_is_missed(lake: Lake) -> None:
    """As after a new start of the local AWS, which keeps objects on disk and queues in memory."""
    lake.create_pipe()
    lake.client("sqs").delete_queue(QueueUrl=lake.queue())
    lake.put("a.gz", "e1")
    lake.engine.start()
    until(lambda: lake.loaded() == ["e1"])
    lake.put("b.gz", "e2")
    until(lambda: lake.loaded() == ["e1", "e2"])


def test_replacing_and_dropping(lake: Lake) -> None:
    lake.create_pipe()
    with pytest.raises(ProgrammingError, match="already exists"):
        lake.create_pipe()
    lake.create_pipe("CREATE PIPE IF NOT EXISTS")
    lake.create_pipe("CREATE OR REPLACE PIPE")
    sns = lake.client("sns")
    assert len(sns.list_subscriptions_by_topic(TopicArn=lake.topic)["Subscriptions"]) == 1
    queue, before = lake.queue(), lake.topic
    lake.topic = sns.create_topic(Name=f"{lake.bucket}-new")["TopicArn"]
    lake.create_pipe("CREATE OR REPLACE PIPE")
    assert sns.list_subscriptions_by_topic(TopicArn=before)["Subscriptions"] == []
    assert len(sns.list_subscriptions_by_topic(TopicArn=lake.topic)["Subscriptions"]) == 1
    lake.session.execute("DROP PIPE POS_PIPE")
    assert sns.list_subscriptions_by_topic(TopicArn=lake.topic)["Subscriptions"] == []
    sqs = lake.client("sqs")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName=queue.rsplit("/", 1)[-1])
    lake.session.execute("DROP PIPE IF EXISTS POS_PIPE")
    assert lake.session.execute("SHOW PIPES IN ACCOUNT").rows == []


def test_a_pipe_is_shown_as_it_was_made(lake: Lake) -> None:
    lake.create_pipe()
    result = lake.session.execute("SHOW PIPES LIKE 'pos%' IN SCHEMA RETAIL.RAW")
    pipe = dict(zip(result.columns, result.rows[0], strict=True))
    assert pipe["definition"] == copy_statement("RETAIL", "pos")
    assert (pipe["name"], pipe["owner"], pipe["comment"]) == ("POS_PIPE", "ACCOUNTADMIN", "c")
    assert pipe["notification_channel"] == lake.topic
    assert lake.status()["notificationChannelName"].startswith(f"arn:aws:sqs:{REGION}:")
    described = lake.session.execute("DESCRIBE PIPE POS_PIPE")
    assert dict(zip(described.columns, described.rows[0], strict=True)) == pipe


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "CREATE PIPE P AUTO_INGEST = TRUE AS COPY INTO POS FROM @LANDING",
            "AUTO_INGEST = TRUE and AWS_SNS_TOPIC",
        ),
        ("CREATE PIPE P INTEGRATION = 'X' AS COPY INTO POS FROM @LANDING", "INTEGRATION of a pipe"),
        ("CREATE PIPE P AS SELECT 1", "expected COPY INTO"),
        ("CREATE PIPE P AS COPY INTO POS FROM @LANDING FILES = ('a')", "FILES in the COPY of a pipe"),
        ("CREATE PIPE P AS COPY INTO NOWHERE FROM @LANDING", "NOWHERE' does not exist"),
        ("CREATE PIPE P AS COPY INTO POS FROM @NOWHERE/x", "NOWHERE' does not exist"),
        ("CREATE PIPE P AS COPY INTO POS FROM 's3://bucket/'", "a named stage"),
        ("ALTER PIPE NOBODY REFRESH", "does not exist or not authorized"),
        ("SELECT SYSTEM$PIPE_STATUS('NOBODY')", "does not exist or not authorized"),
    ],
)
def test_what_cannot_be_is_refused(lake: Lake, statement: str, message: str) -> None:
    with pytest.raises(ProgrammingError, match=message):
        lake.session.execute(statement)


def test_a_topic_that_does_not_exist_is_refused(lake: Lake) -> None:
    lake.topic += "-not"
    with pytest.raises(ProgrammingError, match="Pipe Notifications bind failure"):
        lake.create_pipe()
    assert lake.session.execute("SHOW PIPES IN ACCOUNT").rows == []


def test_keys_are_decoded_and_other_events_passed_over() -> None:
    key = "landing/source=pos/a b+ü=1.gz"
    records = [
        {"eventName": name, "s3": {"bucket": {"name": "b"}, "object": {"key": quote_plus(key)}}}
        for name in ("ObjectCreated:Put", "ObjectRemoved:Delete", "s3:ObjectCreated:CompleteMultipartUpload")
    ]
    event = json.dumps({"Records": records})
    for body in (event, json.dumps({"TopicArn": "t", "Message": event})):
        message = read(body, "handle")
        assert message.fault is None
        assert message.objects == (("b", key), ("b", key))
