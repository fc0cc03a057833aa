"""A resource's properties as an adapter reads them: what nobody took is not mapped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .wire import UNKNOWN


class Props:
    """A resource's properties, which remember what was taken from them: what is left over is not mapped."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path
        self._left = set(values)
        self._blocks: list[Props] = []

    def __bool__(self) -> bool:
        return bool(self._values)

    def take(self, name: str, default: Any = None) -> Any:
        """Return a property's value."""
        self._left.discard(name)
        value = self._values.get(name)
        return default if value is None else value

    def params(self, **names: str) -> dict[str, Any]:
        """Return the properties that are there under the names which the API has for them."""
        taken = {api: self.take(name) for name, api in names.items()}
        return {api: value for api, value in taken.items() if value is not None}

    def block(self, name: str) -> Props:
        """Return a nested block; an empty one where there is none."""
        value = self.take(name, {})
        return self._nested(value if isinstance(value, Mapping) else {}, name)

    def blocks(self, name: str) -> list[Props]:
        """Return the nested blocks of a list."""
        value = self.take(name, [])
        items = value if isinstance(value, list) else []
        return [self._nested(item, f"{name}[{index}]") for index, item in enumerate(items)]

    def capitalised(self, name: str) -> Any:
        """Return a nested block of which every name is the API's but for its first letter."""
        value = self.take(name)
        return value if value is None or value == UNKNOWN else _capitalised(value)

    def left(self) -> list[str]:
        """Return the paths that nobody took."""
        own = [f"{self._path}{name}" for name in sorted(self._left) if self._values[name] is not None]
        return own + [path for block in self._blocks for path in block.left()]

    def _nested(self, value: Mapping[str, Any], name: str) -> Props:
        block = Props(value, f"{self._path}{name}.")
        self._blocks.append(block)
        return block


def _capitalised(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name[:1].upper() + name[1:]: _capitalised(item) for name, item in value.items()}
    return [_capitalised(item) for item in value] if isinstance(value, list) else value


def unmapped(paths: list[str], no_effect: Mapping[str, str]) -> list[str]:
    """Return the paths which have no reason to be left out."""
    return [path for path in paths if path not in no_effect and path.split("[")[0] not in no_effect]
