"""DynamoDB: tables and their policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, register
from .client import EVERYWHERE, ID, TAGGED, Aws, AwsAdapter, Call, Props, as_json, call, pairs, unpaired

MISSING = ("ResourceNotFoundException",)
NO_POLICY = ("PolicyNotFoundException", *MISSING)


@register
class Table(AwsAdapter):
    """A table; what it keeps of itself beside its form is set by calls of their own."""

    type = "aws:dynamodb/table:Table"
    service = "dynamodb"
    autoname = "name"
    replace_on = frozenset({"name", "region", "hashKey", "rangeKey", "attributes"})
    exists = ("ResourceInUseException",)
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: place.arn("dynamodb", f"table/{rid}"),
    }

    def calls(self, p: Props) -> list[Call]:
        """Make the table; then its recovery and the end of its items."""
        about = p.params(
            name="TableName", billingMode="BillingMode", deletionProtectionEnabled="DeletionProtectionEnabled"
        )
        attributes = [
            one.params(name="AttributeName", type="AttributeType") for one in p.blocks("attributes")
        ]
        keys = [("HASH", p.take("hashKey")), ("RANGE", p.take("rangeKey"))]
        encryption = p.block("serverSideEncryption")
        sse = encryption.params(enabled="Enabled", kmsKeyArn="KMSMasterKeyId")
        if "KMSMasterKeyId" in sse:
            sse["SSEType"] = "KMS"
        calls = [
            call(
                "create_table",
                **about,
                AttributeDefinitions=attributes,
                KeySchema=[{"AttributeName": name, "KeyType": kind} for kind, name in keys if name],
                SSESpecification=sse or None,
                Tags=pairs(p.take("tags")),
            )
        ]
        recovery = p.block("pointInTimeRecovery").params(
            enabled="PointInTimeRecoveryEnabled", recoveryPeriodInDays="RecoveryPeriodInDays"
        )
        if recovery.get("PointInTimeRecoveryEnabled"):
            calls.append(_recovery(recovery, undo=_recovery({"PointInTimeRecoveryEnabled": False})))
        ttl = p.block("ttl").params(enabled="Enabled", attributeName="AttributeName")
        if ttl.get("Enabled"):
            off = call("update_time_to_live", TableName=ID, TimeToLiveSpecification={**ttl, "Enabled": False})
            calls.append(call("update_time_to_live", TableName=ID, TimeToLiveSpecification=ttl, undo=off))
        return calls

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Change protection, encryption and tags."""
        todo = []
        protected = new.take("deletionProtectionEnabled", False)
        if protected != old.take("deletionProtectionEnabled", False):
            todo.append(call("update_table", TableName=ID, DeletionProtectionEnabled=protected))
        key = new.block("serverSideEncryption").take("kmsKeyArn")
        if key != old.block("serverSideEncryption").take("kmsKeyArn"):
            sse = {"Enabled": key is not None, **({"SSEType": "KMS", "KMSMasterKeyId": key} if key else {})}
            todo.append(call("update_table", TableName=ID, SSESpecification=sse))
        return todo

    def update(self, cloud: Aws, rid: str, old: Inputs, new: Inputs) -> None:
        """Change what differs, and the tags, which are of the ARN."""
        super().update(cloud, rid, old, new)
        before, after = old.get("tags", {}), new.get("tags", {})
        arn = cloud.place.arn("dynamodb", f"table/{rid}")
        if gone := [*(before.keys() - after.keys())]:
            cloud.ask("dynamodb", "untag_resource", ResourceArn=arn, TagKeys=gone)
        if after and before != after:
            cloud.ask("dynamodb", "tag_resource", ResourceArn=arn, Tags=pairs(after))

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Describe the table."""
        found = cloud.ask("dynamodb", "describe_table", TableName=rid, missing=MISSING)
        if found is None:
            return None
        table = found["Table"]
        keys = {one["KeyType"]: one["AttributeName"] for one in table["KeySchema"]}
        backups = cloud.ask("dynamodb", "describe_continuous_backups", TableName=rid)
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        asked: Mapping[str, Any] = inputs.get("pointInTimeRecovery") or {}
        ttl = cloud.ask("dynamodb", "describe_time_to_live", TableName=rid)["TimeToLiveDescription"]
        tags = unpaired(
            cloud.ask("dynamodb", "list_tags_of_resource", ResourceArn=table["TableArn"]).get("Tags", [])
        )
        sse = table.get("SSEDescription") or {}
        return {
            "region": inputs.get("region", cloud.place.region),
            "name": table["TableName"],
            "arn": table["TableArn"],
            "billingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "deletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
            "hashKey": keys["HASH"],
            "rangeKey": keys.get("RANGE"),
            "attributes": [
                {"name": one["AttributeName"], "type": one["AttributeType"]}
                for one in table["AttributeDefinitions"]
            ],
            "serverSideEncryption": {
                "enabled": sse.get("Status") == "ENABLED",
                "kmsKeyArn": sse.get("KMSMasterKeyArn"),
            },
            "pointInTimeRecovery": {
                "enabled": recovery["PointInTimeRecoveryStatus"] == "ENABLED",
                # The emulator recovers nothing, and does not keep for how long it could.
                **{name: days for name, days in asked.items() if name == "recoveryPeriodInDays"},
            },
            "ttl": {
                "enabled": ttl["TimeToLiveStatus"] == "ENABLED",
                "attributeName": ttl.get("AttributeName", ""),
            },
            "tags": tags,
            "tagsAll": tags,
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_table", TableName=rid, allow=MISSING)]


def _recovery(specification: Mapping[str, Any], *, undo: Call | None = None) -> Call:
    return call(
        "update_continuous_backups",
        TableName=ID,
        PointInTimeRecoverySpecification=specification,
        undo=undo,
    )


@register
class ResourcePolicy(AwsAdapter):
    """The policy of a table."""

    type = "aws:dynamodb/resourcePolicy:ResourcePolicy"
    service = "dynamodb"
    makes = False
    replace_on = frozenset({"resourceArn", "region"})
    unread: ClassVar[Mapping[str, str]] = {
        "confirmRemoveSelfResourceAccess": "is a property of the call, not of the policy"
    }
    computed: ClassVar[Mapping[str, Computed]] = EVERYWHERE

    def identity(self, inputs: Inputs) -> str | None:
        """Return the table."""
        return inputs.get("resourceArn")

    def calls(self, p: Props) -> list[Call]:
        """Put the policy."""
        sent = p.params(
            resourceArn="ResourceArn", confirmRemoveSelfResourceAccess="ConfirmRemoveSelfResourceAccess"
        )
        return [call("put_resource_policy", **sent, Policy=as_json(p.take("policy")))]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the policy."""
        found = cloud.ask("dynamodb", "get_resource_policy", ResourceArn=rid, missing=NO_POLICY)
        if found is None:
            return None
        return {
            "region": inputs.get("region", cloud.place.region),
            "resourceArn": rid,
            "policy": found["Policy"],
            "revisionId": found["RevisionId"],
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Take the policy away."""
        return [call("delete_resource_policy", ResourceArn=rid, allow=NO_POLICY)]
