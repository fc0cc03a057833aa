"""What the tests of the transform share: events, records as Kinesis hands them over, and AWS on a wire."""

import base64
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import orjson
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

import contracts
from functions.shared.protection import DataKeys
from functions.shared.tokens import TokenKeys
from functions.transform.batch import BatchTransform
from functions.transform.core import Transform
from functions.transform.owned import Owners

CATALOGUE = contracts.load()
TOKEN_KEYS = TokenKeys(root=bytes(range(32)), versions={1: bytes(range(32, 64))})
ARRIVED = 1767225600.125
ADDRESS = {
    "line1": "12 Hideaway Road",
    "line2": None,
    "city": "Seattle",
    "region": "WA",
    "postal_code": "98101",
    "country": "US",
}


def sale(**changes: Any) -> dict[str, Any]:
    """A sale as a till sends it; changes are those of its data."""
    data = {
        "transaction_id": "31198570044",
        "store_id": "330",
        "register_id": "7",
        "currency": "USD",
        "customer": {
            "loyalty_id": "900",
            "email": "Jane.Doe@Example.com",
            "phone": "+1 (206) 555-0147",
            "address": dict(ADDRESS),
        },
        "lines": [
            {
                "line": 1,
                "product_id": "1095275",
                "quantity": 1,
                "sales_value": 0.5,
                "retail_disc": 0,
                "coupon_disc": "0.00",
                "coupon_match_disc": 0.0,
            }
        ],
        "total": 0.5,
    }
    return {
        "event_id": "till-7:31198570044",
        "source": "pos",
        "event_type": "sale",
        "schema_version": 1,
        "producer_ts": "2017-01-01T11:53:26Z",
        "data": data | changes,
    }


def encode(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def records(raws: Iterable[bytes], *, first: int = 1) -> list[Any]:
    return [
        {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "jane.doe@example.com",
                "sequenceNumber": str(number),
                "data": base64.b64encode(raw).decode(),
                "approximateArrivalTimestamp": ARRIVED,
            },
            "eventSource": "aws:kinesis",
            "eventID": f"shardId-000000000003:{number}",
            "eventName": "aws:kinesis:record",
            "awsRegion": "eu-west-1",
        }
        for number, raw in enumerate(raws, first)
    ]


def _pii(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "maxLength": 320, "x-pii": {"kind": kind, **more}}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "required": [],
        "properties": properties,
    }


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["array", "null"], "maxItems": 9, "items": items}


# What no source of ours sends yet: personal data in objects within objects and in arrays of all sorts.
PERSON = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "A person of the CRM",
    "x-lake": {
        "source": "crm",
        "event": "person",
        "version": 1,
        "delivery": "poll",
        "key": ["person_id"],
        "freshness": "PT1H",
    },
    "type": "object",
    "additionalProperties": False,
    "required": ["person_id"],
    "properties": {
        "person_id": {"type": "string"},
        "profile": _object(deep=_object(ip=_pii("ip"), name=_pii("person_name"))),
        "emails": _array(_pii("email")),
        "contacts": _array(
            _object(
                role={"type": "string"},
                country={"type": ["string", "null"]},
                email=_pii("email", reid=True),
                phone=_pii("phone", country="contacts[].country"),
                note=_pii("free_text"),
                phones=_array(_pii("phone", country="contacts[].country")),
                address=CATALOGUE.event("pos", "sale").latest.schema["properties"]["customer"]["properties"][
                    "address"
                ],
            )
        ),
        "devices": _array(_array(_pii("device_id"))),
        "scores": {"type": ["array", "null"], "items": {"type": "number"}},
    },
}


def catalogue_with(root: Path, *schemas: dict[str, Any]) -> contracts.Catalogue:
    """A catalogue of these contracts alone, as their linter let them through."""
    for schema in schemas:
        lake = schema["x-lake"]
        file = root / lake["source"] / f"{lake['event']}.v{lake['version']}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(schema))
    return contracts.load(root)


with TemporaryDirectory() as _root:
    (PERSON_CONTRACT,) = catalogue_with(Path(_root), PERSON).contracts
EVERY_CONTRACT = (*CATALOGUE.contracts, PERSON_CONTRACT)


class Keys:
    """A key service that remembers what it wrapped."""

    def __init__(self) -> None:
        self.plain: dict[str, bytes] = {}
        self.purposes: list[str] = []

    def wrap(self, key: bytes, purpose: str) -> bytes:
        self.purposes.append(purpose)
        wrapped = f"wrapped-{len(self.purposes)}".encode()
        self.plain[base64.b64encode(wrapped).decode()] = key
        return wrapped

    def of(self, record: dict[str, Any]) -> bytes:
        """The plain data key of a landed record."""
        return self.plain[record["key"]]


class Lake:
    """A source's batch transform, with its key service; reads back what it made."""

    def __init__(
        self,
        source: str = "pos",
        token_keys: TokenKeys = TOKEN_KEYS,
        owners: Owners | None = None,
        **options: Any,
    ) -> None:
        self.keys = Keys()
        transform = Transform(source, EVERY_CONTRACT, token_keys, erasable=owners is not None)
        data_keys = DataKeys(wrap=self.keys.wrap, seconds=3600, clock=lambda: ARRIVED)
        self.batches = BatchTransform(transform, data_keys, owners, **options)

    def land(self, *raws: bytes) -> list[dict[str, Any]]:
        lines = [entry["Data"] for entry in self.batches.run(records(raws), now=ARRIVED + 1).entries]
        assert len(lines) == len(raws)
        assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
        return [orjson.loads(line) for line in lines]

    def one(self, event: Any) -> dict[str, Any]:
        return self.land(event if isinstance(event, bytes) else encode(event))[0]

    def reason(self, event: Any) -> str:
        return self.one(event)["quarantine"]["reason"]


class Subjects:
    """The table of subjects in memory, as the wire of DynamoDB has it: texts of base64."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    @property
    def answers(self) -> dict[str, Any]:
        return {"BatchGetItem": self._get, "TransactWriteItems": self._put}

    def _get(self, arguments: dict[str, Any]) -> dict[str, Any]:
        ((table, asked),) = arguments["RequestItems"].items()
        keys = [key["subject"]["B"] for key in asked["Keys"]]
        assert len(set(keys)) == len(keys) <= 100
        found = [
            {"subject": {"B": key}, "secret": {"B": self.secrets[key]}} for key in keys if key in self.secrets
        ]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def _put(self, arguments: dict[str, Any]) -> dict[str, Any]:
        puts = [one["Put"] for one in arguments["TransactItems"]]
        assert len(puts) <= 100
        assert {put["ConditionExpression"] for put in puts} == {"attribute_not_exists(subject)"}
        for put in puts:
            self.secrets[put["Item"]["subject"]["B"]] = put["Item"]["secret"]["B"]
        return {}


class Wire:
    """AWS behind real clients: their requests are checked and encoded by botocore, their answers decoded."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[dict[str, Any]], dict[str, Any] | Exception]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.objects: dict[str, bytes] = {}

    def client(self, service: str, **options: Any) -> Any:
        client = boto3.client(
            service,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, **options),
        )
        client.meta.events.register("before-send", self._send)
        return client

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {
            name.lower(): value if isinstance(value, str) else value.decode()
            for name, value in request.headers.items()
        }
        if "x-amz-target" not in headers:
            body = request.body if isinstance(request.body, bytes) else request.body.read()
            self.calls.append(("PutObject", headers))
            self.objects[request.url.split(".com/")[1]] = body
            return response(request.url, 500 if "PutObject" in self.answers else 200, b"")
        target = headers["x-amz-target"]
        name = target.rpartition(".")[2]
        arguments = json.loads(request.body)
        self.headers.append({name: headers[name] for name in ("x-amz-target", "content-type")})
        self.calls.append((name, arguments))
        answer = self.answers[name](arguments)
        if isinstance(answer, Exception):
            body = json.dumps({"__type": str(answer), "message": "told to"}).encode()
            return response(request.url, 400, body)
        return response(request.url, 200, json.dumps(answer).encode())


def response(url: str, status: int, body: bytes) -> AWSResponse:
    answer = AWSResponse(url, status, {"content-type": "application/x-amz-json-1.1"}, None)
    answer._content = body
    return answer
