"""Re-identification's role, keys and table policy as the program declares them, enforced by the emulator.

What the emulator cannot do is taken out first, as in `test_least_privilege`, and it does not ask the policies
of tables: that those are declared is held by tests/program/test_least_privilege.py.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.reid.secrets import Secrets
from functions.reid.store import Request, Store
from local.standin import run_in_process
from tests.e2e.test_least_privilege import (
    CONTEXT,
    ROOT,
    clients,
    endpoint,
    enforceable,
    refused,
)
from tests.reid.kit import tables

__all__ = ["clients", "endpoint"]
pytestmark = pytest.mark.xdist_group("third-source")
ROLE = "retaillake-local-reid"
NAMES = ("retaillake-local-reid-requests", "retaillake-local-reid-journal", "retaillake-local-subjects")


class Deployed:
    """The service's role, its keys and its tables."""

    def __init__(self, clients: Callable[..., Any]) -> None:
        run = run_in_process(ROOT, "local")
        of = {(resource.type.split(":")[-1], resource.name): resource for resource in run.resources}
        kms, iam, sts, dynamodb = (clients(name) for name in ("kms", "iam", "sts", "dynamodb"))
        account = sts.get_caller_identity()["Account"]
        declared = of["Key", "retaillake-local-pii"].outputs["arn"].split(":")[4]
        renamed: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        for name in ("pii", "operations"):
            resource = of["Key", f"retaillake-local-{name}"]
            policy = enforceable(resource.inputs["policy"]).replace(declared, account)
            made = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
            self.keys[name] = renamed[resource.outputs["arn"]] = made
        tables(dynamodb, NAMES)
        text = enforceable(of["RolePolicy", ROLE].inputs["policy"], **renamed)
        self.session = self._session(iam, sts, account)
        iam.put_role_policy(RoleName=ROLE, PolicyName="all", PolicyDocument=text.replace(declared, account))

    @staticmethod
    def _session(iam: Any, sts: Any, account: str) -> dict[str, str]:
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        made = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        return {key: made[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")}


@pytest.fixture(scope="module")
def deployed(clients: Callable[..., Any]) -> Deployed:
    return Deployed(clients)


@pytest.fixture
def as_reid(clients: Callable[..., Any], deployed: Deployed) -> Callable[[str], Any]:
    return lambda service: clients(service, deployed.session)


def request(id_: str) -> Request:
    return Request(
        id=id_,
        status="pending",
        purpose="recall",
        kind="email",
        justification="A recalled product",
        tokens=("t" * 32,),
        tokens_hash="h",
        count=1,
        asked_by="jane",
        asked_at=1,
        expires_at=2**31,
        forget_at=2**31,
    )


def test_its_whole_way_is_allowed(as_reid: Callable[[str], Any], clients: Any, deployed: Deployed) -> None:
    store = Store(as_reid("dynamodb"), requests=NAMES[0], journal=NAMES[1])
    one = request("1")
    store.ask(one, {"action": "requested"}, day="2026-01-01", most=10)
    store.decide(one, {"action": "approved"}, status="approved", by="olga", now=2)
    store.reveal(one, {"action": "revealed"}, by="jane", now=3)
    store.note({"action": "refused"})
    assert [entry["number"] for entry in store.entries()] == [1, 2, 3, 4]
    found = store.find("1")
    assert found is not None
    assert (found.status, found.tokens) == ("revealed", ())
    subject = {"subject": {"B": b"s" * 16}, "secret": {"B": b"x" * 32}}
    clients("dynamodb").put_item(TableName=NAMES[2], Item=subject)
    secrets = Secrets(as_reid("dynamodb"), NAMES[2])
    assert secrets.known([b"s" * 16]) == {b"s" * 16: b"x" * 32}
    store.erase({"action": "erased"}, NAMES[2], [b"s" * 16])
    assert secrets.known([b"s" * 16]) == {}
    key = deployed.keys["pii"]
    wrapped = clients("kms").encrypt(KeyId=key, Plaintext=b"k" * 32, EncryptionContext=CONTEXT)
    opened = as_reid("kms").decrypt(
        KeyId=key, CiphertextBlob=wrapped["CiphertextBlob"], EncryptionContext=CONTEXT
    )
    assert opened["Plaintext"] == b"k" * 32


def test_it_encrypts_nothing_and_administers_nothing(
    as_reid: Callable[[str], Any], deployed: Deployed
) -> None:
    kms, key = as_reid("kms"), deployed.keys["pii"]
    assert refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"k", EncryptionContext=CONTEXT))
    assert refused(lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"))
    assert refused(lambda: kms.put_key_policy(KeyId=key, PolicyName="default", Policy="{}"))
    assert refused(lambda: as_reid("s3").list_buckets())
    assert refused(lambda: as_reid("dynamodb").list_tables())


ENTRY = {"chain": {"S": "reid"}, "number": {"N": "1"}}
CHANGES: dict[str, Callable[[Any], Any]] = {
    "update": lambda table: table.update_item(
        TableName=NAMES[1],
        Key=ENTRY,
        UpdateExpression="SET why = :why",
        ExpressionAttributeValues={":why": {"S": "x"}},
    ),
    "delete": lambda table: table.delete_item(TableName=NAMES[1], Key=ENTRY),
    "batch": lambda table: table.batch_write_item(
        RequestItems={NAMES[1]: [{"DeleteRequest": {"Key": ENTRY}}]}
    ),
    "transaction": lambda table: table.transact_write_items(
        TransactItems=[{"Delete": {"TableName": NAMES[1], "Key": ENTRY}}]
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_changes_no_entry(as_reid: Callable[[str], Any], change: str) -> None:
    assert refused(lambda: CHANGES[change](as_reid("dynamodb")))


def test_requests_are_never_deleted_by_the_service(as_reid: Callable[[str], Any]) -> None:
    table = as_reid("dynamodb")
    assert refused(lambda: table.delete_item(TableName=NAMES[0], Key={"key": {"S": "x"}}))
    assert refused(lambda: table.scan(TableName=NAMES[0]))


def test_it_makes_and_changes_no_secret(as_reid: Callable[[str], Any]) -> None:
    table, key = as_reid("dynamodb"), {"subject": {"B": b"s" * 16}}
    assert refused(lambda: table.put_item(TableName=NAMES[2], Item={**key, "secret": {"B": b"y" * 32}}))
    assert refused(lambda: table.scan(TableName=NAMES[2]))
