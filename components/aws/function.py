"""A Lambda function with its own role and its own log group."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.context import Context
from components.aws.iam import Statement, allow, role, trust
from components.aws.package import Package


@dataclass(frozen=True, kw_only=True)
class FunctionArgs:
    """What runs, what it is told, and what it may do beside writing its log.

    Parameters
    ----------
    key
        Encrypts the log.
    reserved
        How many of the account's functions are kept for it, and the most that run at once.
    """

    context: Context
    package: Package
    key: aws.kms.Key
    handler: str
    purpose: str
    statements: tuple[Statement, ...]
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    memory_mb: int = 256
    timeout_seconds: int = 60
    reserved: int | None = None


class Function(pulumi.ComponentResource):
    """A function that can do what it is for, and nothing else."""

    function: aws.lambda_.Function

    def __init__(self, name: str, args: FunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:aws:Function", name, {}, opts)
        context, runs = args.context, args.context.settings.functions
        physical = naming.fit(name, naming.FUNCTION)
        group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/lambda/{physical}",
            retention_in_days=context.settings.logs.retention_days,
            kms_key_id=args.key.arn,
            tags=context.tagged(naming.INTERNAL),
            opts=pulumi.ResourceOptions(parent=self),
        )
        made, policy = role(
            name,
            context,
            # Lambda takes on roles of the function's own account only.
            trust=trust("lambda"),
            purpose=args.purpose,
            statements=[
                *args.statements,
                allow(
                    "Log",
                    ["logs:CreateLogStream", "logs:PutLogEvents"],
                    pulumi.Output.concat(group.arn, ":*"),
                ),
                *([_TRACE] if runs.tracing else []),
            ],
            parent=self,
        )
        self.function = aws.lambda_.Function(
            name,
            name=physical,
            description=args.purpose,
            role=made.arn,
            handler=args.handler,
            runtime=args.package.target.runtime,
            architectures=[args.package.target.architecture],
            code=args.package.archive,
            memory_size=args.memory_mb,
            timeout=args.timeout_seconds,
            reserved_concurrent_executions=args.reserved,
            environment={"variables": args.environment} if args.environment else None,
            logging_config={
                "log_format": "JSON",
                "log_group": group.name,
                "application_log_level": runs.log_level,
            },
            tracing_config={"mode": "Active" if runs.tracing else "PassThrough"},
            tags=context.tagged(naming.INTERNAL),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.register_outputs({"arn": self.function.arn})


# Traces belong to no resource.
_TRACE = allow("Trace", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*")
