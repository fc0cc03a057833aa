"""Running programs that are not ours: every type of an installed SDK gets a stand-in that echoes.

The stand-ins of `local` know the types that our program uses, and refuse others. A foreign program may use any:
what it is given comes back, and what only a service would know (ids, ARNs, addresses) is made up from names.
Properties are still held to the SDK, so that a program that says something wrong is not judged at all.
"""

from __future__ import annotations

import importlib
import importlib.util
import typing
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from pulumi import _types as sdk

from local.standin import adapter, core, schema
from local.standin.adapter import Adapter, Inputs, Place

PROGRAMS = Path(__file__).resolve().parent / "foreign"
SDKS = {**schema.SDKS, "azure-native": "pulumi_azure_native"}
NAMES = sorted(path.parent.name for path in PROGRAMS.glob("*/Pulumi.yaml"))


class Echo(Adapter):
    """A stand-in of any type."""

    def __init__(self, token: str) -> None:
        self.type = token  # type: ignore[misc]
        self.computed = {  # type: ignore[misc]
            name: lambda place, rid, _, name=name, hint=hint: _made_up(name, hint, place, token, rid)
            for name, hint in _outputs(token).items()
        }

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        return f"{urn_name}-id"


class _Registry(dict[str, Adapter]):
    def __missing__(self, token: str) -> Adapter:
        return self.setdefault(token, Echo(token))


class _Invokes(dict[str, Any]):
    """Data sources: those of `local`, and what foreign programs ask besides."""

    def __missing__(self, token: str) -> Any:
        raise KeyError(
            f"{token}: foreign programs are not told this; add it to tests/policies/foreign_kit.py"
        )

    def __contains__(self, token: object) -> bool:
        return True


def _zones(place: Place, cloud: None, args: Inputs) -> dict[str, Any]:
    return {"id": place.region, "names": [f"{place.region}{zone}" for zone in "abc"]}


def _client(place: Place, cloud: None, args: Inputs) -> dict[str, Any]:
    identifier = "00000000-0000-4000-8000-000000000000"
    return dict.fromkeys(("clientId", "objectId", "subscriptionId", "tenantId"), identifier)


@cache
def _outputs(token: str) -> dict[str, Any]:
    """What comes out of a type, with the kind of each value."""
    return dict(sdk.resource_types(schema._resource_class(token)))


def _made_up(name: str, hint: Any, place: Place, token: str, rid: str) -> Any:
    if typing.get_origin(hint) in (typing.Union, getattr(typing, "UnionType", typing.Union)):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    if typing.get_origin(hint) in (list, typing.Sequence) or "Sequence" in str(typing.get_origin(hint)):
        return [_made_up(name, typing.get_args(hint)[0], place, token, rid)]
    if isinstance(hint, type) and issubclass(hint, bool | int | float):
        return hint()
    if isinstance(hint, type) and sdk.is_output_type(hint):
        return {
            key: _made_up(key, kind, place, token, rid) for key, kind in sdk.output_type_types(hint).items()
        }
    if not isinstance(hint, type) or not issubclass(hint, str):
        return {}
    if name.lower().endswith("arn"):
        return place.arn(token.split(":")[1].split("/", maxsplit=1)[0], rid)
    return f"{rid}-{name}"


@contextmanager
def anything() -> Iterator[None]:
    """While the block runs, the stand-ins know every type."""
    adapter.load()
    sdks = {package: module for package, module in SDKS.items() if importlib.util.find_spec(module)}
    more = {
        "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
        "azure-native:authorization:getClientConfig": _client,
    }
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(adapter, "REGISTRY", _Registry(adapter.REGISTRY)))
        stack.enter_context(mock.patch.object(core, "INVOKES", _Invokes({**core.INVOKES, **more})))
        stack.enter_context(mock.patch.dict(schema.SDKS, sdks))
        yield


def needs(name: str) -> Path:
    """The program of this name; without its SDK the test is skipped, and says so."""
    where = PROGRAMS / name
    for package in expected(name).get("packages", ()):
        pytest.importorskip(package, reason=f"without {package} the foreign program {name} is NOT judged")
    return where


def expected(name: str) -> Mapping[str, Any]:
    """What a careful engineer says of a program."""
    return yaml.safe_load((PROGRAMS / name / "expected.yaml").read_text())
