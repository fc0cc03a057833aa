"""The pack as people meet it: names, words, levels, and one policy per name."""

import re

import pytest
from pulumi_policy import EnforcementLevel, Policy, PolicyConfigSchema

from policies.pack import POLICIES

VERBS = "missing|disallow|enable|disable|configure|enforce|block"
NAME = re.compile(
    rf"(aws|azure|snowflake)(-[a-z0-9]+)+-({VERBS})(-[a-z0-9]+)*|resource-({VERBS})(-[a-z0-9]+)+"
)
# Found by their stack and no single resource: named by what they guard.
OTHERWISE_NAMED = re.compile(r"(lake|data)-[a-z0-9-]+")


def test_every_name_is_given_once() -> None:
    names = [policy.name for policy in POLICIES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_every_policy_tells_people_what_and_how(policy: Policy) -> None:
    assert NAME.fullmatch(policy.name) or OTHERWISE_NAMED.fullmatch(policy.name)
    assert len(re.findall(rf"-({VERBS})(?=-|$)", policy.name)) == 1 or policy.name.startswith("lake-")
    for words in (policy.description, policy.remediation_steps):
        assert words and words[0].isupper() and words.endswith(".") and len(words) < 200
    assert policy.severity
    assert policy.enforcement_level in (EnforcementLevel.ADVISORY, EnforcementLevel.MANDATORY)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_every_choice_has_a_default_and_bounds(policy: Policy) -> None:
    schema = policy.config_schema or PolicyConfigSchema({})
    for name, choice in schema.properties.items():
        assert "default" in choice, name
        if choice["type"] in ("number", "integer"):
            assert "minimum" in choice or choice["default"] in choice["enum"], name


def test_what_the_table_calls_advisory_is_and_the_rest_stops_a_deployment() -> None:
    advisory = {p.name for p in POLICIES if p.enforcement_level is EnforcementLevel.ADVISORY}
    assert advisory >= {
        "aws-apigateway-stage-enable-access-logs",
        "aws-kinesis-stream-configure-retention",
        "aws-lambda-function-enable-tracing",
        "aws-lambda-function-missing-dlq",
        "aws-loggroup-configure-kms",
        "aws-secretsmanager-secret-configure-kms",
        "aws-sqs-queue-missing-dlq",
        "resource-missing-tags",
    }
    assert not {name for name in advisory if re.search(r"public|wildcard|anonymous|plaintext|tls", name)}
