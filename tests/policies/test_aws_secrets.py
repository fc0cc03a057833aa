"""Secrets in a function's environment are told by their name or their shape, and never repeated."""

import json
from typing import Any

import pytest

from policies import lambda_
from tests.policies.aws import FUNCTION
from tests.policies.kit import UNKNOWN, Analyzer, secret

NAME = "aws-lambda-function-disallow-plaintext-secrets"
PACK = Analyzer([one for one in lambda_.POLICIES if one.name == NAME])
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


def messages(**variables: Any) -> list[str]:
    return [one.message for one in PACK.findings(FUNCTION, {"environment": {"variables": variables}})]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter22"),
        ("dbPassword", "hunter22"),
        ("DB_PASSWORD_2", "hunter22"),
        ("PGPASSWORD", "s3cr3t!"),
        ("GITHUB_TOKEN", "abcdef"),
        ("API_KEY", "0123456789abcdef"),
        ("apiKey", "0123456789abcdef"),
        ("APIKEY", "0123456789abcdef"),
        ("API_KEY_VALUE", "0123456789abcdef"),
        ("CLIENT_SECRET", "x7Q-99"),
        ("SIGNING_KEY", "aGVsbG8="),
        ("PRIVATE_KEY", "MIIEvQIBADANBg"),
        ("STORAGE_CONNECTION_STRING", "Endpoint=sb://x"),
        ("AWS_SECRET", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("ANYTHING", "AKIAIOSFODNN7EXAMPLE"),
        ("PEM", "-----BEGIN RSA PRIVATE KEY-----\nMIIE"),
        ("PEM", "-----BEGIN PRIVATE KEY-----"),
        ("X", "ghp_" + "a1B2" * 9),
        ("X", "xoxb-123456789012-abcdef"),
        ("X", "sk_live_" + "a1B2" * 5),
        ("X", JWT),
        ("DATABASE_URL", "postgres://lake:hunter22@db.internal:5432/sales"),
        ("CONNECTION", "Server=db;User Id=lake;Password=hunter22;"),
        ("CONFIG", '{"url": "amqps://u:p4ss@mq"}'),
    ],
)
def test_a_secret_is_found_and_its_value_is_not_told(name: str, value: str) -> None:
    assert messages(**{name: value}) == [
        f"Environment variables look like secrets in plain text: {name}. "
        "Keep them in Secrets Manager, and tell the function their ARNs."
    ]
    # Marked as one for the state's sake, it is still plain text in the function's configuration.
    found = messages(**{name: secret(value), "LEVEL": "INFO"})
    assert len(found) == 1 and value not in found[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "INFO"),
        ("DB_PASSWORD_SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db"),
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db"),
        ("DB_PASSWORD", "{{resolve:secretsmanager:db:SecretString:password}}"),
        ("DB_PASSWORD", "/lake/prod/DbPassword"),
        ("DB_SECRET", "lake/prod/db"),
        ("SECRET_NAME", "lake"),
        ("TOKEN_ENDPOINT", "https://login.example.com/token"),
        ("TOKEN_URL", "https://login.example.com/token"),
        ("MAX_TOKENS", "4096"),
        ("PASSWORD_MIN_LENGTH", "16"),
        ("USE_TOKEN", "true"),
        ("REQUIRE_PASSWORD", "false"),
        ("DB_PASSWORD", ""),
        ("PARTITION_KEY", "store_id"),
        ("KMS_KEY_ID", "0b2f5f9e-0000-4000-8000-000000000000"),
        ("PII_KEY_ARN", "arn:aws:kms:eu-central-1:123456789012:key/x"),
        ("KEYBOARD", "qwerty"),
        ("DATABASE_URL", "postgres://db.internal:5432/sales"),
        ("DATABASE_URL", "postgres://lake@db.internal:5432/sales"),
        ("DATABASE_URL", "postgres://lake:${PASSWORD}@db.internal/sales"),
        ("TEMPLATE", "Server=db;Password={password};"),
        ("DB_PASSWORD", UNKNOWN),
        ("DB_PASSWORD", None),
        ("DB_PASSWORD", 7),
        ("SECRETARY", "Jo"),
    ],
)
def test_what_is_no_secret_or_cannot_be_told_is_not(name: str, value: Any) -> None:
    assert messages(**{name: value}) == []


def test_all_are_told_at_once_by_name() -> None:
    found = messages(Z_TOKEN="abcdef", A_PASSWORD="abcdef", URL=UNKNOWN)
    assert found[0].startswith("Environment variables look like secrets in plain text: A_PASSWORD, Z_TOKEN. ")


@pytest.mark.parametrize(
    "environment", [None, "x", [], {}, UNKNOWN, {"variables": "x"}, {"variables": UNKNOWN}]
)
def test_no_environment_is_no_finding(environment: Any) -> None:
    assert PACK.findings(FUNCTION, {"environment": environment}) == []


def test_a_long_value_takes_no_time() -> None:
    value = json.dumps({"a": "x" * 4000, "b": "://" * 400, "c": "a:" * 900, "d": "-" * 900})
    assert messages(CONFIG=value) == []
