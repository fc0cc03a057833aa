"""What the pack finds on a stack, and what it would have found but for the suppressions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policies import pack
from policies.driver import Finding, Pack, Rule, Subject
from policies.suppressions import FILE, STACK, Hidden, Suppression, load

LEVELS = ("mandatory", "advisory")
SEVERITIES = ("critical", "high", "medium", "low", "")
# Only a report sees the whole of a stack's findings: the pack has no such policy.
UNUSED = Rule(
    name="suppression-disallow-unused",
    description="Every suppression hides something.",
    severity="low",
    level="advisory",
    steps="Remove the entry.",
)


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """A finding that somebody answers for."""

    finding: Finding
    suppression: Suppression


@dataclass(frozen=True, kw_only=True)
class Report:
    """Findings on one stack, the gravest first."""

    stack: str
    resources: int
    findings: Sequence[Finding]
    suppressed: Sequence[Suppressed]
    rules: Sequence[Rule]

    @property
    def mandatory(self) -> int:
        """How many findings stop a deployment."""
        return sum(one.mandatory for one in self.findings)

    @property
    def counts(self) -> str:
        """The findings in a sentence."""
        return (
            f"{self.resources} resources of {self.stack} held to {len(self.rules)} policies: "
            f"{self.mandatory} mandatory and {len(self.findings) - self.mandatory} advisory findings, "
            f"{len(self.suppressed)} suppressed"
        )


def make(stack: str, subjects: Sequence[Subject], config: Mapping[str, Any], file: Path = FILE) -> Report:
    """Run the pack over the resources of a stack.

    Parameters
    ----------
    config
        The pack's configuration, in the form that `pulumi --policy-pack-config` takes.
    file
        The suppressions.
    """
    hidden: list[Hidden] = []
    driven = Pack(pack.NAME, pack.assemble(file, hidden.append), level=pack.LEVEL)
    driven.configure(config)
    for subject in subjects:
        driven.analyze(subject)
    driven.analyze_stack(subjects)
    used = {one.suppression for one in hidden}
    root = next((one.urn for one in subjects if one.type == STACK), "")
    found = [*driven.findings, *_unused(file, stack, root, used)]
    return Report(
        stack=stack,
        resources=len(subjects),
        findings=sorted(found, key=_gravity),
        suppressed=[
            Suppressed(suppression=one.suppression, finding=driven.finding(one.policy, one.urn, one.message))
            for one in hidden
        ],
        rules=[*driven.rules, UNUSED],
    )


def _unused(file: Path, stack: str, root: str, used: set[Suppression]) -> Iterator[Finding]:
    for one in load((policy.name for policy in pack.POLICIES), file).held:
        if one.concerns(stack) and one not in used:
            yield Finding(
                policy=UNUSED.name,
                level=UNUSED.level,
                severity=UNUSED.severity,
                urn=root,
                message=f"{one.place}: {one.policy} finds nothing on {one.resource}.",
                description=UNUSED.description,
                steps=UNUSED.steps,
            )


def _gravity(one: Finding) -> tuple[int, int, str, str]:
    return LEVELS.index(one.level), SEVERITIES.index(one.severity), one.policy, one.urn
