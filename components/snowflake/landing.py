"""The landing zone as Snowflake sees it: an integration that reads it as the cloud's reader, and a stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

import pulumi
import pulumi_snowflake as snowflake

from components.pattern import (
    Cloud,
    LandingZone,
    ListenerPolicy,
    NotificationChannel,
    WarehouseIdentity,
)

Stage: TypeAlias = snowflake.StageExternalS3 | snowflake.StageExternalAzure


@dataclass(frozen=True, kw_only=True)
class LandingStageArgs:
    """Which zone of which cloud, and in which schema its stage is made."""

    cloud: Cloud
    zone: LandingZone
    schema: snowflake.Schema
    role_prefix: str


class LandingStage(pulumi.ComponentResource):
    """The stage from which pipes and reloads copy; `consent` says to what one must consent, and where."""

    stage: Stage
    consent: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: LandingStageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:snowflake:LandingStage", name, {}, opts)
        self.consent = {}
        make = self._as_role if args.zone.tenant is None else self._as_application
        self.stage = make(name, args)
        self.register_outputs({"stage": self.stage.fully_qualified_name})

    def _as_role(self, name: str, args: LandingStageArgs) -> snowflake.StageExternalS3:
        """Read the zone as a role that Snowflake takes on."""
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
        return snowflake.StageExternalS3(
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

    def _as_application(self, name: str, args: LandingStageArgs) -> snowflake.StageExternalAzure:
        """Read the zone as Snowflake's own application, to which somebody in the tenant has consented."""
        options = pulumi.ResourceOptions(parent=self)
        integration = snowflake.StorageIntegrationAzure(
            name,
            name=f"{args.role_prefix}LANDING",
            azure_tenant_id=args.zone.tenant or "",
            enabled=True,
            storage_allowed_locations=[args.zone.url],
            comment="Reads the landing zone",
            opts=options,
        )
        described = integration.describe_outputs
        self.consent = {
            "consent": described.apply(lambda found: found[0].consent_url or ""),
            "application": described.apply(lambda found: found[0].multi_tenant_app_name or ""),
        }
        trusted = args.cloud.trust_warehouse(
            args.zone, WarehouseIdentity(principal=self.consent["application"], word=""), self
        )
        file_format = snowflake.FileFormatAvro(
            name,
            database=args.schema.database,
            schema=args.schema.name,
            name="CAPTURED",
            compression="AUTO",
            comment="One record per body",
            opts=options,
        )
        return snowflake.StageExternalAzure(
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


def _user(described: Sequence[snowflake.outputs.StorageIntegrationAwsDescribeOutput]) -> str:
    """Return the user that Snowflake takes on the reader's role as."""
    if described and described[0].iam_user_arn:
        return described[0].iam_user_arn
    raise ValueError("the storage integration does not say which IAM user Snowflake uses")


def listen(
    name: str, channel: NotificationChannel, role_prefix: str, parent: pulumi.Resource
) -> snowflake.NotificationIntegration | None:
    """Make what fetches a channel's messages, if it does not send them: one for all pipes of a stack."""
    if channel.tenant is None:
        return None
    return snowflake.NotificationIntegration(
        name,
        name=f"{role_prefix}LANDED",
        enabled=True,
        type="QUEUE",
        notification_provider="AZURE_STORAGE_QUEUE",
        azure_storage_queue_primary_uri=channel.address,
        azure_tenant_id=channel.tenant,
        comment="Hears of new objects in the landing zone",
        opts=pulumi.ResourceOptions(parent=parent),
    )


def listener_policy(parent: pulumi.Resource) -> ListenerPolicy:
    """Return how Snowflake is asked for the policy that lets its queue subscribe to a topic."""

    def policy(topic: pulumi.Output[str]) -> pulumi.Output[str]:
        return snowflake.get_system_get_aws_sns_iam_policy_output(
            aws_sns_topic_arn=topic, opts=pulumi.InvokeOutputOptions(parent=parent)
        ).aws_sns_topic_policy_json

    return policy
