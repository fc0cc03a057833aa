"""What every policy is made of: a resource type, a check of its properties, and words for people."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from pulumi_policy.proxy import UnknownValueError, unknown_checking_proxy

from policies.graph import Graph, Node
from policies.tokens import unversioned

Props = Mapping[str, Any]
Config = Mapping[str, Any]
Check = Callable[[Props, Config], str | None]
Mend = Callable[[Props, Config], Mapping[str, Any] | None]
# What is wrong in a stack: with which resource (None: with the stack itself), and what.
Fault = tuple[Node | None, str]
StackCheck = Callable[[Graph, Config], Iterable[Fault]]

_AWS_KEY = re.compile(r"(^|[:/])alias/aws/")


def given(props: Props, key: str) -> bool:
    """Whether a property has a value, known already or not.

    A key or an ARN is often not known before it is made, and reading such a value raises: but it is there.
    """
    try:
        return props[key] is not None
    except KeyError:
        return False
    except UnknownValueError:
        return True


def known(props: Props, key: str) -> Any:
    """The value of a property, or None where it is missing or not known yet."""
    try:
        return props.get(key)
    except UnknownValueError:
        return None


def section(props: Props, key: str) -> Props:
    """The nested property ``key``, or an empty one where it is missing or of another shape."""
    value = props.get(key) if given(props, key) else None
    return cast(Props, value) if isinstance(value, Mapping) else {}


def elements(value: Any) -> Iterator[Any]:
    """What a list holds, without what is not known yet; a value that is no list counts as a list of it."""
    if value is None:
        return
    if isinstance(value, str) or not isinstance(value, Sequence):
        yield value
        return
    items = cast(Sequence[Any], value)
    for index in range(len(items)):
        try:
            yield items[index]
        except UnknownValueError:
            continue


def sections(props: Props, key: str) -> Iterator[Props]:
    """The nested properties in the list ``key``, without what is of another shape or not known yet."""
    for value in elements(props.get(key)):
        if isinstance(value, Mapping):
            yield cast(Props, value)


def own_key(props: Props, key: str) -> bool:
    """Whether a property names a KMS key of one's own: not one that AWS keeps for a service."""
    value = known(props, key)
    if value is None:
        return given(props, key)
    return isinstance(value, str) and value != "" and not _AWS_KEY.search(value)


def number(props: Props, key: str, default: float) -> float:
    """A property that is a number; Python counts truth values as numbers, people do not."""
    value = props.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default


def plain(value: Any) -> Any:
    """A copy in dictionaries and lists, of whatever the SDK wrapped the values in."""
    if isinstance(value, Mapping):
        inner = cast(Mapping[str, Any], value)
        return {key: plain(inner[key]) for key in inner}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in cast(Sequence[Any], value)]
    return value


def amend(props: Any, changes: Mapping[str, Any]) -> Any:
    """Change properties in place, and return them.

    In place, because the SDK then keeps secret what was secret: a copy would hold plain values, and they
    would go to the state like that.
    """
    for key, change in changes.items():
        now = props[key] if key in set(props) else None
        if isinstance(change, Mapping) and isinstance(now, Mapping):
            amend(now, cast(Mapping[str, Any], change))
        elif isinstance(change, list) and isinstance(now, Sequence) and not isinstance(now, str):
            items = cast(Sequence[Any], now)
            for index, part in enumerate(cast(list[Mapping[str, Any]], change)):
                amend(items[index], part)
        else:
            props[key] = change
    return props


def remediation(mend: Mend, types: Iterable[str]) -> Callable[[ResourceValidationArgs], Props | None]:
    """What the SDK calls to mend a resource: runs ``mend`` and puts its changes in."""
    mended = frozenset(types)

    def remediate(args: ResourceValidationArgs) -> Props | None:
        if unversioned(args.resource_type) not in mended:
            return None
        try:
            # The SDK hands over values that are not known yet as if they were text.
            view = cast(Props, unknown_checking_proxy(plain(args.props)))
            changes = mend(view, args.get_config())
        except UnknownValueError as unknown:
            args.not_applicable(unknown.message)
            return None
        return amend(args.props, changes) if changes else None

    return remediate


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
        configuration, and must be total: any property may be missing, null or of a wrong type. Where it
        reads what is not known yet, the policy does not apply yet: no finding, no failure.
    mend
        Returns what must change, and nothing else: nested properties are put into those that are there,
        lists element by element. None where there is nothing to mend. Runs at level ``remediate``.
    """

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if unversioned(args.resource_type) not in types:
            return
        try:
            fault = check(args.props, args.get_config())
        except UnknownValueError as unknown:
            args.not_applicable(unknown.message)
            return
        if fault:
            report(fault, None)

    return ResourceValidationPolicy(
        name=name,
        description=description,
        validate=validate,
        # The SDK's type only knows awaitables; the SDK itself takes a plain mapping as well.
        remediate=cast(ResourceRemediation, remediation(mend, types)) if mend else None,
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
