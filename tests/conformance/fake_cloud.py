"""The least that is a cloud: every stage, made of components that hold nothing.

Read it beside docs/adding-a-cloud.md when you write a real one. It shows what the stages owe each other; it
encrypts nothing and so has no part in `test_security.py`.
"""

from typing import Any, ClassVar

import pulumi

from components.pattern import (
    LANDING_PREFIX,
    AuditSpec,
    AuditTrail,
    Capability,
    CloudSpec,
    Delivery,
    DeliverySpec,
    LandingSpec,
    LandingZone,
    ListenerPolicy,
    NotificationChannel,
    ProtectionSpec,
    ReidService,
    ReidSpec,
    Stream,
    StreamSpec,
    WarehouseIdentity,
)


class Part(pulumi.ComponentResource):
    """Anything of this cloud: its name, and an id that only its deployment knows."""

    name: pulumi.Output[str]
    id: pulumi.Output[str]

    def __init__(self, kind: str, name: str, parent: pulumi.Resource, **told: Any) -> None:
        super().__init__(f"retaillake:fake:{kind}", name, told, pulumi.ResourceOptions(parent=parent))
        self.name = pulumi.Output.from_input(name)
        self.id = self.urn.apply(lambda urn: f"fake:{urn.rpartition('::')[2]}")
        self.register_outputs({"name": self.name, **told})


class FakeCloud:
    """A cloud of names."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability)

    def __init__(self, name: str, spec: CloudSpec, parent: pulumi.Resource) -> None:
        self._base, self._tags = name, spec.tags
        Part("Keys", f"{name}-keys", parent)

    @property
    def place(self) -> str:
        """Where it is."""
        return "nowhere-1"

    @property
    def subjects(self) -> None:
        """Nobody can be erased."""
        return

    @property
    def warehouse_key(self) -> None:
        return None

    @property
    def endpoints(self) -> dict[str, str]:
        """Where producers send to."""
        return {"fake": "streams.nowhere-1.example"}

    def landing_zone(self, name: str, spec: LandingSpec, parent: pulumi.Resource) -> LandingZone:
        """A zone."""
        zone = Part("Zone", name, parent, days=spec.landing.lock_days)
        return LandingZone(
            name=zone.name,
            id=zone.id,
            url=pulumi.Output.concat("s3://", zone.name, "/", LANDING_PREFIX),
            reader=f"{self._base}-reader",
            ready=(zone,),
        )

    def ingress(self, name: str, spec: StreamSpec, parent: pulumi.Resource) -> Stream:
        """A stream."""
        return self._stream(name, spec.source, parent)

    def protect(self, name: str, source: Stream, spec: ProtectionSpec, parent: pulumi.Resource) -> Stream:
        """A transform, and the stream that it writes to."""
        transform = Part("Transform", f"{self._base}-{spec.source}-transform", parent, reads=source.id)
        return self._stream(name, spec.source, transform)

    def deliver(
        self, name: str, source: Stream, into: LandingZone, spec: DeliverySpec, parent: pulumi.Resource
    ) -> Delivery:
        """A delivery."""
        made = Part("Delivery", name, parent, reads=source.id, writes=into.id)
        return Delivery(source=spec.source, name=made.name, prefix=f"{LANDING_PREFIX}source={spec.source}/")

    def trust_warehouse(
        self, zone: LandingZone, identity: WarehouseIdentity, parent: pulumi.Resource
    ) -> tuple[pulumi.Resource, ...]:
        """A reader."""
        return (Part("Reader", zone.reader, parent, reads=zone.id, trusts=identity.principal),)

    def notify(
        self, name: str, zone: LandingZone, listener: ListenerPolicy, parent: pulumi.Resource
    ) -> NotificationChannel:
        """A channel."""
        channel = Part("Channel", name, parent, of=zone.id)
        # The warehouse names its queue's topic in AWS's form only; this one has the form and nothing else.
        address = channel.name.apply(lambda text: f"arn:aws:sns:eu-central-1:123456789012:{text}")
        return NotificationChannel(address=address, ready=(channel,))

    def audit(self, name: str, zone: LandingZone, spec: AuditSpec, parent: pulumi.Resource) -> AuditTrail:
        """A trail."""
        made = Part("Trail", name, parent, of=zone.id, days=spec.audit.retention_days)
        return AuditTrail(name=made.name, url=made.id, log=made.name)

    def reidentify(self, name: str, spec: ReidSpec, parent: pulumi.Resource) -> ReidService:
        """A service; a cloud that lacks it has neither this nor the capability."""
        made = Part("Reidentification", name, parent, reads=spec.database)
        return ReidService(url=made.name, requests=made.name, journal=made.name, login=made.name)

    def _stream(self, name: str, source: str, parent: pulumi.Resource) -> Stream:
        made = Part("Stream", name, parent)
        return Stream(source=source, name=made.name, id=made.id)
