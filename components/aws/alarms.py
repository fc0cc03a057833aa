"""Alarms, and the topic on which they sound."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.context import Context
from components.aws.iam import allow, deny, document


def topic(name: str, context: Context, key: pulumi.Input[str], parent: pulumi.Resource) -> aws.sns.Topic:
    """Make the topic of a stack's alarms, with its subscriber if the settings name one."""
    options = pulumi.ResourceOptions(parent=parent)
    made = aws.sns.Topic(
        naming.fit(name, naming.TOPIC - naming.AUTONAME),
        kms_master_key_id=key,
        tags=context.tagged(naming.INTERNAL),
        opts=options,
    )
    aws.sns.TopicPolicy(
        name,
        arn=made.arn,
        policy=document(
            allow(
                "Alarms",
                ["sns:Publish"],
                made.arn,
                principal={"Service": "cloudwatch.amazonaws.com"},
                conditions={"StringEquals": {"aws:SourceAccount": context.account}},
            ),
            deny("OnlyTls", ["sns:Publish"], made.arn, {"Bool": {"aws:SecureTransport": "false"}}),
        ),
        opts=options,
    )
    if context.settings.alarms.email:
        aws.sns.TopicSubscription(
            name, topic=made.arn, protocol="email", endpoint=context.settings.alarms.email, opts=options
        )
    return made


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A metric of a service, and the value above which somebody must look."""

    says: str
    namespace: str
    metric: str
    dimensions: Mapping[str, pulumi.Input[str]]
    above: float = 0
    statistic: str = "Maximum"
    minutes: int = 1
    periods: int = 1


def sound(
    name: str, alarm: Alarm, context: Context, to: pulumi.Input[str], parent: pulumi.Resource
) -> aws.cloudwatch.MetricAlarm:
    """Make an alarm; no data is no alarm, since nothing flows at night."""
    return aws.cloudwatch.MetricAlarm(
        name,
        name=name,
        alarm_description=alarm.says,
        namespace=alarm.namespace,
        metric_name=alarm.metric,
        dimensions=alarm.dimensions,
        statistic=alarm.statistic,
        period=60 * alarm.minutes,
        evaluation_periods=alarm.periods,
        comparison_operator="GreaterThanThreshold",
        threshold=alarm.above,
        treat_missing_data="notBreaching",
        alarm_actions=[to],
        ok_actions=[to],
        tags=context.tagged(naming.INTERNAL),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def waiting(says: str, queue: aws.sqs.Queue) -> Alarm:
    """Return the alarm that something lies in a queue which ought to be empty."""
    return Alarm(
        says=says,
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": queue.name},
    )
