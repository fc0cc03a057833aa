"""A project's configuration: Pulumi.yaml and Pulumi.<stack>.yaml, values encrypted by passphrase included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import settings_stacks
from local.state import LakeError


class ConfigError(LakeError):
    """The project or the stack cannot be read; the message says which file and what to do."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What a program is told about its stack."""

    project: str
    values: Mapping[str, str]
    secrets: frozenset[str] = field(default_factory=frozenset)


def load(
    project_dir: Path,
    stack: str,
    *,
    passphrase: str | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Configuration:
    """Read the configuration of a stack; `overrides` win and need no passphrase."""
    project = _read(project_dir / "Pulumi.yaml")
    file = project_dir / f"Pulumi.{stack}.yaml"
    if not file.exists():
        known = sorted(one.name.split(".")[1] for one in project_dir.glob("Pulumi.*.yaml"))
        raise ConfigError(f"there is no {file}: the project has the stacks {', '.join(known) or 'none'}")
    document = _read(file)
    values, secrets = dict(_defaults(project)), set()
    for key, value in (document.get("config") or {}).items():
        name = key if ":" in key else f"{project['name']}:{key}"
        if overrides and name in overrides:
            continue
        opened, secret = _opened(
            value, lambda text, name=name: _decrypt(text, document, passphrase, file, name)
        )
        values[name] = opened if isinstance(opened, str) else json.dumps(opened)
        if secret:
            secrets.add(name)
    return Configuration(
        project=project["name"], values={**values, **(overrides or {})}, secrets=frozenset(secrets)
    )


def _defaults(project: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the values that Pulumi.yaml declares for every stack."""
    found = {}
    for key, declared in (project.get("config") or {}).items():
        value = declared.get("value", declared.get("default")) if isinstance(declared, Mapping) else declared
        if value is not None:
            name = key if ":" in key else f"{project['name']}:{key}"
            found[name] = value if isinstance(value, str) else json.dumps(value)
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text())
    except FileNotFoundError:
        raise ConfigError(f"there is no {file}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is not YAML: {error}") from None
    return document or {}


def _opened(value: Any, decrypt: Any) -> tuple[Any, bool]:
    """Return a value with every `secure:` in it decrypted, and whether there was one."""
    if isinstance(value, dict) and set(value) == {"secure"}:
        return decrypt(value["secure"]), True
    if isinstance(value, dict):
        opened = {key: _opened(item, decrypt) for key, item in value.items()}
        return {key: item for key, (item, _) in opened.items()}, any(secret for _, secret in opened.values())
    if isinstance(value, list):
        items = [_opened(item, decrypt) for item in value]
        return [item for item, _ in items], any(secret for _, secret in items)
    return value, False


def _decrypt(text: str, document: Mapping[str, Any], passphrase: str | None, file: Path, name: str) -> str:
    if passphrase is None:
        raise ConfigError(f"{file}: {name} is encrypted: set PULUMI_CONFIG_PASSPHRASE, or give the value")
    try:
        key = settings_stacks.secret_key(str(document.get("encryptionsalt", "")), passphrase)
        return settings_stacks.open_secret(text, key)
    except settings_stacks.SecretError as error:
        raise ConfigError(f"{file}: the passphrase does not open {name}: {error}") from error
