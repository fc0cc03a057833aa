"""Stand-ins of the AWS resources that the program uses."""

from . import iam, invokes, kinesis, kms, lambda_, messaging, s3, secrets, watch

__all__ = ["iam", "invokes", "kinesis", "kms", "lambda_", "messaging", "s3", "secrets", "watch"]
