"""File formats, stages, tables, pipes, streams, tasks: the way of the data."""

from __future__ import annotations

import json
from typing import Any

from ..adapter import Inputs, Outputs, Place, invoke, register
from .client import NAMED, SnowflakeAdapter, Warehouse


@register
class FileFormatJson(SnowflakeAdapter):
    """A file format for JSON."""

    type = "snowflake:index/fileFormatJson:FileFormatJson"
    kind = "FILE FORMAT"


@register
class StageExternalS3(SnowflakeAdapter):
    """A stage on S3."""

    type = "snowflake:index/stageExternalS3:StageExternalS3"
    kind = "STAGE"


@register
class Table(SnowflakeAdapter):
    """A table."""

    type = "snowflake:index/table:Table"
    kind = "TABLE"


@register
class Pipe(SnowflakeAdapter):
    """A pipe."""

    type = "snowflake:index/pipe:Pipe"
    kind = "PIPE"
    computed = {**NAMED, "notificationChannel": lambda place, rid, inputs: _channel(place, inputs)}


@register
class StreamOnTable(SnowflakeAdapter):
    """A stream on a table."""

    type = "snowflake:index/streamOnTable:StreamOnTable"
    kind = "STREAM"


@register
class Task(SnowflakeAdapter):
    """A task."""

    type = "snowflake:index/task:Task"
    kind = "TASK"


def _channel(place: Place, inputs: Inputs) -> str:
    if not inputs.get("autoIngest"):
        return ""
    return inputs.get("awsSnsTopicArn") or place.arn("sqs", "sf-snowpipe-laptop")


@invoke("snowflake:index/getSystemGetAwsSnsIamPolicy:getSystemGetAwsSnsIamPolicy")
def sns_iam_policy(place: Place, cloud: Warehouse | None, args: Inputs) -> Outputs:
    """Return the statement that lets Snowflake subscribe to a topic."""
    topic = args["awsSnsTopicArn"]
    statement: dict[str, Any] = {
        "Sid": "1",
        "Effect": "Allow",
        "Principal": {"AWS": place.arn("iam", "user/snowflake", region="")},
        "Action": ["sns:Subscribe"],
        "Resource": [topic],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return {"awsSnsTopicArn": topic, "awsSnsTopicPolicyJson": document, "id": topic}
