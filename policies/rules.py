"""What every policy is made of: a resource type, a check of its properties, and words for people."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceRemediation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)

from policies.graph import Graph, Node

Props = Mapping[str, Any]
Check = Callable[[Props, Mapping[str, Any]], str | None]
Mend = Callable[[Props, Mapping[str, Any]], dict[str, Any] | None]
# What is wrong in a stack: with which resource (None: with the stack itself), and what.
Fault = tuple[Node | None, str]
StackCheck = Callable[[Graph, Mapping[str, Any]], Iterable[Fault]]


def given(props: Props, key: str) -> bool:
    """Whether a property was given at all.

    A key or an ARN is often not known before it is made: asking for such a value stops the policy
    (the engine then reports that it could not run), iterating over the names does not.
    """
    return any(name == key for name in props)


def section(props: Props, key: str) -> Props:
    """The nested property ``key``, or an empty one where it is missing or of another shape."""
    value = props.get(key) if given(props, key) else None
    return cast(Props, value) if isinstance(value, Mapping) else {}


def resource_policy(
    name: str,
    *types: str,
    description: str,
    check: Check,
    steps: str,
    severity: Severity,
    level: EnforcementLevel = EnforcementLevel.MANDATORY,
    mend: Mend | None = None,
    config: PolicyConfigSchema | None = None,
) -> ResourceValidationPolicy:
    """A policy over single resources of the given types.

    Parameters
    ----------
    check
        Returns what is wrong, as a sentence, or None. It gets the resource's inputs and the policy's
        configuration, and must be total: any property may be missing, null or of a wrong type.
    mend
        Returns the mended inputs, or None where there is nothing to mend. Runs at level ``remediate``.
    """

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type in types and (fault := check(args.props, args.get_config())):
            report(fault, None)

    def remediate(args: ResourceValidationArgs) -> Mapping[str, Any] | None:
        if args.resource_type not in types or mend is None:
            return None
        return mend(args.props, args.get_config())

    return ResourceValidationPolicy(
        name=name,
        description=description,
        validate=validate,
        # The SDK's type only knows awaitables; the SDK itself takes a plain mapping as well.
        remediate=cast(ResourceRemediation, remediate) if mend else None,
        enforcement_level=level,
        config_schema=config,
        severity=severity,
        remediation_steps=steps,
    )


_last: list[Graph] = []


def _graph(args: StackValidationArgs) -> Graph:
    """The graph of a stack, the same one for policies that are given the same resources one after another."""
    if not _last or _last[0].resources is not args.resources:
        _last[:] = [Graph(args.resources, args.stack_tags)]
    return _last[0]


def stack_policy(
    name: str,
    *,
    description: str,
    check: StackCheck,
    steps: str,
    severity: Severity,
    level: EnforcementLevel = EnforcementLevel.MANDATORY,
    config: PolicyConfigSchema | None = None,
) -> StackValidationPolicy:
    """A policy over all resources of a stack together.

    Parameters
    ----------
    check
        Yields each fault with its resource. It gets the stack's graph and the policy's configuration, and
        must be total: properties may be missing, of a wrong type, or not known yet.
    """

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for node, fault in check(_graph(args), args.get_config()):
            report(fault, node.urn if node else None)

    return StackValidationPolicy(
        name=name,
        description=description,
        validate=validate,
        enforcement_level=level,
        config_schema=config,
        severity=severity,
        remediation_steps=steps,
    )
