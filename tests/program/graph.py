"""A stack's resources, asked as a graph."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.standin import Run
from local.standin.state import Resource

ACCOUNT_WIDE = "*"


@dataclass(frozen=True)
class Graph:
    """What a run declared."""

    run: Run

    def of(self, kind: str) -> list[Resource]:
        """The resources whose type ends so: `Stream`, `snowflake:…:Warehouse`."""
        found = [one for one in self.run.resources if one.type.endswith(f":{kind}") and one.custom]
        assert found, f"no {kind}"
        return found

    def named(self, kind: str, end: str) -> Resource:
        found = [one for one in self.of(kind) if one.name.endswith(end)]
        assert len(found) == 1, (kind, end, [one.name for one in found])
        return found[0]

    @property
    def custom(self) -> list[Resource]:
        return [one for one in self.run.resources if one.custom and one.type.partition(":")[0] != "pulumi"]

    @property
    def base(self) -> str:
        return next(one.name for one in self.run.resources if one.type.endswith(":RetailLake"))

    @property
    def sources(self) -> list[str]:
        return sorted(self.run.outputs["streams"])

    def role_policy(self, end: str) -> list[dict[str, Any]]:
        """The statements of what a role may do."""
        return statements(self.named("RolePolicy", end).inputs["policy"])

    def role_policies(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for policy in self.of("RolePolicy"):
            for statement in statements(policy.inputs["policy"]):
                yield policy.name, statement

    def documents(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Every policy document of the stack, and whose it is."""
        for one in self.custom:
            for key in ("policy", "assumeRolePolicy"):
                if isinstance(one.inputs.get(key), str):
                    yield f"{one.type}::{one.name}", statements(one.inputs[key])


def statements(document: str) -> list[dict[str, Any]]:
    return json.loads(document)["Statement"]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def by_sid(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    sids = {one["Sid"]: one for one in found}
    assert len(sids) == len(found)
    return sids
