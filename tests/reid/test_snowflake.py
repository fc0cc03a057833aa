"""The vault in Snowflake as its SQL API is asked, by a wire that the test holds."""

import json
from base64 import b64encode, urlsafe_b64decode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from functions.reid.problems import UnavailableError
from functions.reid.snowflake import Account, Place, SnowflakeVault
from functions.reid.vault import Row
from tests.reid.kit import NOW

KEY = rsa.generate_private_key(65537, 2048)
PLACE = Place(role="RETAIL_REID_SERVICE", warehouse="RETAIL_QUERY", database="RETAIL")
ROW = ["t" * 32, "email", "pos", "customer.email", "Y2lwaGVy", "a2V5", "2026-01-01 00:00:00.000", ""]


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def account(**changes: str) -> Account:
    told = {"url": "https://acme-eu.snowflakecomputing.com", "account": "acme-eu", "user": "reid_service"}
    return Account.read(json.dumps({**told, "private_key": pem(KEY), **changes}))


@dataclass
class Wire:
    """Answers in turn what the test says, and keeps what was asked."""

    answers: list[tuple[int, Any]]
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def request(self, method: str, url: str, **arguments: Any) -> Any:
        self.asked.append((method, url, arguments))
        status, body = self.answers.pop(0)
        if isinstance(body, Exception):
            raise body
        return urllib3.HTTPResponse(json.dumps(body).encode(), status=status)


def vault(wire: Wire, **changes: str) -> SnowflakeVault:
    return SnowflakeVault(account(**changes), PLACE, wire, clock=lambda: NOW)


def rows(*data: list[str], parts: int = 1) -> dict[str, Any]:
    meta = {"partitionInfo": [{}] * parts}
    return {"data": list(data), "resultSetMetaData": meta, "statementHandle": "h1"}


def test_tokens_are_bound_and_never_written_into_the_statement() -> None:
    wire = Wire([(200, rows(ROW))])
    assert vault(wire).find("email", ["t" * 32, "u" * 32]) == [
        Row(
            token="t" * 32,
            kind="email",
            source="pos",
            path="customer.email",
            ciphertext="Y2lwaGVy",
            data_key="a2V5",
            last_seen="2026-01-01 00:00:00.000",
            subject="",
        )
    ]
    ((method, url, arguments),) = wire.asked
    assert (method, url) == ("POST", "https://acme-eu.snowflakecomputing.com/api/v2/statements")
    body = json.loads(arguments["body"])
    assert body["statement"].endswith("FROM GOVERNANCE.PII_VAULT WHERE TOKEN IN (?, ?) AND KIND = ?")
    assert [body["bindings"][at]["value"] for at in ("1", "2", "3")] == ["t" * 32, "u" * 32, "email"]
    assert (body["role"], body["warehouse"], body["database"]) == (
        "RETAIL_REID_SERVICE",
        "RETAIL_QUERY",
        "RETAIL",
    )
    assert arguments["retries"] is False


def test_it_signs_who_it_is() -> None:
    wire = Wire([(200, rows())])
    vault(wire).find("email", ["t" * 32])
    headers = wire.asked[0][2]["headers"]
    assert headers["X-Snowflake-Authorization-Token-Type"] == "KEYPAIR_JWT"
    head, claims, signature = headers["Authorization"].removeprefix("Bearer ").split(".")

    def decoded(text: str) -> bytes:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))

    KEY.public_key().verify(decoded(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    told = json.loads(decoded(claims))
    public = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    print_ = "SHA256:" + b64encode(sha256(public).digest()).decode()
    assert told == {
        "iss": f"ACME-EU.REID_SERVICE.{print_}",
        "sub": "ACME-EU.REID_SERVICE",
        "iat": NOW,
        "exp": NOW + 300,
    }


def test_an_answer_in_parts_is_read_to_its_end() -> None:
    wire = Wire([(200, rows(ROW, parts=3)), (200, {"data": [ROW]}), (200, {"data": [ROW, ROW]})])
    assert len(vault(wire).find("email", ["t" * 32])) == 4
    assert [url.rpartition("/")[2] for _, url, _ in wire.asked] == [
        "statements",
        "h1?partition=1",
        "h1?partition=2",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        (202, {"statementHandle": "h1"}),
        (401, {"message": "JWT token is invalid"}),
        (422, {"message": "Object 'PII_VAULT' does not exist"}),
        (503, {}),
        (0, urllib3.exceptions.ConnectTimeoutError()),
    ],
)
def test_what_does_not_answer_is_unavailable(answer: tuple[int, Any]) -> None:
    with pytest.raises(UnavailableError) as raised:
        vault(Wire([answer])).find("email", ["t" * 32])
    assert raised.value.detail == "the warehouse: try again later"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"user": "", "url": ""}, "lacks url, user"),
        ({"url": "http://acme-eu.snowflakecomputing.com"}, "https://"),
        ({"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}, "not an RSA key"),
    ],
)
def test_a_secret_that_is_none_says_what_it_lacks(changes: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        vault(Wire([]), **changes)
    assert "PRIVATE KEY" not in str(raised.value)
