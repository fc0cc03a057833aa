"""Tables, made of the contracts' columns."""

from collections.abc import Sequence

import pulumi
import pulumi_snowflake as snowflake

from contracts import Column


def table(
    logical: str,
    schema: snowflake.Schema,
    name: str,
    columns: Sequence[Column],
    *,
    comment: str,
    opts: pulumi.ResourceOptions,
    change_tracking: bool = False,
) -> snowflake.Table:
    """Make a table of these columns."""
    return snowflake.Table(
        logical,
        database=schema.database,
        schema=schema.name,
        name=name,
        columns=[
            {"name": column.name, "type": column.type, "nullable": column.nullable} for column in columns
        ],
        change_tracking=change_tracking,
        comment=comment,
        opts=opts,
    )
