"""What a stack on Azure is asked, and told all at once."""

from typing import Any

import pytest

import settings
import settings_places
from settings import Settings, SettingsError

GOOD: dict[str, Any] = {
    "environment": "prod",
    "owner": "data",
    "cloud": "azure",
    "experimental": ["azure"],
    "functions": {"architecture": "x86_64"},
    "streams": {"mode": "provisioned", "shards": 4},
    "alarms": {"email": "oncall@example.com"},
}
PREVIEW = {settings_places.PREVIEW: [*settings_places.FEATURES, *settings_places.AWS_FEATURES]}
PROVIDER: dict[str, Any] = {"azure-native:location": "westeurope"}


def parse(provider: dict[str, Any] | None = PROVIDER, **config: Any) -> Settings:
    providers = None if provider is None else {**PREVIEW, **provider}
    return settings.parse({**GOOD, **config}, stack="prod", sources=["pos"], providers=providers)


def faults(provider: dict[str, Any] | None = PROVIDER, **config: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as raised:
        parse(provider, **config)
    return {fault.key: fault.expected for fault in raised.value.faults}


def test_the_defaults_are_those_of_production() -> None:
    azure = parse().azure
    assert (azure.stream_tier, azure.redundancy, azure.instances >= 2) == ("premium", "ZRS", True)
    assert azure.warehouse_reader is azure.warehouse_listener is None


def test_all_faults_are_said_at_once() -> None:
    assert faults(
        {"azure-native:location": "West Europe", "azure-native:tenantId": "contoso", "azure-native:subscriptionId": "x"},
        experimental=[],
        functions={},
        streams={"mode": "on-demand", "retentionHours": 2161},
        delivery={"bufferMb": 5, "bufferSeconds": 2},
        logs={"retentionDays": 7},
        azure={"instances": 1, "warehouseReader": "Snowflake"},
        alarms={},
    ) == {
        "alarms.email": "expected an address in environment prod with cloud azure, where alarms reach nobody else",
        "cloud": "azure is experimental; in environment prod expected experimental: [azure]",
        "azure-native:location": "expected the short name of a region with cloud azure, such as westeurope",
        "azure-native:tenantId": "expected an id, such as 00000000-0000-0000-0000-000000000000",
        "azure-native:subscriptionId": "expected an id, such as 00000000-0000-0000-0000-000000000000",
        "functions.architecture": "expected x86_64 with cloud azure: its functions run on nothing else",
        "streams.mode": "expected provisioned with azure.streamTier premium, which does not grow by itself",
        "streams.retentionHours": "expected 2160 or less with azure.streamTier premium",
        "sources.pos.streams.mode": "expected provisioned with azure.streamTier premium, which does not grow by itself",
        "sources.pos.streams.retentionHours": "expected 2160 or less with azure.streamTier premium",
        "delivery.bufferMb": "expected 10 or more with cloud azure",
        "delivery.bufferSeconds": "expected 60 or more with cloud azure",
        "sources.pos.delivery.bufferMb": "expected 10 or more with cloud azure",
        "sources.pos.delivery.bufferSeconds": "expected 60 or more with cloud azure",
        "logs.retentionDays": "expected 30 to 730 with cloud azure",
        "azure.instances": "expected 2 or more in environment prod",
        "azure.warehouseReader": "expected an object id, such as 00000000-0000-0000-0000-000000000000, "
        'got "Snowflake"',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"experimental": []}, "cloud"),
        ({"azure": {"streamTier": "standard"}}, "azure.streamTier"),
        ({"streams": {"mode": "provisioned", "shards": 41}}, "streams.shards"),
        ({"tags": {"team/cost": "x"}}, "tags"),
        ({"environment": "dev", "protect": False, "landing": {"forceDestroy": True}}, "landing.forceDestroy"),
        ({"environment": "dev", "experimental": ["gcp"]}, "experimental[0]"),
        ({"azure": {"plan": "Y1"}}, "azure.plan"),
    ],
)
def test_each_rule(config: dict[str, Any], key: str) -> None:
    assert key in faults(**config)
    assert {found.removeprefix("sources.pos.") for found in faults(**config)} == {key}


def test_a_provider_that_says_nothing_is_a_fault_and_an_unknown_one_is_not() -> None:
    assert set(faults({})) == {"azure-native:location"}
    assert parse(None).cloud == "azure"


def test_in_development_it_may_be_small_and_needs_no_word() -> None:
    found = parse(environment="dev", experimental=[], azure={"streamTier": "standard", "instances": 1})
    assert found.azure.instances == 1


def test_a_stack_on_aws_is_asked_nothing_of_this() -> None:
    found = settings.parse(
        {"environment": "prod", "owner": "data"},
        stack="prod",
        sources=["pos"],
        providers={"aws:region": "eu-west-1", **PREVIEW},
    )
    assert (found.cloud, found.functions.architecture, found.streams.mode) == ("aws", "arm64", "on-demand")
