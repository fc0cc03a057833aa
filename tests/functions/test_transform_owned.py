"""Values under the secrets of their subjects: whose they are, what opens them, and what never does again."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from transform_kit import (
    ADDRESS,
    ARRIVED,
    CATALOGUE,
    PERSON,
    TOKEN_KEYS,
    Lake,
    Subjects,
    Wire,
    catalogue_with,
    encode,
    records,
    sale,
)

from functions.shared.protection import DataKey, DataKeys, ErasedError, mark, reveal, unpack
from functions.shared.subject_secrets import ATTEMPTS, Secrets, SubjectsError
from functions.shared.tokens import TokenKeys
from functions.transform import core
from functions.transform.batch import BatchTransform
from functions.transform.core import Transform
from functions.transform.owned import Owners

NAMES = ("email", "phone", "address")


class Memory:
    """The subjects' secrets in memory, with who asked for whom."""

    def __init__(self) -> None:
        self.secrets: dict[bytes, bytes] = {}
        self.asked: list[set[bytes]] = []

    def ensured(self, subjects: Iterable[bytes]) -> dict[bytes, bytes]:
        self.asked.append(set(subjects))
        for subject in self.asked[-1] - self.secrets.keys():
            self.secrets[subject] = hashlib.sha256(b"secret %d" % len(self.secrets)).digest()
        return {subject: self.secrets[subject] for subject in self.asked[-1]}


def lake(**options: Any) -> tuple[Lake, Memory]:
    memory = Memory()
    return Lake(owners=Owners(memory), **options), memory


def customer(**changes: Any) -> dict[str, Any]:
    return sale(customer=sale()["data"]["customer"] | changes)


def values(landed: dict[str, Any]) -> dict[str, str]:
    return {name: value for name in NAMES if (value := landed["data"]["customer"].get(name))}


def subjects(landed: dict[str, Any]) -> set[bytes]:
    return {owned.subject for value in values(landed).values() if (owned := unpack(value).owned)}


def test_a_value_opens_with_the_data_key_and_the_secret_as_the_document_says() -> None:
    """GIVEN a landed sale WHEN it is opened by nothing of ours THEN it is what the till sent."""
    made, memory = lake()
    landed = made.one(sale())
    key = made.keys.of(landed)
    ((subject, secret),) = memory.secrets.items()
    said = hmac.new(TOKEN_KEYS.root, b"subject\0pos|customer.loyalty_id\x00900", hashlib.sha256).digest()
    assert subject == said[:16]
    for name, value in values(landed).items():
        version, _, text, _ = value.split(":", 3)
        raw = base64.b64decode(text)
        assert (version, raw[:16]) == ("2", subject)
        assert raw[16:20] == hmac.new(secret, b"mark", hashlib.sha256).digest()[:4]
        both = hmac.new(key, b"subject\0" + secret, hashlib.sha256).digest()
        plain = AESGCM(both).decrypt(raw[20:32], raw[32:], f"pos|customer.{name}".encode())
        assert plain == reveal(key, value, source="pos", path=("customer", name), secret=secret)
        if name == "email":
            assert plain == b"Jane.Doe@Example.com"


def test_neither_the_data_key_nor_the_secret_opens_it_alone() -> None:
    made, memory = lake()
    landed = made.one(sale())
    key, email = made.keys.of(landed), values(landed)["email"]
    (secret,) = memory.secrets.values()
    where: Any = {"source": "pos", "path": ("customer", "email")}
    raw = base64.b64decode(email.split(":")[2])
    for other in (key, secret, hmac.new(secret, b"subject\0" + key, hashlib.sha256).digest()):
        with pytest.raises(InvalidTag):
            AESGCM(other).decrypt(raw[20:32], raw[32:], b"pos|customer.email")
    for gone in (None, bytes(32)):
        with pytest.raises(ErasedError):
            reveal(key, email, **where, secret=gone)
    with pytest.raises(InvalidTag):
        reveal(bytes(32), email, **where, secret=secret)


def test_the_faces_that_people_see_do_not_depend_on_it() -> None:
    """GIVEN the same sale in both versions THEN tokens and displays are equal, and so is an id made of it."""
    event = sale()
    del event["event_id"]
    one, other = Lake().one(event), lake()[0].one(event)
    assert one["event_id"] == other["event_id"]
    for name, value in values(one).items():
        first, second = unpack(value), unpack(values(other)[name])
        assert (first.token, first.display) == (second.token, second.display)
        assert first.owned is None
        assert second.owned is not None


def test_the_first_property_that_is_there_says_whose_it_is() -> None:
    made, _ = lake()
    card = made.one(customer())
    assert len(subjects(card)) == 1
    assert subjects(made.one(customer(email="x@example.org"))) == subjects(card)
    other = made.one(customer(loyalty_id="901"))
    assert subjects(other).isdisjoint(subjects(card))
    # Blank is not there: else it would be the name of many.
    mail = made.one(customer(loyalty_id=" "))
    assert len(subjects(mail)) == 1
    assert subjects(mail) == subjects(made.one(customer(loyalty_id=" ", email="jane.doe@EXAMPLE.com")))
    each = made.one(customer(loyalty_id=" ", email=None))
    assert len(subjects(each)) == 2
    assert subjects(each).isdisjoint(subjects(mail) | subjects(card))


def test_an_email_that_names_its_subject_is_the_subject_that_its_token_says() -> None:
    made, _ = lake()
    landed = made.one(customer(loyalty_id=" "))
    token = unpack(values(landed)["email"]).token
    text = b"subject\0" + TOKEN_KEYS.hash_of(token)
    assert subjects(landed) == {hmac.new(TOKEN_KEYS.root, text, hashlib.sha256).digest()[:16]}


def test_nobody_s_events_need_no_table() -> None:
    made, memory = lake()
    landed = made.one(sale(customer=None))
    assert landed["data"]["customer"] is None
    assert memory.asked == [set()] or memory.asked == []


def test_a_batch_asks_once_for_all_and_the_next_one_only_for_who_is_new() -> None:
    made, memory = lake()
    people = [encode(customer(loyalty_id=str(n))) for n in range(300)]
    made.land(*people)
    made.land(*people[100:], encode(customer(loyalty_id="new")))
    assert [len(asked) for asked in memory.asked] == [300, 1]


def test_a_container_knows_so_many_and_forgets_who_was_not_seen_for_the_longest() -> None:
    memory = Memory()
    owners, key = Owners(memory, kept=2), DataKey(bytes(32), b"", expires=0, encryptions=0)
    for one in (b"a" * 16, b"b" * 16, b"a" * 16, b"c" * 16, b"a" * 16, b"b" * 16):
        assert owners.of({one}, key)[one].prefix == one + mark(memory.secrets[one])
    assert [b"".join(asked)[:1] for asked in memory.asked] == [b"a", b"b", b"c", b"b"]
    # A batch of more than that has all of them all the same.
    many = {bytes([n] * 16) for n in range(9)}
    assert owners.of(many, key).keys() == many


def test_what_is_known_goes_with_the_data_key() -> None:
    """GIVEN a new data key THEN the table is asked again: a secret lives no longer here than the key."""
    memory = Memory()
    owners, subject = Owners(memory), b"s" * 16
    one, other = (DataKey(bytes([n] * 32), b"", expires=0, encryptions=0) for n in range(2))
    owners.of({subject}, one)
    memory.secrets.clear()
    memory.secrets[subject] = b"x" * 32
    assert owners.of({subject}, one)[subject].prefix != subject + mark(b"x" * 32)
    assert owners.of({subject}, other)[subject].prefix == subject + mark(b"x" * 32)


def test_a_table_that_is_down_fails_the_batch_whole() -> None:
    class Down:
        def ensured(self, subjects: Iterable[bytes]) -> dict[bytes, bytes]:
            raise RuntimeError("down")

    made = Lake(owners=Owners(Down()))
    with pytest.raises(RuntimeError, match="down"):
        made.batches.run(records([encode(sale()), b"x"]), now=ARRIVED)


def test_a_bad_record_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN a value that our code stumbles on THEN it alone is sealed, whichever step it was."""
    for name in ("find", "seal"):
        made, memory = lake()
        (plan,) = made.batches._transform._plans.values()
        holder: Any = plan if name == "find" else core
        real: Callable[..., Any] = getattr(holder, name)

        def broken(first: Any, *rest: Any, real: Callable[..., Any] = real) -> Any:
            if "boom" in repr(first):
                raise ZeroDivisionError
            return real(first, *rest)

        with monkeypatch.context() as patch:
            patch.setattr(holder, name, broken)
            mails = ["boom@example.org" if n == 7 else f"{n}@example.org" for n in range(20)]
            landed = made.land(*(encode(customer(email=mail)) for mail in mails))
        assert [n for n, one in enumerate(landed) if "quarantine" in one] == [7], name
        assert landed[7]["quarantine"]["reason"] == "event: internal"
        assert len(memory.asked) == 1


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "loyalty_id": st.sampled_from(["1", "2", " "]),
                "email": st.none() | st.sampled_from(["a@example.org", "b@example.org"]),
                "phone": st.none() | st.sampled_from(["+12065550147", "(206) 555-0148"]),
                "address": st.none() | st.just(ADDRESS),
            }
        ),
        min_size=1,
        max_size=130,
    )
)
def test_every_value_of_any_batch_opens_with_its_own_secret_alone(people: list[dict[str, Any]]) -> None:
    made, memory = lake()
    nonces: list[bytes] = []
    for person, landed in zip(people, made.land(*(encode(sale(customer=p)) for p in people)), strict=True):
        for name, value in values(landed).items():
            owned = unpack(value).owned
            assert owned is not None
            nonces.append(owned.sealed[:12])
            opened = reveal(
                made.keys.of(landed),
                value,
                source="pos",
                path=("customer", name),
                secret=memory.secrets[owned.subject],
            )
            assert name == "address" or opened.decode() == person[name]
    assert len(set(nonces)) == len(nonces)


def test_in_arrays_too_each_value_is_of_its_event_s_subject(tmp_path: Any) -> None:
    lake_ = {**PERSON["x-lake"], "subject": ["person_id"]}
    (contract,) = catalogue_with(tmp_path, {**PERSON, "x-lake": lake_}).contracts
    keys, memory = Lake().keys, Memory()
    transform = Transform("crm", [contract], TOKEN_KEYS, "US", erasable=True)
    batches = BatchTransform(transform, DataKeys(wrap=keys.wrap, seconds=60), Owners(memory))
    people = [
        {
            "person_id": str(n),
            "emails": [f"a{n}@example.org", None, f"b{n}@example.org"],
            "contacts": [
                {"country": "GB", "phone": "020 7946 0123", "phones": ["020 7946 0123", "+12065550147"]},
                {"email": f"c{n}@example.org", "note": "x", "address": {**ADDRESS}},
            ],
        }
        for n in range(3)
    ]
    heads = {"source": "crm", "event_type": "person", "schema_version": 1}
    done = batches.run(records([encode({**heads, "data": one}) for one in people]), now=ARRIVED)
    assert not done.refused
    for n, entry in enumerate(done.entries):
        packed = re.findall(rb'"2:[^:"]{32}:([^:"]+):', entry["Data"])
        found = [base64.b64decode(text)[:16] for text in packed]
        said = hmac.new(TOKEN_KEYS.root, b"subject\0crm|person_id\0%d" % n, hashlib.sha256).digest()[:16]
        assert found == [said] * 8
    assert len(memory.secrets) == 3


def test_without_the_annotation_or_a_table_all_is_as_before() -> None:
    made = Lake()
    assert all(value.startswith("1:") for value in values(made.one(sale())).values())
    owned, memory = lake(source="crm")
    landed = owned.one(
        {
            "source": "crm",
            "event_type": "person",
            "schema_version": 1,
            "data": {"person_id": "1", "emails": ["a@b.org"]},
        }
    )
    assert landed["data"]["emails"][0].startswith("1:")
    assert memory.secrets == {}


def test_every_shipped_contract_with_personal_data_says_whose_it_is() -> None:
    assert all(contract.subject for contract in CATALOGUE.contracts if contract.pii)


@pytest.mark.parametrize("text", ["", "AAAA", "A" * 40])
def test_what_is_too_short_is_no_ciphertext_of_a_subject(text: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        unpack(f"2:t:{text}:d")


# The table, with a real client on a wire.


def secrets(table: Subjects, **answers: Callable[[dict[str, Any]], Any]) -> tuple[Secrets, Wire, list[float]]:
    wire, pauses = Wire(), list[float]()
    wire.answers |= table.answers | answers
    made = Secrets(client=wire.client("dynamodb"), table="t", sleep=pauses.append, jitter=lambda: 1.0)
    return made, wire, pauses


SOME = {bytes([n]) * 16 for n in range(230)}


def test_secrets_are_made_once_and_read_by_the_hundred() -> None:
    table = Subjects()
    made, wire, _ = secrets(table)
    first = made.ensured(SOME)
    assert wire.names() == ["BatchGetItem"] * 3 + ["TransactWriteItems"] * 3
    assert len(set(first.values())) == len(SOME)
    assert {len(secret) for secret in first.values()} == {32}
    assert secrets(table)[0].ensured(SOME) == first == made.known(SOME)
    assert made.known({b"\xff" * 16}) == {}
    asked = wire.calls[0][1]["RequestItems"]["t"]
    assert asked["ConsistentRead"] is True


def test_who_loses_a_race_takes_the_winner_s() -> None:
    """GIVEN another container that writes some of them in between THEN theirs count, and ours are not lost."""
    table, others = Subjects(), dict[str, str]()

    def put(arguments: dict[str, Any]) -> Any:
        keys = [one["Put"]["Item"]["subject"]["B"] for one in arguments["TransactItems"]]
        if not others:
            others[keys[3]] = base64.b64encode(b"o" * 32).decode()
            table.secrets |= others
        if others.keys() & set(keys):
            return RuntimeError("com.amazonaws.dynamodb.v20120810#TransactionCanceledException")
        return table._put(arguments)

    made, wire, pauses = secrets(table, TransactWriteItems=put)
    found = made.ensured(set(sorted(SOME)[:10]))
    assert [secret for secret in found.values() if secret == b"o" * 32] == [b"o" * 32]
    assert len(found) == 10
    assert wire.names() == ["BatchGetItem", "TransactWriteItems"] * 2
    assert pauses == [0.05]


def test_keys_that_were_not_processed_are_asked_for_again() -> None:
    table = Subjects()
    secrets(table)[0].ensured(SOME)

    def half(arguments: dict[str, Any]) -> dict[str, Any]:
        ((name, asked),) = arguments["RequestItems"].items()
        keys = asked["Keys"]
        some, rest = keys[: len(keys) // 2 + 1], keys[len(keys) // 2 + 1 :]
        answer = table._get({"RequestItems": {name: {**asked, "Keys": some}}})
        return {**answer, "UnprocessedKeys": {name: {**asked, "Keys": rest}} if rest else {}}

    made, _, pauses = secrets(table, BatchGetItem=half)
    assert made.known(SOME).keys() == SOME
    assert pauses[:3] == [0.05, 0.1, 0.2]


def test_it_does_not_go_on_for_ever() -> None:
    table = Subjects()

    def never(arguments: dict[str, Any]) -> dict[str, Any]:
        return {"Responses": {}, "UnprocessedKeys": arguments["RequestItems"]}

    made, wire, _ = secrets(table, BatchGetItem=never)
    with pytest.raises(SubjectsError, match="in part"):
        made.ensured(SOME)
    assert len(wire.calls) == ATTEMPTS
    lost = RuntimeError("com.amazonaws.dynamodb.v20120810#TransactionCanceledException")
    made, _, _ = secrets(table, TransactWriteItems=lambda _: lost)
    with pytest.raises(SubjectsError, match="no new secrets"):
        made.ensured(SOME)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ProvisionedThroughputExceededException"])
@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
def test_what_denies_or_throttles_is_raised(code: str, operation: str) -> None:
    denied = RuntimeError(f"com.amazonaws.dynamodb.v20120810#{code}")
    made, _, _ = secrets(Subjects(), **{operation: lambda _: denied})
    with pytest.raises(Exception, match=code):
        made.ensured(SOME)


def test_another_root_makes_other_subjects() -> None:
    one = Lake(owners=Owners(Memory())).one(sale())
    other = Lake(owners=Owners(Memory()), token_keys=TokenKeys.made()).one(sale())
    assert subjects(one).isdisjoint(subjects(other))
