"""DESCRIBE: the columns of a relation, the properties of an object."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local.snowflake import access, objects, policies
from local.snowflake.catalog import ACCOUNT_KINDS, Entry
from local.snowflake.columns import MAX_TEXT
from local.snowflake.commands import Statement
from local.snowflake.errors import missing
from local.snowflake.names import Name
from local.snowflake.objects import JSON_FORMAT, value
from local.snowflake.policies import MASKING, ROW_ACCESS, named
from local.snowflake.result import Result
from local.snowflake.show import MAKERS, Row, table_of, yes

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

_DESCRIBE = ("name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression", "comment", "policy name", "privacy domain")  # fmt: skip


def _describe_relation(session: Session, statement: Statement) -> Result:
    name = statement.name(session)
    statement.accept_any("TYPE = COLUMNS")
    statement.end()
    entry = session.catalog.relation(name)
    if entry is None or not access.allowed(session.engine, session.role, "", entry):
        raise missing("table", name)
    described = _stream_columns(session, entry) if entry.kind == "STREAM" else entry.properties["columns"]
    keys = entry.properties.get("primary_key", ())
    masks = policies.masks(session.catalog, entry) if entry.kind != "STREAM" else {}
    rows = [
        [
            column["name"], column["type"], "COLUMN", yes(column.get("nullable", True)), column.get("default"),
            yes(column["name"] in keys), yes(column.get("unique")), None, None, column.get("comment") or None,
            str(masks[column["name"]][0].name) if column["name"] in masks else None, None,
        ]
        for column in described
    ]  # fmt: skip
    return Result.of(_DESCRIBE, rows)


def _stream_columns(session: Session, stream: Entry) -> list[Row]:
    table = session.catalog.get("TABLE", named(stream.properties["table"]))
    extra = [
        ("METADATA$ACTION", f"VARCHAR({MAX_TEXT})"),
        ("METADATA$ISUPDATE", "BOOLEAN"),
        ("METADATA$ROW_ID", f"VARCHAR({MAX_TEXT})"),
    ]
    return [*(table.properties["columns"] if table else ()), *({"name": n, "type": t} for n, t in extra)]


# -- DESCRIBE of objects with properties


def _described(session: Session, statement: Statement, kind: str) -> Entry:
    name = statement.account_name() if kind in ACCOUNT_KINDS else statement.name(session)
    statement.end()
    entry = session.catalog.get(kind, name)
    if entry is None or not access.allowed(session.engine, session.role, "", entry):
        raise missing(kind, name)
    return entry


def _property(key: str, found: Any, default: Any) -> list[Any]:
    kind = (
        "Boolean"
        if isinstance(default, bool)
        else "List"
        if isinstance(default, list)
        else "Integer"
        if isinstance(default, int)
        else "String"
    )
    return [key, kind, _text(found), _text(default)]


def _text(found: Any) -> str:
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, list):
        return ",".join(map(str, found))
    return "" if found is None else str(found)


_PROPERTY = ("property", "property_type", "property_value", "property_default")


def _describe_integration(session: Session, statement: Statement) -> Result:
    entry = _described(session, statement, "INTEGRATION")
    spec = next(s for s in objects.SPECS if s.words == f"{entry.properties['category']} INTEGRATION")
    shown = {key: default for key, default in spec.properties.items() if key not in ("TYPE", "COMMENT")}
    rows = [_property(key, value(entry, key), default) for key, default in shown.items()]
    if entry.properties["category"] == "STORAGE":
        rows.append(_property("STORAGE_AWS_IAM_USER_ARN", objects.IAM_USER, None))
    else:
        rows.append(_property("SF_AWS_IAM_USER_ARN", objects.IAM_USER, None))
    rows.append(_property("COMMENT", entry.comment, ""))
    return Result.of(_PROPERTY, rows)


def _describe_file_format(session: Session, statement: Statement) -> Result:
    entry = _described(session, statement, "FILE FORMAT")
    rows = [
        _property("TYPE", "JSON", "CSV"),
        *(_property(k, entry.properties.get(k, d), d) for k, d in JSON_FORMAT.items()),
    ]
    return Result.of(_PROPERTY, rows)


def _describe_stage(session: Session, statement: Statement) -> Result:
    entry = _described(session, statement, "STAGE")
    form = dict(value(entry, "FILE_FORMAT") or {})
    rows: list[list[Any]] = []
    if "FORMAT_NAME" in form:
        rows.append(["STAGE_FILE_FORMAT", *_property("FORMAT_NAME", form["FORMAT_NAME"], "")])
    else:
        defaults = {"TYPE": "CSV", **(JSON_FORMAT if form else {})}
        rows += [["STAGE_FILE_FORMAT", *_property(key, form.get(key, d), d)] for key, d in defaults.items()]
    url = value(entry, "URL")
    rows.append(["STAGE_LOCATION", *_property("URL", json.dumps([url]) if url else "", "")])
    for group, key in (
        ("STAGE_INTEGRATION", "STORAGE_INTEGRATION"),
        ("PRIVATELINK", "USE_PRIVATELINK_ENDPOINT"),
    ):
        rows.append([group, *_property(key, value(entry, key), False if group == "PRIVATELINK" else "")])
    directory = value(entry, "DIRECTORY") or {}
    rows.append(["DIRECTORY", *_property("ENABLE", bool(directory.get("ENABLE")), False)])
    return Result.of(("parent_property", *_PROPERTY), rows)


def _describe_policy(kind: str) -> Callable[[Session, Statement], Result]:
    def describe(session: Session, statement: Statement) -> Result:
        entry = _described(session, statement, kind)
        signature = ", ".join(f"{name} {kind_}" for name, kind_ in entry.properties["arguments"])
        row = [entry.name.name, f"({signature})", entry.properties["returns"], entry.properties["body"]]
        return Result.of(("name", "signature", "return_type", "body"), [row])

    return describe


def _describe_one(kind: str) -> Callable[[Session, Statement], Result]:
    """What SHOW says of one object."""

    def describe(session: Session, statement: Statement) -> Result:
        return table_of([MAKERS[kind](session, _described(session, statement, kind))])

    return describe


def _describe_holder(kind: str, child: str) -> Callable[[Session, Statement], Result]:
    """DESCRIBE DATABASE and SCHEMA list what is in them."""

    def describe(session: Session, statement: Statement) -> Result:
        parts = statement.parts()
        statement.end()
        database = parts[0] if kind == "DATABASE" or len(parts) == 2 else session.database
        schema = None if kind == "DATABASE" else parts[-1]
        holder = Name.account(parts[0]) if kind == "DATABASE" else session.schema_name(parts)
        if not session.catalog.get(kind, holder):
            raise missing(kind, holder)
        kinds = (
            ("SCHEMA",)
            if child == "SCHEMA"
            else ("TABLE", "VIEW", "STAGE", "STREAM", "PIPE", "TASK", "FILE FORMAT")
        )
        rows = [
            [e.created, e.name.name, e.kind] for k in kinds for e in session.catalog.all(k, database, schema)
        ]
        return Result.of(("created_on", "name", "kind"), rows)

    return describe


_WAREHOUSE_PARAMETERS = (
    "MAX_CONCURRENCY_LEVEL",
    "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS",
    "STATEMENT_TIMEOUT_IN_SECONDS",
)


def _show_warehouse_parameters(session: Session, statement: Statement) -> Result:
    entry = _described(session, statement, "WAREHOUSE")
    defaults = objects.defaults("WAREHOUSE")
    rows: list[list[Any]] = []
    for key in _WAREHOUSE_PARAMETERS:
        level = "WAREHOUSE" if entry.properties.get(key) is not None else ""
        rows.append([key, str(value(entry, key)), str(defaults[key]), level, "", "NUMBER"])
    return Result.of(("key", "value", "default", "level", "description", "type"), rows)


def _describe_user(session: Session, statement: Statement) -> Result:
    entry = _described(session, statement, "USER")
    keys = [key for key in objects.defaults("USER") if key not in ("PASSWORD", "NETWORK_POLICY")]
    rows = [["NAME", entry.name.name, None, "Name"]]
    rows += [[key, _text(value(entry, key)) or None, None, ""] for key in keys]
    rows += [
        [f"{key}_FP", _fingerprint(str(found)), None, ""]
        for key in ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")
        if (found := value(entry, key))
    ]
    return Result.of(("property", "value", "default", "description"), rows)


def _fingerprint(key: str) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(key)).digest()).decode()


def _describe_network_policy(session: Session, statement: Statement) -> Result:
    entry = _described(session, statement, "NETWORK POLICY")
    rows = [[key, _text(value(entry, key))] for key in ("ALLOWED_IP_LIST", "BLOCKED_IP_LIST")]
    return Result.of(("name", "value"), [row for row in rows if row[1]])


def _show_user_parameters(session: Session, statement: Statement) -> Result:
    entry = _described(session, statement, "USER")
    policy = value(entry, "NETWORK_POLICY")
    row = ["NETWORK_POLICY", policy or "", "", "USER" if policy else "", "Network policy", "STRING"]
    return Result.of(("key", "value", "default", "level", "description", "type"), [row])


def install(engine: Engine) -> None:
    """Answer DESCRIBE."""
    engine.register("DESCRIBE TABLE|VIEW", _describe_relation)
    engine.register("DESCRIBE STORAGE|NOTIFICATION INTEGRATION", _describe_integration)
    engine.register("DESCRIBE INTEGRATION", _describe_integration)
    engine.register("DESCRIBE FILE FORMAT", _describe_file_format)
    engine.register("DESCRIBE STAGE", _describe_stage)
    for kind in (MASKING, ROW_ACCESS):
        engine.register(f"DESCRIBE {kind}", _describe_policy(kind))
    engine.register("DESCRIBE USER", _describe_user)
    engine.register("DESCRIBE NETWORK POLICY", _describe_network_policy)
    engine.register("SHOW PARAMETERS IN USER", _show_user_parameters)
    for kind in ("STREAM", "WAREHOUSE", "TAG", "RESOURCE MONITOR"):
        engine.register(f"DESCRIBE {kind}", _describe_one(kind))
    engine.register("DESCRIBE DATABASE", _describe_holder("DATABASE", "SCHEMA"))
    engine.register("DESCRIBE SCHEMA", _describe_holder("SCHEMA", "OBJECT"))
    engine.register("SHOW PARAMETERS IN WAREHOUSE", _show_warehouse_parameters)
