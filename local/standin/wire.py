"""Values on the wire between a Pulumi program and a provider: protobuf Structs, secrets, unknowns, assets.

Plain Python on this side: dicts, lists, strings, numbers, booleans and None. Whole numbers are ints. Assets
and archives stay in the form in which they travel, a dict with a signature; so does an unknown, a marked
string.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (the wire's mark of a secret, not one)
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
# Kinds of wrapped values which a program gets only if its engine says that it understands them; ours do not.
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"


def plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Return a Struct as Python values."""
    return {name: _plain(value) for name, value in struct.fields.items()}


def _plain(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return plain(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    if kind == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    if kind == "null_value" or kind is None:
        return None
    return getattr(value, kind)


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return Python values as a Struct."""
    made = struct_pb2.Struct()
    for name, value in values.items():
        _fill(made.fields[name], value)
    return made


def _fill(into: struct_pb2.Value, value: Any) -> None:
    match value:
        case None:
            into.null_value = struct_pb2.NULL_VALUE
        case bool():
            into.bool_value = value
        case int() | float():
            into.number_value = value
        case str():
            into.string_value = value
        case Mapping():
            into.struct_value.SetInParent()
            for name, item in value.items():
                _fill(into.struct_value.fields[name], item)
        case list() | tuple():
            into.list_value.SetInParent()
            for item in value:
                _fill(into.list_value.values.add(), item)
        case _:
            raise TypeError(f"a {type(value).__name__} cannot travel between a program and a provider")


def is_secret(value: Any) -> bool:
    """Say whether the value itself is wrapped as a secret."""
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET


def is_asset(value: Any) -> bool:
    """Say whether the value is an asset or an archive."""
    return isinstance(value, dict) and value.get(SIGNATURE) in (ASSET, ARCHIVE)


def has_secret(value: Any) -> bool:
    """Say whether there is a secret anywhere in the value."""
    if isinstance(value, dict):
        return is_secret(value) or any(has_secret(item) for item in value.values())
    return isinstance(value, list) and any(has_secret(item) for item in value)


def has_unknown(value: Any) -> bool:
    """Say whether there is a value anywhere in it that only a deployment will know."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return isinstance(value, str) and value == UNKNOWN


def secret(value: Any) -> Any:
    """Wrap a value as a secret."""
    return value if is_secret(value) else {SIGNATURE: SECRET, "value": value}


def open_secrets(value: Any) -> Any:
    """Return the value without its secrets' wrappings."""
    if isinstance(value, dict):
        mark = value.get(SIGNATURE)
        if mark == SECRET:
            return open_secrets(value.get("value"))
        if mark in (_OUTPUT, _REFERENCE):
            raise TypeError(
                "output values and resource references are not part of what the stand-ins agreed to"
            )
        return {name: open_secrets(item) for name, item in value.items()}
    if isinstance(value, list):
        return [open_secrets(item) for item in value]
    return value


def mark_secrets(value: Any, like: Any) -> Any:
    """Wrap in `value` what is secret at the same place in `like`, as the engine does with an answer."""
    if is_secret(like):
        return secret(value)
    if isinstance(like, dict) and isinstance(value, dict) and not is_asset(like):
        return {name: mark_secrets(item, like.get(name)) for name, item in value.items()}
    return secret(value) if has_secret(like) else value
