"""The transform against what the same work costs at least, and against what else one could take for it."""

import base64
import hmac
import io
import logging
import os
import random
from collections.abc import Callable
from contextlib import redirect_stdout
from itertools import count
from typing import Any

import aws_encryption_sdk
import boto3
import jsonschema
import orjson
import pybase64
from aws_encryption_sdk.identifiers import (
    Algorithm,
    CommitmentPolicy,
    EncryptionKeyType,
    WrappingAlgorithm,
)
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKey
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

import contracts
from benchmarks.measuring import Case, Rounds, Section, Spread, Table, interleave
from functions.shared.protection import DataKey, DataKeys, Owner
from functions.shared.put_records import encode_natively
from functions.shared.records import head
from functions.shared.subject_secrets import Secrets
from functions.shared.tokens import TokenKeys
from functions.transform.batch import TOGETHER, BatchTransform
from functions.transform.core import NOBODY, Transform
from functions.transform.envelope import event_schema
from functions.transform.handler import Function, Settings
from functions.transform.owned import Owners
from functions.transform.sink import ProtectedStream

SMALL, LARGE_LINES, BATCH = 4000, 1500, 500
PII = ("email", "phone", "address")
KMS_DOLLARS_PER_CALL = 0.03 / 10_000
MILLION = 1_000_000


def sale(number: int, *, lines: int = 4) -> bytes:
    """Return a synthetic sale with three values of personal data, about 1 kB with four lines."""
    draw = random.Random(number)

    def money() -> float:
        return round(draw.random() * 9, 2)

    customer = {
        "loyalty_id": str(900 + number),
        "email": f"jane.doe{number}@gmail.com",
        "phone": f"+1206555{number % 10000:04d}",
        "address": {
            "line1": f"{number} Main Street",
            "line2": None,
            "city": "Seattle",
            "region": "WA",
            "postal_code": "98101",
            "country": "US",
        },
    }
    items = [
        {
            "line": line + 1,
            "product_id": str(1_000_000 + draw.randrange(99_999)),
            "quantity": draw.randrange(1, 5),
            "sales_value": money(),
            "retail_disc": money(),
            "coupon_disc": money(),
            "coupon_match_disc": money(),
        }
        for line in range(lines)
    ]
    event = {
        "event_id": f"till-7:{31198570044 + number}",
        "source": "pos",
        "event_type": "sale",
        "schema_version": 1,
        "producer_ts": "2017-01-01T11:53:26.000Z",
        "data": {
            "transaction_id": str(31198570044 + number),
            "store_id": "330",
            "register_id": "7",
            "currency": "USD",
            "customer": customer,
            "lines": items,
            "total": money(),
        },
    }
    return orjson.dumps(event)


def floor_plain() -> Callable[[bytes], object]:
    """Parse, encrypt and hash three values, serialise: the libraries' plain calls, and nothing else."""
    key = os.urandom(32)
    cipher = AESGCM(key)

    def one(raw: bytes) -> bytes:
        event = orjson.loads(raw)
        customer = event["data"]["customer"]
        for name in PII:
            value = customer[name]
            plain = value.encode() if isinstance(value, str) else orjson.dumps(value)
            nonce = os.urandom(12)
            sealed = base64.b64encode(nonce + cipher.encrypt(nonce, plain, b"pos|customer")).decode()
            token = base64.b64encode(hmac.digest(key, plain, "sha256")).decode()
            customer[name] = f"{token}:{sealed}"
        return orjson.dumps(event)

    return one


def floor_tuned() -> Callable[[bytes], object]:
    """Do the same with every trick: counted nonces, copied hashes, native base64, no loop."""
    key = os.urandom(32)
    encrypt, start, nonces = AESGCM(key).encrypt, HMAC(key, SHA256()), count().__next__
    encode, loads, dumps = pybase64.b64encode_as_string, orjson.loads, orjson.dumps

    def pack(plain: bytes) -> str:
        mac = start.copy()
        mac.update(plain)
        nonce = nonces().to_bytes(12, "big")
        return f"{encode(mac.finalize())}:{encode(nonce + encrypt(nonce, plain, b'pos|customer'))}"

    def one(raw: bytes) -> bytes:
        event = loads(raw)
        customer = event["data"]["customer"]
        customer["email"] = pack(customer["email"].encode())
        customer["phone"] = pack(customer["phone"].encode())
        customer["address"] = pack(dumps(customer["address"]))
        return dumps(event)

    return one


def encryption_sdk(algorithm: Algorithm) -> Callable[[bytes], object]:
    """Parse, encrypt three values with the AWS Encryption SDK and cached data keys, serialise; no tokens."""
    wrapping = WrappingKey(
        wrapping_algorithm=WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
        wrapping_key=os.urandom(32),
        wrapping_key_type=EncryptionKeyType.SYMMETRIC,
    )
    sdk: Any = aws_encryption_sdk  # its types do not know its arguments
    materials = sdk.CachingCryptoMaterialsManager(
        master_key_provider=RawMasterKey(provider_id="local", key_id=b"local", wrapping_key=wrapping),
        cache=sdk.LocalCryptoMaterialsCache(100),
        max_age=3600.0,
        max_messages_encrypted=2**32,
    )
    client = sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)

    def one(raw: bytes) -> bytes:
        event = orjson.loads(raw)
        customer = event["data"]["customer"]
        for name in PII:
            value = customer[name]
            sealed, _ = client.encrypt(
                source=value.encode() if isinstance(value, str) else orjson.dumps(value),
                materials_manager=materials,
                algorithm=algorithm,
                encryption_context={"source": "pos", "field": name},
            )
            customer[name] = base64.b64encode(sealed).decode()
        return orjson.dumps(event)

    return one


def python_jsonschema() -> Callable[[bytes], object]:
    """Parse, and only validate, with the validator that is pure Python."""
    contract = contracts.load().event("pos", "sale").latest
    is_valid = jsonschema.Draft7Validator(event_schema(contract)).is_valid

    def one(raw: bytes) -> None:
        if not is_valid(orjson.loads(raw)):
            raise AssertionError

    return one


def core(raws: list[bytes], *, erasable: bool = False) -> Case:
    """From the events' bytes to the landed records', as many at a time as the function takes."""
    transform = Transform("pos", contracts.load().contracts, TokenKeys.made(), erasable=erasable)
    owners = Owners(Secrets(client=Nothing(), table="-"))
    key = DataKey(os.urandom(32), os.urandom(184), expires=0, encryptions=0)
    beginning, events = head(key.wrapped, "2026-01-01T00:00:00.000Z"), [(raw, 1767225600.0) for raw in raws]

    if any(transform.fault(raw) for raw in raws):
        raise AssertionError("refused")

    def run() -> None:
        for start in range(0, len(events), TOGETHER):
            for prepared in transform.prepare(events[start : start + TOGETHER]):
                known = owners.of(prepared.subjects(), key) if erasable else NOBODY
                answers = transform.protect(prepared, key, beginning, known)
                if not isinstance(answers[0], tuple):
                    raise AssertionError(answers[0])

    return Case(run=run, count=len(raws))


class Nothing:
    """All of AWS that the function uses, doing nothing but counting."""

    def __init__(self) -> None:
        self.wrapped = self.taken = 0

    def encrypt(self, **_: Any) -> dict[str, Any]:
        self.wrapped += 1
        return {"CiphertextBlob": os.urandom(184)}

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        return {"SecretBinary": TokenKeys.made().written()}

    def batch_get_item(self, **_: Any) -> dict[str, Any]:
        return {"Responses": {}}

    def transact_write_items(self, **_: Any) -> dict[str, Any]:
        return {}

    def put_records(self, *, Records: list[Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        self.taken += len(Records)
        return {"FailedRecordCount": 0}


def unsent() -> Any:
    """Return a real client whose encoded and signed requests stop short of the network."""
    client = boto3.client(
        "kinesis",
        region_name="eu-west-1",
        aws_access_key_id="-",
        aws_secret_access_key="-",
        config=Config(parameter_validation=False),
    )

    def answer(request: Any, **_: Any) -> AWSResponse:
        found = AWSResponse(request.url, 200, {}, None)
        found._content = b'{"FailedRecordCount": 0, "Records": []}'
        return found

    client.meta.events.register("before-send.kinesis.PutRecords", answer)
    return client


def as_records(raws: list[bytes]) -> list[Any]:
    """Return events as the mapping hands them over."""
    return [
        {
            "eventID": f"shardId-000000000000:{number}",
            "kinesis": {
                "data": base64.b64encode(raw).decode(),
                "sequenceNumber": str(number),
                "approximateArrivalTimestamp": 1767225600.125,
            },
        }
        for number, raw in enumerate(raws)
    ]


class HalfNew(Owners):
    """Forgets every second subject before it is asked for."""

    def of(self, subjects: set[bytes], key: DataKey) -> dict[bytes, Owner]:
        for subject in list(subjects)[::2]:
            self._known.pop(subject, None)
        return super().of(subjects, key)


def batches(raws: list[bytes], owners: Owners | None) -> Case:
    """From a function's batches of events to the stream's entries, with subjects or without."""
    transform = Transform("pos", contracts.load().contracts, TokenKeys.made(), erasable=owners is not None)
    made = BatchTransform(transform, DataKeys(wrap=lambda *_: os.urandom(184), seconds=3600), owners)
    records = as_records(raws)

    def run() -> None:
        for start in range(0, len(records), BATCH):
            assert not made.run(records[start : start + BATCH], now=1767225600.0).refused

    return Case(run=run, count=len(raws))


def erasure(raws: list[bytes]) -> Table:
    """Return what it costs to encrypt each value under a secret, each event being somebody else's."""
    secrets = Secrets(client=Nothing(), table="-")
    cases = {
        "without subjects": batches(raws, None),
        "with subjects, all known to the container": batches(raws, Owners(secrets)),
        "with subjects, half of them new in each batch": batches(raws, HalfNew(secrets)),
    }
    rounds = interleave(cases)
    rows = [["", "records/s per core", "of those without"]]
    rows += [
        [name, rounds.rate(name).show(), percent(rounds.ratio(name, "without subjects"))] for name in cases
    ]
    return Table(rows=rows)


def function(cloud: Any, kinesis: Any = None) -> Callable[[list[bytes]], Callable[[], None]]:
    """Return what makes, of events, a run of the whole function over Lambda's batches of them."""
    settings = Settings(
        source="pos",
        pii_key_arn="-",
        token_key_secret_arn="-",
        protected_stream="-",
        landing_bucket="-",
        subjects_table="-",
    )
    stream = ProtectedStream(client=kinesis or cloud, name="-")
    made = Function(settings, kms=cloud, secrets=cloud, s3=cloud, stream=stream, subjects=lambda: cloud)

    def over(raws: list[bytes]) -> Callable[[], None]:
        records = as_records(raws)

        def run() -> None:
            with redirect_stdout(io.StringIO()):  # its metrics
                for start in range(0, len(records), BATCH):
                    answer = made.run({"Records": records[start : start + BATCH]}, seconds=60)
                    assert not answer["batchItemFailures"]

        return run

    return over


def each(one: Callable[[bytes], object], raws: list[bytes]) -> Case:
    def run() -> None:
        for raw in raws:
            one(raw)

    return Case(run=run, count=len(raws))


def percent(spread: Spread) -> str:
    return f"{spread.median:.0%} ({spread.low:.0%}–{spread.high:.0%})"


def small(raws: list[bytes]) -> tuple[Rounds, Table]:
    slow = raws[:200]
    handler = function(Nothing())
    cases = {
        "floor, plain calls": each(floor_plain(), raws),
        "floor, tuned": each(floor_tuned(), raws),
        "transform, event to record": core(raws),
        "the same, each under a secret of its person": core(raws, erasable=True),
        "whole function, nothing sent": Case(run=handler(raws), count=len(raws)),
        "whole function, PutRecords encoded and signed": Case(
            run=function(Nothing(), encode_natively(unsent()))(raws), count=len(raws)
        ),
        "the same, encoded by botocore": Case(run=function(Nothing(), unsent())(raws), count=len(raws)),
        "Encryption SDK, keys cached": each(
            encryption_sdk(Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY), slow
        ),
        "Encryption SDK, as it comes: signed": each(
            encryption_sdk(Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384), slow
        ),
        "Python's jsonschema, validation alone": each(python_jsonschema(), slow),
    }
    rounds = interleave(cases)
    rows = [["", "records/s per core", "of the plain floor", "of the tuned floor"]]
    for name in cases:
        plain, tuned = (rounds.ratio(name, f"floor, {how}") for how in ("plain calls", "tuned"))
        rows.append([name, rounds.rate(name).show(), percent(plain), percent(tuned)])
    return rounds, Table(rows=rows)


def large(raws: list[bytes]) -> Table:
    cases = {
        "floor, plain calls": each(floor_plain(), raws),
        "transform, event to record": core(raws),
        "whole function, nothing sent": Case(run=function(Nothing())(raws), count=len(raws)),
    }
    rounds = interleave(cases)
    megabytes = sum(map(len, raws)) / len(raws) / 1e6
    rows = [["", "MB/s per core", "of the plain floor"]]
    for name in cases:
        ratio = rounds.ratio(name, "floor, plain calls")
        rows.append([name, rounds.rate(name, scale=megabytes).show(), percent(ratio)])
    return Table(rows=rows)


def key_calls(raws: list[bytes]) -> tuple[int, int]:
    """Send a million records through one container, one in a hundred bad; count calls and records."""
    cloud = Nothing()
    mixed = [raw if number % 100 else raw[:-1] for number, raw in enumerate(raws)]
    run = function(cloud)(mixed)
    while cloud.taken < MILLION:
        run()
    return cloud.wrapped, cloud.taken


def run() -> Section:
    logging.getLogger("transform").setLevel(logging.ERROR)  # it would say of each batch what it sealed
    raws = [sale(number) for number in range(SMALL)]
    documents = [sale(number, lines=LARGE_LINES) for number in range(20)]
    _, table = small(raws)
    calls, records = key_calls(raws)
    per_value = len(PII) * MILLION
    return Section(
        title="The transform",
        parts=[
            f"A sale of {sum(map(len, raws)) / len(raws):,.0f} bytes with an email, a phone and an address;"
            " decoded, validated, identified, encrypted, tokenised, masked and encoded. The plain floor is"
            " what parsing, three AES-GCM encryptions, three HMACs and serialising cost by the libraries'"
            " plain calls, with nothing validated. The whole function takes Lambda's event, base64 included,"
            " and counts; it sends nothing.",
            table,
            f"A document of {sum(map(len, documents)) / len(documents) / 1000:,.0f} kB, a sale of"
            f" {LARGE_LINES:,} lines.",
            large(documents),
            "What it costs that a person can be forgotten: the same sales, each of somebody else, from a"
            f" function's batches of {BATCH} to the stream's entries; the table of secrets answers at once."
            " The whole function above does it, too, since the shipped contract says whose its values are.",
            erasure(raws),
            "Calls of the key service for a million records with three values each.",
            Table(
                rows=[
                    ["", "calls", "dollars"],
                    [
                        f"counted, {records:,} records through one container, one in a hundred bad",
                        f"{calls:,}",
                        f"{calls * KMS_DOLLARS_PER_CALL:,.6f}",
                    ],
                    [
                        "a call per value, as arithmetic",
                        f"{per_value:,}",
                        f"{per_value * KMS_DOLLARS_PER_CALL:,.2f}",
                    ],
                ]
            ),
            "A container calls once an hour, and once more in an hour with bad records: a container that"
            f" takes 100,000 records an hour makes at most {2 * MILLION / 100_000:.0f} calls per million.",
        ],
    )
