"""SNS topics and SQS queues."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, register
from .client import EVERYWHERE, ID, TAGGED, Aws, AwsAdapter, Call, Props, as_json, call, pairs, unpaired

NO_TOPIC = ("NotFound", "NotFoundException")
NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


def _said(attributes: Mapping[str, str], names: Mapping[str, str]) -> Outputs:
    """Return attributes, which are all texts, in the provider's names; what is not said is left out."""
    return {name: _typed(attributes[api]) for name, api in names.items() if api in attributes}


def _typed(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.lstrip("-").isdigit() else text


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()
    }


@register
class Topic(AwsAdapter):
    """A topic."""

    type = "aws:sns/topic:Topic"
    service = "sns"
    autoname = "name"
    replace_on = frozenset({"name", "fifoTopic", "region"})
    names: ClassVar[Mapping[str, str]] = {
        "displayName": "DisplayName",
        "kmsMasterKeyId": "KmsMasterKeyId",
        "policy": "Policy",
        "deliveryPolicy": "DeliveryPolicy",
        "signatureVersion": "SignatureVersion",
        "tracingConfig": "TracingConfig",
        "fifoTopic": "FifoTopic",
        "contentBasedDeduplication": "ContentBasedDeduplication",
    }
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: place.arn("sns", inputs["name"]),
        "owner": lambda place, rid, inputs: place.account,
    }

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return the ARN."""
        return place.arn("sns", inputs["name"])

    def calls(self, p: Props) -> list[Call]:
        """Make the topic."""
        attributes = _texts(p.params(**self.names))
        return [
            call("create_topic", **p.params(name="Name"), Attributes=attributes, Tags=pairs(p.take("tags")))
        ]

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the ARN."""
        return answer["TopicArn"]

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Set the attributes that differ, and the tags."""
        before, after = _texts(old.params(**self.names)), _texts(new.params(**self.names))
        todo = [
            call("set_topic_attributes", TopicArn=ID, AttributeName=name, AttributeValue=after.get(name, ""))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        ]
        tags, old_tags = new.take("tags", {}), old.take("tags", {})
        if gone := [*(old_tags.keys() - tags.keys())]:
            todo.append(call("untag_resource", ResourceArn=ID, TagKeys=gone))
        if tags and tags != old_tags:
            todo.append(call("tag_resource", ResourceArn=ID, Tags=pairs(tags)))
        return todo

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the attributes."""
        found = cloud.ask("sns", "get_topic_attributes", TopicArn=rid, missing=NO_TOPIC)
        if found is None:
            return None
        tags = unpaired(cloud.ask("sns", "list_tags_for_resource", ResourceArn=rid)["Tags"])
        return {
            "region": inputs.get("region", cloud.place.region),
            "name": rid.rsplit(":", 1)[-1],
            "arn": rid,
            "owner": found["Attributes"].get("Owner"),
            "tags": tags,
            "tagsAll": tags,
            **_said(found["Attributes"], self.names),
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_topic", TopicArn=rid, allow=NO_TOPIC)]


@register
class TopicPolicy(AwsAdapter):
    """The policy of a topic."""

    type = "aws:sns/topicPolicy:TopicPolicy"
    service = "sns"
    makes = False
    replace_on = frozenset({"arn", "region"})
    computed: ClassVar[Mapping[str, Computed]] = {
        **EVERYWHERE,
        "owner": lambda place, rid, inputs: place.account,
    }

    def identity(self, inputs: Inputs) -> str | None:
        """Return the topic."""
        return inputs.get("arn")

    def calls(self, p: Props) -> list[Call]:
        """Set the policy."""
        topic, policy = p.take("arn"), as_json(p.take("policy"))
        return [call("set_topic_attributes", TopicArn=topic, AttributeName="Policy", AttributeValue=policy)]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the policy."""
        found = cloud.ask("sns", "get_topic_attributes", TopicArn=rid, missing=NO_TOPIC)
        if found is None or not found["Attributes"].get("Policy"):
            return None
        attributes = found["Attributes"]
        region = inputs.get("region", cloud.place.region)
        return {
            "region": region,
            "arn": rid,
            "policy": attributes["Policy"],
            "owner": attributes.get("Owner"),
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Leave the topic with a policy that lets nobody in: a topic cannot be without one."""
        nobody = '{"Version":"2012-10-17","Statement":[]}'
        return [
            call(
                "set_topic_attributes",
                TopicArn=rid,
                AttributeName="Policy",
                AttributeValue=nobody,
                allow=NO_TOPIC,
            )
        ]


@register
class TopicSubscription(AwsAdapter):
    """Who hears a topic."""

    type = "aws:sns/topicSubscription:TopicSubscription"
    service = "sns"
    replace_on = frozenset({"topic", "protocol", "endpoint", "region"})
    no_effect: ClassVar[Mapping[str, str]] = {
        "confirmationTimeoutInMinutes": "nobody has to confirm on a laptop",
        "endpointAutoConfirms": "nobody has to confirm on a laptop",
    }
    names: ClassVar[Mapping[str, str]] = {
        "rawMessageDelivery": "RawMessageDelivery",
        "filterPolicy": "FilterPolicy",
        "filterPolicyScope": "FilterPolicyScope",
        "redrivePolicy": "RedrivePolicy",
        "deliveryPolicy": "DeliveryPolicy",
        "subscriptionRoleArn": "SubscriptionRoleArn",
    }
    computed: ClassVar[Mapping[str, Computed]] = {
        **EVERYWHERE,
        "arn": lambda place, rid, inputs: rid,
        "ownerId": lambda place, rid, inputs: place.account,
        "pendingConfirmation": lambda place, rid, inputs: False,
    }

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return an ARN of the form that the service gives."""
        return f"{inputs['topic']}:{uuid.uuid5(uuid.NAMESPACE_URL, urn_name)}"

    def calls(self, p: Props) -> list[Call]:
        """Subscribe."""
        attributes = _texts(p.params(**self.names))
        sent = p.params(topic="TopicArn", protocol="Protocol", endpoint="Endpoint")
        return [call("subscribe", **sent, Attributes=attributes, ReturnSubscriptionArn=True)]

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the ARN."""
        return answer["SubscriptionArn"]

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Set the attributes that differ."""
        before, after = _texts(old.params(**self.names)), _texts(new.params(**self.names))
        return [
            call(
                "set_subscription_attributes",
                SubscriptionArn=ID,
                AttributeName=name,
                AttributeValue=after.get(name, ""),
            )
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        ]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the attributes."""
        found = cloud.ask("sns", "get_subscription_attributes", SubscriptionArn=rid, missing=NO_TOPIC)
        if found is None:
            return None
        attributes = found["Attributes"]
        return {
            "region": inputs.get("region", cloud.place.region),
            "arn": attributes["SubscriptionArn"],
            "topic": attributes["TopicArn"],
            "protocol": attributes["Protocol"],
            "endpoint": attributes["Endpoint"],
            "ownerId": attributes.get("Owner"),
            "pendingConfirmation": attributes.get("PendingConfirmation") == "true",
            **_said(attributes, self.names),
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Unsubscribe."""
        return [call("unsubscribe", SubscriptionArn=rid, allow=NO_TOPIC)]


@register
class Queue(AwsAdapter):
    """A queue; its id is its URL."""

    type = "aws:sqs/queue:Queue"
    service = "sqs"
    autoname = "name"
    replace_on = frozenset({"name", "fifoQueue", "region"})
    exists = ("QueueAlreadyExists", "QueueNameExists")
    names: ClassVar[Mapping[str, str]] = {
        "delaySeconds": "DelaySeconds",
        "maxMessageSize": "MaximumMessageSize",
        "messageRetentionSeconds": "MessageRetentionPeriod",
        "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
        "visibilityTimeoutSeconds": "VisibilityTimeout",
        "kmsMasterKeyId": "KmsMasterKeyId",
        "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
        "sqsManagedSseEnabled": "SqsManagedSseEnabled",
        "redrivePolicy": "RedrivePolicy",
        "redriveAllowPolicy": "RedriveAllowPolicy",
        "policy": "Policy",
        "fifoQueue": "FifoQueue",
        "contentBasedDeduplication": "ContentBasedDeduplication",
    }
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: place.arn("sqs", inputs["name"]),
        "url": lambda place, rid, inputs: rid,
    }

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return the URL."""
        return f"https://sqs.{place.region}.amazonaws.com/{place.account}/{inputs['name']}"

    def calls(self, p: Props) -> list[Call]:
        """Make the queue."""
        attributes = _texts(p.params(**self.names))
        return [
            call("create_queue", **p.params(name="QueueName"), Attributes=attributes, tags=p.take("tags"))
        ]

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the URL."""
        return answer.get("QueueUrl") or aws.ask("sqs", "get_queue_url", QueueName=inputs["name"])["QueueUrl"]

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Set the attributes that differ, and the tags."""
        before, after = _texts(old.params(**self.names)), _texts(new.params(**self.names))
        todo = []
        if different := {
            key: after.get(key, "")
            for key in before.keys() | after.keys()
            if before.get(key) != after.get(key)
        }:
            todo.append(call("set_queue_attributes", QueueUrl=ID, Attributes=different))
        tags, old_tags = new.take("tags", {}), old.take("tags", {})
        if gone := [*(old_tags.keys() - tags.keys())]:
            todo.append(call("untag_queue", QueueUrl=ID, TagKeys=gone))
        if tags and tags != old_tags:
            todo.append(call("tag_queue", QueueUrl=ID, Tags=tags))
        return todo

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the attributes."""
        found = cloud.ask(
            "sqs", "get_queue_attributes", QueueUrl=rid, AttributeNames=["All"], missing=NO_QUEUE
        )
        if found is None:
            return None
        attributes = found["Attributes"]
        tags = cloud.ask("sqs", "list_queue_tags", QueueUrl=rid).get("Tags", {})
        return {
            "region": inputs.get("region", cloud.place.region),
            "name": attributes["QueueArn"].rsplit(":", 1)[-1],
            "arn": attributes["QueueArn"],
            "url": rid,
            "tags": tags,
            "tagsAll": tags,
            **_said(attributes, self.names),
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_queue", QueueUrl=rid, allow=NO_QUEUE)]


@register
class QueuePolicy(AwsAdapter):
    """The policy of a queue."""

    type = "aws:sqs/queuePolicy:QueuePolicy"
    service = "sqs"
    makes = False
    replace_on = frozenset({"queueUrl", "region"})
    computed: ClassVar[Mapping[str, Computed]] = EVERYWHERE

    def identity(self, inputs: Inputs) -> str | None:
        """Return the queue."""
        return inputs.get("queueUrl")

    def calls(self, p: Props) -> list[Call]:
        """Set the policy."""
        queue, policy = p.take("queueUrl"), as_json(p.take("policy"))
        return [call("set_queue_attributes", QueueUrl=queue, Attributes={"Policy": policy})]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the policy."""
        found = cloud.ask(
            "sqs", "get_queue_attributes", QueueUrl=rid, AttributeNames=["Policy"], missing=NO_QUEUE
        )
        policy = (found or {}).get("Attributes", {}).get("Policy")
        if not policy:
            return None
        return {"region": inputs.get("region", cloud.place.region), "queueUrl": rid, "policy": policy}

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Take the policy away."""
        return [call("set_queue_attributes", QueueUrl=rid, Attributes={"Policy": ""}, allow=NO_QUEUE)]
