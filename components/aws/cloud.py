"""AWS as a cloud of the pattern: each stage in AWS's own services."""

from typing import ClassVar

import pulumi

from components import naming
from components.aws import alarms, streams
from components.aws import context as names
from components.aws.audit import Audit, AuditArgs
from components.aws.context import Context
from components.aws.delivery import DeliveryArgs, DeliveryStream
from components.aws.keys import Keys, KeysArgs
from components.aws.landing import LandingBucket, LandingBucketArgs
from components.aws.notification import Notification, NotificationArgs
from components.aws.package import Package, Target
from components.aws.reid import Reidentification, ReidentificationArgs
from components.aws.subjects import Subjects, SubjectsArgs
from components.aws.token_key import TokenKey, TokenKeyArgs
from components.aws.transform import Transform, TransformArgs
from components.aws.warehouse_reader import WarehouseReader, WarehouseReaderArgs
from components.pattern import (
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


class AwsCloud:
    """The stages on AWS, and what they share: keys, the alarms' topic, the token key, the functions' zip."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability)

    def __init__(self, name: str, spec: CloudSpec, parent: pulumi.Resource) -> None:
        self._context = context = Context.find(name, spec, parent)
        options = pulumi.ResourceOptions(parent=parent)
        self._keys = Keys(f"{name}-keys", KeysArgs(context=context), options)
        self._alarms = alarms.topic(f"{name}-alarms", context, self._keys.operations.arn, parent).arn
        self._package = Package(target=Target.of(spec.settings.functions))
        self._token_key = TokenKey(
            f"{name}-{names.TOKEN_KEY}",
            TokenKeyArgs(context=context, package=self._package, key=self._keys.operations),
            options,
        )

        self._subjects = (
            Subjects(
                f"{name}-{names.SUBJECTS}", SubjectsArgs(context=context, key=self._keys.operations), options
            ).table
            if spec.erasable
            else None
        )

    @property
    def place(self) -> str:
        """The region."""
        return self._context.region

    @property
    def endpoints(self) -> dict[str, str]:
        """The host of the Kinesis API."""
        return {"kinesis": self._context.streams_host}

    @property
    def warehouse_key(self) -> pulumi.Output[str] | None:
        """The ARN of Tri-Secret Secure's key."""
        return self._keys.warehouse.arn if self._keys.warehouse else None

    @property
    def subjects(self) -> pulumi.Output[str] | None:
        """The name of the table."""
        return self._subjects.name if self._subjects else None

    def landing_zone(self, name: str, spec: LandingSpec, parent: pulumi.Resource) -> LandingZone:
        """A bucket."""
        return LandingBucket(
            name,
            LandingBucketArgs(context=self._context, spec=spec, key=self._keys.landing),
            pulumi.ResourceOptions(parent=parent),
        ).zone

    def ingress(self, name: str, spec: StreamSpec, parent: pulumi.Resource) -> Stream:
        """A Kinesis stream."""
        return streams.stream(
            name,
            spec.source,
            self._context,
            spec.streams,
            key=self._keys.operations.arn,
            classification=naming.RESTRICTED,
            parent=parent,
        )

    def protect(self, name: str, source: Stream, spec: ProtectionSpec, parent: pulumi.Resource) -> Stream:
        """A Lambda that reads one Kinesis stream and writes another."""
        return Transform(
            self._context.source_name(spec.source, names.TRANSFORM),
            TransformArgs(
                context=self._context,
                spec=spec,
                ingress=source,
                protected=name,
                package=self._package,
                keys=self._keys,
                token_key=self._token_key,
                subjects=self._subjects if spec.source in self._context.erasable else None,
                alarms=self._alarms,
            ),
            pulumi.ResourceOptions(parent=parent),
        ).protected

    def deliver(
        self, name: str, source: Stream, into: LandingZone, spec: DeliverySpec, parent: pulumi.Resource
    ) -> Delivery:
        """A Firehose."""
        return DeliveryStream(
            name,
            DeliveryArgs(
                context=self._context,
                spec=spec,
                source=source,
                zone=into,
                keys=self._keys,
                alarms=self._alarms,
            ),
            pulumi.ResourceOptions(parent=parent),
        ).delivery

    def trust_warehouse(
        self, zone: LandingZone, identity: WarehouseIdentity, parent: pulumi.Resource
    ) -> tuple[pulumi.Resource, ...]:
        """A role that Snowflake's user may take on."""
        return WarehouseReader(
            f"{self._context.base}-{names.WAREHOUSE_READER}",
            WarehouseReaderArgs(context=self._context, zone=zone, identity=identity, key=self._keys.landing),
            pulumi.ResourceOptions(parent=parent),
        ).ready

    def notify(
        self, name: str, zone: LandingZone, listener: ListenerPolicy, parent: pulumi.Resource
    ) -> NotificationChannel:
        """A topic."""
        return Notification(
            name,
            NotificationArgs(
                context=self._context,
                zone=zone,
                listener=listener,
                keys=self._keys,
                alarms=self._alarms,
            ),
            pulumi.ResourceOptions(parent=parent),
        ).channel

    def audit(self, name: str, zone: LandingZone, spec: AuditSpec, parent: pulumi.Resource) -> AuditTrail:
        """A trail of CloudTrail."""
        return Audit(
            name,
            AuditArgs(context=self._context, spec=spec, zone=zone, keys=self._keys, alarms=self._alarms),
            pulumi.ResourceOptions(parent=parent),
        ).trail

    def reidentify(self, name: str, spec: ReidSpec, parent: pulumi.Resource) -> ReidService:
        """A REST API, a Lambda and two DynamoDB tables."""
        return Reidentification(
            name,
            ReidentificationArgs(
                context=self._context,
                spec=spec,
                package=self._package,
                keys=self._keys,
                token_key=self._token_key,
                subjects=self._subjects,
                alarms=self._alarms,
            ),
            pulumi.ResourceOptions(parent=parent),
        ).service
