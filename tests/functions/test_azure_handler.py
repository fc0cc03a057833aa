"""The transform and the maker of the token key on Azure: the same core, other clients.

The keys are real ones: what Key Vault does with a wrapping key is RSA-OAEP, done here by the library.
"""

import base64
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import azure.functions as azure
import orjson
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.functions import meta
from azure.functions.eventhub import EventHubTriggerConverter
from azure.keyvault.keys.crypto import KeyWrapAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from functions.shared import key_vault
from functions.shared.protection import reveal, unseal
from functions.token_key import azure_handler as token_key
from functions.transform import azure_handler
from functions.transform.azure_handler import Function, Settings
from tests.functions.transform_kit import ARRIVED, TOKEN_KEYS, encode, sale

ENVIRONMENT = {
    "SOURCE": "pos",
    "PROTECTED_NAMESPACE": "pos.servicebus.windows.net",
    "PROTECTED_HUB": "protected",
    "PII_FIELD_KEY": "https://keys.vault.azure.net/keys/pii-field",
    "PII_QUARANTINE_KEY": "https://keys.vault.azure.net/keys/pii-quarantine",
    "TOKEN_VAULT": "https://tokens.vault.azure.net/",
    "TOKEN_SECRET": "token-key",
    "LANDING_ACCOUNT": "https://landing.blob.core.windows.net",
    "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000000",
}
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


class VaultKey:
    """A key of a vault: it wraps by RSA-OAEP-256 and says with which version."""

    def __init__(self, name: str) -> None:
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        self.id = f"https://keys.vault.azure.net/keys/{name}/0123456789abcdef0123456789abcdef"
        self.calls = 0

    def wrap_key(self, algorithm: KeyWrapAlgorithm, key: bytes) -> Any:
        assert algorithm == KeyWrapAlgorithm.rsa_oaep_256
        self.calls += 1
        return SimpleNamespace(key_id=self.id, encrypted_key=self.private.public_key().encrypt(key, OAEP))


class Batch:
    """A batch of the hub, which takes only so many bytes."""

    def __init__(self, most: int) -> None:
        self.most, self.events = most, list[bytes]()

    def add(self, event: Any) -> None:
        body = b"".join(event.body)
        if sum(map(len, self.events)) + len(body) > self.most:
            raise ValueError("full")
        self.events.append(body)

    def __len__(self) -> int:
        return len(self.events)


class Hub:
    def __init__(self, most: int = 1_000_000) -> None:
        self.most, self.batches, self.broken = most, list[Batch](), False

    def create_batch(self) -> Any:
        return Batch(self.most)

    def send_batch(self, event_data_batch: Any) -> None:
        if self.broken:
            raise ConnectionError("the hub is away")
        self.batches.append(event_data_batch)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [orjson.loads(event) for batch in self.batches for event in batch.events]


class Container:
    def __init__(self) -> None:
        self.objects = dict[str, bytes]()

    def upload_blob(self, name: str, data: bytes, *, overwrite: bool) -> None:
        assert overwrite, "a batch that is tried again writes the same object again"
        self.objects[name] = data


@pytest.fixture(scope="module")
def keys() -> dict[Any, VaultKey]:
    return {"field": VaultKey("pii-field"), "quarantine": VaultKey("pii-quarantine")}


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def container() -> Container:
    return Container()


@pytest.fixture
def function(keys: dict[Any, VaultKey], hub: Hub, container: Container) -> Function:
    return Function(
        Settings.read(ENVIRONMENT),
        wrap=key_vault.wrapping(keys, "pos"),
        token_keys=TOKEN_KEYS,
        objects=container,
        producer=hub,
    )


def events(raws: Iterable[bytes], *, partition: str = "3") -> list[azure.EventHubEvent]:
    """Events as the host's own converter makes them of what the host sends."""
    raws = list(raws)
    when = datetime.fromtimestamp(ARRIVED, UTC).isoformat()
    system = [
        {"EnqueuedTimeUtc": when, "SequenceNumber": 7 + at, "PartitionKey": "jane", "Offset": str(at)}
        for at in range(len(raws))
    ]
    metadata = {
        "SystemPropertiesArray": meta.Datum(json.dumps(system), "json"),
        "PartitionContext": meta.Datum(json.dumps({"PartitionId": partition}), "json"),
    }
    data = SimpleNamespace(type="collection_bytes", value=SimpleNamespace(bytes=raws))
    return EventHubTriggerConverter.decode_multiple_events(data, metadata)


@cache
def functions_of(app: azure.FunctionApp) -> list[Any]:
    """What the host finds in an app; it may look once only."""
    return app.get_functions()


def unwrapped(record: dict[str, Any], keys: dict[Any, VaultKey], purpose: Any) -> bytes:
    version, encrypted = key_vault.taken_apart(base64.b64decode(record["key"]))
    assert keys[purpose].id.endswith(version)
    return key_vault.opened(keys[purpose].private.decrypt(encrypted, OAEP), "pos", purpose)


# --- the transform --------------------------------------------------------------------------------------


def test_what_is_personal_is_protected_and_opens_with_the_vault_s_key(
    function: Function, hub: Hub, keys: dict[Any, VaultKey]
) -> None:
    said = function.run(events([encode(sale())]))
    (record,) = hub.records
    assert record["event_id"] == "till-7:31198570044"
    assert b"doe" not in b"".join(batch.events[0] for batch in hub.batches).lower()
    email = record["data"]["customer"]["email"]
    plain = reveal(unwrapped(record, keys, "field"), email, source="pos", path=("customer", "email"))
    assert plain == b"Jane.Doe@Example.com"
    assert (said["accepted"], said["quarantined"], said["oversize"]) == (1, 0, 0)
    assert said["late_seconds"] > 0


def test_what_is_refused_is_sealed_with_the_other_key_and_named_by_its_place(
    function: Function, hub: Hub, keys: dict[Any, VaultKey]
) -> None:
    raw = encode(sale(total="a lot, says jane.doe@example.com"))
    said = function.run(events([raw]))
    (record,) = hub.records
    assert record["event_id"] == "q-partition-3-7"
    sealed = base64.b64decode(record["quarantine"]["sealed"])
    assert unseal(unwrapped(record, keys, "quarantine"), sealed, source="pos") == raw
    with pytest.raises(ValueError, match=r"(?i)decrypt"):
        unwrapped(record, keys, "field")
    assert said["quarantined"] == 1
    assert "jane" not in json.dumps(said)


def test_what_is_too_large_is_an_object_of_the_container(
    function: Function, hub: Hub, container: Container
) -> None:
    said = function.run(events([encode(sale(note="x" * 1_100_000))]))
    ((name, body),) = container.objects.items()
    assert name.startswith("source=pos/dt=")
    assert hub.records[0]["quarantine"]["object"] == f"oversize/{name}"
    assert hub.records[0]["quarantine"]["bytes"] == len(body)
    assert said["oversize"] == 1


def test_one_call_to_the_vault_serves_many_batches(function: Function, keys: dict[Any, VaultKey]) -> None:
    before = keys["field"].calls
    for _ in range(3):
        function.run(events([encode(sale())] * 5))
    assert keys["field"].calls == before + 1


def test_a_batch_that_the_hub_does_not_take_fails_and_is_the_same_when_it_is_tried_again(
    function: Function, hub: Hub
) -> None:
    given = events([encode(sale()), b"no json"])
    hub.broken = True
    with pytest.raises(ConnectionError):
        function.run(given)
    hub.broken = False
    function.run(given)
    first = [record["event_id"] for record in hub.records]
    function.run(given)
    assert [record["event_id"] for record in hub.records] == first * 2


def test_records_are_cut_into_batches_that_the_hub_takes(
    keys: dict[Any, VaultKey], container: Container
) -> None:
    hub = Hub(most=3000)
    function = Function(
        Settings.read(ENVIRONMENT),
        wrap=key_vault.wrapping(keys, "pos"),
        token_keys=TOKEN_KEYS,
        objects=container,
        producer=hub,
    )
    function.run(events([encode(sale())] * 7))
    assert len(hub.records) == 7
    assert len(hub.batches) > 1


def test_events_of_an_unknown_place_are_not_taken(function: Function) -> None:
    with pytest.raises(ValueError, match="where in the hub"):
        function.run([azure.EventHubEvent(body=encode(sale()))])


def test_every_missing_setting_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"SOURCE is not set.*PROTECTED_HUB is not set.*DATA_KEY_SECONDS"):
        Settings.read({"DATA_KEY_SECONDS": "soon"})


def test_the_host_finds_one_function_that_is_tried_without_end() -> None:
    (found,) = functions_of(azure_handler.app)
    binding = found.get_trigger().get_dict_repr()
    assert binding["type"] == "eventHubTrigger"
    assert (binding["eventHubName"], binding["consumerGroup"]) == ("%INGRESS_HUB%", "%INGRESS_GROUP%")
    assert (binding["connection"], binding["cardinality"].name) == ("INGRESS", "MANY")
    assert found.get_settings_dict("retry_policy") == {
        "setting_name": "retry_policy",
        "strategy": "fixed_delay",
        "max_retry_count": "-1",
        "delay_interval": "00:00:10",
    }


# --- wrapped keys ---------------------------------------------------------------------------------------


def test_a_data_key_opens_for_what_it_was_made_for_only(keys: dict[Any, VaultKey]) -> None:
    wrapped = key_vault.wrapping(keys, "pos")(bytes(32), "field")
    plain = keys["field"].private.decrypt(key_vault.taken_apart(wrapped)[1], OAEP)
    assert key_vault.opened(plain, "pos", "field") == bytes(32)
    for source, purpose in (("ecommerce", "field"), ("pos", "quarantine")):
        with pytest.raises(ValueError, match=f"not made for {source}, purpose {purpose}"):
            key_vault.opened(plain, source, purpose)


@pytest.mark.parametrize("wrapped", [b"", b"kv1", b"kv1::x", b"kv2:version:x"])
def test_what_no_vault_wrapped_is_not_taken_apart(wrapped: bytes) -> None:
    with pytest.raises(ValueError, match="not a data key that a vault wrapped"):
        key_vault.taken_apart(wrapped)


# --- the key of the tokens ------------------------------------------------------------------------------


class Vault:
    def __init__(self, value: str | None = None) -> None:
        self.value = value

    def get_secret(self, name: str) -> Any:
        if self.value is None:
            raise ResourceNotFoundError(name)
        return SimpleNamespace(value=self.value)

    def set_secret(self, name: str, value: str, *, content_type: str) -> Any:
        self.value = value


def test_the_token_key_is_made_once_and_stays() -> None:
    vault = Vault()
    assert token_key.make(vault, "token-key") is True
    first = token_key.read(vault, "token-key")
    assert first.current == 1
    assert token_key.make(vault, "token-key") is False
    assert token_key.read(vault, "token-key") == first


def test_a_version_more_is_added_to_those_that_there_are() -> None:
    vault = Vault()
    token_key.make(vault, "token-key")
    first = token_key.read(vault, "token-key")
    assert token_key.make(vault, "token-key", wanted=2) is True
    second = token_key.read(vault, "token-key")
    assert (second.current, second.continues(first)) == (2, True)
    for wanted in (2, 1):
        assert token_key.make(vault, "token-key", wanted=wanted) is False, "none is ever taken back"
    assert token_key.read(vault, "token-key") == second


@pytest.mark.parametrize("value", ["", "short", base64.b64encode(bytes(31)).decode(), "ü" * 44])
def test_a_secret_that_is_no_key_is_never_replaced(value: str) -> None:
    vault = Vault(value)
    with pytest.raises(token_key.TokenKeyError, match="nothing was changed"):
        token_key.make(vault, "token-key")
    assert vault.value == value


@pytest.mark.parametrize(("name", "found"), [("transform", "transform"), ("token_key", "token_key")])
def test_an_app_runs_the_functions_that_it_is_told(
    name: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNCTION", name)
    import importlib
    import sys

    sys.modules.pop("functions.azure.function_app", None)
    module = importlib.import_module("functions.azure.function_app")
    assert [one.get_function_name() for one in functions_of(module.app)] == [found]
    with pytest.raises(ValueError, match="expected one of token_key, transform, not 'other'"):
        module.chosen("other")
