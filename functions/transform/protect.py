"""Protects the personal data of one contract, in many events at once.

It goes field by field, and within a field step by step: all values are hashed, then all are encrypted. A
processor does one thing to many values a fifth faster than many things to one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
import pybase64

from contracts import ITEM, PII_TYPES, Contract, JsonObject, PiiField, shared
from functions.shared.kinds import Faces, faces
from functions.shared.phones import COUNTRIES, says_its_country
from functions.shared.protection import NONCE_BYTES, PACKED_VERSION, DataKey, field_context
from functions.shared.tokens import TokenKeys

_encode: Callable[[str], bytes] = str.encode
# Per JSON type: the Python type, and what makes of a value the bytes to encrypt.
_PLAIN: dict[str, tuple[type, Callable[[Any], bytes]]] = {
    "string": (str, _encode),
    "object": (dict, orjson.dumps),
}


class Protector:
    """Replaces each value of personal data by its packed form.

    Parameters
    ----------
    country
        Where values were written that do not say it themselves, nor does their event.
    """

    def __init__(self, contract: Contract, token_keys: TokenKeys, country: str | None = None) -> None:
        self.fields: dict[tuple[bool, tuple[str, ...]], list[Field]] = {}
        # The country may be in an address: read it before that is protected.
        for pii in sorted(contract.pii, key=lambda pii: pii.country is None):
            field = Field(contract.source, pii, token_keys, country)
            self.fields.setdefault((pii.country is None, pii.path[:-1]), []).append(field)

    def protect(self, data: Sequence[JsonObject], key: DataKey) -> None:
        """Protect the data of events, in place.

        Raises
        ------
        Exception
            Whatever a value should not have caused; some are protected then, and some are not.
        """
        for (_, path), fields in self.fields.items():
            holders = below(data, path)
            for field in fields:
                field.protect(holders, data, key)


def below(holders: Sequence[Any], path: Sequence[str]) -> Sequence[Any]:
    """Return what lies at a path, in each item of the arrays on the way, where there is something."""
    for step in path:
        if step == ITEM:
            holders = [item for holder in holders for item in holder if item is not None]
        else:
            holders = [found for holder in holders if (found := holder.get(step)) is not None]
    return holders


@dataclass(frozen=True, slots=True)
class Slots:
    """Where values are: in which objects or arrays, there under which name or number, and the values."""

    holders: Sequence[Any]
    keys: Sequence[Any]
    values: Sequence[Any]


def slots(holders: Sequence[Any], step: str) -> Slots:
    """Return where there is something at the last step of a path."""
    if step != ITEM:
        values = [holder.get(step) for holder in holders]
        if None in values:
            holders = [holder for holder in holders if holder.get(step) is not None]
            values = [holder[step] for holder in holders]
        return Slots(holders, [step] * len(holders), values)
    found = [(holder, at, item) for holder in holders for at, item in enumerate(holder) if item is not None]
    return Slots(*([part[n] for part in found] for n in range(3)))


class Field:
    """A property that holds personal data."""

    def __init__(self, source: str, pii: PiiField, token_keys: TokenKeys, country: str | None) -> None:
        self._kind, self._country = pii.kind, country
        self._faces = faces(pii.kind, country)
        self._start, self.tokens = token_keys.keyed_hash(pii.kind).copy, token_keys.tokens
        self.context = field_context(source, pii.path)
        self._type, self.plain = _PLAIN[PII_TYPES[pii.kind]]
        self._path, self._last = pii.path[:-1], pii.path[-1]
        # What the value and its country lie in together, and where from there the country is.
        self._shared = shared(self._path, pii.country or ())
        self._named = pii.country and pii.country[self._shared :]

    def protect(self, holders: Sequence[Any], data: Sequence[JsonObject], key: DataKey) -> None:
        """Protect this property of what may have it; these are the events around that."""
        for places, faces_of in self.find(holders, data):
            self._replace(places, faces_of, key)

    def find(self, holders: Sequence[Any], data: Sequence[JsonObject]) -> Iterator[tuple[Slots, Faces]]:
        """Yield where this property is, and its values' faces: those of a country together."""
        found = slots(holders, self._last)
        # The validator has seen to the type; should it ever not, nothing passes.
        if set(map(type, found.values)) - {self._type}:
            raise TypeError(self._last)
        if self._named is None or all(map(says_its_country, found.values)):
            yield found, self._faces
            return
        for country, around in self._by_country(below(data, self._path[: self._shared])).items():
            some = slots(below(around, self._path[self._shared :]), self._last)
            yield some, faces(self._kind, country)

    def _by_country(self, around: Sequence[JsonObject]) -> Mapping[str | None, Sequence[JsonObject]]:
        """Return what values are in by the country in which they were written."""
        groups: dict[str | None, list[JsonObject]] = {}
        for one in around:
            (named,) = below([one], self._named or ()) or (None,)
            country = cast(str, named) if named in COUNTRIES else self._country
            groups.setdefault(country, []).append(one)
        return groups

    def _replace(self, places: Slots, faces_of: Faces, key: DataKey) -> None:
        found = list(map(faces_of, places.values))
        tokens = self.tokens(self.hashes([normal for normal, _ in found]))
        sealed = self._seal(map(self.plain, places.values), key)
        for holder, at, token_, ciphertext, (_, shown) in zip(
            places.holders, places.keys, tokens, sealed, found, strict=True
        ):
            holder[at] = f"{PACKED_VERSION}:{token_}:{ciphertext}:{shown}"

    def hashes(self, normals: Sequence[str]) -> list[bytes]:
        """Return what tokens are made of."""
        start, hashes = self._start, list[bytes]()
        for text in map(_encode, normals):
            mac = start()
            mac.update(text)
            hashes.append(mac.finalize())
        return hashes

    def _seal(self, plain: Iterable[bytes], key: DataKey) -> list[str]:
        """Encrypt texts: base64 of nonce, ciphertext and tag."""
        encrypt, next_nonce, context = key.encrypt, key.next_nonce, self.context
        sealed = [
            (nonce := next_nonce().to_bytes(NONCE_BYTES, "big")) + encrypt(nonce, text, context)
            for text in plain
        ]
        return [pybase64.b64encode_as_string(text) for text in sealed]
