"""The OpenAPI document, made from what the service runs on: its operations, its types, its problems."""

import sys
from http import HTTPStatus
from typing import Any

import msgspec
import orjson

from functions.reid.api import DOCUMENT, JSON, OPERATIONS, Operation
from functions.reid.model import ID, MOST_TOKENS, TOKEN
from functions.reid.problems import INTERNAL, MEDIA_TYPE, UNAVAILABLE, UNKNOWN_TOKEN, Problem

VERSION = "1.0.0"
_REF = "#/components/schemas/{name}"


# What the gateway answers before the service is asked; its documents have `about:blank` as their type.
GATEWAY = (
    Problem(name="gateway", status=HTTPStatus.FORBIDDEN, title="Not signed, or not by a role that may ask"),
    Problem(name="gateway", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, title="The request is too large"),
    Problem(name="gateway", status=HTTPStatus.TOO_MANY_REQUESTS, title="Too many requests at once"),
    Problem(name="gateway", status=HTTPStatus.GATEWAY_TIMEOUT, title="The service does not answer in time"),
)


def document() -> dict[str, Any]:
    """Return the document."""
    types = [one for operation in OPERATIONS for one in (operation.takes, operation.gives) if one]
    schemas = msgspec.json.schema_components(types, ref_template=_REF)
    references = dict(zip(types, schemas[0], strict=True))
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        told = paths.setdefault(operation.path, {})
        if "{id}" in operation.path:
            told["parameters"] = [_ID_PARAMETER]
        told[operation.method.lower()] = _operation(operation, references)
    paths[DOCUMENT] = {"get": _OF_ITSELF}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Re-identification",
            "version": VERSION,
            "description": "Tokens back into values: when somebody else approved, once, on the record.",
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas[1], "Problem": _PROBLEM},
            "securitySchemes": {
                "iam": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "description": "AWS Signature Version 4 by a session of a role of the stack's settings.",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
        "security": [{"iam": []}],
    }


def _operation(operation: Operation, references: dict[type, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.says,
        "responses": {
            str(int(operation.status)): _content(operation.status.phrase, JSON, references[operation.gives]),
            **_refusals((*operation.refuses, INTERNAL, UNAVAILABLE, *GATEWAY)),
        },
    }
    if operation.takes:
        content = {JSON: {"schema": references[operation.takes]}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _refusals(all_: tuple[Problem, ...]) -> dict[str, Any]:
    """Return the problems by status; those of one status are told together."""
    told: dict[str, Any] = {}
    for status in sorted({problem.status for problem in all_}):
        titles = [f"{one.name}: {one.title}." for one in all_ if one.status is status]
        schema = {"$ref": _REF.format(name="Problem")}
        told[str(int(status))] = _content(" ".join(titles), MEDIA_TYPE, schema)
    return told


def _content(says: str, media: str, schema: Any) -> dict[str, Any]:
    return {"description": says, "content": {media: {"schema": schema}}}


_ID_PARAMETER = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": ID, "minLength": 36, "maxLength": 36},
}
_OF_ITSELF = {
    "operationId": "document",
    "summary": "This document.",
    "responses": {
        str(int(HTTPStatus.OK)): _content("The document", JSON, {"type": "object"}),
        **_refusals(GATEWAY),
    },
}
_PROBLEM = {
    "title": "Problem",
    "description": "A problem document (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "tokens": {
            "description": f"Of {UNKNOWN_TOKEN.name}: those of the request that are unknown.",
            "type": "array",
            "maxItems": MOST_TOKENS,
            "items": {"type": "string", "pattern": TOKEN},
        },
    },
}


def encoded() -> bytes:
    """Return the document as it is served, and shipped as `docs/reid-openapi.json`."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    sys.stdout.buffer.write(encoded())
