"""What can be tagged says whose it is, what it holds and what it costs."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
)

from policies.rules import section
from policies.tokens import unversioned

REQUIRED = ["project", "stack", "environment", "owner", "data-classification"]
# Types of which every instance takes tags. A type that is missing here is not checked, so the list is
# held against the SDK by a test.
TAGGED = frozenset(
    {
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:iam/role:Role",
        "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
        "aws:kinesis/stream:Stream",
        "aws:kms/key:Key",
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "aws:lambda/function:Function",
        "aws:s3/bucket:Bucket",
        "aws:secretsmanager/secret:Secret",
        "aws:sns/topic:Topic",
        "aws:sqs/queue:Queue",
    }
)

# The same of Azure; what lies inside one of these takes no tags of its own.
TAGGED_AZURE = frozenset(
    {
        "azure-native:eventgrid:SystemTopic",
        "azure-native:eventhub:Namespace",
        "azure-native:keyvault:Vault",
        "azure-native:managedidentity:UserAssignedIdentity",
        "azure-native:operationalinsights:Workspace",
        "azure-native:resources:ResourceGroup",
        "azure-native:storage:StorageAccount",
        "azure-native:web:AppServicePlan",
        "azure-native:web:WebApp",
    }
)


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if unversioned(args.resource_type) not in TAGGED | TAGGED_AZURE:
        return
    wanted: list[str] = args.get_config().get("required", REQUIRED)
    tags: Mapping[str, Any] = section(args.props, "tags")
    missing = [key for key in wanted if key not in set(tags)]
    if missing:
        report(f"Tags are missing: {', '.join(missing)}.", None)


POLICIES = (
    ResourceValidationPolicy(
        name="resource-missing-tags",
        description="Everything that can be tagged carries the tags that the organisation asks for.",
        validate=_validate,
        enforcement_level=EnforcementLevel.MANDATORY,
        config_schema=PolicyConfigSchema(
            {"required": {"type": "array", "items": {"type": "string"}, "default": REQUIRED}}
        ),
        severity=Severity.MEDIUM,
        remediation_steps="Pass the stack's tags to the resource.",
    ),
)
