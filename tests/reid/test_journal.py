"""A journal that was changed, cut, thinned out or put in another order is found."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.reid.journal import BEGINNING, following, hash_of, tokens_hash, verify

Entries = list[dict[str, Any]]


def journal(length: int) -> Entries:
    entries: Entries = []
    for at in range(length):
        last = entries[-1] if entries else None
        entries.append(following(last, {"action": "requested", "by": "jane", "at": f"t{at}"}))
    return entries


def test_a_journal_as_it_was_written_has_no_fault() -> None:
    entries = journal(5)
    assert list(verify(entries)) == []
    assert list(verify([])) == []
    assert entries[0]["previous"] == BEGINNING
    assert list(verify(entries, {5: entries[4]["hash"]})) == []


def changed(entries: Entries, at: int) -> None:
    entries[at]["by"] = "john"


def changed_and_hashed(entries: Entries, at: int) -> None:
    entries[at]["by"] = "john"
    entries[at]["hash"] = hash_of(entries[at])


def removed(entries: Entries, at: int) -> None:
    del entries[at]


def swapped(entries: Entries, at: int) -> None:
    entries[at], entries[at + 1] = entries[at + 1], entries[at]


def swapped_and_numbered(entries: Entries, at: int) -> None:
    swapped(entries, at)
    entries[at]["number"], entries[at + 1]["number"] = at + 1, at + 2
    for one in entries[at : at + 2]:
        one["hash"] = hash_of(one)


def doubled(entries: Entries, at: int) -> None:
    entries.insert(at, dict(entries[at]))


FORGERIES = (changed, changed_and_hashed, removed, swapped, swapped_and_numbered, doubled)


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
@given(length=st.integers(3, 8), data=st.data())
def test_every_forgery_is_found(forge: Callable[[Entries, int], None], length: int, data: Any) -> None:
    entries = journal(length)
    # The end can be cut off: that is what anchors are for.
    forge(entries, data.draw(st.integers(0, length - 2)))
    assert list(verify(entries))


def test_anchors_find_what_the_chain_cannot() -> None:
    entries = journal(4)
    noted = {4: entries[3]["hash"]}
    assert list(verify(entries[:3])) == []
    assert list(verify(entries[:3], noted)) == ["entry 4 is missing: it was noted elsewhere"]
    anew = journal(3)
    anew.append(following(anew[-1], {"action": "requested", "by": "nobody"}))
    assert list(verify(anew)) == []
    assert list(verify(anew, noted)) == ["entry 4 is not the one that was noted elsewhere"]


def test_it_says_which_entry() -> None:
    entries = journal(4)
    del entries[1]
    assert list(verify(entries)) == [
        "entries 2 to 2 are missing",
        "entry 3 does not follow the one before it",
    ]


def test_a_list_of_tokens_is_known_again_in_any_order() -> None:
    assert tokens_hash(["a", "b"]) == tokens_hash(["b", "a"]) != tokens_hash(["ab"])
