"""Stages and file formats: where files lie and how to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from local.snowflake import access
from local.snowflake.catalog import Entry
from local.snowflake.errors import compilation, missing, unsupported
from local.snowflake.names import Name, parts_of

if TYPE_CHECKING:
    import fsspec

    from local.snowflake.session import Session


def find(session: Session, place: exp.Expr) -> tuple[Entry, str]:
    """The stage that ``@db.schema.stage/path/`` names, and the path in it."""
    text = place.this.name if isinstance(place, exp.Table) else place.name
    if not text.startswith("@"):
        raise unsupported(f"loading from {text}: name a stage")
    stage, _, path = text[1:].strip("'").partition("/")
    if stage.startswith(("~", "%")):
        raise unsupported(f"the stage @{stage}")
    name = session.qualify(parts_of(stage))
    entry = session.catalog.get("STAGE", name)
    if entry is None or not access.allowed(session.engine, session.role, "", entry):
        raise missing("stage", name)
    return entry, path


def address(stage: Entry, path: str, file: str = "") -> str:
    """A full address: the stage's URL, a path, a file under it."""
    url = stage.properties.get("URL")
    if not url:
        raise unsupported(f"files of the internal stage {stage.name}")
    return f"{url.rstrip('/')}/{path}{file}"


def shown(address_: str) -> str:
    """The file's name as METADATA$FILENAME gives it: its key in the bucket."""
    return address_.split("/", 3)[-1]


def _storage(session: Session, address_: str) -> fsspec.AbstractFileSystem:
    storage = session.engine.storage
    if not address_.startswith("s3://") or storage is None:
        raise unsupported(
            f"files at {address_.partition('//')[0]}// (this laptop answers s3:// of its own AWS)"
        )
    return storage


def listed(session: Session, root: str) -> list[str]:
    """All objects whose key begins with the address."""
    storage = _storage(session, root)
    bucket, _, prefix = root.removeprefix("s3://").partition("/")
    folder = prefix.rpartition("/")[0]
    found = storage.find(f"{bucket}/{folder}" if folder else bucket, withdirs=False)
    return [f"s3://{path}" for path in found if path.startswith(f"{bucket}/{prefix}")]


def read(session: Session, address_: str) -> bytes:
    """An object's bytes."""
    data: Any = _storage(session, address_).cat_file(address_)
    return data


def check_integration(session: Session, name: str, url: str) -> None:
    """A stage may use a storage integration only for places that the integration allows."""
    entry = session.catalog.get("INTEGRATION", Name.account(name))
    if entry is None:
        raise missing("integration", name)
    session.require("USAGE", "INTEGRATION", entry.name)
    allowed = entry.properties.get("STORAGE_ALLOWED_LOCATIONS", [])
    blocked = entry.properties.get("STORAGE_BLOCKED_LOCATIONS", [])
    inside = any(place == "*" or url.startswith(place) for place in allowed)
    if not inside or any(url.startswith(place) for place in blocked):
        raise compilation(f"Location {url} is not allowed by integration {name}.", 3142, "42601")
