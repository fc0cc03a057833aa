"""Our protection gives what the published vectors say, and an independent reading of the document agrees."""

import base64
import hashlib
import hmac
import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import contracts
from functions.shared.protection import DataKey
from functions.transform.protect import Protector

VECTORS = json.loads((Path(__file__).resolve().parents[1] / "docs/protection-vectors.json").read_text())


def protected(vector: dict[str, Any]) -> Any:
    """Run the value through the protection of the contract that the vector names."""
    event = contracts.load().event(vector["source"], vector["event"])
    protector = Protector(event.latest, bytes.fromhex(VECTORS["token_key"]))
    names = vector["path"].split(".")
    data: Any = vector["value"]
    for name in reversed(names):
        data = {name: data}
    key = DataKey(bytes.fromhex(VECTORS["data_key"]), b"", expires=0, encryptions=0)
    key.next_nonce = count(vector["nonce"]).__next__
    protector.protect([data], key)
    for name in names:
        data = data[name]
    return data


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda v: f"{v['kind']}-{v['nonce']}")
def test_vectors(vector: dict[str, Any]) -> None:
    assert protected(vector) == vector["packed"]


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda v: f"{v['kind']}-{v['nonce']}")
def test_vectors_can_be_made_from_the_document_alone(vector: dict[str, Any]) -> None:
    text = f"{vector['kind']}\0{vector['normalised']}".encode()
    token = hmac.new(bytes.fromhex(VECTORS["token_key"]), text, hashlib.sha256).digest()[:24]
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
        base64.urlsafe_b64encode(token).decode(),
        base64.b64encode(sealed).decode(),
        vector["display"],
    ]
    assert ":".join(parts) == vector["packed"]
