"""Stacks to break: the resources that a run declared, changed one by one and judged by the stack policies."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from pulumi_policy import (
    Policy,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies import data, s3
from policies.lake import pack as lake

UNKNOWN = UNKNOWN_STRING_VALUE
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
# Tests break one thing, with parts that are made roughly: those that hold single properties have their own.
WIDE = tuple(policy for policy in lake.POLICIES if policy not in lake.STRICT)
JUDGED: tuple[Policy, ...] = (*s3.POLICIES, *data.POLICIES, *WIDE)
DECRYPT = "lake-pii-key-disallow-decrypt"
Finding = tuple[str, str, str]  # policy, message, the URN's type and name


@dataclass(kw_only=True)
class Part:
    """A resource as a stack policy sees it: by its outputs."""

    type: str
    name: str
    props: dict[str, Any] = field(default_factory=dict)
    depends: dict[str, list["Part"]] = field(default_factory=dict)
    protect: bool = False
    urn: str = ""
    provider: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.urn = self.urn or f"urn:pulumi:t::t::{self.type}::{self.name}"

    def section(self, path: str) -> Any:
        """Return the mapping or list at a path, to change it."""
        value: Any = self.props
        for key in path.split("."):
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value


@dataclass
class Stack:
    """A stack that may be changed."""

    parts: list[Part]

    @classmethod
    def of(cls, resources: Iterable[Any]) -> "Stack":
        """Take over what a run declared."""
        found = list(resources)
        parts = {
            one.urn: Part(
                type=one.type,
                name=one.name,
                props=copy.deepcopy(one.outputs),
                protect=one.protect,
                urn=one.urn,
            )
            for one in found
        }
        for one in found:
            for key, urns in one.property_dependencies.items():
                parts[one.urn].depends[key] = [parts[urn] for urn in urns]
        return cls(list(parts.values()))

    def all(self, kind: str) -> list[Part]:
        return [one for one in self.parts if one.type.endswith(f":{kind}")]

    def one(self, kind: str, end: str = "") -> Part:
        found = [one for one in self.all(kind) if one.name.endswith(end)]
        assert len(found) == 1, (kind, end, [one.name for one in found])
        return found[0]

    def drop(self, part: Part) -> None:
        self.parts.remove(part)
        for one in self.parts:
            for key, parts in one.depends.items():
                one.depends[key] = [other for other in parts if other is not part]

    def add(self, part: Part) -> Part:
        self.parts.append(part)
        return part

    def resources(self) -> list[PolicyResource]:
        made = {
            one.urn: PolicyResource(
                one.type,
                unknown_checking_proxy(copy.deepcopy(one.props)),
                one.urn,
                one.name,
                PolicyResourceOptions(one.protect, [], None, [], None, []),  # type: ignore[arg-type]
                PolicyProviderResource("pulumi:providers:aws", one.provider, "urn:p", "default")
                if one.provider
                else None,
                None,
                [],
                {},
            )
            for one in self.parts
        }
        for one in self.parts:
            for key, parts in one.depends.items():
                made[one.urn].property_dependencies[key] = [made[other.urn] for other in parts]
        return list(made.values())

    def _decryptors(self, config: Mapping[str, Mapping[str, Any]] | None) -> Mapping[str, Any]:
        """Add the stack's own service to the named decryptors, as the shipped configurations do."""
        given = (config or {}).get(DECRYPT, {})
        return {**given, "decryptors": [*given.get("decryptors", []), "retaillake-*-reid"]}

    def findings(
        self,
        config: Mapping[str, Mapping[str, Any]] | None = None,
        policies: Iterable[Policy] = JUDGED,
        tags: Mapping[str, str] | None = None,
    ) -> set[Finding]:
        """Return what the stack policies say; one that cannot run on unknown values fails the test."""
        config = {**(config or {}), DECRYPT: self._decryptors(config)}
        resources = self.resources()
        names = {one.urn: f"{one.type.rpartition(':')[2]}::{one.name}" for one in self.parts}
        found: list[Finding] = []
        for policy in policies:
            if isinstance(policy, StackValidationPolicy):
                args = StackValidationArgs(resources, config.get(policy.name), tags)
                policy.validate(
                    args,
                    lambda message, urn=None, name=policy.name: found.append(
                        (name, message, names[urn] if urn else "")
                    ),
                )
        assert len(found) == len(set(found)), "a finding was said twice"
        return set(found)
