"""Policy documents, and roles for one service and one purpose."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.context import Context

Statement: TypeAlias = dict[str, Any]
Conditions: TypeAlias = Mapping[str, Mapping[str, Any]]


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Any,
    *,
    principal: Mapping[str, Any] | None = None,
    conditions: Conditions | None = None,
) -> Statement:
    """Return a statement that allows; with a principal, one of a resource's policy."""
    statement: Statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}
    if principal:
        statement["Principal"] = principal
    if conditions:
        statement["Condition"] = conditions
    return statement


def deny(sid: str, actions: Sequence[str], resources: Any, conditions: Conditions | None = None) -> Statement:
    """Return a statement of a resource's policy that denies everyone."""
    return {**allow(sid, actions, resources, conditions=conditions), "Effect": "Deny", "Principal": "*"}


def document(*statements: Statement, others: pulumi.Input[Sequence[Any]] = ()) -> pulumi.Output[str]:
    """Return the policy as JSON, with statements that somebody else made after ours."""
    together = pulumi.Output.all(list(statements), others).apply(lambda parts: [*parts[0], *parts[1]])
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": together})


def via(context: Context, *services: str) -> Conditions:
    """Only when one of these services asks on the caller's behalf."""
    return {
        "StringEquals": {"kms:ViaService": [f"{name}.{context.region}.amazonaws.com" for name in services]}
    }


def trust(service: str, conditions: Conditions | None = None) -> pulumi.Output[str]:
    """Return the policy that lets a service take on a role."""
    statement: Statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return document({**statement, "Condition": conditions} if conditions else statement)


def role(
    name: str,
    context: Context,
    *,
    trust: pulumi.Input[str],
    purpose: str,
    statements: Sequence[Statement],
    parent: pulumi.Resource,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """Make a role with its only policy; `name` is what `Context.role_arn` knows it by."""
    options = pulumi.ResourceOptions(parent=parent)
    made = aws.iam.Role(
        name,
        name=naming.fit(name, naming.ROLE),
        description=purpose,
        assume_role_policy=trust,
        tags=context.tagged(naming.INTERNAL),
        opts=options,
    )
    policy = aws.iam.RolePolicy(name, role=made.name, policy=document(*statements), opts=options)
    return made, policy
