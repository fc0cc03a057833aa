"""What must hold of every record that comes out, said without the transform's own parsers and validators.

The reference for validity is Python's `jsonschema`, for JSON the standard library, for personal data the
contract's schema, walked here anew.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jsonschema
import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts import Catalogue, JsonObject
from functions.transform.envelope import event_schema
from local.leaks import Finder, Leak, scan
from local.soak.lake import Lake, Landed

Json = Any
# Refused by rules beyond the schema: no JSON, an unknown contract, a member twice, no such day, too large.
BEYOND_SCHEMA = ("event: json", "event: duplicate", "producer_ts: calendar", "oversize")
NONCE, SUBJECT, MARK = 12, 16, 4
FORMATS = jsonschema.FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: Any) -> bool:
    """Ask the calendar of the standard library: the reference has none of its own."""
    return not isinstance(value, str) or bool(datetime.fromisoformat(value))


@dataclass(frozen=True)
class Breach:
    """A rule that was broken, and by which record of the batch; None where only the batch is known."""

    rule: str
    record: int | None = None


@dataclass(kw_only=True)
class Verdict:
    """What a batch came to."""

    breaches: list[Breach] = field(default_factory=list[Breach])
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter[str])
    validated: int = 0
    opened: int = 0
    scanned: int = 0


class Broken(Exception):  # noqa: N818 (an answer, not an error)
    """A rule is broken; the message says which, and nothing of the record."""


class Rules:
    """Judges batches.

    Parameters
    ----------
    catalogue
        The contracts that the lake has.
    finder
        Finds what must not be found.
    every
        Of so many records one is validated by the reference, which is the slowest of all.
    """

    def __init__(self, catalogue: Catalogue, lake: Lake, finder: Finder, *, every: int = 1) -> None:
        self._lake, self._finder, self._every = lake, finder, every
        self._contracts = {(one.source, one.event, one.version): one for one in catalogue.contracts}
        self._validators = {
            key: jsonschema.Draft7Validator(event_schema(one), format_checker=FORMATS)
            for key, one in self._contracts.items()
        }

    def judge(self, source: str, raws: list[bytes], landed: Landed, log: bytes) -> Verdict:
        """Hold what a batch became to all rules."""
        verdict = Verdict()
        if landed.failed or len(landed.entries) != len(raws):
            verdict.breaches.append(Breach("a record in is a record out"))
            return verdict
        for number, raw in enumerate(raws):
            try:
                self._one(source, number, raw, landed, verdict)
            except Broken as broken:
                verdict.breaches.append(Breach(str(broken), number))
            except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
                verdict.breaches.append(Breach("what comes out is read by the reference", number))
        if any(self._finder.find(log, "log")):
            verdict.breaches.append(Breach("no plaintext in the log"))
        for name in landed.objects:
            if any(self._finder.find(name.encode(), "name")):
                verdict.breaches.append(Breach("no plaintext in an object's name"))
        verdict.scanned += len(log)
        verdict.breaches += self._leaks(source, raws, landed)
        verdict.scanned += sum(len(entry["Data"]) for entry in landed.entries)
        return verdict

    def _one(self, source: str, number: int, raw: bytes, landed: Landed, verdict: Verdict) -> None:
        record = _record(source, landed.entries[number])
        reason: str = record["quarantine"]["reason"] if "quarantine" in record else ""
        if reason:
            verdict.reasons[reason] += 1
            self._sealed(source, raw, record, landed)
            verdict.opened += 1
        else:
            verdict.accepted += 1
            verdict.opened += self._protected(source, json.loads(raw), record)
        if reason.startswith("event: internal"):
            raise Broken("no fault of ours")
        if number % self._every or reason in BEYOND_SCHEMA:
            return
        verdict.validated += 1
        if self._valid(source, raw) == bool(reason):
            raise Broken("what is accepted, and nothing else, is valid to the reference")

    def _valid(self, source: str, raw: bytes) -> bool:
        """Say whether the reference takes an event: a contract of this source, and the whole schema."""
        try:
            event = json.loads(raw)
            known = self._validators[source, event["event_type"], event["schema_version"]]
            return known.is_valid(event)
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            return False

    def _sealed(self, source: str, raw: bytes, record: JsonObject, landed: Landed) -> None:
        quarantine = record["quarantine"]
        key = self._key(record, source, "quarantine")
        if "object" in quarantine:
            sealed = landed.objects.get(quarantine["object"], b"")
        else:
            sealed = base64.b64decode(quarantine["sealed"], validate=True)
        if _opened(key, sealed, f"{source}|quarantine") != raw:
            raise Broken("what is refused opens to the bytes sent")

    def _protected(self, source: str, sent: JsonObject, record: JsonObject) -> int:
        """Open every personal value, compare all the rest; return how many were opened."""
        if sent.get("event_id", record["event_id"]) not in (None, record["event_id"]):
            raise Broken("what is accepted keeps its id")
        contract = self._contracts[source, record["event_type"], record["schema_version"]]
        key, version = self._key(record, source, "field"), "2" if contract.subject else "1"
        opened = 0
        for path, value, packed in _walk(contract.schema, sent["data"], record["data"], ()):
            parts = packed.split(":") if isinstance(packed, str) else []
            if len(parts) != 4 or parts[0] != version or len(parts[1]) != 32:
                raise Broken("a personal value is packed")
            context = f"{source}|{'.'.join(path).replace('.[]', '[]')}"
            sealed = base64.b64decode(parts[2], validate=True)
            plain = (
                self._opened_with(key, sealed, context) if contract.subject else _opened(key, sealed, context)
            )
            was = plain.decode() if isinstance(value, str) else json.loads(plain)
            if was != value:
                raise Broken("a personal value opens to what was sent")
            opened += 1
        return opened

    def _opened_with(self, key: bytes, sealed: bytes, context: str) -> bytes:
        """Open with a data key and the secret of whose it is, as docs/protection.md has it."""
        secret = self._lake.subjects.secret(sealed[:SUBJECT])
        if hmac.digest(secret, b"mark", "sha256")[:MARK] != sealed[SUBJECT : SUBJECT + MARK]:
            raise Broken("a ciphertext says under which secret it is")
        return _opened(hmac.digest(key, b"subject\0" + secret, "sha256"), sealed[SUBJECT + MARK :], context)

    def _key(self, record: JsonObject, source: str, purpose: str) -> bytes:
        key, context = self._lake.kms.keys[record["key"]]
        if context != {"source": source, "purpose": purpose}:
            raise Broken("a data key is of its purpose")
        return key

    def _leaks(self, source: str, raws: list[bytes], landed: Landed) -> Iterator[Breach]:
        """Search all that came out; what a producer wrote where no personal data belongs is theirs to say."""
        lines = [entry["Data"] + entry["PartitionKey"].encode() + b"\n" for entry in landed.entries]
        if not any(self._finder.find(b"".join(lines), "")) and not any(
            any(scan(self._finder, binary, "")) for line in lines for binary in _binaries(line)
        ):
            return
        for number, line in enumerate(lines):
            if any(any(scan(self._finder, binary, "")) for binary in _binaries(line)):
                yield Breach("no plaintext in what is called sealed", number)
            found = _labels(self._finder.find(line, ""))
            if found and found - self._readable(source, raws[number], line):
                yield Breach("no plaintext in what comes out", number)

    def _readable(self, source: str, raw: bytes, line: bytes) -> Counter[str]:
        """Count what may be read in an accepted event."""
        record = json.loads(line.splitlines()[0])
        if "data" not in record:
            return Counter()
        sent = json.loads(raw)
        schema = self._contracts[source, record["event_type"], record["schema_version"]].schema
        shown = orjson.dumps({**sent, "data": _public(schema, sent["data"])})
        # The id is in the line and, once more, its partition key.
        return _labels(self._finder.find(shown + b"\n" + str(sent.get("event_id")).encode(), ""))


def _record(source: str, entry: Any) -> JsonObject:
    """Return the record of an entry, if its outside is right."""
    line: bytes = entry["Data"]
    if not line.endswith(b"\n") or line.count(b"\n") != 1:
        raise Broken("a record is a line")
    record = json.loads(line)
    if entry["PartitionKey"] != record["event_id"] or record["source"] != source:
        raise Broken("a record says whose it is")
    if ("quarantine" in record) == ("data" in record):
        raise Broken("a record is accepted or sealed")
    return record


def _labels(found: Iterable[Leak]) -> Counter[str]:
    return Counter(leak.what for leak in {(one.offset, one.what): one for one in found}.values())


def _binaries(line: bytes) -> Iterator[bytes]:
    """Yield what a line holds in base64: ciphertexts, and what is sealed."""
    for text in line.split(b'"'):
        parts = text.split(b":")
        coded = parts[2] if len(parts) == 4 and parts[0] in (b"1", b"2") else text if len(text) > 64 else b""
        try:
            yield base64.b64decode(coded, validate=True)
        except ValueError:
            continue


def _opened(key: bytes, sealed: bytes, context: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], context.encode())
    except InvalidTag:
        raise Broken("what is encrypted opens where it was put") from None


def _walk(
    schema: JsonObject, sent: Json, landed: Json, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Json, Json]]:
    """Yield each personal value as it was sent and as it landed; all else must be equal."""
    if sent is None and landed is None:
        return
    if "x-pii" in schema:
        yield path, sent, landed
    elif isinstance(sent, dict) and isinstance(landed, dict) and sent.keys() == landed.keys():
        for name, member in sent.items():
            yield from _walk(schema["properties"][name], member, landed[name], (*path, name))
    elif isinstance(sent, list) and isinstance(landed, list) and len(sent) == len(landed):
        for one, other in zip(sent, landed, strict=True):
            yield from _walk(schema["items"], one, other, (*path, "[]"))
    elif not _equal(sent, landed):
        raise Broken("what is no personal data stays as it is")


def _equal(sent: Json, landed: Json) -> bool:
    """Compare as JSON does: 1 is 1.0, and not true; beyond 64 bits a number is what a double holds of it."""
    if isinstance(sent, (int, float)) and isinstance(landed, (int, float)):
        return isinstance(sent, bool) == isinstance(landed, bool) and float(sent) == float(landed)
    return type(sent) is type(landed) and sent == landed


def _public(schema: JsonObject, value: Json) -> Json:
    """Return what of a value analysts may read: of an email the domain, of an address city and country."""
    if "x-pii" in schema:
        if isinstance(value, dict):
            return {name: value.get(name) for name in ("city", "country")}
        return str(value).rpartition("@")[2] if schema["x-pii"]["kind"] == "email" and value else None
    if isinstance(value, dict):
        return {name: _public(schema["properties"][name], member) for name, member in value.items()}
    if isinstance(value, list):
        return [_public(schema["items"], member) for member in value]
    return value
