"""Every cell of the IAM matrix, tried with the declared policies in the emulator that enforces IAM.

What the emulator cannot do is taken out of them first, as in `test_least_privilege`.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import contracts
from local.iam_matrix import GRANTS, OF_A_SOURCE, ROLES, THINGS, Thing, allowed, render
from local.standin import run_in_process
from tests.e2e.test_least_privilege import CONTEXT, REGION, ROOT, clients, endpoint, enforceable, refused

__all__ = ["clients", "endpoint"]
pytestmark = pytest.mark.xdist_group("third-source")

BASE = "retaillake-local"
SOURCES = contracts.load().sources
STRANGER = "stranger"
ITEM: dict[str, dict[str, Any]] = {
    "reid-requests": {"key": {"S": "x"}},
    "reid-journal": {"chain": {"S": "x"}, "number": {"N": "1"}},
    "subjects": {"subject": {"B": b"x"}},
}


class Stack:
    """The roles of the program and what they are about, made in the emulator by who may do all."""

    def __init__(self, clients: Callable[..., Any]) -> None:
        self.clients = clients
        self.run = run_in_process(ROOT, "local")
        self.of = {(one.type.split(":")[-1], one.name): one for one in self.run.resources}
        self.roles = {one.inputs["name"] for one in self.run.resources if one.type == "aws:iam/role:Role"}
        self.account = clients("sts").get_caller_identity()["Account"]
        self.declared = self.of["Key", f"{BASE}-pii"].outputs["arn"].split(":")[4]
        self.arns: dict[str, str] = {}
        self._keys()
        self._secrets()
        self.bucket = self.of["Bucket", f"{BASE}-landing"].outputs["arn"].rpartition(":")[2]
        self._things()
        self.sessions = {name: self._session(name) for name in (*sorted(self.roles), STRANGER)}

    def text(self, policy: str) -> str:
        return enforceable(policy, **self.arns).replace(self.declared, self.account)

    def _keys(self) -> None:
        self.keys: dict[str, str] = {}
        for name in (thing.name for thing in THINGS if thing.service == "kms"):
            declared = self.of["Key", f"{BASE}-{name}"]
            policy = enforceable(declared.inputs["policy"]).replace(self.declared, self.account)
            made = self.clients("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
            self.keys[name] = self.arns[declared.outputs["arn"]] = made

    def _secrets(self) -> None:
        self.secrets: dict[str, str] = {}
        for name in (thing.name for thing in THINGS if thing.service == "secretsmanager"):
            made = self.clients("secretsmanager").create_secret(Name=f"{BASE}-{name}", SecretString="x")[
                "ARN"
            ]
            self.secrets[name] = self.arns[self.of["Secret", f"{BASE}-{name}"].outputs["arn"]] = made

    def _things(self) -> None:
        self.clients("s3").create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        for thing in (thing for thing in THINGS if thing.service == "s3"):
            for source in SOURCES:
                self.clients("s3").put_object(Bucket=self.bucket, Key=self.key(thing, source), Body=b"x")
        kinesis = self.clients("kinesis")
        for thing in (thing for thing in THINGS if thing.service == "kinesis"):
            for source in SOURCES:
                kinesis.create_stream(StreamName=f"{BASE}-{source}-{thing.name}", ShardCount=1)
        for name, item in ITEM.items():
            types = {key: next(iter(value)) for key, value in item.items()}
            self.clients("dynamodb").create_table(
                TableName=f"{BASE}-{name}",
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": key, "AttributeType": kind} for key, kind in types.items()
                ],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind}
                    for key, kind in zip(types, ("HASH", "RANGE"), strict=False)
                ],
            )

    @staticmethod
    def key(thing: Thing, source: str) -> str:
        return f"{thing.name}source={source}/x"

    def _session(self, name: str) -> dict[str, str]:
        """Take on a role; the trust is ours, the policies are the program's."""
        iam, sts = self.clients("iam"), self.clients("sts")
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{self.account}:root"},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        for number, one in enumerate(self.run.resources):
            if one.type == "aws:iam/rolePolicy:RolePolicy" and one.inputs["role"] == name:
                iam.put_role_policy(
                    RoleName=name, PolicyName=f"p{number}", PolicyDocument=self.text(one.inputs["policy"])
                )
        made = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        return {key: made[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")}


@pytest.fixture(scope="module")
def stack(clients: Callable[..., Any]) -> Stack:
    return Stack(clients)


def call(stack: Stack, client: Any, thing: Thing, action: str, source: str) -> Callable[[], Any]:
    """What tries an action as whoever the client is; what it needs before is got by who may do all."""
    match thing.service:
        case "kms":
            key = stack.keys[thing.name]
            sealed = stack.clients("kms").encrypt(KeyId=key, Plaintext=b"k", EncryptionContext=CONTEXT)
            own: dict[str, Any] = {
                "Encrypt": {"Plaintext": b"k"},
                "Decrypt": {"CiphertextBlob": sealed["CiphertextBlob"]},
                "GenerateDataKey": {"KeySpec": "AES_256"},
            }[action]
            arguments = {"KeyId": key, "EncryptionContext": CONTEXT, **own}
        case "s3":
            arguments = {"Bucket": stack.bucket, "Key": stack.key(thing, source)}
        case "kinesis":
            stream = f"{BASE}-{source}-{thing.name}"
            iterator = stack.clients("kinesis").get_shard_iterator(
                StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            # The iterator alone names no stream to an emulator: AWS looks into it.
            arn = f"arn:aws:kinesis:{client.meta.region_name}:{stack.account}:stream/{stream}"
            arguments = {
                "GetRecords": {"ShardIterator": iterator, "StreamARN": arn},
                "PutRecords": {"StreamName": stream, "Records": [{"Data": b"x", "PartitionKey": "x"}]},
            }[action]
        case "secretsmanager":
            value = {"SecretString": "y"} if action == "PutSecretValue" else {}
            arguments = {"SecretId": stack.secrets[thing.name], **value}
        case _:
            item = ITEM[thing.name]
            hash_ = next(iter(item))
            if action == "BatchGetItem":
                tables = {f"{BASE}-{thing.name}": {"Keys": [item]}}
                return partial(client.batch_get_item, RequestItems=tables)
            own = {
                "PutItem": {"Item": item},
                "Query": {
                    "KeyConditionExpression": "#k = :v",
                    "ExpressionAttributeNames": {"#k": hash_},
                    "ExpressionAttributeValues": {":v": item[hash_]},
                },
            }.get(action, {"Key": item})
            arguments = {"TableName": f"{BASE}-{thing.name}", **own}
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in action).lstrip("_")
    return partial(getattr(client, name), **arguments)


def holders(role: str) -> Iterator[tuple[str, str | None]]:
    """The roles of a kind, each with its source."""
    if role in OF_A_SOURCE:
        yield from ((f"{BASE}-{source}-{role}", source) for source in SOURCES)
    else:
        yield f"{BASE}-{role}", None


def tries(role: str) -> Iterator[tuple[str, Thing, str, str, bool]]:
    """Every cell of a kind of role: who, what, which action, whose, and whether that source is its own."""
    for name, own in holders(role):
        for thing in THINGS:
            for source in SOURCES if thing.of_a_source else SOURCES[:1]:
                for action in thing.actions:
                    yield name, thing, action, source, source == own or not thing.of_a_source


def test_the_matrix_has_every_role(stack: Stack) -> None:
    assert {name for role in ROLES for name, _ in holders(role)} == stack.roles


def test_the_matrix_has_every_key_stream_secret_and_table(stack: Stack) -> None:
    kinds = {"Key": "kms", "Stream": "kinesis", "Secret": "secretsmanager", "Table": "dynamodb"}
    found = {
        (kinds[kind], one.name)
        for (kind, _), one in stack.of.items()
        if kind in kinds and one.type.startswith("aws:")
    }
    assert found == {
        (thing.service, f"{BASE}-{prefix}{thing.name}")
        for thing in THINGS
        if thing.service != "s3"
        for prefix in ([f"{source}-" for source in SOURCES] if thing.of_a_source else [""])
    }


def test_every_grant_is_of_a_cell() -> None:
    cells = {
        (role, thing.service, thing.name, action)
        for role in ROLES
        for thing in THINGS
        for action in thing.actions
    }
    granted = [(one.role, one.service, one.thing, action) for one in GRANTS for action in one.actions]
    assert set(granted) <= cells
    assert len(set(granted)) == len(granted)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_the_matrix_says(stack: Stack, role: str) -> None:
    wrong: list[str] = []
    for name, thing, action, source, own in tries(role):
        client = stack.clients(thing.service, stack.sessions[name])
        attempt = call(stack, client, thing, action, source)
        may = allowed(role, thing, action, own=own)
        if may:
            attempt()
        elif not refused(attempt):
            wrong.append(f"{name} may {thing.service}:{action} on {thing.name} of {source}")
    assert wrong == []


def test_a_role_without_a_policy_may_do_nothing(stack: Stack) -> None:
    for _, thing, action, source, _own in tries("audit"):
        client = stack.clients(thing.service, stack.sessions[STRANGER])
        assert refused(call(stack, client, thing, action, source)), (thing.name, action)


def test_who_may_do_all_is_refused_nothing(stack: Stack) -> None:
    """What the others are refused is refused to them, and not wrong in itself."""
    for _, thing, action, source, _own in tries("audit"):
        call(stack, stack.clients(thing.service), thing, action, source)()


def test_the_page_is_the_specification_s() -> None:
    page = Path(__file__).parents[2] / "docs" / "iam-matrix.md"
    assert page.read_text() == render(), "python -m local.iam_matrix --write docs/iam-matrix.md"
