"""The local AWS: what it does not do by itself, where it listens, what it leaves on disk."""

import time
from typing import Any

import psutil
import pytest

from local.aws import server
from local.cli import programs
from local.processes import find
from local.state import Lake, Warehouse
from tests.dataplane.pipeline import REGION, Aws, Pipeline


def test_it_listens_on_this_machine_only(aws: Aws) -> None:
    process = find(aws.paths, programs.AWS)
    assert process
    open_ports = psutil.Process(process.pid).net_connections("inet")
    listening = [c.laddr for c in open_ports if c.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", process.port)]


def test_it_runs_neither_mappings_nor_deliveries(line: Pipeline) -> None:
    line.deliver(seconds=1)
    line.map(line.function())
    line.put([{"id": i} for i in range(10)])
    line.put([{"id": i} for i in range(10)], stream="protected")
    time.sleep(2.5)
    assert line.objects() == {}
    line.start()  # and ours then finds everything
    line.until(lambda c: c["mapping"]["transformed"] == 10 and c["delivery"]["delivered"] == 20)


def test_records_never_touch_the_disk(line: Pipeline) -> None:
    line.map(line.function())
    line.put([{"id": 1, "secret": "jane.doe@example.com"}])
    queue = line.aws("sqs").create_queue(QueueName=line.name)["QueueUrl"]
    line.aws("sqs").send_message(QueueUrl=queue, MessageBody="jane.doe@example.com")
    time.sleep(0.5)
    files = [file for file in line.aws.paths.home.rglob("*") if file.is_file()]
    assert files
    for file in files:
        content = file.read_bytes()
        assert b"jane.doe" not in content, file
        assert b"amFuZS5kb2U" not in content, file


def test_what_a_stream_took_is_counted(line: Pipeline) -> None:
    streams = {
        "ingress": f"{line.name}-ingress",
        "protected": f"{line.name}-protected",
        "delivery": line.name,
    }
    lake = Lake(
        paths=line.paths,
        endpoint=line.aws.endpoint,
        region=REGION,
        warehouse=Warehouse(host="127.0.0.1", port=1),
        outputs={"streams": {"pos": streams}},
    )
    assert lake.sent() == {"pos": 0}
    record = {"Data": b"x", "PartitionKey": "x"}
    for count in (3, 4):
        lake.boto("kinesis").put_records(StreamName=streams["ingress"], Records=[record] * count)
    lake.boto("kinesis").put_records(StreamName=streams["protected"], Records=[record])
    with pytest.raises(lake.boto("kinesis").exceptions.ResourceNotFoundException):
        lake.boto("kinesis").put_records(StreamName="nowhere", Records=[record])
    assert lake.sent() == {"pos": 7}


def test_expiry_looks_at_the_oldest_and_forgets_what_is_too_old() -> None:
    now = time.time()
    records: list[dict[str, Any]] = [
        {"ApproximateArrivalTimestamp": now - hours * 3600} for hours in (30, 25, 23, 0)
    ]
    stream = {"RetentionPeriodHours": 24, "shards": {"s": {"records": records}}}
    server.expire_records(stream)
    assert stream["shards"]["s"]["records"] == records[2:]
    kept = stream["shards"]["s"]["records"]
    server.expire_records(stream)
    assert stream["shards"]["s"]["records"] is kept


def test_an_emulator_that_changed_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"has no local.aws.server.gone any more"):
        server.replace(server, "gone", server.poll_nothing)
