"""The SDKs' own types, by resource type."""

import re
from functools import cache
from importlib import import_module
from typing import Any

PACKAGES = {"aws:lambda": "pulumi_aws.lambda_", "snowflake:index": "pulumi_snowflake"}


@cache
def arguments(token: str) -> Any:
    """The SDK's type of a resource's arguments: `aws:kinesis/stream:Stream` → `StreamArgs`.

    Where a property of another resource has taken that name, the SDK says `InitArgs`.
    """
    package, place, name = token.split(":")
    service, _, module = place.partition("/")
    where = PACKAGES.get(f"{package}:{service}", f"pulumi_{package}.{service}")
    # The package before its module: imported the other way round, it has lost what it exports.
    getattr(import_module(where), name)
    found = import_module(f"{where}.{_snake(module)}")
    return getattr(found, f"{name}InitArgs", None) or getattr(found, f"{name}Args")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", name).lower()
