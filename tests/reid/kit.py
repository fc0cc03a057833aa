"""A Re-ID service over the emulator's tables and keys, with a vault in memory, a clock to set, and people."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
from botocore.config import Config

from functions.reid import secrets as reid_secrets
from functions.reid.api import Answer, answer
from functions.reid.journal import Entry, verify
from functions.reid.rules import Rules, allowed_fields
from functions.reid.service import Service
from functions.reid.store import Store
from functions.reid.vault import Opener, Row
from functions.shared.protection import DataKeys, unpack
from functions.shared.subject_secrets import Secrets
from functions.shared.tokens import TokenKeys
from functions.transform.owned import OwnedProtector, Owners, seal
from functions.transform.protect import Protector
from tests.functions.transform_kit import CATALOGUE, TOKEN_KEYS, sale

REGION = "eu-central-1"
NOW = 1767225600.0
ACCOUNT = "123456789012"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role"
JANE, JOHN = f"{SESSION}/marketing-ops/jane", f"{SESSION}/marketing-ops/john"
OFFICER, SECOND = f"{SESSION}/privacy-officer/olga", f"{SESSION}/privacy-officer/otto"
RULES = Rules(
    account=ACCOUNT,
    requesters=frozenset({"marketing-ops"}),
    approvers=frozenset({"privacy-officer"}),
    purposes={"recall": frozenset({"email", "phone", "address"}), "newsletter": frozenset({"email"})},
    tokens_per_day=10,
    life_seconds=3600,
)
EMAIL, PHONE = ("pos", "customer.email"), ("pos", "customer.phone")
ADDRESS = ("pos", "customer.address")
WHY = "A recalled product: its buyers must be told"


class Memory:
    """A vault in memory."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.asked: list[Sequence[str]] = []

    def find(self, kind: str | None, tokens: Sequence[str]) -> Sequence[Row]:
        self.asked.append(tokens)
        return [row for row in self.rows if kind in (None, row.kind) and row.token in tokens]

    def change(self, of: str, **new: str) -> None:
        self.rows = [replace(row, **new) if row.token == of else row for row in self.rows]


def client(service: str, endpoint: str, region: str = REGION) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=32, retries={"mode": "standard", "max_attempts": 2}),
    )


def tables(dynamodb: Any, names: Sequence[str]) -> None:
    """Tables with the keys that the program declares (a test of the program holds them to that)."""
    forms = ({"key": "S"}, {"chain": "S", "number": "N"}, {"subject": "B"})
    for name, keys in zip(names, forms, strict=True):
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": t} for k, t in keys.items()],
            KeySchema=[
                {"AttributeName": k, "KeyType": kind}
                for k, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
        )


def protected(
    kms: Any,
    key: str,
    data: dict[str, Any],
    *,
    source: str = "pos",
    event: str = "sale",
    token_keys: TokenKeys = TOKEN_KEYS,
    secrets: Secrets | None = None,
) -> list[Row]:
    """What the vault has of an event that the transform's own code protected, with the table of subjects."""
    contract = CATALOGUE.event(source, event).latest

    def wrap(plain: bytes, purpose: str) -> bytes:
        context = {"source": source, "purpose": purpose}
        return kms.encrypt(KeyId=key, Plaintext=plain, EncryptionContext=context)["CiphertextBlob"]

    data_key = DataKeys(wrap=wrap, seconds=3600).current("field", encryptions=100)
    if secrets:
        found = OwnedProtector(contract, token_keys, "US").find([data])
        seal(found, data_key, Owners(secrets).of({who for one in found for who in one.subjects}, data_key))
    else:
        Protector(contract, token_keys, "US").protect([data], data_key)
    rows: list[Row] = []
    for pii in contract.pii:
        value: Any = data
        for name in pii.path:
            value = (value or {}).get(name)
        if value is not None:
            packed = unpack(value)
            rows.append(
                Row(
                    token=packed.token,
                    kind=pii.kind,
                    source=source,
                    path=".".join(pii.path),
                    ciphertext=value.split(":")[2],
                    data_key=data_key.wrapped,
                    last_seen="2026-01-01 00:00:00.000",
                    subject=value.split(":")[2][:21] if packed.owned else "",
                )
            )
    return rows


@dataclass(kw_only=True)
class Bench:
    """A service, and what a test does with it."""

    endpoint: str
    names: tuple[str, str, str]
    kms: Any
    key: str
    rules: Rules = RULES
    token_keys: TokenKeys = TOKEN_KEYS
    now: float = NOW
    vault: Memory = field(default_factory=Memory)
    told: list[Entry] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return Store(client("dynamodb", self.endpoint), requests=self.names[0], journal=self.names[1])

    @property
    def secrets(self) -> Secrets:
        return Secrets(client=client("dynamodb", self.endpoint), table=self.names[2])

    def service(self, opener_key: str | None = None) -> Service:
        opener = Opener(
            self.vault,
            self.kms,
            reid_secrets.Secrets(client("dynamodb", self.endpoint), self.names[2]),
            key=opener_key or self.key,
            token_keys=self.token_keys,
            allowed=allowed_fields(CATALOGUE),
        )
        return Service(
            self.store,
            self.rules,
            lambda: opener,
            subjects_table=self.names[2],
            clock=lambda: self.now,
            noted=self.told.append,
        )

    def people(self, *, owned: bool = False, **customer: Any) -> dict[str, str]:
        """Put a customer's contact data into the vault; return tokens by kind."""
        data = sale()["data"]
        data["customer"].update(customer)
        secrets = self.secrets if owned else None
        rows = protected(self.kms, self.key, data, token_keys=self.token_keys, secrets=secrets)
        self.vault.rows += rows
        return {row.kind: row.token for row in rows}

    def call(
        self, who: str, method: str, path: str, body: Any = None, *, service: Service | None = None
    ) -> tuple[Answer, Any]:
        raw = b"" if body is None else json.dumps(body).encode()
        told, _ = answer(service or self.service(), method=method, path=path, arn=who, body=raw)
        return told, json.loads(told.body)

    def ask(self, who: str, tokens: Sequence[str], **changes: Any) -> tuple[Answer, Any]:
        body = {"purpose": "recall", "kind": "email", "tokens": list(tokens), "justification": WHY}
        return self.call(who, "POST", "/reid/requests", body | changes)

    def step(self, who: str, id_: str, step: str, *, service: Service | None = None) -> tuple[Answer, Any]:
        return self.call(who, "POST", f"/reid/requests/{id_}/{step}", service=service)

    def approved(self, tokens: Sequence[str], **changes: Any) -> str:
        told, body = self.ask(JANE, tokens, **changes)
        assert told.status == 201, body
        told, done = self.step(OFFICER, body["id"], "approve")
        assert told.status == 200, done
        return body["id"]

    def journal(self) -> list[Entry]:
        """All entries; they are one chain whatever the test did."""
        entries = list(self.store.entries())
        assert list(verify(entries)) == []
        return entries

    def refused(self, told: tuple[Answer, Any], status: int, name: str, of: str) -> Entry:
        """Hold an answer to be this problem, and the journal's last entry to say so; return that."""
        reply, body = told
        assert (reply.status, body["status"]) == (status, status), body
        assert body["type"] == f"urn:retaillake:problem:{name}"
        assert reply.headers["Content-Type"] == "application/problem+json"
        last = self.journal()[-1]
        assert (last["action"], last["of"], last["because"]) == ("refused", of, name)
        return last
