"""Roles: those that Azure has, those that it lacks, and who gets which, where."""

from collections.abc import Sequence
from typing import Literal

import pulumi
from pulumi_azure_native import authorization

from components.azure.context import Context

# What Azure has; the names are those of its documentation, the ids are the same in every tenant.
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
CRYPTO_SERVICE_ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
EVENT_HUBS_DATA_RECEIVER = "a638d3c7-ab3a-418d-83e6-5f17a39d4fde"
EVENT_HUBS_DATA_SENDER = "2b629674-e913-4c01-ae53-ef4638d8f975"
MONITORING_METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
QUEUE_DATA_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
QUEUE_DATA_MESSAGE_SENDER = "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"

# What Azure lacks. Its own role for wrapping may unwrap too.
WRAP = ("Microsoft.KeyVault/vaults/keys/wrap/action",)
MAKE_SECRET = (
    "Microsoft.KeyVault/vaults/secrets/getSecret/action",
    "Microsoft.KeyVault/vaults/secrets/setSecret/action",
)
WRITE_OBJECTS = (
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
)


def builtin(context: Context, role: str) -> str:
    """Return the id of a role that Azure has."""
    return f"/subscriptions/{context.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"


def definition(
    name: str, context: Context, *, says: str, data_actions: Sequence[str], parent: pulumi.Resource
) -> authorization.RoleDefinition:
    """Make a role that may do a few things to data, and nothing to resources."""
    return authorization.RoleDefinition(
        name,
        # A role's name is one in the whole tenant.
        role_name=f"{name} ({context.subscription})",
        description=says,
        role_type="CustomRole",
        scope=context.group.id,
        assignable_scopes=[context.group.id],
        permissions=[
            {"actions": [], "not_actions": [], "data_actions": list(data_actions), "not_data_actions": []}
        ],
        opts=pulumi.ResourceOptions(parent=parent),
    )


def assign(
    name: str,
    *,
    role: pulumi.Input[str],
    to: pulumi.Input[str],
    on: pulumi.Input[str],
    parent: pulumi.Resource,
    kind: Literal["ServicePrincipal", "User"] | None = "ServicePrincipal",
    below: str | None = None,
) -> authorization.RoleAssignment:
    """Give a role on one thing to one principal.

    Parameters
    ----------
    kind
        What the principal is, or Azure would look for one that was made a second ago and find none.
    below
        The prefix below which objects may be read and written; all that is on the thing, if None.
    """
    return authorization.RoleAssignment(
        name,
        role_definition_id=role,
        principal_id=to,
        principal_type=kind,
        scope=on,
        condition=None if below is None else _only_below(below),
        condition_version=None if below is None else "2.0",
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _only_below(prefix: str) -> str:
    """Say of what is done to objects that it is done below a prefix; what is done to the container may be."""
    objects = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    done = " AND ".join(
        f"!(ActionMatches{{'{objects}/{one}'}})" for one in ("read", "write", "add/action", "delete")
    )
    return f"(({done}) OR (@Resource[{objects}:path] StringLike '{prefix}*'))"
