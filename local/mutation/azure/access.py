"""Who may do what: an assignment gives more, reaches further, or is somebody else's too; a role allows more.

A right that is given to one more identity counts for those that an app of ours runs as: a service does with
an identity what it is made for, and nothing that anybody could ask of it. The keys of personal data are
opened to every identity: nobody may.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.standin.azure.client import guid
from local.standin.state import Resource

from ..graph import Graph, Path, clone, get
from ..mutant import Mutant, beside, edit
from . import kinds, roles
from .kinds import PRINCIPAL, ROLE, SCOPE

PERSONAL = "pii"
IDENTITIES: Path = ("identity", "userAssignedIdentities")


@dataclass(frozen=True, kw_only=True)
class Who:
    """A principal, and the resource that it is of, where the graph has it."""

    name: str
    principal: str
    urns: tuple[str, ...] = ()

    @classmethod
    def of(cls, identity: Resource) -> Who:
        """Return an identity of the graph."""
        return cls(name=identity.name, principal=str(identity.outputs["principalId"]), urns=(identity.urn,))


SOMEBODY = Who(name="somebody else", principal=guid("somebody else"))


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Allow more in each way that assignments and roles offer."""
    assignments = graph.of(kinds.ASSIGNMENT)
    for one in assignments:
        yield from _wider_roles(one)
        yield from _wider_scopes(graph, one)
        yield from _others(graph, one)
    for one in graph.of(kinds.DEFINITION):
        yield from _defined(one)
    for one in graph.of(kinds.APP):
        yield from _as_others(graph, one)
    if assignments:
        yield from _decrypting(graph, assignments[0])


def _wider_roles(one: Resource) -> Iterator[Mutant]:
    for name, role in roles.above(str(one.inputs[SCOPE])).items():
        edits: dict[Path, Any] = {(ROLE,): roles.identifier(role, like=one)}
        yield edit("access", one, name, edits, links={ROLE: []})


def _wider_scopes(graph: Graph, one: Resource) -> Iterator[Mutant]:
    for what, scope in roles.wider(str(one.inputs[SCOPE])).items():
        links = {SCOPE: [each.urn for each in graph.managed if each.id == scope]}
        yield edit("access", one, f"widened to {what}", {(SCOPE,): scope}, links=links)


def _others(graph: Graph, one: Resource) -> Iterator[Mutant]:
    """Give the right to each app that lacks it, and to somebody else."""
    kind = "flow" if one.inputs[SCOPE] in kinds.plaintext(graph) | kinds.landings(graph) else "access"
    held = {_right(each) for each in graph.of(kinds.ASSIGNMENT)}
    for who in [*map(Who.of, kinds.running(graph)), SOMEBODY]:
        second = given(one, who)
        if _right(second) not in held:
            yield beside(kind, one, f"{who.name} may too", second)


def given(one: Resource, who: Who, role: str = "", on: Resource | None = None) -> Resource:
    """Return an assignment like this one to another principal, or of another role on something else."""
    suffix = f"{on.name}-{who.name}" if on else who.name
    edits: dict[Path, Any] = {
        (PRINCIPAL,): who.principal,
        ("roleAssignmentName",): guid(f"{one.urn} {suffix}"),
    }
    links = {PRINCIPAL: list(who.urns)}
    if on:
        edits |= {(SCOPE,): on.id, (ROLE,): roles.identifier(role, like=one)}
        links |= {SCOPE: [on.urn], ROLE: []}
    return clone(one, suffix, edits, links)


def _right(one: Resource) -> tuple[Any, ...]:
    return tuple(one.inputs[name] for name in (PRINCIPAL, ROLE, SCOPE))


def _defined(one: Resource) -> Iterator[Mutant]:
    for index, permission in enumerate(one.inputs.get("permissions", [])):
        for name in ("actions", "dataActions"):
            allowed: list[str] = permission.get(name, [])
            for wider in roles.wildcards(allowed):
                yield edit("access", one, wider, {("permissions", index, name): [wider]})
            for unlocking in roles.unlocking(allowed):
                yield edit("access", one, unlocking, {("permissions", index, name): [*allowed, unlocking]})
    for index, scope in enumerate(one.inputs.get("assignableScopes", [])):
        for what, wider in roles.wider(scope).items():
            yield edit("access", one, f"widened to {what}", {("assignableScopes", index): wider})


def _as_others(graph: Graph, app: Resource) -> Iterator[Mutant]:
    """Let an app act as each identity that it is not."""
    own, told = get(app.inputs, IDENTITIES), get(app.outputs, IDENTITIES)
    for identity in graph.of(kinds.IDENTITY) if isinstance(own, list) else ():
        if identity.id in own:
            continue
        links = {"identity": [*app.property_dependencies.get("identity", []), identity.urn]}
        mutant = edit("access", app, f"also {identity.name}", {IDENTITIES: [*own, identity.id]}, links=links)
        if isinstance(told, dict):
            # What is given as a list is told as a mapping.
            ids = {name: identity.outputs[name] for name in ("clientId", "principalId")}
            changed = mutant.change.changed[app.urn]
            changed.raw_outputs["identity"]["userAssignedIdentities"] = {**told, identity.id: ids}
        yield mutant


def _decrypting(graph: Graph, like: Resource) -> Iterator[Mutant]:
    """Let each identity unwrap with the keys of personal data, and somebody else rule the vaults."""
    for key in (one for one in graph.of(kinds.KEY) if PERSONAL in one.name):
        for who in [*map(Who.of, graph.of(kinds.IDENTITY)), SOMEBODY]:
            second = given(like, who, roles.CRYPTO_USER, key)
            yield beside("access", key, f"{who.name} may unwrap", second)
    for vault in graph.of(kinds.VAULT):
        second = given(like, SOMEBODY, roles.VAULT_ADMINISTRATOR, vault)
        yield beside("access", vault, f"{SOMEBODY.name} may do all", second)
