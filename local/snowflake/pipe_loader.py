"""Loads what pipes are told of.

A message is deleted once the COPY of its files is committed, never before: what is told twice is loaded once,
for the table's load history knows the file. Where a COPY fails as a whole, its files are tried one by one, so
that one bad object holds back none beside it, and what failed comes again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
from snowflake.connector.errors import ProgrammingError

from local.snowflake.catalog import Entry
from local.snowflake.names import Name, parts_of
from local.snowflake.pipe_channel import FAULTS, Aws, Channel, Message

if TYPE_CHECKING:
    from local.snowflake.engine import Engine

KIND = "PIPE"
RUNNING, PAUSED, STALLED = "RUNNING", "PAUSED", "STALLED_EXECUTION_ERROR"
_FILES = 200  # of one COPY; Snowflake takes a thousand
_IDLE = 0.5  # seconds between two looks at a queue that was empty
_RETRY_SECONDS = 5  # until what could not be loaded is tried again
_GONE = 91016  # a file that was deleted before it was loaded
_HOPELESS = 3  # files that fail one after the other, and none before them did not


@dataclass(kw_only=True)
class Progress:
    """What a pipe has done since the server started."""

    received: datetime | None = None
    ingested: datetime | None = None
    last_file: str | None = None
    error: str | None = None
    failed: datetime | None = None
    asked: dict[str, None] = field(default_factory=dict)  # files found by REFRESH, in order
    loading: int = 0
    retry: datetime = field(default_factory=lambda: datetime.now(UTC))

    def fail(self, error: Exception) -> None:
        """Note what went wrong."""
        self.error = getattr(error, "raw_msg", None) or f"{type(error).__name__}: {error}"
        self.failed = datetime.now(UTC)
        self.retry = self.failed + timedelta(seconds=_RETRY_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a pipe's files lie: in this bucket, under this prefix."""

    bucket: str
    prefix: str

    def files(self, objects: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Yield those of the objects that are the pipe's, as COPY names them: from the pipe's path on."""
        for bucket, key in objects:
            if bucket == self.bucket and key.startswith(self.prefix) and key != self.prefix:
                yield key.removeprefix(self.prefix)


class Loader:
    """The account's pipes at work."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.aws = Aws(engine.aws)
        self._progress: dict[Name, Progress] = {}
        self._channels: dict[tuple[Name, str], Channel] = {}
        self._wake = threading.Event()

    def progress(self, pipe: Name) -> Progress:
        """Return what a pipe has done."""
        return self._progress.setdefault(pipe, Progress())

    def channel(self, pipe: Entry) -> Channel | None:
        """Return a pipe's queue, None for a pipe that only REFRESH feeds."""
        topic = pipe.properties.get("topic")
        if not topic:
            return None
        key = (pipe.name, topic)
        if key not in self._channels:
            self._channels[key] = Channel(self.aws, pipe.name, topic)
        return self._channels[key]

    def forget(self, pipe: Name) -> None:
        """Know nothing of a pipe any more."""
        self._progress.pop(pipe, None)

    def place(self, pipe: Entry) -> Place:
        """Return where a pipe's files lie."""
        stage = self.engine.catalog.get("STAGE", Name(*parts_of(pipe.properties["stage"])))
        url = stage.properties.get("URL", "") if stage else ""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if prefix and not prefix.endswith("/"):
            prefix += "/"
        return Place(bucket=bucket, prefix=prefix + pipe.properties["path"].lstrip("/"))

    def refresh(self, pipe: Entry, prefix: str = "", since: datetime | None = None) -> list[str]:
        """Find the files that lie there now and have them loaded; those loaded before will be passed over."""
        place = self.place(pipe)
        region = pipe.properties["topic"].split(":")[3] if pipe.properties.get("topic") else "us-east-1"
        s3 = self.aws.client("s3", region)
        found: list[str] = []
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=place.bucket, Prefix=place.prefix + prefix
        )
        for page in pages:
            recent = [o for o in page.get("Contents", ()) if since is None or o["LastModified"] >= since]
            found += place.files((place.bucket, o["Key"]) for o in recent)
        self.progress(pipe.name).asked |= dict.fromkeys(found)
        self._wake.set()
        return found

    # -- working

    def serve(self, stop: threading.Event) -> None:
        """Load what is told of until told to stop."""
        while not stop.is_set():
            busy = [self._step(pipe) for pipe in self.engine.catalog.all(KIND)]
            if not any(busy):
                self._wake.wait(_IDLE)
                self._wake.clear()

    def _step(self, pipe: Entry) -> bool:
        """Load one batch of one pipe; tell whether there was one. What goes wrong shows in its status."""
        progress = self.progress(pipe.name)
        if pipe.properties.get("paused") or progress.retry > datetime.now(UTC):
            return False
        try:
            return self._batch(pipe, progress)
        except (ProgrammingError, duckdb.Error, *FAULTS) as error:
            progress.fail(error)
            return False
        finally:
            progress.loading = 0

    def _batch(self, pipe: Entry, progress: Progress) -> bool:
        channel, place = self.channel(pipe), self.place(pipe)
        messages = self._messages(pipe, channel, progress) if channel else []
        told = {message.handle: set(place.files(message.objects)) for message in messages}
        asked = list(progress.asked)[:_FILES]
        files = list(dict.fromkeys([*asked, *(file for files in told.values() for file in sorted(files))]))
        progress.loading = len(files)
        left = self._load(pipe, files, progress) if files else set[str]()
        for file in set(asked) - left:
            progress.asked.pop(file, None)
        if channel:
            channel.delete([m for m in messages if not told[m.handle] & left])
            channel.give_back([m for m in messages if told[m.handle] & left], _RETRY_SECONDS)
        if not left:
            progress.error = None
        return bool(messages or set(files) - left)

    def _messages(self, pipe: Entry, channel: Channel, progress: Progress) -> list[Message]:
        """Take a batch of messages; those that say nothing are buried."""
        if channel.lost():  # AWS was started anew: what it told of meanwhile lies in the bucket
            channel.open()
            self.refresh(pipe)
        good: list[Message] = []
        while len(good) < _FILES and (page := channel.receive()):
            progress.received = datetime.now(UTC)
            for message in page:
                if message.fault:
                    self._bury(pipe, channel, message)
                else:
                    good.append(message)
        return good

    def _bury(self, pipe: Entry, channel: Channel, message: Message) -> None:
        self._note(pipe, "NOTIFICATION_REJECTED", reason=message.fault, queue=f"{channel.name}-dead")
        channel.bury(message)

    def _note(self, pipe: Entry, event: str, **facts: object) -> None:
        """Keep in the pipe's history what will not be tried again."""
        session = self.engine.session(role=pipe.owner)
        try:
            self.engine.catalog.record(session, KIND, pipe.name, {"event": event, **facts})
        finally:
            session.close()

    def _load(self, pipe: Entry, files: list[str], progress: Progress) -> set[str]:
        """Load files and return those that could not be tried; a file found bad is done, as its COPY says."""
        try:
            self._copy(pipe, files, progress)
        except ProgrammingError as error:
            if len(files) > 1:
                return self._load_each(pipe, files, progress)
            if error.errno == _GONE:
                self._note(pipe, "FILE_GONE", file=files[0])
                return set()
            progress.fail(error)
            return set(files)
        return set()

    def _load_each(self, pipe: Entry, files: list[str], progress: Progress) -> set[str]:
        left: set[str] = set()
        for index, file in enumerate(files):
            left |= self._load(pipe, [file], progress)
            if len(left) == index + 1 == _HOPELESS:  # it is not the files
                return set(files)
        return left

    def _copy(self, pipe: Entry, files: list[str], progress: Progress) -> None:
        session = self.engine.session(
            role=pipe.owner, database=pipe.name.database, schema=pipe.name.schema, user="SYSTEM"
        )
        session.pipe = str(pipe.name)
        try:
            names = ", ".join(_literal(file) for file in files)
            result = session.execute(f"{pipe.properties['definition']} FILES = ({names})")
        finally:
            session.close()
        for row in result.rows:
            said = dict(zip(result.columns, row, strict=True))
            if said.get("status") in ("LOADED", "PARTIALLY_LOADED"):
                progress.ingested, progress.last_file = datetime.now(UTC), str(said["file"])

    # -- telling

    def status(self, pipe: Entry) -> str:
        """Answer SYSTEM$PIPE_STATUS. `pendingFileCount` also counts what its queue still holds."""
        progress = self.progress(pipe.name)
        state = PAUSED if pipe.properties.get("paused") else STALLED if progress.error else RUNNING
        facts: dict[str, Any] = {"executionState": state}
        outstanding = 0
        if channel := self.channel(pipe):
            try:
                outstanding = 0 if channel.lost() else channel.outstanding()
            except FAULTS as error:
                facts["channelErrorMessage"] = f"{type(error).__name__}: {error}"
            facts["notificationChannelName"] = pipe.properties["channel"]
            facts["numOutstandingMessagesOnChannel"] = outstanding
        facts["pendingFileCount"] = max(progress.loading, outstanding) + len(progress.asked)
        if progress.error:
            facts["error"] = progress.error
        moments = {
            "lastReceivedMessageTimestamp": progress.received,
            "lastIngestedTimestamp": progress.ingested,
            "lastPipeErrorTimestamp": progress.failed,
        }
        facts |= {key: moment.isoformat() for key, moment in moments.items() if moment}
        if progress.last_file:
            facts["lastIngestedFilePath"] = progress.last_file
        return json.dumps(facts)


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
