"""The way of a request, and every way in which it is refused: the problem that is told, and the entry about it."""

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

import pytest

from tests.functions.transform_kit import ADDRESS as SALE_ADDRESS
from tests.reid.kit import JANE, JOHN, NOW, OFFICER, RULES, SECOND, SESSION, WHY, Bench, client, protected

MAIL = "Jane.Doe@Example.com"


def test_what_was_approved_is_revealed_as_it_was_sent(bench: Bench) -> None:
    first, second = bench.people(), bench.people(email="john@example.org")
    told, asked = bench.ask(JANE, [first["email"], second["email"]])
    assert told.status == 201
    assert asked["status"] == "pending"
    assert (asked["tokens"], asked["requested_by"], asked["justification"]) == (2, "jane", WHY)
    assert asked["expires_at"] == "2026-01-01T01:00:00.000Z"
    told, approved = bench.step(OFFICER, asked["id"], "approve")
    assert (told.status, approved["status"], approved["decided_by"]) == (200, "approved", "olga")
    told, revealed = bench.step(JANE, asked["id"], "reveal")
    assert told.status == 200
    assert told.headers["Cache-Control"] == "no-store"
    assert revealed["values"] == [
        {"token": first["email"], "value": MAIL},
        {"token": second["email"], "value": "john@example.org"},
    ]
    told, seen = bench.call(JANE, "GET", f"/reid/requests/{asked['id']}")
    assert (told.status, seen["status"]) == (200, "revealed")
    assert seen["revealed_at"] == "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize(("kind", "value"), [("phone", "+1 (206) 555-0147"), ("address", SALE_ADDRESS)])
def test_every_kind_is_revealed_exactly(bench: Bench, kind: str, value: Any) -> None:
    token = bench.people()[kind]
    id_ = bench.approved([token], kind=kind)
    assert bench.step(JANE, id_, "reveal")[1]["values"] == [{"token": token, "value": value}]


@pytest.mark.parametrize("written", ["(206) 555-0147", "206.555.0147", "001 206 555 0147"])
def test_a_phone_that_does_not_say_its_country_is_revealed_as_it_was_written(
    bench: Bench, written: str
) -> None:
    token = bench.people(phone=written)["phone"]
    id_ = bench.approved([token], kind="phone")
    assert bench.step(JANE, id_, "reveal")[1]["values"] == [{"token": token, "value": written}]


def test_a_token_opens_in_whichever_version_it_is_asked_for_or_kept(bench: Bench) -> None:
    old = bench.people()["email"]
    bench.token_keys = bench.token_keys.up_to(3)
    new = bench.token_keys.translated(old)
    assert old != new
    for asked in (old, new):  # kept as it was made
        assert bench.step(JANE, bench.approved([asked]), "reveal")[1]["values"][0]["value"] == MAIL
    bench.vault.change(old, token=new)
    for asked in (old, new):  # kept as it was translated
        assert bench.step(JANE, bench.approved([asked]), "reveal")[1]["values"][0]["value"] == MAIL


def test_the_latest_of_several_rows_is_revealed(bench: Bench) -> None:
    token = bench.people()["email"]
    bench.people(email="JANE.DOE@example.com")  # the same person, written otherwise
    bench.vault.rows[0] = replace(bench.vault.rows[0], last_seen="2025-01-01 00:00:00.000")
    id_ = bench.approved([token])
    assert bench.step(JANE, id_, "reveal")[1]["values"][0]["value"] == "JANE.DOE@example.com"


def test_the_journal_tells_who_what_why_and_no_value(bench: Bench) -> None:
    token = bench.people()["email"]
    id_ = bench.approved([token])
    bench.step(JANE, id_, "reveal")
    entries = bench.journal()
    assert [(one["action"], one["by"]) for one in entries] == [
        ("requested", "marketing-ops/jane"),
        ("approved", "privacy-officer/olga"),
        ("revealed", "marketing-ops/jane"),
    ]
    last = entries[-1]
    assert (last["request"], last["purpose"], last["kind"], last["why"]) == (id_, "recall", "email", WHY)
    assert (last["tokens"], last["asked_by"], last["decided_by"]) == (1, "jane", "olga")
    assert last["at"] == "2026-01-01T00:00:00.000Z"
    assert [one["hash"] for one in bench.told] == [one["hash"] for one in entries]
    everything = json.dumps([bench.journal(), bench.told])
    assert token not in everything
    assert MAIL.lower() not in everything.lower()


def test_no_table_holds_a_value_and_no_token_stays_after_its_reveal(bench: Bench) -> None:
    token = bench.people()["email"]
    bench.step(JANE, bench.approved([token]), "reveal")
    dynamodb = client("dynamodb", bench.endpoint)
    kept = json.dumps([dynamodb.scan(TableName=name)["Items"] for name in bench.names])
    assert "jane" in kept
    assert token not in kept
    assert "example.com" not in kept.lower()


# --- refused ------------------------------------------------------------------------------------------------


def test_nobody_approves_a_request_of_their_own(bench: Bench) -> None:
    asked = bench.ask(JANE, [bench.people()["email"]])[1]
    # The same person with the other role; names of sessions differ in case at times.
    for who in (f"{SESSION}/privacy-officer/jane", f"{SESSION}/privacy-officer/Jane"):
        for step in ("approve", "deny"):
            last = bench.refused(bench.step(who, asked["id"], step), 403, "self-approval", step)
            assert (last["by"], last["request"]) == ("privacy-officer/jane", asked["id"])


def test_an_approval_reveals_once(bench: Bench) -> None:
    id_ = bench.approved([bench.people()["email"]])
    assert bench.step(JANE, id_, "reveal")[0].status == 200
    last = bench.refused(bench.step(JANE, id_, "reveal"), 409, "already-revealed", "reveal")
    assert last["decided_by"] == "olga"
    assert len(bench.vault.asked) == 1


def test_what_expired_is_neither_approved_nor_revealed(bench: Bench) -> None:
    tokens = [bench.people()["email"]]
    asked, id_ = bench.ask(JANE, tokens)[1], bench.approved(tokens)
    bench.now = NOW + 3600
    bench.refused(bench.step(OFFICER, asked["id"], "approve"), 410, "expired", "approve")
    bench.refused(bench.step(JANE, id_, "reveal"), 410, "expired", "reveal")
    assert bench.vault.asked == []
    assert bench.call(JANE, "GET", f"/reid/requests/{id_}")[1]["status"] == "approved"


def test_the_time_may_run_out_while_a_value_is_opened(bench: Bench) -> None:
    token = bench.people()["email"]
    id_ = bench.approved([token])
    find = bench.vault.find

    def slowly(kind: str, tokens: Any) -> Any:
        bench.now = NOW + 3600
        return find(kind, tokens)

    bench.vault.find = slowly  # type: ignore[method-assign]
    bench.refused(bench.step(JANE, id_, "reveal"), 410, "expired", "reveal")


def test_a_purpose_must_be_one_of_the_stack_s(bench: Bench) -> None:
    told = bench.ask(JANE, [bench.people()["email"]], purpose="curiosity")
    last = bench.refused(told, 403, "purpose-not-allowed", "request")
    assert (last["purpose"], last["tokens"], last["by"]) == ("curiosity", 1, "marketing-ops/jane")


def test_a_purpose_allows_its_kinds_only(bench: Bench) -> None:
    told = bench.ask(JANE, [bench.people()["phone"]], purpose="newsletter", kind="phone")
    bench.refused(told, 403, "kind-not-allowed", "request")
    assert told[1]["detail"] == "newsletter allows email"


def test_what_was_allowed_may_be_forbidden_before_it_is_revealed(bench: Bench) -> None:
    id_ = bench.approved([bench.people()["phone"]], kind="phone")
    bench.rules = replace(RULES, purposes={"recall": frozenset({"email"})})
    bench.refused(bench.step(JANE, id_, "reveal"), 403, "kind-not-allowed", "reveal")


def test_a_person_has_a_day_s_quota(bench: Bench) -> None:
    tokens = [f"{number:032d}" for number in range(11)]
    bench.refused(bench.ask(JANE, tokens), 429, "over-quota", "request")
    assert bench.ask(JANE, tokens[:6])[0].status == 201
    bench.refused(bench.ask(JANE, tokens[:5]), 429, "over-quota", "request")
    assert bench.ask(JOHN, tokens[:5])[0].status == 201  # another person
    assert bench.ask(JANE, tokens[:4])[0].status == 201  # what is left
    bench.refused(bench.ask(JANE, tokens[:1]), 429, "over-quota", "request")
    bench.now += 24 * 3600
    assert bench.ask(JANE, tokens[:10])[0].status == 201


def tampered(text: str) -> str:
    raw = bytearray(b64decode(text))
    raw[20] ^= 1
    return b64encode(raw).decode()


def test_a_changed_ciphertext_does_not_open_and_uses_nothing_up(bench: Bench) -> None:
    token = bench.people()["email"]
    id_ = bench.approved([token])
    right = bench.vault.rows
    bench.vault.change(token, ciphertext=tampered(right[0].ciphertext))
    told = bench.step(JANE, id_, "reveal")
    bench.refused(told, 500, "unreadable", "reveal")
    assert set(told[1]) == {"type", "title", "status"}
    bench.vault.rows = right
    assert bench.step(JANE, id_, "reveal")[0].status == 200


def test_a_ciphertext_opens_in_its_own_field_only(bench: Bench) -> None:
    order = {"customer": {"address": dict(SALE_ADDRESS)}}
    bench.vault.rows = protected(bench.kms, bench.key, order, source="ecommerce", event="order")
    token = bench.vault.rows[0].token
    id_ = bench.approved([token], kind="address")
    # Each of these fields may be revealed too, and neither is the one: nor its source, nor its path.
    bench.vault.change(token, path="shipping.address")
    bench.refused(bench.step(JANE, id_, "reveal"), 500, "unreadable", "reveal")
    bench.vault.change(token, path="customer.address", source="pos")
    bench.refused(bench.step(JANE, id_, "reveal"), 500, "unreadable", "reveal")
    bench.vault.change(token, path="customer.email", source="pos")
    bench.refused(bench.step(JANE, id_, "reveal"), 422, "unknown-token", "reveal")


def test_another_person_s_ciphertext_under_an_approved_token_is_not_revealed(bench: Bench) -> None:
    mine, theirs = bench.people()["email"], bench.people(email="ceo@example.com")["email"]
    id_ = bench.approved([mine])
    other = next(row for row in bench.vault.rows if row.token == theirs)
    bench.vault.change(mine, ciphertext=other.ciphertext, data_key=other.data_key)
    told = bench.step(JANE, id_, "reveal")
    bench.refused(told, 500, "unreadable", "reveal")
    assert b"ceo@" not in told[0].body


def test_a_key_of_another_region_does_not_open(bench: Bench) -> None:
    token = bench.people()["email"]
    id_ = bench.approved([token])
    away = client("kms", bench.endpoint, "eu-west-1")
    bench.kms = away
    elsewhere = away.create_key()["KeyMetadata"]["Arn"]
    service = bench.service(elsewhere)
    bench.refused(bench.step(JANE, id_, "reveal", service=service), 500, "unreadable", "reveal")


def test_a_data_key_of_another_purpose_does_not_open(bench: Bench) -> None:
    token = bench.people()["email"]
    id_ = bench.approved([token])
    context = {"source": "pos", "purpose": "quarantine"}
    wrapped = bench.kms.encrypt(KeyId=bench.key, Plaintext=b"k" * 32, EncryptionContext=context)
    bench.vault.change(token, data_key=b64encode(wrapped["CiphertextBlob"]).decode())
    bench.refused(bench.step(JANE, id_, "reveal"), 500, "unreadable", "reveal")


@pytest.mark.parametrize("change", [{"data_key": "not base64"}, {"ciphertext": "AAAA"}, {"data_key": "AAAA"}])
def test_what_has_no_form_does_not_open(bench: Bench, change: dict[str, str]) -> None:
    token = bench.people()["email"]
    id_ = bench.approved([token])
    bench.vault.change(token, **change)
    bench.refused(bench.step(JANE, id_, "reveal"), 500, "unreadable", "reveal")


def test_an_unknown_token_reveals_nothing_and_uses_nothing_up(bench: Bench) -> None:
    known, stranger = bench.people()["email"], "x" * 32
    id_ = bench.approved([known, stranger])
    told = bench.step(JANE, id_, "reveal")
    bench.refused(told, 422, "unknown-token", "reveal")
    assert told[1]["tokens"] == [stranger]
    assert bench.call(JANE, "GET", f"/reid/requests/{id_}")[1]["status"] == "approved"


def test_a_token_of_another_kind_is_unknown(bench: Bench) -> None:
    id_ = bench.approved([bench.people()["phone"]])  # asked for as an e-mail address
    bench.refused(bench.step(JANE, id_, "reveal"), 422, "unknown-token", "reveal")


def test_only_privacy_officers_decide(bench: Bench) -> None:
    asked = bench.ask(JANE, [bench.people()["email"]])[1]
    for step in ("approve", "deny"):
        bench.refused(bench.step(JOHN, asked["id"], step), 403, "not-approver", step)


def test_only_the_requester_reveals(bench: Bench) -> None:
    id_ = bench.approved([bench.people()["email"]])
    bench.refused(bench.step(JOHN, id_, "reveal"), 403, "not-requester", "reveal")
    bench.refused(bench.step(OFFICER, id_, "reveal"), 403, "not-requester", "reveal")
    assert bench.vault.asked == []


def test_only_marketing_asks(bench: Bench) -> None:
    bench.refused(bench.ask(OFFICER, ["x" * 32]), 403, "not-requester", "request")


def test_what_is_decided_stays_so(bench: Bench) -> None:
    asked = bench.ask(JANE, [bench.people()["email"]])[1]
    told, denied = bench.step(OFFICER, asked["id"], "deny")
    assert (told.status, denied["status"], denied["decided_by"]) == (200, "denied", "olga")
    bench.refused(bench.step(SECOND, asked["id"], "approve"), 409, "already-decided", "approve")
    bench.refused(bench.step(JANE, asked["id"], "reveal"), 409, "not-approved", "reveal")


def test_what_is_pending_is_not_revealed(bench: Bench) -> None:
    asked = bench.ask(JANE, [bench.people()["email"]])[1]
    bench.refused(bench.step(JANE, asked["id"], "reveal"), 409, "not-approved", "reveal")


@pytest.mark.parametrize(
    "who",
    [
        "",
        "arn:aws:iam::123456789012:user/jane",
        "arn:aws:iam::123456789012:root",
        f"{SESSION}/reporting/jane",
        "arn:aws:sts::999999999999:assumed-role/marketing-ops/jane",
    ],
)
def test_who_is_no_session_of_a_role_of_ours_does_nothing(bench: Bench, who: str) -> None:
    asked = bench.ask(JANE, [bench.people()["email"]])[1]
    bench.refused(bench.ask(who, ["x" * 32]), 403, "unknown-caller", "request")
    for step in ("approve", "deny", "reveal"):
        bench.refused(bench.step(who, asked["id"], step), 403, "unknown-caller", step)
    bench.refused(bench.call(who, "GET", f"/reid/requests/{asked['id']}"), 403, "unknown-caller", "look")


def test_a_request_is_seen_by_its_requester_and_by_officers(bench: Bench) -> None:
    asked = bench.ask(JANE, [bench.people()["email"]])[1]
    path = f"/reid/requests/{asked['id']}"
    assert bench.call(JANE, "GET", path)[1] == bench.call(OFFICER, "GET", path)[1] == asked
    bench.refused(bench.call(JOHN, "GET", path), 403, "not-requester", "look")


@pytest.mark.parametrize("id_", ["00000000-0000-0000-0000-000000000000", "jane@example.com", "1"])
def test_there_is_no_such_request(bench: Bench, id_: str) -> None:
    last = bench.refused(bench.step(JANE, id_, "reveal"), 404, "not-found", "reveal")
    assert "request" not in last  # what stood in its place may be anything


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"tokens": []}, "tokens"),
        ({"tokens": [f"{n:032d}" for n in range(501)]}, "tokens"),
        ({"tokens": ["jane@example.com"]}, "tokens[0]"),
        ({"tokens": ["x" * 32, "x" * 32]}, "tokens: each token once"),
        ({"kind": "passport"}, "kind"),
        ({"purpose": "Recall!"}, "purpose"),
        ({"justification": "because"}, "justification"),
        ({"justification": "She is jane@example.com, whom we miss"}, "justification"),
        ({"jane@example.com": 1}, "unknown field"),
        ({"purpose": None}, "purpose"),
    ],
)
def test_what_has_not_the_form_is_refused_without_being_repeated(
    bench: Bench, change: dict[str, Any], where: str
) -> None:
    told = bench.ask(JANE, **{"tokens": ["x" * 32], **change})
    bench.refused(told, 400, "invalid-request", "request")
    assert where in told[1]["detail"]
    assert b"jane@example.com" not in told[0].body


def test_steps_take_no_body(bench: Bench) -> None:
    asked = bench.ask(JANE, ["x" * 32])[1]
    path = f"/reid/requests/{asked['id']}/approve"
    bench.refused(bench.call(OFFICER, "POST", path, {"force": True}), 400, "invalid-request", "approve")
    assert bench.call(OFFICER, "POST", path, {})[0].status == 200


def test_there_is_nothing_else(bench: Bench) -> None:
    told, body = bench.call(JANE, "GET", "/reid/people")
    assert (told.status, body["type"]) == (404, "urn:retaillake:problem:no-such-resource")
    told, body = bench.call(JANE, "DELETE", "/reid/requests")
    assert (told.status, told.headers["Allow"]) == (405, "POST")
    assert bench.journal() == []
