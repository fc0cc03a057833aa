"""Forgetting a person: what is left of them opens nowhere, and everything else goes on as it was."""

from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from functions.reid.vault import Row
from tests.reid.kit import JANE, OFFICER, RULES, WHY, Bench, client

MAIL = "Jane.Doe@Example.com"


def erase(bench: Bench, tokens: list[str], who: str = OFFICER, /, **changes: Any) -> Any:
    return bench.call(who, "POST", "/reid/erasures", {"tokens": tokens, "justification": WHY} | changes)


def later(bench: Bench) -> None:
    """Of a later hour: what is put into the vault from now on is the latest."""
    bench.vault.rows = [replace(row, last_seen="2025-12-01 00:00:00.000") for row in bench.vault.rows]


def data_key(bench: Bench, row: Row) -> bytes:
    context = {"source": row.source, "purpose": "field"}
    return bench.kms.decrypt(CiphertextBlob=b64decode(row.data_key), EncryptionContext=context)["Plaintext"]


@pytest.mark.parametrize("kind", ["email", "phone", "address"])
def test_any_one_token_of_a_person_erases_all_that_is_theirs(bench: Bench, kind: str) -> None:
    tokens = bench.people(owned=True)
    john = {"loyalty_id": "901", "email": "john@example.org", "phone": "+442079460123", "address": None}
    other = bench.people(owned=True, **john)
    id_ = bench.approved([tokens["email"]])
    assert bench.step(JANE, id_, "reveal")[1]["values"][0]["value"] == MAIL
    waiting = {one: bench.approved([token], kind=one) for one, token in tokens.items()}
    told, done = erase(bench, [tokens[kind]])
    assert (told.status, done) == (200, {"subjects": 1, "remaining": 0})
    for one, id_ in waiting.items():
        entry = bench.refused(bench.step(JANE, id_, "reveal"), 410, "erased", "reveal")
        assert entry["kind"] == one
        assert bench.call(JANE, "GET", f"/reid/requests/{id_}")[1]["status"] == "approved"  # not used up
    id_ = bench.approved([other["email"]])
    assert bench.step(JANE, id_, "reveal")[1]["values"][0]["value"] == "john@example.org"


def test_what_was_erased_opens_nowhere_though_the_key_service_still_opens_the_data_key(bench: Bench) -> None:
    """GIVEN the data key, by the key service itself THEN neither it nor a new secret opens a ciphertext."""
    token = bench.people(owned=True)["email"]
    row = next(row for row in bench.vault.rows if row.token == token)
    erase(bench, [token])
    key, owned = data_key(bench, row), row.owned()
    assert owned is not None
    assert client("dynamodb", bench.endpoint).scan(TableName=bench.names[2])["Items"] == []
    bench.people(owned=True)  # the same person again
    ((_, new),) = bench.secrets.known([owned.subject]).items()
    for tried in (key, new):
        with pytest.raises(InvalidTag):
            AESGCM(tried).decrypt(owned.sealed[:12], owned.sealed[12:], b"pos|customer.email")
    assert not owned.is_under(new)


def test_who_comes_again_is_under_a_new_secret_and_opens(bench: Bench) -> None:
    token = bench.people(owned=True)["email"]
    erase(bench, [token])
    later(bench)
    assert bench.people(owned=True)["email"] == token
    id_ = bench.approved([token])
    assert bench.step(JANE, id_, "reveal")[1]["values"] == [{"token": token, "value": MAIL}]
    # What a container wrote that had not heard of it yet is erased, and no fault that somebody looks for.
    old, new = (row for row in bench.vault.rows if row.token == token)
    bench.vault.rows = [replace(old, last_seen="2027-01-01 00:00:00.000")]
    bench.refused(bench.step(JANE, bench.approved([token]), "reveal"), 410, "erased", "reveal")
    bench.vault.rows.append(new)
    assert bench.step(JANE, bench.approved([token]), "reveal")[0].status == 200


def test_a_token_of_several_subjects_erases_all_of_them(bench: Bench) -> None:
    """GIVEN an email of a card, of another card and of a guest THEN all of that is gone."""
    token = bench.people(owned=True, phone=None, address=None)["email"]
    for loyalty_id in ("902", " "):
        assert bench.people(owned=True, loyalty_id=loyalty_id, phone=None, address=None)["email"] == token
    assert erase(bench, [token])[1] == {"subjects": 3, "remaining": 0}


def test_again_it_erases_nobody_and_says_so(bench: Bench) -> None:
    token = bench.people(owned=True)["email"]
    assert [erase(bench, [token])[1]["subjects"] for _ in range(2)] == [1, 0]
    entries = bench.journal()
    assert [(one["action"], one["by"], one["subjects"], one["tokens"]) for one in entries] == [
        ("erased", "privacy-officer/olga", 1, 1),
        ("erased", "privacy-officer/olga", 0, 1),
    ]
    assert {one["why"] for one in entries} == {WHY}
    assert token not in str(entries)


def test_many_go_in_several_transactions_each_with_its_entry(bench: Bench) -> None:
    for number in range(130):
        token = bench.people(owned=True, loyalty_id=f"c{number}", phone=None, address=None)["email"]
    assert erase(bench, [token])[1]["subjects"] == 130
    assert [one["subjects"] for one in bench.journal()] == [99, 31]
    assert client("dynamodb", bench.endpoint).scan(TableName=bench.names[2])["Items"] == []


def test_what_has_no_subject_stays_and_is_counted(bench: Bench) -> None:
    token = bench.people()["email"]
    bench.people(owned=True)
    assert erase(bench, [token])[1] == {"subjects": 1, "remaining": 1}
    assert bench.step(JANE, bench.approved([token]), "reveal")[0].status == 200


def test_what_is_not_in_the_vault_yet_is_erased_too(bench: Bench) -> None:
    token = bench.people(owned=True, loyalty_id=" ")["email"]
    bench.vault.rows.clear()
    assert erase(bench, [token])[1] == {"subjects": 1, "remaining": 0}


def test_a_token_of_a_later_version_of_the_keys_finds_its_subject(bench: Bench) -> None:
    token = bench.people(owned=True)["email"]
    bench.token_keys = bench.token_keys.up_to(2)
    assert erase(bench, [bench.token_keys.translated(token)])[1]["subjects"] == 1


def test_a_token_of_nobody_is_refused_whole_and_nothing_is_deleted(bench: Bench) -> None:
    known = bench.people(owned=True)["email"]
    _, body = answer = erase(bench, [known, "x" * 32])
    bench.refused(answer, 422, "unknown-token", "erase")
    assert body["tokens"] == ["x" * 32]
    assert len(client("dynamodb", bench.endpoint).scan(TableName=bench.names[2])["Items"]) == 1


def test_privacy_officers_alone_erase(bench: Bench) -> None:
    token = bench.people(owned=True)["email"]
    bench.refused(erase(bench, [token], JANE), 403, "not-approver", "erase")
    stranger = OFFICER.replace(RULES.account, "999999999999")
    bench.refused(erase(bench, [token], stranger), 403, "unknown-caller", "erase")
    assert bench.step(JANE, bench.approved([token]), "reveal")[0].status == 200


@pytest.mark.parametrize(
    "changes",
    [{"tokens": []}, {"tokens": ["jane@example.com"]}, {"justification": "x"}, {"kind": "email"}],
)
def test_what_is_no_erasure_is_refused(bench: Bench, changes: dict[str, Any]) -> None:
    _, body = answer = erase(bench, ["t" * 32], **changes)
    bench.refused(answer, 400, "invalid-request", "erase")
    assert "jane" not in str(body)
    bench.refused(erase(bench, ["t" * 32] * 2), 400, "invalid-request", "erase")
    bench.refused(erase(bench, [f"{n:032}" for n in range(101)]), 400, "invalid-request", "erase")


def test_a_changed_ciphertext_is_still_somebody_s_to_look_at(bench: Bench) -> None:
    """GIVEN a ciphertext of a person who is not erased WHEN it was changed THEN it is unreadable."""
    token = bench.people(owned=True)["email"]
    row = next(row for row in bench.vault.rows if row.token == token)
    bench.vault.change(token, ciphertext=row.ciphertext[:60] + "AAAA" + row.ciphertext[64:])
    bench.refused(bench.step(JANE, bench.approved([token]), "reveal"), 500, "unreadable", "reveal")
    bench.vault.change(token, ciphertext="AAAA")
    bench.refused(bench.step(JANE, bench.approved([token]), "reveal"), 500, "unreadable", "reveal")


def test_without_the_table_nothing_is_revealed_nor_erased(bench: Bench) -> None:
    token = bench.people(owned=True)["email"]
    id_ = bench.approved([token])
    client("dynamodb", bench.endpoint).delete_table(TableName=bench.names[2])
    for told, body in (bench.step(JANE, id_, "reveal"), erase(bench, [token])):
        assert (told.status, body["type"]) == (503, "urn:retaillake:problem:unavailable")
    assert bench.call(JANE, "GET", f"/reid/requests/{id_}")[1]["status"] == "approved"


def test_two_containers_of_the_transform_agree_on_a_person_s_secret(bench: Bench) -> None:
    """GIVEN the emulator's table WHEN many at once make the same secrets THEN all have the same."""
    from concurrent.futures import ThreadPoolExecutor

    wanted = {bytes([n]) * 16 for n in range(120)}
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: bench.secrets.ensured(wanted), range(6)))
    assert all(one == found[0] for one in found)
    assert found[0] == bench.secrets.known(wanted)
