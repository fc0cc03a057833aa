"""What every stage on Azure knows of its stack: where it is, how things are called, what they share."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization, managedidentity, resources

from components import naming
from settings import Settings

INGRESS = "ingress"
PROTECTED = "protected"
TRANSFORM = "transform"
CAPTURE = "capture"
TOKEN_KEY = "token-key"  # noqa: S105 (the name of a function)


@dataclass(frozen=True, kw_only=True)
class Context:
    """A stack's place and names on Azure.

    Parameters
    ----------
    base
        What all names of the stack begin with.
    deployer
        The object id of who deploys.
    group
        The resource group that holds all of the stack.
    """

    base: str
    settings: Settings
    sources: tuple[str, ...]
    tags: Mapping[str, str]
    subscription: str
    tenant: str
    deployer: str
    location: str
    group: resources.ResourceGroup

    @classmethod
    def find(
        cls,
        base: str,
        settings: Settings,
        sources: tuple[str, ...],
        tags: Mapping[str, str],
        parent: pulumi.Resource,
    ) -> "Context":
        """Ask the provider who deploys where, and make the stack's resource group."""
        client = authorization.get_client_config(opts=pulumi.InvokeOptions(parent=parent))
        location = pulumi.Config("azure-native").require("location")
        group = resources.ResourceGroup(
            base,
            resource_group_name=naming.fit(base, naming.GROUP),
            location=location,
            tags=naming.classified(tags, naming.RESTRICTED),
            opts=pulumi.ResourceOptions(parent=parent, protect=settings.protect),
        )
        return cls(
            base=base,
            settings=settings,
            sources=sources,
            tags=tags,
            subscription=client.subscription_id,
            tenant=client.tenant_id,
            deployer=client.object_id,
            location=location,
            group=group,
        )

    def tagged(self, classification: str) -> dict[str, str]:
        """Return the tags of something that holds data of a class."""
        return naming.classified(self.tags, classification)

    def source_name(self, source: str, kind: str) -> str:
        """Return the logical name of a source's part."""
        return f"{self.base}-{source}-{kind}"

    def identity(self, name: str, parent: pulumi.Resource) -> managedidentity.UserAssignedIdentity:
        """Make an identity of one purpose; it may do nothing until a role is assigned to it."""
        return managedidentity.UserAssignedIdentity(
            name,
            resource_name_=naming.fit(name, naming.IDENTITY),
            resource_group_name=self.group.name,
            location=self.location,
            tags=self.tagged(naming.INTERNAL),
            opts=pulumi.ResourceOptions(parent=parent),
        )
