"""The tables of re-identification: requests, which end, and the journal, which only grows."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws import context as names
from components.aws.context import Context
from components.aws.iam import deny, document

# What changes or removes an entry; what adds one is for the function alone.
CHANGES = (
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
    "dynamodb:UpdateItem",
)


@dataclass(frozen=True, kw_only=True)
class ReidTablesArgs:
    """The key that encrypts them."""

    context: Context
    key: aws.kms.Key


class ReidTables(pulumi.ComponentResource):
    """Requests with the quotas of people, and the journal."""

    requests: aws.dynamodb.Table
    journal: aws.dynamodb.Table

    def __init__(self, name: str, args: ReidTablesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:aws:ReidTables", name, {}, opts)
        self.requests = self._table(
            f"{name}-requests",
            args,
            {"key": "S"},
            # A request ends a while after its life; what happened is in the journal.
            ttl={"enabled": True, "attribute_name": "forget_at"},
        )
        self.journal = self._table(f"{name}-journal", args, {"chain": "S", "number": "N"})
        self._only_grows(name, args.context)
        self.register_outputs({"requests": self.requests.name, "journal": self.journal.name})

    def _table(
        self,
        name: str,
        args: ReidTablesArgs,
        keys: dict[str, str],
        *,
        ttl: aws.dynamodb.TableTtlArgsDict | None = None,
    ) -> aws.dynamodb.Table:
        context, protect = args.context, args.context.settings.protect
        hash_key, *range_key = keys
        return aws.dynamodb.Table(
            name,
            name=naming.fit(name, naming.TABLE),
            billing_mode="PAY_PER_REQUEST",
            attributes=[{"name": key, "type": type_} for key, type_ in keys.items()],
            hash_key=hash_key,
            range_key=range_key[0] if range_key else None,
            server_side_encryption={"enabled": True, "kms_key_arn": args.key.arn},
            point_in_time_recovery={"enabled": True},
            deletion_protection_enabled=protect,
            ttl=ttl,
            tags=context.tagged(naming.CONFIDENTIAL),
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )

    def _only_grows(self, name: str, context: Context) -> None:
        """Deny everybody, whatever IAM says, to change an entry; and all but the function to add one.

        A put may still overwrite: no policy can ask for a condition on what is there. That the function never
        does, and if somebody took its place, the chain shows it.
        """
        ours = context.role_arn(f"{context.base}-{names.REID}")
        journal = self.journal.arn
        aws.dynamodb.ResourcePolicy(
            f"{name}-journal",
            resource_arn=journal,
            policy=document(
                deny("NobodyChanges", CHANGES, journal),
                deny(
                    "OnlyTheFunctionAdds",
                    ["dynamodb:PutItem"],
                    journal,
                    {"ArnNotEquals": {"aws:PrincipalArn": ours}},
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
