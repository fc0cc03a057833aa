"""Every resource of a lake lies in the regions that it may lie in, and speaks of no other."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.lake.judged import lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault

# What lies somewhere. A component only repeats what its parts say.
PACKAGES = frozenset({"aws", "aws-native", "azure-native", "snowflake"})


def _resident(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    allowed = frozenset(config.get("regions") or ()) or lake.home
    if not allowed:
        return
    named = ", ".join(sorted(allowed))
    for node in lake.graph.nodes:
        if node.type.partition(":")[0] not in PACKAGES:
            continue
        for region in lake.regions(node):
            if region not in allowed:
                yield (
                    node,
                    f"{node.name} lies in {region}, or names what does: allowed is {named}.",
                )


POLICIES = (
    lake_policy(
        "lake-resource-enforce-residency",
        description="Everything of a lake lies in the regions that are allowed.",
        check=_resident,
        steps="Deploy to an allowed region, or allow the region in this policy's configuration.",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema({"regions": {"type": "array", "items": {"type": "string"}, "default": []}}),
    ),
)
