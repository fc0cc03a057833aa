"""Translate tokens where no function does it: `python -m functions.token_key.translate KEYS <old >pairs`.

KEYS is a file with the secret, as from a process substitution, so that it lies on no disk. Tokens come line
by line; each goes out with the one that it is in the newest version: `old,new`.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from functions.shared.tokens import TokenKeyError, TokenKeys


def pairs(keys: TokenKeys, lines: Iterable[str]) -> Iterator[str]:
    """Yield each token of the lines, and what it is now."""
    for number, line in enumerate(lines, 1):
        token = line.strip()
        try:
            yield f"{token},{keys.translated(token)}\n"
        except TokenKeyError as error:
            raise TokenKeyError(f"line {number}: {error}") from None


if __name__ == "__main__":
    try:
        sys.stdout.writelines(pairs(TokenKeys.read(Path(sys.argv[1]).read_bytes()), sys.stdin))
    except (TokenKeyError, IndexError) as error:
        sys.exit(f"python -m functions.token_key.translate KEYS <tokens: {error}")
