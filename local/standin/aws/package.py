"""A function's package: an archive of the program as the bytes of a zip file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..adapter import StandInError


def package(archive: Mapping[str, Any], root: Path) -> bytes:
    """Return an archive as the bytes of a zip file, the same for the same content."""
    if path := archive.get("path"):
        found = root / path
        if found.is_file():
            return found.read_bytes()
        members = {
            str(one.relative_to(found)): one.read_bytes() for one in sorted(found.rglob("*")) if one.is_file()
        }
        if not members:
            raise StandInError(f"the archive {found} is neither a file nor a directory with files in it")
        return _zip(members)
    if assets := archive.get("assets"):
        return _zip({name: _asset(name, asset, root) for name, asset in sorted(assets.items())})
    raise StandInError(
        "an archive has neither a path nor assets: archives from the network are not for a laptop"
    )


def _asset(name: str, asset: Mapping[str, Any], root: Path) -> bytes:
    if "text" in asset and asset["text"] is not None:
        return str(asset["text"]).encode()
    if path := asset.get("path"):
        return (root / path).read_bytes()
    raise StandInError(f"the asset {name} has neither a text nor a path")


def _zip(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()
