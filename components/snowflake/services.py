"""Services in the warehouse: each a user with a key pair, one role, and the networks that it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.snowflake.roles import SERVICES
from settings import Snowflake


@dataclass(frozen=True, kw_only=True)
class ServicesArgs:
    """Which services there are, the stack's roles, and its compute by kind of work."""

    settings: Snowflake
    roles: Mapping[str, snowflake.AccountRole]
    compute: Mapping[str, snowflake.Warehouse]


class Services(pulumi.ComponentResource):
    """Users that no person is. None has a password, a second role, or a way in from elsewhere."""

    users: dict[str, snowflake.ServiceUser]

    def __init__(self, name: str, args: ServicesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:snowflake:Services", name, {}, opts)
        settings, options = args.settings, pulumi.ResourceOptions(parent=self)
        specs = {spec.name: spec for spec in SERVICES}
        self.users = {}
        for service, given in settings.services.used():
            spec, logical = specs[service], f"{name}-{service.replace('_', '-')}"
            physical = settings.role_prefix + service.upper()
            network = snowflake.NetworkPolicy(
                logical,
                name=physical,
                allowed_ip_lists=list(given.networks or settings.networks),
                comment=f"Where {spec.purpose} come from",
                opts=options,
            )
            self.users[service] = user = snowflake.ServiceUser(
                logical,
                name=physical,
                login_name=physical,
                rsa_public_key=given.public_key,
                rsa_public_key2=given.next_public_key,
                default_role=args.roles[spec.role].name,
                default_warehouse=args.compute[spec.warehouse].name,
                default_secondary_roles_option="NONE",
                network_policy=network.name,
                comment=f"The user of {spec.purpose}",
                opts=options,
            )
            snowflake.GrantAccountRole(
                logical, role_name=args.roles[spec.role].name, user_name=user.name, opts=options
            )
        self.register_outputs({"users": {service: user.name for service, user in self.users.items()}})
