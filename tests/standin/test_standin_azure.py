"""The stand-ins of Azure: what its services would refuse is refused, and the stack is deployed as recorded."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import contracts
from local.standin import run_in_process
from local.standin.adapter import Place, StandInError
from local.standin.azure.client import SUBSCRIPTION
from local.standin.cli import Cli
from local.standin.core import Recorder, StandIn
from local.standin.live import Live
from local.standin.state import State

ROOT = Path(__file__).resolve().parents[2]
GROUP = {"resourceGroupName": "lake"}
ACCOUNT = {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}, **GROUP}
CAPTURE = "{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}"


@pytest.fixture
def core() -> StandIn:
    return StandIn(Recorder())


def said(core: StandIn, token: str, inputs: dict[str, Any], name: str = "one") -> list[str]:
    return [str(failure) for failure in core.check(f"azure-native:{token}", name, {}, inputs)[1]]


@pytest.mark.parametrize(
    ("token", "inputs", "fault"),
    [
        ("storage:StorageAccount", {**ACCOUNT, "accountName": "Lake-1"}, "accountName: expected 3 to 24"),
        ("storage:StorageAccount", {**ACCOUNT, "allowSharedKeyAcess": False}, "did you mean allowSharedKeyAccess?"),
        ("storage:StorageAccount", {**GROUP, "kind": "StorageV2"}, "sku: is required and missing"),
        (
            "storage:StorageAccount",
            {**ACCOUNT, "isHnsEnabled": True, "immutableStorageWithVersioning": {"enabled": True}},
            "isHnsEnabled: expected false",
        ),
        ("storage:BlobContainer", {**GROUP, "accountName": "a", "containerName": "a--b"}, "containerName: expected 3"),
        ("eventhub:Namespace", {**GROUP, "namespaceName": "1st"}, "namespaceName: expected 6 to 50"),
        (
            "eventhub:EventHub",
            {**GROUP, "namespaceName": "n", "captureDescription": {"intervalInSeconds": 30}},
            "captureDescription.intervalInSeconds: expected 60 to 900, found 30",
        ),
        (
            "eventhub:EventHub",
            {
                **GROUP,
                "namespaceName": "n",
                "captureDescription": {
                    "destination": {"archiveNameFormat": CAPTURE.replace("{PartitionId}", "0")}
                },
            },
            "missing PartitionId",
        ),
        ("keyvault:Vault", {**GROUP, "vaultName": "a--b", "properties": {}}, "vaultName: expected 3 to 24"),
        ("authorization:RoleAssignment", {"principalId": "p", "roleDefinitionId": "r"}, "scope: is required"),
    ],
)  # fmt: skip
def test_what_azure_would_refuse_is_said(
    core: StandIn, token: str, inputs: dict[str, Any], fault: str
) -> None:
    assert any(fault in one for one in said(core, token, inputs)), said(core, token, inputs)


def test_what_azure_takes_is_taken(core: StandIn) -> None:
    assert said(core, "storage:StorageAccount", {**ACCOUNT, "accountName": "lake1"}) == []
    destination = {"destination": {"archiveNameFormat": CAPTURE}, "intervalInSeconds": 60}
    hub = {**GROUP, "namespaceName": "n", "captureDescription": destination}
    assert said(core, "eventhub:EventHub", hub) == []


def test_names_are_made_as_the_provider_makes_them(core: StandIn) -> None:
    inputs, _ = core.check("azure-native:storage:StorageAccount", "landing", {}, dict(ACCOUNT), b"seed")
    assert inputs["accountName"].startswith("landing")
    assert len(inputs["accountName"]) == len("landing") + 8
    again, _ = core.check("azure-native:storage:StorageAccount", "landing", inputs, dict(ACCOUNT), b"other")
    assert again["accountName"] == inputs["accountName"]


def test_ids_are_paths_and_two_resources_do_not_share_one(core: StandIn) -> None:
    container = {**GROUP, "accountName": "lake", "containerName": "landing"}
    urn = "urn:pulumi:s::p::azure-native:storage:BlobContainer::"
    rid, outputs = core.create(urn + "one", Place(), container, preview=False)
    assert rid == (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/lake/providers/Microsoft.Storage"
        "/storageAccounts/lake/blobServices/default/containers/landing"
    )
    assert outputs["name"] == "landing"
    with pytest.raises(StandInError, match="would be named"):
        core.create(urn + "two", Place(), {**container, "containerName": "LANDING"}, preview=False)


def test_the_same_role_is_not_given_twice(core: StandIn) -> None:
    urn = "urn:pulumi:s::p::azure-native:authorization:RoleAssignment::"
    given = {"scope": "/s", "principalId": "p", "roleDefinitionId": "r", "roleAssignmentName": "1"}
    core.create(urn + "one", Place(), given, preview=False)
    with pytest.raises(StandInError, match="would be named"):
        core.create(urn + "two", Place(), {**given, "roleAssignmentName": "2"}, preview=False)


def test_identities_are_told_as_azure_tells_them(core: StandIn) -> None:
    account = {
        **ACCOUNT,
        "accountName": "lake",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": ["/id"]},
    }
    urn = "urn:pulumi:s::p::azure-native:storage:StorageAccount::one"
    rid, outputs = core.create(urn, Place(), account, preview=False)
    assert set(outputs["identity"]["userAssignedIdentities"]) == {"/id"}
    found = core.read("azure-native:storage:StorageAccount", Place(), rid, account, outputs=outputs)
    assert found == (account, outputs)


def test_nothing_of_azure_is_said_to_be_live() -> None:
    core = StandIn(Live(root=ROOT))
    faults = said(core, "storage:StorageAccount", {**ACCOUNT, "accountName": "lake1"})
    assert faults == ["name: azure-native:storage:StorageAccount has no emulator: it can be previewed only"]


# --- the stack ------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from components.aws.package import Package

    empty = tmp_path / "functions.zip"
    empty.write_bytes(b"PK\x05\x06" + bytes(18))
    monkeypatch.setattr(Package, "path", empty)


def test_a_second_deployment_changes_nothing_in_process(tmp_path: Path) -> None:
    state = State(tmp_path / "azure.json")
    first = run_in_process(ROOT, "azure", state=state)
    assert set(first.changes) == {"create"}
    second = run_in_process(ROOT, "azure", state=state)
    assert set(second.changes) == {"same"}
    assert second.outputs == first.outputs


@pytest.mark.engine
@pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="no pulumi on the PATH: the stack on Azure is NOT deployed by the real engine",
)
def test_the_real_engine_deploys_it_and_takes_it_away(tmp_path: Path) -> None:
    engine = Cli(project_dir=ROOT, stack="azure", home=tmp_path / "home", backend=Recorder())
    made = Counter(step.op for step in engine.up())
    assert set(made) == {"create"}
    assert made["create"] > 200
    assert {step.op for step in engine.up()} == {"same"}
    assert {step.op for step in engine.refresh()} == {"same"}
    types = Counter(one.type for one in engine.export())
    assert types["azure-native:eventhub:EventHub"] == 2 * len(contracts.load().sources)
    assert {step.op for step in engine.destroy()} == {"delete"}
    assert engine.export() == []
