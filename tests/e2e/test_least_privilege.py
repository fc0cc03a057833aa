"""The roles and key policies that the program declares, enforced: what must work does, the rest is refused.

The emulator enforces IAM with AUTH=true. What it cannot do is taken out of the policies first, and only that:
conditions on a key's encryption context, and on the service through which a key is used, never match there;
and it calls the principal of a role's session by the session's ARN, where AWS has the role's.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.cli.programs import aws as aws_program
from local.processes import answers
from local.standin import run_in_process
from local.state import Paths

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
CONTEXT = {"source": "pos", "purpose": "field"}
NEVER_MATCH = ("kms:EncryptionContext", "kms:ViaService")

pytestmark = pytest.mark.xdist_group("third-source")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import socket
    import time

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = aws_program(Paths(tmp_path_factory.mktemp("iam")).make()).command(port)
    process = subprocess.Popen(list(map(str, command)), cwd=ROOT, env={**os.environ, "AUTH": "true"})
    try:
        deadline = time.monotonic() + 30
        while not answers("/_ministack/health")(process.pid, port):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def clients(endpoint: str) -> Callable[..., Any]:
    def client(service: str, credentials: dict[str, str] | None = None) -> Any:
        given = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test", "SessionToken": None}
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    return client


def enforceable(policy: str, **arns: str) -> str:
    """The declared policy, its key ARNs those of the emulator, without what never matches there."""
    document = json.loads(policy)
    for statement in document["Statement"]:
        for operator in list(statement.get("Condition", {})):
            keys = statement["Condition"][operator]
            for key in [key for key in keys if key.startswith(NEVER_MATCH)]:
                del keys[key]
            if not keys:
                del statement["Condition"][operator]
    text = json.dumps(document)
    for declared, made in arns.items():
        text = text.replace(declared, made)
    return re.sub(r'"arn:aws:iam::(\d+):role/([^"]+)"', r'"arn:aws:sts::\1:assumed-role/\2/*"', text)


class Deployed:
    """The transform's role and the keys, as declared, in the emulator that enforces."""

    def __init__(self, clients: Callable[..., Any]) -> None:
        run = run_in_process(ROOT, "local")
        of = {(resource.type.split(":")[-1], resource.name): resource for resource in run.resources}
        kms, iam, sts = clients("kms"), clients("iam"), clients("sts")
        account = sts.get_caller_identity()["Account"]
        declared = of["Key", "retaillake-local-pii"].outputs["arn"].split(":")[4]
        self.keys: dict[str, str] = {}
        renamed: dict[str, str] = {}
        for name in ("pii", "landing", "operations"):
            resource = of["Key", f"retaillake-local-{name}"]
            policy = enforceable(resource.inputs["policy"]).replace(declared, account)
            made = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
            self.keys[name] = renamed[resource.outputs["arn"]] = made
        role = of["Role", "retaillake-local-pos-transform"]
        self.role = role.inputs["name"]
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        arn = iam.create_role(RoleName=self.role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        policies = [
            r for r in run.resources if r.type.endswith(":RolePolicy") and r.inputs["role"] == self.role
        ]
        for number, policy in enumerate(policies):
            text = enforceable(policy.inputs["policy"], **renamed).replace(declared, account)
            iam.put_role_policy(RoleName=self.role, PolicyName=f"p{number}", PolicyDocument=text)
        assumed = sts.assume_role(RoleArn=arn, RoleSessionName="transform")["Credentials"]
        self.transform = {key: assumed[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")}


@pytest.fixture(scope="module")
def deployed(clients: Callable[..., Any]) -> Deployed:
    return Deployed(clients)


def refused(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return False


def test_the_transform_encrypts_with_the_pii_key_and_never_decrypts(
    clients: Callable[..., Any], deployed: Deployed
) -> None:
    kms, key = clients("kms", deployed.transform), deployed.keys["pii"]
    wrapped = kms.encrypt(KeyId=key, Plaintext=b"k" * 32, EncryptionContext=CONTEXT)["CiphertextBlob"]
    # Whoever skips the checks can open it: what stops the transform is its policy, not the ciphertext.
    opened = clients("kms").decrypt(CiphertextBlob=wrapped, EncryptionContext=CONTEXT, KeyId=key)
    assert opened["Plaintext"] == b"k" * 32

    assert refused(lambda: kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=CONTEXT, KeyId=key))
    assert refused(lambda: kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=CONTEXT))
    assert refused(lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT))


def test_the_transform_administers_nothing(clients: Callable[..., Any], deployed: Deployed) -> None:
    kms, key = clients("kms", deployed.transform), deployed.keys["pii"]
    assert refused(lambda: kms.put_key_policy(KeyId=key, PolicyName="default", Policy="{}"))
    assert refused(lambda: kms.schedule_key_deletion(KeyId=key))
    assert refused(lambda: clients("iam", deployed.transform).list_roles())
    assert refused(lambda: clients("s3", deployed.transform).list_buckets())
    assert refused(lambda: clients("secretsmanager", deployed.transform).list_secrets())
