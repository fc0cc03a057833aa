"""A function app with its own identity and its own account, on the plan of the stack.

The plan is one of fixed machines: it needs no file share, which no identity opens, and takes its code from a
container by its own identity (decision 13).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_azure_native import managedidentity, storage, web

from components import naming
from components.azure import roles
from components.azure.accounts import Account, AccountArgs
from components.azure.context import Context
from components.azure.keys import OPERATIONS, Keys
from components.azure.observe import Observation
from components.azure.package import AzurePackage

PACKAGES = "packages"


@dataclass(frozen=True, kw_only=True)
class PlanArgs:
    """The zip, and the account that holds it."""

    context: Context
    operations: Account
    package: AzurePackage


class Plan(pulumi.ComponentResource):
    """The machines of a stack's functions, and the code that they run."""

    plan: web.AppServicePlan
    package: storage.Blob
    packages: storage.BlobContainer

    def __init__(self, name: str, args: PlanArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:azure:Plan", name, {}, opts)
        context, azure = args.context, args.context.settings.azure
        options = pulumi.ResourceOptions(parent=self)
        self.plan = web.AppServicePlan(
            name,
            name=naming.fit(name, naming.APP),
            resource_group_name=context.group.name,
            location=context.location,
            kind="linux",
            reserved=True,
            sku={"name": azure.plan, "capacity": azure.instances},
            tags=context.tagged(naming.RESTRICTED),
            opts=options,
        )
        self.packages = args.operations.container(f"{name}-packages", PACKAGES, self)
        # Accounts have no keys: whoever deploys puts the zip there as itself.
        deployer = roles.assign(
            f"{name}-deployer",
            role=roles.builtin(context, roles.BLOB_DATA_CONTRIBUTOR),
            to=context.deployer,
            on=container_id(args.operations.account, PACKAGES),
            parent=self,
            kind=None,
        )
        self.package = storage.Blob(
            f"{name}-package",
            # Its name is that of its content: other code is another blob, and a restart of the apps.
            blob_name=args.package.path.name,
            account_name=args.operations.account.name,
            container_name=self.packages.name,
            resource_group_name=context.group.name,
            type=storage.BlobType.BLOCK,
            content_type="application/zip",
            source=args.package.asset,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[deployer]),
        )
        self.register_outputs({"plan": self.plan.id})


@dataclass(frozen=True, kw_only=True)
class FunctionArgs:
    """Which functions of the zip run, and what they are told.

    Parameters
    ----------
    runs
        Which functions `functions/azure/function_app.py` takes from the zip.
    identity
        As whom they run; what they may do beside running is assigned to it by who makes it.
    """

    context: Context
    plan: Plan
    operations: Account
    keys: Keys
    observation: Observation
    runs: str
    identity: managedidentity.UserAssignedIdentity
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])


class Function(pulumi.ComponentResource):
    """A function app that can do what it is for, and nothing else."""

    app: web.WebApp

    def __init__(
        self,
        name: str,
        args: FunctionArgs,
        needs: tuple[pulumi.Resource, ...],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("retaillake:azure:Function", name, {}, opts)
        context, runs, identity = args.context, args.context.settings.functions, args.identity
        host = Account(
            f"{name}-host",
            AccountArgs(
                context=context,
                keys=args.keys,
                key=OPERATIONS,
                observation=args.observation,
                classification=naming.INTERNAL,
                # Up to where a function has read stands in its host's account.
                protect=context.settings.protect,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        may = (
            ("host", roles.BLOB_DATA_OWNER, host.account.id),
            ("package", roles.BLOB_DATA_READER, container_id(args.operations.account, PACKAGES)),
            ("metrics", roles.MONITORING_METRICS_PUBLISHER, args.observation.insights.id),
        )
        assigned = [
            roles.assign(
                f"{name}-{what}",
                role=roles.builtin(context, role),
                to=identity.principal_id,
                on=on,
                parent=self,
            )
            for what, role, on in may
        ]
        self.app = web.WebApp(
            naming.fit(name, naming.APP - naming.AUTONAME),
            resource_group_name=context.group.name,
            location=context.location,
            kind="functionapp,linux",
            server_farm_id=args.plan.plan.id,
            https_only=True,
            client_affinity_enabled=False,
            public_network_access="Disabled",
            key_vault_reference_identity=identity.id,
            identity={
                "type": web.ManagedServiceIdentityType.USER_ASSIGNED,
                "user_assigned_identities": [identity.id],
            },
            site_config={
                "linux_fx_version": f"Python|{runs.runtime.removeprefix('python')}",
                "always_on": True,
                "ftps_state": "Disabled",
                "min_tls_version": "1.2",
                "scm_min_tls_version": "1.2",
                "http20_enabled": True,
                "app_settings": [
                    {"name": key, "value": value}
                    for key, value in sorted(_settings(args, host, identity).items())
                ],
            },
            tags=context.tagged(naming.INTERNAL),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*assigned, *needs]),
        )
        args.observation.logged(name, self.app.id, self)
        for kind in ("ftp", "scm"):
            made = web.WebAppFtpAllowed if kind == "ftp" else web.WebAppScmAllowed
            made(
                f"{name}-{kind}",
                name=self.app.name,
                allow=False,
                resource_group_name=context.group.name,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"app": self.app.id})


def _settings(
    args: FunctionArgs, host: Account, identity: managedidentity.UserAssignedIdentity
) -> dict[str, pulumi.Input[str]]:
    """Everything is opened by the identity; no setting is a secret."""
    return {
        **args.environment,
        "FUNCTION": args.runs,
        "AZURE_CLIENT_ID": identity.client_id,
        "LOG_LEVEL": args.context.settings.functions.log_level,
        "FUNCTIONS_EXTENSION_VERSION": "~4",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "WEBSITE_RUN_FROM_PACKAGE": args.plan.package.url,
        "WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID": identity.id,
        "APPLICATIONINSIGHTS_CONNECTION_STRING": args.observation.insights.connection_string,
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": pulumi.Output.concat(
            "Authorization=AAD;ClientId=", identity.client_id
        ),
        **connection("AzureWebJobsStorage", "accountName", host.account.name, identity),
    }


def connection(
    name: str, key: str, to: pulumi.Input[str], identity: managedidentity.UserAssignedIdentity
) -> dict[str, pulumi.Input[str]]:
    """Return the settings of a connection that an identity opens."""
    return {
        f"{name}__{key}": to,
        f"{name}__credential": "managedidentity",
        f"{name}__clientId": identity.client_id,
    }


def container_id(account: storage.StorageAccount, container: str) -> pulumi.Output[str]:
    """Return the id of a container, as roles are assigned on it."""
    return pulumi.Output.concat(account.id, f"/blobServices/default/containers/{container}")
