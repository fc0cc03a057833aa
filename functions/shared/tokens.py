"""The keys of tokens, in versions, and the tokens they make.

A token is made in two steps. A keyed hash of the normalised value under the root key, which never changes;
and an encryption of that hash under the newest of the versions. The second step can be undone by who has the
keys: so a token of an old version becomes that of a new one without the value, which nobody can read.

A token is `v00000001-` and 22 characters of base64url: the version, and a block of AES. Its length is always
the same, and it has no colon.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from struct import Struct
from typing import Any

import pybase64
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

KEY_BYTES = 32
BLOCK_BYTES = 16
_FORMAT = 1
_PREFIX_LENGTH = len("v00000001-")
_TEXT_LENGTH = 22
_BLOCKS = Struct(f"{BLOCK_BYTES}s").iter_unpack


class TokenKeyError(Exception):
    """What should be the keys of tokens, or a token, and is none; its text holds neither."""


@dataclass(frozen=True, kw_only=True)
class TokenKeys:
    """The root key, and every version there has been."""

    root: bytes = field(repr=False)
    versions: Mapping[int, bytes] = field(repr=False)

    @classmethod
    def made(cls) -> "TokenKeys":
        """Return new random keys, in their first version."""
        return cls(root=os.urandom(KEY_BYTES), versions={1: os.urandom(KEY_BYTES)})

    @classmethod
    def read(cls, secret: bytes) -> "TokenKeys":
        """Read what `written` wrote.

        Raises
        ------
        TokenKeyError
            If these are no keys of tokens.
        """
        try:
            found: Any = json.loads(secret)
            keys = cls(
                root=b64decode(found["root"], validate=True),
                versions={int(v): b64decode(k, validate=True) for v, k in found["versions"].items()},
            )
            wrong = found["format"] != _FORMAT
        except (ValueError, TypeError, KeyError, AttributeError):
            raise TokenKeyError("the secret does not hold keys of tokens") from None
        lengths = {len(key) for key in (keys.root, *keys.versions.values())}
        numbers = list(range(1, len(keys.versions) + 1))
        if wrong or lengths != {KEY_BYTES} or sorted(keys.versions) != numbers or not numbers:
            raise TokenKeyError("the secret does not hold keys of tokens")
        return keys

    def written(self) -> bytes:
        """Return the keys as the secret store has them."""
        versions = {str(version): b64encode(key).decode() for version, key in sorted(self.versions.items())}
        whole = {"format": _FORMAT, "root": b64encode(self.root).decode(), "versions": versions}
        return json.dumps(whole).encode()

    @property
    def current(self) -> int:
        """The newest version."""
        return max(self.versions)

    def up_to(self, version: int) -> "TokenKeys":
        """Return the keys with every version up to this one; those that there are stay."""
        new = {one: os.urandom(KEY_BYTES) for one in range(self.current + 1, version + 1)}
        return replace(self, versions={**self.versions, **new})

    def continues(self, older: "TokenKeys") -> bool:
        """Say whether every token of older keys can be translated with these."""
        return self.root == older.root and older.versions.items() <= self.versions.items()

    def keyed_hash(self, domain: str) -> HMAC:
        """Return a hash of one domain, to copy and go on with: equal values of two domains do not meet."""
        mac = HMAC(self.root, SHA256())
        mac.update(domain.encode() + b"\0")
        return mac

    def tokens(self, hashes: Sequence[bytes]) -> list[str]:
        """Return the tokens of hashes, of which the first 16 bytes count, under the newest version."""
        blocks = self._encrypt(b"".join([one[:BLOCK_BYTES] for one in hashes]))
        # Eighteen bytes are 24 characters with nothing left over: one call writes them all.
        spaced = b"\0\0".join([*(block for (block,) in _BLOCKS(blocks)), b""])
        text, prefix = pybase64.b64encode_as_string(spaced, b"-_"), f"v{self.current:08d}-"
        return [prefix + text[at : at + _TEXT_LENGTH] for at in range(0, len(text), _TEXT_LENGTH + 2)]

    def hash_of(self, token: str) -> bytes:
        """Return the hash that a token of any version was made of: the same whenever it was made.

        Raises
        ------
        TokenKeyError
            If it is no token, or of a version that these keys have not got.
        """
        prefix, text = token[:_PREFIX_LENGTH], token[_PREFIX_LENGTH:]
        number = prefix[1:-1]
        key = self.versions.get(int(number)) if number.isascii() and number.isdigit() else None
        if key is None or prefix != f"v{int(number):08d}-" or len(text) != _TEXT_LENGTH:
            raise TokenKeyError("no token of a known version")
        try:
            block = b64decode(text + "==", altchars=b"-_", validate=True)
        except ValueError:
            raise TokenKeyError("no token of a known version") from None
        return _cipher(key).decryptor().update(block)

    def translated(self, token: str) -> str:
        """Return a token of any version as that of the newest."""
        return self.tokens([self.hash_of(token)])[0]

    @cached_property
    def _encrypt(self) -> Callable[[bytes], bytes]:
        context: CipherContext = _cipher(self.versions[self.current]).encryptor()
        return context.update


def _cipher(key: bytes) -> Cipher[ECB]:
    # Block by block is what is wanted: each block is a hash, and equal ones have to stay equal.
    return Cipher(AES(key), ECB())  # noqa: S305
