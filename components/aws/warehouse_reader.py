"""The role that the warehouse takes on to read delivered objects, and nothing else.

The warehouse's integration needs the role's ARN before there is a role, and the role needs the integration's
user: so the ARN is told in advance, by the name that the role will have.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.context import Context
from components.aws.iam import allow, document, role, via
from components.pattern import LANDING_PREFIX, LandingZone, WarehouseIdentity


@dataclass(frozen=True, kw_only=True)
class WarehouseReaderArgs:
    """What is read, by whom, and the key that decrypts it."""

    context: Context
    zone: LandingZone
    identity: WarehouseIdentity
    key: aws.kms.Key


class WarehouseReader(pulumi.ComponentResource):
    """A role for Snowflake's user, who must say the stack's word."""

    ready: tuple[pulumi.Resource, ...]

    def __init__(
        self, name: str, args: WarehouseReaderArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("retaillake:aws:WarehouseReader", name, {}, opts)
        context, bucket = args.context, args.zone.id
        made, policy = role(
            name,
            context,
            trust=document(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": args.identity.principal},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"sts:ExternalId": args.identity.word}},
                }
            ),
            purpose="Taken on by Snowflake to read the landing zone",
            statements=[
                allow(
                    "ReadObjects",
                    ["s3:GetObject", "s3:GetObjectVersion"],
                    pulumi.Output.concat(bucket, "/", LANDING_PREFIX, "*"),
                ),
                allow(
                    "ListObjects",
                    ["s3:ListBucket"],
                    bucket,
                    conditions={"StringLike": {"s3:prefix": [f"{LANDING_PREFIX}*"]}},
                ),
                allow("FindBucket", ["s3:GetBucketLocation"], bucket),
                allow("DecryptObjects", ["kms:Decrypt"], args.key.arn, conditions=via(context, "s3")),
            ],
            parent=self,
        )
        self.ready = (made, policy)
        self.register_outputs({"role": made.arn})
