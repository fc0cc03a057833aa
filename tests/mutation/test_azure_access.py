"""Who may do what on Azure: each way in which a right is widened, and no others."""

import pytest

from local.mutation.azure import access, roles
from local.mutation.graph import Graph
from local.standin.state import Resource
from tests.mutation.small import after, named, told
from tests.mutation.small_azure import (
    GROUP,
    IN_SUBSCRIPTION,
    ROLES,
    WRAPS,
    about,
    account,
    app,
    assignment,
    azure,
    container,
    hub,
    identity,
    key,
)


def test_a_role_becomes_the_widest_ones_of_what_it_is_on() -> None:
    who, on = identity("i"), key("landing")
    one = assignment("a", WRAPS, who, on)
    graph = Graph([who, on, one])
    found = [each for each in access.mutants(graph) if each.where == "roleDefinitionId"]
    assert {each.what for each in found} == {
        "Owner",
        "Contributor",
        "Key Vault Administrator",
        "Key Vault Crypto User",
    }
    now = after(graph, named(found, "Owner"), one)
    assert now["roleDefinitionId"] == f"{ROLES}/{roles.OWNER}"
    assert now["scope"] == one.inputs["scope"]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (f"{GROUP}/providers/Microsoft.EventHub/namespaces/n/eventhubs/h", {"Event Hubs Data Owner"}),
        (f"{GROUP}/providers/Microsoft.KeyVault/vaults/v", {"Key Vault Administrator", "Key Vault Secrets Officer"}),
        (f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a/blobServices/default/containers/c",
         {"Storage Blob Data Owner"}),
        (f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a/queueServices/default/queues/q",
         {"Storage Queue Data Contributor"}),
        (f"{GROUP}/providers/Microsoft.Insights/components/c", set()),
    ],
)  # fmt: skip
def test_the_roles_that_allow_most(scope: str, expected: set[str]) -> None:
    assert roles.above(scope).keys() == {"Owner", "Contributor", *expected}


def test_a_scope_is_widened_step_by_step() -> None:
    stored = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a"
    assert roles.wider(f"{stored}/blobServices/default/containers/c") == {
        "storageAccounts": stored,
        "the resource group": GROUP,
        "the subscription": IN_SUBSCRIPTION,
    }
    assert roles.wider(stored).keys() == {"the resource group", "the subscription"}
    assert roles.wider(GROUP) == {"the subscription": IN_SUBSCRIPTION}
    assert roles.wider(IN_SUBSCRIPTION) == {}


def test_an_assignment_on_more_points_to_what_it_is_on() -> None:
    who, stored = identity("i"), account("a")
    inside = container("c", stored)
    one = assignment("a", WRAPS, who, inside)
    graph = Graph([who, stored, inside, one])
    changed = named(access.mutants(graph), "widened to storageAccounts").change.changed[one.urn]
    assert changed.inputs["scope"] == stored.id
    assert changed.property_dependencies == {"principalId": [who.urn], "scope": [stored.urn]}


def test_a_right_is_given_to_each_app_that_lacks_it_and_to_somebody_else() -> None:
    mine, others, service = identity("mine"), identity("others"), identity("service")
    on = key("landing")
    one, same = assignment("a", WRAPS, mine, on), assignment("b", WRAPS, service, on)
    graph = Graph([mine, others, service, on, one, same, app("x", mine), app("y", others)])
    found = [each for each in access.mutants(graph) if each.where == "beside it" and each.resource is one]
    # The service's identity acts for no code of ours, and who has the right already gets nothing.
    assert {each.what for each in found} == {"others may too", "somebody else may too"}
    assert {each.kind for each in found} == {"access"}
    second = graph.apply(named(found, "others may too").change).resources[f"{one.urn}-others"]
    assert second.inputs["principalId"] == others.outputs["principalId"]
    assert second.inputs["scope"] == on.id
    assert second.inputs["roleAssignmentName"] != one.inputs["roleAssignmentName"]
    assert second.property_dependencies == {"principalId": [others.urn], "scope": [on.urn]}


def test_who_may_read_what_comes_in_or_write_what_lands_is_a_matter_of_flow() -> None:
    who, stored = identity("i"), account("a")
    landing, other = container("landing", stored), container("other", stored)
    ingress, protected = hub("ingress", "n"), hub("protected", "n", landing, stored)
    given = [
        assignment("reads", roles.EVENT_HUBS_DATA_RECEIVER, who, ingress),
        assignment("writes", roles.BLOB_DATA_OWNER, who, landing),
        assignment("else", roles.BLOB_DATA_OWNER, who, other),
    ]
    found = access.mutants(Graph([who, stored, landing, other, ingress, protected, *given]))
    kinds = {one.resource.name: one.kind for one in found if one.what == "somebody else may too"}
    assert kinds == {"reads": "flow", "writes": "flow", "else": "access"}


def definition(*actions: str) -> Resource:
    permissions = [{"actions": [], "dataActions": list(actions)}]
    inputs = {"permissions": permissions, "assignableScopes": [GROUP], "scope": GROUP}
    return azure("authorization:RoleDefinition", "d", inputs)


def test_a_role_of_ours_allows_more() -> None:
    wraps = definition("Microsoft.KeyVault/vaults/keys/wrap/action")
    found = list(access.mutants(Graph([wraps])))
    assert told(found) == {
        ("permissions[0].actions", "*"),
        ("permissions[0].dataActions", "*"),
        ("permissions[0].dataActions", "Microsoft.KeyVault/*"),
        ("permissions[0].dataActions", "Microsoft.KeyVault/vaults/keys/*"),
        ("permissions[0].dataActions", "Microsoft.KeyVault/vaults/keys/unwrap/action"),
        ("permissions[0].dataActions", "Microsoft.KeyVault/vaults/keys/decrypt/action"),
        ("assignableScopes[0]", "widened to the subscription"),
    }
    unwraps = after(Graph([wraps]), named(found, roles.UNLOCKING[0]), wraps)["permissions"][0]
    assert unwraps["dataActions"] == ["Microsoft.KeyVault/vaults/keys/wrap/action", roles.UNLOCKING[0]]


def test_a_role_without_keys_is_given_none_to_unlock() -> None:
    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    found = {one.what for one in access.mutants(Graph([definition(f"{blobs}/write")]))}
    assert found == {"*", "Microsoft.Storage/*", f"{blobs}/*", "widened to the subscription"}


def test_an_app_acts_as_each_identity_that_it_is_not() -> None:
    mine, other = identity("mine"), identity("other")
    one = app("x", mine)
    found = about(access.mutants(Graph([mine, other, one])), one)
    assert told(found) == {("identity.userAssignedIdentities", "also other")}
    changed = found[0].change.changed[one.urn]
    assert changed.inputs["identity"]["userAssignedIdentities"] == [mine.id, other.id]
    # Azure tells them as a mapping, with what each is to others.
    now = changed.outputs["identity"]["userAssignedIdentities"]
    assert now[other.id]["principalId"] == other.outputs["principalId"]
    assert now.keys() == {mine.id, other.id}
    assert one.outputs["identity"]["userAssignedIdentities"].keys() == {mine.id}


def test_the_keys_of_personal_data_are_opened_to_each_identity() -> None:
    who, pii, other = identity("i"), key("pii-field"), key("landing")
    vault = azure("keyvault:Vault", "v", {"vaultName": "v"}, "Microsoft.KeyVault/vaults/v")
    graph = Graph([who, pii, other, vault, assignment("a", WRAPS, who, other)])
    found = list(access.mutants(graph))
    assert told(about(found, pii)) == {
        ("beside it", "i may unwrap"),
        ("beside it", "somebody else may unwrap"),
    }
    assert told(about(found, vault)) == {("beside it", "somebody else may do all")}
    assert not about(found, other)
    (second,) = named(found, "i may unwrap").change.changed.values()
    assert second.inputs["roleDefinitionId"] == f"{ROLES}/{roles.CRYPTO_USER}"
    assert second.inputs["scope"] == pii.id
    assert second.property_dependencies == {
        "principalId": [who.urn],
        "scope": [pii.urn],
        "roleDefinitionId": [],
    }
