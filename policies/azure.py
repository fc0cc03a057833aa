"""All that is asked of Azure's resources."""

from policies import azure_access, azure_eventhub, azure_keyvault, azure_logs, azure_storage, azure_web

POLICIES = (
    *azure_eventhub.POLICIES,
    *azure_storage.POLICIES,
    *azure_keyvault.POLICIES,
    *azure_access.POLICIES,
    *azure_web.POLICIES,
    *azure_logs.POLICIES,
)
