"""Functions: called by those who may, traced, without secrets in plain text, and losing no event."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, PolicyResource, Severity

from policies.plaintext import secrets_among
from policies.rules import Config, Fault, Props, given, known, resource_policy, section, stack_policy

FUNCTION = "aws:lambda/function:Function"
PERMISSION = "aws:lambda/permission:Permission"
LAYER_PERMISSION = "aws:lambda/layerVersionPermission:LayerVersionPermission"
URL = "aws:lambda/functionUrl:FunctionUrl"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"

# These hand an event over and do not wait: what the function cannot do with it in the end is lost.
ASYNCHRONOUS = re.compile(
    r"(cloudformation|codecommit|codepipeline|config|events|iot|logs|s3|ses|sns)(\.[a-z0-9-]+)?\.amazonaws\.com"
)
SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")


def _traced(props: Props, _: Config) -> str | None:
    if section(props, "tracingConfig").get("mode") == "Active":
        return None
    return "A function should be traced: set the mode of tracingConfig to Active."


def _trace(props: Props, config: Config) -> Props | None:
    return {"tracingConfig": {"mode": "Active"}} if _traced(props, config) else None


def _without_secrets(props: Props, config: Config) -> str | None:
    variables = section(section(props, "environment"), "variables")
    found = secrets_among(variables, frozenset(config.get("allowed", [])))
    if not found:
        return None
    return (
        f"Environment variables look like secrets in plain text: {', '.join(found)}. "
        "Keep them in Secrets Manager, and tell the function their ARNs."
    )


def _says_whose(props: Props, _: Config) -> str | None:
    principal = props.get("principal")
    if not isinstance(principal, str) or not SERVICE.fullmatch(principal):
        return None
    # A rule of AWS Config does not exist before the function that it calls may be called.
    if given(props, "sourceArn") or (principal == "config.amazonaws.com" and given(props, "sourceAccount")):
        return None
    return f"A permission lets {principal} call the function for any account: set sourceArn."


def _closed(props: Props, _: Config) -> str | None:
    if props.get("principal") != "*":
        return None
    if any(given(props, key) for key in ("principalOrgId", "sourceArn", "sourceAccount")):
        return None
    return "A permission lets anyone call the function: name the principal, or its organisation."


def _layer_closed(props: Props, _: Config) -> str | None:
    if props.get("principal") != "*" or given(props, "organizationId"):
        return None
    return "A permission lets anyone have the layer: name the account, or the organisation."


def _asks_who(props: Props, _: Config) -> str | None:
    if props.get("authorizationType") != "NONE":
        return None
    return "A function's URL answers anyone: set authorizationType to AWS_IAM."


def _keeps_no_payload(props: Props, _: Config) -> str | None:
    failure = section(section(props, "destinationConfig"), "onFailure")
    arn = failure.get("destinationArn")
    if not isinstance(arn, str) or not re.match(r"arn:[^:]*:s3:", arn):
        return None
    return (
        "A mapping keeps the records of failed batches in a bucket: "
        "set the destination to a queue or a topic, which are told their positions only."
    )


def _without_dead_letters(resources: Sequence[PolicyResource], _: Config) -> Iterator[Fault]:
    for function in resources:
        if function.resource_type != FUNCTION or _says_where(function.props, "deadLetterConfig", "targetArn"):
            continue
        if _has_destination(function, resources):
            continue
        callers = sorted(set(_asynchronous_callers(function, resources)))
        if callers:
            message = (
                f"A function that {', '.join(callers)} calls without waiting loses what it fails at: "
                "set deadLetterConfig, or an on-failure destination."
            )
            yield message, function


def _says_where(props: Props, key: str, where: str) -> bool:
    """Whether a nested property is there; one that is not known yet is taken to be."""
    value = known(props, key)
    if isinstance(value, Mapping):
        return given(cast(Props, value), where)
    return value is None and given(props, key)


def _has_destination(function: PolicyResource, resources: Sequence[PolicyResource]) -> bool:
    return any(
        one.resource_type == INVOKE_CONFIG
        and _is_of(one, "functionName", function)
        and _says_where(one.props, "destinationConfig", "onFailure")
        for one in resources
    )


def _asynchronous_callers(function: PolicyResource, resources: Sequence[PolicyResource]) -> Iterator[str]:
    """The services that may call a function and do not wait for it, as its permissions say."""
    for one in resources:
        principal = known(one.props, "principal") if one.resource_type == PERMISSION else None
        if not isinstance(principal, str) or not ASYNCHRONOUS.fullmatch(principal):
            continue
        if _is_of(one, "function", function):
            yield principal


def _is_of(companion: PolicyResource, key: str, function: PolicyResource) -> bool:
    """Whether a resource names a function: by depending on it, or by its name or ARN."""
    if any(one.urn == function.urn for one in companion.property_dependencies.get(key, ())):
        return True
    named = known(companion.props, key)
    names = [known(function.props, name) for name in ("name", "arn")]
    return isinstance(named, str) and named != "" and named in names


POLICIES = (
    stack_policy(
        "aws-lambda-function-missing-dlq",
        description="Functions that are called without waiting have a place for what they fail at.",
        check=_without_dead_letters,
        steps="Set deadLetterConfig to a queue, or make a FunctionEventInvokeConfig with onFailure.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
    resource_policy(
        "aws-lambda-function-enable-tracing",
        FUNCTION,
        description="Functions are traced.",
        check=_traced,
        mend=_trace,
        steps="Set tracingConfig to Active, and let the function's role write to X-Ray.",
        severity=Severity.LOW,
        level=EnforcementLevel.ADVISORY,
    ),
    resource_policy(
        "aws-lambda-function-disallow-plaintext-secrets",
        FUNCTION,
        description="Functions are not told secrets in their environment.",
        check=_without_secrets,
        steps="Put the secret into Secrets Manager, pass its ARN, and let the function's role read it.",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema({"allowed": {"type": "array", "items": {"type": "string"}, "default": []}}),
    ),
    resource_policy(
        "aws-lambda-permission-configure-source-arn",
        PERMISSION,
        description="A service may call a function only on behalf of a named resource.",
        check=_says_whose,
        steps="Set sourceArn to the resource that calls, and sourceAccount where its ARN names no account.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-lambda-permission-disallow-public",
        PERMISSION,
        description="Functions are not for anyone to call.",
        check=_closed,
        steps="Set principal to an account or a service, or principalOrgId to your organisation.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "aws-lambda-layer-disallow-public",
        LAYER_PERMISSION,
        description="Layers are not for anyone to have.",
        check=_layer_closed,
        steps="Set principal to an account, or organizationId to your organisation.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-lambda-url-disallow-anonymous",
        URL,
        description="URLs of functions ask who calls.",
        check=_asks_who,
        steps="Set authorizationType to AWS_IAM, or put an API with an authorizer in front.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "aws-lambda-mapping-disallow-payload-copies",
        MAPPING,
        description="Event source mappings keep no records of failed batches in a bucket.",
        check=_keeps_no_payload,
        steps="Set the on-failure destination to a queue, which keeps where a batch is and not what it is.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
)
