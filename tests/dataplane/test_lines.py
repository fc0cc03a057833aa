"""Whole lines, stream to object, in a local AWS: what arrives, whatever fails on the way."""

import gzip
import json
import re
import time
from collections import Counter
from typing import Any

import psutil

from local.cli import programs
from local.processes import find
from tests.dataplane.pipeline import Pipeline

GZIP_MAGIC = b"\x1f\x8b"


def events(count: int, **fault_of: str) -> list[dict[str, Any]]:
    return [{"id": i, **({"fault": fault_of[f"e{i}"]} if f"e{i}" in fault_of else {})} for i in range(count)]


def done(count: int) -> Any:
    return lambda c: c["mapping"]["transformed"] == count and c["delivery"]["received"] >= count


def in_order_per_key(ids: list[int]) -> bool:
    """Whether each key's events first arrived in the order in which they were put."""
    first = list(dict.fromkeys(ids))
    return all(keyed == sorted(keyed) for keyed in ([i for i in first if i % 7 == key] for key in range(7)))


def test_all_arrives_once_compressed_and_named_as_configured(line: Pipeline) -> None:
    line.deliver()
    line.map(line.function(), BatchSize=500, ParallelizationFactor=2)
    line.put(events(3000))
    line.start()
    line.until(done(3000))
    counters = line.flush()
    assert sorted(line.landed()) == list(range(3000))
    assert in_order_per_key(line.landed())
    [(key, body)] = line.objects().items()
    assert re.fullmatch(
        rf"landing/source=pos/dt=\d{{4}}-\d\d-\d\d/hr=\d\d/{line.name}-1-\d{{4}}(-\d\d){{5}}-[0-9a-f-]{{36}}\.gz",
        key,
    )
    assert body.startswith(GZIP_MAGIC)
    head = line.aws("s3").head_object(Bucket=line.bucket, Key=key)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", line.key)
    delivery, mapping = counters["delivery"], counters["mapping"]
    assert (mapping["received"], mapping["transformed"], mapping["failed_attempts"]) == (3000, 3000, 0)
    assert (delivery["received"], delivery["delivered"], delivery["buffered"]) == (3000, 3000, 0)
    assert (delivery["objects"], delivery["bytes"]) == (1, len(body))
    assert delivery["plain_bytes"] == len(gzip.decompress(body))


def test_a_reported_failure_holds_its_lane_and_loses_nothing(line: Pipeline) -> None:
    line.deliver()
    line.break_()
    line.map(line.function(), BatchSize=100)
    line.put(events(300, e150="report"))
    line.start()
    counters = line.until(lambda c: c["mapping"]["failed_attempts"] >= 2)
    assert counters["mapping"]["transformed"] == 150  # up to the failed record, and not beyond it
    line.mend()
    line.until(done(300))
    line.flush()
    assert line.landed() == list(range(300))  # what preceded the failure was not repeated


def test_an_error_is_bisected_and_retried_until_it_passes(line: Pipeline) -> None:
    line.deliver()
    line.break_()
    line.map(line.function(), BatchSize=64, BisectBatchOnFunctionError=True)
    line.put(events(128, e40="raise"))
    line.start()
    counters = line.until(
        lambda c: c["mapping"]["transformed"] == 40 and c["mapping"]["failed_attempts"] >= 7
    )
    assert counters["mapping"]["last_error"].startswith("FunctionError")
    line.mend()
    line.until(done(128))
    line.flush()
    assert line.landed() == list(range(128))


def test_a_timeout_is_retried(line: Pipeline) -> None:
    line.deliver()
    line.break_()
    line.map(line.function(timeout=1), BatchSize=50)
    line.put(events(100, e70="sleep"))
    line.start()
    line.until(lambda c: c["mapping"]["failed_attempts"] >= 1)
    line.mend()
    line.until(done(100))
    line.flush()
    assert sorted(set(line.landed())) == list(range(100))


def test_what_is_given_up_is_told_by_position_only(line: Pipeline) -> None:
    queue = line.aws("sqs").create_queue(QueueName=line.name)["QueueUrl"]
    arn = f"arn:aws:sqs:eu-central-1:000000000000:{line.name}"
    line.deliver()
    line.break_()
    line.map(
        line.function(),
        BatchSize=32,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    line.put(events(64, e10="raise"))
    line.start()
    counters = line.until(lambda c: c["mapping"]["transformed"] == 64)
    assert counters["mapping"]["discarded"] == 1
    line.until(lambda c: c["delivery"]["received"] == 63)
    line.flush()
    assert line.landed() == [i for i in range(64) if i != 10]
    [message] = line.aws("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    told = json.loads(message["Body"])
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    batch = told["KinesisBatchInfo"]
    assert (batch["batchSize"], batch["streamArn"]) == (1, line.ingress)
    kinesis = line.aws("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName=f"{line.name}-ingress",
        ShardId=batch["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=batch["startSequenceNumber"],
    )["ShardIterator"]
    found = kinesis.get_records(ShardIterator=iterator, Limit=1)["Records"][0]["Data"]
    assert json.loads(found)["id"] == 10  # which is enough to find the record again
    assert "fault" not in message["Body"]


def test_a_killed_data_plane_goes_on_where_it_was(line: Pipeline) -> None:
    line.deliver(megabytes=1, seconds=1)
    line.map(line.function(PAUSE="0.1"), BatchSize=100)
    line.put([{**event, "pad": "x" * 500} for event in events(4000)])
    for kills in range(3):
        line.start()
        line.until(lambda c, least=600 * (kills + 1): c["mapping"]["transformed"] >= least)
        line.kill()
    line.start()
    line.until(done(4000), seconds=60)
    line.until(lambda c: c["delivery"]["buffered"] == 0)
    ids = line.landed()
    assert set(ids) == set(range(4000))
    assert in_order_per_key(ids)
    counters = line.counters()
    # Counts are true to positions: of the ingress stream each record once, of the protected one what lies
    # there, although the data plane was killed three times amid it.
    assert (counters["mapping"]["received"], counters["mapping"]["transformed"]) == (4000, 4000)
    protected = _length(line, "protected")
    assert counters["delivery"]["delivered"] == protected
    assert len(ids) >= protected
    assert max(Counter(ids).values()) <= 1 + 2 * 3  # at worst once more per kill, in mapping and in delivery


def test_a_killed_function_is_invoked_again(line: Pipeline) -> None:
    line.deliver()
    line.map(line.function(PAUSE="0.5"), BatchSize=50)
    line.put(events(300))
    line.start()
    line.until(lambda c: c["mapping"]["transformed"] >= 50)
    server = find(line.aws.paths, programs.AWS)
    assert server
    for child in psutil.Process(server.pid).children():
        child.kill()
    line.until(done(300), seconds=60)
    counters = line.flush()
    assert counters["mapping"]["failed_attempts"] >= 1
    assert set(line.landed()) == set(range(300))


def test_buffers_are_written_by_size_and_by_age(line: Pipeline) -> None:
    line.deliver(megabytes=1, seconds=4)
    line.start()
    line.until(lambda c: c["delivery"]["caught_up_at"] > 0)
    line.put([{**event, "pad": "x" * 1000} for event in events(2500)], stream="protected")
    started = time.monotonic()
    line.until(lambda c: c["delivery"]["objects"] == 2)
    assert time.monotonic() - started < 4  # by size: 2.5 MB make two full buffers at once
    line.until(lambda c: c["delivery"]["buffered"] == 0)
    assert time.monotonic() - started >= 3.5  # the rest by its age
    bodies = [gzip.decompress(body) for body in line.objects().values()]
    assert len(bodies) == 3
    assert all(len(body) <= 1 << 20 for body in bodies)
    assert all(body.endswith(b"\n") for body in bodies)  # never within a record
    assert line.landed() == list(range(2500))


def test_a_delivery_begins_where_the_stream_was_when_it_was_made(line: Pipeline) -> None:
    line.put(events(5), stream="protected")
    time.sleep(1.1)
    line.deliver(seconds=1)
    line.put([{"id": 5}], stream="protected")
    line.start()  # later than both
    line.until(lambda c: c["delivery"]["delivered"] > 0)
    assert line.landed() == [5]


def test_what_would_be_run_wrongly_is_refused_by_name(line: Pipeline) -> None:
    processor = {
        "Type": "Lambda",
        "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": line.function()}],
    }
    line.deliver(ProcessingConfiguration={"Enabled": True, "Processors": [processor]})
    line.start()
    deadline = time.monotonic() + 10
    while not line.report().get("refused") and time.monotonic() < deadline:
        time.sleep(0.1)
    why = "not run on the laptop: the processor Lambda: AppendDelimiterToRecord is done"
    assert line.report()["refused"] == {f"delivery {line.name}": why}
    assert not line.report()["deliveries"]


def test_payloads_reach_neither_logs_nor_positions(line: Pipeline) -> None:
    line.deliver()
    line.break_()
    line.map(line.function(), BatchSize=10, BisectBatchOnFunctionError=True)
    line.put([{**event, "secret": "jane.doe@example.com"} for event in events(20, e3="raise", e12="report")])
    line.start()
    line.until(lambda c: c["mapping"]["failed_attempts"] >= 4)
    line.mend()
    line.until(done(20))
    roots = [line.paths.log, line.paths.run, line.aws.paths.log, line.aws.paths.run, line.aws.paths.tmp]
    files = [file for root in roots for file in root.rglob("*") if file.is_file()]
    assert any(file.name == "dataplane.log" for file in files)
    assert not [
        file for file in files if b"jane.doe" in file.read_bytes() or b"amFuZS5kb2U" in file.read_bytes()
    ]


def _length(line: Pipeline, name: str) -> int:
    kinesis, count = line.aws("kinesis"), 0
    iterator = kinesis.get_shard_iterator(
        StreamName=f"{line.name}-{name}", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    while records := (page := kinesis.get_records(ShardIterator=iterator, Limit=1000))["Records"]:
        count, iterator = count + len(records), page["NextShardIterator"]
    return count
