"""Writing what would be deployed in the form of an exported stack, for whoever reads such files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .state import Resource
from .wire import SECRET, SIGNATURE, is_secret

VERSION = 3
MASKED = "[secret]"


def save(file: Path, resources: Iterable[Resource]) -> None:
    """Write resources as `pulumi stack export` does; no secret is written."""
    deployment = {"resources": [_resource(one) for one in resources]}
    file.write_text(json.dumps({"version": VERSION, "deployment": deployment}, indent=1) + "\n")


def _resource(one: Resource) -> dict[str, Any]:
    written = {
        "urn": one.urn,
        "custom": one.custom,
        "id": one.id,
        "type": one.type,
        "inputs": _masked(one.raw_inputs),
        "outputs": _masked(one.raw_outputs),
        "parent": one.parent,
        "protect": one.protect,
        "dependencies": one.dependencies,
        "provider": one.provider,
        "propertyDependencies": one.property_dependencies,
        "additionalSecretOutputs": one.additional_secret_outputs,
        "aliases": one.aliases,
        "ignoreChanges": one.ignore_changes,
        "retainOnDelete": one.retain_on_delete,
    }
    always = ("urn", "custom", "type", "inputs", "outputs")
    return {name: value for name, value in written.items() if value or name in always}


def _masked(value: Any) -> Any:
    if is_secret(value):
        return {SIGNATURE: SECRET, "ciphertext": MASKED}
    if isinstance(value, Mapping):
        return {name: _masked(item) for name, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value
