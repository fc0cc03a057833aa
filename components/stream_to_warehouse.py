"""The reusable component: one source's way from its front door to its tables in the warehouse."""

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.pattern import (
    Cloud,
    Delivery,
    DeliverySpec,
    LandingZone,
    NotificationChannel,
    ProtectionSpec,
    Stream,
    StreamSpec,
)
from components.snowflake.landing import LandingStage
from components.snowflake.source import Source, SourceArgs
from components.snowflake.warehouse import Warehouse
from contracts import Event
from settings import Settings


@dataclass(frozen=True, kw_only=True)
class StreamToWarehouseArgs:
    """A source with its events, and what the stack shares."""

    settings: Settings
    source: str
    events: tuple[Event, ...]
    cloud: Cloud
    zone: LandingZone
    channel: NotificationChannel
    stage: LandingStage
    listener: snowflake.NotificationIntegration | None
    warehouse: Warehouse


class StreamToWarehouse(pulumi.ComponentResource):
    """Ingress → protect → deliver → load, each stage fed by the one before it and by nothing else."""

    ingress: Stream
    protected: Stream
    delivery: Delivery

    def __init__(
        self, name: str, args: StreamToWarehouseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("retaillake:index:StreamToWarehouse", name, {}, opts)
        source, own = args.source, args.settings.sources[args.source]
        self.ingress = args.cloud.ingress(
            f"{name}-ingress", StreamSpec(source=source, streams=own.streams), self
        )
        self.protected = args.cloud.protect(
            f"{name}-protected",
            self.ingress,
            ProtectionSpec(source=source, transform=own.transform, streams=own.streams, oversize=args.zone),
            self,
        )
        self.delivery = args.cloud.deliver(
            f"{name}-delivery",
            self.protected,
            args.zone,
            DeliverySpec(source=source, delivery=own.delivery),
            self,
        )
        Source(
            f"{name}-warehouse",
            SourceArgs(
                settings=args.settings,
                source=source,
                events=args.events,
                warehouse=args.warehouse,
                stage=args.stage.stage,
                channel=args.channel,
                form=args.zone.form,
                listener=args.listener,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs(
            {
                "ingress": self.ingress.name,
                "protected": self.protected.name,
                "delivery": self.delivery.name,
            }
        )
