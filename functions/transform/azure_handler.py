"""The transform as a function of Azure behind the ingress hub, by the same core as everywhere.

The environment says what it works on:

`SOURCE`
    Whose events these are.
`INGRESS__fullyQualifiedNamespace`, `INGRESS_HUB`, `INGRESS_GROUP`
    What it reads: for the host, not for us.
`PROTECTED_NAMESPACE`, `PROTECTED_HUB`
    The hub to write to.
`PII_FIELD_KEY`, `PII_QUARANTINE_KEY`
    The keys that wrap data keys, one for each purpose; the function may only wrap with them.
`TOKEN_VAULT`, `TOKEN_SECRET`
    The secret with the keys of tokens.
`LANDING_ACCOUNT`
    Where sealed records go that are too large for the delivery, into the container `oversize`.
`DATA_KEY_SECONDS`
    How long a data key is used; 3600 if it is not set.
`COUNTRY`
    Where events were written that do not say it, as two letters; if it is not set, nobody knows.
`AZURE_CLIENT_ID`
    As whom it does all this.

The host moves its mark past a batch that was given up: so it is told to try without end. Whatever fails here
is raised, and the batch stays where it is; what was written before is written twice, with the same ids.
"""

import json
import logging
import os
import threading
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

import azure.functions as azure
from azure.eventhub import EventData, EventDataBatch, EventHubProducerClient
from azure.identity import ManagedIdentityCredential
from azure.keyvault.keys.crypto import CryptographyClient
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient

import contracts
from functions.shared.key_vault import wrapping
from functions.shared.protection import DataKeys, Wrap
from functions.shared.records import Entry
from functions.shared.tokens import TokenKeys
from functions.token_key.azure_handler import read
from functions.transform.batch import OVERSIZE, Batch, BatchTransform, KinesisRecord, keywords
from functions.transform.core import Transform
from functions.transform.environment import Environment

PAUSE = "00:00:10"
logger = logging.getLogger("transform")
app = azure.FunctionApp()


class Producer(Protocol):
    """A hub to write to."""

    def create_batch(self) -> EventDataBatch:
        """Return a batch that takes what the hub takes at once."""
        ...

    def send_batch(self, event_data_batch: EventDataBatch) -> None:
        """Write all of a batch, or none of it."""
        ...


class Objects(Protocol):
    """A container to write to."""

    def upload_blob(self, name: str, data: bytes, *, overwrite: bool) -> Any:
        """Write an object."""
        ...


class Event(Protocol):
    """An event as the host hands it over."""

    def get_body(self) -> bytes: ...  # noqa: D102

    @property
    def enqueued_time(self) -> Any: ...  # noqa: D102

    @property
    def sequence_number(self) -> int | None: ...  # noqa: D102

    @property
    def metadata(self) -> Mapping[str, Any] | None: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Settings(Environment):
    """The function's environment."""

    protected_namespace: str
    protected_hub: str
    pii_field_key: str
    pii_quarantine_key: str
    token_vault: str
    token_secret: str
    landing_account: str
    azure_client_id: str


class Function:
    """The transform of one source, with its clients; one for the life of a process."""

    def __init__(
        self, settings: Settings, *, wrap: Wrap, token_keys: TokenKeys, objects: Objects, producer: Producer
    ) -> None:
        transform = Transform(settings.source, contracts.load().contracts, token_keys, settings.country)
        keys = DataKeys(wrap=wrap, seconds=settings.data_key_seconds)
        self._batches = BatchTransform(transform, keys)
        self._objects, self._producer = objects, producer
        # Partitions are read by threads of one process, and a data key counts what it has encrypted.
        self._one = threading.Lock()

    def run(self, events: Sequence[Event]) -> dict[str, Any]:
        """Transform and write a batch; return what is measured of it."""
        now = time.time()
        records = as_records(events)
        with self._one:
            batch = self._batches.run(records, now=now)
        for sealed in batch.objects.values():
            self._objects.upload_blob(sealed.name.removeprefix(f"{OVERSIZE}/"), sealed.body, overwrite=True)
        put(self._producer, batch.entries)
        return measured(batch, late=now - min(r["kinesis"]["approximateArrivalTimestamp"] for r in records))


def as_records(events: Sequence[Event]) -> list[KinesisRecord]:
    """Return events in the form that the core takes, each with an id that no other event of its hub has."""
    context = (events[0].metadata or {}).get("PartitionContext")
    if isinstance(context, str):
        context = json.loads(context)
    partition = cast("Mapping[str, Any]", context or {}).get("PartitionId")
    if partition is None or any(e.sequence_number is None or e.enqueued_time is None for e in events):
        raise ValueError("the host does not say where in the hub its events are")
    return [
        {
            "kinesis": {
                "data": b64encode(event.get_body()).decode(),
                "sequenceNumber": str(event.sequence_number),
                "approximateArrivalTimestamp": event.enqueued_time.timestamp(),
            },
            "eventID": f"partition-{partition}:{event.sequence_number}",
        }
        for event in events
    ]


def put(producer: Producer, entries: Sequence[Entry]) -> None:
    """Write all entries, in as few batches as the hub takes."""
    batch = producer.create_batch()
    for entry in entries:
        event = EventData(entry["Data"])
        try:
            batch.add(event)
        except ValueError:  # full
            if not len(batch):
                raise
            producer.send_batch(batch)
            batch = producer.create_batch()
            batch.add(event)
    if len(batch):
        producer.send_batch(batch)


def measured(batch: Batch, *, late: float) -> dict[str, Any]:
    """Return what the log says of a batch, and the alarms ask it for: numbers, and reasons without values."""
    return {
        "accepted": batch.accepted,
        "quarantined": batch.refused.total() - keywords(batch.refused)[OVERSIZE],
        "oversize": len(batch.objects),
        "faults": dict(batch.failures),
        "reasons": dict(batch.refused),
        "bytes_in": batch.bytes_in,
        "bytes_out": batch.bytes_out,
        "late_seconds": round(max(late, 0.0), 3),
    }


@cache
def function() -> Function:
    """Return the process's function; made by the first invocation, and by the next if that failed."""
    settings = Settings.read(os.environ)
    credential = ManagedIdentityCredential(client_id=settings.azure_client_id)
    secrets = SecretClient(settings.token_vault, credential)
    blobs = BlobServiceClient(settings.landing_account, credential)
    keys = {
        "field": CryptographyClient(settings.pii_field_key, credential),
        "quarantine": CryptographyClient(settings.pii_quarantine_key, credential),
    }
    return Function(
        settings,
        wrap=wrapping(cast(Any, keys), settings.source),
        token_keys=read(secrets, settings.token_secret),
        objects=cast(Any, blobs.get_container_client(OVERSIZE)),
        producer=cast(
            Any,
            EventHubProducerClient(
                fully_qualified_namespace=settings.protected_namespace,
                eventhub_name=settings.protected_hub,
                credential=cast(Any, credential),
            ),
        ),
    )


@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%INGRESS_HUB%",
    connection="INGRESS",
    consumer_group="%INGRESS_GROUP%",
    cardinality=azure.Cardinality.MANY,
    data_type=azure.DataType.BINARY,
)
@app.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval=PAUSE)
def transform(events: list[azure.EventHubEvent]) -> None:
    """Answer an invocation."""
    logger.info(json.dumps(function().run(events)))
