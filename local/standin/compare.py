"""When two property values say the same: what was sent, and what a service tells of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from typing import Any

from .wire import is_asset


def differences(sent: Any, seen: Any, path: str = "", skip: Set[str] = frozenset()) -> Iterator[str]:
    """Yield the path of every property that was sent and is not seen so. What else is seen does not count."""
    if path in skip or sent is None:
        return
    if isinstance(sent, Mapping) and isinstance(seen, Mapping) and not is_asset(sent):
        for name, item in sent.items():
            yield from differences(item, seen.get(name), f"{path}.{name}" if path else name, skip)
    elif isinstance(sent, list) and isinstance(seen, list) and not _scalars(sent):
        if len(sent) != len(seen):
            yield path
        for index, (item, other) in enumerate(zip(sent, seen, strict=False)):
            # Blocks are skipped by the path without positions: `rules.expiration`.
            yield from (
                differences(item, other, path, skip)
                if path in skip
                else _indexed(item, other, path, index, skip)
            )
    elif not same(sent, seen):
        yield path


def _indexed(sent: Any, seen: Any, path: str, index: int, skip: Set[str]) -> Iterator[str]:
    for found in differences(sent, seen, path, skip):
        yield found.replace(path, f"{path}[{index}]", 1)


def _scalars(values: list[Any]) -> bool:
    return not any(isinstance(value, Mapping | list) for value in values)


def same(one: Any, other: Any) -> bool:
    """Say whether two values mean the same: JSON texts by their content, lists of scalars in any order."""
    if one == other:
        return True
    if isinstance(one, list) and isinstance(other, list) and _scalars(one) and _scalars(other):
        return sorted(map(_text, one)) == sorted(map(_text, other))
    if isinstance(one, str) and isinstance(other, str):
        return one[:1] in "{[" and _json(one) is not None and _json(one) == _json(other)
    if isinstance(one, Mapping | list) or isinstance(other, Mapping | list):
        return (one or None) is None and (other or None) is None
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
