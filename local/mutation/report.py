"""The scores, for a terminal, for programs, and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from . import accepted
from .accepted import Accepted
from .mutant import CLASSES
from .score import Count, Score, Verdict

PAGE = """# How much the policy pack notices

Written by `make policy-mutation`; not by hand. The graph that a stack deploys is weakened in one place at a
time: a protecting resource is taken away, a property weakened, a right widened, plaintext let out. What
weakens is known from the SDKs' properties
([local/mutation/vocabulary.py](../local/mutation/vocabulary.py)), never from the policies.

- A mutant is *caught* if the pack finds anything that it does not find in the graph as it is, and *stopped*
  if one of these findings is mandatory by the pack's own levels.
- A *weakness* is the same change to all resources of a type; it counts as caught if it is caught at each of
  them.

What means the same as before is left out by rule: {left_out}.
"""
HEAD = """| stack | mutants | caught | stopped | score | weaknesses | caught | score |
|---|--:|--:|--:|--:|--:|--:|--:|"""


def percent(count: Count) -> str:
    """Return a score for people; rounded down, so that 100 % means all."""
    return f"{int(count.share * 1000) / 10:.1f} %"


def table(score: Score) -> Table:
    """Return a stack's scores by class."""
    made = Table(title=f"{score.stack}: {percent(score.total)} of {score.total.all:,} mutants caught")
    for name in ("class", "what it means"):
        made.add_column(name)
    for name in ("mutants", "caught", "stopped", "score"):
        made.add_column(name, justify="right")
    for kind, count in score.by_kind.items():
        made.add_row(
            kind, CLASSES[kind], f"{count.all:,}", f"{count.caught:,}", f"{count.mandatory:,}", percent(count)
        )
    made.add_section()
    for name, count in (("all", score.total), ("weaknesses", score.weaknesses)):
        made.add_row(name, "", f"{count.all:,}", f"{count.caught:,}", f"{count.mandatory:,}", percent(count))
    return made


def document(score: Score, reasons: Sequence[Accepted]) -> dict[str, Any]:
    """Return a stack's scores and every mutant, for programs."""
    return {
        "stack": score.stack,
        "total": _figures(score.total),
        "weaknesses": _figures(score.weaknesses),
        "classes": {kind: _figures(count) for kind, count in score.by_kind.items()},
        "leftOut": dict(sorted(score.left_out.items())),
        "mutants": [
            {
                "id": one.mutant.id,
                "urn": one.mutant.resource.urn,
                "class": one.mutant.kind,
                "policies": list(one.policies),
                "mandatory": one.mandatory,
                **({} if one.caught else {"accepted": accepted.reason(reasons, one)}),
            }
            for one in score.verdicts
        ],
    }


def _figures(count: Count) -> dict[str, Any]:
    return {
        "mutants": count.all,
        "caught": count.caught,
        "stopped": count.mandatory,
        "score": round(count.share, 4),
    }


def page(scores: Sequence[Score], reasons: Sequence[Accepted]) -> str:
    """Return the page of the documentation."""
    left_out = sorted({(reason, count) for one in scores for reason, count in one.left_out.items()})
    told = "; ".join(f"{reason} ({count})" for reason, count in left_out)
    parts = [PAGE.format(left_out=told or "nothing")]
    parts.append(HEAD)
    for one in scores:
        all_, kinds = one.total, one.weaknesses
        parts[-1] += (
            f"\n| `{one.stack}` | {all_.all:,} | {all_.caught:,} | {all_.mandatory:,} | {percent(all_)} "
            f"| {kinds.all:,} | {kinds.caught:,} | {percent(kinds)} |"
        )
    for one in scores:
        parts += _stack(one, reasons)
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _stack(score: Score, reasons: Sequence[Accepted]) -> list[str]:
    rows = ["| class | what it means | mutants | caught | stopped | score |", "|---|---|--:|--:|--:|--:|"]
    rows += [
        f"| {kind} | {CLASSES[kind]} | {count.all:,} | {count.caught:,} | {count.mandatory:,} "
        f"| {percent(count)} |"
        for kind, count in score.by_kind.items()
    ]
    explained: dict[str, list[Verdict]] = {}
    for one in score.survivors:
        explained.setdefault(accepted.reason(reasons, one) or "", []).append(one)
    open_ = _listed(explained.pop("", []))
    parts = [f"## {score.stack}", "\n".join(rows), "### Survivors to be caught", open_ or "None."]
    if explained:
        parts.append("### Survivors that are accepted")
        parts += [f"{reason}\n\n{_listed(found)}" for reason, found in sorted(explained.items())]
    return parts


def _listed(verdicts: Sequence[Verdict]) -> str:
    """List survivors, the same weakness of several resources of a type in one line."""
    grouped: dict[tuple[str, str, str, str], list[str]] = {}
    for one in verdicts:
        mutant = one.mutant
        grouped.setdefault((mutant.kind, mutant.resource.type, mutant.where, mutant.what), []).append(
            mutant.resource.name
        )
    return "\n".join(
        f"- {kind}: `{token}` {where}: {what} ({', '.join(names)})"
        for (kind, token, where, what), names in grouped.items()
    )
