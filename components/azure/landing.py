"""The landing zone: an account of its own, versioned, locked, encrypted, written by named identities only.

A container holds what is delivered and another one what is too large for that. Azure has no statement that
denies deletion to everybody: the lock of each version does it, and a lock on the account.
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization, storage

from components import naming
from components.azure.accounts import Account, AccountArgs
from components.azure.context import Context
from components.azure.keys import LANDING, Keys
from components.azure.observe import Observation
from components.pattern import LANDING_PREFIX, LandingSpec, LandingZone
from settings import Landing

DELIVERED = LANDING_PREFIX.rstrip("/")
OVERSIZE = "oversize"


@dataclass(frozen=True, kw_only=True)
class LandingAccountArgs:
    """How objects are kept, and the keys of the stack."""

    context: Context
    spec: LandingSpec
    keys: Keys
    observation: Observation


class LandingAccount(pulumi.ComponentResource):
    """The account with its two containers."""

    zone: LandingZone
    account: storage.StorageAccount
    containers: dict[str, storage.BlobContainer]

    def __init__(
        self, name: str, args: LandingAccountArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("retaillake:azure:LandingAccount", name, {}, opts)
        context, landing, options = args.context, args.spec.landing, pulumi.ResourceOptions(parent=self)
        made = Account(
            name,
            AccountArgs(
                context=context,
                keys=args.keys,
                key=LANDING,
                observation=args.observation,
                classification=naming.CONFIDENTIAL,
                versioned=True,
                protect=args.spec.protect,
                locked=_lock(landing),
            ),
            options,
        )
        self.account = made.account
        self.containers = {
            container: made.container(f"{name}-{container}", container, self)
            for container in (DELIVERED, OVERSIZE)
        }
        storage.ManagementPolicy(
            name,
            management_policy_name="default",
            account_name=made.account.name,
            resource_group_name=context.group.name,
            policy={"rules": _lifecycle(landing)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(made.ready)),
        )
        if args.spec.protect:
            authorization.ManagementLockByScope(
                name,
                lock_name="landing",
                level="CanNotDelete",
                scope=made.account.id,
                notes="The ground truth: everything else can be built from it",
                opts=options,
            )
        self.zone = LandingZone(
            name=made.account.name,
            id=made.account.id,
            url=pulumi.Output.concat(
                "azure://", made.account.name, ".blob.core.windows.net/", LANDING_PREFIX
            ),
            reader=f"{context.base}-warehouse-reader",
            ready=(*made.ready, *self.containers.values()),
            form="avro",
            tenant=context.tenant,
        )
        self.register_outputs({"account": made.account.name, "url": self.zone.url})


def _lock(landing: Landing) -> storage.AccountImmutabilityPolicyPropertiesArgsDict | None:
    """Governance is a lock that its keepers may still open; compliance is one that nobody may."""
    if landing.lock_mode == "none":
        return None
    return {
        "state": "Locked" if landing.lock_mode == "compliance" else "Unlocked",
        "immutability_period_since_creation_in_days": landing.lock_days,
        "allow_protected_append_writes": False,
    }


def _lifecycle(landing: Landing) -> list[storage.ManagementPolicyRuleArgsDict]:
    actions: storage.ManagementPolicyActionArgsDict = {
        # What was deleted or written twice; what is locked stays for as long as it is.
        "version": {"delete": {"days_after_creation_greater_than": landing.expiry_days or 365}}
    }
    base: storage.ManagementPolicyBaseBlobArgsDict = {}
    if landing.archive_days is not None:
        # Cheaper, and still there at once for a rebuild.
        base["tier_to_cold"] = {"days_after_modification_greater_than": landing.archive_days}
    if landing.expiry_days is not None:
        base["delete"] = {"days_after_modification_greater_than": landing.expiry_days}
    if base:
        actions["base_blob"] = base
    return [
        {
            "name": container,
            "enabled": True,
            "type": "Lifecycle",
            "definition": {
                "filters": {"blob_types": ["blockBlob"], "prefix_match": [f"{container}/"]},
                "actions": actions,
            },
        }
        for container in (DELIVERED, OVERSIZE)
    ]
