"""What can be tagged says whose it is, what it holds and what it costs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceRemediation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
)
from pulumi_policy.proxy import UnknownValueError, unknown_checking_proxy

from policies.rules import Config, Props, amend, given, known, plain, section

REQUIRED = ["project", "stack", "environment", "owner", "data-classification"]
# All types of AWS that take tags as a map, a line each. A type that is missing there is not checked, so a
# test holds the list against the SDK.
TAGGED = frozenset(Path(__file__).with_name("taggable.txt").read_text().split())


def _missing(args: ResourceValidationArgs, props: Props) -> list[str]:
    """The tags that a resource ought to have, and gets neither by itself nor from its provider."""
    config: Config = args.get_config()
    tags = section(props, "tags")
    defaults = _of_provider(args)
    wanted: list[str] = config.get("required", REQUIRED)
    return [key for key in wanted if not given(tags, key) and not given(defaults, key)]


def _of_provider(args: ResourceValidationArgs) -> Props:
    """The tags that the provider puts on everything; providers get what is nested as JSON."""
    if args.provider is None:
        return {}
    given_as = known(args.provider.props, "defaultTags")
    if isinstance(given_as, str):
        try:
            given_as = json.loads(given_as)
        except (ValueError, RecursionError):
            return {}
    return section(cast(Props, given_as), "tags") if isinstance(given_as, Mapping) else {}


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type not in TAGGED:
        return
    try:
        missing = _missing(args, args.props)
    except UnknownValueError as unknown:
        args.not_applicable(unknown.message)
        return
    if missing:
        report(f"Tags are missing: {', '.join(missing)}.", None)


def _remediate(args: ResourceValidationArgs) -> Props | None:
    """Put in the missing tags for which the policy's configuration has a value."""
    if args.resource_type not in TAGGED:
        return None
    props = cast(Props, unknown_checking_proxy(plain(args.props)))
    try:
        missing = _missing(args, props)
    except UnknownValueError as unknown:
        args.not_applicable(unknown.message)
        return None
    defaults: Mapping[str, Any] = args.get_config().get("defaults", {})
    put = {key: defaults[key] for key in missing if key in defaults}
    return amend(args.props, {"tags": put}) if put else None


POLICIES = (
    ResourceValidationPolicy(
        name="resource-missing-tags",
        description="Everything that can be tagged carries the tags that the organisation asks for.",
        validate=_validate,
        # The SDK's type only knows awaitables; the SDK itself takes a plain mapping as well.
        remediate=cast(ResourceRemediation, _remediate),
        enforcement_level=EnforcementLevel.ADVISORY,
        config_schema=PolicyConfigSchema(
            {
                "required": {"type": "array", "items": {"type": "string"}, "default": REQUIRED},
                "defaults": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "default": {},
                },
            }
        ),
        severity=Severity.MEDIUM,
        remediation_steps="Pass the stack's tags to the resource, or set defaultTags of the provider.",
    ),
)
