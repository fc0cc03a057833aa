"""A cloud that cannot do what a stack needs is refused when the program loads."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

import settings
from components import pattern
from components.aws.cloud import AwsCloud
from components.azure.cloud import AzureCloud
from components.pattern import Capability, Cloud, UnsupportedCloudError, cloud


class Little:
    """A cloud that can do next to nothing."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.ON_DEMAND_STREAMS})


def parsed(**config: Any) -> settings.Settings:
    return settings.parse(
        {"environment": "prod", "owner": "data", **config}, stack="prod", sources=["pos", "ecommerce"]
    )


def azure(**config: Any) -> settings.Settings:
    given: dict[str, Any] = {
        "cloud": "azure",
        "experimental": ["azure"],
        "functions": {"architecture": "x86_64"},
        "streams": {"mode": "provisioned"},
        "alarms": {"email": "oncall@example.com"},
        "audit": {"trail": False},
    }
    return parsed(**given | config)


def test_a_cloud_that_is_known_only_is_refused_with_a_clear_error() -> None:
    clouds = {"aws": ("components.aws.cloud", "AwsCloud"), "azure": None}
    with pytest.raises(UnsupportedCloudError, match=r"azure is known, but .*; expected aws$"):
        cloud(azure(), clouds)


def test_what_a_cloud_lacks_is_said_all_at_once() -> None:
    clouds = {"aws": ("tests.program.test_pattern", "Little")}
    with pytest.raises(UnsupportedCloudError) as raised:
        cloud(parsed(sources={"pos": {"streams": {"mode": "provisioned"}}}), clouds)
    for lacking in (
        Capability.AUDIT_TRAIL,
        Capability.ENCRYPT_ONLY_KEYS,
        Capability.IMMUTABLE_LANDING,
        Capability.PROVISIONED_STREAMS,
        Capability.WAREHOUSE_NOTIFICATION,
    ):
        assert lacking.value in str(raised.value)
    assert Capability.ON_DEMAND_STREAMS.value not in str(raised.value)
    for stage in pattern.STAGES:
        assert f"the stage {stage}" in str(raised.value)


def test_the_stages_are_those_of_the_protocol() -> None:
    shared = {"place", "endpoints", "warehouse_key", "subjects"}
    declared = {name for name in vars(Cloud) if not name.startswith("_")} - shared
    assert declared == {*pattern.STAGES, *pattern.OPTIONAL.values()}


class Bold:
    """A cloud that says that it has a trail, and has none."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability)


def test_a_stage_of_a_capability_is_looked_for_where_the_capability_is_said() -> None:
    for module, has in (("Little", False), ("Bold", True)):
        with pytest.raises(UnsupportedCloudError) as raised:
            cloud(parsed(), {"aws": ("tests.program.test_pattern", module)})
        assert ("the stage audit" in str(raised.value)) is has


def test_azure_says_that_it_has_no_such_trail() -> None:
    with pytest.raises(UnsupportedCloudError, match=r"^cloud: azure lacks .*: a trail of who did what"):
        cloud(azure(audit={}))


def test_a_cloud_is_known_by_being_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(settings.SettingsError) as raised:
        parsed(cloud="little", landing={"lockDays": 0})
    assert {fault.key: fault.expected for fault in raised.value.faults} == {
        "cloud": 'expected one of aws, azure, got "little"',
        "landing.lockDays": "expected a whole number from 1 to 36500, got 0",
    }
    monkeypatch.setitem(settings.CLOUDS, "little", ("tests.program.test_pattern", "Little"))
    with pytest.raises(
        UnsupportedCloudError, match=r"^cloud: little lacks what this stack's settings need: "
    ):
        cloud(parsed(cloud="little"))


def test_only_what_is_needed_is_asked_for() -> None:
    assert Capability.PROVISIONED_STREAMS not in pattern.needed(parsed())
    assert Capability.IMMUTABLE_LANDING in pattern.needed(parsed())
    dev = parsed(environment="dev", landing={"lockMode": "none"})
    assert Capability.IMMUTABLE_LANDING not in pattern.needed(dev)
    assert Capability.AUDIT_TRAIL in pattern.needed(dev)
    assert Capability.AUDIT_TRAIL not in pattern.needed(parsed(audit={"trail": False}))


@pytest.mark.parametrize(("made", "config"), [(AwsCloud, parsed), (AzureCloud, azure)])
def test_a_cloud_has_every_stage_of_the_protocol(made: type[Cloud], config: Any) -> None:
    assert cloud(config()) is made
    lacks = {stage for able, stage in pattern.OPTIONAL.items() if able not in made.capabilities}
    for name, member in inspect.getmembers(Cloud, inspect.isfunction):
        if name in lacks:
            assert not hasattr(made, name), name
        elif not name.startswith("_") or name == "__init__":
            asked = inspect.signature(member).parameters
            assert list(inspect.signature(getattr(made, name)).parameters) == list(asked), name


def test_what_is_between_stages_names_no_service() -> None:
    """Endpoints and specs have intent names; only the registry names clouds."""
    text = inspect.getsource(pattern).partition("# --- which cloud")[0].lower()
    for service in ("s3", "kinesis", "firehose", "lambda", "adls", "blob", "hub", "sns", "sqs", "arn"):
        assert not re.search(rf"\b{service}(_|\b)", text), service


def test_a_cloud_is_imported_only_when_it_is_asked_for() -> None:
    code = "import components.pattern, sys; sys.exit('components.aws.cloud' in sys.modules)"
    root = Path(pattern.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@pytest.mark.parametrize(
    ("other", "module"),
    [("pulumi_azure_native", "components.aws.cloud"), ("pulumi_aws", "components.azure.cloud")],
)
def test_a_cloud_does_not_import_the_other_one_s_sdk(other: str, module: str) -> None:
    code = (
        f"import components.lake, {module}, sys; "
        f"sys.exit(' '.join(name for name in sys.modules if name.split('.')[0] == {other!r})[:200] or 0)"
    )
    root = Path(pattern.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
