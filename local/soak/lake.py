"""The transform's function of each source, as Lambda calls it, on an AWS that remembers what it was given."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import contracts
from contracts import Catalogue
from functions.shared.tokens import TokenKeys
from functions.transform.handler import Function, Settings
from functions.transform.sink import ProtectedStream

SECONDS = 60.0
ARRIVED = 1767225600.125


class Kms:
    """Remembers each data key and its encryption context by what it became, which says nothing of it."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[bytes, dict[str, str]]] = {}

    def encrypt(self, **arguments: Any) -> dict[str, Any]:
        """Wrap a data key."""
        wrapped = os.urandom(48)
        self.keys[base64.b64encode(wrapped).decode()] = arguments["Plaintext"], arguments["EncryptionContext"]
        return {"CiphertextBlob": wrapped}


class Secrets:
    """Holds token keys made for this run."""

    def __init__(self) -> None:
        self._keys = TokenKeys.made().written()

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        """Return them."""
        return {"SecretBinary": self._keys}


class Subjects:
    """The table of the subjects' secrets."""

    def __init__(self) -> None:
        self._items: dict[bytes, dict[str, Any]] = {}

    def secret(self, subject: bytes) -> bytes:
        """Return a subject's secret; none has what was never put."""
        return self._items[subject]["secret"]["B"]

    def batch_get_item(self, **arguments: Any) -> dict[str, Any]:
        """Return those of the items that there are."""
        ((table, asked),) = arguments["RequestItems"].items()
        keys = [key["subject"]["B"] for key in asked["Keys"]]
        return {"Responses": {table: [self._items[key] for key in keys if key in self._items]}}

    def transact_write_items(self, **arguments: Any) -> dict[str, Any]:
        """Put items, each where there was none."""
        for one in arguments["TransactItems"]:
            item = one["Put"]["Item"]
            if self._items.setdefault(item["subject"]["B"], item) is not item:
                raise AssertionError("a secret was made twice")
        return {}


class S3:
    """Keeps objects by name."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        """Keep one."""
        self.objects[arguments["Key"]] = arguments["Body"]
        return {}


class Kinesis:
    """Takes every record."""

    def __init__(self) -> None:
        self.entries: list[Any] = []

    def put_records(self, **arguments: Any) -> dict[str, Any]:
        """Take them."""
        self.entries += arguments["Records"]
        return {"FailedRecordCount": 0}


@dataclass(frozen=True, kw_only=True)
class Landed:
    """What a batch became: an entry each for the protected stream, and objects by name."""

    entries: list[Any] = field(repr=False)
    objects: dict[str, bytes] = field(repr=False)
    failed: int


class Lake:
    """The functions of all sources of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.kms, self._secrets, self.subjects = Kms(), Secrets(), Subjects()
        self._s3, self._kinesis = S3(), Kinesis()
        # The function reads the contracts that it was deployed with: here those of the catalogue.
        with mock.patch.object(contracts, "load", return_value=catalogue):
            self._functions = {source: self._function(source) for source in catalogue.sources}

    def _function(self, source: str) -> Function:
        settings = Settings(
            source=source,
            country="US",
            pii_key_arn="pii",
            token_key_secret_arn="token",  # noqa: S106 (the name of a secret)
            protected_stream="protected",
            landing_bucket="landing",
            subjects_table="subjects",
        )
        stream: Any = ProtectedStream(client=self._kinesis, name=settings.protected_stream)
        secrets: Any = self._secrets
        return Function(
            settings,
            kms=self.kms,
            secrets=secrets,
            s3=self._s3,
            stream=stream,
            subjects=lambda: self.subjects,
        )

    def land(self, source: str, raws: list[bytes]) -> Landed:
        """Give a batch to a source's function; what that raises is raised."""
        self._kinesis.entries, self._s3.objects = [], {}
        records: list[Any] = [
            {
                "kinesis": {
                    "data": base64.b64encode(raw).decode(),
                    "sequenceNumber": str(number),
                    "approximateArrivalTimestamp": ARRIVED,
                },
                "eventID": f"shardId-000000000003:{number}",
            }
            for number, raw in enumerate(raws)
        ]
        answer = self._functions[source].run({"Records": records}, seconds=SECONDS)
        return Landed(
            entries=self._kinesis.entries,
            objects=self._s3.objects,
            failed=len(answer["batchItemFailures"]),
        )
