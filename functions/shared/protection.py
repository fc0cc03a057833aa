"""Envelope encryption without the right to decrypt: data keys, packed values and sealed records.

A data key is made in memory, wrapped once by the key service, and travels, wrapped, in every record that it
protects. Whoever makes it needs `kms:Encrypt` and nothing else; whoever may unwrap it is decided by its
purpose, which is part of the encryption context: `field` for the Re-ID service, `quarantine` for the replay
of refused records.

A packed value is `1:<token>:<ciphertext>:<display>`: the format's version, a token (`tokens.py`), base64 of
nonce, AES-256-GCM ciphertext and tag, and what analysts see. No part holds a colon.

In version 2 the key is one that the data key and the secret of a subject give together (`subjects.py`), and
the ciphertext begins with whose it is: without that secret it opens for nobody, whoever has the data key.
"""

import os
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from contracts import dotted

Purpose = Literal["field", "quarantine"]
# From a data key and its purpose to the wrapped key.
Wrap = Callable[[bytes, Purpose], bytes]

PACKED_VERSION = "1"
OWNED_VERSION = "2"
KEY_BYTES = 32
NONCE_BYTES = 12
SUBJECT_BYTES = 16
# Tells two secrets of one subject apart: what an erased one protected is then erased, and not broken.
MARK_BYTES = 4
# NIST SP 800-38D allows 2^32 encryptions under one key even where nonces are random; ours are counted.
MAX_ENCRYPTIONS = 2**32


@dataclass(frozen=True, slots=True)
class Owner:
    """A subject under one data key: how its ciphertexts begin, and what encrypts them."""

    prefix: bytes
    encrypt: Callable[[bytes, bytes, bytes | None], bytes] = field(repr=False)


class DataKey:
    """A data key in use.

    Its nonces are a counter from zero. That is safe, and faster than random ones, because the key is made
    where it is used and its plaintext never leaves the process: no other counter runs under the same key.
    It must therefore never be made before a snapshot or a fork of the process.
    """

    __slots__ = ("_with", "encrypt", "expires", "left", "next_nonce", "wrapped")

    def __init__(self, key: bytes, wrapped: bytes, *, expires: float, encryptions: int) -> None:
        self.encrypt = AESGCM(key).encrypt
        self._with = _mixing(key).copy
        self.next_nonce = count().__next__
        self.wrapped = b64encode(wrapped).decode()
        self.expires = expires
        self.left = encryptions

    def owner(self, subject: bytes, secret: bytes) -> Owner:
        """Return a subject under this key; its nonces are the data key's, so that no two are equal."""
        mac = self._with()
        mac.update(secret)
        return Owner(subject + mark(secret), AESGCM(mac.finalize()).encrypt)


@dataclass(kw_only=True)
class DataKeys:
    """The current data key of each purpose, made when first needed and renewed by age and by use.

    Parameters
    ----------
    wrap
        Wraps a data key. What it raises is raised to whoever asked for the key, and the next one to ask
        tries again.
    seconds
        How long a data key is used.
    encryptions
        How many values one data key encrypts at most.
    clock
        The time in seconds. The wall clock: a frozen container must not stop a key's age.
    """

    wrap: Wrap
    seconds: float
    encryptions: int = MAX_ENCRYPTIONS
    clock: Callable[[], float] = time.time
    _current: dict[Purpose, DataKey] = field(default_factory=dict[Purpose, DataKey], init=False, repr=False)

    def current(self, purpose: Purpose, *, encryptions: int) -> DataKey:
        """Return a key that is young enough, for at most that many encryptions."""
        key = self._current.get(purpose)
        now = self.clock()
        if key is None or now >= key.expires or key.left < encryptions:
            plain = os.urandom(KEY_BYTES)
            key = DataKey(
                plain, self.wrap(plain, purpose), expires=now + self.seconds, encryptions=self.encryptions
            )
            self._current[purpose] = key
        key.left -= encryptions
        return key


class ErasedError(Exception):
    """The secret is gone with which a value was protected: it opens never again."""


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A ciphertext of version 2: whose it is, under which of their secrets, and what opens with that."""

    subject: bytes
    mark: bytes
    sealed: bytes = field(repr=False)

    @classmethod
    def read(cls, ciphertext: bytes) -> "Owned":
        """Take the ciphertext of a packed value apart.

        Raises
        ------
        ValueError
            If it is too short to be one.
        """
        at = SUBJECT_BYTES + MARK_BYTES
        if len(ciphertext) < at + NONCE_BYTES:
            raise ValueError("not a ciphertext of a subject")
        return cls(
            subject=ciphertext[:SUBJECT_BYTES], mark=ciphertext[SUBJECT_BYTES:at], sealed=ciphertext[at:]
        )

    def is_under(self, secret: bytes | None) -> bool:
        """Say whether this is the secret that it was protected with."""
        return secret is not None and mark(secret) == self.mark

    def open(self, key: bytes, secret: bytes | None, *, source: str, path: tuple[str, ...]) -> bytes:
        """Decrypt with the unwrapped data key and the secret that the subject has now, if any.

        Raises
        ------
        ErasedError
            If it was protected with another one, or there is none.
        """
        if secret is None or not self.is_under(secret):
            raise ErasedError
        mac = _mixing(key)
        mac.update(secret)
        return _open(mac.finalize(), self.sealed, field_context(source, path))


def mark(secret: bytes) -> bytes:
    """Return what tells a subject's secrets apart, and nothing else of them."""
    mac = HMAC(secret, SHA256())
    mac.update(b"mark")
    return mac.finalize()[:MARK_BYTES]


def _mixing(key: bytes) -> HMAC:
    """Return what makes a data key and a secret into one key, before it has the secret."""
    mac = HMAC(key, SHA256())
    mac.update(b"subject\0")
    return mac


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The three faces of a protected value; in version 2 also whose it is."""

    token: str
    ciphertext: bytes = field(repr=False)
    display: str
    owned: Owned | None = None


def unpack(value: str) -> Packed:
    """Take a packed value apart.

    Raises
    ------
    ValueError
        If it is none; the message does not hold it.
    """
    parts = value.split(":", 3)
    if len(parts) != 4 or parts[0] not in (PACKED_VERSION, OWNED_VERSION):
        raise ValueError(f"not a packed value of version {PACKED_VERSION} or {OWNED_VERSION}")
    ciphertext = b64decode(parts[2], validate=True)
    owned = Owned.read(ciphertext) if parts[0] == OWNED_VERSION else None
    return Packed(token=parts[1], ciphertext=ciphertext, display=parts[3], owned=owned)


def field_context(source: str, path: tuple[str, ...]) -> bytes:
    """Return the associated data of a field: its ciphertext opens nowhere else."""
    return f"{source}|{dotted(path)}".encode()


def reveal(
    key: bytes, value: str, *, source: str, path: tuple[str, ...], secret: bytes | None = None
) -> bytes:
    """Decrypt a packed value with its unwrapped data key: UTF-8 text, or the JSON of an object.

    Raises
    ------
    ErasedError
        If it is of version 2, and the secret is not the one that it was protected with.
    """
    packed = unpack(value)
    if packed.owned:
        return packed.owned.open(key, secret, source=source, path=path)
    return reveal_ciphertext(key, packed.ciphertext, source=source, path=path)


def reveal_ciphertext(key: bytes, ciphertext: bytes, *, source: str, path: tuple[str, ...]) -> bytes:
    """Decrypt the ciphertext of a packed value of version 1, as the vault has it by itself."""
    return _open(key, ciphertext, field_context(source, path))


def seal(key: DataKey, raw: bytes, *, source: str) -> bytes:
    """Encrypt a whole record: nonce, ciphertext and tag."""
    nonce = key.next_nonce().to_bytes(NONCE_BYTES, "big")
    return nonce + key.encrypt(nonce, raw, _seal_context(source))


def unseal(key: bytes, sealed: bytes, *, source: str) -> bytes:
    """Decrypt a sealed record with its unwrapped data key."""
    return _open(key, sealed, _seal_context(source))


def _seal_context(source: str) -> bytes:
    return f"{source}|quarantine".encode()


def _open(key: bytes, sealed: bytes, context: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
