"""The table of the subjects' secrets: deleting one of its entries erases a person (docs/erasure.md)."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws import context as names
from components.aws.context import Context
from components.aws.iam import deny, document

# What would show many secrets at once, carry them elsewhere, or change one; nobody needs any of it.
NEVER = (
    "dynamodb:BatchWriteItem",
    "dynamodb:ExportTableToPointInTime",
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLSelect",
    "dynamodb:PartiQLUpdate",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
)
# What the transform and re-identification each are allowed of it.
ENSURE = ("dynamodb:BatchGetItem", "dynamodb:PutItem")
FORGET = ("dynamodb:BatchGetItem", "dynamodb:DeleteItem")


@dataclass(frozen=True, kw_only=True)
class SubjectsArgs:
    """The key that encrypts the table."""

    context: Context
    key: aws.kms.Key


class Subjects(pulumi.ComponentResource):
    """The table, which the transforms may read and add to, and re-identification may read and delete from."""

    table: aws.dynamodb.Table

    def __init__(self, name: str, args: SubjectsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:aws:Subjects", name, {}, opts)
        context = args.context
        protect, erasure = context.settings.protect, context.settings.erasure
        self.table = aws.dynamodb.Table(
            name,
            name=naming.fit(name, naming.TABLE),
            billing_mode="PAY_PER_REQUEST",
            attributes=[{"name": "subject", "type": "B"}],
            hash_key="subject",
            server_side_encryption={"enabled": True, "kms_key_arn": args.key.arn},
            # Against the loss of everybody's; for as long, an erased one can be brought back too.
            point_in_time_recovery={"enabled": True, "recovery_period_in_days": erasure.recovery_days},
            deletion_protection_enabled=protect,
            tags=context.tagged(naming.RESTRICTED),
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )
        self._only_these(name, context)
        self.register_outputs({"table": self.table.name})

    def _only_these(self, name: str, context: Context) -> None:
        """Deny everybody, whatever IAM says, what the transforms and re-identification do not do."""
        transforms = [
            context.role_arn(context.source_name(source, names.TRANSFORM)) for source in context.erasable
        ]
        reid = context.role_arn(f"{context.base}-{names.REID}")
        arn = self.table.arn

        def others(*roles: str) -> dict[str, dict[str, list[str]]]:
            return {"ArnNotEquals": {"aws:PrincipalArn": list(roles)}}

        aws.dynamodb.ResourcePolicy(
            name,
            resource_arn=arn,
            policy=document(
                deny("Nobody", NEVER, arn),
                deny(
                    "OnlyTheseRead",
                    ["dynamodb:BatchGetItem", "dynamodb:GetItem"],
                    arn,
                    others(*transforms, reid),
                ),
                deny("OnlyTransformsAdd", ["dynamodb:PutItem"], arn, others(*transforms)),
                deny("OnlyReidErases", ["dynamodb:DeleteItem"], arn, others(reid)),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
