"""Programs that are not ours, in the style of public examples: the pack finds what a careful engineer would.

Each program stands in `foreign/<name>` with `expected.yaml` beside it: every finding with its reason, and what
looks like one and is none.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from local.standin import Run, run_in_process
from local.standin.policy import Pack
from policies.pack import POLICIES
from tests.policies.foreign_kit import NAMES, PROGRAMS, anything, expected, needs

ROOT = PROGRAMS.parents[2]
Found = Counter[tuple[str, str]]


def judged(name: str, *, preview: bool = False, config: dict[str, Any] | None = None) -> tuple[Run, Pack]:
    where, labels = needs(name), expected(name)
    pack = Pack(ROOT / "policies", {**labels.get("config", {}), **(config or {})})
    with anything():
        run = run_in_process(where, labels.get("stack", "dev"), policy=pack, preview=preview)
    return run, pack


def found(pack: Pack) -> Found:
    """Each finding by policy and resource; not that a policy cannot run before values are known."""
    return Counter(
        (one.policyName, one.urn.rsplit("::", 1)[-1])
        for one in pack.diagnostics
        if not one.message.startswith("can't run policy")
    )


def labelled(name: str, kind: str) -> list[tuple[str, str]]:
    return [(one["policy"], one["resource"]) for one in expected(name)[kind]]


def existing(labels: list[tuple[str, str]]) -> Found:
    known = {policy.name for policy in POLICIES}
    return Counter(label for label in labels if label[0] in known)


@pytest.mark.parametrize("name", NAMES)
def test_the_pack_finds_what_a_careful_engineer_would(name: str) -> None:
    run, pack = judged(name)
    assert found(pack) == existing(labelled(name, "findings"))
    names = {resource.name for resource in run.resources}
    spoken_of = [*labelled(name, "findings"), *labelled(name, "not_found")]
    assert [resource for _, resource in spoken_of if resource not in names] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_preview_finds_all_that_is_known_by_then(name: str) -> None:
    _, pack = judged(name, preview=True)
    known = [
        (one["policy"], one["resource"])
        for one in expected(name)["findings"]
        if one.get("when") != "deployed"
    ]
    assert found(pack) == existing(known)


@pytest.mark.parametrize("name", NAMES)
def test_every_label_has_a_reason_and_names_a_policy(name: str) -> None:
    labels = expected(name)
    known = {policy.name for policy in POLICIES} | PLANNED
    assert len(labels["findings"]) >= 5
    assert len(labels["not_found"]) >= 5
    for label in [*labels["findings"], *labels["not_found"]]:
        assert label["policy"] in known, label
        assert len(label["reason"]) > 5, label
    both = Counter(labelled(name, "findings")) & Counter(labelled(name, "not_found"))
    assert both == Counter()
    assert Counter(labelled(name, "findings")).most_common(1)[0][1] == 1


def test_a_foreign_program_is_no_lake() -> None:
    for name in NAMES:
        assert not [label for label in labelled(name, "findings") if label[0].startswith("lake-")]


# Policies that labels name and that come from elsewhere: what is not in the pack yet is not compared.
PLANNED = frozenset(
    {
        "aws-s3-bucket-block-public",
        "aws-s3-bucket-configure-kms",
        "aws-s3-bucket-disallow-force-destroy",
        "aws-s3-bucket-enable-versioning",
        "aws-s3-bucket-enforce-tls",
        "aws-s3-bucket-missing-lifecycle",
        "data-configure-retention",
        "data-enforce-protect",
        "lake-landing-missing-pipe",
        "lake-pii-missing-masking",
        "lake-pipe-missing-alarm",
        "lake-resource-enforce-residency",
    }
)
