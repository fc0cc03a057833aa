"""What the warehouse keeps of each token, and how a value is opened.

A value opens only where it was put: the wrapped data key under the encryption context of its source and the
purpose `field`, the ciphertext under the associated data of its source and field. What opens must also have
the token that was asked for; or else whoever can write to the vault could lay another person's ciphertext
below an approved token (docs/decisions/0014-re-identification-reads-the-token-key.md).
"""

import hmac
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import orjson
from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs] (it comes with the runtime, without types)
    BotoCoreError,
    ClientError,
)
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts import PII_TYPES
from functions.reid.problems import UNKNOWN_TOKEN, RefusedError, UnavailableError, UnreadableError
from functions.reid.rules import Allowed
from functions.shared.kinds import KINDS
from functions.shared.protection import NONCE_BYTES, field_context
from functions.transform.protect import keyed_hash, token

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
        When it was last in an event; of several rows of a token the latest is opened.
    """

    token: str
    kind: str
    source: str
    path: str
    ciphertext: str = field(repr=False)
    data_key: str = field(repr=False)
    last_seen: str = ""


class Vault(Protocol):
    """Where the warehouse keeps every token once per source and field."""

    def find(self, kind: str, tokens: Sequence[str]) -> Sequence[Row]:
        """Return all rows of tokens of a kind; a token may have several, or none.

        Raises
        ------
        UnavailableError
            If the warehouse does not answer.
        """
        ...


class Kms(Protocol):
    """The key service: it unwraps, for this function alone."""

    def decrypt(self, **arguments: Any) -> dict[str, Any]:
        """Unwrap a data key."""
        ...


class Opener:
    """Opens values, as long as the contracts let their fields be revealed."""

    def __init__(self, vault: Vault, kms: Kms, *, key: str, token_key: bytes, allowed: Allowed) -> None:
        self._vault, self._kms, self._key = vault, kms, key
        self._token_key, self._allowed = token_key, allowed

    def open(self, kind: str, tokens: Sequence[str]) -> list[Any]:
        """Return the values of tokens, in their order: a text each, or an object where the kind is one.

        Raises
        ------
        RefusedError
            If a token is unknown, or a value is not what was put there; all or nothing.
        UnavailableError
            If the warehouse or the key service does not answer.
        """
        rows = self._newest(kind, tokens)
        if unknown := [one for one in tokens if one not in rows]:
            raise RefusedError(UNKNOWN_TOKEN, f"{len(unknown)} of {len(tokens)}", tokens=unknown)
        keys = {(row.source, row.data_key) for row in rows.values()}
        unwrapped = {each: self._unwrap(*each) for each in sorted(keys)}
        return [self._value(rows[one], unwrapped[rows[one].source, rows[one].data_key]) for one in tokens]

    def _newest(self, kind: str, tokens: Sequence[str]) -> Mapping[str, Row]:
        found = [row for row in self._vault.find(kind, tokens) if row.kind == kind and row.token in tokens]
        found = [row for row in found if (row.source, row.path, kind) in self._allowed]
        return {row.token: row for row in sorted(found, key=lambda row: row.last_seen)}

    def _unwrap(self, source: str, data_key: str) -> AESGCM:
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
        return AESGCM(answer["Plaintext"])

    def _value(self, row: Row, key: AESGCM) -> Any:
        try:
            sealed = b64decode(row.ciphertext, validate=True)
            context = field_context(row.source, tuple(row.path.split(".")))
            plain = key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
            value = orjson.loads(plain) if PII_TYPES[row.kind] == "object" else plain.decode()
        except InvalidTag:
            raise UnreadableError("ciphertext") from None
        except ValueError:
            raise UnreadableError("form") from None
        mac = keyed_hash(self._token_key, row.kind)
        mac.update(KINDS[row.kind](value)[0].encode())
        if not hmac.compare_digest(token(mac), row.token):
            raise UnreadableError("token")
        return value
