"""The SQL API of the laptop's Snowflake, asked by the client that the Re-ID service has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from functions.reid.problems import UnavailableError
from functions.reid.snowflake import Account, Place, SnowflakeVault
from local.snowflake.server import Running

PEM = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
TOKEN = "t" * 32


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Any]:
    with Running(tmp_path / "warehouse") as served:
        session = served.engine.session()
        for statement in (
            "CREATE DATABASE LAKE",
            "CREATE SCHEMA LAKE.GOVERNANCE",
            "CREATE WAREHOUSE QUERY",
            "CREATE ROLE REID_SERVICE",
            "CREATE ROLE ANALYST",
            "GRANT USAGE ON DATABASE LAKE TO ROLE REID_SERVICE",
            "GRANT USAGE ON SCHEMA LAKE.GOVERNANCE TO ROLE REID_SERVICE",
            "CREATE TABLE LAKE.GOVERNANCE.PII_VAULT (TOKEN VARCHAR, KIND VARCHAR, SOURCE VARCHAR, FIELD VARCHAR, "
            "CIPHERTEXT VARCHAR, DATA_KEY VARCHAR, FIRST_SEEN TIMESTAMP_NTZ, LAST_SEEN TIMESTAMP_NTZ, "
            "SUBJECT_ID VARCHAR)",
            "GRANT SELECT ON TABLE LAKE.GOVERNANCE.PII_VAULT TO ROLE REID_SERVICE",
            f"INSERT INTO LAKE.GOVERNANCE.PII_VAULT VALUES ('{TOKEN}', 'email', 'pos', 'customer.email', 'Yw==', 'aw==', "
            "'2026-01-01 00:00:00', '2026-01-02 03:04:05.678', NULL)",
            f"INSERT INTO LAKE.GOVERNANCE.PII_VAULT VALUES ('{TOKEN}', 'phone', 'pos', 'customer.phone', 'Yw==', 'aw==', "
            "'2026-01-01 00:00:00', '2026-01-02 03:04:05.678', 'c3ViamVjdHN1YmplY3Rz')",
        ):
            session.execute(statement)
        session.close()
        yield served


def vault(running: Any, role: str = "REID_SERVICE") -> SnowflakeVault:
    account = Account(
        url=f"http://127.0.0.1:{running.port}", account="laptop", user="reid", private_key=PEM.decode()
    )
    place = Place(role=role, warehouse="QUERY", database="LAKE")
    return SnowflakeVault(account, place, urllib3.PoolManager())


def test_the_vault_is_read_as_the_service_s_role(running: Any) -> None:
    (row,) = vault(running).find("email", [TOKEN, "'; DROP TABLE PII_VAULT --"])
    assert (row.token, row.source, row.path) == (TOKEN, "pos", "customer.email")
    assert row.last_seen == "2026-01-02 03:04:05.678"
    assert row.subject == ""
    assert vault(running).find("email", ["x" * 32]) == []
    assert {row.subject for row in vault(running).find(None, [TOKEN])} == {"", "c3ViamVjdHN1YmplY3Rz"}


def test_another_role_does_not_read_it(running: Any) -> None:
    for role in ("ANALYST", "NOBODY"):
        with pytest.raises(UnavailableError):
            vault(running, role).find("email", [TOKEN])


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer a.b.c"}])
def test_who_says_not_who_he_is_is_refused(running: Any, headers: dict[str, str]) -> None:
    told = {**headers, "X-Snowflake-Authorization-Token-Type": "KEYPAIR_JWT"}
    url = f"http://127.0.0.1:{running.port}/api/v2/statements"
    answer = urllib3.request("POST", url, headers=told, body=b'{"statement": "SELECT 1"}')
    assert (answer.status, answer.json()["code"]) == (401, "390144")
