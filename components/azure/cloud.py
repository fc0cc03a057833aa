"""Azure as a cloud of the pattern: each stage in Azure's own services. Experimental: see docs/azure.md."""

from typing import ClassVar

import pulumi

from components import naming
from components.aws.package import Target
from components.azure import context as names
from components.azure import roles
from components.azure.accounts import Account, AccountArgs
from components.azure.capture import Capture, CaptureArgs
from components.azure.context import Context
from components.azure.function import Plan, PlanArgs
from components.azure.keys import OPERATIONS, Keys, KeysArgs
from components.azure.landing import LandingAccount, LandingAccountArgs
from components.azure.notification import Notification, NotificationArgs
from components.azure.observe import Observation
from components.azure.package import AzurePackage
from components.azure.streams import Namespace, NamespaceArgs
from components.azure.token_key import TokenKey, TokenKeyArgs
from components.azure.transform import Transform, TransformArgs
from components.azure.warehouse_reader import WarehouseReader, WarehouseReaderArgs
from components.pattern import (
    Capability,
    CloudSpec,
    Delivery,
    DeliverySpec,
    LandingSpec,
    LandingZone,
    ListenerPolicy,
    NotificationChannel,
    ProtectionSpec,
    Stream,
    StreamSpec,
    WarehouseIdentity,
)


class AzureCloud:
    """The stages on Azure, and what they share: keys, logs, the functions' plan and zip, the token key."""

    # What is done to an account or a vault goes to the stack's log workspace, which is kept but not locked.
    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability) - {
        Capability.AUDIT_TRAIL,
        Capability.REIDENTIFICATION,
    }

    def __init__(self, name: str, spec: CloudSpec, parent: pulumi.Resource) -> None:
        self._context = context = Context.find(name, spec.settings, spec.sources, spec.tags, parent)
        options = pulumi.ResourceOptions(parent=parent)
        self._observation = Observation(f"{name}-logs", context, options)
        keys_args = KeysArgs(context=context, observation=self._observation)
        self._keys = Keys(f"{name}-keys", keys_args, options)
        self._operations = Account(
            f"{name}-operations",
            AccountArgs(
                context=context,
                keys=self._keys,
                key=OPERATIONS,
                observation=self._observation,
                classification=naming.INTERNAL,
                protect=spec.settings.protect,
            ),
            options,
        )
        package = AzurePackage(target=Target.of(spec.settings.functions))
        plan_args = PlanArgs(context=context, operations=self._operations, package=package)
        self._plan = Plan(f"{name}-functions", plan_args, options)
        self._token_key = TokenKey(
            f"{name}-{names.TOKEN_KEY}",
            TokenKeyArgs(keys_args=keys_args, keys=self._keys, plan=self._plan, operations=self._operations),
            options,
        )
        self._writer = roles.definition(
            f"{name}-writer",
            context,
            says="Writes objects, and reads none",
            data_actions=roles.WRITE_OBJECTS,
            parent=parent,
        )
        self._namespaces: dict[str, Namespace] = {}
        self._captures: dict[str, Capture] = {}
        self._landings: dict[LandingZone, LandingAccount] = {}

    @property
    def place(self) -> str:
        """The region."""
        return self._context.location

    @property
    def endpoints(self) -> dict[str, str]:
        """The host of Azure's hubs; a source's own is its namespace's, which comes before it."""
        return {"event-hubs": "servicebus.windows.net"}

    @property
    def subjects(self) -> None:
        """None: values are protected in format 1."""
        return

    @property
    def warehouse_key(self) -> None:
        """Return none: the settings refuse to ask for one here."""

    def landing_zone(self, name: str, spec: LandingSpec, parent: pulumi.Resource) -> LandingZone:
        """An account with versions, and a container."""
        made = LandingAccount(
            name,
            LandingAccountArgs(
                context=self._context, spec=spec, keys=self._keys, observation=self._observation
            ),
            pulumi.ResourceOptions(parent=parent),
        )
        self._landings[made.zone] = made
        return made.zone

    def ingress(self, name: str, spec: StreamSpec, parent: pulumi.Resource) -> Stream:
        """An Event Hub, in its source's namespace."""
        made = Namespace(
            self._context.source_name(spec.source, "streams"),
            NamespaceArgs(
                context=self._context,
                source=spec.source,
                streams=spec.streams,
                keys=self._keys,
                observation=self._observation,
            ),
            pulumi.ResourceOptions(parent=parent),
        )
        self._namespaces[spec.source] = made
        return made.stream(spec.source)

    def protect(self, name: str, source: Stream, spec: ProtectionSpec, parent: pulumi.Resource) -> Stream:
        """A function app that reads one Event Hub and writes another, which is born with its Capture."""
        namespace, landing = self._namespaces[source.source], self._landings[spec.oversize]
        options = pulumi.ResourceOptions(parent=parent)
        capture = self._captures[spec.source] = Capture(
            self._context.source_name(spec.source, names.CAPTURE),
            CaptureArgs(
                context=self._context,
                source=spec.source,
                namespace=namespace,
                landing=landing,
                observation=self._observation,
            ),
            options,
        )
        return Transform(
            self._context.source_name(spec.source, names.TRANSFORM),
            TransformArgs(
                context=self._context,
                spec=spec,
                namespace=namespace,
                protected=name,
                capture=capture,
                landing=landing,
                writer=self._writer,
                keys=self._keys,
                token_key=self._token_key,
                plan=self._plan,
                operations=self._operations,
                observation=self._observation,
            ),
            options,
        ).protected

    def deliver(
        self, name: str, source: Stream, into: LandingZone, spec: DeliverySpec, parent: pulumi.Resource
    ) -> Delivery:
        """The Capture with which the protected hub was made: it is a property of the hub."""
        return self._captures[spec.source].delivery

    def trust_warehouse(
        self, zone: LandingZone, identity: WarehouseIdentity, parent: pulumi.Resource
    ) -> tuple[pulumi.Resource, ...]:
        """A role on the container for Snowflake's service principal, once there is one."""
        return WarehouseReader(
            zone.reader,
            WarehouseReaderArgs(context=self._context, landing=self._landings[zone]),
            pulumi.ResourceOptions(parent=parent),
        ).ready

    def notify(
        self, name: str, zone: LandingZone, listener: ListenerPolicy, parent: pulumi.Resource
    ) -> NotificationChannel:
        """A queue behind Event Grid."""
        return Notification(
            name,
            NotificationArgs(
                context=self._context,
                zone=zone,
                operations=self._operations,
                observation=self._observation,
            ),
            pulumi.ResourceOptions(parent=parent),
        ).channel
