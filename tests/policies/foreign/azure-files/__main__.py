"""Partners drop files, a function reads them and tells a hub."""

import pulumi
from pulumi_azure_native import authorization, eventhub, keyvault, managedidentity, resources, storage, web

tags = {"Project": "files", "Owner": "partners"}
client = authorization.get_client_config()
group = resources.ResourceGroup("files", tags=tags)

drop = storage.StorageAccount(
    "drop",
    resource_group_name=group.name,
    kind=storage.Kind.STORAGE_V2,
    sku={"name": storage.SkuName.STANDARD_ZRS},
    allow_blob_public_access=False,
    allow_shared_key_access=False,
    minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
    tags=tags,
)
storage.BlobContainer("incoming", resource_group_name=group.name, account_name=drop.name)

# As the portal makes one.
legacy = storage.StorageAccount(
    "legacy", resource_group_name=group.name, kind="StorageV2", sku={"name": "Standard_LRS"}
)
storage.BlobContainer(
    "brochures",
    resource_group_name=group.name,
    account_name=legacy.name,
    public_access=storage.PublicAccess.BLOB,
)

hubs = eventhub.Namespace(
    "hubs",
    resource_group_name=group.name,
    sku={"name": "Standard", "tier": "Standard"},
    minimum_tls_version="1.2",
    disable_local_auth=True,
    tags=tags,
)
eventhub.EventHub("dropped", resource_group_name=group.name, namespace_name=hubs.name, partition_count=2)
old_hubs = eventhub.Namespace(
    "old-hubs",
    resource_group_name=group.name,
    sku={"name": "Standard", "tier": "Standard"},
    minimum_tls_version="1.0",
    tags=tags,
)
eventhub.NamespaceAuthorizationRule(
    "partner",
    resource_group_name=group.name,
    namespace_name=old_hubs.name,
    rights=["Listen", "Send", "Manage"],
)
eventhub.NamespaceAuthorizationRule(
    "reader", resource_group_name=group.name, namespace_name=old_hubs.name, rights=["Listen"]
)

keyvault.Vault(
    "keys",
    resource_group_name=group.name,
    properties={
        "tenant_id": client.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        "enable_rbac_authorization": True,
        "enable_purge_protection": True,
    },
    tags=tags,
)
keyvault.Vault(
    "trial-keys",
    resource_group_name=group.name,
    properties={
        "tenant_id": client.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        "access_policies": [],
    },
    tags=tags,
)

identity = managedidentity.UserAssignedIdentity("reader", resource_group_name=group.name, tags=tags)
plan = web.AppServicePlan("plan", resource_group_name=group.name, sku={"name": "Y1"}, tags=tags)
reader = web.WebApp(
    "files-reader",
    resource_group_name=group.name,
    server_farm_id=plan.id,
    kind="functionapp",
    https_only=True,
    site_config={"ftps_state": "Disabled"},
    tags=tags,
)
web.WebAppScmAllowed("files-reader", resource_group_name=group.name, name=reader.name, allow=False)
page = web.WebApp(
    "status-page",
    resource_group_name=group.name,
    server_farm_id=plan.id,
    site_config={"min_tls_version": "1.2"},
    tags=tags,
)
# The old pipeline deploys by name and password.
web.WebAppScmAllowed("status-page", resource_group_name=group.name, name=page.name, allow=True)

roles = "/providers/Microsoft.Authorization/roleDefinitions"
authorization.RoleAssignment(
    "reads",
    principal_id=identity.principal_id,
    principal_type="ServicePrincipal",
    scope=drop.id,
    role_definition_id=f"{roles}/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
)
authorization.RoleAssignment(
    "helps",
    principal_id=identity.principal_id,
    principal_type="ServicePrincipal",
    scope=group.id,
    role_definition_id=f"{roles}/b24988ac-6180-42a0-ab88-20f7382dd24c",
)

pulumi.export("account", drop.name)
