"""The URNs that a resource had before: by its own aliases, and by what its parent was called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .state import STACK


def former(urn: str, parent: str, given: Iterable[Any], parents: Sequence[str]) -> list[str]:
    """Return the URNs under which the state may know a resource, nearest first, as the engine finds them.

    Parameters
    ----------
    given
        The aliases of the registration: a URN each, or what of it was another.
    parents
        The former URNs of the parent. A child that was named after it had the parent's former name.
    """
    own = list(given)
    found = [one.urn or _spelt(urn, parent, one.spec) for one in own]
    for each in parents:
        found.append(_under(each, parent, urn))
        found += [_under(each, parent, _spelt(urn, parent, one.spec)) for one in own if _same_parent(one)]
    return [one for one in dict.fromkeys(found) if one != urn]


def _same_parent(alias: Any) -> bool:
    return not alias.urn and not alias.spec.parentUrn and not alias.spec.noParent


def _spelt(urn: str, parent: str, spec: Any) -> str:
    """Return the URN with what the specification says otherwise."""
    head, project, kinds, name = urn.split("::", 3)
    stack = spec.stack or head.removeprefix("urn:pulumi:")
    above = "" if spec.noParent else spec.parentUrn or parent
    kind = spec.type or kinds.rpartition("$")[2]
    return _urn(stack, spec.project or project, _kinds(above, kind), spec.name or name)


def _under(former_parent: str, parent: str, urn: str) -> str:
    """Return the URN that a child had under its parent's former one."""
    head, project, _, parent_was = former_parent.split("::", 3)
    _, _, kinds, name = urn.split("::", 3)
    parent_is = parent.split("::", 3)[3]
    if name.startswith(parent_is):
        name = parent_was + name[len(parent_is) :]
    stack = head.removeprefix("urn:pulumi:")
    return _urn(stack, project, _kinds(former_parent, kinds.rpartition("$")[2]), name)


def _kinds(parent: str, kind: str) -> str:
    above = parent.split("::")[2] if parent else STACK
    return kind if above == STACK else f"{above}${kind}"


def _urn(stack: str, project: str, kinds: str, name: str) -> str:
    return f"urn:pulumi:{stack}::{project}::{kinds}::{name}"
