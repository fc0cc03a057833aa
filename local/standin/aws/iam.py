"""IAM: roles and their policies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, register
from .client import ID, Aws, AwsAdapter, Call, Props, all_tags, as_json, call, pairs, unpaired

MISSING = ("NoSuchEntity",)


@register
class Role(AwsAdapter):
    """A role."""

    type = "aws:iam/role:Role"
    service = "iam"
    autoname = "name"
    replace_on = frozenset({"name", "path"})
    exists = ("EntityAlreadyExists",)
    unread: ClassVar[Mapping[str, str]] = {"forceDetachPolicies": "is used when the role is deleted"}
    computed: ClassVar[Mapping[str, Computed]] = {
        "tagsAll": all_tags,
        "arn": lambda place, rid, inputs: place.arn("iam", f"role{inputs.get('path', '/')}{rid}", region=""),
        "uniqueId": lambda place, rid, inputs: "AROA" + rid.encode().hex()[:17].upper().ljust(17, "0"),
    }

    def calls(self, p: Props) -> list[Call]:
        """Make the role; then its own and its attached policies."""
        p.take("forceDetachPolicies")
        calls = [
            call(
                "create_role",
                AssumeRolePolicyDocument=as_json(p.take("assumeRolePolicy")),
                Tags=pairs(p.take("tags")),
                **p.params(
                    name="RoleName",
                    path="Path",
                    description="Description",
                    maxSessionDuration="MaxSessionDuration",
                    permissionsBoundary="PermissionsBoundary",
                ),
            )
        ]
        for policy in p.blocks("inlinePolicies"):
            sent = policy.params(name="PolicyName", policy="PolicyDocument")
            calls.append(call("put_role_policy", RoleName=ID, **sent))
        for arn in p.take("managedPolicyArns", []):
            calls.append(call("attach_role_policy", RoleName=ID, PolicyArn=arn))
        return calls

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Change trust, description, duration, boundary, tags; take away policies that are gone."""
        todo = []
        trust = as_json(new.take("assumeRolePolicy"))
        if trust != as_json(old.take("assumeRolePolicy")):
            todo.append(call("update_assume_role_policy", RoleName=ID, PolicyDocument=trust))
        about = {"description": "Description", "maxSessionDuration": "MaxSessionDuration"}
        if (sent := new.params(**about)) != old.params(**about):
            todo.append(call("update_role", RoleName=ID, **{"Description": "", **sent}))
        boundary = new.take("permissionsBoundary")
        if boundary != old.take("permissionsBoundary"):
            change = "put_role_permissions_boundary" if boundary else "delete_role_permissions_boundary"
            todo.append(call(change, RoleName=ID, PermissionsBoundary=boundary))
        for gone in {*old.take("managedPolicyArns", [])} - {*new.take("managedPolicyArns", [])}:
            todo.append(call("detach_role_policy", RoleName=ID, PolicyArn=gone))
        names = [{policy.take("name") for policy in p.blocks("inlinePolicies")} for p in (old, new)]
        todo += [call("delete_role_policy", RoleName=ID, PolicyName=gone) for gone in names[0] - names[1]]
        before, after = old.take("tags", {}), new.take("tags", {})
        if removed := [*(before.keys() - after.keys())]:
            todo.append(call("untag_role", RoleName=ID, TagKeys=removed))
        if after and after != before:
            todo.append(call("tag_role", RoleName=ID, Tags=pairs(after)))
        return todo

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the role."""
        found = cloud.ask("iam", "get_role", RoleName=rid, missing=MISSING)
        if found is None:
            return None
        role = found["Role"]
        tags = unpaired(role.get("Tags", []))
        attached = cloud.ask("iam", "list_attached_role_policies", RoleName=rid)["AttachedPolicies"]
        seen: Outputs = {
            "name": role["RoleName"],
            "arn": role["Arn"],
            "uniqueId": role["RoleId"],
            "path": role["Path"],
            "description": role.get("Description", ""),
            "maxSessionDuration": role.get("MaxSessionDuration"),
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "assumeRolePolicy": _text(role["AssumeRolePolicyDocument"]),
            "managedPolicyArns": [policy["PolicyArn"] for policy in attached],
            "tags": tags,
            "tagsAll": tags,
        }
        if inputs.get("inlinePolicies"):
            # Only those that the role declares: others belong to resources of their own.
            names = [policy["name"] for policy in inputs["inlinePolicies"]]
            found = [(name, _policy(cloud, rid, name)) for name in names]
            seen["inlinePolicies"] = [{"name": name, "policy": policy} for name, policy in found if policy]
        return seen

    def delete(self, cloud: Aws, rid: str, inputs: Inputs) -> None:
        """Delete it with what hangs on it."""
        attached = cloud.ask("iam", "list_attached_role_policies", RoleName=rid, missing=MISSING)
        if attached is None:
            return
        for policy in attached["AttachedPolicies"]:
            cloud.ask("iam", "detach_role_policy", RoleName=rid, PolicyArn=policy["PolicyArn"])
        for policy in inputs.get("inlinePolicies", []):
            cloud.call(
                "iam", call("delete_role_policy", RoleName=rid, PolicyName=policy["name"], allow=MISSING)
            )
        cloud.call("iam", call("delete_role", RoleName=rid, allow=MISSING))


@register
class RolePolicy(AwsAdapter):
    """A policy of one role."""

    type = "aws:iam/rolePolicy:RolePolicy"
    service = "iam"
    autoname = "name"
    makes = False
    replace_on = frozenset({"name", "role"})

    def identity(self, inputs: Inputs) -> str | None:
        """Return role and name."""
        return f"{inputs['role']}:{inputs['name']}" if "role" in inputs else None

    def calls(self, p: Props) -> list[Call]:
        """Put the policy."""
        document = as_json(p.take("policy"))
        return [
            call("put_role_policy", **p.params(role="RoleName", name="PolicyName"), PolicyDocument=document)
        ]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the policy."""
        role, name = rid.split(":", 1)
        policy = _policy(cloud, role, name)
        return None if policy is None else {"role": role, "name": name, "policy": policy}

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        role, name = rid.split(":", 1)
        return [call("delete_role_policy", RoleName=role, PolicyName=name, allow=MISSING)]


def _policy(cloud: Aws, role: str, name: str) -> str | None:
    found = cloud.ask("iam", "get_role_policy", RoleName=role, PolicyName=name, missing=MISSING)
    return None if found is None else _text(found["PolicyDocument"])


def _text(document: Any) -> str:
    return json.dumps(document) if isinstance(document, Mapping) else document
