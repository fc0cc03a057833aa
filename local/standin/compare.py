"""When two property values say the same: what was sent, and what a service tells of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Set
from typing import Any

from .wire import is_asset

_POSITION = re.compile(r"\[\d+\]")


def differences(sent: Any, seen: Any, path: str = "", skip: Set[str] = frozenset()) -> Iterator[str]:
    """Yield the path of every property that was sent and is not seen so. What else is seen does not count.

    `skip` holds paths without positions, such as `rules.expiration`.
    """
    if sent is None or _POSITION.sub("", path) in skip:
        return
    if isinstance(sent, Mapping) and isinstance(seen, Mapping) and not is_asset(sent):
        for name, item in sent.items():
            yield from differences(item, seen.get(name), f"{path}.{name}" if path else name, skip)
    elif isinstance(sent, list) and isinstance(seen, list) and len(sent) == len(seen) and not _scalars(sent):
        for index, (item, other) in enumerate(zip(sent, seen, strict=True)):
            yield from differences(item, other, f"{path}[{index}]", skip)
    elif not same(sent, seen):
        yield path


def _scalars(values: list[Any]) -> bool:
    return not any(isinstance(value, Mapping | list) for value in values)


def same(one: Any, other: Any) -> bool:
    """Say whether two values mean the same: JSON texts by content, assets by digest, scalars in any order."""
    if one == other:
        return True
    if is_asset(one) and is_asset(other):
        return one.get("hash") is not None and one.get("hash") == other.get("hash")
    if isinstance(one, list) and isinstance(other, list) and _scalars(one) and _scalars(other):
        return sorted(map(_text, one)) == sorted(map(_text, other))
    if isinstance(one, str) and isinstance(other, str):
        return one[:1] in "{[" and _json(one) is not None and _json(one) == _json(other)
    if isinstance(one, Mapping | list) or isinstance(other, Mapping | list):
        return not one and not other
    return _text(one) == _text(other)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
