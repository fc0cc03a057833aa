"""What governs personal data: per kind a masking policy that picks the face, and a tag that carries it."""

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.snowflake.roles import masking_body


@dataclass(frozen=True, kw_only=True)
class GovernanceArgs:
    """Where policies live, for which kinds, how the stack's roles are called, which accounts are guests."""

    schema: snowflake.Schema
    kinds: tuple[str, ...]
    role_prefix: str
    guests: tuple[str, ...] = ()


class Governance(pulumi.ComponentResource):
    """Policies and tags by kind. A column with the tag is masked, whoever made its table."""

    policies: dict[str, snowflake.MaskingPolicy]
    tags: dict[str, snowflake.Tag]

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
        self.register_outputs({"tags": [tag.fully_qualified_name for tag in self.tags.values()]})
