"""What the warehouse keeps of each token, and how a value is opened.

A value opens only where it was put: the wrapped data key under the encryption context of its source and the
purpose `field`, the ciphertext under the associated data of its source and field. What opens must also have
the token that was asked for; or else whoever can write to the vault could lay another person's ciphertext
below an approved token (docs/decisions/0016-re-identification-reads-the-token-keys.md).
"""

import hmac
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

import orjson
from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs] (it comes with the runtime, without types)
    BotoCoreError,
    ClientError,
)
from cryptography.exceptions import InvalidTag

from contracts import PII_TYPES
from functions.reid.problems import (
    ERASED,
    UNKNOWN_TOKEN,
    Problem,
    RefusedError,
    UnavailableError,
    UnreadableError,
)
from functions.reid.rules import Allowed
from functions.shared.kinds import faces
from functions.shared.phones import COUNTRIES, says_its_country
from functions.shared.protection import Owned, reveal_ciphertext
from functions.shared.subjects import SubjectIds
from functions.shared.tokens import BLOCK_BYTES, TokenKeyError, TokenKeys

# The key service says so when a key, a context or a ciphertext is not the right one, and when we may not.
DENIED = "AccessDeniedException"
WRONG = {
    *(DENIED, "DisabledException", "IncorrectKeyException", "InvalidCiphertextException"),
    *("InvalidKeyUsageException", "KMSInvalidStateException", "NotFoundException", "ValidationException"),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A protected value as the vault has it.

    Parameters
    ----------
    path
        Where the value lay in the event's data: a dotted path.
    ciphertext, data_key
        Base64: nonce, ciphertext and tag; and the wrapped key.
    last_seen
        When it was last in an event; of several rows of a token the latest that opens is opened.
    subject
        How its ciphertexts begin, in base64, where they are under the secret of a subject; else empty.
    """

    token: str
    kind: str
    source: str
    path: str
    ciphertext: str = field(repr=False)
    data_key: str = field(repr=False)
    last_seen: str = ""
    subject: str = ""

    def owned(self) -> Owned | None:
        """Return the ciphertext of a subject; None if it is nobody's.

        Raises
        ------
        UnreadableError
            If it should be, and is not.
        """
        if not self.subject:
            return None
        try:
            return Owned.read(b64decode(self.ciphertext, validate=True))
        except ValueError:
            raise UnreadableError("form") from None


class Vault(Protocol):
    """Where the warehouse keeps every token once per source and field."""

    def find(self, kind: str | None, tokens: Sequence[str]) -> Sequence[Row]:
        """Return all rows of tokens of a kind, or of every kind; a token may have several, or none.

        Raises
        ------
        UnavailableError
            If the warehouse does not answer.
        """
        ...


class SecretTable(Protocol):
    """The table of the subjects' secrets."""

    def known(self, subjects: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the secrets of those that have one.

        Raises
        ------
        UnavailableError
            If the table does not answer.
        """
        ...


class Kms(Protocol):
    """The key service: it unwraps, for this function alone."""

    def decrypt(self, **arguments: Any) -> dict[str, Any]:
        """Unwrap a data key."""
        ...


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """Whose some values are: who still has a secret, and how many values no erasure reaches (format 1)."""

    alive: tuple[bytes, ...]
    plain: int


class Opener:
    """Opens values, as long as the contracts let their fields be revealed."""

    def __init__(
        self,
        vault: Vault,
        kms: Kms,
        secrets: SecretTable,
        *,
        key: str,
        token_keys: TokenKeys,
        allowed: Allowed,
    ) -> None:
        self._vault, self._kms, self._secrets, self._key = vault, kms, secrets, key
        self._token_keys, self._allowed = token_keys, allowed
        self._subjects = SubjectIds(token_keys)
        # A token is asked for as it was read, and kept as it was made or translated: of any version each.
        versions = sorted(token_keys.versions.items())
        self._versions = [
            replace(token_keys, versions=dict(versions[:at])) for at in range(1, len(versions) + 1)
        ]

    def open(self, kind: str, tokens: Sequence[str]) -> list[Any]:
        """Return the values of tokens, in their order: a text each, or an object where the kind is one.

        Raises
        ------
        RefusedError
            If a token is unknown, or was erased, or a value is not what was put there; all or nothing.
        UnavailableError
            If the warehouse, the table of secrets or the key service does not answer.
        """
        hashes = [self._hash(one) for one in tokens]
        found = self._rows(kind, [one for one in hashes if one])
        self._refuse(UNKNOWN_TOKEN, tokens, [hash_ not in found for hash_ in hashes])
        owned = {row: row.owned() for rows in found.values() for row in rows}
        secrets = self._secrets.known({one.subject for one in owned.values() if one})
        alive = {
            hash_: [
                row for row in rows if (one := owned[row]) is None or one.is_under(secrets.get(one.subject))
            ]
            for hash_, rows in found.items()
        }
        self._refuse(ERASED, tokens, [not alive[hash_] for hash_ in hashes])
        chosen = [alive[hash_][-1] for hash_ in hashes]
        unwrapped = {
            each: self._unwrap(*each) for each in sorted({(row.source, row.data_key) for row in chosen})
        }
        return [
            self._value(row, unwrapped[row.source, row.data_key], secrets, hash_)
            for row, hash_ in zip(chosen, hashes, strict=True)
        ]

    def subjects(self, tokens: Sequence[str]) -> Subjects:
        """Return whose values the tokens stand for, in every kind, source and field.

        Raises
        ------
        RefusedError
            If the lake has nothing of one of them.
        UnavailableError
            If the warehouse or the table of secrets does not answer.
        """
        hashes = [self._hash(one) for one in tokens]
        found = self._rows(None, [one for one in hashes if one])
        owned = [one for rows in found.values() for row in rows if (one := row.owned())]
        # What is on its way to the vault, and a value of an event that did not say whose it is.
        own = {hash_: self._subjects.of_value(hash_) for hash_ in hashes if hash_}
        alive = self._secrets.known({*(one.subject for one in owned), *own.values()})
        self._refuse(
            UNKNOWN_TOKEN, tokens, [hash_ not in found and own.get(hash_) not in alive for hash_ in hashes]
        )
        plain = sum(not row.subject for rows in found.values() for row in rows)
        return Subjects(alive=tuple(sorted(alive)), plain=plain)

    @staticmethod
    def _refuse(problem: Problem, tokens: Sequence[str], wrong: Sequence[bool]) -> None:
        """Refuse all tokens for those that are wrong, and name these."""
        if named := [token for token, is_wrong in zip(tokens, wrong, strict=True) if is_wrong]:
            raise RefusedError(problem, f"{len(named)} of {len(tokens)}", tokens=named)

    def _hash(self, token: str) -> bytes:
        """Return what a token was made of, in whichever version; nothing, if it is none of ours."""
        try:
            return self._token_keys.hash_of(token)
        except TokenKeyError:
            return b""

    def _rows(self, kind: str | None, hashes: Sequence[bytes]) -> Mapping[bytes, Sequence[Row]]:
        """Return the rows of each hash that has any, the latest last; of a kind, those to be revealed."""
        if not hashes:
            return {}
        wanted = [token for keys in self._versions for token in keys.tokens(hashes)]
        found: dict[bytes, list[Row]] = {}
        for row in sorted(self._vault.find(kind, wanted), key=lambda row: row.last_seen):
            if kind is None or (row.kind == kind and (row.source, row.path, kind) in self._allowed):
                found.setdefault(self._hash(row.token), []).append(row)
        return found

    def _unwrap(self, source: str, data_key: str) -> bytes:
        context = {"source": source, "purpose": "field"}
        try:
            wrapped = b64decode(data_key, validate=True)
        except ValueError:
            raise UnreadableError("form") from None
        try:
            answer = self._kms.decrypt(KeyId=self._key, CiphertextBlob=wrapped, EncryptionContext=context)
        except ClientError as error:
            response = cast(dict[str, Any], error.response)  # pyright: ignore[reportUnknownMemberType] (untyped)
            code: str = response["Error"]["Code"]
            raise (UnreadableError(code) if code in WRONG else UnavailableError("the key service")) from None
        except BotoCoreError:
            raise UnavailableError("the key service") from None
        return answer["Plaintext"]

    def _value(self, row: Row, key: bytes, secrets: Mapping[bytes, bytes], hash_: bytes) -> Any:
        path = tuple(row.path.split("."))
        try:
            if owned := row.owned():
                plain = owned.open(key, secrets.get(owned.subject), source=row.source, path=path)
            else:
                sealed = b64decode(row.ciphertext, validate=True)
                plain = reveal_ciphertext(key, sealed, source=row.source, path=path)
            value = orjson.loads(plain) if PII_TYPES[row.kind] == "object" else plain.decode()
        except InvalidTag:
            raise UnreadableError("ciphertext") from None
        except ValueError:
            raise UnreadableError("form") from None
        if not self._is_of(row.kind, value, hash_):
            raise UnreadableError("token")
        return value

    def _is_of(self, kind: str, value: Any, hash_: bytes) -> bool:
        """Say whether a value has a token: the one that it has wherever it may have been written."""
        start = self._token_keys.keyed_hash(kind)
        # Where a phone number was written, its event knew and the vault does not.
        somewhere = sorted(COUNTRIES) if kind == "phone" and not says_its_country(value) else []
        for country in (None, *somewhere):
            mac = start.copy()
            mac.update(faces(kind, country)(value)[0].encode())
            if hmac.compare_digest(mac.finalize()[:BLOCK_BYTES], hash_):
                return True
        return False
