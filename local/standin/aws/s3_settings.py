"""The resources that hold one setting of a bucket each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, register
from .client import EVERYWHERE, Aws, AwsAdapter, Call, Props, as_json, call, lowered
from .s3 import NO_BUCKET


class Setting(AwsAdapter):
    """One setting of a bucket, put, got and deleted by calls named alike."""

    service = "s3"
    makes = False
    replace_on = frozenset({"bucket", "region"})
    computed: ClassVar[Mapping[str, Computed]] = EVERYWHERE
    #: what the calls are about: `put_<about>`, `get_<about>`
    about: ClassVar[str]
    #: what a bucket without the setting answers
    unset: ClassVar[tuple[str, ...]] = ()
    #: the call that removes the setting, and its parameters beside the bucket
    remove: ClassVar[str] = ""
    removed: ClassVar[Mapping[str, Any]] = {}

    def identity(self, inputs: Inputs) -> str | None:
        """Return the bucket: it has each setting once."""
        return inputs.get("bucket")

    def body(self, p: Props) -> dict[str, Any]:
        """Return the setting's parameters."""
        raise NotImplementedError

    def seen(self, answer: Mapping[str, Any]) -> Outputs | None:
        """Return the setting in the provider's terms; None where the answer says that there is none."""
        raise NotImplementedError

    def calls(self, p: Props) -> list[Call]:
        """Put the setting."""
        return [call(f"put_{self.about}", **p.params(bucket="Bucket"), **self.body(p))]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the setting."""
        answer = cloud.ask("s3", f"get_{self.about}", Bucket=rid, missing=(*NO_BUCKET, *self.unset))
        seen = None if answer is None else self.seen(answer)
        return (
            None
            if seen is None
            else {"region": inputs.get("region", cloud.place.region), "bucket": rid, **seen}
        )

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Remove the setting."""
        return [call(self.remove, Bucket=rid, allow=(*NO_BUCKET, *self.unset), **self.removed)]


@register
class Versioning(Setting):
    """Whether a bucket keeps versions."""

    type = "aws:s3/bucketVersioning:BucketVersioning"
    about = "bucket_versioning"
    no_effect: ClassVar[Mapping[str, str]] = {"expectedBucketOwner": "a laptop has one account"}

    def body(self, p: Props) -> dict[str, Any]:
        """State status and MFA."""
        block = p.block("versioningConfiguration")
        return {"VersioningConfiguration": block.params(status="Status", mfaDelete="MFADelete")}

    def seen(self, answer: Mapping[str, Any]) -> Outputs | None:
        """Return status and MFA."""
        if "Status" not in answer:
            return None
        return {"versioningConfiguration": {"status": answer["Status"], "mfaDelete": answer.get("MFADelete")}}

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Suspend it, which is all that S3 can; under Object Lock not even that."""
        suspended = {"Status": "Suspended"}
        return [
            call(
                "put_bucket_versioning",
                Bucket=rid,
                VersioningConfiguration=suspended,
                allow=(*NO_BUCKET, "InvalidBucketState"),
            )
        ]


@register
class Encryption(Setting):
    """The encryption that objects get by default."""

    type = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    about = "bucket_encryption"
    unset = ("ServerSideEncryptionConfigurationNotFoundError",)
    remove = "delete_bucket_encryption"
    no_effect: ClassVar[Mapping[str, str]] = {"expectedBucketOwner": "a laptop has one account"}

    def body(self, p: Props) -> dict[str, Any]:
        """State the rules."""
        rules = []
        for rule in p.blocks("rules"):
            by = rule.block("applyServerSideEncryptionByDefault")
            default = by.params(sseAlgorithm="SSEAlgorithm", kmsMasterKeyId="KMSMasterKeyID")
            one = rule.params(bucketKeyEnabled="BucketKeyEnabled")
            rules.append({**({"ApplyServerSideEncryptionByDefault": default} if default else {}), **one})
        return {"ServerSideEncryptionConfiguration": {"Rules": rules}}

    def seen(self, answer: Mapping[str, Any]) -> Outputs | None:
        """Return the rules."""
        rules = []
        for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]:
            by = rule.get("ApplyServerSideEncryptionByDefault", {})
            rules.append(
                {
                    "applyServerSideEncryptionByDefault": {
                        "sseAlgorithm": by.get("SSEAlgorithm"),
                        "kmsMasterKeyId": by.get("KMSMasterKeyID"),
                    },
                    "bucketKeyEnabled": rule.get("BucketKeyEnabled", False),
                }
            )
        return {"rules": rules}


@register
class PublicAccess(Setting):
    """The block of public access."""

    type = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    about = "public_access_block"
    unset = ("NoSuchPublicAccessBlockConfiguration",)
    remove = "delete_public_access_block"
    unread: ClassVar[Mapping[str, str]] = {"skipDestroy": "is used when the resource is deleted"}

    def body(self, p: Props) -> dict[str, Any]:
        """State the four switches."""
        p.take("skipDestroy")
        switches = p.params(
            blockPublicAcls="BlockPublicAcls",
            blockPublicPolicy="BlockPublicPolicy",
            ignorePublicAcls="IgnorePublicAcls",
            restrictPublicBuckets="RestrictPublicBuckets",
        )
        return {"PublicAccessBlockConfiguration": switches}

    def seen(self, answer: Mapping[str, Any]) -> Outputs | None:
        """Return the four switches."""
        return lowered(answer["PublicAccessBlockConfiguration"])

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Remove it, unless the program says otherwise."""
        return [] if inputs.get("skipDestroy") else super().removal(rid, inputs)


@register
class Ownership(Setting):
    """Who owns the objects."""

    type = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
    about = "bucket_ownership_controls"
    unset = ("OwnershipControlsNotFoundError",)
    remove = "delete_bucket_ownership_controls"

    def body(self, p: Props) -> dict[str, Any]:
        """State the rule."""
        return {"OwnershipControls": {"Rules": [p.capitalised("rule")]}}

    def seen(self, answer: Mapping[str, Any]) -> Outputs | None:
        """Return the rule."""
        return {"rule": lowered(answer["OwnershipControls"]["Rules"][0])}


@register
class ObjectLock(Setting):
    """The retention that objects get by default."""

    type = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
    about = "object_lock_configuration"
    unset = ("ObjectLockConfigurationNotFoundError",)
    no_effect: ClassVar[Mapping[str, str]] = {"expectedBucketOwner": "a laptop has one account"}

    def body(self, p: Props) -> dict[str, Any]:
        """State the rule."""
        configuration = {
            "ObjectLockEnabled": p.take("objectLockEnabled", "Enabled"),
            "Rule": p.capitalised("rule"),
        }
        return {
            "ObjectLockConfiguration": {key: value for key, value in configuration.items() if value},
            **p.params(token="Token"),  # noqa: S106 (an input's name)
        }

    def seen(self, answer: Mapping[str, Any]) -> Outputs | None:
        """Return the rule."""
        return lowered(answer["ObjectLockConfiguration"])

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Take the rule away: the lock itself belongs to the bucket for ever."""
        off = {"ObjectLockEnabled": "Enabled"}
        return [
            call(
                "put_object_lock_configuration",
                Bucket=rid,
                ObjectLockConfiguration=off,
                allow=(*NO_BUCKET, "InvalidBucketState"),
            )
        ]


@register
class Lifecycle(Setting):
    """When objects expire."""

    type = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    about = "bucket_lifecycle_configuration"
    unset = ("NoSuchLifecycleConfiguration",)
    remove = "delete_bucket_lifecycle"
    no_effect: ClassVar[Mapping[str, str]] = {
        "expectedBucketOwner": "a laptop has one account",
        "timeouts": "nothing waits on a laptop",
    }

    def body(self, p: Props) -> dict[str, Any]:
        """State the rules."""
        size = p.params(transitionDefaultMinimumObjectSize="TransitionDefaultMinimumObjectSize")
        return {"LifecycleConfiguration": {"Rules": [_rule(rule) for rule in p.blocks("rules")]}, **size}

    def seen(self, answer: Mapping[str, Any]) -> Outputs | None:
        """Return the rules."""
        rules = [_seen_rule(rule) for rule in answer["Rules"]]
        return {
            "rules": rules,
            "transitionDefaultMinimumObjectSize": answer.get("TransitionDefaultMinimumObjectSize"),
        }


def _rule(rule: Props) -> dict[str, Any]:
    sent = rule.params(id="ID", status="Status", prefix="Prefix")
    blocks = {
        "abortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
        "expiration": "Expiration",
        "noncurrentVersionExpiration": "NoncurrentVersionExpiration",
        "noncurrentVersionTransitions": "NoncurrentVersionTransitions",
        "transitions": "Transitions",
    }
    for name, api in blocks.items():
        if block := rule.capitalised(name):
            sent[api] = block
    if condition := rule.capitalised("filter"):
        both = condition.get("And")
        if both and "Tags" in both:
            both["Tags"] = [{"Key": key.lower(), "Value": value} for key, value in both["Tags"].items()]
        sent["Filter"] = condition
    elif "Prefix" not in sent:
        sent["Filter"] = {"Prefix": ""}
    return sent


def _seen_rule(rule: Mapping[str, Any]) -> Outputs:
    seen = lowered({("Id" if key == "ID" else key): value for key, value in rule.items()})
    both = seen.get("filter", {}).get("and", {})
    if "tags" in both:
        both["tags"] = {tag["key"]: tag["value"] for tag in both["tags"]}
    return seen


@register
class Policy(Setting):
    """The policy of a bucket."""

    type = "aws:s3/bucketPolicy:BucketPolicy"
    about = "bucket_policy"
    unset = ("NoSuchBucketPolicy",)
    remove = "delete_bucket_policy"

    def body(self, p: Props) -> dict[str, Any]:
        """State the policy."""
        return {"Policy": as_json(p.take("policy"))}

    def seen(self, answer: Mapping[str, Any]) -> Outputs | None:
        """Return the policy."""
        return {"policy": answer["Policy"]}


@register
class Notification(Setting):
    """Whom a bucket tells of new objects: all of them in one configuration."""

    type = "aws:s3/bucketNotification:BucketNotification"
    about = "bucket_notification_configuration"
    kinds: ClassVar[Mapping[str, tuple[str, str, str]]] = {
        "lambdaFunctions": ("LambdaFunctionConfigurations", "lambdaFunctionArn", "LambdaFunctionArn"),
        "queues": ("QueueConfigurations", "queueArn", "QueueArn"),
        "topics": ("TopicConfigurations", "topicArn", "TopicArn"),
    }

    def body(self, p: Props) -> dict[str, Any]:
        """State every receiver."""
        configuration: dict[str, Any] = {"EventBridgeConfiguration": {}} if p.take("eventbridge") else {}
        for name, (api, arn, target) in self.kinds.items():
            if blocks := p.blocks(name):
                configuration[api] = [_receiver(block, arn, target) for block in blocks]
        return {"NotificationConfiguration": configuration}

    def seen(self, answer: Mapping[str, Any]) -> Outputs | None:
        """Return every receiver."""
        seen: Outputs = {"eventbridge": "EventBridgeConfiguration" in answer}
        for name, (api, arn, target) in self.kinds.items():
            seen[name] = [_seen_receiver(one, arn, target) for one in answer.get(api, [])]
        return seen if any(seen.values()) else None

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Tell nobody any more."""
        return [
            call(
                "put_bucket_notification_configuration",
                Bucket=rid,
                NotificationConfiguration={},
                allow=NO_BUCKET,
            )
        ]


def _receiver(block: Props, arn: str, target: str) -> dict[str, Any]:
    sent = block.params(id="Id", events="Events", **{arn: target})
    rules = [
        {"Name": name, "Value": value}
        for name, value in (("prefix", block.take("filterPrefix")), ("suffix", block.take("filterSuffix")))
        if value
    ]
    return {**sent, "Filter": {"Key": {"FilterRules": rules}}} if rules else sent


def _seen_receiver(one: Mapping[str, Any], arn: str, target: str) -> Outputs:
    rules = one.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    filters = {f"filter{rule['Name'].capitalize()}": rule["Value"] for rule in rules}
    return {"id": one.get("Id"), "events": one["Events"], arn: one[target], **filters}
