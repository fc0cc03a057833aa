"""Search bytes for personal data that was sent: the proof that none of it lies anywhere in the clear.

Thousands of values, each in a dozen encodings, are looked for at once: eight bytes out of each stand in a
table with which every window of eight bytes of the data is compared, in NumPy; what remains is compared in
full. A finding names the place, the encoding and whose value it is, never the value.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import shutil
import tempfile
import time
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import numpy as np

from local.state import Lake

WINDOW = 8
CHUNK = 256 * 1024
COPIES, ROWS = 3, 50_000
_TABLE_BITS = 22
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - _TABLE_BITS)


class ScanError(Exception):
    """Something could not be read: then nobody can say that it holds no leak."""


@dataclass(frozen=True, order=True)
class Needle:
    """A personal value that was sent, and a name for it that may be printed."""

    value: str
    label: str


@dataclass(frozen=True, order=True, kw_only=True)
class Leak:
    """Where a personal value lies in the clear."""

    where: str
    offset: int
    form: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}, byte {self.offset:,}: {self.what}, as {self.form}"


class Finder:
    """Finds any of many values, in any of their encodings, in bytes."""

    def __init__(self, needles: Iterable[Needle]) -> None:
        patterns = sorted(
            {(raw, form, needle.label) for needle in needles for form, raw in forms(needle.value)}
        )
        candidates = [(pattern, _places(len(pattern[0]))) for pattern in patterns]
        frequency = Counter(raw[at : at + WINDOW] for (raw, _, _), places in candidates for at in places)
        self._by_window: dict[int, list[tuple[int, bytes, str, str]]] = {}
        for (raw, form, label), places in candidates:
            at = min(places, key=lambda place, raw=raw: frequency[raw[place : place + WINDOW]])
            window = int.from_bytes(raw[at : at + WINDOW], "little")
            self._by_window.setdefault(window, []).append((at, raw, form, label))
        self._windows = np.array(sorted(self._by_window), dtype="<u8")
        self._table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        self._table[(self._windows * _MULTIPLIER) >> _SHIFT] = True
        self._longest = max((len(raw) for raw, _, _ in patterns), default=WINDOW)

    def find(self, data: bytes | memoryview, where: str) -> Iterator[Leak]:
        """Say where in the data a value lies."""
        view = memoryview(data).cast("B")
        if not len(self._windows):
            return
        for start in range(0, max(len(view) - WINDOW + 1, 0), CHUNK):
            chunk = view[start : start + CHUNK + WINDOW - 1]
            for position, window in self._suspects(chunk):
                for at, raw, form, label in self._by_window[window]:
                    begin = start + position - at
                    if begin >= 0 and view[begin : begin + len(raw)] == raw:
                        yield Leak(where=where, offset=begin, form=form, what=label)

    def _suspects(self, chunk: memoryview) -> Iterator[tuple[int, int]]:
        octets = np.frombuffer(chunk, dtype=np.uint8)
        for shift in range(min(WINDOW, len(octets) - WINDOW + 1)):
            count = (len(octets) - shift) // WINDOW
            words = octets[shift : shift + count * WINDOW].view("<u8")
            likely = np.flatnonzero(self._table[(words * _MULTIPLIER) >> _SHIFT])
            if len(likely):
                found = words[likely]
                nearest = np.searchsorted(self._windows[:-1], found)
                for index in likely[self._windows[nearest] == found]:
                    yield int(index) * WINDOW + shift, int(words[index])


def forms(value: str) -> list[tuple[str, bytes]]:
    """Every encoding in which the value would still be readable."""
    if len(value.encode()) < WINDOW:
        raise ValueError(f"a value of under {WINDOW} bytes cannot be told from chance")
    found: dict[bytes, str] = {}
    for text in dict.fromkeys(_spellings(value)):
        plain = text.encode()
        escaped = json.dumps(text)[1:-1]
        encoded = [
            ("plain text", plain),
            ("JSON escapes", escaped.encode()),
            ("JSON escapes in JSON", json.dumps(escaped)[1:-1].encode()),
            ("JSON escapes", _upper_escapes(escaped).encode()),
            ("URL escapes", quote(text, safe="").encode()),
            ("URL escapes", quote(text, safe="").lower().encode()),
            ("URL escapes", quote_plus(text).encode()),
            ("UTF-16", text.encode("utf-16-le")),
            ("UTF-16", text.encode("utf-16-be")),
            ("hexadecimal", plain.hex().encode()),
            *((f"base64 at {k} mod 3", part) for k in range(3) for part in _base64(plain, k)),
        ]
        for form, raw in encoded:
            found.setdefault(raw, form)
    return [(form, raw) for raw, form in found.items()]


def leaks(root: Path, needles: Iterable[Needle], lake: Lake | None = None) -> list[Leak]:
    """Look for the values in everything under a directory, and in the services of a running lake.

    Parameters
    ----------
    root
        Every file below it is searched: as it is, unpacked (gzip, zip), and a DuckDB file's tables also as
        text, since it keeps them compressed.
    needles
        What must not be found.
    lake
        A running lake: its objects, queues, logs and protected streams are searched too. Not its ingress
        streams: those carry what producers sent, by design, and are read by the transform alone.

    Raises
    ------
    ScanError
        If something could not be read.
    """
    finder = Finder(needles)
    found: set[Leak] = set()
    for path in _tree(root):
        found.update(finder.find(os.fsencode(path.name), f"a name in a directory under {root}"))
        try:
            if path.is_file() and not path.is_symlink():
                found.update(_file(finder, path))
        except FileNotFoundError:
            continue  # a running lake renames and removes files of its own
    if lake is not None:
        for where, data in _services(lake):
            found.update(scan(finder, data, where))
    return sorted(found)


def _tree(root: Path) -> list[Path]:
    """Everything below a directory, as it is now."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError) or not root.exists():
            raise ScanError(f"{error.filename}: cannot be read ({error.strerror})") from error

    return [
        Path(directory) / name
        for directory, directories, files in os.walk(root, onerror=refuse)
        for name in (*directories, *files)
    ]


def _file(finder: Finder, path: Path) -> Iterator[Leak]:
    data = path.read_bytes()
    yield from scan(finder, data, str(path))
    if data[8:12] == b"DUCK":
        yield from _duckdb(finder, path)


def scan(finder: Finder, data: bytes, where: str) -> Iterator[Leak]:
    """Say where in the data a value lies: in it as it is, and unpacked, where it is gzip or zip."""
    yield from finder.find(data, where)
    try:
        if data[:2] == b"\x1f\x8b":
            yield from scan(finder, gzip.decompress(data), f"{where} (unpacked)")
        elif data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                for name in packed.namelist():
                    yield from scan(finder, packed.read(name), f"{where}/{name}")
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ScanError(f"{where}: looks packed and cannot be unpacked ({type(error).__name__})") from error


def _duckdb(finder: Finder, path: Path) -> list[Leak]:
    """Search every table's text in a copy, since the file may be in use; a torn copy is made again."""
    import duckdb  # noqa: PLC0415  (only lakes with a warehouse need it)

    for attempt in range(COPIES):
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            copy = Path(scratch) / path.name
            for suffix in ("", ".wal"):
                if (part := path.with_name(path.name + suffix)).exists():
                    shutil.copyfile(part, copy.with_name(copy.name + suffix))
            try:
                with duckdb.connect(str(copy), config={"memory_limit": "1GB"}) as connection:
                    return list(_tables(finder, connection, str(path)))
            except duckdb.Error as error:
                if attempt == COPIES - 1:
                    raise ScanError(
                        f"{path}: this database cannot be read ({type(error).__name__})"
                    ) from error
        time.sleep(attempt + 0.5)
    raise AssertionError("COPIES is at least one")


def _tables(finder: Finder, connection: Any, path: str) -> Iterator[Leak]:
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL"
    ).fetchall()
    for schema, table in tables:
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, table))
        rows = connection.sql(f"SELECT COLUMNS(*)::VARCHAR FROM {quoted}")
        for batch in rows.to_arrow_reader(ROWS):
            for column, values in zip(batch.schema.names, batch.columns, strict=True):
                where = f"{path}, table {schema}.{table}, column {column}"
                for buffer in filter(None, values.buffers()):
                    yield from finder.find(memoryview(buffer), where)


def _services(lake: Lake) -> Iterator[tuple[str, bytes]]:
    for search in (_objects, _messages, _log_events, _protected_records):
        yield from search(lake)


def _objects(lake: Lake) -> Iterator[tuple[str, bytes]]:
    s3 = lake.boto("s3")
    for bucket in (bucket["Name"] for bucket in s3.list_buckets()["Buckets"]):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in page.get("Versions", ()):
                where = f"s3://{bucket}/{version['Key']}"
                which = (
                    {"VersionId": version["VersionId"]} if version.get("VersionId", "null") != "null" else {}
                )
                answer = s3.get_object(Bucket=bucket, Key=version["Key"], **which)
                about = json.dumps([version["Key"], answer.get("Metadata")], ensure_ascii=False)
                yield f"{where} (name and metadata)", about.encode()
                yield where, answer["Body"].read()


def _messages(lake: Lake) -> Iterator[tuple[str, bytes]]:
    """Take what the queues hold, and give it back: for a moment their readers do not see it."""
    sqs = lake.boto("sqs")
    for url in sqs.list_queues().get("QueueUrls", ()):
        held: list[str] = []
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60, MessageAttributeNames=["All"]
        ).get("Messages"):
            held += [message["ReceiptHandle"] for message in messages]
            yield f"queue {url}", json.dumps(messages, ensure_ascii=False, default=str).encode()
        for receipt in held:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)


def _log_events(lake: Lake) -> Iterator[tuple[str, bytes]]:
    logs = lake.boto("logs")
    for groups in logs.get_paginator("describe_log_groups").paginate():
        for group in (group["logGroupName"] for group in groups["logGroups"]):
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
                yield f"log group {group}", "\n".join(event["message"] for event in page["events"]).encode()


def _protected_records(lake: Lake) -> Iterator[tuple[str, bytes]]:
    kinesis = lake.boto("kinesis")
    for stream in (names.protected for names in lake.streams.values()):
        for page in kinesis.get_paginator("list_shards").paginate(StreamName=stream):
            for shard in page["Shards"]:
                at = kinesis.get_shard_iterator(
                    StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
                )["ShardIterator"]
                while at:
                    answer = kinesis.get_records(ShardIterator=at, Limit=10_000)
                    for record in answer["Records"]:
                        yield f"stream {stream}", record["Data"]
                        yield f"stream {stream} (partition key)", record["PartitionKey"].encode()
                    caught_up = not answer["Records"] and not answer.get("MillisBehindLatest")
                    at = None if caught_up else answer.get("NextShardIterator")


def _spellings(value: str) -> Iterator[str]:
    for text in (value, value.lower(), value.upper()):
        yield text
        yield unicodedata.normalize("NFC", text)
        yield unicodedata.normalize("NFD", text)


def _base64(plain: bytes, before: int) -> tuple[bytes, bytes]:
    """Encode the value as behind ``before`` unknown bytes: only the letters that it alone decides."""
    padded = bytes(before) + plain
    letters = base64.b64encode(padded)[(8 * before + 5) // 6 : len(padded) * 8 // 6]
    return letters, letters.translate(bytes.maketrans(b"+/", b"-_"))


def _upper_escapes(escaped: str) -> str:
    head, *rest = escaped.split("\\u")
    return head + "".join(f"\\u{part[:4].upper()}{part[4:]}" for part in rest)


def _places(length: int) -> tuple[int, ...]:
    """Some places of a pattern to take its window from: the rarest is taken."""
    last = length - WINDOW
    return tuple(sorted({0, last // 4, last // 2, last * 3 // 4, last}))
