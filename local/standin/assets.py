"""Assets and archives on their way from a program: like the engine, we add digests of their contents."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from .wire import ARCHIVE, SIGNATURE, is_asset


def with_hashes(value: Any, root: Path) -> Any:
    """Return the value with the digest of every asset in it."""
    if is_asset(value):
        return {**value, "hash": _digest(value, root).hexdigest()}
    if isinstance(value, dict):
        return {name: with_hashes(item, root) for name, item in value.items()}
    return [with_hashes(item, root) for item in value] if isinstance(value, list) else value


def _digest(value: dict[str, Any], root: Path) -> Any:
    digest = hashlib.sha256()
    if value.get("assets") is not None and value[SIGNATURE] == ARCHIVE:
        for name, asset in sorted(value["assets"].items()):
            digest.update(f"{name}\0{_digest(asset, root).hexdigest()}\0".encode())
    elif value.get("text") is not None:
        digest.update(value["text"].encode())
    elif value.get("path"):
        found = root / value["path"]
        if found.is_dir():
            for one in sorted(found.rglob("*")):
                if one.is_file():
                    digest.update(
                        f"{one.relative_to(found)}\0{hashlib.sha256(one.read_bytes()).hexdigest()}\0".encode()
                    )
        else:
            digest.update(found.read_bytes())
    else:
        digest.update(str(value.get("uri", "")).encode())
    return digest
