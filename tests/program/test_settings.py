"""Every fault of a configuration is said at once, with its key and what it expects."""

import re
import string
from pathlib import Path
from typing import Any

import pulumi_aws.config
import pulumi_azure_native.config.vars
import pulumi_snowflake
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import settings
import settings_places
from settings import Settings, SettingsError
from tests.program.conftest import AZURE, ROOT, STACKS

SOURCES = ("ecommerce", "pos")
GOOD: dict[str, Any] = {"environment": "prod", "owner": "data-platform"}
SECTIONS = [
    *("keys", "landing", "streams", "transform", "delivery", "functions", "logs", "alarms", "snowflake"),
    *("sources", "tags", "residency", "quotas", "shared", "audit"),
]


PREVIEW = {"snowflake:previewFeaturesEnabled": [*settings_places.FEATURES, *settings_places.AWS_FEATURES]}


def parse(**config: Any) -> Settings:
    return settings.parse({**GOOD, **config}, stack="prod", sources=SOURCES)


def faults(**config: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as raised:
        parse(**config)
    assert all(str(fault) in str(raised.value) for fault in raised.value.faults)
    return {fault.key: fault.expected for fault in raised.value.faults}


def test_two_keys_are_enough_and_the_defaults_are_those_of_production() -> None:
    found = parse()
    assert (found.protect, found.landing.lock_mode, found.landing.force_destroy) == (
        True,
        "governance",
        False,
    )
    assert found.streams.retention_hours >= 168
    assert found.snowflake.database == "RETAIL_PROD"
    assert found.snowflake.role_prefix == "RETAIL_PROD_"
    assert set(found.sources) == set(SOURCES)


def test_all_faults_are_said_at_once() -> None:
    assert faults(
        environment="production",
        ownr="me",
        protect="maybe",
        landing={"lockDays": "seven", "lockMod": "none"},
        streams={"shards": 2, "retentionHours": 25},
        sources={"poss": {}, "pos": {"delivery": {"bufferMb": 129}}},
        functions={"runtime": "python2.7"},
        snowflake={"edition": "standard", "warehouses": {"load": {"size": "HUGE"}}, "database": "lower"},
        tags={"stack": "x", "aws:x": "y"},
        keys={"administrators": ["somebody"]},
        logs={"retentionDays": 8},
        cloud="gcp",
    ) == {
        "cloud": 'expected one of aws, azure, got "gcp"',
        "environment": 'expected one of dev, test, prod, got "production"',
        "functions.runtime": 'expected one of python3.11, python3.12, python3.13, current, got "python2.7"',
        "keys.administrators[0]": 'expected the ARN of an IAM role or user, got "somebody"',
        "landing.lockDays": 'expected a whole number from 1 to 36500, got "seven"',
        "landing.lockMod": 'no such key; did you mean "lockMode"?',
        "logs.retentionDays": "expected one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, "
        "731, 1096, 1827, 2192, 2557, 3653, got 8",
        "ownr": 'no such key; did you mean "owner"?',
        "protect": 'expected true or false, got "maybe"',
        "snowflake.database": 'expected an upper-case Snowflake identifier, such as RETAIL, got "lower"',
        "snowflake.edition": "expected enterprise or business-critical: masking policies, row access and "
        "tags need it",
        "snowflake.rolePrefix": 'expected empty or the beginning of a Snowflake identifier, got "lower_"',
        "snowflake.warehouses.load.size": "expected one of XSMALL, SMALL, MEDIUM, LARGE, XLARGE, XXLARGE, "
        'XXXLARGE, X4LARGE, X5LARGE, X6LARGE, got "HUGE"',
        "sources.pos.delivery.bufferMb": "expected a whole number from 1 to 128, got 129",
        "sources.poss": 'no such source in contracts/; did you mean "pos"?',
        "streams.shards": "expected only with mode provisioned; on demand, the cloud chooses",
        "tags.aws:x": "expected a name of up to 128 letters, digits, spaces or _.:/=+-@ that does not begin "
        "with aws:",
        "tags.stack": "set by the program; expected another name",
    }


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"streams": {"retentionHours": 167}}, "streams.retentionHours"),
        ({"sources": {"pos": {"streams": {"retentionHours": 24}}}}, "sources.pos.streams.retentionHours"),
        ({"sources": {"pos": {"streams": {"shards": 3}}}}, "sources.pos.streams.shards"),
        ({"landing": {"lockMode": "none"}}, "landing.lockMode"),
        ({"landing": {"forceDestroy": True}}, "landing.forceDestroy"),
        ({"landing": {"expiryDays": 30, "archiveDays": None}}, "landing.expiryDays"),
        ({"landing": {"expiryDays": 90}}, "landing.archiveDays"),
        ({"protect": False}, "protect"),
        ({"audit": {"lockMode": "none"}}, "audit.lockMode"),
        ({"audit": {"multiRegion": False}}, "audit.multiRegion"),
        ({"audit": {"retentionDays": 89}}, "audit.retentionDays"),
        ({"audit": {"forceDestroy": True}}, "audit.forceDestroy"),
        ({"functions": {"runtime": "current"}}, "functions.runtime"),
        ({"functions": {"architecture": "current"}}, "functions.architecture"),
        ({"snowflake": {"edition": "standard"}}, "snowflake.edition"),
        ({"tags": {f"tag{number}": "x" for number in range(41)}}, "tags"),
        ({"owner": None}, "owner"),
        ({"landing": None}, "landing"),
        ({"sources": []}, "sources"),
        ({"keys": {"administrators": "arn:aws:iam::123456789012:role/a"}}, "keys.administrators"),
        ({"delivery": {"bufferMb": 64.0}}, "delivery.bufferMb"),
        ({"delivery": {"bufferMb": True}}, "delivery.bufferMb"),
        ({"snowflake": 5}, "snowflake"),
    ],
)
def test_each_rule_of_production(config: dict[str, Any], key: str) -> None:
    assert set(faults(**config)) == {key}


def test_what_is_forbidden_in_production_may_be_done_in_development() -> None:
    found = parse(
        environment="dev",
        protect=False,
        landing={"lockMode": "none", "forceDestroy": True},
        streams={"mode": "provisioned", "shards": 2, "retentionHours": 24},
        functions={"runtime": "current", "architecture": "current"},
    )
    assert found.sources["pos"].streams.shards == 2


def test_what_is_locked_for_good_is_not_to_be_destroyed() -> None:
    landing = {"lockMode": "compliance", "forceDestroy": True}
    assert set(faults(environment="dev", protect=False, landing=landing)) == {"landing.forceDestroy"}
    assert set(faults(environment="dev", landing={"forceDestroy": True})) == {"landing.forceDestroy"}


def test_a_trail_of_development_may_be_thrown_away_and_a_locked_one_may_not() -> None:
    audit: dict[str, Any] = {"forceDestroy": True, "multiRegion": False, "retentionDays": 1}
    assert parse(environment="dev", protect=False, audit=audit).audit.force_destroy
    assert set(faults(environment="dev", audit=audit)) == {"audit.forceDestroy"}
    locked = {**audit, "lockMode": "compliance"}
    assert set(faults(environment="dev", protect=False, audit=locked)) == {"audit.forceDestroy"}
    # Where another stack owns the trail, nothing is made that these keys could be wrong of.
    assert not parse(audit={"trail": False, "lockMode": "none", "forceDestroy": True}).audit.trail


def test_a_source_overrides_only_what_it_names() -> None:
    found = parse(
        delivery={"bufferMb": 32, "bufferSeconds": 300},
        sources={"pos": {"delivery": {"bufferMb": 64}, "streams": {"mode": "provisioned", "shards": 4}}},
    )
    assert found.sources["pos"].delivery == settings.Delivery(buffer_mb=64, buffer_seconds=300)
    assert found.sources["ecommerce"].delivery == settings.Delivery(buffer_mb=32, buffer_seconds=300)
    assert found.sources["pos"].streams.shards == 4
    assert found.sources["ecommerce"].streams.mode == "on-demand"


def test_numbers_and_booleans_may_be_text_as_the_command_line_writes_them() -> None:
    assert parse(protect="true", logs={"retentionDays": "30"}).logs.retention_days == 30


def test_a_fault_repeats_neither_addresses_nor_secrets() -> None:
    assert faults(alarms={"email": "jane.doe at example"}) == {"alarms.email": "expected an e-mail address"}
    with pytest.raises(SettingsError) as raised:
        settings.parse({**GOOD, "owner": "hunter2!"}, stack="prod", sources=SOURCES, hidden=["owner"])
    assert "hunter2" not in str(raised.value)
    assert "owner" in str(raised.value)


def test_a_stack_of_any_name_gets_a_database() -> None:
    def database(stack: str) -> str:
        return settings.parse(GOOD, stack=stack, sources=()).snowflake.database

    assert database("prod-eu-west-1") == "RETAIL_PROD_EU_WEST_1"
    # Names that would be the same to Snowflake are told apart.
    others = [database(stack) for stack in ("prod.eu", "prod_eu", "Prod-EU", "prod--eu", "prod-eu-")]
    assert all(re.fullmatch(r"RETAIL_PROD_EU_[0-9A-F]{8}", name) for name in others)
    assert len({*others, database("prod-eu")}) == 6


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(string.ascii_letters, max_size=12), inner, max_size=3)
    ),
    max_leaves=12,
)
KEYS = st.sampled_from([*SECTIONS, "environment", "owner", "protect", "cloud"]) | st.text(
    min_size=1, max_size=8
)


@given(st.dictionaries(KEYS, JSON, max_size=6))
def test_junk_is_refused_with_a_fault_and_nothing_else(config: dict[str, Any]) -> None:
    try:
        found = settings.parse(
            config, stack="prod-eu", sources=SOURCES, providers={"aws:region": "eu-central-1"} | PREVIEW
        )
    except SettingsError as error:
        assert error.faults
        assert all(fault.key and fault.expected for fault in error.faults)
    else:
        assert {"environment", "owner"} <= config.keys()
        assert found.environment in {"dev", "test", "prod"}


def shipped(stack: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]


def ours(stack: str) -> Settings:
    prefix = "retaillake:"
    config = {key.removeprefix(prefix): v for key, v in shipped(stack).items() if key.startswith(prefix)}
    return settings.parse(config, stack=stack, providers=shipped(stack))


@pytest.mark.parametrize("stack", STACKS)
def test_every_shipped_stack_is_right_and_holds_no_credentials(stack: str) -> None:
    assert ours(stack).cloud == "aws"
    given_keys = {key for key in shipped(stack) if not key.startswith("retaillake:")}
    # The key is the SDK's own; what else a provider needs comes from the environment.
    assert given_keys == {"aws:region", "snowflake:previewFeaturesEnabled"}
    assert hasattr(pulumi_aws.config.vars._ExportableConfig, "region")
    assert hasattr(pulumi_snowflake.config.vars._ExportableConfig, "preview_features_enabled")


@pytest.mark.parametrize("stack", AZURE)
def test_every_shipped_stack_on_azure_is_right_and_holds_no_credentials(stack: str) -> None:
    assert ours(stack).cloud == "azure"
    given_keys = {key for key in shipped(stack) if not key.startswith("retaillake:")}
    assert given_keys == {"azure-native:location", "snowflake:previewFeaturesEnabled"}
    assert hasattr(pulumi_azure_native.config.vars._ExportableConfig, "location")


@pytest.mark.parametrize("stack", [*STACKS, *AZURE])
def test_the_preview_features_are_ones_that_the_provider_knows(stack: str) -> None:
    documented = Path(pulumi_snowflake.provider.__file__).read_text()
    for feature in shipped(stack)["snowflake:previewFeaturesEnabled"]:
        assert f"<code>{feature}</code>" in documented.partition("Promoted features that are stable")[0]


def test_all_shipped_stacks_are_tested() -> None:
    files = {path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml")}
    assert files == {*STACKS, *AZURE}


def test_development_and_production_differ_where_it_matters() -> None:
    dev, prod = ours("dev"), ours("prod")
    assert prod.protect and not dev.protect
    assert dev.landing.force_destroy and not prod.landing.force_destroy
    assert dev.landing.lock_days < prod.landing.lock_days
    assert (dev.streams.mode, prod.streams.mode) == ("provisioned", "on-demand")
    assert dev.snowflake.credit_quota < prod.snowflake.credit_quota
    assert dev.logs.retention_days < prod.logs.retention_days


def test_a_stack_is_where_its_name_and_its_residency_say() -> None:
    def faults_in(place: str, stack: str = "prod-eu", **config: Any) -> dict[str, str]:
        given = {"aws:region": place} | PREVIEW
        _, found = settings.examine({**GOOD, **config}, stack=stack, sources=SOURCES, providers=given)
        return {fault.key: fault.expected for fault in found}

    said = "the stack's name says so, got us-east-1"
    assert faults_in("us-east-1") == {"aws:region": f"expected one in eu: {said}"}
    assert faults_in("us-east-1", "prod-eu-west-1") == {"aws:region": f"expected eu-west-1: {said}"}
    assert faults_in("eu-west-3") == faults_in("us-east-1", "prod") == {}
    # Whose stack it is while it is being worked on, a name may say too: dev-ca.
    assert faults_in("us-east-1", environment="dev") == {}
    residency = {"regions": ["eu-central-1", "eu-west-1"]}
    assert faults_in("eu-west-1", residency=residency) == {}
    assert set(faults_in("eu-west-2", residency=residency)) == {"aws:region"}
    there = {"region": "us-east-1"}
    assert set(faults_in("eu-west-1", residency=residency, snowflake=there)) == {"snowflake.region"}
    assert set(faults_in("eu-west-1", snowflake=there)) == {"snowflake.region"}
    # On another cloud, too; its regions are not called as the areas of AWS are.
    residency = {"regions": ["westeurope"]}
    azure = {"azure-native:location": "eastus", "aws:region": "eu-west-1"} | PREVIEW
    _, found = settings.examine(
        {**GOOD, "cloud": "azure", "residency": residency}, stack="prod-eu", sources=SOURCES, providers=azure
    )
    told = {fault.key: fault.expected for fault in found}
    assert told["azure-native:location"] == (
        "expected one of westeurope: residency.regions allows no other, got eastus"
    )
    assert "aws:region" not in told


def test_the_local_stack_has_plain_names() -> None:
    local = ours("local").snowflake
    assert (local.database, local.role_prefix) == ("RETAIL_LOCAL", "")
