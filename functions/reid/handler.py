"""Re-identification as a Lambda function behind a REST API that asks IAM who calls.

The environment says what it works on:

`RULES`
    Who may ask for what, as JSON (`functions.reid.rules.Rules`).
`PII_KEY_ARN`
    The key that wrapped the data keys; the function may decrypt with it for the purpose `field`.
`TOKEN_KEY_SECRET_ARN`
    The secret with the keys of tokens: what was opened must have the token that was asked for.
`WAREHOUSE_SECRET_ARN`
    The secret by which it logs in to the warehouse (`functions.reid.snowflake.Account`).
`WAREHOUSE_ROLE`, `WAREHOUSE_COMPUTE`, `WAREHOUSE_DATABASE`
    As whom, with what and where it reads the vault.
`REQUESTS_TABLE`, `JOURNAL_TABLE`
    Its tables.
`SUBJECTS_TABLE`
    The table of the subjects' secrets, where the lake has one.

A value is in the answer's body and nowhere else: no log line, metric or exception of this function holds one.
"""

import os
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any

import urllib3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

import contracts
from functions.reid import openapi
from functions.reid.api import DOCUMENT, HEADERS, JSON, Answer, answer, internal
from functions.reid.journal import Entry
from functions.reid.problems import RefusedError, ReidError, UnreadableError
from functions.reid.rules import Rules, allowed_fields
from functions.reid.secrets import Secrets
from functions.reid.service import Service
from functions.reid.snowflake import Account, Place, SnowflakeVault
from functions.reid.store import Store
from functions.reid.vault import DENIED, Opener
from functions.shared import aws
from functions.shared.tokens import TokenKeys

NAMESPACE = "RetailLake"

logger = Logger(service="reid")
metrics = Metrics(namespace=NAMESPACE, service="reid")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The function's environment."""

    rules: str
    pii_key_arn: str
    token_key_secret_arn: str
    warehouse_secret_arn: str
    warehouse_role: str
    warehouse_compute: str
    warehouse_database: str
    requests_table: str
    journal_table: str
    subjects_table: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Environment":
        """Read it.

        Raises
        ------
        ValueError
            With every variable that is missing.
        """
        found = {one.name: environment.get(one.name.upper(), "") for one in fields(cls)}
        needed = {one.name for one in fields(cls) if one.default is MISSING}
        if missing := [name.upper() for name, value in found.items() if name in needed and not value]:
            raise ValueError(f"the function's environment lacks {', '.join(missing)}")
        return cls(**found)


def opener(environment: Environment) -> Opener:
    """Return what opens values: it needs both secrets, so it is made by the first reveal."""
    secrets: aws.SecretsManager = aws.client("secretsmanager")
    kept = secrets.get_secret_value(SecretId=environment.token_key_secret_arn).get("SecretBinary", b"")
    login = secrets.get_secret_value(SecretId=environment.warehouse_secret_arn)["SecretString"]
    place = Place(
        role=environment.warehouse_role,
        warehouse=environment.warehouse_compute,
        database=environment.warehouse_database,
    )
    return Opener(
        SnowflakeVault(Account.read(login), place, urllib3.PoolManager()),
        aws.client("kms"),
        Secrets(aws.client("dynamodb"), environment.subjects_table),
        key=environment.pii_key_arn,
        token_keys=TokenKeys.read(kept),
        allowed=allowed_fields(contracts.load()),
    )


@cache
def service() -> Service:
    """Return the container's service; made by the first invocation, and by the next if that failed."""
    environment = Environment.read(os.environ)
    store = Store(
        aws.client("dynamodb"), requests=environment.requests_table, journal=environment.journal_table
    )
    kept = cache(lambda: opener(environment))
    return Service(
        store,
        Rules.read(environment.rules),
        kept,
        subjects_table=environment.subjects_table,
        clock=time.time,
        noted=noted,
    )


def noted(entry: Entry) -> None:
    """Tell the log an entry's number and hash, by which a cut or rewritten journal is found; and count."""
    logger.info(
        "journal", extra={"number": entry["number"], "hash": entry["hash"], "action": entry["action"]}
    )
    metrics.add_metric(str(entry["action"]).capitalize(), MetricUnit.Count, 1)
    if entry["action"] == "revealed":
        metrics.add_metric("TokensRevealed", MetricUnit.Count, int(entry["tokens"]))
    if entry["action"] == "erased":
        metrics.add_metric("SubjectsErased", MetricUnit.Count, int(entry["subjects"]))


def _tell(error: ReidError) -> None:
    """Say why something was not done, by its name."""
    logger.warning("not done", extra={"problem": error.problem.name})
    if isinstance(error, UnreadableError):
        logger.error("a stored value does not open", extra={"cause": error.cause})
        metrics.add_metric("Unreadable", MetricUnit.Count, 1)
        if error.cause == DENIED:
            metrics.add_metric("DecryptDenied", MetricUnit.Count, 1)
    elif not isinstance(error, RefusedError):
        metrics.add_metric("Unavailable", MetricUnit.Count, 1)


def _answer(event: Mapping[str, Any]) -> Answer:
    method, path = event["httpMethod"], event["path"]
    if (method, path) == ("GET", DOCUMENT):
        return Answer(status=200, body=openapi.encoded(), headers={"Content-Type": JSON, **HEADERS})
    body: str = event.get("body") or ""
    try:
        raw = b64decode(body) if event.get("isBase64Encoded") else body.encode()
        arn = event["requestContext"]["identity"].get("userArn") or ""
        told, error = answer(service(), method=method, path=path, arn=arn, body=raw)
    except Exception as fault:
        # By its type alone: a message might quote what it was about.
        logger.error("a fault of ours", extra={"exception": type(fault).__name__})
        metrics.add_metric("Faults", MetricUnit.Count, 1)
        return internal()
    if error:
        _tell(error)
    return told


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answer a request of the REST API (Lambda proxy integration)."""
    told = _answer(event)
    metrics.add_metric("Calls", MetricUnit.Count, 1)
    metrics.flush_metrics()
    return {
        "statusCode": told.status,
        "headers": dict(told.headers),
        "body": told.body.decode(),
        "isBase64Encoded": False,
    }
