"""Who holds which role where in Azure, and what it lets do to data and to what holds it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from policies.graph import UNKNOWN, Graph, Node
from policies.lake.azure_places import IDENTITY, Scope, Spot, scope_of
from policies.statements import matches

ASSIGNMENT = "azure-native:authorization:RoleAssignment"
DEFINITION = "azure-native:authorization:RoleDefinition"

BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
MESSAGES = "Microsoft.Storage/storageAccounts/queueServices/queues/messages"
HUBS = "Microsoft.EventHub"
KEYS = "Microsoft.KeyVault/vaults/keys"
SECRETS = "Microsoft.KeyVault/vaults/secrets"
_BELOW = re.compile(r"containers/blobs:path\]\s+String(?:Like|Equals|StartsWith)(?:IgnoreCase)?\s+'([^']*)'")
# To give roles, or to open a vault to its own policies, is to have whatever one likes.
GRANTING = (
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.KeyVault/vaults/accessPolicies/write",
)


@dataclass(frozen=True, kw_only=True)
class Role:
    """What a role may do, in patterns."""

    name: str
    data: tuple[str, ...] = ()
    not_data: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    not_controls: tuple[str, ...] = ()

    def allows(self, actions: Iterable[str]) -> list[str]:
        """Return which of some actions it lets do, to data or to what holds it."""
        return [
            one
            for one in actions
            if _among(one, self.data, self.not_data) or _among(one, self.controls, self.not_controls)
        ]


def _among(action: str, patterns: tuple[str, ...], but: tuple[str, ...]) -> bool:
    return any(matches(one, action, fold=True) for one in patterns) and not any(
        matches(one, action, fold=True) for one in but
    )


def _data(name: str, *actions: str) -> Role:
    return Role(name=name, data=actions)


# What Azure has, as far as it touches what a lake is made of. Their ids are the same in every tenant.
BUILTIN = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": Role(name="Owner", controls=("*",)),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": Role(
        name="Contributor", controls=("*",), not_controls=("Microsoft.Authorization/*/Write",)
    ),
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": Role(
        name="User Access Administrator", controls=("Microsoft.Authorization/*",)
    ),
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": Role(
        name="Role Based Access Control Administrator",
        controls=("Microsoft.Authorization/roleAssignments/*",),
    ),
    "8b54135c-b56d-4d72-a534-26097cfdc8d8": Role(
        name="Key Vault Data Access Administrator", controls=("Microsoft.Authorization/roleAssignments/*",)
    ),
    "f25e0fa2-a7c8-4377-a976-54943a77a395": Role(
        name="Key Vault Contributor", controls=("Microsoft.KeyVault/*",)
    ),
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": Role(
        name="Storage Account Contributor", controls=("Microsoft.Storage/storageAccounts/*",)
    ),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": _data("Storage Blob Data Contributor", f"{BLOBS}/*"),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": _data("Storage Blob Data Owner", f"{BLOBS}/*"),
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": _data("Storage Blob Data Reader", f"{BLOBS}/read"),
    "db58b8e5-c6ad-4a2a-8342-4190687cbf4a": _data("Storage Blob Delegator"),
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": _data("Storage Queue Data Contributor", f"{MESSAGES}/*"),
    "8a0f0c08-91a1-4084-bc3d-661d67233fed": _data(
        "Storage Queue Data Message Processor", f"{MESSAGES}/read", f"{MESSAGES}/process/action"
    ),
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": _data(
        "Storage Queue Data Message Sender", f"{MESSAGES}/add/action"
    ),
    "19e7f393-937e-4f77-808e-94535e297925": _data("Storage Queue Data Reader", f"{MESSAGES}/read"),
    "f526a384-b230-433a-b45c-95f59c4a2dec": _data("Azure Event Hubs Data Owner", f"{HUBS}/*"),
    "a638d3c7-ab3a-418d-83e6-5f17a39d4fde": _data(
        "Azure Event Hubs Data Receiver", f"{HUBS}/*/receive/action"
    ),
    "2b629674-e913-4c01-ae53-ef4638d8f975": _data("Azure Event Hubs Data Sender", f"{HUBS}/*/send/action"),
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": _data("Key Vault Administrator", "Microsoft.KeyVault/vaults/*"),
    "14b46e9e-c2b7-41b4-b07b-48a6ebf60603": _data("Key Vault Crypto Officer", f"{KEYS}/*"),
    "12338af0-0e69-4776-bea7-57ae8d297424": _data(
        "Key Vault Crypto User",
        f"{KEYS}/read",
        *(f"{KEYS}/{one}/action" for one in ("encrypt", "decrypt", "wrap", "unwrap", "sign", "verify")),
    ),
    "e147488a-f6f5-4113-8e2d-b22465e65bf6": _data(
        "Key Vault Crypto Service Encryption User",
        f"{KEYS}/read",
        f"{KEYS}/wrap/action",
        f"{KEYS}/unwrap/action",
    ),
    "08bbd89e-9f13-488c-ac41-acfcb10c90ab": _data(
        "Key Vault Crypto Service Release User", f"{KEYS}/release/action"
    ),
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": _data("Key Vault Secrets Officer", f"{SECRETS}/*"),
    "4633458b-17de-408a-b874-0445c86b69e6": _data("Key Vault Secrets User", f"{SECRETS}/getSecret/action"),
    "3913510d-42f4-4e42-8a64-420c390055eb": _data("Monitoring Metrics Publisher"),
}


@dataclass(frozen=True, kw_only=True)
class Right:
    """That somebody holds a role at a place.

    Parameters
    ----------
    role
        None while it is not known which, or where Azure's own is none of `BUILTIN`.
    scope
        None while it is not known; `on` then holds what it was made of.
    """

    node: Node
    holders: frozenset[Node]
    role: Role | None
    scope: Scope | None
    on: frozenset[Node]

    @property
    def who(self) -> str:
        """Who holds it, in words."""
        return f"the {'identity' if self.holders else 'principal'} {self.called}"

    @property
    def called(self) -> str:
        """Who holds it, by name or object id alone."""
        return ", ".join(sorted(one.name for one in self.holders)) or self.principal

    @property
    def principal(self) -> str:
        """The object id of who holds it."""
        return self.node.text("principalId") or self.node.name

    def allows(self, actions: Iterable[str], spot: Spot) -> list[str]:
        """Return which of some actions it is known to allow on something."""
        if self.role is None or not self.covers(spot):
            return []
        return self.role.allows(actions)

    @property
    def below(self) -> list[str] | None:
        """The prefixes of objects to which a condition narrows it, None where it narrows to none."""
        found = _BELOW.findall(self.node.text("condition") or "")
        return [one.partition("*")[0] for one in found] or None

    def covers(self, spot: Spot) -> bool:
        """Say whether it is known to hold where something lies."""
        if self.scope is None:
            return spot.node is not None and spot.node in self.on
        return self.scope.covers(spot)


def rights(graph: Graph) -> tuple[Right, ...]:
    """Return all roles that are held in a stack."""
    principals = _principals(graph)
    custom = {name: node for node in graph.of(DEFINITION) for name in _ids(node)}
    return tuple(_right(graph, node, principals, custom) for node in graph.of(ASSIGNMENT))


def _right(graph: Graph, node: Node, principals: dict[str, Node], custom: dict[str, Node]) -> Right:
    principal, scope = node.get("principalId"), node.get("scope")
    if isinstance(principal, str):
        holders = [principals[principal.lower()]] if principal.lower() in principals else []
    else:
        holders = graph.made_of(node, "principalId") if principal is UNKNOWN else []
    return Right(
        node=node,
        holders=frozenset(holders),
        role=_role(graph, node, custom),
        scope=scope_of(scope) if isinstance(scope, str) else None,
        on=frozenset(graph.made_of(node, "scope")) if scope is UNKNOWN else frozenset(),
    )


def _role(graph: Graph, node: Node, custom: dict[str, Node]) -> Role | None:
    value = node.get("roleDefinitionId")
    if isinstance(value, str):
        guid = value.rpartition("/")[2].lower()
        return _defined(custom[guid]) if guid in custom else BUILTIN.get(guid)
    made_of = graph.depends(node, "roleDefinitionId", DEFINITION) if value is UNKNOWN else []
    return _defined(made_of[0]) if made_of else None


def _ids(definition: Node) -> Iterator[str]:
    for key in ("name", "roleDefinitionId"):
        if value := definition.text(key):
            yield value.rpartition("/")[2].lower()


def _defined(definition: Node) -> Role:
    return Role(
        name=definition.text("roleName") or definition.name,
        data=tuple(actions(definition, "dataActions")),
        not_data=tuple(actions(definition, "notDataActions")),
        controls=tuple(actions(definition, "actions")),
        not_controls=tuple(actions(definition, "notActions")),
    )


def actions(definition: Node, kind: str) -> Iterator[str]:
    """Yield the patterns of a definition, of one of its four kinds."""
    for permission in definition.items("permissions"):
        listed = cast(dict[str, Any], permission).get(kind) if isinstance(permission, dict) else None
        for one in cast(list[Any], listed) if isinstance(listed, list) else ():
            if isinstance(one, str):
                yield one


def _principals(graph: Graph) -> dict[str, Node]:
    """Return what acts, by its object id: an identity, or a resource with one of its own."""
    found = {value.lower(): node for node in graph.nodes if (value := node.text("identity.principalId"))}
    return found | {value.lower(): node for node in graph.of(IDENTITY) if (value := node.text("principalId"))}
