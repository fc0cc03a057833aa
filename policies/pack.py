"""All policies of the pack, in the order in which a report shows them."""

from pulumi_policy import Policy

from policies import (
    access,
    apigateway,
    data,
    dms,
    dynamodb,
    firehose,
    glue,
    iam,
    kinesis,
    kms,
    lambda_,
    logs,
    opensearch,
    s3,
    secretsmanager,
    sns,
    sqs,
    tags,
)
from policies.lake import pack as lake

POLICIES: tuple[Policy, ...] = (
    *access.POLICIES,
    *iam.POLICIES,
    *kinesis.POLICIES,
    *firehose.POLICIES,
    *kms.POLICIES,
    *sqs.POLICIES,
    *sns.POLICIES,
    *lambda_.POLICIES,
    *apigateway.POLICIES,
    *dynamodb.POLICIES,
    *secretsmanager.POLICIES,
    *logs.POLICIES,
    *dms.POLICIES,
    *glue.POLICIES,
    *opensearch.POLICIES,
    *tags.POLICIES,
    *s3.POLICIES,
    *data.POLICIES,
    *lake.POLICIES,
)
