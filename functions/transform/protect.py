"""Protects the personal data of one contract, in many events at once.

It goes field by field, and within a field step by step: all values are hashed, then all are encrypted. A
processor does one thing to many values a fifth faster than many things to one.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pybase64
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from contracts import PII_TYPES, Contract, JsonObject, PiiField
from functions.shared.kinds import KINDS
from functions.shared.protection import NONCE_BYTES, PACKED_VERSION, TOKEN_BYTES, DataKey, field_context

_encode: Callable[[str], bytes] = str.encode
# Per JSON type: the Python type, and what makes of a value the bytes to encrypt.
_PLAIN: dict[str, tuple[type, Callable[[Any], bytes]]] = {
    "string": (str, _encode),
    "object": (dict, orjson.dumps),
}
TOKEN_LENGTH = TOKEN_BYTES // 3 * 4


def keyed_hash(key: bytes, domain: str) -> HMAC:
    """Return a hash of one domain, to copy and go on with: equal values of two domains do not meet."""
    mac = HMAC(key, SHA256())
    mac.update(domain.encode() + b"\0")
    return mac


def token(mac: HMAC) -> str:
    """Finish a keyed hash: 32 characters of base64url."""
    return _text(mac.finalize()[:TOKEN_BYTES])


def _text(digest: bytes) -> str:
    return pybase64.b64encode_as_string(digest, b"-_")


class Protector:
    """Replaces each value of personal data by its packed form."""

    def __init__(self, contract: Contract, token_key: bytes) -> None:
        self._fields: dict[tuple[str, ...], list[_Field]] = {}
        for pii in contract.pii:
            field = _Field(contract.source, pii, token_key)
            self._fields.setdefault(pii.path[:-1], []).append(field)

    def protect(self, data: Sequence[JsonObject], key: DataKey) -> None:
        """Protect the data of events, in place.

        Raises
        ------
        Exception
            Whatever a value should not have caused; some are protected then, and some are not.
        """
        for path, fields in self._fields.items():
            holders = data
            for name in path:
                holders = [below for holder in holders if (below := holder.get(name)) is not None]
            for field in fields:
                field.protect(holders, key)


class _Field:
    """A property that holds personal data."""

    def __init__(self, source: str, pii: PiiField, token_key: bytes) -> None:
        self._name = pii.path[-1]
        self._faces = KINDS[pii.kind]
        self._start = keyed_hash(token_key, pii.kind).copy
        self._context = field_context(source, pii.path)
        self._type, self._plain = _PLAIN[PII_TYPES[pii.kind]]

    def protect(self, holders: Sequence[JsonObject], key: DataKey) -> None:
        """Protect this property of the objects that may have it."""
        name = self._name
        holders = [holder for holder in holders if holder.get(name) is not None]
        values = [holder[name] for holder in holders]
        # The validator has seen to the type; should it ever not, nothing passes.
        if set(map(type, values)) - {self._type}:
            raise TypeError(name)
        faces = [self._faces(value) for value in values]
        tokens = self._tokens([normal for normal, _ in faces])
        sealed = self._seal([self._plain(value) for value in values], key)
        for holder, token_, ciphertext, (_, shown) in zip(holders, tokens, sealed, faces, strict=True):
            holder[name] = f"{PACKED_VERSION}:{token_}:{ciphertext}:{shown}"

    def _tokens(self, normals: Sequence[str]) -> list[str]:
        digests: list[bytes] = []
        for normal in normals:
            mac = self._start()
            mac.update(normal.encode())
            digests.append(mac.finalize()[:TOKEN_BYTES])
        # Of 24 bytes nothing is left over in base64: one call writes them all.
        text = _text(b"".join(digests))
        return [text[at : at + TOKEN_LENGTH] for at in range(0, len(text), TOKEN_LENGTH)]

    def _seal(self, plain: Sequence[bytes], key: DataKey) -> list[str]:
        """Encrypt texts: base64 of nonce, ciphertext and tag."""
        sealed: list[bytes] = []
        for text in plain:
            nonce = key.next_nonce().to_bytes(NONCE_BYTES, "big")
            sealed.append(nonce + key.encrypt(nonce, text, self._context))
        return [pybase64.b64encode_as_string(text) for text in sealed]
