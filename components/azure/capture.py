"""Delivery of a source: Capture of its protected hub, by an identity that reaches its own prefix only.

Capture belongs to the hub, and has nothing to process: what it reads is protected already. Each record is the
`Body` of a container of Avro. It writes no object for a time in which nothing came.
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import eventhub

from components.azure import roles
from components.azure.context import PROTECTED, Context
from components.azure.function import container_id
from components.azure.landing import DELIVERED, LandingAccount
from components.azure.observe import Alarm, Observation, sound
from components.azure.streams import METRICS, Namespace
from components.pattern import LANDING_PREFIX, Delivery

# Everything that a name of an object must hold, with the hour first: a rebuild lists by day and hour.
HOUR = "dt={Year}-{Month}-{Day}/hr={Hour}/{Minute}-{Second}-{Namespace}-{EventHub}-{PartitionId}"


@dataclass(frozen=True, kw_only=True)
class CaptureArgs:
    """From which namespace's protected hub into which account."""

    context: Context
    source: str
    namespace: Namespace
    landing: LandingAccount
    observation: Observation


class Capture(pulumi.ComponentResource):
    """What a source's protected hub is told to write, and as whom."""

    description: eventhub.CaptureDescriptionArgsDict
    ready: tuple[pulumi.Resource, ...]
    delivery: Delivery

    def __init__(self, name: str, args: CaptureArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:azure:Capture", name, {}, opts)
        context, account = args.context, args.landing.account
        delivery = context.settings.sources[args.source].delivery
        identity, prefix = args.namespace.capturer, f"source={args.source}/"
        assigned = roles.assign(
            name,
            role=roles.builtin(context, roles.BLOB_DATA_CONTRIBUTOR),
            to=identity.principal_id,
            on=container_id(account, DELIVERED),
            below=prefix,
            parent=self,
        )
        self.description = {
            "enabled": True,
            "encoding": eventhub.EncodingCaptureDescription.AVRO,
            "interval_in_seconds": delivery.buffer_seconds,
            "size_limit_in_bytes": delivery.buffer_mb * 1024 * 1024,
            "skip_empty_archives": True,
            "destination": {
                "name": "EventHubArchive.AzureBlockBlob",
                "storage_account_resource_id": account.id,
                "blob_container": args.landing.containers[DELIVERED].name,
                "archive_name_format": prefix + HOUR,
                "identity": {
                    "type": eventhub.CaptureIdentityType.USER_ASSIGNED,
                    "user_assigned_identity": identity.id,
                },
            },
        }
        self.ready = (assigned, *args.landing.zone.ready)
        self.delivery = Delivery(
            source=args.source,
            name=pulumi.Output.concat(args.namespace.namespace.name, "/", PROTECTED),
            prefix=LANDING_PREFIX + prefix,
        )
        late = context.settings.alarms.late_minutes
        sound(
            f"{name}-late",
            Alarm(
                says=f"Protected records of {args.source} wait for delivery for more than {late} minutes",
                of=args.namespace.namespace.id,
                namespace=METRICS,
                metric="CaptureBacklog",
                statistic="Maximum",
                entity=PROTECTED,
                minutes=_window(late),
            ),
            context,
            args.observation,
            self,
        )
        self.register_outputs({"prefix": self.delivery.prefix})


def _window(minutes: int) -> int:
    """Return the window that is nearest from above of those that Azure takes, in minutes."""
    return next((window for window in (1, 5, 15, 30) if window >= minutes), 30)
