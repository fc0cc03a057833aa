"""Wrapping data keys with Key Vault, by someone who may not unwrap any.

A vault's key has no encryption context. So each purpose has a key of its own, and what is wrapped is the data
key followed by the source and the purpose: whoever unwraps it learns what it was made for, and must check.

A wrapped key is `kv1:<version of the vault's key>:<RSA-OAEP-256>`: a vault keeps old versions, and only by
its version is the right one found.
"""

from collections.abc import Mapping
from typing import Protocol

from azure.keyvault.keys.crypto import KeyWrapAlgorithm, WrapResult

from functions.shared.protection import KEY_BYTES, Purpose, Wrap

FORMAT = b"kv1"


class VaultKey(Protocol):
    """A key of a vault, as far as it is used here."""

    def wrap_key(self, algorithm: KeyWrapAlgorithm, key: bytes) -> WrapResult:
        """Wrap a few bytes."""
        ...


def label(source: str, purpose: Purpose) -> bytes:
    """Return what a data key is made for, as it follows the key."""
    return f"{source}|{purpose}".encode()


def wrapping(keys: Mapping[Purpose, VaultKey], source: str) -> Wrap:
    """Return how a source's data keys are wrapped."""

    def wrap(key: bytes, purpose: Purpose) -> bytes:
        answer = keys[purpose].wrap_key(KeyWrapAlgorithm.rsa_oaep_256, key + label(source, purpose))
        version = (answer.key_id or "").rpartition("/")[2]
        if not version:
            raise ValueError("the vault does not say with which version of its key it wrapped")
        return b":".join((FORMAT, version.encode(), answer.encrypted_key))

    return wrap


def taken_apart(wrapped: bytes) -> tuple[str, bytes]:
    """Return the version of the vault's key, and what it wrapped.

    Raises
    ------
    ValueError
        If the key was not wrapped by a vault.
    """
    form, version, encrypted = (*wrapped.split(b":", 2), b"", b"")[:3]
    if form != FORMAT or not version:
        raise ValueError("not a data key that a vault wrapped")
    return version.decode(), encrypted


def opened(unwrapped: bytes, source: str, purpose: Purpose) -> bytes:
    """Return the data key in what a vault unwrapped.

    Raises
    ------
    ValueError
        If it was made for something else.
    """
    if unwrapped[KEY_BYTES:] != label(source, purpose):
        raise ValueError(f"the data key was not made for {source}, purpose {purpose}")
    return unwrapped[:KEY_BYTES]
