"""Pipes: what CREATE, ALTER, DROP, SHOW and DESCRIBE PIPE do. `pipe_loader` loads what they are told of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.snowflake import access, listing
from local.snowflake.catalog import Entry
from local.snowflake.commands import Statement, tokenize, unquoted
from local.snowflake.errors import compilation, exists, missing, syntax, unsupported
from local.snowflake.names import Name, parts_of
from local.snowflake.pipe_channel import FAULTS
from local.snowflake.pipe_loader import KIND, Loader
from local.snowflake.result import SUCCESS, Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

_OPTIONS = {
    "AUTO_INGEST": bool,
    "AWS_SNS_TOPIC": str,
    "COMMENT": str,
    "ERROR_INTEGRATION": str,
}
COLUMNS = (
    *(
        "created_on",
        "name",
        "database_name",
        "schema_name",
        "definition",
        "owner",
        "notification_channel",
        "comment",
    ),
    *("integration", "pattern", "error_integration", "owner_role_type", "invalid_reason", "kind"),
)


def install(engine: Engine) -> None:
    """Let an engine have pipes."""
    loader = Loader(engine)
    commands = _Commands(loader)
    engine.register("CREATE PIPE", commands.create)
    engine.register("ALTER PIPE", commands.alter)
    engine.register("DROP PIPE", commands.drop)
    engine.register("SHOW PIPES", commands.show)
    engine.register("DESCRIBE PIPE", commands.describe)
    engine.register_function("SYSTEM$PIPE_STATUS", commands.status)
    engine.service("pipes", loader.serve)


class _Commands:
    """The commands on pipes."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create(self, session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        access.require_create(session, KIND, name)
        before = session.catalog.get(KIND, name)
        if before and statement.if_not_exists:
            return Result.status(f"{name.name} already exists, statement succeeded.")
        if before and not statement.replace:
            raise exists(name)
        if before:
            access.require_owner(session, KIND, name)
        properties = _options(statement)
        statement.expect("AS")
        properties |= _copy(session, statement.rest().rstrip().rstrip(";"))
        if before and before.properties.get("topic") not in (None, properties["topic"]):
            self._leave(before)
        entry = Entry(kind=KIND, name=name, owner=session.role, properties=properties)
        if properties.get("topic"):
            entry = entry.having(channel=self._open(entry))
        session.catalog.put(session, entry)
        return Result.status(f"Pipe {name.name} successfully created.")

    def _leave(self, entry: Entry) -> None:
        channel = self.loader.channel(entry)
        if channel:
            channel.unsubscribe(entry.properties["channel"])

    def _open(self, entry: Entry) -> str:
        channel = self.loader.channel(entry)
        try:
            return channel.open() if channel else ""
        except FAULTS as error:
            raise compilation(
                f"Pipe Notifications bind failure: topic {entry.properties['topic']}: {error}", 93029, "22023"
            ) from error

    def alter(self, session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        if statement.if_exists and not session.catalog.get(KIND, name):
            return Result.status(SUCCESS)
        session.require("OPERATE", KIND, name)
        entry = _entry(session, name)
        if statement.accept("REFRESH"):
            return self._refresh(entry, statement)
        changes: dict[str, Any] = {}
        if statement.accept("SET"):
            for key, value in statement.properties().items():
                changes |= _change(key, value)
        elif statement.accept("UNSET"):
            for key in statement.names():
                changes |= _change(key, None)
        statement.end()
        session.catalog.put(session, entry.having(**changes))
        return Result.status(SUCCESS)

    def _refresh(self, entry: Entry, statement: Statement) -> Result:
        options = statement.properties()
        statement.end()
        if unknown := sorted(options.keys() - {"PREFIX", "MODIFIED_AFTER"}):
            raise unsupported(f"{', '.join(unknown)} of ALTER PIPE … REFRESH")
        since = datetime.fromisoformat(options["MODIFIED_AFTER"]) if "MODIFIED_AFTER" in options else None
        if since and not since.tzinfo:
            since = since.replace(tzinfo=UTC)
        files = self.loader.refresh(entry, options.get("PREFIX", "").lstrip("/"), since)
        return Result.of(("File", "Status"), [(file, "SENT") for file in files])

    def drop(self, session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        statement.end()
        if statement.if_exists and not session.catalog.get(KIND, name):
            return Result.status(f"Drop statement executed successfully ({name.name} already dropped).")
        entry = access.require_owner(session, KIND, name)
        channel = self.loader.channel(entry)
        if channel and not channel.lost():
            channel.close(entry.properties["channel"])
        session.catalog.drop(session, KIND, name)
        self.loader.forget(name)
        return Result.status(f"{name.name} successfully dropped.")

    def show(self, session: Session, statement: Statement) -> Result:
        return Result.of(COLUMNS, [_row(entry) for entry in listing.selected(session, statement, KIND)])

    def describe(self, session: Session, statement: Statement) -> Result:
        name = statement.name(session)
        statement.end()
        session.require("", KIND, name)
        return Result.of(COLUMNS, [_row(_entry(session, name))])

    def status(self, session: Session, text: str) -> str:
        name = session.qualify(parts_of(text))
        session.require("MONITOR", KIND, name)
        return self.loader.status(_entry(session, name))


def _entry(session: Session, name: Name) -> Entry:
    entry = session.catalog.get(KIND, name)
    if entry is None:
        raise missing(KIND, name)
    return entry


def _options(statement: Statement) -> dict[str, Any]:
    """Read what stands between a pipe's name and AS."""
    options = statement.properties()
    for key, value in options.items():
        if key not in _OPTIONS:
            raise unsupported(f"{key} of a pipe")
        if not isinstance(value, _OPTIONS[key]):
            raise compilation(f"invalid value {value!r} for property '{key}'", 1008, "22023")
    topic = options.get("AWS_SNS_TOPIC")
    if topic and topic.split(":")[2:3] != ["sns"]:
        raise compilation(f"invalid value {topic!r} for property 'AWS_SNS_TOPIC'", 1008, "22023")
    if bool(options.get("AUTO_INGEST")) != bool(topic):
        raise unsupported("a pipe with one of AUTO_INGEST = TRUE and AWS_SNS_TOPIC and without the other")
    return {
        "topic": topic,
        "comment": options.get("COMMENT"),
        "error_integration": options.get("ERROR_INTEGRATION"),
    }


def _copy(session: Session, text: str) -> dict[str, Any]:
    """Read from which stage, and which path in it, a pipe copies; the rest is the engine's business."""
    tokens = tokenize(text)
    words = [token.upper for token in tokens]
    if words[:2] != ["COPY", "INTO"]:
        raise syntax("expected COPY INTO after AS in CREATE PIPE")
    if "FILES" in words:
        raise unsupported("FILES in the COPY of a pipe")
    target = Statement(sql=text, tokens=tokens, at=2, prefix="COPY INTO").name(session)
    if not session.catalog.get("TABLE", target):
        raise missing("TABLE", target)
    stage, path = _location(session, text)
    if not session.catalog.get("STAGE", stage):
        raise missing("STAGE", stage)
    return {"definition": text, "stage": str(stage), "path": path, "table": str(target)}


def _location(session: Session, text: str) -> tuple[Name, str]:
    """Find ``@stage/path`` in a COPY, written plainly or in quotes."""
    tokens = tokenize(text)
    for index, token in enumerate(tokens):
        if token.kind == "string" and unquoted(token.text).startswith("@"):
            names, _, path = unquoted(token.text)[1:].partition("/")
            return session.qualify(parts_of(names)), path
        if token.text == "@":
            reader = Statement(sql=text, tokens=tokens, at=index + 1, prefix="COPY INTO")
            stage = reader.name(session)
            end = tokens[reader.at - 1].end
            path = text[end:].split(maxsplit=1)[0].rstrip(");") if text[end : end + 1] == "/" else ""
            return stage, path.lstrip("/")
    raise unsupported("a pipe that does not load from a named stage")


def _change(key: str, value: object) -> dict[str, object]:
    if key == "PIPE_EXECUTION_PAUSED" and isinstance(value, bool | None):
        return {"paused": value}
    if key in ("COMMENT", "ERROR_INTEGRATION") and isinstance(value, str | None):
        return {key.lower(): value}
    raise unsupported(f"{key} = {value!r} in ALTER PIPE")


def _row(entry: Entry) -> list[object]:
    values = {
        "created_on": entry.created,
        "name": entry.name.name,
        "database_name": entry.name.database,
        "schema_name": entry.name.schema,
        "definition": entry.properties["definition"],
        "owner": entry.owner,
        "notification_channel": entry.properties.get("topic"),
        "comment": entry.comment,
        "error_integration": entry.properties.get("error_integration"),
        "owner_role_type": "ROLE",
        "kind": "STAGE",
    }
    return [values.get(column) for column in COLUMNS]
