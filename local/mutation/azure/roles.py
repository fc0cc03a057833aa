"""Azure's roles and scopes, by its documentation: what is above a scope, and which roles allow more on it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from local.standin.state import Resource

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
CRYPTO_USER = "12338af0-0e69-4776-bea7-57ae8d297424"
SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
EVENT_HUBS_DATA_OWNER = "f526a384-b230-433a-b45c-95f59c4a2dec"
EVENT_HUBS_DATA_RECEIVER = "a638d3c7-ab3a-418d-83e6-5f17a39d4fde"
BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
QUEUE_DATA_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"

#: who may do most with data of a scope, by what the scope's id looks like
_DATA: tuple[tuple[str, dict[str, str]], ...] = (
    (r"/vaults/", {"Key Vault Administrator": VAULT_ADMINISTRATOR}),
    (r"/vaults/[^/]+/keys/", {"Key Vault Crypto User": CRYPTO_USER}),
    (r"/vaults/[^/]+$", {"Key Vault Secrets Officer": SECRETS_OFFICER}),
    (r"/Microsoft\.EventHub/", {"Event Hubs Data Owner": EVENT_HUBS_DATA_OWNER}),
    (r"/storageAccounts/[^/]+(/blobServices/.*)?$", {"Storage Blob Data Owner": BLOB_DATA_OWNER}),
    (r"/queueServices/", {"Storage Queue Data Contributor": QUEUE_DATA_CONTRIBUTOR}),
)  # fmt: skip

#: what opens a data key again
UNLOCKING = ("Microsoft.KeyVault/vaults/keys/unwrap/action", "Microsoft.KeyVault/vaults/keys/decrypt/action")
_KEYS = "Microsoft.KeyVault/vaults/keys/"


def above(scope: str) -> dict[str, str]:
    """Return the roles that allow most on a scope, by their names."""
    found = {"Owner": OWNER, "Contributor": CONTRIBUTOR}
    for pattern, roles in _DATA:
        if re.search(pattern, scope):
            found |= roles
    return found


def identifier(role: str, *, like: Resource) -> str:
    """Return a role as an assignment names it."""
    return f"{str(like.inputs['roleDefinitionId']).rpartition('/')[0]}/{role}"


def wider(scope: str) -> dict[str, str]:
    """Return the scopes that hold a scope, by their kind, up to the subscription."""
    parts = re.match(
        r"(?P<subscription>/subscriptions/[^/]+)(?P<group>/resourceGroups/[^/]+)?(?P<rest>.*)", scope
    )
    if parts is None:
        return {}
    base = f"{parts['subscription']}{parts['group'] or ''}"
    found = {kind: f"{base}{path}" for kind, path in _parents(parts["rest"])}
    if parts["group"] and parts["rest"]:
        found["the resource group"] = base
    if parts["group"]:
        found["the subscription"] = parts["subscription"]
    return found


def _parents(path: str) -> Iterator[tuple[str, str]]:
    """Yield each resource above one, by its type; a service of an account is no resource of its own."""
    provider = re.match(r"/providers/[^/]+", path)
    if provider is None:
        return
    pairs = re.findall(r"/([^/]+)/([^/]+)", path[provider.end() :])
    for count in range(len(pairs) - 1, 0, -1):
        kind, name = pairs[count - 1]
        if name != "default":
            yield kind, provider[0] + "".join("/" + "/".join(pair) for pair in pairs[:count])


def wildcards(allowed: list[str]) -> list[str]:
    """Return what is wider than some actions: all of the same object, of the service, of all."""
    objects = [f"{re.sub('/action$', '', one).rpartition('/')[0]}/*" for one in allowed]
    services = [f"{one.partition('/')[0]}/*" for one in allowed]
    return [one for one in dict.fromkeys([*objects, *services, "*"]) if one not in allowed]


def unlocking(allowed: list[str]) -> list[str]:
    """Return what else could be done with a key by who may do something with it."""
    if not any(one.startswith(_KEYS) for one in allowed):
        return []
    return [one for one in UNLOCKING if one not in allowed]
