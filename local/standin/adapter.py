"""What the stand-ins know about a resource type, and the registry in which they keep it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from local.state import LakeError

from .schema import Failure

Inputs = Mapping[str, Any]
Outputs = dict[str, Any]


class StandInError(LakeError):
    """A stand-in cannot do what the program asks; the message names the resource and the property."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The account and region in which a provider says that it works."""

    account: str = "123456789012"
    region: str = "eu-west-1"
    partition: str = "aws"

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """Return an ARN here."""
        where = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{where}:{self.account}:{resource}"


Computed = Callable[[Place, str, Inputs], Any]


class Adapter:
    """One resource type. Subclasses say how it is named and replaced, and what a deployment computes.

    What a service does with it is the subclass's too: `create`, `read`, `update` and `delete` take the live
    `cloud`, which is an `aws.client.Aws` or a `snowflake.client.Warehouse`.
    """

    type: ClassVar[str]
    #: inputs whose change needs a new resource
    replace_on: ClassVar[frozenset[str]] = frozenset()
    #: the input that is made from the resource's name where the program gives none
    autoname: ClassVar[str | None] = None
    #: outputs that nobody but the service knows before it has made the resource
    computed: ClassVar[Mapping[str, Computed]] = {}
    #: inputs that are not sent, each with the reason why they have no effect on a laptop
    no_effect: ClassVar[Mapping[str, str]] = {}
    #: inputs that are sent and that the service does not tell again, each with the reason
    unread: ClassVar[Mapping[str, str]] = {}
    #: whether there is no emulator for it, so that it can be recorded only
    recorded: ClassVar[bool] = False

    def identity(self, inputs: Inputs) -> str | None:
        """Return what names it to the service, if the inputs say it: two resources cannot share it."""
        name = inputs.get(self.autoname) if self.autoname else None
        return str(name) if name else None

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return the id that a recording stand-in gives."""
        return self.identity(inputs) or urn_name

    def made(self, name: str, digest: str) -> str:
        """Return the name that is made where the program gives none."""
        return f"{name}-{digest[:7]}"

    def told(self, inputs: Inputs) -> Inputs:
        """Return the inputs as the provider tells them again: in the program's own words, where it can."""
        return inputs

    def faults(self, inputs: Inputs) -> list[Failure]:
        """Say what the service would refuse that the SDK's types do not tell."""
        return []

    def unmapped(self, inputs: Inputs) -> list[Failure]:
        """Name the inputs that the live stand-in would neither send nor has a reason to leave out."""
        raise NotImplementedError

    def create(self, cloud: Any, inputs: Inputs) -> str:
        """Make the resource and return its id; where it is there already, take it over."""
        raise NotImplementedError

    def read(self, cloud: Any, rid: str, inputs: Inputs) -> Outputs | None:
        """Return what the service says of it, in the provider's terms, or None where there is none."""
        raise NotImplementedError

    def update(self, cloud: Any, rid: str, old: Inputs, new: Inputs) -> None:
        """Change what differs."""
        raise NotImplementedError

    def delete(self, cloud: Any, rid: str, inputs: Inputs) -> None:
        """Remove the resource; not finding it is success."""
        raise NotImplementedError


REGISTRY: dict[str, Adapter] = {}
INVOKES: dict[str, Callable[..., Outputs]] = {}


def register(cls: type[Adapter]) -> type[Adapter]:
    """Enter an adapter in the registry (a class decorator)."""
    if cls.type in REGISTRY:
        raise StandInError(
            f"{cls.type} has two adapters: {type(REGISTRY[cls.type]).__name__} and {cls.__name__}"
        )
    REGISTRY[cls.type] = cls()
    return cls


def invoke(token: str) -> Callable[[Callable[..., Outputs]], Callable[..., Outputs]]:
    """Enter a data source in the registry (a decorator); it is given the place, the cloud and arguments."""

    def enter(function: Callable[..., Outputs]) -> Callable[..., Outputs]:
        INVOKES[token] = function
        return function

    return enter


@cache
def load() -> None:
    """Import the adapters of all clouds, which enter themselves."""
    # Not above: they import this module, and register themselves in it.
    from . import aws, azure, snowflake  # noqa: F401, PLC0415


def adapter(token: str) -> Adapter:
    """Return the adapter of a type."""
    load()
    try:
        return REGISTRY[token]
    except KeyError:
        raise StandInError(
            f"{token} has no stand-in: it is not among the {len(REGISTRY)} types that local/standin knows"
        ) from None
