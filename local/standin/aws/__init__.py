"""Stand-ins of the AWS resources that the program uses."""

from . import (
    apigateway,
    dynamodb,
    iam,
    invokes,
    kinesis,
    kms,
    lambda_,
    lambda_events,
    messaging,
    s3,
    s3_settings,
    secrets,
    trail,
    watch,
)

__all__ = [
    "apigateway",
    "dynamodb",
    "iam",
    "invokes",
    "kinesis",
    "kms",
    "lambda_",
    "lambda_events",
    "messaging",
    "s3",
    "s3_settings",
    "secrets",
    "trail",
    "watch",
]
