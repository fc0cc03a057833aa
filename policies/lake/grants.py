"""What the identities of an AWS account may do: every policy of a role, user or group, wherever it stands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from policies.graph import Graph, Node
from policies.statements import Statement, statements

ROLE = "aws:iam/role:Role"
USER = "aws:iam/user:User"
GROUP = "aws:iam/group:Group"
MANAGED = "aws:iam/policy:Policy"
# A policy that stands in its holder, and the property that says in which.
INLINE = {
    "aws:iam/rolePolicy:RolePolicy": ("role", ROLE),
    "aws:iam/userPolicy:UserPolicy": ("user", USER),
    "aws:iam/groupPolicy:GroupPolicy": ("group", GROUP),
}
ATTACHMENTS = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (("role", ROLE),),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": (("user", USER),),
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": (("group", GROUP),),
    "aws:iam/policyAttachment:PolicyAttachment": (("roles", ROLE), ("users", USER), ("groups", GROUP)),
}
# What AWS's own policies allow of what matters here; a policy that is not listed allows none of it.
AWS_POLICIES: dict[str, tuple[str, ...]] = {
    "AdministratorAccess": ("*",),
    "PowerUserAccess": ("*",),
    "ReadOnlyAccess": ("kinesis:Get*", "s3:Get*"),
    "AmazonKinesisFullAccess": ("kinesis:*",),
    "AmazonKinesisReadOnlyAccess": ("kinesis:Get*",),
    "AmazonS3FullAccess": ("s3:*",),
    "AWSLambdaKinesisExecutionRole": ("kinesis:GetRecords", "kinesis:SubscribeToShard"),
}


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A policy of identities: where it stands, who holds it, what it says (None: not known yet)."""

    node: Node
    holders: frozenset[Node]
    says: tuple[Statement, ...] | None
    names: frozenset[Node]

    @property
    def who(self) -> str:
        """Its holders, in words."""
        return ", ".join(sorted(holder.name for holder in self.holders)) or self.node.name

    def allows(self, actions: Iterable[str], resource: str | None) -> list[str]:
        """Return which of some actions it is known to allow on a resource."""
        if self.says is None or resource is None:
            return []
        wanted = tuple(actions)
        found = {
            action
            for statement in self.says
            if statement.allows and (spoken := statement.of(wanted)) and statement.covers(resource)
            for action in spoken
        }
        return [action for action in wanted if action in found]


def grants(graph: Graph, *named: str) -> tuple[Grant, ...]:
    """Return all grants of a stack; `named` are the types by which `Grant.names` is wanted."""
    return (*_inline(graph, named), *_in_roles(graph), *_attached(graph, named))


def _inline(graph: Graph, named: tuple[str, ...]) -> Iterator[Grant]:
    for type_, (key, holder) in INLINE.items():
        for node in graph.of(type_):
            yield _grant(graph, node, graph.targets(node, key, holder), named)


def _grant(graph: Graph, node: Node, holders: Iterable[Node], named: tuple[str, ...]) -> Grant:
    return Grant(
        node=node,
        holders=frozenset(holders),
        says=statements(node.get("policy")),
        names=frozenset(graph.depends(node, "policy", *named)),
    )


def _in_roles(graph: Graph) -> Iterator[Grant]:
    for role in graph.of(ROLE):
        documents = [
            cast(dict[str, Any], one).get("policy")
            for one in role.items("inlinePolicies")
            if isinstance(one, dict)
        ]
        says = [statements(document) for document in documents]
        arns = role.items("managedPolicyArns")
        own = [_of_aws(arn) for arn in arns if isinstance(arn, str)]
        for said in [*says, *own]:
            if said:
                yield Grant(node=role, holders=frozenset({role}), says=said, names=frozenset())


def _attached(graph: Graph, named: tuple[str, ...]) -> Iterator[Grant]:
    holders: dict[Node, set[Node]] = {}
    for type_, keys in ATTACHMENTS.items():
        for node in graph.of(type_):
            who = {one for key, holder in keys for one in graph.targets(node, key, holder)}
            for policy in graph.targets(node, "policyArn", MANAGED):
                holders.setdefault(policy, set()).update(who)
            if said := _of_aws(node.text("policyArn") or ""):
                yield Grant(node=node, holders=frozenset(who), says=said, names=frozenset())
    for policy, who in holders.items():
        yield _grant(graph, policy, who, named)


def _of_aws(arn: str) -> tuple[Statement, ...]:
    """Return what a policy of AWS's own allows."""
    name = arn.rpartition("/")[2]
    if ":iam::aws:policy/" not in arn or name not in AWS_POLICIES:
        return ()
    return (
        Statement(
            effect="Allow",
            actions=AWS_POLICIES[name],
            not_actions=(),
            resources=("*",),
            not_resources=(),
            principals=(),
            conditions={},
        ),
    )
