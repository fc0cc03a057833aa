"""The roles of `roles.py`, made: access roles with their rights, functional roles above them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pulumi
import pulumi_snowflake as snowflake

from components.snowflake.roles import ACCESS_ROLES, ROLES, AccessRole, Right, Role

# On what privileges are granted: one of the provider's three `on_…` arguments.
Target: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class AccessArgs:
    """On what rights are given; `governed` are full names in GOVERNANCE, by their own."""

    role_prefix: str
    database: snowflake.Database
    schemas: Mapping[str, snowflake.Schema]
    compute: Mapping[str, snowflake.Warehouse]
    policies: Mapping[str, snowflake.MaskingPolicy]
    store_rows: snowflake.RowAccessPolicy
    governed: Mapping[str, pulumi.Output[str]]


class Access(pulumi.ComponentResource):
    """Who may do what."""

    roles: dict[str, snowflake.AccountRole]
    rights: dict[str, snowflake.AccountRole]

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:snowflake:Access", name, {}, opts)
        self.rights = rights = {spec.name: self._access_role(name, spec, args) for spec in ACCESS_ROLES}
        for kind, policy in args.policies.items():
            on = _on_policy("MASKING POLICY", policy)
            self._grant(f"{name}-mask-{_dashed(kind)}", rights["GOVERNANCE_R"], ("APPLY",), on)
        on = _on_policy("ROW ACCESS POLICY", args.store_rows)
        self._grant(f"{name}-store-rows", rights["GOVERNANCE_R"], ("APPLY",), on)
        self.roles = {spec.name: self._functional_role(name, spec, rights, args) for spec in ROLES}
        self.register_outputs({"roles": {spec: role.name for spec, role in self.roles.items()}})

    def _access_role(self, parent: str, spec: AccessRole, args: AccessArgs) -> snowflake.AccountRole:
        name = f"{parent}-{_dashed(spec.name)}"
        role = self._account_role(name, args.role_prefix + spec.name, f"Rights on schema {spec.schema}")
        database = _on_account_object("DATABASE", args.database.fully_qualified_name)
        self._grant(f"{name}-database", role, ("USAGE",), database)
        for right in spec.rights:
            named = right.name is not None
            on = _on_object(right, args.governed) if named else _on_schema(args.schemas[spec.schema], right)
            self._grant(
                f"{name}-{_dashed(right.name or right.objects or 'SCHEMA')}", role, right.privileges, on
            )
        return role

    def _functional_role(
        self, parent: str, spec: Role, rights: Mapping[str, snowflake.AccountRole], args: AccessArgs
    ) -> snowflake.AccountRole:
        name = f"{parent}-{_dashed(spec.name)}"
        role = self._account_role(name, args.role_prefix + spec.name, spec.purpose)
        for access in spec.access:
            snowflake.GrantAccountRole(
                f"{name}-{_dashed(access)}",
                role_name=rights[access].name,
                parent_role_name=role.name,
                opts=pulumi.ResourceOptions(parent=self),
            )
        compute = _on_account_object("WAREHOUSE", args.compute[spec.warehouse].fully_qualified_name)
        self._grant(f"{name}-warehouse", role, ("USAGE",), compute)
        return role

    def _account_role(self, name: str, physical: str, comment: str) -> snowflake.AccountRole:
        return snowflake.AccountRole(
            name, name=physical, comment=comment, opts=pulumi.ResourceOptions(parent=self)
        )

    def _grant(self, name: str, role: snowflake.AccountRole, privileges: tuple[str, ...], on: Target) -> None:
        snowflake.GrantPrivilegesToAccountRole(
            name,
            account_role_name=role.name,
            privileges=list(privileges),
            opts=pulumi.ResourceOptions(parent=self),
            **on,
        )


def _on_account_object(kind: str, name: pulumi.Output[str]) -> Target:
    return {"on_account_object": {"object_type": kind, "object_name": name}}


def _on_policy(kind: str, policy: snowflake.MaskingPolicy | snowflake.RowAccessPolicy) -> Target:
    return {"on_schema_object": {"object_type": kind, "object_name": policy.fully_qualified_name}}


def _on_object(right: Right, governed: Mapping[str, pulumi.Output[str]]) -> Target:
    return {"on_schema_object": {"object_type": right.objects, "object_name": governed[str(right.name)]}}


def _on_schema(schema: snowflake.Schema, right: Right) -> Target:
    """The schema itself, or what will be made in it: these grants are there before any object is."""
    name = schema.fully_qualified_name
    if right.objects is None:
        return {"on_schema": {"schema_name": name}}
    return {"on_schema_object": {"future": {"object_type_plural": right.objects, "in_schema": name}}}


def _dashed(name: str) -> str:
    return name.lower().replace("_", "-").replace(" ", "-")
