"""A report in the Static Analysis Results Interchange Format 2.1.0, as code scanning services take it."""

from typing import Any

from policies.driver import Finding, Rule
from policies.report import Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION = "2.1.0"
LEVELS = {"mandatory": "error", "remediate": "error", "advisory": "warning", "disabled": "none"}
# What GitHub sorts by: over 9 is critical, over 7 high, over 4 medium.
SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}


def document(report: Report) -> dict[str, Any]:
    """The report of one stack as one run."""
    places = {rule.name: number for number, rule in enumerate(report.rules)}
    results = [_result(one, places, report.stack) for one in report.findings]
    for one in report.suppressed:
        entry = one.suppression
        reason = f"{entry.reason} ({entry.owner}, until {entry.expires})"
        accepted = {"kind": "external", "status": "accepted", "justification": reason}
        results.append({**_result(one.finding, places, report.stack), "suppressions": [accepted]})
    return {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {
                    "driver": {"name": "retaillake policies", "rules": [_rule(one) for one in report.rules]}
                },
                "automationDetails": {"id": f"policies/{report.stack}/"},
                "results": results,
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    score = {"security-severity": SCORES[rule.severity]} if rule.severity else {}
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.description},
        "help": {"text": rule.steps or rule.description},
        "defaultConfiguration": {"level": LEVELS[rule.level], "enabled": rule.level != "disabled"},
        "properties": {"tags": ["policy"], **score},
    }


def _result(one: Finding, places: dict[str, int], stack: str) -> dict[str, Any]:
    urn = one.urn or stack
    return {
        "ruleId": one.policy,
        "ruleIndex": places[one.policy],
        "level": LEVELS[one.level],
        "message": {"text": f"{urn.rpartition('::')[2]}: {one.message} {one.steps}".strip()},
        "locations": [
            {
                # A resource has no file of its own; the stack's is where its settings are mended.
                "physicalLocation": {
                    "artifactLocation": {"uri": f"Pulumi.{stack}.yaml"},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": urn, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"policyAndResource/v1": f"{one.policy}:{urn}"},
    }
