"""In a lake a right is a named action on a named thing for a named caller, and nothing wider."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.graph import Graph, Node
from policies.lake import azure_callers, azure_rights
from policies.lake.grants import ROLE, Grant, grants
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault
from policies.statements import ANYONE, Statement, matches, statements

KEY = "aws:kms/key:Key"
PERMISSION = "aws:lambda/permission:Permission"
GUARDS = ("aws:sns/topicPolicy:TopicPolicy", "aws:sqs/queuePolicy:QueuePolicy")
# Actions that take no resource: for them alone is `*` the narrowest.
UNBOUND = [
    "xray:Put*",
    "cloudwatch:PutMetricData",
    "ec2:Describe*",
    "logs:Describe*",
    "kms:List*",
    "*:List*s",
]
# Services that say for whom they come in no condition key that a key policy could ask for.
UNNAMED = ["sns.amazonaws.com", "cloudwatch.amazonaws.com"]
# Services whose role is bound to its function already.
BOUND = ["lambda.amazonaws.com"]
# Services that are sent to, and received from, by whoever their own policies let.
SENT = {"kinesis", "sqs"}
RECEIVED = {"sqs"}
USES = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
LISTS = ("s3:ListBucket", "s3:ListBucketVersions")
CONTEXT = ("kms:encryptioncontext:source", "kms:encryptioncontext:purpose", "kms:encryptioncontextkeys")
_ALL_OF_A_KIND = re.compile(r"\*+|arn:[^:]*:[^:]*:[^:]*:[^:]*:([\w-]+[/:])?\*+")


def _wide(statement: Statement) -> list[str]:
    """The actions of a statement that are all of a service's."""
    return [one for one in statement.actions if one == ANYONE or re.fullmatch(r"[\w-]+:\*", one)]


def _services(statement: Statement) -> list[str]:
    return [one for one in statement.principals if one.endswith((".amazonaws.com", ".amazonaws.com.cn"))]


def _allowed(node: Node, path: str = "policy") -> list[Statement]:
    return [one for one in statements(node.get(path)) or () if one.allows]


def _roles(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    unbound: list[str] = config.get("unbound", UNBOUND)
    for grant in grants(lake.graph):
        for statement in [one for one in grant.says or () if one.allows]:
            if wide := _wide(statement):
                yield grant.node, f"{grant.who} may do all that is {', '.join(wide)}: name the actions."
            bound = [one for one in statement.actions if not any(matches(each, one) for each in unbound)]
            kinds = [one for one in statement.resources if _ALL_OF_A_KIND.fullmatch(one)]
            yield from ((grant.node, f"{grant.who} {fault}") for fault in _listing(lake, grant, statement))
            if bound and kinds:
                yield (
                    grant.node,
                    f"{grant.who} may {', '.join(bound)} on {', '.join(kinds)}: name the resource.",
                )


def _listing(lake: Lake, grant: Grant, statement: Statement) -> Iterator[str]:
    """The names of objects tell of sources, and of what failed: who lists them says below which prefix."""
    if not statement.of(LISTS) or "s3:prefix" in statement.condition_keys:
        return
    # Firehose looks at the whole bucket before it writes.
    own = {one.zone for one in lake.deliveries if grant.holders & one.party}
    for zone in dict.fromkeys(one.zone for one in lake.deliveries if one.zone not in own):
        if (arn := zone.text("arn")) and statement.covers(arn):
            yield f"may list all of the landing zone {zone.name}: add a condition on s3:prefix."


def _key_use(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    personal = {key.text("arn") for key in lake.keys}
    for grant in grants(lake.graph):
        for statement in [one for one in grant.says or () if one.allows]:
            uses = [one for one in statement.actions if one in USES]
            keys = statement.condition_keys
            if uses and not keys & {"kms:viaservice", *CONTEXT}:
                yield (
                    grant.node,
                    f"{grant.who} may {', '.join(uses)} anywhere: say through which service, or for what.",
                )
            missing = [one for one in CONTEXT if one not in keys]
            if uses and personal & set(statement.resources) and missing:
                yield (
                    grant.node,
                    f"{grant.who} may use the key of personal data without {', '.join(missing)}.",
                )


def _key_policies(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    unnamed: list[str] = config.get("unnamed", UNNAMED)
    for key in lake.graph.of(KEY):
        for statement in _allowed(key):
            yield from ((key, fault) for fault in _key_faults(lake, key, statement, unnamed))


def _key_faults(lake: Lake, key: Node, statement: Statement, unnamed: list[str]) -> Iterator[str]:
    keys = statement.condition_keys
    if wide := _wide(statement):
        yield f"A key's policy allows all that is {', '.join(wide)}: name the actions."
    if ANYONE in statement.principals:
        yield "A key's policy names everybody: name the account, and who of it by aws:PrincipalArn."
    named = [one for one in _services(statement) if one not in unnamed]
    if named and not keys & {"aws:sourceaccount", "aws:sourcearn", "kms:encryptioncontext:aws:logs:arn"}:
        yield f"{', '.join(named)} may use the key for anybody: add aws:SourceAccount or aws:SourceArn."
    for_service = statement.condition("kms:GrantIsForAWSResource", ("bool",)) == ("true",)
    if statement.of(("kms:CreateGrant",)) and not (for_service and "kms:viaservice" in keys):
        yield (
            "A grant passes the use of the key on: allow it through a service and for that alone, "
            "by kms:ViaService and kms:GrantIsForAWSResource."
        )
    root = any(one.endswith(":root") for one in statement.principals)
    if not statement.of(USES) or not (root or key in lake.keys):
        return
    if key in lake.keys:
        wanted = {*CONTEXT, "aws:principalarn"} if root else {*CONTEXT}
    elif _open(statement):
        wanted = {"kms:viaservice"}
    else:
        wanted = {"aws:principalarn", "kms:viaservice"}
    if missing := sorted(wanted - keys):
        who = "The account" if root else ", ".join(statement.principals)
        yield f"{who} may use the key without a condition on {', '.join(missing)}."


def _open(statement: Statement) -> bool:
    """Whether a statement is for what many may do: send to streams and queues, and receive from queues."""
    via = {one.partition(".")[0] for one in statement.condition("kms:ViaService", ("stringequals",))}
    receives = statement.of(("kms:Decrypt", "kms:ReEncryptFrom"))
    return bool(via) and via <= (RECEIVED if receives else SENT)


def _guards(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Topics and queues: named actions and callers, for a named source, over TLS."""
    for node in lake.graph.of(*GUARDS):
        for statement in _allowed(node):
            if wide := _wide(statement):
                yield node, f"A policy allows all that is {', '.join(wide)}: name the actions."
            if ANYONE in statement.principals:
                yield node, "A policy names everybody: name the service or the account."
            services, keys = _services(statement), statement.condition_keys
            # A bucket's ARN has no account in it: its name could be somebody else's tomorrow.
            wanted = {"aws:sourcearn", "aws:sourceaccount"} if "s3.amazonaws.com" in services else set[str]()
            if services and (wanted - keys or not keys & {"aws:sourcearn", "aws:sourceaccount"}):
                yield (
                    node,
                    f"{', '.join(services)} may come for anybody: add aws:SourceArn and aws:SourceAccount.",
                )
        said = statements(node.get("policy"))
        if said is not None and not any(_only_tls(one) for one in said):
            yield node, "A topic or queue must refuse what does not come over TLS."
    yield from _unguarded(lake.graph)


def _only_tls(statement: Statement) -> bool:
    insecure = statement.condition("aws:SecureTransport", ("bool",))
    return not statement.allows and ANYONE in statement.principals and insecure == ("false",)


def _unguarded(graph: Graph) -> Iterator[Fault]:
    for topic in graph.of("aws:sns/topic:Topic"):
        if not topic.get("policy") and not graph.companions(topic, "arn", GUARDS[0]):
            yield topic, "A topic must have a policy that names its publishers and asks for TLS."
    for told in graph.of("aws:sns/topicSubscription:TopicSubscription"):
        for queue in graph.targets(told, "endpoint", "aws:sqs/queue:Queue"):
            if not queue.get("policy") and not graph.companions(queue, "queueUrl", GUARDS[1]):
                yield (
                    queue,
                    "A queue that a topic tells must have a policy that names the topic and asks for TLS.",
                )


def _trust(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    bound: list[str] = config.get("bound", BOUND)
    for role in lake.graph.of(ROLE):
        for statement in _allowed(role, "assumeRolePolicy"):
            keys = statement.condition_keys
            services = _services(statement)
            if ANYONE in statement.principals:
                yield (
                    role,
                    "A role's trust names everybody: name the service, or the other account's identity.",
                )
            elif any(one not in bound for one in services) and not keys & {
                "aws:sourceaccount",
                "aws:sourcearn",
            }:
                yield role, f"{', '.join(services)} may take on the role for anybody: add aws:SourceAccount."
            elif len(services) < len(statement.principals) and "sts:externalid" not in keys:
                yield (
                    role,
                    "An identity outside of the stack may take on the role: ask for its sts:ExternalId.",
                )


def _permissions(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for node in lake.graph.of(PERMISSION):
        principal, action = node.text("principal"), node.text("action")
        if principal is not None and not principal.endswith(".amazonaws.com"):
            yield node, f"{principal} may invoke a function: name the service."
        if action is not None and action != "lambda:InvokeFunction":
            yield node, f"A service may {action}: all it needs is lambda:InvokeFunction."
        missing = [one for one in ("sourceArn", "sourceAccount") if node.get(one) is None]
        if missing:
            yield node, f"A function may be invoked for anybody: set {' and '.join(missing)}."


def _texts(default: list[str]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "default": default}


POLICIES = (
    lake_policy(
        "lake-role-disallow-wildcard",
        description="Roles of a lake may do named actions on named resources.",
        check=by_cloud(aws=_roles, azure=azure_rights.roles),
        steps="Name the actions and the resources; an action that takes no resource goes to `unbound`.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"unbound": _texts(UNBOUND), "roles": _texts(azure_rights.ROLES)}),
    ),
    lake_policy(
        "lake-role-configure-key-use",
        description="Roles of a lake use keys through a service, or for a purpose.",
        check=by_cloud(aws=_key_use, azure=azure_rights.key_use),
        steps="Add a condition on kms:ViaService; for personal data on the encryption context.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"users": _texts([])}),
    ),
    lake_policy(
        "lake-key-configure-callers",
        description="The keys of a lake say who may use them, through what and for what.",
        check=by_cloud(aws=_key_policies, azure=azure_rights.vaults),
        steps="Name actions; narrow the account by aws:PrincipalArn, kms:ViaService or the context.",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema({"unnamed": _texts(UNNAMED)}),
    ),
    lake_policy(
        "lake-messaging-configure-callers",
        description="The topics and queues of a lake are for named services and sources, over TLS.",
        check=by_cloud(aws=_guards, azure=azure_rights.messaging),
        steps="Name the service, its aws:SourceArn and aws:SourceAccount, and deny what is not over TLS.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-role-configure-trust",
        description="A lake's roles are for a service of this account, or an identity with an external id.",
        check=by_cloud(aws=_trust, azure=azure_callers.trust),
        steps="Add aws:SourceAccount to a service's trust, sts:ExternalId to an identity's.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"bound": _texts(BOUND), "issuers": _texts([]), "principals": _texts([])}),
    ),
    lake_policy(
        "lake-function-configure-callers",
        description="The functions of a lake are invoked by a service, for a named source of this account.",
        check=by_cloud(aws=_permissions, azure=azure_callers.callers),
        steps="Set principal, sourceArn and sourceAccount.",
        severity=Severity.HIGH,
    ),
)
