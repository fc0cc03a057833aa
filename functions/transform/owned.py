"""Protects the personal data of a contract that says whose it is: each value under a secret of its subject.

It goes in two steps. First it is found out what is personal and whose, in all events of a batch; then, when
the secrets are there, it is encrypted. Between the two nothing of an event has changed.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pybase64

from contracts import Contract, JsonObject
from functions.shared.kinds import faces
from functions.shared.protection import NONCE_BYTES, OWNED_VERSION, DataKey, Owner, field_context
from functions.shared.subjects import SubjectIds
from functions.shared.tokens import TokenKeys
from functions.transform.protect import Field, Protector, Slots, below

# Subjects that a container keeps; each takes some 2.6 kB.
KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Found:
    """Values of one property: where, what they are made into, and whose each is."""

    field: Field
    places: Slots
    shown: Sequence[str]
    hashes: Sequence[bytes]
    subjects: Sequence[bytes]


class OwnedProtector(Protector):
    """Replaces each value of personal data by its packed form, under the secret of whose it is."""

    def __init__(self, contract: Contract, token_keys: TokenKeys, country: str | None = None) -> None:
        super().__init__(contract, token_keys, country)
        self._ids = SubjectIds(token_keys)
        kinds = {pii.path: pii.kind for pii in contract.pii}
        self._named = [
            (path[:-1], path[-1], self._naming(contract.source, path, kinds.get(path), token_keys))
            for path in contract.subject
        ]

    def _naming(
        self, source: str, path: tuple[str, ...], kind: str | None, token_keys: TokenKeys
    ) -> Callable[[str], bytes]:
        """Return what makes the value at a path the id of its subject."""
        if kind is None:
            context = field_context(source, path)
            return lambda text: self._ids.of_text(context, text)
        faces_of, start = faces(kind, None), token_keys.keyed_hash(kind).copy

        def named(text: str) -> bytes:
            mac = start()
            mac.update(faces_of(text)[0].encode())
            return self._ids.of_value(mac.finalize())

        return named

    def _subject(self, event: JsonObject) -> bytes | None:
        """Return whose an event's data is; None if it does not say."""
        for path, name, of in self._named:
            for holder in below([event], path):
                value = holder.get(name)
                if value is not None and (value := value.strip()):
                    return of(value)
        return None

    def find(self, data: Sequence[JsonObject]) -> list[Found]:
        """Return the personal values of events, and change nothing.

        Raises
        ------
        Exception
            Whatever a value should not have caused.
        """
        subjects = list(map(self._subject, data))
        # Whose is what is in an object or array: these are all alive, so none has another's id.
        owners: dict[tuple[str, ...], dict[int, bytes | None]] = {}
        found: list[Found] = []
        for (_, path), fields in self.fields.items():
            if path not in owners:
                owners[path] = {
                    id(holder): subject
                    for event, subject in zip(data, subjects, strict=True)
                    for holder in below([event], path)
                }
            holders = below(data, path)
            for field in fields:
                for places, faces_of in field.find(holders, data):
                    both = list(map(faces_of, places.values))
                    hashes = field.hashes([normal for normal, _ in both])
                    whose = [
                        owners[path][id(holder)] or self._ids.of_value(hash_)
                        for holder, hash_ in zip(places.holders, hashes, strict=True)
                    ]
                    found.append(Found(field, places, [shown for _, shown in both], hashes, whose))
        return found


def seal(found: Iterable[Found], key: DataKey, owners: Mapping[bytes, Owner]) -> None:
    """Replace what was found, in place."""
    next_nonce = key.next_nonce
    for one in found:
        plain, context = one.field.plain, one.field.context
        tokens = one.field.tokens(one.hashes)
        sealed: list[bytes] = []
        for subject, value in zip(one.subjects, one.places.values, strict=True):
            owner, nonce = owners[subject], next_nonce().to_bytes(NONCE_BYTES, "big")
            sealed.append(owner.prefix + nonce + owner.encrypt(nonce, plain(value), context))
        texts = [pybase64.b64encode_as_string(text) for text in sealed]
        for holder, at, token, text, shown in zip(
            one.places.holders, one.places.keys, tokens, texts, one.shown, strict=True
        ):
            holder[at] = f"{OWNED_VERSION}:{token}:{text}:{shown}"


class SecretStore(Protocol):
    """Where the secrets of subjects are."""

    def ensured(self, subjects: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the secrets of all, made where there is none."""
        ...


class Owners:
    """The subjects that a container knows, under its data key; they go with that key.

    Parameters
    ----------
    kept
        How many it knows; of more, those go that were not seen for the longest.
    """

    def __init__(self, secrets: SecretStore, *, kept: int = KEPT) -> None:
        self._secrets, self._kept = secrets, kept
        self._key: DataKey | None = None
        self._known: OrderedDict[bytes, Owner] = OrderedDict()

    def of(self, subjects: set[bytes], key: DataKey) -> dict[bytes, Owner]:
        """Return all of these subjects under a key.

        Raises
        ------
        Exception
            What the table raises; none is known then that was not.
        """
        if key is not self._key:
            self._key, self._known = key, OrderedDict()
        known = self._known
        found: dict[bytes, Owner] = {}
        for subject in subjects & known.keys():
            known.move_to_end(subject)
            found[subject] = known[subject]
        if unknown := subjects - found.keys():
            for subject, secret in self._secrets.ensured(unknown).items():
                found[subject] = known[subject] = key.owner(subject, secret)
            while len(known) > self._kept:
                known.popitem(last=False)
        return found
