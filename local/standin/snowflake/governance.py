"""Masking policies, tags, and what carries a tag."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, register
from ..props import Props
from .client import SnowflakeAdapter, Warehouse, altered, as_given, base, holder, options, spelled
from .names import literal, parts, qualified, quoted, requalified, row
from .tables import same_type


class Policy(SnowflakeAdapter):
    """A policy over values of columns."""

    said: ClassVar[tuple[str, ...]] = ("comment",)

    def returns(self, p: Props) -> str:
        """Return the type of the body's value."""
        raise NotImplementedError

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        arguments = ", ".join(
            f"{quoted(argument.take('name'))} {argument.take('type')}" for argument in p.blocks("arguments")
        )
        returns, body = self.returns(p), p.take("body")
        said = spelled(options(p, *self.said))
        return [f"CREATE {self.kind} {holder(p)} AS ({arguments}) RETURNS {returns} -> {body}{said}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter body and comment."""
        body = new.take("body")
        changed = [f"ALTER {self.kind} {rid} SET BODY -> {body}"] if body != old.take("body") else []
        return changed + altered(self.kind, rid, options(old, "comment"), options(new, "comment"))

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show and describe it."""
        shown = self.shown(cloud, rid, self.kind.replace("POLICY", "POLICIES"))
        if shown is None:
            return None
        (said,) = self.described(cloud, rid)
        given = {argument["name"]: argument["type"] for argument in inputs.get("arguments", [])}
        arguments = []
        for argument in str(said["signature"]).strip()[1:-1].split(", "):
            name, kind = re.fullmatch(r'"?([^"\s]+)"?\s+(.*)', argument).groups()  # pyright: ignore[reportOptionalMemberAccess]
            same = name in given and same_type(given[name], kind)
            arguments.append({"name": name, "type": given[name] if same else kind})
        return {
            **base(rid, shown),
            "arguments": arguments,
            "body": as_given(inputs.get("body"), said["body"]),
            **self.seen(shown, said, inputs),
            "showOutputs": [row(shown)],
            "describeOutputs": [row(said)],
        }

    def seen(self, shown: Mapping[str, Any], said: Mapping[str, Any], inputs: Inputs) -> Outputs:
        """Return what this kind of policy has beside that."""
        return {}


@register
class MaskingPolicy(Policy):
    """What a column shows to whom."""

    type = "snowflake:index/maskingPolicy:MaskingPolicy"
    kind = "MASKING POLICY"
    said = ("comment", "exemptOtherPolicies")
    replace_on = frozenset(
        {"name", "database", "schema", "arguments", "returnDataType", "exemptOtherPolicies"}
    )

    def returns(self, p: Props) -> str:
        """Return the type of what is shown."""
        return p.take("returnDataType")

    def seen(self, shown: Mapping[str, Any], said: Mapping[str, Any], inputs: Inputs) -> Outputs:
        """Return the type and whether other policies are exempt."""
        returns, wanted = said["return_type"], inputs.get("returnDataType", "")
        return {
            "returnDataType": wanted if wanted and same_type(wanted, returns) else returns,
            "exemptOtherPolicies": str(
                "EXEMPT_OTHER_POLICIES: TRUE" in str(shown.get("options")).upper()
            ).lower(),
        }


@register
class RowAccessPolicy(Policy):
    """Which rows are shown to whom."""

    type = "snowflake:index/rowAccessPolicy:RowAccessPolicy"
    kind = "ROW ACCESS POLICY"
    replace_on = frozenset({"name", "database", "schema", "arguments"})

    def returns(self, p: Props) -> str:
        """Return what a condition is."""
        return "BOOLEAN"


@register
class Tag(SnowflakeAdapter):
    """A tag, and the policies of what carries it."""

    type = "snowflake:index/tag:Tag"
    kind = "TAG"

    def statements(self, p: Props) -> list[str]:
        """Create it; then bind its policies."""
        name, values = holder(p), p.take("orderedAllowedValues") or p.take("allowedValues") or []
        allowed = f" ALLOWED_VALUES {', '.join(literal(value) for value in values)}" if values else ""
        create = f"CREATE TAG {name}{allowed}{spelled(options(p, 'comment'))}"
        return [create, *_bind(name, "SET", p.take("maskingPolicies", []))]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter values, policies and comment."""
        before, after = ({*p.take("maskingPolicies", [])} for p in (old, new))
        todo = [*_bind(rid, "UNSET", sorted(before - after)), *_bind(rid, "SET", sorted(after - before))]
        was, is_ = ((p.take("orderedAllowedValues") or p.take("allowedValues") or []) for p in (old, new))
        if gone := [value for value in was if value not in is_]:
            todo.append(f"ALTER TAG {rid} DROP ALLOWED_VALUES {', '.join(literal(value) for value in gone)}")
        if come := [value for value in is_ if value not in was]:
            todo.append(f"ALTER TAG {rid} ADD ALLOWED_VALUES {', '.join(literal(value) for value in come)}")
        return todo + altered(self.kind, rid, options(old, "comment"), options(new, "comment"))

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show it, and look for its policies."""
        shown = self.shown(cloud, rid)
        if shown is None:
            return None
        given = {requalified(policy): policy for policy in inputs.get("maskingPolicies", [])}
        bound = [given.get(policy, policy) for policy in _bound(cloud, rid)]
        values = re.findall(r'"([^"]*)"', str(shown.get("allowed_values") or ""))
        return {
            **base(rid, shown),
            "maskingPolicies": bound,
            "allowedValues": values,
            "orderedAllowedValues": values,
            "showOutputs": [row(shown)],
        }

    def delete(self, cloud: Warehouse, rid: str, inputs: Inputs) -> None:
        """Unbind its policies, or they could not be dropped; then drop it."""
        for statement in _bind(rid, "UNSET", inputs.get("maskingPolicies", [])):
            cloud.execute(statement, allow=self.missing)
        super().delete(cloud, rid, inputs)


def _bind(tag: str, verb: str, policies: list[str]) -> list[str]:
    return [f"ALTER TAG {tag} {verb} MASKING POLICY {requalified(policy)}" for policy in policies]


def _bound(cloud: Warehouse, tag: str) -> list[str]:
    database = quoted(parts(tag)[0])
    rows = cloud.execute(
        f"SELECT POLICY_DB, POLICY_SCHEMA, POLICY_NAME FROM TABLE({database}.INFORMATION_SCHEMA"
        f".POLICY_REFERENCES(REF_ENTITY_NAME => {literal(tag)}, REF_ENTITY_DOMAIN => 'TAG'))"
    )
    return sorted(qualified(one["policy_db"], one["policy_schema"], one["policy_name"]) for one in rows)


@register
class TagAssociation(SnowflakeAdapter):
    """Objects that carry a tag, all with the same value."""

    type = "snowflake:index/tagAssociation:TagAssociation"
    kind = "TAG"
    autoname = None
    computed: ClassVar[Mapping[str, Computed]] = {}
    replace_on = frozenset({"tagId", "objectType"})
    no_effect: ClassVar[Mapping[str, str]] = {"skipValidation": "a laptop's tag is there at once"}

    def identity(self, inputs: Inputs) -> str | None:
        """Return nothing: one tag may be put on objects by several resources."""
        return None

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return tag, value and kind of object, as the provider does."""
        return f"{inputs['tagId']}|{inputs['tagValue']}|{inputs['objectType']}"

    def statements(self, p: Props) -> list[str]:
        """Put the tag on every object."""
        tag, value, kind = requalified(p.take("tagId")), literal(p.take("tagValue")), p.take("objectType")
        return [f"{_alter(kind, one)} SET TAG {tag} = {value}" for one in p.take("objectIdentifiers", [])]

    def create(self, cloud: Warehouse, inputs: Inputs) -> str:
        """Put the tag on every object."""
        for statement in self.statements(Props(inputs)):
            cloud.execute(statement)
        return self.record_id(Place(), "", inputs)

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Take the tag from what no longer has it, and put it where it has come or changed."""
        kind, tag = old.take("objectType"), requalified(old.take("tagId"))
        kept = {requalified(one) for one in new.take("objectIdentifiers", [])}
        gone = [one for one in old.take("objectIdentifiers", []) if requalified(one) not in kept]
        return [*(f"{_alter(kind, one)} UNSET TAG {tag}" for one in gone), *self.statements(new)]

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Ask every object for its tag."""
        tag, kind = requalified(inputs["tagId"]), inputs["objectType"]
        values = {one: self._value(cloud, tag, one, kind) for one in inputs["objectIdentifiers"]}
        held = [one for one, value in values.items() if value is not None]
        if not held:
            return None
        wanted = inputs["tagValue"]
        other = next((value for value in values.values() if value not in (None, wanted)), wanted)
        return {
            "tagId": inputs["tagId"],
            "tagValue": other,
            "objectType": kind,
            "objectIdentifiers": held,
        }

    def delete(self, cloud: Warehouse, rid: str, inputs: Inputs) -> None:
        """Take the tag from every object."""
        tag, kind = requalified(inputs["tagId"]), inputs["objectType"]
        for one in inputs["objectIdentifiers"]:
            cloud.execute(f"{_alter(kind, one)} UNSET TAG {tag}", allow=self.missing)

    def _value(self, cloud: Warehouse, tag: str, one: str, kind: str) -> str | None:
        ask = f"SELECT SYSTEM$GET_TAG({literal(tag)}, {literal(requalified(one))}, {literal(kind)}) AS TAG"
        rows = cloud.execute(ask, allow=self.missing)
        return rows[0]["tag"] if rows else None


def _alter(kind: str, name: str) -> str:
    if kind.upper() != "COLUMN":
        return f"ALTER {kind.upper()} {requalified(name)}"
    *table, column = parts(name)
    return f"ALTER TABLE {qualified(*table)} MODIFY COLUMN {quoted(column)}"
