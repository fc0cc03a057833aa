"""Databases, schemas, warehouses, monitors, roles, integrations: what belongs to the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, register
from ..props import Props
from ..schema import Failure
from .client import NAMED, SnowflakeAdapter, Warehouse, altered, options, spelled
from .names import parts, qualified, quoted, requalified, row


class AccountObject(SnowflakeAdapter):
    """An object whose settings are options of CREATE and ALTER."""

    replace_on = frozenset({"name"})
    #: the properties that are options
    said: tuple[str, ...] = ("comment",)
    #: those whose values are words, not texts
    bare: frozenset[str] = frozenset()

    def options(self, p: Props) -> dict[str, str]:
        """Return the options."""
        return options(p, *self.said, bare=self.bare)

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        return [f"CREATE {self.kind} {quoted(p.take('name'))}{spelled(self.options(p))}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter the options."""
        return altered(self.kind, rid, self.options(old), self.options(new))

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show it."""
        shown = self.shown(cloud, rid)
        if shown is None:
            return None
        seen = row(shown)
        return {
            **self.seen(cloud, rid, seen),
            "name": parts(rid)[-1],
            "fullyQualifiedName": rid,
            "comment": seen.get("comment", ""),
            "showOutputs": [seen],
        }

    def seen(self, cloud: Warehouse, rid: str, seen: dict[str, Any]) -> Outputs:
        """Return what else SHOW says in the provider's terms."""
        return {}


@register
class Database(AccountObject):
    """A database."""

    type = "snowflake:index/database:Database"
    kind = "DATABASE"
    replace_on = frozenset({"name", "isTransient"})
    said = ("dataRetentionTimeInDays", "maxDataExtensionTimeInDays", "comment")
    no_effect: ClassVar[Mapping[str, str]] = {"replication": "a laptop has one account"}
    unread: ClassVar[Mapping[str, str]] = {"dropPublicSchemaOnCreation": "is used when the database is made"}

    def statements(self, p: Props) -> list[str]:
        """Create it; without the schema that every database is born with, where the program says so."""
        name, transient = quoted(p.take("name")), "TRANSIENT " if p.take("isTransient") else ""
        create = f"CREATE {transient}DATABASE {name}{spelled(self.options(p))}"
        bare = [f"DROP SCHEMA IF EXISTS {name}.PUBLIC"] if p.take("dropPublicSchemaOnCreation") else []
        return [create, *bare]

    def seen(self, cloud: Warehouse, rid: str, seen: dict[str, Any]) -> Outputs:
        """Return retention and kind."""
        transient = "TRANSIENT" in str(seen.get("options", ""))
        days = seen.get("retentionTime")
        return {
            "isTransient": transient,
            "dataRetentionTimeInDays": None if days in (None, "") else int(days),
        }


@register
class Schema(AccountObject):
    """A schema."""

    type = "snowflake:index/schema:Schema"
    kind = "SCHEMA"
    replace_on = frozenset({"name", "database", "isTransient"})
    said = ("dataRetentionTimeInDays", "comment")

    def statements(self, p: Props) -> list[str]:
        """Create it; a schema that a database is born with is taken over."""
        name = qualified(p.take("database"), p.take("name"))
        transient = "TRANSIENT " if p.take("isTransient") == "true" else ""
        managed = " WITH MANAGED ACCESS" if p.take("withManagedAccess") == "true" else ""
        return [f"CREATE {transient}SCHEMA {name}{managed}{spelled(self.options(p))}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter the options and who may grant."""
        managed = new.take("withManagedAccess")
        word = "ENABLE" if managed == "true" else "DISABLE"
        access = (
            [f"ALTER SCHEMA {rid} {word} MANAGED ACCESS"] if managed != old.take("withManagedAccess") else []
        )
        return access + super().alterations(rid, old, new)

    def seen(self, cloud: Warehouse, rid: str, seen: dict[str, Any]) -> Outputs:
        """Return retention, kind and who may grant."""
        said = str(seen.get("options", "")).upper()
        days = seen.get("retentionTime")
        return {
            "database": parts(rid)[0],
            "isTransient": str("TRANSIENT" in said).lower(),
            "withManagedAccess": str("MANAGED ACCESS" in said).lower(),
            "dataRetentionTimeInDays": None if days in (None, "") else int(days),
        }


@register
class VirtualWarehouse(AccountObject):
    """A warehouse: compute."""

    type = "snowflake:index/warehouse:Warehouse"
    kind = "WAREHOUSE"
    said = (
        "warehouseType",
        "warehouseSize",
        "autoSuspend",
        "autoResume",
        "initiallySuspended",
        "minClusterCount",
        "maxClusterCount",
        "scalingPolicy",
        "enableQueryAcceleration",
        "statementTimeoutInSeconds",
        "statementQueuedTimeoutInSeconds",
        "maxConcurrencyLevel",
        "comment",
    )
    unread: ClassVar[Mapping[str, str]] = {"initiallySuspended": "is used when the warehouse is made"}
    parameters: ClassVar[Mapping[str, str]] = {
        "statementTimeoutInSeconds": "STATEMENT_TIMEOUT_IN_SECONDS",
        "statementQueuedTimeoutInSeconds": "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS",
        "maxConcurrencyLevel": "MAX_CONCURRENCY_LEVEL",
    }

    def options(self, p: Props) -> dict[str, str]:
        """Return the options; a monitor is named, not quoted."""
        monitor = p.take("resourceMonitor")
        return {**super().options(p), **({"RESOURCE_MONITOR": requalified(monitor)} if monitor else {})}

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter the options but the one that counts only at birth."""
        before, after = self.options(old), self.options(new)
        before.pop("INITIALLY_SUSPENDED", None)
        after.pop("INITIALLY_SUSPENDED", None)
        return altered(self.kind, rid, before, after)

    def seen(self, cloud: Warehouse, rid: str, seen: dict[str, Any]) -> Outputs:
        """Return size, suspension and parameters."""
        said = cloud.execute(f"SHOW PARAMETERS IN WAREHOUSE {rid}")
        values = {one["key"].upper(): one["value"] for one in said}
        numbers = ("autoSuspend", "minClusterCount", "maxClusterCount")
        monitor = seen.get("resourceMonitor")
        return {
            "warehouseType": seen.get("type"),
            "warehouseSize": str(seen.get("size", "")).replace("-", "").upper(),
            "scalingPolicy": seen.get("scalingPolicy"),
            "resourceMonitor": None if monitor in (None, "null", "") else monitor,
            "autoResume": str(seen.get("autoResume", "")).lower(),
            "enableQueryAcceleration": str(seen.get("enableQueryAcceleration", "false")).lower(),
            **{name: int(seen[name]) for name in numbers if seen.get(name) not in (None, "")},
            **{name: int(values[key]) for name, key in self.parameters.items() if key in values},
        }


@register
class ResourceMonitor(AccountObject):
    """A budget of credits."""

    type = "snowflake:index/resourceMonitor:ResourceMonitor"
    kind = "RESOURCE MONITOR"
    said = ("creditQuota", "frequency", "startTimestamp", "endTimestamp")
    bare = frozenset({"frequency"})
    unread: ClassVar[Mapping[str, str]] = {
        "startTimestamp": "IMMEDIATELY becomes the moment of creation",
        "endTimestamp": "is told in the session's time zone",
    }
    triggers: ClassVar[Mapping[str, str]] = {
        "notifyTriggers": "NOTIFY",
        "suspendTrigger": "SUSPEND",
        "suspendImmediateTrigger": "SUSPEND_IMMEDIATE",
    }

    def options(self, p: Props) -> dict[str, str]:
        """Return the options; `IMMEDIATELY` is a word, a time is a text."""
        said = super().options(p)
        if said.get("START_TIMESTAMP") == "'IMMEDIATELY'":
            said["START_TIMESTAMP"] = "IMMEDIATELY"
        if users := p.take("notifyUsers"):
            said["NOTIFY_USERS"] = "(" + ", ".join(quoted(user) for user in users) + ")"
        return said

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        name, said = quoted(p.take("name")), spelled(self.options(p))
        return [f"CREATE RESOURCE MONITOR {name} WITH{said}{self._triggers(p)}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """State everything again: triggers are replaced as a whole."""
        return [f"ALTER RESOURCE MONITOR {rid} SET{spelled(self.options(new))}{self._triggers(new)}"]

    def _triggers(self, p: Props) -> str:
        found = []
        for name, action in self.triggers.items():
            at = p.take(name, [])
            found += [
                f"ON {percent} PERCENT DO {action}" for percent in (at if isinstance(at, list) else [at])
            ]
        return f" TRIGGERS {' '.join(found)}" if found else ""

    def seen(self, cloud: Warehouse, rid: str, seen: dict[str, Any]) -> Outputs:
        """Return quota, rhythm and triggers."""
        quota = seen.get("creditQuota")
        users = [user.strip() for user in str(seen.get("notifyUsers", "")).split(",") if user.strip()]
        return {
            "creditQuota": None if quota in (None, "") else int(float(quota)),
            "frequency": seen.get("frequency"),
            "notifyUsers": users,
            "notifyTriggers": _percents(seen.get("notifyAt")),
            "suspendTrigger": next(iter(_percents(seen.get("suspendAt"))), None),
            "suspendImmediateTrigger": next(iter(_percents(seen.get("suspendImmediatelyAt"))), None),
        }


def _percents(text: Any) -> list[int]:
    return [int(float(one.strip().rstrip("%"))) for one in str(text or "").split(",") if one.strip()]


@register
class AccountRole(AccountObject):
    """A role."""

    type = "snowflake:index/accountRole:AccountRole"
    kind = "ROLE"


@register
class StorageIntegrationAws(AccountObject):
    """The trust between Snowflake and a bucket."""

    type = "snowflake:index/storageIntegrationAws:StorageIntegrationAws"
    kind = "INTEGRATION"
    replace_on = frozenset({"name", "storageProvider"})
    said = (
        "storageProvider",
        "storageAwsRoleArn",
        "storageAwsExternalId",
        "storageAwsObjectAcl",
        "enabled",
        "storageAllowedLocations",
        "storageBlockedLocations",
        "comment",
    )
    no_effect: ClassVar[Mapping[str, str]] = {"usePrivatelinkEndpoint": "a laptop has no private link"}
    computed: ClassVar[Mapping[str, Computed]] = {
        **NAMED,
        "describeOutputs": lambda place, rid, inputs: [_trust(place, rid, inputs)],
    }

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        name, said = quoted(p.take("name")), spelled(self.options(p))
        return [f"CREATE STORAGE INTEGRATION {name} TYPE = EXTERNAL_STAGE{said}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter the options."""
        return altered("STORAGE INTEGRATION", rid, self.options(old), self.options(new))

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show and describe it."""
        seen = super().read(cloud, rid, inputs)
        if seen is None:
            return None
        said = {one["property"].upper(): one["property_value"] for one in self.described(cloud, rid)}
        locations = {
            name: [one for one in str(said.get(key) or "").split(",") if one]
            for name, key in (
                ("storageAllowedLocations", "STORAGE_ALLOWED_LOCATIONS"),
                ("storageBlockedLocations", "STORAGE_BLOCKED_LOCATIONS"),
            )
        }
        described = {
            "enabled": str(said.get("ENABLED", "")).lower() == "true",
            "provider": said.get("STORAGE_PROVIDER"),
            "allowedLocations": said.get("STORAGE_ALLOWED_LOCATIONS"),
            "blockedLocations": said.get("STORAGE_BLOCKED_LOCATIONS"),
            "iamUserArn": said.get("STORAGE_AWS_IAM_USER_ARN"),
            "roleArn": said.get("STORAGE_AWS_ROLE_ARN"),
            "externalId": said.get("STORAGE_AWS_EXTERNAL_ID"),
            "objectAcl": said.get("STORAGE_AWS_OBJECT_ACL"),
            "comment": said.get("COMMENT"),
        }
        return {
            **seen,
            **locations,
            "storageProvider": described["provider"],
            "storageAwsRoleArn": described["roleArn"],
            "storageAwsExternalId": described["externalId"],
            "storageAwsObjectAcl": described["objectAcl"],
            "enabled": described["enabled"],
            "describeOutputs": [described],
        }


def _trust(place: Place, rid: str, inputs: Inputs) -> Outputs:
    """Return what a role's trust policy is made of."""
    return {
        "iamUserArn": place.arn("iam", "user/snowflake", region=""),
        "externalId": inputs.get("storageAwsExternalId", f"{parts(rid)[0]}_SFCRole"),
        "roleArn": inputs["storageAwsRoleArn"],
        "provider": inputs["storageProvider"],
        "enabled": inputs["enabled"],
    }


APPLICATION = "SnowflakePACInt0000_laptop"


class Recorded:
    """What the laptop's warehouse has not: it can be recorded, and not be made."""

    recorded: ClassVar[bool] = True
    why: ClassVar[str] = "the laptop's warehouse has nothing of Azure: only previews"

    def unmapped(self, inputs: Inputs) -> list[Failure]:
        """Refuse to reach a service."""
        return [Failure(property="name", reason=self.why)]


@register
class StorageIntegrationAzure(Recorded, AccountObject):
    """The trust between Snowflake and an account of Azure."""

    type = "snowflake:index/storageIntegrationAzure:StorageIntegrationAzure"
    kind = "INTEGRATION"
    replace_on = frozenset({"name"})
    computed: ClassVar[Mapping[str, Computed]] = {
        **NAMED,
        "describeOutputs": lambda place, rid, inputs: [_application(rid, inputs)],
    }


def _application(rid: str, inputs: Inputs) -> Outputs:
    tenant = inputs["azureTenantId"]
    return {
        "id": rid,
        "enabled": inputs["enabled"],
        "provider": "AZURE",
        "tenantId": tenant,
        "consentUrl": f"https://login.microsoftonline.com/{tenant}/oauth2/authorize?client_id={APPLICATION}",
        "multiTenantAppName": APPLICATION,
    }


@register
class NotificationIntegration(Recorded, AccountObject):
    """What fetches messages of new objects."""

    type = "snowflake:index/notificationIntegration:NotificationIntegration"
    kind = "INTEGRATION"
    replace_on = frozenset({"name", "notificationProvider", "type", "direction"})
    computed: ClassVar[Mapping[str, Computed]] = NAMED
