"""SQS queues."""

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.context import Context

FORTNIGHT = 14 * 24 * 60 * 60


def queue(
    name: str,
    context: Context,
    key: pulumi.Input[str],
    parent: pulumi.Resource,
    *,
    dead_letters: aws.sqs.Queue | None = None,
) -> aws.sqs.Queue:
    """Make an encrypted queue that keeps messages as long as SQS can."""
    redrive = (
        pulumi.Output.json_dumps({"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": 5})
        if dead_letters
        else None
    )
    return aws.sqs.Queue(
        naming.fit(name, naming.QUEUE - naming.AUTONAME),
        kms_master_key_id=key,
        message_retention_seconds=FORTNIGHT,
        redrive_policy=redrive,
        tags=context.tagged(naming.INTERNAL),
        opts=pulumi.ResourceOptions(parent=parent),
    )
