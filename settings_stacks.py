"""The stack files, read as they lie there: without an engine, an account, or the wish to open a secret."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeAlias, cast

import yaml
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import settings

Document: TypeAlias = Mapping[str, Any]


class StackFileError(ValueError):
    """A file that cannot be read; the message says which and why."""


class SecretError(ValueError):
    """A secret that the passphrase does not open; holds neither."""


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """`Pulumi.<stack>.yaml`. Keys of the project's own namespace are told without it."""

    name: str
    path: Path
    project: str
    document: Document

    @cached_property
    def _config(self) -> dict[str, object]:
        found: object = self.document.get("config") or {}
        if not isinstance(found, Mapping):
            raise StackFileError(f"{self.path}: config: expected a mapping")
        given = cast("Mapping[object, object]", found)
        plain = {str(key): settings.structured(value) for key, value in given.items()}
        return {key.removeprefix(f"{self.project}:"): value for key, value in plain.items()}

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Every encrypted value, by its key."""
        return dict(_secrets(self._config, ""))

    @cached_property
    def leaves(self) -> dict[str, str]:
        """Every text that is not encrypted, by its key: `tags.team`, `keys.administrators[0]`."""
        return dict(_leaves(self._config, ""))

    @property
    def own(self) -> dict[str, object]:
        """The configuration of the program, without what is encrypted."""
        found = {key: _open_values(value) for key, value in self._config.items() if ":" not in key}
        return {key: value for key, value in found.items() if value is not None}

    @property
    def providers(self) -> dict[str, object]:
        """What the file says to providers, by full key, without what is encrypted."""
        found = {key: _open_values(value) for key, value in self._config.items() if ":" in key}
        return {key: value for key, value in found.items() if value is not None}

    @property
    def hidden(self) -> list[str]:
        """The top keys under which something is encrypted."""
        return [key for key, value in self._config.items() if dict(_secrets(value, key))]

    def opened(self, key: str) -> str | None:
        """Return a secret's value if the environment has the passphrase that opens it, else None."""
        salt, word = self.document.get("encryptionsalt"), _passphrase()
        if word is None or not isinstance(salt, str):
            return None
        try:
            return open_secret(self.secrets[key], secret_key(salt, word))
        except SecretError:
            return None


def read(root: Path) -> dict[str, StackFile]:
    """Return every stack of a project that has a file, by name."""
    project = _yaml(root / "Pulumi.yaml").get("name")
    if not isinstance(project, str):
        raise StackFileError(f"{root / 'Pulumi.yaml'}: name: expected the project's name")
    found: dict[str, StackFile] = {}
    for path in sorted(root.glob("Pulumi.*.yaml")):
        name = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        found[name] = StackFile(name=name, path=path, project=project, document=_yaml(path))
    return found


def _yaml(path: Path) -> Document:
    try:
        found = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise StackFileError(f"there is no {path}") from None
    except yaml.YAMLError as error:
        raise StackFileError(f"{path} is not YAML: {error}") from None
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise StackFileError(f"{path}: expected a mapping")
    return cast("Document", found)


def _members(value: object, key: str) -> Iterator[tuple[str, object]]:
    """Yield what is in a mapping or a list, by its key."""
    if isinstance(value, Mapping):
        for name, item in cast("Mapping[object, object]", value).items():
            yield f"{key}.{name}" if key else str(name), item
    elif isinstance(value, list):
        for at, item in enumerate(cast("list[object]", value)):
            yield f"{key}[{at}]", item


def _secret(value: object) -> str | None:
    if isinstance(value, Mapping):
        found = cast("Mapping[object, object]", value)
        if set(found) == {"secure"} and isinstance(found["secure"], str):
            return found["secure"]
    return None


def _secrets(value: object, key: str) -> Iterator[tuple[str, str]]:
    if (text := _secret(value)) is not None:
        yield key, text
    else:
        for name, item in _members(value, key):
            yield from _secrets(item, name)


def _leaves(value: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif _secret(value) is None:
        for name, item in _members(value, key):
            yield from _leaves(item, name)


def _open_values(value: object) -> object:
    """Return a value without what is encrypted in it; None if nothing is left."""
    if _secret(value) is not None:
        return None
    if isinstance(value, Mapping):
        given = cast("Mapping[object, object]", value)
        items = {str(key): _open_values(item) for key, item in given.items()}
        return {key: item for key, item in items.items() if _secret(given[key]) is None}
    if isinstance(value, list):
        return [_open_values(item) for item in cast("list[object]", value) if _secret(item) is None]
    return value


# --- values encrypted by a passphrase, as the engine's own provider of secrets writes them ----------------


def _passphrase() -> str | None:
    if (given := os.environ.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
        return given
    file = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    return Path(file).read_text().rstrip("\r\n") if file and Path(file).is_file() else None


@cache
def secret_key(salt: str, passphrase: str) -> bytes:
    """Return the key of a stack's secrets.

    Parameters
    ----------
    salt
        What the stack's file says under `encryptionsalt`.

    Raises
    ------
    SecretError
        If the passphrase is another one, or the salt of another kind.
    """
    version, _, rest = salt.partition(":")
    word, _, check = rest.partition(":")
    if version != "v1":
        raise SecretError(f"encryptionsalt has the version {version!r}, not v1")
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), base64.b64decode(word), 1_000_000, 32)
    if open_secret(check, key) != "pulumi":
        raise SecretError("the passphrase is another one")
    return key


def open_secret(text: str, key: bytes) -> str:
    """Return the value of a secret: `v1:<nonce>:<ciphertext>`."""
    try:
        _, nonce, body = text.split(":")
        return AESGCM(key).decrypt(base64.b64decode(nonce), base64.b64decode(body), None).decode()
    except (InvalidTag, ValueError):
        raise SecretError("the passphrase does not open it") from None
