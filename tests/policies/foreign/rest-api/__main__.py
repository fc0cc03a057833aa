"""Loyalty points over REST: API Gateway, two functions, two tables."""

import json

import pulumi
import pulumi_aws as aws

tags = {"Project": "points", "Owner": "loyalty"}
account = aws.get_caller_identity().account_id
region = aws.get_region().region


def trust(service: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
    )


key = aws.kms.Key("tables", description="Tables of the loyalty points", enable_key_rotation=True, tags=tags)
points = aws.dynamodb.Table(
    "points",
    attributes=[{"name": "customer", "type": "S"}],
    hash_key="customer",
    billing_mode="PAY_PER_REQUEST",
    point_in_time_recovery={"enabled": True},
    server_side_encryption={"enabled": True, "kms_key_arn": key.arn},
    tags=tags,
)
# Rewards were added in a hurry.
rewards = aws.dynamodb.Table(
    "rewards",
    attributes=[{"name": "id", "type": "S"}],
    hash_key="id",
    billing_mode="PAY_PER_REQUEST",
    tags=tags,
)

reader = aws.iam.Role("reader", assume_role_policy=trust("lambda.amazonaws.com"), tags=tags)
aws.iam.RolePolicyAttachment(
    "reader-logs",
    role=reader.name,
    policy_arn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
)
aws.iam.RolePolicy(
    "reader",
    role=reader.id,
    policy=pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["dynamodb:GetItem", "dynamodb:Query"],
                    "Resource": [points.arn, points.arn.apply(lambda arn: f"{arn}/index/*")],
                }
            ],
        }
    ),
)
writer = aws.iam.Role("writer", assume_role_policy=trust("lambda.amazonaws.com"), tags=tags)
aws.iam.RolePolicy(
    "writer",
    role=writer.id,
    policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}],
        }
    ),
)

code = pulumi.AssetArchive({"handler.py": pulumi.StringAsset("def handler(event, context): return {}\n")})
logs = aws.cloudwatch.LogGroup(
    "reader", name="/aws/lambda/points-reader", retention_in_days=30, kms_key_id=key.arn, tags=tags
)
read = aws.lambda_.Function(
    "read",
    name="points-reader",
    runtime="python3.13",
    handler="handler.handler",
    role=reader.arn,
    code=code,
    environment={
        "variables": {
            "TABLE": points.name,
            "TOKEN_ENDPOINT": "https://login.example.org/oauth2/token",
            "PARTNER_SECRET_ARN": f"arn:aws:secretsmanager:{region}:{account}:secret:partner",
        }
    },
    tracing_config={"mode": "Active"},
    tags=tags,
)
write = aws.lambda_.Function(
    "write",
    runtime="python3.13",
    handler="handler.handler",
    role=writer.arn,
    code=code,
    environment={"variables": {"TABLE": rewards.name, "PARTNER_PASSWORD": "correct-horse-battery"}},
    tags=tags,
)

api = aws.apigateway.RestApi("points", description="Loyalty points", tags=tags)
pool = aws.cognito.UserPool("customers", tags=tags)
authorizer = aws.apigateway.Authorizer(
    "customers",
    rest_api=api.id,
    type="COGNITO_USER_POOLS",
    provider_arns=[pool.arn],
    identity_source="method.request.header.Authorization",
)
resource = aws.apigateway.Resource(
    "points", rest_api=api.id, parent_id=api.root_resource_id, path_part="points"
)
get = aws.apigateway.Method(
    "get",
    rest_api=api.id,
    resource_id=resource.id,
    http_method="GET",
    authorization="COGNITO_USER_POOLS",
    authorizer_id=authorizer.id,
)
post = aws.apigateway.Method(
    "post",
    rest_api=api.id,
    resource_id=resource.id,
    http_method="POST",
    authorization="NONE",
    api_key_required=True,
)
options = aws.apigateway.Method(
    "options", rest_api=api.id, resource_id=resource.id, http_method="OPTIONS", authorization="NONE"
)
integrations = [
    aws.apigateway.Integration(
        name,
        rest_api=api.id,
        resource_id=resource.id,
        http_method=method.http_method,
        type="AWS_PROXY",
        integration_http_method="POST",
        uri=function.invoke_arn,
    )
    for name, method, function in (("get", get, read), ("post", post, write))
]
aws.apigateway.Integration(
    "options", rest_api=api.id, resource_id=resource.id, http_method=options.http_method, type="MOCK"
)
aws.lambda_.Permission(
    "read",
    action="lambda:InvokeFunction",
    function=read.name,
    principal="apigateway.amazonaws.com",
    source_arn=api.execution_arn.apply(lambda arn: f"{arn}/*/GET/points"),
)
aws.lambda_.Permission(
    "write", action="lambda:InvokeFunction", function=write.name, principal="apigateway.amazonaws.com"
)

deployment = aws.apigateway.Deployment(
    "points", rest_api=api.id, opts=pulumi.ResourceOptions(depends_on=integrations)
)
access = aws.cloudwatch.LogGroup("access", tags=tags)
aws.apigateway.Stage(
    "live",
    rest_api=api.id,
    deployment=deployment.id,
    stage_name="live",
    xray_tracing_enabled=True,
    access_log_settings={"destination_arn": access.arn, "format": "$context.requestId $context.status"},
    tags=tags,
)
trial = aws.apigateway.Stage(
    "trial", rest_api=api.id, deployment=deployment.id, stage_name="trial", tags=tags
)
# For the people of the support desk, who have no accounts yet.
url = aws.lambda_.FunctionUrl("support", function_name=read.name, authorization_type="NONE")

pulumi.export("url", trial.invoke_url)
pulumi.export("support", url.function_url)
