"""Which configuration a pack has for a stack: that of the stack's environment, unless one is named."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from policies.driver import PackError


def default_file(pack_dir: Path, project_dir: Path, stack: str) -> Path | None:
    """`config.<environment>.json` of the pack, where the stack says its environment and there is that file.

    Without one, every policy has its own level: an environment that nobody thought of gets the strictest.
    """
    environment = environment_of(project_dir, stack)
    file = pack_dir / f"config.{environment}.json"
    return file if environment and file.is_file() else None


def environment_of(project_dir: Path, stack: str) -> str | None:
    """What the stack's settings call its environment."""
    project = _yaml(project_dir / "Pulumi.yaml").get("name")
    config = _yaml(project_dir / f"Pulumi.{stack}.yaml").get("config")
    value = (
        cast("Mapping[str, Any]", config).get(f"{project}:environment")
        if isinstance(config, Mapping)
        else None
    )
    return value if isinstance(value, str) else None


def read(file: Path | None) -> Mapping[str, Any]:
    """The configuration in a file of the form that `pulumi --policy-pack-config` takes; none is empty."""
    if file is None:
        return {}
    try:
        document: object = json.loads(file.read_text())
    except OSError as error:
        raise PackError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise PackError(f"{file} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise PackError(f"{file}: expected a mapping of policies")
    return cast("Mapping[str, Any]", document)


def _yaml(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        return {}
    document: object = yaml.safe_load(file.read_text())
    return cast("Mapping[str, Any]", document) if isinstance(document, Mapping) else {}
