"""What identities may do: named actions, no ready-made policy for everything, and trust in named parties."""

import re
from collections.abc import Iterator
from typing import Any

from pulumi_policy import Severity

from policies.documents import (
    Statement,
    actions,
    allows,
    condition_values,
    faulty,
    is_every_action,
    is_whole_service,
    lets_anyone_in,
    on_everything,
    principals,
)
from policies.rules import Config, Props, elements, given, resource_policy, sections

ROLE = "aws:iam/role:Role"
POLICY_TYPES = (
    "aws:iam/policy:Policy",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
)
ATTACHMENTS = (
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
)
ADMINISTRATION = re.compile(r"arn:[^:]*:iam::aws:policy/(AdministratorAccess|IAMFullAccess|PowerUserAccess)")
_OIDC = re.compile(r"arn:[^:]*:iam::[^:]*:oidc-provider/(?P<host>.+)")


def _is_too_much(statement: Statement) -> bool:
    if not allows(statement):
        return False
    if given(statement, "NotAction"):
        return True
    named = actions(statement)
    if any(is_every_action(action) for action in named):
        return True
    return any(is_whole_service(action) for action in named) and on_everything(statement)


def _narrow(props: Props, _: Config) -> str | None:
    return _fault(faulty(props.get("policy"), _is_too_much))


def _narrow_inline(props: Props, _: Config) -> str | None:
    return next(
        (
            fault
            for inline in sections(props, "inlinePolicies")
            if (fault := _fault(faulty(inline.get("policy"), _is_too_much)))
        ),
        None,
    )


def _fault(found: list[str]) -> str | None:
    if not found:
        return None
    return (
        f"A policy allows too much, by statement {', '.join(found)}: "
        "name the actions, or the resources where all of a service's actions are meant."
    )


def _trusts_named(props: Props, _: Config) -> str | None:
    found = faulty(props.get("assumeRolePolicy"), lets_anyone_in)
    if not found:
        return None
    return f"Anyone may take on the role, by statement {', '.join(found)}: name who may."


def _trusts_any_subject(statement: Statement) -> bool:
    """Whether all that an identity provider vouches for may take on a role: of GitHub, every repository."""
    hosts = [
        match["host"]
        for provider in principals(statement, "Federated")
        if isinstance(provider, str) and (match := _OIDC.fullmatch(provider))
    ]
    return allows(statement) and any(not _is_held(statement, host) for host in hosts)


def _is_held(statement: Statement, host: str) -> bool:
    subjects = list(condition_values(statement, f"{host}:sub"))
    return bool(subjects) and all(re.sub(r"^(repo:)?[*?/:]*", "", subject) for subject in subjects)


def _trusts_subjects(props: Props, _: Config) -> str | None:
    found = faulty(props.get("assumeRolePolicy"), _trusts_any_subject)
    if not found:
        return None
    return (
        f"Whoever the identity provider vouches for may take on the role, by statement {', '.join(found)}: "
        "add a condition on its sub."
    )


def _no_administration(arns: Iterator[Any]) -> str | None:
    for arn in arns:
        if isinstance(arn, str) and (match := ADMINISTRATION.fullmatch(arn)):
            return (
                f"{match[1]} allows more than any one purpose needs: attach a policy that names the actions."
            )
    return None


POLICIES = (
    resource_policy(
        "aws-iam-policy-disallow-wildcard",
        *POLICY_TYPES,
        description="Policies name the actions that they allow, or the resources for a service's actions.",
        check=_narrow,
        steps="Name the actions; a whole service's only on named resources; never NotAction.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-iam-role-disallow-wildcard",
        ROLE,
        description="Policies inside a role name the actions that they allow.",
        check=_narrow_inline,
        steps="Name the actions; a whole service's only on named resources; never NotAction.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-iam-role-disallow-public-trust",
        ROLE,
        description="Roles are not for whoever wants to take them on.",
        check=_trusts_named,
        steps="Name the principals, or narrow the statement by aws:PrincipalOrgID or aws:PrincipalArn.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "aws-iam-role-configure-federated-subject",
        ROLE,
        description="Roles for an identity provider's users say which of them.",
        check=_trusts_subjects,
        steps="Add a condition on the provider's sub claim, such as repo:organisation/repository:*.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "aws-iam-attachment-disallow-administration",
        *ATTACHMENTS,
        description="Nobody gets a ready-made policy that allows everything.",
        check=lambda props, _: _no_administration(elements(props.get("policyArn"))),
        steps="Attach a policy that names the actions.",
        severity=Severity.CRITICAL,
    ),
    resource_policy(
        "aws-iam-role-disallow-administration",
        ROLE,
        description="No role is made with a ready-made policy that allows everything.",
        check=lambda props, _: _no_administration(elements(props.get("managedPolicyArns"))),
        steps="Attach a policy that names the actions.",
        severity=Severity.CRITICAL,
    ),
)
