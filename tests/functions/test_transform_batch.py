"""Batches, the sink and the function: what AWS sees of them."""

import base64
import io
import json
import logging
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from hashlib import sha256
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transform_kit import ARRIVED, CATALOGUE, TOKEN_KEYS, Lake, Subjects, Wire, encode, records, sale

from functions.shared.protection import DataKeys, unseal
from functions.shared.put_records import encode_natively
from functions.shared.records import MAX_RECORD_BYTES
from functions.shared.tokens import TokenKeyError
from functions.transform import handler as transform_handler
from functions.transform.batch import BatchTransform, keywords
from functions.transform.core import Transform
from functions.transform.handler import Function, Settings
from functions.transform.sink import MAX_BYTES, MAX_RECORDS, ProtectedStream, calls

SETTINGS = Settings(
    source="pos",
    pii_key_arn="arn:aws:kms:eu-west-1:000000000000:key/pii",
    token_key_secret_arn="arn:aws:secretsmanager:eu-west-1:000000000000:secret:token-key",
    protected_stream="retaillake-test-pos-protected",
    landing_bucket="retaillake-test-landing",
    subjects_table="retaillake-test-subjects",
)


# The batch.


def test_a_batch_has_an_entry_per_record_in_its_order() -> None:
    """GIVEN good and bad records WHEN the batch is run THEN each has its entry, keyed by its own id."""
    batch = Lake().batches.run(records([encode(sale()), b"x", encode(sale(total=None))]), now=ARRIVED)
    assert batch.sequences == ["1", "2", "3"]
    assert [entry["PartitionKey"] for entry in batch.entries] == [
        "till-7:31198570044",
        "q-shardId-000000000003-2",
        "q-shardId-000000000003-3",
    ]
    assert batch.accepted == 1
    assert batch.refused == {"event: json": 1, "data.total: type": 1}
    assert batch.bytes_out == sum(len(entry["Data"]) for entry in batch.entries)


def test_the_producers_partition_key_goes_nowhere() -> None:
    entries = Lake().batches.run(records([encode(sale()), b"x"]), now=ARRIVED).entries
    assert not any(b"jane" in entry["Data"].lower() or "jane" in entry["PartitionKey"] for entry in entries)


def large(lines: int) -> bytes:
    return encode(sale(lines=sale()["data"]["lines"] * lines))


def test_what_is_too_large_to_deliver_becomes_an_object_and_a_pointer() -> None:
    """GIVEN a valid event over the limit THEN its record points to a sealed object with all of it."""
    lake, raw = Lake(), large(9500)
    batch = lake.batches.run(records([encode(sale()), raw]), now=ARRIVED)
    landed = orjson.loads(batch.entries[1]["Data"])
    (sealed,) = batch.objects.values()

    assert len(raw) > MAX_RECORD_BYTES
    assert landed["event_type"] == "sale"
    assert landed["quarantine"] == {
        "reason": "oversize",
        "object": "oversize/source=pos/dt=2026-01-01/q-shardId-000000000003-2.sealed",
        "bytes": len(sealed.body),
        "sha256": sha256(sealed.body).hexdigest(),
    }
    assert sealed.name == landed["quarantine"]["object"]
    assert unseal(lake.keys.of(landed), sealed.body, source="pos") == raw


def test_what_is_refused_and_too_large_to_land_sealed_keeps_its_reason() -> None:
    batch = Lake().batches.run(records([b"x" * 800_000, b"x" * 700_000]), now=ARRIVED)
    first, second = (orjson.loads(entry["Data"])["quarantine"] for entry in batch.entries)
    assert first["reason"] == second["reason"] == "event: json"
    assert "object" in first
    assert "sealed" in second
    assert list(batch.objects) == ["1"]


@pytest.mark.parametrize("surplus", [0, 1])
def test_the_limit_is_exact(surplus: int) -> None:
    """GIVEN a limit of just this record's size, or a byte less THEN it lands, or it does not."""
    size = len(Lake().batches.run(records([encode(sale())]), now=ARRIVED).entries[0]["Data"])
    batch = Lake(max_bytes=size - surplus).batches.run(records([encode(sale())]), now=ARRIVED)
    assert batch.refused == ({"oversize": 1} if surplus else {})


@pytest.mark.parametrize("where", ["parsing", "protecting"])
def test_a_fault_of_ours_seals_the_one_record(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN code that raises what it should not WHEN one record of many meets it THEN that one is sealed and
    said, and the others land, each value encrypted under a nonce of its own.
    """
    lake = Lake()
    (plan,) = lake.batches._transform._plans.values()
    place, name = {"parsing": (plan.typed, "take"), "protecting": (plan, "protect")}[where]
    real = getattr(place, name)

    def broken(given: Any, *rest: Any) -> Any:
        if b"boom" in (b"".join(given.values()) if where == "parsing" else orjson.dumps(given)):
            raise ZeroDivisionError("of jane@example.com")
        return real(given, *rest)

    monkeypatch.setattr(place, name, broken)
    raws = [encode(sale(store_id="boom" if n == 7 else str(n))) for n in range(20)]
    batch = lake.batches.run(records(raws), now=ARRIVED)
    landed = [orjson.loads(entry["Data"]) for entry in batch.entries]

    assert batch.refused == {"event: internal": 1}
    assert batch.failures == {"ZeroDivisionError": 1}
    assert b"jane" not in batch.entries[7]["Data"].lower()
    assert [record.get("data", {}).get("store_id") for record in landed] == [
        None if n == 7 else str(n) for n in range(20)
    ]
    nonces = [
        base64.b64decode(packed.split(":")[2])[:12]
        for record in landed
        if "data" in record
        for packed in (record["data"]["customer"][name] for name in ("email", "phone", "address"))
    ]
    assert len(set(nonces)) == len(nonces) == 19 * 3


def test_keywords_are_few() -> None:
    reasons = {"data.total: type": 2, "data.lines[].line: required; data: type": 1, "oversize": 3}
    assert keywords(reasons) == {"type": 2, "required": 1, "oversize": 3}


def test_there_are_at_most_twenty_key_calls_per_million_records() -> None:
    """GIVEN a container that takes a million records in ten hours, bad ones among them, in 1,000 batches
    WHEN each batch is run (cut to three records: calls do not depend on how many there are)
    THEN the key service was called at most twenty times, half of them for the bad ones.
    """
    now, calls_made = [0.0], Counter[str]()

    def wrap(_: bytes, purpose: str) -> bytes:
        calls_made[purpose] += 1
        return b"wrapped"

    keys = DataKeys(wrap=wrap, seconds=3600, clock=lambda: now[0])
    batches = BatchTransform(Transform("pos", CATALOGUE.contracts, TOKEN_KEYS), keys)
    for batch in range(1000):
        now[0] = batch * 36.0
        batches.run(records([encode(sale()), encode(sale()), b"x"]), now=now[0])
    assert calls_made == {"field": 10, "quarantine": 10}


# The sink.


@settings(deadline=None)
@given(st.lists(st.integers(1, MAX_RECORD_BYTES), max_size=60), st.integers(0, 1200))
def test_calls_hold_what_the_stream_takes(sizes: list[int], small: int) -> None:
    entries: list[Any] = [{"Data": bytes(size), "PartitionKey": "k"} for size in [*sizes, *[1] * small]]
    cut = list(calls(entries, range(len(entries))))
    assert [number for call in cut for number in call] == list(range(len(entries)))
    for call in cut:
        assert len(call) <= MAX_RECORDS
        assert sum(len(entries[number]["Data"]) + 1 for number in call) <= MAX_BYTES


class Time:
    def __init__(self) -> None:
        self.now, self.pauses = 0.0, list[float]()

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def stream(wire: Wire, refusals: list[set[bytes]]) -> tuple[ProtectedStream, Time, list[list[bytes]]]:
    """A stream that refuses these payloads, call by call, and after that none."""
    taken: list[list[bytes]] = []

    def put(arguments: dict[str, Any]) -> dict[str, Any]:
        refused = refusals.pop(0) if refusals else set[bytes]()
        data = [base64.b64decode(entry["Data"]) for entry in arguments["Records"]]
        taken.append([payload for payload in data if payload not in refused])
        good = {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
        bad = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
        results = [bad if payload in refused else good for payload in data]
        return {"FailedRecordCount": results.count(bad), "Records": results}

    wire.answers["PutRecords"] = put
    time = Time()
    sink = ProtectedStream(
        client=wire.client("kinesis"), name="s", clock=time.clock, sleep=time.sleep, jitter=lambda: 1.0
    )
    return sink, time, taken


def entries(*payloads: bytes) -> list[Any]:
    return [{"Data": payload, "PartitionKey": "k"} for payload in payloads]


payloads = st.lists(st.tuples(st.binary(max_size=200), st.text(min_size=1, max_size=20)), max_size=8)


@settings(deadline=None, max_examples=50)
@given(payloads)
def test_records_are_encoded_as_botocore_does(given_: list[tuple[bytes, str]]) -> None:
    """GIVEN any records WHEN both encode them THEN requests are the same, but for spaces and signatures."""
    if any("\ud800" <= letter <= "\udfff" for _, key in given_ for letter in key):
        return
    sent: list[tuple[Any, Any]] = []
    for prepare in (encode_natively, lambda client: client):
        wire = Wire()
        _, _, taken = stream(wire, [])
        client = prepare(wire.client("kinesis", parameter_validation=False))
        for _ in range(2):  # a client is used again
            client.put_records(StreamName="s", Records=[{"Data": d, "PartitionKey": k} for d, k in given_])
        sent.append((wire.calls, wire.headers))
        assert taken == [[data for data, _ in given_]] * 2
    assert sent[0] == sent[1]


def test_a_client_of_another_protocol_stays_as_it_is() -> None:
    class Model:
        metadata: ClassVar = {"protocol": "json"}
        resolved_protocol = "smithy-rpc-v2-cbor"

    class Client:
        class meta:
            service_model = Model

    client = Client()
    assert encode_natively(client) is client  # it has no events to register with


def test_only_what_failed_is_sent_again_after_a_growing_pause() -> None:
    sink, time, taken = stream(Wire(), [{b"a", b"c"}, {b"c"}])
    left, errors = sink.put(entries(b"a", b"b", b"c"), seconds=60)
    assert (left, errors) == ([], {"ProvisionedThroughputExceededException": 3})
    assert taken == [[b"b"], [b"a"], [b"c"]]
    assert time.pauses == [0.1, 0.2]


def test_what_is_not_taken_in_time_is_left() -> None:
    sink, time, _ = stream(Wire(), [{b"b"}] * 50)
    left, errors = sink.put(entries(b"a", b"b"), seconds=30)
    assert left == [1]
    assert errors["ProvisionedThroughputExceededException"] == len(time.pauses) + 1
    assert time.now < 30
    assert max(time.pauses) == 5.0


def test_without_time_there_is_one_attempt() -> None:
    sink, time, _ = stream(Wire(), [{b"a"}])
    assert sink.put(entries(b"a"), seconds=0)[0] == [0]
    assert time.pauses == []


def test_nothing_to_write_is_no_call() -> None:
    wire = Wire()
    sink, _, _ = stream(wire, [])
    assert sink.put([], seconds=1) == ([], {})
    assert wire.calls == []


# The function, with real clients on a wire.


def secret(_: dict[str, Any]) -> dict[str, Any]:
    return {"SecretBinary": base64.b64encode(TOKEN_KEYS.written()).decode()}


def wrap(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"CiphertextBlob": base64.b64encode(b"w:" + base64.b64decode(arguments["Plaintext"])).decode()}


def function(
    wire: Wire, refusals: list[set[bytes]] | None = None, settings: Settings = SETTINGS
) -> tuple[Function, list[list[bytes]], Wire]:
    wire.answers |= {"GetSecretValue": secret, "Encrypt": wrap, **Subjects().answers}
    sink, _, taken = stream(wire, refusals or [])
    made = Function(
        settings,
        kms=wire.client("kms"),
        secrets=wire.client("secretsmanager"),
        s3=wire.client("s3"),
        stream=sink,
        subjects=lambda: wire.client("dynamodb"),
    )
    return made, taken, wire


def test_a_batch_goes_to_the_protected_stream() -> None:
    made, taken, wire = function(Wire())
    assert made.run({"Records": records([encode(sale())] * 3)}, seconds=5) == {"batchItemFailures": []}
    (written,) = taken
    assert [orjson.loads(line)["source"] for line in written] == ["pos"] * 3
    asked = ["BatchGetItem", "TransactWriteItems"]
    assert wire.names() == ["GetSecretValue", "Encrypt", *asked, "PutRecords"]
    _, arguments = wire.calls[1]
    assert arguments["KeyId"] == SETTINGS.pii_key_arn
    assert arguments["EncryptionContext"] == {"source": "pos", "purpose": "field"}
    assert len(base64.b64decode(arguments["Plaintext"])) == 32


def test_the_key_service_is_called_once_for_many_batches() -> None:
    made, _, wire = function(Wire())
    for _ in range(20):
        made.run({"Records": records([encode(sale())] * 5)}, seconds=5)
    assert wire.names().count("Encrypt") == 1


def test_what_the_stream_does_not_take_is_answered_as_failed() -> None:
    """GIVEN a stream that takes all but the second THEN the answer names its sequence number."""
    wire = Wire()
    made, taken, _ = function(wire)
    second = records([encode(sale()), b"x", encode(sale())])
    made.run({"Records": second}, seconds=5)
    refused = taken[0][1]

    def put(arguments: dict[str, Any]) -> dict[str, Any]:
        ids = [orjson.loads(base64.b64decode(entry["Data"]))["event_id"] for entry in arguments["Records"]]
        results = [
            {"ErrorCode": "InternalFailure", "ErrorMessage": "x"}
            if found == orjson.loads(refused)["event_id"]
            else {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
            for found in ids
        ]
        return {"FailedRecordCount": sum("ErrorCode" in result for result in results), "Records": results}

    wire.answers["PutRecords"] = put
    assert made.run({"Records": second}, seconds=0.5) == {"batchItemFailures": [{"itemIdentifier": "2"}]}


def test_a_key_service_that_is_down_fails_the_batch_and_nothing_is_written() -> None:
    """GIVEN no key service WHEN a batch comes THEN it fails whole; WHEN it is back THEN the next succeeds."""
    made, taken, wire = function(Wire())
    wire.answers["Encrypt"] = lambda _: Exception("KMSInternalException")
    with pytest.raises(Exception, match="KMSInternalException"):
        made.run({"Records": records([encode(sale())])}, seconds=5)
    assert taken == []
    wire.answers["Encrypt"] = wrap
    assert made.run({"Records": records([encode(sale())])}, seconds=5) == {"batchItemFailures": []}
    assert len(taken) == 1


def test_a_sealed_object_is_written_before_the_record_that_points_to_it() -> None:
    made, taken, wire = function(Wire())
    made.run({"Records": records([large(9500)])}, seconds=5)
    assert wire.names()[-2:] == ["PutObject", "PutRecords"]
    pointer = orjson.loads(taken[0][0])["quarantine"]
    ((name, body),) = wire.objects.items()
    assert name.replace("%3D", "=").endswith(pointer["object"])
    assert b"Jane" not in body
    assert base64.b64encode(sha256(body).digest()).decode() == wire.calls[-2][1]["x-amz-checksum-sha256"]


def test_an_object_store_that_is_down_fails_the_batch() -> None:
    made, taken, wire = function(Wire())
    wire.answers["PutObject"] = lambda _: {}
    with pytest.raises(Exception, match="PutObject"):
        made.run({"Records": records([large(9500)])}, seconds=5)
    assert taken == []


@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
def test_a_table_of_subjects_that_is_down_fails_the_batch_and_nothing_is_written(operation: str) -> None:
    wire = Wire()
    made, taken, _ = function(wire)
    wire.answers[operation] = lambda _: RuntimeError("InternalServerError")
    with pytest.raises(Exception, match="InternalServerError"):
        made.run({"Records": records([encode(sale())])}, seconds=5)
    assert taken == []


def test_contracts_that_say_whose_a_value_is_need_the_table() -> None:
    with pytest.raises(ValueError, match="SUBJECTS_TABLE is not set"):
        function(Wire(), settings=replace(SETTINGS, subjects_table=""))


@pytest.mark.parametrize("value", [{"SecretString": "x" * 32}, {"SecretBinary": "c2hvcnQ="}])
def test_a_token_key_that_is_none_is_refused(value: dict[str, str]) -> None:
    wire = Wire()
    wire.answers["GetSecretValue"] = lambda _: value
    with pytest.raises(TokenKeyError, match="does not hold keys of tokens"):
        Function(
            SETTINGS,
            kms=wire.client("kms"),
            secrets=wire.client("secretsmanager"),
            s3=wire.client("s3"),
            stream=stream(wire, [])[0],
            subjects=lambda: wire.client("dynamodb"),
        )


def test_metrics_and_logs_count_and_say_no_content(caplog: pytest.LogCaptureFixture) -> None:
    """GIVEN a batch with bad records full of personal data THEN what is printed counts them, no more."""
    made, _, _ = function(Wire())
    bad = encode(sale(customer={"loyalty_id": "1", "email": ["jane@example.com"]}))
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), caplog.at_level(logging.DEBUG, logger="transform"):
        made.run({"Records": records([encode(sale()), bad, b"jane@example.com"])}, seconds=5)
    blobs = [json.loads(line) for line in out.getvalue().splitlines() if '"_aws"' in line]
    counts = {name: blob[name] for blob in blobs for name in blob if name[0].isupper() and name != "Refused"}
    assert counts == {
        "Accepted": [1.0],
        "Quarantined": [2.0],
        "Oversize": [0.0],
        "Undelivered": [0.0],
        "BytesIn": [float(len(encode(sale())) + len(bad) + 16)],
        "BytesOut": counts["BytesOut"],
    }
    assert {(blob["source"], blob.get("keyword"), *blob.get("Refused", [])) for blob in blobs} == {
        ("pos", None),
        ("pos", "type", 1.0),
        ("pos", "json", 1.0),
    }
    said = out.getvalue() + err.getvalue() + caplog.text + "".join(str(vars(r)) for r in caplog.records)
    assert "data.customer.email: type" in said
    assert "jane" not in said.lower()
    assert "900" not in [blob.get("loyalty_id") for blob in blobs]


def test_settings_say_all_that_is_missing() -> None:
    with pytest.raises(ValueError, match="SOURCE is not set; PII_KEY_ARN is not set; ") as raised:
        Settings.read({"PROTECTED_STREAM": "s", "DATA_KEY_SECONDS": "1h", "COUNTRY": "UK"})
    assert "PROTECTED_STREAM is" not in str(raised.value)
    assert "DATA_KEY_SECONDS is a whole number of seconds, not '1h'" in str(raised.value)
    assert "COUNTRY is two letters of ISO 3166, such as US, not 'UK'" in str(raised.value)


def test_the_handler_reads_its_environment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN an environment WHEN the container is invoked twice THEN clients and keys are made once."""
    wire = Wire()
    wire.answers |= {"GetSecretValue": secret, "Encrypt": wrap, **Subjects().answers}
    stream(wire, [])
    for name, value in vars(replace(SETTINGS, country="US")).items():
        monkeypatch.setenv(name.upper(), str(int(value) if isinstance(value, float) else value))
    monkeypatch.setattr(transform_handler.aws, "client", wire.client)
    transform_handler.function.cache_clear()

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 30_000

    try:
        for _ in range(2):
            answer = transform_handler.handler({"Records": records([encode(sale())])}, Context())
            assert answer == {"batchItemFailures": []}
    finally:
        transform_handler.function.cache_clear()
    asked = ["BatchGetItem", "TransactWriteItems"]
    assert wire.names() == ["GetSecretValue", "Encrypt", *asked, "PutRecords", "PutRecords"]
    assert wire.calls[-1][1]["StreamName"] == SETTINGS.protected_stream
