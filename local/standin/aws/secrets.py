"""Secrets Manager: secrets, and their rotation by a function."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, StandInError, register
from .client import EVERYWHERE, ID, TAGGED, Aws, AwsAdapter, Call, Props, call, pairs, unpaired

MISSING = ("ResourceNotFoundException",)
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@register
class Secret(AwsAdapter):
    """A secret, not its value: no value passes through the program."""

    type = "aws:secretsmanager/secret:Secret"
    service = "secretsmanager"
    autoname = "name"
    replace_on = frozenset({"name", "region"})
    exists = ("ResourceExistsException",)
    unread: ClassVar[Mapping[str, str]] = {
        "recoveryWindowInDays": "is used when the secret is deleted",
        "forceOverwriteReplicaSecret": "is a property of the call, not of the secret",
    }
    computed: ClassVar[Mapping[str, Computed]] = {**TAGGED, "arn": lambda place, rid, inputs: rid}

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return an ARN of the form that the service gives: six letters follow the name."""
        return place.arn(
            "secretsmanager", f"secret:{inputs['name']}-{uuid.uuid5(uuid.NAMESPACE_URL, urn_name).hex[:6]}"
        )

    def calls(self, p: Props) -> list[Call]:
        """Make the secret; then its policy."""
        p.take("recoveryWindowInDays")
        sent = p.params(
            name="Name",
            description="Description",
            kmsKeyId="KmsKeyId",
            forceOverwriteReplicaSecret="ForceOverwriteReplicaSecret",
        )
        calls = [call("create_secret", **sent, Tags=pairs(p.take("tags")))]
        if policy := p.take("policy"):
            off = call("delete_resource_policy", SecretId=ID)
            calls.append(call("put_resource_policy", SecretId=ID, ResourcePolicy=policy, undo=off))
        return calls

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the ARN."""
        return (
            answer.get("ARN") or aws.ask("secretsmanager", "describe_secret", SecretId=inputs["name"])["ARN"]
        )

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Change description, key and tags."""
        about = {"description": "Description", "kmsKeyId": "KmsKeyId"}
        todo = []
        if (sent := new.params(**about)) != old.params(**about):
            todo.append(call("update_secret", SecretId=ID, **{"Description": "", **sent}))
        before, after = old.take("tags", {}), new.take("tags", {})
        if gone := [*(before.keys() - after.keys())]:
            todo.append(call("untag_resource", SecretId=ID, TagKeys=gone))
        if after and before != after:
            todo.append(call("tag_resource", SecretId=ID, Tags=pairs(after)))
        return todo

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Describe the secret."""
        found = cloud.ask("secretsmanager", "describe_secret", SecretId=rid, missing=MISSING)
        if found is None or found.get("DeletedDate"):
            return None
        tags = unpaired(found.get("Tags", []))
        policy = cloud.ask("secretsmanager", "get_resource_policy", SecretId=rid).get("ResourcePolicy")
        return {
            "region": inputs.get("region", cloud.place.region),
            "name": found["Name"],
            "arn": found["ARN"],
            "description": found.get("Description", ""),
            "kmsKeyId": found.get("KmsKeyId"),
            "policy": policy,
            "tags": tags,
            "tagsAll": tags,
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it at once: a laptop's secret is worth no recovery, and the next `up` wants its name."""
        return [call("delete_secret", SecretId=rid, ForceDeleteWithoutRecovery=True, allow=MISSING)]


@register
class SecretRotation(AwsAdapter):
    """The function that makes a secret's values, and when."""

    type = "aws:secretsmanager/secretRotation:SecretRotation"
    service = "secretsmanager"
    makes = False
    replace_on = frozenset({"secretId", "region"})
    unread: ClassVar[Mapping[str, str]] = {
        "rotateImmediately": "is a property of the call, not of the secret"
    }
    computed: ClassVar[Mapping[str, Computed]] = {
        **EVERYWHERE,
        "rotationEnabled": lambda place, rid, inputs: bool(inputs.get("rotationLambdaArn")),
    }

    def identity(self, inputs: Inputs) -> str | None:
        """Return the secret."""
        return inputs.get("secretId")

    def calls(self, p: Props) -> list[Call]:
        """Say who rotates, and when."""
        return [
            call(
                "rotate_secret",
                **p.params(
                    secretId="SecretId",
                    rotationLambdaArn="RotationLambdaARN",
                    rotateImmediately="RotateImmediately",
                ),
                RotationRules=p.capitalised("rotationRules"),
            )
        ]

    def create(self, cloud: Aws, inputs: Inputs) -> str:
        """Say who rotates, and let it make the first value.

        The emulator notes the function and never calls it, and makes a current version without a value. So
        this takes the service's part: the version becomes the pending one, and the function is called for
        each step.
        """
        secret, function = inputs["secretId"], inputs.get("rotationLambdaArn")
        if _has_value(cloud, secret):
            return (
                secret  # an interrupted deployment came this far: a new key would make old tokens worthless
            )
        token = str(uuid.uuid4())
        (rotate,) = self.planned(inputs)[0]
        cloud.call(
            self.service,
            Call(operation=rotate.operation, params={**rotate.params, "ClientRequestToken": token}),
        )
        stages = {"SecretId": secret, "VersionStage": "AWSPENDING", "MoveToVersionId": token}
        cloud.ask("secretsmanager", "update_secret_version_stage", **stages)
        for step in STEPS:
            _invoke(cloud, function or "", {"SecretId": secret, "ClientRequestToken": token, "Step": step})
        if not _has_value(cloud, secret):
            raise StandInError(
                f"secret {secret}: the rotation function {function} ran and left it without a value"
            )
        return secret

    def update(self, cloud: Aws, rid: str, old: Inputs, new: Inputs) -> None:
        """Refuse: the emulator would make a new version without asking the function."""
        raise StandInError(
            f"secret {rid}: its rotation cannot change on a laptop; `down` and `up` make it anew"
        )

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Describe the rotation."""
        found = cloud.ask("secretsmanager", "describe_secret", SecretId=rid, missing=MISSING)
        if found is None or not found.get("RotationEnabled"):
            return None
        rules = found.get("RotationRules", {})
        return {
            "region": inputs.get("region", cloud.place.region),
            "secretId": rid,
            "rotationEnabled": True,
            "rotationLambdaArn": found.get("RotationLambdaARN"),
            "rotationRules": {name[:1].lower() + name[1:]: value for name, value in rules.items()},
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Rotate no more."""
        return [call("cancel_rotate_secret", SecretId=rid, allow=(*MISSING, "InvalidRequestException"))]


def _has_value(cloud: Aws, secret: str) -> bool:
    found = cloud.ask("secretsmanager", "get_secret_value", SecretId=secret, missing=MISSING)
    return bool(found and (found.get("SecretBinary") or found.get("SecretString")))


def _invoke(cloud: Aws, function: str, event: Mapping[str, str]) -> None:
    answer = cloud.ask("lambda", "invoke", FunctionName=function, Payload=json.dumps(event).encode())
    if answer.get("FunctionError"):
        said = json.loads(answer["Payload"].read() or b"{}")
        raise StandInError(
            f"secret {event['SecretId']}: step {event['Step']} of its rotation failed in {function}: "
            f"{said.get('errorType', 'an error')}: {said.get('errorMessage', 'it says no more')}"
        )
