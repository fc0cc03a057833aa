"""How the warehouse hears of new objects: S3 tells one topic, which tells Snowflake and our own audit queue.

S3 takes one notification configuration per bucket, and Snowflake's subscription cannot be remade on the same
topic for 72 hours: so one topic, of a name of its own, that outlives whoever listens.
"""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.alarms import Alarm, sound, waiting
from components.aws.context import Context
from components.aws.iam import Statement, allow, deny, document
from components.aws.keys import Keys
from components.aws.queues import queue
from components.pattern import LANDING_PREFIX, LandingZone, ListenerPolicy, NotificationChannel


@dataclass(frozen=True, kw_only=True)
class NotificationArgs:
    """Of which zone, and who listens."""

    context: Context
    zone: LandingZone
    listener: ListenerPolicy
    keys: Keys
    alarms: pulumi.Input[str]


class Notification(pulumi.ComponentResource):
    """The landing zone's topic with all its subscribers."""

    channel: NotificationChannel

    def __init__(self, name: str, args: NotificationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:aws:Notification", name, {}, opts)
        context, options = args.context, pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(
            naming.fit(name, naming.TOPIC - naming.AUTONAME),
            kms_master_key_id=args.keys.operations.arn,
            tags=context.tagged(naming.INTERNAL),
            opts=pulumi.ResourceOptions(parent=self, protect=context.settings.protect),
        )
        policy = aws.sns.TopicPolicy(
            name,
            arn=topic.arn,
            policy=document(*_own(args, topic), others=args.listener(topic.arn).apply(listener_statements)),
            opts=options,
        )
        aws.s3.BucketNotification(
            name,
            bucket=args.zone.name,
            topics=[
                {
                    "topic_arn": topic.arn,
                    "events": ["s3:ObjectCreated:*"],
                    "filter_prefix": LANDING_PREFIX,
                }
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        sound(
            f"{name}-silent",
            Alarm(
                says="The warehouse, or our audit, could not be told of landed objects",
                namespace="AWS/SNS",
                metric="NumberOfNotificationsFailed",
                dimensions={"TopicName": topic.name},
                statistic="Sum",
            ),
            context,
            args.alarms,
            self,
        )
        self._audit(name, args, topic)
        self.channel = NotificationChannel(address=topic.arn, ready=(policy,))
        self.register_outputs({"topic": topic.arn})

    def _audit(self, name: str, args: NotificationArgs, topic: aws.sns.Topic) -> None:
        """Keep our own record of what landed, to hold against what was loaded."""
        context, key = args.context, args.keys.operations.arn
        dead = queue(f"{name}-audit-dead", context, key, self)
        audit = queue(f"{name}-audit", context, key, self, dead_letters=dead)
        allowed = aws.sqs.QueuePolicy(
            f"{name}-audit",
            queue_url=audit.url,
            policy=document(
                allow(
                    "Topic",
                    ["sqs:SendMessage"],
                    audit.arn,
                    principal={"Service": "sns.amazonaws.com"},
                    conditions={"ArnEquals": {"aws:SourceArn": topic.arn}},
                ),
                deny("OnlyTls", ["sqs:*"], audit.arn, {"Bool": {"aws:SecureTransport": "false"}}),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.sns.TopicSubscription(
            f"{name}-audit",
            topic=topic.arn,
            protocol="sqs",
            endpoint=audit.arn,
            raw_message_delivery=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )
        alarm = waiting("Notifications of landed objects could not be processed", dead)
        sound(f"{name}-audit-dead", alarm, context, args.alarms, self)


def _own(args: NotificationArgs, topic: aws.sns.Topic) -> list[Statement]:
    return [
        allow(
            "Landing",
            ["sns:Publish"],
            topic.arn,
            principal={"Service": "s3.amazonaws.com"},
            conditions={
                "ArnEquals": {"aws:SourceArn": args.zone.id},
                "StringEquals": {"aws:SourceAccount": args.context.account},
            },
        ),
        deny("OnlyTls", ["sns:Publish"], topic.arn, {"Bool": {"aws:SecureTransport": "false"}}),
    ]


def listener_statements(policy: str) -> list[Statement]:
    """Return the statements of the warehouse's policy, which must let it subscribe and nothing else."""
    found: list[Statement] = json.loads(policy)["Statement"]
    for statement in found:
        effect, actions = statement["Effect"], statement["Action"]
        if effect != "Allow" or actions not in ("sns:Subscribe", ["sns:Subscribe"]):
            raise ValueError(f"the warehouse asks for more than sns:Subscribe: {effect} {actions}")
    return found
