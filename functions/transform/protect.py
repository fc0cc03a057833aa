"""Protects the personal data of one contract, in many events at once.

It goes field by field, and within a field step by step: all values are hashed, then all are encrypted. A
processor does one thing to many values a fifth faster than many things to one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import orjson
import pybase64
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from contracts import PII_TYPES, Contract, JsonObject, PiiField
from functions.shared.kinds import Faces, faces
from functions.shared.phones import COUNTRIES, says_its_country
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
    """Replaces each value of personal data by its packed form.

    Parameters
    ----------
    country
        Where values were written that do not say it themselves, nor does their event.
    """

    def __init__(self, contract: Contract, token_key: bytes, country: str | None = None) -> None:
        self._fields: dict[tuple[bool, tuple[str, ...]], list[_Field]] = {}
        # The country may be in an address: read it before that is protected.
        for pii in sorted(contract.pii, key=lambda pii: pii.country is None):
            field = _Field(contract.source, pii, token_key, country)
            self._fields.setdefault((pii.country is None, pii.path[:-1]), []).append(field)

    def protect(self, data: Sequence[JsonObject], key: DataKey) -> None:
        """Protect the data of events, in place.

        Raises
        ------
        Exception
            Whatever a value should not have caused; some are protected then, and some are not.
        """
        for (_, path), fields in self._fields.items():
            holders = _below(data, path)
            for field in fields:
                field.protect(holders, data, key)


def _below(holders: Sequence[JsonObject], path: Sequence[str]) -> Sequence[Any]:
    """Return what lies at a path of objects, where there is something."""
    for name in path:
        holders = [below for holder in holders if (below := holder.get(name)) is not None]
    return holders


class _Field:
    """A property that holds personal data."""

    def __init__(self, source: str, pii: PiiField, token_key: bytes, country: str | None) -> None:
        self._path, self._name, self._named = pii.path[:-1], pii.path[-1], pii.country
        self._kind, self._country = pii.kind, country
        self._faces = faces(pii.kind, country)
        self._start = keyed_hash(token_key, pii.kind).copy
        self._context = field_context(source, pii.path)
        self._type, self._plain = _PLAIN[PII_TYPES[pii.kind]]

    def protect(self, holders: Sequence[JsonObject], data: Sequence[JsonObject], key: DataKey) -> None:
        """Protect this property of the objects that may have it; they are those of these events."""
        name = self._name
        holders = [holder for holder in holders if holder.get(name) is not None]
        values = [holder[name] for holder in holders]
        # The validator has seen to the type; should it ever not, nothing passes.
        if set(map(type, values)) - {self._type}:
            raise TypeError(name)
        if self._named is None or all(map(says_its_country, values)):
            self._replace(holders, values, self._faces, key)
            return
        for country, events in self._by_country(data).items():
            some = [holder for holder in _below(events, self._path) if holder.get(name) is not None]
            self._replace(some, [holder[name] for holder in some], faces(self._kind, country), key)

    def _by_country(self, data: Sequence[JsonObject]) -> Mapping[str | None, Sequence[JsonObject]]:
        """Return events by the country in which this property of them was written."""
        groups: dict[str | None, list[JsonObject]] = {}
        for event in data:
            (named,) = _below([event], self._named or ()) or (None,)
            country = cast(str, named) if named in COUNTRIES else self._country
            groups.setdefault(country, []).append(event)
        return groups

    def _replace(
        self, holders: Sequence[JsonObject], values: Sequence[Any], faces_of: Faces, key: DataKey
    ) -> None:
        found = [faces_of(value) for value in values]
        tokens = self._tokens([normal for normal, _ in found])
        sealed = self._seal([self._plain(value) for value in values], key)
        for holder, token_, ciphertext, (_, shown) in zip(holders, tokens, sealed, found, strict=True):
            holder[self._name] = f"{PACKED_VERSION}:{token_}:{ciphertext}:{shown}"

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
