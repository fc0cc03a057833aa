"""Our protection gives what the published vectors say, and an independent reading of the document agrees."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import idna
import phonenumbers
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

import contracts
from contracts import PII_KINDS, PiiField
from functions.shared.protection import DataKey, reveal
from functions.shared.tokens import TokenKeys
from functions.transform.owned import OwnedProtector, seal
from functions.transform.protect import Protector

VECTORS = json.loads((Path(__file__).resolve().parents[1] / "docs/protection-vectors.json").read_text())
TOKEN_KEYS = TokenKeys(
    root=bytes.fromhex(VECTORS["token_root"]),
    versions={int(version): bytes.fromhex(key) for version, key in VECTORS["token_versions"].items()},
)
each = pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda v: f"{v['kind']}-{v['nonce']}")


def protected(vector: dict[str, Any]) -> Any:
    """Run the value through the protection of a contract that has it where the vector says."""
    path = tuple(vector["path"].split("."))
    pii = PiiField(path=path, kind=vector["kind"], column="", reid=True)
    contract = replace(contracts.load().contracts[0], source=vector["source"], pii=(pii,))
    protector = Protector(contract, TOKEN_KEYS, vector.get("country"))
    data: Any = vector["value"]
    for name in reversed(path):
        data = {name: data}
    key = DataKey(bytes.fromhex(VECTORS["data_key"]), b"", expires=0, encryptions=0)
    key.next_nonce = count(vector["nonce"]).__next__
    protector.protect([data], key)
    for name in path:
        data = data[name]
    return data


@each
def test_vectors(vector: dict[str, Any]) -> None:
    assert protected(vector) == vector["packed"]


@each
def test_vectors_can_be_made_from_the_document_alone(vector: dict[str, Any]) -> None:
    text = f"{vector['kind']}\0{vector['normalised']}".encode()
    digest = hmac.new(bytes.fromhex(VECTORS["token_root"]), text, hashlib.sha256).digest()
    newest = max(VECTORS["token_versions"], key=int)
    cipher = Cipher(AES(bytes.fromhex(VECTORS["token_versions"][newest])), ECB()).encryptor()
    token = base64.urlsafe_b64encode(cipher.update(digest[:16])).decode().rstrip("=")
    nonce = vector["nonce"].to_bytes(12, "big")
    plain = (
        vector["value"]
        if isinstance(vector["value"], str)
        else json.dumps(vector["value"], separators=(",", ":"), ensure_ascii=False)
    )
    context = f"{vector['source']}|{vector['path']}".encode()
    sealed = nonce + AESGCM(bytes.fromhex(VECTORS["data_key"])).encrypt(nonce, plain.encode(), context)
    parts = [
        "1",
        f"v{int(newest):08d}-{token}",
        base64.b64encode(sealed).decode(),
        vector["display"],
    ]
    assert ":".join(parts) == vector["packed"]


@each
def test_what_is_normalised_is_what_the_libraries_say(vector: dict[str, Any]) -> None:
    normal = vector["normalised"]
    if vector["kind"] == "phone" and normal.startswith("+"):
        number = phonenumbers.parse(normal)
        assert phonenumbers.is_valid_number(number)
        written = vector["value"].replace("001 ", "+1 ")
        assert phonenumbers.parse(written, vector.get("country")) == number
    if vector["kind"] == "email":
        domains = [text.strip().removesuffix(".").rpartition("@")[2] for text in (vector["value"], normal)]
        assert idna.encode(domains[0], uts46=True) == idna.encode(domains[1])


@pytest.mark.parametrize("vector", VECTORS["translations"], ids=lambda v: v["from"][:9])
def test_tokens_are_translated_as_the_vectors_say(vector: dict[str, str]) -> None:
    assert TOKEN_KEYS.translated(vector["from"]) == vector["to"]
    assert TOKEN_KEYS.hash_of(vector["from"]) == TOKEN_KEYS.hash_of(vector["to"])


@pytest.mark.parametrize("vector", VECTORS["owned"], ids=lambda v: f"{v['kind']}-{v['nonce']}")
def test_values_of_subjects(vector: dict[str, Any]) -> None:
    """GIVEN an event that says whose it is, or does not THEN its value is packed as the vectors say."""
    path, secret = tuple(vector["path"].split(".")), bytes.fromhex(VECTORS["subject_secret"])
    pii = PiiField(path=path, kind=vector["kind"], column="", reid=True)
    contract = replace(contracts.load().contracts[0], source=vector["source"], pii=(pii,))
    contract = replace(contract, subject=(("customer", "loyalty_id"),))
    customer: dict[str, Any] = {name.split(".")[1]: value for name, value in vector["named"].items()}
    customer[path[-1]] = vector["value"]
    key = DataKey(bytes.fromhex(VECTORS["data_key"]), b"", expires=0, encryptions=0)
    key.next_nonce = count(vector["nonce"]).__next__
    found = OwnedProtector(contract, TOKEN_KEYS, vector.get("country")).find([{"customer": customer}])
    subject = bytes.fromhex(vector["subject"])
    seal(found, key, {subject: key.owner(subject, secret)})
    assert customer[path[-1]] == vector["packed"]
    opened = reveal(
        bytes.fromhex(VECTORS["data_key"]),
        vector["packed"],
        source=vector["source"],
        path=path,
        secret=secret,
    )
    assert opened.decode() == vector["value"]


def test_every_kind_has_a_vector() -> None:
    assert {vector["kind"] for vector in VECTORS["vectors"]} == set(PII_KINDS)
