"""All policies of the pack, in the order in which a report shows them."""

from pulumi_policy import Policy

from policies import data, firehose, kinesis, kms, logs, messaging, queues, s3, tags
from policies.lake import pack as lake

POLICIES: tuple[Policy, ...] = (
    *kinesis.POLICIES,
    *firehose.POLICIES,
    *kms.POLICIES,
    *messaging.POLICIES,
    *logs.POLICIES,
    *tags.POLICIES,
    *s3.POLICIES,
    *queues.POLICIES,
    *data.POLICIES,
    *lake.POLICIES,
)
