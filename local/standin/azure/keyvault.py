"""Vaults and keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..adapter import Computed, Inputs, Place, register
from .client import AzureAdapter, below, guid, last


@register
class Vault(AzureAdapter):
    """A vault."""

    type = "azure-native:keyvault:Vault"
    autoname = "vaultName"
    path = "providers/Microsoft.KeyVault/vaults/{vaultName}"
    pattern = r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]"
    rule = "3 to 24 letters, digits or single dashes, a letter first"
    worldwide = True
    replace_on = below("vaultName")


def _uri(place: Place, rid: str, inputs: Inputs) -> str:
    return f"https://{inputs['vaultName']}.vault.azure.net/keys/{inputs['keyName']}"


@register
class Key(AzureAdapter):
    """A key of a vault."""

    type = "azure-native:keyvault:Key"
    autoname = "keyName"
    path = "providers/Microsoft.KeyVault/vaults/{vaultName}/keys/{keyName}"
    pattern = r"[A-Za-z0-9-]{1,127}"
    rule = "1 to 127 letters, digits or dashes"
    # Azure makes a key and does not change it.
    replace_on = frozenset({"keyName", "vaultName", "resourceGroupName"})
    computed: ClassVar[Mapping[str, Computed]] = {
        "name": last,
        "keyUri": _uri,
        "keyUriWithVersion": lambda place, rid, inputs: f"{_uri(place, rid, inputs)}/{guid(rid)[:8] * 4}",
    }
