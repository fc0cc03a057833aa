"""What lets the warehouse read delivered objects, and nothing else.

Snowflake comes as a service principal of its own application. It is in the tenant only once an administrator
has consented to it; its object id is then a setting of the stack, and the role is assigned by the next `up`.
"""

from dataclasses import dataclass

import pulumi

from components.azure import roles
from components.azure.context import Context
from components.azure.function import container_id
from components.azure.landing import DELIVERED, LandingAccount


@dataclass(frozen=True, kw_only=True)
class WarehouseReaderArgs:
    """What is read."""

    context: Context
    landing: LandingAccount


class WarehouseReader(pulumi.ComponentResource):
    """The right to read one container, for a principal that may not be there yet."""

    ready: tuple[pulumi.Resource, ...]

    def __init__(
        self, name: str, args: WarehouseReaderArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("retaillake:azure:WarehouseReader", name, {}, opts)
        reader = args.context.settings.azure.warehouse_reader
        self.ready = ()
        if reader is not None:
            assigned = roles.assign(
                name,
                role=roles.builtin(args.context, roles.BLOB_DATA_READER),
                to=reader,
                on=container_id(args.landing.account, DELIVERED),
                parent=self,
            )
            self.ready = (assigned,)
        self.register_outputs({"trusted": reader is not None})
