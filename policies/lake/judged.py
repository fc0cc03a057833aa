"""Which stacks are lakes, and what a policy over them is made of."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity, StackValidationPolicy

from policies.graph import Graph
from policies.lake.aws import AwsLake
from policies.lake.azure import AzureLake
from policies.lake.parts import Lake
from policies.rules import Fault, stack_policy

# Each finds the parts of a lake on its cloud. A further cloud is one more class.
ADAPTERS: tuple[type[Lake], ...] = (AwsLake, AzureLake)

LakeCheck = Callable[[Lake, Mapping[str, Any]], Iterable[Fault]]


@lru_cache(maxsize=1)
def lakes(graph: Graph) -> list[Lake]:
    """Return the lakes in a stack: streams of personal data, on their way to a warehouse."""
    if not any(node.type.startswith("snowflake:") for node in graph.nodes):
        return []
    found = [adapter(graph) for adapter in ADAPTERS]
    return [lake for lake in found if any(lake.personal(stream) for stream in lake.streams)]


def by_cloud(**checks: LakeCheck) -> LakeCheck:
    """Return a check that asks of each lake what is asked on its cloud: nothing where no check is given."""

    def check(lake: Lake, values: Mapping[str, Any]) -> Iterable[Fault]:
        of_cloud = checks.get(lake.cloud)
        return of_cloud(lake, values) if of_cloud else ()

    return check


def lake_policy(
    name: str,
    *,
    description: str,
    check: LakeCheck,
    steps: str,
    severity: Severity,
    level: EnforcementLevel = EnforcementLevel.MANDATORY,
    config: PolicyConfigSchema | None = None,
) -> StackValidationPolicy:
    """A policy over the lakes of a stack; a stack without one passes."""

    def over(graph: Graph, values: Mapping[str, Any]) -> Iterator[Fault]:
        for lake in lakes(graph):
            yield from check(lake, values)

    return stack_policy(
        name,
        description=description,
        check=over,
        steps=steps,
        severity=severity,
        level=level,
        config=config,
    )
