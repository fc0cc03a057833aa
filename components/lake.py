"""The whole lake of a stack: what its sources share, and each source's way through it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.pattern import (
    AuditSpec,
    AuditTrail,
    Cloud,
    CloudSpec,
    LandingSpec,
    LandingZone,
    ReidService,
    ReidSpec,
)
from components.snowflake.landing import LandingStage, LandingStageArgs, listen, listener_policy
from components.snowflake.warehouse import Warehouse, WarehouseArgs
from components.stream_to_warehouse import StreamToWarehouse, StreamToWarehouseArgs
from contracts import Catalogue
from settings import Settings

NOT_ERASABLE = "personal values are stored in format 1 on this cloud: nobody can be erased (docs/erasure.md)"


@dataclass(frozen=True, kw_only=True)
class RetailLakeArgs:
    """What a lake follows from: the stack's settings, the data contracts, and a cloud to be on."""

    settings: Settings
    catalogue: Catalogue
    cloud: type[Cloud]
    tags: Mapping[str, str]


class RetailLake(pulumi.ComponentResource):
    """A retailer's data lake, in the order in which data flows through it."""

    cloud: Cloud
    zone: LandingZone
    trail: AuditTrail | None
    warehouse: Warehouse
    sources: dict[str, StreamToWarehouse]
    reid: ReidService | None

    def __init__(self, name: str, args: RetailLakeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:index:RetailLake", name, {}, opts)
        settings, catalogue = args.settings, args.catalogue
        self._erasable = catalogue.erasable
        options = pulumi.ResourceOptions(parent=self)
        spec = CloudSpec(
            settings=settings, sources=catalogue.sources, erasable=catalogue.erasable, tags=args.tags
        )
        self.cloud = args.cloud(name, spec, self)
        self.zone = self.cloud.landing_zone(
            f"{name}-landing", LandingSpec(landing=settings.landing, protect=settings.protect), self
        )
        self.trail = (
            self.cloud.audit(
                f"{name}-audit",
                self.zone,
                AuditSpec(audit=settings.audit, protect=settings.protect),
                self,
            )
            if settings.audit.trail
            else None
        )
        self.warehouse = Warehouse(
            f"{name}-warehouse",
            WarehouseArgs(settings=settings, pii_kinds=catalogue.pii_kinds),
            options,
        )
        self._stage = LandingStage(
            f"{name}-stage",
            LandingStageArgs(
                cloud=self.cloud,
                zone=self.zone,
                schema=self.warehouse.schemas["RAW"],
                role_prefix=settings.snowflake.role_prefix,
            ),
            options,
        )
        channel = self.cloud.notify(f"{name}-landed", self.zone, listener_policy(self), self)
        listener = listen(f"{name}-landed", channel, settings.snowflake.role_prefix, self)
        self._listener, self._trusted = listener, channel.trusted
        self.sources = {
            source: StreamToWarehouse(
                f"{name}-{source}",
                StreamToWarehouseArgs(
                    settings=settings,
                    source=source,
                    events=catalogue.events(source),
                    cloud=self.cloud,
                    zone=self.zone,
                    channel=channel,
                    stage=self._stage,
                    listener=listener,
                    warehouse=self.warehouse,
                ),
                options,
            )
            for source in catalogue.sources
        }
        self.reid = self._reidentification(name, settings)
        self.register_outputs(self.outputs)

    def _reidentification(self, name: str, settings: Settings) -> ReidService | None:
        """Make re-identification where the settings want it; a cloud that lacks it was refused already."""
        if settings.reid is None:
            return None
        spec = ReidSpec(
            reid=settings.reid,
            role=self.warehouse.access.roles["REID_SERVICE"].name,
            compute=self.warehouse.compute["query"].name,
            database=self.warehouse.database.name,
        )
        return self.cloud.reidentify(f"{name}-reid", spec, self)

    @property
    def outputs(self) -> dict[str, Any]:
        """What a stack says of its lake: where to send, where it lands, where to read, and as whom."""
        warehouse = self.warehouse
        return {
            "region": self.cloud.place,
            "endpoints": dict(self.cloud.endpoints),
            "streams": {
                name: {
                    "ingress": source.ingress.name,
                    "protected": source.protected.name,
                    "delivery": source.delivery.name,
                }
                for name, source in self.sources.items()
            },
            "landing": {"bucket": self.zone.name, "url": self.zone.url},
            "warehouse": {
                "database": warehouse.database.name,
                "schemas": {name.lower(): schema.name for name, schema in warehouse.schemas.items()},
                "warehouses": {work: made.name for work, made in warehouse.compute.items()},
                "stage": self._stage.stage.fully_qualified_name,
            },
            "roles": {name: role.name for name, role in warehouse.access.roles.items()},
            "services": {name: user.name for name, user in warehouse.services.users.items()},
            **self._tri_secret,
            **self._audit,
            **({"reid": vars(self.reid)} if self.reid else {}),
            **self._erasure,
            **self._consents,
        }

    @property
    def _erasure(self) -> dict[str, Any]:
        """Where a person is forgotten; or, where the contracts want that, that it is not possible here."""
        if not self._erasable:
            return {}
        table = self.cloud.subjects
        return {"erasure": {"table": table} if table is not None else {"table": None, "says": NOT_ERASABLE}}

    @property
    def _tri_secret(self) -> dict[str, Any]:
        """What an administrator runs so that the warehouse's key depends on ours: docs/tri-secret.md."""
        key = self.cloud.warehouse_key
        if key is None:
            return {}
        register = pulumi.Output.concat("SELECT SYSTEM$REGISTER_CMK_INFO('", key, "')")
        return {
            "triSecret": {"key": key, "register": register, "activate": "SELECT SYSTEM$ACTIVATE_CMK_INFO()"}
        }

    @property
    def _audit(self) -> dict[str, Any]:
        """Where to look for who did what, where the stack has a trail of its own."""
        trail = self.trail
        return {"audit": {"trail": trail.name, "url": trail.url, "log": trail.log}} if trail else {}

    @property
    def _consents(self) -> dict[str, Any]:
        """What somebody must consent to before the warehouse is trusted, where that is so."""
        if self._listener is None:
            return {}
        return {
            "consents": {
                "storage": dict(self._stage.consent),
                "notifications": {"integration": self._listener.name},
                "pipes": "made" if self._trusted else "made by the next up: see docs/azure.md, phase two",
            }
        }
