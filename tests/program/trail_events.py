"""Events as CloudTrail records them, after the examples in the guides of KMS, S3, IAM and CloudTrail.

Each is an event's own part; `event` puts it into what all have: who asked, when, from where.
"""

from typing import Any

ACCOUNT, REGION = "123456789012", "eu-central-1"
PERSON = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLE:jane",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/engineer/jane",
    "accountId": ACCOUNT,
    "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "engineer"}},
}
ROOT = {
    "type": "Root",
    "principalId": ACCOUNT,
    "arn": f"arn:aws:iam::{ACCOUNT}:root",
    "accountId": ACCOUNT,
}


def event(service: str, name: str, request: Any = None, **more: Any) -> dict[str, Any]:
    """Return an event of a service."""
    return {
        "eventVersion": "1.11",
        "userIdentity": PERSON,
        "eventTime": "2025-03-04T05:06:07Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.24.0",
        "requestParameters": request,
        "responseElements": None,
        "requestID": "11111111-2222-3333-4444-555555555555",
        "eventID": "66666666-7777-8888-9999-000000000000",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **more,
    }


def key_arn(key: str) -> str:
    """Return a key's ARN."""
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"


def on_key(name: str, key: str, *, as_arn: bool = False, **request: Any) -> dict[str, Any]:
    """Return an event of KMS that names a key by its id, or by its ARN as it may be called by too."""
    return event(
        "kms",
        name,
        {"keyId": key_arn(key) if as_arn else key, **request},
        resources=[{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key_arn(key)}],
    )


def decrypted(key: str) -> dict[str, Any]:
    """Return a decryption that was let through."""
    return {
        **on_key("Decrypt", key, encryptionContext={"source": "pos", "purpose": "field"}),
        "readOnly": True,
    }


def refused(key: str) -> dict[str, Any]:
    """Return a decryption that was refused: there is no key in it but the one of the message."""
    return event(
        "kms",
        "Decrypt",
        None,
        errorCode="AccessDenied",
        errorMessage=f"User: {PERSON['arn']} is not authorized to perform: kms:Decrypt on resource: "
        f"{key_arn(key)} because no resource-based policy allows the kms:Decrypt action",
        readOnly=True,
    )


def on_bucket(name: str, bucket: str, *, key: str | None = None, **more: Any) -> dict[str, Any]:
    """Return an event of S3 about a bucket, or about an object in it."""
    host = f"{bucket}.s3.{REGION}.amazonaws.com"
    request = {"bucketName": bucket, "Host": host}
    arns = [{"type": "AWS::S3::Bucket", "accountId": ACCOUNT, "ARN": f"arn:aws:s3:::{bucket}"}]
    if key is not None:
        arns.insert(0, {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"})
        more = {"managementEvent": False, "eventCategory": "Data", **more}
        request["key"] = key
    return event("s3", name, request, resources=arns, **more)


def on_role(name: str, role: str, **request: Any) -> dict[str, Any]:
    """Return an event of IAM about a role; IAM is recorded in one region."""
    return event("iam", name, {"roleName": role, **request}, awsRegion="us-east-1")


def signed_in_as_root() -> dict[str, Any]:
    """Return root's sign-in to the console."""
    return event(
        "signin",
        "ConsoleLogin",
        None,
        userIdentity=ROOT,
        awsRegion="us-east-1",
        responseElements={"ConsoleLogin": "Success"},
        additionalEventData={"LoginTo": "https://console.aws.amazon.com/", "MFAUsed": "Yes"},
        eventType="AwsConsoleSignIn",
    )
