"""Makes the keys of tokens and their versions, as a rotation function of the secret store; and translates.

A rotation function is the one way to have a random key that neither a program nor its state ever sees. The
store calls it once for each of four steps, and may call any of them again.

No key is ever replaced: a rotation writes all that there are, and adds versions as far as the stack asks for
them (`TOKEN_VERSION`). So one that comes round on its schedule encrypts the secret anew and changes no token.
A token of an old version is translated into that of the newest by this function too, since it has the keys
anyway: who may invoke it learns no key, and of a token no more than which other one is the same.
"""

import os
from typing import NotRequired, TypedDict

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs] (it has no types)

from functions.shared import aws
from functions.shared.tokens import TokenKeyError, TokenKeys

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"
TRANSLATE = "translate"

logger = Logger(service="token_key")


class Event(TypedDict):
    """What the secret store hands over; or who asks for tokens in their newest version."""

    Step: str
    SecretId: str
    ClientRequestToken: NotRequired[str]
    Tokens: NotRequired[list[str]]


def rotate(event: Event, secrets: aws.SecretsManager, *, wanted: int) -> None:
    """Take one step of a rotation, to that many versions or as many as there are."""
    secret, version = event["SecretId"], event.get("ClientRequestToken", "")
    stages: dict[str, list[str]] = secrets.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
    current = next((name for name, labels in stages.items() if CURRENT in labels), None)
    match event["Step"]:
        case "createSecret":
            if _value(secrets, secret, version) is None:
                keys = _next(_value(secrets, secret, current) if current else None, wanted)
                secrets.put_secret_value(
                    SecretId=secret,
                    ClientRequestToken=version,
                    SecretBinary=keys.written(),
                    VersionStages=[PENDING],
                )
                logger.info("token keys written", extra={"version": version, "newest": keys.current})
        case "setSecret":
            pass  # nobody else has to learn the keys
        case "testSecret":
            made = TokenKeys.read(_value(secrets, secret, version) or b"")
            older = _value(secrets, secret, current) if current else None
            if older is not None and not made.continues(TokenKeys.read(older)):
                raise TokenKeyError(f"version {version} lacks keys that there are: nothing was changed")
        case "finishSecret":
            if current != version:
                moved = {"RemoveFromVersionId": current} if current else {}
                secrets.update_secret_version_stage(
                    SecretId=secret, VersionStage=CURRENT, MoveToVersionId=version, **moved
                )
        case step:
            raise TokenKeyError(f"unknown step {step!r}")


def translate(event: Event, secrets: aws.SecretsManager) -> dict[str, list[str]]:
    """Return tokens, each in its newest version, in the same order.

    Raises
    ------
    TokenKeyError
        If one of them is no token of a known version.
    """
    keys = TokenKeys.read(secrets.get_secret_value(SecretId=event["SecretId"]).get("SecretBinary", b""))
    return {"Tokens": [keys.translated(token) for token in event.get("Tokens", ())]}


def _next(current: bytes | None, wanted: int) -> TokenKeys:
    # None is a secret that nobody has written yet; whatever else is no keys must not be written over.
    return (TokenKeys.made() if current is None else TokenKeys.read(current)).up_to(wanted)


def _value(secrets: aws.SecretsManager, secret: str, version: str) -> bytes | None:
    try:
        found = secrets.get_secret_value(SecretId=secret, VersionId=version)
        text = found.get("SecretString")
        return found.get("SecretBinary") if text is None else text.encode()
    except ClientError as error:
        if aws.is_missing(error):
            return None
        raise


def handler(event: Event, context: object) -> dict[str, list[str]] | None:
    """Answer an invocation."""
    secrets = aws.client("secretsmanager")
    if event["Step"] == TRANSLATE:
        return translate(event, secrets)
    rotate(event, secrets, wanted=int(os.environ["TOKEN_VERSION"]))
    return None
