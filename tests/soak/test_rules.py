"""The soak finds what it is for: each rule is broken on purpose. A check that cannot fail proves nothing."""

import base64
import dataclasses
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from functions.transform.envelope import Refused
from local.leaks import Finder
from local.soak import events, mutations
from local.soak.lake import Lake, Landed
from local.soak.people import Person, people
from local.soak.rules import Rules
from local.soak.run import run
from local.soak.shrink import smallest
from local.soak.work import BATCH, Plan

PEOPLE = people(3, 1)
FINDER = Finder([needle for person in PEOPLE for needle in person.needles()])
PERSON: Person = PEOPLE[0]
SOURCE = "pos"


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return events.catalogue(tmp_path_factory.mktemp("contracts"))


@pytest.fixture(scope="module")
def lake(catalogue: Any) -> Lake:
    return Lake(catalogue)


@pytest.fixture(scope="module")
def rules(catalogue: Any, lake: Lake) -> Rules:
    return Rules(catalogue, lake, FINDER)


@pytest.fixture(scope="module")
def raws(catalogue: Any) -> list[bytes]:
    """A good event, with personal data, and one that is refused."""
    (contract,) = [one for one in catalogue.contracts if one.source == SOURCE]
    for seed in range(99):
        good = events.event(contract, 1, PERSON, Random(seed))
        customer = good["data"].get("customer") or {}
        if good.get("event_id") and customer.get("email") and customer.get("address"):
            return [
                json.dumps(good).encode(),
                json.dumps({**good, "note": PERSON.values["email"][0]}).encode(),
            ]
    raise AssertionError


def broken(rules: Rules, raws: list[bytes], landed: Landed, log: bytes = b"") -> set[str]:
    return {breach.rule for breach in rules.judge(SOURCE, raws, landed, log).breaches}


def test_nothing_is_broken_where_nothing_is_wrong(rules: Rules, lake: Lake, raws: list[bytes]) -> None:
    landed = lake.land(SOURCE, raws)
    verdict = rules.judge(SOURCE, raws, landed, b"")
    assert verdict.breaches == []
    assert (verdict.accepted, verdict.reasons.total(), verdict.validated) == (1, 1, 2)
    assert verdict.opened >= 3


def changed(landed: Landed, at: int, change: Callable[[dict[str, Any]], Any]) -> Landed:
    """The same, with one of its records changed."""
    entries = [dict(entry) for entry in landed.entries]
    record = json.loads(entries[at]["Data"])
    record = change(record) or record
    entries[at] |= {
        "Data": json.dumps(record, ensure_ascii=False).encode() + b"\n",
        "PartitionKey": record["event_id"],
    }
    return dataclasses.replace(landed, entries=entries)


def put(*path: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    def change(record: dict[str, Any]) -> None:
        holder: Any = record
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = value(holder[path[-1]]) if callable(value) else value

    return change


def packed(change: Callable[[list[str]], list[str]]) -> Callable[[dict[str, Any]], Any]:
    return put("data", "customer", "email", value=lambda text: ":".join(change(text.split(":"))))


EMAIL = PERSON.values["email"][0]
GOOD, BAD = 0, 1
SABOTAGE: dict[str, tuple[int, Callable[[dict[str, Any]], Any], str]] = {
    "plain value": (GOOD, put("data", "customer", "email", value=EMAIL), "a personal value is packed"),
    "shown": (GOOD, packed(lambda p: [*p[:3], EMAIL]), "no plaintext in what comes out"),
    "as token": (GOOD, packed(lambda p: [p[0], base64.b64encode(EMAIL.encode()).decode(), *p[2:]]), "no plaintext in what comes out"),
    "encoded, not encrypted": (
        GOOD,
        packed(lambda p: [*p[:2], base64.b64encode(b"\0" + EMAIL.encode()).decode(), p[3]]),
        "no plaintext in what is called sealed",
    ),
    "packed, not encrypted": (
        GOOD,
        packed(lambda p: [*p[:2], base64.b64encode(gzip.compress(EMAIL.encode())).decode(), p[3]]),
        "no plaintext in what is called sealed",
    ),
    "sealed is gzip": (
        BAD,
        put("quarantine", "sealed", value=base64.b64encode(gzip.compress(b"x" * 99 + EMAIL.encode())).decode()),
        "no plaintext in what is called sealed",
    ),
    "escaped": (GOOD, put("data", "store_id", value="".join(f"\\u{ord(c):04x}" for c in EMAIL)), "what is no personal data stays as it is"),
    "in a reason": (BAD, put("quarantine", "reason", value=f"note: {EMAIL}"), "no plaintext in what comes out"),
    "in the id": (BAD, put("event_id", value="q-" + PERSON.values["device_id"][0]), "no plaintext in what comes out"),
    "another's ciphertext": (GOOD, put("key", value=""), "what comes out is read by the reference"),
    "lost": (GOOD, put("data", "lines", value=[]), "what is no personal data stays as it is"),
    "one for true": (GOOD, put("data", "lines", value=lambda lines: [{**lines[0], "line": True}, *lines[1:]]), "what is no personal data stays as it is"),
    "sealed anew": (BAD, put("quarantine", "sealed", value=base64.b64encode(bytes(99)).decode()), "what is encrypted opens where it was put"),
    "our fault": (BAD, put("quarantine", "reason", value="event: internal"), "no fault of ours"),
    "both": (BAD, lambda r: r | {"data": {}}, "a record is accepted or sealed"),
    "of another": (BAD, put("source", value="crm"), "a record says whose it is"),
}  # fmt: skip


@pytest.mark.parametrize("what", SABOTAGE)
def test_a_changed_record_is_found(rules: Rules, lake: Lake, raws: list[bytes], what: str) -> None:
    at, change, rule = SABOTAGE[what]
    assert rule in broken(rules, raws, changed(lake.land(SOURCE, raws), at, change))


def test_what_opens_to_something_else_is_found(rules: Rules, lake: Lake, raws: list[bytes]) -> None:
    other = [raws[0].replace(EMAIL[:3].encode(), b"zzz", 1), raws[1] + b" "]
    found = broken(rules, other, lake.land(SOURCE, raws))
    assert "what is refused opens to the bytes sent" in found


def test_what_is_refused_though_valid_is_found(rules: Rules, lake: Lake, raws: list[bytes]) -> None:
    dated = [json.dumps({**json.loads(raws[0]), "producer_ts": "2026-01-01T00:00:00Z"}).encode()]
    assert broken(rules, dated, lake.land(SOURCE, dated)) == set()
    with mock.patch("functions.transform.core.utc", side_effect=Refused("data.total: type")):
        landed = lake.land(SOURCE, dated)
    assert broken(rules, dated, landed) == {"what is accepted, and nothing else, is valid to the reference"}


@pytest.mark.parametrize(
    "form",
    [
        str.encode,
        lambda v: base64.b64encode(b"ab" + v.encode()),
        lambda v: json.dumps(json.dumps(v)).encode(),
    ],
)
def test_a_log_that_quotes_is_found(rules: Rules, lake: Lake, raws: list[bytes], form: Any) -> None:
    log = b'{"level":"ERROR","exception":"' + form(PERSON.values["free_text"][0]) + b'"}'
    assert "no plaintext in the log" in broken(rules, raws, lake.land(SOURCE, raws), log)


def test_a_lost_record_is_found(rules: Rules, lake: Lake, raws: list[bytes]) -> None:
    landed = lake.land(SOURCE, raws)
    fewer = dataclasses.replace(landed, entries=landed.entries[:1])
    assert broken(rules, raws, fewer) == {"a record in is a record out"}
    assert broken(rules, raws, dataclasses.replace(landed, failed=1)) == {"a record in is a record out"}


def test_every_mutation_does_something(catalogue: Any) -> None:
    """Each changes the bytes of some event; together they reach what the parser and every keyword refuse."""
    dice, seen = Random(5), set[str]()
    for number in range(2000):
        contract = dice.choice(catalogue.contracts)
        event = events.event(contract, number, PERSON, dice)
        before = json.dumps(event)
        raw, names = mutations.broken(event, PERSON, dice)
        try:
            same = json.loads(raw) == json.loads(before)
        except (ValueError, RecursionError):
            same = False
        seen |= set(names) if not same else set()
    # A megabyte is too rare to be waited for here.
    assert seen >= set(mutations.NAMES) - {"large"}


def test_what_is_small_still_does_it() -> None:
    raw = bytes(Random(1).randbytes(3000)) + b"needle" + bytes(1000)
    assert smallest(raw, lambda part: b"needle" in part) == b"needle"


def test_a_payload_is_the_same_for_the_same_seed(catalogue: Any) -> None:
    def made() -> list[bytes]:
        dice = Random("7:1")
        return [
            mutations.broken(events.event(one, 1, PERSON, dice), PERSON, dice)[0]
            for one in catalogue.contracts
        ]

    assert made() == made()


def test_every_payload_in_every_kind_and_place_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the function, its output, its log and what it sealed searched, in processes as in the long run."""
    # A new process runs the main module again, which an earlier test may have made another program's.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    told: list[int] = []
    plan = Plan(seed=1, events=12 * BATCH, jobs=2, every=4, kept=tmp_path)
    total = run(plan, lambda tally: told.append(tally.events))
    assert (total.error, total.offences) == ("", [])
    assert total.events == sum(told) == plan.events == total.accepted + total.reasons.total()
    assert min(total.accepted, total.reasons.total()) > plan.events // 5
    assert set(total.sources) == {"crm", "ecommerce", "everything", "pos"}
    assert list(tmp_path.iterdir()) == []


# Run by itself, since a worker takes its process's output for the function's log.
BROKEN_WORKER = """
import sys
from pathlib import Path
from unittest import mock
from local.soak.work import Plan, Worker
out = open(sys.argv[1], "w")
worker = Worker(Plan(seed=1, events=20, jobs=1, every=1, kept=Path(sys.argv[2])))
with mock.patch("functions.transform.core.validation_reason", side_effect=KeyError("zaphod")):
    tally = worker.batch(0)
print(*(f"{o.rule}|{o.file}|{o.size}|{o.smallest}" for o in tally.offences), sep="\\n", file=out)
out.close()
"""


def test_what_breaks_a_rule_is_kept_small_and_for_its_owner(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = subprocess.run(
        [sys.executable, "-c", BROKEN_WORKER, str(tmp_path / "told"), str(kept)],
        capture_output=True,
        check=True,
    )
    assert done.stdout + done.stderr == b""
    lines = (tmp_path / "told").read_text().splitlines()
    assert lines
    for line in lines:
        rule, file, size, small = line.split("|")
        assert rule == "no fault of ours"
        assert Path(file).stat().st_mode & 0o777 == 0o600
        assert Path(file).stat().st_size == int(small) < int(size)
