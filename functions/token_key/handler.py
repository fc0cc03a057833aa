"""Makes the first version of the token key, as a rotation function of the secret store.

A rotation function is the one way to have a random key that neither a program nor its state ever sees. The
store calls it once for each of four steps, and may call any of them again.

Only the first version is made. Tokens join data across sources and years; with another key no old token would
equal a new one, silently. So a rotation that finds a current key refuses, the rotation shows as failed, and
the key stays. To replace it is a migration: new tokens beside the old ones, and a join on both.
"""

import os
from typing import TypedDict

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs] (it has no types)

from functions.shared import aws
from functions.shared.protection import KEY_BYTES

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"

logger = Logger(service="token_key")


class RotationEvent(TypedDict):
    """What the secret store hands over."""

    Step: str
    SecretId: str
    ClientRequestToken: str


class TokenKeyError(Exception):
    """A rotation that must not go on."""


def rotate(event: RotationEvent, secrets: aws.SecretsManager) -> None:
    """Take one step of a rotation."""
    secret, version = event["SecretId"], event["ClientRequestToken"]
    stages: dict[str, list[str]] = secrets.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
    current = next((name for name, labels in stages.items() if CURRENT in labels), None)
    if current not in (None, version):
        raise TokenKeyError(
            "there is a token key already, and with another one no old token would equal a new one: "
            "nothing was changed; remove the rotation's schedule, or migrate as the docs say"
        )
    match event["Step"]:
        case "createSecret":
            if _value(secrets, secret, version) is None:
                secrets.put_secret_value(
                    SecretId=secret,
                    ClientRequestToken=version,
                    SecretBinary=os.urandom(KEY_BYTES),
                    VersionStages=[PENDING],
                )
                logger.info("token key made", extra={"version": version})
        case "setSecret":
            pass  # nobody else has to learn the key
        case "testSecret":
            if len(_value(secrets, secret, version) or b"") != KEY_BYTES:
                raise TokenKeyError(f"version {version} is no key of {KEY_BYTES} bytes")
        case "finishSecret":
            if current is None:
                secrets.update_secret_version_stage(
                    SecretId=secret, VersionStage=CURRENT, MoveToVersionId=version
                )
        case step:
            raise TokenKeyError(f"unknown step {step!r}")


def _value(secrets: aws.SecretsManager, secret: str, version: str) -> bytes | None:
    try:
        return secrets.get_secret_value(SecretId=secret, VersionId=version).get("SecretBinary")
    except ClientError as error:
        if aws.is_missing(error):
            return None
        raise


def handler(event: RotationEvent, context: object) -> None:
    """Answer an invocation."""
    rotate(event, aws.client("secretsmanager"))
