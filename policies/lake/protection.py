"""Every personal column of a contract is tagged, masked by its kind, and kept for re-identification."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from pulumi_policy import Severity

import contracts
from policies.graph import UNKNOWN, Graph, Node, unknown
from policies.lake.judged import lake_policy
from policies.lake.parts import Lake
from policies.lake.warehouse import identifier
from policies.rules import Fault

TABLE = "snowflake:index/table:Table"
TAG = "snowflake:index/tag:Tag"
ASSOCIATION = "snowflake:index/tagAssociation:TagAssociation"
MASK = "snowflake:index/maskingPolicy:MaskingPolicy"
APPLICATION = "snowflake:index/tableColumnMaskingPolicyApplication:TableColumnMaskingPolicyApplication"
TASK = "snowflake:index/task:Task"
STAGING = "STAGING"
# A merge into the vault, and the fields with their kinds that it takes.
_INTO_VAULT = re.compile(r"MERGE INTO \S+\.PII_VAULT\b.*?;", re.DOTALL)
_ENTRY = re.compile(r"\('([^']+)', '([^']+)'\)")

catalogue = cache(contracts.load)


@dataclass(frozen=True, kw_only=True)
class PersonalColumn:
    """A column with personal data, in its table."""

    table: Node
    name: str
    kind: str

    @property
    def place(self) -> str:
        """The column, as people say it."""
        return f"{self.table.text('name')}.{self.name}"


def personal_columns(graph: Graph) -> Iterator[PersonalColumn]:
    """Yield the personal columns of the contracts' tables, as far as the stack has these tables."""
    kinds = {
        event.table: {column.name: column.pii for column in event.columns if column.pii}
        for event in catalogue().all_events
    }
    for table in graph.of(TABLE):
        if table.text("schema") != STAGING:
            continue
        for name, kind in kinds.get(table.text("name") or "", {}).items():
            yield PersonalColumn(table=table, name=name, kind=kind)


def _tags(graph: Graph, column: PersonalColumn) -> list[Node]:
    """Return the tags of a column's kind that it carries, or may, while that is not known."""
    found = [
        tag
        for association in graph.of(ASSOCIATION)
        if association.get("objectType") == "COLUMN" and _marks(graph, association, column)
        for tag in graph.targets(association, "tagId", TAG)
    ]
    return [tag for tag in found if _is_of_kind(tag, column.kind)]


def _marks(graph: Graph, association: Node, column: PersonalColumn) -> bool:
    own = tuple(column.table.text(key) for key in ("database", "schema", "name"))
    for item in association.items("objectIdentifiers"):
        if isinstance(item, str) and identifier(item) == (*own, column.name):
            return True
    hidden = unknown(association.get("objectIdentifiers"))
    return hidden and column.table in graph.depends(association, "objectIdentifiers", TABLE)


def _is_of_kind(tag: Node, kind: str) -> bool:
    """Say whether a tag is that of a kind: the end of its name says so."""
    return re.fullmatch(rf"(.*_)?{re.escape(kind.upper())}", tag.text("name") or "") is not None


def _tagged(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for column in personal_columns(lake.graph):
        if not _tags(lake.graph, column):
            yield column.table, f"{column.place} holds personal data of kind {column.kind} without its tag."


def _masked(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    graph = lake.graph
    unmasked: dict[Node, list[str]] = {}
    for column in personal_columns(graph):
        for tag in _tags(graph, column):
            if not graph.targets(tag, "maskingPolicies", MASK) and not _is_masked(graph, column):
                unmasked.setdefault(tag, []).append(column.place)
    for tag, places in unmasked.items():
        yield tag, f"The tag {tag.text('name')} has no masking policy, and marks {', '.join(sorted(places))}."


def _vaulted(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    """Look for each personal field in what tasks merge into the vault: its event, its path and its kind."""
    tables = {table.text("name"): table for table in lake.graph.of(TABLE) if table.text("schema") == STAGING}
    merges = [
        merge
        for task in lake.graph.of(TASK)
        for merge in _INTO_VAULT.findall(task.text("sqlStatement") or "")
    ]
    for event in catalogue().all_events:
        own = [merge for merge in merges if f"EVENT_TYPE = '{event.name}'" in merge]
        kept = {
            entry
            for merge in own
            if f"'{event.source}' AS SOURCE" in merge
            for entry in _ENTRY.findall(merge)
        }
        for column in event.columns:
            field = ".".join(column.path)
            if column.pii and event.table in tables and (field, column.pii) not in kept:
                what = f"{event.table}.{column.name} holds personal data of kind {column.pii}"
                yield tables[event.table], f"{what}, which no task keeps in PII_VAULT as {field}."


def _is_masked(graph: Graph, column: PersonalColumn) -> bool:
    """Say whether a column has a masking policy of its own."""
    return any(
        node.get("column") in (column.name, UNKNOWN)
        for node in graph.companions(column.table, "table", APPLICATION)
    )


def _open(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    graph = lake.graph
    tags = {tag: None for column in personal_columns(graph) for tag in _tags(graph, column)}
    for mask in dict.fromkeys(one for tag in tags for one in graph.targets(tag, "maskingPolicies", MASK)):
        body = mask.text("body")
        if body is not None and _shows_everybody(body, _argument(mask)):
            yield mask, f"The masking policy {mask.text('name')} shows its value to everybody."


def _argument(mask: Node) -> str:
    first = next(iter(mask.items("arguments")), None)
    return str(cast(dict[str, Any], first).get("name")) if isinstance(first, dict) else "VAL"


def _shows_everybody(body: str, argument: str) -> bool:
    """Say whether a mask asks for no role, or ends in the value itself."""
    asks = re.search(
        r"\b(IS_ROLE_IN_SESSION|CURRENT_ROLE|IS_DATABASE_ROLE_IN_SESSION)\b", body, re.IGNORECASE
    )
    rest = re.search(rf"\bELSE\s+\"?{re.escape(argument)}\"?\s+END\s*$", body.strip(), re.IGNORECASE)
    return asks is None or rest is not None


POLICIES = (
    lake_policy(
        "lake-pii-missing-tag",
        description="Every personal column of a contract carries the tag of its kind.",
        check=_tagged,
        steps="Associate the kind's tag with the column.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-pii-missing-masking",
        description="Every personal column of a contract is masked, through its tag.",
        check=_masked,
        steps="Set the tag's maskingPolicies.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-pii-missing-vault",
        description="What opens a personal value of a contract is kept for re-identification.",
        check=_vaulted,
        steps="Let the source's task merge the field into GOVERNANCE.PII_VAULT.",
        severity=Severity.MEDIUM,
    ),
    lake_policy(
        "lake-pii-disallow-open-mask",
        description="A masking policy of personal columns asks for the role, and hides from all others.",
        check=_open,
        steps="Let the policy's body pick a face by role, and end in what hides the value.",
        severity=Severity.CRITICAL,
    ),
)
