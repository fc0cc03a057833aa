"""The graph of the stack on Azure: what feeds what, how it is kept, and who may do what to it."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import contracts
from components.azure import roles
from local.standin import run_in_process
from local.standin.adapter import REGISTRY
from local.standin.azure.client import DEPLOYER, SUBSCRIPTION, TENANT
from local.standin.schema import resource_type
from local.standin.state import Resource
from tests.program.graph import Graph

ROOT = Path(__file__).resolve().parents[2]
READER, LISTENER = "aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002"
SMALL = {"streamTier": "standard", "plan": "B1", "instances": 1, "redundancy": "LRS"}
PROD = {
    "retaillake:environment": "prod",
    "retaillake:experimental": '["azure"]',
    "retaillake:protect": "true",
    "retaillake:landing": json.dumps({"lockMode": "compliance", "lockDays": 30, "expiryDays": 3650}),
    "retaillake:azure": json.dumps({"warehouseReader": READER, "warehouseListener": LISTENER}),
    "retaillake:alarms": json.dumps({"email": "oncall@example.com", "lateMinutes": 10}),
}


@pytest.fixture
def azure(graph_of: Callable[[str], Graph]) -> Graph:
    """The shipped stack: phase one."""
    return graph_of("azure")


@pytest.fixture(scope="module")
def prod(graph_of: Callable[[str], Graph], tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """The same as production has it, with the warehouse trusted: phase two."""
    graph_of("azure")
    with pytest.MonkeyPatch.context() as patch:
        from components.aws.package import Package

        package = tmp_path_factory.mktemp("azure") / "functions.zip"
        package.write_bytes(b"PK\x05\x06" + bytes(18))
        patch.setattr(Package, "path", package)
        return Graph(run_in_process(ROOT, "azure", config=PROD))


def principal(graph: Graph, end: str) -> str:
    return graph.named("UserAssignedIdentity", end).outputs["principalId"]


def may(graph: Graph, who: str) -> set[tuple[str, str]]:
    """What a principal may do, as (role, the end of what it is on)."""
    names = {value: name for name, value in vars(roles).items() if isinstance(value, str) and name.isupper()}
    own = {one.id: one.name.removeprefix(f"{graph.base}-") for one in graph.of("RoleDefinition")}
    found = set()
    for one in graph.of("RoleAssignment"):
        if one.inputs["principalId"] == who:
            role = one.inputs["roleDefinitionId"]
            scope = one.inputs["scope"].partition("/providers/Microsoft.")[2]
            found.add((own.get(role) or names[role.rpartition("/")[2]], re.sub(r"[0-9a-f]{16}", "", scope)))
    return found


# --- no plaintext at rest is a property of the graph ----------------------------------------------------


def test_the_landing_zone_is_fed_from_protected_hubs_only(azure: Graph) -> None:
    landing = next(
        one
        for one in azure.of("StorageAccount")
        if one.inputs["accountName"] == azure.run.outputs["landing"]["bucket"]
    )
    for hub in azure.of("EventHub"):
        capture = hub.inputs.get("captureDescription")
        assert (capture is not None) == hub.name.endswith("-protected")
        if capture:
            source = hub.name.removesuffix("-protected").removeprefix(f"{azure.base}-")
            assert capture["enabled"] is True
            assert capture["skipEmptyArchives"] is True
            assert capture["encoding"] == "Avro"
            target = capture["destination"]
            assert target["storageAccountResourceId"] == landing.id
            assert target["blobContainer"] == "landing"
            assert target["archiveNameFormat"].startswith(
                f"source={source}/dt={{Year}}-{{Month}}-{{Day}}/hr="
            )
            identity = azure.named("UserAssignedIdentity", f"-{source}-capture").id
            assert target["identity"] == {"type": "UserAssigned", "userAssignedIdentity": identity}
            # Capture can act only as what its namespace is.
            (space,) = [
                one
                for one in azure.of("eventhub:Namespace")
                if one.inputs["namespaceName"] == hub.inputs["namespaceName"]
            ]
            assert identity in space.inputs["identity"]["userAssignedIdentities"]


def test_ingress_is_read_by_its_transform_and_protected_written_by_it_and_by_nobody_else(
    azure: Graph,
) -> None:
    for source in azure.sources:
        transform = principal(azure, f"-{source}-transform")
        for end, role in (
            ("ingress", roles.EVENT_HUBS_DATA_RECEIVER),
            ("protected", roles.EVENT_HUBS_DATA_SENDER),
        ):
            hub = azure.named("EventHub", f"-{source}-{end}").id
            (only,) = [
                one for one in azure.of("RoleAssignment") if one.inputs["scope"].lower() == hub.lower()
            ]
            assert only.inputs["principalId"] == transform
            assert only.inputs["roleDefinitionId"].endswith(role)
    # Nobody has a role on a namespace, on an account, on the group or on the subscription but where it says so.
    wide = {
        re.sub(r".*/", "", one.inputs["scope"].rpartition("/providers/")[2].rsplit("/", 1)[0])
        for one in azure.of("RoleAssignment")
    }
    assert wide == {"eventhubs", "containers", "queues", "keys", "vaults", "storageAccounts", "components"}
    accounts = [
        one for one in azure.of("RoleAssignment") if re.search(r"/storageAccounts/\w+$", one.inputs["scope"])
    ]
    assert all(one.name.endswith("-host") for one in accounts), (
        "an app owns its own host's account, and no other"
    )


def test_the_transform_may_wrap_and_nothing_else_with_the_keys_of_personal_data(azure: Graph) -> None:
    (wrapper,) = [one for one in azure.of("RoleDefinition") if one.name.endswith("-wrapper")]
    assert wrapper.inputs["permissions"] == [
        {
            "actions": [],
            "notActions": [],
            "dataActions": ["Microsoft.KeyVault/vaults/keys/wrap/action"],
            "notDataActions": [],
        }
    ]
    transforms = {principal(azure, f"-{source}-transform") for source in azure.sources}
    for key in ("pii-field", "pii-quarantine"):
        scope = azure.named("Key", f"-{key}").id
        users = [one.inputs for one in azure.of("RoleAssignment") if one.inputs["scope"] == scope]
        assert {one["principalId"] for one in users} == transforms
        assert {one["roleDefinitionId"] for one in users} == {wrapper.id}


def test_everyone_may_do_what_it_is_for(azure: Graph) -> None:
    """Whole lists: what is not here is not allowed."""
    for source in azure.sources:
        space = f"EventHub/namespaces/{azure.base}-{source}-streams"
        found = {
            (role, re.sub(r"streams[0-9a-f]{8}", "streams", scope))
            for role, scope in may(azure, principal(azure, f"-{source}-transform"))
        }
        hubs = {(role, scope) for role, scope in found if scope.startswith("EventHub")}
        assert hubs == {
            ("EVENT_HUBS_DATA_RECEIVER", f"{space}/eventhubs/ingress"),
            ("EVENT_HUBS_DATA_SENDER", f"{space}/eventhubs/protected"),
        }
        rest = Counter(
            (
                role,
                scope.rpartition("/")[2]
                if "/keys/" in scope or "containers" in scope
                else scope.split("/")[0],
            )
            for role, scope in found - hubs
        )
        assert rest == Counter(
            {
                ("SECRETS_USER", "KeyVault"): 1,
                ("keys-wrapper", "pii-field"): 1,
                ("keys-wrapper", "pii-quarantine"): 1,
                ("writer", "oversize"): 1,
                ("BLOB_DATA_OWNER", "Storage"): 1,
                ("BLOB_DATA_READER", "packages"): 1,
                ("MONITORING_METRICS_PUBLISHER", "Insights"): 1,
            }
        )
        capture = may(azure, principal(azure, f"-{source}-capture"))
        assert {(role, scope.rpartition("/")[2]) for role, scope in capture} == {
            ("BLOB_DATA_CONTRIBUTOR", "landing")
        }
    assert {(role, scope.rpartition("/")[2]) for role, scope in may(azure, DEPLOYER)} == {
        ("BLOB_DATA_CONTRIBUTOR", "packages")
    }
    assert {(role, scope.rpartition("/")[2]) for role, scope in may(azure, principal(azure, "-landed"))} == {
        ("QUEUE_DATA_MESSAGE_SENDER", "landed"),
        ("BLOB_DATA_CONTRIBUTOR", "dead-letters"),
    }
    maker = {role for role, _ in may(azure, principal(azure, "-token-key"))}
    assert maker == {"token-key-maker", "BLOB_DATA_OWNER", "BLOB_DATA_READER", "MONITORING_METRICS_PUBLISHER"}


def test_only_encrypters_and_transforms_reach_the_vault_of_keys(azure: Graph) -> None:
    vault = next(one for one in azure.of("Vault") if one.id in azure.named("Key", "-landing").id)
    reach = {
        one.inputs["principalId"]
        for one in azure.of("RoleAssignment")
        if one.inputs["scope"].startswith(vault.id)
    }
    names = {
        one.name.removeprefix(f"{azure.base}-")
        for one in azure.of("UserAssignedIdentity")
        if one.outputs["principalId"] in reach
    }
    assert {name for name in names if not name.endswith("-encrypter")} == {
        f"{s}-transform" for s in azure.sources
    }
    for name in names:
        if name.endswith("-encrypter"):
            ((role, scope),) = may(azure, principal(azure, f"-{name}"))
            assert role == "CRYPTO_SERVICE_ENCRYPTION_USER"
            assert scope.rpartition("/")[2] in {"landing", "operations"}


# --- how it is kept -------------------------------------------------------------------------------------


def test_accounts_are_closed_and_encrypted(azure: Graph, prod: Graph) -> None:
    for graph in (azure, prod):
        for one in graph.of("StorageAccount"):
            given = one.inputs
            assert given["kind"] == "StorageV2"
            assert given["allowBlobPublicAccess"] is False
            assert given["allowSharedKeyAccess"] is False
            assert given["allowCrossTenantReplication"] is False
            assert given["enableHttpsTrafficOnly"] is True
            assert given["minimumTlsVersion"] == "TLS1_2"
            assert given["isHnsEnabled"] is given["isSftpEnabled"] is given["isLocalUserEnabled"] is False
            encryption = given["encryption"]
            assert encryption["keySource"] == "Microsoft.Keyvault"
            assert "keyVersion" not in encryption["keyVaultProperties"]  # so that a rotated key is taken
            assert given["identity"]["userAssignedIdentities"] == [
                encryption["encryptionIdentity"]["encryptionUserAssignedIdentity"]
            ]
            assert {kind["keyType"] for kind in encryption["services"].values()} == {"Account"}
        assert {one.inputs["publicAccess"] for one in graph.of("BlobContainer")} == {"None"}
        keys = {
            one.inputs["encryption"]["keyVaultProperties"]["keyName"] for one in graph.of("StorageAccount")
        }
        assert keys == {"landing", "operations"}


def test_the_landing_account_keeps_versions_and_locks_them(azure: Graph, prod: Graph) -> None:
    def landing(graph: Graph) -> Resource:
        name = graph.run.outputs["landing"]["bucket"]
        return next(one for one in graph.of("StorageAccount") if one.inputs["accountName"] == name)

    assert landing(prod).inputs["immutableStorageWithVersioning"] == {
        "enabled": True,
        "immutabilityPolicy": {
            "state": "Locked",
            "immutabilityPeriodSinceCreationInDays": 30,
            "allowProtectedAppendWrites": False,
        },
    }
    assert "immutableStorageWithVersioning" not in landing(azure).inputs  # the stack may be thrown away
    for graph in (azure, prod):
        versioned = [one for one in graph.of("BlobServiceProperties") if one.inputs["isVersioningEnabled"]]
        assert [one.inputs["accountName"] for one in versioned] == [landing(graph).inputs["accountName"]]
        (policy,) = graph.of("ManagementPolicy")
        assert policy.inputs["accountName"] == landing(graph).inputs["accountName"]
    (lock,) = prod.of("ManagementLockByScope")
    assert lock.inputs["level"] == "CanNotDelete"
    assert lock.inputs["scope"] == landing(prod).id
    assert not [one for one in azure.custom if one.type.endswith(":ManagementLockByScope")]


def test_vaults_cannot_be_emptied_and_are_opened_by_roles(azure: Graph) -> None:
    assert len(azure.of("Vault")) == 2
    for one in azure.of("Vault"):
        given = one.inputs["properties"]
        assert given["enablePurgeProtection"] is given["enableSoftDelete"] is True
        assert given["enableRbacAuthorization"] is True
        assert "accessPolicies" not in given
        assert given["tenantId"] == TENANT
        assert given["sku"] == {"family": "A", "name": "premium"}
    for one in azure.of("Key"):
        given = one.inputs["properties"]
        assert given["kty"] == "RSA-HSM"
        assert given["keySize"] >= 3072
        assert given["rotationPolicy"]["lifetimeActions"]


def test_hubs_take_identities_only_and_in_production_a_key_of_ours_encrypts_them(
    azure: Graph, prod: Graph
) -> None:
    for graph in (azure, prod):
        for one in graph.of("eventhub:Namespace"):
            assert one.inputs["disableLocalAuth"] is True
            assert one.inputs["minimumTlsVersion"] == "1.2"
        for one in graph.of("EventHub"):
            assert one.inputs["retentionDescription"] == {
                "cleanupPolicy": "Delete",
                "retentionTimeInHours": 168,
            }
    assert {one.inputs["sku"]["name"] for one in azure.of("eventhub:Namespace")} == {"Standard"}
    for one in prod.of("eventhub:Namespace"):
        assert one.inputs["sku"] == {"name": "Premium", "tier": "Premium", "capacity": 1}
        encryption = one.inputs["encryption"]
        assert encryption["keySource"] == "Microsoft.KeyVault"
        (key,) = encryption["keyVaultProperties"]
        assert key["keyName"] == "operations"
        assert key["identity"]["userAssignedIdentity"] in one.inputs["identity"]["userAssignedIdentities"]


def test_functions_hold_no_secret_and_take_nobody_in(azure: Graph) -> None:
    for app in azure.of("WebApp"):
        given, site = app.inputs, app.inputs["siteConfig"]
        assert given["httpsOnly"] is True
        assert given["publicNetworkAccess"] == "Disabled"
        assert site["ftpsState"] == "Disabled"
        assert site["minTlsVersion"] == site["scmMinTlsVersion"] == "1.2"
        settings = {one["name"]: one["value"] for one in site["appSettings"]}
        (identity,) = given["identity"]["userAssignedIdentities"]
        assert settings["WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID"] == identity
        assert settings["WEBSITE_RUN_FROM_PACKAGE"] == azure.of("Blob")[0].outputs["url"]
        assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
        assert "AzureWebJobsStorage" not in settings
        said = json.dumps(settings)
        assert not re.search(r"AccountKey|SharedAccessKey|sig=|Password", said, re.IGNORECASE)
        closed = {
            one.type.rpartition(":")[2]
            for one in azure.custom
            if one.inputs.get("name") == given["name"] and one.inputs.get("allow") is False
        }
        assert closed == {"WebAppFtpAllowed", "WebAppScmAllowed"}


def test_what_the_transform_is_told_is_what_its_handler_asks_for(azure: Graph) -> None:
    from functions.transform.azure_handler import Settings

    for source in azure.sources:
        app = next(one for one in azure.of("WebApp") if f"-{source}-transform" in one.name)
        settings = {one["name"]: one["value"] for one in app.inputs["siteConfig"]["appSettings"]}
        read = Settings.read(settings)
        assert read.source == source
        assert read.protected_hub == "protected"
        assert read.pii_field_key.endswith(".vault.azure.net/keys/pii-field")
        assert read.pii_quarantine_key.endswith("/keys/pii-quarantine")
        assert settings["FUNCTION"] == "transform"
        assert settings["INGRESS__fullyQualifiedNamespace"] == read.protected_namespace
        assert settings["INGRESS_HUB"] == "ingress"


# --- the warehouse --------------------------------------------------------------------------------------


def test_one_queue_and_one_integration_hear_of_delivered_objects_only(azure: Graph, prod: Graph) -> None:
    for graph in (azure, prod):
        (queue,), (integration,) = graph.of("Queue"), graph.of("NotificationIntegration")
        uri = integration.inputs["azureStorageQueuePrimaryUri"]
        assert uri == f"https://{queue.inputs['accountName']}.queue.core.windows.net/landed"
        assert integration.inputs["azureTenantId"] == TENANT
        (told,) = graph.of("SystemTopicEventSubscription")
        assert told.inputs["filter"] == {
            "includedEventTypes": ["Microsoft.Storage.BlobCreated"],
            "subjectBeginsWith": "/blobServices/default/containers/landing/",
        }
        delivered = told.inputs["deliveryWithResourceIdentity"]["destination"]
        assert delivered["resourceId"].endswith(queue.inputs["accountName"])
        dead = told.inputs["deadLetterWithResourceIdentity"]["deadLetterDestination"]
        assert dead["blobContainerName"] == "dead-letters"
        assert graph.of("SystemTopic")[0].inputs["source"].endswith(graph.run.outputs["landing"]["bucket"])


def test_there_are_no_pipes_before_somebody_has_consented(azure: Graph) -> None:
    assert not [one for one in azure.custom if one.type.endswith(":Pipe")]
    consents = azure.run.outputs["consents"]
    assert TENANT in consents["storage"]["consent"]
    assert "phase two" in consents["pipes"]


def test_the_trusted_warehouse_reads_one_container_and_one_queue(prod: Graph) -> None:
    assert {(role, scope.rpartition("/")[2]) for role, scope in may(prod, READER)} == {
        ("BLOB_DATA_READER", "landing")
    }
    assert {(role, scope.rpartition("/")[2]) for role, scope in may(prod, LISTENER)} == {
        ("QUEUE_DATA_CONTRIBUTOR", "landed")
    }
    integration = prod.of("NotificationIntegration")[0].inputs["name"]
    pipes = prod.of("Pipe")
    assert len(pipes) == len(prod.sources)
    for pipe in pipes:
        assert pipe.inputs["integration"] == integration
        assert "awsSnsTopicArn" not in pipe.inputs
        assert pipe.inputs["autoIngest"] is True
        assert "PARSE_JSON(HEX_DECODE_STRING($1:Body::VARCHAR))" in pipe.inputs["copyStatement"]
    stage = prod.of("StageExternalAzure")[0]
    assert stage.inputs["url"] == prod.run.outputs["landing"]["url"]
    assert re.fullmatch(r"azure://[a-z0-9]{3,24}\.blob\.core\.windows\.net/landing/", stage.inputs["url"])
    storage = prod.of("StorageIntegrationAzure")[0].inputs
    assert storage["storageAllowedLocations"] == [stage.inputs["url"]]
    assert prod.of("FileFormatAvro")[0].inputs["name"] in stage.inputs["fileFormat"]["formatName"]
    assert prod.named("RoleAssignment", "-warehouse-reader").urn in stage.dependencies


# --- what holds for everything --------------------------------------------------------------------------


def test_all_that_takes_tags_has_the_stack_s_tags(azure: Graph) -> None:
    wanted = {"project", "stack", "environment", "owner", "cost-centre", "data-classification"}
    taggable = [
        one
        for one in azure.custom
        if one.type.startswith("azure-native:") and "tags" in resource_type(one.type).inputs.properties
    ]
    assert len({one.type for one in taggable}) >= 13
    for one in taggable:
        assert wanted <= set(one.inputs.get("tags", {})), one.urn
    classes = {
        one.name.rpartition("-")[2]: one.inputs["tags"]["data-classification"] for one in azure.of("Key")
    }
    assert classes == {
        "field": "restricted",
        "quarantine": "restricted",
        "landing": "confidential",
        "operations": "restricted",
    }


def test_logs_of_all_that_holds_data_go_to_one_workspace(azure: Graph) -> None:
    workspace = azure.of("Workspace")[0].id
    watched = {one.inputs["resourceUri"] for one in azure.of("DiagnosticSetting")}
    assert {one.inputs["workspaceId"] for one in azure.of("DiagnosticSetting")} == {workspace}
    assert {one.inputs["logs"][0]["categoryGroup"] for one in azure.of("DiagnosticSetting")} == {"allLogs"}
    for kind in ("Vault", "eventhub:Namespace", "WebApp", "SystemTopic"):
        assert {one.id for one in azure.of(kind)} <= watched, kind
    for account in azure.of("StorageAccount"):
        assert {f"{account.id}/blobServices/default", f"{account.id}/queueServices/default"} <= watched


def test_alarms_watch_every_source_and_reach_people(prod: Graph) -> None:
    (people,) = prod.of("ActionGroup")
    assert [one["emailAddress"] for one in people.inputs["emailReceivers"]] == ["oncall@example.com"]
    for one in prod.of("MetricAlert"):
        assert one.inputs["actions"] == [{"actionGroupId": people.id}]
    for one in prod.of("ScheduledQueryRule"):
        assert one.inputs["actions"] == {"actionGroups": [people.id]}
    for source in prod.sources:
        alarms = [
            one
            for kind in ("MetricAlert", "ScheduledQueryRule")
            for one in prod.of(kind)
            if f"-{source}-" in one.name
        ]
        assert {one.name.removeprefix(f"{prod.base}-{source}-") for one in alarms} == {
            "capture-late", "streams-throttled", "transform-failing", "transform-late",
            "transform-quarantined", "transform-silent",
        }  # fmt: skip
        late = next(one for one in alarms if one.name.endswith("transform-late"))
        assert "> 600" in late.inputs["criteria"]["allOf"][0]["query"]


def test_names_come_from_the_parents_and_everything_lies_in_one_group_and_region(azure: Graph) -> None:
    urns = {one.urn: one for one in azure.run.resources}
    group = azure.of("ResourceGroup")[0].inputs["resourceGroupName"]
    for one in azure.custom:
        if one.type.startswith("azure-native:"):
            assert urns[one.parent].type.startswith("retaillake:"), one.urn
            assert one.inputs.get("resourceGroupName", group) == group, one.urn
            assert one.inputs.get("location", "westeurope") in {"westeurope", "Global"}, one.urn
            assert one.id.startswith(f"/subscriptions/{SUBSCRIPTION}/"), one.urn
    ids = Counter(one.id.lower() for one in azure.custom if one.type.startswith("azure-native:"))
    assert [one for one, times in ids.items() if times > 1] == []


def test_a_capture_reaches_its_own_prefix_alone(azure: Graph) -> None:
    for source in contracts.load().sources:
        inputs = azure.named("RoleAssignment", f"-{source}-capture").inputs
        assert inputs["conditionVersion"] == "2.0"
        condition = inputs["condition"]
        for done in ("read", "write", "add/action", "delete"):
            assert (
                f"!(ActionMatches{{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/{done}'}})"
                in condition
            )
        assert condition.endswith(f"blobs:path] StringLike 'source={source}/*'))")


def test_what_cannot_be_made_again_is_protected_in_production(azure: Graph, prod: Graph) -> None:
    protected = {one.type.rpartition(":")[2] for one in prod.custom if one.protect}
    assert protected == {
        "BlobContainer",
        "Database",
        "EventHub",
        "Key",
        "Namespace",
        "Pipe",
        "Queue",
        "ResourceGroup",
        "Schema",
        "StorageAccount",
        "SystemTopic",
        "Table",
        "Vault",
    }
    assert not [one for one in azure.custom if one.protect]


def test_the_stack_has_one_of_each_type_that_is_recorded_only(prod: Graph) -> None:
    recorded = {token for token, what in REGISTRY.items() if what.recorded}
    ours = {token for token in recorded if token.startswith("azure-native:")}
    assert ours == {one.type for one in prod.custom if one.type.startswith("azure-native:")}


def test_a_long_stack_name_still_fits_every_service(project: Path) -> None:
    """The stand-ins refuse a name that its service would refuse, and two that are the same."""
    stack = "Pre-production_of.the-european-region-" + "x" * 40
    (project / f"Pulumi.{stack}.yaml").write_bytes((project / "Pulumi.azure.yaml").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        from components.aws.package import Package

        package = project / "functions.zip"
        package.write_bytes(b"PK\x05\x06" + bytes(18))
        patch.setattr(Package, "path", package)
        run: Any = run_in_process(project, stack)
    assert run.outputs["cloud"] == "azure"
