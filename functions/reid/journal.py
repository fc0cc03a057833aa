"""The journal: who asked, approved, denied, revealed and was refused, each entry chained to the one before.

An entry is a flat mapping of texts and numbers, the same in memory, in the table and under the hash. It holds
no value and no token: how many there were, and one hash over all of them, by which a list of tokens can be
recognised by who has it.

What a chain cannot show is that its end was cut off, or that all of it was written anew. So whoever verifies
may know better: the function's log names each entry's number and hash, requests hold those of their last
step. Both are `anchors` here.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import TypeAlias

import orjson

Entry: TypeAlias = Mapping[str, str | int]

BEGINNING = "0" * 64
ACTIONS = ("requested", "approved", "denied", "revealed", "erased", "refused")


def tokens_hash(tokens: Iterable[str]) -> str:
    """Return the hash of a list of tokens, whatever their order."""
    return sha256("\n".join(sorted(tokens)).encode()).hexdigest()


def hash_of(entry: Entry) -> str:
    """Return the hash of an entry: SHA-256 of its JSON, sorted by name, without the hash itself."""
    told = {name: value for name, value in entry.items() if name != "hash"}
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def following(last: Entry | None, what: Entry) -> dict[str, str | int]:
    """Return the entry that says this and comes after the last one (None where there is none)."""
    number, previous = (int(last["number"]), str(last["hash"])) if last else (0, BEGINNING)
    entry = {**what, "number": number + 1, "previous": previous}
    return {**entry, "hash": hash_of(entry)}


def verify(entries: Iterable[Entry], anchors: Mapping[int, str] | None = None) -> Iterator[str]:
    """Yield what is wrong with a journal, in its order; nothing, if it is as it was written.

    Parameters
    ----------
    entries
        All of them, in the order of their numbers.
    anchors
        Hashes of entries that somebody noted elsewhere, by number.
    """
    expected, previous, known = 1, BEGINNING, dict(anchors or {})
    for entry in entries:
        number = int(entry.get("number", 0))
        if number > expected:
            yield f"entries {expected} to {number - 1} are missing"
        elif number < expected:
            yield f"entry {number} stands after entry {expected - 1}"
        if hash_of(entry) != entry.get("hash"):
            yield f"entry {number} was changed: it has not the hash that it says"
        if entry.get("previous") != previous:
            yield f"entry {number} does not follow the one before it"
        noted = known.pop(number, None)
        if noted not in (None, entry.get("hash")):
            yield f"entry {number} is not the one that was noted elsewhere"
        expected, previous = number + 1, str(entry.get("hash"))
    for number in sorted(known):
        yield f"entry {number} is missing: it was noted elsewhere"
