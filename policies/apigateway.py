"""APIs ask who calls, speak modern TLS, and keep a log of it."""

from collections.abc import Iterator, Sequence

from pulumi_policy import EnforcementLevel, PolicyResource, Severity

from policies.rules import Config, Fault, Props, given, known, resource_policy, section, stack_policy

STAGES = ("aws:apigateway/stage:Stage", "aws:apigatewayv2/stage:Stage")
METHOD = "aws:apigateway/method:Method"
ROUTE = "aws:apigatewayv2/route:Route"
API = "aws:apigatewayv2/api:Api"
DOMAIN = "aws:apigateway/domainName:DomainName"

_ANYONE = "answers anyone: set {} to AWS_IAM, or to an authorizer."


def _logged(props: Props, _: Config) -> str | None:
    if given(section(props, "accessLogSettings"), "destinationArn"):
        return None
    return "A stage should keep a log of who called what: set accessLogSettings."


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


def _defaults_ask(resources: Sequence[PolicyResource], _: Config) -> Iterator[Fault]:
    """Each catch-all route of an HTTP API; that of a WebSocket API serves those who are connected already."""
    for route in resources:
        if route.resource_type != ROUTE or known(route.props, "routeKey") != "$default":
            continue
        authorization = known(route.props, "authorizationType")
        if authorization is None and given(route.props, "authorizationType"):
            continue
        if _is_open(authorization) and any(_is_http(api, route) for api in resources):
            yield "The route $default " + _ANYONE.format("authorizationType"), route


def _is_http(api: PolicyResource, route: PolicyResource) -> bool:
    if api.resource_type != API or known(api.props, "protocolType") != "HTTP":
        return False
    if any(one.urn == api.urn for one in route.property_dependencies.get("apiId", ())):
        return True
    named = known(route.props, "apiId")
    return isinstance(named, str) and named != "" and named == known(api.props, "id")


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
