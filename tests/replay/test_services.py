"""What is planted in a lake's services is found; what producers sent to the ingress streams is theirs."""

import gzip
import json
import time

from local.leaks import Needle, leaks
from local.state import Lake

NEEDLES = [Needle("trillian.astra@example.org", "email"), Needle("+12065550142", "phone")]


def found(lake: Lake, tmp_path) -> set[tuple[str, str]]:
    (tmp_path / "empty").mkdir(exist_ok=True)
    return {(leak.where, leak.what) for leak in leaks(tmp_path / "empty", NEEDLES, lake)}


def test_objects_in_every_version(lake: Lake, tmp_path) -> None:
    s3 = lake.boto("s3")
    bucket = lake.streams["pos"].delivery + "-bucket"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": lake.region})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="a.gz", Body=gzip.compress(b"x" + NEEDLES[0].value.encode()))
    s3.put_object(Bucket=bucket, Key="a.gz", Body=gzip.compress(b"clean"))
    s3.put_object(Bucket=bucket, Key="b", Body=b"clean", Metadata={"sender": NEEDLES[1].value})
    assert found(lake, tmp_path) == {
        (f"s3://{bucket}/a.gz (unpacked)", "email"),
        (f"s3://{bucket}/b (name and metadata)", "phone"),
    }
    for version in s3.list_object_versions(Bucket=bucket)["Versions"]:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    assert found(lake, tmp_path) == set()


def test_queues_and_their_messages_stay(lake: Lake, tmp_path) -> None:
    sqs = lake.boto("sqs")
    url = sqs.create_queue(QueueName=lake.streams["pos"].delivery)["QueueUrl"]
    for number in range(35):
        body = {"Message": json.dumps({"n": number, "v": NEEDLES[0].value if number == 30 else "clean"})}
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    assert found(lake, tmp_path) == {(f"queue {url}", "email")}
    waiting = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert waiting["Attributes"]["ApproximateNumberOfMessages"] == "35"
    sqs.delete_queue(QueueUrl=url)


def test_logs(lake: Lake, tmp_path) -> None:
    logs, group = lake.boto("logs"), f"/aws/lambda/{lake.streams['pos'].delivery}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": f"line {n}"} for n in range(50)]
    events[40]["message"] = f"refused: {NEEDLES[1].value}"
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    assert found(lake, tmp_path) == {(f"log group {group}", "phone")}
    logs.delete_log_group(logGroupName=group)


def test_protected_streams_but_not_ingress_streams(lake: Lake, tmp_path) -> None:
    kinesis, streams = lake.boto("kinesis"), lake.streams["ecommerce"]
    plain = [{"Data": NEEDLES[0].value.encode(), "PartitionKey": str(n)} for n in range(9)]
    kinesis.put_records(StreamName=streams.ingress, Records=plain)
    assert found(lake, tmp_path) == set()
    kinesis.put_records(StreamName=streams.protected, Records=plain[:1])
    kinesis.put_record(StreamName=streams.protected, Data=b"clean", PartitionKey=NEEDLES[1].value)
    assert found(lake, tmp_path) == {
        (f"stream {streams.protected}", "email"),
        (f"stream {streams.protected} (partition key)", "phone"),
    }
