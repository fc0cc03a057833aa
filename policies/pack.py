"""All policies of the pack, in the order in which a report shows them."""

from pulumi_policy import Policy

from policies import azure, firehose, kinesis, kms, logs, messaging, snowflake, tags

POLICIES: tuple[Policy, ...] = (
    *kinesis.POLICIES,
    *firehose.POLICIES,
    *kms.POLICIES,
    *messaging.POLICIES,
    *logs.POLICIES,
    *snowflake.POLICIES,
    *azure.POLICIES,
    *tags.POLICIES,
)
