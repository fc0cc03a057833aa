"""The service as it runs on a laptop: deployed by the program, asked over HTTP by signed requests.

A sale goes the whole way through the lake; what its token reveals is what the till sent. Then the service is
asked what its own OpenAPI document allows, and what it does not.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import schemathesis.openapi
from hypothesis import HealthCheck, settings
from requests import PreparedRequest
from requests.auth import AuthBase

from functions.reid import openapi
from local.reid import Answer, Door, journal, journal_faults
from local.state import Lake
from tests.e2e.running import Command
from tests.functions.transform_kit import sale

# One lake for the file: it is what takes long.
pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("reid-live")]
WHY = "A recalled product: its buyers must be told"
FIELDS = {"email": "CUSTOMER_EMAIL", "phone": "CUSTOMER_PHONE", "address": "CUSTOMER_ADDRESS"}
# Nobody else's, so that a search of the disk finds this person only.
PERSON: dict[str, Any] = {
    "loyalty_id": "4711",
    "email": "Zoe.Quillfeather@Example.com",
    "phone": "+1 (206) 555-0193",
    "address": {
        "line1": "77 Larkspur Crescent",
        "line2": None,
        "city": "Seattle",
        "region": "WA",
        "postal_code": "98101",
        "country": "US",
    },
}
NEEDLES = (b"quillfeather", b"555-0193", b"larkspur crescent")
COLUMNS = "TOKEN, KIND, SOURCE, FIELD, CIPHERTEXT, DATA_KEY, FIRST_SEEN, LAST_SEEN"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    command = Command(tmp_path_factory.mktemp("reid-lake"))
    try:
        command.run("up", "--days", "0", "--engine", "inprocess")
        file = command.root / "sale.ndjson"
        file.write_text(json.dumps(sale(customer=PERSON)) + "\n")
        command.run("send", str(file), "--source", "pos")
        command.run("drain")
        found = Lake.load(command.root)
        fill_vault(found)
        yield found
    finally:
        command.run("down")


def fill_vault(lake: Lake) -> None:
    """See to it that the vault holds what was staged, where the lake's own task does not."""
    with closing(lake.connect(schema="GOVERNANCE")) as session, closing(session.cursor()) as admin:
        admin.execute(
            "CREATE TABLE IF NOT EXISTS PII_VAULT (TOKEN VARCHAR, KIND VARCHAR, SOURCE VARCHAR, FIELD VARCHAR, "
            "CIPHERTEXT VARCHAR, DATA_KEY VARCHAR, FIRST_SEEN TIMESTAMP_NTZ, LAST_SEEN TIMESTAMP_NTZ)"
        )
        role = lake.outputs["roles"]["REID_SERVICE"]
        for right in ("USAGE ON SCHEMA GOVERNANCE", "SELECT ON TABLE GOVERNANCE.PII_VAULT"):
            admin.execute(f"GRANT {right} TO ROLE {role}")
        if admin.execute("SELECT COUNT(*) FROM PII_VAULT").fetchone()[0]:  # type: ignore[index, union-attr]
            return
        with closing(lake.connect(role="TRANSFORMER", schema="STAGING")) as reading:
            for kind, column in FIELDS.items():
                rows = reading.cursor().execute(f"SELECT {column}, DATA_KEY, PRODUCER_TS FROM POS_SALE")
                for packed, key, at in rows.fetchall():  # type: ignore[union-attr]
                    _, token, ciphertext, _ = packed.split(":", 3)
                    values = (token, kind, "pos", f"customer.{kind}", ciphertext, key, str(at), str(at))
                    marks = ", ".join(["%s"] * len(values))
                    admin.execute(f"INSERT INTO PII_VAULT ({COLUMNS}) VALUES ({marks})", values)


@pytest.fixture(scope="module")
def jane(lake: Lake) -> Door:
    return Door(lake, "jane", "marketing-ops")


@pytest.fixture(scope="module")
def olga(lake: Lake) -> Door:
    return Door(lake, "olga", "privacy-officer")


def token_of(lake: Lake, kind: str) -> str:
    """The token, as marketing reads it where it may read."""
    with closing(lake.connect(role="DATA_SCIENCE", schema="STAGING")) as session:
        (row,) = session.cursor().execute(f"SELECT {FIELDS[kind]} FROM POS_SALE").fetchall()  # type: ignore[union-attr]
        return str(row[0])  # type: ignore[index]


def ask(door: Door, token: str, kind: str = "email") -> Answer:
    return door.call(
        "POST", "/requests", {"purpose": "recall", "kind": kind, "tokens": [token], "justification": WHY}
    )


@pytest.mark.parametrize("kind", ["email", "phone", "address"])
def test_what_the_till_sent_is_revealed_exactly_and_once(
    lake: Lake, jane: Door, olga: Door, kind: str
) -> None:
    token = token_of(lake, kind)
    asked = ask(jane, token, kind)
    assert (asked.status, asked.media) == (201, "application/json"), asked
    path = f"/requests/{asked.body['id']}"
    assert olga.call("POST", f"{path}/approve").body["status"] == "approved"
    revealed = jane.call("POST", f"{path}/reveal")
    assert revealed.status == 200, revealed
    assert revealed.body["values"] == [{"token": token, "value": PERSON[kind]}]
    again = jane.call("POST", f"{path}/reveal")
    assert (again.status, again.media) == (409, "application/problem+json")
    assert again.body["type"] == "urn:retaillake:problem:already-revealed"


def test_who_one_is_comes_from_the_signature(lake: Lake, jane: Door) -> None:
    asked = ask(jane, token_of(lake, "email"))
    path = f"/requests/{asked.body['id']}"
    herself = Door(lake, "Jane", "privacy-officer").call("POST", f"{path}/approve")
    assert herself.body["type"] == "urn:retaillake:problem:self-approval"
    stranger = Door(lake, "mallory", "reporting").call("GET", path)
    assert stranger.body["type"] == "urn:retaillake:problem:unknown-caller"
    last = journal(lake)[-1]
    assert (last["action"], last["because"]) == ("refused", "unknown-caller")
    assert "assumed-role" not in str(last["by"])


def test_it_serves_its_own_document(jane: Door) -> None:
    told = jane.call("GET", "/openapi.json")
    assert (told.status, told.media) == (200, "application/json")
    assert told.body == openapi.document()


def test_what_comes_unsigned_does_not_reach_it(lake: Lake) -> None:
    import urllib3

    answer = urllib3.request("POST", f"{lake.outputs['reid']['url']}/requests", body=b"{}")
    assert answer.status == 403
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_no_log_and_no_file_of_the_lake_holds_what_was_revealed(lake: Lake) -> None:
    """After the tests above: nothing that the lake wrote on this machine's disk has the value in it."""
    found = [
        path
        for path in Path(lake.paths.home).rglob("*")
        if path.is_file() and any(needle in path.read_bytes().lower() for needle in NEEDLES)
    ]
    assert found == []


class Signed(AuthBase):
    """Signs what schemathesis sends, as Jane."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body or b""
        signed = self._door.sign(
            str(request.method),
            str(request.url),
            body.encode() if isinstance(body, str) else body,
            {"Content-Type": str(request.headers.get("Content-Type", "application/json"))},
        )
        request.headers.update(signed)
        return request


# Without what it says of signatures: every request here is signed, also one that was to be without.
UNSIGNED = {name: part for name, part in openapi.document().items() if name != "security"}
schema = schemathesis.openapi.from_dict(UNSIGNED)


@schema.parametrize()
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_live_service_is_as_its_document_says(case: schemathesis.Case, lake: Lake, jane: Door) -> None:
    url = lake.outputs["reid"]["url"].removesuffix("/reid")
    case.call_and_validate(base_url=url, auth=Signed(jane))


def test_after_all_that_the_journal_is_whole(lake: Lake) -> None:
    assert len(journal(lake)) > 5
    assert journal_faults(lake) == []
