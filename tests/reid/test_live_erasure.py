"""A person is forgotten on the laptop's lake: by the command, through the service, with the key still there.

What is opened here is opened by nothing of ours: the landed objects' own bytes, the emulator's key service, and
AES-GCM of the library. Nothing that has landed is changed by an erasure, and nothing is missing in the tables.
"""

import gzip
import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from local.reid import Door
from local.state import Lake
from tests.e2e.running import Command
from tests.functions.transform_kit import sale

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("erasure-live")]
WHY = "A recalled product: its buyers must be told"
ZOE, YVES = "zoe@example.com", "yves@example.org"
PHONES = {ZOE: "+12065550193", YVES: "+442079460123"}


def bought(number: int, mail: str) -> dict[str, Any]:
    customer = {"loyalty_id": f"card-{mail}", "email": mail, "phone": PHONES[mail], "address": None}
    return {**sale(transaction_id=str(number), customer=customer), "event_id": f"till:{number}"}


class Shop:
    """The lake, and what the test does with it."""

    def __init__(self, command: Command) -> None:
        self.command, self.lake = command, Lake.load(command.root)

    def sell(self, *sales: dict[str, Any]) -> None:
        file = self.command.root / "sales.ndjson"
        file.write_text("".join(json.dumps(one) + "\n" for one in sales))
        self.command.run("send", str(file), "--source", "pos")
        self.command.run("drain")

    def ask(self, role: str, query: str) -> list[tuple[Any, ...]]:
        with closing(self.lake.connect(role=role, schema="STAGING")) as session:
            return session.cursor().execute(query).fetchall()  # type: ignore[union-attr, return-value]

    def landed(self) -> list[dict[str, Any]]:
        """Every record in every object of the landing zone."""
        s3, bucket = self.lake.boto("s3"), self.lake.outputs["landing"]["bucket"]
        names = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="landing/")["Contents"]]
        bodies = [s3.get_object(Bucket=bucket, Key=name)["Body"].read() for name in names]
        return [json.loads(line) for body in bodies for line in gzip.decompress(body).splitlines()]

    def secrets(self) -> dict[bytes, bytes]:
        """All secrets that there are."""
        items = self.lake.boto("dynamodb").scan(TableName=self.lake.outputs["erasure"]["table"])["Items"]
        return {bytes(one["subject"]["B"]): bytes(one["secret"]["B"]) for one in items}

    def data_key(self, wrapped: str) -> bytes:
        kms = self.lake.boto("kms")
        context = {"source": "pos", "purpose": "field"}
        return kms.decrypt(CiphertextBlob=b64decode(wrapped), EncryptionContext=context)["Plaintext"]

    def ciphertexts(self, mail: str) -> dict[str, list[tuple[str, str]]]:
        """Where the emails of a person's events are, each as ciphertext and wrapped key."""
        numbers = {one["event_id"] for one in self.landed()} & set(OF[mail])
        rows = ", ".join(f"'{number}'" for number in numbers)
        token = self.token(mail)
        return {
            "landing": [
                (one["data"]["customer"]["email"].split(":")[2], one["key"])
                for one in self.landed()
                if one["event_id"] in OF[mail]
            ],
            "staging": self.ask(
                "TRANSFORMER",
                "SELECT SPLIT_PART(CUSTOMER_EMAIL, ':', 3), DATA_KEY FROM POS_SALE "
                f"WHERE EVENT_ID IN ({rows})",
            ),
            "vault": self.ask(
                "REID_SERVICE",
                f"SELECT CIPHERTEXT, DATA_KEY FROM GOVERNANCE.PII_VAULT WHERE TOKEN = '{token}'",
            ),
        }

    def token(self, mail: str) -> str:
        query = f"SELECT CUSTOMER_EMAIL FROM POS_SALE WHERE EVENT_ID = '{OF[mail][0]}'"
        return str(self.ask("DATA_SCIENCE", query)[0][0])

    def opened(self, ciphertext: str, wrapped: str, secrets: dict[bytes, bytes]) -> set[bytes]:
        """What a ciphertext opens to, with its data key alone and with each of the secrets."""
        key, raw = self.data_key(wrapped), b64decode(ciphertext)
        found: set[bytes] = set()
        for tried in (
            key,
            *(hmac.new(key, b"subject\0" + one, hashlib.sha256).digest() for one in secrets.values()),
        ):
            try:
                found.add(AESGCM(tried).decrypt(raw[20:32], raw[32:], b"pos|customer.email"))
            except InvalidTag:
                continue
        return found

    def reveal(self, mail: str) -> Any:
        jane, olga = Door(self.lake, "jane", "marketing-ops"), Door(self.lake, "olga", "privacy-officer")
        body = {"purpose": "recall", "kind": "email", "tokens": [self.token(mail)], "justification": WHY}
        path = f"/requests/{jane.call('POST', '/requests', body).body['id']}"
        olga.call("POST", f"{path}/approve")
        return jane.call("POST", f"{path}/reveal")

    def new_container(self) -> None:
        """As an hour later: a container with another data key, which asks the table anew."""
        functions = self.lake.boto("lambda")
        (name,) = [
            one["FunctionName"]
            for one in functions.list_functions()["Functions"]
            if "pos-transform" in one["FunctionName"]
        ]
        now = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**now, "DATA_KEY_SECONDS": "3599"}}
        )


OF = {ZOE: ["till:1", "till:2", "till:4"], YVES: ["till:3"]}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    command = Command(tmp_path_factory.mktemp("erasure-lake"))
    try:
        command.run("up", "--days", "0", "--engine", "inprocess")
        yield Shop(command)
    finally:
        command.run("down")


def test_a_person_is_forgotten_and_everything_else_stays(shop: Shop) -> None:
    shop.sell(bought(1, ZOE), bought(2, ZOE), bought(3, YVES))
    assert shop.reveal(ZOE).body["values"][0]["value"] == ZOE
    before, zoe, yves = shop.secrets(), shop.ciphertexts(ZOE), shop.ciphertexts(YVES)
    assert {name: len(found) for name, found in zoe.items()} == {"landing": 2, "staging": 2, "vault": 1}
    for found in zoe.values():
        assert all(shop.opened(*one, before) == {ZOE.encode()} for one in found)
    landed = shop.landed()

    told = shop.command.run("erase", "--token", shop.token(ZOE)).stdout
    assert "erased: 1 secret(s); values without one, which stay: 0" in told
    assert "a reveal of the token now: 410" in told

    assert shop.landed() == landed
    assert shop.ciphertexts(ZOE) == zoe
    left = shop.secrets()
    assert len(left) == len(before) - 1
    for found in zoe.values():
        # The data key opens as ever, and no secret that there is makes it open the value.
        assert all(shop.opened(*one, left) == set() for one in found)
    for found in yves.values():
        assert all(shop.opened(*one, left) == {YVES.encode()} for one in found)
    refused = shop.reveal(ZOE)
    assert (refused.status, refused.body["type"]) == (410, "urn:retaillake:problem:erased")
    assert shop.reveal(YVES).body["values"][0]["value"] == YVES

    shop.new_container()
    shop.sell(bought(4, ZOE))
    assert shop.ask("TRANSFORMER", "SELECT COUNT(*) FROM POS_SALE") == [(4,)]
    assert shop.reveal(ZOE).body["values"][0]["value"] == ZOE
    again = shop.secrets()
    assert len(again) == len(before)
    assert again != before
    assert all(shop.opened(*one, again) == set() for one in zoe["landing"])
