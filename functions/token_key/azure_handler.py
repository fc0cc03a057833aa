"""Makes the token key where there is none, as a timer of Azure Functions: no program, no state sees it.

Its identity may read and write secrets of a vault that holds nothing else. A key that is there stays: with
another one no old token would equal a new one, silently. A timer runs in one place at a time, and once more
when its app starts.
"""

import logging
import os
from base64 import b64decode, b64encode
from typing import Protocol

import azure.functions as azure
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import KeyVaultSecret, SecretClient

from functions.shared.protection import KEY_BYTES

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


class TokenKeyError(Exception):
    """There is a secret, and it is no key of tokens."""


def make(secrets: Secrets, name: str) -> bool:
    """Make the key unless it is there; return whether it was made."""
    try:
        read(secrets, name)
    except ResourceNotFoundError:
        secrets.set_secret(name, b64encode(os.urandom(KEY_BYTES)).decode(), content_type="token-key;base64")
        return True
    return False


def read(secrets: Secrets, name: str) -> bytes:
    """Return the key.

    Raises
    ------
    TokenKeyError
        If the secret is no key.
    """
    value = secrets.get_secret(name).value or ""
    try:
        key = b64decode(value, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise TokenKeyError(
            f"the secret {name} is no key of {KEY_BYTES} bytes in base64; nothing was changed"
        )
    return key


@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=True)
def token_key(timer: azure.TimerRequest) -> None:
    """Answer the timer."""
    credential = ManagedIdentityCredential(client_id=os.environ["AZURE_CLIENT_ID"])
    vault = SecretClient(os.environ["TOKEN_VAULT"], credential)
    if make(vault, os.environ["TOKEN_SECRET"]):
        logger.info("token key made")
