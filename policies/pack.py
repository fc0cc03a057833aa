"""All policies of the pack, in the order in which a report shows them."""

from pathlib import Path

from pulumi_policy import EnforcementLevel, Policy

from policies import (
    access,
    apigateway,
    azure,
    cloudtrail,
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
    snowflake,
    sns,
    sqs,
    suppressions,
    tags,
)
from policies.lake import pack as lake

NAME = "retaillake"
LEVEL = EnforcementLevel.MANDATORY

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
    *cloudtrail.POLICIES,
    *dms.POLICIES,
    *glue.POLICIES,
    *opensearch.POLICIES,
    *snowflake.POLICIES,
    *azure.POLICIES,
    *tags.POLICIES,
    *s3.POLICIES,
    *data.POLICIES,
    *lake.POLICIES,
)


def assemble(file: Path = suppressions.FILE, told: suppressions.Told | None = None) -> list[Policy]:
    """The pack as it is run: every policy, held back where the reviewed file says so."""
    listed = suppressions.load((one.name for one in POLICIES), file)
    return suppressions.applied(POLICIES, listed, told)
