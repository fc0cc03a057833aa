"""What the in-process engine has made, kept over runs: one JSON file, with its secrets encrypted."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from local.state import LakeError

from .wire import SECRET, SIGNATURE, open_secrets

VERSION = 1
STACK = "pulumi:pulumi:Stack"


class StateError(LakeError):
    """The state cannot be read or written; the message says where and why."""


@dataclass(kw_only=True)
class Resource:
    """A resource as the program declared it and as it was made. Secrets in `raw` properties are wrapped."""

    urn: str
    type: str
    name: str
    custom: bool
    parent: str = ""
    provider: str = ""
    id: str = ""
    raw_inputs: dict[str, Any] = field(default_factory=dict)
    raw_outputs: dict[str, Any] = field(default_factory=dict)
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    protect: bool = False
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    delete_before_replace: bool | None = None

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs without the wrappings of secrets."""
        return open_secrets(self.raw_inputs)

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs without the wrappings of secrets."""
        return open_secrets(self.raw_outputs)

    @property
    def managed(self) -> bool:
        """Whether a provider made it: neither a component nor a provider."""
        return self.custom and not self.type.startswith("pulumi:")

    @property
    def needs(self) -> set[str]:
        """The URNs of what must be there as long as it is."""
        provider = {self.provider.rsplit("::", 1)[0]} if self.provider else set()
        found = {self.parent, *self.dependencies, *provider}
        return found.union(*self.property_dependencies.values()) - {""}


class State:
    """The resources of one stack; with a path, each change is on disk before the next call."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.resources: dict[str, Resource] = {}
        self.doomed: list[Resource] = []
        self.outputs: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._texts: dict[int, tuple[Resource, str]] = {}
        if path is not None and path.exists():
            self._load(path)

    def put(self, resource: Resource) -> None:
        """Keep a resource."""
        with self._lock:
            self.resources.pop(resource.urn, None)
            self.resources[resource.urn] = resource
            self._texts.pop(id(resource), None)
            self.save()

    def drop(self, resource: Resource) -> None:
        """Forget a resource."""
        with self._lock:
            if self.resources.get(resource.urn) is resource:
                del self.resources[resource.urn]
            self.doomed = [one for one in self.doomed if one is not resource]
            self.save()

    def doom(self, resource: Resource) -> None:
        """Keep a resource that has been replaced until it is deleted."""
        with self._lock:
            self.doomed.append(resource)
            self.save()

    def save(self) -> None:
        """Write the state, whole or not at all."""
        if self.path is None:
            return
        with self._lock:
            head = {"version": VERSION, "outputs": self._sealed(self.outputs)}
            lists = {"resources": self.resources.values(), "doomed": self.doomed}
            body = ",\n".join(f'"{name}": [\n{self._joined(items)}\n]' for name, items in lists.items())
            text = f"{json.dumps(head)[:-1]},\n{body}}}\n"
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft = self.path.with_suffix(".new")
            draft.write_text(text)
            draft.replace(self.path)

    def _joined(self, items: Iterable[Resource]) -> str:
        return ",\n".join(self._text(item) for item in items)

    def _text(self, item: Resource) -> str:
        # Writing a resource once instead of at each of its neighbours' changes keeps saving cheap.
        kept = self._texts.get(id(item))
        if kept is None or kept[0] is not item:
            kept = (item, json.dumps(self._sealed(asdict(item))))
            self._texts[id(item)] = kept
        return kept[1]

    def _load(self, path: Path) -> None:
        try:
            document = json.loads(path.read_text())
        except ValueError as error:
            raise StateError(f"{path} is not JSON: {error}") from error
        if document.get("version") != VERSION:
            raise StateError(
                f"{path} has the version {document.get('version')!r}, this program reads {VERSION}"
            )
        known = {one.name for one in fields(Resource)}
        for name in ("resources", "doomed"):
            for item in document[name]:
                if unknown := set(item) - known:
                    raise StateError(
                        f"{path}: {item.get('urn')} has unknown fields: {', '.join(sorted(unknown))}"
                    )
        self.resources = {one["urn"]: Resource(**self._opened(one)) for one in document["resources"]}
        self.doomed = [Resource(**self._opened(one)) for one in document["doomed"]]
        self.outputs = self._opened(document["outputs"])

    def _sealed(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if value.get(SIGNATURE) == SECRET:
                nonce = os.urandom(12)
                text = json.dumps(open_secrets(value)).encode()
                return {
                    SIGNATURE: SECRET,
                    "sealed": base64.b64encode(nonce + self._cipher().encrypt(nonce, text, None)).decode(),
                }
            return {name: self._sealed(item) for name, item in value.items()}
        return [self._sealed(item) for item in value] if isinstance(value, list) else value

    def _opened(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if value.get(SIGNATURE) == SECRET:
                data = base64.b64decode(value["sealed"])
                return {
                    SIGNATURE: SECRET,
                    "value": json.loads(self._cipher().decrypt(data[:12], data[12:], None)),
                }
            return {name: self._opened(item) for name, item in value.items()}
        return [self._opened(item) for item in value] if isinstance(value, list) else value

    def _cipher(self) -> Any:
        """Return the cipher with the key that lies beside the state, readable by its owner only."""
        if self.path is None:
            raise StateError("a state without a path is never written")
        file = self.path.with_suffix(".key")
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(AESGCM.generate_key(256))
        return AESGCM(file.read_bytes())


def deletion_order(resources: Iterable[Resource]) -> list[Resource]:
    """Return resources so that whatever needs another comes before it; what was made last goes first."""
    left = {one.urn: one for one in resources}
    order: list[Resource] = []
    placed: set[str] = set()

    def place(resource: Resource) -> None:
        if resource.urn in placed:
            return
        placed.add(resource.urn)
        for urn in sorted(resource.needs & left.keys()):
            place(left[urn])
        order.append(resource)

    for resource in left.values():
        place(resource)
    return order[::-1]
