"""A lake on Azure: its stacks pass, and who else reads, writes, opens or falls silent is found."""

from collections.abc import Callable
from typing import Any

import pytest

import contracts
from policies import data, tokens
from policies.lake import pack as lake
from tests.policies.stack_kit import UNKNOWN, Part, Stack
from tests.policies.test_lake_flow import P, only

SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"
GROUP = f"{SUBSCRIPTION}/resourceGroups/retaillake-prod"
BUILTIN = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/"
RECEIVER, SENDER = "a638d3c7-ab3a-418d-83e6-5f17a39d4fde", "2b629674-e913-4c01-ae53-ef4638d8f975"
HUBS_OWNER = "f526a384-b230-433a-b45c-95f59c4a2dec"
CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
CRYPTO_USER = "12338af0-0e69-4776-bea7-57ae8d297424"
ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
STRANGER = "99999999-9999-9999-9999-999999999999"


def found(stack: Stack, start: str) -> set[tuple[str, str]]:
    """Return what the policies of the flow, that is all but those of single properties, say."""
    said = {one for one in stack.findings() if one[0].startswith(start)}
    return only(said, start) if said else set()


def name(stack: Stack, kind: str, end: str) -> str:
    return stack.one(kind, end).props["name"]


def hub_id(stack: Stack, source: str = "pos", hub: str = "ingress") -> str:
    namespace = name(stack, "eventhub:Namespace", f"{source}-streams")
    return f"{GROUP}/providers/Microsoft.EventHub/namespaces/{namespace}" + (
        f"/eventhubs/{hub}" if hub else ""
    )


def key_id(stack: Stack, key: str = "pii-field") -> str:
    vault = stack.one("Key", key or "pii-field").props["vaultName"]
    return f"{GROUP}/providers/Microsoft.KeyVault/vaults/{vault}" + (f"/keys/{key}" if key else "")


def container_id(stack: Stack, container: str = "landing") -> str:
    account = stack.one("BlobContainer", "landing-landing").props["accountName"]
    path = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{account}"
    return f"{path}/blobServices/default/containers/{container}" if container else path


def identity(stack: Stack, called: str) -> Part:
    props = {"name": called, "principalId": f"{called}-principal", "resourceGroupName": "retaillake-prod"}
    return stack.add(Part(type="azure-native:managedidentity:UserAssignedIdentity", name=called, props=props))


def assign(stack: Stack, role: str, scope: str, principal: str = STRANGER, called: str = "spy") -> Part:
    """Give a role of Azure's own at a place."""
    props = {"roleDefinitionId": BUILTIN + role, "scope": scope, "principalId": principal}
    return stack.add(Part(type="azure-native:authorization:RoleAssignment", name=called, props=props))


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("stack", ["azure", "azure-dev", "azure-prod"])
def test_the_stacks_pass(stack_of: Callable[..., Stack], stack: str, preview: bool) -> None:
    assert stack_of(stack, preview=preview).findings(policies=[*lake.POLICIES, *data.POLICIES]) == set()


@pytest.mark.parametrize("form", ["azure-native:{0}/v20240101:{1}", "azure-native_{0}_v20240101:{0}:{1}"])
def test_types_of_any_version_are_known(stack_of: Callable[..., Stack], form: str) -> None:
    stack = stack_of("azure-prod")
    ingress = hub_id(stack)
    for part in stack.parts:
        if part.type.startswith("azure-native:"):
            _, service, kind = part.type.split(":")
            part.type = form.format(service, kind)
            assert tokens.unversioned(part.type) == f"azure-native:{service}:{kind}"
    assert stack.findings(policies=[*lake.POLICIES, *data.POLICIES]) == set()
    assign(stack, RECEIVER, ingress)
    assert found(stack, "lake-ingress-disallow-readers")


# --- readers and writers --------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [RECEIVER, HUBS_OWNER])
@pytest.mark.parametrize("place", ["hub", "namespace", "group", "subscription"])
def test_who_may_read_an_ingress_hub_by_a_role(azure_lake: Stack, role: str, place: str) -> None:
    scopes = {
        "hub": hub_id(azure_lake),
        "namespace": hub_id(azure_lake, hub=""),
        "group": GROUP,
        "subscription": SUBSCRIPTION,
    }
    assign(azure_lake, role, scopes[place])
    sources = ["pos"] if place in ("hub", "namespace") else contracts.load().sources
    assert found(azure_lake, "lake-ingress-disallow-readers") == {
        (
            f"Only its transform may read the ingress stream {P}-{source}-ingress: the principal {STRANGER} may too.",
            "RoleAssignment::spy",
        )
        for source in sources
    }


def test_a_place_elsewhere_is_not_meant(azure_lake: Stack) -> None:
    assign(azure_lake, RECEIVER, hub_id(azure_lake).replace("/retaillake-prod/", "/another/"), called="a")
    assign(azure_lake, RECEIVER, f"{hub_id(azure_lake)}2", called="b")
    assign(azure_lake, SENDER, hub_id(azure_lake), called="till")
    assert azure_lake.findings() == set()


def test_an_identity_of_the_stack_is_called_by_name(azure_lake: Stack) -> None:
    identity(azure_lake, "shortcut")
    assign(azure_lake, SENDER, hub_id(azure_lake, hub="protected"), "shortcut-principal")
    assert found(azure_lake, "lake-protected-disallow-writers") == {
        (
            f"Only its transform may write the protected stream {P}-pos-protected: the identity shortcut may too.",
            "RoleAssignment::spy",
        )
    }


@pytest.mark.parametrize("kind", ["EventHubAuthorizationRule", "NamespaceAuthorizationRule"])
def test_a_key_opens_what_takes_keys(azure_lake: Stack, kind: str) -> None:
    namespace = azure_lake.one("eventhub:Namespace", "pos-streams")
    props: dict[str, Any] = {"namespaceName": namespace.props["name"], "rights": ["Listen"]}
    if kind.startswith("EventHub"):
        props["eventHubName"] = "ingress"
    azure_lake.add(Part(type=f"azure-native:eventhub:{kind}", name="sas", props=props))
    assert azure_lake.findings() == set()
    namespace.props["disableLocalAuth"] = False
    assert found(azure_lake, "lake-ingress-disallow-readers") == {
        (
            f"Only its transform may read the ingress stream {P}-pos-ingress: who has the key sas may too.",
            f"{kind}::sas",
        )
    }


def test_a_second_consumer_group(azure_lake: Stack) -> None:
    props = {
        **azure_lake.one("ConsumerGroup", "pos-streams").props,
        "consumerGroupName": "spy",
        "name": "spy",
    }
    azure_lake.add(Part(type="azure-native:eventhub:ConsumerGroup", name="spy", props=props))
    assert found(azure_lake, "lake-ingress-disallow-readers") == {
        (
            f"Only its transform may read the ingress stream {P}-pos-ingress: the ConsumerGroup spy may too.",
            "ConsumerGroup::spy",
        )
    }


def test_an_ingress_hub_that_is_captured(azure_lake: Stack) -> None:
    capture = azure_lake.one("EventHub", "pos-protected").props["captureDescription"]
    azure_lake.one("EventHub", "pos-ingress").props["captureDescription"] = capture
    account = azure_lake.one("BlobContainer", "landing-landing").props["accountName"]
    assert (
        f"The landing zone {azure_lake.one('StorageAccount', account[:-8]).name} must be fed from a protected "
        f"stream: {P}-pos-ingress is none.",
        f"EventHub::{P}-pos-ingress",
    ) in {(message, urn) for _, message, urn in azure_lake.findings()}


@pytest.mark.parametrize("container", ["landing", ""])
def test_who_may_put_objects(azure_lake: Stack, container: str) -> None:
    assign(azure_lake, CONTRIBUTOR, container_id(azure_lake, container))
    zone = azure_lake.one("StorageAccount", container_id(azure_lake, "").rpartition("/")[2][:-8]).name
    assert found(azure_lake, "lake-landing-disallow-unprotected") == {
        (
            f"Only {P}-{source}-protected may put objects below {zone}/landing/source={source}/: "
            f"the principal {STRANGER} may too.",
            "RoleAssignment::spy",
        )
        for source in contracts.load().sources
    }


def test_a_capture_that_reaches_more_than_its_prefix(azure_lake: Stack) -> None:
    del azure_lake.one("RoleAssignment", "pos-capture").props["condition"]
    zone = azure_lake.one("StorageAccount", container_id(azure_lake, "").rpartition("/")[2][:-8]).name
    assert found(azure_lake, "lake-landing-disallow-unprotected") == {
        (
            f"Only {P}-{source}-protected may put objects below {zone}/landing/source={source}/: "
            f"the identity {P}-pos-capture may too.",
            f"RoleAssignment::{P}-pos-capture",
        )
        for source in contracts.load().sources
        if source != "pos"
    }


def test_a_transform_that_is_told_of_another_hub(azure_lake: Stack) -> None:
    settings = azure_lake.one("WebApp", "pos-transform").props["siteConfig"]["appSettings"]
    next(one for one in settings if one["name"] == "INGRESS_HUB")["value"] = "elsewhere"
    assert (
        f"The ingress stream {P}-pos-ingress must be read by one transform: none is.",
        f"EventHub::{P}-pos-ingress",
    ) in {(message, urn) for _, message, urn in azure_lake.findings()}


@pytest.mark.parametrize("said", ["internal", None])
def test_a_namespace_is_called_what_its_ingress_hub_is(azure_lake: Stack, said: str | None) -> None:
    part = azure_lake.one("eventhub:Namespace", "pos-streams")
    part.props["tags"] = {**part.props["tags"], "data-classification": said}
    assert found(azure_lake, "lake-stream-configure-classification") == {
        (
            f"The tag data-classification of {part.name} must be restricted, not {said or 'missing'}.",
            f"Namespace::{part.name}",
        )
    }


# --- plaintext ------------------------------------------------------------------------------------------

DECRYPT = "Microsoft.KeyVault/vaults/keys/decrypt/action"
UNWRAP = "Microsoft.KeyVault/vaults/keys/unwrap/action"
GRANT = "Microsoft.Authorization/roleAssignments/write"
ACCESS = "Microsoft.KeyVault/vaults/accessPolicies/write"


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (CRYPTO_USER, f"{DECRYPT}, {UNWRAP}"),
        (ENCRYPTION_USER, UNWRAP),
        (OWNER, f"{GRANT}, {ACCESS}"),
    ],
)
def test_who_can_unwrap_by_a_role(azure_lake: Stack, role: str, may: str) -> None:
    assign(azure_lake, role, key_id(azure_lake))
    policy = "lake-pii-key-disallow-decrypt"
    said = {
        (
            f"Only decryptors may decrypt: {STRANGER} may {may} with the key of personal data {P}-keys-pii-field.",
            "RoleAssignment::spy",
        )
    }
    if role == OWNER:  # whose actions are all that control what holds data, keys among it
        assert {urn for _, urn in found(azure_lake, policy)} == {"RoleAssignment::spy"}
    else:
        assert found(azure_lake, policy) == said
    assert found(azure_lake, policy) != set()
    assert azure_lake.findings({policy: {"decryptors": [STRANGER]}}) == set()


def test_a_transform_never_unwraps(azure_lake: Stack) -> None:
    assignment = azure_lake.one("RoleAssignment", "pos-transform-pii-field")
    assignment.props["roleDefinitionId"] = BUILTIN + ENCRYPTION_USER
    assert found(azure_lake, "lake-pii-key-disallow-decrypt") == {
        (
            f"A transform must never decrypt: {P}-pos-transform may {UNWRAP} with the key of personal data "
            f"{P}-keys-pii-field.",
            f"RoleAssignment::{P}-pos-transform-pii-field",
        )
    }


def test_a_definition_that_unwraps(azure_lake: Stack) -> None:
    azure_lake.one("RoleDefinition", "keys-wrapper").section("permissions.0")["dataActions"].append(UNWRAP)
    assert {urn for _, urn in found(azure_lake, "lake-pii-key-disallow-decrypt")} == {
        f"RoleAssignment::{P}-{source}-transform-{key}"
        for source in contracts.load().sources
        for key in ("pii-field", "pii-quarantine")
    }


def test_the_policies_of_a_vault_count_once_roles_do_not(azure_lake: Stack) -> None:
    vault = next(one for one in azure_lake.all("Vault") if one.props["name"] in key_id(azure_lake))
    entry = {"objectId": STRANGER, "permissions": {"keys": ["get", "unwrapKey"]}}
    vault.props["properties"]["accessPolicies"] = [entry]
    assert azure_lake.findings() == set()
    vault.props["properties"]["enableRbacAuthorization"] = False
    assert found(azure_lake, "lake-pii-key-disallow-decrypt") == {
        (
            f"Only decryptors may decrypt: {STRANGER} may unwrapKey with the key of personal data "
            f"{P}-keys-{key}.",
            f"Vault::{vault.name}",
        )
        for key in ("pii-field", "pii-quarantine")
    }


# --- coverage, residency, sizing ------------------------------------------------------------------------

ALARMS = [
    ("pos-transform-late", "transform", "WebApp", "pos-transform", "it falls behind"),
    ("pos-transform-failing", "transform", "WebApp", "pos-transform", "it fails"),
    ("pos-transform-silent", "transform", "WebApp", "pos-transform", "it does not run"),
    ("pos-transform-quarantined", "transform", "WebApp", "pos-transform", "it refuses what is sent to it"),
    ("pos-streams-throttled", "ingress", "EventHub", "pos-ingress", "it refuses what is sent to it"),
    ("pos-capture-late", "delivery", "EventHub", "pos-protected", "it falls behind"),
]


@pytest.mark.parametrize("how", ["gone", "off", "unheard"])
@pytest.mark.parametrize(("alarm", "policy", "kind", "end", "sign"), ALARMS)
def test_an_alarm_that_nobody_hears(
    azure_lake: Stack, alarm: str, policy: str, kind: str, end: str, sign: str, how: str
) -> None:
    part = next(one for one in azure_lake.parts if one.name.endswith(alarm) and "monitor" in one.type)
    if how == "gone":
        azure_lake.drop(part)
    else:
        part.props |= {"enabled": False} if how == "off" else {"actions": []}
    assert found(azure_lake, f"lake-{policy}-missing-alarm") == {
        (f"No alarm tells of {P}-{end} that {sign}.", f"{kind}::{P}-{end}")
    }


def test_alarms_that_tell_a_group_which_is_off(azure_lake: Stack) -> None:
    azure_lake.one("ActionGroup").props["enabled"] = False
    names = {policy for policy, *_ in azure_lake.findings()}
    assert names == {f"lake-{one}-missing-alarm" for one in ("transform", "ingress", "delivery", "pipe")}


@pytest.mark.parametrize("preview", [False, True])
def test_pipes_without_an_alarm(stack_of: Callable[..., Stack], preview: bool) -> None:
    stack = stack_of("azure-prod", preview=preview)
    stack.drop(stack.one("MetricAlert", "landed-dead-letters"))
    assert only(stack.findings(), "lake-pipe-missing-alarm") == {
        (
            f"No alarm tells of {P}-{source}-warehouse that its channel is silent, or that it fails.",
            f"Pipe::{P}-{source}-warehouse",
        )
        for source in contracts.load().sources
    }


def test_a_pipe_that_is_gone(azure_lake: Stack) -> None:
    azure_lake.drop(azure_lake.one("Pipe", "pos-warehouse"))
    zone = azure_lake.one("StorageAccount", container_id(azure_lake, "").rpartition("/")[2][:-8]).name
    assert found(azure_lake, "lake-landing-missing-pipe") == {
        (f"No pipe loads what lands below {zone}/landing/source=pos/.", f"EventHub::{P}-pos-protected")
    }


@pytest.mark.parametrize(
    "change",
    [
        {"filter": {"subjectBeginsWith": "/blobServices/default/containers/other/"}},
        {"filter": {"includedEventTypes": ["Microsoft.Storage.BlobDeleted"]}},
        {"filter": {"subjectEndsWith": ".csv"}},
        {"systemTopicName": "elsewhere"},
    ],
)
def test_a_zone_that_tells_of_something_else(azure_lake: Stack, change: dict[str, Any]) -> None:
    azure_lake.one("SystemTopicEventSubscription").props.update(change)
    said = {one for one in azure_lake.findings() if one[0] == "lake-pipe-missing-notification"}
    assert {urn for _, urn in only(said, "lake-pipe-missing-notification")} == {
        f"Pipe::{P}-{source}-warehouse" for source in contracts.load().sources
    }


@pytest.mark.parametrize("to", ["elsewhere", ""])
def test_an_integration_that_listens_elsewhere(azure_lake: Stack, to: str) -> None:
    part = azure_lake.one("NotificationIntegration")
    part.props["azureStorageQueuePrimaryUri"] = f"https://{to}.queue.core.windows.net/landed" if to else None
    part.depends.clear()
    assert {policy for policy, *_ in azure_lake.findings()} == {
        "lake-pipe-missing-notification",
        "lake-pipe-missing-alarm",
    }


def test_a_queue_without_dead_letters(azure_lake: Stack) -> None:
    del azure_lake.one("SystemTopicEventSubscription").props["deadLetterWithResourceIdentity"]
    assert found(azure_lake, "lake-queue-missing-dlq") == {
        (f"The queue {P}-landed has no dead letter queue.", f"Queue::{P}-landed")
    }


@pytest.mark.parametrize("change", [{"location": "eastus"}, {"location": "East US"}])
def test_a_resource_in_another_region(azure_lake: Stack, change: dict[str, Any]) -> None:
    part = azure_lake.one("eventhub:Namespace", "pos-streams")
    part.props.update(change)
    assert found(azure_lake, "lake-resource-enforce-residency") == {
        (
            f"{part.name} lies in eastus, or names what does: allowed is westeurope.",
            f"Namespace::{part.name}",
        )
    }


def test_an_account_that_is_copied_to_a_paired_region(azure_lake: Stack) -> None:
    part = azure_lake.all("StorageAccount")[0]
    part.props["sku"] = {"name": "Standard_RAGZRS"}
    policy, pair = "lake-resource-enforce-residency", "the pair of westeurope"
    assert found(azure_lake, policy) == {
        (
            f"{part.name} lies in {pair}, or names what does: allowed is westeurope.",
            f"StorageAccount::{part.name}",
        )
    }
    assert azure_lake.findings({policy: {"regions": ["westeurope", pair]}}) == set()


def test_a_landing_zone_in_production_that_is_not_locked(azure_lake: Stack) -> None:
    zone = azure_lake.one("StorageAccount", container_id(azure_lake, "").rpartition("/")[2][:-8])
    zone.props["immutableStorageWithVersioning"] = {"enabled": False}
    assert found(azure_lake, "lake-landing-enforce-immutability") == {
        (
            f"The landing zone {zone.name} in prod must lock what lands, for a time.",
            f"StorageAccount::{zone.name}",
        ),
        (
            f"The landing zone {zone.name} in prod must deny everybody to delete objects.",
            f"StorageAccount::{zone.name}",
        ),
    }


def test_more_records_than_a_namespace_takes(azure_lake: Stack) -> None:
    policy = "lake-sizing-enforce-quotas"
    assert only(azure_lake.findings({policy: {"megabytesPerSecond": 100}}), policy) == {
        (
            f"It may have to take 200 MB a second: its units take {5 if source == 'crm' else 10}.",
            f"Namespace::{P}-{source}-streams",
        )
        for source in contracts.load().sources
    }
    assert only(azure_lake.findings({policy: {"quotas": {"westeurope": {"accounts": 4}}}}), policy) == {
        ("The stack may need 6 storage accounts: westeurope gives 4.", "")
    }


def test_what_is_not_known_is_held_against_nothing(stack_of: Callable[..., Stack]) -> None:
    stack = stack_of("azure-prod", preview=True)
    spy = assign(stack, RECEIVER, UNKNOWN)
    assert stack.findings() == set()
    spy.depends["scope"] = [stack.one("EventHub", "pos-ingress")]
    assert {urn for _, urn in found(stack, "lake-ingress-disallow-readers")} == {"RoleAssignment::spy"}
