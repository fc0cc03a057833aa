"""What every cloud must hand on, and how it must call things. The minimal cloud passes it too."""

import dataclasses
import inspect
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pulumi
import pytest

import contracts
import settings
from components import pattern
from components.pattern import (
    LANDING_PREFIX,
    OPTIONAL,
    STAGES,
    Capability,
    Cloud,
    UnsupportedCloudError,
    needed,
)
from local.standin import run_in_process
from tests.conformance.conftest import REGISTERED
from tests.conformance.kit import FAKE, ROOT, Lake, deploy

SOURCES = contracts.load().sources
PER_SOURCE = ("ingress", "protect", "deliver")
ENDPOINTS = {
    stage: get_type_hints(getattr(Cloud, stage))["return"] for stage in (*STAGES, *OPTIONAL.values())
}
NOTHING = (None, "", (), {}, [])


# --- shapes ---------------------------------------------------------------------------------------------


def test_each_stage_is_asked_for_once_per_stack_or_source(lake: Lake) -> None:
    wanted = {stage: len(SOURCES) if stage in PER_SOURCE else 1 for stage in STAGES}
    wanted |= {stage: 1 for able, stage in OPTIONAL.items() if able in needed(lake.settings)}
    assert Counter(one.stage for one in lake.handed) == wanted
    for stage in PER_SOURCE:
        assert set(lake.by_source(stage)) == set(SOURCES)


def test_each_stage_returns_its_frozen_endpoint(lake: Lake) -> None:
    for one in lake.handed:
        if one.stage == "trust_warehouse":
            assert isinstance(one.result, tuple)
            assert one.result and all(isinstance(each, pulumi.Resource) for each in one.result)
            continue
        assert type(one.result) is ENDPOINTS[one.stage], one.stage
        first = dataclasses.fields(one.result)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(one.result, first, "other")


def test_every_field_of_an_endpoint_is_said(lake: Lake) -> None:
    """Names and ids are outputs, and are known once the stack is deployed."""
    for one in lake.handed:
        if not dataclasses.is_dataclass(one.result):
            continue
        hints = get_type_hints(type(one.result))
        for each in dataclasses.fields(one.result):
            value = getattr(one.result, each.name)
            where = f"{one.stage}.{each.name}"
            if value is None and type(None) in get_args(hints[each.name]):
                continue
            assert isinstance(value, pulumi.Output) == (hints[each.name] == pulumi.Output[str]), where
            if isinstance(value, pulumi.Output):
                value = one.known[each.name]
                assert isinstance(value, str), where
            assert value not in NOTHING, where


def test_endpoints_are_of_their_source_and_no_two_are_one(lake: Lake) -> None:
    for stage in PER_SOURCE:
        for source, one in lake.by_source(stage).items():
            assert one.result.source == source
    streams = [one for stage in ("ingress", "protect") for one in lake.of(stage)]
    for name in ("name", "id"):
        said = [one.known[name] for one in streams]
        assert len({*said}) == 2 * len(SOURCES), name


def test_each_stage_is_given_what_the_one_before_it_returned(lake: Lake) -> None:
    (zone,) = lake.of("landing_zone")
    for source in SOURCES:
        ingress, protect, deliver = (lake.by_source(stage)[source] for stage in PER_SOURCE)
        assert protect.given["source"] is ingress.result
        assert deliver.given["source"] is protect.result
        assert deliver.given["into"] is zone.result
    assert [one.given["zone"] for stage in ("notify", "trust_warehouse") for one in lake.of(stage)] == [
        zone.result,
        zone.result,
    ]


def test_objects_lie_below_the_landing_prefix_each_source_on_its_own(lake: Lake) -> None:
    (zone,) = lake.of("landing_zone")
    assert str(zone.known["url"]).endswith(f"/{LANDING_PREFIX}")
    prefixes = {source: one.result.prefix for source, one in lake.by_source("deliver").items()}
    assert prefixes == {source: f"{LANDING_PREFIX}source={source}/" for source in SOURCES}


def test_producers_are_told_hosts(lake: Lake) -> None:
    outputs = lake.graph.run.outputs
    assert outputs["cloud"] == lake.cloud
    assert outputs["region"]
    assert outputs["endpoints"]
    for host in outputs["endpoints"].values():
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host), host
    for source, streams in outputs["streams"].items():
        for stage, name in zip(PER_SOURCE, ("ingress", "protected", "delivery"), strict=True):
            assert streams[name] == lake.by_source(stage)[source].known["name"]


def test_the_warehouse_waits_for_what_the_cloud_says(lake: Lake) -> None:
    """To wait for a component is to wait for the resources in it; the minimal cloud has none."""
    (notify,), (trust,) = lake.of("notify"), lake.of("trust_warehouse")
    waiting = {r"snowflake:.*:Pipe": notify.result.ready, r"snowflake:.*:StageExternal\w+": trust.result}
    for kind, ready in waiting.items():
        names = {one.pulumi_resource_name for one in ready}
        types = {one.pulumi_resource_type for one in ready}
        told = [one for one in lake.graph.run.resources if one.name in names and one.type in types]
        assert len(told) == len(ready)
        awaited = {
            one.urn
            for one in lake.graph.run.resources
            if one.custom and any(each in told for each in lake.around(one))
        }
        assert awaited or lake.cloud == FAKE
        waits = [one for one in lake.graph.run.resources if re.fullmatch(kind, one.type)]
        assert waits
        for one in waits:
            assert awaited <= {*one.dependencies}, one.urn


# --- names ----------------------------------------------------------------------------------------------


def test_components_carry_the_house_s_type_tokens(lake: Lake) -> None:
    components = [one for one in lake.graph.run.resources if not one.custom and one.parent]
    tokens = {one.type for one in components}
    allowed = rf"retaillake:(index|snowflake|{lake.cloud}):[A-Z][A-Za-z]+"
    assert [token for token in tokens if not re.fullmatch(allowed, token)] == []
    own = [one for one in components if one.type.startswith(f"retaillake:{lake.cloud}:")]
    assert own
    for one in own:
        assert one.outputs, f"{one.urn} registers no outputs"


def test_everything_is_in_a_component_and_named_from_it(lake: Lake) -> None:
    """What is in a source's component begins with its name, and all else with the lake's."""
    branches = ("retaillake:index:StreamToWarehouse", "retaillake:index:RetailLake")
    for one in lake.graph.run.resources:
        if not one.parent or one.type == "retaillake:index:RetailLake" or one.type.startswith("pulumi:"):
            continue
        parent = lake.by_urn[one.parent]
        assert parent.type.startswith("retaillake:"), one.urn
        branch = next(each for each in lake.around(parent) if each.type in branches)
        if one.type in lake.unnamed:
            continue
        assert one.name.startswith(f"{branch.name}-") or one.name == branch.name, one.urn
        if one.type.startswith("retaillake:"):
            siblings = [each for each in lake.graph.run.resources if each.parent == one.parent]
            assert [each.name for each in siblings if each.type == one.type].count(one.name) == 1


def test_a_stage_is_made_where_it_was_asked_to(lake: Lake) -> None:
    """Every resource of the cloud hangs below the parent that a stage was given, or the lake."""
    for one in lake.handed:
        parent = one.given["parent"]
        assert parent.pulumi_resource_name in {each.name for each in lake.graph.run.resources}
    own = [one for one in lake.graph.run.resources if one.type.startswith(f"retaillake:{lake.cloud}:")]
    given = {one.given["parent"].pulumi_resource_name for one in lake.handed} | {lake.graph.base}
    for one in own:
        assert given & {each.name for each in lake.around(one)}, one.urn


def test_no_component_makes_a_provider(lake: Lake) -> None:
    assert not [one.urn for one in lake.graph.run.resources if one.type.startswith("pulumi:providers:")]


def test_a_preview_needs_no_value_that_only_a_deployment_knows(lake: Lake, empty_package: Path) -> None:
    if lake.settings.environment == "prod":
        return  # once is enough
    previewed = deploy(lake.cloud, lake.stack, empty_package, preview=True)
    assert {one.urn for one in previewed.graph.run.resources} == {*lake.by_urn}


# --- capabilities ---------------------------------------------------------------------------------------


@pytest.fixture(params=[*REGISTERED, FAKE])
def registered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(settings.CLOUDS, FAKE, ("tests.conformance.fake_cloud", "FakeCloud"))
    return request.param


@pytest.fixture
def found(registered: str) -> type[Cloud]:
    module, name = settings.CLOUDS[registered] or ("", "")
    return getattr(__import__(module, fromlist=[name]), name)


def test_a_cloud_has_every_stage_as_the_protocol_has_it(found: type[Cloud]) -> None:
    optional = [stage for able, stage in OPTIONAL.items() if able in found.capabilities]
    for name in (*STAGES, *optional, "__init__"):
        asked = [*inspect.signature(getattr(Cloud, name)).parameters]
        assert [*inspect.signature(getattr(found, name)).parameters] == asked, name
    for name in ("place", "endpoints"):
        assert isinstance(inspect.getattr_static(found, name), property), name
    assert isinstance(found.capabilities, frozenset)
    assert found.capabilities <= frozenset(Capability)


def test_a_cloud_can_do_what_its_stacks_need(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.CLOUDS, FAKE, ("tests.conformance.fake_cloud", "FakeCloud"))
    assert needed(lake.settings) <= pattern.cloud(lake.settings).capabilities


def test_what_a_cloud_lacks_is_refused_when_the_program_loads(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each lacking capability is said, all at once, before anything is made."""
    monkeypatch.setitem(settings.CLOUDS, FAKE, ("tests.conformance.fake_cloud", "FakeCloud"))
    real, wanted = pattern.cloud(lake.settings), needed(lake.settings)
    module, _ = settings.CLOUDS[lake.cloud] or ("", "")
    for lacking in [{one} for one in wanted] + [wanted]:
        less = type("Less", (real,), {"capabilities": real.capabilities - lacking})
        monkeypatch.setattr(f"{module}.Less", less, raising=False)
        with pytest.raises(UnsupportedCloudError) as raised:
            pattern.cloud(lake.settings, {lake.cloud: (module, "Less")})
        said = str(raised.value).partition("need: ")[2].split("; ")
        assert said == sorted(one.value for one in lacking)


def test_an_unknown_cloud_is_refused_with_every_other_fault_and_nothing_is_made() -> None:
    made: list[Any] = []
    config = {
        "retaillake:cloud": "nimbus",
        "retaillake:landing": json.dumps({"lockMode": "sometimes", "lockDays": 0}),
    }
    with pytest.raises(settings.SettingsError) as raised:
        run_in_process(ROOT, "dev", config=config, on_step=made.append)
    faults = {fault.key: fault.expected for fault in raised.value.faults}
    assert faults["cloud"].startswith("expected one of ") and faults["cloud"].endswith('got "nimbus"')
    assert {"landing.lockMode", "landing.lockDays"} <= faults.keys()
    assert [step for step in made if "pulumi:pulumi:Stack" not in step.urn] == []


def test_a_lacking_cloud_makes_nothing(
    registered: str, found: type[Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _ = settings.CLOUDS[registered] or ("", "")
    monkeypatch.setattr(
        f"{module}.Bare", type("Bare", (found,), {"capabilities": frozenset()}), raising=False
    )
    monkeypatch.setitem(settings.CLOUDS, "bare", (module, "Bare"))
    made: list[Any] = []
    with pytest.raises(UnsupportedCloudError, match="cloud: bare lacks"):
        run_in_process(ROOT, "dev", config={"retaillake:cloud": "bare"}, on_step=made.append)
    assert [step for step in made if "pulumi:pulumi:Stack" not in step.urn] == []
