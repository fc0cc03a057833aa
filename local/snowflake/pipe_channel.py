"""A pipe's own queue, subscribed to the topic on which its bucket tells of new objects.

(The real Snowflake shares one queue among an account's pipes; here each has its own, so that a pipe deletes a
message when its own load of it is committed, and no sooner.)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.snowflake.errors import unsupported
from local.snowflake.names import Name

FAULTS = (BotoCoreError, ClientError)
_CREDENTIALS = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}  # the emulator's: a lock on nothing
_CONFIG = Config(retries={"total_max_attempts": 2}, connect_timeout=2, read_timeout=10)
_VISIBILITY = 30  # seconds for which a message is ours; one that comes again meanwhile does no harm
_PAGE = 10  # messages that SQS gives, or deletes, at once
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


class Aws:
    """Clients of the laptop's AWS.

    Parameters
    ----------
    endpoint
        Where it listens; None if there is none.
    """

    def __init__(self, endpoint: str | None) -> None:
        self._endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str) -> Any:
        """Return a client, made once."""
        if not self._endpoint:
            raise unsupported("a pipe with AUTO_INGEST where no AWS endpoint is known")
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = boto3.client(
                service, region_name=region, endpoint_url=self._endpoint, config=_CONFIG, **_CREDENTIALS
            )
        return self._clients[key]


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message: which new objects it tells of (bucket and key), or why it says nothing."""

    body: str
    handle: str
    objects: tuple[tuple[str, str], ...] = ()
    fault: str | None = None


class Channel:
    """The queue of one pipe, on one topic."""

    def __init__(self, aws: Aws, pipe: Name, topic: str) -> None:
        self.topic = topic
        self.name = f"sf-snowpipe-{hashlib.sha256(str(pipe).encode()).hexdigest()[:24]}"
        region = topic.split(":")[3]
        self._sqs, self._sns = aws.client("sqs", region), aws.client("sns", region)
        self._urls: dict[str, str] = {}

    def open(self) -> str:
        """Make the queue and subscribe it, where that is not done yet; return the queue's ARN."""
        self._urls.clear()
        url = self._make(self.name, {"VisibilityTimeout": str(_VISIBILITY)})
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = found["Attributes"]["QueueArn"]
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": self._policy(arn)})
        self._sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        return arn

    def unsubscribe(self, arn: str) -> None:
        """Hear no more of the topic."""
        for page in self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self.topic):
            for found in page["Subscriptions"]:
                if found["Endpoint"] == arn:
                    self._sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])

    def close(self, arn: str) -> None:
        """Unsubscribe and delete the queue; its dead letters stay."""
        self.unsubscribe(arn)
        self._sqs.delete_queue(QueueUrl=self._url(self.name))

    def lost(self) -> bool:
        """Say whether the queue is gone: an AWS that was started anew has forgotten it."""
        try:
            self._sqs.get_queue_url(QueueName=self.name)
        except self._sqs.exceptions.QueueDoesNotExist:
            return True
        return False

    def receive(self) -> list[Message]:
        """Take the messages that are there, a page of them at most."""
        found = self._sqs.receive_message(
            QueueUrl=self._url(self.name), MaxNumberOfMessages=_PAGE, WaitTimeSeconds=0
        )
        return [read(message["Body"], message["ReceiptHandle"]) for message in found.get("Messages", ())]

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages that are done with."""
        for start in range(0, len(messages), _PAGE):
            page = messages[start : start + _PAGE]
            self._sqs.delete_message_batch(
                QueueUrl=self._url(self.name),
                Entries=[{"Id": str(i), "ReceiptHandle": m.handle} for i, m in enumerate(page)],
            )

    def give_back(self, messages: Iterable[Message], seconds: int) -> None:
        """Let messages come again after so many seconds."""
        for message in messages:
            self._sqs.change_message_visibility(
                QueueUrl=self._url(self.name), ReceiptHandle=message.handle, VisibilityTimeout=seconds
            )

    def bury(self, message: Message) -> None:
        """Move a message that says nothing to the dead letters, where somebody may look at it."""
        dead = self._make(f"{self.name}-dead", {})
        self._sqs.send_message(QueueUrl=dead, MessageBody=message.body)
        self.delete([message])

    def outstanding(self) -> int:
        """Count the messages that are not deleted yet."""
        found = self._sqs.get_queue_attributes(QueueUrl=self._url(self.name), AttributeNames=list(_COUNTS))
        return sum(int(found["Attributes"][count]) for count in _COUNTS)

    def _make(self, name: str, attributes: dict[str, str]) -> str:
        self._urls[name] = self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return self._urls[name]

    def _url(self, name: str) -> str:
        if name not in self._urls:
            self._urls[name] = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return self._urls[name]

    def _policy(self, arn: str) -> str:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self.topic}},
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def read(body: str, handle: str) -> Message:
    """Read an S3 event, as it is or in an SNS envelope. Keys are URL-encoded in it."""
    try:
        event: Any = json.loads(body)
        if isinstance(event, dict) and "Message" in event and "TopicArn" in event:
            event = json.loads(event["Message"])
        if isinstance(event, dict) and event.get("Event") == "s3:TestEvent":
            return Message(body=body, handle=handle)
        objects = tuple(
            (record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))
            for record in event["Records"]
            if record["eventName"].removeprefix("s3:").startswith("ObjectCreated:")
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Message(body=body, handle=handle, fault=f"no S3 event: {type(error).__name__} {error}")
    return Message(body=body, handle=handle, objects=objects)
