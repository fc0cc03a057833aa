"""Graphs of a few resources, made by hand."""

import json
from typing import Any

from local.mutation.graph import Graph
from local.mutation.mutant import Mutant
from local.standin.state import Resource

ACCOUNT = "123456789012"
REGION = "eu-central-1"


def resource(
    token: str,
    name: str,
    inputs: dict[str, Any],
    *,
    arn: str = "",
    needs: dict[str, list[Resource]] | None = None,
    **more: Any,
) -> Resource:
    on = {key: [one.urn for one in found] for key, found in (needs or {}).items()}
    return Resource(
        urn=f"urn:pulumi:t::t::{token}::{name}",
        type=token,
        name=name,
        custom=True,
        id=more.pop("id", name),
        raw_inputs=inputs,
        raw_outputs={**inputs, **({"arn": arn} if arn else {}), **more.pop("outputs", {})},
        dependencies=sorted({urn for urns in on.values() for urn in urns}),
        property_dependencies=on,
        **more,
    )


def key(name: str = "t-pii", **inputs: Any) -> Resource:
    return resource("aws:kms/key:Key", name, inputs, arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{name}")


def stream(name: str, using: Resource | None = None, **inputs: Any) -> Resource:
    encrypted = {"encryptionType": "KMS", "kmsKeyId": using.outputs["arn"]} if using else {}
    return resource(
        "aws:kinesis/stream:Stream",
        name,
        {"name": name, **encrypted, **inputs},
        arn=f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}",
        needs={"kmsKeyId": [using]} if using else None,
    )


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def role_policy(*statements: dict[str, Any], name: str = "t-role") -> Resource:
    return resource(
        "aws:iam/rolePolicy:RolePolicy", name, {"role": "t-role", "policy": document(*statements)}
    )


def told(mutants: Any) -> set[tuple[str, str]]:
    """Where and what: how a mutant is known in a graph of one resource."""
    return {(one.where, one.what) for one in mutants}


def named(mutants: Any, what: str) -> Mutant:
    found = [one for one in mutants if one.what == what]
    assert len(found) == 1, (what, [one.what for one in mutants])
    return found[0]


def after(graph: Graph, mutant: Mutant, one: Resource) -> dict[str, Any]:
    return graph.apply(mutant.change).resources[one.urn].inputs
