"""What the in-process engine does with each resource that a program registers, and at the program's end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from local.state import LakeError

from . import wire
from .adapter import Place, adapter
from .core import StandIn
from .state import Resource, State, deletion_order

Progress = Callable[["Step"], None]


class StepError(LakeError):
    """A resource cannot be made, changed or deleted; the message begins with its URN."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What was done, or in a preview would be: create, update, replace, delete, same or refresh."""

    op: str
    urn: str
    properties: tuple[str, ...] = ()


class Policies(Protocol):
    """A policy pack, driven resource by resource."""

    def remediate(self, resource: Resource, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the inputs as the pack's remediations leave them."""
        ...

    def analyze(self, resource: Resource) -> None:
        """Let the pack judge one resource."""
        ...

    def analyze_stack(self, resources: list[Resource]) -> None:
        """Let the pack judge all of them."""
        ...


@dataclass(kw_only=True)
class Steps:
    """Compares each resource with the state and has the stand-ins do what differs."""

    core: StandIn
    state: State
    preview: bool = False
    policies: Policies | None = None
    on_step: Progress | None = None
    done: list[Step] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _replaced: set[str] = field(default_factory=set)
    _places: dict[str, Place] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def register(self, resource: Resource, config: Mapping[str, str]) -> None:
        """Bring one resource to what the program says; its id and outputs are set."""
        old = self._old(resource)
        if resource.managed:
            place = self._place(resource.type, config)
            self._check(resource, old)
            self._judge(resource)
            try:
                self._apply(resource, old, place)
            except StepError:
                raise
            except Exception as error:
                raise StepError(f"{resource.urn}: {error}") from error
        else:
            self._judge(resource)
            resource.raw_outputs = dict(resource.raw_inputs)
            if resource.custom:
                resource.id = "" if self.preview else f"{resource.name}-id"
            self._note("same" if old else "create", resource.urn)
        self.finish(resource)

    def finish(self, resource: Resource) -> None:
        """Keep a resource as it is now."""
        with self._lock:
            self._seen.add(resource.urn)
        if not self.preview:
            self.state.put(resource)

    def look_up(
        self, urn: str, rid: str, inputs: dict[str, Any], config: Mapping[str, str]
    ) -> dict[str, Any]:
        """Read a resource that is not managed here."""
        token = urn.split("::")[2].rsplit("$", 1)[-1]
        found = self.core.read(token, self._place(token, config), rid, inputs, outputs=inputs)
        if found is None:
            raise StepError(f"{urn}: there is no {token} with the id {rid}")
        return found[1]

    def invoke(self, token: str, args: dict[str, Any], config: Mapping[str, str]) -> dict[str, Any]:
        """Answer a data source."""
        return self.core.invoke(token, self._place(token, config), args)

    def clean_up(self, configs: Callable[[Resource], Mapping[str, str]], *, everything: bool = False) -> None:
        """Delete what was replaced and what is no longer declared, or everything; dependents first."""
        gone = [one for one in self.state.resources.values() if everything or one.urn not in self._seen]
        protected = [one.urn for one in gone if one.protect]
        if protected:
            raise StepError(
                f"protected, and so not deleted (nothing else was either): {', '.join(protected)}"
            )
        urns = {one.urn for one in gone}
        for resource in [*reversed(self.state.doomed), *deletion_order(gone)]:
            self._delete(resource, configs(resource), spared=resource.deleted_with in urns)

    def refresh(self, configs: Callable[[Resource], Mapping[str, str]]) -> None:
        """Bring the state to what the services say: what differs is noted, what is gone is dropped."""
        for resource in [one for one in self.state.resources.values() if one.managed]:
            place = self._place(resource.type, configs(resource))
            found = self.core.read(
                resource.type, place, resource.id, resource.inputs, outputs=resource.outputs
            )
            if found is None:
                self._note("delete", resource.urn)
                if not self.preview:
                    self.state.drop(resource)
                continue
            inputs, outputs = found
            names = {*inputs, *resource.inputs}
            drifted = tuple(sorted(name for name in names if inputs.get(name) != resource.inputs.get(name)))
            self._note("refresh" if drifted else "same", resource.urn, drifted)
            if not self.preview:
                resource.raw_inputs = wire.mark_secrets(inputs, resource.raw_inputs)
                resource.raw_outputs = wire.mark_secrets(outputs, resource.raw_outputs)
                self.state.put(resource)

    def _old(self, resource: Resource) -> Resource | None:
        """Return the resource of the state that this one continues, by its URN or an alias."""
        for urn in (resource.urn, *resource.aliases):
            if (old := self.state.resources.get(urn)) is not None:
                if urn != resource.urn:
                    with self._lock:
                        self._seen.add(urn)  # it lives on under its new name
                    if not self.preview:
                        self.state.drop(old)
                return old
        return None

    def _check(self, resource: Resource, old: Resource | None, *, salt: str = "") -> None:
        news = wire.open_secrets(resource.raw_inputs)
        olds = old.inputs if old else {}
        for name in resource.ignore_changes:
            if old is not None:
                news = {**news, **({name: olds[name]} if name in olds else {})}
                if name not in olds:
                    news.pop(name, None)
        seed = f"{resource.urn}{salt}".encode()
        inputs, failures = self.core.check(resource.type, resource.name, {} if salt else olds, news, seed)
        if failures:
            raise StepError(f"{resource.urn}: " + "; ".join(str(failure) for failure in failures))
        resource.raw_inputs = wire.mark_secrets(inputs, resource.raw_inputs)

    def _judge(self, resource: Resource) -> None:
        if self.policies is not None:
            with self._lock:
                resource.raw_inputs = self.policies.remediate(resource, resource.raw_inputs)
                self.policies.analyze(resource)

    def _apply(self, resource: Resource, old: Resource | None, place: Place) -> None:
        if old is None:
            self._create(resource, place)
            return
        changes = self.core.diff(resource.type, old.inputs, resource.inputs)
        if self._replaced & {*resource.replace_with}:
            self._replace(resource, old, place, tuple(changes))
        elif not changes:
            resource.id = old.id
            resource.raw_outputs = old.raw_outputs
            self._note("same", resource.urn)
        elif any(changes.values()) or set(changes) & {*resource.replace_on_changes}:
            self._replace(resource, old, place, tuple(changes))
        else:
            self._note("update", resource.urn, tuple(changes))
            outputs = self.core.update(
                resource.urn,
                place,
                old.id,
                old.inputs,
                resource.inputs,
                outputs=old.outputs,
                preview=self.preview,
            )
            resource.id = old.id
            self._answered(resource, outputs)

    def _create(self, resource: Resource, place: Place) -> None:
        resource.id, outputs = self.core.create(resource.urn, place, resource.inputs, preview=self.preview)
        self._answered(resource, outputs)
        self._note("create", resource.urn)

    def _replace(self, resource: Resource, old: Resource, place: Place, changes: tuple[str, ...]) -> None:
        if old.protect:
            raise StepError(
                f"{resource.urn} is protected, and {', '.join(changes)} cannot change without replacing it"
            )
        self._note("replace", resource.urn, changes)
        self._replaced.add(resource.urn)
        first = resource.delete_before_replace
        if first is None:
            first = self.core.delete_first(resource.type, old.inputs, resource.inputs)
        if not first:
            self._check(resource, old, salt=old.id)
        elif not self.preview:
            for dependent in self._dependents(old):
                self._delete(dependent, self._config_of(dependent))
            self._delete(old, self._config_of(old), quiet=True)
        resource.id, outputs = self.core.create(resource.urn, place, resource.inputs, preview=self.preview)
        self._answered(resource, outputs)
        if not first and not self.preview:
            self.state.doom(old)

    def _dependents(self, gone: Resource) -> list[Resource]:
        """Return what must be made anew with a resource that is deleted first, last made first."""
        lost, found = {gone.urn}, []
        for resource in self.state.resources.values():
            if not resource.managed or resource.urn in lost:
                continue
            on = {name for name, urns in resource.property_dependencies.items() if lost & {*urns}}
            if on & adapter(resource.type).replace_on or lost & {*resource.replace_with}:
                lost.add(resource.urn)
                found.append(resource)
        return found[::-1]

    def _delete(
        self, resource: Resource, config: Mapping[str, str], *, spared: bool = False, quiet: bool = False
    ) -> None:
        if not quiet and resource.custom:
            self._note("delete", resource.urn)
        if self.preview:
            return
        if resource.managed and not spared and not resource.retain_on_delete:
            try:
                self.core.delete(
                    resource.urn, self._place(resource.type, config), resource.id, resource.inputs
                )
            except Exception as error:
                raise StepError(f"{resource.urn}: it could not be deleted: {error}") from error
        self.state.drop(resource)

    def _answered(self, resource: Resource, outputs: dict[str, Any]) -> None:
        marked = wire.mark_secrets(outputs, resource.raw_inputs)
        for name in resource.additional_secret_outputs:
            if name in marked:
                marked[name] = wire.secret(marked[name])
        resource.raw_outputs = marked

    def _place(self, token: str, config: Mapping[str, str]) -> Place:
        package = token.split(":", maxsplit=1)[0]
        key = f"{package}:{config.get('region', '')}"
        with self._lock:
            if key not in self._places:
                self._places[key] = self.core.backend.place(package, config)
            return self._places[key]

    def _config_of(self, resource: Resource) -> Mapping[str, str]:
        provider = (
            self.state.resources.get(resource.provider.rsplit("::", 1)[0]) if resource.provider else None
        )
        return provider.inputs if provider else {"region": resource.outputs.get("region", "")}

    def _note(self, op: str, urn: str, properties: tuple[str, ...] = ()) -> None:
        step = Step(op=op, urn=urn, properties=properties)
        with self._lock:
            self.done.append(step)
        if self.on_step is not None:
            self.on_step(step)
