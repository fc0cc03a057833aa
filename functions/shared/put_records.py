"""Encodes PutRecords natively: botocore alone takes longer over a record than the transform does.

The client stays botocore's, with its endpoints, credentials, signatures and retries. Two of its events are
used: one takes all records but the first out of a call before botocore encodes it, the other puts in the body
with all of them.
"""

from typing import Any

import orjson
import pybase64

from functions.shared.records import Entry

_PARAMETERS, _BODY = "provide-client-params.kinesis.PutRecords", "before-call.kinesis.PutRecords"
_RECORDS = "retaillake-records"


def encode_natively(client: Any) -> Any:
    """Make a Kinesis client encode PutRecords itself, and return it.

    A client whose service has left JSON for another protocol stays as it is: correct, and slower.
    """
    model = client.meta.service_model
    if getattr(model, "resolved_protocol", model.metadata["protocol"]) == "json":
        client.meta.events.register(_PARAMETERS, _take_records)
        client.meta.events.register(_BODY, _put_body)
    return client


def _take_records(params: dict[str, Any], context: dict[str, Any], **_: Any) -> dict[str, Any]:
    context[_RECORDS] = params
    return {**params, "Records": params["Records"][:1]}


def _put_body(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    arguments = context.pop(_RECORDS)
    entries: list[Entry] = arguments["Records"]
    encode = pybase64.b64encode_as_string
    records = [{"Data": encode(e["Data"]), "PartitionKey": e["PartitionKey"]} for e in entries]
    params["body"] = orjson.dumps({**arguments, "Records": records})
