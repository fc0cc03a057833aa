"""Policy documents: each statement is widened, each prohibition taken away, each condition dropped."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from local.standin.state import Resource

from ..graph import Graph, Path
from ..mutant import Mutant, edit

DOCUMENTS = ("policy", "assumeRolePolicy")
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
KEY = "aws:kms/key:Key"
STREAM = "aws:kinesis/stream:Stream"
PERSONAL = "pii"

Statement = dict[str, Any]


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Weaken each statement of each document, then allow what nobody may."""
    for resource in graph.managed:
        for name in DOCUMENTS:
            for index, statement in enumerate(statements(resource, name)):
                for what, new in weakened(statement):
                    yield changed(resource, name, index, what, new)
    yield from _decrypting(graph)


def statements(resource: Resource, name: str = "policy") -> list[Statement]:
    """Return the statements of a document, none where there is no document."""
    text = resource.inputs.get(name)
    if not isinstance(text, str) or '"Statement"' not in text:
        return []
    found = json.loads(text)["Statement"]
    return found if isinstance(found, list) else [found]


def changed(resource: Resource, name: str, index: int, what: str, new: Statement | None) -> Mutant:
    """Return the mutant with another statement, or without it."""
    document = json.loads(resource.inputs[name])
    found = statements(resource, name)
    where = f"{name}[{found[index].get('Sid', index)}]"
    document["Statement"] = [*found[:index], *([new] if new is not None else []), *found[index + 1 :]]
    edits: dict[Path, Any] = {(name,): json.dumps(document)}
    return edit("access", resource, what, edits, where=where)


def added(kind: str, resource: Resource, what: str, *new: Statement) -> Mutant:
    """Return the mutant whose document has more statements."""
    document = json.loads(resource.inputs["policy"])
    document["Statement"] = [*statements(resource), *new]
    return edit(kind, resource, what, {("policy",): json.dumps(document)}, where="policy")


def weakened(statement: Statement) -> Iterator[tuple[str, Statement | None]]:
    """Yield each way in which a statement allows more, or forbids less."""
    if statement.get("Effect") == "Deny":
        yield from _forbidding_less(statement)
        return
    actions = _listed(statement.get("Action"))
    for service in sorted({action.partition(":")[0] for action in actions} - {"*"}):
        if f"{service}:*" not in actions:
            yield f"Action {service}:*", {**statement, "Action": [f"{service}:*"]}
    if "*" not in actions:
        yield "Action *", {**statement, "Action": ["*"]}
    resources = _listed(statement.get("Resource"))
    if resources and "*" not in resources:
        yield "Resource *", {**statement, "Resource": "*"}
        if kind := _all_of_a_kind(resources[0]):
            yield f"Resource {kind}", {**statement, "Resource": kind}
    if "Principal" in statement and statement["Principal"] != "*":
        yield "Principal *", {**statement, "Principal": "*"}
        yield "Principal AWS *", {**statement, "Principal": {"AWS": "*"}}
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            yield f"Condition {operator} {key} gone", _without(statement, operator, key)
    if len(statement.get("Condition", {})) > 1 or any(
        len(k) > 1 for k in statement.get("Condition", {}).values()
    ):
        yield "Condition gone", {name: one for name, one in statement.items() if name != "Condition"}


def _forbidding_less(statement: Statement) -> Iterator[tuple[str, Statement | None]]:
    yield "Deny gone", None
    for name in ("Action", "Resource"):
        several = _listed(statement.get(name))
        for one in several if len(several) > 1 else ():
            yield f"Deny without {name} {one}", {**statement, name: [each for each in several if each != one]}
    if statement.get("Principal") in ("*", {"AWS": "*"}):
        yield (
            "Deny for one principal only",
            {**statement, "Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
        )
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys if re.search(r"Not(Equals|Like)$", operator) else ():
            made = copy.deepcopy(statement)
            made["Condition"][operator.replace("Equals", "Like")] = {key: ["*"]}
            if operator.replace("Equals", "Like") != operator:
                del made["Condition"][operator]
            yield f"Deny with everybody exempt by {key}", made


def _all_of_a_kind(arn: str) -> str | None:
    """Return the ARN that means all resources of the kind in the account."""
    match = re.match(r"(arn:[^:]*:(?P<service>[^:]*):[^:]*:[^:]*:)(?P<rest>.*)", arn)
    if match is None or match["rest"] == "*":
        return None
    kind = re.match(r"[\w-]+[/:](?=.)", match["rest"]) if match["service"] != "s3" else None
    widened = f"{match[1]}{kind[0] if kind else ''}*"
    return widened if widened != arn else None


def _without(statement: Statement, operator: str, key: str) -> Statement:
    made = copy.deepcopy(statement)
    del made["Condition"][operator][key]
    if not made["Condition"][operator]:
        del made["Condition"][operator]
    if not made["Condition"]:
        del made["Condition"]
    return made


def _decrypting(graph: Graph) -> Iterator[Mutant]:
    """Let each role decrypt with the key of personal data, by its own policy and by the key's."""
    keys = [one for one in graph.of(KEY) if one.name.endswith(f"-{PERSONAL}")]
    for key in keys:
        arn = str(key.outputs.get("arn"))
        for policy in graph.of(ROLE_POLICY):
            allow = {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": arn}
            yield added("access", policy, f"kms:Decrypt on {key.name}", allow)
        for role in graph.of(ROLE):
            where = str(role.outputs.get("arn"))
            yield added("access", key, f"kms:Decrypt for {role.name}", _allow("kms:Decrypt", {"AWS": where}))
            account = {"AWS": f"arn:aws:iam::{where.split(':')[4]}:root"}
            condition = {"ArnEquals": {"aws:PrincipalArn": where}}
            yield added("access", key, f"kms:Decrypt for {role.name} by condition",
                        {**_allow("kms:Decrypt", account), "Condition": condition})  # fmt: skip
        root = {"AWS": f"arn:aws:iam::{arn.split(':')[4]}:root"}
        yield added("access", key, "kms:* for the account", _allow("kms:*", root))
        yield added("access", key, "kms:CreateGrant for the account", _allow("kms:CreateGrant", root))


def _allow(action: str, principal: dict[str, str]) -> Statement:
    return {"Effect": "Allow", "Action": [action], "Resource": "*", "Principal": principal}


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


#: said of a document by the type of its resource: what a resource's own policy names is that resource
OWN = re.compile(r"^aws:(kms/key|sqs/queuePolicy|sns/topicPolicy):")


def says_the_same(mutant: Mutant) -> str | None:
    """Return why a widened statement allows no more, or None."""
    if OWN.search(mutant.resource.type) and mutant.what.startswith("Resource "):
        return "a resource's own policy is about that resource alone, whatever its Resource says"
    if mutant.where.startswith("assumeRolePolicy") and re.match(r"Action (sts:)?\*", mutant.what):
        return "of a trust policy's actions only those of assuming a role count"
    return None


Weakened = Callable[[Statement], Iterator[tuple[str, Statement | None]]]
