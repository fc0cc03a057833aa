# pyright: strict
"""Reads plain values (YAML, JSON, text) into frozen dataclasses, and gathers everything that is wrong.

What a field takes is its type: `Literal` for one of several, `Annotated[int, Range(…)]`, `Annotated[str,
Text(…)]` or `OneOf(…)`, `X | None`, tuples, mappings and other dataclasses. A key is the field's name in
camel case.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from difflib import get_close_matches
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Range:
    """The whole numbers that a field takes."""

    low: int
    high: int


@dataclass(frozen=True, kw_only=True)
class Text:
    """The text that a field takes; `personal` text is never repeated in a fault."""

    pattern: str
    expected: str
    personal: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class OneOf:
    """A field that takes one of these names, as they are when it is read: a registry may grow."""

    names: Collection[str]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a key, and what was expected."""

    key: str
    expected: str

    def __str__(self) -> str:
        return f"{self.key}: {self.expected}"


# Whether a rule over several keys holds, the keys (a fault is the first one's), and what it expects.
Rule: TypeAlias = tuple[bool, tuple[str, ...], str]


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


class Reader:
    """Reads values into dataclasses, and gathers what is wrong with them."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self.hidden = hidden
        self.faults: list[Fault] = []
        self.given: set[str] = set()

    def fault(self, key: str, expected: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(key=key, expected=expected))

    def wrong(self, key: str, expected: str, value: object, *, personal: bool = False) -> None:
        """Note a value that is not what its key takes; what is personal or secret is not repeated."""
        shown = "" if personal or key.partition(".")[0] in self.hidden else f", got {_shown(value)}"
        self.fault(key, f"expected {expected}{shown}")

    def unknown(self, key: str, name: str, known: Collection[str], what: str = "key") -> None:
        """Note a name that is not known, and the nearest one that is."""
        near = get_close_matches(name, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"there is {', '.join(sorted(known)) or 'none'}"
        self.fault(key, f"no such {what}; {hint}")

    def mapping(self, value: object, key: str) -> dict[str, object]:
        """Read a mapping; its keys are text."""
        if isinstance(value, Mapping):
            return {str(name): item for name, item in cast("Mapping[object, object]", value).items()}
        self.wrong(key, "a mapping", value)
        return {}

    def section(self, cls: type[T], value: object, key: str, base: T | None = None) -> T:
        """Read a dataclass; what is not given is as in `base`, or the field's default."""
        given = self.mapping(value, key)
        hints = get_type_hints(cls, include_extras=True)
        names = {_camel(item.name): item for item in fields(cast("Any", cls))}
        values: dict[str, object] = {}
        for name in given.keys() - names.keys():
            self.unknown(_join(key, name), name, names)
        for name, item in names.items():
            default = getattr(base, item.name) if base is not None else _default(item)
            if name in given:
                self.given.add(_join(key, name))
                values[item.name] = self.value(hints[item.name], given[name], _join(key, name), default)
            elif default is MISSING:
                if isinstance(value, Mapping):
                    self.fault(_join(key, name), f"missing; expected {_expectation(hints[item.name])}")
                values[item.name] = None
            else:
                values[item.name] = default
        return cls(**values)

    def value(self, hint: Any, value: object, key: str, default: object) -> object:
        """Read a value of a type; where it is wrong, say so and go on with the default."""
        base, rules = _unannotated(hint)
        origin, args = get_origin(base), get_args(base)
        if is_dataclass(base):
            return self.section(cast("type[Any]", base), value, key, None if default is MISSING else default)
        if origin in (Union, UnionType):
            return None if value is None else self.value(args[0], value, key, default)
        if origin is tuple:
            return self.items(args[0], value, key)
        if origin is Mapping:
            found = self.mapping(value, key)
            return {name: self.value(args[1], item, _join(key, name), None) for name, item in found.items()}
        read = _scalar(base, value)
        if read is None or not _fits(base, rules, read):
            personal = any(isinstance(rule, Text) and rule.personal for rule in rules)
            self.wrong(key, _expectation(hint), value, personal=personal)
            return default
        return read

    def items(self, hint: Any, value: object, key: str) -> tuple[object, ...]:
        """Read a list."""
        if not isinstance(value, list | tuple):
            self.wrong(key, f"a list, each {_expectation(hint)}", value)
            return ()
        items = cast("list[object]", value)
        read = [self.value(hint, item, f"{key}[{at}]", None) for at, item in enumerate(items)]
        return tuple(item for item in read if item is not None)


def _default(item: Any) -> object:
    return item.default if item.default_factory is MISSING else item.default_factory()


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _unannotated(hint: Any) -> tuple[Any, tuple[object, ...]]:
    if get_origin(hint) is Annotated:
        base, *rules = get_args(hint)
        return base, tuple(rules)
    return hint, ()


def _scalar(base: Any, value: object) -> object:
    """The value as the type wants it, or None; text is read where Pulumi would hand text on."""
    kind: Any = type(cast("object", get_args(base)[0])) if get_origin(base) is Literal else base
    if isinstance(value, str) and kind is int and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    if isinstance(value, str) and kind is bool:
        return {"true": True, "false": False}.get(value)
    return value if type(value) is kind else None


def _fits(base: Any, rules: tuple[object, ...], value: Any) -> bool:
    if get_origin(base) is Literal and value not in get_args(base):
        return False
    for rule in rules:
        if isinstance(rule, Range) and not rule.low <= value <= rule.high:
            return False
        if isinstance(rule, Text) and not re.fullmatch(rule.pattern, value):
            return False
        if isinstance(rule, OneOf) and value not in rule.names:
            return False
    return True


def _expectation(hint: Any) -> str:
    base, rules = _unannotated(hint)
    for rule in rules:
        if isinstance(rule, Range):
            return f"a whole number from {rule.low} to {rule.high}"
        if isinstance(rule, Text):
            return rule.expected
        if isinstance(rule, OneOf):
            return f"one of {', '.join(rule.names)}"
    if get_origin(base) is Literal:
        return f"one of {', '.join(map(str, get_args(base)))}"
    if get_origin(base) in (Union, UnionType):
        return f"{_expectation(get_args(base)[0])}, or null"
    return {bool: "true or false"}.get(base, "a mapping")


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = json.dumps(value) if isinstance(value, str | bool | int | float | None) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
