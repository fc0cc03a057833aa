"""Suppressions: they hide what they name and no more, and are findings themselves once they do not hold."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy, Severity, StackValidationPolicy

from policies import suppressions
from policies.driver import Pack, Subject
from policies.suppressions import Hidden, applied, load

TODAY = date(2026, 5, 4)
ROTATION = "key-enable-rotation"
UNROTATED = "It is not rotated."
WHOLE: dict[str, Any] = {
    "policy": ROTATION,
    "resource": "*$aws:kms/key:Key::landing",
    "stacks": ["dev"],
    "reason": "It never gets old enough to rotate.",
    "owner": "data-platform",
    "expires": date(2026, 5, 4),
}


def unrotated(args: Any, report: Any) -> None:
    if args.resource_type == "aws:kms/key:Key" and not args.props["enableKeyRotation"]:
        report(UNROTATED, None)


KMS = [
    ResourceValidationPolicy(
        name=ROTATION,
        description="Keys are rotated.",
        validate=unrotated,
        remediate=lambda args: {**args.props, "enableKeyRotation": True},  # type: ignore[arg-type]
        enforcement_level=EnforcementLevel.ADVISORY,
        severity=Severity.HIGH,
        remediation_steps="Rotate it.",
    )
]


def key(stack: str, name: str) -> Subject:
    urn = f"urn:pulumi:{stack}::lake::lake:index:Lake$aws:kms/key:Key::{name}"
    return Subject(urn=urn, type="aws:kms/key:Key", name=name, inputs={"enableKeyRotation": False})


def root(stack: str) -> Subject:
    urn = f"urn:pulumi:{stack}::lake::pulumi:pulumi:Stack::lake-{stack}"
    return Subject(urn=urn, type="pulumi:pulumi:Stack", name=f"lake-{stack}")


def listed(where: Path, *entries: Any, names: set[str] | None = None) -> suppressions.Suppressions:
    file = where / "suppressions.yml"
    file.write_text(yaml.safe_dump(list(entries)))
    return load(names or {ROTATION}, file, TODAY)


def found(pack: Pack, *subjects: Subject) -> list[tuple[str, str, str]]:
    for subject in subjects:
        pack.analyze(subject)
    pack.analyze_stack(subjects)
    return [(one.policy, one.urn.rpartition("::")[2], one.message) for one in pack.findings]


def test_it_hides_the_named_finding_on_the_named_resource_of_the_named_stack(tmp_path: Path) -> None:
    hidden: list[Hidden] = []
    held = listed(tmp_path, WHOLE)
    pack = Pack("p", applied(KMS, held, hidden.append))
    left = found(pack, root("dev"), key("dev", "landing"), key("dev", "pii"))
    assert left == [(ROTATION, "pii", UNROTATED)]
    assert [(one.suppression, one.policy, one.urn, one.message) for one in hidden] == [
        (held.held[0], ROTATION, key("dev", "landing").urn, UNROTATED)
    ]
    other = found(Pack("p", applied(KMS, held)), root("prod"), key("prod", "landing"))
    assert other == [(ROTATION, "landing", UNROTATED)]


@pytest.mark.parametrize(
    ("resource", "stacks", "hides"),
    [
        (key("prod-eu", "landing").urn, ["prod-eu"], True),
        ("*::landing", ["prod-*"], True),
        ("*::landing", ["dev", "*-eu"], True),
        ("*::land", ["prod-eu"], False),
        ("landing", ["prod-eu"], False),
        ("*::l.nding", ["prod-eu"], False),
        ("*::landing", ["prod"], False),
    ],
)
def test_a_star_stands_for_anything_and_nothing_else_does(
    resource: str, stacks: list[str], hides: bool, tmp_path: Path
) -> None:
    held = listed(tmp_path, {**WHOLE, "resource": resource, "stacks": stacks})
    assert held.faults == ()
    assert (held.over(ROTATION, key("prod-eu", "landing").urn) is not None) is hides


def test_a_finding_on_the_stack_as_a_whole_has_the_stacks_own_urn(tmp_path: Path) -> None:
    def validate(args: Any, report: Any) -> None:
        report("the stack is too large", None)
        report("this is too large", args.resources[1].urn)

    policy = StackValidationPolicy(name="size", description="Stacks are small.", validate=validate)
    held = listed(tmp_path, {**WHOLE, "policy": "size", "resource": "*Stack::lake-dev"}, names={"size"})
    hidden: list[Hidden] = []
    left = found(Pack("p", applied([policy], held, hidden.append)), root("dev"), key("dev", "landing"))
    assert left == [("size", "landing", "this is too large")]
    assert [one.message for one in hidden] == ["the stack is too large"]


def test_what_is_accepted_is_not_mended(tmp_path: Path) -> None:
    pack = Pack("p", applied(KMS, listed(tmp_path, WHOLE)))
    pack.configure({"all": "remediate"})
    assert pack.remediate(key("dev", "landing")) is None
    mended = pack.remediate(key("dev", "pii"))
    assert mended is not None
    assert mended["enableKeyRotation"] is True


def test_a_policy_keeps_its_words_its_level_and_what_it_can(tmp_path: Path) -> None:
    before = KMS[0]
    after = applied(KMS, listed(tmp_path, WHOLE))[0]
    assert isinstance(after, ResourceValidationPolicy)
    assert after is not before
    assert after.has_validation()
    assert after.has_remediation()
    for name in (
        "name",
        "description",
        "enforcement_level",
        "config_schema",
        "severity",
        "remediation_steps",
    ):
        assert getattr(after, name) == getattr(before, name)


def test_after_its_last_day_it_hides_nothing_and_is_a_finding_where_it_was_meant(tmp_path: Path) -> None:
    held = listed(tmp_path, {**WHOLE, "expires": date(2026, 5, 3)})
    assert held.held == ()
    assert found(Pack("p", applied(KMS, held)), root("dev"), key("dev", "landing")) == [
        (ROTATION, "landing", UNROTATED),
        (
            suppressions.EXPIRY,
            "",
            "suppressions.yml, entry 1, expires: was over on 2026-05-03; "
            "data-platform wrote: It never gets old enough to rotate.",
        ),
    ]
    assert found(Pack("p", applied(KMS, held)), root("prod")) == []


FIELDS = "policy, resource, stacks, reason, owner, expires"
BROKEN: list[tuple[dict[str, Any], list[str]]] = [
    ({"policy": "key-enable-rotatoin"}, ["policy: expected the name of a policy of this pack"]),
    ({"policy": suppressions.EXPIRY}, ["policy: expected the name of a policy of this pack"]),
    ({"resource": "*"}, ["resource: expected a URN, or a pattern with * that says which resources"]),
    (
        {"resource": "urn:pulumi:*::*"},
        ["resource: expected a URN, or a pattern with * that says which resources"],
    ),
    ({"resource": None}, ["resource: expected a URN, or a pattern with * that says which resources"]),
    ({"stacks": "dev"}, ["stacks: expected a list of names of stacks, or of patterns with *"]),
    ({"stacks": []}, ["stacks: expected a list of names of stacks, or of patterns with *"]),
    ({"stacks": ["dev", 1]}, ["stacks: expected a list of names of stacks, or of patterns with *"]),
    ({"reason": "later"}, ["reason: expected a text of 20 characters or more"]),
    ({"owner": " "}, ["owner: expected a text"]),
    ({"expires": "soon"}, ["expires: expected a date such as 2026-05-04, 366 days ahead at most"]),
    ({"expires": date(2027, 5, 6)}, ["expires: expected a date such as 2026-05-04, 366 days ahead at most"]),
    ({"until": 1}, [f"until: unknown; the fields are {FIELDS}"]),
    (
        {"policy": 1, "resource": "", "stacks": None, "reason": None, "owner": None, "expires": None},
        [
            "policy: expected the name of a policy of this pack",
            "resource: expected a URN, or a pattern with * that says which resources",
            "stacks: expected a list of names of stacks, or of patterns with *",
            "reason: expected a text of 20 characters or more",
            "owner: expected a text",
            "expires: expected a date such as 2026-05-04, 366 days ahead at most",
        ],
    ),
]


@pytest.mark.parametrize(("change", "faults"), BROKEN)
def test_an_entry_that_is_not_whole_hides_nothing_and_says_everything(
    change: dict[str, Any], faults: list[str], tmp_path: Path
) -> None:
    held = listed(tmp_path, WHOLE, {**WHOLE, **change})
    assert len(held.held) == 1
    assert [one.text for one in held.faults] == [f"suppressions.yml, entry 2, {fault}" for fault in faults]
    # It is a finding on whatever stack is looked at: who can say for which it was meant?
    messages = [message for policy, _, message in found(Pack("p", applied(KMS, held)), root("any"))]
    assert messages == [one.text for one in held.faults]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{policy: x}", "suppressions.yml: expected a list of entries"),
        ("- policy: [", "suppressions.yml cannot be read: while parsing"),
        ("- once", f"suppressions.yml, entry 1: expected the fields {FIELDS}"),
    ],
)
def test_a_file_that_is_no_list_is_a_finding(text: str, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "suppressions.yml"
    file.write_text(text)
    held = load({ROTATION}, file, TODAY)
    assert held.held == ()
    assert [one.text.startswith(fault) for one in held.faults] == [True]


@pytest.mark.parametrize("text", [None, "", "# nothing yet\n", "[]"])
def test_no_entries_are_no_fault(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "suppressions.yml"
    if text is not None:
        file.write_text(text)
    assert load({ROTATION}, file, TODAY) == suppressions.Suppressions()


def test_every_shipped_entry_is_whole() -> None:
    from policies.pack import POLICIES

    # On the day on which it was renewed; that none is over is for the stacks' own tests to find.
    written = yaml.safe_load(suppressions.FILE.read_text()) or []
    for entry in written:
        held = load((one.name for one in POLICIES), suppressions.FILE, entry["expires"])
        assert [one.text for one in held.faults if "was over on" not in one.text] == []
