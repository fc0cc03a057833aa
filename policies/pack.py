"""All policies of the pack, in the order in which a report shows them."""

from pathlib import Path

from pulumi_policy import EnforcementLevel, Policy

from policies import data, firehose, kinesis, kms, logs, messaging, queues, s3, suppressions, tags
from policies.lake import pack as lake

NAME = "retaillake"
LEVEL = EnforcementLevel.MANDATORY

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


def assemble(file: Path = suppressions.FILE, told: suppressions.Told | None = None) -> list[Policy]:
    """The pack as it is run: every policy, held back where the reviewed file says so."""
    listed = suppressions.load((one.name for one in POLICIES), file)
    return suppressions.applied(POLICIES, listed, told)
