"""What governs data: per kind of personal data a masking policy and the tag that carries it, and the vault.

Which rows somebody sees who is bound to stores is said by a row access policy, out of two tables that are
kept by hand: where each store is, and who sees which store or region.
"""

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

import contracts
from components.snowflake import sql
from components.snowflake.roles import masking_body, store_rows_body
from components.snowflake.tables import table


@dataclass(frozen=True, kw_only=True)
class GovernanceArgs:
    """Where policies live, for which kinds, how the stack's roles are called, which accounts are guests."""

    database: str
    schema: snowflake.Schema
    kinds: tuple[str, ...]
    role_prefix: str
    protect: bool
    guests: tuple[str, ...] = ()


class Governance(pulumi.ComponentResource):
    """Policies and tags by kind. A column with the tag is masked, whoever made its table."""

    policies: dict[str, snowflake.MaskingPolicy]
    tags: dict[str, snowflake.Tag]
    vault: snowflake.Table
    store_rows: snowflake.RowAccessPolicy
    accesses: snowflake.View

    def __init__(self, name: str, args: GovernanceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:snowflake:Governance", name, {}, opts)
        self.policies = {
            kind: snowflake.MaskingPolicy(
                f"{name}-{kind.replace('_', '-')}",
                database=args.schema.database,
                schema=args.schema.name,
                name=f"MASK_{kind.upper()}",
                arguments=[{"name": "VAL", "type": "VARCHAR"}],
                return_data_type="VARCHAR",
                body=masking_body(args.role_prefix, args.guests, kind=kind),
                comment=f"The face of a packed value of kind {kind}, by role",
                opts=pulumi.ResourceOptions(parent=self),
            )
            for kind in args.kinds
        }
        self.tags = {
            kind: snowflake.Tag(
                f"{name}-{kind.replace('_', '-')}",
                database=args.schema.database,
                schema=args.schema.name,
                name=f"PII_{kind.upper()}",
                masking_policies=[policy.fully_qualified_name],
                comment=f"Holds packed values of kind {kind}; its value is the source",
                opts=pulumi.ResourceOptions(parent=self),
            )
            for kind, policy in self.policies.items()
        }
        self.vault = table(
            f"{name}-vault",
            args.schema,
            "PII_VAULT",
            contracts.VAULT_COLUMNS,
            comment="Of every personal value its latest ciphertext, for re-identification alone",
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        self.store_rows = self._store_rows(name, args)
        self.accesses = snowflake.View(
            f"{name}-pii-access",
            database=args.schema.database,
            schema=args.schema.name,
            name="PII_ACCESS",
            is_secure="true",
            statement=sql.pii_access(args.database),
            comment="Who read which personal column, when; for auditors",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"tags": [tag.fully_qualified_name for tag in self.tags.values()]})

    def _store_rows(self, name: str, args: GovernanceArgs) -> snowflake.RowAccessPolicy:
        """Make the policy that shows rows by store; dbt puts it on what carries a store."""
        options = pulumi.ResourceOptions(parent=self, protect=args.protect)
        kept = [
            table(
                f"{name}-stores",
                args.schema,
                "STORES",
                contracts.STORES_COLUMNS,
                comment="Where each store is",
                opts=options,
            ),
            table(
                f"{name}-store-access",
                args.schema,
                "STORE_ACCESS",
                contracts.STORE_ACCESS_COLUMNS,
                comment="Who sees which store or region: all who hold a role, or one user",
                opts=options,
            ),
        ]
        return snowflake.RowAccessPolicy(
            f"{name}-store-rows",
            database=args.schema.database,
            schema=args.schema.name,
            name="STORE_ROWS",
            arguments=[{"name": "SOLD_IN", "type": "VARCHAR"}],
            body=store_rows_body(args.database, args.role_prefix),
            comment="Rows of the stores that a role or a user was given, for roles that are bound to stores",
            opts=pulumi.ResourceOptions(parent=self, depends_on=kept),
        )

    @property
    def objects(self) -> dict[str, pulumi.Output[str]]:
        """Full names of what roles may read here, by their own."""
        return {
            "PII_VAULT": self.vault.fully_qualified_name,
            "PII_ACCESS": self.accesses.fully_qualified_name,
        }
