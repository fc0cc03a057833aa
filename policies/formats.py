"""A report for people and for GitHub: a table, a summary, annotations; and for programs, JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from policies.driver import Finding
from policies.report import Report, Suppressed

COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
COMMANDS = {"mandatory": "error", "advisory": "warning"}


def table(report: Report) -> RenderableType:
    """For a terminal."""
    parts: list[RenderableType] = []
    if report.findings:
        parts.append(_table("findings", ("level", "severity", "policy", "resource", "what, and what to do")))
        for one in report.findings:
            _add(parts[-1], one.level, one)
    if report.suppressed:
        parts.append(
            _table("suppressed", ("until", "severity", "policy", "resource", "what, and why it is borne"))
        )
        for one in report.suppressed:
            _add(parts[-1], str(one.suppression.expires), one.finding, _why(one))
    return Group(*parts, Text(report.counts))


def _table(title: str, columns: Iterable[str]) -> Table:
    made = Table(title=title, title_justify="left", show_lines=True)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def _add(to: RenderableType, first: str, one: Finding, second: str = "") -> None:
    if isinstance(to, Table):
        words = Text(f"{one.message}\n{second or one.steps}".strip())
        severity = Text(one.severity, style=COLOURS.get(one.severity, ""))
        to.add_row(Text(first), severity, Text(one.policy), Text(short(one.urn)), words)


def as_json(report: Report) -> str:
    """Everything, for programs."""
    return json.dumps(
        {
            "stack": report.stack,
            "resources": report.resources,
            "mandatory": report.mandatory,
            "findings": [asdict(one) for one in report.findings],
            "suppressed": [
                {
                    **asdict(one.finding),
                    "reason": one.suppression.reason,
                    "owner": one.suppression.owner,
                    "expires": str(one.suppression.expires),
                }
                for one in report.suppressed
            ],
        },
        indent=1,
    )


def markdown(report: Report) -> str:
    """A summary such as $GITHUB_STEP_SUMMARY takes."""
    lines = [f"### Policies: {report.stack}", "", f"{report.counts}.", ""]
    if report.findings:
        lines += ["| level | severity | policy | resource | what | what to do |", "|---|---|---|---|---|---|"]
        lines += [
            row(one.level, one.severity, f"`{one.policy}`", f"`{short(one.urn)}`", one.message, one.steps)
            for one in report.findings
        ]
        lines.append("")
    if report.suppressed:
        lines += ["| suppressed | resource | what | why | until |", "|---|---|---|---|---|"]
        lines += [
            row(
                f"`{one.finding.policy}`",
                f"`{short(one.finding.urn)}`",
                one.finding.message,
                f"{one.suppression.reason} ({one.suppression.owner})",
                str(one.suppression.expires),
            )
            for one in report.suppressed
        ]
        lines.append("")
    return "\n".join(lines)


def annotations(report: Report) -> str:
    """A workflow command for each finding: GitHub shows it with the run and the pull request."""
    return "".join(
        f"::{COMMANDS[one.level]} file=Pulumi.{report.stack}.yaml,title={_property(one.policy)}::"
        f"{_data(f'{short(one.urn)}: {one.message} {one.steps}'.strip())}\n"
        for one in report.findings
    )


def row(*cells: str) -> str:
    """A row of a Markdown table; what a cell holds cannot end it."""
    escaped = (" ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def short(urn: str) -> str:
    """A resource's own type and name."""
    kind, _, name = urn.removeprefix("urn:pulumi:").partition("::")[2].partition("::")[2].partition("::")
    return f"{kind.rpartition('$')[2]}::{name}" if name else "the stack"


def _why(one: Suppressed) -> str:
    return f"{one.suppression.reason} ({one.suppression.owner})"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
