"""A source's namespace of Event Hubs, and the two hubs in it."""

from dataclasses import dataclass
from math import ceil

import pulumi
from pulumi_azure_native import eventhub, managedidentity

from components import naming
from components.azure.context import CAPTURE, INGRESS, Context
from components.azure.keys import OPERATIONS, Keys, uri
from components.azure.observe import Alarm, Observation, sound
from components.pattern import Stream
from settings import Streams

METRICS = "Microsoft.EventHub/namespaces"
GROUP = "transform"  # who reads the ingress hub, by the name of its consumer group
MOST_UNITS = 40  # to which a namespace of tier standard grows
MOST_PARTITIONS = 32
# Whoever makes a hub that grows must give it its lanes at once: in tier standard their number stays.
PROCESSING_UNITS = (1, 2, 4, 8, 16)
UNIT_MB_PER_SECOND = 5  # what one processing unit takes, by the lower of its documentation's two figures


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """Whose namespace, and how large."""

    context: Context
    source: str
    streams: Streams
    keys: Keys
    observation: Observation


class Namespace(pulumi.ComponentResource):
    """The namespace of a source, with its ingress hub."""

    namespace: eventhub.Namespace
    capturer: managedidentity.UserAssignedIdentity
    ingress: eventhub.EventHub
    group: eventhub.ConsumerGroup

    def __init__(self, name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:azure:Namespace", name, {}, opts)
        context, options = args.context, pulumi.ResourceOptions(parent=self)
        # Capture acts as an identity of the namespace: only one that the namespace has can be named to it.
        self.capturer = context.identity(context.source_name(args.source, CAPTURE), self)
        identities = [self.capturer.id]
        encryption: eventhub.EncryptionArgsDict | None = None
        needs: list[pulumi.Resource] = []
        premium = context.settings.azure.stream_tier == "premium"
        if premium:
            identity, may_encrypt = args.keys.encrypter(f"{name}-encrypter", OPERATIONS, self)
            needs.append(may_encrypt)
            identities.append(identity.id)
            encryption = {
                "key_source": eventhub.KeySource.MICROSOFT_KEY_VAULT,
                "require_infrastructure_encryption": True,
                "key_vault_properties": [
                    {
                        "key_name": args.keys.made[OPERATIONS].name,
                        "key_vault_uri": uri(args.keys.vault),
                        "identity": {"user_assigned_identity": identity.id},
                    }
                ],
            }
        grows = args.streams.mode == "on-demand"
        self.namespace = eventhub.Namespace(
            naming.fit(name, naming.NAMESPACE - naming.AUTONAME),
            resource_group_name=context.group.name,
            location=context.location,
            sku=_sku(args.streams, premium=premium),
            is_auto_inflate_enabled=grows,
            maximum_throughput_units=MOST_UNITS if grows else 0,
            kafka_enabled=True,
            disable_local_auth=True,
            minimum_tls_version="1.2",
            encryption=encryption,
            identity={
                "type": eventhub.ManagedServiceIdentityType.USER_ASSIGNED,
                "user_assigned_identities": identities,
            },
            tags=context.tagged(naming.RESTRICTED),
            opts=pulumi.ResourceOptions(parent=self, protect=context.settings.protect, depends_on=needs),
        )
        args.observation.logged(name, self.namespace.id, self)
        self.ingress = hub(
            context.source_name(args.source, INGRESS),
            INGRESS,
            self.namespace,
            context,
            args.streams,
            parent=self,
        )
        self.group = eventhub.ConsumerGroup(
            name,
            consumer_group_name=GROUP,
            event_hub_name=self.ingress.name,
            namespace_name=self.namespace.name,
            resource_group_name=context.group.name,
            opts=options,
        )
        sound(
            f"{name}-throttled",
            Alarm(
                says=f"Producers of {args.source} are refused: its namespace is too small",
                of=self.namespace.id,
                namespace=METRICS,
                metric="ThrottledRequests",
            ),
            context,
            args.observation,
            self,
        )
        self.register_outputs({"namespace": self.namespace.id})

    def stream(self, source: str) -> Stream:
        """Return the ingress hub as the pattern knows it."""
        return Stream(source=source, name=self.address(self.ingress.name), id=self.ingress.id)

    def address(self, hub: pulumi.Output[str]) -> pulumi.Output[str]:
        """Return how a hub is called outside of its namespace: its namespace's name, a slash and its own."""
        return pulumi.Output.concat(self.namespace.name, "/", hub)

    @property
    def host(self) -> pulumi.Output[str]:
        """Where clients of the hubs connect to."""
        return pulumi.Output.concat(self.namespace.name, ".servicebus.windows.net")


def hub(
    name: str,
    called: str,
    namespace: eventhub.Namespace,
    context: Context,
    streams: Streams,
    *,
    parent: pulumi.Resource,
    capture: eventhub.CaptureDescriptionArgsDict | None = None,
    after: tuple[pulumi.Resource, ...] = (),
) -> eventhub.EventHub:
    """Make a hub of a namespace."""
    return eventhub.EventHub(
        name,
        event_hub_name=called,
        namespace_name=namespace.name,
        resource_group_name=context.group.name,
        partition_count=MOST_PARTITIONS if streams.mode == "on-demand" else streams.shards,
        retention_description={
            "cleanup_policy": "Delete",
            "retention_time_in_hours": streams.retention_hours,
        },
        capture_description=capture,
        opts=pulumi.ResourceOptions(parent=parent, protect=context.settings.protect, depends_on=list(after)),
    )


def _sku(streams: Streams, *, premium: bool) -> eventhub.SkuArgsDict:
    """A unit takes 1 MB a second; every record comes in twice, as it was sent and protected."""
    wanted = 2 * streams.shards if streams.mode == "provisioned" else 2
    if premium:
        units = next(unit for unit in PROCESSING_UNITS if unit >= ceil(wanted / UNIT_MB_PER_SECOND))
        return {"name": "Premium", "tier": "Premium", "capacity": units}
    return {"name": "Standard", "tier": "Standard", "capacity": wanted}
