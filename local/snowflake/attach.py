"""Policies and tags on tables, views and their columns: put on by CREATE, by ALTER, and taken off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from local.snowflake import policies
from local.snowflake.catalog import Entry
from local.snowflake.columns import data_type
from local.snowflake.errors import compilation, missing
from local.snowflake.names import Name, identifier
from local.snowflake.policies import MASKING, ROW_ACCESS, kept

if TYPE_CHECKING:
    from local.snowflake.session import Session


def name_of(session: Session, node: exp.Expr) -> Name:
    """The full name in a syntax tree that may write it as identifier, dots, column or table."""
    if isinstance(node, exp.Var):
        return session.qualify([identifier(node.name)])
    parts = [identifier(part) for part in node.find_all(exp.Identifier, bfs=False)]
    if isinstance(node, (exp.Table, exp.Column)):
        parts = [identifier(part) for part in node.parts]
    return session.qualify(parts)


def find(entry: Entry, column: str) -> dict[str, Any]:
    """A column of a relation."""
    for found in entry.properties["columns"]:
        if found["name"] == column:
            return found
    raise compilation(f"Column '{column}' does not exist or not authorized.", 904, "42000")


def with_column(entry: Entry, column: str, **changes: Any) -> Entry:
    """The relation with properties of one column changed; None takes one away."""
    find(entry, column)
    columns = [
        {k: v for k, v in {**c, **changes}.items() if v is not None} if c["name"] == column else c
        for c in entry.properties["columns"]
    ]
    return entry.having(columns=columns)


def mask(
    session: Session, entry: Entry, column: str, policy: Name, using: list[str], *, force: bool = False
) -> Entry:
    """The relation with a masking policy on a column."""
    found = policies.check_attach(session, MASKING, policy)
    target = find(entry, column)
    if target.get("masking") and not force:
        raise compilation(
            f"Column {column} of {entry.name} already has a masking policy attached. "
            "Unset it first, or use FORCE.", 3531, "42601",
        )  # fmt: skip
    arguments = found.properties["arguments"]
    others = using[1:] if using else []
    if using and using[0] != column:
        raise compilation(f"USING must begin with the masked column {column}.", 3553, "42601")
    taken = [target, *(find(entry, other) for other in others)]
    _check_types(found, arguments, taken)
    return with_column(entry, column, masking={"policy": kept(policy), "using": others})


def unmask(session: Session, entry: Entry, column: str) -> Entry:
    """The relation without the masking policy of a column; who may put it on may take it off."""
    if own := find(entry, column).get("masking"):
        policies.check_attach(session, MASKING, policies.named(own["policy"]))
    return with_column(entry, column, masking=None)


def _check_types(policy: Entry, arguments: list[list[str]], taken: list[dict[str, Any]]) -> None:
    if len(arguments) != len(taken):
        raise compilation(f"Policy '{policy.name}' takes {len(arguments)} arguments.", 3554, "42601")
    for (name, kind), column in zip(arguments, taken, strict=True):
        if data_type(kind) != data_type(column["type"]):
            raise compilation(
                f"Policy '{policy.name}' argument {name} is of type {kind}, column {column['name']} of type "
                f"{column['type']}.", 3553, "42601",
            )  # fmt: skip


def row_access(session: Session, entry: Entry, policy: Name, on: list[str]) -> Entry:
    """The relation with a row access policy."""
    found = policies.check_attach(session, ROW_ACCESS, policy)
    if entry.properties.get("row_access"):
        raise compilation(f"Object {entry.name} already has a ROW_ACCESS_POLICY.", 3556, "42601")
    _check_types(found, found.properties["arguments"], [find(entry, column) for column in on])
    return entry.having(row_access={"policy": kept(policy), "on": on})


def check_tag(session: Session, tag: Name, value: str) -> None:
    """Raise unless there is such a tag and it allows the value."""
    found = session.catalog.get("TAG", tag)
    if found is None:
        raise missing("tag", tag)
    allowed = found.properties.get("allowed_values")
    if allowed and value not in allowed:
        raise compilation(f"Tag value '{value}' is not allowed by tag '{tag}'.", 391, "42601")


def from_create(session: Session, tree: exp.Create, entry: Entry, properties: dict[str, Any]) -> Entry:
    """The new relation with the policies and tags that its CREATE statement names."""
    schema = tree.this if isinstance(tree.this, exp.Schema) else None
    for definition in schema.expressions if schema else ():
        if isinstance(definition, exp.ColumnDef):
            for given in definition.constraints:
                entry = constraint(session, entry, identifier(definition.this), given.kind)
    if found := properties.get("row_access"):
        on = [
            identifier(column.this if isinstance(column, exp.Column) else column)
            for column in found.expressions
        ]
        entry = row_access(session, entry, name_of(session, found.this), on)
    if found := properties.get("tags"):
        entry = entry.having(tags={**entry.properties.get("tags", {}), **_tags(session, found)})
    return entry


def constraint(session: Session, entry: Entry, column: str, kind: exp.Expr | None) -> Entry:
    """The relation with the policy or tags that a column constraint names."""
    if isinstance(kind, exp.MaskingPolicyColumnConstraint):
        using = [identifier(item.this if isinstance(item, exp.Column) else item) for item in kind.expressions]
        return mask(session, entry, column, name_of(session, kind.this), using)
    if isinstance(kind, exp.Tags):
        return with_column(entry, column, tags=_tags(session, kind))
    return entry


def _tags(session: Session, node: exp.Expr) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in node.expressions:
        tag, value = name_of(session, item.this), item.args["value"]
        check_tag(session, tag, value.name)
        found[kept(tag)] = value.name
    return found
