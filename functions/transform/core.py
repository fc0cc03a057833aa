"""The pure core: decode, validate, identify, protect, encode. It knows no cloud and no event.

An event is either protected or refused; a refusal's reason holds the keyword and the known path, never a
value nor a name that the producer chose. An event on the ingress stream is a JSON object::

    {"event_id"?, "source", "event_type", "schema_version", "producer_ts"?, "data"}

`event_id`
    What the event is deduplicated by, within its source: up to 128 of `A-Z a-z 0-9 . _ : -`, beginning with
    a letter or digit; no personal data, since it stays readable. Absent or null: a keyed hash of the whole
    protected event takes its place, equal for an equal event.
`producer_ts`
    RFC 3339, with an offset or `Z`; it lands as UTC. Absent or null: the arrival's time, flagged.
`data`
    What the contract of (source, event_type, schema_version) says, and nothing else.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson
import pybase64

from contracts import Catalogue, Contract, JsonObject
from functions.shared.protection import DataKey, Owner
from functions.shared.records import line, timestamp
from functions.shared.tokens import TokenKeys
from functions.transform.envelope import Refused, compile_validator, event_schema, utc, validation_reason
from functions.transform.owned import Found, OwnedProtector, seal
from functions.transform.protect import Protector, below, slots
from functions.transform.typed import Typed, may_lack_members

UNKNOWN = "unknown"
# Of a derived id: nothing is left over in base64.
ID_BYTES = 24
# A reason's keyword where the fault is ours: something in the code that should not have raised.
INTERNAL = "event: internal"
NOBODY: Mapping[bytes, Owner] = MappingProxyType({})
# The event type that a text seems to have; a guess, for the parsers to confirm.
_EVENT_TYPE = re.compile(rb'"event_type"\s*:\s*"([a-z0-9_]+)"')


class _Plan:
    """What is compiled once for one version of an event's contract."""

    __slots__ = ("contract", "find", "protect", "typed", "validator")

    def __init__(
        self, contract: Contract, token_keys: TokenKeys, country: str | None, *, erasable: bool
    ) -> None:
        self.contract = contract
        schema = event_schema(contract)
        self.validator = compile_validator(schema)
        self.typed = Typed(schema, once=_unread(contract))
        owned = erasable and contract.subject
        self.protect = Protector(contract, token_keys, country).protect
        self.find = OwnedProtector(contract, token_keys, country).find if owned else None


@dataclass(slots=True)
class Prepared:
    """Events that are parsed, and not protected yet: each by its place among them, or why it is refused."""

    events: Sequence[tuple[bytes, float]]
    accepted: Mapping[_Plan, dict[int, JsonObject]]
    refused: Mapping[int, Refused]
    found: Mapping[_Plan, list[Found]]

    def subjects(self) -> set[bytes]:
        """Whose the personal values are, where the contract says that."""
        return {subject for found in self.found.values() for one in found for subject in one.subjects}


class Transform:
    """Protects the events of one source.

    Parameters
    ----------
    contracts
        All versions of all events of the source.
    token_keys
        The keys of tokens; derived ids are of their root.
    country
        Where the source's events were written, as far as they do not say it: `US`.
    erasable
        Whether there are secrets of subjects, for the contracts that say whose a value is.
    """

    def __init__(
        self,
        source: str,
        contracts: Iterable[Contract],
        token_keys: TokenKeys,
        country: str | None = None,
        *,
        erasable: bool = False,
    ) -> None:
        self.source = source
        self._plans = {
            (c.event, c.version): _Plan(c, token_keys, country, erasable=erasable)
            for c in contracts
            if c.source == source
        }
        if not self._plans:
            raise ValueError(f"no contract for source {source!r}")
        self._events = {event for event, _ in self._plans}
        newest_first = sorted(self._plans.items(), key=lambda item: -item[0][1])
        self._by_event = {
            name.encode(): tuple(plan for (event, _), plan in newest_first if event == name)
            for name in self._events
        }
        self._only = next(iter(self._by_event.values())) if len(self._events) == 1 else None
        self._token_keys, self._identity = token_keys, token_keys.keyed_hash("event-id").copy
        self.values_per_event = max(
            sum(pii.most for pii in plan.contract.pii) for plan in self._plans.values()
        )

    def prepare(self, events: Sequence[tuple[bytes, float]]) -> list[Prepared]:
        """Parse events and find out whose their values are; together, as far as none is at fault.

        Parameters
        ----------
        events
            Each as the producer sent it, and when it reached the ingress stream, in seconds since 1970.
            A few dozen at a time are the fastest.
        """
        try:
            accepted, refused = self._accept([raw for raw, _ in events])
            found = {
                plan: plan.find([event["data"] for event in group.values()])
                for plan, group in accepted.items()
                if plan.find
            }
            return [Prepared(events, accepted, refused, found)]
        except Exception as error:
            if len(events) == 1:
                return [Prepared(events, {}, {0: Refused(INTERNAL, fault=type(error).__name__)}, {})]
            # Whatever it is, it must neither stop the shard nor pass unprotected; alone, it keeps no other.
            return [one for event in events for one in self.prepare([event])]

    def protect(
        self, prepared: Prepared, key: DataKey, beginning: bytes, owners: Mapping[bytes, Owner] = NOBODY
    ) -> list[tuple[str, bytes] | Refused]:
        """Return what became of each event: its id and its line, or why it is refused. It never raises.

        Parameters
        ----------
        key
            The data key, good for twice as many encryptions as the contracts have values.
        beginning
            The beginning of a line, with that key (`functions.shared.records.head`).
        owners
            All of the events' subjects, under that key.
        """
        try:
            return self._protect(prepared, key, beginning, owners)
        except Exception as error:
            if len(prepared.events) == 1:
                return [Refused(INTERNAL, fault=type(error).__name__)]
            alone = [one for event in prepared.events for one in self.prepare([event])]
            return [answer for one in alone for answer in self.protect(one, key, beginning, owners)]

    def _protect(
        self, prepared: Prepared, key: DataKey, beginning: bytes, owners: Mapping[bytes, Owner]
    ) -> list[tuple[str, bytes] | Refused]:
        events = prepared.events
        answers: dict[int, tuple[str, bytes] | Refused] = {**prepared.refused}
        for plan, group in prepared.accepted.items():
            if plan.find:
                seal(prepared.found[plan], key, owners)
            else:
                plan.protect([event["data"] for event in group.values()], key)
            for at, event in group.items():
                if event.get("event_id") is None or event.get("producer_ts") is None:
                    self._complete(event, plan.contract, events[at][1])
                answers[at] = event["event_id"], line(beginning, event)
        return [answers[at] for at in range(len(events))]

    def _complete(self, event: JsonObject, contract: Contract, arrived: float) -> None:
        """Give a protected event what it has not got: an id, a time."""
        if event.get("event_id") is None:
            event["event_id"] = self._derive_id(event, contract)
        if event.get("producer_ts") is None:
            event["producer_ts"] = timestamp(arrived)
            event["producer_ts_assigned"] = True

    def fault(self, raw: bytes) -> str | None:
        """Return why an event would be refused; None if it would be accepted."""
        _, refused = self._accept([raw])
        return refused[0].reason if refused else None

    def claimed_event(self, raw: bytes) -> str:
        """Return the event type that a refused record claims, if its source has such events."""
        try:
            claimed: Any = orjson.loads(raw)["event_type"]
            return claimed if claimed in self._events else UNKNOWN
        except (ValueError, TypeError, KeyError):
            return UNKNOWN

    def _accept(self, raws: Sequence[bytes]) -> tuple[dict[_Plan, dict[int, JsonObject]], dict[int, Refused]]:
        """Return the events of texts, each by its place among them, and why there is none at a place."""
        accepted, refused = self._take(raws), dict[int, Refused]()
        for at in set(range(len(raws))).difference(*accepted.values()):
            try:
                event, plan = self._accept_by_schema(raws[at])
                accepted.setdefault(plan, {})[at] = event
            except Refused as refusal:
                refused[at] = refusal
        for group in accepted.values():
            for at, event in list(group.items()):
                try:
                    if (producer_ts := event.get("producer_ts")) is not None:
                        event["producer_ts"] = utc(producer_ts)
                except Refused as refusal:
                    refused[at] = refusal
                    del group[at]
        return accepted, refused

    def _take(self, raws: Sequence[bytes]) -> dict[_Plan, dict[int, JsonObject]]:
        """Return the events that are plainly good, each by its place among the texts."""
        taken: dict[_Plan, dict[int, JsonObject]] = {}
        for plans, left in self._claimed(raws).items():
            for plan in plans:
                taken[plan] = found = plan.typed.take(left)
                if len(found) == len(left):
                    break
                for at in found:
                    del left[at]
        return taken

    def _claimed(self, raws: Sequence[bytes]) -> Mapping[tuple[_Plan, ...], dict[int, bytes]]:
        """Return the texts by the plans, the newest first, of the event that each seems to be."""
        places = dict(enumerate(raws))
        if self._only:
            return {self._only: places}
        found: dict[tuple[_Plan, ...], dict[int, bytes]] = {}
        for at, raw in places.items():
            claimed = _EVENT_TYPE.search(raw)
            found.setdefault(self._by_event.get(claimed[1], ()) if claimed else (), {})[at] = raw
        return found

    def _accept_by_schema(self, raw: bytes) -> tuple[dict[str, Any], _Plan]:
        """Take an event, or say why not; the only one to refuse."""
        try:
            event = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise Refused("event: json") from None
        try:
            plan = self._plans[event["event_type"], event["schema_version"]]
        except (KeyError, TypeError):
            raise Refused(self._no_plan(event)) from None
        if not plan.validator.is_valid(event):
            raise Refused(validation_reason(plan.validator, event))
        if may_lack_members(orjson.dumps(event), raw) and _has_twins(raw):
            raise Refused("event: duplicate")
        return event, plan

    def _no_plan(self, event: Any) -> str:
        if not isinstance(event, dict):
            return "event: type"
        for name in ("source", "event_type", "schema_version", "data"):
            if name not in event:
                return f"{name}: required"
        if event["source"] != self.source:
            return "source: const"
        if not isinstance(event["event_type"], str) or event["event_type"] not in self._events:
            return "event_type: unknown"
        return "schema_version: unknown"

    def _derive_id(self, event: dict[str, Any], contract: Contract) -> str:
        """Hash a protected event, each packed value by what its token says in every version of the keys."""
        found: list[tuple[Any, Any, str]] = []
        for pii in contract.pii:
            places = slots(below([event["data"]], pii.path[:-1]), pii.path[-1])
            found += zip(places.holders, places.keys, places.values, strict=True)
        for holder, at, packed in found:
            holder[at] = self._token_keys.hash_of(packed.split(":", 2)[1]).hex()
        mac = self._identity()
        given = {name: value for name, value in event.items() if value is not None}
        mac.update(orjson.dumps([contract.key, given], option=orjson.OPT_SORT_KEYS))
        for holder, at, packed in found:
            holder[at] = packed
        return "h-" + pybase64.b64encode_as_string(mac.finalize()[:ID_BYTES], b"-_")


def _unread(contract: Contract) -> frozenset[str]:
    """Return the members of a contract's data that are of many parts, and without personal data."""
    read = {pii.path[0] for pii in contract.pii}
    return frozenset(
        name
        for name, schema in contract.schema["properties"].items()
        if name not in read and schema.get("type") in ("array", "object")
    )


def _has_twins(raw: bytes) -> bool:
    """Say whether any object of a JSON text has two members of one name."""

    def unique(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) < len(pairs):
            raise Refused("event: duplicate")

    try:
        json.loads(raw, object_pairs_hook=unique, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return True  # the other parser took it; that these two disagree is the very danger
    return False


class Checker:
    """Says what the transform would say, before anything is sent; for front doors and tools.

    >>> import contracts
    >>> Checker("pos", contracts.load()).fault(b'{"source": "pos"}')
    'event_type: required'
    """

    def __init__(self, source: str, catalogue: Catalogue) -> None:
        self._transform = Transform(source, catalogue.contracts, TokenKeys.made())

    def fault(self, raw: bytes) -> str | None:
        """Return the reason for which an event would be quarantined; None if it would be accepted."""
        return self._transform.fault(raw)
