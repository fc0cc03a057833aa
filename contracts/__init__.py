"""The data contracts: one JSON Schema (draft-07) per event and version, and what follows from them.

`contracts/<source>/<event>.v<version>.json` is the JSON Schema of an event's `data`. Three annotations
carry what JSON Schema cannot say:

`x-lake` (root)
    `source`, `event` and `version` as in the file's path; `delivery` (stream, poll, cdc, batch);
    `key`, the properties that identify what the event is about; `order`, by what its events are ordered;
    `freshness`, how old its newest row may be in the warehouse, as an ISO 8601 duration.
`x-pii` (a property)
    The `kind` of personal data (`PII_KINDS`), and with `reid: true` that the Re-ID service may reveal it.
    A phone number is read in the country of the property that `country` names (`customer.address.country`),
    if the event has it; else in that of the stack's stores (`retaillake:transform: {country: US}`).
    It may lie at any depth. What is inside an array is protected item by item; its column is the whole array
    as JSON, which nobody sees but who sees packed values whole (kind `NESTED`).
`x-column` (a property)
    The warehouse type where JSON's type does not say it, as for money: `NUMBER(12,2)`.

A new source is a new file and nothing else. Everything that needs a list of sources, events, columns or
personal data asks the catalogue:

>>> catalogue = load()
>>> [column.name for column in catalogue.event("pos", "sale").columns if column.pii]
['CUSTOMER_EMAIL', 'CUSTOMER_PHONE', 'CUSTOMER_ADDRESS']
"""

from contracts.catalogue import load
from contracts.model import (
    ADDRESS_FIELDS,
    DELIVERIES,
    ENVELOPE_COLUMNS,
    ITEM,
    LOCAL_KINDS,
    NESTED,
    PACKED_PATTERN,
    PII_KINDS,
    PII_TYPES,
    QUARANTINE_COLUMNS,
    RAW_COLUMNS,
    STORE_ACCESS_COLUMNS,
    STORES_COLUMNS,
    VAULT_COLUMNS,
    VAULT_SUBJECT_LENGTH,
    Catalogue,
    Column,
    Contract,
    ContractError,
    Event,
    Fault,
    JsonObject,
    PiiField,
    dotted,
    raw_table,
    shared,
)

__all__ = [
    "ADDRESS_FIELDS",
    "DELIVERIES",
    "ENVELOPE_COLUMNS",
    "ITEM",
    "LOCAL_KINDS",
    "NESTED",
    "PACKED_PATTERN",
    "PII_KINDS",
    "PII_TYPES",
    "QUARANTINE_COLUMNS",
    "RAW_COLUMNS",
    "STORES_COLUMNS",
    "STORE_ACCESS_COLUMNS",
    "VAULT_COLUMNS",
    "VAULT_SUBJECT_LENGTH",
    "Catalogue",
    "Column",
    "Contract",
    "ContractError",
    "Event",
    "Fault",
    "JsonObject",
    "PiiField",
    "dotted",
    "load",
    "raw_table",
    "shared",
]
