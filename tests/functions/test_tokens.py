"""The keys of tokens: what a token is, and that one of an old version becomes that of a new one."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.tokens import TokenKeyError, TokenKeys
from functions.token_key.translate import pairs

KEYS = TokenKeys.made()
LATER = KEYS.up_to(3)
hashes = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70, unique=True)


@given(hashes)
def test_tokens_are_as_different_as_hashes_and_of_one_form(some: list[bytes]) -> None:
    tokens = KEYS.tokens(some)
    assert len(set(tokens)) == len({one[:16] for one in some})
    assert all(re.fullmatch(r"v00000001-[\w-]{22}", token, re.ASCII) for token in tokens)
    assert tokens == [KEYS.tokens([one])[0] for one in some], "alone or together"
    assert [KEYS.hash_of(token) for token in tokens] == [one[:16] for one in some]


@given(hashes)
def test_a_translated_token_is_that_of_a_new_event(some: list[bytes]) -> None:
    """GIVEN tokens from before a rotation THEN translated they equal those from after it, and nothing else does."""
    old, new = KEYS.tokens(some), LATER.tokens(some)
    assert not set(old) & set(new)
    assert [LATER.translated(token) for token in old] == new
    assert [LATER.translated(token) for token in new] == new
    assert [KEYS.up_to(2).translated(token) for token in old] != new, "each key is random"


def test_no_version_translates_without_its_key() -> None:
    (token,) = LATER.tokens([bytes(32)])
    with pytest.raises(TokenKeyError, match="known version"):
        KEYS.translated(token)


NO_TOKENS = [
    *("", "jane@example.com", "q6VA8UIRsCiAdAdSocsYHJ8_m4tqDgNV", "v1-" + "A" * 22, "v00000000-" + "A" * 22),
    *("v00000001-" + text for text in ("A" * 21, "A" * 23, "A" * 21 + "!", "A" * 21 + "=", "é" * 22)),
    "v0000000١-" + "A" * 22,
]


@pytest.mark.parametrize("token", NO_TOKENS)
def test_what_is_no_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(TokenKeyError, match="no token of a known version") as raised:
        KEYS.translated(token)
    assert not token or token not in str(raised.value)


def test_keys_are_read_as_they_were_written() -> None:
    assert TokenKeys.read(LATER.written()) == LATER
    assert TokenKeys.made() != TokenKeys.made()


def test_versions_are_added_and_none_is_changed() -> None:
    assert LATER.current == 3
    assert LATER.continues(KEYS) and LATER.continues(LATER) and not KEYS.continues(LATER)
    assert LATER.up_to(2) == LATER
    assert len({LATER.root, *LATER.versions.values()}) == 4
    assert not TokenKeys.made().up_to(3).continues(KEYS)


def changed(**changes: object) -> bytes:
    return json.dumps(json.loads(KEYS.written()) | changes).encode()


KEY = "A" * 43 + "="
NO_KEYS = [
    *(b"", b"\xff", b"[]", b"{}", bytes(32)),
    *(changed(format=2), changed(root="YQ=="), changed(root="!")),
    *(changed(versions=versions) for versions in ({}, {"2": KEY}, {"one": KEY}, {"1": 7}, {"1": "YQ=="}, [])),
]


@pytest.mark.parametrize("secret", NO_KEYS, ids=range(len(NO_KEYS)))
def test_what_holds_no_keys_is_refused_and_not_repeated(secret: bytes) -> None:
    with pytest.raises(TokenKeyError, match=r"^the secret does not hold keys of tokens$"):
        TokenKeys.read(secret)


def test_keys_are_not_shown() -> None:
    assert repr(KEYS) == "TokenKeys()"


def test_many_tokens_are_translated_from_a_file_of_keys(tmp_path: Path) -> None:
    old, new = (
        KEYS.tokens([bytes([n]) * 32 for n in range(9)]),
        LATER.tokens([bytes([n]) * 32 for n in range(9)]),
    )
    secret = tmp_path / "keys"
    secret.write_bytes(LATER.written())
    command = [sys.executable, "-m", "functions.token_key.translate", str(secret)]
    done = subprocess.run(command, input="\n".join(old), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{one},{other}" for one, other in zip(old, new, strict=True)]
    with pytest.raises(TokenKeyError, match=r"^line 2: no token"):
        list(pairs(LATER, [old[0], "jane"]))
