"""Databases, schemas, warehouses, monitors, roles: what belongs to the account."""

from __future__ import annotations

from ..adapter import register
from .client import NAMED, SnowflakeAdapter


@register
class Database(SnowflakeAdapter):
    """A database."""

    type = "snowflake:index/database:Database"
    kind = "DATABASE"


@register
class Schema(SnowflakeAdapter):
    """A schema."""

    type = "snowflake:index/schema:Schema"
    kind = "SCHEMA"


@register
class VirtualWarehouse(SnowflakeAdapter):
    """A warehouse."""

    type = "snowflake:index/warehouse:Warehouse"
    kind = "WAREHOUSE"


@register
class ResourceMonitor(SnowflakeAdapter):
    """A resource monitor."""

    type = "snowflake:index/resourceMonitor:ResourceMonitor"
    kind = "RESOURCE MONITOR"


@register
class AccountRole(SnowflakeAdapter):
    """A role."""

    type = "snowflake:index/accountRole:AccountRole"
    kind = "ROLE"


@register
class StorageIntegrationAws(SnowflakeAdapter):
    """A storage integration."""

    type = "snowflake:index/storageIntegrationAws:StorageIntegrationAws"
    kind = "STORAGE INTEGRATION"
    computed = {
        **NAMED,
        "describeOutputs": lambda place, rid, inputs: [
            {
                "iamUserArn": place.arn("iam", "user/snowflake", region=""),
                "externalId": inputs.get("storageAwsExternalId", f"{rid}-external-id"),
                "roleArn": inputs["storageAwsRoleArn"],
            }
        ],
    }
