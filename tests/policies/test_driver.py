"""The driver: configuration with every fault told, secrets kept, the provider handed on."""

import json
from typing import Any

import pytest
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ResourceValidationPolicy,
    Severity,
    StackValidationPolicy,
)

from policies.driver import SECRET, SIGNATURE, Pack, PackError, Subject

URN = "urn:pulumi:dev::lake::aws:sqs/queue:Queue::q"


def policy(validate: Any, **more: Any) -> ResourceValidationPolicy:
    return ResourceValidationPolicy(
        name="p", description="Queues are good.", validate=validate, severity=Severity.HIGH, **more
    )


def quoting(args: Any, report: Any) -> None:
    said = args.props["said"]
    while not isinstance(said, str):
        said = said["inner"]
    report(f"it says {said}", None)


def subject(**inputs: Any) -> Subject:
    return Subject(urn=URN, type="aws:sqs/queue:Queue", name="q", inputs=inputs, outputs=inputs)


def secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE: SECRET, "value": value}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("in the open", "it says in the open"),
        (secret("hush-hush"), "it says [secret]"),
        (secret(json.dumps({"token": "hush-hush"})), "it says [secret]"),
        (secret({"inner": "hush-hush"}), "it says [secret]"),
        ({"inner": secret("hush-hush-hush")}, "it says [secret]"),
        # Words of three letters would be found in half the sentences.
        (secret("ssh"), "it says ssh"),
    ],
)
def test_no_finding_quotes_a_secret(said: Any, message: str) -> None:
    pack = Pack("p", [policy(quoting)])
    pack.analyze(subject(said=said))
    assert [one.message for one in pack.findings] == [message]


def test_a_part_of_a_secret_document_is_a_secret() -> None:
    def part(args: Any, report: Any) -> None:
        report(json.loads(args.props["said"])["token"], None)

    pack = Pack("p", [policy(part)])
    pack.analyze(subject(said=secret(json.dumps({"token": "hush-hush"}))))
    assert [one.message for one in pack.findings] == ["[secret]"]


def test_a_stack_policy_quotes_no_secret_either() -> None:
    def validate(args: Any, report: Any) -> None:
        report(args.resources[0].props["said"], args.resources[0].urn)

    pack = Pack("p", [StackValidationPolicy(name="s", description="Good.", validate=validate)])
    pack.analyze_stack([subject(said=secret("hush-hush"))])
    assert [(one.urn, one.message) for one in pack.findings] == [(URN, "[secret]")]


def test_a_policy_sees_its_resources_provider() -> None:
    def region(args: Any, report: Any) -> None:
        if args.provider is not None:
            report(f"{args.name} is in {args.provider.props['region']}", None)

    urn = "urn:pulumi:dev::lake::pulumi:providers:aws::there"
    provider = Subject(urn=urn, type="pulumi:providers:aws", name="there", inputs={"region": "eu-west-1"})
    pack = Pack("p", [policy(region)])
    for one in (provider, Subject(urn=URN, type="t", name="q", provider=f"{urn}::some-id"), subject()):
        pack.analyze(one)
    assert [one.message for one in pack.findings] == ["q is in eu-west-1"]


def configured() -> Pack:
    def validate(args: Any, report: Any) -> None:
        report(json.dumps(args.get_config(), sort_keys=True), None)

    schema = PolicyConfigSchema({"days": {"type": "integer", "default": 7}, "names": {"type": "array"}})
    return Pack("p", [policy(validate, config_schema=schema)], level=EnforcementLevel.MANDATORY)


@pytest.mark.parametrize(
    ("config", "level", "values"),
    [
        ({}, "mandatory", {"days": 7}),
        ({"all": "advisory"}, "advisory", {"days": 7}),
        ({"all": "advisory", "p": "mandatory"}, "mandatory", {"days": 7}),
        ({"p": {"days": 9, "names": ["a"]}}, "mandatory", {"days": 9, "names": ["a"]}),
        ({"p": {"enforcementLevel": "advisory", "days": 9}}, "advisory", {"days": 9}),
        # What is left after a remediation stops a deployment.
        ({"p": "remediate"}, "mandatory", {"days": 7}),
    ],
)
def test_configuration_is_layered_as_the_cli_does(config: Any, level: str, values: Any) -> None:
    pack = configured()
    pack.configure(config)
    pack.analyze(subject())
    assert [(one.level, json.loads(one.message)) for one in pack.findings] == [(level, values)]
    assert [one.config for one in pack.policies] == [values]
    assert pack.finding("p", "", "x").level == level


def test_a_disabled_policy_does_not_run() -> None:
    pack = configured()
    pack.configure({"p": "disabled"})
    pack.analyze(subject())
    assert (pack.findings, pack.policies) == ([], [])


def test_every_fault_of_a_configuration_is_told() -> None:
    with pytest.raises(PackError) as caught:
        configured().configure(
            {
                "q": "advisory",
                "all": {"enforcementLevel": "advisory", "days": 1},
                "p": {"enforcementLevel": "hard", "hours": 1, "days": "9"},
            }
        )
    assert str(caught.value).splitlines() == [
        "the pack has no policy q",
        "all: it has no value days, only a level",
        "p: the level 'hard' is none of advisory, mandatory, remediate, disabled",
        "p: it has no value hours, only days, names",
        "p: days: expected integer",
    ]
    with pytest.raises(PackError, match="p: expected a level, or a mapping"):
        configured().configure({"p": 3})
