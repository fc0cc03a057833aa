"""The laptop's people at the front door of re-identification, and the service's way into the warehouse.

Anybody on this machine may be any person with any of the roles that the stack's settings name: the emulator
gives a session of the role with the person's name, and the request is signed with it as anywhere. What the
gateway tells the function of its caller is what it resolved from that signature's key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from local.processes import HOST
from local.state import Lake, LakeError, aws_client

ROLES = {"ask": "marketing-ops", "decide": "privacy-officer"}  # as Pulumi.local.yaml names them
TIMEOUT = 40.0
SERVICE_USER = "REID"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the service answered."""

    status: int
    body: dict[str, Any]
    media: str


def let_in(lake: Lake) -> None:
    """Put a key pair for the warehouse into the service's secret; the operator's part, where there is one.

    A key is made each time and is nowhere else: the laptop's warehouse looks at none.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 (slow, and `status` needs none)
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    if "reid" not in lake.outputs:
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    login = {
        "url": f"http://{HOST}:{lake.warehouse.port}",
        "account": lake.warehouse.account,
        "user": SERVICE_USER,
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }
    secrets = lake.boto("secretsmanager")
    secrets.put_secret_value(SecretId=lake.outputs["reid"]["login"], SecretString=json.dumps(login))


class Door:
    """Calls to the service, as one person with one role."""

    def __init__(self, lake: Lake, person: str, role: str) -> None:
        if "reid" not in lake.outputs:
            raise LakeError("this lake has no re-identification: see `reid` in Pulumi.local.yaml")
        self._url: str = lake.outputs["reid"]["url"]
        self._region = lake.region
        self._session = self._assume(lake, person, role)

    def call(self, method: str, path: str, body: object = None) -> Answer:
        """Send one signed request; `path` is below the service's address."""
        import urllib3  # noqa: PLC0415

        url, data = self._url + path, b"" if body is None else json.dumps(body).encode()
        headers = self.sign(method, url, data, {"Content-Type": "application/json"} if data else {})
        answer = urllib3.request(method, url, body=data, headers=headers, timeout=TIMEOUT, retries=False)
        media = answer.headers.get("Content-Type", "").partition(";")[0]
        return Answer(status=answer.status, body=answer.json() if answer.data else {}, media=media)

    def sign(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of a request, with the person's signature over it."""
        from botocore.auth import SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        SigV4Auth(self._session, "execute-api", self._region).add_auth(request)
        return dict(request.headers.items())

    @staticmethod
    def _assume(lake: Lake, person: str, role: str) -> Any:
        from botocore.credentials import Credentials  # noqa: PLC0415

        iam, sts = lake.boto("iam"), aws_client("sts", lake.endpoint, lake.region)
        account = sts.get_caller_identity()["Account"]
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)
        arn = f"arn:aws:iam::{account}:role/{role}"
        made = sts.assume_role(RoleArn=arn, RoleSessionName=person)["Credentials"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What an erasure did, and what is seen of it.

    Parameters
    ----------
    reveal
        How a reveal of the token is refused afterwards; None if it is not.
    before, after
        How many rows each table of PRODUCTION has.
    """

    answer: Answer
    reveal: str | None
    before: Mapping[str, int]
    after: Mapping[str, int]


def erase(lake: Lake, token: str, why: str, *, officer: str, marketing: str) -> Erasure:
    """Erase whoever a token stands for, through the service; then try to reveal it.

    Raises
    ------
    LakeError
        If the service refuses the erasure.
    """
    before = _counts(lake)
    asked = {"tokens": [token], "justification": why}
    answer = Door(lake, officer, ROLES["decide"]).call("POST", "/erasures", asked)
    if answer.status != HTTPStatus.OK:
        raise LakeError(f"the erasure was refused: {answer.body.get('title', answer.status)}")
    return Erasure(
        answer=answer,
        reveal=_refusal(lake, token, why, officer=officer, marketing=marketing),
        before=before,
        after=_counts(lake),
    )


def _refusal(lake: Lake, token: str, why: str, *, officer: str, marketing: str) -> str | None:
    """Go the whole way of a request, and return the problem that its reveal is; None if it tells a value."""
    jane, olga = Door(lake, marketing, ROLES["ask"]), Door(lake, officer, ROLES["decide"])
    with closing(lake.connect(role="REID_SERVICE", schema="GOVERNANCE")) as session:
        found = session.cursor().execute("SELECT DISTINCT KIND FROM PII_VAULT WHERE TOKEN = %s", (token,))
        kinds = [str(row[0]) for row in found.fetchall()] if found else []  # type: ignore[index]
    asked = {"purpose": "recall", "kind": kinds[0] if kinds else "email", "tokens": [token]}
    request = jane.call("POST", "/requests", {**asked, "justification": why})
    if request.status != HTTPStatus.CREATED:
        return str(request.body.get("title"))
    path = f"/requests/{request.body['id']}"
    olga.call("POST", f"{path}/approve")
    told = jane.call("POST", f"{path}/reveal")
    return None if told.status == HTTPStatus.OK else f"{told.status} {told.body.get('title')}"


def _counts(lake: Lake) -> dict[str, int]:
    """Return how many rows each table of PRODUCTION has."""
    with closing(lake.connect(schema="PRODUCTION")) as session, closing(session.cursor()) as cursor:
        cursor.execute(
            "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'PRODUCTION' ORDER BY 1"
        )
        names = [str(row[0]) for row in cursor.fetchall()]  # type: ignore[index]
        counted: dict[str, int] = {}
        for name in names:
            cursor.execute(f'SELECT COUNT(*) FROM PRODUCTION."{name}"')
            counted[name] = int(cursor.fetchone()[0])  # type: ignore[index]
    return counted


def journal_faults(lake: Lake) -> list[str]:
    """What is wrong with the journal, beside the requests that are still there."""
    from functions.reid.verify import faults  # noqa: PLC0415

    kept = lake.outputs["reid"]
    return faults(lake.boto("dynamodb"), journal=kept["journal"], requests=kept["requests"])


def journal(lake: Lake) -> list[dict[str, Any]]:
    """The journal's entries, from the beginning."""
    from functions.reid.store import Store  # noqa: PLC0415

    kept = lake.outputs["reid"]
    store = Store(lake.boto("dynamodb"), requests=kept["requests"], journal=kept["journal"])
    return [dict(entry) for entry in store.entries()]
