"""The pack's policies as a table: what docs/policies.md shows, and nobody writes by hand."""

import json
from pathlib import Path

from pulumi_policy import Policy, ResourceValidationPolicy

from policies import formats, pack, report

BEGIN, END = "<!-- policies: begin -->", "<!-- policies: end -->"
HEAD = ("policy", "level", "severity", "what it asks for", "configuration")


class PageError(Exception):
    """The page has no place for the table."""


def rows() -> list[tuple[str, ...]]:
    """A row for each policy, in the pack's order."""
    told = [
        (one.name, _level(one), one.severity.value if one.severity else "", one.description, _values(one))
        for one in pack.assemble()
    ]
    unused = report.UNUSED
    return [*told, (unused.name, f"{unused.level}, in reports", unused.severity, unused.description, "")]


def markdown() -> str:
    """The table as Markdown."""
    lines = [formats.row(*HEAD), f"|{'---|' * len(HEAD)}"]
    lines += [
        formats.row(f"`{name}`", *rest, f"`{values}`" if values else "") for name, *rest, values in rows()
    ]
    return "\n".join(lines) + "\n"


def write(page: Path) -> bool:
    """Put the table between a page's two marks; says whether the page has changed."""
    before = page.read_text()
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise PageError(f"{page}: expected {BEGIN} and {END}, with the table between them")
    after = f"{head}{BEGIN}\n{markdown()}{END}{tail}"
    if after != before:
        page.write_text(after)
    return after != before


def _level(policy: Policy) -> str:
    words = [(policy.enforcement_level or pack.LEVEL).value]
    if not isinstance(policy, ResourceValidationPolicy):
        words.append("over the stack")
    elif policy.has_remediation():
        words.append("can remediate")
    return ", ".join(words)


def _values(policy: Policy) -> str:
    schema = policy.config_schema.properties if policy.config_schema else {}
    return ", ".join(
        name + (f": {json.dumps(one['default'])}" if "default" in one else "") for name, one in schema.items()
    )
