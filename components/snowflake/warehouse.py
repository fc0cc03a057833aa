"""A stack's warehouse: its database, its compute with a budget, its roles, and what governs personal data."""

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

import contracts
from components.snowflake.access import Access, AccessArgs
from components.snowflake.account import AccountPolicies, AccountPoliciesArgs
from components.snowflake.governance import Governance, GovernanceArgs
from components.snowflake.head_office import HeadOffice, HeadOfficeArgs
from components.snowflake.roles import SCHEMAS
from components.snowflake.services import Services, ServicesArgs
from components.snowflake.tables import table
from settings import Settings
from settings import Warehouse as WarehouseSettings


@dataclass(frozen=True, kw_only=True)
class WarehouseArgs:
    """The settings, and the kinds of personal data that the contracts know."""

    settings: Settings
    pii_kinds: tuple[str, ...]


class Warehouse(pulumi.ComponentResource):
    """Everything in Snowflake that sources share."""

    database: snowflake.Database
    schemas: dict[str, snowflake.Schema]
    compute: dict[str, snowflake.Warehouse]
    access: Access
    governance: Governance
    services: Services
    quarantine: snowflake.Table

    def __init__(self, name: str, args: WarehouseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:snowflake:Warehouse", name, {}, opts)
        settings, options = args.settings.snowflake, pulumi.ResourceOptions(parent=self)
        protect = args.settings.protect
        self.database = snowflake.Database(
            name,
            name=settings.database,
            comment=f"The retail lake {name}",
            data_retention_time_in_days=settings.retention_days,
            drop_public_schema_on_creation=True,
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )
        self.schemas = {
            schema: snowflake.Schema(
                f"{name}-{schema.lower()}",
                database=self.database.name,
                name=schema,
                # Only the schema's owner grants here: an owner of a table cannot let others in.
                with_managed_access="true",
                opts=pulumi.ResourceOptions(parent=self, protect=protect),
            )
            for schema in SCHEMAS
        }
        self.compute = self._compute(name, args.settings)
        self.governance = Governance(
            f"{name}-governance",
            GovernanceArgs(
                database=settings.database,
                schema=self.schemas["GOVERNANCE"],
                kinds=args.pii_kinds,
                role_prefix=settings.role_prefix,
                protect=protect,
                guests=settings.head_office.accounts if settings.head_office.mode == "share" else (),
            ),
            options,
        )
        self.access = Access(
            f"{name}-access",
            AccessArgs(
                role_prefix=settings.role_prefix,
                database=self.database,
                schemas=self.schemas,
                compute=self.compute,
                policies=self.governance.policies,
                store_rows=self.governance.store_rows,
                governed=self.governance.objects,
            ),
            options,
        )
        self.services = Services(
            f"{name}-services",
            ServicesArgs(settings=settings, roles=self.access.roles, compute=self.compute),
            options,
        )
        if settings.account.owned:
            AccountPolicies(
                f"{name}-account",
                AccountPoliciesArgs(settings=settings, schema=self.schemas["GOVERNANCE"]),
                options,
            )
        self.quarantine = table(
            f"{name}-quarantine",
            self.schemas["STAGING"],
            "QUARANTINE",
            contracts.QUARANTINE_COLUMNS,
            comment="Records that broke their contract, sealed; repaired and replayed from here",
            # Grants on what is to come are there before it comes.
            opts=pulumi.ResourceOptions(parent=self, protect=protect, depends_on=[self.access]),
        )
        if settings.head_office.mode != "none":
            HeadOffice(
                f"{name}-head-office",
                HeadOfficeArgs(
                    settings=args.settings,
                    database=self.database,
                    reader=self.access.rights["PRODUCTION_R"],
                    compute=self.compute["transform"],
                ),
                options,
            )
        self.register_outputs({"database": self.database.name})

    def _compute(self, name: str, settings: Settings) -> dict[str, snowflake.Warehouse]:
        """Make a warehouse per kind of work, each under a budget a month: none can use up another's."""
        prefix, sizes = settings.snowflake.role_prefix, settings.snowflake.warehouses

        def warehouse(work: str, size: WarehouseSettings) -> snowflake.Warehouse:
            monitor = snowflake.ResourceMonitor(
                f"{name}-{work}",
                name=f"{prefix}{work.upper()}_BUDGET",
                credit_quota=size.credit_quota or settings.snowflake.credit_quota,
                frequency="MONTHLY",
                start_timestamp="IMMEDIATELY",
                notify_triggers=[50, 80, 100],
                suspend_trigger=100,
                suspend_immediate_trigger=110,
                opts=pulumi.ResourceOptions(parent=self),
            )
            return snowflake.Warehouse(
                f"{name}-{work}",
                name=f"{prefix}{work.upper()}",
                comment=f"Compute of the retail lake {name}: {work}",
                warehouse_size=size.size,
                auto_suspend=size.auto_suspend_seconds,
                auto_resume="true",
                initially_suspended=True,
                statement_timeout_in_seconds=size.timeout_seconds,
                resource_monitor=monitor.name,
                opts=pulumi.ResourceOptions(parent=self),
            )

        works = {"load": sizes.load, "transform": sizes.transform, "query": sizes.query}
        return {work: warehouse(work, size) for work, size in works.items()}
