"""What a catalogue of contracts is made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile
from pathlib import PurePath
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

DELIVERIES = ("batch", "cdc", "poll", "stream")

# The kinds of personal data, each with the JSON type it is made of.
PII_TYPES: Mapping[str, str] = {
    "address": "object",
    "device_id": "string",
    "email": "string",
    "free_text": "string",
    "ip": "string",
    "person_name": "string",
    "phone": "string",
}
PII_KINDS = tuple(PII_TYPES)
# The kind of a column that holds an array with personal data of whatever kinds in it.
NESTED = "nested"
# Each item of an array, as a part of a path.
ITEM = "[]"
# Kinds whose values are written another way in another country, and may say which property names it.
LOCAL_KINDS = frozenset({"phone"})
# What an address may be made of, in every contract: its token is made of these, in this order.
ADDRESS_FIELDS = ("line1", "line2", "city", "region", "postal_code", "country")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong in a contract, where, and what was expected."""

    file: PurePath
    pointer: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file.as_posix()}#{self.pointer}: {self.expected}"


class ContractError(ValueError):
    """Contracts that cannot be used; holds every fault there is, not only the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__(f"{len(self.faults)} fault(s) in the data contracts:\n{lines}")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the warehouse.

    Parameters
    ----------
    name
        As Snowflake spells it, unquoted: upper case, the path joined by underscores.
    type
        A Snowflake type.
    path
        Where the value lies: inside `data` for a contract's column, inside the landed record for an
        envelope, raw or quarantine column; empty if it is no part of the record.
    pii
        The kind of personal data; None if it is none. Such a column holds the packed value; of kind
        `NESTED` it holds an array as JSON, with packed values in it.
    nullable
        Whether an event may leave the value out, or set it to null.
    """

    name: str
    type: str
    path: tuple[str, ...] = ()
    pii: str | None = None
    nullable: bool = True


@dataclass(frozen=True, kw_only=True)
class PiiField:
    """A property with personal data, where it lies in `data`, and the column that it becomes or is in.

    Parameters
    ----------
    path
        The names on the way; `[]` is each item of an array.
    country
        Where in `data` it says in which country the value was written; None if it does not.
    most
        How many such values an event may have.
    """

    path: tuple[str, ...]
    kind: str
    column: str
    reid: bool
    country: tuple[str, ...] | None = None
    most: int = 1


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One version of an event's contract.

    Parameters
    ----------
    subject
        Where it says whose its personal values are: the first of these paths at which there is something. An
        event without any of them has values that are each a subject of their own. Empty: nobody's, in
        particular; such values cannot be erased.
    """

    source: str
    event: str
    version: int
    schema: JsonObject = field(repr=False, hash=False)
    delivery: str
    key: tuple[str, ...]
    order: str | None
    freshness: timedelta
    columns: tuple[Column, ...]
    pii: tuple[PiiField, ...]
    subject: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event with all versions of its contract, oldest first; its table holds rows of every version."""

    source: str
    name: str
    versions: tuple[Contract, ...]
    columns: tuple[Column, ...]

    @property
    def latest(self) -> Contract:
        """The newest version."""
        return self.versions[-1]

    @property
    def table(self) -> str:
        """Its table in STAGING."""
        return f"{self.source}_{self.name}".upper()

    @property
    def key(self) -> tuple[str, ...]:
        """The properties that identify what the event is about; the same in every version."""
        return self.latest.key

    @property
    def delivery(self) -> str:
        """How its events reach the lake; the same in every version."""
        return self.latest.delivery


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All contracts, ordered by source, event and version."""

    contracts: tuple[Contract, ...]
    all_events: tuple[Event, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources, sorted."""
        return tuple(sorted({event.source for event in self.all_events}))

    @property
    def erasable(self) -> tuple[str, ...]:
        """The sources with a contract that says whose its personal values are, sorted."""
        return tuple(sorted({contract.source for contract in self.contracts if contract.subject}))

    @property
    def pii_kinds(self) -> tuple[str, ...]:
        """The kinds of personal data that columns hold, sorted."""
        return tuple(
            sorted({column.pii for event in self.all_events for column in event.columns if column.pii})
        )

    def events(self, source: str) -> tuple[Event, ...]:
        """Return the events of a source, sorted by name."""
        found = tuple(event for event in self.all_events if event.source == source)
        if not found:
            raise KeyError(f"no contract for source {source!r}; there is {', '.join(self.sources) or 'none'}")
        return found

    def event(self, source: str, name: str) -> Event:
        """Return one event."""
        events = self.events(source)
        for event in events:
            if event.name == name:
                return event
        known = ", ".join(event.name for event in events)
        raise KeyError(f"no contract for event {name!r} of source {source!r}; there is {known}")


def dotted(path: tuple[str, ...]) -> str:
    """Return a path as people write it: `customer.email`, `contacts[].email`."""
    return ".".join(path).replace(f".{ITEM}", ITEM)


def shared(path: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return how many steps two paths go together."""
    steps = takewhile(lambda both: both[0] == both[1], zip(path, other, strict=False))
    return len(list(steps))


def raw_table(source: str) -> str:
    """Return the name of a source's table in RAW."""
    return source.upper()


def _column(name: str, type_: str, *path: str, nullable: bool = False) -> Column:
    return Column(name=name, type=type_, path=path, nullable=nullable)


# The columns of every event's table in STAGING, before those of its contract.
ENVELOPE_COLUMNS = (
    _column("EVENT_ID", "VARCHAR", "event_id"),
    _column("SOURCE", "VARCHAR", "source"),
    _column("SCHEMA_VERSION", "NUMBER(38,0)", "schema_version"),
    _column("PRODUCER_TS", "TIMESTAMP_NTZ", "producer_ts"),
    _column("PRODUCER_TS_ASSIGNED", "BOOLEAN", "producer_ts_assigned", nullable=True),
    _column("INGESTED_AT", "TIMESTAMP_NTZ", "ingested_at"),
    _column("DATA_KEY", "VARCHAR", "key"),
    _column("LOADED_AT", "TIMESTAMP_LTZ"),
)

RAW_COLUMNS = (
    _column("PAYLOAD", "VARIANT"),
    _column("EVENT_ID", "VARCHAR", "event_id", nullable=True),
    _column("SOURCE", "VARCHAR", "source", nullable=True),
    _column("EVENT_TYPE", "VARCHAR", "event_type", nullable=True),
    _column("PRODUCER_TS", "TIMESTAMP_NTZ", "producer_ts", nullable=True),
    _column("INGESTED_AT", "TIMESTAMP_NTZ", "ingested_at", nullable=True),
    _column("FILE_NAME", "VARCHAR"),
    _column("ROW_NUMBER", "NUMBER(38,0)"),
    _column("LOADED_AT", "TIMESTAMP_LTZ"),
)

QUARANTINE_COLUMNS = (
    _column("EVENT_ID", "VARCHAR", "event_id"),
    _column("SOURCE", "VARCHAR", "source"),
    _column("EVENT_TYPE", "VARCHAR", "event_type"),
    _column("REASON", "VARCHAR", "quarantine", "reason"),
    _column("RECEIVED_AT", "TIMESTAMP_NTZ", "producer_ts"),
    _column("SEALED", "VARCHAR", "quarantine", "sealed", nullable=True),
    _column("OBJECT", "VARCHAR", "quarantine", "object", nullable=True),
    _column("DATA_KEY", "VARCHAR", "key"),
    _column("FILE_NAME", "VARCHAR"),
    _column("ROW_NUMBER", "NUMBER(38,0)"),
    _column("LOADED_AT", "TIMESTAMP_LTZ"),
)

# What re-identification opens: a row per token, kind, source and field (the path in `data`, dotted, as in the
# ciphertext's associated data), with the latest ciphertext and the wrapped key around it, both base64. The
# times are those of ingestion, which is when a value is encrypted. A value of several subjects has a row of
# each: the subject is how its ciphertexts begin, in base64; null or empty where it has none (format 1).
VAULT_COLUMNS = (
    _column("TOKEN", "VARCHAR"),
    _column("KIND", "VARCHAR"),
    _column("SOURCE", "VARCHAR"),
    _column("FIELD", "VARCHAR"),
    _column("CIPHERTEXT", "VARCHAR"),
    _column("DATA_KEY", "VARCHAR"),
    _column("FIRST_SEEN", "TIMESTAMP_NTZ"),
    _column("LAST_SEEN", "TIMESTAMP_NTZ"),
    _column("SUBJECT_ID", "VARCHAR", nullable=True),
)
# As many characters as are the subject's alone: 126 of its 128 bits.
VAULT_SUBJECT_LENGTH = 21
# A packed value, as a pattern of the warehouse's.
PACKED_PATTERN = "[12]:[A-Za-z0-9_-]{32}:[A-Za-z0-9+/]+=*:[^:]*"

# Whose rows are shown by store: the region of each store, and which region or store a role was given, or one
# user of that role.
STORES_COLUMNS = (_column("STORE_ID", "VARCHAR"), _column("REGION", "VARCHAR"))
STORE_ACCESS_COLUMNS = (
    _column("ROLE_NAME", "VARCHAR"),
    _column("USER_NAME", "VARCHAR", nullable=True),
    _column("REGION", "VARCHAR", nullable=True),
    _column("STORE_ID", "VARCHAR", nullable=True),
)
