"""The warehouse: masks, tags, grants, and what a pipe reads."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from local.standin.state import Resource

from ..graph import GONE, Graph, Path, clone, walk
from ..mutant import Mutant, beside, edit

MASK = "snowflake:index/maskingPolicy:MaskingPolicy"
TAG = "snowflake:index/tag:Tag"
TAGGED = "snowflake:index/tagAssociation:TagAssociation"
PRIVILEGES = "snowflake:index/grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole"
ROLES = "snowflake:index/grantAccountRole:GrantAccountRole"
PIPE = "snowflake:index/pipe:Pipe"
#: stages, and what opens the storage behind them to whoever knows it
STAGES = {
    "snowflake:index/stageExternalS3:StageExternalS3": {
        "awsKeyId": "somebody",
        "awsSecretKey": "correct horse",
    },
    "snowflake:index/stageExternalAzure:StageExternalAzure": {"azureSasToken": "correct horse"},
}
EVERYBODY = "PUBLIC"
IN_SESSION = r"IS_ROLE_IN_SESSION\('([^']+)'\)"


def mutants(graph: Graph) -> Iterator[Mutant]:
    """Weaken what keeps personal values and raw data from people."""
    for mask in graph.of(MASK):
        yield from _unmasked(mask)
    yield from _untagged(graph)
    for grant in graph.of(PRIVILEGES):
        yield from _granted(grant)
    yield from _roles(graph)
    for token, credentials in STAGES.items():
        for stage in graph.of(token):
            edits: dict[Path, Any] = {("credentials",): credentials, ("storageIntegration",): GONE}
            yield edit("access", stage, "instead of the integration", edits, where="credentials")
    for pipe in graph.of(PIPE):
        copy = str(pipe.inputs.get("copyStatement", ""))
        wider = re.sub(r"(FROM @[\w.]+/)\S+", r"\1", copy)
        yield edit("flow", pipe, "reads the whole stage", {("copyStatement",): wider})


def _unmasked(mask: Resource) -> Iterator[Mutant]:
    body = str(mask.inputs.get("body", ""))
    value = str(mask.inputs["arguments"][0]["name"])
    bodies = {
        "shows the value to all": value,
        "shows the value to all others": re.sub(r"ELSE .* END", f"ELSE {value} END", body),
    }
    seeing = {
        role
        for clause in re.findall(rf"WHEN (.*?) THEN {value}\b", body)
        for role in re.findall(IN_SESSION, clause)
    }
    for role in [*dict.fromkeys(one for one in re.findall(IN_SESSION, body) if one not in seeing), EVERYBODY]:
        first = f"CASE WHEN IS_ROLE_IN_SESSION('{role}') THEN {value} "
        bodies[f"shows the value to {role}"] = body.replace("CASE ", first, 1)
    for what, new in bodies.items():
        yield edit("masking", mask, what, {("body",): new})


def _untagged(graph: Graph) -> Iterator[Mutant]:
    tags = graph.of(TAG)
    for one in graph.of(TAGGED):
        columns: list[str] = one.inputs.get("objectIdentifiers", [])
        for index, column in enumerate(columns):
            if len(columns) > 1:
                yield edit("masking", one, f"{column} gone", {("objectIdentifiers", index): GONE})
        # The tag of another kind has another mask; today both show the same faces.
        for tag in tags:
            if tag.id != one.inputs.get("tagId"):
                yield edit("masking", one, f"the tag {tag.name}", {("tagId",): tag.id})


def _granted(grant: Resource) -> Iterator[Mutant]:
    whole: dict[Path, Any] = {("privileges",): GONE, ("allPrivileges",): True}
    yield edit("grant", grant, "all privileges", whole, where="privileges")
    yield edit("grant", grant, EVERYBODY, {("accountRoleName",): EVERYBODY})
    yield edit("grant", grant, "True", {("withGrantOption",): True})
    for path, value in walk(grant.inputs):
        # Schemas are named in full: "DATABASE"."SCHEMA".
        if path[-1] == "inSchema" and (database := re.match(r'"[^"]+"', str(value))):
            edits: dict[Path, Any] = {path: GONE, (*path[:-1], "inDatabase"): database[0]}
            yield edit("grant", grant, "the whole database", edits, where="inSchema")


def _roles(graph: Graph) -> Iterator[Mutant]:
    """Grant each role to everybody, and to each other role that people or programs have."""
    grants = graph.of(ROLES)
    children: dict[str, set[str]] = defaultdict(set)
    for one in grants:
        children[str(one.inputs.get("parentRoleName"))].add(str(one.inputs.get("roleName")))
        yield edit("grant", one, EVERYBODY, {("parentRoleName",): EVERYBODY})
    for role in sorted(set().union(*children.values())):
        for parent in sorted(children.keys() - {role}):
            if role in _reach(children, parent) or parent in _reach(children, role):
                continue
            like = next(one for one in grants if one.inputs.get("roleName") == role)
            added = clone(like, f"to-{parent.lower()}", {("parentRoleName",): parent})
            yield beside("grant", like, f"{role} granted to {parent}", added)


def _reach(children: dict[str, set[str]], role: str) -> set[str]:
    found: set[str] = set()
    left = [role]
    while left:
        new = children.get(left.pop(), set()) - found
        found |= new
        left += new
    return found
