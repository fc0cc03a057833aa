"""Re-identification in a stack's file: each fault of it is said, by its key."""

from typing import Any

import pytest

import settings

GOOD: dict[str, Any] = {
    "marketingOps": ["marketing-ops"],
    "privacyOfficers": ["privacy-officer"],
    "purposes": {"recall": {"kinds": ["email", "phone"]}},
}


def faults(reid: Any) -> dict[str, str]:
    config = {"environment": "dev", "owner": "data", "reid": reid}
    _, found = settings.examine(config, stack="dev")
    return {fault.key: fault.expected for fault in found}


def test_there_need_be_none() -> None:
    assert settings.parse({"environment": "dev", "owner": "data"}, stack="dev").reid is None


def test_a_good_one_has_safe_defaults() -> None:
    found = settings.parse({"environment": "dev", "owner": "data", "reid": GOOD}, stack="dev").reid
    assert found is not None
    assert (found.tokens_per_day, found.life_minutes, found.concurrency, found.auditors) == (
        1000,
        1440,
        5,
        (),
    )
    assert found.purposes["recall"].kinds == ("email", "phone")


def test_every_fault_is_said_at_once() -> None:
    said = faults(
        {
            "marketingOps": [],
            "privacyOfficers": ["arn:aws:iam::123456789012:role/privacy"],
            "purposes": {
                "Recall!": {"kinds": ["email"]},
                "empty": {"kinds": []},
                "other": {"kinds": ["passport"]},
                "none": {},
            },
            "tokensPerDay": 0,
            "lifeMinutes": 1,
            "tokensPerWeek": 1,
        }
    )
    assert said == {
        "reid.marketingOps": "expected one role at least",
        "reid.privacyOfficers[0]": "expected the name of an IAM role of the stack's account, without its path, got "
        '"arn:aws:iam::123456789012:role/privacy"',
        "reid.privacyOfficers": "expected one role at least",
        "reid.purposes.Recall!": "expected a name of up to 64 lower-case letters, digits and dashes",
        "reid.purposes.empty.kinds": "expected one kind at least",
        "reid.purposes.none.kinds": "missing; expected a mapping",
        "reid.purposes.other.kinds": "expected one kind at least",
        "reid.purposes.other.kinds[0]": "expected one of address, device_id, email, free_text, ip, person_name, "
        'phone, got "passport"',
        "reid.tokensPerDay": "expected a whole number from 1 to 1000000, got 0",
        "reid.lifeMinutes": "expected a whole number from 5 to 10080, got 1",
        "reid.tokensPerWeek": 'no such key; did you mean "tokensPerDay"?',
    }


def test_nobody_may_be_both() -> None:
    said = faults({**GOOD, "privacyOfficers": ["marketing-ops", "privacy-officer"]})
    assert said == {"reid.privacyOfficers": "expected other roles than may ask, got marketing-ops in both"}


def test_no_purpose_needs_what_no_contract_reveals() -> None:
    said = faults({**GOOD, "purposes": {"recall": {"kinds": ["email", "ip"]}}})
    assert said == {"reid.purposes.recall.kinds": "no contract lets ip be revealed (x-pii: reid: true)"}


@pytest.mark.parametrize("left_out", ["marketingOps", "privacyOfficers", "purposes"])
def test_what_is_missing_is_said(left_out: str) -> None:
    said = faults({key: value for key, value in GOOD.items() if key != left_out})
    assert set(said) == {f"reid.{left_out}"}
    assert said[f"reid.{left_out}"].startswith("missing; expected")


def test_what_it_keeps_for_itself_counts_among_the_functions() -> None:
    config = {"environment": "dev", "owner": "data", "reid": {**GOOD, "concurrency": 1000}}
    _, found = settings.examine(config, stack="dev", providers={"aws:region": "eu-central-1"})
    assert "transform.batchesPerShard" in {fault.key for fault in found}
