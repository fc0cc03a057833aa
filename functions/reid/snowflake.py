"""The vault in Snowflake, asked by its SQL API: one HTTPS request and a signed token, no driver.

The driver would be 40 MB in the functions' package, which every function carries, and half a second of
imports in a cold start; of all that it can we need one SELECT. The API takes bindings as a statement does, so
nothing is ever put into its text.
"""

import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
import urllib3
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from functions.reid.problems import UnavailableError
from functions.reid.vault import Row

# What a row is, in the order in which the statement asks for it.
COLUMNS = ("token", "kind", "source", "path", "ciphertext", "data_key", "last_seen", "subject")
# When it was last seen is a text that sorts as the time does.
STATEMENT = (
    "SELECT TOKEN, KIND, SOURCE, FIELD, CIPHERTEXT, DATA_KEY, "
    "TO_VARCHAR(LAST_SEEN, 'YYYY-MM-DD HH24:MI:SS.FF3'), COALESCE(SUBJECT_ID, '') "
    "FROM GOVERNANCE.PII_VAULT WHERE TOKEN IN ({})"
)
OF_A_KIND = " AND KIND = ?"
# A warehouse that sleeps takes seconds to wake; the front door waits 29.
TIMEOUT_SECONDS = 22
TOKEN_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Account:
    """The secret by which the service logs in, as JSON: what of Snowflake only an operator knows.

    Parameters
    ----------
    url
        `https://<organisation>-<account>.snowflakecomputing.com`; plain HTTP on this machine only.
    account, user
        As Snowflake spells them.
    private_key
        PEM; its public half is the user's.
    """

    url: str
    account: str
    user: str
    private_key: str = field(repr=False)

    @classmethod
    def read(cls, text: str) -> "Account":
        """Read the secret.

        Raises
        ------
        ValueError
            If it is not what it should be; says what is missing, and nothing of what is there.
        """
        told: Mapping[str, str] = orjson.loads(text)
        names = ("url", "account", "user", "private_key")
        if missing := [name for name in names if not told.get(name)]:
            raise ValueError(f"the warehouse's secret lacks {', '.join(missing)}")
        url = urlsplit(told["url"])
        if url.scheme != "https" and url.hostname != "127.0.0.1":
            raise ValueError("the warehouse's secret: url must begin with https://")
        return cls(**{name: told[name] for name in names})


@dataclass(frozen=True, kw_only=True)
class Place:
    """As whom, with what and where the statement runs."""

    role: str
    warehouse: str
    database: str


class Http(Protocol):
    """What sends requests."""

    def request(self, method: str, url: str, **arguments: Any) -> urllib3.BaseHTTPResponse:
        """Send one."""
        ...


class SnowflakeVault:
    """The vault's table, read by the service's user."""

    def __init__(
        self,
        account: Account,
        place: Place,
        http: Http,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._account, self._place, self._http, self._clock = account, place, http, clock
        key = load_pem_private_key(account.private_key.encode(), password=None)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("the warehouse's secret: private_key is not an RSA key")
        self._key = key
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self._fingerprint = "SHA256:" + b64encode(sha256(public).digest()).decode()

    def find(self, kind: str | None, tokens: Sequence[str]) -> Sequence[Row]:
        """Return all rows of tokens of a kind, or of every kind."""
        texts = [*tokens, *([kind] if kind else [])]
        statement = STATEMENT.format(", ".join("?" * len(tokens))) + (OF_A_KIND if kind else "")
        body = {
            "statement": statement,
            "timeout": TIMEOUT_SECONDS,
            "bindings": {str(at): {"type": "TEXT", "value": text} for at, text in enumerate(texts, 1)},
            **vars(self._place),
        }
        answer = self._send("POST", "/api/v2/statements", body)
        rows: list[list[str]] = answer["data"]
        parts = answer["resultSetMetaData"].get("partitionInfo", [])
        for number in range(1, len(parts)):
            path = f"/api/v2/statements/{answer['statementHandle']}?partition={number}"
            rows += self._send("GET", path)["data"]
        return [Row(**dict(zip(COLUMNS, row, strict=True))) for row in rows]

    def _send(self, method: str, path: str, body: object = None) -> Any:
        headers = {
            "Authorization": f"Bearer {self._token()}",
            "X-Snowflake-Authorization-Token-Type": "KEYPAIR_JWT",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "retaillake-reid",
        }
        try:
            answer = self._http.request(
                method,
                self._account.url + path,
                headers=headers,
                body=orjson.dumps(body) if body else None,
                timeout=urllib3.Timeout(connect=3, read=TIMEOUT_SECONDS + 1),
                retries=False,
            )
        except urllib3.exceptions.HTTPError:
            raise UnavailableError("the warehouse") from None
        # 202 says that it still runs: what it would say later, nobody waits for.
        if answer.status != 200:
            raise UnavailableError("the warehouse")
        return orjson.loads(answer.data)

    def _token(self) -> str:
        """Return a token that says who we are, signed with the user's key."""
        now, user = int(self._clock()), f"{self._account.account}.{self._account.user}".upper()
        claims = {
            "iss": f"{user}.{self._fingerprint}",
            "sub": user,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        head = _url64(orjson.dumps({"alg": "RS256", "typ": "JWT"}))
        signed = f"{head}.{_url64(orjson.dumps(claims))}"
        return f"{signed}.{_url64(self._key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _url64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
