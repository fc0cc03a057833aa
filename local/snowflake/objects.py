"""Objects that are a name with properties: warehouses, resource monitors, integrations, users, stages, file formats.

One table says which properties each kind has; an unknown one is refused. What was accepted is kept and shown.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from local.snowflake import access, stages
from local.snowflake.catalog import ACCOUNT_KINDS, Entry
from local.snowflake.commands import Statement
from local.snowflake.errors import compilation, exists, missing, unsupported
from local.snowflake.names import Name, parts_of
from local.snowflake.result import SUCCESS, Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

Properties = dict[str, Any]
SIZES = (
    "XSMALL",
    "SMALL",
    "MEDIUM",
    "LARGE",
    "XLARGE",
    "XXLARGE",
    "XXXLARGE",
    "X4LARGE",
    "X5LARGE",
    "X6LARGE",
)
_SPELLINGS = {
    "2XLARGE": "XXLARGE",
    "3XLARGE": "XXXLARGE",
    "4XLARGE": "X4LARGE",
    "5XLARGE": "X5LARGE",
    "6XLARGE": "X6LARGE",
}
JSON_FORMAT: Properties = {
    "FILE_EXTENSION": None, "DATE_FORMAT": "AUTO", "TIME_FORMAT": "AUTO", "TIMESTAMP_FORMAT": "AUTO",
    "BINARY_FORMAT": "HEX", "TRIM_SPACE": False, "MULTI_LINE": True, "NULL_IF": [], "COMPRESSION": "AUTO",
    "ENABLE_OCTAL": False, "ALLOW_DUPLICATE": False, "STRIP_OUTER_ARRAY": False, "STRIP_NULL_VALUES": False,
    "IGNORE_UTF8_ERRORS": False, "REPLACE_INVALID_CHARACTERS": False, "SKIP_BYTE_ORDER_MARK": True,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A kind of object: its properties with their defaults, and what must be true of them."""

    kind: str
    words: str
    create: str | None
    properties: Properties
    check: Callable[[Session, Name, Properties], Properties] = field(default=lambda _s, _n, p: p)
    required: tuple[str, ...] = ()


# -- what must be true


def _warehouse(session: Session, _name: Name, properties: Properties) -> Properties:
    if "WAREHOUSE_SIZE" in properties:
        size = str(properties["WAREHOUSE_SIZE"]).upper().replace("-", "")
        size = _SPELLINGS.get(size, size)
        if size not in SIZES:
            raise compilation(
                f"invalid value [{properties['WAREHOUSE_SIZE']}] for parameter 'WAREHOUSE_SIZE'",
                1008,
                "22023",
            )
        properties["WAREHOUSE_SIZE"] = size
    monitor = properties.get("RESOURCE_MONITOR")
    if monitor and monitor != "NULL" and not session.catalog.get("RESOURCE MONITOR", Name.account(monitor)):
        raise missing("resource monitor", monitor)
    return properties


def _integration(_session: Session, _name: Name, properties: Properties) -> Properties:
    kind = str(properties.get("TYPE", "")).upper()
    if kind == "EXTERNAL_STAGE":
        if str(properties.get("STORAGE_PROVIDER", "")).upper() != "S3":
            raise unsupported(f"STORAGE_PROVIDER = {properties.get('STORAGE_PROVIDER')}")
        for key in ("STORAGE_AWS_ROLE_ARN", "STORAGE_ALLOWED_LOCATIONS"):
            if not properties.get(key):
                raise compilation(f"Missing option(s): [{key}]", 2029, "42601")
        for place in properties["STORAGE_ALLOWED_LOCATIONS"]:
            if place != "*" and not place.startswith("s3://"):
                raise compilation(f"Storage location [{place}] is not valid for S3.", 3142, "42601")
        properties.setdefault("STORAGE_AWS_EXTERNAL_ID", f"LAPTOP_SFCRole={secrets.token_hex(8)}")
    elif kind != "QUEUE":
        raise unsupported(f"an integration of TYPE = {kind or '(none)'}")
    return properties


def _stage(session: Session, _name: Name, properties: Properties) -> Properties:
    if properties.get("CREDENTIALS"):
        raise unsupported("CREDENTIALS of a stage (give it a STORAGE_INTEGRATION)")
    url = properties.get("URL", "")
    if url and not url.startswith("s3://"):
        raise unsupported(f"a stage on {url.partition('//')[0]}//")
    if integration := properties.get("STORAGE_INTEGRATION"):
        stages.check_integration(session, parts_of(integration)[-1], url)
    form = properties.get("FILE_FORMAT")
    if isinstance(form, str):
        properties["FILE_FORMAT"] = form = {"FORMAT_NAME": form}
    if form and "FORMAT_NAME" in form:
        name = session.qualify(parts_of(form["FORMAT_NAME"]))
        if not session.catalog.get("FILE FORMAT", name):
            raise missing("file format", name)
        properties["FILE_FORMAT"] = {"FORMAT_NAME": name.sql}
    elif form:
        properties["FILE_FORMAT"] = check_format(form)
    return properties


def check_format(options: Properties) -> Properties:
    """The options of a file format, none of them unknown."""
    kind = str(options.get("TYPE", "CSV")).upper()
    if kind != "JSON":
        raise unsupported(f"files of type {kind}")
    if unknown := sorted(options.keys() - JSON_FORMAT.keys() - {"TYPE"}):
        raise unsupported(f"{', '.join(unknown)} of a JSON file format")
    return {**options, "TYPE": kind}


def _file_format(_session: Session, _name: Name, properties: Properties) -> Properties:
    comment = properties.pop("COMMENT", None)
    made = check_format(properties)
    return made if comment is None else {**made, "COMMENT": comment}


def _user(session: Session, _name: Name, properties: Properties) -> Properties:
    """A password is not kept, only that there is one; what a service may not have is refused."""
    if properties.pop("PASSWORD", None):
        if str(properties.get("TYPE")).upper() == "SERVICE":
            raise compilation("A user of type SERVICE cannot have a PASSWORD.", 1008, "22023")
        properties["HAS_PASSWORD"] = True
    policy = properties.get("NETWORK_POLICY")
    if policy and not session.catalog.get("NETWORK POLICY", Name.account(parts_of(str(policy))[-1])):
        raise missing("network policy", str(policy))
    return properties


def _network_policy(_session: Session, _name: Name, properties: Properties) -> Properties:
    for key in ("ALLOWED_IP_LIST", "BLOCKED_IP_LIST"):
        for one in properties.get(key) or ():
            try:
                ip_network(one, strict=False)
            except ValueError:
                raise compilation(f"'{one}' of {key} is no address or network.", 1008, "22023") from None
    return properties


def admits(policy: Entry, address: str) -> bool:
    """Whether a network policy lets somebody in from an address: from one that is allowed and not blocked."""
    came = ip_address(address)
    allowed, blocked = (
        any(came in ip_network(one, strict=False) for one in value(policy, key))
        for key in ("ALLOWED_IP_LIST", "BLOCKED_IP_LIST")
    )
    return allowed and not blocked


SPECS = (
    Spec(
        kind="WAREHOUSE", words="WAREHOUSE", create="CREATE WAREHOUSE", check=_warehouse,
        properties={
            "WAREHOUSE_TYPE": "STANDARD", "WAREHOUSE_SIZE": "XSMALL", "RESOURCE_CONSTRAINT": None, "GENERATION": None,
            "MAX_CLUSTER_COUNT": 1, "MIN_CLUSTER_COUNT": 1, "SCALING_POLICY": "STANDARD", "AUTO_SUSPEND": 600,
            "AUTO_RESUME": True, "INITIALLY_SUSPENDED": False, "RESOURCE_MONITOR": None, "COMMENT": "",
            "ENABLE_QUERY_ACCELERATION": False, "QUERY_ACCELERATION_MAX_SCALE_FACTOR": 8, "MAX_CONCURRENCY_LEVEL": 8,
            "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": 0, "STATEMENT_TIMEOUT_IN_SECONDS": 172800,
        },
    ),
    Spec(
        kind="RESOURCE MONITOR", words="RESOURCE MONITOR", create="",
        properties={
            "CREDIT_QUOTA": None, "FREQUENCY": "MONTHLY", "START_TIMESTAMP": None, "END_TIMESTAMP": None,
            "NOTIFY_USERS": [], "TRIGGERS": [],
        },
    ),
    Spec(
        kind="INTEGRATION", words="STORAGE INTEGRATION", create="CREATE INTEGRATION", check=_integration,
        required=("TYPE",),
        properties={
            "TYPE": "EXTERNAL_STAGE", "ENABLED": True, "STORAGE_PROVIDER": "S3", "STORAGE_AWS_ROLE_ARN": None,
            "STORAGE_AWS_EXTERNAL_ID": None, "STORAGE_AWS_OBJECT_ACL": None, "STORAGE_ALLOWED_LOCATIONS": [],
            "STORAGE_BLOCKED_LOCATIONS": [], "USE_PRIVATELINK_ENDPOINT": False, "COMMENT": "",
        },
    ),
    Spec(
        kind="INTEGRATION", words="NOTIFICATION INTEGRATION", create="CREATE INTEGRATION", check=_integration,
        required=("TYPE",),
        properties={
            "TYPE": "QUEUE", "ENABLED": True, "DIRECTION": "OUTBOUND", "NOTIFICATION_PROVIDER": "AWS_SNS",
            "AWS_SNS_TOPIC_ARN": None, "AWS_SNS_ROLE_ARN": None, "COMMENT": "",
        },
    ),
    Spec(
        kind="USER", words="USER", create="CREATE USER", check=_user,
        properties={
            "PASSWORD": None, "LOGIN_NAME": None, "DISPLAY_NAME": None, "FIRST_NAME": None, "LAST_NAME": None,
            "EMAIL": None, "MUST_CHANGE_PASSWORD": False, "DISABLED": False, "DEFAULT_WAREHOUSE": None,
            "DEFAULT_NAMESPACE": None, "DEFAULT_ROLE": None, "DEFAULT_SECONDARY_ROLES": None, "RSA_PUBLIC_KEY": None,
            "RSA_PUBLIC_KEY_2": None, "NETWORK_POLICY": None, "TYPE": None, "COMMENT": "",
        },
    ),
    Spec(
        kind="NETWORK POLICY", words="NETWORK POLICY", create="CREATE NETWORK POLICY", check=_network_policy,
        properties={"ALLOWED_IP_LIST": [], "BLOCKED_IP_LIST": [], "COMMENT": ""},
    ),
    Spec(
        kind="STAGE", words="STAGE", create=None, check=_stage,
        properties={
            "URL": "", "STORAGE_INTEGRATION": None, "CREDENTIALS": None, "ENCRYPTION": None, "FILE_FORMAT": None,
            "DIRECTORY": None, "USE_PRIVATELINK_ENDPOINT": False, "AWS_ACCESS_POINT_ARN": None, "COMMENT": "",
        },
    ),
    Spec(
        kind="FILE FORMAT", words="FILE FORMAT", create=None, check=_file_format,
        properties={"TYPE": "CSV", **JSON_FORMAT, "COMMENT": ""},
    ),
)  # fmt: skip


def defaults(kind: str) -> Properties:
    """The properties of a kind of object that has one form, with their defaults."""
    return next(spec.properties for spec in SPECS if spec.kind == kind)


def value(entry: Entry, key: str) -> Any:
    """A property of an object, or its default."""
    if key == "COMMENT":
        return entry.comment
    found = entry.properties.get(key)
    if found is not None:
        return found
    return next(
        (spec.properties[key] for spec in SPECS if spec.kind == entry.kind and key in spec.properties), None
    )


# -- statements


def _name(session: Session, statement: Statement, spec: Spec) -> Name:
    return statement.account_name() if spec.kind in ACCOUNT_KINDS else statement.name(session)


def _read(statement: Statement, spec: Spec) -> Properties:
    """The properties as written; those of a resource monitor end with its triggers."""
    statement.accept("WITH")
    found = statement.properties()
    if spec.kind == "RESOURCE MONITOR" and statement.accept("TRIGGERS"):
        found["TRIGGERS"] = _triggers(statement)
    statement.end()
    if unknown := sorted(found.keys() - spec.properties.keys()):
        raise unsupported(f"{', '.join(unknown)} of a {spec.words.lower()}")
    return found


def _triggers(statement: Statement) -> list[list[Any]]:
    found: list[list[Any]] = []
    while statement.accept("ON"):
        threshold = int(statement.word())
        statement.expect("PERCENT", "DO")
        action = statement.accept_any("NOTIFY", "SUSPEND_IMMEDIATE", "SUSPEND")
        if not action:
            raise compilation(f"no such trigger: {statement.rest()[:40]}", 1003, "42000")
        found.append([threshold, action])
    return found


def _kept(properties: Properties) -> Properties:
    """Comments have one place in every entry."""
    kept = dict(properties)
    if "COMMENT" in kept:
        kept["comment"] = kept.pop("COMMENT")
    return kept


def _create(spec: Spec) -> Any:
    def create(session: Session, statement: Statement) -> Result:
        name = _name(session, statement, spec)
        _may_create(session, spec, name)
        old = session.catalog.get(spec.kind, name)
        if old and statement.if_not_exists:
            return Result.status(f"{name.name} already exists, statement succeeded.")
        if old and not statement.replace:
            raise exists(name)
        given = _read(statement, spec)
        for key in spec.required:
            if key not in given:
                raise compilation(f"Missing option(s): [{key}]", 2029, "42601")
        if "TEMPORARY" in statement.modifiers or "TEMP" in statement.modifiers:
            raise unsupported(f"a temporary {spec.words.lower()}")
        properties = _kept(spec.check(session, name, given))
        if spec.kind == "INTEGRATION":
            properties["category"] = spec.words.split()[0]
        entry = Entry(kind=spec.kind, name=name, owner=session.role, properties=properties)
        if spec.kind not in ACCOUNT_KINDS:
            entry = access.with_future_grants(session, entry)
        session.catalog.put(session, entry)
        return Result.status(_created(spec, name))

    return create


def _created(spec: Spec, name: Name) -> str:
    what = {"STAGE": "Stage area", "FILE FORMAT": "File format"}.get(spec.kind, spec.words.capitalize())
    return f"{what} {name.name} successfully created."


def _may_create(session: Session, spec: Spec, name: Name) -> None:
    if spec.create is None:
        access.require_create(session, spec.kind, name)
    elif spec.create:
        access.require_account(session, spec.create.strip())
    elif session.role != access.ADMIN:
        raise compilation(f"Only {access.ADMIN} may create a {spec.words.lower()}.", 3001, "42501")


def _alter(spec: Spec) -> Any:
    def alter(session: Session, statement: Statement) -> Result:
        name = _name(session, statement, spec)
        if statement.if_exists and not session.catalog.get(spec.kind, name):
            return Result.status(SUCCESS)
        entry = _alterable(session, spec, name)
        if statement.peek() in ("SET", "UNSET") and statement.peek(1) == "TAG":
            from local.snowflake import tags  # noqa: PLC0415 (tags know these)

            session.catalog.put(session, tags.changed(session, statement, entry))
        elif statement.accept("SET"):
            given = spec.check(session, name, {**_flat(entry), **_read(statement, spec)})
            session.catalog.put(session, entry.having(**_kept(given)))
        elif statement.accept("UNSET"):
            keys = statement.names()
            if unknown := sorted(set(keys) - spec.properties.keys()):
                raise unsupported(f"{', '.join(unknown)} of a {spec.words.lower()}")
            session.catalog.put(session, entry.having(**_kept(dict.fromkeys(keys))))
        elif spec.kind == "WAREHOUSE" and statement.accept("SUSPEND"):
            session.catalog.put(session, entry.having(state="SUSPENDED"))
        elif spec.kind == "WAREHOUSE" and statement.accept("RESUME"):
            statement.accept("IF", "SUSPENDED")
            session.catalog.put(session, entry.having(state="STARTED"))
        elif statement.accept("RENAME", "TO"):
            new = _name(session, statement, spec)
            if session.catalog.get(spec.kind, new):
                raise exists(new)
            session.catalog.drop(session, spec.kind, name)
            session.catalog.put(
                session,
                Entry(
                    kind=spec.kind, name=new, owner=entry.owner, properties=entry.properties, grants=entry.grants,
                    created=entry.created,
                ),
            )  # fmt: skip
        else:
            raise unsupported(f"ALTER {spec.words} … {statement.rest()[:80]}")
        statement.end()
        return Result.status(SUCCESS)

    return alter


def _flat(entry: Entry) -> Properties:
    """The properties in force, for a check of what they become."""
    return {key: kept for key, kept in entry.properties.items() if re.fullmatch(r"[A-Z_]+", key)}


def _alterable(session: Session, spec: Spec, name: Name) -> Entry:
    if spec.kind == "WAREHOUSE":
        session.require("MODIFY", spec.kind, name)
        found = session.catalog.get(spec.kind, name)
        if found is None:
            raise missing(spec.kind, name)
        return found
    return access.require_owner(session, spec.kind, name)


def _drop(kind: str, words: str) -> Any:
    def drop(session: Session, statement: Statement) -> Result:
        spec = next(spec for spec in SPECS if spec.kind == kind)
        name = _name(session, statement, spec)
        statement.end()
        if statement.if_exists and not session.catalog.get(kind, name):
            return Result.status("Drop statement executed successfully.")
        if not session.catalog.get(kind, name):
            raise missing(words.lower(), name)
        access.require_owner(session, kind, name)
        if user := _in_use(session, kind, name):
            raise compilation(f"{spec.words.capitalize()} {name} is used by {user}.", 2034, "42601")
        session.catalog.drop(session, kind, name)
        return Result.status(f"{name.name} successfully dropped.")

    return drop


def _in_use(session: Session, kind: str, name: Name) -> str | None:
    """What would lose its way in with an integration, or its bounds with a network policy."""
    users = {"INTEGRATION": ("STAGE", "STORAGE_INTEGRATION"), "NETWORK POLICY": ("USER", "NETWORK_POLICY")}
    holder, key = users.get(kind, ("", ""))
    held = session.catalog.all(holder) if holder else ()
    used = (e.name for e in held if parts_of(str(value(e, key) or ""))[-1:] == [name.name])
    return next((f"{holder.lower()} {user}" for user in used), None)


def sns_policy(_session: Session, topic: str) -> str:
    """SYSTEM$GET_AWS_SNS_IAM_POLICY: the statement that lets the account's user subscribe to a topic."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "1",
                    "Effect": "Allow",
                    "Principal": {"AWS": IAM_USER},
                    "Action": ["sns:Subscribe"],
                    "Resource": [topic],
                }
            ],
        }
    )


IAM_USER = "arn:aws:iam::000000000000:user/snowflake"


def install(engine: Engine) -> None:
    """Answer the statements on these objects."""
    for spec in SPECS:
        engine.register(f"CREATE {spec.words}", _create(spec))
        engine.register(f"ALTER {spec.words}", _alter(spec))
        engine.register(f"DROP {spec.words}", _drop(spec.kind, spec.words))
    engine.register("DROP INTEGRATION", _drop("INTEGRATION", "INTEGRATION"))
    engine.register_function("SYSTEM$GET_AWS_SNS_IAM_POLICY", sns_policy)
