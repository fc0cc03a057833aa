"""The landing zone as Snowflake sees it: an integration that reads it as the cloud's reader, and a stage."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import pulumi
import pulumi_snowflake as snowflake

from components.pattern import Cloud, LandingZone, ListenerPolicy, WarehouseIdentity


@dataclass(frozen=True, kw_only=True)
class LandingStageArgs:
    """Which zone of which cloud, and in which schema its stage is made."""

    cloud: Cloud
    zone: LandingZone
    schema: snowflake.Schema
    role_prefix: str


class LandingStage(pulumi.ComponentResource):
    """The stage from which pipes and reloads copy."""

    stage: snowflake.StageExternalS3

    def __init__(self, name: str, args: LandingStageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:snowflake:LandingStage", name, {}, opts)
        options = pulumi.ResourceOptions(parent=self)
        # Ours, so that the reader's trust can be written before Snowflake was ever asked.
        word = sha256(args.zone.reader.encode()).hexdigest()[:32]
        integration = snowflake.StorageIntegrationAws(
            name,
            name=f"{args.role_prefix}LANDING",
            storage_provider="S3",
            enabled=True,
            storage_aws_role_arn=args.zone.reader,
            storage_aws_external_id=word,
            storage_allowed_locations=[args.zone.url],
            comment="Reads the landing zone",
            opts=options,
        )
        trusted = args.cloud.trust_warehouse(
            args.zone,
            WarehouseIdentity(principal=integration.describe_outputs.apply(_user), word=word),
            self,
        )
        file_format = snowflake.FileFormatJson(
            name,
            database=args.schema.database,
            schema=args.schema.name,
            name="NDJSON",
            compression="AUTO",
            strip_outer_array="false",
            comment="One record per line",
            opts=options,
        )
        self.stage = snowflake.StageExternalS3(
            name,
            database=args.schema.database,
            schema=args.schema.name,
            name="LANDING",
            url=args.zone.url,
            storage_integration=integration.name,
            file_format={"format_name": file_format.fully_qualified_name},
            comment="Delivered objects, by source, day and hour",
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(trusted)),
        )
        self.register_outputs({"stage": self.stage.fully_qualified_name})


def _user(described: Sequence[snowflake.outputs.StorageIntegrationAwsDescribeOutput]) -> str:
    """Return the user that Snowflake takes on the reader's role as."""
    if described and described[0].iam_user_arn:
        return described[0].iam_user_arn
    raise ValueError("the storage integration does not say which IAM user Snowflake uses")


def listener_policy(parent: pulumi.Resource) -> ListenerPolicy:
    """Return how Snowflake is asked for the policy that lets its queue subscribe to a topic."""

    def policy(topic: pulumi.Output[str]) -> pulumi.Output[str]:
        return snowflake.get_system_get_aws_sns_iam_policy_output(
            aws_sns_topic_arn=topic, opts=pulumi.InvokeOutputOptions(parent=parent)
        ).aws_sns_topic_policy_json

    return policy
