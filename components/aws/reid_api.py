"""The front door of re-identification: a REST API for sessions of the stack's roles, signed by IAM.

All below `/reid` goes to the function, which knows its own routes; whoever is not of the roles in the
settings does not get that far. What the gateway refuses by itself is a problem document too.
"""

import json
from dataclasses import dataclass
from hashlib import sha256

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.context import Context
from components.aws.iam import allow, deny, document
from settings import Reid

STAGE = "v1"
PROBLEM = "application/problem+json"
# What the gateway answers by itself, with the status that each has; 4XX and 5XX are all others.
REFUSALS = {
    "ACCESS_DENIED": ("403", "The caller may not use this interface"),
    "EXPIRED_TOKEN": ("403", "The caller's credentials are over"),
    "INVALID_SIGNATURE": ("403", "The request is not signed as it should be"),
    "MISSING_AUTHENTICATION_TOKEN": ("403", "The request is not signed"),
    "REQUEST_TOO_LARGE": ("413", "The request is too large"),
    "THROTTLED": ("429", "Too many requests at once"),
    "INTEGRATION_FAILURE": ("504", "The service does not answer"),
    "INTEGRATION_TIMEOUT": ("504", "The service does not answer in time"),
    "DEFAULT_4XX": (None, "The request is refused"),
    "DEFAULT_5XX": (None, "The service has a fault"),
}
# Who called what, when, with what result: no body, no header, no query.
ACCESS_LOG = {
    "request": "$context.requestId",
    "at": "$context.requestTime",
    "caller": "$context.identity.userArn",
    "from": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "refused": "$context.error.responseType",
}


@dataclass(frozen=True, kw_only=True)
class ReidApiArgs:
    """Who may call, how often, and what answers; the key encrypts the access log."""

    context: Context
    reid: Reid
    key: aws.kms.Key
    function: aws.lambda_.Function


class ReidApi(pulumi.ComponentResource):
    """The REST API with its one stage."""

    name: pulumi.Output[str]
    stage: aws.apigateway.Stage
    url: pulumi.Output[str]

    def __init__(self, name: str, args: ReidApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:aws:ReidApi", name, {}, opts)
        context, options = args.context, pulumi.ResourceOptions(parent=self)
        api = aws.apigateway.RestApi(
            name,
            name=naming.fit(name, naming.API),
            description=f"Re-identification of {context.base}",
            endpoint_configuration={"types": "REGIONAL"},
            tags=context.tagged(naming.RESTRICTED),
            opts=options,
        )
        policy = self._policy(name, args, api)
        parts = [policy, *self._route(name, args, api), *self._refusals(name, api)]
        deployment = aws.apigateway.Deployment(
            name,
            rest_api=api.id,
            # A deployment is a copy: another one is made when what it copies is another.
            triggers={"content": _digest(args)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=parts),
        )
        self.name = api.name
        self.stage = self._stage(name, args, api, deployment)
        aws.lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=args.function.name,
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.concat(api.execution_arn, "/", STAGE, "/*/reid/*"),
            source_account=context.account,
            opts=options,
        )
        self.url = pulumi.Output.concat(self.stage.invoke_url, "/reid")
        self.register_outputs({"url": self.url})

    def _policy(
        self, name: str, args: ReidApiArgs, api: aws.apigateway.RestApi
    ) -> aws.apigateway.RestApiPolicy:
        """Let in the roles of the settings, whatever IAM gives them, and nobody else, whatever IAM gives."""
        context, reid = args.context, args.reid
        people = context.people_arns([*reid.marketing_ops, *reid.privacy_officers])
        everything = pulumi.Output.concat(api.execution_arn, "/*")
        return aws.apigateway.RestApiPolicy(
            name,
            rest_api_id=api.id,
            policy=document(
                allow(
                    "People",
                    ["execute-api:Invoke"],
                    everything,
                    principal={"AWS": context.root},
                    conditions={"ArnLike": {"aws:PrincipalArn": people}},
                ),
                deny(
                    "NobodyElse",
                    ["execute-api:Invoke"],
                    everything,
                    {"ArnNotLike": {"aws:PrincipalArn": people}},
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _route(self, name: str, args: ReidApiArgs, api: aws.apigateway.RestApi) -> list[pulumi.Resource]:
        """Hand everything below `/reid` to the function."""
        options = pulumi.ResourceOptions(parent=self)
        base = aws.apigateway.Resource(
            name, rest_api=api.id, parent_id=api.root_resource_id, path_part="reid", opts=options
        )
        below = aws.apigateway.Resource(
            f"{name}-below", rest_api=api.id, parent_id=base.id, path_part="{proxy+}", opts=options
        )
        method = aws.apigateway.Method(
            name,
            rest_api=api.id,
            resource_id=below.id,
            http_method="ANY",
            authorization="AWS_IAM",
            opts=options,
        )
        integration = aws.apigateway.Integration(
            name,
            rest_api=api.id,
            resource_id=below.id,
            http_method=method.http_method,
            type="AWS_PROXY",
            integration_http_method="POST",
            uri=args.function.invoke_arn,
            opts=options,
        )
        return [method, integration]

    def _refusals(self, name: str, api: aws.apigateway.RestApi) -> list[pulumi.Resource]:
        return [
            aws.apigateway.Response(
                f"{name}-{kind.lower().replace('_', '-')}",
                rest_api_id=api.id,
                response_type=kind,
                status_code=status,
                response_parameters={"gatewayresponse.header.Content-Type": f"'{PROBLEM}'"},
                response_templates={"application/json": _problem(status, title)},
                opts=pulumi.ResourceOptions(parent=self),
            )
            for kind, (status, title) in REFUSALS.items()
        ]

    def _stage(
        self,
        name: str,
        args: ReidApiArgs,
        api: aws.apigateway.RestApi,
        deployment: aws.apigateway.Deployment,
    ) -> aws.apigateway.Stage:
        context, options = args.context, pulumi.ResourceOptions(parent=self)
        log = aws.cloudwatch.LogGroup(
            f"{name}-access",
            name=f"/aws/apigateway/{name}",
            retention_in_days=context.settings.logs.retention_days,
            kms_key_id=args.key.arn,
            tags=context.tagged(naming.INTERNAL),
            opts=options,
        )
        stage = aws.apigateway.Stage(
            name,
            rest_api=api.id,
            deployment=deployment.id,
            stage_name=STAGE,
            access_log_settings={"destination_arn": log.arn, "format": json.dumps(ACCESS_LOG)},
            xray_tracing_enabled=context.settings.functions.tracing,
            tags=context.tagged(naming.INTERNAL),
            opts=options,
        )
        aws.apigateway.MethodSettings(
            name,
            rest_api=api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings={
                "metrics_enabled": True,
                # The gateway's own log would hold bodies.
                "logging_level": "OFF",
                "data_trace_enabled": False,
                "throttling_rate_limit": args.reid.requests_per_second,
                "throttling_burst_limit": 2 * args.reid.requests_per_second,
            },
            opts=options,
        )
        return stage


def _problem(status: str | None, title: str) -> str:
    told = {"type": "about:blank", "title": title}
    return json.dumps({**told, "status": int(status)} if status else told)


def _digest(args: ReidApiArgs) -> str:
    reid = args.reid
    told = [REFUSALS, sorted(reid.marketing_ops), sorted(reid.privacy_officers)]
    return sha256(json.dumps(told).encode()).hexdigest()[:16]
