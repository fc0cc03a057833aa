"""KMS: keys and aliases."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, register
from .client import EVERYWHERE, ID, TAGGED, Aws, AwsAdapter, Call, Props, call, pairs, unpaired

MISSING = ("NotFoundException",)


@register
class Key(AwsAdapter):
    """A key; its id is the service's."""

    type = "aws:kms/key:Key"
    service = "kms"
    replace_on = frozenset({"customerMasterKeySpec", "keyUsage", "multiRegion", "region"})
    unread: ClassVar[Mapping[str, str]] = {
        "deletionWindowInDays": "is used when the key is deleted",
        "bypassPolicyLockoutSafetyCheck": "is a property of the call, not of the key",
    }
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "keyId": lambda place, rid, inputs: rid,
        "arn": lambda place, rid, inputs: place.arn("kms", f"key/{rid}"),
    }

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return an id of the form that the service gives."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{place.account}/{place.region}/{urn_name}"))

    def calls(self, p: Props) -> list[Call]:
        """Make the key; then say whether it rotates and works."""
        p.take("deletionWindowInDays")
        calls = [
            call(
                "create_key",
                Tags=pairs(p.take("tags"), "TagKey", "TagValue"),
                **p.params(
                    description="Description",
                    policy="Policy",
                    keyUsage="KeyUsage",
                    customerMasterKeySpec="KeySpec",
                    multiRegion="MultiRegion",
                    bypassPolicyLockoutSafetyCheck="BypassPolicyLockoutSafetyCheck",
                ),
            )
        ]
        period = p.take("rotationPeriodInDays")
        if p.take("enableKeyRotation"):
            off = call("disable_key_rotation", KeyId=ID)
            calls.append(call("enable_key_rotation", KeyId=ID, RotationPeriodInDays=period, undo=off))
        if p.take("isEnabled", True) is False:
            calls.append(call("disable_key", KeyId=ID, undo=call("enable_key", KeyId=ID)))
        return calls

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the key's id."""
        return answer["KeyMetadata"]["KeyId"]

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Change policy, description and tags."""
        todo = []
        if (policy := new.take("policy")) != old.take("policy") and policy:
            bypass = new.take("bypassPolicyLockoutSafetyCheck")
            todo.append(
                call(
                    "put_key_policy",
                    KeyId=ID,
                    PolicyName="default",
                    Policy=policy,
                    BypassPolicyLockoutSafetyCheck=bypass,
                )
            )
        if (text := new.take("description", "")) != old.take("description", ""):
            todo.append(call("update_key_description", KeyId=ID, Description=text))
        before, after = old.take("tags", {}), new.take("tags", {})
        if gone := [*(before.keys() - after.keys())]:
            todo.append(call("untag_resource", KeyId=ID, TagKeys=gone))
        if before != after and after:
            todo.append(call("tag_resource", KeyId=ID, Tags=pairs(after, "TagKey", "TagValue")))
        return todo

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Describe the key; one that waits for its deletion is gone."""
        found = cloud.ask("kms", "describe_key", KeyId=rid, missing=MISSING)
        if found is None or found["KeyMetadata"]["KeyState"] == "PendingDeletion":
            return None
        key = found["KeyMetadata"]
        rotation = cloud.ask("kms", "get_key_rotation_status", KeyId=rid)
        tags = unpaired(cloud.ask("kms", "list_resource_tags", KeyId=rid)["Tags"], "TagKey", "TagValue")
        return {
            "region": inputs.get("region", cloud.place.region),
            "keyId": key["KeyId"],
            "arn": key["Arn"],
            "description": key.get("Description", ""),
            "keyUsage": key["KeyUsage"],
            "customerMasterKeySpec": key["KeySpec"],
            "multiRegion": key.get("MultiRegion", False),
            "isEnabled": key["Enabled"],
            "enableKeyRotation": rotation["KeyRotationEnabled"],
            "rotationPeriodInDays": rotation.get("RotationPeriodInDays"),
            "policy": cloud.ask("kms", "get_key_policy", KeyId=rid, PolicyName="default")["Policy"],
            "tags": tags,
            "tagsAll": tags,
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Schedule the deletion."""
        window = inputs.get("deletionWindowInDays", 30)
        allow = ("NotFoundException", "KMSInvalidStateException")
        return [call("schedule_key_deletion", KeyId=rid, PendingWindowInDays=window, allow=allow)]


@register
class Alias(AwsAdapter):
    """A name of a key."""

    type = "aws:kms/alias:Alias"
    service = "kms"
    autoname = "name"
    replace_on = frozenset({"name", "region"})
    exists = ("AlreadyExistsException",)
    computed: ClassVar[Mapping[str, Computed]] = {
        **EVERYWHERE,
        "arn": lambda place, rid, inputs: place.arn("kms", rid),
        "targetKeyArn": lambda place, rid, inputs: _key_arn(place, inputs["targetKeyId"]),
    }

    def calls(self, p: Props) -> list[Call]:
        """Make the alias."""
        return [call("create_alias", **p.params(name="AliasName", targetKeyId="TargetKeyId"))]

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Point it to another key."""
        return [call("update_alias", **new.params(name="AliasName", targetKeyId="TargetKeyId"))]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Find it among the aliases."""
        pages = cloud.client("kms").get_paginator("list_aliases").paginate()
        found = next(
            (alias for page in pages for alias in page["Aliases"] if alias["AliasName"] == rid), None
        )
        if found is None:
            return None
        key = cloud.ask("kms", "describe_key", KeyId=found["TargetKeyId"])["KeyMetadata"]
        target = key["Arn"] if str(inputs.get("targetKeyId", "")).startswith("arn:") else key["KeyId"]
        return {
            "region": inputs.get("region", cloud.place.region),
            "name": found["AliasName"],
            "arn": found["AliasArn"],
            "targetKeyId": target,
            "targetKeyArn": key["Arn"],
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_alias", AliasName=rid, allow=MISSING)]


def _key_arn(place: Place, key: str) -> str:
    return key if key.startswith("arn:") else place.arn("kms", f"key/{key}")
