"""APIs ask who calls and how often, speak modern TLS, and keep a log of it that holds no bodies."""

from collections.abc import Iterator
from typing import Any

from pulumi_policy import EnforcementLevel, Severity

from policies.graph import UNKNOWN, Graph, Node
from policies.rules import Config, Fault, Props, given, resource_policy, section, stack_policy

STAGES = ("aws:apigateway/stage:Stage", "aws:apigatewayv2/stage:Stage")
SETTINGS = "aws:apigateway/methodSettings:MethodSettings"
METHOD = "aws:apigateway/method:Method"
ROUTE = "aws:apigatewayv2/route:Route"
API = "aws:apigatewayv2/api:Api"
DOMAIN = "aws:apigateway/domainName:DomainName"

# How many requests a second, and how many at once. Without a limit, or with -1, the account's own is used up.
LIMITS = ("throttlingRateLimit", "throttlingBurstLimit")
EVERY_METHOD = "*/*"

_ANYONE = "answers anyone: set {} to AWS_IAM, or to an authorizer."


def _logged(props: Props, _: Config) -> str | None:
    if given(section(props, "accessLogSettings"), "destinationArn"):
        return None
    return "A stage should keep a log of who called what: set accessLogSettings."


def _traced(props: Props, _: Config) -> str | None:
    if props.get("xrayTracingEnabled") is True:
        return None
    return "A stage should be traced: set xrayTracingEnabled to true."


def _trace(props: Props, config: Config) -> Props | None:
    return {"xrayTracingEnabled": True} if _traced(props, config) else None


def _bodies(props: Props, _: Config) -> str | None:
    if section(props, "settings").get("dataTraceEnabled") is not True:
        return None
    return "A log must not hold what is sent and answered: set dataTraceEnabled to false."


def _no_bodies(props: Props, config: Config) -> dict[str, Any] | None:
    return {"settings": {"dataTraceEnabled": False}} if _bodies(props, config) else None


def _limited(graph: Graph, _: Config) -> Iterator[Fault]:
    for stage in graph.of(STAGES[0]):
        if not any(_limits(one) for one in graph.of(SETTINGS) if _is_for(one, stage)):
            yield stage, f"A stage should say how often it may be called: set {' and '.join(LIMITS)}."


def _is_for(settings: Node, stage: Node) -> bool:
    """Say whether settings are for all methods of a stage, or may be."""
    path = settings.get("methodPath") in (EVERY_METHOD, UNKNOWN)
    keys = ("restApi", "stageName")
    return path and all(
        settings.get(key) == stage.get(key) or UNKNOWN in (settings.get(key), stage.get(key)) for key in keys
    )


def _limits(settings: Node) -> bool:
    values = [settings.get(f"settings.{limit}") for limit in LIMITS]
    return all(one is UNKNOWN or (isinstance(one, int | float) and one >= 0) for one in values)


def _method_asks(props: Props, _: Config) -> str | None:
    # Browsers ask what a site may do without saying who they are.
    if props.get("authorization") != "NONE" or props.get("httpMethod") == "OPTIONS":
        return None
    return "A method " + _ANYONE.format("authorization")


def _route_asks(props: Props, _: Config) -> str | None:
    route = props.get("routeKey")
    if not isinstance(route, str) or route.startswith("OPTIONS "):
        return None
    # A socket is asked for its rights once, when it connects; of "$default" see below.
    if (" " in route or route == "$connect") and _is_open(props.get("authorizationType")):
        return f"The route {route} " + _ANYONE.format("authorizationType")
    return None


def _is_open(authorization: object) -> bool:
    return authorization in (None, "", "NONE")


def _quickly_made(props: Props, _: Config) -> str | None:
    if not given(props, "target") or props.get("protocolType") != "HTTP":
        return None
    return "An API with a target of its own answers anyone: make routes with an authorizationType instead."


def _defaults_ask(graph: Graph, _: Config) -> Iterator[Fault]:
    """Each catch-all route of an HTTP API; that of a WebSocket API serves those who are connected already."""
    for route in graph.of(ROUTE):
        authorization = route.get("authorizationType")
        if route.get("routeKey") != "$default" or authorization is UNKNOWN or not _is_open(authorization):
            continue
        if any(api.get("protocolType") == "HTTP" for api in graph.targets(route, "apiId", API)):
            yield route, "The route $default " + _ANYONE.format("authorizationType")


def _modern(props: Props, _: Config) -> str | None:
    if props.get("securityPolicy") != "TLS_1_0":
        return None
    return "A domain must not speak TLS 1.0: set securityPolicy to TLS_1_2."


POLICIES = (
    resource_policy(
        "aws-apigateway-stage-enable-access-logs",
        *STAGES,
        description="Stages keep access logs.",
        check=_logged,
        steps="Set accessLogSettings to a log group, with a format that says who called and holds no data.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
    resource_policy(
        "aws-apigateway-stage-enable-tracing",
        STAGES[0],
        description="Stages of REST APIs are traced.",
        check=_traced,
        mend=_trace,
        steps="Set xrayTracingEnabled to true.",
        severity=Severity.LOW,
        level=EnforcementLevel.ADVISORY,
    ),
    stack_policy(
        "aws-apigateway-stage-configure-throttling",
        description="Stages of REST APIs say how often they may be called.",
        check=_limited,
        steps="Add MethodSettings for */* with throttlingRateLimit and throttlingBurstLimit.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
    resource_policy(
        "aws-apigateway-settings-disallow-data-trace",
        SETTINGS,
        description="Logs of REST APIs hold no bodies.",
        check=_bodies,
        mend=_no_bodies,
        steps="Set dataTraceEnabled to false.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-apigateway-method-disallow-anonymous",
        METHOD,
        description="Methods of REST APIs ask who calls; an API key does not.",
        check=_method_asks,
        steps="Set authorization to AWS_IAM, COGNITO_USER_POOLS or CUSTOM.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-apigateway-route-disallow-anonymous",
        ROUTE,
        description="Routes of HTTP and WebSocket APIs ask who calls.",
        check=_route_asks,
        steps="Set authorizationType to AWS_IAM, JWT or CUSTOM.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-apigateway-api-disallow-anonymous",
        API,
        description="HTTP APIs are not made with a target that answers anyone.",
        check=_quickly_made,
        steps="Leave target out, and make routes with an authorizationType.",
        severity=Severity.HIGH,
    ),
    stack_policy(
        "aws-apigateway-default-disallow-anonymous",
        description="Catch-all routes of HTTP APIs ask who calls.",
        check=_defaults_ask,
        steps="Set authorizationType to AWS_IAM, JWT or CUSTOM.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-apigateway-domain-enforce-tls",
        DOMAIN,
        description="Domains of APIs speak TLS 1.2 or newer.",
        check=_modern,
        steps="Set securityPolicy to TLS_1_2.",
        severity=Severity.HIGH,
    ),
)
