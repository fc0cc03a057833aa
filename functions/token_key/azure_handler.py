"""Makes the keys of tokens and their versions, as a timer of Azure Functions: nobody else sees them.

Its identity may read and write secrets of a vault that holds nothing else. A key that is there stays:
versions are added as far as the stack asks for them (`TOKEN_VERSION`), and every old token can be translated.
A timer runs in one place at a time, and once more when its app starts.
"""

import logging
import os
from typing import Protocol

import azure.functions as azure
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import KeyVaultSecret, SecretClient

from functions.shared.tokens import TokenKeyError, TokenKeys

logger = logging.getLogger("token_key")
app = azure.FunctionApp()


class Secrets(Protocol):
    """A vault's secrets, as far as they are used here."""

    def get_secret(self, name: str) -> KeyVaultSecret:
        """Return the newest version of a secret."""
        ...

    def set_secret(self, name: str, value: str, *, content_type: str) -> KeyVaultSecret:
        """Make a version of a secret."""
        ...


def make(secrets: Secrets, name: str, *, wanted: int = 1) -> bool:
    """Make the keys, and what versions they lack; return whether any was made."""
    try:
        found = read(secrets, name)
    except ResourceNotFoundError:
        found = None
    keys = (found or TokenKeys.made()).up_to(wanted)
    if keys == found:
        return False
    secrets.set_secret(name, keys.written().decode(), content_type="application/json")
    return True


def read(secrets: Secrets, name: str) -> TokenKeys:
    """Return the keys.

    Raises
    ------
    TokenKeyError
        If the secret holds none; nothing is written over it.
    """
    try:
        return TokenKeys.read((secrets.get_secret(name).value or "").encode())
    except TokenKeyError as error:
        raise TokenKeyError(f"{name}: {error}; nothing was changed") from None


@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=True)
def token_key(timer: azure.TimerRequest) -> None:
    """Answer the timer."""
    credential = ManagedIdentityCredential(client_id=os.environ["AZURE_CLIENT_ID"])
    vault = SecretClient(os.environ["TOKEN_VAULT"], credential)
    if make(vault, os.environ["TOKEN_SECRET"], wanted=int(os.environ["TOKEN_VERSION"])):
        logger.info("token keys made")
