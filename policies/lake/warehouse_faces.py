"""What a reader of a lake's warehouse sees: its own face of personal values, and the rows that it was given.

Masks and row access policies ask for roles by name. Whoever holds such a role is taken for it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.graph import UNKNOWN, Graph
from policies.lake.judged import lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault

MASK = "snowflake:index/maskingPolicy:MaskingPolicy"
ROWS = "snowflake:index/rowAccessPolicy:RowAccessPolicy"
GRANT = "snowflake:index/grantAccountRole:GrantAccountRole"
VIEW = "snowflake:index/view:View"
# Who sees rows of single stores only, by the end of the role's name.
BOUND = ["INVENTORY_MANAGER", "STORE_MANAGER"]
_IN_SESSION = re.compile(r"IS_ROLE_IN_SESSION\('([^']+)'\)", re.IGNORECASE)


def _asked(graph: Graph, *types: str) -> set[str]:
    """The roles for which policies of these types ask."""
    return {role for node in graph.of(*types) for role in _IN_SESSION.findall(node.text("body") or "")}


def _inherited(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    asked = _asked(lake.graph, MASK, ROWS)
    for node in lake.graph.of(GRANT):
        role, parent = node.text("roleName"), node.text("parentRoleName")
        if role in asked and parent is not None:
            yield node, f"{parent} would see what is meant for {role}: grant {role} to users alone."


def _bound(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    bound: list[str] = config.get("bound", BOUND)
    policies = lake.graph.of(ROWS)
    if any(node.get("body") is UNKNOWN for node in policies):
        return
    asked = _asked(lake.graph, ROWS)
    parents = {node.text("parentRoleName") or "" for node in lake.graph.of(GRANT)}
    for role in sorted(parents - asked):
        if any(role == name or role.endswith(f"_{name}") for name in bound):
            yield None, f"{role} must see rows of its own stores only: no row access policy asks for it."


def _seen_through(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for node in lake.graph.of(VIEW):
        secure = node.get("isSecure")
        if secure is not UNKNOWN and str(secure).lower() != "true":
            yield node, "A view of a lake must not be seen through: set isSecure."


POLICIES = (
    lake_policy(
        "lake-role-disallow-inheritance",
        description="A role for which masks or row access policies ask is held by users, not by other roles.",
        check=_inherited,
        steps="Grant the role to the user; where a role needs rights, grant it the access role.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-rows-missing-policy",
        description="Who is bound to stores sees the rows of these alone.",
        check=_bound,
        steps="Make a row access policy whose body asks for the role, and attach it to the models.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema(
            {"bound": {"type": "array", "items": {"type": "string"}, "default": BOUND}}
        ),
    ),
    lake_policy(
        "lake-view-enforce-secure",
        description="Views of a lake are secure: nobody learns more of what is below than they show.",
        check=_seen_through,
        steps="Set isSecure to true.",
        severity=Severity.HIGH,
    ),
)
