"""A web service as many have one: VPC, load balancer, Fargate, PostgreSQL, and a pipeline that deploys it."""

import json

import pulumi
import pulumi_aws as aws

tags = {"Project": "service", "Owner": "platform", "environment": "prod"}


class Network(pulumi.ComponentResource):
    """A VPC with a public and a private subnet per zone."""

    def __init__(self, name: str, cidr: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("service:network:Network", name, {}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        self.vpc = aws.ec2.Vpc(name, cidr_block=cidr, enable_dns_hostnames=True, tags=tags, opts=mine)
        gateway = aws.ec2.InternetGateway(name, vpc_id=self.vpc.id, tags=tags, opts=mine)
        routes = aws.ec2.RouteTable(
            f"{name}-public",
            vpc_id=self.vpc.id,
            routes=[{"cidr_block": "0.0.0.0/0", "gateway_id": gateway.id}],
            tags=tags,
            opts=mine,
        )
        self.public, self.private = [], []
        for number, zone in enumerate(aws.get_availability_zones(state="available").names[:2]):
            for kind, subnets, third in (("public", self.public, 0), ("private", self.private, 100)):
                subnets.append(
                    aws.ec2.Subnet(
                        f"{name}-{kind}-{number}",
                        vpc_id=self.vpc.id,
                        availability_zone=zone,
                        cidr_block=f"10.0.{third + number}.0/24",
                        tags=tags,
                        opts=mine,
                    )
                )
            aws.ec2.RouteTableAssociation(
                f"{name}-public-{number}",
                subnet_id=self.public[-1].id,
                route_table_id=routes.id,
                opts=mine,
            )
        self.register_outputs({"vpc": self.vpc.id})


network = Network("main", "10.0.0.0/16")
inside = aws.ec2.SecurityGroup(
    "inside",
    vpc_id=network.vpc.id,
    ingress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]}],
    egress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}],
    tags=tags,
)
balancer = aws.lb.LoadBalancer(
    "web",
    load_balancer_type="application",
    security_groups=[inside.id],
    subnets=[subnet.id for subnet in network.public],
    drop_invalid_header_fields=True,
    tags=tags,
)
targets = aws.lb.TargetGroup(
    "web", port=8080, protocol="HTTP", target_type="ip", vpc_id=network.vpc.id, tags=tags
)
listener = aws.lb.Listener(
    "web",
    load_balancer_arn=balancer.arn,
    port=80,
    protocol="HTTP",
    default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
    tags=tags,
)

key = aws.kms.Key(
    "data",
    enable_key_rotation=True,
    deletion_window_in_days=30,
    tags=tags,
    opts=pulumi.ResourceOptions(protect=True),
)
login = aws.secretsmanager.Secret(
    "database", kms_key_id=key.arn, tags=tags, opts=pulumi.ResourceOptions(protect=True)
)
database = aws.rds.Instance(
    "orders",
    engine="postgres",
    engine_version="17",
    instance_class="db.t4g.medium",
    allocated_storage=100,
    username="service",
    manage_master_user_password=True,
    storage_encrypted=True,
    kms_key_id=key.arn,
    db_subnet_group_name=aws.rds.SubnetGroup(
        "orders", subnet_ids=[subnet.id for subnet in network.private], tags=tags
    ).name,
    vpc_security_group_ids=[inside.id],
    skip_final_snapshot=True,
    tags=tags,
)

logs = aws.cloudwatch.LogGroup("web", tags=tags)
cluster = aws.ecs.Cluster("main", settings=[{"name": "containerInsights", "value": "enabled"}], tags=tags)
trust = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
starter = aws.iam.Role("starter", assume_role_policy=trust, tags=tags)
aws.iam.RolePolicyAttachment(
    "starter",
    role=starter.name,
    policy_arn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
)
aws.iam.RolePolicy(
    "starter",
    role=starter.id,
    policy=pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": login.arn}
            ],
        }
    ),
)
task = aws.ecs.TaskDefinition(
    "web",
    family="web",
    cpu="256",
    memory="512",
    network_mode="awsvpc",
    requires_compatibilities=["FARGATE"],
    execution_role_arn=starter.arn,
    container_definitions=pulumi.Output.json_dumps(
        [
            {
                "name": "web",
                "image": "public.ecr.aws/nginx/nginx:stable",
                "portMappings": [{"containerPort": 8080}],
                "secrets": [{"name": "DATABASE", "valueFrom": login.arn}],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": logs.name}},
            }
        ]
    ),
    tags=tags,
)
service = aws.ecs.Service(
    "web",
    cluster=cluster.arn,
    task_definition=task.arn,
    desired_count=2,
    launch_type="FARGATE",
    network_configuration={
        "subnets": [subnet.id for subnet in network.private],
        "security_groups": [inside.id],
    },
    load_balancers=[{"target_group_arn": targets.arn, "container_name": "web", "container_port": 8080}],
    tags=tags,
    opts=pulumi.ResourceOptions(depends_on=[listener]),
)

# The pipeline deploys from the repository: its identity provider vouches for it.
github = aws.iam.OpenIdConnectProvider(
    "github",
    url="https://token.actions.githubusercontent.com",
    client_id_lists=["sts.amazonaws.com"],
    tags=tags,
)


def pipeline(subject: dict[str, str]) -> pulumi.Output[str]:
    host = "token.actions.githubusercontent.com"
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{host}"},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {"StringLike": {f"{host}:aud": "sts.amazonaws.com", **subject}},
                }
            ],
        }
    )


aws.iam.Role(
    "deploy",
    assume_role_policy=pipeline(
        {"token.actions.githubusercontent.com:sub": "repo:example/service:ref:refs/heads/main"}
    ),
    tags=tags,
)
preview = aws.iam.Role("preview", assume_role_policy=pipeline({}), tags=tags)
aws.iam.RolePolicyAttachment(
    "preview", role=preview.name, policy_arn="arn:aws:iam::aws:policy/ReadOnlyAccess"
)

pulumi.export("address", balancer.dns_name)
