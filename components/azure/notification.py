"""How the warehouse hears of new objects: Event Grid tells one queue, from which Snowflake takes messages.

Several integrations on one queue would each get a part of the messages, and lose the others': so there is one
queue and one integration for a stack. What cannot be delivered is kept as a dead letter.
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import eventgrid, storage

from components import naming
from components.azure import roles
from components.azure.accounts import Account
from components.azure.context import Context
from components.azure.function import container_id
from components.azure.landing import DELIVERED
from components.azure.observe import Alarm, Observation, sound
from components.pattern import LandingZone, NotificationChannel

LANDED = "landed"
DEAD_LETTERS = "dead-letters"
WEEK = 7 * 24 * 60 * 60  # seconds


@dataclass(frozen=True, kw_only=True)
class NotificationArgs:
    """Of which zone, and where its messages wait."""

    context: Context
    zone: LandingZone
    operations: Account
    observation: Observation


class Notification(pulumi.ComponentResource):
    """The landing zone's topic, its one subscription, and the queue behind it."""

    channel: NotificationChannel

    def __init__(self, name: str, args: NotificationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:azure:Notification", name, {}, opts)
        context, account = args.context, args.operations.account
        queue = storage.Queue(
            name,
            queue_name=LANDED,
            account_name=account.name,
            resource_group_name=context.group.name,
            opts=pulumi.ResourceOptions(parent=self, protect=context.settings.protect),
        )
        queue_id = pulumi.Output.concat(account.id, f"/queueServices/default/queues/{LANDED}")
        subscription = self._subscription(name, args, queue, queue_id)
        listener = context.settings.azure.warehouse_listener
        trusted: tuple[pulumi.Resource, ...] = ()
        if listener is not None:
            role = roles.builtin(context, roles.QUEUE_DATA_CONTRIBUTOR)
            trusted = (roles.assign(f"{name}-warehouse", role=role, to=listener, on=queue_id, parent=self),)
        self.channel = NotificationChannel(
            address=pulumi.Output.concat("https://", account.name, ".queue.core.windows.net/", queue.name),
            ready=(subscription, *trusted),
            tenant=context.tenant,
            trusted=listener is not None,
        )
        self.register_outputs({"queue": queue.name})

    def _subscription(
        self, name: str, args: NotificationArgs, queue: storage.Queue, queue_id: pulumi.Output[str]
    ) -> pulumi.Resource:
        """Tell the queue of every object that was written to its end."""
        context, account = args.context, args.operations.account
        dead = args.operations.container(f"{name}-dead-letters", DEAD_LETTERS, self)
        identity = context.identity(name, self)
        may = (
            ("sends", roles.QUEUE_DATA_MESSAGE_SENDER, queue_id),
            ("dead-letters", roles.BLOB_DATA_CONTRIBUTOR, container_id(account, DEAD_LETTERS)),
        )
        assigned = [
            roles.assign(
                f"{name}-{what}",
                role=roles.builtin(context, role),
                to=identity.principal_id,
                on=on,
                parent=self,
            )
            for what, role, on in may
        ]
        topic = eventgrid.SystemTopic(
            name,
            system_topic_name=naming.fit(name, naming.SYSTEM_TOPIC),
            resource_group_name=context.group.name,
            location=context.location,
            source=args.zone.id,
            topic_type="Microsoft.Storage.StorageAccounts",
            identity=eventgrid.IdentityInfoArgs(
                type="UserAssigned",
                user_assigned_identities=identity.id.apply(
                    lambda it: {it: eventgrid.UserIdentityPropertiesArgs()}
                ),
            ),
            tags=context.tagged(naming.INTERNAL),
            opts=pulumi.ResourceOptions(parent=self, protect=context.settings.protect),
        )
        args.observation.logged(name, topic.id, self)
        as_itself = eventgrid.EventSubscriptionIdentityArgs(
            type="UserAssigned", user_assigned_identity=identity.id
        )
        subscription = eventgrid.SystemTopicEventSubscription(
            name,
            event_subscription_name=LANDED,
            system_topic_name=topic.name,
            resource_group_name=context.group.name,
            event_delivery_schema="EventGridSchema",
            filter={
                "included_event_types": ["Microsoft.Storage.BlobCreated"],
                "subject_begins_with": f"/blobServices/default/containers/{DELIVERED}/",
            },
            delivery_with_resource_identity=eventgrid.DeliveryWithResourceIdentityArgs(
                identity=as_itself,
                destination=eventgrid.StorageQueueEventSubscriptionDestinationArgs(
                    endpoint_type="StorageQueue",
                    resource_id=account.id,
                    queue_name=queue.name,
                    queue_message_time_to_live_in_seconds=WEEK,
                ),
            ),
            dead_letter_with_resource_identity=eventgrid.DeadLetterWithResourceIdentityArgs(
                identity=as_itself,
                dead_letter_destination=eventgrid.StorageBlobDeadLetterDestinationArgs(
                    endpoint_type="StorageBlob",
                    resource_id=account.id,
                    blob_container_name=dead.name,
                ),
            ),
            retry_policy={"max_delivery_attempts": 30, "event_time_to_live_in_minutes": 1440},
            opts=pulumi.ResourceOptions(parent=self, depends_on=assigned),
        )
        sound(
            f"{name}-dead-letters",
            Alarm(
                says="Notifications of landed objects could not be delivered",
                of=topic.id,
                namespace="Microsoft.EventGrid/systemTopics",
                metric="DeadLetteredCount",
            ),
            context,
            args.observation,
            self,
        )
        return subscription
