"""A rotation function: makes 32 random bytes, in the four steps that Secrets Manager asks for."""

import os

import boto3


def handler(event, context):
    """Answer one step."""
    client = boto3.client("secretsmanager", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
    secret, token = event["SecretId"], event["ClientRequestToken"]
    stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    if "AWSPENDING" not in stages.get(token, []):
        raise ValueError(f"version {token} is not pending")
    if event["Step"] == "createSecret":
        client.put_secret_value(
            SecretId=secret,
            ClientRequestToken=token,
            SecretBinary=os.urandom(32),
            VersionStages=["AWSPENDING"],
        )
    elif event["Step"] == "testSecret":
        value = client.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
        if len(value["SecretBinary"]) != 32:
            raise ValueError("the pending value has the wrong length")
    elif event["Step"] == "finishSecret":
        current = next((version for version, labels in stages.items() if "AWSCURRENT" in labels), None)
        moved = {"RemoveFromVersionId": current} if current else {}
        client.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, **moved
        )
