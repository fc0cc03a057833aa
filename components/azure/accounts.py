"""Storage accounts: identities only, TLS 1.2, no anonymous reader, and a key of ours."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import storage

from components import naming
from components.azure.context import Context
from components.azure.keys import Keys, uri
from components.azure.observe import Observation

DELETED_DAYS = 14


@dataclass(frozen=True, kw_only=True)
class AccountArgs:
    """What an account is for, and how it keeps what it is given.

    Parameters
    ----------
    key
        Which of the stack's keys encrypts it.
    locked
        For how many days, and how firmly, each version of an object stays as it is; not at all if None.
    """

    context: Context
    keys: Keys
    key: str
    observation: Observation
    classification: str
    versioned: bool = False
    protect: bool = False
    locked: storage.AccountImmutabilityPolicyPropertiesArgsDict | None = None


class Account(pulumi.ComponentResource):
    """A flat general-purpose account: only such a one keeps versions of objects."""

    account: storage.StorageAccount
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: AccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:azure:Account", name, {}, opts)
        context, self._context = args.context, args.context
        encrypter, may_encrypt = args.keys.encrypter(f"{name}-encrypter", args.key, self)
        self.account = storage.StorageAccount(
            naming.compact(name, naming.ACCOUNT - naming.AUTONAME),
            resource_group_name=context.group.name,
            location=context.location,
            kind="StorageV2",
            sku={"name": f"Standard_{context.settings.azure.redundancy}"},
            access_tier=storage.AccessTier.HOT,
            is_hns_enabled=False,
            is_sftp_enabled=False,
            is_local_user_enabled=False,
            allow_blob_public_access=False,
            allow_shared_key_access=False,
            allow_cross_tenant_replication=False,
            default_to_o_auth_authentication=True,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            identity={"type": "UserAssigned", "user_assigned_identities": [encrypter.id]},
            encryption={
                "key_source": "Microsoft.Keyvault",
                "key_vault_properties": {
                    "key_name": args.keys.made[args.key].name,
                    "key_vault_uri": uri(args.keys.vault),
                },
                "encryption_identity": {"encryption_user_assigned_identity": encrypter.id},
                "require_infrastructure_encryption": True,
                "services": {
                    "blob": {"enabled": True, "key_type": "Account"},
                    "file": {"enabled": True, "key_type": "Account"},
                    # Unless it is said when the account is made, the service's own key encrypts these.
                    "queue": {"enabled": True, "key_type": "Account"},
                    "table": {"enabled": True, "key_type": "Account"},
                },
            },
            immutable_storage_with_versioning=(
                {"enabled": True, "immutability_policy": args.locked} if args.locked else None
            ),
            tags=context.tagged(args.classification),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect, depends_on=[may_encrypt]),
        )
        service = storage.BlobServiceProperties(
            name,
            account_name=self.account.name,
            resource_group_name=context.group.name,
            blob_services_name="default",
            is_versioning_enabled=args.versioned,
            delete_retention_policy={"enabled": True, "days": DELETED_DAYS},
            container_delete_retention_policy={"enabled": True, "days": DELETED_DAYS},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.ready = (service,)
        for kind in ("blob", "queue"):
            services = pulumi.Output.concat(self.account.id, f"/{kind}Services/default")
            args.observation.logged(f"{name}-{kind}", services, self)
        self.register_outputs({"account": self.account.id})

    def container(self, name: str, container: str, parent: pulumi.Resource) -> storage.BlobContainer:
        """Make a container that nobody reads without an identity."""
        return storage.BlobContainer(
            name,
            container_name=container,
            account_name=self.account.name,
            resource_group_name=self._context.group.name,
            public_access=storage.PublicAccess.NONE,
            opts=pulumi.ResourceOptions(
                parent=parent, protect=self._context.settings.protect, depends_on=list(self.ready)
            ),
        )
