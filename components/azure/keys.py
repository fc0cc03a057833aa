"""The keys, and who may use each for what: wrapping on the keys of personal data is all that anybody may.

A key of a vault has no encryption context. So what AWS tells apart by a context, purposes, are keys of their
own here, and the source is bound by the associated data of every value (docs/protection.md).
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization, keyvault, managedidentity

from components import naming
from components.azure import roles
from components.azure.context import Context
from components.azure.observe import Observation

PII_FIELD = "pii-field"
PII_QUARANTINE = "pii-quarantine"
LANDING = "landing"
OPERATIONS = "operations"
PURPOSES = (PII_FIELD, PII_QUARANTINE)
EACH = "P1Y"


@dataclass(frozen=True, kw_only=True)
class KeysArgs:
    """The stack, and where what happens to its keys is written."""

    context: Context
    observation: Observation


class Keys(pulumi.ComponentResource):
    """A vault with the stack's keys, in hardware, and the role that wraps and never unwraps."""

    vault: keyvault.Vault
    made: dict[str, keyvault.Key]
    wrapper: authorization.RoleDefinition

    def __init__(self, name: str, args: KeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:azure:Keys", name, {}, opts)
        context = args.context
        self._context = context
        self.vault = vault(name, args, parent=self)
        self.made = {
            PII_FIELD: self._key(name, PII_FIELD, naming.RESTRICTED),
            PII_QUARANTINE: self._key(name, PII_QUARANTINE, naming.RESTRICTED),
            LANDING: self._key(name, LANDING, naming.CONFIDENTIAL),
            OPERATIONS: self._key(name, OPERATIONS, naming.RESTRICTED),
        }
        self.wrapper = roles.definition(
            f"{name}-wrapper",
            context,
            says="Wraps data keys, and unwraps none",
            data_actions=roles.WRAP,
            parent=self,
        )
        self.register_outputs({"vault": self.vault.id})

    def encrypter(
        self, name: str, key: str, parent: pulumi.Resource
    ) -> tuple[managedidentity.UserAssignedIdentity, authorization.RoleAssignment]:
        """Make the identity by which a service encrypts what it keeps with one of the keys."""
        identity = self._context.identity(name, parent)
        assigned = roles.assign(
            name,
            role=roles.builtin(self._context, roles.CRYPTO_SERVICE_ENCRYPTION_USER),
            to=identity.principal_id,
            on=self.made[key].id,
            parent=parent,
        )
        return identity, assigned

    def _key(self, name: str, key: str, classification: str) -> keyvault.Key:
        return keyvault.Key(
            f"{name}-{key}",
            key_name=key,
            vault_name=self.vault.name,
            resource_group_name=self._context.group.name,
            properties={
                "kty": "RSA-HSM",
                "key_size": 3072,
                "key_ops": ["wrapKey", "unwrapKey"],
                "attributes": {"enabled": True},
                # The old versions stay, and what they wrapped says which one it was.
                "rotation_policy": {
                    "lifetime_actions": [
                        {
                            "action": {"type": keyvault.KeyRotationPolicyActionType.ROTATE},
                            "trigger": {"time_after_create": EACH},
                        }
                    ]
                },
            },
            tags=self._context.tagged(classification),
            opts=pulumi.ResourceOptions(parent=self, protect=self._context.settings.protect),
        )


def uri(made: keyvault.Vault) -> pulumi.Output[str]:
    """Return where clients of a vault connect to."""
    return pulumi.Output.concat("https://", made.name, ".vault.azure.net/")


def vault(name: str, args: KeysArgs, *, parent: pulumi.Resource) -> keyvault.Vault:
    """Make a vault that roles open, and that nobody can empty: what is deleted comes back."""
    context = args.context
    made = keyvault.Vault(
        naming.compact(name, naming.VAULT - naming.AUTONAME),
        resource_group_name=context.group.name,
        location=context.location,
        properties={
            "tenant_id": context.tenant,
            "sku": {"family": "A", "name": keyvault.SkuName.PREMIUM},
            "enable_rbac_authorization": True,
            "enable_purge_protection": True,
            "enable_soft_delete": True,
            "soft_delete_retention_in_days": context.settings.keys.deletion_days,
            "enabled_for_deployment": False,
            "enabled_for_disk_encryption": False,
            "enabled_for_template_deployment": False,
        },
        tags=context.tagged(naming.RESTRICTED),
        opts=pulumi.ResourceOptions(parent=parent, protect=context.settings.protect),
    )
    args.observation.logged(name, made.id, parent)
    return made
