"""The port: what Snowflake's drivers say over HTTP, answered by the engine.

``python -m local.snowflake.server --port N --data DIR --aws URL [--memory 2GB]`` listens on 127.0.0.1 only. The
catalogue is restored before the port opens. ``GET /health`` answers once it does.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import logging
import re
import secrets
import socket
import threading
import traceback
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from fakesnow.converter import from_binding
from snowflake.connector.errors import Error, ProgrammingError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from local.snowflake import access, context, objects, sqlapi, wire
from local.snowflake.engine import ADMIN, Engine
from local.snowflake.names import Name, parts_of
from local.snowflake.result import DML, Result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import fsspec
    from starlette.requests import Request

    from local.snowflake.session import Session

log = logging.getLogger("warehouse")
HOST = "127.0.0.1"
SELECT, INSERT, OTHER_DML = 0x1000, 0x3100, 0x3000


class Server:
    """Sessions by token, and the routes of Snowflake's protocol."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sessions: dict[str, Session] = {}

    def app(self) -> Starlette:
        """The application."""

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            self.engine.start()
            yield
            await run_in_threadpool(self.engine.stop)

        return Starlette(
            lifespan=lifespan,
            routes=[
                Route("/health", self.health, methods=["GET"]),
                Route("/session/v1/login-request", self.login, methods=["POST"]),
                Route("/session", self.session, methods=["POST"]),
                Route("/session/heartbeat", self.session, methods=["POST"]),
                Route("/session/token-request", self.session, methods=["POST"]),
                Route("/queries/v1/query-request", self.query, methods=["POST"]),
                Route("/queries/v1/abort-request", self.abort, methods=["POST"]),
                Route("/api/v2/statements", self.statement, methods=["POST"]),
                Route("/telemetry/send", self.telemetry, methods=["POST"]),
                Route("/telemetry/send/sessionless", self.telemetry, methods=["POST"]),
            ],
        )

    async def health(self, _request: Request) -> JSONResponse:
        """Alive, with the catalogue restored."""
        return JSONResponse(
            {"status": "ok", "databases": self.engine.databases(), "sessions": len(self.sessions)}
        )

    async def telemetry(self, _request: Request) -> JSONResponse:
        """Drivers report home; nobody listens."""
        return JSONResponse({"success": True})

    async def login(self, request: Request) -> JSONResponse:
        """Open a session: any user, a role that exists."""
        data = (await _json(request))["data"]
        wanted = {
            key: request.query_params.get(key)
            for key in ("databaseName", "schemaName", "roleName", "warehouse")
        }
        try:
            address = request.client.host if request.client else ""
            session = await run_in_threadpool(self._open, data, wanted, address)
        except Error as fault:
            return _refused(fault)
        token = secrets.token_urlsafe(32)
        self.sessions[token] = session
        place = {
            "databaseName": session.database,
            "schemaName": session.schema,
            "warehouseName": session.warehouse,
            "roleName": session.role,
        }
        parameters = [
            {"name": "AUTOCOMMIT", "value": session.autocommit},
            {"name": "TIMEZONE", "value": "Etc/UTC"},
            {"name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "value": 3600},
            {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
            {"name": "CLIENT_TELEMETRY_ENABLED", "value": False},
        ]
        return JSONResponse(
            {
                "success": True,
                "data": {
                    "token": token,
                    "masterToken": secrets.token_urlsafe(32),
                    "serverVersion": context.VERSION,
                    "validityInSeconds": 86400,
                    "parameters": parameters,
                    "sessionInfo": place,
                    "sessionId": int(session.id[:12], 16),
                },
            }
        )

    def _open(self, data: dict[str, Any], wanted: dict[str, str | None], address: str) -> Session:
        user = (data.get("LOGIN_NAME") or "").strip() or "ANONYMOUS"
        self._admit(user, address)
        role = parts_of(wanted["roleName"])[0] if wanted["roleName"] else ""
        registered = self.engine.catalog.get("USER", Name.account(user.upper()))
        if not role and registered:
            role = parts_of(str(objects.value(registered, "DEFAULT_ROLE") or ""))[-1:]
            role = role[0] if role else ""
        role = role or (ADMIN if user.upper() == "ADMIN" else "PUBLIC")
        names = [parts_of(wanted[key] or "") for key in ("databaseName", "schemaName", "warehouse")]
        database, schema, warehouse = (parts[-1] if parts else None for parts in names)
        session = self.engine.session(
            role=role, user=user, database=database, schema=schema, warehouse=warehouse
        )
        try:
            if not access.may_use_role(session, role):
                raise ProgrammingError(
                    msg=f"Role '{role}' specified in the connect string does not exist or not authorized. Contact your "
                    "local system administrator, or attempt to login with another role.", errno=390189, sqlstate="08001",
                )  # fmt: skip
            for key, value in (data.get("SESSION_PARAMETERS") or {}).items():
                if not key.upper().startswith("CLIENT_"):
                    context.set_parameter(session, key.upper(), value)
        except BaseException:
            session.close()
            raise
        return session

    def _admit(self, user: str, address: str) -> None:
        """Refuse a user whose network policy does not let that address in."""
        catalog = self.engine.catalog
        registered = catalog.get("USER", Name.account(user.upper()))
        name = objects.value(registered, "NETWORK_POLICY") if registered else None
        policy = catalog.get("NETWORK POLICY", Name.account(parts_of(str(name))[-1])) if name else None
        if name and (policy is None or not objects.admits(policy, address)):
            raise ProgrammingError(
                msg=f"Incoming request with IP/Token {address} is not allowed to access Snowflake. Contact your account "
                "administrator.", errno=390422, sqlstate="08001",
            )  # fmt: skip

    async def session(self, request: Request) -> JSONResponse:
        """Heartbeat, or the end of a session."""
        token = _token(request)
        if token not in self.sessions:
            return _gone()
        if request.query_params.get("delete"):
            await run_in_threadpool(self.sessions.pop(token).close)
        return JSONResponse({"data": None, "code": None, "message": None, "success": True})

    async def abort(self, request: Request) -> JSONResponse:
        """Stop what the session runs."""
        if session := self.sessions.get(_token(request)):
            session.duck.interrupt()
        return JSONResponse({"data": None, "success": True})

    async def query(self, request: Request) -> JSONResponse:
        """Run a statement."""
        session = self.sessions.get(_token(request))
        if session is None:
            return _gone()
        asked = await _json(request)
        try:
            count = int((asked.get("parameters") or {}).get("MULTI_STATEMENT_COUNT", 1))
            if count != 1:
                raise ProgrammingError(msg="Send statements one by one.", errno=8, sqlstate="0A000")
            result = await run_in_threadpool(_execute, session, asked)
        except Error as fault:
            log.info("%s: %s", session.role, _without_values(str(fault.msg)))
            return _refused(fault)
        except Exception as fault:
            return _refused(_unforeseen(fault))
        return await run_in_threadpool(_answer, session, result)

    async def statement(self, request: Request) -> JSONResponse:
        """Run one statement of the SQL API, in a session of its own."""
        try:
            user, asked = sqlapi.user_of(request.headers), await _json(request)
            address = request.client.host if request.client else ""
            return JSONResponse(await run_in_threadpool(self._state, user, asked, address))
        except Error as fault:
            log.info("sql api: %s", _without_values(str(fault.msg)))
            status, body = sqlapi.refused(fault)
        except Exception as fault:
            status, body = sqlapi.refused(_unforeseen(fault))
        return JSONResponse(body, status_code=status)

    def _state(self, user: str, asked: dict[str, Any], address: str) -> dict[str, Any]:
        session = self._open({"LOGIN_NAME": user}, sqlapi.wanted(asked), address)
        try:
            return sqlapi.answered(
                _execute(session, {"sqlText": asked["statement"], "bindings": asked.get("bindings")})
            )
        finally:
            session.close()


def _execute(session: Session, asked: dict[str, Any]) -> Result:
    sql, bindings = asked["sqlText"], asked.get("bindings")
    if not bindings:
        return session.execute(sql)
    if any(isinstance(binding["value"], list) for binding in bindings.values()):
        return _execute_rows(session, sql, bindings)
    return session.execute(sql, {key: _value(binding) for key, binding in bindings.items()})


def _execute_rows(session: Session, sql: str, bindings: dict[str, Any]) -> Result:
    """An array binding is one statement over many rows: all or none."""
    columns = {key: [_value({**b, "value": v}) for v in b["value"]] for key, b in bindings.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    with session.atomic():
        results = [session.execute(sql, row) for row in rows]
    return Result.counts(results[0].columns, [sum(result.rowcount for result in results)])


def _value(binding: dict[str, Any]) -> Any:
    if binding["value"] is None:
        return None
    if binding["type"] == "REAL":
        return float(binding["value"])
    if binding["type"] == "FIXED":
        return Decimal(binding["value"])
    found = from_binding(binding)
    if binding["type"] == "TIMESTAMP_NTZ" and isinstance(found, datetime):
        return found.replace(tzinfo=None)
    return found


def _answer(session: Session, result: Result) -> JSONResponse:
    return JSONResponse(
        {
            "success": True,
            "data": {
                "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
                "rowtype": wire.row_type(result),
                "total": result.table.num_rows,
                "returned": result.table.num_rows,
                "queryId": result.query_id,
                "statementTypeId": OTHER_DML if result.statement == DML else SELECT,
                "finalDatabaseName": session.database,
                "finalSchemaName": session.schema,
                "finalRoleName": session.role,
                "finalWarehouseName": session.warehouse,
                **wire.body(result),
            },
        }
    )


async def _json(request: Request) -> dict[str, Any]:
    data = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        data = gzip.decompress(data)
    return json.loads(data)


def _token(request: Request) -> str:
    found = re.search(r'Token="([^"]*)"', request.headers.get("Authorization", ""))
    return found[1] if found else ""


def _gone() -> JSONResponse:
    return JSONResponse(
        {"data": None, "code": "390104", "message": "The session is over: log in again.", "success": False}
    )


def _refused(fault: Error) -> JSONResponse:
    code = f"{fault.errno or 0:06d}"
    return JSONResponse(
        {
            "data": {"errorCode": code, "sqlState": fault.sqlstate, "internalError": False},
            "code": code,
            "message": fault.raw_msg or fault.msg,
            "success": False,
        }
    )


def _unforeseen(fault: Exception) -> ProgrammingError:
    """A defect of ours: told to the driver, which would try again for ever at an HTTP error, and to the log, where its
    message is left out because it may quote a value.
    """
    where = "".join(traceback.format_tb(fault.__traceback__))
    log.error("unforeseen %s\n%s", type(fault).__name__, where)
    return ProgrammingError(
        msg=f"Internal error of the laptop's Snowflake: {type(fault).__name__} (its log says where)",
        errno=300002,
        sqlstate="XX000",
    )


def _without_values(message: str) -> str:
    """A message for the log, where no value of anybody's may stand."""
    first = message.removeprefix("SQL compilation error:\n").partition("\n")[0]
    return re.sub(r"'(?:[^']|'')*'", "'…'", first)[:200]


# -- the process


def storage(endpoint: str) -> fsspec.AbstractFileSystem:
    """The file system that answers ``s3://`` from the laptop's AWS."""
    import s3fs  # noqa: PLC0415 (slow to import, and not needed without a lake)

    return s3fs.S3FileSystem(
        key="test",
        secret="test",  # noqa: S106 (the emulator's root user; it guards nothing)
        endpoint_url=endpoint,
        client_kwargs={"region_name": "eu-central-1"},
        config_kwargs={"proxies": {}, "s3": {"addressing_style": "path"}},
        use_listings_cache=False,
        skip_instance_cache=True,
    )


class Running:
    """A server in a thread of this process, for tests and tools; use as a context manager."""

    def __init__(self, data: Path, *, aws: str | None = None, memory: str = "2GB") -> None:
        self.engine = Engine(data, memory=memory, storage=storage(aws) if aws else None, aws=aws)
        self._socket = socket.create_server((HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(Server(self.engine).app(), log_level="warning", access_log=False)
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._uvicorn.serve(sockets=[self._socket])), daemon=True
        )

    def __enter__(self) -> Running:
        self._thread.start()
        while not self._uvicorn.started and self._thread.is_alive():
            self._thread.join(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._uvicorn.should_exit = True
        self._thread.join(timeout=30)


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="local.snowflake.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--aws", default=None, help="address of the laptop's AWS")
    parser.add_argument("--memory", default="2GB", help="DuckDB's memory limit")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for noisy in ("snowflake.connector", "botocore", "s3fs", "aiobotocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    engine = Engine(
        given.data, memory=given.memory, storage=storage(given.aws) if given.aws else None, aws=given.aws
    )
    log.info("restored %d databases, listening on %s:%d", len(engine.databases()), HOST, given.port)
    uvicorn.run(
        Server(engine).app(),
        host=HOST,
        port=given.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=60,
    )


if __name__ == "__main__":
    main()
