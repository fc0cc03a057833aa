"""What a resource type may be given, taken from the installed SDKs' own types.

The SDK classes are made from the providers' schemas; so a property which the real provider does not know,
lacks or reads otherwise is found here without it.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import types
import typing
from collections import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from pulumi import Archive, Asset
from pulumi import _types as sdk
from pulumi.runtime import rpc

from .wire import ARCHIVE, ASSET, SIGNATURE, UNKNOWN

SDKS = {"aws": "pulumi_aws", "azure-native": "pulumi_azure_native", "snowflake": "pulumi_snowflake"}


class UnknownTypeError(LookupError):
    """The SDK has no such resource type."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One thing that is wrong with a resource's properties."""

    property: str
    reason: str

    def __str__(self) -> str:
        return f"{self.property}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The form of a value: a scalar, a list, a map, a block of properties, or one of several."""

    kind: str
    item: Shape | None = None
    args: type | None = None
    choices: tuple[Shape, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Block:
    """Named properties, some of them required."""

    properties: Mapping[str, Shape]
    required: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """A resource type: what goes in, and the names of what comes out."""

    token: str
    inputs: Block
    outputs: frozenset[str]


@cache
def resource_type(token: str) -> ResourceType:
    """Look a type up by its token, such as `aws:kms/key:Key`."""
    cls = _resource_class(token)
    # The first name that a generated module exports is the class of its arguments, whatever its suffix.
    module = importlib.import_module(cls.__module__)
    args = getattr(module, module.__all__[0])
    return ResourceType(token=token, inputs=_block(args), outputs=frozenset(sdk.resource_types(cls)))


def _resource_class(token: str) -> type:
    package, module, _ = token.split(":")
    if package not in SDKS:
        raise UnknownTypeError(f"{token}: the stand-ins know the packages {', '.join(SDKS)}, not {package}")
    importlib.import_module(SDKS[package])
    found = rpc.get_resource_module(package, module, "")
    info: dict[str, Any] = getattr(found, "mod_info", {})
    if token not in info.get("classes", {}):
        raise UnknownTypeError(f"{token}: {SDKS[package]} has no such resource type")
    return getattr(importlib.import_module(info["fqn"]), info["classes"][token])


@cache
def _block(args: type) -> Block:
    names = sdk.input_type_py_to_pulumi_names(args)
    parameters = list(inspect.signature(args.__init__).parameters.values())[1:]
    return Block(
        properties={name: _shape(hint) for name, hint in sdk.input_type_types(args).items()},
        required=frozenset(names[p.name] for p in parameters if p.default is inspect.Parameter.empty),
    )


@cache
def _shape(hint: Any) -> Shape:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        shapes = tuple({_shape(option): None for option in _options(hint)})
        return shapes[0] if len(shapes) == 1 else Shape(kind="one", choices=shapes)
    if origin in (abc.Sequence, list):
        return Shape(kind="list", item=_shape(typing.get_args(hint)[0]))
    if origin in (abc.Mapping, dict):
        return Shape(kind="map", item=_shape(typing.get_args(hint)[1]))
    if isinstance(hint, type):
        # A boolean is an integer to Python: the narrower classes come first.
        kind = next((kind for cls, kind in _SCALARS.items() if issubclass(hint, cls)), None)
        if kind or sdk.is_input_type(hint):
            return Shape(kind=kind) if kind else Shape(kind="block", args=hint)
    return Shape(kind="anything")


_SCALARS = {
    Enum: "string",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    Archive: "archive",
    Asset: "asset",
}


def _options(hint: Any) -> Iterator[Any]:
    """Yield the types in a union without what the SDK adds to any: promises, outputs, dict forms and None."""
    for option in typing.get_args(hint):
        origin = typing.get_origin(option)
        if (
            option is type(None)
            or origin is abc.Awaitable
            or "Output" in getattr(origin or option, "__name__", "")
        ):
            continue
        if typing.is_typeddict(option):
            continue
        if origin in (typing.Union, types.UnionType):
            yield from _options(option)
        else:
            yield option


def failures(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """Say everything in which the inputs are not what the type takes."""
    return list(_check_block("", resource_type(token).inputs, inputs))


def _check_block(path: str, block: Block, value: Mapping[str, Any]) -> Iterator[Failure]:
    prefix = f"{path}." if path else ""
    for name in sorted(block.required):
        if value.get(name) is None:
            yield Failure(property=prefix + name, reason="is required and missing")
    for name, item in value.items():
        if name in block.properties:
            yield from _check(prefix + name, block.properties[name], item)
        else:
            near = difflib.get_close_matches(name, block.properties, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield Failure(property=prefix + name, reason=f"is not a property of this type{hint}")


def _check(path: str, shape: Shape, value: Any) -> Iterator[Failure]:
    if value is None or value == UNKNOWN or shape.kind == "anything":
        return
    found = _kind(value)
    if shape.kind == "one":
        if not any(found in _ACCEPTS[choice.kind] for choice in shape.choices):
            expected = " or ".join(choice.kind for choice in shape.choices)
            yield Failure(property=path, reason=f"expected {expected}, found {found}")
    elif found not in _ACCEPTS[shape.kind]:
        yield Failure(property=path, reason=f"expected {shape.kind}, found {found}")
    elif shape.kind == "list" and shape.item:
        for index, item in enumerate(value):
            yield from _check(f"{path}[{index}]", shape.item, item)
    elif shape.kind == "map" and shape.item:
        for name, item in value.items():
            yield from _check(f"{path}[{name!r}]", shape.item, item)
    elif shape.kind == "block" and shape.args:
        yield from _check_block(path, _block(shape.args), value)


_ACCEPTS = {
    "string": ("string",),
    "boolean": ("boolean",),
    "integer": ("integer",),
    "number": ("integer", "number"),
    "list": ("list",),
    "map": ("map",),
    "block": ("map",),
    "archive": ("archive",),
    "asset": ("asset",),
    "anything": ("string", "boolean", "integer", "number", "list", "map", "archive", "asset"),
}


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "list"
        case _:
            return {ASSET: "asset", ARCHIVE: "archive"}.get(value.get(SIGNATURE), "map")
