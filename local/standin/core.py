"""The stand-in cloud: what a provider does, for both engines. No engine and no protocol is known here.

Values are plain (see `wire`): secrets are unwrapped by the engine before and marked again after; an unknown
may be anywhere during a preview.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Set
from typing import Protocol

from . import compare, schema
from .adapter import INVOKES, Adapter, Inputs, Outputs, Place, StandInError, adapter, load
from .schema import Failure
from .wire import UNKNOWN, has_unknown


class Backend(Protocol):
    """Who answers: the recording stand-in, or emulators."""

    #: says whether properties reach a service, so that each must be mapped
    live: bool

    def place(self, package: str, config: Mapping[str, str]) -> Place:
        """Return where a provider with this configuration works."""
        ...

    def create(self, what: Adapter, place: Place, name: str, inputs: Inputs) -> tuple[str, Outputs]:
        """Make a resource; return its id and what is known of it."""
        ...

    def read(
        self, what: Adapter, place: Place, rid: str, inputs: Inputs, *, outputs: Outputs
    ) -> Outputs | None:
        """Return what is known of a resource, or None where it is gone."""
        ...

    def update(
        self, what: Adapter, place: Place, rid: str, old: Inputs, new: Inputs, *, outputs: Outputs
    ) -> Outputs:
        """Change a resource; return what is known of it."""
        ...

    def delete(self, what: Adapter, place: Place, rid: str, inputs: Inputs) -> None:
        """Remove a resource."""
        ...

    def invoke(self, function: Callable[..., Outputs], place: Place, args: Inputs, token: str) -> Outputs:
        """Answer a data source."""
        ...


class StandIn:
    """A provider of every package that the stand-ins know."""

    def __init__(self, backend: Backend) -> None:
        load()
        self.backend = backend
        self._owners: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def check(
        self, token: str, name: str, olds: Inputs, news: Inputs, seed: bytes = b""
    ) -> tuple[Outputs, list[Failure]]:
        """Complete the inputs (names are made here) and say everything that is wrong with them."""
        what = adapter(token)
        inputs = {key: value for key, value in news.items() if value is not None}
        if what.autoname and f"{what.autoname}Prefix" in inputs:
            reason = f"is not for stand-ins: say {what.autoname}, or nothing"
            return inputs, [Failure(property=f"{what.autoname}Prefix", reason=reason)]
        if what.autoname and what.autoname not in inputs:
            digest = hashlib.sha256(seed or name.encode()).hexdigest()
            inputs[what.autoname] = olds.get(what.autoname) or what.made(name, digest)
        found = [*schema.failures(token, inputs), *what.faults(inputs)]
        if self.backend.live and not found:
            found = what.unmapped(inputs)
        return inputs, found

    def diff(self, token: str, old: Inputs, new: Inputs, ignore: Set[str] = frozenset()) -> dict[str, bool]:
        """Return the properties that differ, each with whether it needs a new resource."""
        what = adapter(token)
        changed = [
            key
            for key in sorted({*old, *new})
            if key not in ignore and not compare.same(old.get(key), new.get(key))
        ]
        return {key: key in what.replace_on for key in changed}

    def delete_first(self, token: str, old: Inputs, new: Inputs) -> bool:
        """Say whether a replacement would collide with what it replaces."""
        identity = adapter(token).identity(new)
        return identity is not None and identity == adapter(token).identity(old)

    def create(self, urn: str, place: Place, inputs: Inputs, *, preview: bool) -> tuple[str, Outputs]:
        """Make a resource; in a preview, say what is known before."""
        token, what = type_of(urn), adapter(type_of(urn))
        if preview:
            return "", _outputs(what, inputs, dict.fromkeys(what.computed, UNKNOWN))
        _known(urn, inputs)
        identity = what.identity(inputs)
        if identity is not None:
            with self._lock:
                owner = self._owners.setdefault((token, identity), urn)
            if owner != urn:
                raise StandInError(f"{urn} would be named {identity!r}, as {owner} is")
        rid, computed = self.backend.create(what, place, name_of(urn), inputs)
        return rid, _outputs(what, inputs, computed)

    def read(
        self, token: str, place: Place, rid: str, inputs: Inputs, *, outputs: Outputs
    ) -> tuple[Outputs, Outputs] | None:
        """Return inputs and outputs as they are now, or None where the resource is gone."""
        what = adapter(token)
        seen = self.backend.read(what, place, rid, inputs, outputs=outputs)
        if seen is None:
            return None
        kept, told = {*what.no_effect, *what.unread}, what.told(inputs)
        now = {}
        for key, value in inputs.items():
            if not [*compare.differences(told.get(key), seen.get(key), key, kept)]:
                now[key] = value
            elif seen.get(key) is not None:
                now[key] = seen[key]
        return now, _outputs(what, now, seen)

    def update(
        self, urn: str, place: Place, rid: str, old: Inputs, new: Inputs, *, outputs: Outputs, preview: bool
    ) -> Outputs:
        """Change a resource in place."""
        what = adapter(type_of(urn))
        if preview:
            return _outputs(what, new, {key: value for key, value in outputs.items() if key in what.computed})
        _known(urn, new)
        return _outputs(what, new, self.backend.update(what, place, rid, old, new, outputs=outputs))

    def delete(self, urn: str, place: Place, rid: str, inputs: Inputs) -> None:
        """Remove a resource."""
        what = adapter(type_of(urn))
        self.backend.delete(what, place, rid, inputs)
        with self._lock:
            self._owners.pop((what.type, what.identity(inputs) or ""), None)

    def invoke(self, token: str, place: Place, args: Inputs) -> Outputs:
        """Answer a data source."""
        if token not in INVOKES:
            raise StandInError(f"{token} has no stand-in: the program may call {', '.join(sorted(INVOKES))}")
        return self.backend.invoke(INVOKES[token], place, args, token)


def type_of(urn: str) -> str:
    """Return the type token in a URN."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    """Return the resource's name in a URN."""
    return urn.split("::", 3)[3]


def _known(urn: str, inputs: Inputs) -> None:
    if has_unknown(inputs):
        raise StandInError(f"{urn}: a value is still unknown at deployment")


def _outputs(what: Adapter, inputs: Inputs, computed: Outputs) -> Outputs:
    """Return the outputs: what the program gave, in its own words, and what the service adds."""
    return {**computed, **what.told(inputs)}


class Recorder:
    """Answers without any service: what a service would make up is made from names."""

    live = False

    def __init__(self, place: Place | None = None) -> None:
        self._place = place or Place()

    def place(self, package: str, config: Mapping[str, str]) -> Place:
        """Return the configured region."""
        region = config.get("region") if package == "aws" else None
        return Place(account=self._place.account, region=region or self._place.region)

    def create(self, what: Adapter, place: Place, name: str, inputs: Inputs) -> tuple[str, Outputs]:
        """Compute what a service would answer."""
        rid = what.record_id(place, name, inputs)
        return rid, self._computed(what, place, rid, inputs)

    def read(
        self, what: Adapter, place: Place, rid: str, inputs: Inputs, *, outputs: Outputs
    ) -> Outputs | None:
        """Return what was recorded."""
        return outputs

    def update(
        self, what: Adapter, place: Place, rid: str, old: Inputs, new: Inputs, *, outputs: Outputs
    ) -> Outputs:
        """Compute what a service would answer."""
        return self._computed(what, place, rid, new)

    def delete(self, what: Adapter, place: Place, rid: str, inputs: Inputs) -> None:
        """Forget nothing: nothing was made."""

    def invoke(self, function: Callable[..., Outputs], place: Place, args: Inputs, token: str) -> Outputs:
        """Answer a data source without a cloud."""
        return function(place, None, args)

    @staticmethod
    def _computed(what: Adapter, place: Place, rid: str, inputs: Inputs) -> Outputs:
        return {key: compute(place, rid, inputs) for key, compute in what.computed.items()}
