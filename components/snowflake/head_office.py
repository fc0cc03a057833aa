"""What head office reads of a region: every model of PRODUCTION, masked, by a share or by a copy.

A share reaches accounts of the same region, through secure views; what is read through it, the masking
policies know by the reader's account. Accounts elsewhere get a database of their own to replicate, into which
a task copies. It holds plain tables: neither packed values nor policies leave the region, and the task has no
role with a face, so that personal columns hold three asterisks there.
"""

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.snowflake.published import Model, models
from components.snowflake.tables import table
from settings import Settings

NAME = "HEAD_OFFICE"


@dataclass(frozen=True, kw_only=True)
class HeadOfficeArgs:
    """Whose data, who may read PRODUCTION (the access role), and the compute that copies."""

    settings: Settings
    database: snowflake.Database
    reader: snowflake.AccountRole
    compute: snowflake.Warehouse


class HeadOffice(pulumi.ComponentResource):
    """What leaves the stack's account, and nothing else does."""

    def __init__(self, name: str, args: HeadOfficeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:snowflake:HeadOffice", name, {}, opts)
        # Whoever deploys owns views and tasks, and reads as they do. The access role has no face.
        deployer = snowflake.get_current_role(opts=pulumi.InvokeOptions(parent=self)).name
        allowed = snowflake.GrantAccountRole(
            name,
            role_name=args.reader.name,
            parent_role_name=deployer,
            opts=pulumi.ResourceOptions(parent=self),
        )
        if args.settings.snowflake.head_office.mode == "share":
            self._share(name, args, allowed)
        else:
            self._copy(name, args, allowed)
        self.register_outputs({})

    def _share(self, name: str, args: HeadOfficeArgs, allowed: pulumi.Resource) -> None:
        settings, options = args.settings.snowflake, pulumi.ResourceOptions(parent=self)
        schema = snowflake.Schema(
            name, database=args.database.name, name=NAME, with_managed_access="true", opts=options
        )
        share = snowflake.Share(
            name,
            name=f"{settings.role_prefix}{NAME}",
            accounts=list(settings.head_office.accounts),
            comment="What is published, masked",
            opts=options,
        )
        database = self._grant(f"{name}-database", share, "USAGE", on_database=args.database.name)
        within = self._grant(
            f"{name}-schema", share, "USAGE", after=[database], on_schema=schema.fully_qualified_name
        )
        for model in models():
            view = snowflake.View(
                f"{name}-{_dashed(model)}",
                database=schema.database,
                schema=schema.name,
                name=model.name,
                is_secure="true",
                statement=model.masked(settings.database),
                comment=f"{model.name} for head office, masked",
                opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
            )
            self._grant(
                f"{name}-{_dashed(model)}", share, "SELECT", after=[within], on_view=view.fully_qualified_name
            )

    def _grant(
        self,
        name: str,
        share: snowflake.Share,
        privilege: str,
        *,
        after: list[pulumi.Resource] | None = None,
        **on: pulumi.Input[str],
    ) -> pulumi.Resource:
        return snowflake.GrantPrivilegesToShare(
            name,
            to_share=share.fully_qualified_name,
            privileges=[privilege],
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
            **on,
        )

    def _copy(self, name: str, args: HeadOfficeArgs, allowed: pulumi.Resource) -> None:
        settings, options = args.settings.snowflake, pulumi.ResourceOptions(parent=self)
        database = snowflake.Database(
            name,
            name=f"{settings.database}_{NAME}",
            comment="What is published, masked, for head office to replicate",
            data_retention_time_in_days=1,
            drop_public_schema_on_creation=True,
            replication={
                "enable_to_accounts": [
                    {"account_identifier": '"{}"."{}"'.format(*account.split(".")), "with_failover": False}
                    for account in settings.head_office.accounts
                ]
            },
            opts=pulumi.ResourceOptions(parent=self, protect=args.settings.protect),
        )
        schema = snowflake.Schema(name, database=database.name, name="PRODUCTION", opts=options)
        for model in models():
            logical = f"{name}-{_dashed(model)}"
            copy = table(
                logical,
                schema,
                model.name,
                model.columns,
                comment=f"{model.name} for head office, masked",
                opts=options,
            )
            columns = ", ".join(column.name for column in model.columns)
            target = f"{settings.database}_{NAME}.PRODUCTION.{model.name}"
            snowflake.Task(
                logical,
                database=schema.database,
                schema=schema.name,
                name=f"COPY_{model.name}",
                warehouse=args.compute.name,
                schedule={"minutes": settings.head_office.minutes},
                sql_statement=f"INSERT OVERWRITE INTO {target} ({columns}) {model.masked(settings.database)}",
                allow_overlapping_execution="false",
                suspend_task_after_num_failures=0,
                started=True,
                comment=f"Copies {model.name}, masked",
                opts=pulumi.ResourceOptions(parent=self, depends_on=[copy, allowed]),
            )


def _dashed(model: Model) -> str:
    return model.name.lower().replace("_", "-")
