"""Streams, a function, a delivery and a data plane of a test's own, in the session's local AWS."""

import gzip
import io
import json
import os
import signal
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cli import programs
from local.dataplane.plane import request_flush
from local.processes import ensure, find, stop
from local.state import Paths, aws_client, read_json

REGION = "eu-central-1"
ROLE = "arn:aws:iam::000000000000:role/test"

# What the transform does as seen from outside: from the ingress to the protected stream; faults on demand.
FUNCTION = """
import base64, json, os, time
import boto3
from botocore.exceptions import ClientError
KINESIS, S3 = boto3.client("kinesis"), boto3.client("s3")

def broken():
    try:
        S3.head_object(Bucket=os.environ["SWITCH"], Key="broken")
        return True
    except ClientError:
        return False

def handler(event, context):
    failed, kept = [], []
    for record in event["Records"]:
        data = base64.b64decode(record["kinesis"]["data"])
        fault = json.loads(data).get("fault")
        if fault and broken():
            if fault == "raise":
                raise ValueError("a fault")
            if fault == "sleep":
                time.sleep(30)
            failed.append({"itemIdentifier": record["kinesis"]["sequenceNumber"]})
        kept.append((data, record["kinesis"]["partitionKey"], record["kinesis"]["sequenceNumber"]))
    if failed:
        first = min(f["itemIdentifier"] for f in failed)
        kept = [k for k in kept if k[2] < first]
    time.sleep(float(os.environ.get("PAUSE", "0")))
    for i in range(0, len(kept), 500):
        KINESIS.put_records(StreamName=os.environ["PROTECTED"],
            Records=[{"Data": d + b"\\n", "PartitionKey": k} for d, k, _ in kept[i:i + 500]])
    return {"batchItemFailures": failed}
"""


@dataclass
class Aws:
    """The session's local AWS."""

    paths: Paths
    endpoint: str

    def __call__(self, service: str) -> Any:
        return aws_client(service, self.endpoint, REGION)


class Pipeline:
    """Ingress stream → function → protected stream → delivery → bucket, and the data plane that runs it."""

    def __init__(self, aws: Aws, root: Path) -> None:
        self.aws, self.paths = aws, Paths(root).make()
        self.name = f"t{uuid.uuid4().hex[:8]}"
        self.bucket, self.switch = f"{self.name}-bucket", f"{self.name}-switch"
        for bucket in (self.bucket, self.switch):
            aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.key = aws("kms").create_key()["KeyMetadata"]["Arn"]
        self.ingress, self.protected = self.stream("ingress"), self.stream("protected")
        self.mapping: str | None = None

    def stream(self, name: str, shards: int = 1) -> str:
        kinesis = self.aws("kinesis")
        kinesis.create_stream(StreamName=f"{self.name}-{name}", ShardCount=shards)
        return kinesis.describe_stream(StreamName=f"{self.name}-{name}")["StreamDescription"]["StreamARN"]

    def function(self, timeout: int = 30, **environment: str) -> str:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("function.py", FUNCTION)
        variables = {"PROTECTED": f"{self.name}-protected", "SWITCH": self.switch, **environment}
        return self.aws("lambda").create_function(
            FunctionName=self.name,
            Runtime="python3.13",
            Role=ROLE,
            Handler="function.handler",
            Code={"ZipFile": code.getvalue()},
            Timeout=timeout,
            Environment={"Variables": variables},
        )["FunctionArn"]

    def map(self, function: str, **settings: Any) -> None:
        settings = {
            "BatchSize": 100,
            "StartingPosition": "TRIM_HORIZON",
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            **settings,
        }
        self.mapping = self.aws("lambda").create_event_source_mapping(
            EventSourceArn=self.ingress, FunctionName=function, **settings
        )["UUID"]

    def deliver(self, megabytes: int = 64, seconds: int = 900, **settings: Any) -> None:
        self.aws("firehose").create_delivery_stream(
            DeliveryStreamName=self.name,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={"KinesisStreamARN": self.protected, "RoleARN": ROLE},
            ExtendedS3DestinationConfiguration={
                "RoleARN": ROLE,
                "BucketARN": f"arn:aws:s3:::{self.bucket}",
                "Prefix": "landing/source=pos/dt=!{timestamp:yyyy-MM-dd}/hr=!{timestamp:HH}/",
                "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
                "BufferingHints": {"SizeInMBs": megabytes, "IntervalInSeconds": seconds},
                "CompressionFormat": "GZIP",
                "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": self.key}},
                **settings,
            },
        )

    def break_(self) -> None:
        self.aws("s3").put_object(Bucket=self.switch, Key="broken", Body=b"")

    def mend(self) -> None:
        self.aws("s3").delete_object(Bucket=self.switch, Key="broken")

    def put(self, events: list[dict[str, Any]], stream: str = "ingress") -> None:
        end = b"" if stream == "ingress" else b"\n"
        for start in range(0, len(events), 500):
            records = [
                {"Data": json.dumps(e).encode() + end, "PartitionKey": str(e["id"] % 7)}
                for e in events[start : start + 500]
            ]
            self.aws("kinesis").put_records(StreamName=f"{self.name}-{stream}", Records=records)

    def start(self) -> None:
        ensure(self.paths, programs.dataplane(self.paths, self.aws.endpoint, REGION), timeout=20)

    def kill(self) -> None:
        process = find(self.paths, programs.DATAPLANE)
        assert process
        os.kill(process.pid, signal.SIGKILL)
        while find(self.paths, programs.DATAPLANE):
            time.sleep(0.01)

    def report(self) -> dict[str, Any]:
        return read_json(self.paths.dataplane) or {}

    def counters(self) -> dict[str, Any]:
        """This path's counters; the session's other tests have left theirs behind."""
        report = self.report()
        mappings = [m for m in report.get("mappings", []) if m["id"] == self.mapping]
        deliveries = [d for d in report.get("deliveries", []) if d["name"] == self.name]
        return {"mapping": mappings[0] if mappings else {}, "delivery": deliveries[0] if deliveries else {}}

    def until(self, true: Callable[[dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            counters = self.counters()
            if counters["delivery"] and (counters["mapping"] or not self.mapping) and true(counters):
                return counters
            time.sleep(0.05)
        raise AssertionError(f"not in {seconds} s: {json.dumps(self.counters(), indent=1)}")

    def flush(self) -> dict[str, Any]:
        mark = request_flush(self.paths)
        return self.until(lambda c: c["delivery"]["flushed"] == mark)

    def objects(self) -> dict[str, bytes]:
        s3 = self.aws("s3")
        keys = [o["Key"] for o in s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def landed(self) -> list[int]:
        """The ids of all landed events, in the order of objects and lines."""
        s3 = self.aws("s3")
        found = s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        found.sort(key=lambda o: o["LastModified"])
        bodies = [s3.get_object(Bucket=self.bucket, Key=o["Key"])["Body"].read() for o in found]
        return [json.loads(line)["id"] for body in bodies for line in gzip.decompress(body).splitlines()]

    def close(self) -> None:
        stop(self.paths, programs.DATAPLANE, grace=2)
        if self.mapping:
            self.aws("lambda").delete_event_source_mapping(UUID=self.mapping)
        for name in self.aws("firehose").list_delivery_streams()["DeliveryStreamNames"]:
            if name == self.name:
                self.aws("firehose").delete_delivery_stream(DeliveryStreamName=name)
