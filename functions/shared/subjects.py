"""Whose personal values are: the ids of subjects.

Every subject has a random secret in one small table that can forget (`subject_secrets.py`). An id is 16 bytes
that only who has the root of the token keys can make of a person.
"""

from functions.shared.protection import SUBJECT_BYTES
from functions.shared.tokens import BLOCK_BYTES, TokenKeys


class SubjectIds:
    """The ids of subjects: keyed hashes of a domain of their own, so that nobody can guess them."""

    def __init__(self, token_keys: TokenKeys) -> None:
        self._start = token_keys.keyed_hash("subject").copy

    def of_value(self, hash_: bytes) -> bytes:
        """Return the subject that a personal value names, by what its token was made of."""
        return self._id(hash_[:BLOCK_BYTES])

    def of_text(self, context: bytes, text: str) -> bytes:
        """Return the subject that a plain property names: equal in one field of one source only."""
        return self._id(context + b"\0" + text.encode())

    def _id(self, identity: bytes) -> bytes:
        mac = self._start()
        mac.update(identity)
        return mac.finalize()[:SUBJECT_BYTES]
