"""A local AWS for the session, and in it, for a test, the streams of a lake and nothing else."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local.cli import programs
from local.processes import ensure, stop_all
from local.state import Lake, Paths, Warehouse

REGION = "eu-central-1"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Paths, str]]:
    paths = Paths(tmp_path_factory.mktemp("aws")).make()
    process, _ = ensure(paths, programs.aws(paths))
    yield paths, f"http://127.0.0.1:{process.port}"
    stop_all(paths, programs.ALL)


@pytest.fixture
def lake(aws: tuple[Paths, str]) -> Lake:
    paths, endpoint = aws
    name = f"t{uuid.uuid4().hex[:8]}"
    streams: dict[str, Any] = {
        source: {kind: f"{name}-{source}-{kind}" for kind in ("ingress", "protected", "delivery")}
        for source in ("ecommerce", "pos")
    }
    lake = Lake(
        paths=paths,
        endpoint=endpoint,
        region=REGION,
        warehouse=Warehouse(host="127.0.0.1", port=1),
        outputs={"streams": streams},
    )
    for names in streams.values():
        for kind in ("ingress", "protected"):
            lake.boto("kinesis").create_stream(StreamName=names[kind], ShardCount=2)
    return lake


def received(lake: Lake, stream: str) -> list[list[bytes]]:
    """What lies on a stream, by shard."""
    kinesis = lake.boto("kinesis")
    shards: list[list[bytes]] = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        at = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        shards.append([])
        while records := (answer := kinesis.get_records(ShardIterator=at, Limit=10_000))["Records"]:
            shards[-1] += [record["Data"] for record in records]
            at = answer["NextShardIterator"]
    return shards
